/* SPDX-License-Identifier: Apache-2.0 */
/* database_write.c - what is put into the file and taken out of it, in transactions. */
#include "database_private.h"

#include <string.h>

enum { SWEEP = 100 };

/* What a transaction goes on with: the first error stays. */
struct work {
  struct side *side;
  char *why;
  int64_t box;
  ptn_status status;
};

static bool
good (struct work *work, ptn_status status) {
  if (work->status == PTN_OK)
    work->status = status;
  return work->status == PTN_OK;
}

static bool
run (struct work *work, sqlite3_stmt *statement) {
  return good (work, side_run (work->side, statement, work->why));
}

/* 1: a row, 0: none, or trouble. */
static bool
row (struct work *work, sqlite3_stmt *statement) {
  int result = side_step (work->side, statement);
  if (result != SQLITE_ROW && result != SQLITE_DONE)
    good (work, side_failed (work->side, result, work->why));
  return result == SQLITE_ROW;
}

static struct work
begin (struct database *database, char *why) {
  struct work work = { &database->writer, why, 0, PTN_OK };
  run (&work, side_get (work.side, BEGIN));
  return work;
}

static ptn_status
end (struct work *work) {
  if (work->status == PTN_OK)
    run (work, side_get (work->side, COMMIT));
  if (work->status != PTN_OK && work->side->connection
      && !sqlite3_get_autocommit (work->side->connection))
    side_step (work->side, side_get (work->side, ROLLBACK));
  return work->status;
}

static bool
find_box (struct work *work, const struct ptn_id *mailbox) {
  return work->status == PTN_OK
         && good (work, database_box_number (work->side, mailbox, &work->box, work->why));
}

/* --- places ----------------------------------------------------------------------------------- */

static void
remove_place (struct work *work, int64_t document, uint32_t uid) {
  sqlite3_stmt *remove = side_get (work->side, PLACE_REMOVE);
  sqlite3_bind_int64 (remove, 1, document);
  sqlite3_bind_int64 (remove, 2, work->box);
  sqlite3_bind_int64 (remove, 3, uid);
  if (!run (work, remove) || document == 0)
    return;
  sqlite3_stmt *orphan = side_get (work->side, ORPHAN_ADD);
  sqlite3_bind_int64 (orphan, 1, document);
  run (work, orphan);
}

static void
add_place (struct work *work, int64_t document, uint32_t uid) {
  sqlite3_stmt *add = side_get (work->side, PLACE_ADD);
  sqlite3_bind_int64 (add, 1, document);
  sqlite3_bind_int64 (add, 2, work->box);
  sqlite3_bind_int64 (add, 3, uid);
  run (work, add);
}

/* 0: there is none. */
static int64_t
document_of (struct work *work, const struct item *item) {
  if (!item->has_email || work->status != PTN_OK)
    return 0;
  sqlite3_stmt *get = side_get (work->side, DOCUMENT_BY_EMAIL);
  sqlite3_bind_blob (get, 1, &item->email, sizeof item->email, SQLITE_STATIC);
  if (!row (work, get))
    return 0;
  int64_t number = sqlite3_column_int64 (get, 0);
  sqlite3_reset (get);
  return number;
}

static bool
is_email_of (struct work *work, int64_t document, const struct item *item) {
  sqlite3_stmt *get = side_get (work->side, EMAIL_OF);
  sqlite3_bind_int64 (get, 1, document);
  if (!row (work, get))
    return false;
  bool same = sqlite3_column_bytes (get, 0) == sizeof item->email
              && memcmp (sqlite3_column_blob (get, 0), &item->email, sizeof item->email) == 0;
  sqlite3_reset (get);
  return same;
}

struct place {
  int64_t document;
  uint32_t uid;
};

static GArray *
places (struct work *work, sqlite3_stmt *get) {
  GArray *found = g_array_new (FALSE, FALSE, sizeof (struct place));
  while (row (work, get)) {
    struct place place = { sqlite3_column_int64 (get, 1), (uint32_t)sqlite3_column_int64 (get, 0) };
    g_array_append_val (found, place);
  }
  return found;
}

/* Is this row what the store says of the item? */
static bool
still_true (struct work *work, const struct place *place, const struct item *item, bool trust) {
  if (place->document == 0)
    return trust; /* it stays unknown, whatever it is */
  return item->has_email ? is_email_of (work, place->document, item) : trust;
}

