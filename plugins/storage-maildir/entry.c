/* SPDX-License-Identifier: Apache-2.0 */
/* entry.c - what a record of the log is made of, and how the model takes it in.
 *
 * The one who makes a change and the one who replays it after a crash both go through
 * record_apply, so that they cannot disagree.  Files are not touched here: what is to be done
 * with them is noted (todo, unlisted, ghosts) for settle.c. */
#include "maildir.h"

#include "filename.h"

static void
begin (GByteArray *out, enum entry_kind kind) {
  uint8_t octet = (uint8_t)kind;
  g_byte_array_append (out, &octet, 1);
}

void
entry_box (GByteArray *out, const struct mailbox *mailbox, uint64_t modseq, uint32_t uidnext) {
  begin (out, ENTRY_BOX);
  put_id (out, &mailbox->id);
  put_number (out, mailbox->uidvalidity);
  put_number (out, modseq);
  put_number (out, uidnext);
}

enum { BIT_IN_NEW = 1, BIT_UNPLACED = 2, BIT_EXACT = 4, BIT_ENDING = 8 /* two bits */ };

void
entry_message (GByteArray *out, const struct message *message) {
  put_number (out, message->uid);
  put_number (out, (message->in_new ? BIT_IN_NEW : 0u) | (message->unplaced ? BIT_UNPLACED : 0u)
                       | (message->exact ? BIT_EXACT : 0u) | message->ending * BIT_ENDING);
  put_number (out, message->flags);
  put_number (out, message->modseq);
  put_signed (out, message->internal_date);
  put_signed (out, message->save_date);
  put_number (out, message->file_size);
  put_number (out, message->size);
  put_id (out, &message->email_id);
  put_text (out, message->name);
}

struct message *
message_get (struct octets *in) {
  struct message *message = g_new0 (struct message, 1);
  struct file_name name;
  message->uid = get_number32 (in);
  uint64_t bits = get_number (in);
  message->in_new = bits & BIT_IN_NEW ? 1 : 0;
  message->unplaced = bits & BIT_UNPLACED ? 1 : 0;
  message->exact = bits & BIT_EXACT ? 1 : 0;
  message->ending = bits / BIT_ENDING & 3;
  message->flags = get_number (in);
  message->modseq = get_number (in);
  message->internal_date = get_signed (in);
  message->save_date = get_signed (in);
  message->file_size = get_number (in);
  message->size = get_number (in);
  message->email_id = get_id (in);
  message->name = get_text (in);
  if (in->bad || message->uid == 0 || !file_name_parse (message->name, &name)) {
    in->bad = true;
    message_free (message);
    return NULL;
  }
  message->base = (uint16_t)name.base;
  return message;
}

void
entry_add (GByteArray *out, const struct message *message) {
  begin (out, ENTRY_ADD);
  entry_message (out, message);
  notes_put (out, message->notes);
}

void
entry_flags (GByteArray *out, uint32_t uid, ptn_flag_bits flags) {
  begin (out, ENTRY_FLAGS);
  put_number (out, uid);
  put_number (out, flags);
}

void
entry_expunge (GByteArray *out, struct ptn_uid_set uids) {
  begin (out, ENTRY_EXPUNGE);
  put_set (out, uids);
}

void
entry_notes (GByteArray *out, uint32_t uid, GTree *notes) {
  begin (out, ENTRY_NOTES);
  put_number (out, uid);
  notes_put (out, notes);
}

void
entry_note (GByteArray *out, enum entry_kind kind, const char *key, GBytes *value) {
  gsize size = 0;
  const void *octets = value ? g_bytes_get_data (value, &size) : NULL;
  begin (out, kind);
  put_text (out, key);
  put_number (out, value != NULL);
  put_block (out, octets, size);
}

void
entry_keyword (GByteArray *out, uint32_t index, const char *word) {
  begin (out, ENTRY_KEYWORD);
  put_number (out, index);
  put_text (out, word);
}

