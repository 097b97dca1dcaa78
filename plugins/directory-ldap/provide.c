/* SPDX-License-Identifier: Apache-2.0 */
/* provide.c - "postern.directory/1": who is who, and who may do what.
 *
 * Called in tasks, on any worker.  What an answer points to belongs to the question that found it,
 * which the call holds until call_end.  A name that is remembered is answered in the step; all else
 * goes through the lane. */
#include "directory.h"

#include <string.h>

/* A question that needs the lane no more: its results are the call's. */
static void
hold (struct ptn_call *call, struct question *question) {
  call->state = question;
  call->cancel = NULL;
  call->release = errand_unref;
}

/* ---- Logins ------------------------------------------------------------------------------ */

static char *
login_key (const struct question *question, const char *name) {
  return g_strconcat ("login ", question->mail ? question->mail : "", " ", name, NULL);
}

/* A login always asks, so that what was changed counts, and so that time does not tell which names
 * are remembered.  What is remembered serves while no server answers. */
static ptn_status
find_login (struct question *question, const char *name, struct entry **entry) {
  struct client *client = question->client;
  const int64_t now_ns = client->host->monotonic_ns ();
  g_autofree char *key = login_key (question, name);
  ptn_status status = ask_login (client, name, question->mail, entry, question->errand.reason);
  struct found *found = NULL;
  if (status == PTN_OK) {
    g_autoptr (entry_auto) before = client_remembers (client, (*entry)->account);
    (*entry)->sole |= before && before->sole && strcmp (before->dn, (*entry)->dn) == 0;
    found = found_new (true, "", entry, 1);
    cache_put (client->cache, key, found, now_ns + client->rules->cache_ns);
    client_remember (client, *entry);
  } else if (status == PTN_E_TEMPORARY && (found = cache_get (client->cache, key, now_ns))
             && found->count == 1) {
    *entry = entry_ref (found->entries[0]);
    status = PTN_OK;
  }
  g_clear_pointer (&found, found_unref);
  return status;
}

/* The mailbox of nobody is looked for as well: a search less would tell that there is no such user. */
static void
ask_names (struct question *question) {
  const ptn_status user = find_login (question, question->first, &question->user);
  question->errand.status = user;
  if (!*question->second || (user != PTN_OK && user != PTN_E_NOT_FOUND))
    return;
  char why[ERRAND_REASON];
  g_strlcpy (why, question->errand.reason, sizeof why);
  const ptn_status mailbox = find_login (question, question->second, &question->mailbox);
  if (user == PTN_OK || (mailbox != PTN_OK && mailbox != PTN_E_NOT_FOUND))
    question->errand.status = mailbox;
  else
    errand_fail (&question->errand, user, "%s", why);
}

/* A name behind the '@' that is not ours is nobody's, without asking. */
static bool
is_ours (const struct rules *rules, const char *folded) {
  const char *at = strchr (folded, '@');
  char canonical[NAME_LIMIT + 1];
  if (!at)
    return true;
  if (!name_canonical (folded, strlen (folded), canonical))
    return false;
  return rules_is_login_domain (rules, strchr (canonical, '@') + 1);
}

/* NULL with a reason: nobody's name. */
static struct question *
read_login (struct client *client, const char *login, const char **why) {
  const struct rules *rules = client->rules;
  char buffer[NAME_LIMIT + 1];
  struct login_parts parts;
  const char *mail = NULL, *nt;
  *why = "not a login name";
  if (!login_split (login, buffer, &parts))
    return NULL;
  *why = "name is always refused";
  if (name_is_refused (parts.user) || (parts.mailbox && name_is_refused (parts.mailbox)))
    return NULL;
  *why = "unknown domain";
  if (parts.domain && !(mail = domains_of_nt (rules->domains, parts.domain, &nt)))
    return NULL;
  if (!is_ours (rules, parts.user) || (parts.mailbox && !is_ours (rules, parts.mailbox)))
    return NULL;
  struct question *question = question_new (client, ask_names);
  question->mail = mail;
  g_strlcpy (question->first, parts.user, sizeof question->first);
  g_strlcpy (question->second, parts.mailbox ? parts.mailbox : "", sizeof question->second);
  return question;
}

/* What all logins of one user have in common, of nobody too: see ptn_identity.  NAME@DOMAIN of ours may
 * mean NAME. */
