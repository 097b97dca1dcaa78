/* SPDX-License-Identifier: Apache-2.0 */
/* listing.c - see listing.h.  A listing belongs to its call. */
#include "listing.h"

#include "order.h"

#include <string.h>

/* ---- Texts ------------------------------------------------------------------------------- */

static void
add_word (GString *text, const char *word) {
  g_string_append_printf (text, "%s%s", text->len ? " " : "", word);
}

static char *
join_strings (const char *const *words, size_t count) {
  GString *text = g_string_new (NULL);
  for (size_t i = 0; i < count; i++)
    add_word (text, words[i]);
  return g_string_free (text, FALSE);
}

static const char *
attribute_of (const struct account *account, const char *name) {
  const size_t length = strlen (name);
  for (size_t i = 0; i < account->attributes.count; i++) {
    const char *item = account->attributes.items[i];
    if (strncmp (item, name, length) == 0 && item[length] == '=')
      return item + length + 1;
  }
  return "";
}

static char *
protocols_text (guint32 protocols) {
  static const char *const names[] = { "pop", "imap", "smtp", "http" };
  GString *text = g_string_new (NULL);
  for (unsigned i = 0; i < G_N_ELEMENTS (names); i++)
    if (protocols & 1u << i)
      add_word (text, names[i]);
  return g_string_free (text, FALSE);
}

static char *
grants_text (const struct grant *grants, size_t count, ptn_access access) {
  GString *text = g_string_new (NULL);
  for (size_t i = 0; i < count; i++) {
    const struct grant *grant = &grants[i];
    if (grant->access != access)
      continue;
    if (grant->group)
      g_string_append_printf (text, "%s$%s", text->len ? " " : "", grant->group->name);
    else
      add_word (text, grant->account ? grant->account->name : "*");
  }
  return g_string_free (text, FALSE);
}

static char *
labels_text (const struct account *account) {
  GString *text = g_string_new (NULL);
  for (size_t i = 0; i < account->app_count; i++)
    add_word (text, account->apps[i].label);
  return g_string_free (text, FALSE);
}

/* Of the account's own passwords: which mechanisms they are good for depends on these. */
static char *
schemes_text (const struct account *account) {
  static const char *const names[SCHEME_COUNT] = {
    [SCHEME_PLAIN] = "plain",
    [SCHEME_SHA] = "sha",
    [SCHEME_NT] = "nt",
    [SCHEME_ARGON2] = "argon2",
    [SCHEME_CRYPT] = "crypt",
    [SCHEME_SCRAM_SHA_1] = "scram-sha-1",
    [SCHEME_SCRAM_SHA_256] = "scram-sha-256",
  };
  GString *text = g_string_new (NULL);
  for (guint32 i = 0; i < account->own_count; i++)
    if (names[account->passwords[i].scheme])
      add_word (text, names[account->passwords[i].scheme]);
  return g_string_free (text, FALSE);
}

static const char *
state_text (const struct account *account, int64_t now_ms) {
  if (account_is_disabled (account, now_ms))
    return "disabled";
  if (account->password_count == 0)
    return "no password";
  return account_has_expired (account, now_ms) ? "expired" : "enabled";
}

/* "" for never. */
static char *
date_text (int64_t ms) {
  if (ms == G_MAXINT64)
    return g_strdup ("");
  g_autoptr (GDateTime) date = ms == G_MININT64 ? NULL : g_date_time_new_from_unix_utc (ms / 1000);
  return date ? g_date_time_format (date, "%Y-%m-%d") : g_strdup ("yes");
}

static char *
use_text (const struct use *use) {
  g_autoptr (GDateTime) when = use->when ? g_date_time_new_from_unix_utc (use->when) : NULL;
  if (!when)
    return g_strdup ("");
  g_autofree char *time = g_date_time_format (when, "%Y-%m-%dT%H:%M:%SZ");
  return g_strdup_printf ("%s %s %s", time, use->service, use->peer);
}

/* ---- What is listed ---------------------------------------------------------------------- */

