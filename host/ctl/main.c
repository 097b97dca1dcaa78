/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - posternctl: finds the server, or does without, and runs one command. */
#include "config/config.h"
#include "config/suggest.h"
#include "ctl/ask.h"
#include "ctl/client.h"
#include "ctl/local.h"
#include "load/describe.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { /* exit codes, as the man page tells */
       EXIT_OK = 0,
       EXIT_FAILED = 1,
       EXIT_USAGE = 2,
       EXIT_NO_SERVER = 3
};
enum { ANSWER_SECONDS = 60 };

struct options {
  const char *config, *socket;
  bool json, help, version;
  const char **words; /* the command and what is behind it */
  size_t word_count;
};

struct session {
  struct client *client;
  bool local;
  pid_t child;
  char *socket; /* where a server would be */
};

static int
G_GNUC_PRINTF (1, 2) usage_error (const char *format, ...) {
  va_list list;
  va_start (list, format);
  fprintf (stderr, "posternctl: ");
  vfprintf (stderr, format, list);
  va_end (list);
  fprintf (stderr, "\nTry: posternctl help\n");
  return EXIT_USAGE;
}

/* An option with a value, as --name VALUE or --name=VALUE. */
static bool
takes_value (const char *name, char **arguments, int count, int *at, const char **value) {
  size_t length = strlen (name);
  const char *word = arguments[*at];
  if (strncmp (word, name, length) != 0 || (word[length] && word[length] != '='))
    return false;
  *value = word[length] ? word + length + 1 : *at + 1 < count ? arguments[++*at] : NULL;
  return true;
}

/* Ours are before the command; --json and --help may also stand behind it. */
static int
parse_options (struct options *options, int count, char **arguments) {
  bool literal = false;

  options->words = g_new0 (const char *, (size_t)count + 1);
  for (int i = 1; i < count; i++) {
    const char *word = arguments[i];
    const char *value = "";
    if (literal)
      options->words[options->word_count++] = word;
    else if (strcmp (word, "--json") == 0)
      options->json = true;
    else if (strcmp (word, "--help") == 0 || strcmp (word, "-h") == 0)
      options->help = true;
    else if (options->word_count)
      literal = strcmp (word, "--") == 0, options->words[options->word_count++] = word;
    else if (strcmp (word, "--version") == 0)
      options->version = true;
    else if (takes_value ("--config", arguments, count, &i, &value))
      options->config = value;
    else if (takes_value ("--socket", arguments, count, &i, &value))
      options->socket = value;
    else if (word[0] == '-')
      return usage_error ("there is no option %s", word);
    else
      options->words[options->word_count++] = word;
    if (!value)
      return usage_error ("%s needs a value", word);
  }
  return EXIT_OK;
}

/* Where the server's socket is; what else may be wrong with the configuration is the server's
 * business. */
static char *
socket_path (const struct options *options) {
  if (options->socket)
    return g_strdup (options->socket);
  struct config_errors *errors = config_errors_new ();
  struct config *config = config_load (options->config, NULL, errors);
  char *path = g_build_filename (config->server.run_directory, "control.sock", NULL);
  config_unref (&config);
  config_errors_free (&errors);
  return path;
}

static int
open_session (const struct options *options, struct session *session) {
  g_autoptr (GError) error = NULL;
  int fd = -1;

  session->socket = socket_path (options);
  enum client_connect found = client_connect (session->socket, &fd, &error);
  if (found == CLIENT_ABSENT && options->socket) {
    fprintf (stderr, "posternctl: nobody listens on %s: is the server running?\n", options->socket);
    return EXIT_NO_SERVER;
  }
  if (found == CLIENT_ABSENT) {
    fd = local_start (options->config, &session->child, &error);
    session->local = fd >= 0;
  }
  if (fd >= 0)
    session->client = client_new (fd, ANSWER_SECONDS, session->local ? NULL : &error);
  if (session->client)
    return EXIT_OK;
  if (session->local) { /* it has said why */
    local_wait (session->child);
    return EXIT_FAILED;
  }
  fprintf (stderr, "posternctl: %s\n", error->message);
  return EXIT_NO_SERVER;
}

static int
close_session (struct session *session, int code) {
  client_free (&session->client);
  if (session->local && local_wait (session->child) != 0 && code == EXIT_OK)
    code = EXIT_FAILED;
  g_free (session->socket);
  return code;
}

