/* SPDX-License-Identifier: GPL-3.0-or-later */
/* request_mailbox.c - see request.h: requests about a mailbox by its id. */
#include "request_internal.h"

#include "common/kept_name.h"

#include <postern/store.h>

/* A request about a mailbox; NULL: *status says why not. */
static struct request *
by_id (struct ptn_account *account, struct ptn_call *call, const struct ptn_id *id, uint32_t rights,
       ptn_status (*prepare) (struct op *, struct txn *), ptn_status *status) {
  struct request *request;
  struct place place;

  *status = account_place (account, id, rights, &place);
  if (*status != PTN_OK) {
    *status = index_trouble (account->shard, call->task, *status);
    return NULL;
  }
  request = request_new (place.shard, "", prepare);
  request->user = place.user;
  request->mailbox = place.mailbox;
  return request;
}

int
keyword_find (struct reader table, const char *keyword, uint32_t *count) {
  int found = -1;

  for (*count = 0; table.at < table.end && !table.bad; (*count)++) {
    struct ptn_bytes word = reader_block (&table);

    if (word.size == strlen (keyword) && g_ascii_strncasecmp (word.data, keyword, word.size) == 0)
      found = (int)*count;
  }
  return found;
}

ptn_status
flags_known (struct txn *txn, uint32_t user, uint32_t mailbox, uint64_t *flags) {
  uint64_t keywords = *flags & ~UINT64_C (0xffff);
  struct key key;
  uint32_t count = 0;
  ptn_status status;

  *flags &= PTN_ANSWERED | PTN_FLAGGED | PTN_DELETED | PTN_SEEN | PTN_DRAFT;
  if (keywords == 0)
    return PTN_OK;
  key_keywords (&key, user, mailbox);
  status = edit_get (&txn->edit, &key, &txn->edit.value);
  if (status != PTN_OK)
    return status == PTN_E_NOT_FOUND ? PTN_OK : status;
  keyword_find (VALUE_READER (&txn->edit.value), "", &count);
  *flags |= count >= KEYWORDS_MAX ? keywords : keywords & ((UINT64_C (1) << (16 + count)) - 1);
  return PTN_OK;
}

static ptn_status
make_keyword (struct op *op, struct txn *txn) {
  struct request *request = REQUEST (op);
  struct record record = { .type = RECORD_KEYWORD,
                           .user = request->user,
                           .mailbox = request->mailbox,
                           .text = request->path };
  struct mailbox_row mailbox;
  struct key key;
  uint32_t count = 0;
  int found = -1;
  ptn_status status = edit_mailbox (&txn->edit, request->user, request->mailbox, &mailbox);

  if (status != PTN_OK)
    return status;
  key_keywords (&key, request->user, request->mailbox);
  status = edit_get (&txn->edit, &key, &txn->edit.value);
  if (status == PTN_OK)
    found = keyword_find (VALUE_READER (&txn->edit.value), request->path, &count);
  else if (status != PTN_E_NOT_FOUND)
    return status;
  if (found >= 0) {
    request->number = 16 + (uint32_t)found;
    return PTN_OK;
  }
  if (count >= KEYWORDS_MAX)
    return PTN_E_LIMIT;
  record.number = count;
  request->number = 16 + count;
  return txn_emit (txn, &record);
}

ptn_status
request_keyword (struct ptn_account *account, struct ptn_call *call, const struct ptn_id *id,
                 const char *keyword, int make, uint32_t *bit) {
  struct request *request = NULL;
  ptn_status status = PTN_OK;

  if (!call->state) {
    struct place place;
    struct value value;
    struct key key;
    uint32_t count;
    int found = -1;

    if (!keyword_valid (keyword))
      return PTN_E_INVALID;
    status = account_place (account, id, 0, &place);
    if (status == PTN_OK && !(place.rights & (RIGHT_R | RIGHT_W | RIGHT_I)))
      status = PTN_E_DENIED;
    if (status != PTN_OK)
      return index_trouble (account->shard, call->task, status);
    key_keywords (&key, place.user, place.mailbox);
    value_init (&value);
    status = index_get (&place.shard->index, NULL, &key, &value);
    if (status == PTN_OK)
      found = keyword_find (VALUE_READER (&value), keyword, &count);
    value_clear (&value);
    if (found >= 0) {
      *bit = 16 + (uint32_t)found;
      return PTN_OK;
    }
    if (!make || status <= PTN_E_TEMPORARY)
      return status <= PTN_E_TEMPORARY ? index_trouble (place.shard, call->task, status)
                                       : PTN_E_NOT_FOUND;
    if (!(place.rights & (RIGHT_W | RIGHT_I)))
      return PTN_E_DENIED;
    request = request_new (place.shard, "", make_keyword);
    request->path = g_strdup (keyword);
    request->user = place.user;
    request->mailbox = place.mailbox;
  }
  status = request_await (call, request);
  if (status == PTN_OK)
    *bit = ((struct request *)call->state)->number;
  return status;
}

static ptn_status
make_attributes (struct op *op, struct txn *txn) {
  struct request *request = REQUEST (op);
  struct record record = { .type = RECORD_SPECIAL_USE,
                           .user = request->user,
                           .mailbox = request->mailbox,
                           .number = request->number };
  g_autofree char *path = NULL;
  struct name_row name;
  ptn_status status = place_name_of (txn, request->user, request->mailbox, &path, &name);

  if (status != PTN_OK)
    return status;
  record.text = path;
  return (name.attributes & PTN_MAILBOX_SPECIAL_USES) == request->number ? PTN_OK
                                                                         : txn_emit (txn, &record);
}

