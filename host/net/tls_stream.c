/* SPDX-License-Identifier: Apache-2.0 */
/* tls_stream.c - the SSL object of a stream and the BIO between it and the socket.
 *
 * The BIO has no memory of its own: it reads the socket straight into OpenSSL's buffer, and
 * does not even try when the last read emptied it; records that OpenSSL writes gather in the
 * stream's `wire`, so that a flight of a handshake, or a ticket and a greeting, or four
 * records, are one system call. */
#include "net/stream.h"

#include "net/tls.h"

#include <errno.h>
#include <glib.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <string.h>
#include <sys/socket.h>

/* --- the wire, and the BIO -------------------------------------------------------------------------- */

void
wire_reserve (struct ptn_stream *s, struct wire *wire, size_t size) {
  size_t room = MAX (wire->end + size, MIN (2 * wire->room, WIRE_FULL));

  if (wire->end + size <= wire->room)
    return;
  wire->data = g_realloc (wire->data, room);
  /* Bounded by WIRE_FULL and a record: what is over the session's memory is not refused here,
   * where TLS would break, but where the next octets are queued. */
  if (task_charge (s->task, room - wire->room))
    wire->charged += room - wire->room;
  wire->room = room;
}

void
wire_free (struct ptn_stream *s, struct wire *wire) {
  if (wire->data) {
    task_refund (s->task, wire->charged);
    g_free (wire->data);
  }
  *wire = (struct wire){ 0 };
}

static int
bio_read (BIO *bio, char *data, int size) {
  struct ptn_stream *s = BIO_get_data (bio);
  ssize_t got;

  BIO_clear_retry_flags (bio);
  if (!s->readable || s->wire.end - s->wire.start >= WIRE_FULL) {
    BIO_set_retry_read (bio);
    return -1;
  }
  do
    got = recv (s->fd, data, (size_t)size, 0);
  while (got < 0 && errno == EINTR);
  if (got > 0) {
    if (got < size && !s->hangup)
      s->readable = false;
    return (int)got;
  }
  if (got < 0 && errno == EAGAIN) {
    s->readable = false;
    BIO_set_retry_read (bio);
  } else if (got == 0)
    BIO_set_flags (bio, BIO_FLAGS_IN_EOF);
  return (int)got;
}

static int
bio_write (BIO *bio, const char *data, int size) {
  struct ptn_stream *s = BIO_get_data (bio);
  struct wire *wire = &s->wire;

  BIO_clear_retry_flags (bio);
  if (wire->end - wire->start >= WIRE_FULL) {
    BIO_set_retry_write (bio);
    return -1;
  }
  wire_reserve (s, wire, (size_t)size);
  memcpy (wire->data + wire->end, data, (size_t)size);
  wire->end += (size_t)size;
  return size;
}

static long
bio_control (BIO *bio, int command, long number, void *pointer) {
  switch (command) {
  case BIO_CTRL_FLUSH:
  case BIO_CTRL_DUP:
    return 1;
  case BIO_CTRL_EOF:
    return BIO_test_flags (bio, BIO_FLAGS_IN_EOF) != 0;
  default:
    return 0;
  }
}

static int
bio_create (BIO *bio) {
  BIO_set_init (bio, 1);
  return 1;
}

static BIO_METHOD *
bio_method (void) {
  static gsize made;
  static BIO_METHOD *method;

  if (g_once_init_enter (&made)) {
    method = BIO_meth_new (BIO_get_new_index () | BIO_TYPE_SOURCE_SINK, "stream");
    BIO_meth_set_read (method, bio_read);
    BIO_meth_set_write (method, bio_write);
    BIO_meth_set_ctrl (method, bio_control);
    BIO_meth_set_create (method, bio_create);
    g_once_init_leave (&made, 1);
  }
  return method;
}

bool
stream_wire_send (struct ptn_stream *s) {
  struct wire *wire = &s->wire;

  while (wire->start < wire->end && !s->stuck && !s->error) {
    ssize_t sent = send (s->fd, wire->data + wire->start, wire->end - wire->start, MSG_NOSIGNAL);
    if (sent >= 0) {
      wire->start += (size_t)sent;
      s->moved = true;
      if (wire->start < wire->end)
        stream_stuck (s);
    } else if (errno == EAGAIN)
      stream_stuck (s);
    else if (errno != EINTR)
      stream_fail (s, "reset");
  }
  if (wire->start < wire->end)
    return false;
  wire_free (s, wire);
  return true;
}

/* --- reading, writing, shaking hands ---------------------------------------------------- */

bool
stream_tls_begin (struct ptn_stream *s, struct tls_context *context) {
  BIO *bio;

  ERR_clear_error ();
  s->ssl = tls_context_new_ssl (context);
  bio = s->ssl ? BIO_new (bio_method ()) : NULL;
  if (!bio) {
    g_clear_pointer (&s->ssl, SSL_free);
    ERR_clear_error ();
    return false;
  }
  BIO_set_data (bio, s);
  SSL_set_bio (s->ssl, bio, bio);
  SSL_set_accept_state (s->ssl);
  stream_tls_secret (s);
  return true;
}

/* OpenSSL overwrites what it has deciphered when it is read, and what is freed unread.  Not longer
 * than it matters: it costs 16 KiB of that whenever its buffer, being empty, is given back. */