static char *
spelling_of (const struct rules *rules, const char *login) {
  char buffer[NAME_LIMIT + 1];
  struct login_parts parts;
  const char *nt;
  if (!login_split (login, buffer, &parts))
    return g_strdup (login);
  if (parts.domain && !domains_of_nt (rules->domains, parts.domain, &nt))
    return g_strconcat (parts.domain, "\\", parts.user, NULL);
  const size_t local = strcspn (parts.user, "@");
  return is_ours (rules, parts.user) ? g_strndup (parts.user, local) : g_strdup (parts.user);
}

/* How we write the Windows domain of a user. */
static const char *
windows_domain (const struct question *question) {
  const struct domains *domains = question->client->rules->domains;
  const char *at = strchr (question->user->address, '@');
  const char *mail = question->mail;
  if (!mail && at)
    mail = domains_find (domains, at + 1);
  return domains_nt_of (domains, mail ? mail : domains_primary (domains));
}

static void
tell_spelling (struct ptn_identity *identity, const char *spelling) {
  if (PTN_HAS (identity, spelling))
    identity->spelling = spelling;
}

static ptn_status
directory_parse_login (void *instance, struct ptn_call *call, const char *login,
                       struct ptn_identity *identity) {
  struct directory *directory = instance;
  const struct ptn_host *host = directory->host;
  struct question *question = errand_of (host, call);
  if (!question) {
    g_autoptr (client_auto) client = directory_client (directory);
    const char *why;
    char *spelling = spelling_of (client->rules, login);
    question = read_login (client, login, &why);
    if (question) {
      question->spelling = spelling;
      return question_send (question, call);
    }
    call->state = spelling;
    call->release = g_free;
    tell_spelling (identity, spelling);
    return host->fail (call->task, PTN_E_NOT_FOUND, NULL, "%s", why);
  }
  const ptn_status status = errand_back (host, call);
  if (status == PTN_OK || status == PTN_E_NOT_FOUND)
    tell_spelling (identity, question->spelling);
  if (status != PTN_OK)
    return status;
  const struct entry *user = question->user;
  const struct entry *mailbox = question->mailbox ? question->mailbox : user;
  identity->anonymous = 0;
  identity->authcid = identity->authzid = user->account;
  identity->account = mailbox->account;
  identity->domain = windows_domain (question);
  identity->attributes =
      (struct ptn_strings){ (const char *const *)user->attributes, user->attribute_count };
  return PTN_OK;
}

/* ---- Who may open what ------------------------------------------------------------------- */

static ptn_status
ask_for_account (struct question *question, const char *account, struct entry **entry) {
  const ptn_status status = question_sole_account (question, account, entry);
  return status == PTN_OK ? question_groups (question, entry) : status;
}

static void
ask_user_and_mailbox (struct question *question) {
  ptn_status status = ask_for_account (question, question->first, &question->user);
  if (status == PTN_OK && strcmp (question->second, question->user->account) == 0)
    question->mailbox = entry_ref (question->user);
  else if (status == PTN_OK)
    status = ask_for_account (question, question->second, &question->mailbox);
  question->errand.status = status;
}

/* Nothing is to be asked about it. */
static bool
is_settled (const struct entry *entry, const struct rules *rules) {
  return entry && entry->sole && (entry->nested || !rules->nested);
}

/* true: both are remembered. */
static bool
remembers_both (struct question *question) {
  question->user = client_remembers (question->client, question->first);
  if (question->user)
    question->mailbox = client_remembers (question->client, question->second);
  const struct rules *rules = question->client->rules;
  if (is_settled (question->user, rules) && is_settled (question->mailbox, rules))
    return true;
  g_clear_pointer (&question->user, entry_unref);
  g_clear_pointer (&question->mailbox, entry_unref);
  return false;
}

static ptn_status
check_mailbox (const struct rules *rules, const struct ptn_sasl_request *request,
               const struct entry *user, const struct entry *mailbox, ptn_access access,
               int64_t now_ms, const char **why) {
  *why = "no delegate of this mailbox";
  if (access == PTN_ACCESS_UNTOLD)
    return PTN_E_DENIED;
  *why = "account is disabled";
  if (user->disabled || mailbox->disabled)
    return PTN_E_DISABLED;
  *why = "account has expired";
  if (user->expires_ms <= now_ms || mailbox->expires_ms <= now_ms)
    return PTN_E_DISABLED;
  *why = "protocol is switched off for this account";
  if (!entry_allows (user, request->service) || !entry_allows (mailbox, request->service))
    return PTN_E_PROTOCOL_OFF;
  *why = "mailbox is on another server";
  return entry_is_elsewhere (rules, mailbox, request->server_name) ? PTN_E_ELSEWHERE : PTN_OK;
}

