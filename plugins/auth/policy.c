/* SPDX-License-Identifier: Apache-2.0 */
/* policy.c - see policy.h. */
#include "policy.h"
#include "delegations.h"

#include <string.h>

/* "name=value" of the account; NULL: it has none. */
static const char *
attribute (const struct ptn_identity *identity, const char *name) {
  const size_t length = strlen (name);
  for (size_t i = 0; i < identity->attributes.count; i++) {
    const char *item = identity->attributes.items[i];
    if (strncmp (item, name, length) == 0 && item[length] == '=')
      return item + length + 1;
  }
  return NULL;
}

const char *
policy_account_id (const struct ptn_identity *identity) {
  const char *id = attribute (identity, "account.id");
  return id ? id : "";
}

void
policy_grant (struct attempt *attempt) {
  struct ptn_identity *identity = &attempt->identity;
  const struct delegations_account mailbox = { identity->account, NULL };
  const struct delegations_account user = { identity->authcid, policy_account_id (identity) };
  g_free (attempt->user_id);
  attempt->user_id = g_strdup (user.id);
  if (strcmp (identity->authcid, identity->account) != 0)
    identity->access = delegations_find_exactly (attempt->auth->delegations, mailbox, user);
}

bool
policy_grant_holds (const struct attempt *attempt) {
  const struct ptn_identity *identity = &attempt->identity;
  const struct delegations_account mailbox = { identity->account, policy_account_id (identity) };
  const struct delegations_account user = { identity->authcid, NULL };
  return delegations_find_exactly (attempt->auth->delegations, mailbox, user) != PTN_ACCESS_UNTOLD;
}

bool
policy_meets_demand (const struct attempt *attempt) {
  const char *value = attempt->demand ? attribute (&attempt->identity, attempt->demand) : "yes";
  return value && strcmp (value, "yes") == 0;
}

static bool
has_word (const char *words, const char *word) {
  g_auto (GStrv) list = g_strsplit_set (words, " ,", -1);
  return g_strv_contains ((const char *const *)list, word);
}

/* An administrator's mailbox opens neither over POP nor over IMAP: by the setting, or because the
 * directory knows who is one ("auth.closed=pop imap"). */
static bool
is_closed (const struct attempt *attempt) {
  const struct ptn_identity *identity = &attempt->identity;
  const char *service = attempt->request->service;
  const char *closed = attribute (identity, "auth.closed");
  if (closed && has_word (closed, service))
    return true;
  if (strcmp (service, "pop") != 0 && strcmp (service, "imap") != 0)
    return false;
  for (size_t i = 0; attempt->roster->closed[i]; i++)
    if (g_ascii_strcasecmp (attempt->roster->closed[i], identity->account) == 0)
      return true;
  return false;
}

static bool
is_guest (const char *name) {
  static const char *const names[] = { "anonymous", "guest" };
  for (const char *separator; (separator = strpbrk (name, "/\\"));)
    name = separator + 1;
  const size_t length = strcspn (name, "@");
  for (size_t i = 0; i < G_N_ELEMENTS (names); i++)
    if (strlen (names[i]) == length && g_ascii_strncasecmp (names[i], name, length) == 0)
      return true;
  return false;
}

/* Whatever a directory thinks of these names, and by whatever alias it was found; accounts may be
 * called by their addresses, or with their domain before them. */
static bool
is_never_welcome (const struct ptn_identity *identity) {
  return identity->anonymous || is_guest (identity->authcid) || is_guest (identity->account);
}

const char *
policy_refusal (const struct attempt *attempt) {
  if (is_never_welcome (&attempt->identity))
    return "name is always refused";
  if (is_closed (attempt))
    return "an administrator's mailbox is not opened over this protocol";
  return NULL;
}
