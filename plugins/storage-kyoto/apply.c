/* SPDX-License-Identifier: GPL-3.0-or-later */
/* apply.c - what each record of the log does to the index.
 *
 * The one place that does it: the commit thread runs it when it makes a record, recovery when it
 * reads one, so that both give the same index.  It is lenient where a lost record before this one
 * could have left a gap (bit rot), and exact otherwise. */
#include "edit.h"

#include <postern/store.h>

#define TRY(expression)             \
  do {                              \
    ptn_status try_ = (expression); \
    if (try_ != PTN_OK)             \
      return try_;                  \
  } while (0)

/* A row that must be there. */
static ptn_status
need (ptn_status status) {
  return status == PTN_E_NOT_FOUND ? PTN_E_CORRUPT : status;
}

/* The greatest UIDVALIDITY of accounts that were removed: a name that is used again must not meet
 * an old one. */
static ptn_status
spent_uidvalidity (struct edit *edit, struct key *key, uint32_t *spent) {
  ptn_status status;

  *spent = 0;
  key_meta (key, "uidvalidity");
  status = edit_get (edit, key, &edit->value);
  if (status == PTN_OK && !user_id_get (VALUE_READER (&edit->value), spent))
    return PTN_E_CORRUPT;
  return status == PTN_E_NOT_FOUND ? PTN_OK : status;
}

static ptn_status
spend_uidvalidity (struct edit *edit, uint32_t user) {
  struct user_row row;
  struct key key;
  uint32_t spent;

  TRY (edit_user (edit, user, &row));
  TRY (spent_uidvalidity (edit, &key, &spent));
  if (row.last_uidvalidity <= spent)
    return PTN_OK;
  edit->coded.size = 0;
  user_id_put (&edit->coded, row.last_uidvalidity);
  edit_put (edit, &key, &edit->coded);
  return PTN_OK;
}

static ptn_status
apply_user (struct edit *edit, const struct record *record) {
  struct user_row row = { .storage_limit = UINT64_MAX,
                          .messages_limit = UINT64_MAX,
                          .next_mailbox = 1 };
  struct key key;
  uint32_t next;

  TRY (edit_next_user (edit, &next));
  TRY (spent_uidvalidity (edit, &key, &row.last_uidvalidity));
  if (record->user >= next) {
    key_meta (&key, "users");
    edit->coded.size = 0;
    user_id_put (&edit->coded, record->user + 1);
    edit_put (edit, &key, &edit->coded);
  }
  key_user (&key, record->text);
  edit->coded.size = 0;
  user_id_put (&edit->coded, record->user);
  edit_put (edit, &key, &edit->coded);
  edit_put_user (edit, record->user, &row);
  return PTN_OK;
}

/* A body comes into a segment (sign 1) or goes (-1). */
static ptn_status
count_segment (struct edit *edit, uint32_t segment, uint64_t stored, int sign) {
  struct segment_row row = { 0, 0 };
  struct key key;
  ptn_status status;

  key_segment (&key, segment);
  status = edit_get (edit, &key, &edit->value);
  if (status == PTN_OK && !segment_row_get (VALUE_READER (&edit->value), &row))
    status = PTN_E_CORRUPT;
  if (status != PTN_OK && status != PTN_E_NOT_FOUND)
    return status;
  if (sign > 0) {
    row.live += stored;
    row.bodies++;
  } else {
    row.live -= MIN (stored, row.live);
    row.bodies -= row.bodies > 0;
  }
  if (row.bodies == 0) {
    edit_remove (edit, &key);
    return PTN_OK;
  }
  edit->coded.size = 0;
  segment_row_put (&edit->coded, &row);
  edit_put (edit, &key, &edit->coded);
  return PTN_OK;
}

static void
put_body (struct edit *edit, uint64_t body, const struct body_row *row) {
  struct key key;

  key_body (&key, body);
  edit->coded.size = 0;
  body_row_put (&edit->coded, row);
  edit_put (edit, &key, &edit->coded);
}

