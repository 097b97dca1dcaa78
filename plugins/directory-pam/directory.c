/* SPDX-License-Identifier: Apache-2.0 */
/* directory.c - "postern.directory/1": the users of the system, as NSS tells them.
 *
 * Called in tasks, on any worker; every look is an errand, because NSS may ask other machines.  What
 * an answer points to belongs to the look, which the call holds. */
#include "pam.h"

#include <string.h>

#define LIST_LIMIT 1000

struct look {
  struct errand errand; /* first */
  struct rules *rules;
  const char *nt; /* Windows domain of the login, of the rules; NULL: none was named */
  /* Names: asked for, folded; then those of the accounts. */
  char *user, *mailbox; /* mailbox NULL: the user's own */
  char *address, *detail;
  char **names;
  struct ptn_account_info info;
  const struct ptn_account_info *infos[1];
};

static void
look_clear (struct errand *errand) {
  struct look *look = (struct look *)errand;
  rules_unref (look->rules);
  g_free (look->user);
  g_free (look->mailbox);
  g_free (look->address);
  g_free (look->detail);
  g_strfreev (look->names);
}

static struct look *
look_new (struct pam *pam, void (*work) (struct errand *)) {
  struct look *look = errand_new (sizeof *look, work, look_clear);
  look->rules = pam_rules (pam);
  return look;
}

/* Replaces a name by that of its account.  false: the errand has failed. */
static bool
find (struct look *look, char **name) {
  const char *why;
  char *account = NULL;
  const ptn_status status = people_find (look->rules, *name, &account, &why);
  if (status != PTN_OK) {
    errand_fail (&look->errand, status, "%s", why);
    return false;
  }
  g_free (*name);
  *name = account;
  return true;
}

static char *
address_of (const struct look *look, const char *account) {
  return g_strconcat (account, "@", domains_primary (look->rules->domains), NULL);
}

/* ---- Logins ------------------------------------------------------------------------------ */

/* The mailbox of nobody is looked for as well: a search less would tell that there is no such user. */
static void
find_both (struct errand *errand) {
  struct look *look = (struct look *)errand;
  const bool known = find (look, &look->user);
  if (!look->mailbox || (!known && errand->status != PTN_E_NOT_FOUND))
    return;
  char why[ERRAND_REASON];
  g_strlcpy (why, errand->reason, sizeof why);
  if (!find (look, &look->mailbox) && errand->status != PTN_E_NOT_FOUND)
    return;
  if (!known)
    errand_fail (errand, PTN_E_NOT_FOUND, "%s", why);
}

static const char *
fault_of_login (const struct rules *rules, const char *login, char buffer[NAME_LIMIT + 1],
                struct login_parts *parts, const char **nt) {
  *nt = NULL;
  if (!login_split (login, buffer, parts))
    return "not a login name";
  if (name_is_refused (parts->user) || (parts->mailbox && name_is_refused (parts->mailbox)))
    return "name is always refused";
  return parts->domain && !domains_of_nt (rules->domains, parts->domain, nt) ? "unknown domain"
                                                                             : NULL;
}

static ptn_status
pam_parse_login (void *instance, struct ptn_call *call, const char *login,
                 struct ptn_identity *identity) {
  struct pam *pam = instance;
  const struct ptn_host *host = pam->host;
  struct look *look = errand_of (host, call);
  if (!look) {
    char buffer[NAME_LIMIT + 1];
    struct login_parts parts;
    look = look_new (pam, find_both);
    const char *fault = fault_of_login (look->rules, login, buffer, &parts, &look->nt);
    if (fault) {
      errand_unref (look);
      return host->fail (call->task, PTN_E_NOT_FOUND, NULL, "%s", fault);
    }
    look->user = g_strdup (parts.user);
    look->mailbox = g_strdup (parts.mailbox);
    return errand_send (host, call, PAM_LANE, look);
  }
  const ptn_status status = errand_back (host, call);
  if (status != PTN_OK)
    return status;
  const struct domains *domains = look->rules->domains;
  identity->anonymous = 0;
  identity->authcid = identity->authzid = look->user;
  identity->account = look->mailbox ? look->mailbox : look->user;
  identity->domain = look->nt ? look->nt : domains_nt_of (domains, domains_primary (domains));
  identity->attributes = (struct ptn_strings){ NULL, 0 };
  return PTN_OK;
}

static ptn_status
pam_authorize (void *instance, struct ptn_call *call, const struct ptn_sasl_request *request,
               struct ptn_identity *identity) {
  struct pam *pam = instance;
  const struct ptn_host *host = pam->host;
  struct look *look = errand_of (host, call);
  if (!look) {
    look = look_new (pam, find_both);
    look->user = g_strdup (identity->authcid);
    look->mailbox = g_strdup (identity->account);
    return errand_send (host, call, PAM_LANE, look);
  }
  const ptn_status status = errand_back (host, call);
  if (status == PTN_E_NOT_FOUND)
    return host->fail (call->task, PTN_E_DENIED, NULL, "account is gone");
  if (status != PTN_OK)
    return status;
  const bool own = strcmp (look->user, look->mailbox) == 0;
  const ptn_access access = own ? PTN_ACCESS_FULL : identity->access;
  if (access == PTN_ACCESS_UNTOLD)
    return host->fail (call->task, PTN_E_DENIED, NULL, "no delegate of this mailbox");
  /* Who may only look does so in their own name. */
  const bool itself =
      access == PTN_ACCESS_FULL && strcmp (identity->authzid, identity->account) == 0;
  identity->access = access;
  identity->authcid = look->user;
  identity->account = look->mailbox;
  identity->authzid = itself ? look->mailbox : look->user;
  identity->attributes = (struct ptn_strings){ (const char *const *)look->rules->attributes,
                                               g_strv_length (look->rules->attributes) };
  return PTN_OK;
}

