/* SPDX-License-Identifier: Apache-2.0 */
/* lookups_test.c - what a directory server is asked during logins, counted by the server itself: as much
 * of a name that nobody has as of a user's; and what happens when it goes and comes back. */
#include "mock.h"

#include "harness/harness.h"

#include <assert.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

/* libldap has Cyrus SASL load its mechanisms, and Kerberos keeps a few octets of that. */
const char *__lsan_default_suppressions (void);
const char *
__lsan_default_suppressions (void) {
  return "leak:libkrb5support\nleak:libgssapi_krb5\nleak:libsasl2\n";
}

static const char *module;

/* ---- The server: Active Directory with one user ------------------------------------------- */

#define ALICE "CN=Alice,DC=example,DC=test"
#define SMITH "CN=Smith\\, J\\C3\\B6rg \\22x\\22\\00 \\#1\\+\\3D,DC=example,DC=test"
#define SERVICE "CN=postern,DC=example,DC=test"
#define OCTETS(text) \
  { sizeof (text) - 1, (char *)(text) }

struct domain { /* what it was asked */
  gint names, tokens, groups, others, binds, anonymous;
  gint hellos; /* StartTLS: refused, or followed by an answer that nobody asked for yet */
  gint greedy; /* 1: the latter */
};

static bool
has (const struct berval *octets, const char *text) {
  return memmem (octets->bv_val, octets->bv_len, text, strlen (text)) != NULL;
}

static bool
equals (const struct berval *octets, const char *text) {
  return octets->bv_len == strlen (text) && memcmp (octets->bv_val, text, octets->bv_len) == 0;
}

static bool
answer_bind (struct domain *domain, int fd, ber_int_t id, BerElement *body) {
  ber_int_t version;
  struct berval dn, password;
  if (ber_scanf (body, "{imm", &version, &dn, &password) == LBER_ERROR)
    return false;
  int code = LDAP_INVALID_CREDENTIALS;
  if (password.bv_len == 0) {
    g_atomic_int_inc (&domain->anonymous);
    code = LDAP_SUCCESS; /* RFC 4513, 5.1.2: to whatever name */
  } else if (equals (&dn, SERVICE)) {
    code = LDAP_SUCCESS;
  } else {
    g_atomic_int_inc (&domain->binds);
    const bool known = equals (&dn, ALICE) || equals (&dn, SMITH);
    code = known && equals (&password, "wonderland") ? LDAP_SUCCESS : code;
  }
  return mock_done (fd, id, LDAP_RES_BIND, code, "", NULL);
}

static const struct mock_value nothing[] = { { NULL } };

static bool
done (int fd, ber_int_t id, int code) {
  return mock_done (fd, id, LDAP_RES_SEARCH_RESULT, code, "", NULL);
}

/* There is more at another server, which would be us: nobody is to go there. */
static bool
put_reference (int fd, ber_int_t id) {
  BerElement *ber = ber_alloc_t (LBER_USE_DER);
  struct berval message;
  ber_printf (ber, "{it{s}}", id, (ber_tag_t)LDAP_RES_SEARCH_REFERENCE,
              "ldap://127.0.0.1:1/DC=forest,DC=example,DC=test");
  const bool good = ber_flatten2 (ber, &message, 0) == 0 && mock_put (fd, &message);
  ber_free (ber, 1);
  return good;
}

static bool
answer_name (int fd, ber_int_t id, const struct berval *filter) {
  static const struct mock_value alice[] = { { "sAMAccountName", OCTETS ("alice") },
                                             { "memberOf", OCTETS ("CN=Staff,DC=example,DC=test") },
                                             { NULL } };
  static const struct mock_value smith[] = { { "sAMAccountName", OCTETS ("smith") },
                                             { "mail", OCTETS ("jsmith@example.test") },
                                             { NULL } };
  if (has (filter, "elsewhere"))
    return done (fd, id, LDAP_REFERRAL);
  if (has (filter, "many"))
    return mock_entry (fd, id, ALICE, alice) && done (fd, id, LDAP_SIZELIMIT_EXCEEDED);
  if (has (filter, "slow"))
    return done (fd, id, LDAP_TIMELIMIT_EXCEEDED);
  static const struct mock_value twin[] = { { "sAMAccountName", OCTETS ("twin") },
                                            { "mail", OCTETS ("first@example.test") },
                                            { NULL } };
  static const struct mock_value other[] = { { "sAMAccountName", OCTETS ("twin") },
                                             { "mail", OCTETS ("second@example.test") },
                                             { NULL } };
  bool good = put_reference (fd, id);
  if (has (filter, "first") || has (filter, "twin"))
    good = good && mock_entry (fd, id, ALICE, twin);
  if (has (filter, "second") || has (filter, "twin"))
    good = good && mock_entry (fd, id, SMITH, other);
  if (has (filter, "alice"))
    good = good && mock_entry (fd, id, ALICE, alice);
  if (has (filter, "smith"))
    good = good && mock_entry (fd, id, SMITH, smith);
  if (has (filter, "twice") && has (filter, "group"))
    good = good && mock_entry (fd, id, "CN=One,DC=example,DC=test", nothing)
           && mock_entry (fd, id, "CN=Two,DC=example,DC=test", nothing);
  return good && done (fd, id, 0);
}

