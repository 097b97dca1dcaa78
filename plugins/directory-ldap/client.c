/* SPDX-License-Identifier: Apache-2.0 */
/* client.c - questions to the directory and what their answers mean; see client.h.  The client owns
 * its pool, cache and rules by reference. */
#include "client.h"

#include "escape.h"
#include "search.h"

#include <string.h>

#define MATCH_LIMIT 32        /* entries that one name may match, before it means nothing */
#define MEMBER_LIMIT 10000    /* accounts that mail to a group goes to */
#define ACCOUNT_LIMIT 2000000 /* accounts that are listed */

struct client *
client_new (const struct ptn_host *host, struct rules *rules) {
  struct client *client = g_new0 (struct client, 1);
  client->references = 1;
  client->host = host;
  client->rules = rules_ref (rules);
  client->pool = pool_new (host, rules);
  client->cache = cache_new (rules->cache_entries);
  pace_init (&client->pace);
  static const char help[] = "What a directory over LDAP was asked.";
  client->searches =
      host->metric (host, PTN_METRIC_COUNTER, "postern_ldap_requests{kind=\"search\"}", help);
  client->checks =
      host->metric (host, PTN_METRIC_COUNTER, "postern_ldap_requests{kind=\"bind\"}", help);
  client->hits =
      host->metric (host, PTN_METRIC_COUNTER, "postern_ldap_requests{kind=\"cache\"}", help);
  return client;
}

struct client *
client_ref (struct client *client) {
  g_atomic_int_inc (&client->references);
  return client;
}

void
client_unref (struct client *client) {
  if (!g_atomic_int_dec_and_test (&client->references))
    return;
  pool_unref (client->pool);
  cache_unref (client->cache);
  pace_clear (&client->pace);
  rules_unref (client->rules);
  g_free (client);
}

/* ---- Entries ----------------------------------------------------------------------------- */

/* NULL: it is no account, which is logged, or one that nobody may have. */
static struct entry *
read_entry (struct client *client, const struct record *record) {
  const char *fault;
  struct entry *entry = entry_new (client->rules, record, &fault);
  if (!entry)
    client->host->log (client->host, PTN_LOG_WARNING, NULL, "ldap.entry",
                       (struct ptn_field[]){ { "dn", record_dn (record) }, { "text", fault } }, 2);
  else if (entry->never)
    g_clear_pointer (&entry, entry_unref);
  return entry;
}

static void
unref_entry (void *entry) {
  entry_unref (entry);
}

/* Entries below the base that match. */
static ptn_status
find_entries (struct client *client, const char *filter, int limit, GPtrArray **entries,
              char reason[POOL_REASON]) {
  struct search search = { .base = client->rules->base,
                           .filter = filter,
                           .attributes = client->rules->wanted,
                           .limit = limit };
  client->host->observe (client->searches, 1);
  const ptn_status status = search_run (&search, client->pool, client->rules, reason);
  if (status != PTN_OK)
    return status;
  *entries = g_ptr_array_new_with_free_func (unref_entry);
  for (guint i = 0; i < search.records->len; i++) {
    struct entry *entry = read_entry (client, search.records->pdata[i]);
    if (entry)
      g_ptr_array_add (*entries, entry);
  }
  search_clear (&search);
  return PTN_OK;
}

/* The distinguished names alone. */
static ptn_status
find_names (struct client *client, const char *filter, int limit, GPtrArray **names,
            char reason[POOL_REASON]) {
  static char *nothing[] = { (char *)LDAP_NO_ATTRS, NULL };
  struct search search = {
    .base = client->rules->base, .filter = filter, .attributes = nothing, .limit = limit
  };
  client->host->observe (client->searches, 1);
  const ptn_status status = search_run (&search, client->pool, client->rules, reason);
  if (status != PTN_OK)
    return status;
  *names = g_ptr_array_new_with_free_func (g_free);
  for (guint i = 0; i < search.records->len; i++)
    g_ptr_array_add (*names, g_strdup (record_dn (search.records->pdata[i])));
  search_clear (&search);
  return PTN_OK;
}