ptn_status
request_set_attributes (struct ptn_account *account, struct ptn_call *call, const struct ptn_id *id,
                        uint32_t attributes) {
  struct request *request = NULL;
  ptn_status status;

  if (attributes & ~(uint32_t)PTN_MAILBOX_SPECIAL_USES)
    return PTN_E_INVALID;
  if (!call->state) {
    request = by_id (account, call, id, RIGHT_A, make_attributes, &status);
    if (!request)
      return status;
    request->number = attributes;
  }
  return request_await (call, request);
}

static ptn_status
make_recent (struct op *op, struct txn *txn) {
  struct request *request = REQUEST (op);
  struct record record = { .type = RECORD_RECENT,
                           .user = request->user,
                           .mailbox = request->mailbox };
  struct mailbox_row row;
  ptn_status status = edit_mailbox (&txn->edit, request->user, request->mailbox, &row);

  if (status != PTN_OK)
    return status;
  request->number = MAX (row.recent, 1);
  record.number = row.uidnext;
  return row.recent < row.uidnext ? txn_emit (txn, &record) : PTN_OK;
}

static bool
first_uid (void *argument, const uint8_t *key, size_t key_size, const uint8_t *value, size_t size) {
  *(uint32_t *)argument = key_number (key, key_size, AT_UID);
  return false;
}

/* Is there anything that nobody was told of?  Looking costs no commit. */
static ptn_status
look_for_recent (const struct request *request, struct shard *shard, uint32_t *uid) {
  struct mailbox_row row;
  struct key from, end;
  ptn_status status = read_mailbox (shard, request->user, request->mailbox, &row);

  if (status != PTN_OK)
    return status;
  *uid = row.uidnext;
  if (row.recent >= row.uidnext)
    return PTN_END;
  key_message (&from, request->user, request->mailbox, MAX (row.recent, 1));
  key_message (&end, request->user, request->mailbox, row.uidnext);
  status = index_scan (&shard->index, NULL, &from, &end, 1, first_uid, uid);
  return status == PTN_OK && *uid == row.uidnext ? PTN_END : status;
}

ptn_status
request_claim_recent (struct ptn_account *account, struct ptn_call *call, const struct ptn_id *id,
                      uint32_t *first) {
  struct request *request = NULL;
  ptn_status status;

  if (!call->state) {
    request = by_id (account, call, id, RIGHT_R, make_recent, &status);
    if (!request)
      return status;
    status = look_for_recent (request, request->op.shard, first);
    if (status == PTN_OK && asker_reads (&account->asker))
      status = PTN_END; /* who only looks is told, and claims nothing */
    if (status != PTN_OK) {
      struct shard *shard = request->op.shard;

      job_unref (&request->job);
      return status == PTN_END ? PTN_OK : index_trouble (shard, call->task, status);
    }
  }
  status = request_await (call, request);
  if (status == PTN_OK)
    *first = ((struct request *)call->state)->number;
  return status;
}

struct counting {
  const char *who;
  uint32_t count;
  uint32_t rights; /* that `who` has now */
};

static bool
count_entry (void *argument, const uint8_t *key, size_t key_size, const uint8_t *value,
             size_t size) {
  struct counting *counting = argument;
  g_autofree char *who = key_text (key, key_size, AT_WHO);
  struct reader reader = READER (value, size);

  counting->count++;
  if (strcmp (who, counting->who) == 0)
    counting->rights = reader_varint32 (&reader);
  return true;
}

static ptn_status
make_rights (struct op *op, struct txn *txn) {
  struct request *request = REQUEST (op);
  struct record record = { .type = RECORD_RIGHTS,
                           .user = request->user,
                           .mailbox = request->mailbox,
                           .text = request->path,
                           .number = request->number };
  struct counting counting = { .who = request->path };
  struct mailbox_row mailbox;
  struct key from, end;
  ptn_status status = edit_mailbox (&txn->edit, request->user, request->mailbox, &mailbox);

  if (status != PTN_OK)
    return status;
  key_rights (&from, request->user, request->mailbox, "");
  key_after (&end, &from);
  status = index_scan (txn->edit.index, txn->edit.changes, &from, &end, SIZE_MAX, count_entry,
                       &counting);
  if (status < 0)
    return status;
  if (counting.rights == request->number)
    return PTN_OK;
  if (counting.rights == 0 && counting.count >= RIGHTS_MAX)
    return PTN_E_LIMIT;
  return txn_emit (txn, &record);
}

ptn_status
request_set_rights (struct ptn_account *account, struct ptn_call *call, const struct ptn_id *id,
                    const char *who, const char *rights) {
  struct request *request = NULL;
  uint32_t mask;
  ptn_status status;

  if (!rights_who_valid (who) || !rights_parse (rights, &mask))
    return PTN_E_INVALID;
  if (!call->state) {
    request = by_id (account, call, id, RIGHT_A, make_rights, &status);
    if (!request)
      return status;
    request->path = g_strdup (who);
    request->number = mask;
  }
  return request_await (call, request);
}
