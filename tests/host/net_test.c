/* SPDX-License-Identifier: Apache-2.0 */
/* net_test.c - see net_test.h. */
#include "net_test.h"

#include "net_protocol.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

/* --- the server ------------------------------------------------------------------------------ */

static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;
static GString *log_text;

static void
collect (void *user, ptn_level level, const struct ptn_task *task, const char *event,
         const struct ptn_field *fields, size_t count) {
  size_t own_count = 0;
  const struct ptn_field *own = task ? task_fields (task, &own_count) : NULL;

  pthread_mutex_lock (&log_lock);
  g_string_append (log_text, event);
  for (size_t i = 0; i < own_count; i++)
    g_string_append_printf (log_text, " %s=%s", own[i].name, own[i].value);
  for (size_t i = 0; i < count; i++)
    g_string_append_printf (log_text, " %s=%s", fields[i].name, fields[i].value);
  g_string_append_c (log_text, '\n');
  pthread_mutex_unlock (&log_lock);
}

bool
log_has (const char *text) {
  bool has;

  pthread_mutex_lock (&log_lock);
  has = strstr (log_text->str, text) != NULL;
  pthread_mutex_unlock (&log_lock);
  return has;
}

struct listener_spec
spec_default (void) {
  return (struct listener_spec){
    .name = "test",
    .protocol = &test_protocol,
    .max_line = 65536,
    .session_memory = 1 << 20,
  };
}

