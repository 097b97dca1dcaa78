/* SPDX-License-Identifier: Apache-2.0 */
/* check.c - see check.h. */
#include "check.h"
#include "contract.h"

#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct board *board;
bool check_tell;
static __thread const char *last_call, *last_file;
static __thread int last_line;
static __thread const char *rule_file; /* NULL: the check is made in the rule itself */
static __thread int rule_line;

const char *
status_name (ptn_status status) {
  static const struct {
    ptn_status status;
    const char *name;
  } names[] = {
    { PTN_OK, "PTN_OK" },
    { PTN_PENDING, "PTN_PENDING" },
    { PTN_END, "PTN_END" },
    { PTN_E_INVALID, "PTN_E_INVALID" },
    { PTN_E_NOT_FOUND, "PTN_E_NOT_FOUND" },
    { PTN_E_EXISTS, "PTN_E_EXISTS" },
    { PTN_E_DENIED, "PTN_E_DENIED" },
    { PTN_E_AUTHENTICATION, "PTN_E_AUTHENTICATION" },
    { PTN_E_OVERQUOTA, "PTN_E_OVERQUOTA" },
    { PTN_E_LIMIT, "PTN_E_LIMIT" },
    { PTN_E_CONFLICT, "PTN_E_CONFLICT" },
    { PTN_E_EXPUNGED, "PTN_E_EXPUNGED" },
    { PTN_E_UNSUPPORTED, "PTN_E_UNSUPPORTED" },
    { PTN_E_EXPIRED, "PTN_E_EXPIRED" },
    { PTN_E_PASSWORD_EXPIRED, "PTN_E_PASSWORD_EXPIRED" },
    { PTN_E_DISABLED, "PTN_E_DISABLED" },
    { PTN_E_PROTOCOL_OFF, "PTN_E_PROTOCOL_OFF" },
    { PTN_E_TOO_MANY, "PTN_E_TOO_MANY" },
    { PTN_E_TEMPORARY, "PTN_E_TEMPORARY" },
    { PTN_E_CORRUPT, "PTN_E_CORRUPT" },
    { PTN_E_NO_MEMORY, "PTN_E_NO_MEMORY" },
    { PTN_E_CANCELLED, "PTN_E_CANCELLED" },
    { PTN_E_OUTCOME_UNKNOWN, "PTN_E_OUTCOME_UNKNOWN" },
    { PTN_E_ELSEWHERE, "PTN_E_ELSEWHERE" },
    { PTN_E_DISCONNECTED, "PTN_E_DISCONNECTED" },
  };
  static __thread char number[32];
  for (size_t i = 0; i < G_N_ELEMENTS (names); i++)
    if (names[i].status == status)
      return names[i].name;
  snprintf (number, sizeof number, "status %d", status);
  return number;
}

void
check_here (const char *file, int line) {
  rule_file = file;
  rule_line = line;
}

void
check_call (const char *expression, const char *file, int line) {
  last_call = expression;
  last_file = file;
  last_line = line;
  atomic_store_explicit (&board->call, expression, memory_order_relaxed);
  atomic_store_explicit (&board->call_file, file, memory_order_relaxed);
  atomic_store_explicit (&board->call_line, line, memory_order_relaxed);
}

static _Noreturn void
finish (enum board_outcome outcome, const char *file, int line, const char *text) {
  int nothing = BOARD_NOTHING;
  if (!atomic_compare_exchange_strong (&board->outcome, &nothing, outcome))
    for (;;) /* another thread is telling already, and ends the process */
      pause ();
  if (rule_file && (strstr (file, "/words") || strstr (file, "/kit.c"))) {
    file = rule_file;
    line = rule_line;
  }
  const char *name = strrchr (file, '/');
  g_strlcpy (board->file, name ? name + 1 : file, sizeof board->file);
  board->line = line;
  g_strlcpy (board->text, text, sizeof board->text);
  if (last_call) /* of this thread, not of the one that called last */
    check_call (last_call, last_file, last_line);
  contract->tell_log (board->log, sizeof board->log);
  atomic_store (&board->written, 1);
  if (check_tell)
    fprintf (stderr, "%s: %s\n%s:%d\n", outcome == BOARD_FAILED ? "FAIL" : "cannot run", text,
             board->file, line);
  _exit (outcome == BOARD_FAILED ? 1 : 0);
}

