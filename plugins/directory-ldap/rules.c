/* SPDX-License-Identifier: Apache-2.0 */
/* rules.c - settings made ready for use; see rules.h.  The struct owns all its strings. */
#include "rules.h"

#include "escape.h"
#include "presets.h"

#include "common/login/names.h"

#include <string.h>

/* What a reading of the settings needs. */
struct reading {
  const struct ptn_host *host;
  const struct ptn_config *config;
  struct rules *rules;
  char *fault; /* the first one */
};

static void
find_fault (struct reading *reading, const char *setting, const char *value, const char *text) {
  if (!reading->fault)
    reading->fault = value ? g_strdup_printf ("%s: '%s' %s", setting, value, text)
                           : g_strdup_printf ("%s %s", setting, text);
}

/* ---- Settings and the preset ------------------------------------------------------------- */

/* The word "none" takes the preset's value away. */
static char *
text_of (struct reading *reading, const char *setting) {
  const char *text = reading->host->text (reading->config, setting);
  if (!text || !*text)
    text = preset_value (reading->rules->active_directory, setting);
  return text && strcmp (text, "none") != 0 ? g_strdup (text) : NULL;
}

static char **
words_of (struct reading *reading, const char *setting) {
  const struct ptn_strings words = reading->host->words (reading->config, setting);
  if (words.count == 0) {
    const char *preset = preset_value (reading->rules->active_directory, setting);
    return g_strsplit (preset ? preset : "", " ", 0);
  }
  char **copy = g_new0 (char *, words.count + 1);
  if (words.count > 1 || strcmp (words.items[0], "none") != 0)
    for (size_t i = 0; i < words.count; i++)
      copy[i] = g_strdup (words.items[i]);
  return copy;
}

static void
check_attribute (struct reading *reading, const char *setting, const char *name) {
  if (name && !attribute_is_sound (name))
    find_fault (reading, setting, name, "is not the name of an attribute");
}

static char *
attribute_of (struct reading *reading, const char *setting) {
  char *name = text_of (reading, setting);
  check_attribute (reading, setting, name);
  return name;
}

static char **
attributes_of (struct reading *reading, const char *setting) {
  char **names = words_of (reading, setting);
  for (char **name = names; *name; name++)
    check_attribute (reading, setting, *name);
  return names;
}

static struct condition *
conditions_of (struct reading *reading, const char *setting) {
  g_auto (GStrv) words = words_of (reading, setting);
  struct condition *list = g_new0 (struct condition, g_strv_length (words) + 1);
  for (size_t i = 0, at = 0; words[i]; i++)
    if (condition_read (words[i], &list[at]))
      at++;
    else
      find_fault (reading, setting, words[i], "is no condition: NAME, NAME&BITS or NAME=VALUE is");
  return list;
}

static void
read_addresses (struct reading *reading) {
  static const char setting[] = "address_attributes";
  struct mapping *map = &reading->rules->map;
  g_auto (GStrv) words = words_of (reading, setting);
  map->addresses = g_new0 (struct address_attribute, g_strv_length (words) + 1);
  for (; words[map->address_count]; map->address_count++) {
    struct address_attribute *address = &map->addresses[map->address_count];
    const char *word = words[map->address_count];
    const size_t length = strcspn (word, "=");
    address->name = g_strndup (word, length);
    address->prefix = g_strdup (word[length] ? word + length + 1 : "");
    check_attribute (reading, setting, address->name);
  }
}

static void
read_passed (struct reading *reading) {
  static const char setting[] = "attributes";
  struct mapping *map = &reading->rules->map;
  g_auto (GStrv) words = words_of (reading, setting);
  map->passed = g_new0 (struct passed_attribute, g_strv_length (words) + 1);
  for (; words[map->passed_count]; map->passed_count++) {
    const char *word = words[map->passed_count], *equals = strchr (word, '=');
    struct passed_attribute *passed = &map->passed[map->passed_count];
    passed->word = g_strndup (word, strcspn (word, "="));
    passed->name = g_strdup (equals ? equals + 1 : "");
    if (!*passed->word || !attribute_is_sound (passed->name))
      find_fault (reading, setting, word, "is not WORD=ATTRIBUTE");
  }
}

