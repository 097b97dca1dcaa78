/* SPDX-License-Identifier: Apache-2.0 */
/* entry_test.c - what entries of both kinds of directory become under their presets and under settings
 * that override them; and what is remembered of them. */
#include "directory-ldap/cache.h"
#include "directory-ldap/entry.h"
#include "fake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

static struct rules *
rules_of (const char *preset, const char *more) {
  const char *lines[] = { FAKE_COMMON, preset, more, NULL };
  struct rules *rules = fake_rules (lines);
  assert_non_null (rules);
  return rules;
}

/* ---- Entries ----------------------------------------------------------------------------- */

/* "name=value" strings, NULL-ended. */
static struct record *
record_of (const char *dn, const char *const *values) {
  struct record *record = record_new (dn);
  for (; *values; values++) {
    const char *equals = strchr (*values, '=');
    g_autofree char *name = g_strndup (*values, (gsize)(equals - *values));
    record_add (record, name, equals + 1, strlen (equals + 1));
  }
  return record;
}

#define ENTRY(rules, dn, ...)                                   \
  ({                                                            \
    const char *const lines_[] = { __VA_ARGS__, NULL };         \
    struct record *record_ = record_of (dn, lines_);            \
    const char *fault_;                                         \
    struct entry *entry_ = entry_new (rules, record_, &fault_); \
    record_free (record_);                                      \
    entry_;                                                     \
  })

static void
active_directory_is_read (void **state) {
  (void)state;
  struct rules *rules = rules_of ("preset=active-directory", NULL);
  struct entry *alice =
      ENTRY (rules, "CN=Alice,CN=Users,DC=example,DC=test", "sAMAccountName=Alice",
             "userPrincipalName=Alice.Adams@example.test", "mailNickname=ally",
             "mail=other@example.test", "proxyAddresses=smtp:second@Example.Test",
             "proxyAddresses=SMTP:First@example.test", "proxyAddresses=X400:c=DE;s=alice",
             "proxyAddresses=SMTP:Third@example.test", "userAccountControl=512",
             "accountExpires=9223372036854775807", "pwdLastSet=133000000000000000",
             "msExchHomeServerName=/o=Contoso/ou=First/cn=Configuration/cn=Servers/cn=MAIL",
             "memberOf=CN=Staff\\, all,CN=Users,DC=example,DC=test",
             "protocolSettings=POP3\xc2\xa7"
             "0\xc2\xa7"
             "1",
             "protocolSettings=IMAP4\xc2\xa7"
             "1\xc2\xa7"
             "1");
  assert_string_equal (alice->account, "alice");
  assert_string_equal (alice->address, "first@example.test");
  assert_string_equal (alice->server, "MAIL");
  assert_string_equal (alice->groups[0], "staff, all");
  assert_null (alice->groups[1]);
  assert_false (alice->disabled || alice->password_expired || alice->never);
  assert_int_equal (alice->expires_ms, INT64_MAX);
  assert_true (entry_has_address (alice, "second@example.test"));
  assert_true (entry_has_address (alice, "other@example.test"));
  assert_false (entry_has_address (alice, "alice@example.test"));
  assert_false (entry_allows (alice, "pop"));
  assert_true (entry_allows (alice, "imap"));
  assert_true (entry_allows (alice, "smtp"));

  static const struct {
    const char *login;
    bool fits;
  } logins[] = {
    { "alice", true },
    { "alice.adams@example.test", true },
    { "ally", true },
    { "second", true },
    { "first@example.test", true },
    { "alice@example.test", true },
    { "ally@example.org", true },
    { "alice@elsewhere.test", false },
    { "second@example.org", false },
    { "bob", false },
    { "", false },
    { "alice ", false },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (logins); i++)
    if ((entry_rank (rules, alice, logins[i].login, "example.test") >= 0) != logins[i].fits)
      fail_msg ("%s", logins[i].login);
  /* Whose name it is in the first place goes before whose address it is. */
  struct entry *thief = ENTRY (rules, "CN=T,DC=example,DC=test", "sAMAccountName=thief",
                               "mailNickname=alice", "proxyAddresses=smtp:alice@example.test");
  assert_true (entry_rank (rules, alice, "alice", "example.test")
               < entry_rank (rules, thief, "alice", "example.test"));

  assert_false (entry_is_elsewhere (rules, alice, "mail.example.test"));
  assert_true (entry_is_elsewhere (rules, alice, "mail2.example.test"));
  assert_true (entry_is_elsewhere (rules, alice, NULL));
  assert_string_equal (alice->attributes[alice->attribute_count], "server=MAIL");
  entry_unref (thief);
  entry_unref (alice);
  rules_unref (rules);
}

