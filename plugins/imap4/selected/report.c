/* SPDX-License-Identifier: Apache-2.0 */
/* report.c - telling the client what changed in its mailbox since it was told last
 * (RFC 9051 section 5.2 and 7.5.1, RFC 7162 section 3.2.10, RFC 9586).
 *
 * Where numbers must stay, messages that are gone stay in `told`; that flags changed and that messages
 * came can be told all the same. */
#include "common/uid_set.h"
#include "search/context.h"
#include "selected/merge.h"
#include "selected/notify.h"
#include "selected/selected.h"

/* A report that is being written: a client that does not read leaves it half done. */
struct telling {
  const struct ptn_view *now;
  struct difference *d;
  bool expunges;      /* those that are gone may be told */
  bool begun;         /* all but flags is told */
  guint gone_left;    /* EXPUNGEs that are still to be told */
  guint changed_next; /* the next one whose flags are to be told */
};

void
report_free (struct session *s, struct telling *telling) {
  if (!telling)
    return;
  if (telling->now)
    s->imap4->store->release_view (telling->now);
  difference_unref (telling->d);
  g_free (telling);
}

static void
tell_vanished (struct session *s, const struct ptn_view *told, const GArray *gone) {
  g_autoptr (GArray) uids = g_array_new (FALSE, FALSE, sizeof (struct ptn_uid_range));
  for (guint i = 0; i < gone->len; i++)
    set_append (uids, told->uid[g_array_index (gone, uint32_t, i)]);
  PUT (&s->out, "* VANISHED ");
  put_uid_set (&s->out, SET_OF (uids));
  PUT (&s->out, "\r\n");
}

/* From behind, so that the numbers of those that follow stay right. */
static ptn_status
tell_expunges (struct session *s, struct telling *telling) {
  struct writer *w = &s->out;
  for (; telling->gone_left; telling->gone_left--) {
    ptn_status status = session_room (s);
    if (status != PTN_OK)
      return status;
    PUT (w, "* ");
    put_number (w, g_array_index (telling->d->gone, uint32_t, telling->gone_left - 1) + 1);
    PUT (w, " EXPUNGE\r\n");
  }
  return PTN_OK;
}

void
selected_answers (struct session *s, const GArray *uids, uint64_t modseq) {
  struct selected *selected = s->selected;
  g_autoptr (GArray) before = g_steal_pointer (&selected->answered); /* no report came in between */
  struct ptn_uid_set none = { 0 };
  selected->answered_modseq = before ? MIN (selected->answered_modseq, modseq) : modseq;
  selected->answered = set_union (before ? SET_OF (before) : none, SET_OF (uids));
}

/* What changed, if it was not the flags, are annotations (RFC 5257 section 4.3, RFC 5465 section
 * 5.1): they are fetched when this report is told. */
static bool
wants_annotations (const struct session *s) {
  const struct notify_group *group = notify_selected (s);
  return s->selected->annotate || (group && group->events & NOTIFY_ANNOTATION_CHANGE);
}

static void
note_annotated (struct session *s, uint32_t uid) {
  struct selected *selected = s->selected;
  if (!wants_annotations (s))
    return;
  if (!selected->annotated)
    selected->annotated = g_array_new (FALSE, FALSE, sizeof (struct ptn_uid_range));
  const struct ptn_uid_range *last =
      selected->annotated->len
          ? &g_array_index (selected->annotated, struct ptn_uid_range, selected->annotated->len - 1)
          : NULL;
  if (!last || last->last < uid) /* of two reports in a row the first is enough to be looked at */
    set_append (selected->annotated, uid);
}

static ptn_status
tell_changed (struct session *s, struct telling *telling) {
  const struct selected *selected = s->selected;
  const struct ptn_view *told = selected->told, *now = telling->now;
  const GArray *changed = telling->d->changed;
  bool condstore = s->enabled & ENABLED_CONDSTORE;
  bool with_uid = s->uid || s->enabled & ENABLED_QRESYNC;
  bool numbers = telling->d->gone && !telling->expunges; /* as they were */
  for (; telling->changed_next < changed->len; telling->changed_next++) {
    struct changed place = g_array_index (changed, struct changed, telling->changed_next);
    uint32_t uid = now->uid[place.now];
    uint64_t modseq = now->message_modseq[place.now];
    /* Then the client knows other flags than those of `told`: what became of them is always told. */
    bool answered = selected->answered && set_contains (SET_OF (selected->answered), uid);
    bool same = !answered && now->flags[place.now] == told->flags[place.told];
    if ((answered && modseq <= selected->answered_modseq)
        || (same && !condstore && !wants_annotations (s)))
      continue;
    ptn_status status = session_room (s);
    if (status != PTN_OK)
      return status;
    if (same || answered)
      note_annotated (s, uid);
    if (same && !condstore)
      continue;
    put_fetch (s, (numbers ? place.told : place.now) + 1, uid, with_uid);
    PUT (&s->out, "FLAGS ");
    put_flags (s, &s->out, now, uid, now->flags[place.now]);
    if (condstore) {
      PUT (&s->out, " MODSEQ (");
      put_number (&s->out, modseq);
      put_char (&s->out, ')');
    }
    PUT (&s->out, ")\r\n");
  }
  return PTN_OK;
}

/* Not those of others, if NOTIFY did not ask for them (RFC 5465 section 6.1). */
static bool
wants_flags (const struct session *s) {
  const struct notify_group *group = notify_selected (s);
  return !group || !group->events || group->events & NOTIFY_FLAG_CHANGE;
}

