/* SPDX-License-Identifier: Apache-2.0 */
/* directory.c - "postern.directory/1": who is who, as the program says.
 *
 * Called in tasks, on any worker; every question is an errand.  What an answer points to belongs to
 * the lookup, which the call holds. */
#include "exec.h"

#include <string.h>

/* ---- Logins ------------------------------------------------------------------------------ */

/* NULL: the name names nobody, and the failure is set. */
static struct lookup *
new_login (struct exec *exec, struct ptn_task *task, const char *login) {
  const struct ptn_host *host = exec->host;
  char buffer[NAME_LIMIT + 1];
  struct login_parts parts;
  const char *why = NULL, *nt = "";
  if (!login_split (login, buffer, &parts))
    why = "not a login name";
  else if (name_is_refused (parts.user) || (parts.mailbox && name_is_refused (parts.mailbox)))
    why = "name is always refused";
  if (why) {
    host->fail (task, PTN_E_NOT_FOUND, NULL, "%s", why);
    return NULL;
  }
  struct program *program = exec_program (exec);
  const char *domain = parts.domain ? domains_of_nt (program->domains, parts.domain, &nt) : NULL;
  struct lookup *lookup = NULL;
  if (parts.domain && !domain)
    host->fail (task, PTN_E_NOT_FOUND, NULL, "unknown domain");
  else {
    lookup = lookup_new (program, lookup_login);
    lookup->user = g_strdup (parts.user);
    lookup->mailbox = g_strdup (parts.mailbox);
    lookup->domain = domain;
    lookup->nt = nt;
  }
  program_unref (program);
  return lookup;
}

static ptn_status
exec_parse_login (void *instance, struct ptn_call *call, const char *login,
                  struct ptn_identity *identity) {
  struct exec *exec = instance;
  struct lookup *lookup = errand_of (exec->host, call);
  if (!lookup) {
    lookup = new_login (exec, call->task, login);
    return lookup ? exec_send (exec, call, lookup) : PTN_E_NOT_FOUND;
  }
  const ptn_status status = errand_back (exec->host, call);
  if (status != PTN_OK)
    return status;
  const struct person *owner = lookup->owner;
  identity->anonymous = 0;
  identity->authcid = identity->authzid = owner->name;
  identity->account = lookup_mailbox (lookup)->name;
  identity->domain =
      lookup->domain
          ? lookup->nt
          : domains_nt_of (lookup->program->domains,
                           strrchr (owner->address, '@') ? strrchr (owner->address, '@') + 1 : "");
  identity->attributes = answer_borrow (owner->attributes);
  return PTN_OK;
}

static ptn_status
check_mailbox (const struct lookup *lookup, const struct ptn_sasl_request *request,
               const char **why) {
  const struct person *user = lookup->owner, *mailbox = lookup_mailbox (lookup);
  const struct program *program = lookup->program;
  *why = "account is disabled";
  if (user->disabled || mailbox->disabled)
    return PTN_E_DISABLED;
  *why = "protocol is switched off for this account";
  if (!person_allows (user, request->service) || !person_allows (mailbox, request->service))
    return PTN_E_PROTOCOL_OFF;
  *why = "mailbox is on another server";
  const char *node = program->node ? program->node : request->server_name;
  if (mailbox->server && (!node || g_ascii_strcasecmp (mailbox->server, node) != 0))
    return PTN_E_ELSEWHERE;
  return PTN_OK;
}

/* Referrals name the server. */
static void
add_server (struct person *mailbox) {
  if (!mailbox->server)
    return;
  const guint count = g_strv_length (mailbox->attributes);
  mailbox->attributes = g_renew (char *, mailbox->attributes, count + 2);
  mailbox->attributes[count] = g_strconcat ("server=", mailbox->server, NULL);
  mailbox->attributes[count + 1] = NULL;
}

