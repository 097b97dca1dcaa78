/* SPDX-License-Identifier: Apache-2.0 */
/* list_match.c - which mailboxes a LIST tells of (RFC 5258 section 3, RFC 3501 section 6.3.8 and
 * 6.3.9). */
#include "mailbox/list.h"

#include "common/mailbox_name.h"
#include "mailbox/names.h"
#include "mailbox/uses.h"

/* With include_public_folders = no they are told of only where they are named. */
static bool
public_wanted (const struct session *s, const char *pattern) {
  return s->imap4->host->number (s->info->config, "include_public_folders")
             ? pattern_may_reach (pattern, namespace_public (s))
             : pattern_names (pattern, namespace_public (s));
}

unsigned
list_sources (const struct session *s, const struct list *list) {
  unsigned sources = GATHER_OWN;
  for (guint i = 0; i < list->patterns->len; i++) {
    const char *pattern = list->patterns->pdata[i];
    if (pattern_may_reach (pattern, namespace_others (s)))
      sources |= GATHER_OTHERS;
    if (public_wanted (s, pattern))
      sources |= GATHER_PUBLIC;
  }
  if (list->kind == LIST_LSUB || list->select & SELECT_SUBSCRIBED
      || list->returns & RETURN_SUBSCRIBED)
    sources |= GATHER_GONE;
  return sources;
}

/* The first pattern that matches; NULL: none does. */
static const char *
matching (const struct list *list, const char *name) {
  for (guint i = 0; i < list->patterns->len; i++) {
    const char *pattern = list->patterns->pdata[i];
    if (*pattern && path_matches (pattern, name))
      return pattern;
  }
  return NULL;
}

/* Does it match a pattern that asks for levels, rather than for everything below?  Then a level is told
 * of even if no mailbox has its name. */
static bool
matches_level (const struct list *list, const char *name) {
  for (guint i = 0; i < list->patterns->len; i++) {
    const char *pattern = list->patterns->pdata[i];
    if (*pattern && !strchr (pattern, '*') && path_matches (pattern, name))
      return true;
  }
  return false;
}

static bool
satisfies (const struct list *list, const struct mailbox_row *row) {
  if (list->kind == LIST_LSUB)
    return row->kind & ROW_SUBSCRIBED;
  if (list->select & SELECT_SUBSCRIBED && !(row->kind & ROW_SUBSCRIBED))
    return false;
  if (list->select & SELECT_SPECIAL_USE && !(row->uses & USES_NAMED))
    return false;
  return list->select & SELECT_SUBSCRIBED || !(row->kind & ROW_MISSING);
}

/* Names of rows, and their places. */
static GHashTable *
index_rows (const GArray *rows) {
  GHashTable *index = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  for (guint i = 0; i < rows->len; i++)
    g_hash_table_replace (index, g_strdup (g_array_index (rows, struct mailbox_row, i).name),
                          GUINT_TO_POINTER (i));
  return index;
}

/* The place of a level; made if no mailbox has the name. */
static guint
place_of (GArray *rows, GHashTable *index, const char *name) {
  gpointer place;
  if (g_hash_table_lookup_extended (index, name, NULL, &place))
    return GPOINTER_TO_UINT (place);
  struct mailbox_row row = { .name = g_strdup (name), .kind = ROW_MISSING | ROW_NOSELECT };
  g_array_append_val (rows, row);
  g_hash_table_insert (index, g_strdup (name), GUINT_TO_POINTER (rows->len - 1));
  return rows->len - 1;
}

/* Tells the levels above a row of it. */
static void
mark_above (GArray *rows, GHashTable *index, guint at) {
  const struct mailbox_row *row = &g_array_index (rows, struct mailbox_row, at);
  uint32_t marks = 0;
  if (!(row->kind & ROW_MISSING))
    marks |= ROW_CHILDREN;
  if (row->kind & ROW_SATISFIES)
    marks |= ROW_CHILDINFO | (row->kind & ROW_LISTED ? 0u : ROW_HIDDEN_CHILD);
  g_autofree char *name = g_strdup (row->name);
  for (char *slash; marks && (slash = strrchr (name, '/'));) {
    *slash = 0;
    guint above = place_of (rows, index, name);
    g_array_index (rows, struct mailbox_row, above).kind |= marks;
  }
}

/* A level that does not satisfy the criteria itself: is it told of? */
static bool
level_listed (const struct list *list, const struct mailbox_row *row) {
  if (list->kind == LIST_LSUB) /* "%" finds the levels above what is subscribed */
    return row->kind & ROW_HIDDEN_CHILD && matches_level (list, row->name);
  if (list->select & SELECT_RECURSIVEMATCH)
    return row->kind & ROW_HIDDEN_CHILD && matching (list, row->name);
  /* No mailbox, but one above others: of namespaces, and where rights hide the parent. */
  return row->kind & ROW_MISSING && row->kind & ROW_CHILDREN && !(list->select & SELECT_BASE)
         && matches_level (list, row->name);
}

bool
list_match (struct session *s, struct list *list) {
  GArray *rows = gather_rows (list->gather);
  for (; list->at < rows->len; list->at++) {
    struct mailbox_row *row = &g_array_index (rows, struct mailbox_row, list->at);
    if (satisfies (list, row))
      row->kind |= ROW_SATISFIES | (matching (list, row->name) ? ROW_LISTED : 0u);
    if (list->at % 8 == 7 && s->imap4->host->budget_spent (s->task)) {
      list->at++;
      return false;
    }
  }
  guint count = rows->len;
  g_autoptr (GHashTable) index = index_rows (rows);
  for (guint i = 0; i < count; i++)
    mark_above (rows, index, i);
  for (guint i = 0; i < rows->len; i++) {
    struct mailbox_row *row = &g_array_index (rows, struct mailbox_row, i);
    if (!(row->kind & ROW_LISTED) && level_listed (list, row))
      row->kind |= ROW_LISTED;
  }
  list->at = 0;
  return true;
}