static bool
answer_search (struct domain *domain, int fd, ber_int_t id, BerElement *body) {
  static const struct mock_value token[] = {
    { "tokenGroups", OCTETS ("\1\2\0\0\0\0\0\5\x20\0\0\0\x21\2\0\0") }, { NULL }
  };
  struct berval base, filter;
  ber_int_t scope, dereference, limit, time, names_only;
  if (ber_scanf (body, "{meeiib", &base, &scope, &dereference, &limit, &time, &names_only)
          == LBER_ERROR
      || ber_peek_element (body, &filter) == LBER_ERROR)
    return false;
  if (has (&filter, "objectSid")) {
    g_atomic_int_inc (&domain->groups);
    return mock_entry (fd, id, "CN=Everybody,DC=example,DC=test", nothing) && done (fd, id, 0);
  }
  if (scope == LDAP_SCOPE_BASE) {
    g_atomic_int_inc (equals (&base, ALICE) ? &domain->tokens : &domain->others);
    return mock_entry (fd, id, ALICE, token) && done (fd, id, 0);
  }
  g_atomic_int_inc (&domain->names);
  return answer_name (fd, id, &filter);
}

/* With one segment: the answer to the bind that is to come, in clear. */
static bool
answer_hello (struct domain *domain, int fd, ber_int_t id) {
  g_atomic_int_inc (&domain->hellos);
  if (!g_atomic_int_get (&domain->greedy))
    return mock_done (fd, id, LDAP_RES_EXTENDED, LDAP_PROTOCOL_ERROR, "", NULL);
  return mock_done (fd, id, LDAP_RES_EXTENDED, LDAP_SUCCESS, "", NULL)
         && mock_done (fd, id + 1, LDAP_RES_BIND, LDAP_SUCCESS, "", NULL)
         && mock_done (fd, id + 2, LDAP_RES_SEARCH_RESULT, LDAP_SUCCESS, "", NULL);
}

static bool
answer (void *data, int fd, ber_int_t id, ber_tag_t request, BerElement *body) {
  switch (request) {
  case LDAP_REQ_BIND:
    return answer_bind (data, fd, id, body);
  case LDAP_REQ_SEARCH:
    return answer_search (data, fd, id, body);
  case LDAP_REQ_EXTENDED:
    return answer_hello (data, fd, id);
  default:
    return false;
  }
}

/* ---- The plugin --------------------------------------------------------------------------- */

struct fixture {
  struct domain domain;
  struct mock *mock;
  struct harness *harness;
  struct ptn_binding directory, credentials;
  struct ptn_task *task;
  struct ptn_call call;
  struct ptn_sasl_request request;
};

#define IN_CLEAR "start_tls=no"

static struct fixture *
fixture_new (const char *more, const char *tls) {
  struct fixture *fixture = g_new0 (struct fixture, 1);
  fixture->mock = mock_new (answer, &fixture->domain);
  fixture->harness = harness_new ();
  g_autofree char *servers =
      g_strdup_printf ("servers=ldap://127.0.0.1:%u", mock_port (fixture->mock));
  const char *settings[] = { servers,
                             "cleartext=yes",
                             "timeout=10s",
                             "retry=500ms",
                             "preset=active-directory",
                             "base=DC=example,DC=test",
                             "domains=example.test",
                             "bind_dn=" SERVICE,
                             "bind_password=secret",
                             "nested_groups=yes",
                             more,
                             tls,
                             NULL };
  assert_int_equal (harness_load (fixture->harness, module, settings), PTN_OK);
  assert_int_equal (harness_start (fixture->harness), PTN_OK);
  fixture->directory = harness_find (fixture->harness, PTN_DIRECTORY_ID, NULL);
  fixture->credentials = harness_find (fixture->harness, PTN_CREDENTIALS_ID, NULL);
  fixture->task = harness_task_new (fixture->harness);
  fixture->call.task = fixture->task;
  fixture->request = (struct ptn_sasl_request){ .size = sizeof fixture->request,
                                                .service = "imap",
                                                .server_name = "mail.example.test" };
  return fixture;
}

