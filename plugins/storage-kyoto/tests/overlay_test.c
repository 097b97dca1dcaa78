/* SPDX-License-Identifier: GPL-3.0-or-later */
/* overlay_test.c - the ordered map against GLib's tree: keys in order, in reverse, at random and in
 * runs; what is found, and the order. */
#include "support.h"

enum { KEYS = 3000, ROUNDS = 20000 };

static int
text_order (const void *a, const void *b, void *data) {
  return strcmp (a, b);
}

static void
expect_same (struct overlay *overlay, GTree *model) {
  const struct overlay_node *node = overlay_first (overlay);

  for (GTreeNode *at = g_tree_node_first (model); at; at = g_tree_node_next (at)) {
    const char *value = g_tree_node_value (at);

    assert_non_null (node);
    assert_int_equal (node->key_size, strlen (g_tree_node_key (at)));
    assert_memory_equal (node->key, g_tree_node_key (at), node->key_size);
    assert_int_equal (node->state, *value ? OVERLAY_VALUE : OVERLAY_REMOVED);
    assert_memory_equal (node->value ? node->value : (const uint8_t *)"", value, strlen (value));
    assert_int_equal (*value ? node->value_size : 0, strlen (value));
    assert_ptr_equal (overlay_find (overlay, node->key, node->key_size), node);
    node = node->next[0];
  }
  assert_null (node);
  assert_int_equal (overlay_count (overlay), g_tree_nnodes (model));
}

static void
set (struct overlay *overlay, GTree *model, unsigned number, unsigned round) {
  char key[16], value[64];

  g_snprintf (key, sizeof key, "%0*u", number % 3 ? 8 : 6, number);
  g_snprintf (value, sizeof value, "%.*s", (int)(round * 7 % 40),
              "value of a length that changes from time to time");
  g_tree_insert (model, g_strdup (key), g_strdup (value));
  overlay_set (overlay, overlay_node (overlay, (const uint8_t *)key, strlen (key)),
               *value ? value : NULL, strlen (value), round % 2);
}

static void
as_a_tree (void **state) {
  struct overlay *overlay = overlay_new ();

  for (unsigned pass = 0; pass < 3; pass++) {
    GTree *model = g_tree_new_full (text_order, NULL, g_free, g_free);
    unsigned number = 0, way = 0;

    for (unsigned round = 0; round < ROUNDS; round++) {
      if (round % 50 == 0) {
        way = (unsigned)g_random_int_range (0, 4);
        number = (unsigned)g_random_int_range (0, KEYS);
      }
      number = (way == 0   ? number + 1
                : way == 1 ? number + KEYS - 1
                : way == 2 ? number + 7
                           : (unsigned)g_random_int_range (0, KEYS))
               % KEYS;
      set (overlay, model, number, round);
      if (round % 2000 == 0)
        expect_same (overlay, model);
    }
    expect_same (overlay, model);
    g_tree_unref (model);
    overlay_reset (overlay);
  }
  overlay_free (&overlay);
}

int
main (void) {
  static const struct CMUnitTest tests[] = { cmocka_unit_test (as_a_tree) };

  g_random_set_seed (5); /* what is found must be found again */
  return cmocka_run_group_tests (tests, NULL, NULL);
}
