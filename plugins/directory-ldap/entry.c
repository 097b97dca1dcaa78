/* SPDX-License-Identifier: Apache-2.0 */
/* entry.c - the mapping from attributes to an account; see entry.h.  The entry owns its strings. */
#include "entry.h"

#include "common/login/names.h"

#include <ldap.h>
#include <string.h>

/* ---- Distinguished names ----------------------------------------------------------------- */

char *
dn_fold (const char *dn) {
  LDAPDN parsed = NULL;
  char *plain = NULL, *folded = NULL;
  if (!strchr (dn, '=') || ldap_str2dn (dn, &parsed, LDAP_DN_FORMAT_LDAPV3) != LDAP_SUCCESS)
    return NULL;
  if (ldap_dn2str (parsed, &plain, LDAP_DN_FORMAT_LDAPV3) == LDAP_SUCCESS)
    folded = g_utf8_casefold (plain, -1);
  ldap_memfree (plain);
  ldap_dnfree (parsed);
  return folded;
}

char *
dn_first_value (const char *dn) {
  LDAPDN parsed = NULL;
  char *value = NULL;
  if (!strchr (dn, '=') || ldap_str2dn (dn, &parsed, LDAP_DN_FORMAT_LDAPV3) != LDAP_SUCCESS)
    return NULL;
  if (parsed && parsed[0] && parsed[0][0])
    value = g_strndup (parsed[0][0]->la_value.bv_val, parsed[0][0]->la_value.bv_len);
  ldap_dnfree (parsed);
  return value;
}

/* ---- Lists ------------------------------------------------------------------------------- */

static bool
has (const GPtrArray *list, const char *text) {
  for (guint i = 0; i < list->len; i++)
    if (strcmp (list->pdata[i], text) == 0)
      return true;
  return false;
}

static void
add (GPtrArray *list, const char *text) {
  if (!has (list, text))
    g_ptr_array_add (list, g_strdup (text));
}

static char **
end_list (GPtrArray *list) {
  g_ptr_array_add (list, NULL);
  return (char **)g_ptr_array_free (list, FALSE);
}

static bool
is_among (char **names, const char *text) {
  for (; *names; names++)
    if (strcmp (*names, text) == 0)
      return true;
  return false;
}

/* ---- Names and addresses ----------------------------------------------------------------- */

/* Text that ends where it says: servers send octets, and what stands behind a NUL would not be read. */
static bool
is_text (const struct value *value) {
  return strlen (value->data) == value->size;
}

static void
add_login (GPtrArray *names, GArray *ranks, const char *name, int rank) {
  if (has (names, name))
    return;
  add (names, name);
  g_array_append_val (ranks, rank);
}

/* Servers send values in any order: those of one attribute are as good as each other, but for the
 * account's own name. */
static void
read_logins (struct entry *entry, const struct rules *rules, const struct record *record) {
  GPtrArray *names = g_ptr_array_new ();
  GArray *ranks = g_array_new (FALSE, FALSE, sizeof (int));
  char folded[NAME_LIMIT + 1];
  int attribute = 0;
  for (char **name = rules->map.logins; *name; name++, attribute++) {
    gsize count;
    const struct value *values = record_values (record, *name, &count);
    for (gsize i = 0; i < count; i++)
      if (name_fold (values[i].data, values[i].size, folded))
        add_login (names, ranks, folded, 2 * attribute + (strcmp (folded, entry->account) != 0));
  }
  add_login (names, ranks, entry->account, 2 * attribute);
  entry->logins = end_list (names);
  entry->ranks = (int *)g_array_free (ranks, FALSE);
}

static const char *
without_prefix (const struct address_attribute *attribute, const struct value *value) {
  const gsize length = strlen (attribute->prefix);
  return value->size > length && g_ascii_strncasecmp (value->data, attribute->prefix, length) == 0
             ? value->data + length
             : NULL;
}

/* Is it marked as the primary one?  Exchange writes SMTP: in capitals. */
static bool
is_primary (const struct address_attribute *attribute, const struct value *value) {
  return g_ascii_isupper (*value->data) && g_ascii_islower (*attribute->prefix);
}

static char **
read_addresses (const struct rules *rules, const struct record *record, char **primary) {
  GPtrArray *list = g_ptr_array_new ();
  bool marked = false;
  for (gsize a = 0; a < rules->map.address_count; a++) {
    const struct address_attribute *attribute = &rules->map.addresses[a];
    gsize count;
    const struct value *values = record_values (record, attribute->name, &count);
    for (gsize i = 0; i < count; i++) {
      char folded[NAME_LIMIT + 1];
      const char *address = without_prefix (attribute, &values[i]);
      if (!address || !is_text (&values[i]) || !strchr (address, '@')
          || !name_canonical (address, strlen (address), folded))
        continue;
      add (list, folded);
      if (!*primary || (!marked && is_primary (attribute, &values[i]))) {
        marked |= is_primary (attribute, &values[i]);
        g_free (*primary);
        *primary = g_strdup (folded);
      }
    }
  }
  return end_list (list);
}

