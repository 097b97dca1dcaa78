/* SPDX-License-Identifier: Apache-2.0 */
/* parse_test.c - the accounts file: what it may say, and every mistake with its line. */
#include "directory-file/parse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

static struct rules *
rules_of_test (void) {
  static const char *const domains[] = { "Example.Test", "example.org", "bücher.example" };
  static const char *const nt_domains[] = { "EXAMPLE", "BOOKS" };
  static const char *const administrators[] = { "administrator" };
  const struct rules_input input = {
    .file = "/nowhere",
    .domains = { domains, 3 },
    .nt_domains = { nt_domains, 2 },
    .administrators = { administrators, 1 },
    .retention = "delete",
    .quota_octets = 1000,
  };
  const char *fault;
  struct rules *rules = rules_new (&input, &fault);
  assert_non_null (rules);
  return rules;
}

static struct accounts *
parse (const char *text, size_t size, GPtrArray *errors) {
  struct rules *rules = rules_of_test ();
  char *copy = g_malloc (size + 1);
  memcpy (copy, text, size);
  copy[size] = '\0';
  struct accounts *accounts = accounts_parse (rules, copy, size, errors);
  rules_unref (rules);
  return accounts;
}

static struct accounts *
parse_sound (const char *text) {
  g_autoptr (GPtrArray) errors = parse_errors_new ();
  struct accounts *accounts = parse (text, strlen (text), errors);
  for (guint i = 0; i < errors->len; i++) {
    const struct parse_error *error = errors->pdata[i];
    print_message ("line %u: %s\n", error->line, error->text);
  }
  assert_non_null (accounts);
  return accounts;
}

static const char *
attribute (const struct account *account, const char *name) {
  for (size_t i = 0; i < account->attributes.count; i++)
    if (g_str_has_prefix (account->attributes.items[i], name))
      return account->attributes.items[i];
  return NULL;
}

