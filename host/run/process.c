/* SPDX-License-Identifier: Apache-2.0 */
/* process.c - see process.h. */
#include "run/process.h"
#include "run/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LONGEST_OUTPUT = 256 * 1024 };

static void
set_error (GError **error, const char *what) {
  g_set_error (error, G_FILE_ERROR, (int)g_file_error_from_errno (errno), "%s: %s", what,
               g_strerror (errno));
}

/* In the child: signals as they are by nature, then this program anew. */
static void G_GNUC_NORETURN
execute (const char *const *arguments) {
  sigset_t none;
  sigemptyset (&none);
  sigprocmask (SIG_SETMASK, &none, NULL);
  signal (SIGPIPE, SIG_DFL);
  execv ("/proc/self/exe", (char *const *)arguments);
  dprintf (STDERR_FILENO, "posternd: cannot execute itself: %s\n", strerror (errno));
  _exit (WORKER_EXIT_START);
}

bool
worker_spawn (struct worker_process *worker, const char *config_path,
              const struct privileges *privileges, GError **error) {
  int pair[2], note_fd;

  *worker = (struct worker_process){ .channel = -1 };
  if (socketpair (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
    set_error (error, "socketpair");
    return false;
  }
  worker->note = crash_new (&note_fd, error);
  pid_t pid = worker->note ? fork () : -1;
  if (pid == 0) {
    char number[16];
    const char *const arguments[] = {
      "posternd", "--worker", number, "--config", config_path, NULL
    };
    snprintf (number, sizeof number, "%d", pair[1]);
    fcntl (pair[1], F_SETFD, 0);
    if (!privileges_drop (privileges)) {
      dprintf (STDERR_FILENO, "posternd: cannot become user %s: %s\n", privileges->name,
               strerror (errno));
      _exit (WORKER_EXIT_START);
    }
    execute (arguments);
  }
  if (worker->note && pid < 0)
    set_error (error, "fork");
  close (pair[1]);
  worker->channel = pair[0];
  if (pid > 0) {
    worker->pid = pid;
    channel_send (worker->channel, CHANNEL_NOTE, note_fd, NULL);
  } else {
    worker_clear (worker);
  }
  if (note_fd >= 0)
    close (note_fd);
  return pid > 0;
}

void
worker_clear (struct worker_process *worker) {
  if (worker->channel >= 0)
    close (worker->channel);
  crash_free (&worker->note);
  *worker = (struct worker_process){ .channel = -1 };
}

bool
check_spawn (struct check_process *check, const char *config_path, GError **error) {
  int ends[2];

  *check = (struct check_process){ .pipe = -1 };
  if (pipe2 (ends, O_CLOEXEC) < 0) {
    set_error (error, "pipe");
    return false;
  }
  pid_t pid = fork ();
  if (pid == 0) {
    const char *const arguments[] = { "posternd", "--check", "--config", config_path, NULL };
    dup2 (ends[1], STDOUT_FILENO);
    dup2 (ends[1], STDERR_FILENO);
    execute (arguments);
  }
  close (ends[1]);
  if (pid < 0) {
    set_error (error, "fork");
    close (ends[0]);
    return false;
  }
  fcntl (ends[0], F_SETFL, O_NONBLOCK);
  *check = (struct check_process){ .pid = pid, .pipe = ends[0], .output = g_string_new (NULL) };
  return true;
}

void
check_read (struct check_process *check) {
  char text[4096];
  ssize_t got = 0;

  while (check->pipe >= 0
         && ((got = read (check->pipe, text, sizeof text)) > 0 || (got < 0 && errno == EINTR)))
    if (got > 0 && check->output->len < LONGEST_OUTPUT)
      g_string_append_len (check->output, text, got);
  if (check->pipe >= 0 && (got == 0 || errno != EAGAIN)) {
    close (check->pipe);
    check->pipe = -1;
  }
}

void
check_clear (struct check_process *check) {
  if (check->pipe >= 0)
    close (check->pipe);
  if (check->output)
    g_string_free (check->output, TRUE);
  *check = (struct check_process){ .pipe = -1 };
}
