/* SPDX-License-Identifier: Apache-2.0 */
/* plan.h - what a change would do, step by step, over a model that stays as it is until the
 * record is durable.  Lives within one commit, with the owner's lock held. */
#ifndef STORAGE_MAILDIR_PLAN_H
#define STORAGE_MAILDIR_PLAN_H

#include "change.h"

struct edit {              /* of one message */
  struct message *message; /* the model's, or our own when added */
  bool added, expunged, flagged, noted;
  ptn_flag_bits flags;
  GTree *notes; /* when noted: all of them, or NULL */
  char *file;   /* of one that was copied: in tmp/, removed if nothing comes of it */
};
struct box_note {
  char *key;
  GBytes *value;
};
struct box { /* what a change does to one mailbox */
  struct mailbox *mailbox;
  struct ptn_id id;
  bool wants_lock, locked, touched;
  uint64_t modseq; /* what this change gives */
  uint32_t uidnext;
  GHashTable *edits; /* uid to struct edit, of messages that were there */
  GPtrArray *added;  /* struct edit, ascending uid */
  GPtrArray *words;  /* keywords as they will be */
  guint words_before;
  GArray *notes; /* struct box_note */
};
struct plan {
  struct owner *owner;
  struct ptn_change *change;
  struct ptn_task *task;
  GPtrArray *boxes;          /* struct box */
  GArray *notes;             /* struct box_note: of the account */
  GArray *outcomes;          /* struct outcome */
  uint64_t octets, messages; /* added to the account */
  bool again;                /* files moved under us: look and plan once more */
  bool keep_files;
};

struct plan *plan_new (struct ptn_change *, struct ptn_task *);
void plan_free (struct plan *); /* drops locks, and files that were not committed */
/* Finds, looks at and locks the mailboxes that the steps name. */
ptn_status plan_enter (struct plan *);
/* Works out the steps. */
ptn_status plan_steps (struct plan *);

#endif
