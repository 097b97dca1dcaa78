/* SPDX-License-Identifier: Apache-2.0 */
/* exchange_test.c - the two mechanisms of the loaded plugin, with keys in a file. */
#include "harness/harness.h"
#include "signer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <glib/gstdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *module;

struct fixture {
  struct harness *harness;
  const struct ptn_host *host;
  struct ptn_task *task;
  struct ptn_sasl_request request;
  char *folder, *file;
  signer_key *key;
};

static void
write_keys (struct fixture *f, signer_key *key, const char *kid) {
  g_autofree char *jwk = signer_jwk (key, kid, NULL, NULL), *set = signer_set (jwk, NULL);
  g_autofree char *fresh = g_strconcat (f->file, ".new", NULL);
  assert_true (g_file_set_contents (fresh, set, -1, NULL));
  assert_int_equal (g_rename (fresh, f->file), 0);
}

static struct fixture *
fixture_new (void) {
  struct fixture *f = g_new0 (struct fixture, 1);
  f->folder = g_dir_make_tmp ("auth-oauth-test-XXXXXX", NULL);
  f->file = g_build_filename (f->folder, "keys", NULL);
  f->key = signer_key_new ("ES256", 0);
  write_keys (f, f->key, "k1");
  f->harness = harness_new ();
  f->host = harness_host (f->harness);
  g_autofree char *file = g_strconcat ("keys_file=", f->file, NULL);
  const char *const settings[] = {
    file, "issuer=https://i/", "audience=postern", "scope=mail", "openid_configuration=https://i/c",
    NULL
  };
  assert_int_equal (harness_load (f->harness, module, settings), PTN_OK);
  assert_int_equal (harness_start (f->harness), PTN_OK);
  f->task = harness_task_new (f->harness);
  f->request = (struct ptn_sasl_request){
    .size = sizeof f->request, .service = "imap", .listener = "imap", .session_id = "1"
  };
  return f;
}

static void
fixture_free (struct fixture *f) {
  harness_task_free (&f->task);
  harness_free (&f->harness);
  g_unlink (f->file);
  g_rmdir (f->folder);
  EVP_PKEY_free (f->key);
  g_free (f->file);
  g_free (f->folder);
  g_free (f);
}

/* One exchange, step by step. */
struct talk {
  struct fixture *f;
  const struct ptn_sasl_mechanism *mechanism;
  struct ptn_call call;
  void *exchange;
  const struct ptn_identity *identity;
  struct ptn_bytes challenge;
};

static struct talk
talk_begin (struct fixture *f, const char *mechanism) {
  const struct ptn_binding found = harness_find (f->harness, PTN_SASL_ID, mechanism);
  struct talk talk = { .f = f, .mechanism = found.table, .call = { .task = f->task } };
  assert_int_equal (talk.mechanism->start (found.instance, &talk.call, &f->request, &talk.exchange),
                    PTN_OK);
  f->host->call_end (&talk.call);
  return talk;
}

static ptn_status
talk_step (struct talk *talk, const char *response) {
  talk->identity = NULL;
  return HARNESS_AWAIT (talk->f->task,
                        talk->mechanism->step (talk->exchange, &talk->call,
                                               (struct ptn_bytes){
                                                   response, response ? strlen (response) : 0 },
                                               &talk->challenge, &talk->identity));
}

/* As the auth plugin asks after each challenge. */
static ptn_status
talk_failed (struct talk *talk) {
  talk->identity = NULL;
  return talk->mechanism->failed (talk->exchange, &talk->call, &talk->identity);
}

static void
talk_end (struct talk *talk) {
  talk->f->host->call_end (&talk->call);
  talk->mechanism->finish (talk->exchange);
}

static char *
token_of (signer_key *key, const char *kid, const char *email, int seconds) {
  g_autofree char *claims =
      g_strdup_printf ("{\"iss\":\"https://i/\",\"aud\":\"postern\",\"scope\":\"mail\","
                       "\"email\":\"%s\",\"exp\":%ld}",
                       email, (long)time (NULL) + seconds);
  return signer_sign (claims, key, "ES256", kid);
}

static char *
bearer (const char *user, const char *token) {
  return g_strdup_printf ("n,%s%s,\1host=h\1port=143\1auth=Bearer %s\1\1", *user ? "a=" : "", user,
                          token);
}

