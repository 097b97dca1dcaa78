/* SPDX-License-Identifier: Apache-2.0 */
/* rights_test.c - rights as letters, and what they allow. */
#include "common/rights.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void
letters_come_back_in_order (void **state) {
  char text[RIGHTS_TEXT];
  uint32_t rights;

  assert_true (rights_parse ("aetxkpiwsrl", &rights));
  assert_int_equal (rights, RIGHTS_ALL);
  rights_format (rights, text);
  assert_string_equal (text, RIGHTS_LETTERS);
  assert_true (rights_parse ("", &rights));
  assert_int_equal (rights, 0);
  assert_true (rights_parse ("cd", &rights));
  assert_int_equal (rights, RIGHT_K | RIGHT_X | RIGHT_T | RIGHT_E);
  assert_false (rights_parse ("lz", &rights));
}

static void
rights_allow (void **state) {
  assert_int_equal (rights_check (RIGHT_S | RIGHT_A, RIGHT_S), PTN_E_NOT_FOUND);
  assert_int_equal (rights_check (RIGHT_L, RIGHT_S), PTN_E_DENIED);
  assert_int_equal (rights_check (RIGHT_R | RIGHT_S, RIGHT_S), PTN_OK);
  assert_true (rights_flags (RIGHT_S) == PTN_SEEN);
  assert_true (rights_flags (RIGHT_T) == PTN_DELETED);
  assert_true (rights_flags (RIGHTS_ALL) == ~(ptn_flag_bits)0);
}

int
main (void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (letters_come_back_in_order),
    cmocka_unit_test (rights_allow),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
