/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tree.c - see tree.h. */
#include "tree.h"

#include "crc32c.h"
#include "pages.h"

#include <kclangc.h>

struct tree {
  KCDB *db;
  struct pages *pages; /* of one that is only read; NULL: not that way */
};

void
value_init (struct value *value) {
  value->data = value->small;
  value->size = 0;
  value->room = sizeof value->small;
}

void
value_clear (struct value *value) {
  if (value->data != value->small)
    g_free (value->data);
  value_init (value);
}

void
value_set (struct value *value, const void *data, size_t size) {
  if (size > value->room) {
    if (value->data != value->small)
      g_free (value->data);
    value->data = g_malloc (size);
    value->room = size;
  }
  memcpy (value->data, data, size);
  value->size = size;
}

/* Was it written and closed in order, and does Kyoto Cabinet believe in it? */
static bool
sound (KCDB *db) {
  char *status = kcdbstatus (db);
  bool good = status && !strstr (status, "recovered\t1") && !strstr (status, "reorganized\t1")
              && !strstr (status, "fatal_flags\t1");

  if (status)
    kcfree (status);
  return good;
}

struct tree *
tree_open (const char *path, bool write, size_t cache) {
  /* opts=l: 16 GB are not the limit; bnum: pages, 64k of 8 kB are 512 MB before chains grow. */
  g_autofree char *name =
      g_strdup_printf ("%s#type=kct#msiz=0#bnum=65536#psiz=8192#apow=4#fpow=8#opts=l#pccap=%zu",
                       path, cache);
  uint32_t mode = KCONOLOCK | KCONOREPAIR | (write ? KCOWRITER | KCOCREATE : KCOREADER);
  struct tree *tree = g_new0 (struct tree, 1);

  tree->db = kcdbnew ();
  if (kcdbopen (tree->db, name, mode) && sound (tree->db)) {
    if (!write)
      tree->pages = pages_open (path);
    return tree;
  }
  tree_close (&tree);
  return NULL;
}

bool
tree_close (struct tree **tree) {
  bool good = true;

  if (!*tree)
    return true;
  pages_close (&(*tree)->pages);
  good = kcdbclose ((*tree)->db);
  kcdbdel ((*tree)->db);
  g_free (*tree);
  *tree = NULL;
  return good;
}

static uint32_t
seal (const uint8_t *key, size_t key_size, const void *value, size_t size) {
  return crc32c (crc32c (0, key, key_size), value, size);
}

/* Takes the checksum off.  False: rotten. */
static bool
unseal (const char *key, size_t key_size, const char *value, size_t size, struct value *result) {
  if (size < 4)
    return false;
  size -= 4;
  if (get_u32 ((const uint8_t *)value + size) != seal ((const uint8_t *)key, key_size, value, size))
    return false;
  value_set (result, value, size);
  return true;
}

struct visit {
  struct value *value;
  struct octets *key;
  ptn_status status;
};

static const char *
see (const char *key, size_t key_size, const char *value, size_t size, size_t *result_size,
     void *argument) {
  struct visit *visit = argument;

  if (visit->key) {
    visit->key->size = 0;
    octets_add (visit->key, key, key_size);
  }
  visit->status = unseal (key, key_size, value, size, visit->value) ? PTN_OK : PTN_E_CORRUPT;
  return KCVISNOP;
}

static const char *
see_nothing (const char *key, size_t key_size, size_t *result_size, void *argument) {
  struct visit *visit = argument;

  visit->status = PTN_E_NOT_FOUND;
  return KCVISNOP;
}

ptn_status
tree_get (struct tree *tree, const uint8_t *key, size_t size, struct value *value) {
  struct visit visit = { value, NULL, PTN_E_CORRUPT };

  if (!kcdbaccept (tree->db, (const char *)key, size, see, see_nothing, &visit, 0))
    return PTN_E_CORRUPT;
  return visit.status;
}

bool
tree_put (struct tree *tree, const uint8_t *key, size_t size, const void *data, size_t data_size) {
  uint8_t small[512], *sealed = data_size + 4 <= sizeof small ? small : g_malloc (data_size + 4);
  bool good;

  memcpy (sealed, data, data_size);
  put_u32 (sealed + data_size, seal (key, size, data, data_size));
  good = kcdbset (tree->db, (const char *)key, size, (const char *)sealed, data_size + 4);
  if (sealed != small)
    g_free (sealed);
  return good;
}

static const char *
drop (const char *key, size_t key_size, const char *value, size_t size, size_t *result_size,
      void *argument) {
  return KCVISREMOVE;
}

/* Not kcdbremove, for which a key that is not there is an error. */
bool
tree_remove (struct tree *tree, const uint8_t *key, size_t size) {
  struct visit visit = { NULL, NULL, PTN_OK };

  return kcdbaccept (tree->db, (const char *)key, size, drop, see_nothing, &visit, 1);
}