static ptn_status
authorize (const struct question *question, struct ptn_task *task,
           const struct ptn_sasl_request *request, struct ptn_identity *identity) {
  const struct client *client = question->client;
  const struct entry *user = question->user, *mailbox = question->mailbox;
  /* What the caller grants already counts as much as what the directory says. */
  ptn_access access = entry_access (mailbox, user);
  if (PTN_HAS (identity, access))
    identity->access = access = MAX (access, identity->access);
  const char *why;
  const ptn_status status = check_mailbox (client->rules, request, user, mailbox, access,
                                           client->host->realtime_ms (), &why);
  /* Who may only look does so in their own name. */
  const bool as_owner =
      access == PTN_ACCESS_FULL && strcmp (identity->authzid, mailbox->account) == 0;
  identity->authcid = user->account;
  identity->account = mailbox->account;
  identity->authzid = as_owner ? mailbox->account : user->account;
  identity->attributes =
      (struct ptn_strings){ (const char *const *)mailbox->attributes,
                            mailbox->attribute_count + (status == PTN_E_ELSEWHERE ? 1 : 0) };
  char **groups = as_owner ? mailbox->groups : user->groups;
  identity->groups = (struct ptn_strings){ (const char *const *)groups, g_strv_length (groups) };
  return status == PTN_OK ? PTN_OK : client->host->fail (task, status, NULL, "%s", why);
}

static ptn_status
directory_authorize (void *instance, struct ptn_call *call, const struct ptn_sasl_request *request,
                     struct ptn_identity *identity) {
  struct directory *directory = instance;
  const struct ptn_host *host = directory->host;
  struct question *question = errand_of (host, call);
  if (!question) {
    g_autoptr (client_auto) client = directory_client (directory);
    question = question_new (client, ask_user_and_mailbox);
    g_strlcpy (question->first, identity->authcid, sizeof question->first);
    g_strlcpy (question->second, identity->account, sizeof question->second);
    if (!remembers_both (question))
      return question_send (question, call);
    hold (call, question);
  } else {
    const ptn_status status = errand_back (host, call);
    if (status == PTN_E_NOT_FOUND)
      return host->fail (call->task, PTN_E_DENIED, NULL, "account is gone");
    if (status != PTN_OK)
      return status;
  }
  return authorize (question, call->task, request, identity);
}

/* ---- Addresses --------------------------------------------------------------------------- */

/* The key of an address in the cache, with its domain as we write it.  PTN_E_UNSUPPORTED: not
 * ours. */
static ptn_status
read_address (const struct rules *rules, const char *address, char buffer[NAME_LIMIT + 1],
              struct address_parts *parts) {
  if (!address_split (address, strnlen (address, NAME_LIMIT + 1), buffer, parts))
    return PTN_E_UNSUPPORTED;
  if (!*parts->domain && strcmp (parts->local, "postmaster") == 0)
    parts->domain = domains_primary (rules->domains); /* RFC 5321 section 4.5.1 */
  return domains_find (rules->domains, parts->domain) ? PTN_OK : PTN_E_UNSUPPORTED;
}

static char *
address_key (const struct address_parts *parts) {
  return g_strconcat ("address ", parts->domain, " ", parts->local, NULL);
}

static ptn_status
look_up_address (struct question *question, struct found **found) {
  struct client *client = question->client;
  const struct rules *rules = client->rules;
  char buffer[NAME_LIMIT + 1];
  struct address_parts parts;
  ptn_status status = read_address (rules, question->address, buffer, &parts);
  if (status != PTN_OK)
    return status;
  g_autofree char *key = address_key (&parts);
  status = ask_address (client, &parts, found, question->errand.reason);
  if (status == PTN_E_NOT_FOUND)
    *found = found_new (false, "", NULL, 0);
  if (*found)
    cache_put (client->cache, key, *found,
               client->host->monotonic_ns ()
                   + ((*found)->known ? rules->cache_ns : rules->cache_negative_ns));
  return status;
}

/* What is remembered of an address, or NULL. */
static struct found *
remembered_address (struct client *client, const struct address_parts *parts) {
  g_autofree char *key = address_key (parts);
  struct found *found = cache_get (client->cache, key, client->host->monotonic_ns ());
  if (found)
    client->host->observe (client->hits, 1);
  return found;
}