void
server_start (struct server *server, struct listener_spec *spec, unsigned max_connections) {
  struct sockaddr_in own = { .sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
  socklen_t size = sizeof own;

  if (!log_text)
    log_text = g_string_new (NULL);
  g_string_truncate (log_text, 0);
  server->engine = start_engine (4);
  server->net = net_new (&(struct net_settings){
      .engine = server->engine,
      .server_name = "mail.example.test",
      .max_connections = max_connections,
      .log = collect,
  });
  server->fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  CHECK (bind (server->fd, (struct sockaddr *)&own, sizeof own) == 0);
  CHECK (listen (server->fd, 4096) == 0);
  CHECK (getsockname (server->fd, (struct sockaddr *)&own, &size) == 0);
  server->port = ntohs (own.sin_port);
  server->listener = listener_new (server->net, spec, &server->fd, 1, NULL);
  CHECK (server->listener);
}

/* Whatever a test left behind has to end: a hang here is a failure of the test's time limit. */
void
server_stop (struct server *server) {
  listener_free (&server->listener);
  net_cancel (server->net);
  engine_stop (server->engine);
  CHECK (net_sessions (server->net) == 0);
  CHECK (sessions_open == 0);
  CHECK (sources_open == 0);
  net_free (&server->net);
  engine_free (&server->engine);
  close (server->fd);
}

struct net_counts
server_counts (const struct server *server) {
  struct net_counts counts;

  net_counts (server->net, &counts);
  return counts;
}

/* --- certificates ----------------------------------------------------------------------------- */

static char *
bio_text (BIO *bio) {
  char *data, *text;
  long size = BIO_get_mem_data (bio, &data);

  text = g_strndup (data, (size_t)size);
  BIO_free (bio);
  return text;
}

struct pem
pem_new (const char *name) {
  EVP_PKEY *key = EVP_EC_gen ("P-256");
  X509 *certificate = X509_new ();
  X509_NAME *subject = X509_get_subject_name (certificate);
  BIO *key_bio = BIO_new (BIO_s_mem ()), *certificate_bio = BIO_new (BIO_s_mem ());
  struct pem pem;

  CHECK (key && certificate);
  X509_set_version (certificate, 2);
  ASN1_INTEGER_set (X509_get_serialNumber (certificate), 1);
  X509_gmtime_adj (X509_getm_notBefore (certificate), -3600);
  X509_gmtime_adj (X509_getm_notAfter (certificate), 86400);
  X509_NAME_add_entry_by_txt (subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
  X509_set_issuer_name (certificate, subject);
  X509_set_pubkey (certificate, key);
  CHECK (X509_sign (certificate, key, EVP_sha256 ()) > 0);
  CHECK (PEM_write_bio_PrivateKey (key_bio, key, NULL, NULL, 0, NULL, NULL) == 1);
  CHECK (PEM_write_bio_X509 (certificate_bio, certificate) == 1);
  pem.key = bio_text (key_bio);
  pem.certificate = bio_text (certificate_bio);
  EVP_PKEY_free (key);
  X509_free (certificate);
  return pem;
}

void
pem_clear (struct pem *pem) {
  g_clear_pointer (&pem->key, g_free);
  g_clear_pointer (&pem->certificate, g_free);
}

struct tls_context *
context_new (const char *name, int minimum, bool resumption) {
  struct pem pem = pem_new (name);
  struct tls_pair pair = {
    .certificate = { pem.certificate, strlen (pem.certificate) },
    .key = { pem.key, strlen (pem.key) },
  };
  struct tls_settings settings = { .minimum = minimum, .resumption = resumption };
  g_autoptr (GError) error = NULL;
  struct tls_context *context = tls_context_new (&pair, 1, &settings, &error);

  if (!context)
    fail_msg ("%s", error->message);
  pem_clear (&pem);
  return context;
}

/* --- clients -------------------------------------------------------------------------------------- */

int
connect_to (uint16_t port) {
  struct sockaddr_in peer = { .sin_family = AF_INET,
                              .sin_port = htons (port),
                              .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
  struct timeval patience = { .tv_sec = 10 };
  int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

  if (fd < 0)
    return -1;
  setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof (int));
  setsockopt (fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  setsockopt (fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  if (connect (fd, (struct sockaddr *)&peer, sizeof peer) < 0) {
    close (fd);
    return -1;
  }
  return fd;
}

void
client_open (struct client *client, uint16_t port) {
  *client = (struct client){ .fd = connect_to (port) };
  CHECK (client->fd >= 0);
}

static void
show_certificate (SSL_CTX *context, const struct pem *pem) {
  BIO *certificate_bio = BIO_new_mem_buf (pem->certificate, -1);
  BIO *key_bio = BIO_new_mem_buf (pem->key, -1);
  X509 *certificate = PEM_read_bio_X509 (certificate_bio, NULL, NULL, NULL);
  EVP_PKEY *key = PEM_read_bio_PrivateKey (key_bio, NULL, NULL, NULL);

  CHECK (SSL_CTX_use_certificate (context, certificate) == 1
         && SSL_CTX_use_PrivateKey (context, key) == 1);
  X509_free (certificate);
  EVP_PKEY_free (key);
  BIO_free (certificate_bio);
  BIO_free (key_bio);
}

bool
client_try_tls (struct client *client, int max_version, const char *name) {
  ERR_clear_error ();
  client->context = SSL_CTX_new (TLS_client_method ());
  if (max_version)
    SSL_CTX_set_max_proto_version (client->context, max_version);
  SSL_CTX_set_mode (client->context, SSL_MODE_AUTO_RETRY);
  if (client->shown)
    show_certificate (client->context, client->shown);
  client->ssl = SSL_new (client->context);
  if (name)
    SSL_set_tlsext_host_name (client->ssl, name);
  SSL_set_fd (client->ssl, client->fd);
  return SSL_connect (client->ssl) == 1;
}

void
client_tls (struct client *client, int max_version, const char *name) {
  if (!client_try_tls (client, max_version, name)) {
    ERR_print_errors_fp (stderr);
    fail_msg ("no handshake");
  }
}

struct client_zip {
  z_stream out, in;
  unsigned char raw[4096];
  bool ended; /* the server's stream */
};

void
client_zip (struct client *client, int level) {
  client->zip = g_new0 (struct client_zip, 1);
  CHECK (deflateInit2 (&client->zip->out, level, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY) == Z_OK);
  CHECK (inflateInit2 (&client->zip->in, -15) == Z_OK);
}

static void
zip_free (struct client *client) {
  if (!client->zip)
    return;
  deflateEnd (&client->zip->out);
  inflateEnd (&client->zip->in);
  g_clear_pointer (&client->zip, g_free);
}

static void
zip_send (struct client *client, const void *data, size_t size, int flush) {
  z_stream *out = &client->zip->out;
  unsigned char packed[8192];

  out->next_in = (Bytef *)(guintptr)data;
  out->avail_in = (uInt)size;
  do {
    out->next_out = packed;
    out->avail_out = sizeof packed;
    CHECK (deflate (out, flush) != Z_STREAM_ERROR);
    client_send_raw (client, packed, sizeof packed - out->avail_out);
  } while (out->avail_out == 0);
}

static ssize_t raw_read (struct client *client, void *data, size_t size);

static ssize_t
zip_read (struct client *client, void *data, size_t size) {
  z_stream *in = &client->zip->in;

  in->next_out = data;
  in->avail_out = (uInt)size;
  while (in->avail_out == size) {
    int result = inflate (in, Z_SYNC_FLUSH);
    if (result == Z_STREAM_END) {
      client->zip->ended = true;
      break;
    }
    CHECK (result == Z_OK || result == Z_BUF_ERROR);
    if (in->avail_out < size)
      break;
    ssize_t got = raw_read (client, client->zip->raw, sizeof client->zip->raw);
    if (got <= 0)
      return got;
    in->next_in = client->zip->raw;
    in->avail_in = (uInt)got;
  }
  return (ssize_t)(size - in->avail_out);
}

void
client_unzip (struct client *client, const char *last, int flush) {
  zip_send (client, last, strlen (last), flush);
  expect_line (client, "go");
  client_zip_ends (client);
}

void
client_zip_ends (struct client *client) {
  char rest;

  if (!client->zip->ended)
    CHECK (zip_read (client, &rest, 1) == 0);
  CHECK (client->zip->ended);
  client->behind_size = client->zip->in.avail_in;
  memcpy (client->behind, client->zip->in.next_in, client->behind_size);
  zip_free (client);
}

void
client_close (struct client *client) {
  zip_free (client);
  if (client->ssl)
    SSL_free (client->ssl);
  if (client->context)
    SSL_CTX_free (client->context);
  if (client->fd >= 0)
    close (client->fd);
  *client = (struct client){ .fd = -1 };
}

void
client_send_octets (struct client *client, const void *data, size_t size) {
  if (client->zip)
    zip_send (client, data, size, Z_SYNC_FLUSH);
  else
    client_send_raw (client, data, size);
}

void
client_send_raw (struct client *client, const void *data, size_t size) {
  const char *next = data;

  while (size > 0) {
    ssize_t sent = client->ssl ? SSL_write (client->ssl, next, (int)size)
                               : send (client->fd, next, size, MSG_NOSIGNAL);
    if (sent <= 0)
      return; /* the reading side will say what became of it */
    next += sent;
    size -= (size_t)sent;
  }
}

void
client_send (struct client *client, const char *text) {
  client_send_octets (client, text, strlen (text));
}

ssize_t
client_read (struct client *client, void *data, size_t size) {
  return client->zip ? zip_read (client, data, size) : raw_read (client, data, size);
}

static ssize_t
raw_read (struct client *client, void *data, size_t size) {
  if (client->behind_size > 0) {
    size = MIN (size, client->behind_size);
    memcpy (data, client->behind, size);
    client->behind_size -= size;
    memmove (client->behind, client->behind + size, client->behind_size);
    return (ssize_t)size;
  }
  if (!client->ssl)
    return TEMP_FAILURE_RETRY (recv (client->fd, data, size, 0));
  ERR_clear_error ();
  int got = SSL_read (client->ssl, data, (int)MIN (size, G_MAXINT));
  if (got > 0)
    return got;
  return SSL_get_error (client->ssl, got) == SSL_ERROR_ZERO_RETURN ? 0 : -1;
}

const char *
client_line (struct client *client) {
  static char line[70000];
  size_t size = 0;

  for (;;) {
    CHECK (size < sizeof line);
    if (client_read (client, line + size, 1) <= 0)
      return NULL;
    if (line[size] == '\n')
      break;
    size++;
  }
  line[size] = 0;
  return line;
}

void
expect_line (struct client *client, const char *wanted) {
  const char *line = client_line (client);

  if (!line)
    fail_msg ("the connection ended, wanted \"%s\"", wanted);
  assert_string_equal (line, wanted);
}

void
expect_end (struct client *client) {
  char octet;

  assert_int_equal (client_read (client, &octet, 1), 0);
}

void
expect_rest (struct client *client, size_t done, size_t n) {
  unsigned char octets[16384];

  while (done < n) {
    ssize_t got = client_read (client, octets, MIN (sizeof octets, n - done));
    if (got <= 0)
      fail_msg ("ended after %zu of %zu", done, n);
    for (ssize_t i = 0; i < got; i++, done++)
      if (octets[i] != pattern_at (done))
        fail_msg ("wrong octet at %zu", done);
  }
}

void
expect_pattern (struct client *client, size_t n) {
  expect_rest (client, 0, n);
}

void
ask (struct client *client, const char *command, const char *answer) {
  g_autofree char *line = g_strconcat (command, "\n", NULL);

  client_send (client, line);
  expect_line (client, answer);
}
