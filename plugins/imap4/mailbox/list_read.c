/* SPDX-License-Identifier: Apache-2.0 */
/* list_read.c - the arguments of LIST (RFC 5258 section 6), LSUB and XLIST. */
#include "capability.h"
#include "mailbox/list.h"

#define PATTERNS_OCTETS (8 * 1024) /* all of one command: each is compared with each name */

static const struct option {
  const char *word;
  unsigned bit;
  int capability;
} selects[] = {
  { "SUBSCRIBED", SELECT_SUBSCRIBED, CAP_NONE },
  { "REMOTE", SELECT_REMOTE, CAP_NONE },
  { "RECURSIVEMATCH", SELECT_RECURSIVEMATCH, CAP_NONE },
  { "SPECIAL-USE", SELECT_SPECIAL_USE, CAP_SPECIAL_USE },
}, returns[] = {
  { "SUBSCRIBED", RETURN_SUBSCRIBED, CAP_NONE },
  { "CHILDREN", RETURN_CHILDREN, CAP_NONE },
  { "SPECIAL-USE", RETURN_SPECIAL_USE, CAP_SPECIAL_USE },
  { "STATUS", RETURN_STATUS, CAP_LIST_STATUS },
  { "MYRIGHTS", RETURN_MYRIGHTS, CAP_LIST_MYRIGHTS },
  { "METADATA", RETURN_METADATA, CAP_LIST_METADATA },
};

static bool
find_option (const struct session *s, struct reader *r, const struct option *options, size_t count,
             unsigned *bit) {
  const char *word = reader_keyword (r);
  if (!word)
    return false;
  for (size_t i = 0; i < count; i++)
    if (strcmp (options[i].word, word) == 0 && offers (s, options[i].capability)) {
      *bit = options[i].bit;
      return true;
    }
  return reader_fail (r, "unknown option of LIST");
}

static bool
read_select (const struct session *s, struct reader *r, struct list *list) {
  unsigned bit = 0;
  if (!reader_expect (r, '('))
    return false;
  if (!reader_accept (r, ')')) {
    do {
      if (!find_option (s, r, selects, G_N_ELEMENTS (selects), &bit))
        return false;
      list->select |= bit;
    } while (reader_accept (r, ' '));
    if (!reader_expect (r, ')'))
      return false;
  }
  if (list->select & SELECT_RECURSIVEMATCH && !(list->select & SELECT_BASE))
    return reader_fail (r, "RECURSIVEMATCH needs another option that selects mailboxes");
  return reader_space (r);
}

static bool
read_return (const struct session *s, struct reader *r, struct list *list) {
  unsigned bit = 0;
  if (!find_option (s, r, returns, G_N_ELEMENTS (returns), &bit))
    return false;
  list->returns |= bit;
  if (bit == RETURN_STATUS) {
    unsigned items;
    if (!reader_space (r) || !status_read_items (s, r, &items))
      return false;
    list->items |= items;
  }
  if (bit != RETURN_METADATA)
    return true;
  g_clear_pointer (&list->entries, g_ptr_array_unref);
  return reader_space (r) && reader_peek (r) == '('
             ? (list->entries = metadata_read_entries (r)) != NULL
             : reader_fail (r, "expected a list of entries");
}

static bool
read_returns (const struct session *s, struct reader *r, struct list *list) {
  if (!reader_accept (r, ' '))
    return true;
  list->extended = true;
  const char *word = reader_keyword (r);
  if (!word)
    return false;
  if (strcmp (word, "RETURN") != 0)
    return reader_fail (r, "expected RETURN");
  if (!reader_space (r) || !reader_expect (r, '('))
    return false;
  if (reader_accept (r, ')'))
    return true;
  do
    if (!read_return (s, r, list))
      return false;
  while (reader_accept (r, ' '));
  return reader_expect (r, ')');
}

/* A reference and a name are one pattern together (RFC 9051 section 6.3.9). */
static bool
read_pattern (struct reader *r, struct list *list, size_t *octets) {
  const char *pattern = reader_list_mailbox (r);
  if (!pattern)
    return false;
  *octets += strlen (list->reference) + strlen (pattern);
  if (*octets > PATTERNS_OCTETS)
    return reader_fail (r, "patterns that are too long");
  g_autofree char *whole = g_strconcat (list->reference, pattern, NULL);
  g_ptr_array_add (list->patterns,
                   (void *)(*pattern ? reader_keep (r, whole, strlen (whole)) : ""));
  return true;
}

static bool
read_patterns (struct reader *r, struct list *list) {
  size_t octets = 0;
  if (list->kind != LIST_LIST || !reader_accept (r, '('))
    return read_pattern (r, list, &octets);
  list->extended = true;
  do
    if (!read_pattern (r, list, &octets))
      return false;
  while (reader_accept (r, ' '));
  return reader_expect (r, ')');
}

bool
list_read (struct session *s, struct reader *r, struct list *list) {
  list->patterns = g_ptr_array_new ();
  if (!reader_space (r))
    return false;
  if (list->kind == LIST_LIST && reader_peek (r) == '(') {
    list->extended = true;
    if (!read_select (s, r, list))
      return false;
  }
  list->reference = reader_list_mailbox (r);
  if (!list->reference || !reader_space (r) || !read_patterns (r, list))
    return false;
  if (list->kind == LIST_LIST && !read_returns (s, r, list))
    return false;
  return reader_end (r);
}
