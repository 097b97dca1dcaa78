/* SPDX-License-Identifier: Apache-2.0 */
/* parse.c - one pass over the lines makes accounts and groups; link.c makes a second one over what
 * names others.  See parse.h.
 *
 * The text becomes part of the result: values are cut out of it in place, which is what makes
 * 100,000 accounts a matter of a tenth of a second. */
#include "parser.h"

#include "app.h"
#include "values.h"

#include <string.h>

void
parse_error_free (struct parse_error *error) {
  g_free (error->text);
  g_free (error);
}

GPtrArray *
parse_errors_new (void) {
  return g_ptr_array_new_with_free_func ((GDestroyNotify)parse_error_free);
}

void
parser_mistake (struct parser *parser, unsigned line, const char *format, ...) {
  if (parser->errors->len > ACCOUNTS_ERROR_LIMIT)
    return;
  struct parse_error *error = g_new0 (struct parse_error, 1);
  va_list arguments;
  va_start (arguments, format);
  if (parser->errors->len == ACCOUNTS_ERROR_LIMIT)
    error->text = g_strdup ("there are more mistakes");
  else
    error->text = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  error->line = line;
  g_ptr_array_add (parser->errors, error);
}

/* ---- Names in the file ------------------------------------------------------------------- */

static char *
copy_text (struct parser *parser, const char *text) {
  const size_t size = strlen (text) + 1;
  return memcpy (accounts_memory (parser->accounts, size), text, size);
}

static char *
join (struct parser *parser, const char *local, const char *domain) {
  const size_t local_length = strlen (local), domain_length = strlen (domain);
  char *whole = accounts_memory (parser->accounts, local_length + domain_length + 2);
  memcpy (whole, local, local_length);
  whole[local_length] = '@';
  memcpy (whole + local_length + 1, domain, domain_length);
  return whole;
}

/* A name as lookups want it; NULL after telling what is wrong. */
const char *
parser_name (struct parser *parser, char *text, unsigned line) {
  char folded[NAME_LIMIT + 1];
  const size_t length = strlen (text);
  if (!name_canonical (text, length, folded)) {
    parser_mistake (parser, line, "'%s' is no name", text);
    return NULL;
  }
  const char *at = strchr (folded, '@');
  if (at && !domains_find (parser->accounts->rules->domains, at + 1)) {
    parser_mistake (parser, line, "'%s' is at a domain that 'domains' does not list", text);
    return NULL;
  }
  return strlen (folded) == length ? memcpy (text, folded, length) : copy_text (parser, folded);
}

/* ---- Sections ---------------------------------------------------------------------------- */

static void
end_attributes (struct parser *parser, struct account *account) {
  char **defaults = parser->accounts->rules->attributes;
  GPtrArray *own = parser->attributes;
  if (own->len == 0) {
    account->attributes =
        (struct ptn_strings){ (const char *const *)defaults, g_strv_length (defaults) };
    return;
  }
  for (char **item = defaults; *item; item++) {
    const size_t name = strcspn (*item, "=") + 1;
    bool given = false;
    for (guint i = 0; i < own->len && !given; i++)
      given = strncmp (own->pdata[i], *item, name) == 0;
    if (!given)
      g_ptr_array_add (own, *item);
  }
  const char **items = accounts_memory (parser->accounts, own->len * sizeof *items);
  size_t count = 0;
  for (guint i = 0; i < own->len; i++)
    if (!g_str_has_suffix (own->pdata[i], "=")) /* taken back: no default, no value */
      items[count++] = own->pdata[i];
  account->attributes = (struct ptn_strings){ items, count };
}

/* Which schemes a plain password is compared with: of the account's own ones, so that app
 * passwords, which are quick, do not count. */
static void
tally_schemes (struct parser *parser, const struct account *account) {
  unsigned mask = 0;
  for (unsigned i = 0; i < account->own_count; i++)
    if (account->passwords[i].scheme != SCHEME_NT)
      mask |= 1u << account->passwords[i].scheme;
  if (mask && parser->tally[mask]++ == 0)
    parser->samples[mask] = account;
}

