/* SPDX-License-Identifier: GPL-3.0-or-later */
/* index.c - see index.h. */
#include "index.h"

enum { PUBLISH_AT_ONCE = 1024, PUBLISH_A_TURN = 512 };

void
index_init (struct index *index) {
  pthread_rwlockattr_t attributes;

  memset (index, 0, sizeof *index);
  /* A publish must not starve behind a stream of readers. */
  pthread_rwlockattr_init (&attributes);
  pthread_rwlockattr_setkind_np (&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
  pthread_rwlock_init (&index->lock, &attributes);
  pthread_rwlockattr_destroy (&attributes);
  pthread_mutex_init (&index->publishing, NULL);
  index->active = overlay_new ();
}

void
index_destroy (struct index *index) {
  tree_close (&index->base);
  overlay_free (&index->active);
  overlay_free (&index->frozen);
  pthread_rwlock_destroy (&index->lock);
  pthread_mutex_destroy (&index->publishing);
}

/* Asked inside the lock: who takes the index away sets this before it takes the lock. */
static bool
refuses (struct index *index) {
  return atomic_load_explicit (&index->away, memory_order_acquire)
         && !pthread_equal (atomic_load (&index->keeper), pthread_self ());
}

/* PTN_OK, PTN_E_NOT_FOUND (removed), or PTN_END: look further down. */
static ptn_status
look (const struct overlay *overlay, const struct key *key, struct value *value) {
  const struct overlay_node *node = overlay ? overlay_find (overlay, key->octets, key->size) : NULL;

  if (!node || node->state == OVERLAY_NOTHING)
    return PTN_END;
  if (node->state == OVERLAY_REMOVED)
    return PTN_E_NOT_FOUND;
  value_set (value, node->value, node->value_size);
  return PTN_OK;
}

ptn_status
index_get (struct index *index, const struct overlay *top, const struct key *key,
           struct value *value) {
  ptn_status status = look (top, key, value);

  if (status != PTN_END)
    return status;
  pthread_rwlock_rdlock (&index->lock);
  status = refuses (index) ? PTN_E_TEMPORARY : look (index->recent, key, value);
  if (status == PTN_END)
    status = look (index->active, key, value);
  if (status == PTN_END)
    status = look (index->frozen, key, value);
  if (status == PTN_END)
    status = index->base ? tree_get (index->base, key->octets, key->size, value) : PTN_E_NOT_FOUND;
  pthread_rwlock_unlock (&index->lock);
  if (status == PTN_E_CORRUPT)
    atomic_store (&index->corrupt, true);
  return status;
}

/* One of the ordered sequences that a scan merges. */
struct layer {
  const struct overlay_node *node;
  struct tree_cursor *cursor; /* the base's; its row stands in key and value */
  const uint8_t *key;
  size_t size;
};

struct merge {
  struct layer layers[5]; /* newest first */
  size_t count;
  const struct key *end;
  struct octets base_key;
  struct value base_value;
  ptn_status status;
};

/* Lets the layer's key be that of its current row, or NULL at the end of the range. */
static void
settle (struct merge *merge, struct layer *layer) {
  layer->key = NULL;
  if (layer->cursor) {
    ptn_status status = tree_cursor_next (layer->cursor, &merge->base_key, &merge->base_value);

    if (status == PTN_OK) {
      layer->key = merge->base_key.data;
      layer->size = merge->base_key.size;
    } else if (status == PTN_E_CORRUPT)
      merge->status = status;
  } else if (layer->node) {
    layer->key = layer->node->key;
    layer->size = layer->node->key_size;
  }
  if (layer->key
      && octets_order (layer->key, layer->size, merge->end->octets, merge->end->size) >= 0)
    layer->key = NULL;
}

static void
add_overlay (struct merge *merge, const struct overlay *overlay, const struct key *from) {
  if (overlay && overlay_count (overlay) > 0) {
    struct layer *layer = &merge->layers[merge->count++];

    *layer = (struct layer){ .node = overlay_seek (overlay, from->octets, from->size) };
    settle (merge, layer);
  }
}

static void
advance (struct merge *merge, struct layer *layer) {
  if (layer->node)
    layer->node = layer->node->next[0];
  settle (merge, layer);
}

/* The rows of the base up to where another layer has something: most of a mailbox, mostly. */
static bool
run_of_base (struct merge *merge, size_t limit, index_row *row, void *argument, size_t *given) {
  const uint8_t *until = merge->end->octets;
  size_t size = merge->end->size;
  struct tree_cursor *cursor = NULL;
  ptn_status status;

  for (size_t i = 0; i < merge->count; i++) {
    const struct layer *layer = &merge->layers[i];

    if (layer->cursor)
      cursor = layer->cursor;
    else if (layer->key && octets_order (layer->key, layer->size, until, size) < 0) {
      until = layer->key;
      size = layer->size;
    }
  }
  status = tree_cursor_run (cursor, until, size, limit, row, argument, given);
  if (status == PTN_E_CORRUPT)
    merge->status = status;
  return status == PTN_OK;
}

/* Hands out the row with the least key, of the newest layer that has it; all of them go on. */
static bool
merge_step (struct merge *merge, size_t limit, index_row *row, void *argument, size_t *given) {
  struct layer *least = NULL, *same[G_N_ELEMENTS (merge->layers)];
  size_t same_count = 0;
  bool go_on = true;

  for (size_t i = 0; i < merge->count; i++) {
    struct layer *layer = &merge->layers[i];
    int order = !layer->key ? 1
                : !least    ? -1
                            : octets_order (layer->key, layer->size, least->key, least->size);

    if (order < 0) {
      least = layer;
      same_count = 0;
    }
    if (order <= 0)
      same[same_count++] = layer;
  }
  if (!least) {
    if (merge->status == PTN_OK)
      merge->status = PTN_END;
    return false;
  }
  if (least->cursor) {
    (*given)++;
    go_on = row (argument, least->key, least->size, merge->base_value.data, merge->base_value.size)
            && run_of_base (merge, limit, row, argument, given);
  } else if (least->node->state == OVERLAY_VALUE) {
    (*given)++;
    go_on = row (argument, least->key, least->size, least->node->value, least->node->value_size);
  }
  for (size_t i = 0; i < same_count; i++)
    advance (merge, same[i]);
  return go_on && merge->status == PTN_OK;
}

/* A node that was undone hides nothing: the layers must not see it.  Only `top` can have such
 * nodes, and undone inserts are rare, so they are stepped over here. */
static void
skip_nothing (struct merge *merge) {
  for (size_t i = 0; i < merge->count; i++)
    while (merge->layers[i].key && merge->layers[i].node
           && merge->layers[i].node->state == OVERLAY_NOTHING)
      advance (merge, &merge->layers[i]);
}

ptn_status
index_scan (struct index *index, const struct overlay *top, const struct key *from,
            const struct key *end, size_t limit, index_row *row, void *argument) {
  struct merge merge = { .end = end, .status = PTN_OK };
  struct tree_cursor *cursor = NULL;
  size_t given = 0;

  pthread_rwlock_rdlock (&index->lock);
  if (refuses (index)) {
    pthread_rwlock_unlock (&index->lock);
    return PTN_E_TEMPORARY;
  }
  value_init (&merge.base_value);
  add_overlay (&merge, top, from);
  add_overlay (&merge, index->recent, from);
  add_overlay (&merge, index->active, from);
  add_overlay (&merge, index->frozen, from);
  if (index->base) {
    struct layer *layer = &merge.layers[merge.count++];

    cursor = tree_cursor_new (index->base, from->octets, from->size, limit);
    *layer = (struct layer){ .cursor = cursor };
    settle (&merge, layer);
  }
  if (merge.status == PTN_OK)
    do
      skip_nothing (&merge);
    while (given < limit && merge_step (&merge, limit, row, argument, &given));
  tree_cursor_free (&cursor);
  pthread_rwlock_unlock (&index->lock);
  octets_clear (&merge.base_key);
  value_clear (&merge.base_value);
  if (merge.status == PTN_E_CORRUPT)
    atomic_store (&index->corrupt, true);
  return merge.status;
}

/* Some of the changes into `active`, inside the lock; where to go on, NULL: that was all. */
static const struct overlay_node *
move_changes (struct index *index, const struct overlay_node *node, size_t count) {
  for (; node && count > 0; node = node->next[0], count--)
    if (node->state != OVERLAY_NOTHING)
      overlay_set (index->active, overlay_node (index->active, node->key, node->key_size),
                   node->state == OVERLAY_VALUE ? node->value : NULL, node->value_size, false);
  return node;
}

/* What is visible from now on is the changes in their own layer, or already in `active`. */
static void
now_visible (struct index *index, const struct overlay *changes, struct position position) {
  index->position = position;
  if (atomic_load (&index->watched) > 0)
    index->watch (index->watch_argument, changes);
}

void
index_publish (struct index *index, const struct overlay *changes, struct position position) {
  const struct overlay_node *node = overlay_first (changes);
  bool many = overlay_count (changes) > PUBLISH_AT_ONCE;

  pthread_mutex_lock (&index->publishing);
  pthread_rwlock_wrlock (&index->lock);
  if (many)
    index->recent = changes;
  else
    node = move_changes (index, node, SIZE_MAX);
  now_visible (index, changes, position);
  pthread_rwlock_unlock (&index->lock);
  while (node) { /* in turns, so that no reader waits long */
    pthread_rwlock_wrlock (&index->lock);
    node = move_changes (index, node, PUBLISH_A_TURN);
    pthread_rwlock_unlock (&index->lock);
  }
  if (many) {
    pthread_rwlock_wrlock (&index->lock);
    index->recent = NULL;
    pthread_rwlock_unlock (&index->lock);
  }
  pthread_mutex_unlock (&index->publishing);
}
