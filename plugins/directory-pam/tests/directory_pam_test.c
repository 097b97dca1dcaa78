/* SPDX-License-Identifier: Apache-2.0 */
/* directory_pam_test.c - what the plugin makes of PAM's codes, and which users of the system are
 * accounts.  The PAM module is the test's own; `nobody` and `root` are users that every system has. */
#include "harness/harness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <pwd.h>
#include <security/pam_appl.h>
#include <stdio.h>
#include <string.h>

static const char *module, *parrot;

struct fixture {
  struct harness *harness;
  struct ptn_task *task;
  const struct ptn_host *host;
  struct ptn_binding directory, credentials;
  struct ptn_sasl_request request;
  struct ptn_stream *stream;
  struct ptn_call call;
  char *folder, *service;
};

static struct fixture *
fixture_new (const char *suffix) {
  struct fixture *f = g_new0 (struct fixture, 1);
  f->folder = g_dir_make_tmp ("pam-test-XXXXXX", NULL);
  f->service = g_build_filename (f->folder, "mail", NULL);
  g_autofree char *text =
      g_strconcat ("auth required ", parrot, suffix, "\naccount required ", parrot, "\n", NULL);
  assert_true (g_file_set_contents (f->service, text, -1, NULL));
  f->harness = harness_new ();
  f->host = harness_host (f->harness);
  g_autofree char *folder = g_strconcat ("service_directory=", f->folder, NULL);
  const struct passwd *nobody = getpwnam ("nobody");
  assert_non_null (nobody);
  g_autofree char *min = g_strdup_printf ("min_uid=%u", nobody->pw_uid);
  g_autofree char *max = g_strdup_printf ("max_uid=%u", nobody->pw_uid);
  const char *const settings[] = { "domains=example.test example.org",
                                   "nt_domains=EXAMPLE",
                                   "service=mail",
                                   folder,
                                   min,
                                   max,
                                   "postmaster=nobody",
                                   "attributes=quota.octets=5000",
                                   NULL };
  assert_int_equal (harness_load (f->harness, module, settings), PTN_OK);
  assert_int_equal (harness_start (f->harness), PTN_OK);
  f->directory = harness_find (f->harness, PTN_DIRECTORY_ID, NULL);
  f->credentials = harness_find (f->harness, PTN_CREDENTIALS_ID, NULL);
  f->task = harness_task_new (f->harness);
  f->call.task = f->task;
  f->stream = harness_stream_new (f->harness, f->task, 1000);
  harness_stream_set_property (f->stream, "peer.address", "192.0.2.7");
  f->request = (struct ptn_sasl_request){ .size = sizeof f->request,
                                          .service = "imap",
                                          .server_name = "mail.example.test",
                                          .stream = f->stream };
  return f;
}

static void
fixture_free (struct fixture *f) {
  f->host->call_end (&f->call);
  harness_stream_free (&f->stream);
  harness_task_free (&f->task);
  harness_free (&f->harness);
  g_unlink (f->service);
  assert_int_equal (g_rmdir (f->folder), 0);
  g_free (f->service);
  g_free (f->folder);
  g_free (f);
}

static ptn_status
verify (struct fixture *f, const char *user, const char *password) {
  const struct ptn_credentials *credentials = f->credentials.table;
  const struct ptn_bytes octets = { password, strlen (password) };
  const ptn_status status =
      HARNESS_AWAIT (f->task, credentials->verify_password (f->credentials.instance, &f->call,
                                                            &f->request, "", user, octets));
  f->host->call_end (&f->call);
  return status;
}

