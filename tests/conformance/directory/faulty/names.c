/* SPDX-License-Identifier: Apache-2.0 */
/* names.c - faults of the directory: logins, identities, addresses, the list. */
#include "faulty.h"

static bool
has_capitals (const char *text) {
  for (; *text; text++)
    if (g_ascii_isupper (*text))
      return true;
  return false;
}

/* ---- parse_login ------------------------------------------------------------------------- */

#define LOGIN(name)                                                              \
  static ptn_status name (void *instance, struct ptn_call *c, const char *login, \
                          struct ptn_identity *identity)
#define GOOD_LOGIN good.parse_login (instance, c, login, identity)

LOGIN (other_authzid) {
  const ptn_status status = GOOD_LOGIN;
  if (status == PTN_OK)
    identity->authzid = "postmaster";
  return status;
}

LOGIN (minds_case) {
  return has_capitals (login) ? PTN_E_NOT_FOUND : GOOD_LOGIN;
}

LOGIN (no_addresses) {
  return strchr (login, '@') ? PTN_E_NOT_FOUND : GOOD_LOGIN;
}

LOGIN (forgets_domain) {
  const ptn_status status = GOOD_LOGIN;
  if (status == PTN_OK)
    identity->domain = "";
  return status;
}

LOGIN (own_mailbox_only) {
  const ptn_status status = GOOD_LOGIN;
  if (status == PTN_OK)
    identity->account = identity->authcid;
  return status;
}

LOGIN (says_too_much) {
  const ptn_status status = GOOD_LOGIN;
  return status == PTN_E_NOT_FOUND ? PTN_E_DENIED : status;
}

LOGIN (welcomes_guests) {
  if (g_ascii_strcasecmp (login, "guest") != 0)
    return GOOD_LOGIN;
  identity->authcid = identity->authzid = identity->account = "guest";
  identity->domain = "";
  return PTN_OK;
}

LOGIN (measures_length) {
  return strlen (login) > 1000 ? PTN_E_LIMIT : GOOD_LOGIN;
}

/* ---- authorize --------------------------------------------------------------------------- */

#define AUTHORIZE(name)                                       \
  static ptn_status name (void *instance, struct ptn_call *c, \
                          const struct ptn_sasl_request *request, struct ptn_identity *identity)
#define GOOD_AUTHORIZE good.authorize (instance, c, request, identity)

AUTHORIZE (only_reading) {
  const ptn_status status = GOOD_AUTHORIZE;
  if (status == PTN_OK)
    identity->access = PTN_ACCESS_READ;
  return status;
}

AUTHORIZE (bad_attributes) {
  static const char *const attributes[] = { "quota.octets" };
  const ptn_status status = GOOD_AUTHORIZE;
  if (status == PTN_OK)
    identity->attributes = (struct ptn_strings){ attributes, 1 };
  return status;
}

AUTHORIZE (denies_nobody) {
  const ptn_status status = GOOD_AUTHORIZE;
  return status == PTN_E_DENIED ? PTN_OK : status;
}

AUTHORIZE (ignores_grants) {
  identity->access = PTN_ACCESS_UNTOLD;
  return GOOD_AUTHORIZE;
}

AUTHORIZE (no_delegates) {
  return strcmp (identity->authcid, identity->account) != 0 ? PTN_E_DENIED : GOOD_AUTHORIZE;
}

AUTHORIZE (readers_write) {
  const ptn_status status = GOOD_AUTHORIZE;
  if (status == PTN_OK)
    identity->access = PTN_ACCESS_FULL;
  return status;
}

AUTHORIZE (always_the_user) {
  const ptn_status status = GOOD_AUTHORIZE;
  if (status == PTN_OK)
    identity->authzid = identity->authcid;
  return status;
}

AUTHORIZE (opens_the_disabled) {
  const ptn_status status = GOOD_AUTHORIZE;
  return status == PTN_E_DISABLED ? PTN_OK : status;
}

/* ---- resolve ----------------------------------------------------------------------------- */

#define RESOLVE(name)                                                              \
  static ptn_status name (void *instance, struct ptn_call *c, const char *address, \
                          const struct ptn_account_info *const **found, size_t *count)
#define GOOD_RESOLVE good.resolve (instance, c, address, found, count)

/* The first account of an answer, to be changed: never freed, there are few. */
static struct ptn_account_info *
change_first (const struct ptn_account_info *const **found, size_t count) {
  static GPtrArray *kept;
  struct ptn_account_info *info = g_memdup2 ((*found)[0], sizeof *info);
  const struct ptn_account_info **list = g_memdup2 (*found, count * sizeof *list);
  list[0] = info;
  *found = list;
  if (!kept)
    kept = g_ptr_array_new ();
  g_ptr_array_add (kept, info);
  g_ptr_array_add (kept, list);
  return info;
}

RESOLVE (other_name) {
  const ptn_status status = GOOD_RESOLVE;
  if (status == PTN_OK && *count)
    change_first (found, *count)->account = keep (address);
  return status;
}

