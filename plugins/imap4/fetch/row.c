/* SPDX-License-Identifier: Apache-2.0 */
/* row.c - "* 5 FETCH (...)": the items of one message, in the order they were asked for. */
#include "common/mime/envelope.h"
#include "fetch/convert.h"

void
fetch_begin_item (struct session *s, struct fetch *f) {
  if (f->begun)
    put_char (&s->out, ' ');
  else if (f->program.conversion) {
    put_format (&s->out, "* %u CONVERTED (TAG ", f->number);
    put_string (&s->out, s->tag, strlen (s->tag), false);
    PUT (&s->out, ") (");
  } else
    put_fetch (s, f->number, f->uid, false);
  f->begun = true;
}

/* --- what the view knows ---------------------------------------------------------------------------- */

static void
write_flags (struct session *s, struct fetch *f) {
  bool recent = f->uid >= s->selected->recent_from;
  if (!f->text || f->text_flags != f->flags || f->text_recent != recent) {
    struct writer w = { 0 };
    put_flags (s, &w, f->marked && f->now ? f->now : s->selected->told, f->uid, f->flags);
    if (!f->text)
      f->text = g_string_sized_new (128);
    g_string_truncate (f->text, 0);
    g_string_append_len (f->text, w.data, (gssize)w.size);
    writer_clear (&w);
    f->text_flags = f->flags;
    f->text_recent = recent;
  }
  PUT (&s->out, "FLAGS ");
  put (&s->out, f->text->str, f->text->len);
}

static void
write_modseq (struct session *s, struct fetch *f) {
  PUT (&s->out, "MODSEQ (");
  put_number (&s->out, MAX (f->modseq, 1));
  put_char (&s->out, ')');
}

/* --- what the store's row knows ----------------------------------------------------------------------- */

static void
write_id (struct session *s, struct fetch *f, const char *name, char prefix,
          const struct ptn_id *id, unsigned capability) {
  put_text (&s->out, name);
  if (!(f->row->items & PTN_FETCH_IDS) || !(s->imap4->store->capabilities & capability)) {
    PUT (&s->out, " NIL");
    return;
  }
  PUT (&s->out, " (");
  put_id (&s->out, prefix, id);
  put_char (&s->out, ')');
}

static void
write_save_date (struct session *s, struct fetch *f) {
  PUT (&s->out, "SAVEDATE ");
  if (f->row->items & PTN_FETCH_DATES && s->imap4->store->capabilities & PTN_STORE_SAVE_DATE)
    put_date_time (&s->out, f->row->save_date);
  else
    PUT (&s->out, "NIL");
}

/* --- what the digest knows ---------------------------------------------------------------------------- */

static void
write_member (struct session *s, struct fetch *f, const char *name, enum mime_member member,
              bool *others) {
  const struct ptn_bytes *text = &f->digest.members[member];
  put_text (&s->out, name);
  fetch_put (s, f, text->data, text->size, others);
}

static ptn_status
write_body (struct session *s, struct fetch *f, bool *others) {
  g_autoptr (GString) body = g_string_sized_new (f->digest.members[MIME_STRUCTURE].size);
  ptn_status status = mime_body_append (f->digest.members[MIME_STRUCTURE], body);
  if (status != PTN_OK)
    return status;
  fetch_begin_item (s, f);
  PUT (&s->out, "BODY ");
  fetch_put (s, f, body->str, body->len, others);
  return PTN_OK;
}

static ptn_status
structure_item (struct session *s, struct fetch *f, const struct item *item, bool *others) {
  enum mime_member member = item->kind == ITEM_ENVELOPE ? MIME_ENVELOPE : MIME_STRUCTURE;
  ptn_status status = fetch_structure (s, f, member, others);
  if (status != PTN_OK || *others || f->digest_failed)
    return status; /* without an answer for this item */
  if (item->kind == ITEM_BODY) {
    status = write_body (s, f, others);
    if (status != PTN_OK)
      fetch_failed (s, f, status);
    return PTN_OK;
  }
  fetch_begin_item (s, f);
  if (item->kind == ITEM_ENVELOPE)
    write_member (s, f, "ENVELOPE ", MIME_ENVELOPE, others);
  else
    write_member (s, f, "BODYSTRUCTURE ", MIME_STRUCTURE, others);
  return PTN_OK;
}

static ptn_status
preview_item (struct session *s, struct fetch *f, const struct item *item, bool *others) {
  ptn_status status = fetch_structure (s, f, MIME_MEMBERS, others);
  if (status != PTN_OK || *others)
    return status;
  bool there = f->has_digest && mime_digest_has (&f->digest, MIME_PREVIEW);
  /* LAZY: what is not there already comes another time (RFC 8970 section 3.2). */
  if (!there && !f->digest_failed && item->kind == ITEM_PREVIEW) {
    status = fetch_preview (s, f, others);
    if (status != PTN_OK || *others)
      return status;
  }
  fetch_begin_item (s, f);
  PUT (&s->out, "PREVIEW ");
  if (there)
    put_string (&s->out, f->digest.members[MIME_PREVIEW].data, f->digest.members[MIME_PREVIEW].size,
                session_utf8 (s));
  else if (f->preview)
    put_string (&s->out, f->preview->str, f->preview->len, session_utf8 (s));
  else
    PUT (&s->out, "NIL");
  return PTN_OK;
}

/* --- annotations (RFC 5257) ---------------------------------------------------------------------------- */

