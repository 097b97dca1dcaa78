/* SPDX-License-Identifier: Apache-2.0 */
/* process.h - the supervisor's children: the worker, and the checks of a configuration.
 *
 * Both are this program, executed anew: a worker begins with nothing of the supervisor's memory.
 * One thread. */
#ifndef HOST_RUN_PROCESS_H
#define HOST_RUN_PROCESS_H

#include "run/crash.h"
#include "run/privileges.h"

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

enum { /* exit codes of a worker */
       WORKER_EXIT_OK = 0,
       WORKER_EXIT_START = 10, /* it could not start, and has logged why */
};

struct worker_process {
  pid_t pid;   /* 0: none */
  int channel; /* -1: none; does not block on receiving */
  struct crash_note *note;
};

/* Forks, drops the privileges, executes "posternd --worker", and sends it the note. */
bool worker_spawn (struct worker_process *, const char *config_path, const struct privileges *,
                   GError **);
/* After waitpid. */
void worker_clear (struct worker_process *);

struct check_process {
  pid_t pid; /* 0: none */
  int pipe;  /* what it prints; -1: all has been read */
  GString *output;
};

/* Executes "posternd --check". */
bool check_spawn (struct check_process *, const char *config_path, GError **);
/* Reads what is there; closes the pipe at its end. */
void check_read (struct check_process *);
void check_clear (struct check_process *);

#endif
