/* SPDX-License-Identifier: Apache-2.0 */
/* run.c - the stages of a search; see run.h. */
#include "search/run_private.h"

#include "common/uid_set.h"
#include "selected/selected.h"

enum {
  STAGE_VIEW,
  STAGE_ANNOTATIONS,
  STAGE_CHEAP,
  STAGE_INDEX,
  STAGE_INDEXED,
  STAGE_ROWS,
  STAGE_DONE
};
#define SILENCE_NS (10 * INT64_C (1000000000)) /* RFC 9585 section 4: no oftener than that */

struct search_run *
search_run_new (struct session *s, const struct program *program, enum comparator comparator) {
  struct search_run *run = g_new0 (struct search_run, 1);
  run->s = s;
  run->program = program;
  run->comparator = comparator;
  run->call.task = run->row_call.task = run->read_call.task = run->index_call.task = s->task;
  run->now = s->imap4->host->realtime_ms () / 1000;
  run->told_ns = s->imap4->host->monotonic_ns ();
  return run;
}

void
search_run_selected (struct search_run *run) {
  const struct selected *selected = run->s->selected;
  search_run_mailbox (run, &selected->mailbox, selected->owner, selected->uidvalidity);
  run->selected = true;
}

void
search_run_mailbox (struct search_run *run, const struct ptn_id *id, const char *owner,
                    uint32_t uidvalidity) {
  run->mailbox = *id;
  run->owner = g_strdup (owner);
  run->uidvalidity = uidvalidity;
}

void
search_run_among (struct search_run *run, GArray *uids) {
  run->among = g_array_ref (uids);
}

void
search_run_collect (struct search_run *run, uint32_t items, bool digest, search_collect *collect,
                    void *user) {
  run->collect_items = items | (digest ? PTN_FETCH_DIGEST : 0);
  run->collect_digest = digest;
  run->collect = collect;
  run->collect_user = user;
}

void
search_run_free (struct search_run **search_run) {
  struct search_run *run = *search_run;
  if (!run)
    return;
  const struct ptn_host *host = run->s->imap4->host;
  run_read_end (run);
  if (run->cursor)
    run->s->imap4->store->close_cursor (run->cursor);
  host->call_end (&run->row_call);
  host->call_end (&run->index_call);
  host->call_end (&run->call);
  run_question_free (run);
  run_groups_free (run);
  run_unbind (run);
  mime_builder_free (&run->builder);
  if (run->view)
    run->s->imap4->store->release_view (run->view);
  if (run->among)
    g_array_unref (run->among);
  if (run->open)
    g_array_unref (run->open);
  g_free (run->verdicts);
  g_free (run->owner);
  g_free (run);
  *search_run = NULL;
}

static ptn_status
take_view (struct search_run *run) {
  ptn_status status =
      run->s->imap4->store->view (run->s->user->account, &run->call, &run->mailbox, &run->view);
  if (status == PTN_PENDING)
    return status;
  run->s->imap4->host->call_end (&run->call);
  if (status != PTN_OK) {
    run->view = NULL;
    return status;
  }
  run->verdicts = g_malloc0 (MAX (run->view->count, 1));
  run_bind (run);
  if (run->program->term_count > 0)
    run_groups (run);
  run->stage = run->program->needs & NEEDS_ANNOTATIONS ? STAGE_ANNOTATIONS : STAGE_CHEAP;
  return PTN_OK;
}

static void
facts_of (const struct search_run *run, uint32_t place, struct facts *f) {
  *f = (struct facts){ .uid = run->view->uid[place],
                       .flags = run->view->flags[place],
                       .modseq = run->view->message_modseq[place] };
}

/* Judges one by the view alone, if the client knows of it. */
static void
judge_place (struct search_run *run, uint32_t place) {
  const struct ptn_view *view = run->view;
  const struct ptn_view *told = run->selected ? run->s->selected->told : view;
  struct facts f;
  if (told != view) {
    while (run->told_at < told->count && told->uid[run->told_at] < view->uid[place])
      run->told_at++;
    if (run->told_at == told->count || told->uid[run->told_at] != view->uid[place])
      return;
  }
  if (run->among && !set_contains (SET_OF (run->among), view->uid[place]))
    return;
  facts_of (run, place, &f);
  run->verdicts[place] = (unsigned char)run_judge (run, &f);
  if (run->verdicts[place] == YES && run->collect)
    run->verdicts[place] = MAYBE;
  if (run->verdicts[place] == MAYBE)
    run->open_count++;
}

/* All of them.  A program may have many keys: others run between. */
static void
judge_cheaply (struct search_run *run) {
  if (!run->open)
    run->open = g_array_new (FALSE, FALSE, sizeof (struct ptn_uid_range));
  while (run->cheap_at < run->view->count) {
    judge_place (run, run->cheap_at++);
    if (run->cheap_at % 256 == 0 && run->s->imap4->host->budget_spent (run->s->task))
      return;
  }
  run->stage = run->open_count ? STAGE_INDEX : STAGE_DONE;
}

/* Judges again with what the index knows, and gathers those of which rows are needed. */
static void
judge_indexed (struct search_run *run) {
  run->open_count = 0;
  for (uint32_t i = 0; i < run->view->count; i++) {
    if (run->verdicts[i] != MAYBE)
      continue;
    if (run->index) {
      struct facts f;
      facts_of (run, i, &f);
      run_index_facts (run, &f);
      run->verdicts[i] = (unsigned char)run_judge (run, &f);
      if (run->verdicts[i] == YES && run->collect)
        run->verdicts[i] = MAYBE;
    }
    if (run->verdicts[i] == MAYBE) {
      set_append (run->open, run->view->uid[i]);
      run->open_count++;
    }
  }
  run->stage = run->open_count ? STAGE_ROWS : STAGE_DONE;
}

