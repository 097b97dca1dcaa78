/* SPDX-License-Identifier: Apache-2.0 */
/* parse.c - one pass over the lines makes accounts and groups, a second one over what names
 * others (aliases, delegates, members), because these may stand further down; see parse.h.
 *
 * The text becomes part of the result: values are cut out of it in place, which is what makes
 * 100,000 accounts a matter of a tenth of a second. */
#include "parse.h"

#include "values.h"

#include <string.h>

/* A value that is looked at again in the second pass. */
struct raw {
  struct raw *next;
  char *value;
  unsigned line;
};

struct section {
  struct account *account; /* one of the two */
  struct group *group;
  struct raw *aliases, *delegates, *members;
};

struct parser {
  struct accounts *accounts;
  GPtrArray *errors;
  GArray *sections; /* struct section */
  unsigned line;
  bool skipping; /* the section's head was wrong: its keys say nothing */
  /* Of the section that is being read. */
  struct section *section;
  struct password passwords[ACCOUNT_PASSWORDS];
  unsigned password_count;
  GPtrArray *attributes; /* char *, "name=value" */
  guint32 seen;          /* 1 << key */
  /* Which scheme is the usual one. */
  const struct password *samples[SCHEME_COUNT];
  size_t tally[SCHEME_COUNT];
};

void
parse_error_free (struct parse_error *error) {
  g_free (error->text);
  g_free (error);
}

GPtrArray *
parse_errors_new (void) {
  return g_ptr_array_new_with_free_func ((GDestroyNotify)parse_error_free);
}

