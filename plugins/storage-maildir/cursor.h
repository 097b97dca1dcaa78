/* SPDX-License-Identifier: Apache-2.0 */
/* cursor.h - rows to come.  Mailboxes are copied when the cursor is made; messages and
 * annotations are fetched by pages, so that a big mailbox costs no more than a page. */
#ifndef STORAGE_MAILDIR_CURSOR_H
#define STORAGE_MAILDIR_CURSOR_H

#include "maildir.h"

struct note_row {
  struct ptn_annotation table;
  char *name;
  GBytes *value;
};
struct ptn_cursor {
  struct store *store;
  struct owner *owner; /* one reference */
  char *authzid;
  GArray *mailboxes; /* struct ptn_mailbox; each owns its path */
  guint at;

  struct ptn_id mailbox; /* of messages and their annotations */
  GArray *uids;          /* struct ptn_uid_range */
  bool all;
  uint64_t next_uid; /* the page begins here; beyond 32 bits: no more */
  uint32_t items;
  uint64_t changed_since;
  GArray *messages; /* struct ptn_message */
  GArray *notes;    /* struct note_row */
  char *name;       /* of annotations; NULL: all */
};
struct ptn_cursor *cursor_new (struct ptn_account *);

#endif
