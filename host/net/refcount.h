/* SPDX-License-Identifier: Apache-2.0 */
/* refcount.h - counting who holds a thing, in atomics that ThreadSanitizer understands (GLib's,
 * in a library that it does not see into, it takes for races). [any] */
#ifndef HOST_NET_REFCOUNT_H
#define HOST_NET_REFCOUNT_H

#include <glib.h>
#include <stdatomic.h>
#include <stdbool.h>

typedef _Atomic unsigned refcount; /* begins as 1 */

static inline void
refcount_take (refcount *count) {
  unsigned before = atomic_fetch_add_explicit (count, 1, memory_order_relaxed);

  g_assert (before > 0);
}

/* True: that was the last. */
static inline bool
refcount_drop (refcount *count) {
  unsigned before = atomic_fetch_sub_explicit (count, 1, memory_order_acq_rel);

  g_assert (before > 0);
  return before == 1;
}

#endif
