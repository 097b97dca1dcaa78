/* SPDX-License-Identifier: Apache-2.0 */
/* uid_set.h - sets of UIDs, as stores gather them and are asked for them.
 *
 * A set that grows is a GArray of struct ptn_uid_range, ascending and apart; it belongs to the
 * caller.  Pure functions, no locks. */
#ifndef PLUGINS_COMMON_UID_SET_H
#define PLUGINS_COMMON_UID_SET_H

#include <postern/base.h>

#include <glib.h>
#include <stdbool.h>

/* What the array holds, valid until it changes. */
#define SET_OF(array) \
  ((struct ptn_uid_set){ (const struct ptn_uid_range *)(void *)(array)->data, (array)->len })

/* Adds one UID greater than all before it. */
void set_append (GArray *ranges, uint32_t uid);
/* The ranges must be ascending and apart. */
bool set_contains (struct ptn_uid_set, uint32_t uid);
/* What is in both, whose ranges are ascending and apart; the caller's, g_array_unref. */
GArray *set_intersection (struct ptn_uid_set, struct ptn_uid_set);
/* What is in one of them or both; the same. */
GArray *set_union (struct ptn_uid_set, struct ptn_uid_set);

#endif
