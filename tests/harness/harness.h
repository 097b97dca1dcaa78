/* SPDX-License-Identifier: Apache-2.0 */
/* harness.h - a host in miniature, for unit tests and fuzz targets of plugins: loads a plugin,
 * gives it the whole struct ptn_host, and lets a test call its functions from plain threads.
 *
 * One harness a test; harness_free stops and destroys the plugins.  A task belongs to the
 * thread that made it.  Mistakes of a test abort with a text. */
#ifndef TESTS_HARNESS_H
#define TESTS_HARNESS_H

#include <postern/postern.h>

#include <stdbool.h>

struct harness;

struct harness *harness_new (void);
void harness_free (struct harness **);
/* The folder that holds state_directory of every plugin; made under the temporary folder
 * and removed by harness_free, unless set before the first load. */
void harness_set_state (struct harness *, const char *directory);

/* Loads the module (a path, or a name looked for in POSTERN_PLUGIN_DIRECTORY, a list divided
 * by ':'), checks the settings ("name=value", NULL ends; defaults for the rest), configures.
 * Returns the status of configure. */
ptn_status harness_load (struct harness *, const char *module, const char *const *settings);
/* Gives the plugin of this name other settings, as a reload does; what its reload returns. */
ptn_status harness_reload (struct harness *, const char *plugin, const char *const *settings);
/* Starts every loaded plugin, in order of loading.  The first error ends it. */
ptn_status harness_start (struct harness *);
/* Stops and destroys them all: a restart is stop, then load and start again. */
void harness_stop (struct harness *);
/* Provider of an interface; aborts if there is none. name may be NULL. */
struct ptn_binding harness_find (struct harness *, const char *id, const char *name);
const struct ptn_host *harness_host (struct harness *); /* of no plugin: call_end, fail ... */

/* What was logged since the last call, a line an event: "event name=value ...\n"; g_free it. */
char *harness_log_take (struct harness *);
/* The sum of what was observed of a metric, by its whole name; 0: there is none. */
int64_t harness_metric (struct harness *, const char *name);

/* Settings of a listener, as a protocol's session gets them: those of PROTOCOL and LISTENER
 * scope of all loaded plugins, checked.  Lives as long as the harness. */
const struct ptn_config *harness_listener (struct harness *, const char *const *settings);

struct ptn_task *harness_task_new (struct harness *);
void harness_task_free (struct ptn_task **);
/* Waits until the task was woken since the last wait (15 s at most, then it aborts: a wake
 * was lost). */
void harness_wait (struct ptn_task *);
/* True if it was woken; does not wait. */
bool harness_poll (struct ptn_task *);
void harness_cancel (struct ptn_task *);
/* Calls until the status is not PENDING. */
#define HARNESS_AWAIT(task, call)                   \
  ({                                                \
    ptn_status await_status_;                       \
    while ((await_status_ = (call)) == PTN_PENDING) \
      harness_wait (task);                          \
    await_status_;                                  \
  })

/* A connection in memory ("postern.stream/1" of the harness serves it).  The peer's octets
 * are fed, what the plugin writes is collected; sources are pulled as it is taken. */
struct ptn_stream *harness_stream_new (struct harness *, struct ptn_task *, size_t max_input);
void harness_stream_free (struct ptn_stream **);
void harness_stream_feed (struct ptn_stream *, const void *data, size_t size); /* wakes the task */
void harness_stream_eof (struct ptn_stream *);
/* "test.binding.TYPE" is what channel_binding gives for that type. */
void harness_stream_set_property (struct ptn_stream *, const char *name, const char *value);
/* Everything written since the last take; NUL-terminated beyond *size; g_free it. */
char *harness_stream_take (struct ptn_stream *, size_t *size);

/* A source over memory, given out in pieces of `piece` octets (0: all), with a PENDING before
 * each if `pending`.  Closed by whoever takes it, or by harness_source_free. */
struct ptn_source *harness_source_new (const void *data, size_t size, size_t piece, bool pending);
/* The same of a failing source: after the octets comes this status. */
struct ptn_source *harness_source_failing (const void *data, size_t size, ptn_status);
/* Reads a source to its end and closes it; *data is g_malloc'd. */
ptn_status harness_source_slurp (struct ptn_source *, struct ptn_task *, char **data, size_t *size);

#endif
