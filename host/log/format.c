/* SPDX-License-Identifier: Apache-2.0 */
/* format.c - see format.h.
 *
 * Names of events and fields are our own words and plugins'; they are still cut down to
 * [a-z0-9_.-], so that a plugin's mistake cannot break a line either. */
#include "log/format.h"
#include "log/log.h"

#include <endian.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define VALUE_LIMIT 1024 /* octets of a value that are kept */
#define NAME_LIMIT 64
#define TAIL_ROOM 16 /* kept free of fields for what ends a line */

/* The date of a second is made once a thread: most lines fall into the same one. */
struct second {
  time_t when;
  bool valid;
  size_t size;
  char text[32];
};

static const struct second *
second_text (time_t when, bool local) {
  static __thread struct second cache[2];
  struct second *second = &cache[local];
  if (!second->valid || second->when != when) {
    struct tm tm;
    if (local)
      localtime_r (&when, &tm);
    else
      gmtime_r (&when, &tm);
    second->size = strftime (second->text, sizeof second->text,
                             local ? "%Y-%m-%d %H:%M:%S" : "%Y-%m-%dT%H:%M:%S", &tm);
    second->when = when;
    second->valid = true;
  }
  return second;
}

/* Digits of a fraction, with the dot. */
static void
put_fraction (struct escape_buffer *out, int64_t us, int digits) {
  char text[8];
  int64_t value = digits == 3 ? us / 1000 : us;
  text[0] = '.';
  for (int i = digits; i > 0; i--, value /= 10)
    text[i] = (char)('0' + value % 10);
  escape_raw (out, text, (size_t)digits + 1);
}

static void
put_string (struct escape_buffer *out, const char *text) {
  escape_raw (out, text, strlen (text));
}

static void
put_name (struct escape_buffer *out, const char *name) {
  char text[NAME_LIMIT];
  size_t size = strnlen (name, sizeof text), n = 0;
  for (; n < size; n++) {
    char c = name[n];
    bool good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-';
    text[n] = good ? c : (char)(c >= 'A' && c <= 'Z' ? c + 32 : '_');
  }
  if (n == 0)
    text[n++] = '_';
  escape_raw (out, text, n);
}

/* The words a line has already: a field of that name gets an underscore behind it.  The host
 * itself may speak of a plugin; a plugin's line has its own name there. */
static bool
is_taken (const char *name, const char *origin) {
  switch (name[0] | 0x20) {
  case 't':
    return g_ascii_strcasecmp (name, "time") == 0;
  case 'l':
    return g_ascii_strcasecmp (name, "level") == 0;
  case 'e':
    return g_ascii_strcasecmp (name, "event") == 0;
  case 'p':
    return origin && g_ascii_strcasecmp (name, "plugin") == 0;
  default:
    return false;
  }
}

static bool
is_overridden (const struct log_entry *entry, const char *name) {
  for (size_t i = 0; i < entry->count; i++)
    if (entry->fields[i].name && strcmp (entry->fields[i].name, name) == 0)
      return true;
  return false;
}

typedef void put_field (struct escape_buffer *, const char *origin, const char *name,
                        const char *value);

/* A field that does not fit is left out whole, and so are those behind it. */
static void
put_fields (struct escape_buffer *out, const struct log_entry *entry, put_field *put) {
  struct escape_buffer inner = *out;
  inner.room = out->room > TAIL_ROOM ? out->room - TAIL_ROOM : 0;
  bool cut = inner.size > inner.room;
  for (size_t i = 0; i < entry->context_count + entry->count && !cut; i++) {
    bool own = i >= entry->context_count;
    const struct ptn_field *field =
        own ? &entry->fields[i - entry->context_count] : &entry->context[i];
    if (!field->name || !field->value || (!own && is_overridden (entry, field->name)))
      continue;
    size_t before = inner.size;
    put (&inner, entry->origin, field->name, field->value);
    if (inner.full) {
      inner.size = before;
      cut = true;
    }
  }
  if (inner.size > out->size)
    out->size = inner.size;
}

/* --- text ---------------------------------------------------------------------------- */

static void
text_field (struct escape_buffer *out, const char *origin, const char *name, const char *value) {
  escape_char (out, ' ');
  put_name (out, name);
  if (is_taken (name, origin))
    escape_char (out, '_');
  escape_char (out, '=');
  escape_word (out, value, VALUE_LIMIT);
}

