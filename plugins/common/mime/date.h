/* SPDX-License-Identifier: Apache-2.0 */
/* date.h - the date of a Date field (RFC 5322 section 3.3, with the obsolete forms of section 4.3 and
 * the usual mistakes).  A pure function: any thread. */
#ifndef PLUGINS_COMMON_MIME_DATE_H
#define PLUGINS_COMMON_MIME_DATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mime_date {
  int64_t epoch; /* seconds since 1970, UTC */
  int32_t zone;  /* minutes east of UTC: epoch + zone * 60 is the time that is written there */
};

/* False: there is no day, month and year in it.  What else is missing is midnight, and UTC.
 * Years of two digits are of 1950 to 2049, of three 1900 and more (RFC 5322 section 4.3). */
bool mime_date_parse (const char *value, size_t size, struct mime_date *);

/* 00:00 UTC of the day that is written there: for SENTBEFORE, SENTON, SENTSINCE (RFC 9051 section
 * 6.4.4), which disregard time and zone. */
int64_t mime_date_day (const struct mime_date *);

/* Days from 1970-01-01 to a day of the Gregorian calendar; month 1 to 12. */
int64_t mime_days (int64_t year, unsigned month, unsigned day);

#endif
