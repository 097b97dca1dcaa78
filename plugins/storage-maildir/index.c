/* SPDX-License-Identifier: Apache-2.0 */
/* index.c - postern-index in each mailbox and postern-account in each Maildir: what Maildir has
 * no place for, as of a record of the log.
 *
 *   8 octets that say which file it is, CRC-32 of the rest (4 octets, little-endian), then
 *   varints, texts and ids as `index_save` and `account_save` write them.
 *
 * They are written whole and replaced by renaming.  One that is lost or broken costs modseqs,
 * save dates, annotations and keywords beyond the 26th; mail, UIDs and flags are in the Maildir. */
#include "maildir.h"

#include <errno.h>

#define INDEX_MAX (2047 * 1024 * 1024)
#define HEAD 12

static const char index_magic[8] = "PTNMIDX1", account_magic[8] = "PTNMACC1";

/* The payload, still in *data; false: there is none to use. */
static bool
load (const struct owner *owner, const char *path, const char *kind, char **data,
      struct octets *in) {
  size_t size = 0;
  if (!file_read (path, INDEX_MAX, data, &size)) {
    if (errno != ENOENT)
      complain (owner->store, PTN_LOG_ERROR, "maildir.index-bad", owner->name, path,
                g_strerror (errno));
    return false;
  }
  const uint8_t *octets = (const uint8_t *)*data;
  uint32_t crc = 0;
  for (int i = 0; size >= HEAD && i < 4; i++)
    crc |= (uint32_t)octets[8 + i] << 8 * i;
  if (size < HEAD || memcmp (*data, kind, 8) != 0
      || crc32_of (0, octets + HEAD, size - HEAD) != crc) {
    complain (owner->store, PTN_LOG_ERROR, "maildir.index-bad", owner->name, path,
              "its checksum is wrong; it is made anew");
    return false;
  }
  *in = (struct octets){ octets + HEAD, octets + size, false };
  return true;
}

static GByteArray *
save_begin (const char *kind) {
  GByteArray *out = g_byte_array_new ();
  g_byte_array_append (out, (const uint8_t *)kind, 8);
  g_byte_array_set_size (out, HEAD);
  return out;
}

static bool
save_end (const struct owner *owner, const char *path, GByteArray *out) {
  uint32_t crc = crc32_of (0, out->data + HEAD, out->len - HEAD);
  for (int i = 0; i < 4; i++)
    out->data[8 + i] = (uint8_t)(crc >> 8 * i);
  if (file_replace (path, out->data, out->len))
    return true;
  complain (owner->store, PTN_LOG_ERROR, "maildir.index-write", owner->name, path,
            g_strerror (errno));
  return false;
}

bool
index_save (struct mailbox *mailbox) {
  g_autoptr (GByteArray) out = save_begin (index_magic);
  g_autofree char *path = g_build_filename (mailbox->directory, "postern-index", NULL);
  put_id (out, &mailbox->id);
  put_number (out, mailbox->owner->lsn);
  put_number (out, mailbox->uidvalidity);
  put_number (out, mailbox->uidnext);
  put_number (out, mailbox->modseq);
  put_number (out, mailbox->floor);
  put_number (out, mailbox->recent);
  put_number (out, mailbox->uses);
  put_number (out, mailbox->keywords->len);
  for (guint i = 0; i < mailbox->keywords->len; i++)
    put_text (out, mailbox->keywords->pdata[i]);
  notes_put (out, mailbox->notes);
  put_number (out, mailbox->vanished->len);
  for (guint i = 0; i < mailbox->vanished->len; i++) {
    const struct vanished *row = &g_array_index (mailbox->vanished, struct vanished, i);
    put_number (out, row->modseq);
    put_number (out, row->uid);
  }
  put_number (out, mailbox->messages->len);
  for (guint i = 0; i < mailbox->messages->len; i++) {
    const struct message *message = mailbox->messages->pdata[i];
    entry_message (out, message);
    notes_put (out, message->notes);
  }
  if (!save_end (mailbox->owner, path, out))
    return false;
  mailbox->lsn = mailbox->owner->lsn;
  mailbox->dirty = false;
  return true;
}