void
entry_number (GByteArray *out, enum entry_kind kind, uint32_t number) {
  begin (out, kind);
  put_number (out, number);
}

void
entry_rename (GByteArray *out, const struct ptn_id *id, const char *from, const char *to) {
  begin (out, ENTRY_RENAME);
  put_id (out, id);
  put_text (out, from);
  put_text (out, to);
}

void
entry_quota (GByteArray *out, uint64_t storage, uint64_t messages) {
  begin (out, ENTRY_QUOTA);
  put_number (out, storage);
  put_number (out, messages);
}

void
entry_token (GByteArray *out, const struct ptn_id *id, int64_t time, const GByteArray *outcomes) {
  begin (out, ENTRY_TOKEN);
  put_id (out, id);
  put_signed (out, time);
  put_block (out, outcomes->data, outcomes->len);
}

/* --- taking it in -------------------------------------------------------------------- */

struct taking {
  struct owner *owner;
  struct octets in;
  struct mailbox *mailbox; /* NULL: its entries are passed over */
  struct changed *changed;
  uint64_t modseq;
  bool replay;
};

static void
note_change (struct taking *taking, uint32_t kinds) {
  if (taking->changed)
    taking->changed->kinds |= kinds;
}

static void
todo_add (GArray *todo, uint32_t uid) {
  g_array_append_val (todo, uid);
}

static void
take_box (struct taking *taking, uint64_t lsn) {
  struct ptn_id id = get_id (&taking->in);
  uint32_t uidvalidity = get_number32 (&taking->in);
  taking->modseq = get_number (&taking->in);
  uint32_t uidnext = get_number32 (&taking->in);
  struct mailbox *mailbox = taking->in.bad ? NULL : box_by_id (taking->owner, &id);
  if (mailbox && taking->replay && !mailbox->loaded)
    index_load (mailbox);
  /* Not there any more, or there in another life, or its index has this already. */
  if (mailbox && taking->replay
      && (lsn <= mailbox->lsn || (mailbox->uidvalidity && mailbox->uidvalidity != uidvalidity)))
    mailbox = NULL;
  taking->mailbox = mailbox;
  taking->changed = NULL;
  if (!mailbox)
    return;
  /* Of a mailbox without an index nobody knows what vanished before the log: all that a new
   * one ever had is in it, and begins with 1. */
  if (taking->replay && mailbox->modseq == 0 && taking->modseq > 2)
    mailbox->floor = taking->modseq;
  mailbox->uidvalidity = uidvalidity;
  mailbox->uidnext = MAX (mailbox->uidnext, uidnext);
  mailbox->modseq = MAX (mailbox->modseq, taking->modseq);
  mailbox_touched (mailbox);
  struct changed changed = { id, 0, taking->modseq };
  g_array_append_val (taking->owner->changed, changed);
  taking->changed =
      &g_array_index (taking->owner->changed, struct changed, taking->owner->changed->len - 1);
}

static void
take_add (struct taking *taking) {
  struct message *message = message_get (&taking->in);
  GTree *notes = notes_get (&taking->in);
  struct mailbox *mailbox = taking->mailbox;
  if (taking->in.bad || !mailbox || mailbox_find (mailbox, message->uid)) {
    if (notes)
      g_tree_unref (notes);
    message_free (message);
    return;
  }
  message->notes = notes;
  g_autofree char *base = g_strndup (message->name, message->base);
  g_hash_table_remove (mailbox->ghosts, base);
  g_ptr_array_insert (mailbox->messages, (gint)mailbox_lower_bound (mailbox, message->uid),
                      message);
  todo_add (mailbox->todo, message->uid);
  todo_add (mailbox->unlisted, message->uid);
  note_change (taking, PTN_MESSAGE_APPEND);
}

