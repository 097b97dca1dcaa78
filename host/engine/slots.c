/* SPDX-License-Identifier: Apache-2.0 */
/* slots.c - where strands live: a table that grows and is never given back.
 *
 * A handle (generation and index) may be held by anyone for any time: a thread that has just
 * got it from epoll, a waker in a commit queue, a lane.  Looking it up must be safe after
 * the strand is gone, so a slot's memory stays a strand's memory for ever, and its word is
 * the only thing that a stale handle reads.  The table is the process's, not the engine's,
 * because a waker names no engine. */
#include "internal.h"

#include <stdlib.h>

#if defined __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#endif

enum { CHUNK_SLOTS = 512, CHUNKS = (HANDLE_INDEX + 1) / CHUNK_SLOTS };

static struct {
  pthread_mutex_t lock;
  _Atomic (struct ptn_task *) chunks[CHUNKS]; /* pages of it that are not used cost nothing */
  struct ptn_task *free;
  uint32_t count; /* slots made; index 0 names no strand */
} table = { .lock = PTHREAD_MUTEX_INITIALIZER, .count = 1 };

/* A strand that is used after its end is a mistake that AddressSanitizer can then see. */
static void
hide (struct ptn_task *task) {
  size_t kept = G_STRUCT_OFFSET (struct ptn_task, run);
  ASAN_POISON_MEMORY_REGION ((char *)task + kept, sizeof *task - kept);
}

static void
show (struct ptn_task *task) {
  ASAN_UNPOISON_MEMORY_REGION (task, sizeof *task);
}

static struct ptn_task *
make_slot (void) {
  uint32_t index = table.count++;
  g_assert (index <= HANDLE_INDEX);
  struct ptn_task *chunk =
      atomic_load_explicit (&table.chunks[index / CHUNK_SLOTS], memory_order_relaxed);
  if (!chunk) {
    chunk = aligned_alloc (_Alignof(struct ptn_task), CHUNK_SLOTS * sizeof *chunk);
    g_assert (chunk);
    atomic_store_explicit (&table.chunks[index / CHUNK_SLOTS], chunk, memory_order_release);
  }
  struct ptn_task *task = &chunk[index % CHUNK_SLOTS];
  *task = (struct ptn_task){ .index = index };
  atomic_init (&task->word, UINT64_C (1) << WORD_GENERATION_SHIFT);
  return task;
}

struct ptn_task *
slot_new (void) {
  pthread_mutex_lock (&table.lock);
  struct ptn_task *task = table.free;
  if (task) {
    show (task);
    table.free = task->next;
  } else {
    task = make_slot ();
  }
  pthread_mutex_unlock (&table.lock);
  return task;
}

struct ptn_task *
slot_find (uint64_t handle) {
  uint32_t index = handle & HANDLE_INDEX;
  struct ptn_task *chunk =
      atomic_load_explicit (&table.chunks[index / CHUNK_SLOTS], memory_order_acquire);
  return index && chunk ? &chunk[index % CHUNK_SLOTS] : NULL;
}

void
slot_free (struct ptn_task *task) {
  uint64_t generation = atomic_load (&task->word) >> WORD_GENERATION_SHIFT;
  generation = (generation + 1) & (UINT64_MAX >> WORD_GENERATION_SHIFT);
  if (generation == 0)
    generation = 1; /* a handle is never 0 */
  atomic_store (&task->word, generation << WORD_GENERATION_SHIFT);
}

void
slot_recycle (struct ptn_task *task) {
  pthread_mutex_lock (&table.lock);
  task->next = table.free;
  table.free = task;
  hide (task);
  pthread_mutex_unlock (&table.lock);
}
