/* SPDX-License-Identifier: Apache-2.0 */
/* tls.c - see tls.h. */
#include "net/tls.h"

#include "net/refcount.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>

struct named {
  char *name; /* lower case; "*.x" as ".x" */
  bool wildcard;
  SSL_CTX *ssl;
};

struct tls_context {
  refcount references;
  GPtrArray *all; /* SSL_CTX; the first is the default */
  GArray *names;  /* struct named, borrowing from `all` */
  int64_t not_after;
};

GQuark
tls_error_quark (void) {
  return g_quark_from_static_string ("postern-tls-error");
}

void
tls_error_text (char *text, size_t size) {
  unsigned long code = ERR_peek_error ();
  const char *reason = code ? ERR_reason_error_string (code) : NULL;

  g_strlcpy (text, reason ? reason : code ? "system error" : "unknown", size);
  ERR_clear_error ();
}

static bool
fail (GError **error, const struct tls_pair *pair, const char *what) {
  char why[160];

  tls_error_text (why, sizeof why);
  g_set_error (error, TLS_ERROR, 0, "%s: %s (%s)", pair->label ? pair->label : "certificate", what,
               why);
  return false;
}

/* --- one certificate ------------------------------------------------------------------ */

/* We never know a pass phrase; asking at the terminal would hang. */
static int
no_password (char *buffer, int size, int writing, void *user) {
  return -1;
}

static bool
use_certificate (SSL_CTX *ssl, const struct tls_pair *pair, int64_t *not_after, GError **error) {
  BIO *bio = BIO_new_mem_buf (pair->certificate.data, (int)pair->certificate.size);
  X509 *certificate = bio ? PEM_read_bio_X509_AUX (bio, NULL, no_password, NULL) : NULL;
  bool good = certificate && SSL_CTX_use_certificate (ssl, certificate) == 1;
  struct tm end;

  if (!good)
    fail (error, pair, "no usable certificate");
  if (good && ASN1_TIME_to_tm (X509_get0_notAfter (certificate), &end) == 1)
    *not_after = MIN (*not_after, (int64_t)timegm (&end));
  X509_free (certificate);
  while (good) {
    X509 *link = PEM_read_bio_X509 (bio, NULL, no_password, NULL);
    if (!link) {
      unsigned long code = ERR_peek_last_error ();
      if (ERR_GET_LIB (code) != ERR_LIB_PEM || ERR_GET_REASON (code) != PEM_R_NO_START_LINE)
        good = fail (error, pair, "the chain is damaged");
      ERR_clear_error ();
      break;
    }
    if (SSL_CTX_add0_chain_cert (ssl, link) != 1) {
      X509_free (link);
      good = fail (error, pair, "the chain is not usable");
    }
  }
  BIO_free (bio);
  return good;
}

static bool
use_key (SSL_CTX *ssl, const struct tls_pair *pair, GError **error) {
  BIO *bio = BIO_new_mem_buf (pair->key.data, (int)pair->key.size);
  EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey (bio, NULL, no_password, NULL) : NULL;
  bool good = true;

  if (!key)
    good = fail (error, pair, "no usable private key");
  else if (SSL_CTX_use_PrivateKey (ssl, key) != 1 || SSL_CTX_check_private_key (ssl) != 1)
    good = fail (error, pair, "key and certificate do not belong together");
  EVP_PKEY_free (key);
  BIO_free (bio);
  return good;
}

static int choose_certificate (SSL *ssl, int *alert, void *context);

/* Sparing of memory: buffers only while octets are in them; no session cache; one ticket.  And of
 * time: the chain is what the file holds, not what could be searched for in every handshake. */
