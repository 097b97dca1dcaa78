/* SPDX-License-Identifier: Apache-2.0 */
/* text_test.c - filters and distinguished names of any octets, conditions, times, identifiers. */
#include "directory-ldap/conditions.h"
#include "directory-ldap/escape.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <ldap.h>
#include <string.h>

/* Undoes RFC 4515 section 3 as a server does. */
static gsize
unescape (const char *text, char *octets) {
  gsize size = 0;
  for (; *text && *text != ')'; size++) {
    if (*text != '\\') {
      octets[size] = *text++;
      continue;
    }
    octets[size] = (char)(g_ascii_xdigit_value (text[1]) << 4 | g_ascii_xdigit_value (text[2]));
    text += 3;
  }
  assert_string_equal (text, ")");
  return size;
}

static void
every_octet_survives_a_filter (void **state) {
  (void)state;
  char all[256], back[256];
  for (unsigned i = 0; i < sizeof all; i++)
    all[i] = (char)i;
  GString *filter = g_string_new (NULL);
  filter_append_equals (filter, "uid", all, sizeof all);
  assert_true (g_str_has_prefix (filter->str, "(uid="));
  assert_int_equal (strlen (filter->str), filter->len);
  assert_null (strpbrk (filter->str + 5, "*(&|!<>~= \t\r\n"));
  for (gsize i = 0; i < filter->len; i++)
    assert_in_range ((unsigned char)filter->str[i], 0x21, 0x7e);
  assert_int_equal (unescape (filter->str + 5, back), sizeof all);
  assert_memory_equal (back, all, sizeof all);
  g_string_free (filter, TRUE);
}

static void
filters_stay_one_filter (void **state) {
  (void)state;
  static const char *const tries[] = { "*",
                                       "alice)(uid=*",
                                       "alice)(|(uid=*))",
                                       "\\2a",
                                       "a\\",
                                       "*)(userPassword={SSHA}*",
                                       ")(cn=))\0(objectClass=*" };
  for (unsigned i = 0; i < G_N_ELEMENTS (tries); i++) {
    GString *filter = g_string_new (NULL);
    filter_append_equals (filter, "uid", tries[i], strlen (tries[i]));
    assert_ptr_equal (strchr (filter->str, ')'), filter->str + filter->len - 1);
    assert_ptr_equal (strrchr (filter->str, '('), filter->str);
    assert_null (strchr (filter->str, '*'));
    g_string_free (filter, TRUE);
  }
}

static void
every_octet_survives_a_name (void **state) {
  (void)state;
  char all[255];
  for (unsigned i = 0; i < sizeof all; i++)
    all[i] = (char)(i + 1);
  GString *dn = g_string_new ("cn=");
  dn_append_value (dn, all, sizeof all);
  g_string_append (dn, ",dc=example");
  LDAPDN parsed = NULL;
  assert_int_equal (ldap_str2dn (dn->str, &parsed, LDAP_DN_FORMAT_LDAPV3), LDAP_SUCCESS);
  assert_int_equal (parsed[0][0]->la_value.bv_len, sizeof all);
  assert_memory_equal (parsed[0][0]->la_value.bv_val, all, sizeof all);
  assert_null (parsed[2]);
  ldap_dnfree (parsed);
  g_string_free (dn, TRUE);
}

static void
attributes_are_words (void **state) {
  (void)state;
  assert_true (attribute_is_sound ("sAMAccountName"));
  assert_true (attribute_is_sound ("cn;lang-de"));
  assert_true (attribute_is_sound ("2.5.4.3"));
  assert_false (attribute_is_sound (""));
  assert_false (attribute_is_sound ("uid=*)(cn"));
  assert_false (attribute_is_sound ("-cn"));
}

static void
conditions_hold (void **state) {
  (void)state;
  static const struct {
    const char *condition, *value;
    bool holds;
  } cases[] = {
    { "userAccountControl&2", "514", true },
    { "userAccountControl&2", "512", false },
    { "userAccountControl&0x800002", "8388608", true },
    { "userAccountControl&2", "two", false },
    { "userAccountControl&2", NULL, false },
    { "nsAccountLock", "TRUE", true },
    { "nsAccountLock", "false", false },
    { "nsAccountLock", "0", false },
    { "nsAccountLock", NULL, false },
    { "pwdLastSet=0", "0", true },
    { "pwdLastSet=0", "133000000000000000", false },
    { "accountStatus!=active", "Active", false },
    { "accountStatus!=active", "noaccess", true },
    { "accountStatus!=active", NULL, false },
  };
  for (unsigned i = 0; i < G_N_ELEMENTS (cases); i++) {
    struct condition condition;
    assert_true (condition_read (cases[i].condition, &condition));
    if (condition_holds (&condition, cases[i].value) != cases[i].holds)
      fail_msg ("%s of %s", cases[i].condition, cases[i].value);
    condition_clear (&condition);
  }
  static const char *const wrong[] = { "", "&2", "a&", "a&x", "a=", "a!b", "a b=c", "a(=c" };
  struct condition condition;
  for (unsigned i = 0; i < G_N_ELEMENTS (wrong); i++)
    assert_false (condition_read (wrong[i], &condition));
}

static void
times_are_read (void **state) {
  (void)state;
  assert_int_equal (expiry_read ("20261122061500Z"), INT64_C (1795328100000));
  assert_int_equal (expiry_read ("20261122061500.5Z"), INT64_C (1795328100000));
  assert_int_equal (expiry_read ("1"), 86400000);                    /* shadowExpire */
  assert_int_equal (expiry_read ("116444736000000000"), 0);          /* 1970 */
  assert_int_equal (expiry_read ("116444736010000000"), 1000);       /* accountExpires */
  assert_int_equal (expiry_read ("9223372036854775807"), INT64_MAX); /* never */
  assert_int_equal (expiry_read ("0"), INT64_MAX);
  assert_int_equal (expiry_read ("-1"), INT64_MAX);
  assert_int_equal (expiry_read ("20261322061500Z"), INT64_MAX);
  assert_int_equal (expiry_read ("soon"), INT64_MAX);
  assert_int_equal (expiry_read (""), INT64_MAX);
}

static void
identifiers_are_read (void **state) {
  (void)state;
  unsigned char sid[28] = { 1, 5, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0, [24] = 0xf4, 0x01 };
  assert_int_equal (sid_rid (sid, sizeof sid), 500);
  assert_int_equal (sid_rid (sid, sizeof sid - 1), 0);
  sid[8] = 32; /* BUILTIN */
  assert_int_equal (sid_rid (sid, sizeof sid), 0);
  assert_int_equal (sid_rid (sid, 0), 0);
  assert_string_equal (server_name ("/o=Contoso/ou=First/cn=Configuration/cn=Servers/cn=MAIL"),
                       "MAIL");
  assert_string_equal (server_name ("store1"), "store1");
  assert_string_equal (server_name ("/"), "/");
}

int
main (void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (every_octet_survives_a_filter),
    cmocka_unit_test (filters_stay_one_filter),
    cmocka_unit_test (every_octet_survives_a_name),
    cmocka_unit_test (attributes_are_words),
    cmocka_unit_test (conditions_hold),
    cmocka_unit_test (times_are_read),
    cmocka_unit_test (identifiers_are_read),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
