/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tree.h - one Kyoto Cabinet TreeDB, used as a checked, ordered map.
 *
 * Kyoto Cabinet has no checksums, so every value carries the CRC32C of its key and itself.  Its
 * mmap is off (a full disk would be a SIGBUS), so are its transactions and its repair (neither
 * survives a crash); a tree that was not closed properly is not readable, that is all.
 *
 * A tree is owned by one shard.  Reading: any thread.  Writing: one thread, nobody else. */
#ifndef STORAGE_KYOTO_TREE_H
#define STORAGE_KYOTO_TREE_H

#include "rows.h"

struct tree;

/* A value copied out; `data` is `small` or on the heap. */
struct value {
  uint8_t *data;
  size_t size, room;
  uint8_t small[208];
};
void value_init (struct value *);
void value_clear (struct value *);
void value_set (struct value *, const void *data, size_t size);
#define VALUE_READER(value) READER ((value)->data, (value)->size)

/* NULL: it cannot be opened, was not closed, or is no tree of ours.  cache: octets of pages
 * that are kept in memory. */
struct tree *tree_open (const char *path, bool write, size_t cache);
/* False: it may not have been written whole. */
bool tree_close (struct tree **);

/* PTN_OK, PTN_E_NOT_FOUND or PTN_E_CORRUPT. */
ptn_status tree_get (struct tree *, const uint8_t *key, size_t size, struct value *);
bool tree_put (struct tree *, const uint8_t *key, size_t size, const void *data, size_t data_size);
bool tree_remove (struct tree *, const uint8_t *key, size_t size);
/* Two rows behind all others (KEY_END).  A cursor that ran over the end of the tree would make Kyoto
 * Cabinet keep an error for its thread, and lose that memory when the tree is closed. */
bool tree_put_end_marks (struct tree *);
int64_t tree_count (struct tree *);

/* A place in the order of keys, and a copy of the row there. */
struct tree_cursor;
/* rows: how many of them will be wanted, about; SIZE_MAX: nobody knows. */
struct tree_cursor *tree_cursor_new (struct tree *, const uint8_t *key, size_t size, size_t rows);
void tree_cursor_free (struct tree_cursor **);
/* PTN_OK: the row stands in the key and value given; PTN_END; PTN_E_CORRUPT.  Then goes on. */
ptn_status tree_cursor_next (struct tree_cursor *, struct octets *key, struct value *);
/* Hands out the rows that come now and whose keys are before `until`, `limit` at most, where they
 * stand: none, if the cursor does not go from page to page.  `row` returns false to stop.  `given`
 * is counted up by those that were handed out.  PTN_OK; PTN_END: stopped; PTN_E_CORRUPT. */
typedef bool tree_row (void *argument, const uint8_t *key, size_t key_size, const uint8_t *value,
                       size_t size);
ptn_status tree_cursor_run (struct tree_cursor *, const uint8_t *until, size_t until_size,
                            size_t limit, tree_row *row, void *argument, size_t *given);

#endif
