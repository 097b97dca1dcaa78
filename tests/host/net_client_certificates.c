/* SPDX-License-Identifier: Apache-2.0 */
/* net_client_certificates.c - certificates of clients: who is believed, what is told of them, and
 * that one which cannot be verified is as good as none. */
#include "net_test.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#define NAMES                                         \
  "email:alice@example.test,DNS:laptop.example.test," \
  "otherName:1.3.6.1.4.1.311.20.2.3;UTF8:alice@corp.example.test"

static struct server server;

/* --- an authority ------------------------------------------------------------------------ */

struct authority {
  X509 *certificate;
  EVP_PKEY *key;
  char *pem;
};
static struct authority ours, theirs;

static char *
text_of (BIO *bio) {
  char *data;
  const long size = BIO_get_mem_data (bio, &data);
  char *text = g_strndup (data, (size_t)size);
  BIO_free (bio);
  return text;
}

static char *
pem_of (X509 *certificate) {
  BIO *bio = BIO_new (BIO_s_mem ());
  assert_int_equal (PEM_write_bio_X509 (bio, certificate), 1);
  return text_of (bio);
}

static void
extend (X509 *certificate, int nid, const char *value) {
  X509V3_CTX context;
  X509V3_set_ctx (&context, certificate, certificate, NULL, NULL, 0);
  X509_EXTENSION *extension = X509V3_EXT_conf_nid (NULL, &context, nid, value);
  assert_non_null (extension);
  X509_add_ext (certificate, extension, -1);
  X509_EXTENSION_free (extension);
}

static X509 *
certificate_new (const char *cn, EVP_PKEY *key, long serial) {
  X509 *certificate = X509_new ();
  X509_NAME *subject = X509_get_subject_name (certificate);
  X509_set_version (certificate, 2);
  ASN1_INTEGER_set (X509_get_serialNumber (certificate), serial);
  X509_gmtime_adj (X509_getm_notBefore (certificate), -3600);
  X509_gmtime_adj (X509_getm_notAfter (certificate), 86400);
  X509_NAME_add_entry_by_txt (subject, "O", MBSTRING_ASC, (const void *)"Example, Inc.", -1, -1, 0);
  X509_NAME_add_entry_by_txt (subject, "CN", MBSTRING_UTF8, (const void *)cn, -1, -1, 0);
  X509_set_pubkey (certificate, key);
  return certificate;
}

static void
authority_new (struct authority *authority, const char *cn) {
  authority->key = EVP_EC_gen ("P-256");
  authority->certificate = certificate_new (cn, authority->key, 1);
  X509_set_issuer_name (authority->certificate, X509_get_subject_name (authority->certificate));
  extend (authority->certificate, NID_basic_constraints, "critical,CA:TRUE");
  extend (authority->certificate, NID_key_usage, "critical,keyCertSign,cRLSign");
  assert_true (X509_sign (authority->certificate, authority->key, EVP_sha256 ()) > 0);
  authority->pem = pem_of (authority->certificate);
}

static void
authority_free (struct authority *authority) {
  X509_free (authority->certificate);
  EVP_PKEY_free (authority->key);
  g_free (authority->pem);
}

enum kind { GOOD, EXPIRED, FOR_SERVERS, NO_NAMES };

static struct pem
issue (const struct authority *authority, const char *cn, long serial, enum kind kind) {
  EVP_PKEY *key = EVP_EC_gen ("P-256");
  X509 *certificate = certificate_new (cn, key, serial);
  BIO *bio = BIO_new (BIO_s_mem ());
  struct pem pem;
  X509_set_issuer_name (certificate, X509_get_subject_name (authority->certificate));
  if (kind == EXPIRED)
    X509_gmtime_adj (X509_getm_notAfter (certificate), -60);
  if (kind == FOR_SERVERS)
    extend (certificate, NID_ext_key_usage, "serverAuth");
  if (kind != NO_NAMES)
    extend (certificate, NID_subject_alt_name, NAMES);
  assert_true (X509_sign (certificate, authority->key, EVP_sha256 ()) > 0);
  assert_int_equal (PEM_write_bio_PrivateKey (bio, key, NULL, NULL, 0, NULL, NULL), 1);
  pem = (struct pem){ .certificate = pem_of (certificate), .key = text_of (bio) };
  X509_free (certificate);
  EVP_PKEY_free (key);
  return pem;
}

