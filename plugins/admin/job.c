/* SPDX-License-Identifier: Apache-2.0 */
/* job.c - arguments, and the steps of a command one after the other. */
#include "admin.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

ptn_status
job_fail (struct job *job, ptn_status status, const char *format, ...) {
  va_list list;
  va_start (list, format);
  g_autofree char *text = g_strdup_vprintf (format, list);
  va_end (list);
  return job->plugin->host->fail (job->task, status, text, "%s: %s", job->command->name, text);
}

ptn_status
job_store_failed (struct job *job, ptn_status status, const char *what) {
  static const struct {
    ptn_status status;
    const char *text;
  } texts[] = {
    { PTN_E_NOT_FOUND, "is not there" },
    { PTN_E_EXISTS, "exists already" },
    { PTN_E_INVALID, "cannot be that: INBOX stays, and names have no empty level" },
    { PTN_E_DENIED, "may not be changed" },
    { PTN_E_OVERQUOTA, "would be over its quota" },
    { PTN_E_LIMIT, "would be larger than the store allows" },
    { PTN_E_ELSEWHERE, "is on another server" },
    { PTN_E_CORRUPT, "is damaged: see the log and `store verify`" },
    { PTN_E_TEMPORARY, "cannot be reached now (is the disk full? the log says why)" },
  };
  if (status == PTN_E_CANCELLED)
    return status;
  for (size_t i = 0; i < G_N_ELEMENTS (texts); i++)
    if (texts[i].status == status)
      return job_fail (job, status, "%s %s", what, texts[i].text);
  return job_fail (job, status, "%s: the store failed with status %d", what, status);
}

void
job_row_keep (struct job *job, const char *const *columns, size_t count) {
  for (size_t i = 0; i < count; i++)
    job->row[i] = g_strdup (columns[i]);
}

static void
forget_row (struct job *job) {
  for (size_t i = 0; i < G_N_ELEMENTS (job->row); i++)
    g_clear_pointer (&job->row[i], g_free);
}

ptn_status
job_row_send (struct job *job) {
  size_t count = 0;
  while (count < G_N_ELEMENTS (job->row) && job->row[count])
    count++;
  ptn_status status =
      job->report->row (job->report, job->task, (const char *const *)job->row, count);
  if (status != PTN_PENDING)
    forget_row (job);
  return status;
}

const char *
job_number (struct job *job, uint64_t number) {
  char *text = job->numbers[job->number_turn++ % G_N_ELEMENTS (job->numbers)];
  if (number == UINT64_MAX)
    return "-";
  snprintf (text, sizeof job->numbers[0], "%" G_GUINT64_FORMAT, number);
  return text;
}

/* --- arguments ----------------------------------------------------------------------------- */

static ptn_status
usage (struct job *job, const char *text, const char *word) {
  return job_fail (job, PTN_E_INVALID, "%s%s%s; usage: %s %s", text, word ? " " : "",
                   word ? word : "", job->command->name,
                   job->command->arguments ? job->command->arguments : "");
}

static bool
option_allowed (const struct command *command, const char *name, size_t size) {
  const char *at = command->options;
  while (at && *at) {
    size_t length = strcspn (at, " ");
    if (length == size && !strncmp (at, name, size))
      return true;
    at += length + (at[length] == ' ');
  }
  return false;
}

static ptn_status
read_option (struct job *job, struct ptn_strings arguments, size_t *at) {
  const char *word = arguments.items[*at], *equals = strchr (word, '=');
  size_t size = equals ? (size_t)(equals - word) : strlen (word);
  if (!option_allowed (job->command, word, size))
    return usage (job, "unknown option", word);
  const char *value = equals ? equals + 1 : NULL;
  if (!value && ++*at < arguments.count)
    value = arguments.items[*at];
  if (!value || !*value)
    return usage (job, "a value is missing behind", word);
  if (!strncmp (word, "--mailbox", size))
    job->mailbox = value;
  else
    job->format = value;
  return PTN_OK;
}

static ptn_status
read_arguments (struct job *job, struct ptn_strings arguments) {
  bool options = true;
  for (size_t i = 0; i < arguments.count; i++) {
    const char *word = arguments.items[i];
    if (options && !strcmp (word, "--"))
      options = false;
    else if (options && g_str_has_prefix (word, "--")) {
      ptn_status status = read_option (job, arguments, &i);
      if (status != PTN_OK)
        return status;
    } else if (job->count == job->command->most)
      return usage (job, "too many arguments:", word);
    else
      job->words[job->count++] = word;
  }
  return job->count < job->command->least ? usage (job, "arguments are missing", NULL) : PTN_OK;
}

/* --- the steps ----------------------------------------------------------------------------- */

static void
job_free (void *state) {
  struct job *job = state;
  job->plugin->host->call_end (&job->call);
  if (job->free_data)
    job->free_data (job);
  if (job->opened)
    job_store (job)->close (job->opened);
  job->plugin->host->call_end (&job->open);
  forget_row (job);
  g_free (job->account);
  g_free (job);
}