static void
codes_are_told_apart (void **state) {
  (void)state;
  static const struct {
    const char *prefix;
    int code;
    ptn_status status;
  } cases[] = {
    { "right", 0, PTN_OK },
    { "wrong", 0, PTN_E_AUTHENTICATION },
    { "twice", 0, PTN_E_TEMPORARY },
    { "loud", 0, PTN_E_TEMPORARY },
    { "other", 0, PTN_E_AUTHENTICATION },
    { "auth:", PAM_AUTH_ERR, PTN_E_AUTHENTICATION },
    { "auth:", PAM_MAXTRIES, PTN_E_AUTHENTICATION },
    { "auth:", PAM_PERM_DENIED, PTN_E_AUTHENTICATION },
    { "auth:", PAM_ACCT_EXPIRED, PTN_E_AUTHENTICATION },
    { "auth:", PAM_USER_UNKNOWN, PTN_E_NOT_FOUND },
    { "auth:", PAM_AUTHINFO_UNAVAIL, PTN_E_TEMPORARY },
    { "auth:", PAM_SYSTEM_ERR, PTN_E_TEMPORARY },
    { "auth:", PAM_CRED_INSUFFICIENT, PTN_E_TEMPORARY },
    { "auth:", PAM_NEW_AUTHTOK_REQD, PTN_E_AUTHENTICATION }, /* nothing was proved */
    { "acct:", PAM_ACCT_EXPIRED, PTN_E_DISABLED },
    { "acct:", PAM_PERM_DENIED, PTN_E_DISABLED },
    { "acct:", PAM_NEW_AUTHTOK_REQD, PTN_E_PASSWORD_EXPIRED },
    { "acct:", PAM_CRED_EXPIRED, PTN_E_PASSWORD_EXPIRED },
    { "acct:", PAM_AUTHINFO_UNAVAIL, PTN_E_TEMPORARY },
  };
  struct fixture *f = fixture_new ("");
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *password = cases[i].code
                                    ? g_strdup_printf ("%s%d", cases[i].prefix, cases[i].code)
                                    : g_strdup (cases[i].prefix);
    const ptn_status status = verify (f, "nobody", password);
    if (status != cases[i].status)
      fail_msg ("%s: %d, %s", password, status, f->host->failure_log (f->task));
    if (strcmp (cases[i].prefix, "auth:") == 0 && cases[i].code == PAM_AUTH_ERR)
      assert_string_equal (f->host->failure_log (f->task),
                           "wrong password: from 192.0.2.7 over imap");
  }
  g_autofree char *log = harness_log_take (f->harness);
  assert_non_null (strstr (log, "pam.trouble"));
  fixture_free (f);
}

static void
a_service_without_file_is_told (void **state) {
  (void)state;
  const char *const settings[] = { "domains=example.test", "service=no-such-service", NULL };
  struct harness *harness = harness_new ();
  assert_int_equal (harness_load (harness, module, settings), PTN_OK);
  assert_int_equal (harness_start (harness), PTN_OK);
  g_autofree char *log = harness_log_take (harness);
  assert_non_null (strstr (log, "pam.service service=no-such-service"));
  harness_free (&harness);
}

static void
nothing_else_lets_in (void **state) {
  (void)state;
  struct fixture *f = fixture_new ("");
  char longest[600] = "";
  memset (longest, 'x', sizeof longest - 1);
  assert_int_equal (verify (f, NULL, "right"), PTN_E_AUTHENTICATION);
  assert_int_equal (verify (f, "silent", "right"), PTN_E_AUTHENTICATION);
  assert_int_equal (verify (f, "nobody", ""), PTN_E_AUTHENTICATION);
  assert_int_equal (verify (f, "nobody", longest), PTN_E_AUTHENTICATION);
  fixture_free (f);
  f = fixture_new (".missing");
  assert_int_equal (verify (f, "nobody", "right"), PTN_E_TEMPORARY);
  fixture_free (f);
}

/* Neither one's own delay nor a stack's holds a thread. */
static void
delays_are_not_waited_for (void **state) {
  (void)state;
  struct fixture *f = fixture_new ("");
  const gint64 began = g_get_monotonic_time ();
  assert_int_equal (verify (f, "nobody", "delay"), PTN_E_AUTHENTICATION);
  assert_true (g_get_monotonic_time () - began < 2 * G_USEC_PER_SEC);
  fixture_free (f);
}

