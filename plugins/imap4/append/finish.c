/* SPDX-License-Identifier: Apache-2.0 */
/* finish.c - the end of APPEND and REPLACE: commit, annotations, APPENDUID. */
#include "append/append.h"
#include "common/rights.h"
#include "common/uid_set.h"
#include "selected/selected.h"

/* UIDs of all messages, in their order; they ascend. */
static GArray *
uids_of (struct session *s, uint32_t *uidvalidity) {
  struct append *a = append_of (s);
  GArray *uids = g_array_new (FALSE, FALSE, sizeof (struct ptn_uid_range));
  for (uint32_t step = 0; step < a->messages; step++) {
    const struct ptn_outcome *outcome;
    if (s->imap4->store->outcome (a->change, step, &outcome) != PTN_OK)
      continue;
    *uidvalidity = outcome->uidvalidity;
    for (size_t i = 0; i < outcome->uids.count; i++)
      for (uint32_t uid = outcome->uids.ranges[i].first; uid <= outcome->uids.ranges[i].last; uid++)
        set_append (uids, uid);
  }
  return uids;
}

/* RFC 4315 section 3; RFC 8508 section 4: of REPLACE before the EXPUNGE. */
static ptn_status
answer (struct session *s) {
  struct append *a = append_of (s);
  uint32_t uidvalidity = 0;
  g_autoptr (GArray) uids = uids_of (s, &uidvalidity);
  struct writer code = { 0 };
  put_format (&code, "APPENDUID %u ", uidvalidity);
  put_uid_set (&code, SET_OF (uids));
  put_char (&code, 0);
  if (a->replace) {
    put_format (&s->out, "* OK [%s] the new message\r\n", code.data);
    answer_ok (s, NULL, "REPLACE completed");
  } else
    answer_ok (s, uids->len && a->rights & RIGHT_R ? code.data : NULL, "APPEND completed");
  writer_clear (&code);
  return PTN_OK;
}

/* --- annotations: a message has no UID before it is there, so they are a change of their own ------- */

static uint32_t
nth_uid (const GArray *uids, uint32_t n) {
  for (guint i = 0; i < uids->len; i++) {
    struct ptn_uid_range range = g_array_index (uids, struct ptn_uid_range, i);
    if (n <= range.last - range.first)
      return range.first + n;
    n -= range.last - range.first + 1;
  }
  return 0;
}

static ptn_status
annotate (struct session *s) {
  struct append *a = append_of (s);
  const struct ptn_store *store = s->imap4->store;
  uint32_t uidvalidity;
  ptn_status status = PTN_OK;
  if (!a->uids)
    a->uids = uids_of (s, &uidvalidity);
  while (a->annotated < a->annotations->len) {
    const struct append_annotation *one =
        &g_array_index (a->annotations, struct append_annotation, a->annotated);
    uint32_t uid = nth_uid (a->uids, one->message);
    a->range = (struct ptn_uid_range){ uid, uid };
    status = store->annotate (a->annotating, &s->call, &a->id, (struct ptn_uid_set){ &a->range, 1 },
                              one->setting.name, one->setting.value);
    if (status == PTN_PENDING)
      return status;
    s->imap4->host->call_end (&s->call);
    if (status != PTN_OK)
      return answer (s); /* the message is there; a note that cannot be kept is no reason to fail */
    a->annotated++;
    if (s->imap4->host->budget_spent (s->task))
      return PTN_OK;
  }
  status = store->commit (a->annotating, &s->call);
  return status == PTN_PENDING ? status : answer (s);
}

static ptn_status
begin_annotating (struct session *s) {
  struct append *a = append_of (s);
  ptn_status status = s->imap4->store->begin (s->user->account, &s->call, NULL, &a->annotating);
  if (status == PTN_PENDING)
    return status;
  s->imap4->host->call_end (&s->call);
  if (status != PTN_OK)
    return answer (s);
  s->resume = annotate;
  return PTN_OK;
}

/* --- the change -------------------------------------------------------------------------------------- */

static ptn_status
commit (struct session *s) {
  struct append *a = append_of (s);
  ptn_status status = s->imap4->store->commit (a->change, &s->call);
  if (status == PTN_PENDING)
    return status;
  if (status != PTN_OK)
    return append_fail (s, status, "the message cannot be stored");
  s->imap4->host->call_end (&s->call);
  if (a->annotations->len) {
    s->resume = begin_annotating;
    return PTN_OK;
  }
  return answer (s);
}

ptn_status
append_commit (struct session *s) {
  struct append *a = append_of (s);
  if (a->replace) {
    a->range = (struct ptn_uid_range){ a->victim, a->victim };
    ptn_status status = s->imap4->store->expunge (a->change, &s->call, &s->selected->mailbox,
                                                  (struct ptn_uid_set){ &a->range, 1 }, 0);
    if (status == PTN_PENDING)
      return status;
    s->imap4->host->call_end (&s->call);
    if (status != PTN_OK)
      return append_fail (s, status, "the message cannot be replaced");
  }
  s->resume = commit;
  return PTN_OK;
}