void
stream_tls_secret (struct ptn_stream *s) {
  if (s->secret == SECRET_ALL)
    SSL_set_options (s->ssl, SSL_OP_CLEANSE_PLAINTEXT);
  else
    SSL_clear_options (s->ssl, SSL_OP_CLEANSE_PLAINTEXT);
}

/* What a call of OpenSSL that gave `result` means: EAGAIN, 0 at a proper end, else -1. */
static ssize_t
outcome (struct ptn_stream *s, int result) {
  switch (SSL_get_error (s->ssl, result)) {
  case SSL_ERROR_WANT_READ:
    s->ssl_more = false;
    errno = EAGAIN;
    return -1;
  case SSL_ERROR_WANT_WRITE: /* `wire` is full: the same call again when it is empty */
    s->ssl_more = true;
    errno = EAGAIN;
    return -1;
  case SSL_ERROR_ZERO_RETURN:
    s->ssl_more = false;
    return 0;
  default:
    errno = EPROTO;
    return -1;
  }
}

ptn_status
stream_tls_handshake (struct ptn_stream *s) {
  int result;

  ERR_clear_error ();
  result = SSL_do_handshake (s->ssl);
  if (result == 1) {
    s->tls_done = true;
    s->ssl_more = true;
    output_turned_to_tls (s);
    return PTN_OK;
  }
  if (outcome (s, result) < 0 && errno == EAGAIN)
    return PTN_PENDING;
  return stream_fail (s, "tls");
}

ssize_t
stream_tls_read (struct ptn_stream *s, void *data, size_t size) {
  int result;

  ERR_clear_error ();
  result = SSL_read (s->ssl, data, (int)MIN (size, G_MAXINT));
  if (result > 0) {
    s->ssl_more = SSL_has_pending (s->ssl) == 1;
    return result;
  }
  return outcome (s, result);
}

ssize_t
stream_tls_write (struct ptn_stream *s, const void *data, size_t size) {
  int result;

  ERR_clear_error ();
  result = SSL_write (s->ssl, data, (int)MIN (size, G_MAXINT));
  if (result > 0)
    return result;
  if (outcome (s, result) == 0)
    errno = EPROTO;
  return -1;
}

void
stream_tls_goodbye (struct ptn_stream *s) {
  if (!s->ssl || !s->tls_done || s->error || SSL_get_shutdown (s->ssl) & SSL_SENT_SHUTDOWN)
    return;
  ERR_clear_error ();
  SSL_shutdown (s->ssl);
  ERR_clear_error ();
}

/* --- what plugins ask about it ---------------------------------------------------------- */

const char *
stream_tls_property (struct ptn_stream *s, const char *name) {
  if (!s->ssl || !s->tls_done)
    return NULL;
  if (strcmp (name, "tls.version") == 0)
    return SSL_get_version (s->ssl);
  if (strcmp (name, "tls.cipher") == 0)
    return SSL_get_cipher_name (s->ssl);
  if (strcmp (name, "tls.sni") == 0)
    return SSL_get_servername (s->ssl, TLSEXT_NAMETYPE_host_name);
  if (g_str_has_prefix (name, "tls.client-"))
    return tls_client_property (s->ssl, &s->client, name);
  return NULL;
}

/* RFC 5929 section 4.1: the hash of the certificate, by the hash of its signature, but SHA-256
 * for MD5 and SHA-1.  Undefined for signatures without one hash (Ed25519). */
static size_t
end_point (SSL *ssl, unsigned char *digest) {
  X509 *certificate = SSL_get_certificate (ssl);
  unsigned size = 0;
  int hash = NID_undef;

  if (!certificate || !X509_get_signature_info (certificate, &hash, NULL, NULL, NULL)
      || hash == NID_undef)
    return 0;
  if (hash == NID_md5 || hash == NID_sha1)
    hash = NID_sha256;
  if (!X509_digest (certificate, EVP_get_digestbynid (hash), digest, &size))
    return 0;
  return size;
}

/* RFC 9266: only where the exported value is unique to the connection. */
static size_t
exporter (SSL *ssl, unsigned char *value) {
  static const char label[] = "EXPORTER-Channel-Binding";

  if (SSL_version (ssl) < TLS1_3_VERSION && SSL_get_extms_support (ssl) != 1)
    return 0;
  if (SSL_export_keying_material (ssl, value, 32, label, sizeof label - 1,
                                  (const unsigned char *)"", 0, 1)
      != 1)
    return 0;
  return 32;
}

ptn_status
stream_channel_binding (struct ptn_stream *s, const char *type, struct ptn_bytes *binding) {
  size_t size = 0;

  *binding = (struct ptn_bytes){ NULL, 0 };
  if (!s->ssl || !s->tls_done)
    return PTN_E_UNSUPPORTED;
  if (!s->binding)
    s->binding = g_malloc0 (EVP_MAX_MD_SIZE);
  ERR_clear_error ();
  if (strcmp (type, "tls-exporter") == 0)
    size = exporter (s->ssl, s->binding);
  else if (strcmp (type, "tls-server-end-point") == 0)
    size = end_point (s->ssl, s->binding);
  ERR_clear_error ();
  if (size == 0)
    return PTN_E_UNSUPPORTED;
  *binding = (struct ptn_bytes){ s->binding, size };
  return PTN_OK;
}