/* Others' names, as they stand in delegates: distinguished names, or names of accounts. */
static char **
read_people (const struct record *record, char **attributes) {
  GPtrArray *list = g_ptr_array_new ();
  for (; *attributes; attributes++) {
    gsize count;
    const struct value *values = record_values (record, *attributes, &count);
    for (gsize i = 0; i < count; i++) {
      char folded[NAME_LIMIT + 1];
      g_autofree char *dn = is_text (&values[i]) ? dn_fold (values[i].data) : NULL;
      if (dn)
        add (list, dn);
      else if (name_canonical (values[i].data, values[i].size, folded))
        add (list, folded);
    }
  }
  return end_list (list);
}

/* ---- The rest ---------------------------------------------------------------------------- */

/* Servers send values in any order: one that fulfils the condition is enough, and for "is another"
 * all have to be. */
static bool
holds (const struct condition *condition, const struct record *record) {
  const bool all = condition->kind == CONDITION_UNEQUAL;
  gsize count;
  const struct value *values = record_values (record, condition->name, &count);
  for (gsize i = 0; i < count; i++)
    if (is_text (&values[i]) && condition_holds (condition, values[i].data) != all)
      return !all;
  return all && count > 0;
}

static bool
any_holds (const struct condition *conditions, const struct record *record) {
  for (; conditions->name; conditions++)
    if (holds (conditions, record))
      return true;
  return false;
}

/* "Password never expires" and smart cards beat pwdLastSet = 0 ([MS-ADTS] 3.1.1.4.5.17): such users
 * are let in by the directory server, and by us. */
#define NEVER_EXPIRES "userAccountControl&0x50000"

static bool
has_expired (const struct rules *rules, const struct record *record) {
  struct condition never;
  if (!any_holds (rules->map.expired, record))
    return false;
  if (!rules->active_directory || !condition_read (NEVER_EXPIRES, &never))
    return true;
  bool expired = !holds (&never, record);
  for (const struct condition *other = rules->map.expired; other->name && !expired; other++)
    expired = g_ascii_strcasecmp (other->name, "pwdLastSet") != 0 && holds (other, record);
  condition_clear (&never);
  return expired;
}

static const char *const services[] = { "pop", "imap", "smtp", "http" };

/* Exchange's protocolSettings: "POP3\xc2\xa7" "0\xc2\xa7..." switches off, 1 on. */
#define SECTION_SIGN "\xc2\xa7"

static void
read_exchange_protocol (const char *value, const char *sign, guint32 *protocols) {
  static const char *const names[] = { "POP3", "IMAP4", "SMTP", "HTTP" };
  const gsize length = (gsize)(sign - value);
  for (unsigned i = 0; i < G_N_ELEMENTS (names); i++)
    if (strlen (names[i]) == length && g_ascii_strncasecmp (value, names[i], length) == 0
        && sign[strlen (SECTION_SIGN)] == '0')
      *protocols &= ~(1u << i);
}

static guint32
protocol_words (const char *value) {
  g_auto (GStrv) words = g_strsplit_set (value, " ,\t", 0);
  guint32 found = 0;
  for (char **word = words; *word; word++)
    for (unsigned i = 0; i < G_N_ELEMENTS (services); i++)
      if (g_ascii_strcasecmp (*word, services[i]) == 0)
        found |= 1u << i;
  return found;
}

static guint32
read_protocols (const struct record *record, const char *attribute) {
  gsize count = 0;
  const struct value *values = attribute ? record_values (record, attribute, &count) : NULL;
  guint32 protocols = PROTOCOL_ALL, named = 0;
  bool words = false;
  for (gsize i = 0; i < count; i++) {
    const char *sign = strstr (values[i].data, SECTION_SIGN);
    if (sign) {
      read_exchange_protocol (values[i].data, sign, &protocols);
      continue;
    }
    words = true;
    named |= protocol_words (values[i].data);
  }
  return words ? named : protocols;
}

/* A group's name for rights, and its distinguished name if it has one. */
static void
add_group (GPtrArray *names, GPtrArray *dns, const char *value) {
  char folded[NAME_LIMIT + 1];
  g_autofree char *dn = dn_fold (value);
  g_autofree char *name = dn ? dn_first_value (value) : g_strdup (value);
  if (dn)
    add (dns, dn);
  if (name && name_fold (name, strlen (name), folded))
    add (names, folded);
}

