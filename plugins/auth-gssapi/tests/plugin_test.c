/* SPDX-License-Identifier: Apache-2.0 */
/* plugin_test.c - the plugin in a host: the lane, what is offered, the log, reload. */
#include "harness/harness.h"
#include "press.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>

static const char *module;

struct fixture {
  struct press *press;
  struct harness *harness;
  struct ptn_task *task;
  struct ptn_stream *stream;
  const struct ptn_host *host;
  struct ptn_binding gssapi, spnego;
  struct ptn_sasl_request request;
};

static struct fixture
begin (bool with_key, const char *setting) {
  struct fixture f = { .press = press_new (), .harness = harness_new () };
  g_autofree char *keytab = g_strconcat ("keytab=", press_keytab (f.press), NULL);
  if (with_key)
    press_add (f.press, "imap/mail.example.test@" PRESS_REALM);
  const char *const settings[] = { keytab, setting, NULL };
  assert_int_equal (harness_load (f.harness, module, settings), PTN_OK);
  assert_int_equal (harness_start (f.harness), PTN_OK);
  f.task = harness_task_new (f.harness);
  f.stream = harness_stream_new (f.harness, f.task, 4096);
  f.host = harness_host (f.harness);
  f.gssapi = harness_find (f.harness, PTN_SASL_ID, "GSSAPI");
  f.spnego = harness_find (f.harness, PTN_SASL_ID, "GSS-SPNEGO");
  f.request = (struct ptn_sasl_request){
    .size = sizeof f.request,
    .service = "imap",
    .server_name = "mail.example.test",
    .listener = "imap",
    .session_id = "1",
    .stream = f.stream,
  };
  return f;
}

static void
end (struct fixture *f) {
  harness_stream_free (&f->stream);
  harness_task_free (&f->task);
  harness_free (&f->harness);
  press_free (&f->press);
}

static bool
offered (struct fixture *f) {
  const struct ptn_sasl_mechanism *mechanism = f->gssapi.table;
  return mechanism->available (f->gssapi.instance, &f->request);
}

/* A login by SPNEGO, which takes one token; *claimed: whom a failure names. */
static ptn_status
try_login (struct fixture *f, const struct press_order *order, char **claimed) {
  const struct ptn_sasl_mechanism *mechanism = f->spnego.table;
  struct ptn_call call = { .task = f->task };
  const struct ptn_identity *identity = NULL;
  struct ptn_bytes challenge;
  struct client client;
  void *exchange;
  client_init (&client, f->press, order);
  client.spnego = true;
  assert_int_equal (mechanism->start (f->spnego.instance, &call, &f->request, &exchange), PTN_OK);
  const struct ptn_bytes token = client_token (&client, (struct ptn_bytes){ NULL, 0 });
  const ptn_status status =
      HARNESS_AWAIT (f->task, mechanism->step (exchange, &call, token, &challenge, &identity));
  if (claimed)
    *claimed = identity ? g_strdup (identity->authcid) : NULL;
  if (status == PTN_END) {
    assert_true (challenge.size > 0);
    client_token (&client, challenge);
    assert_true (client.done);
  }
  mechanism->finish (exchange);
  f->host->call_end (&call);
  client_clear (&client);
  return status;
}

static void
a_login (void **state) {
  struct fixture f = begin (true, NULL);
  g_autofree char *who = NULL;
  assert_true (offered (&f));
  assert_int_equal (try_login (&f, NULL, &who), PTN_END);
  assert_string_equal (who, "alice");
  g_autofree char *log = harness_log_take (f.harness);
  assert_non_null (strstr (log, "gssapi.keytab"));
  assert_non_null (strstr (log, "imap/mail.example.test@" PRESS_REALM));
  end (&f);
}