static void
users_are_accounts (void **state) {
  (void)state;
  static const struct {
    const char *login;
    ptn_status status;
  } logins[] = {
    { "nobody", PTN_OK },
    { "NOBODY@example.org", PTN_OK },
    { "example\\nobody", PTN_OK },
    { "EXAMPLE/nobody/nobody", PTN_OK },
    { "root", PTN_E_NOT_FOUND },
    { "daemon", PTN_E_NOT_FOUND },
    { "guest", PTN_E_NOT_FOUND },
    { "nobody@elsewhere.test", PTN_E_NOT_FOUND },
    { "OTHER\\nobody", PTN_E_NOT_FOUND },
    { "EXAMPLE\\nobody\\root", PTN_E_NOT_FOUND },
    { "no such user", PTN_E_NOT_FOUND },
    { "", PTN_E_NOT_FOUND },
  };
  struct fixture *f = fixture_new ("");
  const struct ptn_directory *directory = f->directory.table;
  void *instance = f->directory.instance;
  for (size_t i = 0; i < G_N_ELEMENTS (logins); i++) {
    struct ptn_identity identity = { .size = sizeof identity };
    const ptn_status status =
        HARNESS_AWAIT (f->task,
                       directory->parse_login (instance, &f->call, logins[i].login, &identity));
    if (status != logins[i].status)
      fail_msg ("%s: %d", logins[i].login, status);
    if (status == PTN_OK) {
      assert_string_equal (identity.authcid, "nobody");
      assert_string_equal (identity.account, "nobody");
      assert_string_equal (identity.domain, "EXAMPLE");
    }
    f->host->call_end (&f->call);
  }

  struct ptn_identity identity = { .size = sizeof identity,
                                   .authcid = "nobody",
                                   .authzid = "nobody",
                                   .domain = "",
                                   .account = "nobody" };
  assert_int_equal (HARNESS_AWAIT (f->task, directory->authorize (instance, &f->call, &f->request,
                                                                  &identity)),
                    PTN_OK);
  assert_int_equal (identity.access, PTN_ACCESS_FULL);
  assert_string_equal (identity.attributes.items[0], "quota.octets=5000");
  f->host->call_end (&f->call);
  identity = (struct ptn_identity){ .size = sizeof identity,
                                    .authcid = "nobody",
                                    .authzid = "nobody",
                                    .domain = "",
                                    .account = "root" };
  assert_int_equal (HARNESS_AWAIT (f->task, directory->authorize (instance, &f->call, &f->request,
                                                                  &identity)),
                    PTN_E_DENIED);
  fixture_free (f);
}

static void
addresses_resolve (void **state) {
  (void)state;
  struct fixture *f = fixture_new ("");
  const struct ptn_directory *directory = f->directory.table;
  void *instance = f->directory.instance;
  const struct ptn_account_info *const *found;
  struct ptn_strings names;
  size_t count;
#define RESOLVE(address) \
  HARNESS_AWAIT (f->task, directory->resolve (instance, &f->call, (address), &found, &count))
  assert_int_equal (RESOLVE ("Nobody+a+b@example.org"), PTN_OK);
  assert_int_equal (count, 1);
  assert_string_equal (found[0]->account, "nobody");
  assert_string_equal (found[0]->address, "nobody@example.test");
  assert_string_equal (found[0]->detail, "a+b");
  assert_int_equal (RESOLVE ("postmaster"), PTN_OK);
  assert_string_equal (found[0]->account, "nobody");
  assert_int_equal (RESOLVE ("root@example.test"), PTN_E_NOT_FOUND);
  assert_int_equal (RESOLVE ("nobody@elsewhere.test"), PTN_E_UNSUPPORTED);

  const struct ptn_identity identity = { .size = sizeof identity,
                                         .authcid = "nobody",
                                         .authzid = "nobody",
                                         .domain = "",
                                         .account = "nobody" };
#define SEND_AS(address) \
  HARNESS_AWAIT (f->task, directory->may_send_as (instance, &f->call, &identity, (address)))
  assert_int_equal (SEND_AS (""), PTN_OK);
  f->host->call_end (&f->call);
  assert_int_equal (SEND_AS ("nobody+x@example.org"), PTN_OK);
  f->host->call_end (&f->call);
  assert_int_equal (SEND_AS ("root@example.org"), PTN_E_DENIED);
  f->host->call_end (&f->call);
#define LIST(after) \
  HARNESS_AWAIT (f->task, directory->list_accounts (instance, &f->call, (after), &names))
  assert_int_equal (LIST (""), PTN_OK);
  assert_int_equal (names.count, 1);
  assert_string_equal (names.items[0], "nobody");
  assert_int_equal (LIST ("nobody"), PTN_END);
  fixture_free (f);
}

int
main (int argc, char **argv) {
  (void)argc;
  module = argv[1];
  g_autofree char *path = g_canonicalize_filename (argv[2], NULL); /* PAM wants a whole path */
  parrot = path;
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (codes_are_told_apart), cmocka_unit_test (a_service_without_file_is_told),
    cmocka_unit_test (nothing_else_lets_in), cmocka_unit_test (delays_are_not_waited_for),
    cmocka_unit_test (users_are_accounts),   cmocka_unit_test (addresses_resolve),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
