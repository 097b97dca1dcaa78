/* SPDX-License-Identifier: Apache-2.0 */
/* net_test.h - a server with a small protocol, and clients, for the tests of host/net.
 *
 * The protocol has one line a command and greets with "hello":
 *   ECHO text        "text"
 *   GIVE n           n octets of the pattern, from a source that gives its chunks away
 *   SEND n           n octets of the pattern, from a source that lends chunks, then "sent"
 *   FILE n           the same, from a file
 *   SLOW n           the same, with a PENDING before each chunk
 *   FAIL n           a source that promises more than n octets, and fails after these
 *   TAKE n           reads n octets as a literal, answers "took n sum"
 *   KEEP n           so, but says "late" before and closes it 100 ms after its end
 *   FLOOD n          writes n octets without asking whether there is room; "no" if refused
 *   CLAIM name       "ok" or "too many"
 *   UNCLAIM          "ok"
 *   STLS             "go" and TLS
 *   ZIP, PLAIN       "go" and DEFLATE, or no longer
 *   PROP name        the property, or "-"
 *   BIND type        the channel binding in hexadecimal, or "-"
 *   IDLE ms          "late" after that time
 *   BUSY ms          works for that long, without giving way
 *   QUIT             "bye" and closes
 * Goodbyes are "BYE n". */
#ifndef TESTS_HOST_NET_TEST_H
#define TESTS_HOST_NET_TEST_H

#include "engine_test.h"

#include "net/listener.h"
#include "net/net.h"
#include "net/tls.h"

#include <openssl/ssl.h>
#include <string.h>
#include <zlib.h>

struct server {
  struct engine *engine;
  struct net *net;
  struct listener *listener;
  int fd; /* listens */
  uint16_t port;
};

/* A spec with long patience and no limits, to be changed before server_start. */
struct listener_spec spec_default (void);
void server_start (struct server *, struct listener_spec *, unsigned max_connections);
void server_stop (struct server *);
struct net_counts server_counts (const struct server *);
/* The last lines of the log, "event name=value ...", all events since the start. */
bool log_has (const char *text);

/* A fresh self-signed certificate of ECDSA P-256 for a name. */
struct pem {
  char *certificate, *key;
};
struct pem pem_new (const char *name);
void pem_clear (struct pem *);
struct tls_context *context_new (const char *name, int minimum, bool resumption);

/* Clients: plain blocking sockets with a patience of 10 s. */
struct client {
  int fd;
  SSL *ssl;
  SSL_CTX *context;
  struct client_zip *zip; /* or NULL */
  unsigned char behind[4096];
  size_t behind_size;
  const struct pem
      *shown; /* its certificate, if it has one; set between client_open and client_tls */
};
int connect_to (uint16_t port);
void client_open (struct client *, uint16_t port);
/* max_version: 0 or TLS1_2_VERSION. */
void client_tls (struct client *, int max_version, const char *name);
bool client_try_tls (struct client *, int max_version, const char *name);
void client_close (struct client *);
/* From now on all octets are DEFLATE; `level` of what is sent, each piece flushed. */
void client_zip (struct client *, int level);
/* No longer: what is sent (first, the last compressed words), what comes from here on. */
void client_unzip (struct client *, const char *last, int flush);
/* The server's stream ends here; what came behind it is read next. */
void client_zip_ends (struct client *);
/* Octets as they are, also while they ought to be compressed. */
void client_send_raw (struct client *, const void *data, size_t size);
void client_send (struct client *, const char *text);
void client_send_octets (struct client *, const void *data, size_t size);
/* Octets, 0 at the end, -1. */
ssize_t client_read (struct client *, void *data, size_t size);
/* One line without its LF; NULL at the end of the connection.  Static memory. */
const char *client_line (struct client *);
void expect_line (struct client *, const char *line);
void expect_end (struct client *);
/* n octets of the pattern. */
void expect_pattern (struct client *, size_t n);
void expect_rest (struct client *, size_t done, size_t n); /* of n, after so many */
void ask (struct client *, const char *command, const char *answer);

unsigned char pattern_at (uint64_t offset);

#endif
