/* SPDX-License-Identifier: Apache-2.0 */
/* actor.c - see actor.h. */
#include "actor.h"

#include <string.h>

/* Threads of lanes have done their work when the harness is free; what libraries keep of a thread goes
 * when it ends, a moment later, and a leak checker must not be quicker. */
#define THREADS_END_US 3000

static __thread struct actor *current; /* of this thread, for the texts of failures */

void
actor_begin (struct actor *actor, const char *directory) {
  current = actor;
  actor->harness = harness_new ();
  harness_set_state (actor->harness, directory);
  actor->host = harness_host (actor->harness);
  actor->task = harness_task_new (actor->harness);
  actor->dice = subject.seed;
}

void
actor_load (struct actor *actor, const char *directory) {
  g_auto (GStrv) settings = subject_settings (directory);
  must_do (harness_load (actor->harness, subject.module, (const char *const *)settings),
           "configure of the plugin");
  must_do (harness_start (actor->harness), "start of the plugin");
}

void
actor_open (struct actor *actor, const char *directory) {
  actor_begin (actor, directory);
  actor_load (actor, directory);
}

void
actor_close (struct actor *actor) {
  harness_task_free (&actor->task);
  harness_free (&actor->harness);
  g_usleep (THREADS_END_US);
  current = NULL;
}

void
actor_join (struct actor *copy, const struct actor *of, unsigned number) {
  *copy = *of;
  current = copy;
  copy->task = harness_task_new (of->harness);
  copy->dice += copy->dice ? number + 1 : 0;
}

void
actor_leave (struct actor *actor) {
  harness_task_free (&actor->task);
  current = NULL;
}

char *
actor_failure_text (void) {
  if (!current || !current->task)
    return NULL;
  const char *text = current->host->failure_log (current->task);
  return g_strdup (text ? text : current->host->failure_text (current->task));
}

void
actor_tell_log (char *text, size_t size) {
  if (!current || !current->harness)
    return;
  g_autofree char *log = harness_log_take (current->harness);
  const size_t length = strlen (log);
  g_strlcpy (text, length < size ? log : log + length - size + 1, size);
}

uint32_t
actor_dice (struct actor *actor, uint32_t limit) {
  if (!actor->dice)
    return 0;
  actor->dice ^= actor->dice << 13; /* xorshift */
  actor->dice ^= actor->dice >> 7;
  actor->dice ^= actor->dice << 17;
  return (uint32_t)((actor->dice >> 16) % limit);
}

void
actor_call (struct actor *actor, const char *expression, const char *file, int line) {
  check_call (expression, file, line);
  if (actor_dice (actor, 8) == 1) /* a wake from before: the first wait ends too early */
    actor->host->wake (actor->host->waker (actor->task));
}

void
actor_wait (struct actor *actor, unsigned *times) {
  if (++*times < 50 && actor_dice (actor, 3) == 1)
    return; /* any wake may call a step once too often */
  harness_wait (actor->task);
}
