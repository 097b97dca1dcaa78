/* SPDX-License-Identifier: Apache-2.0 */
/* command.c - FETCH and UID FETCH: which messages, \Seen, what vanished, and from one message to the
 * next. */
#include "commands.h"
#include "common/rights.h"
#include "common/uid_set.h"
#include "fetch/convert.h"
#include "fetch/messages.h"
#include "selected/limit.h"

static void
fetch_free (struct session *s, void *work) {
  struct fetch *f = work;
  const struct ptn_host *host = s->imap4->host;
  const struct ptn_store *store = s->imap4->store;
  fetch_literal_end (s, f);
  fetch_structure_end (f);
  host->call_end (&f->rows_call);
  if (f->cursor)
    store->close_cursor (f->cursor);
  host->call_end (&f->fetch_call);
  host->call_end (&f->call);
  if (f->annotation_cursor)
    store->close_cursor (f->annotation_cursor);
  if (f->change)
    store->end (f->change);
  host->call_end (&f->begin_call);
  if (f->now)
    store->release_view (f->now);
  if (f->uids)
    g_array_unref (f->uids);
  if (f->vanished)
    g_array_unref (f->vanished);
  if (f->seen)
    g_array_unref (f->seen);
  if (f->annotations)
    g_array_unref (f->annotations);
  if (f->text)
    g_string_free (f->text, TRUE);
  if (f->out)
    g_string_free (f->out, TRUE);
  if (f->source_type)
    g_string_free (f->source_type, TRUE);
  program_clear (&f->program);
  g_free (f);
}

void
fetch_failed (struct session *s, struct fetch *f, ptn_status status) {
  if (status == PTN_E_EXPUNGED || status == PTN_E_NOT_FOUND) {
    f->gone = true;
    return;
  }
  if (f->failed == PTN_OK)
    f->failed = status;
}

/* --- before the messages --------------------------------------------------------------------------- */

/* RFC 9051 section 6.4.5: what shows a body makes it \Seen.  One commit for all. */
static ptn_status
set_seen (struct session *s, struct fetch *f) {
  const struct ptn_store *store = s->imap4->store;
  ptn_status status = PTN_OK;
  if (!f->change) {
    status = store->begin (s->user->account, &f->begin_call, NULL, &f->change);
    if (status == PTN_PENDING)
      return status;
    f->change = status == PTN_OK ? f->change : NULL;
  }
  if (status == PTN_OK && f->stage == 0) {
    status = store->set_flags (f->change, &f->call, &s->selected->mailbox, SET_OF (f->seen),
                               PTN_FLAGS_ADD, PTN_SEEN, UINT64_MAX);
    if (status == PTN_PENDING)
      return status;
    s->imap4->host->call_end (&f->call);
    f->stage = 1;
  }
  if (status == PTN_OK && f->stage == 1) {
    status = store->commit (f->change, &f->call);
    if (status == PTN_PENDING)
      return status;
    s->imap4->host->call_end (&f->call);
    f->stage = 2;
  }
  if (f->change)
    store->end (f->change);
  f->change = NULL;
  s->imap4->host->call_end (&f->call);
  s->imap4->host->call_end (&f->begin_call);
  if (status != PTN_OK) /* the mails are shown all the same */
    g_clear_pointer (&f->seen, g_array_unref);
  return PTN_OK;
}

static ptn_status
see (struct session *s) {
  struct fetch *f = s->work;
  if (f->seen && f->stage < 2) {
    ptn_status status = set_seen (s, f);
    if (status != PTN_OK)
      return status;
  }
  if (f->seen && !f->now) {
    ptn_status status =
        s->imap4->store->view (s->user->account, &f->call, &s->selected->mailbox, &f->now);
    if (status == PTN_PENDING)
      return status;
    s->imap4->host->call_end (&f->call);
    if (status != PTN_OK)
      f->now = NULL;
  }
  if (f->seen && f->now) /* their flags stand in the answers */
    selected_answers (s, f->seen, f->now->modseq);
  f->stage = 0;
  s->resume = f->program.vanished ? fetch_vanished : fetch_messages;
  return PTN_OK;
}

/* --- from one message to the next ------------------------------------------------------------------- */

static bool
next_message (const struct session *s, struct fetch *f) {
  const struct ptn_view *told = s->selected->told;
  for (; f->range < f->uids->len; f->range++, f->in_range = false) {
    struct ptn_uid_range range = g_array_index (f->uids, struct ptn_uid_range, f->range);
    if (!f->in_range)
      view_find (told, range.first, &f->place);
    f->in_range = true;
    if (f->place >= told->count || told->uid[f->place] > range.last)
      continue;
    f->uid = told->uid[f->place];
    f->flags = told->flags[f->place];
    f->modseq = told->message_modseq[f->place];
    f->number = ++f->place;
    f->marked = f->seen && set_contains (SET_OF (f->seen), f->uid);
    if (f->marked && f->now) {
      uint32_t at = view_find (f->now, f->uid, NULL);
      if (at < f->now->count) {
        f->flags = f->now->flags[at];
        f->modseq = f->now->message_modseq[at];
      }
    }
    f->in_message = true;
    f->row = NULL;
    f->item = 0;
    f->begun = false;
    f->has_digest = f->digest_failed = false;
    return true;
  }
  return false;
}

