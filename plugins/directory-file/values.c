/* SPDX-License-Identifier: Apache-2.0 */
/* values.c - reads values of the accounts file; see values.h.  Owns nothing. */
#include "values.h"

#include "accounts.h"

#include <stdio.h>
#include <string.h>

static bool
is_space (char character) {
  return character == ' ' || character == '\t' || character == '\r';
}

static bool
divides (char character) {
  return is_space (character) || character == ',';
}

char *
value_trim (char *text, char *end) {
  while (end > text && is_space (end[-1]))
    end--;
  *end = '\0';
  while (is_space (*text))
    text++;
  return text;
}

char *
value_next_word (char **rest) {
  char *word = *rest;
  while (divides (*word))
    word++;
  if (!*word)
    return NULL;
  char *end = word;
  while (*end && !divides (*end))
    end++;
  *rest = *end ? end + 1 : end;
  *end = '\0';
  return word;
}

size_t
value_count_words (const char *text) {
  size_t count = 0;
  for (bool inside = false; *text; text++) {
    count += !inside && !divides (*text);
    inside = !divides (*text);
  }
  return count;
}

const char *
value_boolean (const char *text, gboolean *value) {
  static const char *const words[] = { "no", "yes", "false", "true", "off", "on" };
  for (unsigned i = 0; i < G_N_ELEMENTS (words); i++)
    if (g_ascii_strcasecmp (text, words[i]) == 0) {
      *value = i % 2;
      return NULL;
    }
  return "is neither yes nor no";
}

const char *
value_expiry (const char *text, gint64 *expires_ms) {
  gboolean expired;
  if (!value_boolean (text, &expired)) {
    *expires_ms = expired ? G_MININT64 : G_MAXINT64;
    return NULL;
  }
  unsigned year, month, day;
  char rest;
  if (strlen (text) == 10 && sscanf (text, "%4u-%2u-%2u%c", &year, &month, &day, &rest) == 3
      && month <= 12 && day <= 31 && year <= 9999
      && g_date_valid_dmy ((GDateDay)day, (GDateMonth)month, (GDateYear)year)) {
    g_autoptr (GDateTime) date = g_date_time_new_utc ((gint)year, (gint)month, (gint)day, 0, 0, 0);
    if (date) {
      *expires_ms = g_date_time_to_unix (date) * 1000;
      return NULL;
    }
  }
  return "is neither yes, no nor a date as 2027-01-31";
}

const char *
value_protocols (const char *text, guint32 *protocols) {
  static const char *const names[] = { "pop", "imap", "smtp", "http" };
  *protocols = 0;
  for (const char *at = text; *at;) {
    const size_t gap = strspn (at, " \t,");
    const size_t length = strcspn (at + gap, " \t,");
    at += gap;
    if (length == 0)
      break;
    unsigned i = 0;
    while (i < G_N_ELEMENTS (names)
           && (strlen (names[i]) != length || g_ascii_strncasecmp (names[i], at, length) != 0))
      i++;
    if (i < G_N_ELEMENTS (names))
      *protocols |= 1u << i;
    else if (length != 4 || g_ascii_strncasecmp (at, "none", 4) != 0)
      return "has another word than pop, imap, smtp, http and none";
    at += length;
  }
  return NULL;
}

const char *
value_size (const char *text, gint64 *octets) {
  static const struct {
    const char *unit;
    guint64 factor;
  } units[] = {
    { "", 1 },
    { "B", 1 },
    { "k", 1000 },
    { "kB", 1000 },
    { "KiB", 1024 },
    { "M", 1000000 },
    { "MB", 1000000 },
    { "MiB", 1048576 },
    { "G", 1000000000 },
    { "GB", 1000000000 },
    { "GiB", 1073741824 },
    { "T", 1000000000000 },
    { "TB", 1000000000000 },
    { "TiB", 1099511627776 },
  };
  if (g_ascii_strcasecmp (text, "unlimited") == 0) {
    *octets = G_MAXINT64;
    return NULL;
  }
  char *unit;
  const guint64 number = g_ascii_strtoull (text, &unit, 10);
  if (!g_ascii_isdigit (*text))
    return "is no size as 500M, 2 GiB or unlimited";
  while (*unit == ' ')
    unit++;
  for (unsigned i = 0; i < G_N_ELEMENTS (units); i++)
    if (g_ascii_strcasecmp (unit, units[i].unit) == 0) {
      if (number > (guint64)G_MAXINT64 / units[i].factor)
        return "is too large";
      *octets = (gint64)(number * units[i].factor);
      return NULL;
    }
  return "is no size as 500M, 2 GiB or unlimited";
}

/* delete, hide, or keep N d. */
static const char *
fault_of_retention (const char *text) {
  unsigned days;
  char unit, rest;
  if (strcmp (text, "delete") == 0 || strcmp (text, "hide") == 0
      || (sscanf (text, "keep %5u %c%c", &days, &unit, &rest) == 2 && unit == 'd'))
    return NULL;
  return "is none of delete, hide and keep N d";
}

const char *
value_attribute (const char *key, const char **value, char number[32]) {
  const bool messages = strcmp (key, "quota.messages") == 0;
  if (strcmp (key, "pop3.retention") == 0)
    return fault_of_retention (*value);
  if (!messages && strcmp (key, "quota.octets") != 0)
    return key[strspn (key, "abcdefghijklmnopqrstuvwxyz0123456789._-")] ? "has a strange key"
                                                                        : NULL;
  gint64 limit;
  const char *fault = value_size (*value, &limit);
  if (fault)
    return messages ? "is no number" : fault;
  *number = '\0';
  if (limit != G_MAXINT64)
    snprintf (number, 32, "%" G_GINT64_FORMAT, limit);
  *value = number;
  return NULL;
}

/* Levenshtein's distance of two short words; 99 for long ones. */
static unsigned
distance (const char *a, const char *b) {
  unsigned row[33];
  const size_t width = strlen (b);
  if (strlen (a) > 32 || width > 32)
    return 99;
  for (unsigned i = 0; i <= width; i++)
    row[i] = i;
  for (unsigned i = 1; a[i - 1]; i++) {
    unsigned corner = row[0];
    row[0] = i;
    for (unsigned j = 1; j <= width; j++) {
      const unsigned change = corner + (a[i - 1] != b[j - 1]);
      corner = row[j];
      row[j] = MIN (change, MIN (row[j], row[j - 1]) + 1);
    }
  }
  return row[width];
}

const char *
value_nearest (const char *text, const char *const *known, size_t count) {
  const char *nearest = NULL;
  unsigned least = 3;
  for (size_t i = 0; i < count; i++) {
    const unsigned far = distance (text, known[i]);
    if (far < least) {
      least = far;
      nearest = known[i];
    }
  }
  return nearest;
}