static ptn_status
run_steps (struct job *job) {
  while (*job->step) {
    if (job->plugin->host->cancelled (job->task))
      return PTN_E_CANCELLED;
    ptn_status status = (*job->step) (job);
    if (status == PTN_END)
      return PTN_OK;
    if (status != PTN_OK)
      return status;
    job->step++;
    job->phase = 0;
  }
  return PTN_OK;
}

ptn_status
job_run (void *instance, struct ptn_call *call, struct ptn_strings arguments,
         struct ptn_bytes secret, struct ptn_report *report) {
  const struct provided *provided = instance;
  struct job *job = call->state;
  ptn_status status = PTN_OK;
  if (!job) {
    job = call->state = g_new0 (struct job, 1);
    call->release = job_free;
    job->plugin = provided->plugin;
    job->command = provided->command;
    job->step = job->command->steps;
    job->task = job->call.task = job->open.task = call->task;
    job->report = report;
    status = read_arguments (job, arguments);
  }
  call->cancel = job_free;
  if (status == PTN_OK)
    status = run_steps (job);
  if (status != PTN_PENDING)
    call->cancel = NULL;
  return status;
}

/* --- accounts ------------------------------------------------------------------------------ */

/* As somebody would log in: "alice", "alice@example.test", "EXAMPLE\\alice". */
static ptn_status
parse_name (struct job *job) {
  const struct ptn_directory *directory = job->plugin->directory.table;
  struct ptn_identity identity = { .size = sizeof identity };
  ptn_status status = directory->parse_login (job->plugin->directory.instance, &job->call,
                                              job->words[0], &identity);
  if (status == PTN_PENDING)
    return status;
  if (status == PTN_OK && identity.account && *identity.account)
    job->account = g_strdup (identity.account);
  job_call_end (job);
  return PTN_OK;
}

/* As mail is addressed. */
static ptn_status
resolve (struct job *job) {
  const struct ptn_directory *directory = job->plugin->directory.table;
  const struct ptn_account_info *const *accounts;
  size_t count = 0;
  ptn_status status = directory->resolve (job->plugin->directory.instance, &job->call,
                                          job->words[0], &accounts, &count);
  if (status == PTN_PENDING)
    return status;
  if (status == PTN_OK && count == 1)
    job->account = g_strdup (accounts[0]->account);
  else if (status == PTN_OK && count > 1)
    status = job_fail (job, PTN_E_INVALID, "%s is a group of %zu accounts: name one of them",
                       job->words[0], count);
  else if (status == PTN_E_NOT_FOUND || status == PTN_E_UNSUPPORTED || status == PTN_E_INVALID)
    status = PTN_OK;
  else if (status != PTN_OK)
    status = job_fail (job, status, "the directory cannot be asked now; the log says why");
  job_call_end (job);
  return status;
}

static ptn_status
find_account (struct job *job, bool must_exist) {
  ptn_status status = PTN_OK;
  if (job->plugin->directory.table && job->phase == 0) {
    status = parse_name (job);
    if (status != PTN_OK)
      return status;
    job->phase = 1;
  }
  if (job->plugin->directory.table && !job->account)
    status = resolve (job);
  if (status != PTN_OK || job->account)
    return status;
  if (must_exist && job->plugin->directory.table)
    return job_fail (job, PTN_E_NOT_FOUND, "there is no account %s: make it with `user add`",
                     job->words[0]);
  /* Mail of a user who is no longer in the directory. */
  job->account = g_strdup (job->words[0]);
  job->stranger = job->plugin->directory.table != NULL;
  if (job->stranger && PTN_CAN (job->report, note)) {
    g_autofree char *text =
        g_strdup_printf ("the directory has no account %s: this is what the store has of that name",
                         job->account);
    job->report->note (job->report, text);
  }
  return PTN_OK;
}

ptn_status
job_find_account (struct job *job) {
  return find_account (job, false);
}

ptn_status
job_find_existing_account (struct job *job) {
  return find_account (job, true);
}

/* Public mailboxes are opened from an account that has nothing. */
static bool
is_public (struct job *job) {
  if (strcmp (job->words[0], "public:") != 0)
    return false;
  job->account = g_strdup ("posternctl");
  job->owner = "";
  return true;
}

ptn_status
job_find_owner (struct job *job) {
  return is_public (job) ? PTN_OK : job_find_account (job);
}

ptn_status
job_find_existing_owner (struct job *job) {
  return is_public (job) ? PTN_OK : job_find_existing_account (job);
}

ptn_status
job_open_account (struct job *job) {
  job->identity = (struct ptn_identity){ .size = sizeof job->identity,
                                         .authcid = job->account,
                                         .authzid = job->account,
                                         .domain = "",
                                         .account = job->account,
                                         .administrator = 1 };
  struct ptn_account *account = NULL;
  ptn_status status =
      job_store (job)->open (job->plugin->store.instance, &job->open, &job->identity, &account);
  if (status == PTN_OK)
    job->opened = account;
  else if (status != PTN_PENDING)
    return job_store_failed (job, status, job->account);
  return status;
}
