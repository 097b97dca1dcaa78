/* SPDX-License-Identifier: Apache-2.0 */
/* provide.c - "postern.directory/1": who is who, and who may do what.
 *
 * Called in tasks, on any worker.  What an answer points to belongs to the accounts that it was
 * found in; the call holds a reference to them. */
#include "directory.h"

#include <string.h>

static void
release_accounts (void *state) {
  accounts_unref (state);
}

/* The accounts in force, held by the call until call_end; NULL as directory_get. */
static struct accounts *
hold_accounts (struct directory *directory, struct ptn_call *call) {
  if (call->release)
    directory->host->call_end (call);
  struct accounts *accounts = directory_get (directory, call->task);
  if (accounts) {
    call->state = accounts;
    call->release = release_accounts;
  }
  return accounts;
}

/* ---- Logins ------------------------------------------------------------------------------ */

/* What an answer about a login points to. */
struct parsed {
  struct accounts *accounts;
  char *spelling;
};

static void
release_parsed (void *state) {
  struct parsed *parsed = state;
  accounts_unref (parsed->accounts);
  g_free (parsed->spelling);
  g_free (parsed);
}

/* What all logins of one user have in common, of nobody too: see ptn_identity.  domain: the mail
 * domain of parts->domain; NULL: it has none, or it is not ours. */
static char *
spelling_of (const struct accounts *accounts, const struct login_parts *parts, const char *domain) {
  char buffer[NAME_LIMIT + 1];
  struct address_parts address = { .local = (char *)parts->user };
  if (parts->domain && !domain)
    return g_strconcat (parts->domain, "\\", parts->user, NULL);
  if (strchr (parts->user, '@')) {
    if (!address_split (parts->user, strlen (parts->user), buffer, &address)
        || !domains_find (accounts->rules->domains, address.domain))
      return g_strdup (parts->user);
    domain = address.domain;
  }
  return accounts->apart && domain ? g_strconcat (address.local, "@", domain, NULL)
                                   : g_strdup (address.local);
}

static struct parsed *
hold_parsed (struct directory *directory, struct ptn_call *call) {
  if (call->release)
    directory->host->call_end (call);
  struct accounts *accounts = directory_get (directory, call->task);
  if (!accounts)
    return NULL;
  struct parsed *parsed = g_new0 (struct parsed, 1);
  parsed->accounts = accounts;
  call->state = parsed;
  call->release = release_parsed;
  return parsed;
}

static ptn_status
directory_parse_login (void *instance, struct ptn_call *call, const char *login,
                       struct ptn_identity *identity) {
  struct directory *directory = instance;
  const struct ptn_host *host = directory->host;
  struct parsed *parsed = hold_parsed (directory, call);
  if (!parsed)
    return PTN_E_TEMPORARY;

  const struct accounts *accounts = parsed->accounts;
  char buffer[NAME_LIMIT + 1];
  struct login_parts parts;
  const bool split = login_split (login, buffer, &parts);
  const char *domain = NULL, *nt = NULL;
  if (split && parts.domain)
    domain = domains_of_nt (accounts->rules->domains, parts.domain, &nt);
  if (PTN_HAS (identity, spelling))
    identity->spelling = parsed->spelling =
        split ? spelling_of (accounts, &parts, domain) : g_strdup (login);
  if (!split)
    return host->fail (call->task, PTN_E_NOT_FOUND, NULL, "not a login name");
  if (name_is_refused (parts.user) || (parts.mailbox && name_is_refused (parts.mailbox)))
    return host->fail (call->task, PTN_E_NOT_FOUND, NULL, "name is always refused");
  if (parts.domain && !domain)
    return host->fail (call->task, PTN_E_NOT_FOUND, NULL, "unknown domain");
  const struct account *user = accounts_find_login (accounts, parts.user, domain);
  if (!user)
    return host->fail (call->task, PTN_E_NOT_FOUND, NULL, "unknown user");
  const struct account *mailbox =
      parts.mailbox ? accounts_find_login (accounts, parts.mailbox, domain) : user;
  if (!mailbox)
    return host->fail (call->task, PTN_E_NOT_FOUND, NULL, "unknown mailbox");

  identity->anonymous = 0;
  identity->authcid = identity->authzid = user->name;
  identity->account = mailbox->name;
  identity->domain =
      nt ? nt : domains_nt_of (accounts->rules->domains, strchr (user->address, '@') + 1);
  identity->attributes = user->attributes;
  return PTN_OK;
}

