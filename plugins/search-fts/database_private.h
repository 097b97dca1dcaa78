/* SPDX-License-Identifier: Apache-2.0 */
/* database_private.h - connections and statements, for database*.c alone. */
#ifndef SEARCH_FTS_DATABASE_PRIVATE_H
#define SEARCH_FTS_DATABASE_PRIVATE_H

#include "database.h"

#include <pthread.h>
#include <sqlite3.h>

enum statement {
  BEGIN,
  BEGIN_READ,
  COMMIT,
  ROLLBACK,
  BOX_OF,
  BOX_SET,
  BOX_REMOVE,
  BOXES,
  PLACES_OF_RANGE,
  PLACE_ADD,
  PLACE_REMOVE,
  PLACES_OF_BOX,
  UNKNOWN_OF_BOX,
  EMAIL_OF,
  DOCUMENT_BY_EMAIL,
  DOCUMENT_ADD,
  DOCUMENT_TEXT,
  DOCUMENT_REMOVE,
  DOCUMENT_PLACED,
  WORDS_ADD,
  WORDS_REMOVE,
  ORPHAN_ADD,
  ORPHANS,
  ORPHAN_REMOVE,
  FIND,
  STATEMENTS
};

/* One connection, used by one thread at a time. */
struct side {
  sqlite3 *connection;
  sqlite3_stmt *statements[STATEMENTS];
  int trouble; /* why a statement could not be prepared */
};

struct database {
  char *path, *owner;
  struct side writer;
  pthread_mutex_t lock; /* of the reader */
  struct side reader;
  uint32_t generation; /* under the lock */
};

/* The statement, reset and without bindings; NULL: trouble. */
sqlite3_stmt *side_get (struct side *, enum statement);
/* One step; all but SQLITE_ROW reset it. */
int side_step (struct side *, sqlite3_stmt *);
/* For statements that give no rows: PTN_OK or what failed. */
ptn_status side_run (struct side *, sqlite3_stmt *, char why[DATABASE_WHY]);
/* What a result means; SQLite's own words go to `why`. */
ptn_status side_failed (struct side *, int result, char why[DATABASE_WHY]);
ptn_status side_open (struct side *, const char *path, int flags, char why[DATABASE_WHY]);
void side_close (struct side *);

/* Adds the tokenizer "postern" (tokenizer.c) to a connection; a result of SQLite. */
int tokenizer_add (sqlite3 *);

/* The number of a mailbox in the file; 0: it is not there. */
ptn_status database_box_number (struct side *, const struct ptn_id *, int64_t *number,
                                char why[DATABASE_WHY]);

/* The text of a document as it is kept.  *packing says how. */
GByteArray *text_pack (const GByteArray *flat, int *packing);
/* NULL: it is damaged. */
GByteArray *text_unpack (const void *data, size_t size, int packing);

#endif