static void
end_call (struct fixture *fixture) {
  harness_host (fixture->harness)->call_end (&fixture->call);
}

static void
fixture_free (struct fixture *fixture) {
  end_call (fixture);
  harness_task_free (&fixture->task);
  harness_free (&fixture->harness);
  mock_free (&fixture->mock);
  g_free (fixture);
}

static struct domain
asked (struct fixture *fixture) {
  const struct domain so_far = fixture->domain;
  fixture->domain = (struct domain){ 0 };
  return so_far;
}

static ptn_status
login (struct fixture *fixture, const char *name) {
  const struct ptn_directory *directory = fixture->directory.table;
  struct ptn_identity identity = { .size = sizeof identity };
  const ptn_status status =
      HARNESS_AWAIT (fixture->task, directory->parse_login (fixture->directory.instance,
                                                            &fixture->call, name, &identity));
  end_call (fixture);
  return status;
}

static ptn_status
verify (struct fixture *fixture, const char *user, const char *password) {
  const struct ptn_credentials *credentials = fixture->credentials.table;
  const struct ptn_bytes octets = { password, strlen (password) };
  const ptn_status status =
      HARNESS_AWAIT (fixture->task,
                     credentials->verify_password (fixture->credentials.instance, &fixture->call,
                                                   &fixture->request, NULL, user, octets));
  end_call (fixture);
  return status;
}

/* The groups of a user, divided by spaces; or what went wrong. */
static char *
groups_of (struct fixture *fixture, const char *account) {
  const struct ptn_directory *directory = fixture->directory.table;
  struct ptn_identity identity = {
    .size = sizeof identity, .authcid = account, .authzid = account, .account = account
  };
  const ptn_status status =
      HARNESS_AWAIT (fixture->task,
                     directory->authorize (fixture->directory.instance, &fixture->call,
                                           &fixture->request, &identity));
  GString *text = g_string_new (NULL);
  if (status != PTN_OK)
    g_string_append_printf (text, "%d", status);
  for (size_t i = 0; status == PTN_OK && i < identity.groups.count; i++)
    g_string_append_printf (text, "%s%s", i ? " " : "", identity.groups.items[i]);
  end_call (fixture);
  return g_string_free (text, FALSE);
}

/* ---- Tests -------------------------------------------------------------------------------- */

static void
nobody_costs_as_much_as_a_user (void **state) {
  (void)state;
  static const char *const caches[] = { "cache_entries=100", "cache_entries=0" };
  for (unsigned i = 0; i < G_N_ELEMENTS (caches); i++) {
    struct fixture *fixture = fixture_new (caches[i], IN_CLEAR);
    assert_int_equal (login (fixture, "alice"), PTN_OK);
    assert_int_equal (verify (fixture, "alice", "wrong"), PTN_E_AUTHENTICATION);
    const struct domain user = asked (fixture);
    assert_int_equal (login (fixture, "zoe"), PTN_E_NOT_FOUND);
    assert_int_equal (verify (fixture, NULL, "wrong"), PTN_E_AUTHENTICATION);
    const struct domain nobody = asked (fixture);
    assert_in_range (user.names, 1, 2);
    assert_int_equal (user.binds, 1);
    assert_memory_equal (&user, &nobody, sizeof user);
    fixture_free (fixture);
  }
}

static void
groups_of_groups_are_asked_for_once_a_login (void **state) {
  (void)state;
  struct fixture *fixture = fixture_new ("cache_entries=100", IN_CLEAR);
  for (int i = 0; i < 2; i++) {
    assert_int_equal (login (fixture, "alice"), PTN_OK);
    assert_int_equal (verify (fixture, "alice", "wonderland"), PTN_OK);
    for (int again = 0; again < 2; again++) {
      g_autofree char *groups = groups_of (fixture, "alice");
      assert_string_equal (groups, "staff everybody");
    }
    const struct domain login = asked (fixture);
    assert_int_equal (login.names, 1);
    assert_int_equal (login.tokens, 1);
    assert_int_equal (login.groups, 1);
    assert_int_equal (login.others, 0);
  }
  fixture_free (fixture);
}