static void
read_groups (struct entry *entry, const struct record *record, const char *attribute) {
  gsize count = 0;
  const struct value *values = attribute ? record_values (record, attribute, &count) : NULL;
  GPtrArray *names = g_ptr_array_new (), *dns = g_ptr_array_new ();
  for (gsize i = 0; i < count; i++)
    if (is_text (&values[i]))
      add_group (names, dns, values[i].data);
  entry->groups = end_list (names);
  entry->group_dns = end_list (dns);
}

/* Quota: the attribute's, else the settings'.  A number that makes no sense limits nothing. */
static void
read_quota (const struct rules *rules, const struct record *record, GPtrArray *list) {
  const char *text = rules->map.quota ? record_text (record, rules->map.quota) : NULL;
  int64_t octets = rules->quota_octets;
  if (text && g_ascii_isdigit (*text)) {
    char *end;
    const int64_t units = g_ascii_strtoll (text, &end, 10);
    if (*end == '\0')
      octets = units > INT64_MAX / rules->quota_unit ? INT64_MAX : units * rules->quota_unit;
  }
  if (octets != INT64_MAX)
    g_ptr_array_add (list, g_strdup_printf ("quota.octets=%" G_GINT64_FORMAT, octets));
}

/* Well-known users of a Windows domain ([MS-DTYP] 2.4.2.4). */
#define RID_ADMINISTRATOR 500
#define RID_GUEST 501
#define RID_KRBTGT 502
#define RID_DEFAULT_ACCOUNT 503

static void
read_sid (struct entry *entry, const struct record *record, GPtrArray *list) {
  gsize count;
  const struct value *sid = record_values (record, "objectSid", &count);
  const uint32_t rid = count ? sid_rid (sid->data, sid->size) : 0;
  if (rid == RID_ADMINISTRATOR) /* the auth plugin closes such a mailbox */
    g_ptr_array_add (list, g_strdup ("auth.closed=pop imap"));
  entry->never = rid >= RID_GUEST && rid <= RID_DEFAULT_ACCOUNT;
}

static void
read_attributes (struct entry *entry, const struct rules *rules, const struct record *record) {
  GPtrArray *list = g_ptr_array_new ();
  if (rules->active_directory)
    read_sid (entry, record, list);
  read_quota (rules, record, list);
  for (gsize i = 0; i < rules->map.passed_count; i++) {
    const char *text = record_text (record, rules->map.passed[i].name);
    if (text && g_utf8_validate (text, -1, NULL))
      g_ptr_array_add (list, g_strconcat (rules->map.passed[i].word, "=", text, NULL));
  }
  entry->attribute_count = list->len;
  if (entry->server)
    g_ptr_array_add (list, g_strconcat ("server=", entry->server, NULL));
  entry->attributes = end_list (list);
}

static const char *
account_of (const struct rules *rules, const struct record *record, char folded[NAME_LIMIT + 1]) {
  if (!*record_dn (record)) /* a bind as nobody may succeed whatever the password is */
    return "has no distinguished name";
  const char *text = record_text (record, rules->map.account);
  if (!text)
    return "has no account_attribute";
  if (!name_canonical (text, strlen (text), folded))
    return "has an account_attribute that is no name";
  return name_fault (folded);
}

struct entry *
entry_new (const struct rules *rules, const struct record *record, const char **fault) {
  char account[NAME_LIMIT + 1];
  const struct mapping *map = &rules->map;
  *fault = account_of (rules, record, account);
  if (*fault)
    return NULL;
  struct entry *entry = g_new0 (struct entry, 1);
  entry->references = 1;
  entry->dn = g_strdup (record_dn (record));
  entry->dn_folded = dn_fold (entry->dn);
  entry->account = g_strdup (account);
  read_logins (entry, rules, record);
  entry->addresses = read_addresses (rules, record, &entry->address);
  if (!entry->address)
    entry->address = strchr (account, '@')
                         ? g_strdup (account)
                         : g_strconcat (account, "@", domains_primary (rules->domains), NULL);
  const char *server = map->server ? record_text (record, map->server) : NULL;
  entry->server = server && *server ? g_strdup (server_name (server)) : NULL;
  entry->delegates = read_people (record, map->delegates);
  entry->readers = read_people (record, map->readers);
  read_groups (entry, record, map->groups);
  read_attributes (entry, rules, record);
  const char *expires = map->expires ? record_text (record, map->expires) : NULL;
  entry->expires_ms = expires ? expiry_read (expires) : INT64_MAX;
  entry->protocols = read_protocols (record, map->protocols);
  entry->disabled = any_holds (map->disabled, record);
  entry->password_expired = has_expired (rules, record);
  entry->never |= name_is_refused (account);
  return entry;
}

static GPtrArray *
copy_list (char **texts) {
  GPtrArray *list = g_ptr_array_new ();
  for (; *texts; texts++)
    g_ptr_array_add (list, g_strdup (*texts));
  return list;
}

