/* SPDX-License-Identifier: Apache-2.0 */
/* shell_list.c - commands of store-shell that look: the listing of the whole store, one message, the
 * store's own commands. */
#include "shell.h"

#include <string.h>

/* The sha256 of a message's octets; NULL: the status. */
static char *
digest (struct client *client, struct ptn_account *account, const struct ptn_id *id, uint32_t uid,
        uint64_t *size, ptn_status *status) {
  struct ptn_source *source;
  g_autofree char *data = NULL;
  size_t length;

  *status = DO (client, client->store->read (account, &call, id, uid, 0, UINT64_MAX, &source));
  if (*status == PTN_OK)
    *status = harness_source_slurp (source, client->task, &data, &length);
  if (*status != PTN_OK)
    return NULL;
  *size = length;
  return g_compute_checksum_for_data (G_CHECKSUM_SHA256, (const guchar *)data, length);
}

static void
put_text (FILE *out, const char *text) {
  putc ('"', out);
  for (const char *at = text; *at; at++)
    if ((unsigned char)*at < ' ' || *at == '"' || *at == '\\')
      fprintf (out, "\\u%04x", (unsigned char)*at);
    else
      putc (*at, out);
  putc ('"', out);
}

static gint
compare_words (gconstpointer a, gconstpointer b) {
  return strcmp (*(const char *const *)a, *(const char *const *)b);
}

/* The words of the flags, in order. */
static void
put_keywords (FILE *out, const struct ptn_view *view, ptn_flag_bits flags) {
  g_autoptr (GPtrArray) words = g_ptr_array_new ();

  for (size_t i = 0; i < view->keywords.count && i < 48; i++)
    if (flags >> (16 + i) & 1)
      g_ptr_array_add (words, (gpointer)view->keywords.items[i]);
  g_ptr_array_sort (words, compare_words);
  putc ('[', out);
  for (guint i = 0; i < words->len; i++) {
    fputs (i ? ", " : "", out);
    put_text (out, words->pdata[i]);
  }
  putc (']', out);
}

/* Rows have their members in the order of their names, as read_store.py writes them. */
static void
put_message (struct client *client, struct ptn_account *account, const char *name,
             const struct ptn_mailbox *mailbox, const struct ptn_view *view,
             const struct ptn_message *row) {
  FILE *out = client->out;
  uint64_t size = row->octets;
  ptn_status status;
  g_autofree char *sum = digest (client, account, &mailbox->id, row->uid, &size, &status);
  g_autofree char *damage = sum ? NULL : g_strdup_printf ("error %d", status);

  fputs ("{\"account\": ", out);
  put_text (out, name);
  fprintf (out, ", \"flags\": %u, \"internal_date\": %" G_GINT64_FORMAT ", \"keywords\": ",
           (unsigned)(row->flags & 0xffff), row->internal_date);
  put_keywords (out, view, row->flags);
  fputs (", \"mailbox\": ", out);
  put_text (out, mailbox->name.path);
  fprintf (out,
           ", \"modseq\": %" G_GUINT64_FORMAT ", \"save_date\": %" G_GINT64_FORMAT
           ", \"sha256\": \"%s\", \"size\": %" G_GUINT64_FORMAT ", \"uid\": %u}\n",
           row->modseq, row->save_date, sum ? sum : damage, row->octets, row->uid);
  if (size != row->octets)
    fprintf (out, "{\"wrong size\": %u}\n", row->uid);
}

static ptn_status
list_messages (struct client *client, struct ptn_account *account, const char *name,
               const struct ptn_mailbox *mailbox) {
  const struct ptn_store *store = client->store;
  struct ptn_fetch fetch = { .size = sizeof fetch,
                             .items = PTN_FETCH_FLAGS | PTN_FETCH_MODSEQ | PTN_FETCH_DATES
                                      | PTN_FETCH_SIZE };
  const struct ptn_view *view;
  struct ptn_cursor *cursor;
  ptn_status status = DO (client, store->view (account, &call, &mailbox->id, &view));

  if (status != PTN_OK)
    return status;
  status = DO (client, store->fetch (account, &call, &mailbox->id, &fetch, &cursor));
  if (status == PTN_OK) {
    do {
      const struct ptn_message *rows[64];
      struct ptn_call call = { .task = client->task };
      size_t count = 0;

      status = HARNESS_AWAIT (client->task, store->next_messages (cursor, &call, rows, 64, &count));
      for (size_t i = 0; status == PTN_OK && i < count; i++)
        put_message (client, account, name, mailbox, view, rows[i]);
      client->host->call_end (&call);
    } while (status == PTN_OK);
    store->close_cursor (cursor);
  }
  store->release_view (view);
  return status == PTN_END ? PTN_OK : status;
}

static ptn_status
list_mailbox (struct client *client, struct ptn_account *account, const char *name,
              const struct ptn_mailbox *row) {
  FILE *out = client->out;

  if (row->attributes & PTN_MAILBOX_NOSELECT)
    return PTN_OK;
  fputs ("{\"account\": ", out);
  put_text (out, name);
  fputs (", \"mailbox\": ", out);
  put_text (out, row->name.path);
  fprintf (out,
           ", \"messages\": %u, \"modseq\": %" G_GUINT64_FORMAT
           ", \"uidnext\": %u, \"uidvalidity\": %u}\n",
           row->messages, row->highest_modseq, row->uidnext, row->uidvalidity);
  return list_messages (client, account, name, row);
}

