/* SPDX-License-Identifier: GPL-3.0-or-later */
/* control.h - the store's commands for posternctl.  Each family has a file of its own
 * (control_*.c); control.c offers them to the host.
 *
 * A command that takes long works in turns, so that it never holds a worker for long: its state is
 * in the call, and each turn ends with control_again. */
#ifndef STORAGE_KYOTO_CONTROL_H
#define STORAGE_KYOTO_CONTROL_H

#include "store.h"

/* What a plugin knows of its store without opening it. */
struct control_place {
  const struct ptn_host *host;
  const struct ptn_config *config;
};
const char *control_store_path (const struct control_place *);

/* The store is looked up when a command runs: it is opened after the commands are offered.  So the
 * instance of each is a struct store **; of restore, which runs without one, the place. */
ptn_status control_provide (const struct control_place *, struct store **);

/* For the commands. [task] */
ptn_status control_no_arguments (struct store *, struct ptn_call *, struct ptn_strings arguments);
/* Others first: returns PENDING, and has the task run again. */
ptn_status control_again (struct store *, struct ptn_call *, void (*cancel) (void *state));

extern const struct ptn_control control_verify, control_stats, control_scrub, control_compact,
    control_rebuild, control_backup, control_restore;

#endif
