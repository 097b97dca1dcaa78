/* SPDX-License-Identifier: Apache-2.0 */
/* uid_set_test.c - sets that grow, and what is in them. */
#include "common/uid_set.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <glib.h>

#include <cmocka.h>

static void
neighbours_become_one_range (void **state) {
  g_autoptr (GArray) ranges = g_array_new (FALSE, FALSE, sizeof (struct ptn_uid_range));
  const uint32_t uids[] = { 1, 2, 3, 7, 9, 10, UINT32_MAX };
  const struct ptn_uid_range expected[] = {
    { 1, 3 }, { 7, 7 }, { 9, 10 }, { UINT32_MAX, UINT32_MAX }
  };

  for (size_t i = 0; i < G_N_ELEMENTS (uids); i++)
    set_append (ranges, uids[i]);
  assert_int_equal (ranges->len, G_N_ELEMENTS (expected));
  assert_memory_equal (ranges->data, expected, sizeof expected);
}

static void
a_set_contains_its_ranges (void **state) {
  const struct ptn_uid_range ranges[] = { { 2, 4 }, { 6, 6 }, { 8, UINT32_MAX } };
  const struct ptn_uid_set set = { ranges, G_N_ELEMENTS (ranges) };

  assert_false (set_contains (set, 1));
  assert_true (set_contains (set, 2));
  assert_true (set_contains (set, 4));
  assert_false (set_contains (set, 5));
  assert_true (set_contains (set, 6));
  assert_false (set_contains (set, 7));
  assert_true (set_contains (set, 8));
  assert_true (set_contains (set, UINT32_MAX));
  assert_false (set_contains ((struct ptn_uid_set){ NULL, 0 }, 1));
}

int
main (void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (neighbours_become_one_range),
    cmocka_unit_test (a_set_contains_its_ranges),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