static ptn_status
exec_authorize (void *instance, struct ptn_call *call, const struct ptn_sasl_request *request,
                struct ptn_identity *identity) {
  struct exec *exec = instance;
  struct lookup *lookup = errand_of (exec->host, call);
  if (!lookup) {
    struct program *program = exec_program (exec);
    lookup = lookup_new (program, lookup_identity);
    program_unref (program);
    lookup->user = g_strdup (identity->authcid);
    lookup->mailbox = g_strdup (identity->account);
    lookup->access = PTN_HAS (identity, access) ? identity->access : PTN_ACCESS_UNTOLD;
    return exec_send (exec, call, lookup);
  }
  const ptn_status status = errand_back (exec->host, call);
  if (status != PTN_OK)
    return status;
  const struct person *user = lookup->owner;
  struct person *mailbox = lookup_mailbox (lookup);
  /* Who may only look does so in their own name: what others share with the owner is not theirs to
   * see. */
  const bool itself =
      lookup->access == PTN_ACCESS_FULL && strcmp (identity->authzid, identity->account) == 0;
  add_server (mailbox);
  identity->authcid = user->name;
  identity->account = mailbox->name;
  identity->authzid = itself ? mailbox->name : user->name;
  identity->attributes = answer_borrow (mailbox->attributes);
  identity->groups = answer_borrow ((itself ? mailbox : user)->groups);
  if (PTN_HAS (identity, access))
    identity->access = lookup->access;
  const char *why;
  const ptn_status allowed = check_mailbox (lookup, request, &why);
  return allowed == PTN_OK ? PTN_OK : exec->host->fail (call->task, allowed, NULL, "%s", why);
}

/* ---- Addresses --------------------------------------------------------------------------- */

static ptn_status
exec_resolve (void *instance, struct ptn_call *call, const char *address,
              const struct ptn_account_info *const **found, size_t *count) {
  struct exec *exec = instance;
  struct lookup *lookup = errand_of (exec->host, call);
  if (!lookup) {
    struct program *program = exec_program (exec);
    lookup = lookup_new (program, lookup_address);
    program_unref (program);
    lookup->address = g_strndup (address, NAME_LIMIT + 1);
    return exec_send (exec, call, lookup);
  }
  const ptn_status status = errand_back (exec->host, call);
  if (status != PTN_OK)
    return status;
  *count = lookup->people->len;
  lookup->infos = g_new0 (struct ptn_account_info, *count + 1);
  lookup->list = g_new0 (const struct ptn_account_info *, *count + 1);
  for (size_t i = 0; i < *count; i++) {
    const struct person *person = lookup->people->pdata[i];
    lookup->infos[i] = (struct ptn_account_info){
      .size = sizeof (struct ptn_account_info),
      .account = person->name,
      .address = person->address,
      .detail = lookup->detail,
      .attributes = answer_borrow (person->attributes),
    };
    lookup->list[i] = &lookup->infos[i];
  }
  *found = lookup->list;
  return PTN_OK;
}

static ptn_status
exec_may_send_as (void *instance, struct ptn_call *call, const struct ptn_identity *identity,
                  const char *address) {
  struct exec *exec = instance;
  struct lookup *lookup = errand_of (exec->host, call);
  if (lookup)
    return errand_back (exec->host, call);
  if (!*address)
    return PTN_OK;
  struct program *program = exec_program (exec);
  lookup = lookup_new (program, lookup_sender);
  program_unref (program);
  lookup->user = g_strdup (identity->authcid);
  /* Who may only look sends as nobody but themself. */
  const bool reader = PTN_HAS (identity, access) && identity->access == PTN_ACCESS_READ;
  lookup->mailbox = g_strdup (reader ? identity->authcid : identity->account);
  lookup->address = g_strndup (address, NAME_LIMIT + 1);
  return exec_send (exec, call, lookup);
}

static ptn_status
exec_list_accounts (void *instance, struct ptn_call *call, const char *after,
                    struct ptn_strings *accounts) {
  struct exec *exec = instance;
  struct lookup *lookup = errand_of (exec->host, call);
  if (!lookup) {
    struct program *program = exec_program (exec);
    lookup = lookup_new (program, lookup_names);
    program_unref (program);
    lookup->user = g_strdup (after);
    return exec_send (exec, call, lookup);
  }
  const ptn_status status = errand_back (exec->host, call);
  if (status == PTN_OK)
    *accounts = answer_borrow (lookup->names);
  return status;
}

const struct ptn_directory exec_directory = {
  .size = sizeof exec_directory,
  .parse_login = exec_parse_login,
  .authorize = exec_authorize,
  .resolve = exec_resolve,
  .may_send_as = exec_may_send_as,
  .list_accounts = exec_list_accounts,
};