static ptn_status
check_mailbox (const struct accounts *accounts, const struct ptn_sasl_request *request,
               const struct account *user, const struct account *mailbox, ptn_access access,
               int64_t now_ms, const char **why) {
  *why = "no delegate of this mailbox";
  if (access == PTN_ACCESS_UNTOLD)
    return PTN_E_DENIED;
  *why = "account is disabled";
  if (account_is_disabled (user, now_ms) || account_is_disabled (mailbox, now_ms))
    return PTN_E_DISABLED;
  *why = "protocol is switched off for this account";
  if (!account_allows (user, request->service) || !account_allows (mailbox, request->service))
    return PTN_E_PROTOCOL_OFF;
  *why = "an administrator's mailbox is not opened over this protocol";
  if (account_is_closed (accounts, mailbox, request->service))
    return PTN_E_PROTOCOL_OFF;
  *why = "mailbox is on another server";
  const char *node = accounts->rules->node ? accounts->rules->node : request->server_name;
  if (mailbox->server && (!node || g_ascii_strcasecmp (mailbox->server, node) != 0))
    return PTN_E_ELSEWHERE;
  return PTN_OK;
}

static ptn_status
directory_authorize (void *instance, struct ptn_call *call, const struct ptn_sasl_request *request,
                     struct ptn_identity *identity) {
  struct directory *directory = instance;
  const struct accounts *accounts = hold_accounts (directory, call);
  if (!accounts)
    return PTN_E_TEMPORARY;
  /* The file may have changed since parse_login. */
  const struct account *user = accounts_find (accounts, identity->authcid);
  const struct account *mailbox = accounts_find (accounts, identity->account);
  if (!user || !mailbox)
    return directory->host->fail (call->task, PTN_E_DENIED, NULL, "account is gone");

  /* What the caller grants already counts as much as what the file says. */
  ptn_access access = account_access (mailbox, user);
  if (PTN_HAS (identity, access))
    identity->access = access = MAX (access, identity->access);
  identity->authcid = user->name;
  identity->account = mailbox->name;
  /* Who may only look does so in their own name: what others share with the owner is not theirs
   * to see. */
  const bool as_owner = access == PTN_ACCESS_FULL && strcmp (identity->authzid, mailbox->name) == 0;
  identity->authzid = as_owner ? mailbox->name : user->name;
  identity->attributes = mailbox->attributes;
  identity->groups = (strcmp (identity->authzid, user->name) == 0 ? user : mailbox)->groups;
  const char *why;
  const ptn_status status = check_mailbox (accounts, request, user, mailbox, access,
                                           directory->host->realtime_ms (), &why);
  return status == PTN_OK ? PTN_OK : directory->host->fail (call->task, status, NULL, "%s", why);
}

/* ---- Addresses --------------------------------------------------------------------------- */

struct resolved {
  struct accounts *accounts;
  char *detail;
  const struct ptn_account_info **list;
  struct ptn_account_info infos[];
};

static void
release_resolved (void *state) {
  struct resolved *resolved = state;
  accounts_unref (resolved->accounts);
  g_free (resolved->list);
  g_free (resolved->detail);
  g_free (resolved);
}

static struct resolved *
resolved_new (struct accounts *accounts, struct target target, const char *detail) {
  const size_t count = target.account ? 1 : target.group->member_count;
  struct resolved *resolved =
      g_malloc0 (sizeof *resolved + count * sizeof (struct ptn_account_info));
  resolved->accounts = accounts_ref (accounts);
  resolved->detail = g_strdup (detail);
  resolved->list = g_new (const struct ptn_account_info *, count + 1);
  for (size_t i = 0; i < count; i++) {
    const struct account *account = target.account ? target.account : target.group->members[i];
    resolved->infos[i] = (struct ptn_account_info){
      .size = sizeof (struct ptn_account_info),
      .account = account->name,
      .address = account->address,
      .detail = resolved->detail,
      .attributes = account->attributes,
    };
    resolved->list[i] = &resolved->infos[i];
  }
  return resolved;
}

