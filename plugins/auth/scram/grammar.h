/* SPDX-License-Identifier: Apache-2.0 */
/* grammar.h - the two messages of a SCRAM client, taken apart (RFC 5802 section 7).
 *
 * Strict: what the grammar does not allow is refused, because a proof covers the octets and two
 * readings of one message would be two messages.  Pieces lead into the message; names are copies.
 * Failures are the words of server-error-value in RFC 5802.  Any thread. */
#ifndef AUTH_SCRAM_GRAMMAR_H
#define AUTH_SCRAM_GRAMMAR_H

#include <postern/base.h>

enum {
  SCRAM_MESSAGE_LIMIT = 8192, /* octets of a client's message */
  SCRAM_BINDING_TYPE_LIMIT = 64
};

typedef enum {
  SCRAM_BINDING_NONE,   /* n: the client can not bind */
  SCRAM_BINDING_UNUSED, /* y: it could, and thinks that we can not */
  SCRAM_BINDING_USED    /* p */
} scram_binding;

struct scram_first {
  scram_binding binding;
  char type[SCRAM_BINDING_TYPE_LIMIT + 1]; /* of the channel binding; "" if none is used */
  struct ptn_bytes header;                 /* gs2-header, with its last comma */
  struct ptn_bytes bare;                   /* client-first-message-bare */
  struct ptn_bytes nonce;
  char *login;   /* after SASLprep; not empty, no controls */
  char *authzid; /* NULL: none */
};

struct scram_final {
  struct ptn_bytes without_proof;
  struct ptn_bytes binding; /* of c=, still in base64 */
  struct ptn_bytes nonce;
  struct ptn_bytes proof; /* of p=, still in base64 */
};

/* NULL, or why not: then there is nothing to clear. */
const char *scram_first_parse (struct ptn_bytes message, struct scram_first *first);
void scram_first_clear (struct scram_first *);

/* NULL, or why not. */
const char *scram_final_parse (struct ptn_bytes message, struct scram_final *final);

#endif