struct listing {
  struct accounts *accounts;
  size_t at, part; /* account, and row of it */
};

static void
listing_free (void *data) {
  struct listing *listing = data;
  accounts_unref (listing->accounts);
  g_free (listing);
}

/* The one of this call, begun if need be; NULL: told why not. */
static struct listing *
listing_of (struct directory *directory, struct ptn_call *call) {
  if (call->state)
    return call->state;
  struct accounts *accounts = directory_get (directory, call->task);
  if (!accounts) {
    directory->host->fail (call->task, PTN_E_TEMPORARY,
                           "there is no accounts file (posternctl user add makes it), or it cannot "
                           "be read: the log says why",
                           "never read");
    return NULL;
  }
  struct listing *listing = g_new0 (struct listing, 1);
  listing->accounts = accounts;
  call->state = listing;
  call->release = call->cancel = listing_free;
  return listing;
}

/* ---- user list --------------------------------------------------------------------------- */

static ptn_status
show_user (const struct account *account, struct ptn_task *task, struct ptn_report *report,
           int64_t now_ms) {
  const struct grant *grants = account->grants;
  g_autofree char *aliases = join_strings (account->aliases, account->alias_count);
  g_autofree char *protocols = protocols_text (account->protocols);
  g_autofree char *delegates = grants_text (grants, account->grant_count, PTN_ACCESS_FULL);
  g_autofree char *readers = grants_text (grants, account->grant_count, PTN_ACCESS_READ);
  g_autofree char *apps = labels_text (account);
  const char *const columns[] = {
    account->name,
    account->address,
    account->display,
    aliases,
    protocols,
    state_text (account, now_ms),
    attribute_of (account, "quota.octets"),
    delegates,
    readers,
    apps,
  };
  return report->row (report, task, columns, G_N_ELEMENTS (columns));
}

ptn_status
listing_users (void *instance, struct ptn_call *call, struct ptn_strings typed,
               struct ptn_bytes secret, struct ptn_report *report) {
  struct directory *directory = instance;
  if (typed.count > 1 || (typed.count == 1 && g_str_has_prefix (typed.items[0], "-")))
    return order_mistake (directory, call, "usage: user list [PREFIX]");
  struct listing *listing = listing_of (directory, call);
  const char *prefix = typed.count ? typed.items[0] : "";
  for (; listing && listing->at < listing->accounts->count; listing->at++) {
    const struct account *account = listing->accounts->list[listing->at];
    if (!g_str_has_prefix (account->name, prefix))
      continue;
    const ptn_status status =
        show_user (account, call->task, report, directory->host->realtime_ms ());
    if (status != PTN_OK)
      return status;
  }
  return listing ? PTN_OK : PTN_E_TEMPORARY;
}

/* ---- user show --------------------------------------------------------------------------- */

/* The mailboxes of others that this account opens by being named there. */
static char *
opened_text (const struct accounts *accounts, const struct account *user, ptn_access access) {
  GString *text = g_string_new (NULL);
  for (size_t i = 0; i < accounts->count; i++)
    if (accounts->list[i] != user && account_delegation (accounts->list[i], user) == access)
      add_word (text, accounts->list[i]->name);
  return g_string_free (text, FALSE);
}

