/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - postern-checkpassword: speaks the directory protocol (../PROTOCOL.md) at a UNIX socket,
 * and runs a checkpassword program for each password.
 *
 * One process a connection, which serves one question after the other; the manual page says the
 * options. */
#include "run.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <jansson.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define LINE_LIMIT 65536 /* of a question */

struct options {
  char *socket, *mode;
  gboolean lookup, local, reply;
  int seconds, connections;
  char **command; /* with ourselves behind it */
};

/* ---- Answers ----------------------------------------------------------------------------- */

static const char *
text_of (const json_t *question, const char *name) {
  const char *text = json_string_value (json_object_get (question, name));
  return text ? text : "";
}

/* PROTOCOL.md: what is not UTF-8 comes in base64.  Wiped and freed by the caller. */
static char *
password_of (const json_t *question) {
  const char *plain = text_of (question, "password");
  const char *encoded = text_of (question, "password_base64");
  gsize size = 0;
  if (*plain || !*encoded)
    return g_strdup (plain);
  guchar *octets = g_base64_decode (encoded, &size);
  char *password = g_strndup ((const char *)octets, size); /* ends at a NUL */
  explicit_bzero (octets, size);
  g_free (octets);
  return password;
}

static run_verdict
run_for (const struct options *options, const json_t *question, bool lookup, struct run *run) {
  char *password = lookup ? g_strdup ("") : password_of (question);
  const char *name = text_of (question, "name");
  g_autofree char *user = options->local ? g_strndup (name, strcspn (name, "@")) : g_strdup (name);
  *run = (struct run){
    .command = options->command,
    .user = user,
    .password = password,
    .peer = text_of (question, "peer"),
    .service = text_of (question, "service"),
    .lookup = lookup,
    .timeout_ms = options->seconds * 1000,
  };
  /* An empty password (which the protocol does not allow either) must not look like a lookup. */
  const run_verdict verdict = lookup || *password ? run_program (run) : RUN_WRONG;
  explicit_bzero (password, strlen (password));
  g_free (password);
  run->password = NULL;
  if (!*run->name)
    g_strlcpy (run->name, user, sizeof run->name);
  run->user = NULL;
  return verdict;
}

static json_t *
say (const char *status, const char *text) {
  json_t *answer = json_pack ("{s:s}", "status", status);
  if (text)
    json_object_set_new (answer, "text", json_string (text));
  return answer;
}

static json_t *
answer_verify (const struct options *options, const json_t *question) {
  struct run run;
  const run_verdict verdict = run_for (options, question, false, &run);
  if (verdict == RUN_TROUBLE)
    return say ("temporary", run.text);
  return say (verdict == RUN_RIGHT && *text_of (question, "name") ? "ok" : "wrong", NULL);
}

static json_t *
answer_account (const struct options *options, const json_t *question) {
  struct run run;
  if (!options->lookup)
    return say ("unsupported", NULL);
  const run_verdict verdict = run_for (options, question, true, &run);
  if (verdict == RUN_UNKNOWN || verdict == RUN_WRONG)
    return say ("not-found", NULL);
  if (verdict == RUN_TROUBLE)
    return say ("temporary", run.text);
  if (!run.knows_lookup)
    return say ("temporary", "the program does not know AUTHORIZED=1: it cannot look names up");
  json_t *answer = say ("ok", NULL);
  json_t *account = json_pack ("{s:s}", "name", run.name);
  if (account && *run.home)
    json_object_set_new (account, "attributes", json_pack ("{s:s}", "system.home", run.home));
  json_object_set_new (answer, "account", account);
  return answer;
}

static json_t *
answer_to (const struct options *options, const json_t *question) {
  const char *op = text_of (question, "op");
  if (strcmp (op, "verify") == 0)
    return answer_verify (options, question);
  if (strcmp (op, "account") == 0)
    return answer_account (options, question);
  return say ("unsupported", NULL);
}

/* ---- A connection ------------------------------------------------------------------------ */

static bool
serve_line (const struct options *options, int fd, const char *line) {
  json_t *question = json_loads (line, JSON_REJECT_DUPLICATES, NULL);
  if (!json_is_object (question)) {
    json_decref (question);
    return false;
  }
  json_t *answer = answer_to (options, question);
  json_object_set (answer, "id", json_object_get (question, "id"));
  json_decref (question);
  char *text = json_dumps (answer, JSON_COMPACT);
  json_decref (answer);
  const bool told = text && dprintf (fd, "%s\n", text) > 0;
  free (text);
  return told;
}

static _Noreturn void
serve (const struct options *options, int fd) {
  static char line[LINE_LIMIT + 1];
  size_t filled = 0;
  prctl (PR_SET_PDEATHSIG, SIGTERM);
  signal (SIGTERM, SIG_DFL);
  signal (SIGINT, SIG_DFL);
  for (;;) {
    const ssize_t got = read (fd, line + filled, LINE_LIMIT - filled);
    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0)
      _exit (0);
    filled += (size_t)got;
    for (char *end; (end = memchr (line, '\n', filled));) {
      *end = '\0';
      if (!serve_line (options, fd, line))
        _exit (1);
      const size_t used = (size_t)(end + 1 - line);
      memmove (line, line + used, filled - used);
      explicit_bzero (line + filled - used, used);
      filled -= used;
    }
    if (filled == LINE_LIMIT)
      _exit (1);
  }
}

/* ---- The socket -------------------------------------------------------------------------- */

