/* SPDX-License-Identifier: Apache-2.0 */
/* run.c - see run.h. */
#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define INPUT_FD 3
#define REPLY_LIMIT (3 * RUN_INPUT_LIMIT)

/* ---- The second half --------------------------------------------------------------------- */

static bool
write_word (const char *word) {
  const char *text = word ? word : "";
  const size_t size = strlen (text) + 1;
  return size <= RUN_INPUT_LIMIT && write (RUN_REPLY_FD, text, size) == (ssize_t)size;
}

int
run_reply (void) {
  return write_word (getenv ("USER")) && write_word (getenv ("HOME"))
                 && write_word (getenv ("AUTHORIZED"))
             ? 0
             : 111;
}

/* ---- The program's process --------------------------------------------------------------- */

/* Out of the way of the descriptors that have a meaning. */
static int
move_up (int fd) {
  const int high = fcntl (fd, F_DUPFD_CLOEXEC, 10);
  close (fd);
  return high;
}

static void
close_pipe (int ends[2]) {
  for (int i = 0; i < 2; i++)
    if (ends[i] >= 0)
      close (ends[i]);
}

static bool
make_pipe (int ends[2]) {
  if (pipe2 (ends, O_CLOEXEC) != 0)
    return false;
  ends[0] = move_up (ends[0]);
  ends[1] = move_up (ends[1]);
  if (ends[0] >= 0 && ends[1] >= 0)
    return true;
  close_pipe (ends);
  return false;
}

/* Both, or none. */
static bool
make_pipes (int to[2], int from[2]) {
  if (!make_pipe (to))
    return false;
  if (make_pipe (from))
    return true;
  close_pipe (to);
  return false;
}

static _Noreturn void
become_program (const struct run *run, int input, int reply) {
  setpgid (0, 0); /* so that what it starts ends with it */
  signal (SIGPIPE, SIG_DFL);
  signal (SIGCHLD, SIG_DFL);
  const int nothing = open ("/dev/null", O_RDWR | O_CLOEXEC);
  dup2 (nothing, STDIN_FILENO);
  dup2 (STDERR_FILENO, STDOUT_FILENO);
  dup2 (input, INPUT_FD);
  dup2 (reply, RUN_REPLY_FD);
  unsetenv ("USER");
  unsetenv ("HOME");
  unsetenv ("AUTHORIZED");
  setenv ("PROTO", "TCP", 1);
  setenv ("TCPREMOTEIP", run->peer, 1);
  setenv ("SERVICE", run->service, 1);
  if (run->lookup)
    setenv ("AUTHORIZED", "1", 1);
  execvp (run->command[0], run->command);
  dprintf (STDERR_FILENO, "postern-checkpassword: %s: %s\n", run->command[0], strerror (errno));
  _exit (111);
}

/* User, password and timestamp, each with its NUL.  0: too long. */
static size_t
make_input (const struct run *run, char input[RUN_INPUT_LIMIT]) {
  const int size = snprintf (input, RUN_INPUT_LIMIT, "%s%c%s%cY%lld", run->user, '\0',
                             run->password, '\0', (long long)time (NULL));
  return size > 0 && size < RUN_INPUT_LIMIT ? (size_t)size + 1 : 0;
}

/* ---- What it says ------------------------------------------------------------------------ */

static gint64
left_ms (gint64 ends_us) {
  return MAX ((ends_us - g_get_monotonic_time ()) / 1000, 0);
}

/* Until the program and all that it started have closed the pipe.  false: not in time. */
static bool
read_reply (int fd, char reply[REPLY_LIMIT], size_t *size, gint64 ends_us) {
  *size = 0;
  for (;;) {
    struct pollfd one = { fd, POLLIN, 0 };
    const int ready = poll (&one, 1, (int)left_ms (ends_us));
    if (ready == 0)
      return false;
    char more[256];
    const ssize_t got = ready > 0 ? read (fd, more, sizeof more) : -1;
    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0)
      return got == 0;
    const size_t kept = MIN ((size_t)got, REPLY_LIMIT - *size);
    memcpy (reply + *size, more, kept);
    *size += kept;
  }
}

/* false: it still runs. */
static bool
wait_for_end (pid_t pid, int *status, gint64 ends_us) {
  for (int pause_us = 500;; pause_us = MIN (pause_us * 2, 20000)) {
    const pid_t ended = waitpid (pid, status, WNOHANG);
    if (ended == pid || (ended < 0 && errno != EINTR))
      return ended == pid;
    if (left_ms (ends_us) == 0)
      return false;
    g_usleep ((gulong)pause_us);
  }
}

static const char *
next_word (const char *at, const char *end, char *word, size_t room) {
  const char *nul = at ? memchr (at, '\0', (size_t)(end - at)) : NULL;
  if (!nul || (size_t)(nul - at) >= room)
    return NULL;
  memcpy (word, at, (size_t)(nul - at) + 1);
  return nul + 1;
}

/* A program that ends well without having started the second half has not said "right". */
static run_verdict
judge (struct run *run, int status, const char *reply, size_t size) {
  char authorized[8];
  if (!WIFEXITED (status)) {
    snprintf (run->text, sizeof run->text, "the program was ended by signal %d", WTERMSIG (status));
    return RUN_TROUBLE;
  }
  const int code = WEXITSTATUS (status);
  if (code == 1 || code == 3)
    return code == 1 ? RUN_WRONG : RUN_UNKNOWN;
  snprintf (run->text, sizeof run->text, "the program ended with %d%s", code,
            code == 0 ? " and did not start what stands behind it" : "");
  const char *at = next_word (reply, reply + size, run->name, sizeof run->name);
  at = next_word (at, reply + size, run->home, sizeof run->home);
  at = next_word (at, reply + size, authorized, sizeof authorized);
  run->knows_lookup = at && strcmp (authorized, "2") == 0;
  return code == 0 && at ? RUN_RIGHT : RUN_TROUBLE;
}

run_verdict
run_program (struct run *run) {
  char input[RUN_INPUT_LIMIT], reply[REPLY_LIMIT];
  const size_t input_size = make_input (run, input);
  if (!input_size)
    return RUN_WRONG;
  const gint64 ends_us = g_get_monotonic_time () + (gint64)run->timeout_ms * 1000;
  int to[2], from[2];
  if (!make_pipes (to, from)) {
    snprintf (run->text, sizeof run->text, "no pipe: %s", strerror (errno));
    return RUN_TROUBLE;
  }
  const pid_t pid = fork ();
  if (pid == 0)
    become_program (run, to[0], from[1]);
  close (to[0]);
  close (from[1]);
  /* 512 octets fit into a pipe: this never waits. */
  const bool written = write (to[1], input, input_size) == (ssize_t)input_size;
  explicit_bzero (input, sizeof input);
  close (to[1]);
  size_t size = 0;
  int status = 0;
  const bool ended = pid > 0 && written && read_reply (from[0], reply, &size, ends_us)
                     && wait_for_end (pid, &status, ends_us);
  close (from[0]);
  if (ended)
    return judge (run, status, reply, size);
  if (pid > 0) {
    kill (-pid, SIGKILL);
    kill (pid, SIGKILL);
    waitpid (pid, &status, 0);
  }
  snprintf (run->text, sizeof run->text, "the program %s",
            pid < 0 ? "cannot be started" : "did not end in time");
  return RUN_TROUBLE;
}