static char *
google (const char *user, const char *token) {
  return g_strdup_printf ("user=%s\1auth=Bearer %s\1\1", user, token);
}

static void
both_forms_prove (void **state) {
  (void)state;
  struct fixture *f = fixture_new ();
  g_autofree char *token = token_of (f->key, "k1", "alice@example.test", 60);
  for (unsigned i = 0; i < 4; i++) {
    struct talk talk = talk_begin (f, i & 1 ? "XOAUTH2" : "OAUTHBEARER");
    assert_true (talk.mechanism->flags & PTN_SASL_PLAINTEXT);
    g_autofree char *message = i & 1 ? google ("bob", token) : bearer ("bob", token);
    if (i & 2) {
      assert_int_equal (talk_step (&talk, NULL), PTN_OK);
      assert_int_equal (talk.challenge.size, 0);
      assert_null (talk.identity);
    }
    assert_int_equal (talk_step (&talk, message), PTN_END);
    assert_string_equal (talk.identity->authcid, "alice@example.test");
    assert_string_equal (talk.identity->authzid, "bob");
    assert_int_equal (talk_step (&talk, message), PTN_E_INVALID); /* it is over */
    talk_end (&talk);
  }
  fixture_free (f);
}

static void
failure_has_a_text (void **state) {
  (void)state;
  struct fixture *f = fixture_new ();
  g_autofree char *token = token_of (f->key, "k1", "alice", -100);
  g_autofree char *message = bearer ("", token);
  struct talk talk = talk_begin (f, "OAUTHBEARER");
  assert_int_equal (talk_step (&talk, message), PTN_OK);
  g_autofree char *error = g_strndup (talk.challenge.data, talk.challenge.size);
  assert_string_equal (error, "{\"status\":\"invalid_token\",\"scope\":\"mail\","
                              "\"openid-configuration\":\"https://i/c\"}");
  assert_null (talk.identity);
  assert_int_equal (talk_failed (&talk), PTN_E_AUTHENTICATION); /* told before it is answered */
  assert_string_equal (f->host->failure_log (f->task), "the token has expired");
  assert_string_equal (talk.identity->authcid, "alice"); /* for the log and the count */
  assert_int_equal (talk_step (&talk, "\1"), PTN_E_AUTHENTICATION);
  assert_string_equal (f->host->failure_log (f->task), "the token has expired");
  assert_string_equal (talk.identity->authcid, "alice");
  talk_end (&talk);

  /* A client that goes away instead. */
  talk = talk_begin (f, "XOAUTH2");
  assert_int_equal (talk_step (&talk, NULL), PTN_OK);
  assert_int_equal (talk_failed (&talk), PTN_OK); /* it was asked for the token, and no more */
  assert_null (talk.identity);
  g_autofree char *other = google ("bob", "opaque");
  assert_int_equal (talk_step (&talk, other), PTN_OK);
  assert_non_null (strstr (talk.challenge.data, "\"401\""));
  assert_int_equal (talk_failed (&talk), PTN_E_AUTHENTICATION);
  assert_string_equal (talk.identity->authcid, "bob");
  talk_end (&talk);
  fixture_free (f);
}

static ptn_status
one_step (struct fixture *f, const char *mechanism, const char *response) {
  struct talk talk = talk_begin (f, mechanism);
  const ptn_status status = talk_step (&talk, response);
  talk_end (&talk);
  return status;
}

static void
malformed_responses (void **state) {
  (void)state;
  struct fixture *f = fixture_new ();
  g_autofree char *token = token_of (f->key, "k1", "alice", 60);
  g_autofree char *message = bearer ("", token);
  assert_int_equal (one_step (f, "OAUTHBEARER", ""), PTN_E_INVALID);
  assert_int_equal (one_step (f, "XOAUTH2", message), PTN_E_INVALID);
  for (size_t size = 0; size < strlen (message); size++) {
    g_autofree char *cut = g_strndup (message, size);
    assert_int_equal (one_step (f, "OAUTHBEARER", cut), PTN_E_INVALID);
  }
  struct talk talk = talk_begin (f, "OAUTHBEARER");
  assert_int_equal (talk_step (&talk, NULL), PTN_OK);
  assert_int_equal (talk_step (&talk, NULL), PTN_E_INVALID);
  talk_end (&talk);
  /* Asks what there is to ask for. */
  talk = talk_begin (f, "OAUTHBEARER");
  assert_int_equal (talk_step (&talk, "n,,\1auth=\1\1"), PTN_OK);
  assert_non_null (strstr (talk.challenge.data, "https://i/c"));
  assert_int_equal (talk_step (&talk, "\1"), PTN_E_AUTHENTICATION);
  talk_end (&talk);
  fixture_free (f);
}

