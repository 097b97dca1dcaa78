/* SPDX-License-Identifier: Apache-2.0 */
/* negotiation.h - one acceptance of a client's tokens, from the first octet to the principal's
 * name, by libgssapi: GSSAPI (RFC 4752), GSS-SPNEGO as cyrus-sasl and Windows speak it, and
 * HTTP's Negotiate (RFC 4559).
 *
 * Knows no host.  Counted: the exchange has a reference, and so has the job that works on it in a
 * lane; who works on it is one at a time. */
#ifndef AUTH_GSSAPI_NEGOTIATION_H
#define AUTH_GSSAPI_NEGOTIATION_H

#include "keytab.h"

#include <postern/auth.h>

#define TOKEN_LIMIT 65536 /* octets */

typedef enum {
  NAMES_SERVICE, /* tickets for the protocol's service on any host of the keytab */
  NAMES_HOST,    /* for that service on this host */
  NAMES_ANY      /* for any key of the keytab */
} acceptor_names;

/* What everybody is accepted with.  Counted and immutable; any thread. */
struct rules;

struct rules_input {
  const char *keytab_path; /* copied */
  const char *replay_path; /* copied; NULL: libkrb5's own replay cache */
  acceptor_names names;
  struct ptn_strings realms; /* copied; each without realm_fault */
};
struct rules *rules_new (const struct rules_input *);
struct rules *rules_ref (struct rules *);
void rules_unref (struct rules *);
const char *rules_keytab_path (const struct rules *);
acceptor_names rules_names (const struct rules *);

struct negotiation_input {
  struct rules *rules;   /* a reference is taken */
  struct keytab *keytab; /* a reference is taken */
  bool layers;           /* the SASL mechanism GSSAPI: a security layer is talked about */
  const char *service;   /* "imap" "pop" "smtp" "HTTP"; copied */
  const char *host;      /* our name; copied */
  struct ptn_bytes
      server;      /* RFC 5929 tls-server-end-point; copied; empty: no binding is looked at */
  bool no_channel; /* or: there is no TLS here, and who is bound to some is refused */
  bool require_binding;
};

struct negotiation;
struct negotiation *negotiation_new (const struct negotiation_input *);
struct negotiation *negotiation_ref (struct negotiation *);
void negotiation_unref (struct negotiation *);

/* As ptn_sasl_mechanism.step, but never PENDING: opens files and computes.  PTN_OK or PTN_END with
 * *challenge, which lives until the next step; PTN_E_INVALID: octets that are no token;
 * PTN_E_AUTHENTICATION; PTN_E_TEMPORARY: the fault is ours. */
ptn_status negotiation_step (struct negotiation *, struct ptn_bytes response,
                             struct ptn_bytes *challenge);

/* After a failure: why, and, for the administrator, what to do about it (static) or NULL. */
const char *negotiation_reason (const struct negotiation *);
const char *negotiation_advice (const struct negotiation *);
/* Whom the ticket named, also when he was refused; NULL: nobody yet. */
const char *negotiation_principal (const struct negotiation *);
/* After PTN_END.  Lives as long as the negotiation. */
const struct ptn_identity *negotiation_identity (const struct negotiation *);

#endif
