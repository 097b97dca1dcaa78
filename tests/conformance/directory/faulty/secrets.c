/* SPDX-License-Identifier: Apache-2.0 */
/* secrets.c - faults of the credentials. */
#include "faulty.h"

#define VERIFY(name)                                                                  \
  static ptn_status name (void *instance, struct ptn_call *c,                         \
                          const struct ptn_sasl_request *request, const char *domain, \
                          const char *user, struct ptn_bytes password)
#define GOOD_VERIFY good_credentials.verify_password (instance, c, request, domain, user, password)

VERIFY (lets_nobody_in) {
  const ptn_status status = GOOD_VERIFY;
  return status == PTN_OK ? PTN_E_AUTHENTICATION : status;
}

VERIFY (lets_everybody_in) {
  const ptn_status status = GOOD_VERIFY;
  return status == PTN_E_AUTHENTICATION ? PTN_OK : status;
}

VERIFY (takes_empty) {
  return password.size == 0 ? PTN_OK : GOOD_VERIFY;
}

VERIFY (stops_at_nul) {
  const char *nul = password.size ? memchr (password.data, '\0', password.size) : NULL;
  if (nul)
    password.size = (size_t)(nul - (const char *)password.data);
  return GOOD_VERIFY;
}

VERIFY (strange_status) {
  const ptn_status status = GOOD_VERIFY;
  return status == PTN_E_NOT_FOUND ? PTN_E_INVALID : status;
}

VERIFY (misses_nobody) {
  return user ? GOOD_VERIFY : PTN_E_NOT_FOUND;
}

VERIFY (slow_for_some) {
  if (user)
    g_usleep (8000);
  return GOOD_VERIFY;
}

VERIFY (tells_of_dave) {
  return g_strcmp0 (user, "dave") == 0 ? PTN_E_PASSWORD_EXPIRED : GOOD_VERIFY;
}

VERIFY (tells_of_carol) {
  return g_strcmp0 (user, "carol") == 0 ? PTN_E_DISABLED : GOOD_VERIFY;
}

/* ---- with_secret ------------------------------------------------------------------------- */

#define SECRET(name)                                                                  \
  static ptn_status name (void *instance, struct ptn_call *c,                         \
                          const struct ptn_sasl_request *request, const char *domain, \
                          const char *user, const char *scheme, ptn_use_secret *use,  \
                          void *argument)
#define GOOD_SECRET(use, argument) \
  good_credentials.with_secret (instance, c, request, domain, user, scheme, (use), (argument))

struct between {
  ptn_use_secret *use;
  void *argument;
};

static ptn_status
use_cut (void *data, struct ptn_bytes secret) {
  const struct between *between = data;
  secret.size--;
  return between->use (between->argument, secret);
}

SECRET (cuts_secrets) {
  struct between between = { use, argument };
  return GOOD_SECRET (use_cut, &between);
}

static ptn_status
use_twice (void *data, struct ptn_bytes secret) {
  const struct between *between = data;
  between->use (between->argument, secret);
  return between->use (between->argument, secret);
}

SECRET (uses_twice) {
  struct between between = { use, argument };
  return GOOD_SECRET (use_twice, &between);
}

SECRET (finds_nothing) {
  const ptn_status status = GOOD_SECRET (use, argument);
  return status == PTN_E_AUTHENTICATION ? PTN_E_NOT_FOUND : status;
}

SECRET (refuses) {
  const ptn_status status = GOOD_SECRET (use, argument);
  return status == PTN_E_NOT_FOUND ? PTN_E_AUTHENTICATION : status;
}

const struct fault secret_faults[] = {
  { "password.right", "no password is right", .verify_password = lets_nobody_in },
  { "password.wrong", "every password is right", .verify_password = lets_everybody_in },
  { "password.empty", "no password is a right one", .verify_password = takes_empty },
  { "password.odd", "a NUL ends the password", .verify_password = stops_at_nul },
  { "password.unknown", "unknown users are invalid", .verify_password = strange_status },
  { "password.nobody", "NULL is not found", .verify_password = misses_nobody },
  { "password.nobody-time", "NULL is quick", .verify_password = slow_for_some },
  { "password.expired", "expired is told of any password", .verify_password = tells_of_dave },
  { "password.disabled", "disabled is told of any password", .verify_password = tells_of_carol },
  { "password.none", "checks what it says it does not", .flags = PTN_CREDENTIALS_NO_PASSWORD },
  { "secret.plain", "a secret is cut", .with_secret = cuts_secrets },
  { "secret.nt", "a secret is cut", .with_secret = cuts_secrets },
  { "secret.scram-sha-1", "a secret is cut", .with_secret = cuts_secrets },
  { "secret.scram-sha-256", "a secret is cut", .with_secret = cuts_secrets },
  { "secret.refused", "refused is not found", .with_secret = finds_nothing },
  { "secret.last-word", "each secret is used twice", .with_secret = uses_twice },
  { "secret.unknown", "not found is refused", .with_secret = refuses },
  { "secret.nobody", "NULL is not found", .with_secret = finds_nothing },
  { NULL },
};