static ptn_status
make_body (struct edit *edit, const struct record *record) {
  struct body_row row = {
    .segment = record->segment,
    .crc = record->body_crc,
    .references = 1,
    .codec = record->codec,
    .offset = record->body_offset,
    .stored = record->stored,
  };

  if (record->attributes & RECORD_BIG) {
    struct key key;

    row.attributes = BODY_BIG;
    row.offset = record->big;
    key_big (&key, record->big);
    edit->coded.size = 0;
    body_id_put (&edit->coded, record->lsn);
    edit_put (edit, &key, &edit->coded);
  } else
    TRY (count_segment (edit, record->segment, record->stored, 1));
  put_body (edit, record->lsn, &row);
  return PTN_OK;
}

static ptn_status
drop_body (struct edit *edit, uint64_t body) {
  struct body_row row;
  struct key key;
  ptn_status status = edit_body (edit, body, &row);

  if (status == PTN_E_NOT_FOUND)
    return PTN_OK;
  TRY (status);
  if (row.references > 1) {
    row.references--;
    put_body (edit, body, &row);
    return PTN_OK;
  }
  key_body (&key, body);
  edit_remove (edit, &key);
  if (row.attributes & BODY_BIG) {
    key_big (&key, row.offset);
    edit_remove (edit, &key);
    g_array_append_val (edit->gone, row.offset);
  } else
    TRY (count_segment (edit, row.segment, row.stored, -1));
  return PTN_OK;
}

/* The compactor has put the body's octets elsewhere.  One that nothing uses any more stays where it
 * is, dead: its expunge may have been lost with a rotten record before this one, or come late. */
static ptn_status
apply_body_move (struct edit *edit, const struct record *record) {
  struct body_row row;
  ptn_status status = edit_body (edit, record->message.body, &row);

  if (status == PTN_E_NOT_FOUND || (status == PTN_OK && row.attributes & BODY_BIG))
    return PTN_OK;
  TRY (status);
  TRY (count_segment (edit, row.segment, row.stored, -1));
  row.segment = record->segment;
  row.offset = record->body_offset;
  row.stored = record->stored;
  row.codec = record->codec;
  row.crc = record->body_crc;
  TRY (count_segment (edit, row.segment, row.stored, 1));
  put_body (edit, record->message.body, &row);
  edit->removals = true;
  return PTN_OK;
}

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

static ptn_status
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
  } else {
    struct body_row body;

    TRY (need (edit_body (edit, row.body, &body)));
    body.references++;
    put_body (edit, row.body, &body);
  }
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

static ptn_status
apply_flags (struct edit *edit, const struct record *record) {
  struct mailbox_row mailbox;

  TRY (need (edit_mailbox (edit, record->user, record->mailbox, &mailbox)));
  for (size_t i = 0; i < record->group_count; i++) {
    g_autoptr (GArray) messages = NULL;

    TRY (edit_messages (edit, record->user, record->mailbox, SET_OF (record->groups[i].set),
                        &messages));
    for (guint m = 0; m < messages->len; m++) {
      struct edit_message *message = &g_array_index (messages, struct edit_message, m);

      count_message (&mailbox, message->uid, &message->row, -1);
      message->row.flags = record->groups[i].flags;
      message->row.modseq = record->modseq;
      count_message (&mailbox, message->uid, &message->row, 1);
      edit_put_message (edit, record->user, record->mailbox, message->uid, &message->row);
    }
  }
  mailbox.modseq = MAX (mailbox.modseq, record->modseq);
  edit_put_mailbox (edit, record->user, record->mailbox, &mailbox);
  return PTN_OK;
}

static ptn_status
remove_range (struct edit *edit, const struct key *prefix, uint32_t *removed) {
  g_autoptr (GPtrArray) rows = NULL;
  struct key end, key;

  key_after (&end, prefix);
  TRY (edit_collect (edit, prefix, &end, &rows));
  for (guint i = 0; i < rows->len; i++) {
    const struct edit_row *row = rows->pdata[i];

    key.size = (uint32_t)row->key_size;
    memcpy (key.octets, row->key, row->key_size);
    edit_remove (edit, &key);
  }
  if (removed)
    *removed = rows->len;
  return PTN_OK;
}

