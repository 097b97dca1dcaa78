/* SPDX-License-Identifier: Apache-2.0 */
/* check.h - what a rule demands, and what is told when it is not met.
 *
 * A check that fails writes its text onto the board and ends the process at once, from whatever
 * thread: nothing needs to be cleaned up, because the process and its files are thrown away.
 * Texts are made for the author of the plugin: they say what was done and what came instead of what.
 *
 * The board is memory shared with the runner, so that it knows also of a process that crashed, or
 * hangs, what it was doing. */
#ifndef CONFORMANCE_CHECK_H
#define CONFORMANCE_CHECK_H

#include <postern/postern.h>

#include <stdatomic.h>
#include <stdbool.h>

enum board_outcome { BOARD_NOTHING, BOARD_PASSED, BOARD_FAILED, BOARD_CANNOT_RUN };
struct board {
  atomic_int outcome; /* enum board_outcome: the first one stays */
  atomic_int written; /* text is whole */
  int line;
  char file[64];
  char text[4096];
  /* The last call of the plugin that was begun: text of the program, so that a pointer is valid in
   * every process that was forked from one. */
  _Atomic (const char *) call, call_file;
  atomic_int call_line;
  char log[4096]; /* the end of what the plugin logged */
  uint32_t capabilities, table_size;
  char plugin[128];
};
extern bool check_tell;     /* the outcome on standard error, too: no other process will */
extern struct board *board; /* of this process; set by the runner before anything runs */

_Noreturn void check_failed (const char *file, int line, const char *format, ...)
    __attribute__ ((__format__ (__printf__, 3, 4)));
/* The rule cannot be tested here; why. */
_Noreturn void cannot_run (const char *format, ...) __attribute__ ((__format__ (__printf__, 1, 2)));
/* The line of the rule, for checks that are made in words that many rules use. */
void check_here (const char *file, int line);
/* Notes the call that is made now. */
void check_call (const char *expression, const char *file, int line);
/* "PTN_E_NOT_FOUND" */
const char *status_name (ptn_status);
/* Ends the process well. */
_Noreturn void check_passed (void);
/* Errors of GLib and of the harness (a lost wake, say) end as failed checks. */
void check_catch_fatal (void);

void check_number (const char *file, int line, uint64_t actual, uint64_t wanted, const char *format,
                   ...) __attribute__ ((__format__ (__printf__, 5, 6)));
void check_status (const char *file, int line, ptn_status actual, ptn_status wanted,
                   const char *format, ...) __attribute__ ((__format__ (__printf__, 5, 6)));
void check_text (const char *file, int line, const char *actual, const char *wanted,
                 const char *format, ...) __attribute__ ((__format__ (__printf__, 5, 6)));
void check_octets (const char *file, int line, const void *actual, size_t size, const void *wanted,
                   size_t wanted_size, const char *format, ...)
    __attribute__ ((__format__ (__printf__, 7, 8)));

/* must (condition, "what is wrong, told with its numbers") */
#define must(condition, ...)                          \
  do                                                  \
    if (!(condition))                                 \
      check_failed (__FILE__, __LINE__, __VA_ARGS__); \
  while (0)
/* The rest end in "...: is A, must be B". */
#define must_be(actual, wanted, ...) \
  check_number (__FILE__, __LINE__, (uint64_t)(actual), (uint64_t)(wanted), __VA_ARGS__)
#define must_give(status, wanted, ...) \
  check_status (__FILE__, __LINE__, (status), (wanted), __VA_ARGS__)
#define must_do(status, ...) check_status (__FILE__, __LINE__, (status), PTN_OK, __VA_ARGS__)
#define must_read(text, wanted, ...) check_text (__FILE__, __LINE__, (text), (wanted), __VA_ARGS__)
#define must_hold(data, size, wanted, wanted_size, ...) \
  check_octets (__FILE__, __LINE__, (data), (size), (wanted), (wanted_size), __VA_ARGS__)

#endif