static void
keys_change (void **state) {
  (void)state;
  struct fixture *f = fixture_new ();
  g_autoptr (signer_key) second = signer_key_new ("ES256", 0);
  g_autofree char *old = token_of (f->key, "k1", "alice", 60);
  g_autofree char *new = token_of (second, "k2", "alice", 60);
  g_autofree char *with_old = bearer ("", old), *with_new = bearer ("", new);
  assert_int_equal (one_step (f, "OAUTHBEARER", with_old), PTN_END);
  assert_int_equal (one_step (f, "OAUTHBEARER", with_new), PTN_OK); /* a challenge: no */
  write_keys (f, second, "k2");
  ptn_status status = PTN_OK;
  for (unsigned i = 0; i < 300 && status != PTN_END; i++) {
    g_usleep (100000);
    status = one_step (f, "OAUTHBEARER", with_new);
  }
  assert_int_equal (status, PTN_END);
  assert_int_equal (one_step (f, "OAUTHBEARER", with_old), PTN_OK);
  /* A file that is spoilt or gone: the keys stay, and what is not known is not told to be wrong. */
  assert_true (g_file_set_contents (f->file, "{", -1, NULL));
  g_usleep (1100000);
  assert_int_equal (one_step (f, "OAUTHBEARER", with_new), PTN_END);
  assert_int_equal (one_step (f, "OAUTHBEARER", with_old), PTN_E_TEMPORARY);
  g_unlink (f->file);
  g_usleep (1100000);
  assert_int_equal (one_step (f, "OAUTHBEARER", with_new), PTN_END);
  fixture_free (f);
}

/* ES384 is checked in a lane. */
static void
slow_signatures (void **state) {
  (void)state;
  struct fixture *f = fixture_new ();
  g_autoptr (signer_key) key = signer_key_new ("ES384", 0), other = signer_key_new ("ES384", 0);
  write_keys (f, key, "k3");
  g_autofree char *claims =
      g_strdup_printf ("{\"iss\":\"https://i/"
                       "\",\"aud\":\"postern\",\"scope\":\"mail\",\"email\":\"alice\",\"exp\":%ld}",
                       (long)time (NULL) + 60);
  g_autofree char *good = signer_sign (claims, key, "ES384", "k3");
  g_autofree char *bare = signer_sign (claims, key, "ES384", NULL);
  g_autofree char *forged = signer_sign (claims, other, "ES384", "k3");
  g_autofree char *unknown = signer_sign (claims, key, "ES384", "k4");
  const char *const tokens[] = { good, bare, forged, unknown };
  for (unsigned i = 0; i < 8; i++) {
    g_autofree char *message = bearer ("", tokens[i % 4]);
    assert_int_equal (one_step (f, "OAUTHBEARER", message), i % 4 < 2 ? PTN_END : PTN_OK);
    /* Given up while it runs. */
    struct talk talk = talk_begin (f, "OAUTHBEARER");
    assert_int_equal (talk.mechanism->step (talk.exchange, &talk.call,
                                            (struct ptn_bytes){ message, strlen (message) },
                                            &talk.challenge, &talk.identity),
                      PTN_PENDING);
    talk_end (&talk);
  }
  fixture_free (f);
}

