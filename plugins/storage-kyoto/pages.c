/* SPDX-License-Identifier: GPL-3.0-or-later */
/* pages.c - see pages.h.
 *
 * In the file of a TreeDB (Kyoto Cabinet 1.2, format 6):
 *
 *     "@"     80 octets, numbers of 8, big-endian: at 16 the root, at 40 leaves, at 72 a mark
 *     "Lid"   leaf: number before, number behind, then rows: size of key, of value, key, value
 *     "Iid"   inner page: number of the first child, then: number of a child, size of key, key
 *
 * Ids in keys are hexadecimal without leading zeros; other numbers have seven bits an octet, high
 * ones first.  Inner pages have ids above 2^48, which is taken off in their keys. */
#include "pages.h"

#include <kclangc.h>
#include <pthread.h>

#define INNER (UINT64_C (1) << 48)
enum { META_SIZE = 80, META_ROOT = 16, META_LEAVES = 40, META_MARK = 72, LEVELS_MAX = 16 };
enum { INNER_KEPT = 256 }; /* inner pages in memory, 8 kB each: they lead to 30,000 leaves or so */

struct pages {
  KCDB *db;
  uint64_t root;
  pthread_mutex_t lock;
  GHashTable *inner; /* id -> GBytes, kept until the end */
  uint64_t leaves;   /* that were ever made: a chain that is longer goes in a circle */
};

static const char *
copy_page (const char *key, size_t key_size, const char *value, size_t size, size_t *result_size,
           void *argument) {
  struct octets *data = argument;

  octets_add (data, value, size);
  return KCVISNOP;
}

static const char *
no_page (const char *key, size_t key_size, size_t *result_size, void *argument) {
  return KCVISNOP;
}

static bool
load (struct pages *pages, const char *key, struct octets *data) {
  data->size = 0;
  return kcdbaccept (pages->db, key, strlen (key), copy_page, no_page, data, 0) && data->size > 0;
}

static uint64_t
big_endian (const uint8_t *at) {
  uint64_t number;

  memcpy (&number, at, sizeof number);
  return GUINT64_FROM_BE (number);
}

struct pages *
pages_open (const char *path) {
  g_autofree char *name = g_strdup_printf ("%s#type=kch#msiz=0", path);
  struct pages *pages = g_new0 (struct pages, 1);
  struct octets meta = { 0 };

  pages->db = kcdbnew ();
  pages->inner =
      g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, (GDestroyNotify)g_bytes_unref);
  pthread_mutex_init (&pages->lock, NULL);
  if (kcdbopen (pages->db, name, KCOREADER | KCONOLOCK | KCONOREPAIR) && load (pages, "@", &meta)
      && meta.size == META_SIZE && memcmp (meta.data + META_MARK, "\nBoofy!\n", 8) == 0) {
    pages->root = big_endian (meta.data + META_ROOT);
    pages->leaves = big_endian (meta.data + META_LEAVES);
  }
  octets_clear (&meta);
  if (pages->root == 0)
    pages_close (&pages);
  return pages;
}

void
pages_close (struct pages **pages) {
  if (!*pages)
    return;
  kcdbclose ((*pages)->db);
  kcdbdel ((*pages)->db);
  g_hash_table_unref ((*pages)->inner);
  pthread_mutex_destroy (&(*pages)->lock);
  g_clear_pointer (pages, g_free);
}

static bool
number (struct page *page, uint64_t *value) {
  *value = 0;
  for (unsigned i = 0; i < 10 && page->at < page->end; i++) {
    uint8_t octet = *page->at++;

    *value = *value << 7 | (octet & 127);
    if (octet < 128)
      return true;
  }
  return false;
}

/* A key or value of this many octets. */
static bool
span (struct page *page, uint64_t size, const uint8_t **octets) {
  if (size > (uint64_t)(page->end - page->at))
    return false;
  *octets = page->at;
  page->at += size;
  return true;
}

static bool
load_id (struct pages *pages, char kind, uint64_t id, struct page *page) {
  char key[24];

  g_snprintf (key, sizeof key, "%c%" G_GINT64_MODIFIER "X", kind, id);
  if (!load (pages, key, &page->data))
    return false;
  page->at = page->data.data;
  page->end = page->at + page->data.size;
  return true;
}

static bool
load_leaf (struct pages *pages, uint64_t id, struct page *page) {
  uint64_t before;

  return page->count++ <= pages->leaves && load_id (pages, 'L', id, page) && number (page, &before)
         && number (page, &page->next);
}

/* Nobody changes a page: one that is kept may be read without the lock. */
static bool
load_inner (struct pages *pages, uint64_t id, struct page *page) {
  GBytes *kept;
  gsize size;

  pthread_mutex_lock (&pages->lock);
  kept = g_hash_table_lookup (pages->inner, &id);
  pthread_mutex_unlock (&pages->lock);
  if (kept) {
    page->at = g_bytes_get_data (kept, &size);
    page->end = page->at + size;
    return true;
  }
  if (!load_id (pages, 'I', id, page))
    return false;
  pthread_mutex_lock (&pages->lock);
  if (g_hash_table_size (pages->inner) < INNER_KEPT && !g_hash_table_contains (pages->inner, &id))
    g_hash_table_insert (pages->inner, g_memdup2 (&id, sizeof id),
                         g_bytes_new (page->data.data, page->data.size));
  pthread_mutex_unlock (&pages->lock);
  return true;
}

/* The child of an inner page where the key belongs; 0: it makes no sense. */
static uint64_t
choose (struct page *page, const uint8_t *key, size_t size) {
  uint64_t chosen, child, other_size;
  const uint8_t *other;

  if (!number (page, &chosen))
    return 0;
  while (page->at < page->end) {
    if (!number (page, &child) || !number (page, &other_size) || !span (page, other_size, &other))
      return 0;
    if (octets_order (other, (size_t)other_size, key, size) > 0)
      break;
    chosen = child;
  }
  return chosen;
}

ptn_status
pages_seek (struct pages *pages, struct page *page, const uint8_t *key, size_t size) {
  uint64_t id = pages->root;

  page->count = 0;
  for (unsigned level = 0; id > INNER; level++) {
    if (level == LEVELS_MAX || !load_inner (pages, id - INNER, page))
      return PTN_E_CORRUPT;
    id = choose (page, key, size);
  }
  if (id == 0 || !load_leaf (pages, id, page))
    return PTN_E_CORRUPT;
  for (;;) {
    const uint8_t *row, *value;
    size_t row_size, value_size;
    ptn_status status = pages_next (pages, page, &row, &row_size, &value, &value_size);

    if (status != PTN_OK)
      return status == PTN_END ? PTN_OK : status;
    if (octets_order (row, row_size, key, size) >= 0) {
      page->at = page->row;
      return PTN_OK;
    }
  }
}

ptn_status
pages_next (struct pages *pages, struct page *page, const uint8_t **key, size_t *key_size,
            const uint8_t **value, size_t *size) {
  uint64_t key_octets, octets;

  while (page->at == page->end) {
    if (page->next == 0)
      return PTN_END;
    if (!load_leaf (pages, page->next, page))
      return PTN_E_CORRUPT;
  }
  page->row = page->at;
  if (!number (page, &key_octets) || !number (page, &octets) || !span (page, key_octets, key)
      || !span (page, octets, value))
    return PTN_E_CORRUPT;
  *key_size = (size_t)key_octets;
  *size = (size_t)octets;
  return PTN_OK;
}