/* The command of one or two words; *used tells how many. */
static const struct client_command *
find_command (const GPtrArray *commands, const struct options *options, size_t *used) {
  for (*used = MIN (options->word_count, 2); *used; --*used) {
    g_autofree char *name = *used == 2
                                ? g_strconcat (options->words[0], " ", options->words[1], NULL)
                                : g_strdup (options->words[0]);
    for (guint i = 0; i < commands->len; i++) {
      const struct client_command *command = commands->pdata[i];
      if (strcmp (command->name, name) == 0)
        return command;
    }
  }
  return NULL;
}

static void
print_command (FILE *output, const char *name, const char *arguments, const char *help) {
  fprintf (output, "  %s%s%s\n      %s\n", name, *arguments ? " " : "", arguments, help);
}

static int
compare_commands (const void *a, const void *b) {
  const struct client_command *const *first = a, *const *second = b;
  return strcmp ((*first)->name, (*second)->name);
}

/* All commands, or those that begin with this word.  False: there are none. */
static bool
print_commands (const GPtrArray *commands, const char *first_word, FILE *output) {
  g_autoptr (GPtrArray) sorted = g_ptr_array_new ();

  for (guint i = 0; i < commands->len; i++) {
    const struct client_command *command = commands->pdata[i];
    size_t length = first_word ? strlen (first_word) : 0;
    if (strncmp (command->name, first_word ? first_word : "", length) == 0
        && (!first_word || command->name[length] == ' '))
      g_ptr_array_add (sorted, commands->pdata[i]);
  }
  g_ptr_array_sort (sorted, compare_commands);
  for (guint i = 0; i < sorted->len; i++) {
    const struct client_command *command = sorted->pdata[i];
    print_command (output, command->name, command->arguments, command->help);
  }
  return sorted->len > 0;
}

/* The command, or the first word of some, that looks most like it; g_free it. */
static char *
similar_command (const GPtrArray *commands, const char *typed) {
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  struct suggestion suggestion;
  suggest_begin (&suggestion, typed);
  suggest_show (&suggestion, "check-config");
  for (guint i = 0; i < commands->len; i++) {
    const char *name = ((const struct client_command *)commands->pdata[i])->name;
    g_ptr_array_add (names, g_strndup (name, strcspn (name, " ")));
    suggest_show (&suggestion, name);
    suggest_show (&suggestion, names->pdata[i]);
  }
  return g_strdup (suggestion.best);
}

static int
unknown_command (const GPtrArray *commands, const struct options *options) {
  const char *first = options->words[0];
  g_autofree char *typed = options->word_count > 1
                               ? g_strconcat (first, " ", options->words[1], NULL)
                               : g_strdup (first);
  g_autofree char *near = similar_command (commands, typed);
  if (!near)
    near = similar_command (commands, first);
  fprintf (stderr, "posternctl: there is no command \"%s\"", typed);
  if (near && strcmp (near, first) != 0)
    fprintf (stderr, "; did you mean %s?", near);
  fputc ('\n', stderr);
  if (!print_commands (commands, first, stderr))
    fputs ("Try: posternctl help\n", stderr);
  return EXIT_USAGE;
}

static int
print_help (const GPtrArray *commands) {
  puts ("Usage: posternctl [--config FILE] [--socket PATH] [--json] COMMAND [ARGUMENT]...\n\n"
        "Commands:");
  print_command (stdout, "help", "", "Prints this.");
  print_command (stdout, "check-config", "",
                 "Checks the configuration files, and prints every error.");
  print_commands (commands, NULL, stdout);
  puts ("\nCommands that need no server also run while none is there.\n"
        "See posternctl(1).  Exit codes: 0 done, 1 failed, 2 wrong usage, 3 no server.");
  return EXIT_OK;
}

static int
print_command_help (const struct client_command *command) {
  printf ("Usage: posternctl %s%s%s\n\n%s\n", command->name, *command->arguments ? " " : "",
          command->arguments, command->help);
  if (command->flags & PTN_CONTROL_SECRET)
    puts ("Asks for the password, or reads it from standard input (one line).");
  if (*command->columns && strcmp (command->columns, "text") != 0)
    printf ("Columns: %s\n", command->columns);
  puts (command->flags & PTN_CONTROL_STOPPED   ? "Works while the server is stopped."
        : command->flags & PTN_CONTROL_OFFLINE ? "Works with and without a running server."
                                               : "Needs a running server.");
  return EXIT_OK;
}

/* Fewer than the words before the first option in "NAME KEY=VALUE... [--x]": told before a password
 * is asked for. */
static bool
lacks_arguments (const struct client_command *command, size_t count) {
  g_auto (GStrv) words = g_strsplit (command->arguments, " ", -1);
  size_t needed = 0;
  while (words[needed] && *words[needed] && words[needed][0] != '[')
    needed++;
  return count < needed;
}