static void
compare (struct work *work, const GArray *found, struct item *items, size_t count, bool trust) {
  size_t at = 0;
  for (guint i = 0; i < found->len && work->status == PTN_OK; i++) {
    const struct place *place = &g_array_index (found, struct place, i);
    while (at < count && items[at].uid < place->uid)
      at++;
    if (at < count && items[at].uid == place->uid && still_true (work, place, &items[at], trust))
      items[at].placed = true;
    else
      remove_place (work, place->document, place->uid);
  }
}

ptn_status
database_reconcile (struct database *database, const struct ptn_id *mailbox, uint32_t first,
                    uint32_t last, struct item *items, size_t count, bool trust,
                    char why[DATABASE_WHY]) {
  struct work work = begin (database, why);
  if (!find_box (&work, mailbox))
    return end (&work);
  if (!work.box) { /* its row must be there before its places */
    struct box_row row_of_it = { .id = *mailbox };
    end (&work);
    ptn_status status = database_apply (database, &row_of_it, NULL, 0, why);
    return status != PTN_OK
               ? status
               : database_reconcile (database, mailbox, first, last, items, count, trust, why);
  }
  sqlite3_stmt *get = side_get (work.side, PLACES_OF_RANGE);
  sqlite3_bind_int64 (get, 1, work.box);
  sqlite3_bind_int64 (get, 2, first);
  sqlite3_bind_int64 (get, 3, last);
  g_autoptr (GArray) found = places (&work, get);
  compare (&work, found, items, count, trust);
  for (size_t i = 0; i < count && work.status == PTN_OK; i++) {
    int64_t document = items[i].placed ? 0 : document_of (&work, &items[i]);
    if (document) {
      add_place (&work, document, items[i].uid);
      items[i].placed = true;
    }
  }
  return end (&work);
}

ptn_status
database_vanish (struct database *database, const struct ptn_id *mailbox, struct ptn_uid_set gone,
                 char why[DATABASE_WHY]) {
  struct work work = begin (database, why);
  find_box (&work, mailbox);
  for (size_t i = 0; i < gone.count && work.box && work.status == PTN_OK; i++) {
    sqlite3_stmt *get = side_get (work.side, PLACES_OF_RANGE);
    sqlite3_bind_int64 (get, 1, work.box);
    sqlite3_bind_int64 (get, 2, gone.ranges[i].first);
    sqlite3_bind_int64 (get, 3, gone.ranges[i].last);
    g_autoptr (GArray) found = places (&work, get);
    compare (&work, found, NULL, 0, true);
  }
  return end (&work);
}

/* In transactions of their own: a mailbox may be large. */
ptn_status
database_forget (struct database *database, const struct ptn_id *mailbox, char why[DATABASE_WHY]) {
  for (;;) {
    struct work work = begin (database, why);
    if (!find_box (&work, mailbox) || !work.box)
      return end (&work);
    sqlite3_stmt *get = side_get (work.side, PLACES_OF_BOX);
    sqlite3_bind_int64 (get, 1, work.box);
    g_autoptr (GArray) found = places (&work, get);
    compare (&work, found, NULL, 0, true);
    bool done = found->len == 0;
    if (done && work.status == PTN_OK) {
      sqlite3_stmt *remove = side_get (work.side, BOX_REMOVE);
      sqlite3_bind_int64 (remove, 1, work.box);
      run (&work, remove);
    }
    if (end (&work) != PTN_OK || done)
      return work.status;
  }
}

/* --- documents ---------------------------------------------------------------------------------- */

/* The tokenizer ends at a NUL; needles have none. */
static void
bind_text (sqlite3_stmt *statement, int at, struct ptn_bytes text) {
  if (!text.size || !memchr (text.data, 0, text.size)) {
    sqlite3_bind_text64 (statement, at, text.size ? text.data : "", text.size, SQLITE_STATIC,
                         SQLITE_UTF8);
    return;
  }
  char *copy = g_memdup2 (text.data, text.size);
  for (char *nul = copy; (nul = memchr (nul, 0, (size_t)(copy + text.size - nul))); nul++)
    *nul = '\n';
  sqlite3_bind_text64 (statement, at, copy, text.size, g_free, SQLITE_UTF8);
}

