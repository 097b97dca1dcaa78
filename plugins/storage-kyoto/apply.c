/* SPDX-License-Identifier: GPL-3.0-or-later */
/* apply.c - see apply.h: accounts, mailboxes and their names, and which record is whose. */
#include "apply.h"

ptn_status
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
  key_account_name (&key, record->user);
  edit->coded.size = 0;
  octets_add (&edit->coded, record->text, strlen (record->text));
  edit_put (edit, &key, &edit->coded);
  edit_put_user (edit, record->user, &row);
  return PTN_OK;
}

/* All entries of a mailbox, and the way back from each `who`. */
static ptn_status
remove_rights (struct edit *edit, uint32_t user, uint32_t mailbox) {
  g_autoptr (GPtrArray) rows = NULL;
  struct key from, end;

  key_rights (&from, user, mailbox, "");
  key_after (&end, &from);
  TRY (edit_collect (edit, &from, &end, &rows));
  edit->rights |= rows->len > 0;
  for (guint i = 0; i < rows->len; i++) {
    const struct edit_row *row = rows->pdata[i];
    g_autofree char *who = key_text (row->key, row->key_size, AT_WHO);
    struct key key;

    key_rights (&key, user, mailbox, who);
    edit_remove (edit, &key);
    key_rights_of (&key, who, user, mailbox);
    edit_remove (edit, &key);
  }
  return PTN_OK;
}

static ptn_status
apply_mailbox (struct edit *edit, const struct record *record) {
  struct mailbox_row row = { .uidnext = 1,
                             .uidvalidity = (uint32_t)record->number,
                             .modseq = record->modseq };
  struct name_row name = { record->mailbox, 0 };
  struct name_row before;
  struct user_row user;
  ptn_status status = edit_name (edit, record->user, record->text, &before);

  if (status == PTN_OK) /* NOSELECT, with the entries of the mailbox that was there */
    status = remove_rights (edit, record->user, before.mailbox);
  if (status != PTN_OK && status != PTN_E_NOT_FOUND)
    return status;
  TRY (need (edit_user (edit, record->user, &user)));
  user.next_mailbox = MAX (user.next_mailbox, record->mailbox + 1);
  user.last_uidvalidity = MAX (user.last_uidvalidity, row.uidvalidity);
  edit_put_user (edit, record->user, &user);
  edit_put_mailbox (edit, record->user, record->mailbox, &row);
  edit_put_name (edit, record->user, record->text, &name);
  return PTN_OK;
}

/* Everything inside a mailbox, and its row; not its name, nor the rights. */
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
  TRY (remove_range (edit, &key, NULL));
  key.octets[0] = KEY_TOMBSTONE;
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
    TRY (remove_rights (edit, record->user, record->mailbox));
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

    if (!name_row_get (READER (row->value, row->value_size), &name))
      continue;
    TRY (empty_mailbox (edit, record->user, name.mailbox));
    TRY (remove_rights (edit, record->user, name.mailbox));
  }
  for (size_t i = 0; i < G_N_ELEMENTS (kinds); i++) {
    key_of_user (&key, kinds[i], record->user);
    TRY (remove_range (edit, &key, NULL));
  }
  key_account_name (&key, record->user);
  edit_remove (edit, &key);
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
  octets_signed (&edit->coded, record->time);
  octets_add (&edit->coded, record->value.data, record->value.size);
  edit_put (edit, &key, &edit->coded);
  return PTN_OK;
}

static ptn_status
apply_token_trim (struct edit *edit, const struct record *record) {
  struct ptn_id token;
  struct key key;

  for (size_t at = 0; at + TOKEN_OCTETS <= record->value.size; at += TOKEN_OCTETS) {
    memcpy (token.octets, (const uint8_t *)record->value.data + at, TOKEN_OCTETS);
    key_token (&key, record->user, &token);
    edit_remove (edit, &key);
  }
  return PTN_OK;
}

static ptn_status
apply_special_use (struct edit *edit, const struct record *record) {
  struct name_row name;

  TRY (need (edit_name (edit, record->user, record->text, &name)));
  name.attributes &= NAME_SUBSCRIBED | NAME_NOSELECT;
  name.attributes |= (uint32_t)record->number;
  edit_put_name (edit, record->user, record->text, &name);
  return PTN_OK;
}

static ptn_status
apply_rights (struct edit *edit, const struct record *record) {
  struct mailbox_row mailbox;
  struct key key, back;

  TRY (need (edit_mailbox (edit, record->user, record->mailbox, &mailbox)));
  key_rights (&key, record->user, record->mailbox, record->text);
  key_rights_of (&back, record->text, record->user, record->mailbox);
  edit->rights = true;
  if (record->number == 0) {
    edit_remove (edit, &key);
    edit_remove (edit, &back);
    return PTN_OK;
  }
  edit->coded.size = 0;
  octets_varint (&edit->coded, record->number);
  edit_put (edit, &key, &edit->coded);
  edit->coded.size = 0;
  edit_put (edit, &back, &edit->coded);
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
  case RECORD_TOMBSTONE_TRIM:
    return apply_tombstone_trim (edit, record);
  case RECORD_SPECIAL_USE:
    return apply_special_use (edit, record);
  case RECORD_RIGHTS:
    return apply_rights (edit, record);
  case RECORD_RECENT:
    return apply_recent (edit, record);
  case RECORD_DIGEST:
    return apply_digest (edit, record);
  case RECORD_TOKEN_TRIM:
    return apply_token_trim (edit, record);
  case RECORD_BODY_MOVE:
    return apply_body_move (edit, record);
  default:
    return PTN_E_CORRUPT;
  }
}