/* A list that has one number on it. */
static char *
list_of_revoked (const struct authority *authority, long serial) {
  X509_CRL *list = X509_CRL_new ();
  X509_REVOKED *revoked = X509_REVOKED_new ();
  ASN1_TIME *time = X509_gmtime_adj (NULL, -60);
  ASN1_INTEGER *number = ASN1_INTEGER_new ();
  BIO *bio = BIO_new (BIO_s_mem ());
  X509_CRL_set_version (list, 1);
  X509_CRL_set_issuer_name (list, X509_get_subject_name (authority->certificate));
  X509_CRL_set1_lastUpdate (list, time);
  ASN1_INTEGER_set (number, serial);
  X509_REVOKED_set_serialNumber (revoked, number);
  X509_REVOKED_set_revocationDate (revoked, time);
  X509_CRL_add0_revoked (list, revoked);
  X509_gmtime_adj (time, 3600);
  X509_CRL_set1_nextUpdate (list, time);
  assert_true (X509_CRL_sign (list, authority->key, EVP_sha256 ()) > 0);
  assert_int_equal (PEM_write_bio_X509_CRL (bio, list), 1);
  ASN1_TIME_free (time);
  ASN1_INTEGER_free (number);
  X509_CRL_free (list);
  return text_of (bio);
}

/* --- the server -------------------------------------------------------------------------- */

static struct ptn_bytes
octets (const char *text) {
  return (struct ptn_bytes){ text, text ? strlen (text) : 0 };
}

/* Two certificates of its own: the second is chosen by name, and asks all the same. */
static void
start (tls_client_mode mode, const char *lists) {
  struct listener_spec spec = spec_default ();
  struct pem pems[] = { pem_new ("mail.example.test"), pem_new ("other.example.test") };
  const char *const names[] = { "other.example.test" };
  const struct tls_pair pairs[] = {
    { .certificate = octets (pems[0].certificate), .key = octets (pems[0].key) },
    { .names = { names, 1 },
      .certificate = octets (pems[1].certificate),
      .key = octets (pems[1].key) },
  };
  const struct tls_settings settings = { .resumption = true,
                                         .client = mode,
                                         .trust = { .authorities = octets (ours.pem),
                                                    .revoked = octets (lists),
                                                    .label = "authorities.pem" } };
  g_autoptr (GError) error = NULL;
  spec.tls = LISTENER_TLS;
  spec.context = tls_context_new (pairs, 2, &settings, &error);
  if (!spec.context)
    fail_msg ("%s", error->message);
  server_start (&server, &spec, 0);
  tls_context_unref (spec.context);
  pem_clear (&pems[0]);
  pem_clear (&pems[1]);
}

/* false: the server broke the handshake off, which with TLS 1.3 shows afterwards. */
static bool
enter (struct client *client, const struct pem *pem, int version, const char *name) {
  client_open (client, server.port);
  client->shown = pem;
  if (!client_try_tls (client, version, name))
    return false;
  const char *line = client_line (client);
  return line && strcmp (line, "hello") == 0;
}

static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
static const char *const properties[] = {
  "tls.client-subject", "tls.client-issuer", "tls.client-cn",          "tls.client-email",
  "tls.client-upn",     "tls.client-dns",    "tls.client-fingerprint",
};

static void
expect_nothing_told (struct client *client) {
  for (size_t i = 0; i < G_N_ELEMENTS (properties); i++) {
    g_autofree char *command = g_strdup_printf ("PROP %s", properties[i]);
    ask (client, command, "-");
  }
}

static void
expect_refused (const struct pem *pem, const char *reason) {
  struct client client;
  assert_true (enter (&client, pem, 0, "mail.example.test"));
  expect_nothing_told (&client);
  client_close (&client);
  if (!log_has (reason))
    fail_msg ("the log does not say: %s", reason);
}

/* --- tests ------------------------------------------------------------------------------- */

static void
verified (void **state) {
  struct pem alice = issue (&ours, "Alice \xc3\x84", 7, GOOD);
  struct pem plain = issue (&ours, "bob", 8, NO_NAMES);
  start (TLS_CLIENT_REQUEST, NULL);
  for (size_t v = 0; v < G_N_ELEMENTS (versions); v++)
    for (size_t n = 0; n < 2; n++) {
      struct client client;
      assert_true (
          enter (&client, &alice, versions[v], n ? "other.example.test" : "mail.example.test"));
      ask (&client, "PROP tls.client-subject", "CN=Alice \xc3\x84,O=Example\\, Inc.");
      ask (&client, "PROP tls.client-issuer", "CN=ours,O=Example\\, Inc.");
      ask (&client, "PROP tls.client-cn", "Alice \xc3\x84");
      ask (&client, "PROP tls.client-email", "alice@example.test");
      ask (&client, "PROP tls.client-upn", "alice@corp.example.test");
      ask (&client, "PROP tls.client-dns", "laptop.example.test");
      ask (&client, "PROP tls.client-other", "-");
      client_send (&client, "PROP tls.client-fingerprint\n");
      assert_int_equal (strspn (client_line (&client), "0123456789abcdef"), 64);
      assert_false (SSL_session_reused (client.ssl));
      assert_int_equal (SSL_SESSION_has_ticket (SSL_get_session (client.ssl)), 0);
      client_close (&client);
    }
  struct client client;
  assert_true (enter (&client, &plain, 0, NULL));
  ask (&client, "PROP tls.client-cn", "bob");
  ask (&client, "PROP tls.client-email", "-");
  ask (&client, "PROP tls.client-upn", "-");
  client_close (&client);
  assert_false (log_has ("tls.client-refused"));
  pem_clear (&alice);
  pem_clear (&plain);
  server_stop (&server);
}

