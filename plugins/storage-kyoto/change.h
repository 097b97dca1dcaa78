/* SPDX-License-Identifier: GPL-3.0-or-later */
/* change.h - change sets: steps collected, then committed as one unit (struct ptn_store.begin to
 * end).
 *
 * The steps of one shard are one operation, so one unit.  A copy into another shard (public
 * folders) takes the messages along as new ones; a move's expunge then follows in a second
 * operation, when the first are durable. */
#ifndef STORAGE_KYOTO_CHANGE_H
#define STORAGE_KYOTO_CHANGE_H

#include "account.h"
#include "body.h"
#include "carry.h"
#include "described.h"

ptn_status change_begin (struct ptn_account *, struct ptn_call *, const struct ptn_id *token,
                         struct ptn_change **);
ptn_status change_append (struct ptn_change *, struct ptn_call *, const struct ptn_id *mailbox,
                          const struct ptn_append *);
ptn_status change_copy (struct ptn_change *, struct ptn_call *, const struct ptn_id *from,
                        struct ptn_uid_set, const struct ptn_id *to, int move);
ptn_status change_set_flags (struct ptn_change *, struct ptn_call *, const struct ptn_id *mailbox,
                             struct ptn_uid_set, ptn_flag_mode, ptn_flag_bits,
                             uint64_t unchanged_since);
ptn_status change_expunge (struct ptn_change *, struct ptn_call *, const struct ptn_id *mailbox,
                           struct ptn_uid_set, int only_deleted);
ptn_status change_annotate (struct ptn_change *, struct ptn_call *, const struct ptn_id *mailbox,
                            struct ptn_uid_set, const char *name, struct ptn_bytes value);
ptn_status change_commit (struct ptn_change *, struct ptn_call *);
ptn_status change_outcome (struct ptn_change *, uint32_t step, const struct ptn_outcome **);
void change_end (struct ptn_change *);

/* For change.c and steps.c. */
enum step_kind { STEP_APPEND, STEP_COPY, STEP_FLAGS, STEP_EXPUNGE, STEP_ANNOTATE };

struct loaded { /* a message on its way into another shard */
  uint32_t uid; /* in the source */
  struct message_row row;
  struct body body;
  struct described described;
  GPtrArray *carried; /* annotations */
};

struct step {
  enum step_kind kind;
  struct place place; /* where messages come to be, or are changed */
  struct place from;  /* COPY */
  struct carry carry; /* COPY */
  GArray *set;        /* of UIDs; NULL: none */
  bool move, only_deleted;
  ptn_flag_mode mode;
  uint64_t allowed; /* flags that the account may change there */
  uint64_t flags, unchanged_since;
  int64_t internal_date;
  char *name;       /* ANNOTATE */
  GBytes *value;    /* ANNOTATE; NULL: remove */
  struct body body; /* APPEND */
  struct described described;
  GArray *loaded; /* COPY into another shard: struct loaded */
  /* The outcome: written by the committer, then read by the task. */
  struct ptn_outcome outcome;
  GArray *source_uids, *uids, *conflicts;
};

struct change_op {
  struct op op;
  struct ptn_change *change;
  bool second; /* the expunges of moves into other shards */
};

struct ptn_change {
  struct job job;
  struct ptn_account *account; /* of the task; not for the committer */
  char *account_name;
  struct store *store;
  struct ptn_id token;
  bool has_token, submitted, second_round;
  GPtrArray *steps;    /* struct step */
  struct step *pulled; /* the step behind the last, while it is being appended */
  int64_t save_date;
  struct change_op *ops;
  size_t op_count, first_count;
};

/* steps.c, in the committer: all steps of one shard, as one unit. */
ptn_status steps_prepare (struct op *, struct txn *);

#endif
