/* SPDX-License-Identifier: Apache-2.0 */
/* copy.c - COPY, UID COPY (RFC 9051 section 6.4.7), MOVE, UID MOVE (RFC 6851), with COPYUID
 * (RFC 4315): all of the messages, or none.
 *
 * A message that is gone cannot be copied: by number that is NO (RFC 2180 section 4.4.1), by UID it is
 * passed over. */
#include "commands.h"
#include "common/rights.h"
#include "common/uid_set.h"
#include "mailbox/gather.h"
#include "mailbox/names.h"
#include "selected/limit.h"
#include "selected/selected.h"

enum stage { STAGE_TARGET, STAGE_VIEW, STAGE_BEGIN, STAGE_STEP, STAGE_COMMIT, STAGE_DONE };

struct copying {
  enum stage stage;
  const char *name;
  bool move;
  GArray *uids;
  struct ptn_id target;
  struct gather *listing; /* where the target cannot be read */
  const struct ptn_view *now;
  struct ptn_change *change;
};

static void
copying_free (struct session *s, void *work) {
  struct copying *copying = work;
  if (copying->change)
    s->imap4->store->end (copying->change);
  if (copying->now)
    s->imap4->store->release_view (copying->now);
  if (copying->uids)
    g_array_unref (copying->uids);
  gather_free (s, copying->listing);
  g_free (copying);
}

static bool
all_there (const struct copying *copying) {
  const struct ptn_view *now = copying->now;
  for (guint i = 0; i < copying->uids->len; i++) {
    struct ptn_uid_range range = g_array_index (copying->uids, struct ptn_uid_range, i);
    uint32_t place;
    view_find (now, range.first, &place);
    uint64_t last = (uint64_t)place + (range.last - range.first);
    if (last >= now->count || now->uid[place] != range.first || now->uid[last] != range.last)
      return false;
  }
  return true;
}

/* Who may not read it may add to it all the same (RFC 4314 section 4): the list tells what it is. */
static ptn_status
find_in_list (struct session *s, struct copying *copying) {
  ptn_status status = gather_run (s, copying->listing);
  if (status != PTN_OK)
    return status;
  const GArray *rows = gather_rows (copying->listing);
  for (guint i = 0; i < rows->len; i++) {
    const struct mailbox_row *row = &g_array_index (rows, struct mailbox_row, i);
    if (strcmp (row->name, copying->name) != 0 || row->kind & (ROW_MISSING | ROW_NOSELECT)
        || !(row->rights & RIGHT_I))
      continue;
    copying->target = row->id;
    return PTN_OK;
  }
  return PTN_E_DENIED;
}

static ptn_status
find_target (struct session *s, struct copying *copying) {
  const struct ptn_mailbox *row;
  if (copying->listing)
    return find_in_list (s, copying);
  ptn_status status = mailbox_status (s, copying->name, &row);
  if (status == PTN_E_DENIED) {
    s->imap4->host->call_end (&s->call);
    copying->listing = gather_new (GATHER_OTHERS | GATHER_PUBLIC, "");
    return find_in_list (s, copying);
  }
  if (status != PTN_OK)
    return status;
  if (row->attributes & PTN_MAILBOX_NOSELECT)
    return PTN_E_NOT_FOUND;
  copying->target = row->id;
  return PTN_OK;
}

static ptn_status
do_stage (struct session *s, struct copying *copying) {
  const struct ptn_store *store = s->imap4->store;
  switch (copying->stage) {
  case STAGE_TARGET:
    return find_target (s, copying);
  case STAGE_VIEW:
    return s->uid ? PTN_OK
                  : store->view (s->user->account, &s->call, &s->selected->mailbox, &copying->now);
  case STAGE_BEGIN:
    return store->begin (s->user->account, &s->call, NULL, &copying->change);
  case STAGE_STEP:
    return store->copy (copying->change, &s->call, &s->selected->mailbox, SET_OF (copying->uids),
                        &copying->target, copying->move);
  case STAGE_COMMIT:
    return store->commit (copying->change, &s->call);
  case STAGE_DONE:
    break;
  }
  return PTN_OK;
}

