/* SPDX-License-Identifier: Apache-2.0 */
/* date_test.c - dates as they stand in mail. */
#include "common/mime/date.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void
good (const char *text, int64_t epoch, int zone) {
  struct mime_date date;
  assert_true (mime_date_parse (text, strlen (text), &date));
  assert_int_equal (date.epoch, epoch);
  assert_int_equal (date.zone, zone);
}

static void
bad (const char *text) {
  struct mime_date date;
  assert_false (mime_date_parse (text, strlen (text), &date));
}

static void
dates (void **state) {
  good ("Thu, 1 Jan 1970 00:00:00 +0000", 0, 0);
  good ("Sat, 21 Nov 2026 12:00:00 +0000", 1795262400, 0);
  good ("Sat, 21 Nov 2026 14:00:00 +0200 (CEST)", 1795262400, 120);
  good ("21 Nov 2026 12:00 GMT", 1795262400, 0);
  good ("Sat, 21 Nov 26 07:00:00 EST", 1795262400, -300);
  good ("Sat (a \\) comment), 21 (x) Nov 126 07:00:00 EST", 1795262400, -300);
  good ("Fri, 31 Dec 99 23:59:60 -0000", 946684800, 0);
  good ("29 Feb 2000 00:00:00 Z", 951782400, 0);
  good ("Sat,21 Nov 2026 12:00:00+0000", 1795262400, 0);
  good ("Sat Nov 21 12:00:00 2026", 1795262400, 0);
  good ("Sat Nov 21 12:00:00 GMT 2026", 1795262400, 0);
  good ("November 21, 2026 12:00 PM", 1795262400, 0);
  good ("21-Nov-2026 12:00:00 +0000", 1795262400, 0);
  good ("2026-11-21T12:00:00.123Z", 1795262400, 0);
  good ("2026-11-21 14:00:00 +02:00", 1795262400, 120);
  good ("Sam, 21 nov 2026 12:00:00 GMT+02", 1795262400 - 7200, 120);
  good ("21 Nov 2026", 1795262400 - 43200, 0);
  good ("21 Nov 2026 25:00:00 +0000", 1795262400 - 43200, 0); /* the day is good */
  good ("21 Nov 2026 12:00:00 +9900", 1795262400, 0);
  good ("1 Jan 0001 00:00:00", -62135596800, 0);
}

static void
not_dates (void **state) {
  bad ("");
  bad ("nonsense");
  bad ("Sat, 31 Nov 2026 12:00:00 +0000");
  bad ("29 Feb 2027");
  bad ("0 Nov 2026");
  bad ("32 Nov 2026");
  bad ("21 Xyz 2026");
  bad ("21 Nov");
  bad ("12:00:00");
  bad ("2026-13-01");
  bad ("99999999999999999999 Nov 99999999999999999999");
  bad ("(((((((((21 Nov 2026");
}

static void
days (void **state) {
  struct mime_date date = { .epoch = 3600, .zone = -120 };
  assert_int_equal (mime_date_day (&date), -86400);
  date = (struct mime_date){ .epoch = 86399, .zone = 1 };
  assert_int_equal (mime_date_day (&date), 86400);
  assert_int_equal (mime_days (1970, 1, 1), 0);
  assert_int_equal (mime_days (2000, 3, 1), 11017);
}

int
main (void) {
  static const struct CMUnitTest tests[] = {
    cmocka_unit_test (dates),
    cmocka_unit_test (not_dates),
    cmocka_unit_test (days),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
