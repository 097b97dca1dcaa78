/* SPDX-License-Identifier: Apache-2.0 */
/* token-fuzz.c - any octets as message, as token, as key set and as answer of an issuer: what is
 * taken lies inside of them. */
#include "auth-oauth/claims.h"
#include "auth-oauth/json.h"
#include "auth-oauth/jwt.h"
#include "auth-oauth/message.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

#define W(word) ((char *)(word)) /* GLib's lists are not constant */
static char *words[] = { W ("https://i/"), W ("postern"), W ("mail"), W ("email"), NULL };
static const struct rules rules = { .issuers = words,
                                    .audiences = words,
                                    .scopes = words,
                                    .user_claims = words,
                                    .domains = words,
                                    .algorithms = words };

static void
check (bool holds) {
  if (!holds)
    abort ();
}

static void
check_inside (struct ptn_bytes part, struct ptn_bytes whole) {
  const char *begin = part.data, *outer = whole.data;
  check (begin >= outer && part.size <= whole.size
         && (size_t)(begin - outer) <= whole.size - part.size);
}

static void
try_claims (const json_t *claims) {
  struct grant grant;
  claims_check (claims, CLAIMS_OF_TOKEN, &rules, 1000000, &grant);
  check (grant.reason || (grant.user && *grant.user && !strpbrk (grant.user, "/\\\n")));
  grant_clear (&grant);
  claims_check (claims, CLAIMS_OF_ANSWER, &rules, 1000000, &grant);
  check (grant.reason || grant.user);
  grant_clear (&grant);
}

static void
try_token (struct ptn_bytes token) {
  struct jwt jwt;
  const char *reason;
  jwt_is_one (token);
  if (!jwt_parse (token, &jwt, &reason)) {
    check (reason && !jwt.header && !jwt.claims);
    return;
  }
  check_inside (jwt.text, token);
  try_claims (jwt.claims);
  jwt_clear (&jwt);
}

static void
try_message (struct ptn_bytes octets, bool (*parse) (struct ptn_bytes, struct oauth_message *)) {
  struct oauth_message message;
  if (!parse (octets, &message))
    return;
  check_inside (message.token, octets);
  check (message.token.size <= MESSAGE_TOKEN_LIMIT && g_utf8_validate (message.user, -1, NULL));
  if (message.token.size)
    try_token (message.token);
  message_clear (&message);
}

/* One token of the octets as claims, so that the base64 is not in the way. */
static void
try_as_claims (struct ptn_bytes octets) {
  json_t *claims = json_of (octets);
  if (claims)
    try_claims (claims);
  json_decref (claims);
  const char *error = NULL;
  struct keys *keys = keys_parse (octets, &error);
  check (keys ? keys_count (keys) > 0 : error != NULL);
  keys_unref (keys);
}

int
LLVMFuzzerTestOneInput (const uint8_t *input, size_t size) {
  /* A copy of its exact size, so that AddressSanitizer sees a step too far. */
  char *data = g_memdup2 (input, size ? size : 1);
  const struct ptn_bytes octets = { data, size };
  try_message (octets, message_oauthbearer);
  try_message (octets, message_xoauth2);
  try_token (octets);
  try_as_claims (octets);
  g_free (data);
  return 0;
}
