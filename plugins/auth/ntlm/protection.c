/* SPDX-License-Identifier: Apache-2.0 */
/* protection.c - see protection.h. */
#include "ntlm/protection.h"
#include "ntlm/response.h"

#include <openssl/crypto.h>
#include <string.h>

static const char type[] = "tls-server-end-point";

/* The hash that a client of this connection must send. */
static bool
own_hash (const struct auth *auth, const struct ptn_sasl_request *request, unsigned char hash[16]) {
  struct ptn_bytes binding;
  return auth->streams && request->stream && PTN_CAN (auth->streams, channel_binding)
         && auth->streams->channel_binding (request->stream, type, &binding) == PTN_OK
         && ntlm_binding_hash (type, binding, hash);
}

static bool
is_set_to (const struct auth *auth, const struct ptn_sasl_request *request, const char *choice) {
  const char *set =
      request->config ? auth->host->text (request->config, "extended_protection") : NULL;
  return set && strcmp (set, choice) == 0;
}

bool
ntlm_protection_is_possible (const struct auth *auth, const struct ptn_sasl_request *request) {
  unsigned char hash[16];
  return !is_set_to (auth, request, "require") || own_hash (auth, request, hash);
}

/* Sixteen zeros are how clients say that they know of no channel. */
static bool
is_bound (struct ptn_bytes bindings) {
  static const unsigned char none[16] = { 0 };
  return bindings.data && memcmp (bindings.data, none, sizeof none) != 0;
}

const char *
ntlm_protection_refusal (const struct attempt *attempt, struct ptn_bytes bindings) {
  const struct auth *auth = attempt->auth;
  const struct ptn_sasl_request *request = attempt->request;
  const bool required = is_set_to (auth, request, "require");
  unsigned char hash[16];
  if (is_set_to (auth, request, "none"))
    return NULL;
  if (!is_bound (bindings))
    return required ? "no channel binding was sent, and this listener requires it" : NULL;
  if (!own_hash (auth, request, hash)) {
    /* TLS with a certificate that RFC 5929 has no hash for: nobody can tell.  Bound to a channel
     * where there is none: somebody stands between. */
    const bool unknown = *auth_property (auth, request->stream, "tls.version") && !required;
    return unknown ? NULL : "the proof is bound to a TLS channel that does not end here";
  }
  return CRYPTO_memcmp (hash, bindings.data, sizeof hash) == 0
             ? NULL
             : "the proof is bound to another TLS channel";
}
