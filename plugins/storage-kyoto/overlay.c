/* SPDX-License-Identifier: GPL-3.0-or-later */
/* overlay.c - see overlay.h. */
#include "overlay.h"

enum { HEIGHT_MAX = 12, CHUNK = 64 * 1024 };

struct chunk {
  struct chunk *next;
  size_t size, used;
  uint8_t data[];
};

struct overlay {
  struct chunk *chunks;
  struct overlay_node *head;
  size_t count, memory;
  uint32_t seed;
  uint32_t height;
  /* At each height the last node before the key that was looked for last, by who changes: the
   * next key is often right behind. */
  struct overlay_node *finger[HEIGHT_MAX];
};

static void *
allocate (struct overlay *overlay, size_t size) {
  struct chunk *chunk = overlay->chunks;

  size = (size + 7) & ~(size_t)7;
  if (!chunk || chunk->size - chunk->used < size) {
    /* Small at first: most overlays of a quiet store stay small. */
    size_t room = !chunk ? 4096 : CHUNK;

    if (room < size)
      room = size;
    chunk = g_malloc (sizeof *chunk + room);
    chunk->size = room;
    chunk->used = 0;
    chunk->next = overlay->chunks;
    overlay->chunks = chunk;
    overlay->memory += sizeof *chunk + room;
  }
  chunk->used += size;
  return chunk->data + chunk->used - size;
}

static void
make_head (struct overlay *overlay) {
  size_t size = sizeof (struct overlay_node) + HEIGHT_MAX * sizeof (struct overlay_node *);

  overlay->head = allocate (overlay, size);
  memset (overlay->head, 0, size);
  overlay->height = 1;
  overlay->count = 0;
  for (unsigned level = 0; level < HEIGHT_MAX; level++)
    overlay->finger[level] = overlay->head;
}

struct overlay *
overlay_new (void) {
  struct overlay *overlay = g_new0 (struct overlay, 1);

  overlay->seed = 2463534242u;
  make_head (overlay);
  return overlay;
}

static void
free_chunks (struct chunk *chunk) {
  while (chunk) {
    struct chunk *next = chunk->next;

    g_free (chunk);
    chunk = next;
  }
}

void
overlay_free (struct overlay **overlay) {
  if (!*overlay)
    return;
  free_chunks ((*overlay)->chunks);
  g_free (*overlay);
  *overlay = NULL;
}

void
overlay_reset (struct overlay *overlay) {
  struct chunk *keep = overlay->chunks;

  free_chunks (keep->next);
  keep->next = NULL;
  keep->used = 0;
  overlay->memory = sizeof *keep + keep->size;
  make_head (overlay);
}

size_t
overlay_count (const struct overlay *overlay) {
  return overlay->count;
}

size_t
overlay_memory (const struct overlay *overlay) {
  return overlay->memory;
}

static int
compare (const struct overlay_node *node, const uint8_t *key, size_t size) {
  return octets_order (node->key, node->key_size, key, size);
}

/* The last node before the key. */
static struct overlay_node *
descend (const struct overlay *overlay, const uint8_t *key, size_t size) {
  struct overlay_node *at = overlay->head, *known = NULL;

  for (int level = (int)overlay->height - 1; level >= 0; level--) {
    /* A node that was found too great one level up need not be compared again. */
    while (at->next[level] && at->next[level] != known && compare (at->next[level], key, size) < 0)
      at = at->next[level];
    known = at->next[level];
  }
  return at;
}

static bool
is_before (const struct overlay *overlay, const struct overlay_node *node, const uint8_t *key,
           size_t size) {
  return node == overlay->head || (node && compare (node, key, size) < 0);
}

