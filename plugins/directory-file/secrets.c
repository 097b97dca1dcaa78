/* SPDX-License-Identifier: Apache-2.0 */
/* secrets.c - with_secret of "postern.credentials/1": what is stored, for mechanisms that send no
 * password, and what can be made of a {PLAIN} one.
 *
 * Called in tasks, on any worker.  SCRAM keys of a {PLAIN} password take milliseconds: they are
 * made in the lane "password", once, and kept with the accounts. */
#include "secrets.h"

#include "verdict.h"

#include "common/errand.h"
#include "common/password/scram.h"

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

/* ---- SCRAM keys of {PLAIN} passwords ----------------------------------------------------- */

struct derivation {
  struct errand errand; /* first */
  struct accounts *accounts;
  const struct account *account;
  password_scheme scheme;
};

/* A server tells a user one salt: that of the keys that are stored, else one that stays the same
 * as long as this process runs. */
static char *
derive (const struct derivation *derivation, const struct password *plain) {
  const struct account *account = derivation->account;
  for (size_t i = 0; i < account->password_count; i++)
    if (account->passwords[i].scheme == derivation->scheme)
      return scram_make (derivation->scheme, bytes_of (plain->text), account->passwords[i].text);
  struct verdict_tag tag; /* keyed: nobody can tell such a salt from one that was drawn */
  verdicts_tag (derivation->accounts->rules->cache, bytes_of ("salt of"), bytes_of (account->name),
                &tag);
  return scram_make_salted (derivation->scheme, bytes_of (plain->text), tag.octets);
}

static void
derivation_work (struct errand *errand) {
  const struct derivation *derivation = (const struct derivation *)errand;
  const struct account *account = derivation->account;
  for (size_t i = 0; i < account->password_count; i++) {
    const struct password *password = &account->passwords[i];
    if (password->scheme != SCHEME_PLAIN
        || accounts_derived (derivation->accounts, password, derivation->scheme))
      continue;
    char *keys = derive (derivation, password);
    if (!keys) {
      errand_fail (errand, PTN_E_TEMPORARY, "keys could not be derived");
      return;
    }
    accounts_keep_derived (derivation->accounts, password, derivation->scheme, keys);
  }
}

static void
derivation_clear (struct errand *errand) {
  accounts_unref (((struct derivation *)errand)->accounts);
}

static bool
lacks_keys (struct accounts *accounts, const struct account *account, password_scheme scheme) {
  for (size_t i = 0; password_is_scram (scheme) && i < account->password_count; i++)
    if (account->passwords[i].scheme == SCHEME_PLAIN
        && !accounts_derived (accounts, &account->passwords[i], scheme))
      return true;
  return false;
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
use_one (struct accounts *accounts, const struct secret_scheme *scheme,
         const struct password *password, ptn_use_secret *use, void *argument) {
  if (password->scheme != scheme->stored && password->scheme != SCHEME_PLAIN)
    return PTN_E_NOT_FOUND;
  if (scheme->stored == SCHEME_NT)
    return use_nt (password, use, argument);
  if (!password_is_scram (scheme->stored))
    return use (argument, bytes_of (password->text));
  const char *keys = password->scheme == SCHEME_PLAIN
                         ? accounts_derived (accounts, password, scheme->stored)
                         : password->text;
  return keys ? use_keys (scheme->name, keys, use, argument) : PTN_E_NOT_FOUND;
}

/* ---- All of an account ------------------------------------------------------------------- */

static ptn_status
use_all (struct directory *directory, struct ptn_task *task, struct accounts *accounts,
         const struct ptn_sasl_request *request, const struct account *account,
         const struct secret_scheme *scheme, ptn_use_secret *use, void *argument) {
  const struct ptn_host *host = directory->host;
  bool any = false;
  for (size_t i = 0; i < account->password_count; i++) {
    const ptn_status status = use_one (accounts, scheme, &account->passwords[i], use, argument);
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
  struct derivation *derivation = errand_of (host, call);
  g_autoptr (accounts_auto) accounts = NULL;
  if (derivation) {
    const ptn_status status = errand_back (host, call);
    if (status != PTN_OK)
      return status;
    accounts = accounts_ref (derivation->accounts);
  } else {
    accounts = directory_get (directory, call->task);
  }
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

  if (!derivation && lacks_keys (accounts, account, scheme->stored)) {
    derivation = errand_new (sizeof *derivation, derivation_work, derivation_clear);
    derivation->accounts = accounts_ref (accounts);
    derivation->account = account;
    derivation->scheme = scheme->stored;
    return errand_send (host, call, "password", derivation);
  }
  return use_all (directory, call->task, accounts, request, account, scheme, use, argument);
}