static void
ask_for_delivery (struct question *question) {
  question->errand.status = look_up_address (question, &question->found);
}

static void
list_found (struct question *question) {
  const struct found *found = question->found;
  question->list = g_new (const struct ptn_account_info *, found->count + 1);
  question->infos = g_new0 (struct ptn_account_info, found->count + 1);
  for (gsize i = 0; i < found->count; i++) {
    const struct entry *entry = found->entries[i];
    question->infos[i] = (struct ptn_account_info){
      .size = sizeof (struct ptn_account_info),
      .account = entry->account,
      .address = entry->address,
      .detail = found->detail,
      .attributes = { (const char *const *)entry->attributes, entry->attribute_count },
    };
    question->list[i] = &question->infos[i];
  }
}

static ptn_status
directory_resolve (void *instance, struct ptn_call *call, const char *address,
                   const struct ptn_account_info *const **accounts, size_t *count) {
  struct directory *directory = instance;
  const struct ptn_host *host = directory->host;
  struct question *question = errand_of (host, call);
  if (!question) {
    g_autoptr (client_auto) client = directory_client (directory);
    char buffer[NAME_LIMIT + 1];
    struct address_parts parts;
    if (read_address (client->rules, address, buffer, &parts) != PTN_OK)
      return host->fail (call->task, PTN_E_UNSUPPORTED, NULL, "not a domain of ours");
    question = question_new (client, ask_for_delivery);
    g_strlcpy (question->address, address, sizeof question->address);
    question->found = remembered_address (client, &parts);
    if (!question->found)
      return question_send (question, call);
    hold (call, question);
  } else {
    const ptn_status status = errand_back (host, call);
    if (status != PTN_OK)
      return status;
  }
  if (!question->found->known)
    return host->fail (call->task, PTN_E_NOT_FOUND, NULL, "no such address");
  list_found (question);
  *accounts = question->list;
  *count = question->found->count;
  return PTN_OK;
}

/* ---- Senders ----------------------------------------------------------------------------- */

static void
ask_for_sender (struct question *question) {
  ask_user_and_mailbox (question);
  ptn_status status = question->errand.status;
  if (status == PTN_OK && !question->found)
    status = look_up_address (question, &question->found);
  question->errand.status = status;
}

static bool
may_send (const struct question *question, const struct ptn_identity *identity) {
  const struct found *found = question->found;
  const bool reads = PTN_HAS (identity, access) && identity->access == PTN_ACCESS_READ;
  if (!found || found->group || found->count != 1)
    return false;
  const struct entry *owner = found->entries[0];
  return (strcmp (owner->account, question->mailbox->account) == 0 && !reads)
         || entry_access (owner, question->user) == PTN_ACCESS_FULL;
}

static ptn_status
directory_may_send_as (void *instance, struct ptn_call *call, const struct ptn_identity *identity,
                       const char *address) {
  struct directory *directory = instance;
  const struct ptn_host *host = directory->host;
  struct question *question = errand_of (host, call);
  if (!*address)
    return PTN_OK;
  if (!question) {
    g_autoptr (client_auto) client = directory_client (directory);
    char buffer[NAME_LIMIT + 1], canonical[NAME_LIMIT + 1];
    struct address_parts parts;
    if (read_address (client->rules, address, buffer, &parts) != PTN_OK
        || !name_canonical (address, strlen (address), canonical))
      return host->fail (call->task, PTN_E_DENIED, NULL, "not an address of this user");
    question = question_new (client, ask_for_sender);
    g_strlcpy (question->first, identity->authcid, sizeof question->first);
    g_strlcpy (question->second, identity->account, sizeof question->second);
    g_strlcpy (question->address, canonical, sizeof question->address);
    question->found = remembered_address (client, &parts);
    if (!question->found || !remembers_both (question))
      return question_send (question, call);
    hold (call, question);
  } else {
    const ptn_status status = errand_back (host, call);
    if (status != PTN_OK && status != PTN_E_NOT_FOUND && status != PTN_E_UNSUPPORTED)
      return status;
  }
  if (question->user && question->mailbox && may_send (question, identity))
    return PTN_OK;
  return host->fail (call->task, PTN_E_DENIED, NULL, "not an address of this user");
}

const struct ptn_directory directory_table = {
  .size = sizeof directory_table,
  .parse_login = directory_parse_login,
  .authorize = directory_authorize,
  .resolve = directory_resolve,
  .may_send_as = directory_may_send_as,
  .list_accounts = directory_list_accounts,
  .flush = directory_flush,
};
