/* SPDX-License-Identifier: Apache-2.0 */
/* link.c - the second pass over what parse.c read: names of others (aliases, delegates, members)
 * are looked up now, because they may stand further down.  See parser.h. */
#include "parser.h"

#include "values.h"

#include <string.h>

/* ---- Names ------------------------------------------------------------------------------- */

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
  if (!at || strcmp (at + 1, domains_primary (parser->accounts->rules->domains)) != 0)
    return false;
  g_autofree char *local = g_strndup (name, (gsize)(at - name));
  const struct account *hidden = accounts_find (parser->accounts, local);
  if (!hidden || hidden == self)
    return false;
  parser_mistake (parser, line, "'%s' is the address of '%s', see line %u", name, local,
                  hidden->line);
  return true;
}

static void
add_aliases (struct parser *parser, struct account *account, struct raw *raw) {
  const char **aliases = accounts_memory (parser->accounts, count_words (raw) * sizeof *aliases);
  account->aliases = aliases;
  for (; raw; raw = raw->next)
    for (char *rest = raw->value, *word; (word = value_next_word (&rest));) {
      const char *name = parser_name (parser, word, raw->line);
      struct target taken;
      if (!name)
        continue;
      if (strpbrk (name, "/\\\"<>()[]:;")) {
        parser_mistake (parser, raw->line, "the alias '%s' has a character that names can not have",
                        name);
        continue;
      }
      if (hides (parser, name, account, raw->line))
        continue;
      if (!accounts_add_name (parser->accounts, name, (struct target){ account, NULL }, &taken)) {
        parser_mistake (parser, raw->line, "the alias '%s' is already taken, see line %u", name,
                        parser_line_of (taken));
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
      const char *name = parser_name (parser, word, raw->line);
      if (!name)
        continue;
      const struct account *account = accounts_find (parser->accounts, name);
      if (account)
        found[(*count)++] = account;
      else
        parser_mistake (parser, raw->line, "there is no account '%s'", name);
    }
  return found;
}

/* ---- Delegation -------------------------------------------------------------------------- */

/* One word of a list of delegates: an account, "$GROUP", and "*" where it makes sense. */
static bool
find_granted (struct parser *parser, char *word, unsigned line, bool all, struct grant *grant) {
  if (all && strcmp (word, "*") == 0)
    return true;
  const bool is_group = *word == '$';
  const char *name = parser_name (parser, word + is_group, line);
  if (!name)
    return false;
  if (is_group)
    grant->group = accounts_find_name (parser->accounts, name).group;
  else
    grant->account = accounts_find (parser->accounts, name);
  if (grant->group || grant->account)
    return true;
  parser_mistake (parser, line, "there is no %s '%s'", is_group ? "group" : "account", name);
  return false;
}

static void
find_grants (struct parser *parser, const struct raw *raw, ptn_access access, bool all,
             struct grant *grants, guint32 *count) {
  for (; raw; raw = raw->next)
    for (char *rest = raw->value, *word; (word = value_next_word (&rest));) {
      grants[*count] = (struct grant){ .access = access };
      *count += find_granted (parser, word, raw->line, all, &grants[*count]);
    }
}

static void
add_grants (struct parser *parser, const struct section *section) {
  struct account *account = section->account;
  const size_t grants = count_words (section->delegates) + count_words (section->readers);
  const size_t opens = count_words (section->may_open);
  if (grants > 0) {
    struct grant *list = accounts_memory (parser->accounts, grants * sizeof *list);
    account->grants = list;
    find_grants (parser, section->delegates, PTN_ACCESS_FULL, false, list, &account->grant_count);
    find_grants (parser, section->readers, PTN_ACCESS_READ, false, list, &account->grant_count);
  }
  if (opens > 0) {
    struct grant *list = accounts_memory (parser->accounts, opens * sizeof *list);
    account->opens = list;
    find_grants (parser, section->may_open, PTN_ACCESS_FULL, true, list, &account->open_count);
  }
}

/* ---- Groups ------------------------------------------------------------------------------ */

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
link_names (struct parser *parser) {
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
    if (section->account)
      add_grants (parser, section);
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
  size_t addresses = 0;
  for (guint i = 0; i < parser->sections->len; i++) {
    const struct account *account = g_array_index (parser->sections, struct section, i).account;
    if (!account)
      continue;
    if (accounts->count == 0)
      accounts->postmaster.account = account;
    else
      sorted = sorted && strcmp (list[accounts->count - 1]->name, account->name) < 0;
    list[accounts->count++] = account;
    addresses += strchr (account->name, '@') != NULL;
  }
  accounts->apart = addresses > accounts->count / 2;
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
  struct accounts *accounts = parser->accounts;
  size_t most = 0;
  accounts->dummy = &fallback;
  accounts->dummy_count = 1;
  for (size_t i = 0; i < G_N_ELEMENTS (parser->tally); i++)
    if (parser->tally[i] > most) {
      most = parser->tally[i];
      accounts->dummy = parser->samples[i]->passwords;
      accounts->dummy_count = parser->samples[i]->own_count;
    }
}

void
parser_link (struct parser *parser) {
  link_names (parser);
  list_accounts (parser);
  choose_dummy (parser);
}
