/* SPDX-License-Identifier: Apache-2.0 */
/* ledger.h - what a durable store has acknowledged, kept by a process that is not killed.
 *
 * Each worker does a fixed row of operations, a function of the seed and of their number, in
 * mailboxes of its own.  Its model is what must be there after the first n of them.  The ledger is
 * memory shared with the process that is killed: it says which operation was begun, which was
 * acknowledged, and what UID it got.  After a kill the store must be in the state after the last
 * acknowledged operation, or after the one that was begun behind it: whole, not half. */
#ifndef CONFORMANCE_LEDGER_H
#define CONFORMANCE_LEDGER_H

#include "kit.h"

#define LEDGER_WORKERS 3
#define LEDGER_OPERATIONS 20000

struct ledger { /* in shared memory */
  atomic_int stop;
  struct {
    atomic_uint begun, acknowledged;      /* operations, since the first round */
    atomic_int happened;                  /* after a check: the operation in flight has happened */
    atomic_uint tries[LEDGER_OPERATIONS]; /* lives that have begun it */
    uint32_t uids[LEDGER_OPERATIONS];     /* of the message that an operation made, acknowledged */
    atomic_ullong first, last; /* modseqs of the first mailbox: when it was made, and seen since */
  } workers[LEDGER_WORKERS];
};

struct kept {      /* a message of the model */
  unsigned serial; /* the operation whose text it has */
  uint32_t uid;    /* 0: not known */
  ptn_flag_bits flags;
  unsigned note; /* value of its annotation; 0: none */
};
struct model { /* of one worker */
  unsigned worker;
  unsigned done;    /* operations in it */
  GArray *boxes[2]; /* struct kept, in order of UID */
  bool children[4]; /* mailboxes below the first */
  bool subscribed;
  unsigned rights,
      use;        /* of another account in the first mailbox; its special use, a bit; 0: none */
  uint64_t limit; /* of the account's quota; 0: none was set */
  GArray *gone;   /* uint32_t: known UIDs that left the first mailbox */
  uint32_t has;   /* PTN_STORE_* of the store */
};

void model_init (struct model *, unsigned worker);
void model_free (struct model *);
void model_copy (struct model *to, const struct model *from);
/* Does operation `done` to the model; uid: of the message it made, or 0. */
void model_apply (struct model *, uint32_t uid);
/* Has operation `done` a token?  Then, if it is not known whether it has happened, it is to be
 * repeated, and has happened once. */
bool model_repeats (const struct model *);
/* Does it to the store; *uid as above. */
void model_do (const struct model *, struct fixture *, uint32_t *uid);
/* Has the store what the model says?  NULL, or what differs (g_free).  UIDs that the model does not
 * know are taken over. */
char *model_differs (struct model *, struct fixture *);
/* Is what vanished told, and nothing else?  NULL, or what differs. */
char *model_vanished_differs (const struct model *, struct fixture *, uint64_t since);
const char *model_account (unsigned worker);
/* The text of a message. */
char *model_text (unsigned worker, unsigned serial, size_t *size);
/* Was the operation a delivery, which goes to "all@example.test" too? */
bool model_delivers (unsigned worker, unsigned serial);

#endif
