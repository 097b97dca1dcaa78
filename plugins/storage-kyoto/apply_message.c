/* SPDX-License-Identifier: GPL-3.0-or-later */
/* apply_message.c - see apply.h: messages, what they have, and what is left when they go. */
#include "apply.h"

#include <postern/store.h>

/* Adds a message to the counts (or, with sign -1, takes it away). */
static void
count_message (struct mailbox_row *mailbox, uint32_t uid, const struct message_row *row, int sign) {
  mailbox->messages += (uint32_t)sign;
  if (!(row->flags & PTN_SEEN))
    mailbox->unseen += (uint32_t)sign;
  if (row->flags & PTN_DELETED)
    mailbox->deleted += (uint32_t)sign;
  mailbox->octets += (uint64_t)sign * row->octets;
  mailbox->uid_sum += (uint64_t)sign * uid;
}

ptn_status
apply_message (struct edit *edit, const struct record *record) {
  struct mailbox_row mailbox;
  struct user_row user;
  struct message_row row = record->message;

  TRY (need (edit_mailbox (edit, record->user, record->mailbox, &mailbox)));
  TRY (need (edit_user (edit, record->user, &user)));
  row.modseq = record->modseq;
  if (record->type == RECORD_DELIVER) {
    row.body = record->lsn;
    TRY (make_body (edit, record));
  } else
    TRY (share_body (edit, record));
  edit_put_message (edit, record->user, record->mailbox, record->uid, &row);
  count_message (&mailbox, record->uid, &row, 1);
  mailbox.modseq = MAX (mailbox.modseq, record->modseq);
  mailbox.uidnext = MAX (mailbox.uidnext, record->uid + 1);
  edit_put_mailbox (edit, record->user, record->mailbox, &mailbox);
  user.octets += row.octets;
  user.messages++;
  edit_put_user (edit, record->user, &user);
  return PTN_OK;
}

static void
apply_flag_group (struct edit *edit, const struct record *record, const struct flag_group *group,
                  GArray *messages, struct mailbox_row *mailbox) {
  for (guint i = 0; i < messages->len; i++) {
    /* Not in place: the array may be known to others, too. */
    struct edit_message message = g_array_index (messages, struct edit_message, i);

    count_message (mailbox, message.uid, &message.row, -1);
    message.row.flags = group->flags;
    message.row.modseq = record->modseq;
    count_message (mailbox, message.uid, &message.row, 1);
    edit_put_message (edit, record->user, record->mailbox, message.uid, &message.row);
  }
}

ptn_status
apply_flags (struct edit *edit, const struct record *record) {
  g_autoptr (GPtrArray) found = g_ptr_array_new_with_free_func ((GDestroyNotify)g_array_unref);
  struct mailbox_row mailbox;
  ptn_status status = PTN_OK;

  TRY (need (edit_mailbox (edit, record->user, record->mailbox, &mailbox)));
  /* All are looked up before the first is changed: they may have been seen just now. */
  for (size_t i = 0; i < record->group_count && status == PTN_OK; i++) {
    GArray *messages = NULL;

    status = edit_messages (edit, record->user, record->mailbox, SET_OF (record->groups[i].set),
                            &messages);
    g_ptr_array_add (found, messages);
  }
  TRY (status);
  for (size_t i = 0; i < record->group_count; i++)
    apply_flag_group (edit, record, &record->groups[i], found->pdata[i], &mailbox);
  mailbox.modseq = MAX (mailbox.modseq, record->modseq);
  edit_put_mailbox (edit, record->user, record->mailbox, &mailbox);
  return PTN_OK;
}

ptn_status
remove_messages (struct edit *edit, uint32_t user_id, uint32_t mailbox_id, struct ptn_uid_set set,
                 struct mailbox_row *mailbox) {
  g_autoptr (GArray) messages = NULL;
  g_autoptr (GArray) bodies = NULL;
  struct user_row user;
  struct key key;

  TRY (need (edit_user (edit, user_id, &user)));
  TRY (edit_messages (edit, user_id, mailbox_id, set, &messages));
  edit->removals |= messages->len > 0;
  bodies = g_array_sized_new (FALSE, FALSE, sizeof (uint64_t), messages->len);
  for (guint i = 0; i < messages->len; i++) {
    const struct edit_message *message = &g_array_index (messages, struct edit_message, i);

    key_message (&key, user_id, mailbox_id, message->uid);
    edit_remove (edit, &key);
    count_message (mailbox, message->uid, &message->row, -1);
    user.octets -= MIN (message->row.octets, user.octets);
    user.messages -= user.messages > 0;
    g_array_append_val (bodies, message->row.body);
    if (mailbox->annotations > 0) {
      uint32_t removed;

      key_annotation (&key, user_id, mailbox_id, message->uid, "");
      TRY (remove_range (edit, &key, &removed));
      mailbox->annotations -= MIN (removed, mailbox->annotations);
    }
  }
  TRY (drop_bodies (edit, bodies, user_id));
  edit_put_user (edit, user_id, &user);
  return PTN_OK;
}

/* Who comes back later asks which UIDs left meanwhile (RFC 7162).  A record of version 1 does not say
 * when they left: what it took away is not known, as if it had been trimmed. */
