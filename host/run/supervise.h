/* SPDX-License-Identifier: Apache-2.0 */
/* supervise.h - the supervisor's state, shared by supervisor.c (life, loop, signals),
 * supervise_worker.c (the worker from start to end) and supervise_reload.c (new configurations).
 * Private to them; one thread. */
#ifndef HOST_RUN_SUPERVISE_H
#define HOST_RUN_SUPERVISE_H

#include "config/config.h"
#include "log/log.h"
#include "run/certificates.h"
#include "run/channel.h"
#include "run/faults.h"
#include "run/listen.h"
#include "run/privileges.h"
#include "run/process.h"

#include <stdbool.h>
#include <stdint.h>

#define SECOND_NS ((int64_t)1000000000)

enum worker_state {
  WORKER_NONE, /* a new one starts at `restart_at` */
  WORKER_STARTING,
  WORKER_SERVING,
  WORKER_STOPPING, /* for a reload or for good */
};

enum reload_state {
  RELOAD_NONE,
  RELOAD_CHECKING, /* in a child */
  RELOAD_APPLYING, /* the worker is taking over what it can */
  RELOAD_REPLACING /* the old worker drains, the new one starts */
};

struct supervisor {
  const char *config_path;
  struct config *config;
  struct logger *logger;
  struct privileges privileges;
  struct listen_set *listeners;
  struct certificates *certificates;
  struct faults *faults;
  int control, lock, signals;

  struct worker_process worker;
  struct config *worker_config; /* the worker began with it: plugins have its numbers */
  enum worker_state state;
  int64_t started_at, restart_at, kill_at, ping_at, pong_at, look_at, watchdog_at; /* INT64_MAX */
  int64_t watchdog_every;
  unsigned failures;  /* workers that did not last, in a row */
  const char *killed; /* why we ended the worker ourselves; NULL: we did not */
  bool ever_served;

  enum reload_state reload;
  bool reload_asked; /* through the control socket: it waits for an answer */
  bool reload_again; /* asked for while one is under way */
  struct check_process check;
  int64_t check_ends_at;

  bool stopping; /* for good */
  unsigned stop_signals;
  bool ended;
  int exit_code;
};

int64_t supervise_now (void); /* monotonic, ns */

/* --- supervise_worker.c --- */

void supervise_start (struct supervisor *);
/* Asks it to end; it is killed when drain_time and some are over. */
void supervise_stop (struct supervisor *, bool for_reload);
void supervise_hand_listeners (struct supervisor *);
void supervise_hand_certificates (struct supervisor *);
void supervise_hand_certificate (void *supervisor, const struct certificate_pair *);
void supervise_message (struct supervisor *); /* its channel can be read */
void supervise_ended (struct supervisor *, int wait_status);
void supervise_tick (struct supervisor *, int64_t now); /* timers */

/* --- supervise_reload.c --- */

void reload_begin (struct supervisor *, bool asked);
void reload_check_ended (struct supervisor *, int wait_status);
void reload_applied (struct supervisor *, bool good, const char *why_not);
void reload_done (struct supervisor *, const char *failure); /* NULL: the new one serves */
void reload_tick (struct supervisor *, int64_t now);

/* Logs every line of a check's output, or of errors. */
void supervise_log_errors (struct supervisor *, struct config_errors *);

#endif
