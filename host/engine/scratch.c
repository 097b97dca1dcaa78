/* SPDX-License-Identifier: Apache-2.0 */
/* scratch.c - a strand's memory: what is counted against its limit, and the arena that lives
 * for one command.
 *
 * An idle strand holds no arena.  A worker keeps the block of the command that ended last,
 * so that a strand which needs one a moment later, on this thread, need not ask malloc. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

enum { BLOCK = 4096, ALIGNMENT = 16 };

struct scratch_block {
  struct scratch_block *next;
  size_t size, used; /* of the whole block, this header among them */
} __attribute__ ((__aligned__ (ALIGNMENT)));

void
task_set_memory_limit (struct ptn_task *task, size_t octets) {
  task->memory_limit = octets;
}

bool
task_charge (struct ptn_task *task, size_t octets) {
  size_t now = atomic_load_explicit (&task->memory, memory_order_relaxed);
  do
    if (task->memory_limit && (octets > task->memory_limit || now > task->memory_limit - octets))
      return false;
  while (!atomic_compare_exchange_weak_explicit (&task->memory, &now, now + octets,
                                                 memory_order_relaxed, memory_order_relaxed));
  return true;
}

void
task_refund (struct ptn_task *task, size_t octets) {
  atomic_fetch_sub_explicit (&task->memory, octets, memory_order_relaxed);
}

static struct scratch_block *
block_new (struct ptn_task *task, size_t size) {
  if (!task_charge (task, size))
    return NULL;
  struct worker *self = engine_self;
  struct scratch_block *block = NULL;
  if (self && size == BLOCK && self->block) {
    block = self->block;
    self->block = NULL;
  } else {
    block = aligned_alloc (ALIGNMENT, size);
    if (!block) {
      task_refund (task, size);
      return NULL;
    }
  }
  *block = (struct scratch_block){ task->scratch, size, sizeof *block };
  task->scratch = block;
  return block;
}

void *
task_scratch (struct ptn_task *task, size_t size) {
  if (size > SIZE_MAX / 2)
    return NULL;
  size = (MAX (size, 1) + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
  struct scratch_block *block = task->scratch;
  if (!block || block->size - block->used < size) {
    size_t whole = size + sizeof *block;
    block = block_new (task, MAX (whole, BLOCK));
    if (!block)
      return NULL;
  }
  void *memory = (char *)block + block->used;
  block->used += size;
  return memory;
}

void
scratch_block_free (struct scratch_block *block) {
  free (block);
}

/* Under AddressSanitizer every block goes back to malloc, so that use after the end of the
 * command is seen. */
static void
block_give_back (struct ptn_task *task, struct scratch_block *block) {
  task_refund (task, block->size);
#if !defined __SANITIZE_ADDRESS__
  struct worker *self = engine_self;
  if (self && !self->block && block->size == BLOCK) {
    self->block = block;
    return;
  }
#endif
  scratch_block_free (block);
}

void
scratch_free_all (struct ptn_task *task) {
  for (struct scratch_block *block; (block = task->scratch);) {
    task->scratch = block->next;
    block_give_back (task, block);
  }
}

void
task_command_done (struct ptn_task *task) {
  scratch_free_all (task);
  failure_clear (task);
}