static void
everything_is_read (void **state) {
  (void)state;
  struct accounts *accounts = parse_sound ("\xef\xbb\xbf# people\r\n"
                                           "; more people\r\n"
                                           "\r\n"
                                           "  [ Zoe ]  \r\n"
                                           "\tpassword\t=  {PLAIN}a = b # c \t\r\n"
                                           "password = {SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\r\n"
                                           "name = Zoë #1\r\n"
                                           "alias = Z, zz@example.org\r\n"
                                           "alias = ZÖE\r\n"
                                           "delegates = Amy bücher@Bücher.example\r\n"
                                           "delegates = $Night\r\n"
                                           "readers = $staff\r\n"
                                           "protocols = POP, smtp\r\n"
                                           "quota.octets = 2 GiB\r\n"
                                           "pop3.retention = keep 30 d\r\n"
                                           "future.word = anything at all\r\n"
                                           "expired = 2027-02-28\r\n"
                                           "server = back1.example.test\r\n"
                                           "disabled = yes\r\n"
                                           "[amy]\n"
                                           "quota.octets = unlimited\n"
                                           "[b.o-b_1]\n"
                                           "may_open = amy $night\n"
                                           "disabled = 2027-02-28\n"
                                           "[root]\n"
                                           "may_open = *\n"
                                           "[bücher@bücher.example]\n"
                                           "protocols = none\n"
                                           "[group Staff]\n"
                                           "members = zoe,amy\n"
                                           "members = b.o-b_1\n"
                                           "[group night]\n"
                                           "members = bücher@bücher.example");
  assert_int_equal (accounts->count, 5);
  const struct account *zoe = accounts_find (accounts, "zoe");
  const struct account *amy = accounts_find (accounts, "amy");
  assert_ptr_equal (accounts->list[0], amy);
  assert_ptr_equal (accounts->list[4], zoe);
  assert_ptr_equal (accounts->postmaster.account, zoe);
  assert_int_equal (zoe->line, 4);
  assert_int_equal (zoe->password_count, 2);
  assert_string_equal (zoe->passwords[0].text, "a = b # c");
  assert_string_equal (zoe->display, "Zoë #1");
  assert_string_equal (zoe->address, "zoe@example.test");
  assert_int_equal (zoe->alias_count, 3);
  assert_int_equal (zoe->grant_count, 4);
  assert_int_equal (zoe->protocols, PROTOCOL_POP | PROTOCOL_SMTP);
  assert_string_equal (attribute (zoe, "quota.octets"), "quota.octets=2147483648");
  assert_string_equal (attribute (zoe, "pop3"), "pop3.retention=keep 30 d");
  assert_string_equal (attribute (zoe, "future"), "future.word=anything at all");
  assert_string_equal (attribute (zoe, "server"), "server=back1.example.test");
  assert_int_equal (zoe->expires_ms, G_GINT64_CONSTANT (1803772800000));
  assert_string_equal (zoe->server, "back1.example.test");
  assert_true (account_is_disabled (zoe, 0));
  assert_null (attribute (amy, "quota.octets"));
  assert_string_equal (attribute (amy, "pop3"), "pop3.retention=delete");
  const struct account *plain = accounts_find (accounts, "b.o-b_1");
  assert_string_equal (attribute (plain, "quota.octets"), "quota.octets=1000");
  const struct account *books = accounts_find (accounts, "bücher@xn--bcher-kva.example");
  assert_non_null (books);
  assert_int_equal (books->protocols, 0);
  assert_ptr_equal (accounts_find_login (accounts, "z", NULL), zoe);
  assert_ptr_equal (accounts_find_login (accounts, "zöe", NULL), zoe);
  assert_ptr_equal (accounts_find_login (accounts, "bücher@bücher.example", NULL), books);
  assert_ptr_equal (accounts_find_login (accounts, "bücher", "xn--bcher-kva.example"), books);
  assert_null (accounts_find_login (accounts, "bücher", NULL));
  assert_int_equal (accounts_find_name (accounts, "staff").group->member_count, 3);

  const struct account *root = accounts_find (accounts, "root");
  assert_int_equal (account_access (zoe, zoe), PTN_ACCESS_FULL);
  assert_int_equal (account_access (zoe, amy), PTN_ACCESS_FULL); /* more than as one of $staff */
  assert_int_equal (account_access (zoe, books), PTN_ACCESS_FULL);
  assert_int_equal (account_access (zoe, plain), PTN_ACCESS_READ);
  assert_int_equal (account_access (amy, zoe), PTN_ACCESS_UNTOLD);
  assert_int_equal (account_access (amy, plain), PTN_ACCESS_FULL);
  assert_int_equal (account_delegation (amy, plain), PTN_ACCESS_UNTOLD);
  assert_int_equal (account_access (books, plain), PTN_ACCESS_FULL);
  assert_int_equal (account_access (zoe, root), PTN_ACCESS_FULL);
  assert_int_equal (account_access (root, zoe), PTN_ACCESS_UNTOLD);
  assert_false (account_is_disabled (plain, G_GINT64_CONSTANT (1803772799999)));
  assert_true (account_is_disabled (plain, G_GINT64_CONSTANT (1803772800000)));
  accounts_unref (accounts);
}