RESOLVE (minds_address_case) {
  return has_capitals (address) ? PTN_E_NOT_FOUND : GOOD_RESOLVE;
}

RESOLVE (other_address) {
  const ptn_status status = GOOD_RESOLVE;
  if (status == PTN_OK && *count)
    change_first (found, *count)->address = "nobody@elsewhere.test";
  return status;
}

RESOLVE (forgets_detail) {
  const ptn_status status = GOOD_RESOLVE;
  if (status == PTN_OK && *count)
    change_first (found, *count)->detail = "";
  return status;
}

RESOLVE (never_ours) {
  const ptn_status status = GOOD_RESOLVE;
  return status == PTN_E_NOT_FOUND ? PTN_E_UNSUPPORTED : status;
}

RESOLVE (always_ours) {
  const ptn_status status = GOOD_RESOLVE;
  return status == PTN_E_UNSUPPORTED ? PTN_E_NOT_FOUND : status;
}

RESOLVE (takes_anything) {
  *count = 0;
  return *address ? GOOD_RESOLVE : PTN_OK;
}

/* ---- may_send_as, list_accounts ---------------------------------------------------------- */

static ptn_status
sends_nothing (void *instance, struct ptn_call *c, const struct ptn_identity *identity,
               const char *address) {
  return PTN_E_DENIED;
}

static ptn_status
sends_anything (void *instance, struct ptn_call *c, const struct ptn_identity *identity,
                const char *address) {
  return PTN_OK;
}

#define LIST(name)                                                               \
  static ptn_status name (void *instance, struct ptn_call *c, const char *after, \
                          struct ptn_strings *names)
#define GOOD_LIST good.list_accounts (instance, c, after, names)

LIST (backwards) {
  static const char *reversed[1000];
  const ptn_status status = GOOD_LIST;
  if (status != PTN_OK)
    return status;
  for (size_t i = 0; i < names->count; i++)
    reversed[i] = names->items[names->count - 1 - i];
  names->items = reversed;
  return status;
}

LIST (wants_a_name) {
  return strchr (after, '\x01') ? PTN_END : GOOD_LIST;
}

LIST (shouts) {
  static const char *loud[1000];
  const ptn_status status = GOOD_LIST;
  for (size_t i = 0; status == PTN_OK && i < names->count; i++) {
    g_autofree char *upper = g_ascii_strup (names->items[i], -1);
    loud[i] = keep (upper);
  }
  names->items = loud;
  return status;
}

const struct fault name_faults[] = {
  { "login.account", "authzid is always postmaster", .parse_login = other_authzid },
  { "login.case", "capitals are not found", .parse_login = minds_case },
  { "login.address", "addresses are not found", .parse_login = no_addresses },
  { "login.windows", "the domain is not told", .parse_login = forgets_domain },
  { "login.mailbox", "the own mailbox is always opened", .parse_login = own_mailbox_only },
  { "login.unknown", "unknown users are told apart", .parse_login = says_too_much },
  { "login.guest", "Guest is a user", .parse_login = welcomes_guests },
  { "login.malformed", "long names have another status", .parse_login = measures_length },
  { "authorize.own", "nobody may write", .authorize = only_reading },
  { "authorize.attributes", "an attribute without value", .authorize = bad_attributes },
  { "authorize.foreign", "everybody is a delegate", .authorize = denies_nobody },
  { "authorize.granted", "what the caller grants is ignored", .authorize = ignores_grants },
  { "authorize.delegate", "nobody is a delegate", .authorize = no_delegates },
  { "authorize.reader", "readers may write", .authorize = readers_write },
  { "authorize.authzid", "authzid is always the user", .authorize = always_the_user },
  { "authorize.gone", "who is gone is let in", .authorize = denies_nobody },
  { "authorize.disabled", "disabled accounts are opened", .authorize = opens_the_disabled },
  { "resolve.address", "the account is named by the address", .resolve = other_name },
  { "resolve.case", "capitals are not found", .resolve = minds_address_case },
  { "resolve.primary", "the primary address is another's", .resolve = other_address },
  { "resolve.detail", "the detail is forgotten", .resolve = forgets_detail },
  { "resolve.unknown", "our domain is foreign", .resolve = never_ours },
  { "resolve.foreign", "foreign domains are ours", .resolve = always_ours },
  { "resolve.malformed", "no address is one", .resolve = takes_anything },
  { "sender.own", "nobody may send", .may_send_as = sends_nothing },
  { "sender.other", "everybody may send as everybody", .may_send_as = sends_anything },
  { "sender.foreign", "everybody may send as everybody", .may_send_as = sends_anything },
  { "sender.reader", "readers may send as the owner", .may_send_as = sends_anything },
  { "list.order", "the list is backwards", .list_accounts = backwards },
  { "list.after", "an unknown name ends the list", .list_accounts = wants_a_name },
  { "list.names", "listed names are in capitals", .list_accounts = shouts },
  { NULL },
};
