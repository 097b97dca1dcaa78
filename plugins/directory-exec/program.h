/* SPDX-License-Identifier: Apache-2.0 */
/* program.h - the program behind the socket: how it is reached, the connections to it that stand
 * idle, and when it is left alone because it is gone.
 *
 * Counted, because a reload makes a new one while lookups are on their way to the old.  Settings in
 * it do not change.  program_ask blocks: lanes only; the rest runs on any thread. */
#ifndef DIRECTORY_EXEC_PROGRAM_H
#define DIRECTORY_EXEC_PROGRAM_H

#include "answer.h"
#include "connection.h"
#include "question.h"

#include "common/login/domains.h"

#include <postern/postern.h>
#include <pthread.h>

typedef enum {
  OP_HELLO,
  OP_ACCOUNT,
  OP_ADDRESS,
  OP_VERIFY,
  OP_SECRET,
  OP_NTLM,
  OP_DELEGATE,
  OP_SEND_AS,
  OP_LIST
} program_op;

struct program_metrics {
  struct ptn_metric *questions, *failures, *took;
};

struct program {
  gint references;
  const struct ptn_host *host;
  struct program_metrics metrics;
  char *socket;
  gint64 timeout_ns;
  struct domains *domains;
  char *postmaster; /* or NULL */
  char *node;       /* or NULL */
  /* The rest is program.c's. */
  pthread_mutex_t lock;
  GPtrArray *idle;      /* struct connection *, the one that was used last at the end */
  guint failures;       /* since it answered last */
  gint64 rest_until_ns; /* nobody asks before */
  gint64 answered_ns;   /* when the last answer came */
  gint64 complained_ns;
};

struct program *program_new (const struct ptn_host *, const struct ptn_config *,
                             const struct program_metrics *, const char **fault);
struct program *program_ref (struct program *);
void program_unref (struct program *);

/* It did not answer lately, and is not to be asked yet. */
bool program_rests (struct program *);

/* Asks.  PTN_OK: *answer is to be cleared; PTN_E_TEMPORARY: none came, or nonsense, and `reason` (a
 * static text) says why. */
ptn_status program_ask (struct program *, program_op, struct question *, struct answer *,
                        const char **reason);
/* Tells that an answer made no sense. */
void program_complain (struct program *, program_op, const char *text);

#endif
