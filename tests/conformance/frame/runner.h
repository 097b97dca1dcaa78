/* SPDX-License-Identifier: Apache-2.0 */
/* runner.h - runs a rule in a process of its own, with a directory of its own, and a limit of time:
 * a plugin that crashes or hangs fails the rule and nothing else. */
#ifndef CONFORMANCE_RUNNER_H
#define CONFORMANCE_RUNNER_H

#include "contract.h"

enum verdict {
  VERDICT_PASSED,
  VERDICT_FAILED,
  VERDICT_NOT_DECLARED, /* a capability that the plugin does not claim */
  VERDICT_CANNOT_RUN    /* and why */
};

struct result { /* freed with result_clear */
  enum verdict verdict;
  double seconds;
  char *text;   /* what was found; or why it cannot run */
  char *call;   /* the last call of the plugin */
  char *place;  /* "file.c:123" of the check */
  char *log;    /* the end of what the plugin logged; may be empty */
  char *output; /* the end of what the process wrote */
  char *directory;
};

struct runner {
  const char *directory; /* work of this run; each rule has a folder in it */
  unsigned seconds;      /* limit of a rule */
  bool keep;             /* the folders of failed rules */
};

/* Loads the plugin once and tells what it is; NULL and *error (g_free) when it cannot be. */
struct description {
  char plugin[128];
  uint32_t capabilities, table_size;
};
bool runner_describe (const struct runner *, struct description *, char **error);
void runner_run (const struct runner *, const struct rule *, struct result *);
/* In this process, for a debugger: it ends with the rule, and says on standard error what was found. */
_Noreturn void runner_run_here (const struct runner *, const struct rule *);
void result_clear (struct result *);
void remove_tree (const char *path);

#endif