static struct entry *
with_rid (const struct rules *rules, unsigned rid) {
  unsigned char sid[28] = {
    1, 5, 0, 0, 0, 0, 0, 5, 21, [24] = (unsigned char)rid, (unsigned char)(rid >> 8)
  };
  struct record *record = record_new ("CN=X,DC=example,DC=test");
  const char *fault;
  record_add (record, "samaccountname", "renamed", 7);
  record_add (record, "objectSid", sid, sizeof sid);
  struct entry *entry = entry_new (rules, record, &fault);
  record_free (record);
  return entry;
}

static void
well_known_users_are_known_by_number (void **state) {
  (void)state;
  struct rules *rules = rules_of ("preset=active-directory", NULL);
  for (unsigned rid = 499; rid <= 504; rid++) {
    struct entry *entry = with_rid (rules, rid);
    assert_int_equal (entry->never, rid >= 501 && rid <= 503);
    assert_int_equal (entry->attribute_count, rid == 500);
    if (rid == 500)
      assert_string_equal (entry->attributes[0], "auth.closed=pop imap");
    entry_unref (entry);
  }
  rules_unref (rules);
}

static void
states_of_accounts_are_read (void **state) {
  (void)state;
  struct rules *rules = rules_of ("preset=active-directory", NULL);
  struct entry *entry = ENTRY (rules, "CN=X,DC=t", "sAMAccountName=x", "userAccountControl=514",
                               "accountExpires=116444736010000000", "pwdLastSet=0");
  assert_true (entry->disabled && entry->password_expired);
  assert_int_equal (entry->expires_ms, 1000);
  assert_string_equal (entry->address, "x@example.test");
  entry_unref (entry);
  static const struct {
    const char *control;
    bool expired;
  } controls[] = { { "userAccountControl=512", true },
                   { "userAccountControl=66048", false },  /* never expires */
                   { "userAccountControl=262656", false }, /* smart card */
                   { "userAccountControl=junk", true } };
  for (size_t i = 0; i < G_N_ELEMENTS (controls); i++) {
    entry = ENTRY (rules, "CN=X,DC=t", "sAMAccountName=x", "pwdLastSet=0", controls[i].control);
    if (entry->password_expired != controls[i].expired)
      fail_msg ("%s", controls[i].control);
    entry_unref (entry);
  }
  static const char *const no_accounts[] = { "mail=x@example.test", "sAMAccountName=-x",
                                             "sAMAccountName=a b",  "sAMAccountName=a/b",
                                             "sAMAccountName=",     "sAMAccountName=guest" };
  for (size_t i = 0; i < G_N_ELEMENTS (no_accounts); i++)
    assert_null (ENTRY (rules, "CN=X,DC=t", no_accounts[i]));
  rules_unref (rules);
}

static int
rank_of (const struct rules *rules, const char *const *values, const char *name) {
  struct record *record = record_of ("CN=X,DC=t", values);
  const char *fault;
  struct entry *entry = entry_new (rules, record, &fault);
  const int rank = entry_rank (rules, entry, name, "example.test");
  entry_unref (entry);
  record_free (record);
  return rank;
}