static void
take_flags (struct taking *taking) {
  uint32_t uid = get_number32 (&taking->in);
  ptn_flag_bits flags = get_number (&taking->in);
  struct message *message =
      taking->mailbox && !taking->in.bad ? mailbox_find (taking->mailbox, uid) : NULL;
  if (!message)
    return;
  message->flags = flags;
  message->modseq = taking->modseq;
  todo_add (taking->mailbox->todo, uid);
  note_change (taking, PTN_FLAGS_CHANGE);
}

static void
trim_vanished (struct mailbox *mailbox) {
  guint most = mailbox->owner->store->tombstones, length = mailbox->vanished->len;
  if (length <= most + most / 4)
    return;
  guint gone = length - most;
  /* All of one modseq go together: of a part of them nobody could say what is known. */
  uint64_t floor = g_array_index (mailbox->vanished, struct vanished, gone - 1).modseq;
  while (gone < length && g_array_index (mailbox->vanished, struct vanished, gone).modseq == floor)
    gone++;
  mailbox->floor = floor;
  g_array_remove_range (mailbox->vanished, 0, gone);
}

static void
take_expunge (struct taking *taking) {
  g_autoptr (GArray) ranges = RANGES_NEW ();
  get_set (&taking->in, ranges);
  struct mailbox *mailbox = taking->mailbox;
  if (!mailbox || taking->in.bad || ranges->len == 0)
    return;
  struct ptn_uid_set set = SET_OF (ranges);
  guint kept = mailbox_lower_bound (mailbox, set.ranges[0].first);
  guint first = kept, count = mailbox->messages->len;
  for (guint i = first; i < count; i++) {
    struct message *message = mailbox->messages->pdata[i];
    if (!set_contains (set, message->uid)) {
      mailbox->messages->pdata[kept++] = message;
      continue;
    }
    struct vanished row = { taking->modseq, message->uid };
    g_array_append_val (mailbox->vanished, row);
    g_hash_table_insert (mailbox->ghosts, g_strndup (message->name, message->base),
                         message_file (mailbox, message));
    message_free (message);
  }
  /* The slots cut off were moved or freed above. */
  g_ptr_array_set_free_func (mailbox->messages, NULL);
  g_ptr_array_set_size (mailbox->messages, (gint)kept);
  g_ptr_array_set_free_func (mailbox->messages, (GDestroyNotify)message_free);
  trim_vanished (mailbox);
  note_change (taking, PTN_MESSAGE_EXPUNGE);
}

static void
take_keyword (struct taking *taking) {
  uint32_t index = get_number32 (&taking->in);
  g_autofree char *word = get_text (&taking->in);
  struct mailbox *mailbox = taking->mailbox;
  if (!mailbox || taking->in.bad || index >= KEYWORDS_MAX)
    return;
  while (mailbox->keywords->len <= index)
    g_ptr_array_add (mailbox->keywords, g_strdup_printf ("unknown-%u", mailbox->keywords->len));
  g_free (mailbox->keywords->pdata[index]);
  mailbox->keywords->pdata[index] = g_steal_pointer (&word);
  mailbox->words_changed |= index < LETTER_KEYWORDS;
}

static void
take_notes (struct taking *taking) {
  uint32_t uid = get_number32 (&taking->in);
  GTree *notes = notes_get (&taking->in);
  struct message *message =
      taking->mailbox && !taking->in.bad ? mailbox_find (taking->mailbox, uid) : NULL;
  if (!message) {
    if (notes)
      g_tree_unref (notes);
    return;
  }
  g_clear_pointer (&message->notes, g_tree_unref);
  message->notes = notes;
  message->modseq = taking->modseq;
  note_change (taking, PTN_ANNOTATION_CHANGE);
}