static ptn_status
ambiguous (struct client *client, const char *name, const char *one, const char *other,
           char reason[POOL_REASON]) {
  g_strlcpy (reason, "the name belongs to more than one entry", POOL_REASON);
  client->host->log (client->host, PTN_LOG_WARNING, NULL, "ldap.ambiguous",
                     (struct ptn_field[]){ { "name", name }, { "dn", one }, { "other", other } },
                     3);
  return PTN_E_TEMPORARY;
}

static ptn_status
not_found (char reason[POOL_REASON], const char *text) {
  g_strlcpy (reason, text, POOL_REASON);
  return PTN_E_NOT_FOUND;
}

/* ---- Groups ------------------------------------------------------------------------------ */

#define GROUP_LIMIT 1000

/* The identifiers of all groups that the user is in, also by way of others ([MS-ADTS] 3.1.1.4.5.19),
 * as parts of a filter.  NULL: there are none. */
static ptn_status
find_token (struct client *client, const struct entry *entry, char **filter,
            char reason[POOL_REASON]) {
  static char *attributes[] = { (char *)"tokenGroups", NULL };
  struct search search = { .base = entry->dn,
                           .only_base = true,
                           .filter = "(objectClass=*)",
                           .attributes = attributes,
                           .limit = 1 };
  client->host->observe (client->searches, 1);
  const ptn_status status = search_run (&search, client->pool, client->rules, reason);
  if (status != PTN_OK)
    return status;
  gsize count = 0;
  const struct value *sids =
      search.records->len ? record_values (search.records->pdata[0], attributes[0], &count) : NULL;
  GString *text = g_string_new ("(&(objectClass=group)(|");
  for (gsize i = 0; i < MIN (count, GROUP_LIMIT); i++)
    filter_append_equals (text, "objectSid", sids[i].data, sids[i].size);
  g_string_append (text, "))");
  *filter = g_string_free (text, count == 0);
  search_clear (&search);
  return PTN_OK;
}

ptn_status
ask_groups (struct client *client, const struct entry *entry, struct entry **member,
            char reason[POOL_REASON]) {
  g_autofree char *filter = NULL;
  GPtrArray *names = NULL;
  ptn_status status = find_token (client, entry, &filter, reason);
  if (status == PTN_OK && filter)
    status = find_names (client, filter, GROUP_LIMIT, &names, reason);
  if (status == PTN_OK)
    *member = entry_with_groups (entry, names ? names : &(GPtrArray){ NULL, 0 });
  g_clear_pointer (&names, g_ptr_array_unref);
  return status;
}

/* ---- Logins ------------------------------------------------------------------------------ */

static void
append_address (GString *filter, const struct rules *rules, const char *address) {
  for (gsize i = 0; i < rules->map.address_count; i++) {
    g_autofree char *value = g_strconcat (rules->map.addresses[i].prefix, address, NULL);
    filter_append_equals (filter, rules->map.addresses[i].name, value, strlen (value));
  }
}

static char *
login_filter (const struct rules *rules, const char *folded, const char *mail) {
  GString *filter = g_string_new (NULL);
  g_string_append_printf (filter, "(&%s(|", rules->filter);
  for (char **name = rules->map.logins; *name; name++)
    filter_append_equals (filter, *name, folded, strlen (folded));
  const char *at = strchr (folded, '@');
  char canonical[NAME_LIMIT + 1];
  if (!at) {
    g_autofree char *address = g_strconcat (folded, "@", mail, NULL);
    append_address (filter, rules, address);
  } else if (name_canonical (folded, strlen (folded), canonical)) {
    append_address (filter, rules, canonical);
  }
  /* NAME@DOMAIN of ours may mean NAME, and the name of an account need not be one of a login. */
  if (at && rules_is_login_domain (rules, at + 1))
    for (char **name = rules->map.logins; *name; name++)
      filter_append_equals (filter, *name, folded, (gsize)(at - folded));
  filter_append_equals (filter, rules->map.account, folded, strlen (folded));
  g_string_append (filter, "))");
  return g_string_free (filter, FALSE);
}

/* The one that fits best.  Two that fit as well are nobody: one of them would open the other's
 * mailbox. */
