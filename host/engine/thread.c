/* SPDX-License-Identifier: Apache-2.0 */
/* thread.c - how the engine's threads begin, and the note each keeps of the plugin it is
 * inside, in memory that the supervisor reads after a crash. */
#include "internal.h"

#include <signal.h>
#include <string.h>

static _Thread_local _Atomic uint32_t *note_word;
static _Thread_local uint32_t note_plugin;

/* Signals are for the main thread; those that tell of our own mistakes stay where they
 * happen. */
bool
thread_start (pthread_t *thread, const char *name, void *(*main) (void *), void *argument) {
  sigset_t ours, before;
  sigfillset (&ours);
  static const int faults[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS };
  for (size_t i = 0; i < G_N_ELEMENTS (faults); i++)
    sigdelset (&ours, faults[i]);
  pthread_sigmask (SIG_SETMASK, &ours, &before);
  bool made = pthread_create (thread, NULL, main, argument) == 0;
  pthread_sigmask (SIG_SETMASK, &before, NULL);
  if (made) {
    char short_name[16]; /* what the kernel keeps */
    g_strlcpy (short_name, name, sizeof short_name);
    pthread_setname_np (*thread, short_name);
  }
  return made;
}

void
engine_set_note (struct engine *engine, _Atomic uint32_t *words, size_t count) {
  pthread_mutex_lock (&engine->lock);
  engine->note_words = words;
  engine->note_count = count;
  g_byte_array_set_size (engine->note_used, count);
  memset (engine->note_used->data, 0, count);
  pthread_mutex_unlock (&engine->lock);
}

int
thread_begin (struct engine *engine) {
  int number = -1;
  pthread_mutex_lock (&engine->lock);
  for (size_t i = 0; i < engine->note_count && number < 0; i++)
    if (!engine->note_used->data[i]) {
      engine->note_used->data[i] = 1;
      number = i;
    }
  note_word = number < 0 ? NULL : &engine->note_words[number];
  pthread_mutex_unlock (&engine->lock);
  return number;
}

void
thread_end (struct engine *engine, int number) {
  if (number < 0)
    return;
  pthread_mutex_lock (&engine->lock);
  engine->note_used->data[number] = 0;
  pthread_mutex_unlock (&engine->lock);
  note_word = NULL;
}

uint32_t
engine_enter (uint32_t plugin) {
  uint32_t before = note_plugin;
  note_plugin = plugin;
  if (note_word)
    atomic_store_explicit (note_word, plugin, memory_order_relaxed);
  return before;
}
