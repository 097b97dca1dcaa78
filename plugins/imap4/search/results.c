/* SPDX-License-Identifier: Apache-2.0 */
/* results.c - see results.h. */
#include "search/results.h"

#include "capability.h"
#include "common/uid_set.h"
#include "selected/selected.h"

/* PARTIAL SP (1:500 / -1:-100), RFC 9394 section 3.1. */
static bool
parse_partial (struct reader *r, struct results *results) {
  uint32_t first, last;
  if (results->options & RETURN_PARTIAL)
    return reader_fail (r, "PARTIAL twice");
  if (!reader_space (r))
    return false;
  results->from_end = reader_accept (r, '-');
  if (!reader_nz_number (r, &first) || !reader_accept (r, ':')
      || reader_accept (r, '-') != results->from_end || !reader_nz_number (r, &last))
    return reader_fail (r, "PARTIAL with a malformed range");
  results->first = MIN (first, last);
  results->last = MAX (first, last);
  results->options |= RETURN_PARTIAL;
  return true;
}

static bool
parse_option (struct reader *r, struct results *results) {
  static const struct {
    const char *name;
    unsigned option;
  } names[] = { { "MIN", RETURN_MIN },       { "MAX", RETURN_MAX },
                { "ALL", RETURN_ALL },       { "COUNT", RETURN_COUNT },
                { "SAVE", RETURN_SAVE },     { "CONTEXT", RETURN_CONTEXT },
                { "UPDATE", RETURN_UPDATE }, { "RELEVANCY", RETURN_RELEVANCY } };
  const char *word = reader_keyword (r);
  if (!word)
    return false;
  if (strcmp (word, "PARTIAL") == 0)
    return parse_partial (r, results);
  for (size_t i = 0; i < G_N_ELEMENTS (names); i++)
    if (strcmp (names[i].name, word) == 0) {
      results->options |= names[i].option;
      return true;
    }
  return reader_fail (r, "an unknown result option");
}

bool
results_parse (struct reader *r, struct results *results) {
  *results = (struct results){ 0 };
  if (!reader_accept_word (r, "RETURN"))
    return true;
  results->options = RETURN_EXTENDED;
  if (!reader_space (r) || !reader_expect (r, '('))
    return false;
  if (!reader_accept (r, ')')) {
    do
      if (!parse_option (r, results))
        return false;
    while (reader_accept (r, ' '));
    if (!reader_expect (r, ')'))
      return false;
  }
  if (!(results->options
        & (RETURN_MIN | RETURN_MAX | RETURN_ALL | RETURN_COUNT | RETURN_SAVE | RETURN_PARTIAL)))
    results->options |= RETURN_ALL;
  /* RFC 9394 section 3.1: one or the other. */
  if (results->options & RETURN_PARTIAL && results->options & RETURN_ALL)
    return reader_fail (r, "PARTIAL and ALL together");
  return reader_space (r);
}

void
put_numbers (struct writer *w, const uint32_t *numbers, guint count) {
  for (guint i = 0; i < count;) {
    guint end = i + 1;
    while (end < count && numbers[end] == numbers[end - 1] + 1)
      end++;
    if (i > 0)
      put_char (w, ',');
    put_number (w, numbers[i]);
    if (end - i > 1) {
      put_char (w, ':');
      put_number (w, numbers[end - 1]);
    }
    i = end;
  }
}

void
results_partial (const struct results *results, guint count, guint *from, guint *to) {
  guint first = MIN (results->first - 1, count), last = MIN (results->last, count);
  *from = results->from_end ? count - last : first;
  *to = results->from_end ? count - first : last;
}

static void
tell_partial (struct writer *w, const struct results *results, const GArray *ids) {
  const char *sign = results->from_end ? "-" : "";
  guint from, to;
  results_partial (results, ids->len, &from, &to);
  put_format (w, " PARTIAL (%s%u:%s%u ", sign, results->first, sign, results->last);
  if (from < to)
    put_numbers (w, (const uint32_t *)(void *)ids->data + from, to - from);
  else
    PUT (w, "NIL");
  put_char (w, ')');
}

void
results_tell (struct session *s, const struct results *results, const GArray *ids, bool uid,
              uint64_t modseq, const char *before) {
  const uint32_t *numbers = (const uint32_t *)(void *)ids->data;
  struct writer *w = &s->out;
  PUT (w, "* ESEARCH (TAG ");
  put_string (w, s->tag, strlen (s->tag), false);
  if (before) {
    PUT (w, " MAILBOX ");
    put_text (w, before);
  }
  put_char (w, ')');
  if (uid)
    PUT (w, " UID");
  if (results->options & RETURN_MIN && ids->len)
    put_format (w, " MIN %u", numbers[0]);
  if (results->options & RETURN_MAX && ids->len)
    put_format (w, " MAX %u", numbers[ids->len - 1]);
  if (results->options & RETURN_COUNT)
    put_format (w, " COUNT %u", ids->len);
  if (results->options & RETURN_ALL && ids->len) {
    PUT (w, " ALL ");
    put_numbers (w, numbers, ids->len);
  }
  if (results->options & RETURN_PARTIAL)
    tell_partial (w, results, ids);
  if (results->options & RETURN_RELEVANCY && ids->len) {
    PUT (w, " RELEVANCY (100");
    for (guint i = 1; i < ids->len; i++)
      PUT (w, " 100");
    put_char (w, ')');
  }
  if (modseq)
    put_format (w, " MODSEQ %" G_GUINT64_FORMAT, modseq);
  PUT (w, "\r\n");
}

static gint
ascending (gconstpointer a, gconstpointer b) {
  uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
  return left < right ? -1 : left > right;
}

void
results_forget (struct session *s) {
  if (s->selected && s->selected->saved)
    g_array_unref (s->selected->saved);
  if (s->selected)
    s->selected->saved = NULL;
}

/* RFC 5182 section 2.1, RFC 9394 section 3.1: with MIN, MAX and PARTIAL only what they tell. */
void
results_save (struct session *s, const struct results *results, const GArray *uids) {
  g_autoptr (GArray) kept = g_array_new (FALSE, FALSE, sizeof (uint32_t));
  const uint32_t *all = (const uint32_t *)(void *)uids->data;
  unsigned options = results->options;
  if (options & (RETURN_ALL | RETURN_COUNT)
      || !(options & (RETURN_MIN | RETURN_MAX | RETURN_PARTIAL)))
    g_array_append_vals (kept, all, uids->len);
  else {
    guint from, to;
    if (options & RETURN_MIN && uids->len)
      g_array_append_val (kept, all[0]);
    if (options & RETURN_MAX && uids->len)
      g_array_append_val (kept, all[uids->len - 1]);
    if (options & RETURN_PARTIAL) {
      results_partial (results, uids->len, &from, &to);
      g_array_append_vals (kept, all + from, to - from);
    }
  }
  g_array_sort (kept, ascending);
  results_forget (s);
  s->selected->saved = g_array_new (FALSE, FALSE, sizeof (struct ptn_uid_range));
  for (guint i = 0; i < kept->len; i++) {
    uint32_t uid = g_array_index (kept, uint32_t, i);
    if (i == 0 || g_array_index (kept, uint32_t, i - 1) != uid)
      set_append (s->selected->saved, uid);
  }
}