static void
G_GNUC_PRINTF (3, 4) mistake (struct parser *parser, unsigned line, const char *format, ...) {
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
static const char *
fold_name (struct parser *parser, char *text, unsigned line) {
  char folded[NAME_LIMIT + 1];
  const size_t length = strlen (text);
  if (!name_canonical (text, length, folded)) {
    mistake (parser, line, "'%s' is no name", text);
    return NULL;
  }
  const char *at = strchr (folded, '@');
  if (at && !rules_domain (parser->accounts->rules, at + 1)) {
    mistake (parser, line, "'%s' is at a domain that 'domains' does not list", text);
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

static void
end_section (struct parser *parser) {
  if (!parser->section || !parser->section->account)
    return;
  struct account *account = parser->section->account;
  end_attributes (parser, account);
  if (parser->password_count == 0)
    return;
  const size_t size = parser->password_count * sizeof (struct password);
  struct password *passwords = accounts_memory (parser->accounts, size);
  memcpy (passwords, parser->passwords, size);
  account->passwords = passwords;
  account->password_count = parser->password_count;
  for (unsigned i = 0; i < parser->password_count; i++) {
    if (passwords[i].scheme == SCHEME_NT)
      continue;
    if (parser->tally[passwords[i].scheme]++ == 0)
      parser->samples[passwords[i].scheme] = &passwords[i];
    break;
  }
}

static unsigned
line_of (struct target target) {
  return target.account ? target.account->line : target.group->line;
}

static void
begin_account (struct parser *parser, const char *name) {
  struct account *account = accounts_memory (parser->accounts, sizeof *account);
  account->name = name;
  account->address =
      strchr (name, '@') ? name : join (parser, name, parser->accounts->rules->domains[0]);
  account->display = "";
  account->expires_ms = G_MAXINT64;
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
  parser->seen = 0;
  g_ptr_array_set_size (parser->attributes, 0);
  if (line[length - 1] != ']') {
    mistake (parser, parser->line, "the section's name is not closed with ']'");
    return;
  }
  line[length - 1] = '\0';
  char *text = value_trim (line + 1, line + length - 1);
  const bool is_group = strncmp (text, "group", 5) == 0 && (text[5] == ' ' || text[5] == '\t');
  if (is_group)
    text = value_trim (text + 6, text + strlen (text));

  const char *name = fold_name (parser, text, parser->line);
  if (!name)
    return;
  const char *fault = name_fault (name);
  if (fault) {
    mistake (parser, parser->line, "the name '%s' %s", name, fault);
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
    mistake (parser, parser->line, "'%s' is already defined in line %u", name, line_of (taken));
  parser->skipping = false;
}

/* ---- Keys -------------------------------------------------------------------------------- */

enum key {
  KEY_PASSWORD,
  KEY_NAME,
  KEY_ALIAS,
  KEY_DELEGATES,
  KEY_PROTOCOLS,
  KEY_SERVER,
  KEY_DISABLED,
  KEY_EXPIRED,
  KEY_MEMBERS,
  KEY_COUNT
};
static const char *const key_names[] = { "password",  "name",      "alias",
                                         "delegates", "protocols", "server",
                                         "disabled",  "expired",   "members" };
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
    mistake (parser, parser->line, "more than %d passwords", ACCOUNT_PASSWORDS);
    return;
  }
  struct password *password = &parser->passwords[parser->password_count];
  const char *fault = password_read (value, password);
  if (fault)
    mistake (parser, parser->line, "the password %s", fault);
  else
    parser->password_count++;
}

static void
take_attribute (struct parser *parser, const char *key, const char *value) {
  char number[32];
  const char *fault = value_attribute (key, &value, number);
  if (fault) {
    mistake (parser, parser->line, "%s: '%s' %s", key, value, fault);
    return;
  }
  const size_t key_length = strlen (key), value_length = strlen (value);
  for (guint i = 0; i < parser->attributes->len; i++)
    if (strncmp (parser->attributes->pdata[i], key, key_length) == 0
        && ((char *)parser->attributes->pdata[i])[key_length] == '=') {
      mistake (parser, parser->line, "'%s' is given twice", key);
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
  case KEY_NAME:
    account->display = value;
    break;
  case KEY_ALIAS:
    add_raw (parser, &parser->section->aliases, value);
    break;
  case KEY_DELEGATES:
    add_raw (parser, &parser->section->delegates, value);
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
    fault = value_boolean (value, &account->disabled);
    break;
  case KEY_EXPIRED:
    fault = value_expiry (value, &account->expires_ms);
    break;
  default:
    mistake (parser, parser->line, "'%s' belongs into a [group NAME]", key_names[key]);
    break;
  }
  if (fault)
    mistake (parser, parser->line, "%s: '%s' %s", key_names[key], value, fault);
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
    mistake (parser, parser->line, meant ? "unknown key '%s'; is '%s' meant?" : "unknown key '%s'",
             name, meant);
  } else if (parser->section->group) {
    if (key == KEY_MEMBERS)
      add_raw (parser, &parser->section->members, value);
    else
      mistake (parser, parser->line, "a group has no '%s'", name);
  } else {
    const bool repeats = key == KEY_PASSWORD || key == KEY_ALIAS || key == KEY_DELEGATES;
    if (!repeats && parser->seen & 1u << key)
      mistake (parser, parser->line, "'%s' is given twice", name);
    parser->seen |= 1u << key;
    take_account_key (parser, key, value);
  }
}

/* One line without its LF, ended with a NUL. */
static void
take_line (struct parser *parser, char *line, char *end) {
  if (end - line > (ptrdiff_t)ACCOUNTS_LINE_LIMIT) {
    mistake (parser, parser->line, "the line is longer than 64 KiB");
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
    mistake (parser, parser->line, "is neither [section], key = value nor comment");
    return;
  }
  if (parser->skipping)
    return;
  if (!parser->section) {
    mistake (parser, parser->line, "a key before the first [section]");
    return;
  }
  char *name = value_trim (text, equals);
  char *value = value_trim (equals + 1, equals + 1 + strlen (equals + 1));
  take_key (parser, name, value);
}

/* ---- The second pass --------------------------------------------------------------------- */

static size_t
count_words (const struct raw *raw) {
  size_t count = 0;
  for (; raw; raw = raw->next)
    count += value_count_words (raw->value);
  return count;
}

/* Would `name` take the primary address of an account that is written without its domain? */
static bool
hides (struct parser *parser, const char *name, const struct account *self, unsigned line) {
  const char *at = strchr (name, '@');
  if (!at || strcmp (at + 1, parser->accounts->rules->domains[0]) != 0)
    return false;
  g_autofree char *local = g_strndup (name, (gsize)(at - name));
  const struct account *hidden = accounts_find (parser->accounts, local);
  if (!hidden || hidden == self)
    return false;
  mistake (parser, line, "'%s' is the address of '%s', see line %u", name, local, hidden->line);
  return true;
}

static void
add_aliases (struct parser *parser, struct account *account, struct raw *raw) {
  const char **aliases = accounts_memory (parser->accounts, count_words (raw) * sizeof *aliases);
  account->aliases = aliases;
  for (; raw; raw = raw->next)
    for (char *rest = raw->value, *word; (word = value_next_word (&rest));) {
      const char *name = fold_name (parser, word, raw->line);
      struct target taken;
      if (!name)
        continue;
      if (strpbrk (name, "/\\\"<>()[]:;")) {
        mistake (parser, raw->line, "the alias '%s' has a character that names can not have", name);
        continue;
      }
      if (hides (parser, name, account, raw->line))
        continue;
      if (!accounts_add_name (parser->accounts, name, (struct target){ account, NULL }, &taken)) {
        mistake (parser, raw->line, "the alias '%s' is already taken, see line %u", name,
                 line_of (taken));
        continue;
      }
      aliases[account->alias_count++] = name;
    }
}

/* A list of accounts that must exist; *count of them. */
static const struct account *const *
find_all (struct parser *parser, struct raw *raw, guint32 *count) {
  const struct account **found =
      accounts_memory (parser->accounts, count_words (raw) * sizeof *found);
  for (; raw; raw = raw->next)
    for (char *rest = raw->value, *word; (word = value_next_word (&rest));) {
      const char *name = fold_name (parser, word, raw->line);
      if (!name)
        continue;
      const struct account *account = accounts_find (parser->accounts, name);
      if (account)
        found[(*count)++] = account;
      else
        mistake (parser, raw->line, "there is no account '%s'", name);
    }
  return found;
}

/* Which groups has an account?  First they are counted, then there is room for them. */
static void
note_groups (struct parser *parser, bool count) {
  for (guint i = 0; i < parser->sections->len; i++) {
    const struct group *group = g_array_index (parser->sections, struct section, i).group;
    for (guint32 m = 0; group && m < group->member_count; m++) {
      struct account *account = (struct account *)group->members[m];
      if (!count) {
        if (!account->groups.items)
          account->groups.items =
              accounts_memory (parser->accounts, account->groups.count * sizeof (char *));
        ((const char **)(void *)account->groups.items)[account->group_count++] = group->name;
      } else
        account->groups.count++;
    }
  }
}

static void
link_sections (struct parser *parser) {
  /* All names first: an alias must not hide an account that stands further down. */
  for (guint i = 0; i < parser->sections->len; i++) {
    struct section *section = &g_array_index (parser->sections, struct section, i);
    if (section->account)
      hides (parser, section->account->name, section->account, section->account->line);
    if (section->account && section->aliases)
      add_aliases (parser, section->account, section->aliases);
  }
  for (guint i = 0; i < parser->sections->len; i++) {
    struct section *section = &g_array_index (parser->sections, struct section, i);
    if (section->account && section->delegates)
      section->account->delegates =
          find_all (parser, section->delegates, &section->account->delegate_count);
    if (section->members)
      section->group->members = find_all (parser, section->members, &section->group->member_count);
  }
  note_groups (parser, true);
  note_groups (parser, false);
}

static int
by_name (gconstpointer a, gconstpointer b) {
  const struct account *const *left = a, *const *right = b;
  return strcmp ((*left)->name, (*right)->name);
}

static void
list_accounts (struct parser *parser) {
  struct accounts *accounts = parser->accounts;
  const struct account **list =
      accounts_memory (accounts, (parser->sections->len + 1) * sizeof *list);
  bool sorted = true;
  for (guint i = 0; i < parser->sections->len; i++) {
    const struct account *account = g_array_index (parser->sections, struct section, i).account;
    if (!account)
      continue;
    if (accounts->count == 0)
      accounts->postmaster.account = account;
    else
      sorted = sorted && strcmp (list[accounts->count - 1]->name, account->name) < 0;
    list[accounts->count++] = account;
  }
  if (!sorted)
    qsort (list, accounts->count, sizeof *list, by_name);
  accounts->list = list;
  if (accounts->rules->postmaster) {
    const struct target chosen = accounts_find_name (accounts, accounts->rules->postmaster);
    if (chosen.account || chosen.group)
      accounts->postmaster = chosen;
  }
}

/* What costs an unknown user the time that a wrong password costs the others. */
static void
choose_dummy (struct parser *parser) {
  static const struct password fallback = {
    .scheme = SCHEME_ARGON2,
    .text = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA"
            "$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    .whole = "",
  };
  size_t most = 0;
  parser->accounts->dummy = &fallback;
  for (size_t i = 0; i < SCHEME_COUNT; i++)
    if (parser->tally[i] > most) {
      most = parser->tally[i];
      parser->accounts->dummy = parser->samples[i];
    }
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
  mistake (parser, line, *end ? "is not UTF-8" : "has a NUL octet");
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
  };
  const guint errors_before = errors->len;
  accounts_own (parser.accounts, text);
  if (size > ACCOUNTS_FILE_LIMIT) {
    mistake (&parser, 0, "the file is larger than 256 MiB");
  } else if (is_utf8 (&parser, text, size)) {
    take_lines (&parser, text, size);
    link_sections (&parser);
    list_accounts (&parser);
    choose_dummy (&parser);
  }
  g_array_unref (parser.sections);
  g_ptr_array_unref (parser.attributes);
  if (errors->len == errors_before)
    return parser.accounts;
  accounts_unref (parser.accounts);
  return NULL;
}