static ptn_status
choose_login (struct client *client, const GPtrArray *entries, const char *folded, const char *mail,
              struct entry **chosen, char reason[POOL_REASON]) {
  struct entry *best = NULL, *second = NULL;
  int best_rank = -1;
  for (guint i = 0; i < entries->len; i++) {
    struct entry *entry = entries->pdata[i];
    const int rank = entry_rank (client->rules, entry, folded, mail);
    if (rank < 0 || (best && rank > best_rank))
      continue;
    second = best && rank == best_rank ? best : NULL;
    best = entry;
    best_rank = rank;
  }
  if (!best)
    return not_found (reason, "unknown user");
  if (second) {
    ambiguous (client, folded, best->dn, second->dn, reason);
    return PTN_E_NOT_FOUND;
  }
  *chosen = entry_ref (best);
  return PTN_OK;
}

ptn_status
ask_login (struct client *client, const char *folded, const char *mail, struct entry **entry,
           char reason[POOL_REASON]) {
  const struct rules *rules = client->rules;
  GPtrArray *entries = NULL;
  if (!mail)
    mail = domains_primary (rules->domains);
  g_autofree char *filter = login_filter (rules, folded, mail);
  ptn_status status = find_entries (client, filter, MATCH_LIMIT, &entries, reason);
  if (status == PTN_OK)
    status = choose_login (client, entries, folded, mail, entry, reason);
  g_clear_pointer (&entries, g_ptr_array_unref);
  /* The filter asks for accounts of this name too, and two of them would be nobody's. */
  if (status == PTN_OK)
    (*entry)->sole = strcmp ((*entry)->account, folded) == 0;
  return status;
}

ptn_status
ask_account (struct client *client, const char *account, struct entry **found,
             char reason[POOL_REASON]) {
  GPtrArray *entries = NULL;
  GString *filter = g_string_new (NULL);
  g_string_append_printf (filter, "(&%s", client->rules->filter);
  filter_append_equals (filter, client->rules->map.account, account, strlen (account));
  g_string_append_c (filter, ')');
  ptn_status status = find_entries (client, filter->str, MATCH_LIMIT, &entries, reason);
  g_string_free (filter, TRUE);
  if (status != PTN_OK)
    return status;
  struct entry *one = NULL;
  for (guint i = 0; i < entries->len && status == PTN_OK; i++) {
    struct entry *entry = entries->pdata[i];
    if (strcmp (entry->account, account) != 0)
      continue;
    if (one)
      status = ambiguous (client, account, one->dn, entry->dn, reason);
    one = entry;
  }
  if (status == PTN_OK && !one)
    status = not_found (reason, "account is gone");
  if (status == PTN_OK) {
    one->sole = true;
    *found = entry_ref (one);
  }
  g_ptr_array_unref (entries);
  return status;
}

/* ---- Addresses --------------------------------------------------------------------------- */

/* The address as it is, and without its detail; each may be NULL. */
struct wanted_address {
  char *whole, *plain;
  const char *detail;
};

static void
append_wanted (GString *filter, const struct rules *rules, const char *address, bool primary) {
  append_address (filter, rules, address);
  /* An account without an address in its entry has its name at the primary domain. */
  if (primary)
    filter_append_equals (filter, rules->map.account, address, strcspn (address, "@"));
}

static struct entry *
pick_address (struct client *client, const GPtrArray *entries, const char *address,
              struct entry **other) {
  struct entry *found = NULL;
  *other = NULL;
  for (guint i = 0; i < entries->len && address; i++)
    if (entry_has_address (entries->pdata[i], address)) {
      *other = found;
      found = entries->pdata[i];
    }
  return found;
}

