/* SPDX-License-Identifier: Apache-2.0 */
/* net_certificates.c - which certificate is shown to whom, and what is refused as one. */
#include "net_test.h"

#include <openssl/x509.h>

static struct tls_pair
pair_of (const struct pem *pem, const char *label, const char *const *names, size_t count) {
  return (struct tls_pair){
    .names = { names, count },
    .certificate = { pem->certificate, strlen (pem->certificate) },
    .key = { pem->key, strlen (pem->key) },
    .label = label,
  };
}

static void
refused (const struct tls_pair *pair, const char *what) {
  g_autoptr (GError) error = NULL;

  assert_null (tls_context_new (pair, 1, &(struct tls_settings){ 0 }, &error));
  assert_non_null (error);
  if (!strstr (error->message, what) || !g_str_has_prefix (error->message, "mail.pem"))
    fail_msg ("\"%s\" does not say \"%s\"", error->message, what);
}

static void
bad_pairs (void **state) {
  struct pem one = pem_new ("one"), two = pem_new ("two");
  g_autofree char *torn = g_strndup (one.certificate, strlen (one.certificate) / 2);
  g_autofree char *chain = g_strconcat (one.certificate, torn, "-----END CERTIFICATE-----\n", NULL);
  struct tls_pair pair = pair_of (&one, "mail.pem", NULL, 0);
  g_autoptr (GError) error = NULL;
  const char *encrypted =
      "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIGj\n-----END ENCRYPTED PRIVATE KEY-----\n";

  pair.key = (struct ptn_bytes){ two.key, strlen (two.key) };
  refused (&pair, "do not belong together");
  pair.key = (struct ptn_bytes){ one.certificate, strlen (one.certificate) };
  refused (&pair, "no usable private key");
  pair.key = (struct ptn_bytes){ encrypted, strlen (encrypted) };
  refused (&pair, "no usable private key");
  pair.key = (struct ptn_bytes){ NULL, 0 };
  refused (&pair, "no usable private key");
  pair = pair_of (&one, "mail.pem", NULL, 0);
  pair.certificate = (struct ptn_bytes){ torn, strlen (torn) };
  refused (&pair, "no usable certificate");
  pair.certificate = (struct ptn_bytes){ chain, strlen (chain) };
  refused (&pair, "chain");
  pair.certificate = (struct ptn_bytes){ "", 0 };
  refused (&pair, "no usable certificate");
  assert_null (tls_context_new (NULL, 0, &(struct tls_settings){ 0 }, &error));
  pem_clear (&one);
  pem_clear (&two);
}

static struct server server;

static void
shown (const char *asked, const char *wanted) {
  struct client client;
  char name[100] = "";

  client_open (&client, server.port);
  client_tls (&client, 0, asked);
  X509_NAME_get_text_by_NID (X509_get_subject_name (SSL_get0_peer_certificate (client.ssl)),
                             NID_commonName, name, sizeof name);
  assert_string_equal (name, wanted);
  expect_line (&client, "hello");
  client_close (&client);
}

static void
names (void **state) {
  static const char *const exact[] = { "imap.example.test", "POP.Example.TEST" };
  static const char *const wild[] = { "*.example.test" };
  struct pem first = pem_new ("first"), second = pem_new ("second"), third = pem_new ("third");
  struct tls_pair pairs[] = { pair_of (&first, NULL, NULL, 0), pair_of (&second, NULL, exact, 2),
                              pair_of (&third, NULL, wild, 1) };
  struct listener_spec spec = spec_default ();

  spec.tls = LISTENER_TLS;
  spec.context = tls_context_new (pairs, 3, &(struct tls_settings){ 0 }, NULL);
  assert_non_null (spec.context);
  assert_true (tls_context_not_after (spec.context) > 1700000000);
  server_start (&server, &spec, 0);
  tls_context_unref (spec.context);
  shown (NULL, "first");
  shown ("elsewhere.test", "first");
  shown ("imap.example.test", "second");
  shown ("IMAP.example.test", "second");
  shown ("pop.example.test", "second");
  shown ("smtp.example.test", "third");
  shown ("a.b.example.test", "first"); /* one label only */
  shown ("example.test", "first");
  server_stop (&server);
  pem_clear (&first);
  pem_clear (&second);
  pem_clear (&third);
}

/* New sessions see the new certificate, old ones go on. */
static void
reload (void **state) {
  struct listener_spec spec = spec_default ();
  struct tls_context *next = context_new ("next", 0, true);
  struct client old, begun;

  spec.tls = LISTENER_TLS;
  spec.context = context_new ("before", 0, true);
  server_start (&server, &spec, 0);
  tls_context_unref (spec.context);
  client_open (&old, server.port);
  client_tls (&old, 0, NULL);
  expect_line (&old, "hello");
  client_open (&begun, server.port);
  AWAIT (net_sessions (server.net) == 2);

  listener_set_tls (server.listener, next);
  tls_context_unref (next);
  shown (NULL, "next");
  ask (&old, "ECHO still", "still");
  client_tls (&begun, 0, "a.name");
  expect_line (&begun, "hello");
  for (unsigned i = 0; i < 20; i++) {
    next = context_new ("again", 0, true);
    listener_set_tls (server.listener, next);
    tls_context_unref (next);
    shown (NULL, "again");
  }
  client_close (&old);
  client_close (&begun);
  server_stop (&server);
}

int
main (void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (bad_pairs),
    cmocka_unit_test (names),
    cmocka_unit_test (reload),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
