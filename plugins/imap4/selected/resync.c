/* SPDX-License-Identifier: Apache-2.0 */
/* resync.c - SELECT (QRESYNC (...)): what a client that was here before has missed (RFC 7162
 * section 3.2.5). */
#include "common/uid_set.h"
#include "selected/params.h"
#include "selected/selected.h"

/* Up to which UID does the client's idea of numbers and UIDs agree with ours?  What it has expunged
 * of those before need not be told when nothing is known of that time. */
static uint32_t
matched (const struct ptn_view *told, const struct select_params *params) {
  const struct sequence_set *numbers = &params->numbers, *uids = &params->uids;
  uint32_t best = 0;
  size_t i = 0, j = 0;
  uint32_t in_i = 0, in_j = 0;
  while (i < numbers->count && j < uids->count) {
    uint32_t number = numbers->ranges[i].first + in_i, uid = uids->ranges[j].first + in_j;
    if (number > told->count || told->uid[number - 1] != uid)
      break;
    best = uid;
    if (number >= numbers->ranges[i].last)
      i++, in_i = 0;
    else
      in_i++;
    if (uid >= uids->ranges[j].last)
      j++, in_j = 0;
    else
      in_j++;
  }
  return best;
}

/* Of first..last, those that are not in the view. */
static void
append_gaps (GArray *gone, const struct ptn_view *told, uint32_t first, uint32_t last) {
  uint32_t place;
  view_find (told, first, &place);
  while (first && first <= last) {
    uint32_t next = place < told->count ? told->uid[place] : UINT32_MAX;
    if (next > first) {
      struct ptn_uid_range range = { first, MIN (last, next - 1) };
      g_array_append_val (gone, range);
    }
    if (next >= last)
      return;
    first = next + 1;
    place++;
  }
}

static GArray *
known_uids (const struct selected *selected, const struct select_params *params) {
  if (params->known.count)
    return sequence_set_ranges (&params->known, UINT32_MAX);
  GArray *all = g_array_new (FALSE, FALSE, sizeof (struct ptn_uid_range));
  struct ptn_uid_range range = { 1, selected_last_uid (selected) };
  if (range.last)
    g_array_append_val (all, range);
  return all;
}

static void
put_vanished (struct session *s, struct ptn_uid_set gone) {
  if (!gone.count)
    return;
  PUT (&s->out, "* VANISHED (EARLIER) ");
  put_uid_set (&s->out, gone);
  PUT (&s->out, "\r\n");
}

/* Nothing is known of that time: all of the client's UIDs that are not there (any more). */
static void
vanished_by_gaps (struct session *s, const struct select_params *params) {
  const struct ptn_view *told = s->selected->told;
  g_autoptr (GArray) known = known_uids (s->selected, params);
  g_autoptr (GArray) gone = g_array_new (FALSE, FALSE, sizeof (struct ptn_uid_range));
  uint32_t agreed = matched (told, params);
  for (guint i = 0; i < known->len; i++) {
    struct ptn_uid_range range = g_array_index (known, struct ptn_uid_range, i);
    if (range.last > agreed)
      append_gaps (gone, told, MAX (range.first, agreed + 1), range.last);
  }
  put_vanished (s, SET_OF (gone));
}

static ptn_status
tell_vanished (struct session *s, const struct select_params *params) {
  const struct ptn_store *store = s->imap4->store;
  struct ptn_uid_set gone = { 0 };
  ptn_status status = PTN_E_EXPIRED;
  g_autoptr (GArray) known = NULL;
  if (PTN_CAN (store, vanished) && params->known.count) {
    /* The set must stay where it is while the call is PENDING: the view of the whole, then cut. */
    known = sequence_set_ranges (&params->known, UINT32_MAX);
  }
  if (PTN_CAN (store, vanished))
    status = store->vanished (s->user->account, &s->call, &s->selected->mailbox, params->modseq,
                              NULL, &gone);
  if (status == PTN_PENDING)
    return status;
  if (status != PTN_OK)
    vanished_by_gaps (s, params);
  else if (!known)
    put_vanished (s, gone);
  else {
    g_autoptr (GArray) both = set_intersection (SET_OF (known), gone);
    put_vanished (s, SET_OF (both));
  }
  s->imap4->host->call_end (&s->call);
  return PTN_OK;
}

ptn_status
resync (struct session *s, const struct select_params *params, uint32_t *place, bool *vanished) {
  const struct ptn_view *told = s->selected->told;
  if (params->uidvalidity != s->selected->uidvalidity)
    return PTN_OK;
  if (!*vanished) {
    ptn_status status = tell_vanished (s, params);
    if (status != PTN_OK)
      return status;
    *vanished = true;
  }
  g_autoptr (GArray) known = known_uids (s->selected, params);
  for (; *place < told->count; ++*place) {
    uint32_t uid = told->uid[*place];
    if (told->message_modseq[*place] <= params->modseq || !set_contains (SET_OF (known), uid))
      continue;
    ptn_status status = session_room (s);
    if (status != PTN_OK)
      return status;
    put_fetch (s, *place + 1, uid, true);
    PUT (&s->out, "FLAGS ");
    put_flags (s, &s->out, told, uid, told->flags[*place]);
    PUT (&s->out, " MODSEQ (");
    put_number (&s->out, told->message_modseq[*place]);
    PUT (&s->out, "))\r\n");
  }
  return PTN_OK;
}