static void
end_passwords (struct parser *parser, struct account *account) {
  const GArray *apps = parser->apps, *secrets = parser->app_passwords;
  const unsigned own = parser->password_count, count = own + secrets->len;
  if (count == 0)
    return;
  struct password *passwords = accounts_memory (parser->accounts, count * sizeof *passwords);
  memcpy (passwords, parser->passwords, own * sizeof *passwords);
  if (apps->len > 0) {
    struct app *list = accounts_memory (parser->accounts, apps->len * sizeof *list);
    memcpy (passwords + own, secrets->data, secrets->len * sizeof *passwords);
    memcpy (list, apps->data, apps->len * sizeof *list);
    for (guint i = 0; i < apps->len; i++)
      list[i].first += own;
    account->apps = list;
  }
  account->passwords = passwords;
  account->own_count = own;
  account->password_count = count;
  account->app_count = apps->len;
  tally_schemes (parser, account);
}

static void
end_section (struct parser *parser) {
  if (!parser->section || !parser->section->account)
    return;
  struct account *account = parser->section->account;
  end_attributes (parser, account);
  end_passwords (parser, account);
}

static void
begin_account (struct parser *parser, const char *name) {
  struct account *account = accounts_memory (parser->accounts, sizeof *account);
  account->name = name;
  account->address = strchr (name, '@')
                         ? name
                         : join (parser, name, domains_primary (parser->accounts->rules->domains));
  account->display = "";
  account->expires_ms = account->disabled_ms = G_MAXINT64;
  account->protocols = PROTOCOL_ALL;
  account->line = parser->line;
  g_array_append_val (parser->sections, ((struct section){ .account = account }));
}

static void
begin_group (struct parser *parser, const char *name) {
  struct group *group = accounts_memory (parser->accounts, sizeof *group);
  group->name = name;
  group->line = parser->line;
  g_array_append_val (parser->sections, ((struct section){ .group = group }));
}

static void
begin_section (struct parser *parser, char *line, size_t length) {
  end_section (parser);
  parser->section = NULL;
  parser->skipping = true;
  parser->password_count = 0;
  g_array_set_size (parser->apps, 0);
  g_array_set_size (parser->app_passwords, 0);
  parser->seen = 0;
  g_ptr_array_set_size (parser->attributes, 0);
  if (line[length - 1] != ']') {
    parser_mistake (parser, parser->line, "the section's name is not closed with ']'");
    return;
  }
  line[length - 1] = '\0';
  char *text = value_trim (line + 1, line + length - 1);
  const bool is_group = strncmp (text, "group", 5) == 0 && (text[5] == ' ' || text[5] == '\t');
  if (is_group)
    text = value_trim (text + 6, text + strlen (text));

  const char *name = parser_name (parser, text, parser->line);
  if (!name)
    return;
  const char *fault = name_fault (name);
  if (fault) {
    parser_mistake (parser, parser->line, "the name '%s' %s", name, fault);
    return;
  }
  if (is_group)
    begin_group (parser, name);
  else
    begin_account (parser, name);
  parser->section = &g_array_index (parser->sections, struct section, parser->sections->len - 1);

  struct target taken;
  const struct target target = { parser->section->account, parser->section->group };
  if (!accounts_add_name (parser->accounts, name, target, &taken))
    parser_mistake (parser, parser->line, "'%s' is already defined in line %u", name,
                    parser_line_of (taken));
  parser->skipping = false;
}

/* ---- Keys -------------------------------------------------------------------------------- */

enum key {
  KEY_PASSWORD,
  KEY_APP_PASSWORD,
  KEY_NAME,
  KEY_ALIAS,
  KEY_DELEGATES,
  KEY_READERS,
  KEY_MAY_OPEN,
  KEY_PROTOCOLS,
  KEY_SERVER,
  KEY_DISABLED,
  KEY_EXPIRED,
  KEY_MEMBERS,
  KEY_COUNT
};
static const char *const key_names[] = { "password",  "app_password", "name",     "alias",
                                         "delegates", "readers",      "may_open", "protocols",
                                         "server",    "disabled",     "expired",  "members" };
G_STATIC_ASSERT (G_N_ELEMENTS (key_names) == KEY_COUNT);

