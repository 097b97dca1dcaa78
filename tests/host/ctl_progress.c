/* SPDX-License-Identifier: Apache-2.0 */
/* ctl_progress.c - the line that shows how far a command is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ctl/progress.h"

#include <string.h>

#define SECONDS(n) ((gint64)(n)*G_USEC_PER_SEC)

#define assert_line(progress, done, total, what, now, columns, expected)                \
  do {                                                                                  \
    g_autofree char *line_ = progress_line (progress, done, total, what, now, columns); \
    assert_string_equal (line_, expected);                                              \
  } while (0)

static void
bars (void **state) {
  struct progress progress = { 0 };
  assert_line (&progress, 0, 8, "shards", 0, 79,
               "[..............................]   0% 0 of 8 shards");
  assert_line (&progress, 4, 8, "shards", SECONDS (1), 79,
               "[###############...............]  50% 4 of 8 shards");
  assert_line (&progress, 8, 8, "shards", SECONDS (9), 79,
               "[##############################] 100% 8 of 8 shards");
  assert_line (&progress, 9, 8, "shards", SECONDS (9), 60, "100% 8 of 8 shards");
  progress_clear (&progress);
}

static void
amounts (void **state) {
  struct progress progress = { 0 };
  assert_line (&progress, 999, 0, "octets", 0, 60, "999 B");
  assert_line (&progress, 1000, 9960, "octets", 0, 60, " 10% 1.0 kB of 10 kB");
  assert_line (&progress, 1500000, UINT64_C (3000000000), "octets moved", 0, 60,
               "  0% 1.5 MB of 3.0 GB moved");
  assert_line (&progress, 7, 0, "octetsish", 0, 60, "7 octetsish");
  assert_line (&progress, UINT64_MAX, UINT64_MAX, "octets", 0, 60, "100% 18447 PB of 18447 PB");
  progress_clear (&progress);
}

static void
time_left (void **state) {
  struct progress progress = { 0 };
  assert_line (&progress, 0, 1000, "mails", SECONDS (100), 60, "  0% 0 of 1000 mails");
  assert_line (&progress, 10, 1000, "mails", SECONDS (101), 60, "  1% 10 of 1000 mails");
  assert_line (&progress, 100, 1000, "mails", SECONDS (104), 60,
               " 10% 100 of 1000 mails, 36 s left");
  assert_line (&progress, 100, 1000, "mails", SECONDS (110), 60,
               " 10% 100 of 1000 mails, 1 min 30 s left");
  assert_line (&progress, 101, 1000, "mails", SECONDS (1100), 60,
               " 10% 101 of 1000 mails, 2 h 28 min left");
  assert_line (&progress, 102, 1000, "mails", SECONDS (200000), 60, " 10% 102 of 1000 mails");
  assert_line (&progress, 500, 2000, "mails", SECONDS (200001), 60, " 25% 500 of 2000 mails");
  assert_line (&progress, 1000, 2000, "mails", SECONDS (200011), 60,
               " 50% 1000 of 2000 mails, 20 s left"); /* by what the new stage did */
  assert_line (&progress, 1000, 2000, "others", SECONDS (200011), 60, " 50% 1000 of 2000 others");
  progress_clear (&progress);
}

static void
narrow (void **state) {
  struct progress progress = { 0 };
  assert_line (&progress, 1, 2, "\xc3\xa9t\xc3\xa9s", 0, 14, " 50% 1 of 2 \xc3\xa9t");
  assert_line (&progress, 1, 2, "", 0, 4, " 50%");
  progress_clear (&progress);
}

int
main (void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (bars),
    cmocka_unit_test (amounts),
    cmocka_unit_test (time_left),
    cmocka_unit_test (narrow),
  };
  return cmocka_run_group_tests_name ("ctl_progress", tests, NULL, NULL);
}
