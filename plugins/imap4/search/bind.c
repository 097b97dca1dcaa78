/* SPDX-License-Identifier: Apache-2.0 */
/* bind.c - what keys mean in one mailbox: numbers as UIDs, keywords as bits, annotations as UIDs. */
#include "search/run_private.h"

#include "annotation/annotation.h"
#include "common/uid_set.h"
#include "selected/selected.h"

static GArray *
ranges_new (void) {
  return g_array_new (FALSE, FALSE, sizeof (struct ptn_uid_range));
}

/* Numbers are those of the view that the client knows. */
static GArray *
bind_numbers (struct search_run *run, const struct key *key) {
  const struct ptn_view *told = run->s->selected->told;
  g_autoptr (GArray) ranges = sequence_set_ranges (&key->set, told->count);
  GArray *uids = ranges_new ();
  for (guint i = 0; i < ranges->len; i++) {
    struct ptn_uid_range range = g_array_index (ranges, struct ptn_uid_range, i);
    for (uint32_t n = range.first; n <= range.last && n <= told->count; n++)
      set_append (uids, told->uid[n - 1]);
  }
  return uids;
}

static GArray *
bind_uids (struct search_run *run, const struct key *key) {
  const struct ptn_view *view = run->selected ? run->s->selected->told : run->view;
  return sequence_set_ranges (&key->set, view->count ? view->uid[view->count - 1] : 0);
}

static ptn_flag_bits
bind_keyword (const struct ptn_view *view, const char *name) {
  for (size_t i = 0; i < view->keywords.count && i < 48; i++)
    if (g_ascii_strcasecmp (view->keywords.items[i], name) == 0)
      return (ptn_flag_bits)1 << (16 + i);
  return 0;
}

void
run_bind (struct search_run *run) {
  const GPtrArray *keys = run->program->keys;
  run->bindings = g_new0 (struct binding, run->program->slots + 1);
  for (guint i = 0; i < keys->len; i++) {
    const struct key *key = keys->pdata[i];
    struct binding *binding = &run->bindings[key->slot];
    if (key->kind == KEY_NUMBERS)
      binding->uids = bind_numbers (run, key);
    else if (key->kind == KEY_UIDS)
      binding->uids = bind_uids (run, key);
    else if (key->kind == KEY_SAVED)
      binding->uids =
          run->s->selected->saved ? g_array_ref (run->s->selected->saved) : ranges_new ();
    else if (key->kind == KEY_KEYWORD)
      binding->mask = bind_keyword (run->view, key->text);
  }
}

void
run_unbind (struct search_run *run) {
  if (!run->bindings)
    return;
  for (unsigned i = 0; i < run->program->slots; i++)
    if (run->bindings[i].uids)
      g_array_unref (run->bindings[i].uids);
  g_clear_pointer (&run->bindings, g_free);
}

void
search_run_settle (const struct search_run *run, struct program *program) {
  for (guint i = 0; run->bindings && i < program->keys->len; i++) {
    struct key *key = program->keys->pdata[i];
    if (key->kind != KEY_NUMBERS && key->kind != KEY_SAVED)
      continue;
    const GArray *uids = run->bindings[key->slot].uids;
    sequence_set_clear (&key->set);
    key->set.ranges = g_memdup2 (uids->data, uids->len * sizeof (struct ptn_uid_range));
    key->set.count = uids->len;
    key->kind = KEY_UIDS;
  }
  program->numbers = program->saved = false;
}

static bool
has_value (const struct search_run *run, const struct key *key, const struct ptn_annotation *row) {
  bool own;
  const char *entry = annotation_entry (row->name, &own);
  return entry && key->mask & (own ? ANNOTATION_VALUE_PRIVATE : ANNOTATION_VALUE_SHARED)
         && annotation_matches (key->text, entry)
         && comparator_contains (run->comparator, row->value.data, row->value.size, key->value,
                                 key->number);
}

/* All annotations of the mailbox, for one key. */
static ptn_status
bind_annotations (struct search_run *run, const struct key *key) {
  const struct ptn_store *store = run->s->imap4->store;
  struct binding *binding = &run->bindings[key->slot];
  const struct ptn_annotation *row;
  ptn_status status = PTN_OK;
  if (!binding->uids)
    binding->uids = ranges_new ();
  if (!run->cursor)
    status = store->annotations (run->s->user->account, &run->row_call, &run->mailbox,
                                 (struct ptn_uid_set){ 0 }, 1, NULL, &run->cursor);
  while (status == PTN_OK) {
    status = store->next_annotation (run->cursor, &run->row_call, &row);
    if (status != PTN_OK)
      break;
    if (row->uid && has_value (run, key, row) && !set_contains (SET_OF (binding->uids), row->uid))
      set_append (binding->uids, row->uid);
    run->s->imap4->host->call_end (&run->row_call);
  }
  if (status == PTN_PENDING)
    return status;
  run->s->imap4->host->call_end (&run->row_call);
  if (run->cursor)
    store->close_cursor (run->cursor);
  run->cursor = NULL;
  return status;
}

ptn_status
run_annotations (struct search_run *run) {
  const GPtrArray *keys = run->program->keys;
  if (!PTN_CAN (run->s->imap4->store, annotations))
    return PTN_END;
  for (; run->annotation < keys->len; run->annotation++) {
    const struct key *key = keys->pdata[run->annotation];
    if (key->kind != KEY_ANNOTATION)
      continue;
    ptn_status status = bind_annotations (run, key);
    if (status != PTN_END)
      return status;
  }
  return PTN_END;
}
