/* SPDX-License-Identifier: GPL-3.0-or-later */
/* pages_test.c - a tree read by its pages gives what Kyoto Cabinet's own cursor gives, from any key
 * on; pages that make no sense are found. */
#include "support.h"

#include "../pages.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <unistd.h>

enum { ROWS = 30000, EACH = 3 };

static char *
make_tree (const char *folder) {
  char *path = g_build_filename (folder, "idx.A.kct", NULL);
  struct tree *tree = tree_open (path, true, 1 << 20);

  assert_non_null (tree);
  for (uint32_t i = 1; i <= ROWS; i++) {
    char value[200];
    struct key key;
    int size = g_snprintf (value, sizeof value, "%u %0*u", i, (int)(i * 7 % 150 + 1), i);

    key_message (&key, i % 3, i % 7, i * EACH);
    assert_true (tree_put (tree, key.octets, key.size, value, (size_t)size));
  }
  for (uint32_t i = 1; i <= ROWS; i++) { /* pages become empty, too */
    struct key key;

    key_message (&key, i % 3, i % 7, i * EACH);
    if (i % 3 == 1 || i % 11 == 0)
      assert_true (tree_remove (tree, key.octets, key.size));
  }
  assert_true (tree_put_end_marks (tree));
  assert_true (tree_close (&tree));
  return path;
}

static void
expect_same (struct tree *tree, struct pages *pages, const struct key *from, size_t limit) {
  struct octets key = { 0 };
  struct value value;
  struct page page = { 0 };
  struct tree_cursor *cursor = NULL;
  size_t count;

  value_init (&value);
  assert_int_equal (pages_seek (pages, &page, from->octets, from->size), PTN_OK);
  /* A cursor of the tree changes over to pages itself: a new one for every few rows does not. */
  for (count = 0; count < limit; count++) {
    const uint8_t *row, *data;
    size_t row_size, size;
    ptn_status status;

    if (count % 10 == 0) {
      static const uint8_t least = 0;
      struct octets start = { 0 };

      octets_add (&start, count ? key.data : from->octets, count ? key.size : from->size);
      if (count)
        octets_add (&start, &least, 1);
      tree_cursor_free (&cursor);
      cursor = tree_cursor_new (tree, start.data, start.size, 1);
      octets_clear (&start);
    }
    status = tree_cursor_next (cursor, &key, &value);
    assert_int_equal (status, pages_next (pages, &page, &row, &row_size, &data, &size));
    if (status != PTN_OK)
      break;
    assert_int_equal (row_size, key.size);
    assert_memory_equal (row, key.data, row_size);
    assert_int_equal (size, value.size + 4); /* with its checksum */
    assert_memory_equal (data, value.data, value.size);
    if (key.data[0] == KEY_END)
      break;
  }
  tree_cursor_free (&cursor);
  octets_clear (&page.data);
  octets_clear (&key);
  value_clear (&value);
}

static void
same_rows (void **state) {
  struct fixture *fixture = *state;
  g_autofree char *path = make_tree (fixture->folder);
  struct tree *tree = tree_open (path, false, 1 << 20);
  struct pages *pages = pages_open (path);
  struct key key;

  assert_non_null (tree);
  assert_non_null (pages);
  key_message (&key, 0, 0, 0);
  expect_same (tree, pages, &key, SIZE_MAX);
  for (int i = 0; i < 300; i++) {
    key_message (&key, (uint32_t)g_random_int_range (0, 4), (uint32_t)g_random_int_range (0, 8),
                 (uint32_t)g_random_int_range (0, ROWS * EACH + 10));
    expect_same (tree, pages, &key, 200);
  }
  pages_close (&pages);
  tree_close (&tree);
}

/* Nothing that a damaged file says is believed: no crash, and no row that is not one. */
static void
damage (void **state) {
  struct fixture *fixture = *state;
  g_autofree char *path = make_tree (fixture->folder);
  g_autofree char *good = NULL;
  gsize size;

  assert_true (g_file_get_contents (path, &good, &size, NULL));
  for (int round = 0; round < 60; round++) {
    g_autofree char *bad = g_memdup2 (good, size);
    struct pages *pages;
    struct page page = { 0 };
    struct key key;

    for (int i = 0; i < 50; i++)
      bad[g_random_int_range (i < 2           ? 0
                              : 600000 < size ? 600000
                                              : 0,
                              (gint32)size)] ^= (char)(1 << g_random_int_range (0, 8));
    assert_true (g_file_set_contents (path, bad, (gssize)size, NULL));
    pages = pages_open (path);
    if (!pages)
      continue;
    key_message (&key, 0, 0, 0);
    if (pages_seek (pages, &page, key.octets, key.size) == PTN_OK)
      for (int i = 0; i < 2 * ROWS; i++) {
        const uint8_t *row, *data;
        size_t row_size, data_size;

        if (pages_next (pages, &page, &row, &row_size, &data, &data_size) != PTN_OK)
          break;
      }
    octets_clear (&page.data);
    pages_close (&pages);
  }
}

int
main (void) {
  g_random_set_seed (7); /* what is found must be found again */
  const struct CMUnitTest tests[] = {
    STORE_TEST (same_rows),
    STORE_TEST (damage),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
