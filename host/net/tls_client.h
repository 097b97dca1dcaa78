/* SPDX-License-Identifier: Apache-2.0 */
/* tls_client.h - certificates of clients: whom a listener trusts, and what a verified one says.
 *
 * What is here needs no lock; a store is counted by OpenSSL and shared by SSL_CTXs. */
#ifndef HOST_NET_TLS_CLIENT_H
#define HOST_NET_TLS_CLIENT_H

#include <postern/base.h>

#include <glib.h>
#include <openssl/ssl.h>
#include <stdbool.h>

typedef enum {
  TLS_CLIENT_NONE,    /* nobody is asked for a certificate */
  TLS_CLIENT_REQUEST, /* one that cannot be verified is as none */
  TLS_CLIENT_REQUIRE  /* no handshake without a verified one */
} tls_client_mode;

struct tls_trust {
  struct ptn_bytes authorities; /* PEM: certificates that are trusted to sign */
  struct ptn_bytes revoked;     /* PEM: their revocation lists; size 0: none are looked at */
  const char *label;            /* for errors: where they came from */
};

/* From any thread.  NULL and what is wrong with them. */
X509_STORE *tls_trust_store (const struct tls_trust *, GError **);

/* Clients of this SSL_CTX are asked for certificates, which are held against the store. */
bool tls_client_ask (SSL_CTX *, tls_client_mode, X509_STORE *);

/* What can be said of a client's certificate; made when it is first asked for, NULL before. */
struct tls_client;
void tls_client_free (struct tls_client **);
/* "tls.client-..." of stream.h; NULL: not there.  After the handshake. */
const char *tls_client_property (SSL *, struct tls_client **, const char *name);
/* Why the certificate that the client showed is not verified; NULL: it is, or there is none. */
const char *tls_client_fault (SSL *);

#endif
