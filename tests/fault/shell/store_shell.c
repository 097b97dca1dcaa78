/* SPDX-License-Identifier: Apache-2.0 */
/* store_shell.c - a store plugin in a harness, driven by lines: what the proofs of a store are made
 * with where a whole server would be in the way.
 *
 *     store-shell MODULE [NAME=VALUE ...] -- SCRIPT ...
 *     store-shell MODULE [NAME=VALUE ...] --kill SCRIPT ...    ends without closing the store
 *
 * Each SCRIPT ("-": the standard input) is a client with a thread of its own.  For every line there
 * is one answer: "CLIENT LINE STATUS ..." (rows of a list stand before it, as JSON, behind
 * "CLIENT LINE row").  In a process with powerloss_mark (the recorder of power losses) every command
 * that was acknowledged is marked there before it is told.  "!" before a line: it must succeed, or
 * the client ends.
 *
 * Commands (UIDS as in IMAP, FLAGS a number, mails made of SIZE and SEED):
 *     deliver SIZE SEED FLAGS ACCOUNT PATH [ACCOUNT PATH ...]
 *     append ACCOUNT PATH SIZE SEED FLAGS         flags ACCOUNT PATH UIDS add|remove|replace FLAGS
 *     copy|move ACCOUNT PATH UIDS TO              expunge ACCOUNT PATH UIDS
 *     annotate ACCOUNT PATH|- UIDS|- NAME VALUE|- keyword ACCOUNT PATH WORD
 *     create|remove ACCOUNT PATH                  rename ACCOUNT PATH TO
 *     subscribe ACCOUNT PATH 0|1                  quota ACCOUNT OCTETS MESSAGES
 *     remove-account ACCOUNT                      read ACCOUNT PATH UID
 *     list                                        sleep MILLISECONDS
 *     dump (list, and everything else)
 *     control WORD ...                            log (what the store has logged so far) */
#include "shell.h"

#include <dlfcn.h>
#include <string.h>
#include <unistd.h>

static GMutex output;

struct script {
  const char *name;
  unsigned number;
  struct harness *harness;
  bool failed;
};

char *
shell_body (uint64_t size, uint64_t seed) {
  GString *text = g_string_sized_new (size + 128);

  g_string_append_printf (text, "Subject: %" G_GUINT64_FORMAT "\r\n\r\n", seed);
  if (seed % 2 == 0) {
    g_autofree char *line =
        g_strdup_printf ("line of mail %" G_GUINT64_FORMAT ", which says nothing\r\n", seed);

    while (text->len < size)
      g_string_append (text, line);
  } else {
    uint64_t state = seed * 2685821657736338717u + 1;

    while (text->len < size) {
      state ^= state >> 12;
      state ^= state << 25;
      state ^= state >> 27;
      uint64_t word = GUINT64_TO_LE (state);
      g_string_append_len (text, (const char *)&word, sizeof word);
    }
  }
  return g_string_free (text, FALSE);
}

struct ptn_account *
shell_account (struct client *client, const char *name, ptn_status *status) {
  struct ptn_identity identity = {
    .size = sizeof identity, .authcid = name, .authzid = name, .domain = "", .account = name
  };
  struct ptn_account *account = NULL;

  *status = DO (client, client->store->open (client->instance, &call, &identity, &account));
  return *status == PTN_OK ? account : NULL;
}

ptn_status
shell_mailbox (struct client *client, struct ptn_account *account, const char *path,
               struct ptn_id *id) {
  struct ptn_call call = { .task = client->task };
  const struct ptn_mailbox *row;
  ptn_status status =
      HARNESS_AWAIT (client->task,
                     client->store->status (account, &call, (struct ptn_mailbox_name){ NULL, path },
                                            &row));

  if (status == PTN_OK)
    *id = row->id;
  client->host->call_end (&call);
  return status;
}

static const struct command *
command_find (const struct command *commands, const char *name) {
  for (; commands->name; commands++)
    if (strcmp (commands->name, name) == 0)
      return commands;
  return NULL;
}

