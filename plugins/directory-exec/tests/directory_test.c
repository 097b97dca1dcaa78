/* SPDX-License-Identifier: Apache-2.0 */
/* directory_test.c - what the plugin asks for each of its functions, and what it makes of the
 * answers. */
#include "fixture.h"

#include <stdio.h>

static const char *
member (const json_t *question, const char *name) {
  const char *text = json_string_value (json_object_get (question, name));
  return text ? text : "";
}

static bool
is (const json_t *question, const char *name, const char *value) {
  return strcmp (member (question, name), value) == 0;
}

/* A directory that knows everything but hello, address and send-as. */
static bool
good_program (int fd, const json_t *question, void *data) {
  const char *name = member (question, "name");
  if (is (question, "op", "account")) {
    if (g_str_has_prefix (name, "alice") || strcmp (name, "sales@example.org") == 0
        || (strcmp (name, "info") == 0 && is (question, "domain", "example.test")))
      return fixture_say (fd, question, "ok",
                          "\"account\":{\"name\":\"Alice\",\"address\":\"alice@example.org\","
                          "\"attributes\":{\"quota.octets\":\"5\"},\"groups\":[\"staff\"],"
                          "\"delegates\":[\"BOB\"],\"readers\":[\"carol\"],\"unknown\":[1,{}]}");
    if (g_str_has_prefix (name, "bob"))
      return fixture_say (fd, question, "ok",
                          "\"account\":{\"name\":\"bob\",\"protocols\":[\"imap\",\"gopher\"]}");
    if (strcmp (name, "carol") == 0)
      return fixture_say (fd, question, "ok",
                          "\"account\":{\"name\":\"carol\",\"server\":\"mx2.example.test\"}");
    if (strcmp (name, "dave") == 0)
      return fixture_say (fd, question, "ok", "\"account\":{\"name\":\"dave\",\"disabled\":true}");
    return fixture_say (fd, question, "not-found", "");
  }
  if (is (question, "op", "verify")) {
    assert (is (question, "service", "imap"));
    if (is (question, "password_base64", "/w=="))
      return fixture_say (fd, question, "ok", "");
    if (is (question, "password", "old"))
      return fixture_say (fd, question, "expired", "");
    if (is (question, "password", "off"))
      return fixture_say (fd, question, "disabled", "\"text\":\"on leave\"");
    return fixture_say (fd, question, is (question, "password", "right") ? "ok" : "wrong", "");
  }
  if (is (question, "op", "secret")) {
    if (is (question, "name", "dave"))
      return fixture_say (fd, question, "disabled", "\"secrets\":[\"one\"]");
    if (is (question, "scheme", "NT"))
      return fixture_say (fd, question, "ok",
                          "\"secrets\":[\"00\",\"000102030405060708090a0b0c0d0e0f\"]");
    return fixture_say (fd, question, "ok", "\"secrets\":[\"one\",\"two\"]");
  }
  if (is (question, "op", "delegate"))
    return is (question, "account", "carol")
               ? fixture_say (fd, question, "ok", "\"access\":\"read\"")
               : fixture_say (fd, question, "denied", "");
  if (is (question, "op", "ntlm")) {
    assert (is (question, "challenge", "0102030405060708") && is (question, "nt", "ff"));
    return fixture_say (fd, question, "ok",
                        "\"session_base_key\":\"0f0e0d0c0b0a09080706050403020100\"");
  }
  if (is (question, "op", "list")) {
    if (is (question, "after", "zz"))
      return fixture_say (fd, question, "ok", "\"accounts\":[\"b\",\"a\"]");
    return is (question, "after", "")
               ? fixture_say (fd, question, "ok", "\"accounts\":[\"alice\",\"bob\"]")
               : fixture_say (fd, question, "ok", "\"accounts\":[]");
  }
  return fixture_say (fd, question, "unsupported", "");
}