static void
fail (struct session *s, const struct copying *copying, ptn_status status) {
  struct ptn_mailbox_name mailbox;
  if (copying->stage == STAGE_TARGET && status == PTN_E_NOT_FOUND)
    answer_no (s, mailbox_of (s, copying->name, &mailbox) ? "TRYCREATE" : "CANNOT",
               "there is no such mailbox");
  else
    answer_failure (s, status,
                    copying->move ? "the messages could not be moved"
                                  : "the messages could not be copied");
}

/* NULL: nothing was copied. */
static char *
copyuid (const struct ptn_outcome *outcome) {
  struct writer w = { 0 };
  if (!outcome->uids.count)
    return NULL;
  put_format (&w, "COPYUID %u ", outcome->uidvalidity);
  put_uid_set (&w, outcome->source_uids);
  put_char (&w, ' ');
  put_uid_set (&w, outcome->uids);
  char *code = g_strndup (w.data, w.size);
  writer_clear (&w);
  return code;
}

static ptn_status
tell_moved (struct session *s) {
  ptn_status status = selected_report (s, true);
  if (status == PTN_OK)
    answer_modseq (s, NULL, "MOVE completed");
  return status;
}

static void
tell (struct session *s, struct copying *copying) {
  const struct ptn_outcome *outcome;
  g_autofree char *code = NULL;
  /* UIDs are told to readers only (RFC 4315 section 3). */
  if (!copying->listing && s->imap4->store->outcome (copying->change, 0, &outcome) == PTN_OK)
    code = copyuid (outcome);
  if (!copying->move) {
    answer_ok (s, code, "COPY completed");
    return;
  }
  if (code) /* RFC 6851 section 4.3: before the EXPUNGEs */
    put_format (&s->out, "* OK [%s] moved\r\n", code);
  s->resume = tell_moved;
}

static ptn_status
run_copy (struct session *s) {
  struct copying *copying = s->work;
  while (copying->stage != STAGE_DONE) {
    ptn_status status = do_stage (s, copying);
    if (status == PTN_PENDING)
      return status;
    if (status != PTN_OK) {
      fail (s, copying, status);
      return PTN_OK;
    }
    s->imap4->host->call_end (&s->call);
    copying->stage++;
    if (copying->stage == STAGE_BEGIN && !copying->uids->len) {
      answer_ok (s, NULL, "no such messages");
      return PTN_OK;
    }
    if (copying->stage == STAGE_BEGIN && !s->uid && !all_there (copying)) {
      answer_no (s, "EXPUNGEISSUED", "some of the messages are gone; nothing was copied");
      return PTN_OK;
    }
  }
  tell (s, copying);
  return PTN_OK;
}

static void
begin_copy (struct session *s, struct reader *r, bool move) {
  struct copying *copying = g_new0 (struct copying, 1);
  struct sequence_set set = { 0 };
  s->work = copying;
  s->work_free = copying_free;
  copying->move = move;
  if (!reader_space (r) || !reader_sequence_set (r, &set) || !reader_space (r)
      || !(copying->name = reader_mailbox (r)) || !reader_end (r))
    answer_syntax (s, r);
  else if (move && s->selected->read_only)
    answer_no (s, "READ-ONLY", "the mailbox is open for reading only");
  else {
    copying->uids = selected_uids (s, &set, s->uid);
    if (copying->uids && move)
      copying->uids = limit_uids (s, copying->uids);
    g_autofree char *refusal =
        copying->uids && !move ? limit_refusal (s, limit_count (copying->uids)) : NULL;
    if (refusal)
      answer_no (s, refusal, "too many messages to copy at once: copy fewer");
    else if (copying->uids)
      s->resume = run_copy;
  }
  sequence_set_clear (&set);
}

void
command_copy (struct session *s, struct reader *r) {
  begin_copy (s, r, false);
}

void
command_move (struct session *s, struct reader *r) {
  begin_copy (s, r, true);
}
