/* SPDX-License-Identifier: Apache-2.0 */
/* date.c - date and date-time of commands (RFC 9051 section 9). */
#include "syntax/reader.h"

#include <string.h>

/* Days since 1970-01-01 in the Gregorian calendar. */
static int64_t
days_of (int64_t year, unsigned month, unsigned day) {
  year -= month <= 2;
  int64_t era = (year >= 0 ? year : year - 399) / 400;
  unsigned of_era = (unsigned)(year - era * 400);
  unsigned of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
  return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static bool
digits (struct reader *r, unsigned least, unsigned most, unsigned *value) {
  unsigned count = 0;
  *value = 0;
  for (; count < most && g_ascii_isdigit (reader_peek (r) < 0 ? 0 : reader_peek (r)); count++)
    *value = *value * 10 + (unsigned)(r->data[r->at++] - '0');
  return count >= least || reader_fail (r, "a malformed date");
}

static bool
month_name (struct reader *r, unsigned *month) {
  static const char names[] = "janfebmaraprmayjunjulaugsepoctnovdec";
  for (unsigned i = 0; i < 12 && r->size - r->at >= 3; i++)
    if (g_ascii_strncasecmp (r->data + r->at, names + (size_t)i * 3, 3) == 0) {
      *month = i + 1;
      r->at += 3;
      return true;
    }
  return reader_fail (r, "a date with a month that is none of Jan to Dec");
}

/* "-Feb-1994" behind the day. */
static bool
month_and_year (struct reader *r, unsigned day, int64_t *days) {
  static const unsigned char lengths[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
  unsigned month = 0, year = 0;
  if (!reader_accept (r, '-'))
    return reader_fail (r, "a malformed date");
  if (!month_name (r, &month))
    return false;
  if (!reader_accept (r, '-'))
    return reader_fail (r, "a malformed date");
  if (!digits (r, 4, 4, &year))
    return false;
  bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  if (day < 1 || day > lengths[month - 1] || (month == 2 && day == 29 && !leap))
    return reader_fail (r, "a date with a day that its month does not have");
  *days = days_of (year, month, day);
  return true;
}

bool
reader_date (struct reader *r, int32_t *days) {
  unsigned day;
  int64_t value;
  bool quoted = reader_accept (r, '"');
  if (!digits (r, 1, 2, &day) || !month_and_year (r, day, &value))
    return false;
  if (quoted && !reader_accept (r, '"'))
    return reader_fail (r, "a date without its closing quote");
  *days = (int32_t)value;
  return true;
}

bool
reader_date_time (struct reader *r, int64_t *seconds) {
  unsigned day, hour, minute, second, zone;
  int64_t days;
  if (!reader_accept (r, '"'))
    return reader_fail (r, "expected a date and time in quotes");
  bool one = reader_accept (r, ' '); /* date-day-fixed */
  if (!digits (r, one ? 1 : 2, one ? 1 : 2, &day) || !month_and_year (r, day, &days))
    return false;
  if (!reader_accept (r, ' ') || !digits (r, 2, 2, &hour) || !reader_accept (r, ':')
      || !digits (r, 2, 2, &minute) || !reader_accept (r, ':') || !digits (r, 2, 2, &second)
      || !reader_accept (r, ' '))
    return reader_fail (r, "a malformed date and time");
  bool west = reader_accept (r, '-');
  if (!west && !reader_accept (r, '+'))
    return reader_fail (r, "a date and time without a zone");
  if (!digits (r, 4, 4, &zone) || !reader_accept (r, '"'))
    return reader_fail (r, "a malformed zone");
  if (hour > 23 || minute > 59 || second > 60 || zone % 100 > 59)
    return reader_fail (r, "a time of day that is none");
  int64_t offset = (zone / 100 * 60 + zone % 100) * 60;
  *seconds = days * 86400 + hour * 3600 + minute * 60 + second + (west ? offset : -offset);
  return true;
}
