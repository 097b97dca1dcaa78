/* SPDX-License-Identifier: Apache-2.0 */
/* internal.h - what the harness's own files share. */
#ifndef TESTS_HARNESS_INTERNAL_H
#define TESTS_HARNESS_INTERNAL_H

#include "harness.h"

#include <glib.h>

/* Host services around tasks: wakers, failing, subscribing (task.c). */
void harness_fill_task_services (struct ptn_host *);
struct event_hub *harness_hub_new (void);
struct event_hub *harness_hub (struct harness *);
struct harness *harness_of (const struct ptn_host *);
void task_wake_now (struct ptn_task *);
/* Lanes' and spawned tasks' threads that still run are waited for. */
void harness_join_threads (void);

/* Checked settings (config.c). */
struct ptn_config *config_new (void);
void config_free (struct ptn_config *);
void config_declare (struct ptn_config *, const struct ptn_plugin *, bool listener);
void config_set (struct ptn_config *, const char *assignment);
void harness_fill_config_services (struct ptn_host *);

extern const struct ptn_stream_service harness_stream_service;

#endif
