/* SPDX-License-Identifier: Apache-2.0 */
/* tls.h - certificates and settings of TLS, for one listener at one time.
 *
 * A context is immutable and counted: a reload makes a new one and swaps it in, sessions that
 * began with the old one keep it.  Made from octets in memory, since the worker may not read
 * the key files.  [any] */
#ifndef HOST_NET_TLS_H
#define HOST_NET_TLS_H

#include "net/tls_client.h"

#include <postern/base.h>

#include <glib.h>
#include <openssl/ssl.h>
#include <stdbool.h>

struct tls_context;

struct tls_pair {
  /* Names of SNI it is for, case-insensitive, "*.example.test" for one label in front; count 0:
   * for everybody who asks for nothing else.  The first pair is the default in any case. */
  struct ptn_strings names;
  struct ptn_bytes certificate; /* PEM: the certificate, then its chain */
  struct ptn_bytes key;         /* PEM, not encrypted */
  const char *label;            /* for errors: where it came from */
};

struct tls_settings {
  int minimum;     /* TLS1_2_VERSION (also for 0) or TLS1_3_VERSION */
  bool resumption; /* tickets, which hold all state: nothing is kept here; not with `client` */
  tls_client_mode client;
  struct tls_trust trust; /* of whose certificates; unused with TLS_CLIENT_NONE */
};

#define TLS_ERROR tls_error_quark ()
GQuark tls_error_quark (void);

/* All pairs are checked: one that does not parse, or whose key does not belong to its certificate,
 * fails with what and why.  Dates are not looked at (see tls_context_not_after).  The octets are
 * borrowed for the call. */
struct tls_context *tls_context_new (const struct tls_pair *pairs, size_t count,
                                     const struct tls_settings *, GError **);
struct tls_context *tls_context_ref (struct tls_context *);
void tls_context_unref (struct tls_context *);

/* A server-side SSL object.  The context must live as long as it. */
SSL *tls_context_new_ssl (struct tls_context *);

/* When the earliest of its certificates ends, seconds since 1970. */
int64_t tls_context_not_after (const struct tls_context *);

/* The first error of OpenSSL's queue of this thread in words; empties the queue. */
void tls_error_text (char *text, size_t size);

#endif
