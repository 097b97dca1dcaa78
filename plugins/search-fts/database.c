/* SPDX-License-Identifier: Apache-2.0 */
/* database.c - the file: its schema, its connections, and what to do when it is damaged. */
#include "database_private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#ifdef HAVE_ZSTD
#include <zstd.h>
#endif

enum {
  APPLICATION = 0x50746e53, /* "PtnS" */
  FORMAT = 2,
  PAGE = 8192,
  BUSY_MS = 10000,
  TEXT_MOST = 1 << 30
};

/* The table `trigram` keeps no text (content=''), and of each trigram only which documents have it
 * (detail=none): a tenth of what positions would take.  Whoever has all trigrams of a needle is
 * looked at in `document`, whose text is needed for deletion anyway. */
static const char schema[] =
    "CREATE TABLE about (owner TEXT NOT NULL);"
    "CREATE TABLE mailbox (number INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE,"
    " uidvalidity INTEGER NOT NULL);"
    "CREATE TABLE document (number INTEGER PRIMARY KEY, email BLOB UNIQUE, packing INTEGER NOT "
    "NULL,"
    " text BLOB NOT NULL);"
    /* document 0: a message that the index does not know */
    "CREATE TABLE place (document INTEGER NOT NULL, mailbox INTEGER NOT NULL, uid INTEGER NOT NULL,"
    " PRIMARY KEY (document, mailbox, uid)) WITHOUT ROWID;"
    "CREATE UNIQUE INDEX place_uid ON place (mailbox, uid);"
    "CREATE TABLE orphan (document INTEGER PRIMARY KEY);"
    "CREATE VIRTUAL TABLE trigram USING fts5 (text, content='', columnsize=0, detail=none,"
    " tokenize='postern');"
    "INSERT INTO trigram (trigram, rank) VALUES ('hashsize', 2097152);"
    "INSERT INTO trigram (trigram, rank) VALUES ('automerge', 16);";

static const char *const texts[STATEMENTS] = {
  [BEGIN] = "BEGIN IMMEDIATE",
  [BEGIN_READ] = "BEGIN",
  [COMMIT] = "COMMIT",
  [ROLLBACK] = "ROLLBACK",
  [BOX_OF] = "SELECT number FROM mailbox WHERE id = ?1",
  [BOX_SET] = "INSERT INTO mailbox (id, uidvalidity) VALUES (?1, ?2) ON CONFLICT (id)"
              " DO UPDATE SET uidvalidity = ?2",
  [BOX_REMOVE] = "DELETE FROM mailbox WHERE number = ?1",
  [BOXES] = "SELECT id, uidvalidity FROM mailbox",
  [PLACES_OF_RANGE] = "SELECT uid, document FROM place WHERE mailbox = ?1 AND uid BETWEEN ?2 AND ?3"
                      " ORDER BY uid",
  [PLACE_ADD] = "INSERT OR REPLACE INTO place (document, mailbox, uid) VALUES (?1, ?2, ?3)",
  [PLACE_REMOVE] = "DELETE FROM place WHERE document = ?1 AND mailbox = ?2 AND uid = ?3",
  [PLACES_OF_BOX] = "SELECT uid, document FROM place WHERE mailbox = ?1 LIMIT 1000",
  [UNKNOWN_OF_BOX] = "SELECT uid FROM place WHERE document = 0 AND mailbox = ?1 ORDER BY uid",
  [EMAIL_OF] = "SELECT email FROM document WHERE number = ?1",
  [DOCUMENT_BY_EMAIL] = "SELECT number FROM document WHERE email = ?1",
  [DOCUMENT_ADD] = "INSERT INTO document (email, packing, text) VALUES (?1, ?2, ?3)",
  [DOCUMENT_TEXT] = "SELECT packing, text FROM document WHERE number = ?1",
  [DOCUMENT_REMOVE] = "DELETE FROM document WHERE number = ?1",
  [DOCUMENT_PLACED] = "SELECT 1 FROM place WHERE document = ?1 LIMIT 1",
  [WORDS_ADD] = "INSERT INTO trigram (rowid, text) VALUES (?1, ?2)",
  [WORDS_REMOVE] = "INSERT INTO trigram (trigram, rowid, text) VALUES ('delete', ?1, ?2)",
  [ORPHAN_ADD] = "INSERT OR IGNORE INTO orphan (document) VALUES (?1)",
  [ORPHANS] = "SELECT document FROM orphan LIMIT ?1",
  [ORPHAN_REMOVE] = "DELETE FROM orphan WHERE document = ?1",
  [FIND] = "SELECT place.uid, document.packing, document.text FROM trigram CROSS JOIN place ON"
           " place.document = trigram.rowid AND place.mailbox = ?2 CROSS JOIN document ON"
           " document.number = trigram.rowid WHERE trigram MATCH ?1",
};

/* --- statements ------------------------------------------------------------------------------ */

