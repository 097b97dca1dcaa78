/* SPDX-License-Identifier: Apache-2.0 */
/* names_test.c - every form of a login name, over the USER/PASS path and over PLAIN with an
 * authorization identity: who is it, and whose mailbox opens. */
#include "fixture.h"

static const char accounts[] = "[alice]\n"
                               "password = {PLAIN}pass\n"
                               "alias = al, a.adams@example.org, Straße\n"
                               "\n"
                               "[bob]\n"
                               "password = {PLAIN}pass\n"
                               "alias = robert\n"
                               "delegates = alice\n"
                               "\n"
                               "[carol@example.org]\n"
                               "password = {PLAIN}pass\n"
                               "\n"
                               "[administrator]\n"
                               "password = {PLAIN}pass\n"
                               "\n"
                               "[nopop]\n"
                               "password = {PLAIN}pass\n"
                               "protocols = imap smtp\n"
                               "\n"
                               "[off]\n"
                               "password = {PLAIN}pass\n"
                               "disabled = yes\n"
                               "\n"
                               "[old]\n"
                               "password = {PLAIN}pass\n"
                               "expired = 2020-01-01\n"
                               "\n"
                               "[away]\n"
                               "password = {PLAIN}pass\n"
                               "server = back2.example.test\n"
                               "\n"
                               "[kate]\n"
                               "password = {PLAIN}pass\n"
                               "\n"
                               "[\u00c5ngstr\u00f6m]\n"
                               "password = {PLAIN}pass\n"
                               "\n"
                               "[nopassword]\n"
                               "[dave]\n"
                               "password = {PLAIN}pass\n"
                               "alias = guest@example.test\n"
                               "[group staff]\n"
                               "members = alice bob\n";

#define SELF "alice alice EXAMPLE alice"
#define BOBS "alice alice EXAMPLE bob"

static const struct {
  const char *name, *who; /* who NULL: refused as a wrong password */
} names[] = {
  { "alice", SELF },
  { "ALICE", SELF },
  { "al", SELF },
  { "straße", SELF },
  { "STRAßE", SELF },
  { "alice@example.test", SELF },
  { "Alice@Example.ORG", SELF },
  { "a.adams@example.org", SELF },
  { "EXAMPLE\\alice", SELF },
  { "example/ALICE", SELF },
  { "EXAMPLE\\al", SELF },
  { "example.test\\alice", SELF },
  { "EXAMPLE\\alice@example.test", SELF },
  { "EXAMPLE\\alice\\alice", SELF },
  { "EXAMPLE\\alice\\bob", BOBS },
  { "EXAMPLE/alice/bob", BOBS },
  { "EXAMPLE\\alice/robert", BOBS },
  { "EXAMPLE/alice\\bob@example.org", BOBS },
  { "alice@example.test/bob", BOBS },
  { "alice@example.test\\robert", BOBS },
  { "alice@example.test/bob@example.test", BOBS },
  { "carol@example.org", "carol@example.org carol@example.org  carol@example.org" },
  { "\u212bngstr\u00f6m", "\u00e5ngstr\u00f6m \u00e5ngstr\u00f6m EXAMPLE \u00e5ngstr\u00f6m" },
  /* Nobody, or not allowed. */
  { "\u212aate", NULL }, /* the Kelvin sign is no k */
  { "kate@example.test/\u212aate", NULL },
  { "bob@example.test/alice", NULL },
  { "EXAMPLE/bob/alice", NULL },
  { "alice@example.test/nobody", NULL },
  { "carol", NULL },
  { "carol@example.test", NULL },
  { "EXAMPLE\\carol", NULL },
  { "a.adams@example.test", NULL },
  { "alice@elsewhere.test", NULL },
  { "OTHER\\alice", NULL },
  { "OTHER/alice/bob", NULL },
  { "alice/bob", NULL },
  { "nobody", NULL },
  { "staff", NULL },
  { "nopop", NULL },
  { "off", NULL },
  { "nopassword", NULL },
  { "administrator", NULL },
  { "anonymous", NULL },
  { "guest", NULL },
  { "Guest@example.test", NULL },
  { "EXAMPLE\\Guest", NULL },
  { "EXAMPLE\\Guest\\alice", NULL },
  { "EXAMPLE\\alice\\anonymous", NULL },
  { "dave/guest", NULL },
  /* Malformed. */
  { "/", NULL },
  { "\\", NULL },
  { "alice/", NULL },
  { "/alice", NULL },
  { "EXAMPLE\\\\alice", NULL },
  { "EXAMPLE\\alice\\", NULL },
  { "\\alice\\bob", NULL },
  { "EXAMPLE\\alice\\bob\\x", NULL },
  { "alice@example.test/bob/x", NULL },
  { "@", NULL },
  { "@example.test", NULL },
  { "alice@", NULL },
  { "alice@@example.test", NULL },
  { "alice@example.test@example.org", NULL },
  { "alice@example.test/@", NULL },
  { " alice", NULL },
  { "alice+x", NULL },
};

