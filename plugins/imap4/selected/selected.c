/* SPDX-License-Identifier: Apache-2.0 */
/* selected.c - numbers and UIDs of the selected mailbox; see selected.h. */
#include "search/context.h"
#include "selected/selected.h"

#include "common/uid_set.h"
#include "selected/merge.h"

void
selected_free (struct session *s) {
  struct selected *selected = s->selected;
  if (!selected)
    return;
  if (selected->waits)
    s->imap4->host->unsubscribe (selected->waits);
  contexts_free (&selected->contexts);
  report_free (s, selected->telling);
  selected_tell (s, NULL, false);
  if (selected->saved)
    g_array_unref (selected->saved);
  if (selected->annotated)
    g_array_unref (selected->annotated);
  if (selected->answered)
    g_array_unref (selected->answered);
  g_free (selected->owner);
  g_free (selected->name);
  g_free (selected);
  s->selected = NULL;
}

uint32_t
selected_last_uid (const struct selected *selected) {
  const struct ptn_view *told = selected->told;
  uint32_t last = told->count ? told->uid[told->count - 1] : 0;
  return MAX (last, selected->uidnext ? selected->uidnext - 1 : 0);
}

uint32_t
view_find (const struct ptn_view *view, uint32_t uid, uint32_t *next) {
  uint32_t low = 0, high = view->count;
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;
    if (view->uid[middle] < uid)
      low = middle + 1;
    else
      high = middle;
  }
  if (next)
    *next = low;
  return low < view->count && view->uid[low] == uid ? low : view->count;
}

uint32_t
selected_number (const struct session *s, uint32_t uid) {
  const struct ptn_view *told = s->selected->told;
  uint32_t place = view_find (told, uid, NULL);
  return place == told->count ? 0 : place + 1;
}

/* UIDs of the places first..last (from 0), one after the other. */
static void
append_places (GArray *uids, const struct ptn_view *view, uint32_t first, uint32_t last) {
  struct ptn_uid_range all = { view->uid[first], view->uid[last] };
  if (last > first && all.last - all.first == last - first && !uids->len) {
    g_array_append_val (uids, all);
    return;
  }
  for (uint32_t i = first; i <= last; i++)
    set_append (uids, view->uid[i]);
}

static GArray *
by_uid (const struct ptn_view *told, const GArray *ranges) {
  GArray *uids = g_array_new (FALSE, FALSE, sizeof (struct ptn_uid_range));
  for (guint i = 0; i < ranges->len; i++) {
    struct ptn_uid_range range = g_array_index (ranges, struct ptn_uid_range, i);
    uint32_t first, end;
    view_find (told, range.first, &first);
    if (range.last == UINT32_MAX)
      end = told->count;
    else
      view_find (told, range.last + 1, &end);
    if (first < end)
      append_places (uids, told, first, end - 1);
  }
  return uids;
}

static GArray *
by_number (const struct ptn_view *told, const GArray *ranges) {
  GArray *uids = g_array_new (FALSE, FALSE, sizeof (struct ptn_uid_range));
  for (guint i = 0; i < ranges->len; i++) {
    struct ptn_uid_range range = g_array_index (ranges, struct ptn_uid_range, i);
    if (range.last > told->count) {
      g_array_unref (uids);
      return NULL;
    }
    append_places (uids, told, range.first - 1, range.last - 1);
  }
  return uids;
}

GArray *
selected_uids (struct session *s, const struct sequence_set *set, bool uid) {
  const struct ptn_view *told = s->selected->told;
  if (set->saved)
    return s->selected->saved ? g_array_ref (s->selected->saved)
                              : g_array_new (FALSE, FALSE, sizeof (struct ptn_uid_range));
  uint32_t largest = uid ? (told->count ? told->uid[told->count - 1] : 0) : told->count;
  g_autoptr (GArray) ranges = sequence_set_ranges (set, largest);
  GArray *uids = uid ? by_uid (told, ranges) : by_number (told, ranges);
  if (!uids)
    answer_bad (s, "a message number that is not there");
  return uids;
}

void
put_fetch (struct session *s, uint32_t number, uint32_t uid_of_it, bool uid) {
  struct writer *w = &s->out;
  bool only = s->enabled & ENABLED_UIDONLY;
  PUT (w, "* ");
  put_number (w, only ? uid_of_it : number);
  if (only)
    PUT (w, " UIDFETCH (");
  else if (uid) {
    PUT (w, " FETCH (UID ");
    put_number (w, uid_of_it);
    put_char (w, ' ');
  } else
    PUT (w, " FETCH (");
}

void
condstore_enable (struct session *s) {
  if (s->enabled & ENABLED_CONDSTORE)
    return;
  s->enabled |= ENABLED_CONDSTORE;
  if (s->selected)
    put_format (&s->out, "* OK [HIGHESTMODSEQ %" G_GUINT64_FORMAT "] the latest change\r\n",
                MAX (s->selected->told->modseq, 1));
}

void
answer_modseq (struct session *s, const char *code, const char *text) {
  g_autofree char *modseq =
      s->enabled & ENABLED_QRESYNC && !s->selected->mixed
          ? g_strdup_printf ("HIGHESTMODSEQ %" G_GUINT64_FORMAT, MAX (s->selected->told->modseq, 1))
          : NULL;
  answer_ok (s, code ? code : modseq, text);
}