/* A login that was begun under the old settings and ends under the new ones. */
static void
old_settings_leave_nothing_behind (void **state) {
  (void)state;
  struct fixture *f = fixture_new ();
  g_autoptr (signer_key) old = signer_key_new ("ES384", 0), new = signer_key_new ("ES384", 0);
  write_keys (f, old, "k3");
  const char *claims = "{\"iss\":\"https://i/\",\"aud\":\"postern\",\"scope\":\"mail\","
                       "\"email\":\"alice\",\"exp\":9999999999}";
  g_autofree char *known = signer_sign (claims, old, "ES384", "k3");
  g_autofree char *unknown = signer_sign (claims, old, "ES384", "k4");
  g_autofree char *good = signer_sign (claims, new, "ES384", "k3");
  g_autofree char *with_known = bearer ("", known), *with_unknown = bearer ("", unknown);
  g_autofree char *with_good = bearer ("", good);
  assert_int_equal (one_step (f, "OAUTHBEARER", with_known), PTN_END);
  struct talk talk = talk_begin (f, "OAUTHBEARER");
  const struct ptn_bytes response = { with_unknown, strlen (with_unknown) };
  assert_int_equal (talk.mechanism->step (talk.exchange, &talk.call, response, &talk.challenge,
                                          &talk.identity),
                    PTN_PENDING); /* the signature, in the lane */
  g_autofree char *before = g_steal_pointer (&f->file);
  f->file = g_build_filename (f->folder, "others", NULL);
  write_keys (f, new, "k3");
  g_autofree char *file = g_strconcat ("keys_file=", f->file, NULL);
  const char *const settings[] = { file, "issuer=https://i/", "audience=postern", "scope=mail",
                                   NULL };
  assert_int_equal (harness_reload (f->harness, "auth-oauth", settings), PTN_OK);
  assert_int_equal (talk_step (&talk, with_unknown), PTN_E_TEMPORARY);
  talk_end (&talk);
  assert_int_equal (one_step (f, "OAUTHBEARER", with_known), PTN_OK); /* a challenge: no */
  assert_int_equal (one_step (f, "OAUTHBEARER", with_good), PTN_END);
  g_unlink (before);
  fixture_free (f);
}

static ptn_status
configured (const char *const *settings) {
  struct harness *harness = harness_new ();
  const ptn_status status = harness_load (harness, module, settings);
  harness_free (&harness);
  return status;
}

static void
settings_that_do_not_fit (void **state) {
  (void)state;
#define SETTINGS(...) ((const char *const[]){ __VA_ARGS__, NULL })
  assert_int_equal (configured (SETTINGS ("issuer=x")), PTN_E_INVALID);
  assert_int_equal (configured (SETTINGS ("issuer=x", "keys_file=/x")), PTN_E_INVALID);
  assert_int_equal (configured (SETTINGS ("audience=x", "keys_file=/x")), PTN_E_INVALID);
  assert_int_equal (configured (SETTINGS ("issuer=x", "audience=x", "keys_url=http://example/")),
                    PTN_E_INVALID);
  assert_int_equal (configured (SETTINGS ("introspection_url=https://example/")), PTN_E_INVALID);
  assert_int_equal (configured (SETTINGS ("introspection_url=https://example/", "client_id=x")),
                    PTN_E_INVALID);
  /* Else tokens would be believed without the question that was wanted. */
  assert_int_equal (configured (SETTINGS ("issuer=x", "audience=x", "keys_file=/x",
                                          "introspection=always")),
                    PTN_E_INVALID);
  assert_int_equal (configured (SETTINGS ("issuer=x", "audience=x", "keys_file=/x",
                                          "introspection=always", "client_id=x",
                                          "introspection_url=https://example/")),
                    PTN_OK);
  assert_int_equal (configured (SETTINGS ("introspection_url=https://example/", "client_id=x",
                                          "scope=mail")),
                    PTN_OK);
  assert_int_equal (configured (SETTINGS ("introspection_url=https://example/", "client_id=x",
                                          "audience=x")),
                    PTN_OK);
  assert_int_equal (configured (SETTINGS ("issuer=x", "audience=x", "keys_file=/x")), PTN_OK);
}

int
main (int argc, char **argv) {
  assert_int_equal (argc, 2);
  module = argv[1];
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (both_forms_prove),
    cmocka_unit_test (failure_has_a_text),
    cmocka_unit_test (malformed_responses),
    cmocka_unit_test (keys_change),
    cmocka_unit_test (slow_signatures),
    cmocka_unit_test (settings_that_do_not_fit),
    cmocka_unit_test (old_settings_leave_nothing_behind),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