static void
read_mapping (struct reading *reading) {
  struct mapping *map = &reading->rules->map;
  map->logins = attributes_of (reading, "login_attributes");
  read_addresses (reading);
  map->account = attribute_of (reading, "account_attribute");
  map->quota = attribute_of (reading, "quota_attribute");
  map->server = attribute_of (reading, "server_attribute");
  map->delegates = attributes_of (reading, "delegate_attributes");
  map->readers = attributes_of (reading, "reader_attributes");
  map->groups = attribute_of (reading, "group_attribute");
  map->protocols = attribute_of (reading, "protocols_attribute");
  map->expires = attribute_of (reading, "expires_attribute");
  map->disabled = conditions_of (reading, "disabled_if");
  map->expired = conditions_of (reading, "password_expired_if");
  map->password = reading->rules->compare ? attribute_of (reading, "password_attribute") : NULL;
  map->nt = attribute_of (reading, "nt_attribute");
  map->scram = attribute_of (reading, "scram_attribute");
  read_passed (reading);
  if (!map->account)
    find_fault (reading, "account_attribute", NULL, "must name an attribute");
  if (!map->logins[0])
    find_fault (reading, "login_attributes", NULL, "must name an attribute");
  if (reading->rules->compare && !map->password)
    find_fault (reading, "password_attribute", NULL, "must be set for verify = compare");
}

/* ---- What is asked for ------------------------------------------------------------------- */

static void
want (GPtrArray *wanted, const char *name) {
  for (guint i = 0; name && i < wanted->len; i++)
    if (g_ascii_strcasecmp (wanted->pdata[i], name) == 0)
      return;
  if (name)
    g_ptr_array_add (wanted, g_strdup (name));
}

static void
want_all (GPtrArray *wanted, char **names) {
  for (; *names; names++)
    want (wanted, *names);
}

static char **
end_list (GPtrArray *list) {
  g_ptr_array_add (list, NULL);
  return (char **)g_ptr_array_free (list, FALSE);
}

static void
list_wanted (struct rules *rules) {
  const struct mapping *map = &rules->map;
  GPtrArray *wanted = g_ptr_array_new ();
  want_all (wanted, map->logins);
  for (gsize i = 0; i < map->address_count; i++)
    want (wanted, map->addresses[i].name);
  want (wanted, map->account);
  want (wanted, map->quota);
  want (wanted, map->server);
  want_all (wanted, map->delegates);
  want_all (wanted, map->readers);
  want (wanted, map->groups);
  want (wanted, map->protocols);
  want (wanted, map->expires);
  for (const struct condition *condition = map->disabled; condition->name; condition++)
    want (wanted, condition->name);
  for (const struct condition *condition = map->expired; condition->name; condition++)
    want (wanted, condition->name);
  for (gsize i = 0; i < map->passed_count; i++)
    want (wanted, map->passed[i].name);
  if (rules->active_directory) {
    want (wanted, "objectSid");
    want (wanted, "userAccountControl");
  }
  want (wanted, "objectClass");
  rules->wanted = end_list (wanted);

  wanted = g_ptr_array_new ();
  want (wanted, map->password);
  want (wanted, map->nt);
  want (wanted, map->scram);
  rules->secrets_wanted = end_list (wanted);
}

/* ---- The rest ---------------------------------------------------------------------------- */

static char **
fold_all (struct reading *reading, const char *setting) {
  const struct ptn_strings words = reading->host->words (reading->config, setting);
  char **folded = g_new0 (char *, words.count + 1);
  for (size_t i = 0, at = 0; i < words.count; i++) {
    char buffer[NAME_LIMIT + 1];
    if (name_fold (words.items[i], strlen (words.items[i]), buffer))
      folded[at++] = g_strdup (buffer);
    else
      find_fault (reading, setting, words.items[i], "is no name");
  }
  return folded;
}