static void
bury (struct edit *edit, const struct record *record, struct mailbox_row *mailbox) {
  uint64_t count = set_count (record->set);
  struct key key;

  if (record->version == 1 || record->modseq <= mailbox->floor) {
    mailbox->floor = MAX (mailbox->floor, record->modseq);
    return;
  }
  key_tombstone (&key, record->user, record->mailbox, record->modseq);
  edit->coded.size = 0;
  tombstone_row_put (&edit->coded, record->time, record->set);
  edit_put (edit, &key, &edit->coded);
  mailbox->tombstones += (uint32_t)MIN (count, UINT32_MAX - mailbox->tombstones);
}

ptn_status
apply_expunge (struct edit *edit, const struct record *record) {
  struct mailbox_row mailbox;

  TRY (need (edit_mailbox (edit, record->user, record->mailbox, &mailbox)));
  TRY (remove_messages (edit, record->user, record->mailbox, record->set, &mailbox));
  bury (edit, record, &mailbox);
  mailbox.modseq = MAX (mailbox.modseq, record->modseq);
  edit_put_mailbox (edit, record->user, record->mailbox, &mailbox);
  return PTN_OK;
}

/* Up to the new floor nothing is known any more. */
ptn_status
apply_tombstone_trim (struct edit *edit, const struct record *record) {
  g_autoptr (GPtrArray) rows = NULL;
  g_autoptr (GArray) uids = g_array_new (FALSE, FALSE, sizeof (struct ptn_uid_range));
  struct mailbox_row mailbox;
  struct key from, end, key;

  TRY (need (edit_mailbox (edit, record->user, record->mailbox, &mailbox)));
  key_tombstone (&from, record->user, record->mailbox, 0);
  key_tombstone (&end, record->user, record->mailbox, record->number);
  key_after (&end, &end);
  TRY (edit_collect (edit, &from, &end, &rows));
  for (guint i = 0; i < rows->len; i++) {
    const struct edit_row *row = rows->pdata[i];
    uint64_t count;
    int64_t time;

    g_array_set_size (uids, 0);
    if (!tombstone_row_get (READER (row->value, row->value_size), &time, uids))
      return PTN_E_CORRUPT;
    count = set_count (SET_OF (uids));
    mailbox.tombstones -= (uint32_t)MIN (count, mailbox.tombstones);
    key.size = (uint32_t)row->key_size;
    memcpy (key.octets, row->key, row->key_size);
    edit_remove (edit, &key);
  }
  mailbox.floor = MAX (mailbox.floor, record->number);
  edit_put_mailbox (edit, record->user, record->mailbox, &mailbox);
  return PTN_OK;
}

ptn_status
apply_recent (struct edit *edit, const struct record *record) {
  struct mailbox_row mailbox;

  if (record->number > UINT32_MAX)
    return PTN_E_CORRUPT;
  TRY (need (edit_mailbox (edit, record->user, record->mailbox, &mailbox)));
  mailbox.recent = MAX (mailbox.recent, (uint32_t)record->number);
  edit_put_mailbox (edit, record->user, record->mailbox, &mailbox);
  return PTN_OK;
}

/* Sets or removes one value; returns by how many the annotations grow. */
static ptn_status
annotate_one (struct edit *edit, const struct record *record, uint32_t uid, int *growth) {
  struct key key;
  ptn_status status;

  key_annotation (&key, record->user, record->mailbox, uid, record->text);
  status = edit_get (edit, &key, &edit->value);
  if (status != PTN_OK && status != PTN_E_NOT_FOUND)
    return status;
  *growth = 0;
  if (!(record->attributes & RECORD_NO_VALUE)) {
    *growth = status == PTN_E_NOT_FOUND;
    edit->coded.size = 0;
    octets_add (&edit->coded, record->value.data, record->value.size);
    edit_put (edit, &key, &edit->coded);
  } else if (status == PTN_OK) {
    *growth = -1;
    edit_remove (edit, &key);
  }
  return PTN_OK;
}

ptn_status
apply_annotate (struct edit *edit, const struct record *record) {
  struct mailbox_row mailbox;
  g_autoptr (GArray) messages = NULL;
  int growth;

  if (record->mailbox == 0)
    return annotate_one (edit, record, 0, &growth);
  TRY (need (edit_mailbox (edit, record->user, record->mailbox, &mailbox)));
  mailbox.modseq = MAX (mailbox.modseq, record->modseq);
  if (record->set.count == 0) {
    TRY (annotate_one (edit, record, 0, &growth));
    edit_put_mailbox (edit, record->user, record->mailbox, &mailbox);
    return PTN_OK;
  }
  TRY (edit_messages (edit, record->user, record->mailbox, record->set, &messages));
  for (guint i = 0; i < messages->len; i++) {
    struct edit_message *message = &g_array_index (messages, struct edit_message, i);

    TRY (annotate_one (edit, record, message->uid, &growth));
    mailbox.annotations += (uint32_t)growth;
    message->row.modseq = record->modseq;
    edit_put_message (edit, record->user, record->mailbox, message->uid, &message->row);
  }
  edit_put_mailbox (edit, record->user, record->mailbox, &mailbox);
  return PTN_OK;
}
