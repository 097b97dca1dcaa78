/* SPDX-License-Identifier: Apache-2.0 */
/* database_read.c - questions to the file. */
#include "database_private.h"

#include <stdatomic.h>
#include <string.h>

enum { TRIGRAMS_MOST = 32 };

ptn_status
database_boxes (struct database *database, GArray *rows, char why[DATABASE_WHY]) {
  struct side *side = &database->writer; /* by the task that writes */
  sqlite3_stmt *get = side_get (side, BOXES);
  int result;
  while ((result = side_step (side, get)) == SQLITE_ROW) {
    struct box_row row = { .uidvalidity = (uint32_t)sqlite3_column_int64 (get, 1) };
    if (sqlite3_column_bytes (get, 0) != sizeof row.id) {
      sqlite3_reset (get);
      g_strlcpy (why, "a mailbox's id is damaged", DATABASE_WHY);
      return PTN_E_CORRUPT;
    }
    memcpy (&row.id, sqlite3_column_blob (get, 0), sizeof row.id);
    g_array_append_val (rows, row);
  }
  return result == SQLITE_DONE ? PTN_OK : side_failed (side, result, why);
}

/* --- trigrams ----------------------------------------------------------------------------------- */

/* The query of FTS5 for those that have all trigrams of the needle, or TRIGRAMS_MOST of them,
 * from all over it: "abc" AND "bcd". */
static char *
match_of (struct ptn_bytes needle) {
  const char *text = needle.data, *end = text + needle.size;
  glong count = g_utf8_strlen (text, (gssize)needle.size) - 2;
  glong step = (count + TRIGRAMS_MOST - 1) / TRIGRAMS_MOST;
  GString *match = g_string_new (NULL);
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  for (glong i = 0; i < count; i++, text = g_utf8_next_char (text)) {
    const char *next = text;
    if (i % step)
      continue;
    for (int characters = 0; characters < 3 && next < end; characters++)
      next = g_utf8_next_char (next);
    char *trigram = g_strndup (text, (gsize)(next - text));
    if (!g_hash_table_add (seen, trigram))
      continue;
    g_string_append (match, match->len ? " AND \"" : "\"");
    for (const char *at = trigram; *at; at++) {
      g_string_append_c (match, *at);
      if (*at == '"')
        g_string_append_c (match, '"');
    }
    g_string_append_c (match, '"');
  }
  return g_string_free (match, FALSE);
}

/* --- finding ------------------------------------------------------------------------------------- */

static int
by_uid (const void *left, const void *right) {
  uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
  return a < b ? -1 : a > b;
}

/* One candidate: has it the needle? */
static ptn_status
look (sqlite3_stmt *find, const struct ptn_search_term *term, GArray *uids,
      char why[DATABASE_WHY]) {
  struct flat flat;
  g_autoptr (GByteArray) text =
      text_unpack (sqlite3_column_blob (find, 2), (size_t)sqlite3_column_bytes (find, 2),
                   sqlite3_column_int (find, 1));
  if (!text || !flat_open (&flat, text->data, text->len)) {
    g_strlcpy (why, "a document is damaged", DATABASE_WHY);
    return PTN_E_CORRUPT;
  }
  uint32_t uid = (uint32_t)sqlite3_column_int64 (find, 0);
  if (flat_has (&flat, term))
    g_array_append_val (uids, uid);
  return PTN_OK;
}

static ptn_status
find (struct side *side, int64_t box, const struct ptn_search_term *term,
      const _Atomic (bool) *stop, GArray *uids, char why[DATABASE_WHY]) {
  g_autofree char *match = match_of (term->needle);
  sqlite3_stmt *get = side_get (side, FIND);
  int result;
  sqlite3_bind_text (get, 1, match, -1, SQLITE_STATIC);
  sqlite3_bind_int64 (get, 2, box);
  while ((result = side_step (side, get)) == SQLITE_ROW) {
    ptn_status status = atomic_load_explicit (stop, memory_order_relaxed)
                            ? PTN_E_CANCELLED
                            : look (get, term, uids, why);
    if (status != PTN_OK) {
      sqlite3_reset (get);
      sqlite3_clear_bindings (get);
      return status;
    }
  }
  if (result != SQLITE_DONE)
    return side_failed (side, result, why);
  sqlite3_clear_bindings (get);
  if (uids->len)
    qsort (uids->data, uids->len, sizeof (uint32_t), by_uid);
  return PTN_OK;
}