static ptn_status
ask_user_address (struct client *client, const struct wanted_address *wanted, bool primary,
                  struct found **found, char reason[POOL_REASON]) {
  const struct rules *rules = client->rules;
  GPtrArray *entries = NULL;
  GString *filter = g_string_new (NULL);
  g_string_append_printf (filter, "(&%s(|", rules->filter);
  append_wanted (filter, rules, wanted->whole, primary);
  if (wanted->plain)
    append_wanted (filter, rules, wanted->plain, primary);
  g_string_append (filter, "))");
  ptn_status status = find_entries (client, filter->str, MATCH_LIMIT, &entries, reason);
  g_string_free (filter, TRUE);
  if (status != PTN_OK)
    return status;
  struct entry *other;
  const char *detail = "";
  struct entry *entry = pick_address (client, entries, wanted->whole, &other);
  if (!entry && (entry = pick_address (client, entries, wanted->plain, &other)))
    detail = wanted->detail;
  if (!entry)
    status = not_found (reason, "no such address");
  else if (other)
    status = ambiguous (client, wanted->whole, entry->dn, other->dn, reason);
  else
    *found = found_new (true, detail, &entry, 1);
  g_ptr_array_unref (entries);
  return status;
}

/* The distinguished name of a group with this address. */
static ptn_status
find_group (struct client *client, const char *address, char **dn, char reason[POOL_REASON]) {
  const struct rules *rules = client->rules;
  GString *filter = g_string_new (NULL);
  g_string_append_printf (filter, "(&%s(|", rules->group_filter);
  append_address (filter, rules, address);
  g_string_append (filter, "))");
  GPtrArray *names = NULL;
  ptn_status status = find_names (client, filter->str, 2, &names, reason);
  g_string_free (filter, TRUE);
  if (status != PTN_OK)
    return status;
  if (names->len == 1)
    *dn = g_strdup (names->pdata[0]);
  else if (names->len > 1)
    status = ambiguous (client, address, names->pdata[0], names->pdata[1], reason);
  else
    status = not_found (reason, "no such address");
  g_ptr_array_unref (names);
  return status;
}

static ptn_status
ask_group_address (struct client *client, const struct wanted_address *wanted, struct found **found,
                   char reason[POOL_REASON]) {
  const struct rules *rules = client->rules;
  g_autofree char *dn = NULL;
  if (!rules->group_filter || !rules->map.groups)
    return not_found (reason, "no such address");
  const char *detail = "";
  ptn_status status = find_group (client, wanted->whole, &dn, reason);
  if (status == PTN_E_NOT_FOUND && wanted->plain) {
    status = find_group (client, wanted->plain, &dn, reason);
    detail = wanted->detail;
  }
  if (status != PTN_OK)
    return status;
  GPtrArray *members = NULL;
  GString *filter = g_string_new (NULL);
  g_string_append_printf (filter, "(&%s", rules->filter);
  filter_append_equals (filter, rules->map.groups, dn, strlen (dn));
  g_string_append_c (filter, ')');
  status = find_entries (client, filter->str, MEMBER_LIMIT, &members, reason);
  g_string_free (filter, TRUE);
  if (status != PTN_OK)
    return status;
  *found = found_new (true, detail, (struct entry *const *)members->pdata, members->len);
  (*found)->group = true;
  g_ptr_array_unref (members);
  return PTN_OK;
}

static ptn_status
ask_postmaster (struct client *client, struct found **found, char reason[POOL_REASON]) {
  struct entry *entry = NULL;
  char folded[NAME_LIMIT + 1];
  const char *name = client->rules->postmaster;
  if (!name || !name_fold (name, strlen (name), folded))
    return not_found (reason, "no such address");
  const ptn_status status = ask_login (client, folded, NULL, &entry, reason);
  if (status == PTN_OK) {
    *found = found_new (true, "", &entry, 1);
    entry_unref (entry);
  }
  return status;
}

ptn_status
ask_address (struct client *client, const struct address_parts *parts, struct found **found,
             char reason[POOL_REASON]) {
  const char *plus = strchr (parts->local, '+');
  /* An '@' in a quoted local part must not turn into the address of another domain. */
  if (strchr (parts->local, '@'))
    return not_found (reason, "no such address");
  struct wanted_address wanted = { g_strconcat (parts->local, "@", parts->domain, NULL), NULL, "" };
  if (plus && plus != parts->local) {
    g_autofree char *local = g_strndup (parts->local, (gsize)(plus - parts->local));
    wanted.plain = g_strconcat (local, "@", parts->domain, NULL);
    wanted.detail = plus + 1;
  }
  const bool primary = strcmp (parts->domain, domains_primary (client->rules->domains)) == 0;
  ptn_status status = ask_user_address (client, &wanted, primary, found, reason);
  if (status == PTN_E_NOT_FOUND)
    status = ask_group_address (client, &wanted, found, reason);
  if (status == PTN_E_NOT_FOUND && strcmp (parts->local, "postmaster") == 0)
    status = ask_postmaster (client, found, reason);
  g_free (wanted.whole);
  g_free (wanted.plain);
  return status;
}