static ptn_status
run_line (struct client *client, char *line) {
  g_auto (GStrv) words = g_strsplit (g_strstrip (line), " ", -1);
  size_t count = g_strv_length (words);
  const struct command *command = count ? command_find (change_commands, words[0]) : NULL;

  if (!command && count)
    command = command_find (list_commands, words[0]);
  if (!command || count - 1 < command->least) {
    g_string_assign (client->answer, " not a command");
    return PTN_E_INVALID;
  }
  return command->run (client, words + 1, count - 1);
}

/* Tells the recorder, if there is one. */
static void
mark (unsigned client, unsigned line) {
  void (*word) (const char *) = (void (*) (const char *))dlsym (RTLD_DEFAULT, "powerloss_mark");
  char text[32];

  g_snprintf (text, sizeof text, "%u %u", client, line);
  if (word)
    word (text);
}

static gpointer
run_script (gpointer data) {
  struct script *script = data;
  struct ptn_binding binding = harness_find (script->harness, PTN_STORE_ID, NULL);
  struct client client = { .harness = script->harness,
                           .host = harness_host (script->harness),
                           .store = binding.table,
                           .instance = binding.instance,
                           .task = harness_task_new (script->harness),
                           .answer = g_string_new (NULL) };
  FILE *lines = strcmp (script->name, "-") == 0 ? stdin : fopen (script->name, "re");
  g_autofree char *rows = NULL;
  char *line = NULL;
  size_t room = 0, rows_size = 0;

  for (unsigned number = 1; lines && getline (&line, &room, lines) > 0; number++) {
    bool must = line[0] == '!';
    ptn_status status;

    g_string_truncate (client.answer, 0);
    client.out = open_memstream (&rows, &rows_size);
    status = run_line (&client, line + must);
    fclose (client.out);
    if (status == PTN_OK)
      mark (script->number, number);
    g_mutex_lock (&output);
    for (char *row = rows, *end; row && (end = strchr (row, '\n')); row = end + 1)
      printf ("%u %u row %.*s\n", script->number, number, (int)(end - row), row);
    printf ("%u %u %d%s\n", script->number, number, status, client.answer->str);
    fflush (stdout);
    g_mutex_unlock (&output);
    g_clear_pointer (&rows, free);
    if (must && status != PTN_OK) {
      script->failed = true;
      break;
    }
  }
  free (line);
  if (!lines)
    script->failed = true;
  else if (lines != stdin)
    fclose (lines);
  g_string_free (client.answer, TRUE);
  g_free (client.body);
  harness_task_free (&client.task);
  return NULL;
}

static bool
run_scripts (struct harness *harness, char **names) {
  size_t count = g_strv_length (names);
  g_autofree struct script *scripts = g_new0 (struct script, count);
  g_autofree GThread **threads = g_new0 (GThread *, count);
  bool good = true;

  for (size_t i = 0; i < count; i++) {
    scripts[i] = (struct script){ names[i], (unsigned)i, harness, false };
    threads[i] = g_thread_new ("client", run_script, &scripts[i]);
  }
  for (size_t i = 0; i < count; i++) {
    g_thread_join (threads[i]);
    good = good && !scripts[i].failed;
  }
  return good;
}

int
main (int argc, char **argv) {
  g_autoptr (GPtrArray) settings = g_ptr_array_new ();
  struct harness *harness;
  ptn_status status;
  bool good = false;
  int at = 2;

  if (argc < 4)
    return 2;
  for (; at < argc && !g_str_has_prefix (argv[at], "--"); at++)
    g_ptr_array_add (settings, argv[at]);
  g_ptr_array_add (settings, NULL);
  harness = harness_new ();
  status = harness_load (harness, argv[1], (const char *const *)settings->pdata);
  if (status == PTN_OK)
    status = harness_start (harness);
  if (status == PTN_OK) {
    printf ("open\n");
    fflush (stdout);
    good = run_scripts (harness, argv + MIN (at + 1, argc));
    if (at < argc && strcmp (argv[at], "--kill") == 0)
      _exit (good ? 0 : 1);
  } else {
    g_autofree char *log = harness_log_take (harness);

    printf ("refused %d\n%s", status, log);
  }
  harness_free (&harness);
  return good ? 0 : 1;
}