static void
as_good_as_none (void **state) {
  struct pem expired = issue (&ours, "alice", 2, EXPIRED);
  struct pem for_servers = issue (&ours, "alice", 3, FOR_SERVERS);
  struct pem foreign = issue (&theirs, "alice", 4, GOOD);
  struct client client;
  start (TLS_CLIENT_REQUEST, NULL);
  assert_true (enter (&client, NULL, 0, NULL));
  expect_nothing_told (&client);
  client_close (&client);
  assert_false (log_has ("tls.client-refused"));
  expect_refused (&expired, "certificate has expired");
  expect_refused (&for_servers, "unsuitable certificate purpose");
  expect_refused (&foreign, "unable to get local issuer certificate");
  server_stop (&server);
  pem_clear (&expired);
  pem_clear (&for_servers);
  pem_clear (&foreign);
}

static void
required (void **state) {
  struct pem alice = issue (&ours, "alice", 7, GOOD);
  struct pem foreign = issue (&theirs, "alice", 8, GOOD);
  start (TLS_CLIENT_REQUIRE, NULL);
  for (size_t v = 0; v < G_N_ELEMENTS (versions); v++) {
    struct client client;
    assert_false (enter (&client, NULL, versions[v], NULL));
    client_close (&client);
    assert_false (enter (&client, &foreign, versions[v], NULL));
    client_close (&client);
    assert_true (enter (&client, &alice, versions[v], NULL));
    client_close (&client);
  }
  server_stop (&server);
  pem_clear (&alice);
  pem_clear (&foreign);
}

static void
revoked (void **state) {
  struct pem alice = issue (&ours, "alice", 7, GOOD), bob = issue (&ours, "bob", 8, GOOD);
  g_autofree char *lists = list_of_revoked (&ours, 8);
  g_autofree char *foreign = list_of_revoked (&theirs, 8);
  struct client client;
  start (TLS_CLIENT_REQUEST, lists);
  expect_refused (&bob, "certificate revoked");
  assert_true (enter (&client, &alice, 0, NULL));
  ask (&client, "PROP tls.client-cn", "alice");
  client_close (&client);
  server_stop (&server);
  start (TLS_CLIENT_REQUEST, foreign); /* of our authority there is none: nobody knows */
  expect_refused (&alice, "unable to get certificate CRL");
  server_stop (&server);
  pem_clear (&alice);
  pem_clear (&bob);
}

/* Nobody is asked: who shows a certificate has shown none. */
static void
not_asked (void **state) {
  struct pem alice = issue (&ours, "alice", 7, GOOD);
  struct client client;
  start (TLS_CLIENT_NONE, NULL);
  assert_true (enter (&client, &alice, 0, NULL));
  expect_nothing_told (&client);
  client_close (&client);
  server_stop (&server);
  pem_clear (&alice);
}

static void
damaged_authorities (void **state) {
  g_autofree char *cut = g_strndup (ours.pem, strlen (ours.pem) / 2);
  g_autofree char *lists = list_of_revoked (&ours, 8);
  const struct tls_trust bad[] = {
    { .authorities = octets (""), .label = "x" },
    { .authorities = octets ("no PEM\n"), .label = "x" },
    { .authorities = octets (cut), .label = "x" },
    { .authorities = octets (lists), .label = "x" },
    { .authorities = octets (ours.pem), .revoked = octets ("no PEM\n"), .label = "x" },
    { .authorities = octets (ours.pem), .revoked = octets (ours.pem), .label = "x" },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_autoptr (GError) error = NULL;
    assert_null (tls_trust_store (&bad[i], &error));
    assert_non_null (error);
    assert_true (g_str_has_prefix (error->message, "x: "));
  }
}

static int
setup (void **state) {
  authority_new (&ours, "ours");
  authority_new (&theirs, "theirs");
  return 0;
}

static int
teardown (void **state) {
  authority_free (&ours);
  authority_free (&theirs);
  return 0;
}

int
main (void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (verified),  cmocka_unit_test (as_good_as_none),
    cmocka_unit_test (required),  cmocka_unit_test (revoked),
    cmocka_unit_test (not_asked), cmocka_unit_test (damaged_authorities),
  };
  return cmocka_run_group_tests (tests, setup, teardown);
}