/* How many other names somebody has plays no part, nor in what order they come. */
static void
the_attribute_of_a_name_counts (void **state) {
  (void)state;
  struct rules *ad = rules_of ("preset=active-directory", NULL);
  struct rules *persons = rules_of ("preset=inetorgperson", NULL);
  static const char *const few[] = { "sAMAccountName=a", "mailNickname=z", NULL };
  static const char *const more[] = { "sAMAccountName=b", "userPrincipalName=b@example.test",
                                      "mailNickname=z", NULL };
  static const char *const better[] = { "sAMAccountName=c", "userPrincipalName=z", NULL };
  assert_int_equal (rank_of (ad, few, "z"), rank_of (ad, more, "z"));
  assert_true (rank_of (ad, better, "z") < rank_of (ad, few, "z"));
  static const char *const first[] = { "uid=a", "uid=y", "uid=z", NULL };
  static const char *const second[] = { "uid=b", "uid=z", "uid=y", NULL };
  static const char *const own[] = { "uid=z", NULL };
  assert_int_equal (rank_of (persons, first, "z"), rank_of (persons, second, "z"));
  assert_true (rank_of (persons, own, "z") < rank_of (persons, first, "z"));
  rules_unref (persons);
  rules_unref (ad);
}

static void
octets_behind_a_nul_are_not_left_out (void **state) {
  (void)state;
  const char *lines[] = { FAKE_COMMON, "preset=inetorgperson", "delegate_attributes=owner", NULL };
  struct rules *rules = fake_rules (lines);
  static const struct {
    const char *name, *value;
    gsize size;
  } values[] = {
    { "uid", "desk", 4 },
    { "uid", "alice\0x", 7 },
    { "mail", "alice@example.test\0x", 20 },
    { "owner", "uid=bob,dc=t\0x", 14 },
    { "owner", "carol\0x", 7 },
    { "memberOf", "cn=all,dc=t\0x", 13 },
  };
  struct record *record = record_new ("uid=desk,dc=t");
  for (size_t i = 0; i < G_N_ELEMENTS (values); i++)
    record_add (record, values[i].name, values[i].value, values[i].size);
  const char *fault;
  struct entry *desk = entry_new (rules, record, &fault);
  assert_int_equal (entry_rank (rules, desk, "alice", "example.test"), -1);
  assert_false (entry_has_address (desk, "alice@example.test"));
  assert_null (desk->delegates[0]);
  assert_null (desk->groups[0]);
  assert_null (desk->group_dns[0]);
  entry_unref (desk);
  record_free (record);
  rules_unref (rules);
}

/* Servers send the values of an attribute in any order. */
static void
one_value_of_several_is_enough (void **state) {
  (void)state;
  const char *lines[] = { FAKE_COMMON, "preset=inetorgperson",
                          "disabled_if=employeeType=left accountStatus!=active", NULL };
  struct rules *rules = fake_rules (lines);
  assert_non_null (rules);
  static const struct {
    const char *values[3];
    bool disabled;
  } cases[] = {
    { { "employeeType=staff", "employeeType=left" }, true },
    { { "employeeType=left", "employeeType=staff" }, true },
    { { "employeeType=staff", "employeeType=guest" }, false },
    { { "accountStatus=nopop", "accountStatus=active" }, false },
    { { "accountStatus=active", "accountStatus=nopop" }, false },
    { { "accountStatus=nopop", "accountStatus=noimap" }, true },
    { { "mail=x@example.test" }, false },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    const char *const *values = cases[i].values;
    struct entry *entry = ENTRY (rules, "uid=x,dc=t", "uid=x", values[0], values[1]);
    if (entry->disabled != cases[i].disabled)
      fail_msg ("%zu", i);
    entry_unref (entry);
  }
  rules_unref (rules);
}