sqlite3_stmt *
side_get (struct side *side, enum statement which) {
  sqlite3_stmt **statement = &side->statements[which];
  if (!side->connection) {
    side->trouble = SQLITE_CANTOPEN;
    return NULL;
  }
  if (!*statement) {
    side->trouble = sqlite3_prepare_v3 (side->connection, texts[which], -1,
                                        SQLITE_PREPARE_PERSISTENT, statement, NULL);
    return *statement;
  }
  sqlite3_reset (*statement);
  sqlite3_clear_bindings (*statement);
  return *statement;
}

int
side_step (struct side *side, sqlite3_stmt *statement) {
  if (!statement)
    return side->trouble;
  int result = sqlite3_step (statement);
  if (result != SQLITE_ROW)
    sqlite3_reset (statement);
  return result;
}

ptn_status
side_failed (struct side *side, int result, char why[DATABASE_WHY]) {
  const char *text = side->connection ? sqlite3_errmsg (side->connection) : sqlite3_errstr (result);
  g_strlcpy (why, text, DATABASE_WHY);
  switch (result & 0xff) {
  case SQLITE_CORRUPT:
  case SQLITE_NOTADB:
  case SQLITE_FORMAT:
  case SQLITE_MISMATCH:
  case SQLITE_CONSTRAINT:
  case SQLITE_ERROR: /* a table that is not there */
    return PTN_E_CORRUPT;
  default:
    return PTN_E_TEMPORARY;
  }
}

ptn_status
side_run (struct side *side, sqlite3_stmt *statement, char why[DATABASE_WHY]) {
  int result = side_step (side, statement);
  if (result == SQLITE_ROW)
    sqlite3_reset (statement);
  return result == SQLITE_ROW || result == SQLITE_DONE ? PTN_OK : side_failed (side, result, why);
}

ptn_status
database_box_number (struct side *side, const struct ptn_id *id, int64_t *number,
                     char why[DATABASE_WHY]) {
  sqlite3_stmt *get = side_get (side, BOX_OF);
  *number = 0;
  sqlite3_bind_blob (get, 1, id, sizeof *id, SQLITE_STATIC);
  int result = side_step (side, get);
  if (result != SQLITE_ROW)
    return result == SQLITE_DONE ? PTN_OK : side_failed (side, result, why);
  *number = sqlite3_column_int64 (get, 0);
  sqlite3_reset (get);
  return PTN_OK;
}

/* --- connections ------------------------------------------------------------------------------ */

void
side_close (struct side *side) {
  for (int i = 0; i < STATEMENTS; i++)
    sqlite3_finalize (side->statements[i]);
  sqlite3_close_v2 (side->connection);
  *side = (struct side){ 0 };
}

static ptn_status
execute (struct side *side, const char *text, char why[DATABASE_WHY]) {
  int result = sqlite3_exec (side->connection, text, NULL, NULL, NULL);
  return result == SQLITE_OK ? PTN_OK : side_failed (side, result, why);
}

ptn_status
side_open (struct side *side, const char *path, int flags, char why[DATABASE_WHY]) {
  int result = sqlite3_open_v2 (path, &side->connection, flags | SQLITE_OPEN_NOMUTEX, NULL);
  if (result != SQLITE_OK)
    return side_failed (side, result, why);
  result = tokenizer_add (side->connection);
  if (result != SQLITE_OK)
    return side_failed (side, result, why);
  sqlite3_extended_result_codes (side->connection, 1);
  sqlite3_busy_timeout (side->connection, BUSY_MS);
  /* A file is hostile, too: no triggers or views that do more than they seem to. */
  sqlite3_db_config (side->connection, SQLITE_DBCONFIG_DEFENSIVE, 1, (int *)NULL);
  sqlite3_db_config (side->connection, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, (int *)NULL);
  return execute (side, "PRAGMA synchronous = NORMAL; PRAGMA cache_size = -2048;", why);
}

void
database_remove (const char *path) {
  static const char *const ends[] = { "", "-wal", "-shm", "-journal" };
  for (size_t i = 0; i < G_N_ELEMENTS (ends); i++) {
    g_autofree char *file = g_strconcat (path, ends[i], NULL);
    unlink (file);
  }
}

static int
pragma (struct side *side, const char *text) {
  sqlite3_stmt *statement = NULL;
  int value = -1;
  if (sqlite3_prepare_v2 (side->connection, text, -1, &statement, NULL) == SQLITE_OK
      && sqlite3_step (statement) == SQLITE_ROW)
    value = sqlite3_column_int (statement, 0);
  sqlite3_finalize (statement);
  return value;
}

