/* SPDX-License-Identifier: GPL-3.0-or-later */
/* index.h - the index of a shard: a tree on disk that is never written while it is read, and
 * above it what has changed since, in memory.
 *
 *     recent    overlay: many changes at once, while they are moved into `active`
 *     active    overlay: takes every committed change
 *     frozen    overlay: on its way into the other tree, during a checkpoint
 *     base      tree: what CURRENT names
 *
 * Readers: any thread; they hold the lock for one look or one range of rows.  Changes come in
 * through index_publish (the shard's commit thread, or recovery), the checkpoint through freeze,
 * replace and thaw.  Nobody holds the lock while a tree is written. */
#ifndef STORAGE_KYOTO_INDEX_H
#define STORAGE_KYOTO_INDEX_H

#include "overlay.h"
#include "tree.h"

#include <pthread.h>
#include <stdatomic.h>

struct index {
  pthread_mutex_t publishing; /* before `lock`: held while changes move into `active` */
  pthread_rwlock_t lock;
  struct tree *base; /* NULL: nothing was ever checkpointed */
  const struct overlay *recent;
  struct overlay *active, *frozen;
  struct position position;     /* of the last change in `active` */
  struct position frozen_until; /* of the last change in `frozen` */
  struct position base_until;
  /* Called with the changes of a publish, inside the lock, while somebody has asked for it. */
  _Atomic uint32_t watched;
  void (*watch) (void *argument, const struct overlay *changes);
  void *watch_argument;
  _Atomic bool corrupt;       /* a value of the tree was rotten: it has to be made anew */
  _Atomic bool away;          /* it is being made anew: readers get PTN_E_TEMPORARY, but for */
  _Atomic (pthread_t) keeper; /* ... the thread that does it */
};

void index_init (struct index *);
void index_destroy (struct index *);

/* `top` (may be NULL) lies above `active`: changes that are not committed yet.
 * PTN_OK, PTN_E_NOT_FOUND, PTN_E_CORRUPT; PTN_E_TEMPORARY: the index is away. */
ptn_status index_get (struct index *, const struct overlay *top, const struct key *,
                      struct value *);

/* Rows from `from` up to, not with, `end`, in order, each at its newest.  `row` returns false to
 * stop; it must not call the index.  PTN_OK: stopped or the limit reached; PTN_END: no more;
 * PTN_E_CORRUPT; PTN_E_TEMPORARY. */
typedef bool index_row (void *argument, const uint8_t *key, size_t key_size, const uint8_t *value,
                        size_t size);
ptn_status index_scan (struct index *, const struct overlay *top, const struct key *from,
                       const struct key *end, size_t limit, index_row *row, void *argument);

/* Moves all changes of an overlay into `active`; readers see all of them or none.  Nobody else
 * takes `active` away without `publishing`. */
void index_publish (struct index *, const struct overlay *changes, struct position);

#endif
