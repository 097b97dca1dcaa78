/* SPDX-License-Identifier: Apache-2.0 */
/* runner.c - see runner.h. */
#include "runner.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int
remove_entry (const char *path, const struct stat *status, int kind, struct FTW *ftw) {
  (void)status;
  (void)kind;
  (void)ftw;
  return remove (path);
}

void
remove_tree (const char *path) {
  nftw (path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static double
now (void) {
  struct timespec time;
  clock_gettime (CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static _Noreturn void
child (const struct rule *rule, const char *directory, const char *output) {
  setpgid (0, 0);
  prctl (PR_SET_PDEATHSIG, SIGKILL);
  int fd = open (output, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd >= 0) {
    dup2 (fd, 1);
    dup2 (fd, 2);
  }
  check_catch_fatal ();
  contract->play (rule, directory);
  abort (); /* it ends by itself */
}

static int
wait_for (pid_t pid, unsigned seconds, bool *late) {
  int status = 0;
  int fd = (int)syscall (SYS_pidfd_open, pid, 0);
  struct pollfd poll_fd = { fd, POLLIN, 0 };
  double end = now () + seconds;
  for (*late = false;;) {
    double left = end - now ();
    if (left <= 0) {
      *late = true;
      kill (-pid, SIGKILL);
      kill (pid, SIGKILL);
      waitpid (pid, &status, 0);
      break;
    }
    if (fd >= 0)
      poll (&poll_fd, 1, (int)(left * 1000) + 1);
    else
      g_usleep (5000);
    if (waitpid (pid, &status, WNOHANG) == pid)
      break;
  }
  kill (-pid, SIGKILL); /* whatever it started */
  if (fd >= 0)
    close (fd);
  return status;
}

static char *
tail_of (const char *path, size_t most) {
  char *text = NULL;
  gsize size = 0;
  if (!g_file_get_contents (path, &text, &size, NULL))
    return g_strdup ("");
  if (size > most)
    memmove (text, text + size - most, most + 1);
  char *valid = g_utf8_make_valid (text, -1);
  g_free (text);
  return valid;
}

static char *
last_call (void) {
  const char *call = atomic_load (&board->call), *file = atomic_load (&board->call_file);
  if (!call || !file)
    return g_strdup ("");
  const char *name = strrchr (file, '/');
  return g_strdup_printf ("%s (%s:%d)", call, name ? name + 1 : file,
                          atomic_load (&board->call_line));
}

/* From what the board says and how the process ended. */
static void
judge (struct result *result, int status, bool late, unsigned seconds) {
  const bool told = atomic_load (&board->written);
  const int outcome = atomic_load (&board->outcome);
  result->call = last_call ();
  result->log = g_strdup (board->log);
  result->verdict = VERDICT_FAILED;
  result->place = g_strdup ("");
  if (told && outcome == BOARD_FAILED) {
    result->text = g_strdup (board->text);
    g_free (result->place);
    result->place =
        *board->file ? g_strdup_printf ("%s:%d", board->file, board->line) : g_strdup ("");
  } else if (late)
    result->text = g_strdup_printf ("the %s hangs: the rule was not through after %u s",
                                    contract->subject, seconds);
  else if (WIFSIGNALED (status))
    result->text = g_strdup_printf ("the %s crashed: signal %d (%s)", contract->subject,
                                    WTERMSIG (status), strsignal (WTERMSIG (status)));
  else if (told && outcome == BOARD_CANNOT_RUN) {
    result->verdict = VERDICT_CANNOT_RUN;
    result->text = g_strdup (board->text);
  } else if (!told || outcome != BOARD_PASSED)
    result->text =
        g_strdup_printf ("the process ended by itself with status %d", WEXITSTATUS (status));
  else if (WEXITSTATUS (status) != 0)
    result->text = g_strdup_printf ("all checks held, but the process ended with status %d "
                                    "(a leak checker?)",
                                    WEXITSTATUS (status));
  else {
    result->verdict = VERDICT_PASSED;
    result->text = g_strdup ("");
  }
}

static void
run_child (const struct runner *runner, const struct rule *rule, const char *name,
           struct result *result) {
  *result = (struct result){ .directory = g_build_filename (runner->directory, name, NULL) };
  g_autofree char *output = g_strconcat (result->directory, ".output", NULL);
  bool late = false;
  double begun = now ();
  g_mkdir_with_parents (result->directory, 0700);
  memset ((void *)board, 0, sizeof *board);
  fflush (NULL);
  pid_t pid = fork ();
  if (pid == 0)
    child (rule, result->directory, output);
  int status = 0;
  if (pid > 0)
    status = wait_for (pid, runner->seconds, &late);
  result->seconds = now () - begun;
  judge (result, status, late, runner->seconds);
  result->output = tail_of (output, 4000);
  unlink (output);
  if (!runner->keep || result->verdict != VERDICT_FAILED)
    remove_tree (result->directory);
}

static void
board_make (void) {
  if (board)
    return;
  board = mmap (NULL, sizeof *board, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (board == MAP_FAILED)
    g_error ("no memory to share with the rules: %s", g_strerror (errno));
}

bool
runner_describe (const struct runner *runner, struct description *description, char **error) {
  struct result result;
  board_make ();
  run_child (runner, NULL, "describe", &result);
  *description =
      (struct description){ .capabilities = board->capabilities, .table_size = board->table_size };
  memcpy (description->plugin, board->plugin, sizeof board->plugin);
  bool well = result.verdict == VERDICT_PASSED;
  if (!well) {
    g_autofree char *call = result.call && result.call[0]
                                ? g_strdup_printf ("\nlast call: %s", result.call)
                                : g_strdup ("");
    *error = strstr (result.output, result.text)
                 ? g_strconcat (result.log, result.output, NULL)
                 : g_strdup_printf ("%s%s\n%s%s", result.text, call, result.log, result.output);
    g_strchomp (*error);
  }
  result_clear (&result);
  return well;
}

void
runner_run (const struct runner *runner, const struct rule *rule, struct result *result) {
  board_make ();
  run_child (runner, rule, rule->id, result);
}

void
runner_run_here (const struct runner *runner, const struct rule *rule) {
  g_autofree char *directory = g_build_filename (runner->directory, rule->id, NULL);
  board_make ();
  check_tell = true;
  g_mkdir_with_parents (directory, 0700);
  fprintf (stderr, "%s: %s\n", rule->id, directory);
  check_catch_fatal ();
  contract->play (rule, directory);
  abort ();
}

void
result_clear (struct result *result) {
  g_free (result->text);
  g_free (result->call);
  g_free (result->place);
  g_free (result->log);
  g_free (result->output);
  g_free (result->directory);
  *result = (struct result){ 0 };
}