static void
add_raw (struct parser *parser, struct raw **list, char *value) {
  struct raw *raw = accounts_memory (parser->accounts, sizeof *raw);
  *raw = (struct raw){ *list, value, parser->line };
  *list = raw;
}

static void
take_password (struct parser *parser, char *value) {
  if (parser->password_count == ACCOUNT_PASSWORDS) {
    parser_mistake (parser, parser->line, "more than %d passwords", ACCOUNT_PASSWORDS);
    return;
  }
  struct password *password = &parser->passwords[parser->password_count];
  const char *fault = password_read (value, password);
  if (fault)
    parser_mistake (parser, parser->line, "the password %s", fault);
  else
    parser->password_count++;
}

static void
take_app (struct parser *parser, char *value) {
  struct password secrets[APP_SECRETS];
  struct app app;
  if (parser->apps->len == ACCOUNT_APPS) {
    parser_mistake (parser, parser->line, "more than %d app passwords", ACCOUNT_APPS);
    return;
  }
  const char *fault = app_read (parser->accounts, value, &app, secrets);
  for (guint i = 0; !fault && i < parser->apps->len; i++)
    if (g_ascii_strcasecmp (g_array_index (parser->apps, struct app, i).label, app.label) == 0)
      fault = "is there already: another label, or revoke it first";
  if (fault) {
    parser_mistake (parser, parser->line, "the app password '%s' %s", app.label, fault);
    return;
  }
  app.line = parser->line;
  app.first = parser->app_passwords->len;
  g_array_append_vals (parser->app_passwords, secrets, app.count);
  g_array_append_val (parser->apps, app);
}

static void
take_attribute (struct parser *parser, const char *key, const char *value) {
  char number[32];
  const char *fault = value_attribute (key, &value, number);
  if (fault) {
    parser_mistake (parser, parser->line, "%s: '%s' %s", key, value, fault);
    return;
  }
  const size_t key_length = strlen (key), value_length = strlen (value);
  for (guint i = 0; i < parser->attributes->len; i++)
    if (strncmp (parser->attributes->pdata[i], key, key_length) == 0
        && ((char *)parser->attributes->pdata[i])[key_length] == '=') {
      parser_mistake (parser, parser->line, "'%s' is given twice", key);
      return;
    }
  char *made = accounts_memory (parser->accounts, key_length + value_length + 2);
  memcpy (made, key, key_length);
  made[key_length] = '=';
  memcpy (made + key_length + 1, value, value_length);
  g_ptr_array_add (parser->attributes, made);
}

static void
take_account_key (struct parser *parser, enum key key, char *value) {
  struct account *account = parser->section->account;
  const char *fault = NULL;
  switch (key) {
  case KEY_PASSWORD:
    take_password (parser, value);
    break;
  case KEY_APP_PASSWORD:
    take_app (parser, value);
    break;
  case KEY_NAME:
    account->display = value;
    break;
  case KEY_ALIAS:
    add_raw (parser, &parser->section->aliases, value);
    break;
  case KEY_DELEGATES:
    add_raw (parser, &parser->section->delegates, value);
    break;
  case KEY_READERS:
    add_raw (parser, &parser->section->readers, value);
    break;
  case KEY_MAY_OPEN:
    add_raw (parser, &parser->section->may_open, value);
    break;
  case KEY_PROTOCOLS:
    fault = value_protocols (value, &account->protocols);
    break;
  case KEY_SERVER:
    account->server = value;
    fault = *value && !strpbrk (value, " \t") ? NULL : "is no node";
    take_attribute (parser, "server", value);
    break;
  case KEY_DISABLED:
    fault = value_expiry (value, &account->disabled_ms);
    break;
  case KEY_EXPIRED:
    fault = value_expiry (value, &account->expires_ms);
    break;
  default:
    parser_mistake (parser, parser->line, "'%s' belongs into a [group NAME]", key_names[key]);
    break;
  }
  if (fault)
    parser_mistake (parser, parser->line, "%s: '%s' %s", key_names[key], value, fault);
}

static bool
repeats (enum key key) {
  return key == KEY_PASSWORD || key == KEY_APP_PASSWORD || key == KEY_ALIAS || key == KEY_DELEGATES
         || key == KEY_READERS || key == KEY_MAY_OPEN;
}