static void
failures_name_who_it_was (void **state) {
  struct fixture f = begin (true, NULL);
  g_autofree char *who = NULL, *nobody = NULL;
  const struct press_order foreign = { .client = "eve@OTHER.TEST" };
  const struct press_order stale = { .other_key = true, .kvno = 2 };
  assert_int_equal (try_login (&f, &foreign, &who), PTN_E_AUTHENTICATION);
  assert_string_equal (who, "eve@OTHER.TEST");
  g_free (harness_log_take (f.harness));
  assert_int_equal (try_login (&f, &stale, &nobody), PTN_E_TEMPORARY);
  assert_null (nobody);
  g_autofree char *log = harness_log_take (f.harness);
  assert_non_null (strstr (log, "gssapi.trouble"));
  assert_non_null (strstr (log, "export the keytab again"));
  end (&f);
}

/* The session goes away while the lane works: the job owns what it touches. */
static void
finished_while_pending (void **state) {
  struct fixture f = begin (true, NULL);
  const struct ptn_sasl_mechanism *mechanism = f.gssapi.table;
  for (unsigned i = 0; i < 50; i++) {
    struct ptn_call call = { .task = f.task };
    const struct ptn_identity *identity = NULL;
    struct ptn_bytes challenge;
    struct client client;
    void *exchange;
    client_init (&client, f.press, NULL);
    assert_int_equal (mechanism->start (f.gssapi.instance, &call, &f.request, &exchange), PTN_OK);
    const struct ptn_bytes token = client_token (&client, (struct ptn_bytes){ NULL, 0 });
    assert_int_equal (mechanism->step (exchange, &call, token, &challenge, &identity), PTN_PENDING);
    f.host->call_end (&call);
    mechanism->finish (exchange);
    client_clear (&client);
  }
  end (&f);
}

static void
a_keytab_comes_and_goes (void **state) {
  struct fixture f = begin (false, NULL);
  assert_false (offered (&f));
  g_autofree char *log = harness_log_take (f.harness);
  assert_non_null (strstr (log, "gssapi.no_keytab"));
  press_add (f.press, "pop/mail.example.test@" PRESS_REALM);
  g_usleep (1100000);          /* it looks once a second */
  assert_false (offered (&f)); /* no key for imap */
  f.request.service = "pop";
  assert_true (offered (&f));
  g_unlink (press_keytab (f.press));
  g_usleep (1100000);
  assert_false (offered (&f));
  g_autofree char *later = harness_log_take (f.harness);
  assert_non_null (strstr (later, "gssapi.no_keytab"));
  end (&f);
}

static void
names_decide_what_is_offered (void **state) {
  struct fixture f = begin (true, "accept=host");
  assert_true (offered (&f));
  f.request.server_name = "other.example.test";
  assert_false (offered (&f));
  f.request.server_name = "MAIL.example.test";
  assert_true (offered (&f));
  f.request.service = "http";
  assert_false (offered (&f));
  press_add (f.press, "HTTP/mail.example.test@" PRESS_REALM);
  g_usleep (1100000);
  assert_true (offered (&f));
  end (&f);
  f = begin (true, "accept=any");
  f.request.service = "smtp";
  assert_true (offered (&f));
  end (&f);
}

static void
settings_are_checked (void **state) {
  static const char *const wrong[] = { "realms=A B=",   "realms==B",    "realms=A@B",
                                       "realms=A=B\\c", "realms=A=B=C", "realms=A=@" };
  for (size_t i = 0; i < G_N_ELEMENTS (wrong); i++) {
    struct harness *harness = harness_new ();
    const char *const settings[] = { wrong[i], NULL };
    assert_int_equal (harness_load (harness, module, settings), PTN_E_INVALID);
    harness_free (&harness);
  }
}

int
main (int argc, char **argv) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (a_login),
    cmocka_unit_test (failures_name_who_it_was),
    cmocka_unit_test (finished_while_pending),
    cmocka_unit_test (a_keytab_comes_and_goes),
    cmocka_unit_test (names_decide_what_is_offered),
    cmocka_unit_test (settings_are_checked),
  };
  module = argv[1];
  return cmocka_run_group_tests (tests, NULL, NULL);
}