static void
logins_are_split (void **state) {
  (void)state;
  static const struct {
    const char *login;
    ptn_status status;
    const char *authcid, *account, *domain;
  } cases[] = {
    { "alice", PTN_OK, "alice", "alice", "" },
    { "ALICE@example.org", PTN_OK, "alice", "alice", "" },
    { "EXAMPLE\\info", PTN_OK, "alice", "alice", "EXAMPLE" },
    { "info", PTN_E_NOT_FOUND, NULL, NULL, NULL },
    { "bob", PTN_OK, "bob", "bob", "EXAMPLE" },
    { "example/bob\\alice", PTN_OK, "bob", "alice", "EXAMPLE" },
    { "bob@example.test/alice@example.org", PTN_OK, "bob", "alice", "EXAMPLE" },
    { "bob@elsewhere.test", PTN_E_NOT_FOUND, NULL, NULL, NULL },
    { "OTHER\\bob", PTN_E_NOT_FOUND, NULL, NULL, NULL },
    { "guest", PTN_E_NOT_FOUND, NULL, NULL, NULL },
    { "EXAMPLE\\Anonymous", PTN_E_NOT_FOUND, NULL, NULL, NULL },
    { "", PTN_E_NOT_FOUND, NULL, NULL, NULL },
  };
  struct fixture *f = fixture_new (good_program, NULL);
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    struct ptn_identity identity;
    const ptn_status status = fixture_login (f, cases[i].login, &identity);
    if (status != cases[i].status)
      fail_msg ("%s: %d", cases[i].login, status);
    if (status != PTN_OK)
      continue;
    assert_string_equal (identity.authcid, cases[i].authcid);
    assert_string_equal (identity.account, cases[i].account);
    assert_string_equal (identity.domain, cases[i].domain);
  }
  fixture_free (f);
}

/* The time of a question more would tell who is known. */
static void
nobody_costs_as_many_questions (void **state) {
  (void)state;
  static const char *const cases[][2] = {
    { "EXAMPLE/bob/alice", "EXAMPLE/nobody/alice" },
    { "bob@example.test/nobody", "nobody@example.test/nobody" },
    { "bob", "nobody" },
  };
  struct fixture *f = fixture_new (good_program, NULL);
  struct ptn_identity identity;
  fixture_login (f, "bob", &identity); /* hello */
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    const int before = g_atomic_int_get (&f->questions);
    fixture_login (f, cases[i][0], &identity);
    const int between = g_atomic_int_get (&f->questions);
    assert_int_equal (fixture_login (f, cases[i][1], &identity), PTN_E_NOT_FOUND);
    assert_int_equal (g_atomic_int_get (&f->questions) - between, between - before);
  }
  fixture_free (f);
}

static void
access_is_settled (void **state) {
  (void)state;
  static const struct {
    const char *service, *user, *mailbox;
    ptn_access granted;
    ptn_status status;
    ptn_access access;
  } cases[] = {
    { "imap", "alice", "alice", 0, PTN_OK, PTN_ACCESS_FULL },
    { "imap", "bob", "alice", 0, PTN_OK, PTN_ACCESS_FULL },
    { "imap", "alice", "bob", 0, PTN_E_DENIED, 0 },
    { "imap", "alice", "bob", PTN_ACCESS_READ, PTN_OK, PTN_ACCESS_READ },
    { "imap", "bob", "alice", PTN_ACCESS_READ, PTN_OK, PTN_ACCESS_FULL },
    { "pop", "bob", "bob", 0, PTN_E_PROTOCOL_OFF, 0 },
    { "other", "bob", "bob", 0, PTN_OK, PTN_ACCESS_FULL },
    { "imap", "carol", "carol", 0, PTN_E_ELSEWHERE, 0 },
    { "imap", "bob", "carol", 0, PTN_E_ELSEWHERE, 0 },
    { "imap", "dave", "dave", 0, PTN_E_DISABLED, 0 },
    { "imap", "gone", "gone", 0, PTN_E_DENIED, 0 },
  };
  struct fixture *f = fixture_new (good_program, NULL);
  const struct ptn_directory *directory = f->directory.table;
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    struct ptn_identity identity = { .size = sizeof identity,
                                     .authcid = cases[i].user,
                                     .authzid = cases[i].user,
                                     .domain = "",
                                     .account = cases[i].mailbox,
                                     .access = cases[i].granted };
    f->request.service = cases[i].service;
    const ptn_status status =
        HARNESS_AWAIT (f->task, directory->authorize (f->directory.instance, &f->call, &f->request,
                                                      &identity));
    if (status != cases[i].status || (status == PTN_OK && identity.access != cases[i].access))
      fail_msg ("%zu: %d, access %u", i, status, identity.access);
    if (strcmp (cases[i].mailbox, "alice") == 0) {
      assert_string_equal (identity.attributes.items[0], "quota.octets=5");
      assert_int_equal (identity.groups.count, strcmp (cases[i].user, "alice") == 0);
    }
    if (status == PTN_E_ELSEWHERE)
      assert_string_equal (identity.attributes.items[0], "server=mx2.example.test");
    f->host->call_end (&f->call);
  }
  fixture_free (f);
}