static _Noreturn void
fail_with (const char *file, int line, char *text) {
  finish (BOARD_FAILED, file, line, text);
}

void
check_failed (const char *file, int line, const char *format, ...) {
  va_list arguments;
  va_start (arguments, format);
  char *text = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  fail_with (file, line, text);
}

void
cannot_run (const char *format, ...) {
  va_list arguments;
  va_start (arguments, format);
  char *text = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  finish (BOARD_CANNOT_RUN, "", 0, text);
}

void
check_passed (void) {
  int nothing = BOARD_NOTHING;
  atomic_compare_exchange_strong (&board->outcome, &nothing, BOARD_PASSED);
  atomic_store (&board->written, 1);
  if (check_tell)
    fprintf (stderr, "pass\n");
  exit (0); /* and not _exit: a leak checker may have a word */
}

#define TEXT_OF(format)                               \
  va_list arguments_;                                 \
  va_start (arguments_, format);                      \
  char *what = g_strdup_vprintf (format, arguments_); \
  va_end (arguments_)

static char *
number_text (uint64_t number) {
  return number == UINT64_MAX ? g_strdup ("UINT64_MAX")
                              : g_strdup_printf ("%" G_GUINT64_FORMAT, number);
}

void
check_number (const char *file, int line, uint64_t actual, uint64_t wanted, const char *format,
              ...) {
  if (actual == wanted)
    return;
  TEXT_OF (format);
  fail_with (file, line,
             g_strdup_printf ("%s: is %s, must be %s", what, number_text (actual),
                              number_text (wanted)));
}

void
check_status (const char *file, int line, ptn_status actual, ptn_status wanted, const char *format,
              ...) {
  if (actual == wanted)
    return;
  TEXT_OF (format);
  char *reason = contract->failure_text ();
  fail_with (file, line,
             g_strdup_printf ("%s: gives %s, must give %s%s%s%s%s", what, status_name (actual),
                              status_name (wanted), reason ? "; the " : "",
                              reason ? contract->subject : "", reason ? " says: " : "",
                              reason ? reason : ""));
}

void
check_text (const char *file, int line, const char *actual, const char *wanted, const char *format,
            ...) {
  if (g_strcmp0 (actual, wanted) == 0)
    return;
  TEXT_OF (format);
  fail_with (file, line,
             g_strdup_printf ("%s: is \"%.1500s\", must be \"%.1500s\"", what,
                              actual ? actual : "(NULL)", wanted));
}

static void
show (GString *text, const unsigned char *data, size_t size, size_t at) {
  g_string_append_c (text, '"');
  for (size_t i = at; i < size && i < at + 24; i++)
    if (g_ascii_isprint ((char)data[i]) && data[i] != '"')
      g_string_append_c (text, (char)data[i]);
    else
      g_string_append_printf (text, "\\x%02x", data[i]);
  g_string_append (text, size > at + 24 ? "\"..." : "\"");
}

void
check_octets (const char *file, int line, const void *actual, size_t size, const void *wanted,
              size_t wanted_size, const char *format, ...) {
  const unsigned char *a = actual, *b = wanted;
  size_t at = 0;
  while (at < size && at < wanted_size && a[at] == b[at])
    at++;
  if (at == size && at == wanted_size)
    return;
  TEXT_OF (format);
  GString *text = g_string_new (NULL);
  g_string_append_printf (text, "%s: has %zu octets, must have %zu; from octet %zu on it is ", what,
                          size, wanted_size, at);
  show (text, a, size, at);
  g_string_append (text, ", must be ");
  show (text, b, wanted_size, at);
  fail_with (file, line, text->str);
}

/* The harness and GLib report what must not go on with g_error: that is a finding. */
static GLogWriterOutput
write_log (GLogLevelFlags level, const GLogField *fields, gsize count, gpointer data) {
  const char *message = "";
  for (gsize i = 0; i < count; i++)
    if (strcmp (fields[i].key, "MESSAGE") == 0)
      message = fields[i].value;
  fprintf (stderr, "%s\n", message);
  if (level & (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL))
    check_failed ("", 0, "%s", message);
  return G_LOG_WRITER_HANDLED;
}

void
check_catch_fatal (void) {
  g_log_set_writer_func (write_log, NULL, NULL);
}