static void
a_server_that_is_away_is_remembered (void **state) {
  (void)state;
  struct fixture *fixture = fixture_new ("cache_entries=100", IN_CLEAR);
  assert_int_equal (login (fixture, "alice"), PTN_OK);
  g_autofree char *before = groups_of (fixture, "alice");
  assert_int_equal (login (fixture, "alice"), PTN_OK); /* with whatever password */
  mock_down (fixture->mock);
  assert_int_equal (login (fixture, "alice"), PTN_OK);
  g_autofree char *meanwhile = groups_of (fixture, "alice");
  assert_string_equal (meanwhile, before);
  assert_int_equal (login (fixture, "zoe"), PTN_E_TEMPORARY);
  assert_int_equal (verify (fixture, "alice", "wonderland"), PTN_E_TEMPORARY);
  assert_int_equal (verify (fixture, NULL, "wonderland"), PTN_E_TEMPORARY);
  mock_up (fixture->mock);
  ptn_status status = PTN_E_TEMPORARY;
  for (int i = 0; i < 100 && status == PTN_E_TEMPORARY; i++) {
    g_usleep (100000);
    status = verify (fixture, "alice", "wonderland");
  }
  assert_int_equal (status, PTN_OK);
  g_autofree char *log = harness_log_take (fixture->harness);
  assert_non_null (strstr (log, "ldap.down"));
  assert_non_null (strstr (log, "ldap.up"));
  fixture_free (fixture);
}

/* A server that was started anew has closed the connections that were kept. */
static void
closed_connections_are_no_trouble (void **state) {
  (void)state;
  struct fixture *fixture = fixture_new ("cache_entries=0", IN_CLEAR);
  for (int i = 0; i < 3; i++) {
    assert_int_equal (login (fixture, "alice"), PTN_OK);
    assert_int_equal (verify (fixture, "alice", "wonderland"), PTN_OK);
    assert_int_equal (mock_connections (fixture->mock), 2 * (i + 1));
    mock_hang_up (fixture->mock);
  }
  g_autofree char *log = harness_log_take (fixture->harness);
  assert_null (strstr (log, "ldap."));
  fixture_free (fixture);
}

static void
empty_passwords_never_leave (void **state) {
  (void)state;
  struct fixture *fixture = fixture_new ("cache_entries=100", IN_CLEAR);
  assert_int_equal (login (fixture, "alice"), PTN_OK);
  assert_int_equal (verify (fixture, "alice", ""), PTN_E_AUTHENTICATION);
  assert_int_equal (verify (fixture, NULL, ""), PTN_E_AUTHENTICATION);
  const struct domain saw = asked (fixture);
  assert_int_equal (saw.anonymous, 0);
  assert_int_equal (saw.binds, 0);
  fixture_free (fixture);
}

/* By an address nobody sees that somebody else has the account too, whose mailbox it is. */
static void
an_account_of_two_is_nobodys (void **state) {
  (void)state;
  struct fixture *fixture = fixture_new ("cache_entries=100", IN_CLEAR);
  g_autofree char *temporary = g_strdup_printf ("%d", PTN_E_TEMPORARY);
  assert_int_equal (login (fixture, "twin"), PTN_E_NOT_FOUND);
  static const char *const names[] = { "first@example.test", "second@example.test" };
  for (unsigned i = 0; i < G_N_ELEMENTS (names); i++) {
    assert_int_equal (login (fixture, names[i]), PTN_OK);
    g_autofree char *groups = groups_of (fixture, "twin");
    assert_string_equal (groups, temporary);
    g_autofree char *log = harness_log_take (fixture->harness);
    assert_non_null (strstr (log, "ldap.ambiguous"));
  }
  fixture_free (fixture);
}

static void
that_an_account_is_ones_own_is_remembered (void **state) {
  (void)state;
  struct fixture *fixture = fixture_new ("cache_entries=100", IN_CLEAR);
  for (gint i = 0; i < 2; i++) {
    assert_int_equal (login (fixture, "jsmith@example.test"), PTN_OK);
    g_autofree char *groups = groups_of (fixture, "smith");
    assert_string_equal (groups, "everybody");
    assert_int_equal (asked (fixture).names, i ? 1 : 2);
  }
  fixture_free (fixture);
}

