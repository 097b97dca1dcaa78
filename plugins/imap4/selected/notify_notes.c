/* SPDX-License-Identifier: Apache-2.0 */
/* notify_notes.c - MailboxMetadataChange and ServerMetadataChange (RFC 5465 section 5.6 and 5.7): an
 * event says that some annotation changed; which, is found by comparing checksums. */
#include "selected/notify.h"

static bool
is_metadata (const char *name) {
  return g_str_has_prefix (name, "/private/") || g_str_has_prefix (name, "/shared/");
}

static void
add_note (GHashTable *notes, const struct ptn_annotation *row) {
  if (is_metadata (row->name))
    g_hash_table_insert (notes, g_strdup (row->name),
                         g_compute_checksum_for_data (G_CHECKSUM_MD5, row->value.data,
                                                      row->value.size));
}

/* Names that are in one and not, or otherwise, in the other. */
static void
add_different (GHashTable *names, GHashTable *one, GHashTable *other) {
  GHashTableIter iterator;
  void *name, *sum;
  g_hash_table_iter_init (&iterator, one);
  while (g_hash_table_iter_next (&iterator, &name, &sum))
    if (g_strcmp0 (sum, g_hash_table_lookup (other, name)) != 0)
      g_hash_table_add (names, name);
}

static int
by_name (const void *a, const void *b) {
  return strcmp (*(const char *const *)a, *(const char *const *)b);
}

static void
tell (struct session *s, const char *mailbox, GHashTable *before, GHashTable *now) {
  g_autoptr (GHashTable) different = g_hash_table_new (g_str_hash, g_str_equal);
  add_different (different, before, now);
  add_different (different, now, before);
  guint count = 0;
  g_autofree void **names = g_hash_table_get_keys_as_array (different, &count);
  if (!count)
    return;
  qsort (names, count, sizeof *names, by_name);
  PUT (&s->out, "* METADATA ");
  if (*mailbox)
    put_mailbox (&s->out, mailbox, session_utf8 (s));
  else
    PUT (&s->out, "\"\"");
  for (guint i = 0; i < count; i++) {
    put_char (&s->out, ' ');
    put_astring (&s->out, names[i], strlen (names[i]), session_utf8 (s));
  }
  PUT (&s->out, "\r\n");
}

ptn_status
notify_read_notes (struct session *s, struct notify *notify, struct notify_box *box) {
  const struct ptn_store *store = s->imap4->store;
  const struct ptn_annotation *row;
  ptn_status status;
  GHashTable **known = box ? &box->notes : &notify->account_notes;
  if (!notify->cursor) {
    status = store->annotations (s->user->account, &s->call, box ? &box->row.id : NULL,
                                 (struct ptn_uid_set){ 0 }, 0, NULL, &notify->cursor);
    if (status == PTN_PENDING)
      return status;
    s->imap4->host->call_end (&s->call);
    if (status != PTN_OK)
      return PTN_OK; /* it may not be read, or is gone: nothing to tell */
    g_clear_pointer (&notify->reading, g_hash_table_unref);
    notify->reading = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  }
  while ((status = store->next_annotation (notify->cursor, &s->call, &row)) == PTN_OK) {
    add_note (notify->reading, row);
    s->imap4->host->call_end (&s->call);
  }
  if (status == PTN_PENDING)
    return status;
  s->imap4->host->call_end (&s->call);
  store->close_cursor (g_steal_pointer (&notify->cursor));
  if (*known)
    tell (s, box ? box->row.name : "", *known, notify->reading);
  if (*known)
    g_hash_table_unref (*known);
  *known = g_steal_pointer (&notify->reading);
  return PTN_OK;
}