/* Results that are kept up to date (RFC 5267) look at these messages again. */
static void
note_changes (struct session *s, const struct ptn_view *now, const struct difference *d) {
  if (!s->selected->contexts)
    return;
  g_autoptr (GArray) uids = g_array_new (FALSE, FALSE, sizeof (struct ptn_uid_range));
  for (guint i = 0; d->changed && i < d->changed->len; i++)
    set_append (uids, now->uid[g_array_index (d->changed, struct changed, i).now]);
  for (uint32_t i = now->count - d->fresh; i < now->count; i++)
    set_append (uids, now->uid[i]);
  contexts_changed (s, uids);
}

/* What comes before EXPUNGEs, then they, then what comes before the flags. */
static ptn_status
tell_messages (struct session *s, struct telling *telling) {
  struct selected *selected = s->selected;
  struct difference *d = telling->d;
  if (d->gone && telling->expunges && telling->gone_left == d->gone->len) {
    contexts_gone (s, d->gone);
    if (s->enabled & (ENABLED_QRESYNC | ENABLED_UIDONLY)) {
      tell_vanished (s, selected->told, d->gone);
      telling->gone_left = 0;
    }
  }
  ptn_status status = tell_expunges (s, telling);
  if (status != PTN_OK)
    return status;
  note_changes (s, telling->now, d);
  if (d->fresh)
    put_format (&s->out, "* %u EXISTS\r\n",
                telling->now->count + (d->gone && !telling->expunges ? d->gone->len : 0));
  if (telling->now->keywords.count > selected->told_keywords)
    tell_flag_names (s, telling->now);
  telling->begun = true;
  return PTN_OK;
}

/* All of the difference, then it is what the client knows. */
static ptn_status
tell (struct session *s) {
  struct selected *selected = s->selected;
  struct telling *telling = selected->telling;
  struct difference *d = telling->d;
  ptn_status status = telling->begun ? PTN_OK : tell_messages (s, telling);
  if (status == PTN_OK && d->changed && wants_flags (s))
    status = tell_changed (s, telling);
  if (status != PTN_OK)
    return status;
  const struct ptn_view *now = g_steal_pointer (&telling->now);
  if (d->fresh && !selected->fresh_from)
    selected->fresh_from = now->uid[now->count - d->fresh];
  selected->claiming = d->fresh && !selected->read_only && !(s->enabled & ENABLED_REV2);
  if (d->gone && !telling->expunges)
    selected_tell (s, view_mix (selected->told, now, d), true);
  else
    selected_tell (s, now, false);
  g_clear_pointer (&selected->answered, g_array_unref);
  report_free (s, g_steal_pointer (&selected->telling));
  return PTN_OK;
}

/* RFC 3501 section 2.3.2: new messages are \Recent in the first session that hears of them. */
static ptn_status
claim (struct session *s) {
  struct selected *selected = s->selected;
  const struct ptn_store *store = s->imap4->store;
  uint32_t first = UINT32_MAX, place;
  if (PTN_CAN (store, claim_recent)) {
    ptn_status status =
        store->claim_recent (s->user->account, &s->call, &selected->mailbox, &first);
    if (status == PTN_PENDING)
      return status;
    s->imap4->host->call_end (&s->call);
    if (status != PTN_OK)
      first = UINT32_MAX;
  }
  selected->claiming = false;
  view_find (selected->told, first, &place);
  if (place == selected->told->count)
    return PTN_OK;
  selected->recent_from = MIN (selected->recent_from, first);
  view_find (selected->told, selected->recent_from, &place);
  put_format (&s->out, "* %u RECENT\r\n", selected->told->count - place);
  return PTN_OK;
}

static void
mailbox_is_gone (struct session *s) {
  untagged (s, "BYE the selected mailbox is gone");
  session_logout (s);
}

/* Compares what is with what the client knows.  PTN_OK: selected->telling, if they differ. */
static ptn_status
compare (struct session *s, bool expunges) {
  struct selected *selected = s->selected;
  const struct ptn_store *store = s->imap4->store;
  const struct ptn_view *now, *told = selected->told;
  ptn_status status = store->view (s->user->account, &s->call, &selected->mailbox, &now);
  if (status == PTN_PENDING)
    return status;
  s->imap4->host->call_end (&s->call);
  if (status != PTN_OK) {
    if (status == PTN_E_NOT_FOUND || status == PTN_E_DENIED)
      mailbox_is_gone (s);
    return PTN_OK;
  }
  if (s->enabled & ENABLED_UIDONLY)
    expunges = true;
  if (now == told || (selected->mixed && !expunges && now == view_mixed_from (told))) {
    store->release_view (now);
    g_clear_pointer (&selected->answered, g_array_unref);
    return PTN_OK;
  }
  struct telling *telling = g_new0 (struct telling, 1);
  telling->now = now;
  telling->d =
      difference_between (s->imap4->differences, &selected->mailbox, told, now, !selected->mixed);
  telling->expunges = expunges;
  telling->gone_left = telling->d->gone && expunges ? telling->d->gone->len : 0;
  selected->telling = telling;
  return PTN_OK;
}

ptn_status
selected_report (struct session *s, bool expunges) {
  struct selected *selected = s->selected;
  ptn_status status = PTN_OK;
  if (!selected->telling && !selected->claiming && !contexts_due (s))
    status = compare (s, expunges);
  if (status == PTN_OK && selected->telling)
    status = tell (s);
  if (status != PTN_OK)
    return status;
  if (selected->claiming)
    status = claim (s);
  return status == PTN_OK ? contexts_update (s) : status;
}
