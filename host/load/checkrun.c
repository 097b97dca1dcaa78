/* SPDX-License-Identifier: Apache-2.0 */
/* checkrun.c - posternd --check.
 *
 * Plugins are loaded and configured in a child process, as a plugin may crash or hang in there:
 * then the note that is shared with the child tells which one it was, and the check is done
 * again without it. */
#include "load/describe.h"
#include "load/load.h"

#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_NS (30 * INT64_C (1000000000)) /* for one plugin */
#define LOOK_NS 2000000
#define QUIET (PTN_LOG_ERROR + 1) /* what plugins say is in the errors */

struct check {
  const char *path;
  FILE *output;
  bool strict;
  struct load_note *note;
  GArray *left_out; /* struct load_left_out: those that crashed or hung in here */
};

static bool
check_here (struct check *check) {
  struct config_errors *errors = config_errors_new ();
  struct config *config = config_load (check->path, NULL, errors);
  struct logger *logger = logger_new (&(struct log_settings){ LOG_FORMAT_TEXT, QUIET, NULL }, NULL);
  if (!logger)
    logger = logger_new (NULL, NULL);
  struct metrics *metrics = metrics_new ();
  struct loader_settings settings = {
    .config = config,
    .logger = logger,
    .metrics = metrics,
    .left_out = (const struct load_left_out *)(void *)check->left_out->data,
    .left_out_count = check->left_out->len,
    .note = check->note,
    .check_files = true,
    .strict = check->strict,
  };
  struct loader *loader = loader_new (&settings);
  loader_load (loader, errors);
  loader_free (&loader);
  bool good = config_errors_count (errors) == 0;
  g_autofree char *text = config_errors_text (errors);
  fputs (text, check->output);
  fflush (check->output);
  metrics_free (&metrics);
  logger_free (&logger);
  config_unref (&config);
  config_errors_free (&errors);
  return good;
}

static pid_t
begin_child (struct check *check) {
  fflush (NULL);
  atomic_store (&check->note->phase, LOAD_NOTHING);
  pid_t child = fork ();
  if (child == 0) {
    const struct rlimit none = { 0, 0 };
    setrlimit (RLIMIT_CORE, &none);
    _exit (check_here (check) ? 0 : 1);
  }
  return child;
}

static bool
hangs (const struct load_note *note) {
  struct timespec now;
  clock_gettime (CLOCK_MONOTONIC, &now);
  int64_t ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
  return atomic_load (&note->phase) != LOAD_NOTHING
         && ns - atomic_load (&note->since) > PATIENCE_NS;
}

/* The child's wait status.  *hung: it was ended because nothing came of a plugin. */
static int
await_child (struct check *check, pid_t child, bool *hung) {
  int status = 0;
  *hung = false;
  while (waitpid (child, &status, WNOHANG) == 0) {
    nanosleep (&(struct timespec){ 0, LOOK_NS }, NULL);
    if (!*hung && hangs (check->note)) {
      *hung = true;
      kill (child, SIGKILL);
    }
  }
  return status;
}

/* The plugin the child died in joins those left out; false: it was in none. */
static bool
blame (struct check *check, int status, bool hung) {
  uint32_t number = atomic_load (&check->note->plugin);
  uint32_t phase = atomic_load (&check->note->phase);
  struct config_errors *ignored = config_errors_new ();
  struct config *config = config_load (check->path, NULL, ignored);
  bool known = phase != LOAD_NOTHING && number > 0 && number <= config->plugin_count;
  if (known) {
    const char *how = WIFSIGNALED (status) ? strsignal (WTERMSIG (status)) : "it called exit";
    struct load_left_out left_out = {
      g_strdup (config->plugins[number - 1].label),
      hung ? g_strdup_printf ("it hangs in %s", load_phase_name (phase))
           : g_strdup_printf ("it crashes in %s (%s)", load_phase_name (phase), how),
    };
    g_array_append_val (check->left_out, left_out);
  } else
    fprintf (check->output, "the check ended unexpectedly (%s)\n",
             WIFSIGNALED (status) ? strsignal (WTERMSIG (status)) : "exit");
  config_unref (&config);
  config_errors_free (&ignored);
  return known;
}

static bool
check_in_child (struct check *check) {
  for (;;) {
    pid_t child = begin_child (check);
    bool hung;
    if (child < 0)
      return check_here (check);
    int status = await_child (check, child, &hung);
    bool whole = WIFEXITED (status) && atomic_load (&check->note->phase) == LOAD_NOTHING;
    if (whole && WEXITSTATUS (status) <= 1)
      return WEXITSTATUS (status) == 0;
    if (!blame (check, status, hung))
      return false;
  }
}

static bool
run (const char *config_path, FILE *output, bool strict) {
  struct check check = { .path = config_path ? config_path : config_default_path (),
                         .output = output,
                         .strict = strict,
                         .left_out = g_array_new (false, false, sizeof (struct load_left_out)) };
  check.note =
      mmap (NULL, sizeof *check.note, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (check.note == MAP_FAILED) {
    fprintf (output, "no memory for the check\n");
    g_array_free (check.left_out, true);
    return false;
  }
  bool good = check_in_child (&check);
  for (unsigned i = 0; i < check.left_out->len; i++) {
    struct load_left_out *left_out = &g_array_index (check.left_out, struct load_left_out, i);
    g_free ((char *)left_out->label);
    g_free ((char *)left_out->reason);
  }
  g_array_free (check.left_out, true);
  munmap (check.note, sizeof *check.note);
  return good;
}

bool
check_run (const char *config_path, FILE *output) {
  return run (config_path, output, true);
}

bool
check_start (const char *config_path, FILE *output) {
  return run (config_path, output, false);
}