static ptn_status
make_schema (struct database *database, char why[DATABASE_WHY]) {
  struct side *side = &database->writer;
  g_autofree char *begin =
      g_strdup_printf ("PRAGMA page_size = %d; PRAGMA journal_mode = WAL; BEGIN IMMEDIATE;", PAGE);
  g_autofree char *end =
      g_strdup_printf ("PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT;", APPLICATION,
                       FORMAT);
  sqlite3_stmt *owner = NULL;
  ptn_status status = execute (side, begin, why);
  if (status == PTN_OK)
    status = execute (side, schema, why);
  if (status != PTN_OK)
    return status;
  if (sqlite3_prepare_v2 (side->connection, "INSERT INTO about VALUES (?1)", -1, &owner, NULL)
      == SQLITE_OK)
    sqlite3_bind_text (owner, 1, database->owner, -1, SQLITE_STATIC);
  side->trouble = SQLITE_ERROR;
  status = side_run (side, owner, why);
  sqlite3_finalize (owner);
  return status == PTN_OK ? execute (side, end, why) : status;
}

static ptn_status
open_both (struct database *database, bool *fresh, char why[DATABASE_WHY]) {
  struct side *writer = &database->writer;
  ptn_status status =
      side_open (writer, database->path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, why);
  if (status != PTN_OK)
    return status;
  int format = pragma (writer, "PRAGMA user_version");
  *fresh = format == 0 && pragma (writer, "PRAGMA application_id") == 0
           && pragma (writer, "SELECT count(*) FROM sqlite_schema") == 0;
  if (*fresh)
    status = make_schema (database, why);
  else if (format != FORMAT || pragma (writer, "PRAGMA application_id") != APPLICATION) {
    g_strlcpy (why, "not a file of this version of search-fts", DATABASE_WHY);
    status = PTN_E_CORRUPT;
  }
  if (status == PTN_OK)
    status = side_open (&database->reader, database->path, SQLITE_OPEN_READWRITE, why);
  return status;
}

static void
close_both (struct database *database) {
  side_close (&database->reader);
  side_close (&database->writer); /* the last to close makes one file of it */
}

ptn_status
database_reset (struct database *database, char why[DATABASE_WHY]) {
  bool fresh;
  pthread_mutex_lock (&database->lock);
  close_both (database);
  database_remove (database->path);
  database->generation++;
  ptn_status status = open_both (database, &fresh, why);
  if (status != PTN_OK)
    close_both (database);
  pthread_mutex_unlock (&database->lock);
  return status;
}

ptn_status
database_open (const char *path, const char *owner, struct database **result, bool *fresh,
               char why[DATABASE_WHY]) {
  struct database *database = g_new0 (struct database, 1);
  database->path = g_strdup (path);
  database->owner = g_strdup (owner);
  pthread_mutex_init (&database->lock, NULL);
  ptn_status status = open_both (database, fresh, why);
  if (status == PTN_E_CORRUPT) {
    char ignored[DATABASE_WHY];
    *fresh = true;
    status = database_reset (database, ignored);
  }
  *result = database;
  if (status != PTN_OK)
    database_close (result);
  return status;
}

void
database_close (struct database **pointer) {
  struct database *database = *pointer;
  *pointer = NULL;
  if (!database)
    return;
  close_both (database);
  pthread_mutex_destroy (&database->lock);
  g_free (database->path);
  g_free (database->owner);
  g_free (database);
}

uint32_t
database_generation (struct database *database) {
  pthread_mutex_lock (&database->lock);
  uint32_t generation = database->generation;
  pthread_mutex_unlock (&database->lock);
  return generation;
}

/* --- texts ------------------------------------------------------------------------------------ */

enum { PLAIN = 0, ZSTD = 1 };

GByteArray *
text_pack (const GByteArray *flat, int *packing) {
  *packing = PLAIN;
#ifdef HAVE_ZSTD
  g_autoptr (GByteArray) packed = g_byte_array_new ();
  ZSTD_CCtx *context = ZSTD_createCCtx ();
  g_byte_array_set_size (packed, (guint)ZSTD_compressBound (flat->len));
  ZSTD_CCtx_setParameter (context, ZSTD_c_checksumFlag, 1);
  ZSTD_CCtx_setParameter (context, ZSTD_c_compressionLevel, 1);
  size_t size = ZSTD_compress2 (context, packed->data, packed->len, flat->data, flat->len);
  ZSTD_freeCCtx (context);
  if (!ZSTD_isError (size) && size < flat->len) {
    *packing = ZSTD;
    g_byte_array_set_size (packed, (guint)size);
    return g_steal_pointer (&packed);
  }
#endif
  return g_byte_array_append (g_byte_array_sized_new (flat->len), flat->data, flat->len);
}

GByteArray *
text_unpack (const void *data, size_t size, int packing) {
  if (packing == PLAIN)
    return g_byte_array_append (g_byte_array_sized_new ((guint)size), data, (guint)size);
#ifdef HAVE_ZSTD
  unsigned long long room = ZSTD_getFrameContentSize (data, size);
  if (packing != ZSTD || room > TEXT_MOST) /* errors are greater than any size */
    return NULL;
  g_autoptr (GByteArray) flat = g_byte_array_new ();
  g_byte_array_set_size (flat, (guint)room);
  if (ZSTD_decompress (flat->data, flat->len, data, size) == room)
    return g_steal_pointer (&flat);
#endif
  return NULL;
}
