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

static void
two_sets_have_in_common_what_is_in_both (void **state) {
  const struct ptn_uid_range some[] = { { 1, 4 }, { 6, 9 }, { 20, UINT32_MAX } };
  const struct ptn_uid_range others[] = {
    { 2, 2 }, { 4, 7 }, { 10, 19 }, { UINT32_MAX, UINT32_MAX }
  };
  const struct ptn_uid_set a = { some, G_N_ELEMENTS (some) }, b = { others, G_N_ELEMENTS (others) };
  const struct ptn_uid_range expected[] = {
    { 2, 2 }, { 4, 4 }, { 6, 7 }, { UINT32_MAX, UINT32_MAX }
  };
  g_autoptr (GArray) both = set_intersection (a, b), turned = set_intersection (b, a);
  g_autoptr (GArray) none = set_intersection (a, (struct ptn_uid_set){ NULL, 0 });

  assert_int_equal (both->len, G_N_ELEMENTS (expected));
  assert_memory_equal (both->data, expected, sizeof expected);
  assert_int_equal (turned->len, both->len);
  assert_memory_equal (turned->data, expected, sizeof expected);
  assert_int_equal (none->len, 0);
}

static void
a_union_has_what_is_in_either (void **state) {
  const struct ptn_uid_range some[] = { { 1, 4 }, { 9, 9 }, { 30, UINT32_MAX } };
  const struct ptn_uid_range others[] = { { 3, 5 }, { 7, 8 }, { 12, 12 }, { 31, 40 } };
  const struct ptn_uid_set a = { some, G_N_ELEMENTS (some) }, b = { others, G_N_ELEMENTS (others) };
  const struct ptn_uid_set none = { NULL, 0 };
  const struct ptn_uid_range expected[] = { { 1, 5 }, { 7, 9 }, { 12, 12 }, { 30, UINT32_MAX } };
  g_autoptr (GArray) all = set_union (a, b), turned = set_union (b, a), alone = set_union (a, none);

  assert_int_equal (all->len, G_N_ELEMENTS (expected));
  assert_memory_equal (all->data, expected, sizeof expected);
  assert_int_equal (turned->len, all->len);
  assert_memory_equal (turned->data, expected, sizeof expected);
  assert_int_equal (alone->len, G_N_ELEMENTS (some));
  assert_memory_equal (alone->data, some, sizeof some);
}

int
main (void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (neighbours_become_one_range),
    cmocka_unit_test (a_set_contains_its_ranges),
    cmocka_unit_test (two_sets_have_in_common_what_is_in_both),
    cmocka_unit_test (a_union_has_what_is_in_either),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