static int64_t
add_document (struct work *work, const struct item *item) {
  g_autoptr (GByteArray) flat = document_flatten (item->document);
  int packing;
  g_autoptr (GByteArray) packed = text_pack (flat, &packing);
  sqlite3_stmt *add = side_get (work->side, DOCUMENT_ADD);
  if (item->has_email)
    sqlite3_bind_blob (add, 1, &item->email, sizeof item->email, SQLITE_STATIC);
  sqlite3_bind_int (add, 2, packing);
  sqlite3_bind_blob64 (add, 3, packed->data, packed->len, SQLITE_STATIC);
  if (!run (work, add))
    return 0;
  int64_t number = sqlite3_last_insert_rowid (work->side->connection);
  sqlite3_stmt *words = side_get (work->side, WORDS_ADD);
  sqlite3_bind_int64 (words, 1, number);
  bind_text (words, 2, (struct ptn_bytes){ item->document->text->str, item->document->text->len });
  run (work, words);
  sqlite3_clear_bindings (words);
  sqlite3_clear_bindings (add);
  return number;
}

ptn_status
database_apply (struct database *database, const struct box_row *box, const struct item *items,
                size_t count, char why[DATABASE_WHY]) {
  struct work work = begin (database, why);
  sqlite3_stmt *set = side_get (work.side, BOX_SET);
  sqlite3_bind_blob (set, 1, &box->id, sizeof box->id, SQLITE_STATIC);
  sqlite3_bind_int64 (set, 2, box->uidvalidity);
  if (work.status != PTN_OK || !run (&work, set) || !find_box (&work, &box->id))
    return end (&work);
  for (size_t i = 0; i < count && work.status == PTN_OK; i++) {
    if (items[i].placed || items[i].skipped)
      continue;
    int64_t document = document_of (&work, &items[i]); /* a copy stands in the same batch */
    if (!document && items[i].document)
      document = add_document (&work, &items[i]);
    if (work.status == PTN_OK)
      add_place (&work, document, items[i].uid);
  }
  return end (&work);
}

/* Forgets a document that nobody has any more. */
static void
remove_document (struct work *work, int64_t number) {
  sqlite3_stmt *get = side_get (work->side, DOCUMENT_TEXT);
  sqlite3_bind_int64 (get, 1, number);
  if (!row (work, get))
    return;
  g_autoptr (GByteArray) flat =
      text_unpack (sqlite3_column_blob (get, 1), (size_t)sqlite3_column_bytes (get, 1),
                   sqlite3_column_int (get, 0));
  sqlite3_reset (get);
  struct flat open;
  if (!flat || !flat_open (&open, flat->data, flat->len)) {
    g_strlcpy (work->why, "a document is damaged", DATABASE_WHY);
    good (work, PTN_E_CORRUPT);
    return;
  }
  sqlite3_stmt *words = side_get (work->side, WORDS_REMOVE);
  sqlite3_bind_int64 (words, 1, number);
  bind_text (words, 2, open.text);
  run (work, words);
  sqlite3_clear_bindings (words);
  sqlite3_stmt *remove = side_get (work->side, DOCUMENT_REMOVE);
  sqlite3_bind_int64 (remove, 1, number);
  run (work, remove);
}

ptn_status
database_sweep (struct database *database, bool *left, char why[DATABASE_WHY]) {
  int64_t numbers[SWEEP];
  int count = 0;
  struct work work = begin (database, why);
  sqlite3_stmt *get = side_get (work.side, ORPHANS);
  sqlite3_bind_int (get, 1, SWEEP);
  while (work.status == PTN_OK && count < SWEEP && row (&work, get))
    numbers[count++] = sqlite3_column_int64 (get, 0);
  sqlite3_reset (get);
  for (int i = 0; i < count && work.status == PTN_OK; i++) {
    sqlite3_stmt *placed = side_get (work.side, DOCUMENT_PLACED);
    sqlite3_bind_int64 (placed, 1, numbers[i]);
    bool used = row (&work, placed);
    sqlite3_reset (placed);
    if (!used && work.status == PTN_OK)
      remove_document (&work, numbers[i]);
    sqlite3_stmt *done = side_get (work.side, ORPHAN_REMOVE);
    sqlite3_bind_int64 (done, 1, numbers[i]);
    if (work.status == PTN_OK)
      run (&work, done);
  }
  *left = count == SWEEP;
  return end (&work);
}
