/* SPDX-License-Identifier: Apache-2.0 */
/* tls_client.c - see tls_client.h.  OpenSSL verifies, once for each handshake; sessions of clients
 * with certificates are never resumed, so that a certificate which was revoked does not live on in
 * a ticket. */
#include "net/tls_client.h"

#include "net/tls.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>

enum { CHAIN_DEPTH = 8, CHAIN_OCTETS = 32 * 1024 };

/* --- whom to trust ---------------------------------------------------------------------- */

static X509_STORE *
fail (X509_STORE *store, const struct tls_trust *trust, const char *what, GError **error) {
  char why[160];

  tls_error_text (why, sizeof why);
  g_set_error (error, TLS_ERROR, 0, "%s: %s (%s)", trust->label, what, why);
  X509_STORE_free (store);
  return NULL;
}

/* All objects of a PEM text.  false: one is damaged, or the text is not only PEM's. */
static bool
add_all (X509_STORE *store, struct ptn_bytes pem, unsigned *certificates, unsigned *lists) {
  BIO *bio = BIO_new_mem_buf (pem.data, (int)pem.size);
  STACK_OF (X509_INFO) *all = bio ? PEM_X509_INFO_read_bio (bio, NULL, NULL, (char *)"") : NULL;
  bool good = all != NULL;

  for (int i = 0; good && i < sk_X509_INFO_num (all); i++) {
    const X509_INFO *info = sk_X509_INFO_value (all, i);
    if (info->x509) {
      good = X509_STORE_add_cert (store, info->x509) == 1;
      ++*certificates;
    }
    if (good && info->crl) {
      good = X509_STORE_add_crl (store, info->crl) == 1;
      ++*lists;
    }
  }
  sk_X509_INFO_pop_free (all, X509_INFO_free);
  BIO_free (bio);
  return good;
}

X509_STORE *
tls_trust_store (const struct tls_trust *trust, GError **error) {
  X509_STORE *store = X509_STORE_new ();
  unsigned certificates = 0, lists = 0, more = 0;
  unsigned long flags = X509_V_FLAG_PARTIAL_CHAIN; /* an issuing authority alone will do */

  ERR_clear_error ();
  if (!store || trust->authorities.size > G_MAXINT || trust->revoked.size > G_MAXINT)
    return fail (store, trust, "not usable", error);
  if (!add_all (store, trust->authorities, &certificates, &lists) || certificates == 0)
    return fail (store, trust, "no certificates in PEM form", error);
  if (trust->revoked.size
      && (!add_all (store, trust->revoked, &more, &lists) || lists == 0 || more))
    return fail (store, trust, "the revocation lists are not in PEM form", error);
  if (lists)
    flags |= X509_V_FLAG_CRL_CHECK;
  X509_STORE_set_flags (store, flags);
  ERR_clear_error ();
  return store;
}

/* The handshake goes on with a certificate that is not verified if none is required: then it
 * counts as none, and the fault stays with the SSL object. */
static int
judge (X509_STORE_CTX *context, void *required) {
  if (X509_verify_cert (context) > 0)
    return 1;
  if (X509_STORE_CTX_get_error (context) == X509_V_OK)
    X509_STORE_CTX_set_error (context, X509_V_ERR_UNSPECIFIED);
  return required ? 0 : 1;
}

/* The names of the authorities, so that clients can choose among their certificates. */
static bool
tell_names (SSL_CTX *ssl, X509_STORE *store) {
  STACK_OF (X509) *certificates = X509_STORE_get1_all_certs (store);
  bool good = certificates != NULL;

  for (int i = 0; good && i < sk_X509_num (certificates); i++)
    good = SSL_CTX_add_client_CA (ssl, sk_X509_value (certificates, i)) == 1;
  sk_X509_pop_free (certificates, X509_free);
  return good;
}

