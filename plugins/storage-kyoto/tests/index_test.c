/* SPDX-License-Identifier: GPL-3.0-or-later */
/* index_test.c - the layers of the index against a plain model: random changes, undone units,
 * checkpoints in between, every lookup and range compared. */
#include "support.h"

struct model {
  GTree *rows; /* key text -> value text */
};

static void
make_key (struct key *key, unsigned number) {
  key_message (key, 1 + number % 3, 1 + number % 5, 1 + number % 40);
}

static bool
collect (void *argument, const uint8_t *key, size_t key_size, const uint8_t *value, size_t size) {
  GString *text = argument;

  for (size_t i = 0; i < key_size; i++)
    g_string_append_printf (text, "%02x", key[i]);
  g_string_append_printf (text, "=%.*s\n", (int)size, (const char *)value);
  return true;
}

struct range {
  GString *text;
  const char *from, *end;
};

static gboolean
model_row (void *key, void *value, void *argument) {
  struct range *range = argument;

  if (strcmp (key, range->from) >= 0 && strcmp (key, range->end) < 0)
    g_string_append_printf (range->text, "%s=%s\n", (const char *)key, (const char *)value);
  return FALSE;
}

static char *
hex (const struct key *key) {
  GString *text = g_string_new (NULL);

  for (uint32_t i = 0; i < key->size; i++)
    g_string_append_printf (text, "%02x", key->octets[i]);
  return g_string_free (text, FALSE);
}

static void
compare_ranges (struct index *index, const struct overlay *top, GTree *model) {
  for (unsigned i = 0; i < 8; i++) {
    struct key from, end;
    g_autoptr (GString) real = g_string_new (NULL), expected = g_string_new (NULL);
    g_autofree char *low = NULL, *high = NULL;
    struct range range;

    make_key (&from, (unsigned)g_random_int_range (0, 600));
    make_key (&end, (unsigned)g_random_int_range (0, 600));
    low = hex (&from);
    high = hex (&end);
    range = (struct range){ expected, low, high };
    assert_int_equal (index_scan (index, top, &from, &end, SIZE_MAX, collect, real), PTN_END);
    g_tree_foreach (model, model_row, &range);
    assert_string_equal (real->str, expected->str);
  }
}

static void
change (struct edit *edit, GTree *model) {
  char value[32];
  struct key key;

  make_key (&key, (unsigned)g_random_int_range (0, 600));
  if (g_random_int_range (0, 3) == 0) {
    g_autofree char *text = hex (&key);

    edit_remove (edit, &key);
    if (model)
      g_tree_remove (model, text);
    return;
  }
  g_snprintf (value, sizeof value, "%u", g_random_int ());
  edit->coded.size = 0;
  octets_add (&edit->coded, value, strlen (value));
  edit_put (edit, &key, &edit->coded);
  if (model)
    g_tree_insert (model, hex (&key), g_strdup (value));
}

static int
text_order (const void *a, const void *b, void *data) {
  return strcmp (a, b);
}

static void
layers (void **state) {
  struct fixture *f = *state;
  GTree *model = g_tree_new_full (text_order, NULL, g_free, g_free);
  struct shard *shard;
  struct edit edit;

  fixture_open (f);
  shard = &f->store->shards[0];
  assert_int_equal (g_mkdir_with_parents (shard->path, 0700), 0);
  edit_init (&edit, &shard->index);
  for (unsigned round = 0; round < 300; round++) {
    for (int i = g_random_int_range (0, 12); i > 0; i--) {
      edit_begin_unit (&edit);
      if (g_random_int_range (0, 4) == 0) {
        for (int n = g_random_int_range (0, 4); n > 0; n--)
          change (&edit, NULL);
        edit_abort_unit (&edit);
      } else
        change (&edit, model);
    }
    compare_ranges (&shard->index, edit.changes, model);
    if (g_random_int_range (0, 3) == 0) {
      index_publish (&shard->index, edit.changes,
                     (struct position){ .lsn = round + 1, .segment = 1 });
      edit_clear (&edit);
      compare_ranges (&shard->index, NULL, model);
      if (g_random_int_range (0, 5) == 0)
        assert_true (shard_checkpoint (shard, false));
    }
  }
  index_publish (&shard->index, edit.changes, (struct position){ .lsn = 1000, .segment = 1 });
  assert_true (shard_checkpoint (shard, true));
  compare_ranges (&shard->index, NULL, model);
  edit_destroy (&edit);
  g_tree_unref (model);
}

int
main (void) {
  static const struct CMUnitTest tests[] = { STORE_TEST (layers) };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
