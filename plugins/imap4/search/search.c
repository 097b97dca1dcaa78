/* SPDX-License-Identifier: Apache-2.0 */
/* search.c - SEARCH and UID SEARCH (RFC 9051 section 6.4.4). */
#include "search/search.h"

#include "capability.h"
#include "commands.h"
#include "common/uid_set.h"
#include "search/context.h"
#include "search/multi.h"
#include "search/sort.h"
#include "search/thread.h"
#include "selected/limit.h"
#include "selected/selected.h"

static void
work_free (struct session *s, void *data) {
  struct search_work *work = data;
  search_run_free (&work->run);
  if (work->cursor)
    s->imap4->store->close_cursor (work->cursor);
  sort_free (&work->sort);
  thread_free (&work->thread);
  multi_free (s, &work->multi);
  program_free (&work->program);
  if (work->uids)
    g_array_unref (work->uids);
  if (work->ids)
    g_array_unref (work->ids);
  g_free (work->filter_name);
  g_free (work);
}

struct search_work *
search_work_new (struct session *s) {
  struct search_work *work = g_new0 (struct search_work, 1);
  work->program = program_new ();
  work->word = "SEARCH";
  s->work = work;
  s->work_free = work_free;
  return work;
}

/* Numbers that no message has (RFC 9051 section 9, note on sequence-set). */
static bool
has_wrong_number (const struct session *s, const struct program *program) {
  for (guint i = 0; program->numbers && i < program->keys->len; i++) {
    const struct key *key = program->keys->pdata[i];
    for (size_t k = 0; key->kind == KEY_NUMBERS && k < key->set.count; k++) {
      struct ptn_uid_range range = key->set.ranges[k];
      /* "1:*" of nothing is nothing. */
      bool all = s->selected->told->count == 0 && (range.first == 0 || range.last == 0);
      if (!all && MAX (range.first, range.last) > s->selected->told->count)
        return true;
    }
  }
  return false;
}

bool
search_parsed (struct session *s, enum program_result result, const struct reader *r) {
  struct search_work *work = s->work;
  if (result == PROGRAM_BAD_CHARSET) {
    if (work->results.options & RETURN_SAVE)
      results_forget (s);
    answer_no (s, "BADCHARSET (UTF-8 US-ASCII)", "that charset is not known");
    return false;
  }
  if (result == PROGRAM_BAD) {
    answer_syntax (s, r);
    return false;
  }
  if (work->results.options & RETURN_RELEVANCY && !work->program->fuzzy) {
    answer_bad (s, "RELEVANCY without FUZZY (RFC 6203 section 4)");
    return false;
  }
  if (s->selected && has_wrong_number (s, work->program)) {
    answer_bad (s, "a message number that is not there");
    return false;
  }
  if (!s->uid && s->enabled & ENABLED_UIDONLY && work->program->numbers) {
    answer_bad (s, "[UIDREQUIRED] message numbers are not used after ENABLE UIDONLY");
    return false;
  }
  if (work->program->modseq && s->selected) /* RFC 7162 section 3.1 */
    condstore_enable (s);
  return true;
}

static ptn_status
run_search (struct session *s) {
  struct search_work *work = s->work;
  ptn_status status = search_run_step (work->run);
  if (status == PTN_END && work->sort)
    status = sort_annotations (work->sort, s);
  if (status == PTN_OK || status == PTN_PENDING)
    return status;
  if (status != PTN_END) {
    if (work->results.options & RETURN_SAVE)
      results_forget (s);
    answer_failure (s, status, "the search failed");
    return PTN_OK;
  }
  work->uids = search_run_uids (work->run, &work->modseq);
  if (work->sort)
    sort_order (work->sort, work->uids);
  if (work->thread)
    s->resume = thread_tell;
  else
    s->resume = search_tell;
  return PTN_OK;
}

/* RFC 9738: only so many messages are looked at, of those that the sets of the program name. */
static void
limit_messages (struct session *s, struct search_work *work) {
  const struct ptn_view *told = s->selected->told;
  uint32_t most = message_limit (s);
  if (!most || told->count <= most)
    return;
  struct ptn_uid_range all = { 1, 0 }; /* "1:*" */
  GArray *uids = selected_uids (s, &(struct sequence_set){ &all, 1, false }, true);
  const struct key *top = work->program->top;
  for (const struct key *key = top->kind == KEY_AND ? top->first : top; key; key = key->next) {
    if (key->kind == KEY_UIDS || key->kind == KEY_NUMBERS || key->kind == KEY_SAVED) {
      struct sequence_set set = key->set;
      set.saved = key->kind == KEY_SAVED;
      g_autoptr (GArray) named = selected_uids (s, &set, key->kind == KEY_UIDS);
      GArray *all_of_it = uids;
      uids = set_intersection (SET_OF (uids), SET_OF (named));
      g_array_unref (all_of_it);
    }
    if (key == top)
      break;
  }
  uids = limit_uids (s, uids);
  search_run_among (work->run, uids);
  g_array_unref (uids);
}

