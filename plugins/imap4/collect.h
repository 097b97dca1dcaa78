/* SPDX-License-Identifier: Apache-2.0 */
/* collect.h - between the stream and dispatch.c. */
#ifndef IMAP4_COLLECT_H
#define IMAP4_COLLECT_H

#include "session.h"

/* Goes on with the command that arrives; when it is whole, or its literal is for it to take,
 * command_dispatch is called.  PTN_OK: something was done. */
ptn_status collect_command (struct session *);
/* The command is over: its text is gone. */
void collect_end (struct session *);
/* Does this beginning of a command belong to one with COMMAND_STREAMS?  (dispatch.c) */
bool command_streams (const char *text, size_t size);

#endif
