/* SPDX-License-Identifier: Apache-2.0 */
/* apps_test.c - app passwords: where they let in and where not, several secrets of one user, and
 * when each was last used. */
#include "fixture.h"

static const char people[] =
    "[alice]\n"
    "password = {PLAIN}own\n"
    "app_password = phone {SHA256}RVadpX9Le/Ry16hk70eBRRyuY4P+6fsK5AxZqhzkdbc= created=2026-11-22\n"
    "app_password = desk {PLAIN}desk protocols=imap,smtp networks=10.0.0.0/8,2001:db8::/32\n"
    "app_password = socket {PLAIN}socket networks=unix\n"
    "app_password = old {PLAIN}old expires=2026-01-01\n"
    "app_password = later {PLAIN}later expires=2199-01-01\n"
    "[bob]\n"
    "password = $6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/"
    "O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1\n"
    "expired = yes\n"
    "app_password = pop {PLAIN}pop {NT}a4f49c406510bdcab6824ee7c30fd852 protocols=pop\n"
    "[carol]\n"
    "disabled = yes\n"
    "app_password = x {PLAIN}x\n";

static const struct {
  const char *user, *password, *service, *peer;
  ptn_status status;
} logins[] = {
  { "alice", "own", "imap", "192.0.2.1", PTN_OK },
  { "alice", "phone", "imap", "192.0.2.1", PTN_OK },
  { "alice", "phone", "pop", "", PTN_OK },
  { "alice", "phones", "pop", "", PTN_E_AUTHENTICATION },
  { "alice", "desk", "imap", "10.1.2.3", PTN_OK },
  { "alice", "desk", "imap", "2001:db8:1::9", PTN_OK },
  { "alice", "desk", "imap", "11.1.2.3", PTN_E_DENIED },
  { "alice", "desk", "imap", "2001:db9::9", PTN_E_DENIED },
  { "alice", "desk", "imap", "", PTN_E_DENIED },
  { "alice", "desk", "imap", "unix", PTN_E_DENIED },
  { "alice", "desk", "pop", "10.1.2.3", PTN_E_DENIED },
  { "alice", "socket", "imap", "unix", PTN_OK },
  { "alice", "socket", "imap", "127.0.0.1", PTN_E_DENIED },
  { "alice", "old", "imap", "192.0.2.1", PTN_E_PASSWORD_EXPIRED },
  { "alice", "later", "imap", "192.0.2.1", PTN_OK },
  { "bob", "pop", "pop", "192.0.2.1", PTN_OK }, /* its own password has expired, not this one */
  { "bob", "pop", "imap", "192.0.2.1", PTN_E_DENIED },
  { "bob", "Hello world!", "pop", "192.0.2.1", PTN_E_PASSWORD_EXPIRED },
  { "carol", "x", "imap", "192.0.2.1", PTN_E_DISABLED },
};

/* With a connection from there. */
static void
connect_from (struct fixture *f, struct ptn_stream **stream, const char *service,
              const char *peer) {
  *stream = harness_stream_new (f->harness, f->task, 1024);
  harness_stream_set_property (*stream, "peer.address", peer);
  f->request.stream = *stream;
  f->request.service = service;
}

static void
disconnect (struct fixture *f, struct ptn_stream **stream) {
  f->request.stream = NULL;
  harness_stream_free (stream);
}

static void
they_let_in_where_they_may (void **state) {
  (void)state;
  struct fixture *f = fixture_new (people, NULL);
  for (size_t i = 0; i < G_N_ELEMENTS (logins); i++) {
    struct ptn_stream *stream;
    connect_from (f, &stream, logins[i].service, logins[i].peer);
    const ptn_status status = fixture_verify (f, logins[i].user, logins[i].password);
    if (status != logins[i].status)
      fail_msg ("%zu: %d", i, status);
    disconnect (f, &stream);
  }
  fixture_free (f);
}

/* Who is turned away although the password is right waits for the hash, as all others do. */
static void
the_turned_away_are_not_quicker (void **state) {
  (void)state;
  struct fixture *f = fixture_new (people, NULL);
  static const char hashed[] = "postern_password_checks{kind=\"hash\"}";
  struct ptn_stream *stream;
  connect_from (f, &stream, "imap", "192.0.2.1");
  assert_int_equal (fixture_verify (f, "bob", "pop"), PTN_E_DENIED);
  assert_int_equal (harness_metric (f->harness, hashed), 1);
  assert_int_equal (fixture_verify (f, "bob", "wrong"), PTN_E_AUTHENTICATION);
  assert_int_equal (harness_metric (f->harness, hashed), 2);
  f->request.service = "pop";
  assert_int_equal (fixture_verify (f, "bob", "pop"), PTN_OK);
  assert_int_equal (harness_metric (f->harness, hashed), 2);
  disconnect (f, &stream);
  fixture_free (f);
}

