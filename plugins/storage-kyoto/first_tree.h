/* SPDX-License-Identifier: GPL-3.0-or-later */
/* first_tree.h - the tree that a recovery begins with: that of CURRENT, or one made of the newest
 * base.
 *
 * One thread a shard: [setup], or that of a rebuild; the caller of first_tree_make holds `upkeep`. */
#ifndef STORAGE_KYOTO_FIRST_TREE_H
#define STORAGE_KYOTO_FIRST_TREE_H

#include "store.h"

/* The tree that CURRENT names becomes the base of the index, if it is what CURRENT says. */
bool first_tree_open (struct shard *, struct position *);
/* There is none to be had: one is made from the newest base, likewise.  PTN_E_NOT_FOUND: there is no
 * base, or it is damaged and the log (its segments are given) complete without it: all trees are gone,
 * and the log is to be read from its beginning. */
ptn_status first_tree_make (struct shard *, const GArray *segments, struct position *);

#endif
