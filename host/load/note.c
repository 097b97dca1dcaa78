/* SPDX-License-Identifier: Apache-2.0 */
/* note.c - tells the supervisor, through shared memory, which plugin runs what.  The phase is
 * stored last: who reads a phase finds its plugin and time. */
#include "load/internal.h"

#include <stdatomic.h>
#include <time.h>

static int64_t
now_ns (void) {
  struct timespec now;
  clock_gettime (CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void
store (struct load_note *note, uint32_t plugin, uint32_t phase) {
  atomic_store (&note->phase, LOAD_NOTHING);
  atomic_store (&note->plugin, plugin);
  atomic_store (&note->since, now_ns ());
  atomic_store (&note->phase, phase);
}

struct note_state
note_begin (struct loader *loader, const struct plugin *plugin, enum load_phase phase) {
  struct load_note *note = loader->settings.note;
  struct note_state before = { .entered = engine_enter (plugin->number) };
  if (note) {
    before.plugin = atomic_load (&note->plugin);
    before.phase = atomic_load (&note->phase);
    store (note, plugin->number, phase);
  }
  return before;
}

void
note_end (struct loader *loader, struct note_state before) {
  engine_enter (before.entered);
  if (loader->settings.note)
    store (loader->settings.note, before.plugin, before.phase);
}

const char *
load_phase_name (uint32_t phase) {
  static const char *const names[] = {
    "nothing", "loading", "configure", "start", "reload", "stop"
  };
  return phase < G_N_ELEMENTS (names) ? names[phase] : "?";
}
