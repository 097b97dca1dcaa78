/* SPDX-License-Identifier: GPL-3.0-or-later */
/* overlay.h - an ordered map in memory: what has changed since the tree on disk was written.
 *
 * A skip list whose nodes live in one arena, so that it goes at once.  It also remembers what
 * was removed (a node without value).  One writer, or any number of readers: the caller's lock
 * decides. */
#ifndef STORAGE_KYOTO_OVERLAY_H
#define STORAGE_KYOTO_OVERLAY_H

#include "rows.h"

enum overlay_state {
  OVERLAY_VALUE,
  OVERLAY_REMOVED, /* hides what lies below */
  OVERLAY_NOTHING  /* as if the node were not there: an undone insert */
};

struct overlay_node {
  uint8_t *value;
  uint32_t value_size, value_room;
  uint32_t key_size;
  uint8_t state; /* enum overlay_state */
  uint8_t height;
  uint8_t reserved[2];
  const uint8_t *key;
  struct overlay_node *next[]; /* next[0] is the next in order */
};

struct overlay;

struct overlay *overlay_new (void);
void overlay_free (struct overlay **);
/* Empties it, and keeps some of its memory for the next use. */
void overlay_reset (struct overlay *);
size_t overlay_count (const struct overlay *);
size_t overlay_memory (const struct overlay *);

struct overlay_node *overlay_find (const struct overlay *, const uint8_t *key, size_t size);
/* The first node whose key is not before this one; NULL: none. */
struct overlay_node *overlay_seek (const struct overlay *, const uint8_t *key, size_t size);
struct overlay_node *overlay_first (const struct overlay *);

/* The node of a key, for whoever changes it; a new one is OVERLAY_NOTHING.  Keys that come in
 * order are found in a few steps. */
struct overlay_node *overlay_node (struct overlay *, const uint8_t *key, size_t size);
/* Sets its value (data NULL: removed).  A value that fits where the old one was overwrites it,
 * unless `keep_old`: then the old octets stay readable (for undo). */
void overlay_set (struct overlay *, struct overlay_node *, const void *data, size_t size,
                  bool keep_old);

#endif
