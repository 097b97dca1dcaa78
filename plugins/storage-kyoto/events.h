/* SPDX-License-Identifier: GPL-3.0-or-later */
/* events.h - what others are told when a batch is durable (abi/postern/event.h): one event for each
 * mailbox that changed.  [committer] */
#ifndef STORAGE_KYOTO_EVENTS_H
#define STORAGE_KYOTO_EVENTS_H

#include "commit.h"

struct events;

/* NULL: the host takes no events. */
struct events *events_new (const struct ptn_host *);
void events_free (struct events **);
void events_reset (struct events *);
void events_begin_unit (struct events *, const struct ptn_task *origin);
void events_abort_unit (struct events *);
void events_note (struct events *, const struct record *);
/* After the batch can be read, before its tasks are woken. */
void events_publish (struct events *, struct shard *);

#endif
