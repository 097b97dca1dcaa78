/* SPDX-License-Identifier: Apache-2.0 */
/* fixture.c - see fixture.h.  The fixture owns its folder, harness, task and stream. */
#include "fixture.h"

#include <glib/gstdio.h>
#include <unistd.h>

const char *fixture_directory_module, *fixture_auth_module, *fixture_extra_module;

void
fixture_write (struct fixture *fixture, const char *accounts) {
  g_autofree char *fresh = g_strconcat (fixture->file, ".new", NULL);
  assert_true (g_file_set_contents (fresh, accounts, -1, NULL));
  assert_int_equal (chmod (fresh, 0600), 0);
  assert_int_equal (g_rename (fresh, fixture->file), 0);
}

#define DIRECTORY_SETTINGS(fixture)                                                    \
  (const char *const[]) {                                                              \
    (fixture)->file_setting, "domains=example.test example.org", "nt_domains=EXAMPLE", \
        "argon2_memory=1 MiB", "argon2_passes=1", NULL                                 \
  }

void
fixture_rewrite (struct fixture *fixture, const char *accounts) {
  fixture_write (fixture, accounts);
  assert_int_equal (harness_reload (fixture->harness, "directory-file",
                                    DIRECTORY_SETTINGS (fixture)),
                    PTN_OK);
}

struct fixture *
fixture_new (const char *accounts, const char *const *auth_settings,
             const char *const *listener_settings) {
  struct fixture *fixture = g_new0 (struct fixture, 1);
  fixture->folder = g_dir_make_tmp ("auth-test-XXXXXX", NULL);
  fixture->file = g_build_filename (fixture->folder, "accounts", NULL);
  fixture_write (fixture, accounts);
  fixture->harness = harness_new ();
  fixture->host = harness_host (fixture->harness);
  fixture->file_setting = g_strconcat ("file=", fixture->file, NULL);
  const char *const none[] = { NULL };
  assert_int_equal (harness_load (fixture->harness, fixture_directory_module,
                                  DIRECTORY_SETTINGS (fixture)),
                    PTN_OK);
  if (fixture_extra_module)
    assert_int_equal (harness_load (fixture->harness, fixture_extra_module, none), PTN_OK);
  assert_int_equal (harness_load (fixture->harness, fixture_auth_module,
                                  auth_settings ? auth_settings : none),
                    PTN_OK);
  assert_int_equal (harness_start (fixture->harness), PTN_OK);
  fixture->task = harness_task_new (fixture->harness);
  fixture->stream = harness_stream_new (fixture->harness, fixture->task, 4096);
  fixture->login = harness_find (fixture->harness, PTN_LOGIN_ID, NULL);
  fixture->request = (struct ptn_sasl_request){
    .size = sizeof fixture->request,
    .service = "pop",
    .server_name = "mail.example.test",
    .listener = "pop3",
    .session_id = "1",
    .config = harness_listener (fixture->harness, listener_settings ? listener_settings : none),
    .stream = fixture->stream,
  };
  fixture_address (fixture, "192.0.2.1", true);
  return fixture;
}

void
fixture_free (struct fixture *fixture) {
  harness_stream_free (&fixture->stream);
  harness_task_free (&fixture->task);
  harness_free (&fixture->harness);
  g_unlink (fixture->file);
  g_rmdir (fixture->folder);
  g_free (fixture->file);
  g_free (fixture->file_setting);
  g_free (fixture->folder);
  g_free (fixture);
}

void
fixture_address (struct fixture *fixture, const char *address, bool tls) {
  harness_stream_set_property (fixture->stream, "peer.address", address);
  harness_stream_set_property (fixture->stream, "tls.version", tls ? "TLSv1.3" : NULL);
}

ptn_status
fixture_sasl (struct fixture *fixture, const char *mechanism, const void *response, size_t size,
              char **who) {
  const struct ptn_login *login = fixture->login.table;
  struct ptn_call call = { .task = fixture->task };
  const struct ptn_identity *identity = NULL;
  struct ptn_bytes challenge;
  void *exchange;
  ptn_status status =
      login->start (fixture->login.instance, &call, &fixture->request, mechanism, &exchange);
  fixture->host->call_end (&call);
  if (status != PTN_OK)
    return status;
  status = HARNESS_AWAIT (fixture->task,
                          login->step (exchange, &call, (struct ptn_bytes){ response, size },
                                       &challenge, &identity));
  if (status == PTN_END && who)
    *who = g_strdup_printf ("%s %s %s %s", identity->authcid, identity->authzid, identity->domain,
                            identity->account);
  for (size_t i = 0; status == PTN_E_ELSEWHERE && who && i < identity->attributes.count; i++)
    if (g_str_has_prefix (identity->attributes.items[i], "server="))
      *who = g_strdup_printf ("%s %s", identity->account, identity->attributes.items[i]);
  login->finish (exchange);
  fixture->host->call_end (&call);
  return status;
}

ptn_status
fixture_login (struct fixture *fixture, const char *user, const char *password, char **who) {
  g_autoptr (GString) response = g_string_new (user);
  g_string_append_c (response, '\0');
  g_string_append (response, password);
  return fixture_sasl (fixture, NULL, response->str, response->len, who);
}