static const struct {
  const char *text;
  unsigned line;
  const char *part; /* of what is said */
} wrong[] = {
  { "password = {PLAIN}x\n", 1, "before the first" },
  { "[a]\nnonsense\n", 2, "neither" },
  { "[a]\n= x\n", 2, "neither" },
  { "[a\n", 1, "closed" },
  { "[a] x\n", 1, "closed" },
  { "[]\n", 1, "no name" },
  { "[a b]\n", 1, "character" },
  { "[a/b]\n", 1, "character" },
  { "[a+b]\n", 1, "character" },
  { "[.a]\n", 1, "begins" },
  { "[-a]\n", 1, "begins" },
  { "[guest]\n", 1, "refused" },
  { "[Anonymous]\n", 1, "refused" },
  { "[a@b@example.test]\n", 1, "no name" },
  { "[a@elsewhere.test]\n", 1, "domains" },
  { "[a]\n[b]\n[A]\n", 3, "line 1" },
  { "[a]\n[group a]\n", 2, "line 1" },
  { "[a]\n[a@example.test]\n", 2, "address of 'a'" },
  { "[a]\nalias = b\n[b]\n", 2, "line 3" },
  { "[a]\nalias = x\n[b]\nalias = x\n", 4, "line 1" },
  { "[a]\nalias = b@example.test\n[b]\n", 2, "address of 'b'" },
  { "[a]\nalias = x@elsewhere.test\n", 2, "domains" },
  { "[a]\nalias = x/y\n", 2, "character" },
  { "[a]\nalias = @\n", 2, "no name" },
  { "[a]\ndelegates = nobody\n", 2, "no account" },
  { "[a]\nalias = b\ndelegates = b\n", 3, "no account" },
  { "[group g]\nmembers = nobody\n", 2, "no account" },
  { "[group g]\npassword = {PLAIN}x\n", 2, "a group has no" },
  { "[a]\nmembers = a\n", 2, "group" },
  { "[a]\npassword = x\n", 2, "scheme" },
  { "[a]\npassword =\n", 2, "scheme" },
  { "[a]\nname = x\nname = y\n", 3, "twice" },
  { "[a]\nquota.octets = 1\nquota.octets = 2\n", 3, "twice" },
  { "[a]\nquota.octets = many\n", 2, "no size" },
  { "[a]\nquota.octets = 99999999999999999999\n", 2, "too large" },
  { "[a]\nquota.messages = 10 k x\n", 2, "no number" },
  { "[a]\npop3.retention = forever\n", 2, "none of" },
  { "[a]\nfut\xc3\xbcre.word = x\n", 2, "strange" },
  { "[a]\npasword = {PLAIN}x\n", 2, "'password' meant" },
  { "[a]\nxyzzy = x\n", 2, "unknown key 'xyzzy'" },
  { "[a]\nprotocols = pop, uucp\n", 2, "another word" },
  { "[a]\ndisabled = perhaps\n", 2, "neither yes" },
  { "[a]\napp_password =\n", 2, "label" },
  { "[a]\napp_password = {PLAIN}x\n", 2, "label" },
  { "[a]\napp_password = x\n", 2, "no secret" },
  { "[a]\napp_password = x {ROT13}x\n", 2, "unknown scheme" },
  { "[a]\napp_password = x {PLAIN}a {PLAIN}b {PLAIN}c {PLAIN}d {PLAIN}e\n", 2, "more than 4" },
  { "[a]\napp_password = x {PLAIN}x y\n", 2, "neither" },
  { "[a]\napp_password = x {PLAIN}x colour=red\n", 2, "key other" },
  { "[a]\napp_password = x {PLAIN}x protocols=uucp\n", 2, "protocol other" },
  { "[a]\napp_password = x {PLAIN}x networks=\n", 2, "no or more" },
  { "[a]\napp_password = x {PLAIN}x networks=10.0.0.1/8\n", 2, "network that is none" },
  { "[a]\napp_password = x {PLAIN}x networks=10.0.0.0/33\n", 2, "network that is none" },
  { "[a]\napp_password = x {PLAIN}x networks=::/129\n", 2, "network that is none" },
  { "[a]\napp_password = x {PLAIN}x networks=10.0.0.0/\n", 2, "network that is none" },
  { "[a]\napp_password = x {PLAIN}x expires=soon\n", 2, "than a date" },
  { "[a]\napp_password = x {PLAIN}x\napp_password = X {PLAIN}x\n", 3, "is there already" },
  { "[a]\nreaders = nobody\n", 2, "no account" },
  { "[a]\nreaders = $nobody\n", 2, "no group" },
  { "[a]\ndelegates = *\n", 2, "no account" },
  { "[a]\nmay_open = $a\n", 2, "no group" },
  { "[a]\nexpired = 2027-02-29\n", 2, "date" },
  { "[a]\nexpired = 2027-2-28\n", 2, "date" },
  { "[a]\nserver = two words\n", 2, "no node" },
  { "[a]\n\n# x\nname = \xff\n", 4, "UTF-8" },
};

static void
mistakes_are_told (void **state) {
  (void)state;
  for (size_t i = 0; i < G_N_ELEMENTS (wrong); i++) {
    g_autoptr (GPtrArray) errors = parse_errors_new ();
    assert_null (parse (wrong[i].text, strlen (wrong[i].text), errors));
    assert_int_equal (errors->len, 1);
    const struct parse_error *error = errors->pdata[0];
    if (error->line != wrong[i].line || !strstr (error->text, wrong[i].part))
      fail_msg ("%zu: line %u: %s", i, error->line, error->text);
  }
  g_autoptr (GPtrArray) errors = parse_errors_new ();
  assert_null (parse ("[a]\nname = x\0y\n", 15, errors));
  assert_string_equal (((struct parse_error *)errors->pdata[0])->text, "has a NUL octet");
}

