/* SPDX-License-Identifier: Apache-2.0 */
/* domains_test.c - mail domains and their Windows names. */
#include "common/login/domains.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define WORDS(...)                                             \
  ((struct ptn_strings){ (const char *const[]){ __VA_ARGS__ }, \
                         sizeof ((const char *const[]){ __VA_ARGS__ }) / sizeof (char *) })
#define NONE ((struct ptn_strings){ NULL, 0 })

static void
names_belong_together (void **state) {
  (void)state;
  const char *fault, *nt;
  struct domains *domains = domains_new (WORDS ("Example.TEST", "b\xc3\xbc"
                                                                "cher.test"),
                                         WORDS ("EXAMPLE", "Books", "MORE"), &fault);
  assert_non_null (domains);
  assert_string_equal (domains_primary (domains), "example.test");
  assert_string_equal (domains_find (domains, "xn--bcher-kva.test"), "xn--bcher-kva.test");
  assert_null (domains_find (domains, "EXAMPLE.test"));
  assert_null (domains_find (domains, ""));
  assert_string_equal (domains_of_nt (domains, "example", &nt), "example.test");
  assert_string_equal (nt, "EXAMPLE");
  assert_string_equal (domains_of_nt (domains, "books", &nt), "xn--bcher-kva.test");
  assert_string_equal (nt, "Books");
  assert_string_equal (domains_of_nt (domains, "more", &nt), "example.test");
  assert_string_equal (nt, "MORE");
  assert_string_equal (domains_of_nt (domains, "example.test", &nt), "example.test");
  assert_string_equal (nt, "EXAMPLE");
  assert_null (domains_of_nt (domains, "other", &nt));
  assert_string_equal (domains_nt_of (domains, "xn--bcher-kva.test"), "Books");
  assert_string_equal (domains_nt_of (domains, "other.test"), "");
  domains_free (&domains);
  assert_null (domains);
}

static void
nonsense_is_refused (void **state) {
  (void)state;
  const char *fault;
  assert_null (domains_new (NONE, NONE, &fault));
  assert_non_null (fault);
  assert_null (domains_new (WORDS ("a@b"), NONE, &fault));
  assert_null (domains_new (WORDS ("a b"), NONE, &fault));
  assert_null (domains_new (WORDS ("\xff"), NONE, &fault));
  assert_null (domains_new (WORDS ("example.test"), WORDS ("A\\B"), &fault));
  assert_non_null (fault);
}

int
main (void) {
  const struct CMUnitTest tests[] = { cmocka_unit_test (names_belong_together),
                                      cmocka_unit_test (nonsense_is_refused) };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