/* Moves the finger to the key: at each height the node whose link would have to change. */
static void
point (struct overlay *overlay, const uint8_t *key, size_t size) {
  struct overlay_node **finger = overlay->finger, *at, *known = NULL;
  bool near = is_before (overlay, finger[0], key, size);
  uint32_t level = 0;

  if (near) /* up as far as something lies between; above that the finger is right as it is */
    while (level + 1 < overlay->height && finger[level]->next[level]
           && compare (finger[level]->next[level], key, size) < 0)
      level++;
  else
    level = overlay->height - 1;
  at = near ? finger[level] : overlay->head;
  for (;; level--) {
    struct overlay_node *from = at;

    while (at->next[level] && at->next[level] != known && compare (at->next[level], key, size) < 0)
      at = at->next[level];
    known = at->next[level];
    finger[level] = at;
    if (level == 0)
      return;
    /* Until we have gone ahead, the finger below is nearer than where we come from. */
    near = near && at == from;
    if (near)
      at = finger[level - 1];
  }
}

struct overlay_node *
overlay_seek (const struct overlay *overlay, const uint8_t *key, size_t size) {
  return descend (overlay, key, size)->next[0];
}

struct overlay_node *
overlay_find (const struct overlay *overlay, const uint8_t *key, size_t size) {
  struct overlay_node *node = overlay_seek (overlay, key, size);

  return node && node->key_size == size && memcmp (node->key, key, size) == 0 ? node : NULL;
}

struct overlay_node *
overlay_first (const struct overlay *overlay) {
  return overlay->head->next[0];
}

static uint32_t
random_height (struct overlay *overlay) {
  uint32_t height = 1, bits;

  overlay->seed ^= overlay->seed << 13;
  overlay->seed ^= overlay->seed >> 17;
  overlay->seed ^= overlay->seed << 5;
  for (bits = overlay->seed; (bits & 3) == 0 && height < HEIGHT_MAX; bits >>= 2)
    height++;
  return height;
}

/* Where the finger points. */
static struct overlay_node *
insert (struct overlay *overlay, const uint8_t *key, size_t size) {
  uint32_t height = random_height (overlay);
  struct overlay_node *node =
      allocate (overlay, sizeof *node + height * sizeof (struct overlay_node *) + size);
  uint8_t *copy = (uint8_t *)(node->next + height);

  memset (node, 0, sizeof *node);
  memcpy (copy, key, size);
  node->key = copy;
  node->key_size = (uint32_t)size;
  node->height = (uint8_t)height;
  node->state = OVERLAY_NOTHING;
  while (overlay->height < height)
    overlay->finger[overlay->height++] = overlay->head;
  for (uint32_t level = 0; level < height; level++) {
    struct overlay_node *before = overlay->finger[level];

    node->next[level] = before->next[level];
    before->next[level] = node;
  }
  overlay->count++;
  return node;
}

/* The same if the key belongs right behind the node that the finger points at, as the next of keys that
 * come in order does: at each height of that node the finger moves to it, above it lies nothing. */
static bool
point_next (struct overlay *overlay, const uint8_t *key, size_t size) {
  struct overlay_node *last = overlay->finger[0]->next[0];

  if (!last || compare (last, key, size) >= 0
      || (last->next[0] && compare (last->next[0], key, size) < 0))
    return false;
  for (uint32_t level = 0; level < last->height; level++)
    overlay->finger[level] = last;
  return true;
}

struct overlay_node *
overlay_node (struct overlay *overlay, const uint8_t *key, size_t size) {
  struct overlay_node *node;

  if (!point_next (overlay, key, size))
    point (overlay, key, size);
  node = overlay->finger[0]->next[0];
  return node && node->key_size == size && memcmp (node->key, key, size) == 0
             ? node
             : insert (overlay, key, size);
}

void
overlay_set (struct overlay *overlay, struct overlay_node *node, const void *data, size_t size,
             bool keep_old) {
  if (!data) {
    node->state = OVERLAY_REMOVED;
    node->value_size = 0;
    return;
  }
  if (keep_old || node->value_room < size || !node->value) {
    /* Counters grow: a little room spares the next allocation. */
    node->value_room = (uint32_t)((size + 15) & ~(size_t)7);
    node->value = allocate (overlay, node->value_room);
  }
  memcpy (node->value, data, size);
  node->value_size = (uint32_t)size;
  node->state = OVERLAY_VALUE;
}
