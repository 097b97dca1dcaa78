/* SPDX-License-Identifier: GPL-3.0-or-later */
/* index_test.c - the layers of the index against a plain model: random changes, undone units,
 * checkpoints in between, every lookup and range compared. */
#include "support.h"

#include <pthread.h>

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
    assert_int_equal (index_scan (index, top, &from, &end, g_random_boolean () ? SIZE_MAX : 1000,
                                  collect, real),
                      PTN_END);
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

/* --- large changes, and readers and checkpoints beside them ---------------------------------- */

enum { LARGE = 4000, GENERATIONS = 60, READERS = 2 };

static atomic_bool stop;
static _Atomic unsigned scans;

struct generation {
  char text[16];
  size_t rows;
  bool mixed;
};

static bool
same_generation (void *argument, const uint8_t *key, size_t key_size, const uint8_t *value,
                 size_t size) {
  struct generation *generation = argument;

  if (generation->rows++ == 0)
    g_snprintf (generation->text, sizeof generation->text, "%.*s", (int)size, (const char *)value);
  generation->mixed |= strlen (generation->text) != size || memcmp (generation->text, value, size);
  return true;
}

static void *
scan_all (void *argument) {
  struct shard *shard = argument;

  while (!atomic_load (&stop)) {
    struct generation generation = { .rows = 0 };
    struct key from, end;

    key_message (&from, 1, 1, 0);
    key_message (&end, 1, 1, UINT32_MAX);
    assert_int_equal (index_scan (&shard->index, NULL, &from, &end, SIZE_MAX, same_generation,
                                  &generation),
                      PTN_END);
    assert_false (generation.mixed);
    assert_true (generation.rows == 0 || generation.rows == LARGE);
    atomic_fetch_add (&scans, 1);
  }
  return NULL;
}

static void *
checkpoint_often (void *argument) {
  while (!atomic_load (&stop)) {
    assert_true (shard_checkpoint (argument, false));
    g_usleep (2000);
  }
  return NULL;
}

/* Changes that move into the index in turns are seen as a whole all the same. */
static void
all_or_none (void **state) {
  struct fixture *f = *state;
  pthread_t threads[READERS + 1];
  struct shard *shard;
  struct edit edit;

  fixture_open (f);
  shard = &f->store->shards[0];
  assert_int_equal (g_mkdir_with_parents (shard->path, 0700), 0);
  edit_init (&edit, &shard->index);
  atomic_store (&stop, false);
  for (unsigned i = 0; i < READERS; i++)
    pthread_create (&threads[i], NULL, scan_all, shard);
  pthread_create (&threads[READERS], NULL, checkpoint_often, shard);
  for (unsigned generation = 1; generation <= GENERATIONS; generation++) {
    struct octets value = { 0 };
    char text[16];

    octets_add (&value, text, (size_t)g_snprintf (text, sizeof text, "%u", generation));
    edit_begin_unit (&edit);
    for (uint32_t uid = 1; uid <= LARGE; uid++) {
      struct key key;

      key_message (&key, 1, 1, uid);
      edit_put (&edit, &key, &value);
    }
    index_publish (&shard->index, edit.changes,
                   (struct position){ .lsn = generation, .segment = 1 });
    edit_clear (&edit);
    octets_clear (&value);
  }
  while (atomic_load (&scans) < GENERATIONS)
    g_usleep (1000);
  atomic_store (&stop, true);
  for (unsigned i = 0; i <= READERS; i++)
    pthread_join (threads[i], NULL);
  edit_destroy (&edit);
}

int
main (void) {
  static const struct CMUnitTest tests[] = { STORE_TEST (layers), STORE_TEST (all_or_none) };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