static void
read_servers (struct reading *reading) {
  struct rules *rules = reading->rules;
  rules->servers = words_of (reading, "servers");
  if (!rules->servers[0] || g_strv_length (rules->servers) > SERVER_LIMIT)
    find_fault (reading, "servers", NULL, "must name one to eight servers");
  for (char **server = rules->servers; *server; server++) {
    const bool clear = g_ascii_strncasecmp (*server, "ldap://", 7) == 0;
    if (!clear && g_ascii_strncasecmp (*server, "ldaps://", 8) != 0
        && g_ascii_strncasecmp (*server, "ldapi://", 8) != 0)
      find_fault (reading, "servers", *server, "is no ldap://, ldaps:// or ldapi:// URL");
    else if (clear && !rules->start_tls && !rules->cleartext)
      find_fault (
          reading, "servers", *server,
          "would send passwords in clear: use ldaps:// or start_tls, or set cleartext = yes "
          "if you mean it");
  }
}

static char *
plain_text (struct reading *reading, const char *setting) {
  const char *text = reading->host->text (reading->config, setting);
  return text && *text ? g_strdup (text) : NULL;
}

static int64_t
number_between (struct reading *reading, const char *setting, int64_t least, int64_t most) {
  return CLAMP (reading->host->number (reading->config, setting), least, most);
}

#define DAY_MS INT64_C (86400000)

static void
read_connection (struct reading *reading) {
  const struct ptn_host *host = reading->host;
  struct rules *rules = reading->rules;
  rules->start_tls = host->number (reading->config, "start_tls") != 0;
  rules->cleartext = host->number (reading->config, "cleartext") != 0;
  read_servers (reading);
  rules->ca_file = plain_text (reading, "ca_file");
  rules->bind_dn = plain_text (reading, "bind_dn");
  rules->bind_password = plain_text (reading, "bind_password");
  /* A name without a password is no name to the server, and an empty password proves nothing. */
  if (!rules->bind_dn != !rules->bind_password)
    find_fault (reading, "bind_dn and bind_password", NULL, "go together");
  rules->base = plain_text (reading, "base");
  rules->filter = text_of (reading, "filter");
  rules->group_filter = text_of (reading, "group_filter");
  if (!rules->filter || *rules->filter != '(')
    find_fault (reading, "filter", rules->filter, "is no filter: (objectClass=person) is");
  if (rules->group_filter && *rules->group_filter != '(')
    find_fault (reading, "group_filter", rules->group_filter,
                "is no filter: (objectClass=group) is");
  rules->timeout_ms = number_between (reading, "timeout", 100, 600000);
  rules->retry_ns = number_between (reading, "retry", 500, DAY_MS) * 1000000;
  rules->connections = (unsigned)number_between (reading, "connections", 0, 1000);
  rules->page_size = (int)number_between (reading, "page_size", 1, 10000);
}

static void
read_names (struct reading *reading) {
  const struct ptn_host *host = reading->host;
  struct rules *rules = reading->rules;
  const char *fault;
  rules->domains = domains_new (host->words (reading->config, "domains"),
                                host->words (reading->config, "nt_domains"), &fault);
  if (fault && !reading->fault)
    reading->fault = g_strdup (fault);
  rules->login_domains = fold_all (reading, "login_domains");
  rules->postmaster = plain_text (reading, "postmaster");
  rules->node = plain_text (reading, "node");
  rules->nested = host->number (reading->config, "nested_groups") != 0;
  if (rules->nested && !rules->active_directory)
    find_fault (reading, "nested_groups", NULL, "is for preset = active-directory");
  rules->quota_unit = MAX (host->number (reading->config, "quota_unit"), 1);
  rules->quota_octets = host->number (reading->config, "default_quota");
  rules->cache_ns = number_between (reading, "cache_time", 0, DAY_MS) * 1000000;
  rules->cache_negative_ns = number_between (reading, "cache_negative_time", 0, DAY_MS) * 1000000;
  rules->cache_entries = (gsize)number_between (reading, "cache_entries", 0, 10000000);
}

