/* SPDX-License-Identifier: Apache-2.0 */
/* shell.h - what the files of store-shell share: one client, its task, and the store.
 *
 * A client belongs to its thread; only the harness and the lock of the output are shared. */
#ifndef TESTS_FAULT_SHELL_H
#define TESTS_FAULT_SHELL_H

#include "harness/harness.h"

#include <glib.h>
#include <stdio.h>

struct client {
  struct harness *harness;
  const struct ptn_host *host;
  const struct ptn_store *store;
  void *instance;
  struct ptn_task *task;
  FILE *out;
  GString *answer; /* of the command that runs, behind its status */
  char *body;      /* of the mail that is delivered */
};

/* Runs an expression that names `&call` to its end, and lets its results go. */
#define DO(c, expression)                                     \
  ({                                                          \
    struct ptn_call call = { .task = (c)->task };             \
    ptn_status do_ = HARNESS_AWAIT ((c)->task, (expression)); \
    (c)->host->call_end (&call);                              \
    do_;                                                      \
  })

typedef ptn_status command_run (struct client *, char **words, size_t count);
struct command {
  const char *name;
  size_t least; /* words behind the name */
  command_run *run;
};

/* The octets of a mail: "Subject: SEED" and, for an even seed, text that compresses well, for an
 * odd one octets that do not.  mail_body in tests/support/shell.py makes the same.  g_free it. */
char *shell_body (uint64_t size, uint64_t seed);

/* The account, open, or NULL and the status. */
struct ptn_account *shell_account (struct client *, const char *name, ptn_status *);
ptn_status shell_mailbox (struct client *, struct ptn_account *, const char *path, struct ptn_id *);

/* Rows of what a listing leaves out. */
ptn_status shell_dump_account (struct client *, struct ptn_account *, const char *name);

extern const struct command change_commands[]; /* a NULL name ends each */
extern const struct command list_commands[];

#endif