/* ---- Listing ----------------------------------------------------------------------------- */

static gint
compare_names (gconstpointer a, gconstpointer b) {
  return strcmp (*(const char *const *)a, *(const char *const *)b);
}

ptn_status
ask_accounts (struct client *client, GPtrArray **names, char reason[POOL_REASON]) {
  const struct rules *rules = client->rules;
  char *attributes[] = { rules->map.account, (char *)"objectSid", NULL };
  struct search search = {
    .base = rules->base, .filter = rules->filter, .attributes = attributes, .limit = ACCOUNT_LIMIT
  };
  client->host->observe (client->searches, 1);
  const ptn_status status = search_run (&search, client->pool, rules, reason);
  if (status != PTN_OK)
    return status;
  *names = g_ptr_array_new_with_free_func (g_free);
  for (guint i = 0; i < search.records->len; i++) {
    struct entry *entry = read_entry (client, search.records->pdata[i]);
    if (!entry)
      continue;
    g_ptr_array_add (*names, g_strdup (entry->account));
    entry_unref (entry);
  }
  search_clear (&search);
  g_ptr_array_sort (*names, compare_names);
  return PTN_OK;
}

/* ---- Passwords --------------------------------------------------------------------------- */

/* A name that is drawn anew each time is nobody's for certain. */
static char *
nobody (const struct rules *rules) {
  g_autofree char *name = g_strdup_printf ("nobody-%08x%08x", g_random_int (), g_random_int ());
  return g_strdup_printf ("%s=%s,%s", rules->active_directory ? "CN" : rules->map.account, name,
                          rules->base);
}

ptn_status
ask_secrets (struct client *client, const struct entry *entry, struct record **record,
             char reason[POOL_REASON]) {
  g_autofree char *dn = entry ? g_strdup (entry->dn) : nobody (client->rules);
  struct search search = { .base = dn,
                           .only_base = true,
                           .filter = "(objectClass=*)",
                           .attributes = client->rules->secrets_wanted,
                           .limit = 1 };
  client->host->observe (client->searches, 1);
  ptn_status status = search_run (&search, client->pool, client->rules, reason);
  if (status != PTN_OK)
    return status;
  if (search.records->len == 1)
    *record = g_ptr_array_steal_index (search.records, 0);
  else
    status = not_found (reason, "account is gone");
  search_clear (&search);
  return status;
}

struct check {
  const char *dn;
  struct ptn_bytes password;
  char *text;
  int policy;
};

static int
bind_as_user (struct connection *connection, void *argument) {
  struct check *check = argument;
  g_clear_pointer (&check->text, ldap_memfree);
  check->policy = POLICY_SILENT;
  return pool_bind (connection, check->dn, check->password, &check->text, &check->policy);
}

ptn_status
ask_password (struct client *client, const struct entry *entry, struct ptn_bytes password,
              char reason[POOL_REASON]) {
  const struct ptn_host *host = client->host;
  g_autofree char *dn = entry ? g_strdup (entry->dn) : nobody (client->rules);
  struct check check = { dn, password, NULL, POLICY_SILENT };
  host->observe (client->checks, 1);
  const int code = pool_run (client->pool, POOL_CHECK, bind_as_user, &check, reason);
  if (pool_is_trouble (code)) {
    ldap_memfree (check.text);
    return PTN_E_TEMPORARY;
  }
  const struct verdict verdict = verdict_of (code, check.text, check.policy);
  if (verdict.status == PTN_E_TEMPORARY)
    g_snprintf (reason, POOL_REASON, "%s: %s%s%s", verdict.reason, ldap_err2string (code),
                check.text && *check.text ? ": " : "", check.text ? check.text : "");
  else
    g_strlcpy (reason, verdict.reason, POOL_REASON);
  ldap_memfree (check.text);
  return verdict.status;
}
