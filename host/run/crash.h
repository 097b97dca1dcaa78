/* SPDX-License-Identifier: Apache-2.0 */
/* crash.h - which plugin brought a worker down: a page shared by supervisor and worker.
 *
 * The supervisor makes one note for each worker (crash_new) and reads it after the worker's end.
 * The worker maps it (crash_map) and writes what it is inside: the engine one word a thread, the
 * loader what its setup thread is about (struct load_note).  A handler of the deadly signals
 * writes the guilty plugin, then lets the signal do its work.  Plugins have the numbers of
 * load/load.h: their place in the configuration, from 1.
 *
 * Guilt, in this order: what the crashing thread was inside by its word; the plugin whose code
 * is innermost on the crashing thread's stack (threads of a plugin's own have no word); what
 * the setup thread was about. */
#ifndef HOST_RUN_CRASH_H
#define HOST_RUN_CRASH_H

#include "load/load.h"

#include <glib.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { CRASH_WORDS = 1024, CRASH_PLUGINS = 256 };

struct crash_note {
  _Atomic uint32_t guilty; /* 0: the host, or not known */
  _Atomic uint32_t signal; /* 0: no handler has run */
  struct load_note load;
  _Atomic uint32_t words[CRASH_WORDS];
};

/* Supervisor: a new, zeroed note and its descriptor (close-on-exec). */
struct crash_note *crash_new (int *fd, GError **);
/* Worker: the note behind a descriptor, which may be closed afterwards. */
struct crash_note *crash_map (int fd, GError **);
void crash_free (struct crash_note **);

/* Worker: SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGSYS note the guilty plugin and
 * are then handled as before. */
void crash_install (struct crash_note *);
/* Worker: where the code of a plugin is, by the path it was opened with. [one thread] */
void crash_code (uint32_t plugin, const char *module);

/* Supervisor: the number of the plugin that a worker which ended by this signal was inside; 0:
 * the host, or nobody knows.  *phase: what the setup thread was about (enum load_phase). */
uint32_t crash_guilty (const struct crash_note *, int signal_number, uint32_t *phase);
/* Supervisor: the plugin that the worker has been loading, configuring or starting for longer
 * than this; 0: none. */
uint32_t crash_hanging (const struct crash_note *, int64_t longer_than_ns);

#endif
