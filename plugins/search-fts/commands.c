/* SPDX-License-Identifier: Apache-2.0 */
/* commands.c - posternctl search status and search rebuild. */
#include "fts.h"

#include <stdio.h>
#include <string.h>

enum { COLUMNS = 6, NUMBER = 24 };

/* --- search status ------------------------------------------------------------------------------ */

struct status {
  struct fts *fts;
  _Atomic (unsigned) references; /* the command's, and the job's */
  GPtrArray *files;
  guint at;
  _Atomic (bool) done; /* the job */
  bool running, row;
  ptn_status result;
  struct database_numbers numbers;
  char why[DATABASE_WHY], texts[COLUMNS][NUMBER];
};

static void
status_unref (void *data) {
  struct status *status = data;
  if (atomic_fetch_sub (&status->references, 1) != 1)
    return;
  g_free (status->numbers.owner);
  g_ptr_array_free (status->files, TRUE);
  g_free (status);
}

static void
status_job (void *data) {
  struct status *status = data;
  g_free (status->numbers.owner);
  status->result =
      database_numbers (status->files->pdata[status->at], &status->numbers, status->why);
  atomic_store (&status->done, true);
}

static void
status_release (void *data) {
  struct fts *fts = ((struct status *)data)->fts;
  status_unref (data);
  fts_done (fts);
}

static int
by_name (const void *left, const void *right) {
  return strcmp (*(char *const *)left, *(char *const *)right);
}

static ptn_status
status_begin (struct fts *fts, struct ptn_call *call, struct ptn_strings arguments) {
  struct status *status = g_new0 (struct status, 1);
  status->fts = fts;
  status->references = 1;
  status->files = g_ptr_array_new_with_free_func (g_free);
  call->state = status;
  call->cancel = status_unref;
  if (arguments.count) {
    const char *owner = strcmp (arguments.items[0], "public:") == 0 ? "" : arguments.items[0];
    g_ptr_array_add (status->files, account_path (fts, owner));
    return PTN_OK;
  }
  g_autoptr (GDir) folder = g_dir_open (fts->host->state_directory, 0, NULL);
  for (const char *name; folder && (name = g_dir_read_name (folder));)
    if (g_str_has_suffix (name, ".sqlite"))
      g_ptr_array_add (status->files, g_build_filename (fts->host->state_directory, name, NULL));
  g_ptr_array_sort (status->files, by_name);
  return PTN_OK;
}

static ptn_status
status_row (struct status *status, struct ptn_task *task, struct ptn_report *report) {
  const struct database_numbers *numbers = &status->numbers;
  const uint64_t values[] = { numbers->mailboxes, numbers->messages, numbers->unknown,
                              numbers->documents, numbers->octets };
  const char *columns[COLUMNS] = { numbers->owner && *numbers->owner ? numbers->owner : "public:" };
  for (size_t i = 0; i < G_N_ELEMENTS (values); i++) {
    snprintf (status->texts[i], NUMBER, "%" G_GUINT64_FORMAT, values[i]);
    columns[i + 1] = status->texts[i];
  }
  return report->row (report, task, columns, COLUMNS);
}

/* One file; PTN_OK: on with the next. */
static ptn_status
status_file (struct status *status, struct ptn_task *task, struct ptn_report *report) {
  struct fts *fts = status->fts;
  ptn_status result = PTN_OK;
  if (!status->running) {
    fts_busy (fts);
    atomic_fetch_add (&status->references, 1);
    atomic_store (&status->done, false);
    result = fts->host->offload (task, FTS_LANE, status_job, status_release, status);
    status->running = result == PTN_OK;
    if (!status->running) {
      status_unref (status);
      fts_done (fts);
    }
    return status->running ? PTN_PENDING : result;
  }
  if (!atomic_load (&status->done))
    return PTN_PENDING;
  if (status->result == PTN_OK)
    result = status_row (status, task, report);
  else if (PTN_CAN (report, note)) {
    g_autofree char *name = g_path_get_basename (status->files->pdata[status->at]);
    g_autofree char *text =
        g_strdup_printf ("%s: %s; the next search begins it anew", name, status->why);
    report->note (report, text);
  }
  if (result == PTN_PENDING)
    return result;
  status->running = false;
  status->at++;
  return result;
}