static ptn_status
remove_messages (struct edit *edit, uint32_t user_id, uint32_t mailbox_id, struct ptn_uid_set set,
                 struct mailbox_row *mailbox) {
  g_autoptr (GArray) messages = NULL;
  struct user_row user;
  struct key key;

  TRY (need (edit_user (edit, user_id, &user)));
  TRY (edit_messages (edit, user_id, mailbox_id, set, &messages));
  edit->removals |= messages->len > 0;
  for (guint i = 0; i < messages->len; i++) {
    const struct edit_message *message = &g_array_index (messages, struct edit_message, i);

    key_message (&key, user_id, mailbox_id, message->uid);
    edit_remove (edit, &key);
    count_message (mailbox, message->uid, &message->row, -1);
    user.octets -= MIN (message->row.octets, user.octets);
    user.messages -= user.messages > 0;
    TRY (drop_body (edit, message->row.body));
    if (mailbox->annotations > 0) {
      uint32_t removed;

      key_annotation (&key, user_id, mailbox_id, message->uid, "");
      TRY (remove_range (edit, &key, &removed));
      mailbox->annotations -= MIN (removed, mailbox->annotations);
    }
  }
  edit_put_user (edit, user_id, &user);
  return PTN_OK;
}

static ptn_status
apply_expunge (struct edit *edit, const struct record *record) {
  struct mailbox_row mailbox;

  TRY (need (edit_mailbox (edit, record->user, record->mailbox, &mailbox)));
  TRY (remove_messages (edit, record->user, record->mailbox, record->set, &mailbox));
  mailbox.modseq = MAX (mailbox.modseq, record->modseq);
  edit_put_mailbox (edit, record->user, record->mailbox, &mailbox);
  return PTN_OK;
}

static ptn_status
apply_mailbox (struct edit *edit, const struct record *record) {
  struct mailbox_row row = { .uidnext = 1,
                             .uidvalidity = (uint32_t)record->number,
                             .modseq = record->modseq };
  struct name_row name = { record->mailbox, 0 };
  struct user_row user;

  TRY (need (edit_user (edit, record->user, &user)));
  user.next_mailbox = MAX (user.next_mailbox, record->mailbox + 1);
  user.last_uidvalidity = MAX (user.last_uidvalidity, row.uidvalidity);
  edit_put_user (edit, record->user, &user);
  edit_put_mailbox (edit, record->user, record->mailbox, &row);
  edit_put_name (edit, record->user, record->text, &name);
  return PTN_OK;
}

/* Everything inside a mailbox, and its row; not its name. */
static ptn_status
empty_mailbox (struct edit *edit, uint32_t user, uint32_t id) {
  static const struct ptn_uid_range all = { 1, UINT32_MAX };
  struct mailbox_row mailbox;
  struct key key;
  ptn_status status = edit_mailbox (edit, user, id, &mailbox);

  if (status == PTN_E_NOT_FOUND)
    return PTN_OK;
  TRY (status);
  mailbox.annotations = 0; /* they go together, below */
  TRY (remove_messages (edit, user, id, (struct ptn_uid_set){ &all, 1 }, &mailbox));
  key_mailbox (&key, user, id);
  edit_remove (edit, &key);
  key_keywords (&key, user, id);
  edit_remove (edit, &key);
  key.octets[0] = KEY_ANNOTATION;
  return remove_range (edit, &key, NULL);
}

static ptn_status
apply_mailbox_remove (struct edit *edit, const struct record *record) {
  struct key key;

  TRY (empty_mailbox (edit, record->user, record->mailbox));
  if (record->number) {
    struct name_row name = { record->mailbox, NAME_NOSELECT };

    edit_put_name (edit, record->user, record->text, &name);
  } else {
    key_name (&key, record->user, record->text);
    edit_remove (edit, &key);
  }
  return PTN_OK;
}

static ptn_status
apply_mailbox_rename (struct edit *edit, const struct record *record) {
  struct name_row name = { record->mailbox, (uint32_t)record->number };
  struct key key;

  key_name (&key, record->user, record->text);
  edit_remove (edit, &key);
  edit_put_name (edit, record->user, record->other, &name);
  return PTN_OK;
}

