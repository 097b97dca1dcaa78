/* SPDX-License-Identifier: Apache-2.0 */
/* actor.h - who calls a plugin's functions: a task in a harness, with the unkindness that the contract
 * of waiting allows.
 *
 * One a thread of a rule.  With a seed other than 0 it calls a PENDING function again before it woke
 * anybody, and wakes the task for nothing. */
#ifndef CONFORMANCE_ACTOR_H
#define CONFORMANCE_ACTOR_H

#include "contract.h"
#include "harness/harness.h"

struct actor {
  struct harness *harness;
  const struct ptn_host *host;
  struct ptn_task *task;
  uint64_t dice; /* 0: no unkindness */
};

/* A harness and a task; then the plugin with its settings, started with all that was loaded before
 * it; or both at once. */
void actor_begin (struct actor *, const char *directory);
void actor_load (struct actor *, const char *directory);
void actor_open (struct actor *, const char *directory);
void actor_close (struct actor *); /* stops and destroys the plugin */
/* The same plugin in another thread, with a task of its own; and its end. */
void actor_join (struct actor *copy, const struct actor *of, unsigned number);
void actor_leave (struct actor *);

/* For struct contract. */
char *actor_failure_text (void);
void actor_tell_log (char *text, size_t size);

uint32_t actor_dice (struct actor *, uint32_t limit); /* below `limit`; 0 without a seed */
/* After PENDING: waits for the wake, or not, as the dice say. */
void actor_wait (struct actor *, unsigned *times);
void actor_call (struct actor *, const char *expression, const char *file, int line);

/* Calls until it is not PENDING.  HELD leaves the call open: end it with END. */
#define HELD(a, expression)                              \
  ({                                                     \
    ptn_status held_status_;                             \
    unsigned held_times_ = 0;                            \
    actor_call ((a), #expression, __FILE__, __LINE__);   \
    while ((held_status_ = (expression)) == PTN_PENDING) \
      actor_wait ((a), &held_times_);                    \
    held_status_;                                        \
  })
#define END(a, held) ((a)->host->call_end (&(held)))
#define CALL(a) ((struct ptn_call){ .task = (a)->task })
/* And ends the call; the expression names `&call`. */
#define DO(a, expression)                           \
  ({                                                \
    struct ptn_call call = CALL (a);                \
    ptn_status do_status_ = HELD ((a), expression); \
    END (a, call);                                  \
    do_status_;                                     \
  })

#endif
