/* SPDX-License-Identifier: Apache-2.0 */
/* report.c - telling the client what changed in its mailbox since it was told last
 * (RFC 9051 section 5.2). */
#include "selected/selected.h"

/* From behind, so that the numbers of those that follow stay right. */
static void
tell_expunges (struct session *s, const struct ptn_view *told, const struct ptn_view *now) {
  uint32_t j = now->count;
  for (uint32_t i = told->count; i-- > 0;) {
    while (j > 0 && now->uid[j - 1] > told->uid[i])
      j--;
    if (j == 0 || now->uid[j - 1] != told->uid[i])
      put_format (&s->out, "* %u EXPUNGE\r\n", i + 1);
  }
}

static void
tell_flags (struct session *s, const struct ptn_view *told, const struct ptn_view *now) {
  for (uint32_t i = 0; i < now->count; i++) {
    if (now->message_modseq[i] <= told->modseq)
      continue;
    if (view_find (told, now->uid[i], NULL) == told->count)
      continue;
    put_format (&s->out, "* %u FETCH (UID %u FLAGS ", i + 1, now->uid[i]);
    put_flags (s, &s->out, now, now->uid[i], now->flags[i]);
    PUT (&s->out, ")\r\n");
  }
}

static bool
has_expunges (const struct ptn_view *told, const struct ptn_view *now) {
  return told->count > now->count
         || (told->count && memcmp (told->uid, now->uid, told->count * sizeof *told->uid) != 0);
}

ptn_status
selected_report (struct session *s, bool expunges) {
  struct selected *selected = s->selected;
  const struct ptn_store *store = s->imap4->store;
  const struct ptn_view *now, *told = selected->told;
  ptn_status status = store->view (s->user->account, &s->call, &selected->mailbox, &now);
  if (status == PTN_PENDING)
    return status;
  s->imap4->host->call_end (&s->call);
  if (status != PTN_OK) {
    untagged (s, "BYE the mailbox is gone");
    session_logout (s);
    return PTN_OK;
  }
  if (now->modseq == told->modseq || (!expunges && has_expunges (told, now))) {
    store->release_view (now);
    return PTN_OK;
  }
  tell_expunges (s, told, now);
  if (now->count != told->count)
    put_format (&s->out, "* %u EXISTS\r\n", now->count);
  tell_flags (s, told, now);
  store->release_view (told);
  selected->told = now;
  return PTN_OK;
}