/* Nor are those who have app passwords alone, where others have slow ones. */
static void
nothing_else_takes_as_long (void **state) {
  (void)state;
  struct fixture *f =
      fixture_new ("[bob]\npassword = $6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/"
                   "O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1\n"
                   "[dora]\napp_password = x {PLAIN}x\napp_password = y {PLAIN}y protocols=pop\n",
                   NULL);
  static const char hashed[] = "postern_password_checks{kind=\"hash\"}";
  assert_int_equal (fixture_verify (f, "dora", "x"), PTN_OK);
  assert_int_equal (harness_metric (f->harness, hashed), 0);
  assert_int_equal (fixture_verify (f, "dora", "wrong"), PTN_E_AUTHENTICATION);
  assert_int_equal (harness_metric (f->harness, hashed), 1);
  assert_int_equal (fixture_verify (f, "dora", "y"), PTN_E_DENIED);
  assert_int_equal (harness_metric (f->harness, hashed), 2);
  /* What is right for the dummy is nothing to them. */
  assert_int_equal (fixture_verify (f, "dora", "Hello world!"), PTN_E_AUTHENTICATION);
  assert_int_equal (fixture_verify (f, "dora", "Hello world!"), PTN_E_AUTHENTICATION);
  g_autofree char *log = harness_log_take (f->harness);
  assert_non_null (strstr (log, "directory.app-password user=dora label=x"));
  assert_null (strstr (log, "label=y"));
  fixture_free (f);
}

/* Right is the secret with this text; all that were shown are kept. */
struct choice {
  const char *right;
  GString *seen;
};

static ptn_status
choose (void *argument, struct ptn_bytes secret) {
  struct choice *choice = argument;
  g_string_append_len (choice->seen, secret.data, (gssize)secret.size);
  g_string_append_c (choice->seen, '\n');
  const bool right = choice->right && strlen (choice->right) == secret.size
                     && memcmp (choice->right, secret.data, secret.size) == 0;
  return right ? PTN_OK : PTN_E_AUTHENTICATION;
}

static ptn_status
with_secret (struct fixture *f, const char *user, const char *scheme, struct choice *choice) {
  const struct ptn_credentials *credentials = f->credentials.table;
  const ptn_status status =
      HARNESS_AWAIT (f->task,
                     credentials->with_secret (f->credentials.instance, &f->call, &f->request, "",
                                               user, scheme, choose, choice));
  f->host->call_end (&f->call);
  return status;
}

static void
every_secret_is_tried (void **state) {
  (void)state;
  struct fixture *f = fixture_new (people, NULL);
  struct ptn_stream *stream;
  connect_from (f, &stream, "imap", "192.0.2.1");
  g_autoptr (GString) seen = g_string_new (NULL);
  static const struct {
    const char *right;
    ptn_status status;
  } cases[] = { { "own", PTN_OK },
                { "later", PTN_OK },
                { "desk", PTN_E_DENIED },
                { "old", PTN_E_PASSWORD_EXPIRED },
                { "other", PTN_E_AUTHENTICATION } };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    struct choice choice = { cases[i].right, seen };
    assert_int_equal (with_secret (f, "alice", "PLAIN", &choice), cases[i].status);
  }
  g_string_truncate (seen, 0);
  struct choice none = { NULL, seen };
  assert_int_equal (with_secret (f, "alice", "PLAIN", &none), PTN_E_AUTHENTICATION);
  assert_string_equal (seen->str, "own\ndesk\nsocket\nold\nlater\n");
  disconnect (f, &stream);
  fixture_free (f);
}

/* The third cell of the first row. */
static char *
password_in (const char *rows) {
  g_auto (GStrv) cells = g_strsplit (rows, "|", -1);
  assert_true (g_strv_length (cells) >= 8);
  return g_strdup (cells[2]);
}