bool
tree_put_end_marks (struct tree *tree) {
  static const uint8_t marks[] = { KEY_END, KEY_END };

  /* A cursor reads the first, and thereby steps to the second. */
  return tree_put (tree, marks, 1, "", 0) && tree_put (tree, marks, 2, "", 0);
}

int64_t
tree_count (struct tree *tree) {
  return kcdbcount (tree->db);
}

/* Kyoto Cabinet's cursor finds a row without reading its page anew; who wants many rows goes on
 * from page to page. */
enum { ROWS_BEFORE_PAGES = 16, ROWS_BY_PAGES = 48 };

struct tree_cursor {
  KCCUR *cursor;
  struct tree *tree;
  bool ended;
  bool paged;
  ptn_status found; /* of the seek among pages */
  unsigned given;
  struct page page;
};

struct tree_cursor *
tree_cursor_new (struct tree *tree, const uint8_t *key, size_t size, size_t rows) {
  struct tree_cursor *cursor = g_new0 (struct tree_cursor, 1);

  cursor->tree = tree;
  if (tree->pages && rows >= ROWS_BY_PAGES && rows != SIZE_MAX) {
    cursor->paged = true;
    cursor->found = pages_seek (tree->pages, &cursor->page, key, size);
    return cursor;
  }
  cursor->cursor = kcdbcursor (tree->db);
  cursor->ended = !kccurjumpkey (cursor->cursor, (const char *)key, size);
  return cursor;
}

void
tree_cursor_free (struct tree_cursor **cursor) {
  if (!*cursor)
    return;
  if ((*cursor)->cursor)
    kccurdel ((*cursor)->cursor);
  octets_clear (&(*cursor)->page.data);
  g_free (*cursor);
  *cursor = NULL;
}

static ptn_status
next_of_pages (struct tree_cursor *cursor, struct octets *key, struct value *value) {
  const uint8_t *row, *data;
  size_t row_size, size;
  ptn_status status =
      pages_step (cursor->tree->pages, &cursor->page, &row, &row_size, &data, &size);

  if (status != PTN_OK)
    return status;
  key->size = 0;
  octets_add (key, row, row_size);
  return unseal ((const char *)row, row_size, (const char *)data, size, value) ? PTN_OK
                                                                               : PTN_E_CORRUPT;
}

/* Behind the row with this key. */
static ptn_status
go_over_to_pages (struct tree_cursor *cursor, const struct octets *key) {
  static const uint8_t least = 0;
  struct octets behind = { 0 };
  ptn_status status;

  octets_add (&behind, key->data, key->size);
  octets_add (&behind, &least, 1);
  status = pages_seek (cursor->tree->pages, &cursor->page, behind.data, behind.size);
  octets_clear (&behind);
  cursor->paged = true;
  return status;
}

ptn_status
tree_cursor_next (struct tree_cursor *cursor, struct octets *key, struct value *value) {
  struct visit visit = { value, key, PTN_E_CORRUPT };

  if (cursor->paged)
    return cursor->found == PTN_OK ? next_of_pages (cursor, key, value) : cursor->found;
  if (cursor->ended)
    return kcdbecode (cursor->tree->db) == KCENOREC ? PTN_END : PTN_E_CORRUPT;
  if (kccuraccept (cursor->cursor, see, &visit, 0, 1)) {
    if (visit.status == PTN_OK && ++cursor->given == ROWS_BEFORE_PAGES && cursor->tree->pages)
      visit.status = go_over_to_pages (cursor, key);
    return visit.status;
  }
  cursor->ended = true;
  return kccurecode (cursor->cursor) == KCENOREC ? PTN_END : PTN_E_CORRUPT;
}

ptn_status
tree_cursor_run (struct tree_cursor *cursor, const uint8_t *until, size_t until_size, size_t limit,
                 tree_row *row, void *argument, size_t *given) {
  struct page *page = &cursor->page;
  const uint8_t *key, *value;
  size_t key_size, size;

  if (!cursor->paged || cursor->found != PTN_OK)
    return PTN_OK;
  while (*given < limit) {
    ptn_status status = pages_step (cursor->tree->pages, page, &key, &key_size, &value, &size);

    if (status != PTN_OK)
      return status == PTN_END ? PTN_OK : status; /* found again by who goes on */
    if (octets_order (key, key_size, until, until_size) >= 0) {
      page->at = page->row;
      return PTN_OK;
    }
    /* The value stands behind its key: one sum over both. */
    if (size < 4 || get_u32 (value + size - 4) != crc32c (0, key, key_size + size - 4))
      return PTN_E_CORRUPT;
    (*given)++;
    if (!row (argument, key, key_size, value, size - 4))
      return PTN_END;
  }
  return PTN_OK;
}