/* The next rows.  PTN_END: there are no more. */
static ptn_status
take_rows (struct search_run *run) {
  const struct ptn_store *store = run->s->imap4->store;
  ptn_status status = PTN_OK;
  if (!run->cursor) {
    run->fetch = (struct ptn_fetch){ .size = sizeof run->fetch,
                                     .items = run->program->fetch | run->collect_items,
                                     .uids = SET_OF (run->open) };
    status = store->fetch (run->s->user->account, &run->row_call, &run->mailbox, &run->fetch,
                           &run->cursor);
    if (status != PTN_OK)
      return status;
    run->s->imap4->host->call_end (&run->row_call);
  }
  status = store->next_messages (run->cursor, &run->row_call, run->rows, ROWS, &run->row_count);
  run->row = 0;
  return status;
}

/* Begins with a row: what the row and its digest say. */
static void
begin_row (struct search_run *run) {
  const struct ptn_message *row = run->rows[run->row];
  while (run->place < run->view->count && run->view->uid[run->place] < row->uid)
    run->place++;
  if (run->place == run->view->count || run->view->uid[run->place] != row->uid)
    return;
  facts_of (run, run->place, &run->facts);
  run->facts.row = row;
  run->built = false;
  if (row->items & PTN_FETCH_DIGEST && mime_digest_open (row->digest, &run->digest) == PTN_OK)
    run->facts.digest = &run->digest;
  run_index_facts (run, &run->facts);
}

static ptn_status
judge_rows (struct search_run *run) {
  for (;;) {
    if (run->row == run->row_count) {
      if (run->row_count && run->cursor)
        run->s->imap4->host->call_end (&run->row_call);
      run->row_count = 0;
      run->row = 0;
      ptn_status status = take_rows (run);
      if (status == PTN_END)
        run->stage = STAGE_DONE;
      if (status != PTN_OK)
        return status == PTN_END ? PTN_OK : status;
      begin_row (run);
    }
    if (run->place < run->view->count && run->view->uid[run->place] == run->rows[run->row]->uid) {
      enum verdict verdict = NO;
      ptn_status status = run_read (run, &verdict);
      if (status != PTN_END)
        return status;
      run->verdicts[run->place] = (unsigned char)verdict;
      if (verdict == YES && run->collect)
        run->collect (run->collect_user, run->facts.uid, run->facts.row, run->facts.digest);
    }
    run->done_count++;
    if (++run->row < run->row_count)
      begin_row (run);
    if (run->s->imap4->host->budget_spent (run->s->task))
      return PTN_OK;
  }
}

/* RFC 9585: tells a client that waits for long how far it is. */
static void
tell_progress (struct search_run *run) {
  struct session *s = run->s;
  int64_t now = s->imap4->host->monotonic_ns ();
  if (now - run->told_ns < SILENCE_NS || !s->tag)
    return;
  run->told_ns = now;
  uint64_t done = run->done_count, total = MAX (run->open_count, run->done_count);
  if (run->stage == STAGE_INDEX && PTN_CAN (s->imap4->search_index, progress))
    s->imap4->search_index->progress (s->imap4->search_index_instance, &run->index_call, &done,
                                      &total);
  PUT (&s->out, "* OK [INPROGRESS (");
  put_string (&s->out, s->tag, strlen (s->tag), false);
  if (total)
    put_format (&s->out, " %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT, done, total);
  else
    PUT (&s->out, " NIL NIL");
  PUT (&s->out, ")] still searching\r\n");
}

static ptn_status
advance (struct search_run *run) {
  ptn_status status;
  switch (run->stage) {
  case STAGE_VIEW:
    return take_view (run);
  case STAGE_ANNOTATIONS:
    status = run_annotations (run);
    if (status != PTN_END)
      return status;
    run->stage = STAGE_CHEAP;
    return PTN_OK;
  case STAGE_CHEAP:
    judge_cheaply (run);
    return PTN_OK;
  case STAGE_INDEX:
    status = run_index (run);
    if (status != PTN_END)
      return status;
    run->stage = STAGE_INDEXED;
    return PTN_OK;
  case STAGE_INDEXED:
    judge_indexed (run);
    return PTN_OK;
  case STAGE_ROWS:
    return judge_rows (run);
  default:
    return PTN_END;
  }
}

ptn_status
search_run_step (struct search_run *run) {
  run->call.task = run->row_call.task = run->read_call.task = run->index_call.task = run->s->task;
  for (;;) {
    ptn_status status = advance (run);
    if (status == PTN_PENDING && run->stage == STAGE_INDEX && run->s->tag) {
      tell_progress (run); /* an index that sees the mailbox for the first time takes a while */
      run->s->deadline_ns = run->told_ns + SILENCE_NS;
    }
    if (status != PTN_OK)
      return status;
    if (run->s->imap4->host->budget_spent (run->s->task)) {
      tell_progress (run);
      return PTN_OK;
    }
  }
}

const struct ptn_view *
search_run_view (const struct search_run *run) {
  return run->view;
}

GArray *
search_run_uids (const struct search_run *run, uint64_t *highest_modseq) {
  GArray *uids = g_array_new (FALSE, FALSE, sizeof (uint32_t));
  uint64_t highest = 0;
  for (uint32_t i = 0; i < run->view->count; i++)
    if (run->verdicts[i] == YES) {
      g_array_append_val (uids, run->view->uid[i]);
      highest = MAX (highest, run->view->message_modseq[i]);
    }
  if (highest_modseq)
    *highest_modseq = highest;
  return uids;
}
