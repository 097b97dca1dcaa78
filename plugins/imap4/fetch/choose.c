/* SPDX-License-Identifier: Apache-2.0 */
/* choose.c - CHANGEDSINCE and VANISHED (RFC 7162), PARTIAL (RFC 9394). */
#include "common/uid_set.h"
#include "fetch/messages.h"

static void
leave_changed (const struct ptn_view *told, struct fetch *f) {
  GArray *changed = g_array_new (FALSE, FALSE, sizeof (struct ptn_uid_range));
  for (guint i = 0; i < f->uids->len; i++) {
    struct ptn_uid_range range = g_array_index (f->uids, struct ptn_uid_range, i);
    uint32_t place;
    view_find (told, range.first, &place);
    for (; place < told->count && told->uid[place] <= range.last; place++)
      if (told->message_modseq[place] > f->program.changed_since)
        set_append (changed, told->uid[place]);
  }
  g_array_unref (f->uids);
  f->uids = changed;
}

/* How many messages they are. */
static uint64_t
count_messages (const struct ptn_view *told, const GArray *uids) {
  uint64_t count = 0;
  for (guint i = 0; i < uids->len; i++) {
    struct ptn_uid_range range = g_array_index (uids, struct ptn_uid_range, i);
    uint32_t first, end = told->count;
    view_find (told, range.first, &first);
    if (range.last < UINT32_MAX)
      view_find (told, range.last + 1, &end);
    count += end - first;
  }
  return count;
}

static void
leave_places (const struct ptn_view *told, struct fetch *f, uint64_t from, uint64_t to) {
  GArray *kept = g_array_new (FALSE, FALSE, sizeof (struct ptn_uid_range));
  uint64_t at = 0;
  for (guint i = 0; i < f->uids->len && at < to; i++) {
    struct ptn_uid_range range = g_array_index (f->uids, struct ptn_uid_range, i);
    uint32_t place;
    view_find (told, range.first, &place);
    for (; place < told->count && told->uid[place] <= range.last && at < to; place++)
      if (++at >= from)
        set_append (kept, told->uid[place]);
  }
  g_array_unref (f->uids);
  f->uids = kept;
}

void
fetch_choose (struct session *s, struct fetch *f) {
  const struct ptn_view *told = s->selected->told;
  const struct program *program = &f->program;
  if (program->has_changed_since)
    leave_changed (told, f);
  if (!program->partial)
    return;
  int64_t count = (int64_t)count_messages (told, f->uids);
  int64_t from = program->from > 0 ? program->from : MAX (count + 1 + program->from, 1);
  int64_t to = program->to > 0 ? program->to : MAX (count + 1 + program->to, 0);
  leave_places (told, f, (uint64_t)from, (uint64_t)to);
}

GArray *
fetch_asked_uids (struct session *s, const struct sequence_set *set) {
  const struct ptn_view *told = s->selected->told;
  if (set->saved)
    return s->selected->saved ? g_array_ref (s->selected->saved)
                              : g_array_new (FALSE, FALSE, sizeof (struct ptn_uid_range));
  return sequence_set_ranges (set, told->count ? told->uid[told->count - 1] : 1);
}

/* Adds to `out` the UIDs first..last that are not in the view. */
static void
add_missing (const struct ptn_view *told, GArray *out, uint32_t first, uint32_t last) {
  uint32_t place;
  view_find (told, first, &place);
  for (; first <= last; place++) {
    struct ptn_uid_range gap = { first, last };
    if (place < told->count && told->uid[place] <= last)
      gap.last = told->uid[place] - 1;
    if (gap.first <= gap.last)
      g_array_append_val (out, gap);
    if (gap.last == last || told->uid[place] == UINT32_MAX)
      return;
    first = told->uid[place] + 1;
  }
}

/* Those that the client has not been told of yet are told at the end of the command: here they would
 * not take numbers away. */
static void
tell_vanished (struct session *s, struct ptn_uid_set gone) {
  g_autoptr (GArray) told = g_array_new (FALSE, FALSE, sizeof (struct ptn_uid_range));
  for (size_t i = 0; i < gone.count; i++)
    add_missing (s->selected->told, told, gone.ranges[i].first, gone.ranges[i].last);
  if (!told->len)
    return;
  PUT (&s->out, "* VANISHED (EARLIER) ");
  put_uid_set (&s->out, SET_OF (told));
  PUT (&s->out, "\r\n");
}

/* Nothing is known of that time: all that are named, are not there, and may have been. */
static void
tell_all_missing (struct session *s, struct fetch *f) {
  uint32_t largest = selected_last_uid (s->selected);
  g_autoptr (GArray) gone = g_array_new (FALSE, FALSE, sizeof (struct ptn_uid_range));
  for (guint i = 0; i < f->vanished->len; i++) {
    struct ptn_uid_range range = g_array_index (f->vanished, struct ptn_uid_range, i);
    range.last = MIN (range.last, largest);
    if (range.first <= range.last)
      g_array_append_val (gone, range);
  }
  tell_vanished (s, SET_OF (gone));
}

ptn_status
fetch_vanished (struct session *s) {
  struct fetch *f = s->work;
  struct ptn_uid_set gone = { 0 };
  f->vanished_set = SET_OF (f->vanished);
  ptn_status status = s->imap4->store->vanished (s->user->account, &f->call, &s->selected->mailbox,
                                                 f->program.changed_since, &f->vanished_set, &gone);
  if (status == PTN_PENDING)
    return status;
  if (status == PTN_OK)
    tell_vanished (s, gone);
  else if (status == PTN_E_EXPIRED)
    tell_all_missing (s, f);
  s->imap4->host->call_end (&f->call);
  if (status != PTN_OK && status != PTN_E_EXPIRED)
    answer_failure (s, status, "what vanished cannot be told now");
  else
    s->resume = fetch_messages;
  return PTN_OK;
}