static void
print_usage (const struct client_command *command) {
  fprintf (stderr, "Usage: posternctl %s%s%s\n", command->name, *command->arguments ? " " : "",
           command->arguments);
}

static bool
wants_secret (const struct client_command *command, const char *const *arguments, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (strcmp (arguments[i], "--no-password") == 0)
      return false;
  return command->flags & PTN_CONTROL_SECRET;
}

/* After a reload that needs a new worker the connection ends: the next one shows that the new
 * worker serves. */
static int
wait_for_server (const struct session *session) {
  g_autoptr (GError) error = NULL;
  gint64 ends = g_get_monotonic_time () + ANSWER_SECONDS * G_USEC_PER_SEC;
  struct client *client = NULL;

  do { /* the old worker may have taken the connection, and closed it */
    int fd = -1;
    g_clear_error (&error);
    if (client_connect (session->socket, &fd, &error) == CLIENT_CONNECTED)
      client = client_new (fd, ANSWER_SECONDS, &error);
    if (!client)
      g_usleep (10000);
  } while (!client && g_get_monotonic_time () < ends);
  if (!client)
    fprintf (stderr,
             "posternctl: the configuration was taken, but the server does not answer%s%s\n",
             error ? ": " : "", error ? error->message : "");
  int code = client ? EXIT_OK : EXIT_NO_SERVER;
  client_free (&client);
  return code;
}

static int
run_command (struct session *session, const struct options *options,
             const struct client_command *command, size_t used) {
  const char *const *arguments = options->words + used;
  size_t count = options->word_count - used;
  char *secret = NULL;
  g_autofree char *text = NULL;

  if (count && strcmp (arguments[0], "--") == 0) {
    arguments++;
    count--;
  }
  if (session->local && !(command->flags & PTN_CONTROL_OFFLINE)) {
    fprintf (stderr, "posternctl: %s needs a running server, and nobody listens on %s\n",
             command->name, session->socket);
    return EXIT_NO_SERVER;
  }
  if (lacks_arguments (command, count)) {
    fprintf (stderr, "posternctl: arguments are missing\n");
    print_usage (command);
    return EXIT_USAGE;
  }
  if (wants_secret (command, arguments, count)) {
    secret = ask_secret ("Password");
    if (!secret)
      return EXIT_USAGE;
  }
  struct output *output = output_new (command->columns, options->json);
  ptn_status status =
      client_run (session->client, command->name, arguments, count, secret, output, &text);
  ask_wipe (&secret);
  bool printed = output_end (&output);
  if (status != PTN_OK) {
    fprintf (stderr, "posternctl: %s\n", text);
    if (status == PTN_E_INVALID)
      print_usage (command);
    return status == PTN_E_INVALID ? EXIT_USAGE : EXIT_FAILED;
  }
  if (!printed) {
    perror ("posternctl: standard output");
    return EXIT_FAILED;
  }
  return strcmp (command->name, "reload") == 0 ? wait_for_server (session) : EXIT_OK;
}

static int
run (struct session *session, const struct options *options) {
  g_autoptr (GError) error = NULL;
  size_t used = 0;
  const GPtrArray *commands = client_commands (session->client, &error);

  if (!commands) {
    fprintf (stderr, "posternctl: %s\n", error->message);
    return EXIT_NO_SERVER;
  }
  if (!options->word_count || strcmp (options->words[0], "help") == 0) {
    print_help (commands);
    return options->word_count || options->help ? EXIT_OK : EXIT_USAGE;
  }
  const struct client_command *command = find_command (commands, options, &used);
  if (!command) {
    if ((options->help || options->word_count == 1)
        && print_commands (commands, options->words[0], stdout))
      return options->help ? EXIT_OK : EXIT_USAGE;
    return unknown_command (commands, options);
  }
  return options->help ? print_command_help (command)
                       : run_command (session, options, command, used);
}

int
main (int count, char **arguments) {
  struct options options = { .config = config_default_path () };
  struct session session = { 0 };

  signal (SIGPIPE, SIG_IGN);
  int code = parse_options (&options, count, arguments);
  if (code == EXIT_OK && options.version) {
    printf ("posternctl %s\n", POSTERN_VERSION);
  } else if (code == EXIT_OK && options.word_count && !options.help
             && strcmp (options.words[0], "check-config") == 0) {
    code = check_run (options.config, stdout) ? EXIT_OK : EXIT_FAILED;
  } else if (code == EXIT_OK) {
    code = open_session (&options, &session);
    if (code == EXIT_OK)
      code = run (&session, &options);
    code = close_session (&session, code);
  }
  g_free (options.words);
  return code;
}