static ptn_status
list_account (struct client *client, const char *name) {
  const struct ptn_store *store = client->store;
  struct ptn_cursor *cursor;
  ptn_status status;
  struct ptn_account *account = shell_account (client, name, &status);

  if (!account)
    return status;
  status = DO (client, store->list (account, &call, "*", &cursor));
  if (status == PTN_OK) {
    do {
      struct ptn_call call = { .task = client->task };
      const struct ptn_mailbox *row;

      status = HARNESS_AWAIT (client->task, store->next_mailbox (cursor, &call, &row));
      if (status == PTN_OK)
        status = list_mailbox (client, account, name, row);
      client->host->call_end (&call);
    } while (status == PTN_OK);
    store->close_cursor (cursor);
  }
  store->close (account);
  return status == PTN_END ? PTN_OK : status;
}

static ptn_status
dump_account (struct client *client, const char *name) {
  ptn_status status;
  struct ptn_account *account = shell_account (client, name, &status);

  if (account) {
    status = shell_dump_account (client, account, name);
    client->store->close (account);
  }
  return status;
}

static ptn_status
for_all_accounts (struct client *client, ptn_status (*what) (struct client *, const char *name)) {
  g_autofree char *after = g_strdup ("");
  ptn_status status;

  do {
    struct ptn_call call = { .task = client->task };
    struct ptn_strings names;

    status = HARNESS_AWAIT (client->task,
                            client->store->list_accounts (client->instance, &call, after, &names));
    for (size_t i = 0; status == PTN_OK && i < names.count; i++) {
      status = what (client, names.items[i]);
      if (i + 1 == names.count) {
        g_free (after);
        after = g_strdup (names.items[i]);
      }
    }
    client->host->call_end (&call);
  } while (status == PTN_OK);
  return status == PTN_END ? PTN_OK : status;
}

static ptn_status
run_list (struct client *client, char **words, size_t count) {
  return for_all_accounts (client, list_account);
}

static ptn_status
run_dump (struct client *client, char **words, size_t count) {
  ptn_status status = for_all_accounts (client, list_account);

  return status == PTN_OK ? for_all_accounts (client, dump_account) : status;
}

static ptn_status
run_read (struct client *client, char **words, size_t count) {
  ptn_status status;
  struct ptn_account *account = shell_account (client, words[0], &status);
  struct ptn_id id;
  uint64_t size;

  if (!account)
    return status;
  status = shell_mailbox (client, account, words[1], &id);
  if (status == PTN_OK) {
    g_autofree char *sum = digest (client, account, &id,
                                   (uint32_t)g_ascii_strtoull (words[2], NULL, 10), &size, &status);
    if (sum)
      g_string_append_printf (client->answer, " %" G_GUINT64_FORMAT " %s", size, sum);
  }
  client->store->close (account);
  return status;
}

/* A report that prints rows. */
struct report {
  struct ptn_report report;
  FILE *out;
};

static ptn_status
report_row (struct ptn_report *report, struct ptn_task *task, const char *const *columns,
            size_t count) {
  FILE *out = ((struct report *)report)->out;

  for (size_t i = 0; i < count; i++)
    fprintf (out, "%s%s", i ? "\t" : "", columns[i]);
  putc ('\n', out);
  return PTN_OK;
}

static void
report_progress (struct ptn_report *report, uint64_t done, uint64_t total, const char *what) {
}

static void
report_note (struct ptn_report *report, const char *text) {
  fprintf (((struct report *)report)->out, "note %s\n", text);
}

/* The names of the store's commands have two words. */
static ptn_status
run_control (struct client *client, char **words, size_t count) {
  g_autofree char *name = g_strjoin (" ", words[0], words[1], NULL);
  struct ptn_binding binding = harness_find (client->harness, PTN_CONTROL_ID, name);
  const struct ptn_control *control = binding.table;
  struct report report = { { .size = sizeof report.report,
                             .row = report_row,
                             .progress = report_progress,
                             .note = report_note },
                           client->out };
  struct ptn_strings arguments = { (const char *const *)words + 2, count - 2 };

  return DO (client, control->run (binding.instance, &call, arguments,
                                   (struct ptn_bytes){ NULL, 0 }, &report.report));
}

static ptn_status
run_sleep (struct client *client, char **words, size_t count) {
  g_usleep (g_ascii_strtoull (words[0], NULL, 10) * 1000);
  return PTN_OK;
}

static ptn_status
run_log (struct client *client, char **words, size_t count) {
  g_autofree char *log = harness_log_take (client->harness);

  fputs (log, client->out);
  return PTN_OK;
}

const struct command list_commands[] = {
  { "list", 0, run_list },   { "dump", 0, run_dump },
  { "read", 3, run_read },   { "control", 2, run_control },
  { "sleep", 1, run_sleep }, { "log", 0, run_log },
  { NULL, 0, NULL },
};
