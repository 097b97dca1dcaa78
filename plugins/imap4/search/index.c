/* SPDX-License-Identifier: Apache-2.0 */
/* index.c - asking the index of texts (abi/postern/search.h).  Whatever goes wrong there, the messages
 * are read instead. */
#include "search/run_private.h"

#include "common/uid_set.h"

enum { WORTH_IT = 16, CHARACTERS_LEAST = 3 };

struct question { /* lives as long as the query may be PENDING */
  struct ptn_search_query query;
  struct ptn_search_term terms[PROGRAM_TERMS];
};

static size_t
characters (const char *text, size_t size) {
  size_t count = 0;
  for (size_t i = 0; i < size; i++)
    count += ((unsigned char)text[i] & 0xc0) != 0x80;
  return count;
}

static struct question *
question_new (struct search_run *run) {
  struct question *q = g_new0 (struct question, 1);
  const struct ptn_view *view = run->view;
  q->query.size = sizeof q->query;
  q->query.owner = run->owner;
  q->query.mailbox = run->mailbox;
  q->query.uidvalidity = run->uidvalidity;
  q->query.uidnext = view->count ? view->uid[view->count - 1] + 1 : 1;
  q->query.terms = q->terms;
  for (unsigned i = 0; i < run->program->term_count; i++) {
    const struct term *term = &run->program->terms[i];
    size_t size;
    g_autofree char *folded = comparator_folded (run->comparator, term->text, term->size, &size);
    if (characters (folded, size) < CHARACTERS_LEAST)
      continue;
    run->index_term[q->query.count] = (unsigned char)i;
    q->terms[q->query.count++] = (struct ptn_search_term){
      .scope = term->scope,
      .field = term->field,
      .needle = { g_steal_pointer (&folded), size },
    };
  }
  return q;
}

void
run_question_free (struct search_run *run) {
  struct question *q = run->question;
  if (!q)
    return;
  for (size_t i = 0; i < q->query.count; i++)
    g_free ((void *)q->terms[i].needle.data);
  g_free (q);
  run->question = NULL;
}

ptn_status
run_index (struct search_run *run) {
  const struct imap4 *imap4 = run->s->imap4;
  const struct ptn_search_index *index = imap4->search_index;
  if (!index || run->program->term_count == 0 || run->open_count < WORTH_IT
      || run->comparator != COMPARATOR_UNICODE_CASEMAP || !run->uidvalidity)
    return PTN_END;
  if (!run->question)
    run->question = question_new (run);
  struct question *q = run->question;
  if (q->query.count == 0)
    return PTN_END;
  ptn_status status =
      index->query (imap4->search_index_instance, &run->index_call, &q->query, &run->index);
  if (status == PTN_PENDING)
    return status;
  if (status != PTN_OK || run->index->count != q->query.count)
    run->index = NULL;
  return PTN_END;
}

void
run_index_facts (const struct search_run *run, struct facts *f) {
  const struct ptn_search_result *index = run->index;
  if (!index || f->uid >= index->uidnext || set_contains (index->unknown, f->uid))
    return;
  for (size_t i = 0; i < index->count; i++) {
    guint64 bit = (guint64)1 << run->index_term[i];
    bool found = set_contains (index->found[i].uids, f->uid);
    if (found && index->found[i].verify)
      continue;
    f->known |= bit;
    if (found)
      f->holds |= bit;
  }
}
