/* SPDX-License-Identifier: Apache-2.0 */
/* thread_private.h - for thread.c (collecting, telling), thread_subject.c (ORDEREDSUBJECT) and
 * thread_references.c (REFERENCES, REFS) alone. */
#ifndef IMAP4_SEARCH_THREAD_PRIVATE_H
#define IMAP4_SEARCH_THREAD_PRIVATE_H

#include "search/thread.h"

enum thread_algorithm { THREAD_ORDEREDSUBJECT, THREAD_REFERENCES, THREAD_REFS };

/* A message, or an id that only others mention (uid 0); nodes are numbered, NONE ends a list. */
#define NONE UINT32_MAX
struct node {
  uint32_t uid;
  uint32_t parent, child, last_child, next, previous; /* children are a list; so are the roots */
  int64_t date;
  const char *subject; /* base, folded; of a dummy: of its first child */
  bool reply, placed;
};

struct thread {
  enum thread_algorithm algorithm;
  enum comparator comparator;
  GArray *nodes;   /* struct node */
  GHashTable *ids; /* Message-ID: number + 1 of its node */
  GStringChunk *strings;
  GArray *references; /* of each message: the number of ids, then the ids' nodes (uint32_t) */
  uint32_t root, last_root;

  /* Telling: where we are. */
  GArray *stack;
  uint32_t at;
  bool begun, sorted;
};

static inline struct node *
node_at (const struct thread *t, uint32_t number) {
  return &g_array_index (t->nodes, struct node, number);
}
void node_append (struct thread *, uint32_t parent, uint32_t child); /* NONE: to the roots */
/* Takes a child, with all below it, away from its parent. */
void node_detach (struct thread *, uint32_t child);
/* Sorts the children of a node (NONE: the roots) by date, then number. */
void node_sort (struct thread *, uint32_t parent);
/* A new node without message. */
uint32_t node_new (struct thread *);
/* The node of an id, made if there is none. */
uint32_t node_of_id (struct thread *, const char *id, size_t size);

void thread_by_subject (struct thread *);
void thread_by_references (struct thread *);

#endif