static void
they_are_made_and_revoked (void **state) {
  (void)state;
  struct fixture *f = fixture_new ("# people\n[alice]\npassword = {PLAIN}own\n\n[bob]\n", NULL);
  g_autofree char *made = NULL, *second = NULL, *rows = NULL, *none = NULL;
  assert_int_equal (fixture_command (f, "user app-password",
                                     "add|alice|phone|--networks|10.0.0.0/8 ::1|--protocols=imap,"
                                     "smtp|--expires|2199-12-31|--ntlm|--scram",
                                     NULL, &made),
                    PTN_OK);
  g_autofree char *password = password_in (made);
  assert_int_equal (strlen (password), 34);
  assert_int_equal (fixture_command (f, "user app-password", "add|alice|desk|--scram", NULL,
                                     &second),
                    PTN_OK);
  g_autofree char *desk = password_in (second);
  assert_string_not_equal (password, desk);
  assert_int_equal (fixture_command (f, "user app-password", "add|alice|PHONE", NULL, NULL),
                    PTN_E_INVALID);

  g_autofree char *text = fixture_read (f);
  assert_true (g_str_has_prefix (text, "# people\n[alice]\npassword = {PLAIN}own\n"
                                       "app_password = phone {SHA256}"));
  assert_non_null (strstr (text, "\n\n[bob]\n"));
  assert_non_null (strstr (text, " {NT}"));
  assert_non_null (strstr (text, " networks=10.0.0.0/8,::1 protocols=imap,smtp expires=2199-12-31 "
                                 "created=20"));
  assert_null (strstr (text, password));
  /* A server tells a user one salt. */
  const char *one = strstr (text, "{SCRAM-SHA-256}"), *two = strstr (one + 1, "{SCRAM-SHA-256}");
  assert_memory_equal (one, two, strcspn (one, "$"));
  one = strstr (text, "{SCRAM-SHA-1}"), two = strstr (one + 1, "{SCRAM-SHA-1}");
  assert_memory_equal (one, two, strcspn (one, "$"));

  struct ptn_stream *stream;
  connect_from (f, &stream, "imap", "10.9.9.9");
  assert_int_equal (fixture_verify (f, "alice", password), PTN_OK);
  f->request.service = "pop";
  assert_int_equal (fixture_verify (f, "alice", password), PTN_E_DENIED);
  assert_int_equal (fixture_verify (f, "alice", desk), PTN_OK);
  assert_int_equal (fixture_verify (f, "alice", "own"), PTN_OK);
  disconnect (f, &stream);

  assert_int_equal (fixture_command (f, "user app-password", "list", NULL, &rows), PTN_OK);
  assert_true (g_str_has_prefix (rows, "alice|phone||imap smtp|10.0.0.0/8 ::1|2199-12-31|20"));
  assert_non_null (strstr (rows, "Z imap 10.9.9.9\n"));
  assert_non_null (strstr (rows, "Z pop 10.9.9.9\n"));
  assert_null (strstr (rows, password));
  assert_int_equal (fixture_command (f, "user app-password", "revoke|alice|Phone", NULL, NULL),
                    PTN_OK);
  assert_int_equal (fixture_verify (f, "alice", password), PTN_E_AUTHENTICATION);
  assert_int_equal (fixture_verify (f, "alice", desk), PTN_OK);
  assert_int_equal (fixture_command (f, "user app-password", "list|bob", NULL, &none), PTN_OK);
  assert_string_equal (none, "");
  g_autofree char *log = harness_log_take (f->harness);
  assert_null (strstr (log, password));
  assert_null (strstr (log, desk));
  fixture_free (f);
}

/* A new password with keys for SCRAM leaves the app passwords theirs. */
static void
a_new_password_keeps_their_salt (void **state) {
  (void)state;
  struct fixture *f =
      fixture_new ("[alice]\n",
                   (const char *[]){ "hash=yescrypt", "extra_keys=scram-sha-256", NULL });
  assert_int_equal (fixture_command (f, "user app-password", "add|alice|x|--scram", NULL, NULL),
                    PTN_OK);
  assert_int_equal (fixture_command (f, "user passwd", "alice", "new", NULL), PTN_OK);
  g_autofree char *text = fixture_read (f);
  const char *one = strstr (text, "{SCRAM-SHA-256}"), *two = strstr (one + 1, "{SCRAM-SHA-256}");
  assert_memory_equal (one, two, strcspn (one, "$"));
  assert_int_equal (fixture_verify (f, "alice", "new"), PTN_OK);
  fixture_free (f);
}

int
main (int count, char **arguments) {
  (void)count;
  fixture_module = arguments[1];
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (they_let_in_where_they_may),
    cmocka_unit_test (the_turned_away_are_not_quicker),
    cmocka_unit_test (nothing_else_takes_as_long),
    cmocka_unit_test (every_secret_is_tried),
    cmocka_unit_test (they_are_made_and_revoked),
    cmocka_unit_test (a_new_password_keeps_their_salt),
  };
  return cmocka_run_group_tests_name ("directory-file: app passwords", tests, NULL, NULL);
}
