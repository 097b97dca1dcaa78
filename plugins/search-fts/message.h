/* SPDX-License-Identifier: Apache-2.0 */
/* message.h - the text of one message after the other.
 *
 * A message whose structure the store has kept is read once, in parts; of others the structure is
 * computed first, then they are read again.  An object belongs to one task.  Sources stay the
 * caller's. */
#ifndef SEARCH_FTS_MESSAGE_H
#define SEARCH_FTS_MESSAGE_H

#include "document.h"

struct message;
struct message *message_new (void);
void message_free (struct message **);

/* Begins a message; the digest as the store has it, or NULL.  False: it is none, or not enough: the
 * structure must be computed. */
bool message_begin (struct message *, GBytes *digest);
/* Reads some of the whole message.  PTN_OK: there is more; PTN_END: its structure is known;
 * PTN_PENDING; or what went wrong. */
ptn_status message_structure (struct message *, struct ptn_source *, struct ptn_task *);
/* Begins with its text, of `limit` octets at most.  The octets to be read; size 0: none. */
void message_text_start (struct message *, size_t limit, uint64_t *offset, uint64_t *size);
/* Reads some from a source that begins at *offset.  PTN_OK: there is more; PTN_END; PTN_PENDING;
 * PTN_E_CORRUPT: the structure was wrong, or the octets are. */
ptn_status message_text_more (struct message *, struct ptn_source *, struct ptn_task *);
/* What was gathered; NULL: it is larger than the limit. */
struct document *message_take (struct message *);

#endif
