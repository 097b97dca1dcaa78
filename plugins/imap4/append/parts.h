/* SPDX-License-Identifier: Apache-2.0 */
/* parts.h - CATENATE (RFC 4469): a message put together of texts that are sent and of messages, or
 * parts of them, that are there.
 *
 * The parts are collected first, so that the size is known before the store takes anything: texts
 * into a file without a name, messages as sources that are not read yet.  Then they are one source. */
#ifndef IMAP4_APPEND_PARTS_H
#define IMAP4_APPEND_PARTS_H

#include "session.h"

#define PARTS_MAX 1000

struct parts;

struct parts *parts_new (void);
void parts_free (struct parts **);
/* Is the literal of a TEXT being read, and how much of it is still to come? */
bool parts_in_literal (const struct parts *);
uint64_t parts_literal_left (const struct parts *);

/* Resumed with the reader behind "CATENATE (", until all of it is a source (append_store). */
ptn_status parts_collect (struct session *);

#endif
