/* SPDX-License-Identifier: Apache-2.0 */
/* structure.c - the digest of the message in progress.  The store has it from the arrival of the mail;
 * where it has none, or not all of it, the mail is streamed through a builder, and the store may
 * remember what came out. */
#include "common/text/preview.h"
#include "fetch/fetch.h"

#define PIECE (64 * 1024)

void
fetch_structure_end (struct fetch *f) {
  if (f->builder)
    mime_builder_free (&f->builder);
  if (f->preview)
    g_string_free (f->preview, TRUE);
  if (f->preview_octets)
    g_string_free (f->preview_octets, TRUE);
  f->preview = f->preview_octets = NULL;
  f->has_digest = f->digest_failed = false;
}

static void
close_source (struct session *s, struct fetch *f) {
  if (f->source)
    f->source->ops->close (f->source);
  f->source = NULL;
  s->imap4->host->call_end (&f->read_call);
}

static ptn_status
give_up (struct session *s, struct fetch *f, ptn_status status) {
  close_source (s, f);
  fetch_failed (s, f, status);
  f->digest_failed = true;
  return PTN_OK;
}

static void
remember (struct session *s, struct fetch *f) {
  struct ptn_bytes digest = mime_builder_finish (f->builder, MIME_DIGEST_MAX);
  const struct ptn_store *store = s->imap4->store;
  if (PTN_CAN (store, remember) && !s->selected->read_only)
    store->remember (s->user->account, &s->selected->mailbox, f->uid, digest);
}

/* All of the mail passes through the builder. */
static ptn_status
build (struct session *s, struct fetch *f, bool *others) {
  const struct ptn_store *store = s->imap4->store;
  ptn_status status;
  f->has_digest = false;
  if (!f->builder)
    f->builder = mime_builder_new ();
  if (!f->source) {
    status = store->read (s->user->account, &f->read_call, &s->selected->mailbox, f->uid, 0,
                          UINT64_MAX, &f->source);
    if (status == PTN_PENDING)
      return status;
    if (status != PTN_OK) {
      f->source = NULL;
      return give_up (s, f, status);
    }
  }
  for (;;) {
    struct ptn_chunk chunk = { .fd = -1 };
    status = f->source->ops->read (f->source, s->task, PIECE, &chunk);
    if (status == PTN_PENDING)
      return status;
    if (status == PTN_END)
      break;
    if (status != PTN_OK || !chunk_load (&chunk))
      return give_up (s, f, status != PTN_OK ? status : PTN_E_TEMPORARY);
    mime_builder_feed (f->builder, chunk.data, chunk.size);
    chunk_release (&chunk);
    if (s->imap4->host->budget_spent (s->task)) {
      *others = true;
      return PTN_OK;
    }
  }
  close_source (s, f);
  remember (s, f);
  if (mime_digest_open (mime_builder_finish (f->builder, SIZE_MAX), &f->digest) != PTN_OK)
    return give_up (s, f, PTN_E_CORRUPT);
  f->has_digest = true;
  return PTN_OK;
}

ptn_status
fetch_structure (struct session *s, struct fetch *f, enum mime_member member, bool *others) {
  if (f->digest_failed)
    return PTN_OK;
  if (!f->has_digest && !f->builder && f->row->items & PTN_FETCH_DIGEST) {
    f->has_digest = mime_digest_open (f->row->digest, &f->digest) == PTN_OK;
    /* It speaks of octets that are not these. */
    if (f->has_digest && f->row->items & PTN_FETCH_SIZE && f->digest.octets != f->row->octets)
      f->has_digest = false;
  }
  if (f->has_digest && (member == MIME_MEMBERS || mime_digest_has (&f->digest, member)))
    return PTN_OK;
  return build (s, f, others);
}

/* --- previews ------------------------------------------------------------------------------------------- */

/* Beside what is known already; the next one need not make it again. */
static void
remember_preview (struct session *s, struct fetch *f) {
  const struct ptn_store *store = s->imap4->store;
  struct ptn_bytes text = { f->preview->str, f->preview->len };
  if (!PTN_CAN (store, remember) || s->selected->read_only)
    return;
  if (f->builder) {
    mime_builder_preview (f->builder, text);
    remember (s, f);
    /* The builder's octets have moved. */
    if (mime_digest_open (mime_builder_finish (f->builder, SIZE_MAX), &f->digest) != PTN_OK)
      f->has_digest = false;
    return;
  }
  g_autofree unsigned char *room = g_malloc (MIME_DIGEST_MAX);
  size_t size = mime_digest_with_preview (f->row->digest, text, room, MIME_DIGEST_MAX);
  if (size)
    store->remember (s->user->account, &s->selected->mailbox, f->uid,
                     (struct ptn_bytes){ room, size });
}

ptn_status
fetch_preview (struct session *s, struct fetch *f, bool *others) {
  const struct ptn_store *store = s->imap4->store;
  uint64_t offset, size;
  ptn_status status;
  if (f->preview && !f->source)
    return PTN_OK; /* it was asked for twice */
  if (!f->source) {
    /* Where the text is, is told by the table of parts. */
    status = fetch_structure (s, f, MIME_PARTS, others);
    if (status != PTN_OK || *others || f->digest_failed)
      return status;
    if (!preview_range (&f->digest, &offset, &size) || !size) {
      f->preview = g_string_new (NULL);
      remember_preview (s, f);
      return PTN_OK;
    }
    status = store->read (s->user->account, &f->read_call, &s->selected->mailbox, f->uid, offset,
                          size, &f->source);
    if (status == PTN_PENDING)
      return status;
    if (status != PTN_OK) {
      f->source = NULL;
      return give_up (s, f, status);
    }
    f->preview_octets = g_string_new (NULL);
  }
  for (;;) {
    struct ptn_chunk chunk = { .fd = -1 };
    status = f->source->ops->read (f->source, s->task, PREVIEW_INPUT, &chunk);
    if (status == PTN_PENDING)
      return status;
    if (status == PTN_OK && chunk_load (&chunk)) {
      g_string_append_len (f->preview_octets, chunk.data, (gssize)chunk.size);
      chunk_release (&chunk);
      if (f->preview_octets->len < PREVIEW_INPUT)
        continue;
    } else if (status != PTN_END)
      give_up (s, f, status != PTN_OK ? status : PTN_E_TEMPORARY);
    break;
  }
  close_source (s, f);
  if (!f->digest_failed) {
    f->preview = g_string_new (NULL);
    preview_make (&f->digest, f->preview_octets->str, f->preview_octets->len, f->preview);
    remember_preview (s, f);
  }
  g_string_free (f->preview_octets, TRUE);
  f->preview_octets = NULL;
  return PTN_OK;
}