static ptn_status
directory_resolve (void *instance, struct ptn_call *call, const char *address,
                   const struct ptn_account_info *const **found, size_t *count) {
  struct directory *directory = instance;
  const struct ptn_host *host = directory->host;
  if (call->release)
    host->call_end (call);
  g_autoptr (accounts_auto) accounts = directory_get (directory, call->task);
  if (!accounts)
    return PTN_E_TEMPORARY;

  char buffer[NAME_LIMIT + 1];
  struct address_parts parts;
  const char *detail;
  bool ours;
  if (!address_split (address, strnlen (address, NAME_LIMIT + 1), buffer, &parts))
    return host->fail (call->task, PTN_E_UNSUPPORTED, NULL, "not an address");
  const struct target target = accounts_find_address (accounts, &parts, &detail, &ours);
  if (!ours)
    return host->fail (call->task, PTN_E_UNSUPPORTED, NULL, "not a domain of ours");
  if (!target.account && !target.group)
    return host->fail (call->task, PTN_E_NOT_FOUND, NULL, "no such address");

  struct resolved *resolved = resolved_new (accounts, target, detail);
  call->state = resolved;
  call->release = release_resolved;
  *found = resolved->list;
  *count = target.account ? 1 : target.group->member_count;
  return PTN_OK;
}

static ptn_status
directory_may_send_as (void *instance, struct ptn_call *call, const struct ptn_identity *identity,
                       const char *address) {
  struct directory *directory = instance;
  const struct ptn_host *host = directory->host;
  if (!*address)
    return PTN_OK;
  g_autoptr (accounts_auto) accounts = directory_get (directory, call->task);
  if (!accounts)
    return PTN_E_TEMPORARY;
  const struct account *user = accounts_find (accounts, identity->authcid);
  const struct account *mailbox = accounts_find (accounts, identity->account);
  char buffer[NAME_LIMIT + 1];
  struct address_parts parts;
  const char *detail;
  bool ours;
  if (address_split (address, strnlen (address, NAME_LIMIT + 1), buffer, &parts)) {
    const struct account *owner = accounts_find_address (accounts, &parts, &detail, &ours).account;
    const bool reads = PTN_HAS (identity, access) && identity->access == PTN_ACCESS_READ;
    if (owner
        && ((owner == mailbox && !reads)
            || (user && account_delegation (owner, user) == PTN_ACCESS_FULL)))
      return PTN_OK;
  }
  return host->fail (call->task, PTN_E_DENIED, NULL, "not an address of this user");
}

/* ---- Listing ----------------------------------------------------------------------------- */

#define LIST_LIMIT 1000

struct listing {
  struct accounts *accounts;
  const char *names[LIST_LIMIT];
};

static void
release_listing (void *state) {
  struct listing *listing = state;
  accounts_unref (listing->accounts);
  g_free (listing);
}

/* The first account behind `after`. */
static size_t
list_position (const struct accounts *accounts, const char *after) {
  size_t low = 0, high = accounts->count;
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if (strcmp (accounts->list[middle]->name, after) <= 0)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

static ptn_status
directory_list_accounts (void *instance, struct ptn_call *call, const char *after,
                         struct ptn_strings *names) {
  struct directory *directory = instance;
  if (call->release)
    directory->host->call_end (call);
  g_autoptr (accounts_auto) accounts = directory_get (directory, call->task);
  if (!accounts)
    return PTN_E_TEMPORARY;
  size_t at = list_position (accounts, after);
  if (at == accounts->count)
    return PTN_END;
  struct listing *listing = g_new (struct listing, 1);
  size_t count = 0;
  while (count < LIST_LIMIT && at < accounts->count)
    listing->names[count++] = accounts->list[at++]->name;
  listing->accounts = accounts_ref (accounts);
  call->state = listing;
  call->release = release_listing;
  *names = (struct ptn_strings){ listing->names, count };
  return PTN_OK;
}

const struct ptn_directory directory_table = {
  .size = sizeof directory_table,
  .parse_login = directory_parse_login,
  .authorize = directory_authorize,
  .resolve = directory_resolve,
  .may_send_as = directory_may_send_as,
  .list_accounts = directory_list_accounts,
};