static void
addresses_resolve (void **state) {
  (void)state;
  struct fixture *f = fixture_new (good_program, (const char *const[]){ "postmaster=bob", NULL });
  const struct ptn_directory *directory = f->directory.table;
  const struct ptn_account_info *const *found;
  size_t count;
#define RESOLVE(address)  \
  HARNESS_AWAIT (f->task, \
                 directory->resolve (f->directory.instance, &f->call, (address), &found, &count))
  assert_int_equal (RESOLVE ("Sales+a+b@example.org"), PTN_OK);
  assert_int_equal (count, 1);
  assert_string_equal (found[0]->account, "alice");
  assert_string_equal (found[0]->address, "alice@example.org");
  assert_string_equal (found[0]->detail, "a+b");
  assert_int_equal (RESOLVE ("bob@example.org"), PTN_OK);
  assert_string_equal (found[0]->address, "bob@example.test");
  assert_string_equal (found[0]->detail, "");
  assert_int_equal (RESOLVE ("postmaster"), PTN_OK);
  assert_string_equal (found[0]->account, "bob");
  assert_int_equal (RESOLVE ("nobody@example.test"), PTN_E_NOT_FOUND);
  assert_int_equal (RESOLVE ("bob@elsewhere.test"), PTN_E_UNSUPPORTED);
  assert_int_equal (RESOLVE ("\xff@example.test"), PTN_E_UNSUPPORTED);

  static const struct {
    const char *user, *mailbox, *address;
    ptn_status status;
  } cases[] = {
    { "alice", "alice", "", PTN_OK },
    { "alice", "alice", "alice+x@example.test", PTN_OK },
    { "bob", "bob", "sales@example.org", PTN_OK }, /* her delegate */
    { "alice", "alice", "bob@example.org", PTN_E_DENIED },
    { "alice", "bob", "bob@example.org", PTN_OK },
    { "alice", "alice", "x@elsewhere.test", PTN_E_DENIED },
    { "alice", "alice", "\xff@example.test", PTN_E_DENIED },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    const struct ptn_identity identity = { .size = sizeof identity,
                                           .authcid = cases[i].user,
                                           .authzid = cases[i].user,
                                           .domain = "",
                                           .account = cases[i].mailbox };
    f->host->call_end (&f->call);
    const ptn_status status =
        HARNESS_AWAIT (f->task, directory->may_send_as (f->directory.instance, &f->call, &identity,
                                                        cases[i].address));
    if (status != cases[i].status)
      fail_msg ("%zu: %d", i, status);
  }
  const struct ptn_identity reader = { .size = sizeof reader,
                                       .authcid = "carol",
                                       .authzid = "carol",
                                       .domain = "",
                                       .account = "alice",
                                       .access = PTN_ACCESS_READ };
  f->host->call_end (&f->call);
  assert_int_equal (HARNESS_AWAIT (f->task, directory->may_send_as (f->directory.instance, &f->call,
                                                                    &reader, "alice@example.org")),
                    PTN_E_DENIED);
  fixture_free (f);
}

static void
accounts_are_listed (void **state) {
  (void)state;
  struct fixture *f = fixture_new (good_program, NULL);
  const struct ptn_directory *directory = f->directory.table;
  struct ptn_strings names;
#define LIST(after)       \
  HARNESS_AWAIT (f->task, \
                 directory->list_accounts (f->directory.instance, &f->call, (after), &names))
  assert_int_equal (LIST (""), PTN_OK);
  assert_int_equal (names.count, 2);
  assert_string_equal (names.items[1], "bob");
  assert_int_equal (LIST ("bob"), PTN_END);
  assert_int_equal (LIST ("zz"), PTN_E_TEMPORARY);
  assert_int_equal (LIST ("\xff"), PTN_E_TEMPORARY);
  fixture_free (f);
}

