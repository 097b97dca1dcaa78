/* SPDX-License-Identifier: Apache-2.0 */
/* multi.c - ESEARCH: one search of several mailboxes (RFC 7377).  Each mailbox where something was found
 * has its response; those that the user may not read are as if they were not there. */
#include "search/multi.h"

#include "commands.h"
#include "common/rights.h"
#include "mailbox/filter.h"
#include "mailbox/names.h"
#include "search/search.h"
#include "selected/selected.h"

enum { SOURCES = 100 };

struct multi {
  GArray *filters; /* struct mailbox_filter */
  struct gather *gather;
  bool gathered;
  guint row;
};

static void
clear (void *filter) {
  filter_clear (filter);
}

static struct multi *
multi_new (void) {
  struct multi *m = g_new0 (struct multi, 1);
  m->filters = g_array_new (FALSE, TRUE, sizeof (struct mailbox_filter));
  g_array_set_clear_func (m->filters, clear);
  return m;
}

void
multi_free (struct session *s, struct multi **multi) {
  struct multi *m = *multi;
  if (!m)
    return;
  if (m->gather)
    gather_free (s, m->gather);
  g_array_unref (m->filters);
  g_free (m);
  *multi = NULL;
}

static bool
add_source (struct multi *m, struct reader *r) {
  if (m->filters->len == SOURCES)
    return reader_fail (r, "too many sources");
  g_array_set_size (m->filters, m->filters->len + 1);
  return filter_read (r, true,
                      &g_array_index (m->filters, struct mailbox_filter, m->filters->len - 1));
}

/* [IN (source *(SP source) [SP (scope options)])], with the space behind it. */
static bool
read_sources (struct multi *m, struct reader *r) {
  if (!reader_accept_word (r, "IN")) {
    g_array_set_size (m->filters, 1);
    g_array_index (m->filters, struct mailbox_filter, 0).kind = FILTER_SELECTED;
    return true;
  }
  if (!reader_space (r) || !reader_expect (r, '('))
    return false;
  do {
    /* Scope options: the RFC has none, and each is to be known. */
    if (m->filters->len && reader_peek (r) == '(')
      return reader_fail (r, "an unknown scope option");
    if (!add_source (m, r))
      return false;
  } while (reader_accept (r, ' '));
  return reader_expect (r, ')') && reader_space (r);
}

static bool
is_searched (struct session *s, const struct multi *m, const struct mailbox_row *row) {
  if (row->kind & (ROW_MISSING | ROW_NOSELECT) || !(row->rights & RIGHT_R))
    return false;
  for (guint i = 0; i < m->filters->len; i++)
    if (filter_matches (s, &g_array_index (m->filters, struct mailbox_filter, i), row))
      return true;
  return false;
}

static void
tell (struct session *s, struct search_work *work, const struct mailbox_row *row) {
  struct writer before = { 0 };
  uint64_t modseq;
  g_autoptr (GArray) uids = search_run_uids (work->run, &modseq);
  if (uids->len == 0)
    return;
  put_mailbox (&before, row->name, session_utf8 (s));
  put_format (&before, " UIDVALIDITY %u", row->uidvalidity);
  put_char (&before, '\0');
  results_tell (s, &work->results, uids, true, work->program->modseq ? modseq : 0, before.data);
  writer_clear (&before);
}

static ptn_status
gather (struct session *s, struct search_work *work) {
  struct multi *m = work->multi;
  unsigned sources = 0;
  for (guint i = 0; !m->gather && i < m->filters->len; i++)
    sources |= filter_sources (s, &g_array_index (m->filters, struct mailbox_filter, i));
  if (!m->gather)
    m->gather = gather_new (sources, "*");
  ptn_status status = gather_run (s, m->gather);
  if (status == PTN_OK)
    m->gathered = true;
  return status;
}

/* One mailbox after the other. */
static ptn_status
run_rows (struct session *s) {
  struct search_work *work = s->work;
  struct multi *m = work->multi;
  GArray *rows = gather_rows (m->gather);
  for (; m->row < rows->len; m->row++) {
    const struct mailbox_row *row = &g_array_index (rows, struct mailbox_row, m->row);
    if (!work->run && !is_searched (s, m, row))
      continue;
    if (!work->run) {
      ptn_status room = session_room (s);
      if (room != PTN_OK)
        return room;
      struct ptn_mailbox_name name = { row->owner, row->path };
      work->run = search_run_new (s, work->program, session_comparator (s));
      search_run_mailbox (work->run, &row->id, mailbox_owner (s, name), row->uidvalidity);
    }
    ptn_status status = search_run_step (work->run);
    if (status == PTN_OK || status == PTN_PENDING)
      return status;
    if (status == PTN_END)
      tell (s, work, row);
    else if (status != PTN_E_NOT_FOUND && status != PTN_E_DENIED) {
      answer_failure (s, status, "the search failed");
      return PTN_OK;
    }
    search_run_free (&work->run);
  }
  answer_ok (s, NULL, "ESEARCH completed");
  return PTN_OK;
}

static ptn_status
prepare (struct session *s) {
  struct search_work *work = s->work;
  ptn_status status = search_filters (s);
  if (status != PTN_END)
    return status;
  status = gather (s, work);
  if (status == PTN_PENDING)
    return status;
  if (status != PTN_OK)
    answer_failure (s, status, "the mailboxes cannot be listed");
  else
    s->resume = run_rows;
  return PTN_OK;
}

/* What only the selected mailbox has (RFC 7377 section 2.1). */
static const char *
refusal (const struct session *s, const struct search_work *work) {
  const struct mailbox_filter *first =
      &g_array_index (work->multi->filters, struct mailbox_filter, 0);
  if (first->kind == FILTER_SELECTED && !s->selected)
    return "no mailbox is selected";
  if (work->program->numbers || work->program->saved)
    return "message numbers and $ belong to the selected mailbox alone: use SEARCH";
  if (work->results.options & (RETURN_SAVE | RETURN_UPDATE))
    return "SAVE and UPDATE belong to the selected mailbox alone: use SEARCH";
  return NULL;
}

void
command_esearch (struct session *s, struct reader *r) {
  struct search_work *work = search_work_new (s);
  work->word = "ESEARCH";
  work->multi = multi_new ();
  if (!reader_space (r) || !read_sources (work->multi, r) || !results_parse (r, &work->results)) {
    answer_syntax (s, r);
    return;
  }
  if (!(work->results.options & RETURN_EXTENDED))
    work->results.options |= RETURN_EXTENDED | RETURN_ALL;
  enum program_result result = program_parse (work->program, r);
  const char *why = result == PROGRAM_OK ? refusal (s, work) : NULL;
  if (why)
    answer_bad (s, why);
  else if (search_parsed (s, result, r))
    search_start (s, prepare);
}
