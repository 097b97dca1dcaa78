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

static void
tell_gone (struct session *s, const struct ptn_view *told, const GArray *gone) {
  struct writer *w = &s->out;
  if (s->enabled & (ENABLED_QRESYNC | ENABLED_UIDONLY)) {
    g_autoptr (GArray) uids = g_array_new (FALSE, FALSE, sizeof (struct ptn_uid_range));
    for (guint i = 0; i < gone->len; i++)
      set_append (uids, told->uid[g_array_index (gone, uint32_t, i)]);
    PUT (w, "* VANISHED ");
    put_uid_set (w, SET_OF (uids));
    PUT (w, "\r\n");
    return;
  }
  /* From behind, so that the numbers of those that follow stay right. */
  for (guint i = gone->len; i-- > 0;) {
    PUT (w, "* ");
    put_number (w, g_array_index (gone, uint32_t, i) + 1);
    PUT (w, " EXPUNGE\r\n");
  }
}

/* Has STORE shown this already? */
static bool
answered (const struct selected *selected, uint32_t uid, uint64_t modseq) {
  return selected->answered && modseq <= selected->answered_modseq
         && set_contains (SET_OF (selected->answered), uid);
}

static void
tell_changed (struct session *s, const struct ptn_view *now, const GArray *changed, bool numbers) {
  const struct selected *selected = s->selected;
  const struct ptn_view *told = selected->told;
  bool condstore = s->enabled & ENABLED_CONDSTORE;
  bool with_uid = s->uid || s->enabled & ENABLED_QRESYNC;
  for (guint i = 0; i < changed->len; i++) {
    struct changed place = g_array_index (changed, struct changed, i);
    uint32_t uid = now->uid[place.now];
    uint64_t modseq = now->message_modseq[place.now];
    if (answered (selected, uid, modseq)
        || (!condstore && now->flags[place.now] == told->flags[place.told]))
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

/* All of the difference; messages that are gone only if `expunges`.  Takes `now` over. */
static void
tell (struct session *s, const struct ptn_view *now, struct difference *d, bool expunges) {
  struct selected *selected = s->selected;
  const struct ptn_view *told = selected->told;
  bool hold = d->gone && !expunges;
  uint32_t count = now->count + (hold ? d->gone->len : 0);
  if (d->gone && expunges) {
    contexts_gone (s, d->gone);
    tell_gone (s, told, d->gone);
  }
  note_changes (s, now, d);
  if (d->fresh)
    put_format (&s->out, "* %u EXISTS\r\n", count);
  if (now->keywords.count > selected->told_keywords)
    tell_flag_names (s, now);
  if (d->changed && wants_flags (s))
    tell_changed (s, now, d->changed, hold);
  if (d->fresh && !selected->fresh_from)
    selected->fresh_from = now->uid[now->count - d->fresh];
  selected->claiming = d->fresh && !selected->read_only && !(s->enabled & ENABLED_REV2);
  if (hold)
    selected_tell (s, view_mix (told, now, d), true);
  else
    selected_tell (s, now, false);
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

static void
report_done (struct selected *selected) {
  g_clear_pointer (&selected->answered, g_array_unref);
}

ptn_status
selected_report (struct session *s, bool expunges) {
  struct selected *selected = s->selected;
  const struct ptn_store *store = s->imap4->store;
  const struct ptn_view *now, *told = selected->told;
  if (selected->claiming || contexts_due (s)) {
    ptn_status due = selected->claiming ? claim (s) : PTN_OK;
    return due == PTN_OK ? contexts_update (s) : due;
  }
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
  if (now == told || (selected->mixed && !expunges && now == view_mixed_from (told)))
    store->release_view (now);
  else {
    struct difference *d =
        difference_between (s->imap4->differences, &selected->mailbox, told, now, !selected->mixed);
    tell (s, now, d, expunges);
    difference_unref (d);
  }
  report_done (selected);
  status = selected->claiming ? claim (s) : PTN_OK;
  return status == PTN_OK ? contexts_update (s) : status;
}
