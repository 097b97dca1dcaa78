/* SPDX-License-Identifier: GPL-3.0-or-later */
/* first_tree.c - see first_tree.h. */
#include "first_tree.h"

#include "base.h"

#include <glib/gstdio.h>

bool
first_tree_open (struct shard *shard, struct position *position) {
  struct tree *tree;
  struct position own;
  struct value value;
  struct key key;
  char which;
  bool good;

  if (!current_read (shard, &which, position))
    return false;
  tree = shard_tree_open (shard, which, false);
  if (!tree)
    return false;
  value_init (&value);
  key_meta (&key, "pos");
  good = tree_get (tree, key.octets, key.size, &value) == PTN_OK
         && position_get (VALUE_READER (&value), &own) && own.lsn == position->lsn
         && own.segment == position->segment && own.offset == position->offset;
  value_clear (&value);
  if (!good) {
    tree_close (&tree);
    return false;
  }
  /* Made anew while others look, if it is not the start. */
  pthread_rwlock_wrlock (&shard->index.lock);
  shard->index.base = tree;
  shard->current = which;
  shard->index.base_until = shard->index.position = *position;
  pthread_rwlock_unlock (&shard->index.lock);
  return true;
}

static void
remove_trees (struct shard *shard) {
  g_autofree char *a = shard_tree_name (shard, 'A');
  g_autofree char *b = shard_tree_name (shard, 'B');
  g_autofree char *current = shard_file (shard, "CURRENT");

  g_unlink (current);
  g_unlink (a);
  g_unlink (b);
}

struct loading {
  struct shard *shard;
  struct tree *tree;
  uint32_t greatest_user, next_user;
  bool good;
};

static bool
load_row (void *argument, const uint8_t *key, size_t key_size, const uint8_t *value, size_t size) {
  struct loading *loading = argument;

  if (key[0] == KEY_MAILBOX)
    loading->greatest_user = MAX (loading->greatest_user, key_number (key, key_size, AT_USER));
  if (key_size == 6 && memcmp (key, "\0users", 6) == 0)
    user_id_get (READER (value, size), &loading->next_user);
  loading->good = tree_put (loading->tree, key, key_size, value, size);
  atomic_fetch_add (&loading->shard->work_done, key_size + size);
  return loading->good && !atomic_load (&loading->shard->store->stopping);
}

/* Rows may be missing.  Numbers of accounts must not be used twice all the same. */
static bool
finish_loading (struct loading *loading, const struct base_result *result) {
  struct octets coded = { 0 };
  struct key key;
  bool good = true;

  if (result->lost > 0 && loading->next_user <= loading->greatest_user) {
    key_meta (&key, "users");
    user_id_put (&coded, loading->greatest_user + 1);
    good = tree_put (loading->tree, key.octets, key.size, coded.data, coded.size);
  }
  octets_clear (&coded);
  return shard_tree_finish (loading->shard, &loading->tree, 'A', &result->position) && good;
}

/* The rows of a base become the tree that CURRENT names: in order, so that it takes no memory but
 * for a few pages. */
static ptn_status
load_base (struct shard *shard, uint32_t number) {
  struct loading loading = { .shard = shard, .tree = shard_tree_open (shard, 'A', true) };
  struct base_result result;
  ptn_status status;

  if (!loading.tree)
    return PTN_E_TEMPORARY;
  status = base_read (shard, number, load_row, &loading, &result);
  if (status != PTN_OK) {
    tree_close (&loading.tree);
    return status == PTN_E_CANCELLED && !loading.good ? PTN_E_TEMPORARY : status;
  }
  atomic_store (&shard->lost_records, result.lost);
  if (result.lost > 0) {
    atomic_store (&shard->base_wanted, true);
    shard_log (shard, PTN_LOG_ERROR, "store.corrupt", "base",
               "base.%08u: %" PRIu64 " of its records are damaged, their rows are lost", number,
               result.lost);
  }
  return finish_loading (&loading, &result) ? PTN_OK : PTN_E_TEMPORARY;
}

/* Is the log there from its first record on?  Then a damaged base is not needed. */
static bool
log_complete (const GArray *segments) {
  for (guint i = 0; i < segments->len; i++)
    if (g_array_index (segments, struct segment_info, i).number != i + 1)
      return false;
  return true;
}

static bool
base_sound (const struct shard *shard, uint32_t number) {
  struct base_result result;

  return base_read (shard, number, NULL, NULL, &result) == PTN_OK && result.lost == 0;
}

ptn_status
first_tree_make (struct shard *shard, const GArray *segments, struct position *position) {
  uint32_t number = base_newest (shard);
  ptn_status status = PTN_E_NOT_FOUND;

  remove_trees (shard);
  *position = (struct position){ .lsn = 0 };
  if (number > 0 && log_complete (segments) && !base_sound (shard, number)) {
    shard_log (shard, PTN_LOG_ERROR, "store.corrupt", "base",
               "base.%08u is damaged; the log is complete without it", number);
    atomic_store (&shard->base_wanted, true);
    return status;
  }
  /* There are two when a kill came before the older one was removed. */
  for (; number > 0 && status == PTN_E_NOT_FOUND; number--) {
    status = load_base (shard, number);
    if (status == PTN_E_NOT_FOUND)
      remove_trees (shard);
  }
  if (status == PTN_OK && !first_tree_open (shard, position))
    status = PTN_E_TEMPORARY;
  if (status != PTN_OK && status != PTN_E_NOT_FOUND)
    shard_log (shard, PTN_LOG_ERROR, "store.recovery", "error", "no tree can be made from a base");
  return status;
}
