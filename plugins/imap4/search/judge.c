/* SPDX-License-Identifier: Apache-2.0 */
/* judge.c - does a message fit?  Keys of which not enough is known are MAYBE, and say what they need. */
#include "search/run_private.h"

#include "selected/selected.h"

#include "common/mime/date.h"
#include "common/uid_set.h"

#define DAY 86400

static enum verdict
yes_if (bool condition) {
  return condition ? YES : NO;
}

/* Days are those of UTC, as INTERNALDATE shows them. */
static enum verdict
compare_day (const struct key *key, int64_t seconds) {
  int64_t day = seconds >= 0 ? seconds / DAY : -((DAY - 1 - seconds) / DAY);
  switch (key->comparison) {
  case BEFORE:
    return yes_if (day < key->day);
  case ON:
    return yes_if (day == key->day);
  default:
    return yes_if (day >= key->day);
  }
}

static bool
is_id (const char *text, char prefix, const struct ptn_id *id) {
  static const char hex[] = "0123456789abcdef";
  if (text[0] != prefix || strlen (text) != 1 + 2 * sizeof id->octets)
    return false;
  for (size_t i = 0; i < sizeof id->octets; i++)
    if (text[1 + 2 * i] != hex[id->octets[i] >> 4] || text[2 + 2 * i] != hex[id->octets[i] & 15])
      return false;
  return true;
}

/* Keys about what a row says. */
static enum verdict
judge_row (const struct search_run *run, const struct key *key, struct facts *f) {
  const struct ptn_message *row = f->row;
  if (!row) {
    f->needs |= NEEDS_ROW;
    return MAYBE;
  }
  switch (key->kind) {
  case KEY_LARGER:
    return yes_if (row->octets > key->number);
  case KEY_SMALLER:
    return yes_if (row->octets < key->number);
  case KEY_ARRIVED:
    return compare_day (key, row->internal_date);
  case KEY_SAVE_DATE: /* RFC 8514 section 4.3: without one, INTERNALDATE */
    return compare_day (key, row->save_date ? row->save_date : row->internal_date);
  case KEY_YOUNGER: /* RFC 5032 section 3 */
    return yes_if (row->internal_date >= run->now - (int64_t)key->number);
  case KEY_OLDER:
    return yes_if (row->internal_date <= run->now - (int64_t)key->number);
  case KEY_EMAIL_ID:
    return yes_if (is_id (key->text, 'M', &row->email_id));
  default:
    return yes_if (is_id (key->text, 'T', &row->thread_id));
  }
}

static enum verdict
judge_sent (const struct key *key, struct facts *f) {
  if (!f->digest) {
    f->needs |= NEEDS_SENT;
    return MAYBE;
  }
  if (!f->digest->has_date)
    return NO;
  struct mime_date date = { f->digest->date, f->digest->zone };
  return compare_day (key, mime_date_day (&date));
}

static enum verdict
judge_term (const struct search_run *run, const struct key *key, struct facts *f) {
  const struct term *term = &run->program->terms[key->number];
  guint64 bit = (guint64)1 << key->number;
  if (term->size == 0 && term->scope != PTN_SEARCH_HEADER)
    return YES;
  if (f->known & bit)
    return yes_if (f->holds & bit);
  f->needs |= NEEDS_TEXT;
  f->asks |= bit;
  return MAYBE;
}

static enum verdict judge (const struct search_run *, const struct key *, struct facts *);

static enum verdict
judge_all (const struct search_run *run, const struct key *key, struct facts *f) {
  enum verdict all = YES;
  unsigned needs = f->needs;
  guint64 asks = f->asks;
  for (const struct key *child = key->first; child; child = child->next) {
    enum verdict one = judge (run, child, f);
    if (one == NO) { /* what the others need does not matter any more */
      f->needs = needs;
      f->asks = asks;
      return NO;
    }
    if (one == MAYBE)
      all = MAYBE;
  }
  return all;
}

static enum verdict
judge_or (const struct search_run *run, const struct key *key, struct facts *f) {
  unsigned needs = f->needs;
  guint64 asks = f->asks;
  enum verdict a = judge (run, key->first, f);
  enum verdict b = a == YES ? YES : judge (run, key->first->next, f);
  if (a == YES || b == YES) {
    f->needs = needs;
    f->asks = asks;
    return YES;
  }
  return a == MAYBE || b == MAYBE ? MAYBE : NO;
}

static enum verdict
judge (const struct search_run *run, const struct key *key, struct facts *f) {
  enum verdict verdict;
  switch (key->kind) {
  case KEY_ALL:
    return YES;
  case KEY_AND:
    return judge_all (run, key, f);
  case KEY_OR:
    return judge_or (run, key, f);
  case KEY_NOT:
    verdict = judge (run, key->first, f);
    return verdict == MAYBE ? MAYBE : yes_if (verdict == NO);
  case KEY_FLAGS:
    return yes_if ((f->flags & key->mask) == key->wanted);
  case KEY_KEYWORD:
    return yes_if (f->flags & run->bindings[key->slot].mask);
  case KEY_RECENT:
    return yes_if (run->selected && f->uid >= run->s->selected->recent_from);
  case KEY_NUMBERS:
  case KEY_UIDS:
  case KEY_SAVED:
  case KEY_ANNOTATION:
    return yes_if (run->bindings[key->slot].uids
                   && set_contains (SET_OF (run->bindings[key->slot].uids), f->uid));
  case KEY_MODSEQ:
    return yes_if (f->modseq >= key->number);
  case KEY_SAVE_DATE_SUPPORTED:
    return yes_if (run->s->imap4->store->capabilities & PTN_STORE_SAVE_DATE);
  case KEY_SENT:
    return judge_sent (key, f);
  case KEY_TERM:
    return judge_term (run, key, f);
  case KEY_FILTER: /* replaced before it is used */
    return NO;
  default:
    return judge_row (run, key, f);
  }
}

enum verdict
run_judge (const struct search_run *run, struct facts *f) {
  f->needs = 0;
  f->asks = 0;
  return judge (run, run->program->top, f);
}