/* Key and value of a row; NULL: there are no more. */
static char *
show_part (const struct accounts *accounts, const struct account *account, size_t part,
           int64_t now_ms, const char **key) {
  static const char *const keys[] = { "account",       "address",   "name",      "state",
                                      "aliases",       "groups",    "protocols", "server",
                                      "expired",       "disabled",  "delegates", "readers",
                                      "may_open",      "opens",     "reads",     "password",
                                      "app_passwords", "attributes" };
  *key = part < G_N_ELEMENTS (keys) ? keys[part] : NULL;
  switch (part) {
  case 0:
    return g_strdup (account->name);
  case 1:
    return g_strdup (account->address);
  case 2:
    return g_strdup (account->display);
  case 3:
    return g_strdup (state_text (account, now_ms));
  case 4:
    return join_strings (account->aliases, account->alias_count);
  case 5:
    return join_strings (account->groups.items, account->groups.count);
  case 6:
    return protocols_text (account->protocols);
  case 7:
    return g_strdup (account->server ? account->server : "");
  case 8:
    return date_text (account->expires_ms);
  case 9:
    return date_text (account->disabled_ms);
  case 10:
    return grants_text (account->grants, account->grant_count, PTN_ACCESS_FULL);
  case 11:
    return grants_text (account->grants, account->grant_count, PTN_ACCESS_READ);
  case 12:
    return grants_text (account->opens, account->open_count, PTN_ACCESS_FULL);
  case 13:
    return opened_text (accounts, account, PTN_ACCESS_FULL);
  case 14:
    return opened_text (accounts, account, PTN_ACCESS_READ);
  case 15:
    return schemes_text (account);
  case 16:
    return labels_text (account);
  case 17:
    return join_strings (account->attributes.items, account->attributes.count);
  default:
    return NULL;
  }
}

ptn_status
listing_user (void *instance, struct ptn_call *call, struct ptn_strings typed,
              struct ptn_bytes secret, struct ptn_report *report) {
  struct directory *directory = instance;
  char name[NAME_LIMIT + 1];
  if (typed.count != 1 || !name_canonical (typed.items[0], strlen (typed.items[0]), name))
    return order_mistake (directory, call, "usage: user show NAME");
  struct listing *listing = listing_of (directory, call);
  if (!listing)
    return PTN_E_TEMPORARY;
  const struct account *account = accounts_find_login (listing->accounts, name, NULL);
  if (!account)
    return directory->host->fail (call->task, PTN_E_NOT_FOUND, "there is no such account",
                                  "no such account");
  for (;; listing->part++) {
    const char *key;
    g_autofree char *value = show_part (listing->accounts, account, listing->part,
                                        directory->host->realtime_ms (), &key);
    if (!key)
      return PTN_OK;
    const char *const columns[] = { key, value };
    const ptn_status status = *value ? report->row (report, call->task, columns, 2) : PTN_OK;
    if (status != PTN_OK)
      return status;
  }
}

/* ---- user app-password list -------------------------------------------------------------- */

ptn_status
listing_app (struct directory *directory, struct ptn_task *task, const struct account *account,
             const struct app *app, const char *password, struct ptn_report *report) {
  const struct use use = uses_find (directory->uses, account->name, app->label);
  GString *list = g_string_new (NULL);
  for (size_t i = 0; i < app->network_count; i++) {
    g_autofree char *network = network_text (&app->networks[i]);
    add_word (list, network);
  }
  g_autofree char *networks = g_string_free (list, FALSE);
  g_autofree char *protocols = protocols_text (app->protocols);
  g_autofree char *expires = date_text (app->expires_ms);
  g_autofree char *used = use_text (&use);
  const char *const columns[] = { account->name, app->label, password,     protocols,
                                  networks,      expires,    app->created, used };
  return report->row (report, task, columns, G_N_ELEMENTS (columns));
}

ptn_status
listing_apps (struct directory *directory, struct ptn_call *call, const char *name,
              struct ptn_report *report) {
  struct listing *listing = listing_of (directory, call);
  if (!listing)
    return PTN_E_TEMPORARY;
  if (name && !accounts_find (listing->accounts, name))
    return directory->host->fail (call->task, PTN_E_NOT_FOUND, "there is no such account",
                                  "no such account");
  for (; listing->at < listing->accounts->count; listing->at++, listing->part = 0) {
    const struct account *account = listing->accounts->list[listing->at];
    if (name && strcmp (account->name, name) != 0)
      continue;
    for (; listing->part < account->app_count; listing->part++) {
      const ptn_status status =
          listing_app (directory, call->task, account, &account->apps[listing->part], "", report);
      if (status != PTN_OK)
        return status;
    }
  }
  return PTN_OK;
}
