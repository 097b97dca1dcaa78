/* SPDX-License-Identifier: Apache-2.0 */
/* leave.c - CLOSE, UNSELECT, CHECK, EXPUNGE, UID EXPUNGE (RFC 9051 section 6.4, RFC 4315). */
#include "commands.h"
#include "common/rights.h"
#include "common/uid_set.h"
#include "selected/limit.h"
#include "selected/selected.h"

enum expunge_stage { EXPUNGE_BEGIN, EXPUNGE_STEP, EXPUNGE_COMMIT, EXPUNGE_DONE };

struct expunging {
  enum expunge_stage stage;
  struct ptn_change *change;
  GArray *uids;
};

static void
expunging_free (struct session *s, void *work) {
  struct expunging *expunging = work;
  if (expunging->change)
    s->imap4->store->end (expunging->change);
  if (expunging->uids)
    g_array_unref (expunging->uids);
  g_free (expunging);
}

static ptn_status
expunge_stage (struct session *s, struct expunging *expunging) {
  const struct ptn_store *store = s->imap4->store;
  switch (expunging->stage) {
  case EXPUNGE_BEGIN:
    return store->begin (s->user->account, &s->call, NULL, &expunging->change);
  case EXPUNGE_STEP:
    return store->expunge (expunging->change, &s->call, &s->selected->mailbox,
                           SET_OF (expunging->uids), 1);
  case EXPUNGE_COMMIT:
    return store->commit (expunging->change, &s->call);
  case EXPUNGE_DONE:
    break;
  }
  return PTN_OK;
}

/* Of the messages in uids those with \Deleted.  PTN_OK: they are gone. */
static ptn_status
expunge (struct session *s) {
  struct expunging *expunging = s->work;
  while (expunging->stage != EXPUNGE_DONE) {
    ptn_status status = expunge_stage (s, expunging);
    if (status == PTN_PENDING)
      return status;
    if (status != PTN_OK)
      return status;
    s->imap4->host->call_end (&s->call);
    expunging->stage++;
  }
  return PTN_OK;
}

/* RFC 9051 section 6.4.3: "all messages that have the \Deleted flag set"; NULL: that. */
static void
begin_expunge (struct session *s, GArray *uids, ptn_status (*resume) (struct session *)) {
  struct expunging *expunging = g_new0 (struct expunging, 1);
  struct ptn_uid_range all = { 1, UINT32_MAX };
  if (!uids) {
    uids = g_array_new (FALSE, FALSE, sizeof all);
    g_array_append_val (uids, all);
  }
  expunging->uids = uids;
  s->work = expunging;
  s->work_free = expunging_free;
  s->resume = resume;
}

static ptn_status
tell_expunged (struct session *s) {
  ptn_status status = selected_report (s, true);
  if (status == PTN_OK && s->selected)
    answer_modseq (s, NULL, "EXPUNGE completed");
  return status;
}

static ptn_status
expunge_and_tell (struct session *s) {
  ptn_status status = expunge (s);
  if (status == PTN_PENDING)
    return status;
  if (status != PTN_OK)
    answer_failure (s, status, "the messages could not be expunged");
  else
    s->resume = tell_expunged;
  return PTN_OK;
}

void
command_expunge (struct session *s, struct reader *r) {
  struct sequence_set set = { 0 };
  GArray *uids = NULL;
  if ((s->uid && (!reader_space (r) || !reader_sequence_set (r, &set))) || !reader_end (r)) {
    sequence_set_clear (&set);
    answer_syntax (s, r);
    return;
  }
  if (s->uid)
    uids = limit_uids (s, selected_uids (s, &set, true));
  sequence_set_clear (&set);
  if (s->selected->read_only) {
    if (uids)
      g_array_unref (uids);
    answer_no (s, "READ-ONLY", "the mailbox is open for reading only");
    return;
  }
  if (!(s->selected->rights & RIGHT_E)) {
    if (uids)
      g_array_unref (uids);
    answer_no (s, "NOPERM", "the right to expunge is not there");
    return;
  }
  begin_expunge (s, uids, expunge_and_tell);
}

static ptn_status
close_mailbox (struct session *s) {
  /* What may not be expunged, or cannot now, stays; the mailbox is closed all the same. */
  ptn_status status = s->work ? expunge (s) : PTN_OK;
  if (status == PTN_PENDING)
    return status;
  uint64_t modseq = MAX (s->selected->told->modseq, 1);
  selected_free (s);
  s->state = STATE_AUTHENTICATED;
  if (status == PTN_OK || status == PTN_E_NOT_FOUND || status == PTN_E_DENIED) {
    /* RFC 7162 section 3.2.8: no greater than what the client has been told. */
    g_autofree char *code = s->work && s->enabled & ENABLED_QRESYNC
                                ? g_strdup_printf ("HIGHESTMODSEQ %" G_GUINT64_FORMAT, modseq)
                                : NULL;
    answer_ok (s, code, "CLOSE completed");
  } else
    answer_failure (s, status, "closed, but the deleted messages could not be expunged");
  return PTN_OK;
}

void
command_close (struct session *s, struct reader *r) {
  if (!reader_end (r)) {
    answer_syntax (s, r);
    return;
  }
  if (s->selected->read_only || !(s->selected->rights & RIGHT_E))
    s->resume = close_mailbox;
  else
    begin_expunge (s, NULL, close_mailbox);
}

void
command_unselect (struct session *s, struct reader *r) {
  if (!reader_end (r)) {
    answer_syntax (s, r);
    return;
  }
  selected_free (s);
  s->state = STATE_AUTHENTICATED;
  answer_ok (s, NULL, "UNSELECT completed");
}

void
command_check (struct session *s, struct reader *r) {
  if (!reader_end (r))
    answer_syntax (s, r);
  else
    answer_ok (s, NULL, "CHECK completed");
}
