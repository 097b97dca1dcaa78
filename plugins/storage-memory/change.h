/* SPDX-License-Identifier: Apache-2.0 */
/* change.h - a set of changes: collected without the lock by its one task, then checked and
 * applied under it. */
#ifndef STORAGE_MEMORY_CHANGE_H
#define STORAGE_MEMORY_CHANGE_H

#include "memory.h"

enum step_kind { STEP_APPEND, STEP_COPY, STEP_FLAGS, STEP_EXPUNGE, STEP_ANNOTATE };

struct step {
  enum step_kind kind;
  bool of_account; /* STEP_ANNOTATE: mailbox NULL */
  bool move, only_deleted, private;
  struct ptn_id mailbox, to;
  GArray *uids; /* struct ptn_uid_range */
  struct body *body;
  char **references; /* STEP_APPEND */
  int64_t internal_date;
  ptn_flag_mode mode;
  ptn_flag_bits flags;
  uint64_t unchanged_since;
  char *key;     /* annotation_key */
  GBytes *value; /* NULL: remove */
};

struct outcome {
  struct ptn_outcome table;
  GArray *source_uids, *uids, *conflicts; /* struct ptn_uid_range */
};
struct outcomes { /* counted: of the change and of its token; immutable after commit */
  gint references;
  GArray *items; /* struct outcome */
};

struct ptn_change {
  struct memory *store;
  struct asker *asker;
  bool has_token, broken;
  struct ptn_id token;
  GArray *steps;             /* struct step */
  struct outcomes *outcomes; /* NULL before commit */
};

/* check.c, lock held: PTN_OK, or why it is refused. */
ptn_status change_check (struct ptn_change *, struct ptn_task *);
/* apply.c: the messages of a mailbox that a step names, a new array. */
GPtrArray *step_matched (const struct mailbox *, const struct step *);
/* Lock held: all steps or none. */
ptn_status change_apply (struct ptn_change *, struct ptn_task *);

#endif
