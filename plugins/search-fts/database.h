/* SPDX-License-Identifier: Apache-2.0 */
/* database.h - the SQLite file of one account: documents, their trigrams, and where they are.
 *
 * All functions block on the disk: they run on threads of the lane "search".  One writer at a time
 * (the account's own task sees to that), and beside it any number of readers, which take turns.
 * What the file says of a mailbox is believed only after database_reconcile has compared all of it
 * with the store, once after each opening: so it may be behind, after a crash, or from before a
 * backup of the store was restored.
 *
 * PTN_E_CORRUPT: the file is damaged (database_reset); PTN_E_TEMPORARY: the disk is full, or the
 * like; PTN_E_CANCELLED.  What SQLite says goes to `why`. */
#ifndef SEARCH_FTS_DATABASE_H
#define SEARCH_FTS_DATABASE_H

#include "document.h"

struct database;

enum { DATABASE_WHY = 160 };

/* Opens the file, or makes it; throws a damaged one away, and tells in *fresh that it is empty. */
ptn_status database_open (const char *path, const char *owner, struct database **, bool *fresh,
                          char why[DATABASE_WHY]);
void database_close (struct database **);
/* Throws the file away and makes a new one. */
ptn_status database_reset (struct database *, char why[DATABASE_WHY]);
/* Removes the file of a database that is not open. */
void database_remove (const char *path);

/* A message of a mailbox, and what is to be known of it. */
struct item {
  uint32_t uid;
  bool has_email; /* else `email` is nothing */
  bool placed;    /* it is in the index (database_reconcile) */
  bool skipped;   /* expunged meanwhile */
  struct ptn_id email;
  GBytes *digest;            /* as the store keeps it, or NULL: for who reads it */
  struct document *document; /* its text; NULL and not placed: it becomes unknown */
};

struct box_row {
  struct ptn_id id;
  uint32_t uidvalidity;
};
/* The mailboxes of the file, as struct box_row. */
ptn_status database_boxes (struct database *, GArray *rows, char why[DATABASE_WHY]);

/* items: all messages that the mailbox has from `first` to `last`, ascending.  Rows of others are
 * taken out; rows of these whose email_id is another one, too.  Items whose text is known, from
 * here or another mailbox, are placed.  trust 0: nothing is known of what was before. */
ptn_status database_reconcile (struct database *, const struct ptn_id *mailbox, uint32_t first,
                               uint32_t last, struct item *items, size_t count, bool trust,
                               char why[DATABASE_WHY]);
/* Takes these UIDs out. */
ptn_status database_vanish (struct database *, const struct ptn_id *mailbox, struct ptn_uid_set,
                            char why[DATABASE_WHY]);
/* Adds items that are not placed. */
ptn_status database_apply (struct database *, const struct box_row *, const struct item *items,
                           size_t count, char why[DATABASE_WHY]);
/* A mailbox that is no more. */
ptn_status database_forget (struct database *, const struct ptn_id *mailbox,
                            char why[DATABASE_WHY]);
/* Removes some of the documents that are in no mailbox; *left: there may be more. */
ptn_status database_sweep (struct database *, bool *left, char why[DATABASE_WHY]);

/* Changes with every reset: what was known of the file before is no longer true. */
uint32_t database_generation (struct database *);

/* A question, answered from one state of the file. */
struct question {
  uint32_t generation; /* of the file that is asked */
  struct ptn_id mailbox;
  const struct ptn_search_term *terms;
  size_t count;
  const _Atomic (bool) *stop; /* PTN_E_CANCELLED as soon as it is true */
  GArray **found;             /* one a term: UIDs are appended, ascending */
  GArray *unknown;            /* and those of whom the index knows nothing */
};
/* PTN_E_EXPIRED: the file is another one. */
ptn_status database_ask (struct database *, const struct question *, char why[DATABASE_WHY]);

struct database_numbers {
  char *owner; /* g_free */
  uint64_t mailboxes, messages, documents, unknown, octets;
};
/* Of a file that may be in use. */
ptn_status database_numbers (const char *path, struct database_numbers *, char why[DATABASE_WHY]);

#endif
