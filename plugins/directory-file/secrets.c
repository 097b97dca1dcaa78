/* SPDX-License-Identifier: Apache-2.0 */
/* secrets.c - with_secret of "postern.credentials/1": what is stored, for mechanisms that send no
 * password.  SCRAM keys are handed out as they are stored; a mechanism that finds none makes them
 * of the "PLAIN" secret, in a lane, as it does for nobody.
 *
 * Called in tasks, on any worker; never waits. */
#include "secrets.h"

#include "verdict.h"

#include <string.h>

static const struct secret_scheme {
  const char *name;
  password_scheme stored;
} schemes[] = {
  { "PLAIN", SCHEME_PLAIN },
  { "NT", SCHEME_NT },
  { "SCRAM-SHA-1", SCHEME_SCRAM_SHA_1 },
  { "SCRAM-SHA-256", SCHEME_SCRAM_SHA_256 },
};

static const struct secret_scheme *
find_scheme (const char *name) {
  for (size_t i = 0; i < G_N_ELEMENTS (schemes); i++)
    if (strcmp (schemes[i].name, name) == 0)
      return &schemes[i];
  return NULL;
}

static struct ptn_bytes
bytes_of (const char *text) {
  return (struct ptn_bytes){ text, strlen (text) };
}

/* ---- One secret -------------------------------------------------------------------------- */

static ptn_status
use_nt (const struct password *password, ptn_use_secret *use, void *argument) {
  unsigned char nt[16];
  if (password->scheme == SCHEME_NT)
    for (unsigned i = 0; i < sizeof nt; i++)
      nt[i] = (unsigned char)(g_ascii_xdigit_value (password->text[2 * i]) << 4
                              | g_ascii_xdigit_value (password->text[2 * i + 1]));
  else if (!password_nt (bytes_of (password->text), nt))
    return PTN_E_NOT_FOUND;
  const ptn_status status = use (argument, (struct ptn_bytes){ nt, sizeof nt });
  explicit_bzero (nt, sizeof nt);
  return status;
}

static ptn_status
use_keys (const char *scheme, const char *keys, ptn_use_secret *use, void *argument) {
  char *secret = g_strconcat (scheme, "$", keys, NULL);
  const size_t size = strlen (secret);
  const ptn_status status = use (argument, (struct ptn_bytes){ secret, size });
  explicit_bzero (secret, size);
  g_free (secret);
  return status;
}

/* PTN_E_NOT_FOUND: this password gives no such secret. */
static ptn_status
use_one (const struct secret_scheme *scheme, const struct password *password, ptn_use_secret *use,
         void *argument) {
  if (scheme->stored == SCHEME_NT
      && (password->scheme == SCHEME_NT || password->scheme == SCHEME_PLAIN))
    return use_nt (password, use, argument);
  if (password->scheme != scheme->stored)
    return PTN_E_NOT_FOUND;
  return password_is_scram (scheme->stored) ? use_keys (scheme->name, password->text, use, argument)
                                            : use (argument, bytes_of (password->text));
}

/* ---- All of an account ------------------------------------------------------------------- */

static ptn_status
use_all (struct directory *directory, struct ptn_task *task, const struct ptn_sasl_request *request,
         const struct account *account, const struct secret_scheme *scheme, ptn_use_secret *use,
         void *argument) {
  const struct ptn_host *host = directory->host;
  bool any = false;
  for (size_t i = 0; i < account->password_count; i++) {
    const ptn_status status = use_one (scheme, &account->passwords[i], use, argument);
    any |= status != PTN_E_NOT_FOUND;
    if (status == PTN_OK)
      return verdict_settle (directory, task, request, account, &account->passwords[i]);
    if (status != PTN_E_NOT_FOUND && status != PTN_E_AUTHENTICATION)
      return status;
  }
  if (!any)
    return host->fail (task, PTN_E_NOT_FOUND, NULL, "no %s secret is stored for this user",
                       scheme->name);
  return host->fail (task, PTN_E_AUTHENTICATION, NULL, "wrong password");
}

ptn_status
secrets_with (void *instance, struct ptn_call *call, const struct ptn_sasl_request *request,
              const char *domain, const char *user, const char *name, ptn_use_secret *use,
              void *argument) {
  struct directory *directory = instance;
  const struct ptn_host *host = directory->host;
  g_autoptr (accounts_auto) accounts = directory_get (directory, call->task);
  if (!accounts)
    return PTN_E_TEMPORARY;
  if (!user)
    return PTN_E_AUTHENTICATION;
  const struct account *account = accounts_find (accounts, user);
  const struct secret_scheme *scheme = find_scheme (name);
  if (!account)
    return host->fail (call->task, PTN_E_NOT_FOUND, NULL, "unknown user");
  if (!scheme)
    return host->fail (call->task, PTN_E_NOT_FOUND, NULL, "no %s secrets are stored here", name);

  return use_all (directory, call->task, request, account, scheme, use, argument);
}
