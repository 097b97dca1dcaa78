/* SPDX-License-Identifier: GPL-3.0-or-later */
/* account.c - see account.h. */
#include "account.h"

#include "place.h"
#include "read.h"
#include "rebuild.h"

ptn_status
account_open (void *instance, struct ptn_call *call, const struct ptn_identity *identity,
              struct ptn_account **result) {
  struct store *store = instance;
  struct ptn_account *account;
  size_t size;

  if (!account_valid (identity->account) || !identity->account[0])
    return PTN_E_INVALID;
  size = strlen (identity->account) + 1;
  account = g_malloc0 (sizeof *account + size);
  memcpy (account->name, identity->account, size);
  account->store = store;
  account->shard = store_shard_of (store, account->name);
  account->public_shard = store_shard_of (store, "");
  *result = account;
  return PTN_OK;
}

void
account_close (struct ptn_account *account) {
  readahead_free (&account->readahead);
  recent_free (&account->recent);
  g_free (account);
}

ptn_status
account_owner (struct ptn_account *account, struct ptn_mailbox_name name, struct shard **shard,
               const char **owner) {
  if (!name.owner || strcmp (name.owner, account->name) == 0) {
    *shard = account->shard;
    *owner = account->name;
    return PTN_OK;
  }
  if (name.owner[0] != '\0')
    return PTN_E_DENIED;
  *shard = account->public_shard;
  *owner = "";
  return PTN_OK;
}

#define READ_ROW(shard, key, decode, row)                                  \
  ({                                                                       \
    struct value value_;                                                   \
    ptn_status read_status_;                                               \
    value_init (&value_);                                                  \
    read_status_ = index_get (&(shard)->index, NULL, (key), &value_);      \
    if (read_status_ == PTN_OK && !decode (VALUE_READER (&value_), (row))) \
      read_status_ = PTN_E_CORRUPT;                                        \
    value_clear (&value_);                                                 \
    read_status_;                                                          \
  })

ptn_status
account_user (struct shard *shard, const char *account, uint32_t *user) {
  struct key key;

  key_user (&key, account);
  return READ_ROW (shard, &key, user_id_get, user);
}

ptn_status
read_mailbox (struct shard *shard, uint32_t user, uint32_t mailbox, struct mailbox_row *row) {
  struct key key;

  key_mailbox (&key, user, mailbox);
  return READ_ROW (shard, &key, mailbox_row_get, row);
}

ptn_status
read_user (struct shard *shard, uint32_t user, struct user_row *row) {
  struct key key;

  key_mailbox (&key, user, 0);
  return READ_ROW (shard, &key, user_row_get, row);
}

ptn_status
read_name (struct shard *shard, uint32_t user, const char *path, struct name_row *row) {
  struct key key;

  key_name (&key, user, path);
  return READ_ROW (shard, &key, name_row_get, row);
}

ptn_status
read_message (const struct place *place, uint32_t uid, struct message_row *row) {
  struct key key;

  key_message (&key, place->user, place->mailbox, uid);
  return READ_ROW (place->shard, &key, message_row_get, row);
}

ptn_status
read_body_row (struct shard *shard, uint64_t body, struct body_row *row) {
  struct key key;

  key_body (&key, body);
  return READ_ROW (shard, &key, body_row_get, row);
}

/* Numbers of accounts are never used again, so one that is known stays right; an account that
 * was removed and made anew is looked up again. */
static bool
owns (struct shard *shard, const char *account, uint32_t *known, uint32_t user) {
  if (*known == user)
    return true;
  return account_user (shard, account, known) == PTN_OK && *known == user;
}

ptn_status
account_place (struct ptn_account *account, const struct ptn_id *id, struct place *place) {
  uint32_t shard;

  if (!mailbox_id_parse (account->store, id, &shard, &place->user, &place->mailbox))
    return PTN_E_NOT_FOUND;
  place->shard = &account->store->shards[shard];
  if (place->shard == account->shard
      && owns (place->shard, account->name, &account->user, place->user))
    return PTN_OK;
  if (place->shard == account->public_shard
      && owns (place->shard, "", &account->public_user, place->user))
    return PTN_OK;
  return PTN_E_NOT_FOUND;
}

ptn_status
index_trouble (struct shard *shard, struct ptn_task *task, ptn_status status) {
  const struct ptn_host *host = shard->store->host;

  if (status == PTN_E_TEMPORARY)
    return host->fail (task, status, shard_away_text, "the index of shard %u is being made anew",
                       shard->number);
  if (status != PTN_E_CORRUPT)
    return status;
  host->observe (shard->store->metrics.corrupt, 1);
  /* Rotten on disk: that can be repaired. */
  if (atomic_load (&shard->index.corrupt) && rebuild_ask (shard, "a row of the index is rotten"))
    return host->fail (task, PTN_E_TEMPORARY, shard_away_text,
                       "a row of the index of shard %u is rotten", shard->number);
  return host->fail (task, status, NULL, "a row of the index of shard %u is corrupt",
                     shard->number);
}
