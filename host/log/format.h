/* SPDX-License-Identifier: Apache-2.0 */
/* format.h - one event as the octets of one line, or as the fields of one journal entry.
 * Pure functions; used by log.c and by tests.  [any] */
#ifndef HOST_LOG_FORMAT_H
#define HOST_LOG_FORMAT_H

#include "log/escape.h"

#include <postern/host.h>

#include <stdint.h>

struct log_entry {
  ptn_level level;
  const char *origin; /* NULL: the host */
  const char *event;
  const struct ptn_field *context;
  size_t context_count;
  const struct ptn_field *fields;
  size_t count;
  int64_t time_us; /* since 1970 */
};

/* 2026-11-21 21:04:31.123 info  login.failure auth user=bob peer=192.0.2.1   (local time) */
void log_format_text (struct escape_buffer *, const struct log_entry *);
/* {"time":"2026-11-21T21:04:31.123456Z","level":"info","event":"login.failure",...} */
void log_format_json (struct escape_buffer *, const struct log_entry *);
/* Journal fields in the native protocol: MESSAGE, PRIORITY, POSTERN_EVENT, POSTERN_PLUGIN and
 * POSTERN_FIELD for each field. */
void log_format_journal (struct escape_buffer *, const struct log_entry *);

#endif