static ptn_status
prepare (struct session *s) {
  struct search_work *work = s->work;
  ptn_status status = search_filters (s);
  if (status == PTN_OK && work->results.options & RETURN_SAVE)
    results_forget (s); /* answered NO: RFC 5182 section 2.1 */
  if (status != PTN_END)
    return status;
  work->run = search_run_new (s, work->program, session_comparator (s));
  search_run_selected (work->run);
  if (!work->sort && !work->thread)
    limit_messages (s, work);
  if (work->sort)
    sort_collect (work->sort, work->run);
  if (work->thread)
    thread_collect (work->thread, work->run);
  s->resume = run_search;
  return PTN_OK;
}

void
search_start (struct session *s, ptn_status (*other) (struct session *)) {
  s->resume = other ? other : prepare;
}

/* Numbers instead of UIDs. */
static GArray *
numbers_of (const struct session *s, const GArray *uids) {
  GArray *numbers = g_array_sized_new (FALSE, FALSE, sizeof (uint32_t), uids->len);
  for (guint i = 0; i < uids->len; i++) {
    uint32_t number = selected_number (s, g_array_index (uids, uint32_t, i));
    g_array_append_val (numbers, number);
  }
  return numbers;
}

static void
finish (struct session *s) {
  struct search_work *work = s->work;
  if (work->results.options & RETURN_SAVE)
    results_save (s, &work->results, work->uids);
  if (work->results.options & RETURN_UPDATE && !context_add (s, work))
    context_lost (s, s->tag);
  answer_format (s, "%s completed", work->word);
}

/* "* SEARCH 2 84 882 (MODSEQ 917162500)", in pieces. */
static ptn_status
tell_plainly (struct session *s) {
  struct search_work *work = s->work;
  struct writer *w = &s->out;
  if (work->told == 0) {
    PUT (w, "* ");
    put_text (w, work->word);
  }
  while (work->told < work->ids->len) {
    put_char (w, ' ');
    put_number (w, g_array_index (work->ids, uint32_t, work->told));
    if (++work->told % 4096 == 0 && work->told < work->ids->len)
      return session_room (s);
  }
  if (work->program->modseq && work->ids->len)
    put_format (w, " (MODSEQ %" G_GUINT64_FORMAT ")", work->modseq);
  PUT (w, "\r\n");
  finish (s);
  return PTN_OK;
}

static uint64_t
modseq_of (const struct search_work *work, guint place) {
  const struct ptn_view *view = search_run_view (work->run);
  uint32_t at = view_find (view, g_array_index (work->uids, uint32_t, place), NULL);
  return at < view->count ? view->message_modseq[at] : 0;
}

/* RFC 7162 section 3.1.10: of MIN and MAX alone, only theirs count. */
static uint64_t
told_modseq (const struct search_work *work) {
  unsigned options = work->results.options;
  uint64_t modseq = 0;
  if (!work->program->modseq || work->uids->len == 0)
    return 0;
  if (options & (RETURN_ALL | RETURN_COUNT | RETURN_PARTIAL))
    return work->modseq;
  if (options & RETURN_MIN)
    modseq = modseq_of (work, 0);
  if (options & RETURN_MAX)
    modseq = MAX (modseq, modseq_of (work, work->uids->len - 1));
  return modseq;
}

ptn_status
search_tell (struct session *s) {
  struct search_work *work = s->work;
  const unsigned telling = RETURN_MIN | RETURN_MAX | RETURN_ALL | RETURN_COUNT | RETURN_PARTIAL;
  if (!work->ids)
    work->ids = s->uid ? g_array_ref (work->uids) : numbers_of (s, work->uids);
  /* IMAP4rev2 knows ESEARCH alone (RFC 9051 section 6.4.4); SORT is as ever. */
  if (!work->sort && s->enabled & ENABLED_REV2 && !(work->results.options & RETURN_EXTENDED))
    work->results.options |= RETURN_EXTENDED | RETURN_ALL;
  if (!(work->results.options & RETURN_EXTENDED))
    return tell_plainly (s);
  /* RFC 5182 section 2.1: SAVE alone tells nothing. */
  if (work->results.options & telling)
    results_tell (s, &work->results, work->ids, s->uid, told_modseq (work), NULL);
  finish (s);
  return PTN_OK;
}

void
command_search (struct session *s, struct reader *r) {
  struct search_work *work = search_work_new (s);
  if (!reader_space (r) || !results_parse (r, &work->results)) {
    answer_syntax (s, r);
    return;
  }
  /* RFC 6855 section 3: strings are UTF-8 then. */
  if (s->enabled & ENABLED_UTF8 && reader_accept_word (r, "CHARSET")) {
    answer_bad (s, "no CHARSET after ENABLE UTF8=ACCEPT");
    return;
  }
  if (search_parsed (s, program_parse (work->program, r), r))
    search_start (s, NULL);
}