struct rules *
rules_new (const struct ptn_host *host, const struct ptn_config *config, char **fault) {
  struct rules *rules = g_new0 (struct rules, 1);
  struct reading reading = { host, config, rules, NULL };
  rules->references = 1;
  rules->active_directory = strcmp (host->text (config, "preset"), "active-directory") == 0;
  rules->compare = strcmp (host->text (config, "verify"), "compare") == 0;
  read_connection (&reading);
  read_names (&reading);
  read_mapping (&reading);
  list_wanted (rules);
  *fault = reading.fault;
  if (!reading.fault)
    return rules;
  rules_unref (rules);
  return NULL;
}

struct rules *
rules_ref (struct rules *rules) {
  g_atomic_int_inc (&rules->references);
  return rules;
}

static void
free_mapping (struct mapping *map) {
  g_strfreev (map->logins);
  for (gsize i = 0; i < map->address_count; i++) {
    g_free (map->addresses[i].name);
    g_free (map->addresses[i].prefix);
  }
  g_free (map->addresses);
  g_free (map->account);
  g_free (map->quota);
  g_free (map->server);
  g_strfreev (map->delegates);
  g_strfreev (map->readers);
  g_free (map->groups);
  g_free (map->protocols);
  g_free (map->expires);
  for (struct condition *condition = map->disabled; condition->name; condition++)
    condition_clear (condition);
  g_free (map->disabled);
  for (struct condition *condition = map->expired; condition->name; condition++)
    condition_clear (condition);
  g_free (map->expired);
  for (gsize i = 0; i < map->passed_count; i++) {
    g_free (map->passed[i].word);
    g_free (map->passed[i].name);
  }
  g_free (map->passed);
  g_free (map->password);
  g_free (map->nt);
  g_free (map->scram);
}

void
rules_unref (struct rules *rules) {
  if (!g_atomic_int_dec_and_test (&rules->references))
    return;
  g_strfreev (rules->servers);
  g_free (rules->ca_file);
  g_free (rules->bind_dn);
  if (rules->bind_password)
    explicit_bzero (rules->bind_password, strlen (rules->bind_password));
  g_free (rules->bind_password);
  g_free (rules->base);
  g_free (rules->filter);
  g_free (rules->group_filter);
  domains_free (&rules->domains);
  g_strfreev (rules->login_domains);
  g_free (rules->postmaster);
  g_free (rules->node);
  free_mapping (&rules->map);
  g_strfreev (rules->wanted);
  g_strfreev (rules->secrets_wanted);
  g_free (rules);
}

/* ---- Questions --------------------------------------------------------------------------- */

bool
rules_is_login_domain (const struct rules *rules, const char *folded) {
  return domains_find (rules->domains, folded)
         || g_strv_contains ((const char *const *)rules->login_domains, folded);
}

const char *
rules_schemes (const struct rules *rules) {
  static const char *const schemes[] = {
    "",
    "NT",
    "SCRAM-SHA-256 SCRAM-SHA-1",
    "NT SCRAM-SHA-256 SCRAM-SHA-1",
    "PLAIN NT SCRAM-SHA-256",
    "PLAIN NT SCRAM-SHA-256",
    "PLAIN NT SCRAM-SHA-256 SCRAM-SHA-1",
    "PLAIN NT SCRAM-SHA-256 SCRAM-SHA-1",
  };
  return schemes[(rules->map.nt ? 1 : 0) | (rules->map.scram ? 2 : 0) | (rules->compare ? 4 : 0)];
}