static void
settings_override_the_preset (void **state) {
  (void)state;
  const char *lines[] = { FAKE_COMMON,
                          "preset=inetorgperson",
                          "account_attribute=mail",
                          "login_attributes=uid nick",
                          "address_attributes=mail alt=lmtp:",
                          "quota_attribute=mailQuota",
                          "quota_unit=1024",
                          "delegate_attributes=owner",
                          "reader_attributes=reader",
                          "disabled_if=accountStatus!=active",
                          "protocols_attribute=services",
                          "attributes=pop3.retention=keep auth.ntlmv1=ntlmv1",
                          "node=here",
                          "server_attribute=host",
                          NULL };
  struct rules *rules = fake_rules (lines);
  struct entry *bob =
      ENTRY (rules, "uid=bob,dc=example,dc=test", "uid=bob", "nick=Bobby", "mail=Bob@Example.Org",
             "alt=LMTP:robert@example.test", "alt=smtp:nobody@example.test", "mailQuota=10",
             "accountStatus=active", "keep=keep 30d", "ntlmv1=yes", "services=imap, smtp",
             "host=there", "owner=UID=Alice , DC=Example,dc=test", "owner=carol",
             "reader=uid=dave,dc=example,dc=test");
  assert_string_equal (bob->account, "bob@example.org");
  assert_true (entry_has_address (bob, "robert@example.test"));
  assert_false (entry_has_address (bob, "nobody@example.test"));
  assert_string_equal (bob->attributes[0], "quota.octets=10240");
  assert_string_equal (bob->attributes[1], "pop3.retention=keep 30d");
  assert_string_equal (bob->attributes[2], "auth.ntlmv1=yes");
  assert_false (bob->disabled || entry_allows (bob, "pop"));
  assert_true (entry_allows (bob, "imap") && entry_is_elsewhere (rules, bob, "there"));

  static const struct {
    const char *dn, *mail;
    ptn_access access;
  } others[] = {
    { "uid=alice,dc=example,dc=test", "alice@x.test", PTN_ACCESS_FULL },
    { "uid=elsewhere,dc=example,dc=test", "carol@x.test", PTN_ACCESS_UNTOLD },
    { "uid=dave,dc=example,dc=test", "dave@x.test", PTN_ACCESS_READ },
    { "uid=bob2,dc=example,dc=test", "bob@example.org", PTN_ACCESS_FULL },
    { "uid=alice,ou=x,dc=example,dc=test", "a@x.test", PTN_ACCESS_UNTOLD },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (others); i++) {
    g_autofree char *mail = g_strconcat ("mail=", others[i].mail, NULL);
    struct entry *other = ENTRY (rules, others[i].dn, mail);
    if (entry_access (bob, other) != others[i].access)
      fail_msg ("%s: %u", others[i].dn, entry_access (bob, other));
    entry_unref (other);
  }
  struct entry *clerk = ENTRY (rules, "uid=clerk,dc=example,dc=test", "mail=clerk@x.test",
                               "memberOf=cn=Office,ou=Groups,dc=example,dc=test");
  struct entry *desk =
      ENTRY (rules, "uid=desk,dc=example,dc=test", "mail=desk@x.test",
             "owner=CN=office,OU=groups,DC=example,DC=test", "reader=cn=all,dc=example,dc=test");
  assert_int_equal (entry_access (desk, clerk), PTN_ACCESS_FULL);
  assert_int_equal (entry_access (desk, bob), PTN_ACCESS_UNTOLD);
  const char *all[] = { "cn=All,dc=example,dc=test" };
  struct entry *member = entry_with_groups (bob, &(GPtrArray){ (gpointer *)all, 1 });
  assert_int_equal (entry_access (desk, member), PTN_ACCESS_READ);
  assert_string_equal (member->groups[0], "all");
  assert_string_equal (member->address, bob->address);
  assert_null (bob->groups[0]);
  entry_unref (member);
  entry_unref (clerk);
  entry_unref (desk);
  entry_unref (bob);
  rules_unref (rules);
}

static void
mistakes_in_settings_are_found (void **state) {
  (void)state;
  static const char *const mistakes[] = {
    "filter=uid=x",          "group_filter=x",           "bind_dn=cn=reader",
    "bind_password=x",       "login_attributes=none",    "account_attribute=none",
    "account_attribute=a b", "address_attributes=(mail", "disabled_if=a&b",
    "attributes=word",       "nt_domains=A@B",
  };
  for (size_t i = 0; i < G_N_ELEMENTS (mistakes); i++) {
    const char *lines[] = { mistakes[i], FAKE_COMMON, "preset=inetorgperson", NULL };
    if (fake_rules (lines))
      fail_msg ("%s", mistakes[i]);
  }
  const char *clear[] = { "servers=ldap://x", "start_tls=no", FAKE_COMMON, "preset=inetorgperson",
                          NULL };
  assert_null (fake_rules (clear));
  const char *meant[] = { "servers=ldap://x", "start_tls=no",         "cleartext=yes",
                          FAKE_COMMON,        "preset=inetorgperson", NULL };
  struct rules *rules = fake_rules (meant);
  assert_non_null (rules);
  rules_unref (rules);
}