static ptn_status
status_run (void *instance, struct ptn_call *call, struct ptn_strings arguments,
            struct ptn_bytes secret, struct ptn_report *report) {
  struct fts *fts = instance;
  (void)secret;
  if (arguments.count > 1)
    return fts->host->fail (call->task, PTN_E_INVALID, "usage: search status [ACCOUNT]",
                            "arguments");
  if (!call->state)
    status_begin (fts, call, arguments);
  struct status *status = call->state;
  while (status->at < status->files->len) {
    if (!status->running && !g_file_test (status->files->pdata[status->at], G_FILE_TEST_EXISTS)) {
      status->at++;
      continue;
    }
    ptn_status result = status_file (status, call->task, report);
    if (result != PTN_OK)
      return result;
  }
  call->cancel = NULL;
  call->release = status_unref;
  return PTN_OK;
}

/* --- search rebuild ------------------------------------------------------------------------------ */

struct rebuild {
  struct fts *fts;
  char *owner;
  struct ptn_identity identity;
  struct ptn_call open, call, rows;
  struct ptn_account *account;
  struct ptn_cursor *cursor;
  GArray *queries; /* struct ptn_search_query, each of no terms */
  guint at;
  enum { NAME, RESET, OPEN, LIST, ROWS, INDEX } phase;
};

static void
rebuild_free (void *data) {
  struct rebuild *rebuild = data;
  const struct ptn_host *host = rebuild->fts->host;
  host->call_end (&rebuild->call);
  host->call_end (&rebuild->rows);
  if (rebuild->cursor)
    rebuild->fts->store->close_cursor (rebuild->cursor);
  if (rebuild->account)
    rebuild->fts->store->close (rebuild->account);
  host->call_end (&rebuild->open);
  g_array_free (rebuild->queries, TRUE);
  g_free (rebuild->owner);
  g_free (rebuild);
}

static void
end_call (struct rebuild *rebuild) {
  rebuild->fts->host->call_end (&rebuild->call);
  rebuild->call.task = rebuild->open.task;
}

/* As somebody would log in; a name that nobody knows is that of the store. */
static ptn_status
find_name (struct rebuild *rebuild, const char *word) {
  const struct ptn_directory *directory = rebuild->fts->directory.table;
  struct ptn_identity identity = { .size = sizeof identity };
  ptn_status status = PTN_E_NOT_FOUND;
  if (strcmp (word, "public:") == 0) {
    rebuild->owner = g_strdup ("");
    return PTN_OK;
  }
  if (directory)
    status =
        directory->parse_login (rebuild->fts->directory.instance, &rebuild->call, word, &identity);
  if (status == PTN_PENDING)
    return status;
  rebuild->owner = g_strdup (
      status == PTN_OK && identity.account && *identity.account ? identity.account : word);
  end_call (rebuild);
  return PTN_OK;
}

static ptn_status
reset (struct rebuild *rebuild) {
  struct account *account = account_get (rebuild->fts, rebuild->owner);
  if (!account)
    return PTN_E_TEMPORARY;
  pthread_mutex_lock (&account->lock);
  account->rebuild = true;
  pthread_mutex_unlock (&account->lock);
  account_wake (account);
  account_unref (&account);
  return PTN_OK;
}

static ptn_status
open_account (struct rebuild *rebuild) {
  const char *name = *rebuild->owner ? rebuild->owner : "posternctl";
  rebuild->identity = (struct ptn_identity){ .size = sizeof rebuild->identity,
                                             .authcid = name,
                                             .authzid = name,
                                             .domain = "",
                                             .account = name,
                                             .administrator = 1 };
  struct ptn_account *account = NULL;
  ptn_status status = rebuild->fts->store->open (rebuild->fts->store_instance, &rebuild->open,
                                                 &rebuild->identity, &account);
  if (status == PTN_OK)
    rebuild->account = account;
  return status;
}

static ptn_status
list (struct rebuild *rebuild) {
  const struct ptn_store *store = rebuild->fts->store;
  ptn_status status = PTN_E_UNSUPPORTED;
  if (*rebuild->owner)
    status = store->list (rebuild->account, &rebuild->call, "*", &rebuild->cursor);
  else if (PTN_CAN (store, list_others))
    status = store->list_others (rebuild->account, &rebuild->call, "", "*", &rebuild->cursor);
  if (status != PTN_OK && status != PTN_PENDING)
    rebuild->cursor = NULL;
  return status;
}