static void
take_note (struct taking *taking, enum entry_kind kind) {
  g_autofree char *key = get_text (&taking->in);
  bool is_set = get_number (&taking->in) != 0;
  struct ptn_bytes value = get_block (&taking->in);
  if (taking->in.bad || (kind == ENTRY_BOX_NOTE && !taking->mailbox))
    return;
  g_autoptr (GBytes) octets = is_set ? g_bytes_new (value.data, value.size) : NULL;
  notes_set (kind == ENTRY_BOX_NOTE ? &taking->mailbox->notes : &taking->owner->notes, key, octets);
  if (kind == ENTRY_BOX_NOTE) {
    note_change (taking, PTN_ANNOTATION_CHANGE);
    return;
  }
  struct changed changed = { .kinds = PTN_ANNOTATION_CHANGE };
  g_array_append_val (taking->owner->changed, changed);
  taking->owner->dirty = true;
  taking->changed = NULL;
  taking->mailbox = NULL;
}

static void
take_token (struct taking *taking, bool known) {
  struct ptn_id id = get_id (&taking->in);
  int64_t time = get_signed (&taking->in);
  struct ptn_bytes outcomes = get_block (&taking->in);
  if (taking->in.bad || known)
    return;
  struct token *token = g_new (struct token, 1);
  *token = (struct token){ time, g_bytes_new (outcomes.data, outcomes.size) };
  g_hash_table_replace (taking->owner->tokens, g_memdup2 (&id, sizeof id), token);
  taking->owner->dirty = true;
}

static void
take_quota (struct taking *taking) {
  uint64_t storage = get_number (&taking->in), messages = get_number (&taking->in);
  if (taking->in.bad)
    return;
  taking->owner->storage_limit = storage;
  taking->owner->messages_limit = messages;
  taking->owner->dirty = true;
}

static void
take_rename (struct taking *taking) {
  struct ptn_id id = get_id (&taking->in);
  g_autofree char *from = get_text (&taking->in), *to = get_text (&taking->in);
  if (!taking->in.bad && taking->replay)
    box_rename_folder (taking->owner, &id, from, to);
}

/* One entry; false when there is none of that kind. */
static bool
take (struct taking *taking, uint64_t lsn) {
  bool known = taking->replay && lsn <= taking->owner->account_lsn;
  uint32_t number;
  enum entry_kind kind = (enum entry_kind) * taking->in.at++;
  switch (kind) {
  case ENTRY_BOX:
    take_box (taking, lsn);
    return true;
  case ENTRY_ADD:
    take_add (taking);
    return true;
  case ENTRY_FLAGS:
    take_flags (taking);
    return true;
  case ENTRY_EXPUNGE:
    take_expunge (taking);
    return true;
  case ENTRY_KEYWORD:
    take_keyword (taking);
    return true;
  case ENTRY_NOTES:
    take_notes (taking);
    return true;
  case ENTRY_BOX_NOTE:
  case ENTRY_ACCOUNT_NOTE:
    take_note (taking, kind);
    return true;
  case ENTRY_RECENT:
    number = get_number32 (&taking->in);
    if (taking->mailbox && !taking->in.bad)
      taking->mailbox->recent = number;
    return true;
  case ENTRY_USES:
    number = get_number32 (&taking->in);
    if (taking->mailbox && !taking->in.bad)
      taking->mailbox->uses = number;
    return true;
  case ENTRY_QUOTA:
    take_quota (taking);
    return true;
  case ENTRY_TOKEN:
    take_token (taking, known);
    return true;
  case ENTRY_RENAME:
    take_rename (taking);
    return true;
  case ENTRY_FLOOR:
    number = get_number32 (&taking->in);
    taking->owner->last_uidvalidity = MAX (taking->owner->last_uidvalidity, number);
    taking->owner->dirty = true;
    return true;
  }
  return false;
}

bool
record_apply (struct owner *owner, uint64_t lsn, const void *data, size_t size, bool replay) {
  struct taking taking = { .owner = owner, .in = { data, (const uint8_t *)data + size, false } };
  taking.replay = replay;
  g_array_set_size (owner->changed, 0);
  while (!taking.in.bad && taking.in.at < taking.in.end)
    if (!take (&taking, lsn))
      return false;
  return !taking.in.bad;
}