static void
take_key (struct parser *parser, char *name, char *value) {
  enum key key = 0;
  while (key < KEY_COUNT && strcmp (key_names[key], name) != 0)
    key++;
  if (key == KEY_COUNT && strchr (name, '.') && parser->section->account) {
    take_attribute (parser, name, value);
  } else if (key == KEY_COUNT) {
    const char *meant = value_nearest (name, key_names, KEY_COUNT);
    parser_mistake (parser, parser->line,
                    meant ? "unknown key '%s'; is '%s' meant?" : "unknown key '%s'", name, meant);
  } else if (parser->section->group) {
    if (key == KEY_MEMBERS)
      add_raw (parser, &parser->section->members, value);
    else
      parser_mistake (parser, parser->line, "a group has no '%s'", name);
  } else {
    if (!repeats (key) && parser->seen & 1u << key)
      parser_mistake (parser, parser->line, "'%s' is given twice", name);
    parser->seen |= 1u << key;
    take_account_key (parser, key, value);
  }
}

/* One line without its LF, ended with a NUL. */
static void
take_line (struct parser *parser, char *line, char *end) {
  if (end - line > (ptrdiff_t)ACCOUNTS_LINE_LIMIT) {
    parser_mistake (parser, parser->line, "the line is longer than 64 KiB");
    return;
  }
  char *text = value_trim (line, end);
  if (*text == '\0' || *text == '#' || *text == ';')
    return;
  if (*text == '[') {
    begin_section (parser, text, strlen (text));
    return;
  }
  char *equals = strchr (text, '=');
  if (!equals || equals == text) {
    parser_mistake (parser, parser->line, "is neither [section], key = value nor comment");
    return;
  }
  if (parser->skipping)
    return;
  if (!parser->section) {
    parser_mistake (parser, parser->line, "a key before the first [section]");
    return;
  }
  char *name = value_trim (text, equals);
  char *value = value_trim (equals + 1, equals + 1 + strlen (equals + 1));
  take_key (parser, name, value);
}

/* ---- The whole --------------------------------------------------------------------------- */

static bool
is_utf8 (struct parser *parser, const char *text, size_t size) {
  const char *end;
  if (g_utf8_validate (text, (gssize)size, &end))
    return true;
  unsigned line = 1;
  for (const char *at = text; (at = memchr (at, '\n', (size_t)(end - at))); at++)
    line++;
  parser_mistake (parser, line, *end ? "is not UTF-8" : "has a NUL octet");
  return false;
}

static void
take_lines (struct parser *parser, char *text, size_t size) {
  char *const end = text + size;
  if (g_str_has_prefix (text, "\xef\xbb\xbf"))
    text += 3;
  while (text < end) {
    char *newline = memchr (text, '\n', (size_t)(end - text));
    char *line_end = newline ? newline : end;
    *line_end = '\0';
    parser->line++;
    take_line (parser, text, line_end);
    text = line_end + 1;
  }
  end_section (parser);
}

struct accounts *
accounts_parse (struct rules *rules, char *text, size_t size, GPtrArray *errors) {
  struct parser parser = {
    .accounts = accounts_new (rules, size / 64),
    .errors = errors,
    .sections = g_array_new (FALSE, FALSE, sizeof (struct section)),
    .attributes = g_ptr_array_new (),
    .apps = g_array_new (FALSE, FALSE, sizeof (struct app)),
    .app_passwords = g_array_new (FALSE, FALSE, sizeof (struct password)),
  };
  const guint errors_before = errors->len;
  accounts_own (parser.accounts, text, size);
  if (size > ACCOUNTS_FILE_LIMIT) {
    parser_mistake (&parser, 0, "the file is larger than 256 MiB");
  } else if (is_utf8 (&parser, text, size)) {
    take_lines (&parser, text, size);
    parser_link (&parser);
  }
  g_array_unref (parser.sections);
  g_ptr_array_unref (parser.attributes);
  g_array_unref (parser.apps);
  g_array_unref (parser.app_passwords);
  if (errors->len == errors_before)
    return parser.accounts;
  accounts_unref (parser.accounts);
  return NULL;
}
