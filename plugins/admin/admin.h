/* SPDX-License-Identifier: Apache-2.0 */
/* admin.h - what the commands of this plugin share.
 *
 * A command is a list of steps that run one after the other; each may be called again after
 * PENDING.  Its state is a job, which hangs on the command's ptn_call and runs in its task. */
#ifndef ADMIN_ADMIN_H
#define ADMIN_ADMIN_H

#include "common/directories.h"

#include <postern/postern.h>

#include <glib.h>
#include <stdbool.h>

struct admin { /* an instance */
  const struct ptn_host *host;
  struct directories directories;      /* what `directory` may stand for */
  struct ptn_binding store, directory; /* directory.table NULL: none is loaded */
};

struct job;
/* PTN_OK: the next step; PTN_END: the command is done; PTN_PENDING; an error. */
typedef ptn_status job_step (struct job *);

struct command {
  const char *name, *arguments, *help, *columns;
  unsigned least, most;   /* arguments that are no options */
  const char *options;    /* names of those allowed, divided by spaces: "--mailbox --format" */
  job_step *const *steps; /* NULL ends */
};

struct job {
  const struct admin *plugin;
  const struct command *command;
  struct ptn_task *task;
  struct ptn_report *report;
  job_step *const *step;

  const char *words[4]; /* the arguments, borrowed */
  unsigned count;
  const char *mailbox, *format; /* --mailbox, --format; NULL: not given */

  char *account;     /* the name in the store */
  bool stranger;     /* the directory does not know it */
  const char *owner; /* whose mailboxes: NULL the account's, "" the public ones */
  struct ptn_identity identity;
  struct ptn_call open;
  struct ptn_account *opened;
  struct ptn_call call; /* of what is being waited for now; steps end it */
  unsigned phase;       /* within a step; 0 when it begins */
  char *row[10];        /* NULL: none is kept */

  char numbers[10][24]; /* job_number's */
  unsigned number_turn;

  void *data; /* of the command; freed by free_data */
  void (*free_data) (struct job *);
};

/* One per command: what provide is given as instance. */
struct provided {
  const struct admin *plugin;
  const struct command *command;
};
ptn_status job_run (void *provided, struct ptn_call *, struct ptn_strings arguments,
                    struct ptn_bytes secret, struct ptn_report *);

static inline const struct ptn_store *
job_store (const struct job *job) {
  return job->plugin->store.table;
}
/* Ends the call that a step waited for. */
static inline void
job_call_end (struct job *job) {
  job->plugin->host->call_end (&job->call);
  job->call.task = job->task;
}
/* Fails with a text for the person. */
ptn_status job_fail (struct job *, ptn_status, const char *format, ...) PTN_PRINTF (3, 4);
/* Fails with what the store's status means for `what` ("mailbox Sent"). */
ptn_status job_store_failed (struct job *, ptn_status, const char *what);
/* Keeps a copy of a row, then sends it: the reader may be slow.  job_row_send: PTN_PENDING. */
void job_row_keep (struct job *, const char *const *columns, size_t count);
ptn_status job_row_send (struct job *);
/* A number as text, in one of a few buffers that take turns; UINT64_MAX: "-". */
const char *job_number (struct job *, uint64_t);

/* Steps that several commands begin with: find the account's one name (it must exist: one that the
 * directory knows), and open it. */
ptn_status job_find_account (struct job *);
ptn_status job_find_existing_account (struct job *);
/* The same where the ACCOUNT "public:" means the public mailboxes. */
ptn_status job_find_owner (struct job *);
ptn_status job_find_existing_owner (struct job *);
ptn_status job_open_account (struct job *);

/* --- the commands ---------------------------------------------------------------------- */

extern const struct command mailbox_commands[];
extern const size_t mailbox_command_count;
extern const struct command account_commands[];
extern const size_t account_command_count;
extern const struct command rights_commands[];
extern const size_t rights_command_count;
extern const struct command import_command, export_command;

#endif