static ptn_status
unknown (struct side *side, int64_t box, GArray *uids, char why[DATABASE_WHY]) {
  sqlite3_stmt *get = side_get (side, UNKNOWN_OF_BOX);
  int result;
  sqlite3_bind_int64 (get, 1, box);
  while ((result = side_step (side, get)) == SQLITE_ROW) {
    uint32_t uid = (uint32_t)sqlite3_column_int64 (get, 0);
    g_array_append_val (uids, uid);
  }
  return result == SQLITE_DONE ? PTN_OK : side_failed (side, result, why);
}

static ptn_status
ask (struct side *side, const struct question *question, char why[DATABASE_WHY]) {
  int64_t box;
  ptn_status status = database_box_number (side, &question->mailbox, &box, why);
  if (status != PTN_OK || !box)
    return status;
  for (size_t i = 0; i < question->count && status == PTN_OK; i++)
    status = find (side, box, &question->terms[i], question->stop, question->found[i], why);
  return status == PTN_OK ? unknown (side, box, question->unknown, why) : status;
}

ptn_status
database_ask (struct database *database, const struct question *question, char why[DATABASE_WHY]) {
  struct side *side = &database->reader;
  ptn_status status = PTN_E_EXPIRED;
  pthread_mutex_lock (&database->lock);
  if (question->generation == database->generation) {
    status = side_run (side, side_get (side, BEGIN_READ), why);
    if (status == PTN_OK)
      status = ask (side, question, why);
    if (side->connection && !sqlite3_get_autocommit (side->connection))
      side_step (side, side_get (side, COMMIT));
  }
  pthread_mutex_unlock (&database->lock);
  return status;
}

/* --- numbers ------------------------------------------------------------------------------------- */

static int64_t
number (struct side *side, const char *text) {
  sqlite3_stmt *get = NULL;
  int64_t value = 0;
  if (sqlite3_prepare_v2 (side->connection, text, -1, &get, NULL) == SQLITE_OK
      && sqlite3_step (get) == SQLITE_ROW)
    value = sqlite3_column_int64 (get, 0);
  sqlite3_finalize (get);
  return value;
}

static char *
owner_of (struct side *side) {
  sqlite3_stmt *get = NULL;
  char *owner = NULL;
  if (sqlite3_prepare_v2 (side->connection, "SELECT owner FROM about", -1, &get, NULL) == SQLITE_OK
      && sqlite3_step (get) == SQLITE_ROW)
    owner = g_strdup ((const char *)sqlite3_column_text (get, 0));
  sqlite3_finalize (get);
  return owner;
}

ptn_status
database_numbers (const char *path, struct database_numbers *numbers, char why[DATABASE_WHY]) {
  struct side side = { 0 };
  *numbers = (struct database_numbers){ 0 };
  ptn_status status = side_open (&side, path, SQLITE_OPEN_READWRITE, why);
  if (status == PTN_OK) {
    numbers->owner = owner_of (&side);
    numbers->mailboxes = (uint64_t)number (&side, "SELECT count(*) FROM mailbox");
    numbers->messages = (uint64_t)number (&side, "SELECT count(*) FROM place");
    numbers->unknown = (uint64_t)number (&side, "SELECT count(*) FROM place WHERE document = 0");
    numbers->documents =
        (uint64_t)number (&side,
                          "SELECT count(*) FROM document INDEXED BY sqlite_autoindex_document_1");
    numbers->octets =
        (uint64_t)(number (&side, "PRAGMA page_count") * number (&side, "PRAGMA page_size"));
    if (!numbers->owner) {
      g_strlcpy (why, "damaged", DATABASE_WHY);
      status = PTN_E_CORRUPT;
    }
  }
  side_close (&side);
  return status;
}