static void
load_rows (struct mailbox *mailbox, struct octets *in) {
  uint64_t count = get_number (in);
  for (uint64_t i = 0; i < count && !in->bad; i++) {
    struct vanished row = { get_number (in), get_number32 (in) };
    g_array_append_val (mailbox->vanished, row);
  }
  count = get_number (in);
  uint32_t before = 0;
  for (uint64_t i = 0; i < count && !in->bad; i++) {
    struct message *message = message_get (in);
    if (!message)
      break;
    message->notes = notes_get (in);
    if (message->uid <= before)
      in->bad = true;
    before = message->uid;
    g_ptr_array_add (mailbox->messages, message);
  }
}

void
index_load (struct mailbox *mailbox) {
  g_autofree char *path = g_build_filename (mailbox->directory, "postern-index", NULL);
  g_autofree char *data = NULL;
  struct octets in;
  struct ptn_id id = mailbox->id;
  mailbox_forget (mailbox);
  if (load (mailbox->owner, path, index_magic, &data, &in)) {
    id = get_id (&in);
    mailbox->lsn = get_number (&in);
    mailbox->uidvalidity = get_number32 (&in);
    mailbox->uidnext = get_number32 (&in);
    mailbox->modseq = get_number (&in);
    mailbox->floor = get_number (&in);
    mailbox->recent = get_number32 (&in);
    mailbox->uses = get_number32 (&in);
    uint64_t words = get_number (&in);
    for (uint64_t i = 0; i < words && i < KEYWORDS_MAX && !in.bad; i++) {
      char *word = get_text (&in);
      if (word)
        g_ptr_array_add (mailbox->keywords, word);
    }
    mailbox->notes = notes_get (&in);
    load_rows (mailbox, &in);
    /* A folder that was copied or put back is another mailbox: its numbers are not this one's. */
    if (in.bad || !id_same (&id, &mailbox->id)) {
      mailbox_forget (mailbox);
      mailbox->uidvalidity = 0;
    }
  } else
    mailbox->uidvalidity = 0;
  mailbox->loaded = mailbox->unsettled = true;
  mailbox->looked = 0;
}

static void
put_token (gpointer key, gpointer value, gpointer out) {
  const struct token *token = value;
  gsize size;
  const void *octets = g_bytes_get_data (token->outcomes, &size);
  put_id (out, key);
  put_signed (out, token->time);
  put_block (out, octets, size);
}

/* Tokens that are too old to be asked for. */
static gboolean
token_old (gpointer key, gpointer value, gpointer now) {
  return ((struct token *)value)->time + TOKEN_SECONDS < *(int64_t *)now;
}

bool
account_save (struct owner *owner) {
  g_autoptr (GByteArray) out = save_begin (account_magic);
  g_autofree char *path = g_build_filename (owner->directory, "postern-account", NULL);
  int64_t now = g_get_real_time () / G_USEC_PER_SEC;
  g_hash_table_foreach_remove (owner->tokens, token_old, &now);
  put_number (out, owner->lsn);
  put_number (out, owner->last_uidvalidity);
  put_number (out, owner->storage_limit);
  put_number (out, owner->messages_limit);
  notes_put (out, owner->notes);
  put_number (out, g_hash_table_size (owner->tokens));
  g_hash_table_foreach (owner->tokens, put_token, out);
  if (!save_end (owner, path, out))
    return false;
  owner->account_lsn = owner->lsn;
  owner->dirty = false;
  return true;
}

void
account_load (struct owner *owner) {
  g_autofree char *path = g_build_filename (owner->directory, "postern-account", NULL);
  g_autofree char *data = NULL;
  struct octets in;
  if (!load (owner, path, account_magic, &data, &in))
    return;
  owner->account_lsn = owner->lsn = get_number (&in);
  owner->last_uidvalidity = get_number32 (&in);
  owner->storage_limit = get_number (&in);
  owner->messages_limit = get_number (&in);
  owner->notes = notes_get (&in);
  uint64_t tokens = get_number (&in);
  for (uint64_t i = 0; i < tokens && !in.bad; i++) {
    struct ptn_id id = get_id (&in);
    int64_t time = get_signed (&in);
    struct ptn_bytes outcomes = get_block (&in);
    if (in.bad)
      break;
    struct token *token = g_new (struct token, 1);
    *token = (struct token){ time, g_bytes_new (outcomes.data, outcomes.size) };
    g_hash_table_replace (owner->tokens, g_memdup2 (&id, sizeof id), token);
  }
}
