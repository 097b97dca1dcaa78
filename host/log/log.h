/* SPDX-License-Identifier: Apache-2.0 */
/* log.h - structured events, written as text, JSON lines or journald datagrams.
 *
 * An event is a stable word (EVENTS.md), a level, and fields.  Values may come from the peer:
 * control characters, line separators, bidirectional controls and octets that are not UTF-8
 * are escaped, so that nobody can forge a line or a field.  A value is cut after 1024 octets.
 *
 * One write(2) or datagram an event.  A terminal, pipe or socket that takes nothing makes the
 * event be dropped and counted, never a thread wait; the next line that gets through is
 * followed by "log.dropped" with the count.
 *
 * Ownership: logger_new/logger_free.  A logger survives fork.  Functions are [any] but
 * logger_new, logger_configure, logger_reopen and logger_free: one thread at a time. */
#ifndef HOST_LOG_LOG_H
#define HOST_LOG_LOG_H

#include <postern/base.h>
#include <postern/host.h>

#include <glib.h>
#include <stdbool.h>

struct logger;

enum log_format {
  LOG_FORMAT_AUTO, /* terminal: text; stderr is the journal (JOURNAL_STREAM): journald; else JSON */
  LOG_FORMAT_TEXT,
  LOG_FORMAT_JSON,
  LOG_FORMAT_JOURNALD
};

struct log_settings {
  enum log_format format;
  ptn_level level;  /* events below it are not written; 0: PTN_LOG_INFO */
  const char *file; /* appended to; NULL: stderr.  With a file AUTO means JSON */
};

/* Never fails with settings NULL: stderr, AUTO, INFO. */
struct logger *logger_new (const struct log_settings *, GError **);
/* Takes new settings over; on failure the old ones stay. */
bool logger_configure (struct logger *, const struct log_settings *, GError **);
/* Opens log_file again (after logrotate has moved it); nothing to do for stderr. */
bool logger_reopen (struct logger *, GError **);
void logger_free (struct logger **);

static inline bool
log_level_known (ptn_level level) {
  return level >= PTN_LOG_DEBUG && level <= PTN_LOG_ERROR;
}
/* "debug" "info" "notice" "warning" "error"; 0 if it is none of these. */
ptn_level log_level_parse (const char *word);
const char *log_level_name (ptn_level);

/* Worth building fields? */
bool logger_enabled (const struct logger *, ptn_level);

/* Writes one event.  origin: the plugin's label, NULL for the host.  context: what is said of
 * the strand (task_fields), left out where a field of the event has the same name.  A field
 * whose value is NULL is left out. */
void logger_write (struct logger *, ptn_level, const char *origin, const char *event,
                   const struct ptn_field *context, size_t context_count,
                   const struct ptn_field *fields, size_t count);

/* The same for host code: name, value, name, value ..., NULL.  All strings.
 *   logger_event (logger, PTN_LOG_INFO, "listener.open", "listener", name, NULL); */
void logger_event (struct logger *, ptn_level, const char *event, ...) G_GNUC_NULL_TERMINATED;
/* The same with one field more, "error" or "text", made by a format. */
void logger_message (struct logger *, ptn_level, const char *event, const char *field,
                     const char *format, ...) G_GNUC_PRINTF (5, 6);

/* Events dropped since the start, for a metric. */
uint64_t logger_dropped (const struct logger *);

#endif
