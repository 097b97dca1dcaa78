/* SPDX-License-Identifier: Apache-2.0 */
/* change.h - a set of changes: its steps are collected without any lock by its one task (mails
 * are written to tmp/ right away); commit.c works them out against the model and commits. */
#ifndef STORAGE_MAILDIR_CHANGE_H
#define STORAGE_MAILDIR_CHANGE_H

#include "maildir.h"

enum step_kind { STEP_APPEND, STEP_COPY, STEP_FLAGS, STEP_EXPUNGE, STEP_ANNOTATE };

struct step {
  enum step_kind kind;
  bool of_account; /* STEP_ANNOTATE: mailbox NULL */
  bool move, only_deleted;
  struct ptn_id mailbox, to;
  GArray *uids;             /* struct ptn_uid_range */
  struct message *appended; /* its file is in tmp/; uid 0 */
  char *file;               /* that file: removed if it was not committed */
  ptn_flag_mode mode;
  ptn_flag_bits flags;
  uint64_t unchanged_since;
  bool keep_dates; /* STEP_COPY: RENAME of INBOX */
  char *key;       /* STEP_ANNOTATE */
  GBytes *value;   /* NULL: remove */
};

struct outcome {
  struct ptn_outcome table;
  GArray *source_uids, *uids, *conflicts; /* struct ptn_uid_range */
};

struct ptn_change {
  struct store *store;
  struct owner *owner; /* one reference */
  char *authzid;
  bool has_token, broken, done;
  bool delivery; /* for the events */
  bool reads;    /* whoever asks may look only: no step is taken */
  struct ptn_id token;
  GArray *steps;    /* struct step */
  GArray *outcomes; /* struct outcome; NULL before commit */
};

struct ptn_change *change_new (struct owner *, const char *authzid, const struct ptn_id *token);
struct step *change_step (struct ptn_change *, enum step_kind, const struct ptn_id *mailbox,
                          struct ptn_uid_set);

/* commit.c, owner entered. */
ptn_status change_commit (struct ptn_change *, struct ptn_task *);
GArray *outcomes_new (void);

#endif
