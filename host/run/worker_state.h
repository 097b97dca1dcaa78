/* SPDX-License-Identifier: Apache-2.0 */
/* worker_state.h - what worker.c, commands.c and apply.c share of the worker's state.
 *
 * Made by the main thread before anything else runs; then only what is said to be [any] changes. */
#ifndef HOST_RUN_WORKER_STATE_H
#define HOST_RUN_WORKER_STATE_H

#include "ctl/server.h"
#include "log/metrics.h"
#include "net/net.h"
#include "run/channel.h"
#include "run/crash.h"
#include "run/services.h"

#include <pthread.h>

struct worker {
  int channel;
  const char *config_path;
  struct config *config; /* in use; the pointer changes under `asking` */
  struct logger *logger;
  struct metrics *metrics;
  struct engine *engine;
  struct loader *loader;
  struct net *net;
  struct services *services;
  struct control *control;
  int control_fd;
  struct crash_note *note;
  GPtrArray *left_out;                  /* of char *: label, reason, label ... */
  struct load_left_out *left_out_table; /* the same, for the loader */
  int64_t started_ns;
  bool engine_runs, plugins_run;

  /* `posternctl reload`: who waits for the supervisor's answer. */
  pthread_mutex_t asking;
  uint64_t answers; /* how many have come */
  bool answer_good;
  char *answer_text;
  GPtrArray *waiting; /* struct ptn_waker */
};

/* --- commands.c --- */
/* The configuration in use, a reference: the main thread may be taking another one over. */
struct config *worker_config (struct worker *);
void commands_provide (struct worker *); /* before loader_load */
void commands_answer (struct worker *, bool good, const char *text);

/* --- conformance.c, as in struct ptn_control --- */
ptn_status run_conformance (void *worker, struct ptn_call *, struct ptn_strings arguments,
                            struct ptn_bytes secret, struct ptn_report *);
ptn_status run_conformance_page (void *worker, struct ptn_call *, struct ptn_strings arguments,
                                 struct ptn_bytes secret, struct ptn_report *);

/* --- apply.c --- */
/* Takes over what can be taken over without a new worker; answers CHANNEL_APPLIED. */
void apply_begin (struct worker *);

#endif
