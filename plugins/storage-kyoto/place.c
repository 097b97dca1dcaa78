/* SPDX-License-Identifier: GPL-3.0-or-later */
/* place.c - see place.h. */
#include "place.h"

bool
account_valid (const char *account) {
  size_t size = account ? strlen (account) : 0;

  if (size > ACCOUNT_MAX_OCTETS || !account || !g_utf8_validate (account, (gssize)size, NULL))
    return false;
  for (size_t i = 0; i < size; i++)
    if ((unsigned char)account[i] < 0x20 || account[i] == 0x7f)
      return false;
  return true;
}

char *
path_parent (const char *path) {
  const char *slash = strrchr (path, '/');

  return slash ? g_strndup (path, (gsize)(slash - path)) : NULL;
}

ptn_status
place_user (struct txn *txn, const char *account, uint32_t *user) {
  ptn_status status = edit_user_id (&txn->edit, account, user);
  struct record record = { .type = RECORD_USER, .text = account };

  if (status != PTN_E_NOT_FOUND)
    return status;
  status = edit_next_user (&txn->edit, user);
  if (status != PTN_OK)
    return status;
  record.user = *user;
  return txn_emit (txn, &record);
}

/* A new mailbox begins with the entries of the one above it. */
static ptn_status
inherit (struct txn *txn, uint32_t user, const char *path, uint32_t mailbox) {
  g_autofree char *parent = path_parent (path);
  g_autoptr (GPtrArray) rows = NULL;
  struct name_row name;
  struct key from, end;
  ptn_status status = parent ? edit_name (&txn->edit, user, parent, &name) : PTN_E_NOT_FOUND;

  if (status != PTN_OK)
    return status == PTN_E_NOT_FOUND ? PTN_OK : status;
  key_rights (&from, user, name.mailbox, "");
  key_after (&end, &from);
  status = edit_collect (&txn->edit, &from, &end, &rows);
  for (guint i = 0; status == PTN_OK && i < rows->len; i++) {
    const struct edit_row *row = rows->pdata[i];
    g_autofree char *who = key_text (row->key, row->key_size, AT_WHO);
    struct reader reader = READER (row->value, row->value_size);
    struct record record = { .type = RECORD_RIGHTS,
                             .user = user,
                             .mailbox = mailbox,
                             .text = who,
                             .number = reader_varint32 (&reader) };

    status = txn_emit (txn, &record);
  }
  return status;
}

static ptn_status
make_mailbox (struct txn *txn, uint32_t user, const char *path, uint32_t *mailbox) {
  struct user_row row;
  ptn_status status = edit_user (&txn->edit, user, &row);
  /* Greater than every one before, so that a name used again is a different mailbox. */
  uint32_t now = (uint32_t)(txn->shard->store->host->realtime_ms () / 1000);
  struct record record = { .type = RECORD_MAILBOX, .user = user, .modseq = 1, .text = path };

  if (status != PTN_OK)
    return status == PTN_E_NOT_FOUND ? PTN_E_CORRUPT : status;
  record.number = now > row.last_uidvalidity ? now : row.last_uidvalidity + 1;
  record.mailbox = row.next_mailbox;
  *mailbox = record.mailbox;
  status = txn_emit (txn, &record);
  return status == PTN_OK ? inherit (txn, user, path, *mailbox) : status;
}

/* Every level above that is not there yet. */
static ptn_status
make_parents (struct txn *txn, uint32_t user, const char *path) {
  g_autofree char *parent = g_strdup (path);

  for (char *slash = strchr (parent, '/'); slash; slash = strchr (slash + 1, '/')) {
    struct name_row name;
    uint32_t mailbox;
    ptn_status status;

    *slash = '\0';
    status = edit_name (&txn->edit, user, parent, &name);
    if (status == PTN_E_NOT_FOUND)
      status = make_mailbox (txn, user, parent, &mailbox);
    *slash = '/';
    if (status != PTN_OK)
      return status;
  }
  return PTN_OK;
}

ptn_status
place_new_mailbox (struct txn *txn, uint32_t user, const char *path, uint32_t *mailbox) {
  struct name_row name;
  ptn_status status = edit_name (&txn->edit, user, path, &name);

  if (status == PTN_OK && !(name.attributes & NAME_NOSELECT))
    return PTN_E_EXISTS;
  if (status < 0 && status != PTN_E_NOT_FOUND)
    return status;
  status = make_parents (txn, user, path);
  return status == PTN_OK ? make_mailbox (txn, user, path, mailbox) : status;
}

ptn_status
place_mailbox (struct txn *txn, uint32_t user, const char *path, uint32_t *mailbox) {
  struct name_row name;
  ptn_status status = edit_name (&txn->edit, user, path, &name);

  if (status == PTN_OK && !(name.attributes & NAME_NOSELECT)) {
    *mailbox = name.mailbox;
    return PTN_OK;
  }
  if (status < 0 && status != PTN_E_NOT_FOUND)
    return status;
  return place_new_mailbox (txn, user, path, mailbox);
}

ptn_status
place_name_of (struct txn *txn, uint32_t user, uint32_t mailbox, char **path,
               struct name_row *name) {
  g_autoptr (GPtrArray) rows = NULL;
  struct key from, end;
  ptn_status status;

  key_of_user (&from, KEY_NAME, user);
  key_after (&end, &from);
  status = edit_collect (&txn->edit, &from, &end, &rows);
  for (guint i = 0; status == PTN_OK && i < rows->len; i++) {
    const struct edit_row *row = rows->pdata[i];

    if (!name_row_get (READER (row->value, row->value_size), name))
      return PTN_E_CORRUPT;
    if (name->mailbox == mailbox && !(name->attributes & NAME_NOSELECT)) {
      *path = key_text (row->key, row->key_size, AT_NAME_PATH);
      return PTN_OK;
    }
  }
  return status == PTN_OK ? PTN_E_NOT_FOUND : status;
}