/* ---- What is remembered ------------------------------------------------------------------ */

static void
the_cache_forgets (void **state) {
  (void)state;
  struct rules *rules = rules_of ("preset=inetorgperson", NULL);
  struct entry *alice = ENTRY (rules, "uid=alice,dc=t", "uid=alice");
  struct cache *cache = cache_new (3);
  struct found *one = found_new (true, "", &alice, 1), *none = found_new (false, "", NULL, 0);
  cache_put (cache, "a", one, 100);
  cache_put (cache, "b", none, 100);
  struct found *got = cache_get (cache, "a", 99);
  assert_ptr_equal (got, one);
  found_unref (got);
  assert_null (cache_get (cache, "a", 100)); /* too old */
  cache_put (cache, "a", one, 100);
  cache_put (cache, "c", one, 100);
  cache_put (cache, "d", one, 100); /* b gives way */
  assert_null (cache_get (cache, "b", 1));
  cache_put (cache, "b", none, 100); /* and now a */
  cache_flush (cache, "nobody");     /* what leads nowhere */
  assert_null (cache_get (cache, "b", 1));
  assert_non_null (got = cache_get (cache, "c", 1));
  found_unref (got);
  cache_flush (cache, "alice");
  assert_null (cache_get (cache, "c", 1));
  cache_put (cache, "c", one, 100);
  cache_flush (cache, NULL);
  assert_null (cache_get (cache, "c", 1));
  found_unref (one);
  found_unref (none);
  cache_unref (cache);
  entry_unref (alice);
  rules_unref (rules);
}

/* Mail to GROUP+1, GROUP+2 ... finds all members each time. */
static void
groups_count_as_their_members (void **state) {
  (void)state;
  enum { LIMIT = 100, MEMBERS = 30 };
  struct rules *rules = rules_of ("preset=inetorgperson", NULL);
  struct entry *alice = ENTRY (rules, "uid=alice,dc=t", "uid=alice");
  struct entry *members[2 * MEMBERS];
  for (unsigned i = 0; i < G_N_ELEMENTS (members); i++)
    members[i] = alice;
  struct cache *cache = cache_new (LIMIT);
  for (unsigned i = 0; i < 1000; i++) {
    g_autofree char *key = g_strdup_printf ("address group+%u", i);
    struct found *group = found_new (true, "", members, MEMBERS);
    cache_put (cache, key, group, 100);
    found_unref (group);
  }
  assert_in_range (g_atomic_int_get (&alice->references), 1, 1 + LIMIT);
  struct found *huge = found_new (true, "", members, 2 * MEMBERS);
  cache_put (cache, "address all", huge, 100);
  assert_null (cache_get (cache, "address all", 1));
  struct found *got = cache_get (cache, "address group+999", 1);
  assert_non_null (got); /* it did not have to go for that */
  found_unref (got);
  found_unref (huge);
  cache_unref (cache);
  entry_unref (alice);
  rules_unref (rules);
}

int
main (void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (active_directory_is_read),
    cmocka_unit_test (well_known_users_are_known_by_number),
    cmocka_unit_test (states_of_accounts_are_read),
    cmocka_unit_test (the_attribute_of_a_name_counts),
    cmocka_unit_test (octets_behind_a_nul_are_not_left_out),
    cmocka_unit_test (one_value_of_several_is_enough),
    cmocka_unit_test (settings_override_the_preset),
    cmocka_unit_test (mistakes_in_settings_are_found),
    cmocka_unit_test (the_cache_forgets),
    cmocka_unit_test (groups_count_as_their_members),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
