/* SPDX-License-Identifier: Apache-2.0 */
/* filter.c - see filter.h. */
#include "mailbox/filter.h"

#include "mailbox/names.h"
#include "selected/selected.h"

static const struct filter_word {
  const char *word;
  enum mailbox_filter_kind kind;
  bool names, notify, search;
} words[] = {
  { "SELECTED", FILTER_SELECTED, false, true, true },
  { "SELECTED-DELAYED", FILTER_SELECTED_DELAYED, false, true, false },
  { "INBOXES", FILTER_INBOXES, false, true, true },
  { "PERSONAL", FILTER_PERSONAL, false, true, true },
  { "SUBSCRIBED", FILTER_SUBSCRIBED, false, true, true },
  { "SUBTREE", FILTER_SUBTREE, true, true, true },
  { "SUBTREE-ONE", FILTER_SUBTREE_ONE, true, false, true },
  { "MAILBOXES", FILTER_MAILBOXES, true, true, true },
};

#define NAMES_MAX 1000 /* of one filter: each is compared with each mailbox */

/* one-or-more-mailbox */
static bool
read_names (struct reader *r, struct mailbox_filter *filter) {
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  bool list = reader_accept (r, '(');
  do {
    const char *name = reader_mailbox (r);
    if (!name)
      return false;
    if (g_ptr_array_find_with_equal_func (names, name, g_str_equal, NULL))
      continue;
    if (names->len == NAMES_MAX)
      return reader_fail (r, "too many mailbox names");
    g_ptr_array_add (names, g_strdup (name));
  } while (list && reader_accept (r, ' '));
  if (list && !reader_expect (r, ')'))
    return false;
  g_ptr_array_add (names, NULL);
  filter->names = (char **)g_ptr_array_free (g_steal_pointer (&names), FALSE);
  return true;
}

bool
filter_read (struct reader *r, bool searching, struct mailbox_filter *filter) {
  *filter = (struct mailbox_filter){ 0 };
  const char *word = reader_keyword (r);
  if (!word)
    return false;
  for (size_t i = 0; i < G_N_ELEMENTS (words); i++)
    if (strcmp (words[i].word, word) == 0 && (searching ? words[i].search : words[i].notify)) {
      filter->kind = words[i].kind;
      return !words[i].names || (reader_space (r) && read_names (r, filter));
    }
  return reader_fail (r, "unknown set of mailboxes");
}

void
filter_clear (struct mailbox_filter *filter) {
  g_strfreev (filter->names);
  filter->names = NULL;
}

/* Where a tree with this root has mailboxes. */
static unsigned
sources_of (const struct session *s, const char *name) {
  if (below_prefix (name, namespace_others (s)))
    return GATHER_OTHERS;
  return below_prefix (name, namespace_public (s)) ? GATHER_PUBLIC : GATHER_OWN;
}

unsigned
filter_sources (const struct session *s, const struct mailbox_filter *filter) {
  unsigned sources = 0;
  switch (filter->kind) {
  case FILTER_SELECTED:
  case FILTER_SELECTED_DELAYED:
    return !s->selected || strcmp (s->selected->owner, s->user->name) == 0 ? GATHER_OWN
           : *s->selected->owner                                           ? GATHER_OTHERS
                                                                           : GATHER_PUBLIC;
  case FILTER_INBOXES:
  case FILTER_PERSONAL:
    return GATHER_OWN;
  case FILTER_SUBSCRIBED:
    return GATHER_ALL | GATHER_GONE; /* a name that is there again is still subscribed */
  case FILTER_SUBTREE:
  case FILTER_SUBTREE_ONE:
  case FILTER_MAILBOXES:
    for (char **name = filter->names; name && *name; name++)
      sources |= sources_of (s, name_plain (s, *name));
  }
  return sources;
}

/* Below the root, by `levels` at most. */
static bool
in_tree (const char *name, const char *root, unsigned levels) {
  const char *rest = below_prefix (name, root);
  if (!rest || !*rest)
    return rest != NULL;
  for (; (rest = strchr (rest, '/')); rest++)
    if (levels-- <= 1)
      return false;
  return levels > 0;
}

bool
filter_matches (const struct session *s, const struct mailbox_filter *filter,
                const struct mailbox_row *row) {
  if (row->kind & (ROW_NOSELECT | ROW_MISSING))
    return false;
  switch (filter->kind) {
  case FILTER_SELECTED:
  case FILTER_SELECTED_DELAYED:
    return s->selected && memcmp (&s->selected->mailbox, &row->id, sizeof row->id) == 0;
  case FILTER_INBOXES:
  case FILTER_PERSONAL:
    return row->kind & ROW_OWN;
  case FILTER_SUBSCRIBED:
    return row->kind & ROW_SUBSCRIBED;
  default:
    break;
  }
  unsigned levels = filter->kind == FILTER_SUBTREE       ? UINT_MAX
                    : filter->kind == FILTER_SUBTREE_ONE ? 1
                                                         : 0;
  for (char **name = filter->names; name && *name; name++)
    if (in_tree (row->name, name_plain (s, *name), levels))
      return true;
  return false;
}