static void
passwords_are_asked_for (void **state) {
  (void)state;
  struct fixture *f = fixture_new (good_program, NULL);
  assert_int_equal (fixture_verify (f, "alice", "right"), PTN_OK);
  assert_int_equal (fixture_verify (f, "alice", "falsch"), PTN_E_AUTHENTICATION);
  assert_int_equal (fixture_verify (f, "alice", "old"), PTN_E_PASSWORD_EXPIRED);
  assert_int_equal (fixture_verify (f, "alice", "off"), PTN_E_DISABLED);
  assert_string_equal (f->host->failure_log (f->task), "on leave");
  assert_int_equal (fixture_verify (f, "alice", "\xff"), PTN_OK);
  assert_int_equal (fixture_verify (f, "alice", ""), PTN_E_AUTHENTICATION);
  assert_int_equal (fixture_verify (f, NULL, "right"), PTN_E_AUTHENTICATION);
  assert_int_equal (f->connections, 1);
  g_autofree char *log = harness_log_take (f->harness);
  assert_null (strstr (log, "right"));
  fixture_free (f);
}

struct tried {
  GString *text;
  ptn_status status;
};

static ptn_status
try_secret (void *argument, struct ptn_bytes secret) {
  struct tried *tried = argument;
  g_string_append_len (tried->text, secret.data, (gssize)secret.size);
  g_string_append_c (tried->text, ' ');
  return tried->status;
}

static ptn_status
with_secret (struct fixture *f, const char *user, const char *scheme, ptn_status used,
             GString *text) {
  const struct ptn_credentials *credentials = f->credentials.table;
  struct tried tried = { text, used };
  g_string_truncate (text, 0);
  const ptn_status status =
      HARNESS_AWAIT (f->task,
                     credentials->with_secret (f->credentials.instance, &f->call, &f->request, "",
                                               user, scheme, try_secret, &tried));
  f->host->call_end (&f->call);
  return status;
}

static void
secrets_are_used (void **state) {
  (void)state;
  struct fixture *f =
      fixture_new (good_program, (const char *const[]){ "schemes=PLAIN NT NTLM", NULL });
  const struct ptn_credentials *credentials = f->credentials.table;
  g_autoptr (GString) text = g_string_new (NULL);
  assert_string_equal (credentials->schemes, "PLAIN NT NTLM");
  assert_true (credentials->flags & PTN_CREDENTIALS_SLOW);
  assert_int_equal (with_secret (f, "alice", "PLAIN", PTN_OK, text), PTN_OK);
  assert_string_equal (text->str, "one ");
  assert_int_equal (with_secret (f, "alice", "PLAIN", PTN_E_AUTHENTICATION, text),
                    PTN_E_AUTHENTICATION);
  assert_string_equal (text->str, "one two ");
  assert_int_equal (with_secret (f, "alice", "NT", PTN_OK, text), PTN_OK);
  assert_memory_equal (text->str, "\0\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17 ", 17);
  assert_int_equal (with_secret (f, "dave", "PLAIN", PTN_OK, text), PTN_E_DISABLED);
  assert_int_equal (with_secret (f, "dave", "PLAIN", PTN_E_AUTHENTICATION, text),
                    PTN_E_AUTHENTICATION);
  assert_int_equal (with_secret (f, NULL, "PLAIN", PTN_OK, text), PTN_E_AUTHENTICATION);
  assert_string_equal (text->str, "");

  const struct ptn_ntlm_response response = { .size = sizeof response,
                                              .domain = "EXAMPLE",
                                              .user = "alice",
                                              .workstation = "",
                                              .challenge = { "\1\2\3\4\5\6\7\10", 8 },
                                              .lm = { "", 0 },
                                              .nt = { "\xff", 1 } };
  struct ptn_ntlm_proof proof;
  assert_int_equal (HARNESS_AWAIT (f->task, credentials->verify_ntlm (f->credentials.instance,
                                                                      &f->call, &f->request, "",
                                                                      "alice", &response, &proof)),
                    PTN_OK);
  assert_int_equal (proof.has_session_base_key, 1);
  assert_int_equal (proof.session_base_key[0], 15);
  fixture_free (f);
}

int
main (int argc, char **argv) {
  (void)argc;
  fixture_module = argv[1];
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (logins_are_split),    cmocka_unit_test (nobody_costs_as_many_questions),
    cmocka_unit_test (access_is_settled),   cmocka_unit_test (addresses_resolve),
    cmocka_unit_test (accounts_are_listed), cmocka_unit_test (passwords_are_asked_for),
    cmocka_unit_test (secrets_are_used),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
