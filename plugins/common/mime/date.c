/* SPDX-License-Identifier: Apache-2.0 */
/* date.c - see date.h.
 *
 * The words of the field are told apart by what they look like, not by where they stand: so the
 * order of asctime, ISO dates, missing commas and weekdays of any language are read as well. */
#include "common/mime/date.h"

#include <string.h>

enum { LOOK_MAX = 200 }; /* octets of a field that are looked at */

struct parts {
  const char *at, *end;
  int64_t year;
  int day, month; /* 0: not yet */
  bool has_year, has_time, has_zone, bad_time;
  int hour, minute, second;
  int32_t zone;
};

static bool
is_digit (char c) {
  return c >= '0' && c <= '9';
}

static bool
is_letter (char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

int64_t
mime_days (int64_t year, unsigned month, unsigned day) {
  /* Years begin in March here: the leap day is their last. */
  int64_t y = year - (month <= 2);
  int64_t era = (y >= 0 ? y : y - 399) / 400;
  int64_t of_era = y - era * 400;
  int64_t of_year = (153 * ((int64_t)month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

/* Digits; *length says how many there were.  A number too long is a big one. */
static int
number (struct parts *p, int *length) {
  int value = 0;
  const char *start = p->at;
  while (p->at < p->end && is_digit (*p->at)) {
    if (value < 100000)
      value = value * 10 + (*p->at - '0');
    p->at++;
  }
  *length = (int)(p->at - start);
  return value;
}

static void
skip_comment (struct parts *p) {
  int depth = 0;
  for (; p->at < p->end; p->at++) {
    if (*p->at == '\\')
      p->at += p->at + 1 < p->end;
    else if (*p->at == '(')
      depth++;
    else if (*p->at == ')' && --depth == 0) {
      p->at++;
      return;
    }
  }
}

/* Behind the hour: ":mm", ":mm:ss", fractions. */
static void
time_of_day (struct parts *p, int hour) {
  char divider = *p->at;
  int length;
  p->has_time = true;
  p->hour = hour;
  p->at++;
  p->minute = number (p, &length);
  p->bad_time = hour > 23 || length == 0 || p->minute > 59;
  if (p->at + 1 < p->end && *p->at == divider && is_digit (p->at[1])) {
    p->at++;
    p->second = number (p, &length);
    p->bad_time |= p->second > 60;
  }
  if (p->at + 1 < p->end && (*p->at == '.' || *p->at == ',') && is_digit (p->at[1])) {
    p->at++;
    number (p, &length);
  }
}

/* "+hhmm", "+hh", "+hh:mm". */
static void
offset (struct parts *p) {
  int sign = *p->at++ == '-' ? -1 : 1, length, minutes = 0;
  int value = number (p, &length);
  if (length <= 2 && p->at + 1 < p->end && *p->at == ':' && is_digit (p->at[1])) {
    int more;
    p->at++;
    minutes = number (p, &more);
  } else if (length == 3 || length == 4) {
    minutes = value % 100;
    value /= 100;
  } else if (length > 4)
    return;
  p->has_zone = true;
  p->zone = value <= 24 && minutes < 60 ? sign * (value * 60 + minutes) : 0;
}

static void
word (struct parts *p) {
  static const char months[] = "janfebmaraprmayjunjulaugsepoctnovdec";
  static const struct {
    char name[4];
    int hours;
  } zones[] = { { "est", -5 }, { "edt", -4 }, { "cst", -6 }, { "cdt", -5 },
                { "mst", -7 }, { "mdt", -6 }, { "pst", -8 }, { "pdt", -7 } };
  char low[4] = "";
  size_t size = 0;
  for (; p->at < p->end && is_letter (*p->at); p->at++, size++)
    if (size < 3)
      low[size] = (char)(*p->at | 0x20);
  if (size >= 3 && !p->month)
    for (int i = 0; i < 12; i++)
      if (!memcmp (low, months + 3 * i, 3)) {
        p->month = i + 1;
        return;
      }
  if (size == 2 && p->has_time && (!strcmp (low, "am") || !strcmp (low, "pm")) && p->hour >= 1
      && p->hour <= 12) {
    p->hour = p->hour % 12 + (low[0] == 'p' ? 12 : 0);
    return;
  }
  if (size == 3 && p->has_time && !p->has_zone)
    for (size_t i = 0; i < sizeof zones / sizeof *zones; i++)
      if (!strcmp (low, zones[i].name)) {
        p->zone = zones[i].hours * 60;
        p->has_zone = true;
        return;
      }
  /* All others are UTC, or were used in so many ways that they tell nothing (RFC 5322 section 4.3). */
}

static void
set_year (struct parts *p, int value, int length) {
  if (length > 5)
    return;
  p->has_year = true;
  p->year = length <= 2 ? value + (value < 50 ? 2000 : 1900) : length == 3 ? value + 1900 : value;
}

static void
digits (struct parts *p) {
  const char *start = p->at;
  int length, value = number (p, &length);
  char next = p->at < p->end ? *p->at : '\0';
  bool digit_next = p->at + 1 < p->end && is_digit (p->at[1]);
  if (!p->has_time && length <= 2 && digit_next
      && (next == ':' || (next == '.' && p->day && p->month && p->has_year)))
    time_of_day (p, value);
  else if (length == 4 && next == '-' && digit_next && !p->has_year && !p->month) {
    int more; /* ISO 8601 */
    set_year (p, value, length);
    p->at++;
    p->month = number (p, &more);
    if (p->at + 1 < p->end && *p->at == '-' && is_digit (p->at[1])) {
      p->at++;
      p->day = number (p, &more);
    }
    if (p->at < p->end && (*p->at | 0x20) == 't')
      p->at++;
  } else if (!p->day && length <= 2)
    p->day = value ? value : 99;
  else if (!p->has_year)
    set_year (p, value, length);
  if (p->at == start)
    p->at++;
}

static bool
day_is_good (const struct parts *p) {
  static const int8_t lengths[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
  if (!p->has_year || p->month < 1 || p->month > 12 || p->day < 1 || p->year < 1)
    return false;
  if (p->month == 2 && p->day == 29 && (p->year % 4 || (p->year % 100 == 0 && p->year % 400)))
    return false;
  return p->day <= lengths[p->month - 1];
}

bool
mime_date_parse (const char *value, size_t size, struct mime_date *date) {
  struct parts p = { .at = value, .end = value + (size < LOOK_MAX ? size : LOOK_MAX) };
  while (p.at < p.end) {
    char c = *p.at;
    if (c == '(')
      skip_comment (&p);
    else if (is_letter (c))
      word (&p);
    else if (is_digit (c))
      digits (&p);
    else if ((c == '+' || c == '-') && p.has_time && !p.has_zone && p.at + 1 < p.end
             && is_digit (p.at[1]))
      offset (&p);
    else
      p.at++;
  }
  if (!day_is_good (&p))
    return false;
  if (p.bad_time) /* RFC 5256 section 2.2 */
    p.hour = p.minute = p.second = 0;
  date->zone = p.zone;
  date->epoch = mime_days (p.year, (unsigned)p.month, (unsigned)p.day) * 86400 + p.hour * 3600
                + p.minute * 60 + p.second - (int64_t)p.zone * 60;
  return true;
}

int64_t
mime_date_day (const struct mime_date *date) {
  int64_t local = date->epoch + (int64_t)date->zone * 60;
  int64_t rest = local % 86400;
  return local - (rest < 0 ? rest + 86400 : rest);
}