static ptn_status
apply_subscribe (struct edit *edit, const struct record *record) {
  struct name_row name;

  TRY (need (edit_name (edit, record->user, record->text, &name)));
  name.attributes &= ~(uint32_t)NAME_SUBSCRIBED;
  if (record->number)
    name.attributes |= NAME_SUBSCRIBED;
  edit_put_name (edit, record->user, record->text, &name);
  return PTN_OK;
}

static ptn_status
apply_user_remove (struct edit *edit, const struct record *record) {
  static const enum key_kind kinds[] = { KEY_NAME, KEY_MAILBOX, KEY_ANNOTATION, KEY_KEYWORDS,
                                         KEY_TOKEN };
  g_autoptr (GPtrArray) names = NULL;
  struct key key, end;

  TRY (need (spend_uidvalidity (edit, record->user)));
  key_of_user (&key, KEY_NAME, record->user);
  key_after (&end, &key);
  TRY (edit_collect (edit, &key, &end, &names));
  for (guint i = 0; i < names->len; i++) {
    const struct edit_row *row = names->pdata[i];
    struct name_row name;

    if (name_row_get (READER (row->value, row->value_size), &name))
      TRY (empty_mailbox (edit, record->user, name.mailbox));
  }
  for (size_t i = 0; i < G_N_ELEMENTS (kinds); i++) {
    key_of_user (&key, kinds[i], record->user);
    TRY (remove_range (edit, &key, NULL));
  }
  key_user (&key, record->text);
  edit_remove (edit, &key);
  return PTN_OK;
}

static ptn_status
apply_keyword (struct edit *edit, const struct record *record) {
  struct key key;
  ptn_status status;

  /* The table is the keywords in order of their bits, so a new one goes to its end. */
  key_keywords (&key, record->user, record->mailbox);
  status = edit_get (edit, &key, &edit->value);
  if (status != PTN_OK && status != PTN_E_NOT_FOUND)
    return status;
  edit->coded.size = 0;
  if (status == PTN_OK)
    octets_add (&edit->coded, edit->value.data, edit->value.size);
  octets_text (&edit->coded, record->text);
  edit_put (edit, &key, &edit->coded);
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

static ptn_status
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

static ptn_status
apply_quota (struct edit *edit, const struct record *record) {
  struct user_row user;

  TRY (need (edit_user (edit, record->user, &user)));
  user.storage_limit = record->storage_limit;
  user.messages_limit = record->messages_limit;
  edit_put_user (edit, record->user, &user);
  return PTN_OK;
}

static ptn_status
apply_token (struct edit *edit, const struct record *record) {
  struct key key;

  key_token (&key, record->user, &record->token);
  edit->coded.size = 0;
  octets_add (&edit->coded, record->value.data, record->value.size);
  edit_put (edit, &key, &edit->coded);
  return PTN_OK;
}

ptn_status
apply (struct edit *edit, const struct record *record) {
  switch (record->type) {
  case RECORD_USER:
    return apply_user (edit, record);
  case RECORD_USER_REMOVE:
    return apply_user_remove (edit, record);
  case RECORD_MAILBOX:
    return apply_mailbox (edit, record);
  case RECORD_MAILBOX_REMOVE:
    return apply_mailbox_remove (edit, record);
  case RECORD_MAILBOX_RENAME:
    return apply_mailbox_rename (edit, record);
  case RECORD_SUBSCRIBE:
    return apply_subscribe (edit, record);
  case RECORD_DELIVER:
  case RECORD_COPY:
    return apply_message (edit, record);
  case RECORD_FLAGS:
    return apply_flags (edit, record);
  case RECORD_EXPUNGE:
    return apply_expunge (edit, record);
  case RECORD_KEYWORD:
    return apply_keyword (edit, record);
  case RECORD_ANNOTATE:
    return apply_annotate (edit, record);
  case RECORD_QUOTA:
    return apply_quota (edit, record);
  case RECORD_TOKEN:
    return apply_token (edit, record);
  case RECORD_BODY_MOVE:
    return apply_body_move (edit, record);
  default:
    return PTN_E_CORRUPT;
  }
}
