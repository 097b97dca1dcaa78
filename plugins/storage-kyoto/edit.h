/* SPDX-License-Identifier: GPL-3.0-or-later */
/* edit.h - changes of the index that are not visible yet: rows read through them, written into
 * them, and taken back if their unit cannot be done.
 *
 * One thread at a time (the shard's commit thread, or recovery). */
#ifndef STORAGE_KYOTO_EDIT_H
#define STORAGE_KYOTO_EDIT_H

#include "index.h"
#include "record.h"

struct edit {
  struct index *index;
  struct overlay *changes;
  GArray *undo;    /* what the current unit has overwritten */
  GArray *gone;    /* uint64_t: numbers of big files that nothing names any more */
  guint unit_gone; /* length of `gone` when the unit began */
  bool rights;     /* entries of rights were changed */
  bool removals;   /* messages were removed, or bodies moved */
  /* What edit_messages found last; right as long as nothing is changed. */
  struct {
    uint32_t user, mailbox;
    GArray *messages; /* NULL: nothing */
  } seen;
  struct value value;  /* scratch */
  struct octets coded; /* scratch */
};

void edit_init (struct edit *, struct index *);
void edit_destroy (struct edit *);
void edit_begin_unit (struct edit *);
void edit_abort_unit (struct edit *); /* as if the unit had not been */
void edit_clear (struct edit *);      /* forgets everything */

/* PTN_OK, PTN_E_NOT_FOUND or PTN_E_CORRUPT. */
ptn_status edit_get (struct edit *, const struct key *, struct value *);
void edit_put (struct edit *, const struct key *, const struct octets *);
void edit_remove (struct edit *, const struct key *);

ptn_status edit_user_id (struct edit *, const char *account, uint32_t *user);
ptn_status edit_user (struct edit *, uint32_t user, struct user_row *);
ptn_status edit_name (struct edit *, uint32_t user, const char *path, struct name_row *);
ptn_status edit_mailbox (struct edit *, uint32_t user, uint32_t mailbox, struct mailbox_row *);
ptn_status edit_message (struct edit *, uint32_t user, uint32_t mailbox, uint32_t uid,
                         struct message_row *);
ptn_status edit_body (struct edit *, uint64_t body, struct body_row *);
ptn_status edit_next_user (struct edit *, uint32_t *next);

void edit_put_user (struct edit *, uint32_t user, const struct user_row *);
void edit_put_name (struct edit *, uint32_t user, const char *path, const struct name_row *);
void edit_put_mailbox (struct edit *, uint32_t user, uint32_t mailbox, const struct mailbox_row *);
void edit_put_message (struct edit *, uint32_t user, uint32_t mailbox, uint32_t uid,
                       const struct message_row *);

/* All keys of a range, collected: they may be changed while the array is walked.  Free with
 * g_ptr_array_unref; elements are struct edit_row. */
struct edit_row {
  size_t key_size, value_size;
  uint8_t *value; /* behind the key */
  uint8_t key[];
};
ptn_status edit_collect (struct edit *, const struct key *from, const struct key *end,
                         GPtrArray **rows);
/* The UIDs of a mailbox within the set, with their rows. */
struct edit_message {
  uint32_t uid;
  struct message_row row;
};
ptn_status edit_messages (struct edit *, uint32_t user, uint32_t mailbox, struct ptn_uid_set,
                          GArray **messages);

/* apply.c: what a record does to the index.  The record's place in the log must be set.
 * PTN_E_CORRUPT: it does not fit what is there (a record before it was lost). */
ptn_status apply (struct edit *, const struct record *);

#endif