void
log_format_text (struct escape_buffer *out, const struct log_entry *entry) {
  static const char spaces[] = "       ";
  const struct second *second = second_text ((time_t)(entry->time_us / 1000000), true);
  const char *level = log_level_name (entry->level);
  escape_raw (out, second->text, second->size);
  put_fraction (out, entry->time_us % 1000000, 3);
  escape_char (out, ' ');
  put_string (out, level);
  escape_raw (out, spaces, strlen (level) < 7 ? 8 - strlen (level) : 1);
  put_name (out, entry->event);
  if (entry->origin)
    text_field (out, NULL, "plugin", entry->origin);
  put_fields (out, entry, text_field);
  escape_char (out, '\n');
}

/* --- JSON ---------------------------------------------------------------------------- */

static void
json_pair (struct escape_buffer *out, const char *value) {
  put_string (out, "\":\"");
  escape_json (out, value, VALUE_LIMIT);
  escape_char (out, '"');
}

static void
json_field (struct escape_buffer *out, const char *origin, const char *name, const char *value) {
  put_string (out, ",\"");
  put_name (out, name);
  if (is_taken (name, origin))
    escape_char (out, '_');
  json_pair (out, value);
}

void
log_format_json (struct escape_buffer *out, const struct log_entry *entry) {
  const struct second *second = second_text ((time_t)(entry->time_us / 1000000), false);
  put_string (out, "{\"time\":\"");
  escape_raw (out, second->text, second->size);
  put_fraction (out, entry->time_us % 1000000, 6);
  put_string (out, "Z\",\"level\":\"");
  put_string (out, log_level_name (entry->level));
  put_string (out, "\",\"event\":\"");
  put_name (out, entry->event);
  escape_char (out, '"');
  if (entry->origin) {
    put_string (out, ",\"plugin");
    json_pair (out, entry->origin);
  }
  put_fields (out, entry, json_field);
  put_string (out, "}\n");
}

/* --- journald: https://systemd.io/JOURNAL_NATIVE_PROTOCOL/ ---------------------------- */

static void
journal_value (struct escape_buffer *out, const char *value, size_t size) {
  uint64_t length = htole64 (size);
  escape_char (out, '\n');
  escape_raw (out, (const char *)&length, sizeof length);
  escape_raw (out, value, size);
  escape_char (out, '\n');
}

/* Values go in the binary form, which nothing in them can end. */
static void
journal_field (struct escape_buffer *out, const char *origin, const char *name, const char *value) {
  char text[NAME_LIMIT];
  size_t size = strnlen (name, sizeof text), n = 0;
  for (; n < size; n++)
    text[n] = g_ascii_isalnum (name[n]) ? g_ascii_toupper (name[n]) : '_';
  put_string (out, "POSTERN_");
  escape_raw (out, text, n);
  if (is_taken (name, origin))
    escape_char (out, '_');
  journal_value (out, value, strnlen (value, VALUE_LIMIT));
}

static char
journal_priority (ptn_level level) {
  return level >= PTN_LOG_ERROR     ? '3'
         : level >= PTN_LOG_WARNING ? '4'
         : level >= PTN_LOG_NOTICE  ? '5'
         : level >= PTN_LOG_INFO    ? '6'
                                    : '7';
}

void
log_format_journal (struct escape_buffer *out, const struct log_entry *entry) {
  char room[4096];
  struct escape_buffer message = { .data = room, .room = sizeof room };
  put_name (&message, entry->event);
  if (entry->origin)
    text_field (&message, NULL, "plugin", entry->origin);
  put_fields (&message, entry, text_field);

  put_string (out, "SYSLOG_IDENTIFIER=posternd\nPRIORITY=");
  escape_char (out, journal_priority (entry->level));
  put_string (out, "\nPOSTERN_EVENT=");
  put_name (out, entry->event);
  put_string (out, "\nMESSAGE");
  journal_value (out, room, message.size);
  if (entry->origin) {
    put_string (out, "POSTERN_PLUGIN");
    journal_value (out, entry->origin, strnlen (entry->origin, NAME_LIMIT));
  }
  put_fields (out, entry, journal_field);
}