/* Which logins would be one user is told of all, whether there is such a user or not. */
static void
one_spelling_of_all_names (void **state) {
  static const struct {
    const char *login, *spelling;
  } rows[] = {
    { "alice", "alice" },
    { "ALICE@example.test", "alice" },
    { "example.test\\Alice", "alice" },
    { "alice@example.test/nobody", "alice" },
    { "alice@elsewhere.test", "alice@elsewhere.test" },
    { "Other\\alice", "other\\alice" },
    { "nobody", "nobody" },
    { "example.test/NOBODY", "nobody" },
    { "Guest", "guest" },
    { "alice@@example.test", "alice@@example.test" },
  };
  struct fixture *fixture = fixture_new ("cache_entries=100", IN_CLEAR);
  const struct ptn_directory *directory = fixture->directory.table;
  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++) {
    struct ptn_identity identity = { .size = sizeof identity };
    HARNESS_AWAIT (fixture->task,
                   directory->parse_login (fixture->directory.instance, &fixture->call,
                                           rows[i].login, &identity));
    assert_non_null (identity.spelling);
    assert_string_equal (identity.spelling, rows[i].spelling);
    end_call (fixture);
  }
  fixture_free (fixture);
}

/* The name of the entry goes back to the server as it came. */
static void
special_characters_of_names_stay (void **state) {
  (void)state;
  struct fixture *fixture = fixture_new ("cache_entries=100", IN_CLEAR);
  assert_int_equal (login (fixture, "smith"), PTN_OK);
  assert_int_equal (verify (fixture, "smith", "wonderland"), PTN_OK);
  assert_int_equal (verify (fixture, "smith", "wrong"), PTN_E_AUTHENTICATION);
  fixture_free (fixture);
}

/* Half an answer, or none, is no "unknown user": mail would be refused for good. */
static void
incomplete_answers_are_temporary (void **state) {
  (void)state;
  static const char *const names[] = { "elsewhere", "many", "slow" };
  struct fixture *fixture = fixture_new ("cache_entries=100", IN_CLEAR);
  for (unsigned i = 0; i < G_N_ELEMENTS (names); i++) {
    assert_int_equal (login (fixture, names[i]), PTN_E_TEMPORARY);
    g_autofree char *log = harness_log_take (fixture->harness);
    assert_non_null (strstr (log, "ldap.search"));
  }
  assert_int_equal (login (fixture, "alice"), PTN_OK);
  assert_int_equal (mock_connections (fixture->mock), 1); /* nobody went after a referral */
  fixture_free (fixture);
}

static void
two_groups_of_one_address_are_temporary (void **state) {
  (void)state;
  struct fixture *fixture = fixture_new ("cache_entries=100", IN_CLEAR);
  const struct ptn_directory *directory = fixture->directory.table;
  const struct ptn_account_info *const *accounts;
  size_t count;
  const ptn_status status =
      HARNESS_AWAIT (fixture->task, directory->resolve (fixture->directory.instance, &fixture->call,
                                                        "twice@example.test", &accounts, &count));
  end_call (fixture);
  assert_int_equal (status, PTN_E_TEMPORARY);
  g_autofree char *log = harness_log_take (fixture->harness);
  assert_non_null (strstr (log, "ldap.ambiguous"));
  fixture_free (fixture);
}

/* Whoever sits in between can leave TLS out, or speak before it begins. */
static void
nothing_is_said_before_tls (void **state) {
  (void)state;
  for (gint greedy = 0; greedy <= 1; greedy++) {
    struct fixture *fixture = fixture_new ("cache_entries=100", "start_tls=yes");
    g_atomic_int_set (&fixture->domain.greedy, greedy);
    assert_int_equal (login (fixture, "alice"), PTN_E_TEMPORARY);
    assert_int_equal (verify (fixture, "alice", "wonderland"), PTN_E_TEMPORARY);
    const struct domain saw = asked (fixture);
    assert_in_range (saw.hellos, 1, 2);
    assert_int_equal (saw.names + saw.binds + saw.anonymous, 0);
    g_autofree char *log = harness_log_take (fixture->harness);
    assert_non_null (strstr (log, "StartTLS"));
    fixture_free (fixture);
  }
}

int
main (int argc, char **argv) {
  assert (argc == 2);
  module = argv[1];
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (nobody_costs_as_much_as_a_user),
    cmocka_unit_test (groups_of_groups_are_asked_for_once_a_login),
    cmocka_unit_test (a_server_that_is_away_is_remembered),
    cmocka_unit_test (closed_connections_are_no_trouble),
    cmocka_unit_test (empty_passwords_never_leave),
    cmocka_unit_test (an_account_of_two_is_nobodys),
    cmocka_unit_test (that_an_account_is_ones_own_is_remembered),
    cmocka_unit_test (one_spelling_of_all_names),
    cmocka_unit_test (special_characters_of_names_stay),
    cmocka_unit_test (incomplete_answers_are_temporary),
    cmocka_unit_test (two_groups_of_one_address_are_temporary),
    cmocka_unit_test (nothing_is_said_before_tls),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