struct entry *
entry_with_groups (const struct entry *entry, const GPtrArray *dns) {
  GPtrArray *names = copy_list (entry->groups), *groups = copy_list (entry->group_dns);
  for (guint i = 0; i < dns->len; i++)
    add_group (names, groups, dns->pdata[i]);
  struct entry *copy = g_new (struct entry, 1);
  *copy = *entry;
  copy->references = 1;
  copy->dn = g_strdup (entry->dn);
  copy->dn_folded = g_strdup (entry->dn_folded);
  copy->account = g_strdup (entry->account);
  copy->address = g_strdup (entry->address);
  copy->logins = g_strdupv (entry->logins);
  copy->ranks = g_memdup2 (entry->ranks, g_strv_length (entry->logins) * sizeof *entry->ranks);
  copy->addresses = g_strdupv (entry->addresses);
  copy->server = g_strdup (entry->server);
  copy->delegates = g_strdupv (entry->delegates);
  copy->readers = g_strdupv (entry->readers);
  copy->attributes = g_strdupv (entry->attributes);
  copy->groups = end_list (names);
  copy->group_dns = end_list (groups);
  copy->nested = true;
  return copy;
}

struct entry *
entry_ref (struct entry *entry) {
  g_atomic_int_inc (&entry->references);
  return entry;
}

void
entry_unref (struct entry *entry) {
  if (!g_atomic_int_dec_and_test (&entry->references))
    return;
  g_free (entry->dn);
  g_free (entry->dn_folded);
  g_free (entry->account);
  g_free (entry->address);
  g_strfreev (entry->logins);
  g_free (entry->ranks);
  g_strfreev (entry->addresses);
  g_free (entry->server);
  g_strfreev (entry->delegates);
  g_strfreev (entry->readers);
  g_strfreev (entry->attributes);
  g_strfreev (entry->groups);
  g_strfreev (entry->group_dns);
  g_free (entry);
}

/* ---- Questions --------------------------------------------------------------------------- */

#define RANK_ADDRESS 1000 /* behind all names of a login */
#define RANK_IMPLICIT 1001

int
entry_rank (const struct rules *rules, const struct entry *entry, const char *folded,
            const char *mail) {
  for (int i = 0; entry->logins[i]; i++)
    if (strcmp (entry->logins[i], folded) == 0)
      return MIN (entry->ranks[i], RANK_ADDRESS - 1);
  const char *at = strchr (folded, '@');
  char canonical[NAME_LIMIT + 1];
  if (!at) {
    g_autofree char *address = g_strconcat (folded, "@", mail, NULL);
    return entry_has_address (entry, address) ? RANK_ADDRESS : -1;
  }
  if (name_canonical (folded, strlen (folded), canonical) && entry_has_address (entry, canonical))
    return RANK_ADDRESS;
  /* NAME@DOMAIN, which Active Directory knows without being told, and others mean. */
  if (!rules_is_login_domain (rules, at + 1))
    return -1;
  g_autofree char *bare = g_strndup (folded, (gsize)(at - folded));
  return is_among (entry->logins, bare) ? RANK_IMPLICIT : -1;
}

bool
entry_has_address (const struct entry *entry, const char *address) {
  return strcmp (entry->address, address) == 0 || is_among (entry->addresses, address);
}

static bool
names_user (char **people, const struct entry *user) {
  if ((user->dn_folded && is_among (people, user->dn_folded)) || is_among (people, user->account)
      || is_among (people, user->address))
    return true;
  for (char **dn = user->group_dns; *dn; dn++)
    if (is_among (people, *dn))
      return true;
  return false;
}

ptn_access
entry_access (const struct entry *mailbox, const struct entry *user) {
  if (strcmp (mailbox->account, user->account) == 0 || names_user (mailbox->delegates, user))
    return PTN_ACCESS_FULL;
  return names_user (mailbox->readers, user) ? PTN_ACCESS_READ : PTN_ACCESS_UNTOLD;
}

static guint32
protocol_of (const char *service) {
  for (unsigned i = 0; i < G_N_ELEMENTS (services); i++)
    if (strcmp (services[i], service) == 0)
      return 1u << i;
  return 0;
}

bool
entry_allows (const struct entry *entry, const char *service) {
  return !(protocol_of (service) & ~entry->protocols);
}

bool
entry_is_elsewhere (const struct rules *rules, const struct entry *entry, const char *ours) {
  if (!entry->server)
    return false;
  if (rules->node)
    return g_ascii_strcasecmp (entry->server, rules->node) != 0;
  if (!ours)
    return true;
  const gsize first = strcspn (ours, ".");
  return g_ascii_strcasecmp (entry->server, ours) != 0
         && !(strlen (entry->server) == first
              && g_ascii_strncasecmp (entry->server, ours, first) == 0);
}