static ptn_status
annotation_item (struct session *s, struct fetch *f) {
  const struct ptn_store *store = s->imap4->store;
  const struct ptn_annotation *row;
  ptn_status status = PTN_OK;
  if (!f->annotations)
    f->annotations = annotation_values_new ();
  if (!f->annotation_cursor) {
    f->annotation_uid = (struct ptn_uid_range){ f->uid, f->uid };
    status = store->annotations (s->user->account, &f->call, &s->selected->mailbox,
                                 (struct ptn_uid_set){ &f->annotation_uid, 1 }, 0, NULL,
                                 &f->annotation_cursor);
    if (status == PTN_PENDING)
      return status;
    if (status != PTN_OK)
      f->annotation_cursor = NULL;
  }
  while (status == PTN_OK) {
    status = store->next_annotation (f->annotation_cursor, &f->read_call, &row);
    if (status == PTN_PENDING)
      return status;
    if (status == PTN_OK)
      annotation_values_add (f->annotations, row->name, row->value);
    s->imap4->host->call_end (&f->read_call);
  }
  s->imap4->host->call_end (&f->read_call);
  if (f->annotation_cursor)
    store->close_cursor (f->annotation_cursor);
  f->annotation_cursor = NULL;
  s->imap4->host->call_end (&f->call);
  struct writer w = { 0 };
  if (annotation_put (&w, &f->program.annotations, f->annotations, session_utf8 (s))) {
    fetch_begin_item (s, f);
    PUT (&s->out, "ANNOTATION ");
    put (&s->out, w.data, w.size);
  }
  writer_clear (&w);
  g_clear_pointer (&f->annotations, g_array_unref);
  if (status != PTN_END)
    fetch_failed (s, f, status);
  return PTN_OK;
}

/* --- all ------------------------------------------------------------------------------------------------- */

static ptn_status
write_item (struct session *s, struct fetch *f, const struct item *item, bool *others) {
  struct writer *w = &s->out;
  switch (item->kind) {
  case ITEM_ENVELOPE:
  case ITEM_BODY:
  case ITEM_BODYSTRUCTURE:
    return structure_item (s, f, item, others);
  case ITEM_PREVIEW:
  case ITEM_PREVIEW_LAZY:
    return preview_item (s, f, item, others);
  case ITEM_ANNOTATION:
    return annotation_item (s, f);
  case ITEM_SECTION:
  case ITEM_BINARY:
  case ITEM_BINARY_SIZE:
    return fetch_literal (s, f, item, others);
  case ITEM_CONVERT:
  case ITEM_CONVERT_SIZE:
  case ITEM_CONVERT_STRUCTURE:
  case ITEM_CONVERT_HEADER:
  case ITEM_CONVERT_AVAILABLE:
    return fetch_convert (s, f, item, others);
  default:
    break;
  }
  fetch_begin_item (s, f);
  switch (item->kind) {
  case ITEM_UID:
    PUT (w, "UID ");
    put_number (w, f->uid);
    break;
  case ITEM_FLAGS:
    write_flags (s, f);
    break;
  case ITEM_MODSEQ:
    write_modseq (s, f);
    break;
  case ITEM_INTERNALDATE:
    PUT (w, "INTERNALDATE ");
    put_date_time (w, f->row->internal_date);
    break;
  case ITEM_SIZE:
    PUT (w, "RFC822.SIZE ");
    put_number (w, f->row->octets);
    break;
  case ITEM_EMAILID:
    write_id (s, f, "EMAILID", 'M', &f->row->email_id, PTN_STORE_OBJECT_IDS);
    break;
  case ITEM_THREADID:
    write_id (s, f, "THREADID", 'T', &f->row->thread_id, PTN_STORE_THREADS);
    break;
  default: /* ITEM_SAVEDATE */
    write_save_date (s, f);
    break;
  }
  return PTN_OK;
}

/* \Seen that this command set is told with the rest (RFC 9051 section 6.4.5), with its modseq where
 * that is wanted (RFC 7162 section 3.1.4.1). */
static void
write_seen (struct session *s, struct fetch *f) {
  bool flags = false, modseq = !(s->enabled & ENABLED_CONDSTORE), uid = false;
  for (guint i = 0; i < f->program.items->len; i++) {
    enum item_kind kind = g_array_index (f->program.items, struct item, i).kind;
    flags |= kind == ITEM_FLAGS;
    modseq |= kind == ITEM_MODSEQ;
    uid |= kind == ITEM_UID;
  }
  if (!uid && s->enabled & ENABLED_QRESYNC && !(s->enabled & ENABLED_UIDONLY)) {
    fetch_begin_item (s, f);
    PUT (&s->out, "UID ");
    put_number (&s->out, f->uid);
  }
  if (!flags) {
    fetch_begin_item (s, f);
    write_flags (s, f);
  }
  if (!modseq) {
    fetch_begin_item (s, f);
    write_modseq (s, f);
  }
}

ptn_status
fetch_row (struct session *s, struct fetch *f, bool *others) {
  const struct item *items = (const struct item *)(void *)f->program.items->data;
  for (; f->item < f->program.items->len; f->item++) {
    ptn_status status = session_room (s);
    if (status == PTN_OK && f->direct) /* what went past s->out counts too */
      status = s->imap4->stream->drained (s->stream, s->task, OUTPUT_BELOW);
    if (status == PTN_OK) {
      f->direct = false;
      status = write_item (s, f, &items[f->item], others);
    }
    if (status != PTN_OK || *others)
      return status;
  }
  if (f->marked && f->now)
    write_seen (s, f);
  fetch_structure_end (f);
  if (f->begun)
    PUT (&s->out, ")\r\n");
  return PTN_OK;
}