static SSL_CTX *
new_ssl_ctx (struct tls_context *context, const struct tls_settings *settings) {
  static const unsigned char id[] = "postern";
  const bool resumption = settings->resumption && settings->client == TLS_CLIENT_NONE;
  SSL_CTX *ssl = SSL_CTX_new (TLS_server_method ());
  uint64_t options = SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION
                     | SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA;

  if (!ssl)
    return NULL;
  if (!resumption)
    options |= SSL_OP_NO_TICKET;
  SSL_CTX_set_options (ssl, options);
  SSL_CTX_set_num_tickets (ssl, resumption ? 1 : 0);
  SSL_CTX_set_session_cache_mode (ssl, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_session_id_context (ssl, id, sizeof id - 1);
  SSL_CTX_set_mode (ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN
                             | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_min_proto_version (ssl, settings->minimum ? settings->minimum : TLS1_2_VERSION);
  SSL_CTX_set_cipher_list (ssl, "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES");
  SSL_CTX_set1_groups_list (ssl, "X25519:P-256:P-384");
  SSL_CTX_set_default_passwd_cb (ssl, no_password);
  /* One read of the socket for header and body of a record, and for the records behind it.
   * What was read ahead is kept no longer than it is not empty. */
  SSL_CTX_set_read_ahead (ssl, 1);
  SSL_CTX_set_tlsext_servername_callback (ssl, choose_certificate);
  SSL_CTX_set_tlsext_servername_arg (ssl, context);
  return ssl;
}

/* --- names ---------------------------------------------------------------------------- */

static SSL_CTX *
find_name (const struct tls_context *context, const char *asked) {
  g_autofree char *name = g_ascii_strdown (asked, -1);
  const char *dot;
  size_t length = strlen (name);

  if (length > 0 && name[length - 1] == '.')
    name[length - 1] = 0;
  dot = strchr (name, '.');
  for (int wildcards = 0; wildcards < 2; wildcards++)
    for (guint i = 0; i < context->names->len; i++) {
      const struct named *entry = &g_array_index (context->names, struct named, i);
      if (entry->wildcard ? wildcards && dot && strcmp (dot, entry->name) == 0
                          : !wildcards && strcmp (name, entry->name) == 0)
        return entry->ssl;
    }
  return NULL;
}

/* A name we do not know gets the default: a client that checks will say so in better words. */
static int
choose_certificate (SSL *ssl, int *alert, void *user) {
  const struct tls_context *context = user;
  const char *asked = SSL_get_servername (ssl, TLSEXT_NAMETYPE_host_name);
  SSL_CTX *found = asked && context->names->len ? find_name (context, asked) : NULL;

  if (!asked)
    return SSL_TLSEXT_ERR_NOACK;
  if (found && found != SSL_get_SSL_CTX (ssl))
    SSL_set_SSL_CTX (ssl, found);
  return SSL_TLSEXT_ERR_OK;
}

static void
add_names (struct tls_context *context, const struct tls_pair *pair, SSL_CTX *ssl) {
  for (size_t i = 0; i < pair->names.count; i++) {
    const char *name = pair->names.items[i];
    struct named entry = { .wildcard = g_str_has_prefix (name, "*."), .ssl = ssl };
    entry.name = g_ascii_strdown (entry.wildcard ? name + 1 : name, -1);
    g_array_append_val (context->names, entry);
  }
}

/* --- the context ----------------------------------------------------------------------- */

static void
clear_named (void *entry) {
  g_free (((struct named *)entry)->name);
}

static void
free_ssl_ctx (void *ssl) {
  SSL_CTX_free (ssl);
}

struct tls_context *
tls_context_new (const struct tls_pair *pairs, size_t count, const struct tls_settings *settings,
                 GError **error) {
  struct tls_context *context = g_new0 (struct tls_context, 1);
  X509_STORE *trusted = NULL;

  context->references = 1;
  context->all = g_ptr_array_new_with_free_func (free_ssl_ctx);
  context->names = g_array_new (FALSE, FALSE, sizeof (struct named));
  g_array_set_clear_func (context->names, clear_named);
  context->not_after = INT64_MAX;
  ERR_clear_error ();
  if (count == 0)
    g_set_error (error, TLS_ERROR, 0, "no certificate");
  if (count && settings->client != TLS_CLIENT_NONE
      && !(trusted = tls_trust_store (&settings->trust, error)))
    count = 0;
  for (size_t i = 0; i < count; i++) {
    SSL_CTX *ssl = new_ssl_ctx (context, settings);
    if (ssl)
      g_ptr_array_add (context->all, ssl);
    if (!ssl || pairs[i].certificate.size > G_MAXINT || pairs[i].key.size > G_MAXINT) {
      fail (error, &pairs[i], "no TLS with it");
      count = 0;
      break;
    }
    if (!use_certificate (ssl, &pairs[i], &context->not_after, error)
        || !use_key (ssl, &pairs[i], error)) {
      count = 0;
      break;
    }
    if (trusted && !tls_client_ask (ssl, settings->client, trusted)) {
      fail (error, &pairs[i], "no certificates of clients with it");
      count = 0;
      break;
    }
    add_names (context, &pairs[i], ssl);
  }
  X509_STORE_free (trusted);
  if (count == 0) {
    tls_context_unref (context);
    return NULL;
  }
  return context;
}

struct tls_context *
tls_context_ref (struct tls_context *context) {
  refcount_take (&context->references);
  return context;
}

void
tls_context_unref (struct tls_context *context) {
  if (!context || !refcount_drop (&context->references))
    return;
  g_array_unref (context->names);
  g_ptr_array_unref (context->all);
  g_free (context);
}

SSL *
tls_context_new_ssl (struct tls_context *context) {
  return SSL_new (g_ptr_array_index (context->all, 0));
}

int64_t
tls_context_not_after (const struct tls_context *context) {
  return context->not_after;
}
