/* SPDX-License-Identifier: Apache-2.0 */
/* note.c - see note.h. */
#include "mailbox/note.h"

void
note_clear (struct session *s, struct note *note) {
  if (note->cursor)
    s->imap4->store->close_cursor (note->cursor);
  if (note->change)
    s->imap4->store->end (note->change);
  *note = (struct note){ 0 };
}

/* The end of a step: what it gave is not needed any more. */
static ptn_status
done (struct session *s, struct note *note, ptn_status status) {
  s->imap4->host->call_end (&s->call);
  note_clear (s, note);
  return status == PTN_END ? PTN_OK : status;
}

ptn_status
note_read (struct session *s, struct note *note, const struct ptn_id *mailbox, const char *name,
           GBytes **value) {
  const struct ptn_store *store = s->imap4->store;
  const struct ptn_annotation *row;
  ptn_status status;
  *value = NULL;
  if (!note->cursor) {
    status = store->annotations (s->user->account, &s->call, mailbox, (struct ptn_uid_set){ 0 }, 0,
                                 name, &note->cursor);
    if (status == PTN_PENDING)
      return status;
    if (status != PTN_OK)
      return done (s, note, status == PTN_E_NOT_FOUND ? PTN_OK : status);
    s->imap4->host->call_end (&s->call);
  }
  status = store->next_annotation (note->cursor, &s->call, &row);
  if (status == PTN_PENDING)
    return status;
  if (status == PTN_OK)
    *value = g_bytes_new (row->value.data, row->value.size);
  return done (s, note, status);
}

enum { STAGE_BEGIN, STAGE_ANNOTATE, STAGE_COMMIT, STAGE_DONE };

ptn_status
note_write (struct session *s, struct note *note, const struct ptn_id *mailbox, const char *name,
            struct ptn_bytes value) {
  const struct ptn_store *store = s->imap4->store;
  for (; note->stage < STAGE_DONE; note->stage++) {
    ptn_status status;
    if (note->stage == STAGE_BEGIN)
      status = store->begin (s->user->account, &s->call, NULL, &note->change);
    else if (note->stage == STAGE_ANNOTATE)
      status =
          store->annotate (note->change, &s->call, mailbox, (struct ptn_uid_set){ 0 }, name, value);
    else
      status = store->commit (note->change, &s->call);
    if (status == PTN_PENDING)
      return status;
    if (status != PTN_OK)
      return done (s, note, status);
    s->imap4->host->call_end (&s->call);
  }
  return done (s, note, PTN_OK);
}
