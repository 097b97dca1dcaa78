/* SPDX-License-Identifier: Apache-2.0 */
/* press.h - prints Kerberos tickets without a KDC, as wrong as a test wants them, and is the client
 * that uses them.
 *
 * One press a test, with its keytab in a folder of its own; everything on the test's thread.
 * Mistakes abort. */
#ifndef AUTH_GSSAPI_TESTS_PRESS_H
#define AUTH_GSSAPI_TESTS_PRESS_H

#include <gssapi/gssapi.h>
#include <gssapi/gssapi_ext.h>
#include <gssapi/gssapi_krb5.h>
#include <postern/base.h>
#include <stdbool.h>

#define PRESS_REALM "EXAMPLE.TEST"

struct press;
struct press *press_new (void);
void press_free (struct press **);
const char *press_folder (const struct press *);
const char *press_keytab (const struct press *); /* a path; there is no file before press_add */

/* A new key for "imap/mail.example.test@EXAMPLE.TEST", into the keytab. */
void press_add (struct press *, const char *principal);

struct press_order {
  const char *client;  /* NULL: alice@EXAMPLE.TEST */
  const char *service; /* whose key of the keytab; NULL: imap/mail.example.test@EXAMPLE.TEST */
  const char *name;    /* the service's name that the ticket shows; NULL: the same */
  int starts, ends;    /* seconds from now; 0 and 0: from now for an hour */
  int kvno;            /* 0: that of the keytab, 1 */
  int clock;           /* seconds that the client's clock is ahead of ours */
  bool other_key;      /* encrypted with a key that nobody has */
  size_t padding;      /* octets of authorization data */
  bool flags;          /* the library's own flags, which ask for integrity and confidentiality */
};

/* A client with such a ticket. */
struct client {
  gss_cred_id_t credential;
  gss_name_t target;
  gss_ctx_id_t context;
  gss_buffer_desc output;
  OM_uint32 flags; /* to ask for */
  bool spnego;
  const char *binding; /* application data; NULL: none */
  bool done;
};
void client_init (struct client *, struct press *, const struct press_order *);
void client_clear (struct client *);
/* The token after this challenge (empty: the first).  It stays until the next call. */
struct ptn_bytes client_token (struct client *, struct ptn_bytes challenge);
/* What the server offers as security layers, 4 octets, in *offer; and the client's answer. */
struct ptn_bytes client_choose (struct client *, struct ptn_bytes challenge, unsigned char offer[4],
                                const void *choice, size_t size);

#endif