static void
all_mistakes_at_once (void **state) {
  (void)state;
  g_autoptr (GPtrArray) errors = parse_errors_new ();
  static const char text[] = "[a]\npassword = x\nfoo = 1\n[a]\n[b/]\nfoo = 2\n[c]\ndelegates = d\n";
  assert_null (parse (text, strlen (text), errors));
  assert_int_equal (errors->len, 5);
  g_autoptr (GString) many = g_string_new ("[a]\n");
  for (int i = 0; i < 1000; i++)
    g_string_append (many, "nonsense\n");
  g_autoptr (GPtrArray) more = parse_errors_new ();
  assert_null (parse (many->str, many->len, more));
  assert_int_equal (more->len, ACCOUNTS_ERROR_LIMIT + 1);
}

static void
addresses_are_found (void **state) {
  (void)state;
  struct accounts *accounts =
      parse_sound ("[alice]\nalias = sales, info@example.org, a+b\n[bob@example.org]\n"
                   "[carol]\nalias = bob\n[group staff]\nmembers = alice carol\n");
  static const struct {
    const char *address, *account, *detail;
    bool ours;
  } addresses[] = {
    { "alice@example.test", "alice", "", true },
    { "ALICE@EXAMPLE.ORG", "alice", "", true },
    { "alice+x+y@example.test", "alice", "x+y", true },
    { "alice+@example.test", "alice", "", true },
    { "a+b@example.test", "alice", "", true },
    { "a+c@example.test", NULL, "c", true },
    { "+x@example.test", NULL, "", true },
    { "\"alice\"@example.test", "alice", "", true },
    { "\"al\\ice\"@example.test", "alice", "", true },
    { "\"alice@example.org\"@example.test", NULL, "", true },
    { "sales+q@example.org", "alice", "q", true },
    { "info@example.org", "alice", "", true },
    { "info@example.test", NULL, "", true },
    { "bob@example.org", "bob@example.org", "", true },
    { "bob+x@example.org", "bob@example.org", "x", true },
    { "bob@example.test", "carol", "", true },
    { "alice@BÜCHER.example", "alice", "", true },
    { "alice@xn--bcher-kva.example", "alice", "", true },
    { "Postmaster@example.org", "alice", "", true },
    { "postmaster", "alice", "", true },
    { "alice", NULL, "", false },
    { "alice@elsewhere.test", NULL, "", false },
    { "alice@[127.0.0.1]", NULL, "", false },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (addresses); i++) {
    char buffer[NAME_LIMIT + 1];
    struct address_parts parts;
    const char *detail;
    bool ours;
    const char *address = addresses[i].address;
    assert_true (address_split (address, strlen (address), buffer, &parts));
    const struct target target = accounts_find_address (accounts, &parts, &detail, &ours);
    if (ours != addresses[i].ours
        || g_strcmp0 (target.account ? target.account->name : NULL, addresses[i].account) != 0
        || (ours && strcmp (detail, addresses[i].detail) != 0))
      fail_msg ("%s", address);
  }
  accounts_unref (accounts);
}

static void
unknown_users_cost_what_most_cost (void **state) {
  (void)state;
  struct accounts *accounts =
      parse_sound ("[a]\npassword = {PLAIN}x\n[b]\npassword = {SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n"
                   "[c]\npassword = {SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n");
  assert_int_equal (accounts->dummy->scheme, SCHEME_SHA);
  accounts_unref (accounts);
  accounts = parse_sound ("# nobody\n");
  assert_true (password_is_slow (accounts->dummy));
  assert_int_equal (accounts->count, 0);
  accounts_unref (accounts);
}

static void
a_hundred_thousand_are_quick (void **state) {
  (void)state;
  g_autoptr (GString) text = g_string_new (NULL);
  for (unsigned i = 0; i < 100000; i++)
    g_string_append_printf (text, "[u%06u]\npassword = {PLAIN}pass\nalias = a%06u\n\n", i, i);
  const gint64 began = g_get_monotonic_time ();
  struct accounts *accounts = parse_sound (text->str);
  print_message ("100000 accounts: %.1f ms\n", (double)(g_get_monotonic_time () - began) / 1000);
  assert_int_equal (accounts->count, 100000);
  assert_non_null (accounts_find_login (accounts, "a099999", NULL));
  accounts_unref (accounts);
}

int
main (void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (everything_is_read),
    cmocka_unit_test (mistakes_are_told),
    cmocka_unit_test (all_mistakes_at_once),
    cmocka_unit_test (addresses_are_found),
    cmocka_unit_test (unknown_users_cost_what_most_cost),
    cmocka_unit_test (a_hundred_thousand_are_quick),
  };
  return cmocka_run_group_tests_name ("directory-file: parsing", tests, NULL, NULL);
}