static void
forms_are_understood (void **state) {
  (void)state;
  struct fixture *fixture =
      fixture_new (accounts, (const char *[]){ "failure_delay=0", NULL }, NULL);
  for (size_t i = 0; i < G_N_ELEMENTS (names); i++) {
    g_autofree char *who = NULL;
    const ptn_status status = fixture_login (fixture, names[i].name, "pass", &who);
    if (status != (names[i].who ? PTN_END : PTN_E_AUTHENTICATION))
      fail_msg ("'%s': status %d", names[i].name, status);
    if (names[i].who)
      assert_string_equal (who, names[i].who);
    assert_int_equal (fixture_login (fixture, names[i].name, "wrong", NULL), PTN_E_AUTHENTICATION);
  }
  assert_int_equal (fixture_login (fixture, "old", "pass", NULL), PTN_E_PASSWORD_EXPIRED);
  assert_int_equal (fixture_login (fixture, "old", "wrong", NULL), PTN_E_AUTHENTICATION);
  g_autofree char *where = NULL;
  assert_int_equal (fixture_login (fixture, "away", "pass", &where), PTN_E_ELSEWHERE);
  assert_string_equal (where, "away server=back2.example.test");
  assert_int_equal (fixture_login (fixture, "away", "wrong", NULL), PTN_E_AUTHENTICATION);

  g_autofree char *who = NULL;
  fixture->request.service = "smtp";
  assert_int_equal (fixture_login (fixture, "nopop", "pass", NULL), PTN_END);
  assert_int_equal (fixture_login (fixture, "administrator", "pass", &who), PTN_END);
  fixture_free (fixture);
}

static const struct {
  const char *message;
  size_t size;
  const char *who;
  ptn_status status;
} messages[] = {
#define MESSAGE(text) text, sizeof text - 1
  { MESSAGE ("\0alice\0pass"), SELF, PTN_END },
  { MESSAGE ("alice\0alice\0pass"), "alice alice EXAMPLE alice", PTN_END },
  { MESSAGE ("bob\0alice\0pass"), "alice bob EXAMPLE bob", PTN_END },
  { MESSAGE ("EXAMPLE\\robert\0al\0pass"), "alice bob EXAMPLE bob", PTN_END },
  { MESSAGE ("bob@example.org\0EXAMPLE/alice\0pass"), "alice bob EXAMPLE bob", PTN_END },
  { MESSAGE ("bob\0EXAMPLE/alice/bob\0pass"), "alice bob EXAMPLE bob", PTN_END },
  { MESSAGE ("alice\0EXAMPLE/alice/bob\0pass"), NULL, PTN_E_AUTHENTICATION },
  { MESSAGE ("EXAMPLE/alice/bob\0alice\0pass"), "alice bob EXAMPLE bob", PTN_END },
  { MESSAGE ("EXAMPLE/bob/alice\0alice\0pass"), NULL, PTN_E_AUTHENTICATION },
  { MESSAGE ("alice\0bob\0pass"), NULL, PTN_E_AUTHENTICATION },
  { MESSAGE ("nobody\0alice\0pass"), NULL, PTN_E_AUTHENTICATION },
  { MESSAGE ("anonymous\0alice\0pass"), NULL, PTN_E_AUTHENTICATION },
  { MESSAGE ("bob\0alice\0wrong"), NULL, PTN_E_AUTHENTICATION },
  { MESSAGE ("\0alice\0pas"), NULL, PTN_E_AUTHENTICATION },
  { MESSAGE ("\0alice\0passx"), NULL, PTN_E_AUTHENTICATION },
  { MESSAGE (""), NULL, PTN_E_INVALID },
  { MESSAGE ("\0"), NULL, PTN_E_INVALID },
  { MESSAGE ("\0\0"), NULL, PTN_E_INVALID },
  { MESSAGE ("\0\0pass"), NULL, PTN_E_INVALID },
  { MESSAGE ("\0alice\0"), NULL, PTN_E_INVALID },
  { MESSAGE ("\0alice"), NULL, PTN_E_INVALID },
  { MESSAGE ("alice\0pass"), NULL, PTN_E_INVALID },
  { MESSAGE ("\0alice\0pass\0"), NULL, PTN_E_INVALID },
  { MESSAGE ("\0alice\0pass\0x"), NULL, PTN_E_INVALID },
  { MESSAGE ("\0al\xff\0pass"), NULL, PTN_E_INVALID },
  { MESSAGE ("al\xe4\0alice\0pass"), NULL, PTN_E_INVALID },
  { MESSAGE ("\0ali\nce\0pass"), NULL, PTN_E_INVALID },
};

static void
plain_is_taken_apart (void **state) {
  (void)state;
  struct fixture *fixture =
      fixture_new (accounts, (const char *[]){ "failure_delay=0", NULL }, NULL);
  for (size_t i = 0; i < G_N_ELEMENTS (messages); i++) {
    g_autofree char *who = NULL;
    const ptn_status status =
        fixture_sasl (fixture, "PLAIN", messages[i].message, messages[i].size, &who);
    if (status != messages[i].status)
      fail_msg ("message %zu: status %d", i, status);
    if (messages[i].who)
      assert_string_equal (who, messages[i].who);
  }
  /* Lengths at the limits. */
  g_autoptr (GString) message = g_string_new (NULL);
  for (size_t length = 510; length < 1030; length++) {
    g_string_truncate (message, 0);
    g_string_append_c (message, '\0');
    for (size_t i = 0; i < length; i++)
      g_string_append_c (message, 'a');
    g_string_append_len (message, "\0pass", 5);
    assert_int_equal (fixture_sasl (fixture, "PLAIN", message->str, message->len, NULL),
                      length <= 512 ? PTN_E_AUTHENTICATION : PTN_E_INVALID);
    g_string_truncate (message, 0);
    g_string_append_len (message, "\0alice\0", 7);
    for (size_t i = 0; i < length; i++)
      g_string_append_c (message, 'a');
    assert_int_equal (fixture_sasl (fixture, "PLAIN", message->str, message->len, NULL),
                      length <= 1024 ? PTN_E_AUTHENTICATION : PTN_E_INVALID);
  }
  fixture_free (fixture);
}

int
main (int count, char **arguments) {
  fixture_directory_module = arguments[1];
  fixture_auth_module = arguments[2];
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (forms_are_understood),
    cmocka_unit_test (plain_is_taken_apart),
  };
  return cmocka_run_group_tests_name ("auth: names", tests, NULL, NULL);
}
