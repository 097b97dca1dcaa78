/* SPDX-License-Identifier: Apache-2.0 */
/* exec.h - one instance of the plugin.  The host owns it from configure to destroy. */
#ifndef DIRECTORY_EXEC_EXEC_H
#define DIRECTORY_EXEC_EXEC_H

#include "lookup.h"

struct exec {
  const struct ptn_host *host;
  const struct ptn_stream_service *streams; /* NULL: there are none */
  pthread_mutex_t lock;                     /* of program: taken to exchange or to reference it */
  struct program *program;
  struct program_metrics metrics;
  char *schemes;
  struct ptn_credentials credentials; /* exec_credentials with these schemes */
};

struct program *exec_program (struct exec *); /* the one in force: a reference */
/* Sends the lookup, which it takes over; fails at once while the program is gone.  [task] */
ptn_status exec_send (struct exec *, struct ptn_call *, struct lookup *);

extern const struct ptn_directory exec_directory;
extern const struct ptn_credentials exec_credentials;

#endif