/* ---- Addresses --------------------------------------------------------------------------- */

/* Whose address it is: `user` afterwards, and what stood behind the '+'. */
static void
find_address (struct errand *errand) {
  struct look *look = (struct look *)errand;
  const struct rules *rules = look->rules;
  char buffer[NAME_LIMIT + 1];
  struct address_parts parts = { NULL, "" };
  const bool sound =
      address_split (look->address, strnlen (look->address, NAME_LIMIT + 1), buffer, &parts);
  const bool postmaster = sound && strcmp (parts.local, "postmaster") == 0;
  if (!sound
      || (!domains_find (rules->domains, parts.domain) /* bare postmaster: RFC 5321, 4.5.1 */
          && !(postmaster && !*parts.domain))) {
    errand_fail (errand, PTN_E_UNSUPPORTED, "not a domain of ours");
    return;
  }
  look->detail = g_strdup ("");
  look->user = g_strdup (postmaster && rules->postmaster ? rules->postmaster : parts.local);
  char *plus = strchr (parts.local, '+');
  if (!find (look, &look->user) && errand->status == PTN_E_NOT_FOUND && plus
      && plus != parts.local) {
    g_free (look->user);
    look->user = g_strndup (parts.local, (size_t)(plus - parts.local));
    g_free (look->detail);
    look->detail = g_strdup (plus + 1);
    errand->status = PTN_OK;
    find (look, &look->user);
  }
  if (errand->status == PTN_E_NOT_FOUND)
    errand_fail (errand, PTN_E_NOT_FOUND, "no such address");
}

static ptn_status
pam_resolve (void *instance, struct ptn_call *call, const char *address,
             const struct ptn_account_info *const **found, size_t *count) {
  struct pam *pam = instance;
  struct look *look = errand_of (pam->host, call);
  if (!look) {
    look = look_new (pam, find_address);
    look->address = g_strndup (address, NAME_LIMIT + 1);
    return errand_send (pam->host, call, PAM_LANE, look);
  }
  const ptn_status status = errand_back (pam->host, call);
  if (status != PTN_OK)
    return status;
  look->mailbox = address_of (look, look->user);
  look->info = (struct ptn_account_info){
    .size = sizeof look->info,
    .account = look->user,
    .address = look->mailbox,
    .detail = look->detail,
    .attributes = { (const char *const *)look->rules->attributes,
                    g_strv_length (look->rules->attributes) },
  };
  look->infos[0] = &look->info;
  *found = look->infos;
  *count = 1;
  return PTN_OK;
}

static ptn_status
pam_may_send_as (void *instance, struct ptn_call *call, const struct ptn_identity *identity,
                 const char *address) {
  struct pam *pam = instance;
  const struct ptn_host *host = pam->host;
  struct look *look = errand_of (host, call);
  if (!look) {
    if (!*address)
      return PTN_OK;
    look = look_new (pam, find_address);
    look->address = g_strndup (address, NAME_LIMIT + 1);
    return errand_send (host, call, PAM_LANE, look);
  }
  const ptn_status status = errand_back (host, call);
  if (status == PTN_PENDING || status == PTN_E_TEMPORARY)
    return status;
  /* Who may only look sends as nobody but themself. */
  const bool reader = PTN_HAS (identity, access) && identity->access == PTN_ACCESS_READ;
  if (status == PTN_OK
      && (strcmp (look->user, identity->authcid) == 0
          || (!reader && strcmp (look->user, identity->account) == 0)))
    return PTN_OK;
  return host->fail (call->task, PTN_E_DENIED, NULL, "not an address of this user");
}

/* ---- Listing ----------------------------------------------------------------------------- */

static void
find_all (struct errand *errand) {
  struct look *look = (struct look *)errand;
  look->names = people_list (look->rules, look->user, LIST_LIMIT);
  errand->status = *look->names ? PTN_OK : PTN_END;
}

static ptn_status
pam_list_accounts (void *instance, struct ptn_call *call, const char *after,
                   struct ptn_strings *accounts) {
  struct pam *pam = instance;
  struct look *look = errand_of (pam->host, call);
  if (!look) {
    look = look_new (pam, find_all);
    look->user = g_strdup (after);
    return errand_send (pam->host, call, PAM_LANE, look);
  }
  const ptn_status status = errand_back (pam->host, call);
  if (status == PTN_OK)
    *accounts =
        (struct ptn_strings){ (const char *const *)look->names, g_strv_length (look->names) };
  return status;
}

const struct ptn_directory pam_directory = {
  .size = sizeof pam_directory,
  .parse_login = pam_parse_login,
  .authorize = pam_authorize,
  .resolve = pam_resolve,
  .may_send_as = pam_may_send_as,
  .list_accounts = pam_list_accounts,
};
