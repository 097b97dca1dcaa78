/* SPDX-License-Identifier: Apache-2.0 */
/* filter.c - named search programs (RFC 5466): server annotations /private/filters/values/NAME, or else
 * /shared/filters/values/NAME, put in the place of FILTER keys.  How many there may be in one search is
 * limited, so that filters which name each other end. */
#include "search/search.h"

static void
undefined (struct session *s, const char *name, const char *text) {
  g_autofree char *code = g_strdup_printf ("UNDEFINED-FILTER %s", name);
  answer_no (s, code, text);
}

/* The value of one annotation of the account; PTN_END: it has none. */
static ptn_status
read_filter (struct session *s, struct search_work *work, const struct ptn_annotation **row) {
  const struct ptn_store *store = s->imap4->store;
  ptn_status status = PTN_OK;
  if (!PTN_CAN (store, annotations))
    return PTN_END;
  if (!work->cursor)
    status = store->annotations (s->user->account, &s->call, NULL, (struct ptn_uid_set){ 0 }, 0,
                                 work->filter_name, &work->cursor);
  if (status == PTN_OK)
    status = store->next_annotation (work->cursor, &s->call, row);
  return status;
}

static void
end_filter (struct session *s, struct search_work *work) {
  s->imap4->host->call_end (&s->call);
  if (work->cursor)
    s->imap4->store->close_cursor (work->cursor);
  work->cursor = NULL;
  g_clear_pointer (&work->filter_name, g_free);
}

/* True: the key is what the filter says. */
static bool
replace (struct session *s, struct search_work *work, struct key *key,
         const struct ptn_annotation *row) {
  struct reader r;
  reader_init (&r, row->value.data, row->value.size, true);
  g_autofree char *name = g_strdup (key->text);
  bool good = program_parse_filter (work->program, key, &r) == PROGRAM_OK;
  if (!good)
    undefined (s, name, r.error ? r.error : "the filter is malformed");
  reader_clear (&r);
  return good;
}

ptn_status
search_filters (struct session *s) {
  struct search_work *work = s->work;
  struct key *key;
  while ((key = program_filter (work->program))) {
    const struct ptn_annotation *row = NULL;
    if (!work->filter_name)
      work->filter_name =
          g_strdup_printf ("/%s/filters/values/%s", work->shared ? "shared" : "private", key->text);
    ptn_status status = read_filter (s, work, &row);
    if (status == PTN_PENDING)
      return status;
    bool good = status == PTN_OK && replace (s, work, key, row);
    end_filter (s, work);
    if (good) {
      work->shared = false;
      continue;
    }
    if (status == PTN_OK)
      return PTN_OK;
    if (status != PTN_END) {
      answer_failure (s, status, "the filter cannot be read");
      return PTN_OK;
    }
    if (work->shared) {
      undefined (s, key->text, "there is no such filter");
      return PTN_OK;
    }
    work->shared = true;
  }
  return PTN_END;
}
