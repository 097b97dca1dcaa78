/* SPDX-License-Identifier: Apache-2.0 */
/* verdicts_test.c - what is remembered, for how long, and what is forgotten. */
#include "common/secret/verdicts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#define OCTETS(text) ((struct ptn_bytes){ text, sizeof text - 1 })

static struct verdict_tag
tag_of (struct verdicts *verdicts, struct ptn_bytes depends_on, struct ptn_bytes password) {
  struct verdict_tag tag;
  verdicts_tag (verdicts, depends_on, password, &tag);
  return tag;
}

static void
test_lifetimes (void **state) {
  struct verdicts *verdicts = verdicts_new (64, 1000, 10);
  const struct verdict_tag right = tag_of (verdicts, OCTETS ("a"), OCTETS ("right"));
  const struct verdict_tag wrong = tag_of (verdicts, OCTETS ("a"), OCTETS ("wrong"));
  assert_int_equal (verdicts_find (verdicts, &right, 5), VERDICT_NONE);
  verdicts_add (verdicts, &right, "alice", VERDICT_RIGHT, 5);
  verdicts_add (verdicts, &wrong, "alice", VERDICT_WRONG, 5);
  assert_int_equal (verdicts_find (verdicts, &right, 14), VERDICT_RIGHT);
  assert_int_equal (verdicts_find (verdicts, &wrong, 14), VERDICT_WRONG);
  assert_int_equal (verdicts_find (verdicts, &wrong, 15), VERDICT_NONE);
  assert_int_equal (verdicts_find (verdicts, &right, 1004), VERDICT_RIGHT);
  assert_int_equal (verdicts_find (verdicts, &right, 1005), VERDICT_NONE);
  verdicts_unref (verdicts);
}

static void
test_tags (void **state) {
  struct verdicts *verdicts = verdicts_new (64, 1000, 0), *other = verdicts_new (64, 1000, 0);
  const struct verdict_tag one = tag_of (verdicts, OCTETS ("ab"), OCTETS ("c"));
  const struct verdict_tag two = tag_of (verdicts, OCTETS ("a"), OCTETS ("bc"));
  const struct verdict_tag keyed = tag_of (other, OCTETS ("ab"), OCTETS ("c"));
  assert_memory_not_equal (&one, &two, sizeof one);
  assert_memory_not_equal (&one, &keyed, sizeof one); /* each process draws its key */
  const struct verdict_tag again = tag_of (verdicts, OCTETS ("ab"), OCTETS ("c"));
  assert_memory_equal (&one, &again, sizeof one);
  verdicts_add (verdicts, &one, "x", VERDICT_WRONG, 1); /* 0: not remembered */
  assert_int_equal (verdicts_find (verdicts, &one, 1), VERDICT_NONE);
  verdicts_unref (verdicts);
  verdicts_unref (other);
}

static void
test_flush (void **state) {
  struct verdicts *verdicts = verdicts_new (64, 1000, 1000);
  const struct verdict_tag a = tag_of (verdicts, OCTETS ("a"), OCTETS ("1"));
  const struct verdict_tag b = tag_of (verdicts, OCTETS ("b"), OCTETS ("2"));
  verdicts_add (verdicts, &a, "alice", VERDICT_RIGHT, 1);
  verdicts_add (verdicts, &b, "bob", VERDICT_WRONG, 1);
  verdicts_flush (verdicts, "alice");
  assert_int_equal (verdicts_find (verdicts, &a, 2), VERDICT_NONE);
  assert_int_equal (verdicts_find (verdicts, &b, 2), VERDICT_WRONG);
  verdicts_flush (verdicts, NULL);
  assert_int_equal (verdicts_find (verdicts, &b, 2), VERDICT_NONE);
  verdicts_unref (verdicts);
}

int
main (void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_lifetimes),
    cmocka_unit_test (test_tags),
    cmocka_unit_test (test_flush),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