static volatile sig_atomic_t stopping;

static void
stop (int signal) {
  stopping = 1;
}

/* A socket of ours from before goes; a file that was named by mistake stays. */
static bool
make_way (const char *path) {
  struct stat there;
  if (lstat (path, &there) != 0)
    return true;
  errno = EEXIST;
  return S_ISSOCK (there.st_mode) && g_unlink (path) == 0;
}

static int
listen_at (const struct options *options) {
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  const unsigned mode = (unsigned)strtoul (options->mode, NULL, 8) & 0777;
  if (g_strlcpy (address.sun_path, options->socket, sizeof address.sun_path)
      >= sizeof address.sun_path) {
    errno = ENAMETOOLONG;
    return -1;
  }
  if (!make_way (options->socket))
    return -1;
  const int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const mode_t before = umask (0777 & ~mode);
  const bool bound = fd >= 0 && bind (fd, (struct sockaddr *)&address, sizeof address) == 0;
  umask (before);
  return bound && listen (fd, SOMAXCONN) == 0 ? fd : -1;
}

/* Waits while as many connections as there may be are served. */
static void
reap (int *served, int limit) {
  while (*served > 0 && !stopping) {
    const pid_t ended = waitpid (-1, NULL, *served >= limit ? 0 : WNOHANG);
    if (ended <= 0)
      return;
    --*served;
  }
}

static int
serve_all (const struct options *options) {
  const int listening = listen_at (options);
  if (listening < 0) {
    fprintf (stderr, "postern-checkpassword: %s: %s\n", options->socket, strerror (errno));
    return 111;
  }
  const struct sigaction action = { .sa_handler = stop };
  sigaction (SIGTERM, &action, NULL);
  sigaction (SIGINT, &action, NULL);
  signal (SIGPIPE, SIG_IGN);
  int served = 0;
  while (!stopping) {
    reap (&served, options->connections);
    struct pollfd one = { listening, POLLIN, 0 };
    if (poll (&one, 1, 1000) <= 0)
      continue;
    const int fd = accept4 (listening, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
      continue;
    const pid_t pid = fork ();
    if (pid == 0) {
      close (listening);
      serve (options, fd);
    }
    served += pid > 0;
    close (fd);
  }
  g_unlink (options->socket);
  return 0;
}

/* ---- Options ----------------------------------------------------------------------------- */

/* The program starts ourselves when the password was right. */
static char **
whole_command (int argc, char **argv) {
  g_autofree char *self = g_file_read_link ("/proc/self/exe", NULL);
  GPtrArray *command = g_ptr_array_new ();
  for (int i = 0; i < argc; i++)
    if (i > 0 || strcmp (argv[0], "--") != 0)
      g_ptr_array_add (command, g_strdup (argv[i]));
  g_ptr_array_add (command, g_strdup (self ? self : "postern-checkpassword"));
  g_ptr_array_add (command, g_strdup ("--reply"));
  g_ptr_array_add (command, NULL);
  return (char **)g_ptr_array_free (command, FALSE);
}

/* As the plugin does: passwords do not stay in memory that was given back. */
static void
wipe_and_free (void *memory) {
  if (memory)
    explicit_bzero (memory, malloc_usable_size (memory));
  free (memory);
}

int
main (int argc, char **argv) {
  struct options options = { .seconds = 8, .connections = 64 };
  const GOptionEntry entries[] = {
    { "socket", 's', 0, G_OPTION_ARG_FILENAME, &options.socket, "where to listen", "PATH" },
    { "mode", 'm', 0, G_OPTION_ARG_STRING, &options.mode, "of the socket; 0660", "OCTAL" },
    { "lookup", 'l', 0, G_OPTION_ARG_NONE, &options.lookup,
      "the program looks names up with AUTHORIZED=1", NULL },
    { "local", 0, 0, G_OPTION_ARG_NONE, &options.local, "give the program what stands before the @",
      NULL },
    { "seconds", 0, 0, G_OPTION_ARG_INT, &options.seconds, "how long a run may take; 8", "NUMBER" },
    { "connections", 0, 0, G_OPTION_ARG_INT, &options.connections, "how many at once; 64",
      "NUMBER" },
    { "reply", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_NONE, &options.reply, NULL, NULL },
    { NULL }
  };
  g_autoptr (GOptionContext) context = g_option_context_new ("-- PROGRAM [ARGUMENT...]");
  g_autoptr (GError) error = NULL;
  g_option_context_set_strict_posix (context, TRUE);
  g_option_context_set_summary (context,
                                "Answers Postern's questions with a checkpassword program.");
  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, &argc, &argv, &error)) {
    fprintf (stderr, "postern-checkpassword: %s\n", error->message);
    return 2;
  }
  if (options.reply)
    return run_reply ();
  json_set_alloc_funcs (malloc, wipe_and_free);
  options.command = whole_command (argc - 1, argv + 1);
  int status = 2;
  if (!options.socket || g_strv_length (options.command) < 3 || options.seconds < 1
      || options.connections < 1)
    fprintf (stderr, "usage: postern-checkpassword --socket PATH [--lookup] [--local] "
                     "[--mode OCTAL] [--seconds N] [--connections N] -- PROGRAM [ARGUMENT...]\n");
  else {
    if (!options.mode)
      options.mode = g_strdup ("0660");
    status = serve_all (&options);
  }
  g_strfreev (options.command);
  g_free (options.socket);
  g_free (options.mode);
  return status;
}