static ptn_status
rows (struct rebuild *rebuild) {
  const struct ptn_mailbox *mailbox;
  for (;;) {
    ptn_status status =
        rebuild->fts->store->next_mailbox (rebuild->cursor, &rebuild->rows, &mailbox);
    if (status != PTN_OK)
      return status == PTN_END ? PTN_OK : status;
    struct ptn_search_query query = { .size = sizeof query,
                                      .owner = rebuild->owner,
                                      .mailbox = mailbox->id,
                                      .uidvalidity = mailbox->uidvalidity,
                                      .uidnext = mailbox->uidnext };
    if (!(mailbox->attributes & PTN_MAILBOX_NOSELECT))
      g_array_append_val (rebuild->queries, query);
    rebuild->fts->host->call_end (&rebuild->rows);
  }
}

static ptn_status
index_all (struct rebuild *rebuild, struct ptn_report *report) {
  while (rebuild->at < rebuild->queries->len) {
    const struct ptn_search_result *result;
    ptn_status status =
        fts_query (rebuild->fts, &rebuild->call,
                   &g_array_index (rebuild->queries, struct ptn_search_query, rebuild->at),
                   &result);
    if (status == PTN_PENDING)
      return status;
    end_call (rebuild);
    if (status != PTN_OK && status != PTN_E_NOT_FOUND) /* removed meanwhile */
      return status;
    rebuild->at++;
    if (PTN_CAN (report, progress))
      report->progress (report, rebuild->at, rebuild->queries->len, "mailboxes");
  }
  return PTN_OK;
}

static ptn_status
rebuild_step (struct rebuild *rebuild, const char *word, struct ptn_report *report) {
  switch (rebuild->phase) {
  case NAME:
    return find_name (rebuild, word);
  case RESET:
    return reset (rebuild);
  case OPEN:
    return open_account (rebuild);
  case LIST:
    return list (rebuild);
  case ROWS:
    return rows (rebuild);
  default:
    return index_all (rebuild, report);
  }
}

static ptn_status
rebuild_run (void *instance, struct ptn_call *call, struct ptn_strings arguments,
             struct ptn_bytes secret, struct ptn_report *report) {
  struct fts *fts = instance;
  struct rebuild *rebuild = call->state;
  (void)secret;
  if (arguments.count != 1)
    return fts->host->fail (call->task, PTN_E_INVALID, "usage: search rebuild ACCOUNT",
                            "arguments");
  if (!rebuild) {
    rebuild = call->state = g_new0 (struct rebuild, 1);
    rebuild->fts = fts;
    rebuild->open.task = rebuild->call.task = rebuild->rows.task = call->task;
    rebuild->queries = g_array_new (FALSE, FALSE, sizeof (struct ptn_search_query));
    call->cancel = rebuild_free;
  }
  for (; rebuild->phase <= INDEX; rebuild->phase++) {
    ptn_status status = rebuild_step (rebuild, arguments.items[0], report);
    if (status == PTN_PENDING)
      return status;
    if (status != PTN_OK)
      return fts->host->fail (call->task, status, "the index could not be made; the log says why",
                              "search rebuild %s: status %d", arguments.items[0], (int)status);
    if (rebuild->phase == LIST)
      end_call (rebuild);
  }
  call->cancel = NULL;
  call->release = rebuild_free;
  return PTN_OK;
}

/* --- the table ------------------------------------------------------------------------------------ */

ptn_status
commands_provide (struct fts *fts) {
  const struct ptn_host *host = fts->host;
  fts->status_command = (struct ptn_control){
    .size = sizeof fts->status_command,
    .name = "search status",
    .arguments = "[ACCOUNT]",
    .help = "Shows what the search index holds.",
    .columns = "account mailboxes messages unknown texts octets",
    .run = status_run,
  };
  fts->rebuild_command = (struct ptn_control){
    .size = sizeof fts->rebuild_command,
    .name = "search rebuild",
    .arguments = "ACCOUNT",
    .help = "Throws the search index of an account away, and makes it anew.",
    .run = rebuild_run,
  };
  ptn_status status =
      host->provide (host, PTN_CONTROL_ID, fts->status_command.name, &fts->status_command, fts);
  if (status == PTN_OK)
    status =
        host->provide (host, PTN_CONTROL_ID, fts->rebuild_command.name, &fts->rebuild_command, fts);
  return status;
}
