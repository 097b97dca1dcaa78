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
  const char *authzid = identity->authzid;
  struct ptn_account *account;
  size_t size;

  if (!authzid || !authzid[0])
    authzid = identity->account;
  if (!account_valid (identity->account) || !identity->account[0] || !account_valid (authzid))
    return PTN_E_INVALID;
  size = strlen (identity->account) + 1;
  account = g_malloc0 (sizeof *account + size);
  memcpy (account->name, identity->account, size);
  account->store = store;
  account->shard = store_shard_of (store, account->name);
  asker_init (&account->asker, authzid,
              PTN_HAS (identity, groups) ? identity->groups : (struct ptn_strings){ NULL, 0 },
              PTN_HAS (identity, administrator) && identity->administrator,
              PTN_HAS (identity, access) && identity->access == PTN_ACCESS_READ);
  *result = account;
  return PTN_OK;
}

void
account_close (struct ptn_account *account) {
  readahead_free (&account->readahead);
  asker_clear (&account->asker);
  g_free (account->foreign);
  g_free (account);
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

ptn_status
account_own_user (struct ptn_account *account, uint32_t *user) {
  ptn_status status = account_user (account->shard, account->name, user);

  account->user = status == PTN_OK ? *user : 0;
  return status;
}

ptn_status
account_name_of (struct shard *shard, uint32_t user, char **name) {
  struct value value;
  struct key key;
  ptn_status status;

  key_account_name (&key, user);
  value_init (&value);
  status = index_get (&shard->index, NULL, &key, &value);
  if (status == PTN_OK)
    *name = g_strndup ((const char *)value.data, value.size);
  value_clear (&value);
  return status;
}

/* What the account may do in another's mailbox, as long as no entry of the shard changes. */
struct foreign {
  struct shard *shard;
  uint32_t user, mailbox, rights;
  uint64_t changes;
};

static ptn_status
foreign_rights (struct ptn_account *account, struct shard *shard, uint32_t user, uint32_t mailbox,
                uint32_t *rights) {
  struct foreign *known = account->foreign;
  uint64_t changes = atomic_load (&shard->rights_changes);
  ptn_status status;

  if (known && known->shard == shard && known->user == user && known->mailbox == mailbox
      && known->changes == changes) {
    *rights = known->rights;
    return PTN_OK;
  }
  status = rights_granted (&account->asker, shard, user, mailbox, rights);
  if (status != PTN_OK)
    return status;
  if (!known)
    known = account->foreign = g_new0 (struct foreign, 1);
  *known = (struct foreign){ shard, user, mailbox, *rights, changes };
  return PTN_OK;
}

/* Numbers of accounts are never used again, so one that is known stays right; an account that
 * was removed and made anew is looked up again. */
static bool
owns (struct ptn_account *account, uint32_t user) {
  uint32_t own;

  return account->user == user || (account_own_user (account, &own) == PTN_OK && own == user);
}

ptn_status
account_rights (struct ptn_account *account, struct shard *shard, uint32_t user, uint32_t mailbox,
                uint32_t *rights) {
  ptn_status status = PTN_OK;

  *rights = RIGHTS_ALL;
  if (!account->asker.administrator && !(shard == account->shard && owns (account, user)))
    status = foreign_rights (account, shard, user, mailbox, rights);
  *rights &= account->asker.most;
  return status;
}

ptn_status
account_place (struct ptn_account *account, const struct ptn_id *id, uint32_t rights,
               struct place *place) {
  uint32_t shard;
  ptn_status status;

  if (!mailbox_id_parse (account->store, id, &shard, &place->user, &place->mailbox))
    return PTN_E_NOT_FOUND;
  place->shard = &account->store->shards[shard];
  status = account_rights (account, place->shard, place->user, place->mailbox, &place->rights);
  return status == PTN_OK ? rights_check (place->rights, rights) : status;
}

ptn_status
account_named (struct ptn_account *account, struct ptn_mailbox_name name, struct named *named) {
  memset (named, 0, sizeof *named);
  named->own = !name.owner || strcmp (name.owner, account->name) == 0;
  named->owner = named->own ? account->name : name.owner;
  named->path = path_canonical (name.path);
  if (!named->path || !account_valid (named->owner))
    return PTN_E_INVALID;
  named->shard = named->own ? account->shard : store_shard_of (account->store, named->owner);
  return PTN_OK;
}

ptn_status
account_find (struct ptn_account *account, struct ptn_mailbox_name name, uint32_t rights,
              struct named *named) {
  ptn_status status = account_named (account, name, named);

  if (status == PTN_OK)
    status = account_user (named->shard, named->owner, &named->user);
  if (status == PTN_OK)
    status = read_name (named->shard, named->user, named->path, &named->row);
  if (status != PTN_OK)
    return status;
  named->rights = account->asker.most;
  if (!named->own)
    status =
        account_rights (account, named->shard, named->user, named->row.mailbox, &named->rights);
  return status == PTN_OK ? rights_check (named->rights, rights) : status;
}

/* The nearest mailbox above decides. */
ptn_status
account_may_make (struct ptn_account *account, const struct named *named) {
  g_autofree char *path = NULL;
  struct name_row row;
  uint32_t user, rights;
  ptn_status status = PTN_E_NOT_FOUND;

  if (asker_reads (&account->asker))
    return PTN_E_DENIED;
  if (named->own || account->asker.administrator)
    return PTN_OK;
  if (account_user (named->shard, named->owner, &user) != PTN_OK)
    return PTN_E_DENIED;
  path = path_parent (named->path);
  while (path && (status = read_name (named->shard, user, path, &row)) == PTN_E_NOT_FOUND) {
    char *above = path_parent (path);

    g_free (path);
    path = above;
  }
  if (status == PTN_OK)
    status = account_rights (account, named->shard, user, row.mailbox, &rights);
  if (status == PTN_OK && rights & RIGHT_K)
    return PTN_OK;
  return status <= PTN_E_TEMPORARY ? status : PTN_E_DENIED;
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