static ptn_status
open_cursor (struct session *s, struct fetch *f) {
  const struct ptn_fetch fetch = { .size = sizeof fetch,
                                   .items = f->program.store_items,
                                   .uids = SET_OF (f->uids) };
  /* What is asked for must stay where it is while the store waits. */
  f->asked = f->cursor_asked ? f->asked : fetch;
  f->cursor_asked = true;
  ptn_status status = s->imap4->store->fetch (s->user->account, &f->fetch_call,
                                              &s->selected->mailbox, &f->asked, &f->cursor);
  if (status != PTN_OK)
    f->cursor = NULL;
  return status;
}

/* The store's row of the message in progress; none if it has gone. */
static ptn_status
take_row (struct session *s, struct fetch *f) {
  while (!f->rows_over) {
    for (; f->row_at < f->row_count; f->row_at++)
      if (f->rows[f->row_at]->uid >= f->uid) {
        f->row = f->rows[f->row_at]->uid == f->uid ? f->rows[f->row_at++] : NULL;
        return PTN_OK;
      }
    ptn_status status = PTN_OK;
    if (!f->cursor && (status = open_cursor (s, f)) == PTN_PENDING)
      return status;
    if (status == PTN_OK) {
      if (f->row_count)
        s->imap4->host->call_end (&f->rows_call);
      f->row_at = f->row_count = 0;
      status = s->imap4->store->next_messages (f->cursor, &f->rows_call, f->rows, FETCH_ROWS,
                                               &f->row_count);
    }
    if (status == PTN_PENDING) {
      f->row_count = 0;
      return status;
    }
    if (status != PTN_OK) {
      f->row_count = 0;
      f->rows_over = true;
      if (status != PTN_END)
        fetch_failed (s, f, status);
    }
  }
  return PTN_OK;
}

static void
end (struct session *s, struct fetch *f) {
  if (f->failed == PTN_E_UNSUPPORTED)
    answer_no (s, "UNKNOWN-CTE", "a part is encoded in a way that is not known"); /* RFC 3516 */
  else if (f->failed != PTN_OK)
    answer_failure (s, f->failed, "some messages cannot be read");
  else if (f->gone && !s->uid)
    answer_no (s, "EXPUNGEISSUED", "some of the messages are gone");
  else if (f->program.conversion && f->program.conversion->failed && !f->program.conversion->done)
    answer_no (s, NULL, "nothing could be converted"); /* RFC 5259 section 9 */
  else
    answer_modseq (s, NULL, f->program.conversion ? "CONVERT completed" : "FETCH completed");
}

ptn_status
fetch_messages (struct session *s) {
  struct fetch *f = s->work;
  for (;;) {
    ptn_status status = s->broken;
    if (status == PTN_OK && f->direct)
      status = s->imap4->stream->drained (s->stream, s->task, OUTPUT_BELOW);
    f->direct = false;
    if (status == PTN_OK)
      status = session_room (s);
    if (status != PTN_OK)
      return status;
    if (!f->in_message && !next_message (s, f)) {
      end (s, f);
      return PTN_OK;
    }
    if (f->program.needs & NEEDS_ROW && !f->row) {
      if ((status = take_row (s, f)) != PTN_OK)
        return status;
      if (!f->row) {
        f->gone = true;
        f->in_message = false;
        continue;
      }
    }
    bool others = false;
    status = fetch_row (s, f, &others);
    if (status != PTN_OK || others)
      return status;
    f->in_message = false;
    if ((f->number & 63) == 0 && s->imap4->host->budget_spent (s->task))
      return PTN_OK;
  }
}

/* --- the command ------------------------------------------------------------------------------------ */

static void
find_unseen (struct session *s, struct fetch *f) {
  const struct ptn_view *told = s->selected->told;
  if (!f->program.sets_seen || s->selected->read_only || !(s->selected->rights & RIGHT_S))
    return;
  f->seen = g_array_new (FALSE, FALSE, sizeof (struct ptn_uid_range));
  while (next_message (s, f))
    if (!(f->flags & PTN_SEEN))
      set_append (f->seen, told->uid[f->number - 1]);
  f->range = 0;
  f->in_range = f->in_message = false;
  if (!f->seen->len)
    g_clear_pointer (&f->seen, g_array_unref);
}

static void
run (struct session *s, struct reader *r,
     bool (*read_program) (struct program *, struct session *, struct reader *)) {
  struct sequence_set set = { 0 };
  struct fetch *f = g_new0 (struct fetch, 1);
  s->work = f;
  s->work_free = fetch_free;
  f->begin_call.task = f->call.task = f->fetch_call.task = f->rows_call.task = f->read_call.task =
      s->task;
  if (!reader_space (r) || !reader_sequence_set (r, &set) || !read_program (&f->program, s, r))
    answer_syntax (s, r);
  else if ((f->uids = selected_uids (s, &set, s->uid))) {
    if (f->program.modseq)
      condstore_enable (s);
    if (f->program.vanished)
      f->vanished = fetch_asked_uids (s, &set);
    fetch_choose (s, f);
    f->uids = limit_uids (s, f->uids);
    find_unseen (s, f);
    s->resume = see;
  }
  sequence_set_clear (&set);
}

void
command_fetch (struct session *s, struct reader *r) {
  run (s, r, program_read);
}

void
command_convert (struct session *s, struct reader *r) {
  run (s, r, convert_read);
}
