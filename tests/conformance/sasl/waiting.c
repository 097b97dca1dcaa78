/* SPDX-License-Identifier: Apache-2.0 */
/* waiting.c - rules of PENDING, of exchanges that are given up, and of several at once. */
#include "kit.h"

#define THREADS 4
#define THREAD_ROUNDS 25

/* The proof up to the first step that waits.  false: none does, and the exchange is over. */
static bool
until_it_waits (struct talk *talk) {
  ptn_status status = PTN_OK;
  for (size_t i = 0; i < proof_length (talk->mechanism) && status == PTN_OK; i++) {
    struct proof_step step = proof_step (talk->mechanism, i);
    status = talk_call (talk, step.data, step.size);
    proof_free (&step);
  }
  return status == PTN_PENDING;
}

static void
nothing_waits (bool waits) {
  if (!waits)
    cannot_run ("no proof was PENDING");
}

RULE (repeat, "pending.repeat", "a PENDING step may be called again before it woke anybody",
      "base.h: Any wake may call a step once too often", HAS_PROOF, 0) {
  bool any = false;
  EACH_PROVED (f, m)
  for (unsigned round = 0; round < 50; round++) { /* what waits may be over in no time */
    struct talk talk = talk_begin (f, &f->actor, m);
    if (until_it_waits (&talk)) {
      any = true;
      ptn_status status = PTN_PENDING;
      for (unsigned i = 0; i < 5 && status == PTN_PENDING; i++)
        status = talk_again (&talk);
      while (status == PTN_PENDING) {
        harness_wait (f->actor.task);
        status = talk_again (&talk);
      }
      must (status == PTN_OK || status == PTN_END,
            "the proof of %s gave %s after it was called again", m->table->name,
            status_name (status));
    }
    talk_end (&talk);
  }
  nothing_waits (any);
}

RULE (wakes, "pending.wakes", "whoever returned PENDING wakes the task", "base.h: Waiting",
      HAS_PROOF, 0) {
  bool any = false;
  EACH_PROVED (f, m) {
    struct talk talk = talk_begin (f, &f->actor, m);
    bool waits = until_it_waits (&talk);
    any |= waits;
    while (waits) {
      harness_wait (f->actor.task); /* ends the rule when no wake comes */
      waits = talk_again (&talk) == PTN_PENDING;
    }
    talk_end (&talk);
  }
  nothing_waits (any);
}

RULE (given_up, "pending.given-up", "an exchange may be finished while it is PENDING",
      "base.h: Closing", HAS_PROOF, 0) {
  bool any = false;
  EACH_PROVED (f, m)
  for (unsigned i = 0; i < 30; i++) {
    struct talk talk = talk_begin (f, &f->actor, m);
    any |= until_it_waits (&talk);
    talk_end (&talk);
  }
  nothing_waits (any);
  EACH_PROVED (f, m) {
    struct talk talk = talk_begin (f, &f->actor, m);
    must_give (talk_prove (&talk), PTN_END, "the proof of %s after others were given up",
               m->table->name);
    talk_end (&talk);
  }
}

RULE (task_gone, "pending.task-gone", "the task may go away with an exchange that is PENDING",
      "host.h: release runs after it, also when the task is gone", HAS_PROOF, 0) {
  bool any = false;
  EACH_PROVED (f, m)
  for (unsigned i = 0; i < 30; i++) {
    struct actor other;
    actor_join (&other, &f->actor, i);
    struct talk talk = talk_begin (f, &other, m);
    any |= until_it_waits (&talk);
    talk_end (&talk);
    actor_leave (&other);
    g_usleep (5000); /* who wakes it now is too late */
  }
  nothing_waits (any);
}

/* ---- Several at once --------------------------------------------------------------------- */

RULE (interleaved, "tasks.interleaved", "exchanges of two tasks know nothing of each other",
      "base.h: Calls on different objects do overlap", HAS_PROOF, 0) {
  EACH_PROVED (f, m) {
    struct actor other;
    actor_join (&other, &f->actor, 1);
    struct talk good = talk_begin (f, &f->actor, m), bad = talk_begin (f, &other, m);
    ptn_status status = PTN_OK, failing = PTN_OK;
    for (size_t i = 0; i < proof_length (m) && status == PTN_OK; i++) {
      struct proof_step step = proof_step (m, i);
      status = talk_step (&good, step.data, step.size);
      proof_free (&step);
      if (failing == PTN_OK)
        failing = talk_step (&bad, "wrong\0wrong", 11);
    }
    must_give (status, PTN_END, "the proof of %s beside a wrong one", m->table->name);
    must (talk_to_end (&bad, failing) != PTN_END, "a wrong proof of %s beside a right one is taken",
          m->table->name);
    g_autofree char *before = identity_text (good.identity);
    talk_end (&bad);
    g_autofree char *after = identity_text (good.identity);
    must_read (after, before, "the identity of %s after the other exchange was finished",
               m->table->name);
    talk_end (&good);
    actor_leave (&other);
  }
}

struct thread {
  struct fixture *f;
  const struct tested *m;
  unsigned number;
};

static gpointer
thread_main (gpointer data) {
  const struct thread *thread = data;
  struct actor actor;
  actor_join (&actor, &thread->f->actor, thread->number);
  for (unsigned i = 0; i < THREAD_ROUNDS; i++) {
    struct talk talk = talk_begin (thread->f, &actor, thread->m);
    if (thread->m->proof && (i + thread->number) % 2)
      must_give (talk_prove (&talk), PTN_END, "the proof of %s in one of %d threads",
                 thread->m->table->name, THREADS);
    else
      must (talk_to_end (&talk, talk_step (&talk, "wrong\0wrong", 11)) != PTN_END,
            "%s is satisfied with a wrong proof in one of %d threads", thread->m->table->name,
            THREADS);
    talk_end (&talk);
  }
  actor_leave (&actor);
  return NULL;
}

RULE (threads, "tasks.threads", "exchanges run on several threads at once", "base.h: Threads", 0,
      0) {
  EACH (f, m) {
    struct thread rows[THREADS];
    GThread *threads[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
      rows[i] = (struct thread){ f, m, i };
      threads[i] = g_thread_new ("rule", thread_main, &rows[i]);
    }
    for (unsigned i = 0; i < THREADS; i++)
      g_thread_join (threads[i]);
  }
}

RULES (sasl_pending, &repeat_rule, &wakes_rule, &given_up_rule, &task_gone_rule);
RULES (sasl_tasks, &interleaved_rule, &threads_rule);