bool
tls_client_ask (SSL_CTX *ssl, tls_client_mode mode, X509_STORE *store) {
  const bool required = mode == TLS_CLIENT_REQUIRE;

  if (!tell_names (ssl, store))
    return false;
  SSL_CTX_set1_cert_store (ssl, store);
  SSL_CTX_set_verify (ssl, SSL_VERIFY_PEER | (required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
                      NULL);
  SSL_CTX_set_cert_verify_callback (ssl, judge, required ? ssl : NULL);
  SSL_CTX_set_verify_depth (ssl, CHAIN_DEPTH);
  SSL_CTX_set_max_cert_list (ssl, CHAIN_OCTETS);
  return true;
}

/* --- what a certificate says ------------------------------------------------------------ */

enum { SUBJECT, ISSUER, CN, EMAIL, UPN, DNS, FINGERPRINT, COUNT };
static const char *const names[COUNT] = {
  [SUBJECT] = "tls.client-subject",
  [ISSUER] = "tls.client-issuer",
  [CN] = "tls.client-cn",
  [EMAIL] = "tls.client-email",
  [UPN] = "tls.client-upn",
  [DNS] = "tls.client-dns",
  [FINGERPRINT] = "tls.client-fingerprint",
};

struct tls_client {
  char *texts[COUNT]; /* NULL: it has none */
};

void
tls_client_free (struct tls_client **client) {
  for (unsigned i = 0; *client && i < COUNT; i++)
    g_free ((*client)->texts[i]);
  g_clear_pointer (client, g_free);
}

/* RFC 4514, in UTF-8. */
static char *
name_text (const X509_NAME *name) {
  BIO *bio = BIO_new (BIO_s_mem ());
  char *text = NULL, *data;

  if (bio && X509_NAME_print_ex (bio, name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) >= 0) {
    const long size = BIO_get_mem_data (bio, &data);
    if (size > 0 && g_utf8_validate (data, size, NULL))
      text = g_strndup (data, (size_t)size);
  }
  BIO_free (bio);
  return text;
}

/* One value more, behind the others and a line feed.  What is no text is left out: it could be
 * taken for something else. */
static void
append (GString *values, const ASN1_STRING *string) {
  unsigned char *text = NULL;
  const int size = ASN1_STRING_to_UTF8 (&text, string);
  bool good = size > 0 && g_utf8_validate ((char *)text, size, NULL);

  for (int i = 0; good && i < size; i++)
    good = text[i] >= 0x20 && text[i] != 0x7f;
  if (good) {
    if (values->len)
      g_string_append_c (values, '\n');
    g_string_append_len (values, (char *)text, size);
  }
  OPENSSL_free (text);
}

static char *
finish (GString *values) {
  return g_string_free (values, values->len == 0);
}

static char *
subject_values (X509 *certificate, int nid) {
  const X509_NAME *subject = X509_get_subject_name (certificate);
  GString *values = g_string_new (NULL);

  for (int i = -1; (i = X509_NAME_get_index_by_NID (subject, nid, i)) >= 0;)
    append (values, X509_NAME_ENTRY_get_data (X509_NAME_get_entry (subject, i)));
  return finish (values);
}

static const ASN1_STRING *
alternative (const GENERAL_NAME *name, unsigned what) {
  int type;
  const void *value = GENERAL_NAME_get0_value (name, &type);
  const OTHERNAME *other = value;

  if ((what == EMAIL && type == GEN_EMAIL) || (what == DNS && type == GEN_DNS))
    return value;
  if (what == UPN && type == GEN_OTHERNAME && OBJ_obj2nid (other->type_id) == NID_ms_upn
      && other->value->type == V_ASN1_UTF8STRING)
    return other->value->value.utf8string;
  return NULL;
}

static char *
alternative_values (X509 *certificate, unsigned what) {
  GENERAL_NAMES *all = X509_get_ext_d2i (certificate, NID_subject_alt_name, NULL, NULL);
  GString *values = g_string_new (NULL);

  for (int i = 0; i < sk_GENERAL_NAME_num (all); i++) {
    const ASN1_STRING *value = alternative (sk_GENERAL_NAME_value (all, i), what);
    if (value)
      append (values, value);
  }
  GENERAL_NAMES_free (all);
  return finish (values);
}

static char *
fingerprint (X509 *certificate) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  GString *text;

  if (!X509_digest (certificate, EVP_sha256 (), digest, &size))
    return NULL;
  text = g_string_new (NULL);
  for (unsigned i = 0; i < size; i++)
    g_string_append_printf (text, "%02x", digest[i]);
  return g_string_free (text, FALSE);
}

static struct tls_client *
tls_client_new (X509 *certificate) {
  struct tls_client *client = g_new0 (struct tls_client, 1);

  client->texts[SUBJECT] = name_text (X509_get_subject_name (certificate));
  client->texts[ISSUER] = name_text (X509_get_issuer_name (certificate));
  client->texts[CN] = subject_values (certificate, NID_commonName);
  client->texts[EMAIL] = alternative_values (certificate, EMAIL);
  if (!client->texts[EMAIL]) /* as it was before there were alternative names */
    client->texts[EMAIL] = subject_values (certificate, NID_pkcs9_emailAddress);
  client->texts[UPN] = alternative_values (certificate, UPN);
  client->texts[DNS] = alternative_values (certificate, DNS);
  client->texts[FINGERPRINT] = fingerprint (certificate);
  ERR_clear_error ();
  return client;
}

const char *
tls_client_property (SSL *ssl, struct tls_client **client, const char *name) {
  X509 *certificate = SSL_get0_peer_certificate (ssl);

  if (!certificate || !(SSL_get_verify_mode (ssl) & SSL_VERIFY_PEER)
      || SSL_get_verify_result (ssl) != X509_V_OK)
    return NULL;
  if (!*client)
    *client = tls_client_new (certificate);
  for (unsigned i = 0; i < COUNT; i++)
    if (strcmp (name, names[i]) == 0)
      return (*client)->texts[i];
  return NULL;
}

const char *
tls_client_fault (SSL *ssl) {
  const long result = SSL_get_verify_result (ssl);

  if (!SSL_get0_peer_certificate (ssl) || result == X509_V_OK)
    return NULL;
  return X509_verify_cert_error_string (result);
}
