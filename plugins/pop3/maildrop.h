/* SPDX-License-Identifier: Apache-2.0 */
/* maildrop.h - the messages of an INBOX as one session sees them from login to the end: a
 * snapshot of 12 octets a message (RFC 1939 section 5: numbers and sizes do not change). */
#ifndef POP3_MAILDROP_H
#define POP3_MAILDROP_H

#include "pop3.h"
#include "retention.h"

/* A word a message: its octets as they are sent, and in the upper bits: */
#define MARK_DELETED (UINT64_C (1) << 63)      /* DELE */
#define MARK_UNTERMINATED (UINT64_C (1) << 62) /* a CRLF is added, and counted */
#define MARK_RETRIEVED (UINT64_C (1) << 61)    /* by RETR, in this session */
#define MARK_KNOWN (UINT64_C (1) << 60)        /* has "/pop3/retrieved" already */
#define OCTETS_OF(word) ((word) & (MARK_KNOWN - 1))

/* What was stored, without the CRLF that is added. */
#define STORED_OCTETS(word) (OCTETS_OF (word) - ((word)&MARK_UNTERMINATED ? 2 : 0))

struct maildrop { /* owned by its session, later by the update that outlives it */
  struct pop3 *pop3;
  char *name;       /* the account; locked as long as the maildrop lives, unless it is only read */
  int64_t delay_ns; /* LOGIN-DELAY */
  struct retention retention;
  bool reads;                  /* by a delegate who may look: nothing is deleted, hidden or noted */
  struct ptn_account *account; /* NULL: not open, as nothing is needed of it */
  struct ptn_id inbox;
  uint32_t uidvalidity;
  uint32_t count;
  uint64_t *words; /* count of them; NULL if none */
  uint32_t *uids;  /* behind the words, in the same memory */
};

struct opening; /* the work of opening, gone when it is done */

/* Takes over a lock that was taken for `account`; `reads`: none was taken, as who changes nothing is
 * in nobody's way. */
struct maildrop *maildrop_new (struct pop3 *, const char *account, const struct retention *,
                               int64_t delay_ns, bool reads);
/* Closes the account and gives the lock back. */
void maildrop_free (struct maildrop **);

/* Reads the snapshot and lets expired messages go.  PTN_OK and PTN_PENDING: call again; free
 * the opening after anything else (PTN_END: done), or at any time. */
struct opening *opening_new (struct maildrop *, const struct ptn_identity *borrowed,
                             struct ptn_task *);
ptn_status opening_step (struct opening *);
void opening_free (struct opening **);

/* Messages and octets that are not deleted. */
void maildrop_totals (const struct maildrop *, uint32_t *messages, uint64_t *octets);

#endif
