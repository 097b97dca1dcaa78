/* SPDX-License-Identifier: GPL-3.0-or-later */
/* request.c - see request.h: mailboxes by name, and accounts. */
#include "request_internal.h"

#include "annotations.h"
#include "carry.h"
#include "forget.h"

#include <postern/store.h>

static void
request_free (struct job *job) {
  struct request *request = (struct request *)job;

  g_free (request->account);
  g_free (request->path);
  g_free (request->to);
  g_free (request);
}

static void
request_drop (void *state) {
  job_unref (state);
}

struct request *
request_new (struct shard *shard, const char *account,
             ptn_status (*prepare) (struct op *, struct txn *)) {
  struct request *request = g_new0 (struct request, 1);

  job_init (&request->job, shard->store->host, request_free);
  request->op.shard = shard;
  request->op.prepare = prepare;
  request->account = g_strdup (account);
  return request;
}

ptn_status
request_await (struct ptn_call *call, struct request *request) {
  const struct op *op;

  if (request) {
    struct op *ops[] = { &request->op };

    call->state = request;
    call->release = request_drop;
    job_submit (&request->job, call->task, ops, 1);
  }
  request = call->state;
  op = &request->op;
  if (!job_done (&request->job)) {
    call->cancel = request_drop;
    return PTN_PENDING;
  }
  call->cancel = NULL;
  if (op->status <= PTN_E_TEMPORARY)
    return request->job.host->fail (call->task, op->status, op->client_text, "%s",
                                    op->log_text ? op->log_text : "the index is corrupt");
  return op->status;
}

static ptn_status
make_create (struct op *op, struct txn *txn) {
  struct request *request = REQUEST (op);
  uint32_t user, mailbox;
  struct record record = { .type = RECORD_SPECIAL_USE,
                           .text = request->path,
                           .number = request->number };
  ptn_status status = place_user (txn, request->account, &user);

  if (status == PTN_OK)
    status = place_new_mailbox (txn, user, request->path, &mailbox);
  if (status != PTN_OK || request->number == 0)
    return status;
  record.user = user;
  record.mailbox = mailbox;
  return txn_emit (txn, &record);
}

/* The names below a path: elements are struct edit_row of KEY_NAME. */
static ptn_status
children (struct txn *txn, uint32_t user, const char *path, GPtrArray **rows) {
  struct key from, end;

  key_name (&from, user, path);
  if (from.size < KEY_ROOM)
    from.octets[from.size++] = '/';
  key_after (&end, &from);
  return edit_collect (&txn->edit, &from, &end, rows);
}

static ptn_status
make_remove (struct op *op, struct txn *txn) {
  struct request *request = REQUEST (op);
  struct record record = { .type = RECORD_MAILBOX_REMOVE, .text = request->path };
  g_autoptr (GPtrArray) below = NULL;
  struct name_row name;
  ptn_status status = edit_user_id (&txn->edit, request->account, &record.user);

  if (status == PTN_OK)
    status = edit_name (&txn->edit, record.user, request->path, &name);
  if (status == PTN_OK && request->mailbox != 0 && request->mailbox != name.mailbox)
    status = PTN_E_NOT_FOUND;
  if (status == PTN_OK)
    status = children (txn, record.user, request->path, &below);
  if (status != PTN_OK)
    return status;
  record.mailbox = name.mailbox;
  record.number = below->len > 0;
  if (name.attributes & NAME_NOSELECT && record.number)
    return PTN_E_INVALID; /* there is nothing left to remove but the name its children need */
  return txn_emit (txn, &record);
}

static ptn_status
rename_one (struct txn *txn, uint32_t user, const char *from, const char *to,
            const struct name_row *name) {
  struct record record = {
    .type = RECORD_MAILBOX_RENAME,
    .user = user,
    .mailbox = name->mailbox,
    .number = name->attributes,
    .text = from,
    .other = to,
  };

  return strlen (to) > PATH_MAX_OCTETS ? PTN_E_LIMIT : txn_emit (txn, &record);
}

/* The bits of flags mean the same in the new mailbox. */
static ptn_status
copy_keywords (struct txn *txn, uint32_t user, uint32_t from, uint32_t to) {
  struct value table;
  struct reader reader;
  struct key key;
  ptn_status status;

  value_init (&table);
  key_keywords (&key, user, from);
  status = edit_get (&txn->edit, &key, &table);
  reader = status == PTN_OK ? VALUE_READER (&table) : READER ((const uint8_t *)"", 0);
  for (uint32_t number = 0; status == PTN_OK && reader.at < reader.end; number++) {
    g_autofree char *keyword = reader_text (&reader);
    struct record record = {
      .type = RECORD_KEYWORD, .user = user, .mailbox = to, .number = number, .text = keyword
    };

    status = keyword ? txn_emit (txn, &record) : PTN_E_CORRUPT;
  }
  value_clear (&table);
  return status == PTN_E_NOT_FOUND ? PTN_OK : status;
}

/* RFC 9051 section 6.3.6: the messages of INBOX move, INBOX stays. */
static ptn_status
rename_inbox (struct txn *txn, uint32_t user, uint32_t inbox, const char *to) {
  static const struct ptn_uid_range all = { 1, UINT32_MAX };
  g_autoptr (GArray) messages = NULL;
  g_autoptr (GArray) uids = g_array_new (FALSE, FALSE, sizeof (struct ptn_uid_range));
  const struct carry all_notes = { NULL, NULL, true };
  struct mailbox_row row;
  uint32_t target;
  ptn_status status = place_new_mailbox (txn, user, to, &target);

  if (status == PTN_OK)
    status = copy_keywords (txn, user, inbox, target);
  if (status == PTN_OK)
    status = edit_mailbox (&txn->edit, user, inbox, &row);
  if (status == PTN_OK)
    status = edit_messages (&txn->edit, user, inbox, (struct ptn_uid_set){ &all, 1 }, &messages);
  for (guint i = 0; status == PTN_OK && i < messages->len; i++) {
    const struct edit_message *message = &g_array_index (messages, struct edit_message, i);
    struct record record = { .type = RECORD_COPY,
                             .user = user,
                             .mailbox = target,
                             .uid = i + 1,
                             .modseq = i + 2,
                             .message = message->row };

    set_append (uids, message->uid);
    status = txn_emit (txn, &record);
    if (status == PTN_OK && row.annotations > 0)
      status = carry_here (txn, &all_notes, user, inbox, message->uid, &record);
  }
  if (status != PTN_OK || uids->len == 0)
    return status;
  return emit_expunge (txn, user, inbox, row.modseq + 1, SET_OF (uids));
}

/* Everything above the new name must be there. */
static ptn_status
make_parent (struct txn *txn, uint32_t user, const char *path) {
  g_autofree char *parent = path_parent (path);
  struct name_row name;
  uint32_t mailbox;
  ptn_status status = PTN_OK;

  if (parent)
    status = edit_name (&txn->edit, user, parent, &name);
  return status == PTN_E_NOT_FOUND ? place_new_mailbox (txn, user, parent, &mailbox) : status;
}

static ptn_status
make_rename (struct op *op, struct txn *txn) {
  struct request *request = REQUEST (op);
  const char *from = request->path, *to = request->to;
  g_autoptr (GPtrArray) below = NULL, in_the_way = NULL;
  struct name_row name, other;
  size_t length = strlen (from);
  uint32_t user;
  ptn_status status = edit_user_id (&txn->edit, request->account, &user);

  if (status == PTN_OK)
    status = edit_name (&txn->edit, user, from, &name);
  if (status == PTN_OK && request->mailbox != 0 && request->mailbox != name.mailbox)
    status = PTN_E_NOT_FOUND;
  if (status != PTN_OK)
    return status;
  if (strncmp (to, from, length) == 0 && (to[length] == '/' || to[length] == '\0'))
    return to[length] ? PTN_E_INVALID : PTN_E_EXISTS;
  status = edit_name (&txn->edit, user, to, &other);
  if (status != PTN_E_NOT_FOUND)
    return status == PTN_OK ? PTN_E_EXISTS : status;
  if (strcmp (from, "INBOX") == 0)
    return rename_inbox (txn, user, name.mailbox, to);
  status = children (txn, user, to, &in_the_way);
  if (status == PTN_OK && in_the_way->len > 0)
    return PTN_E_EXISTS;
  if (status == PTN_OK)
    status = make_parent (txn, user, to);
  if (status == PTN_OK)
    status = children (txn, user, from, &below);
  if (status == PTN_OK)
    status = rename_one (txn, user, from, to, &name);
  for (guint i = 0; status == PTN_OK && i < below->len; i++) {
    const struct edit_row *row = below->pdata[i];
    g_autofree char *old = key_text (row->key, row->key_size, AT_NAME_PATH);
    g_autofree char *new = g_strconcat (to, old + length, NULL);

    status = name_row_get (READER (row->value, row->value_size), &name)
                 ? rename_one (txn, user, old, new, &name)
                 : PTN_E_CORRUPT;
  }
  return status;
}

static ptn_status
make_subscribe (struct op *op, struct txn *txn) {
  struct request *request = REQUEST (op);
  struct record record = { .type = RECORD_SUBSCRIBE,
                           .text = request->path,
                           .number = request->number };
  struct name_row name = { 0 };
  ptn_status status = edit_user_id (&txn->edit, request->account, &record.user);

  if (status == PTN_OK)
    status = edit_name (&txn->edit, record.user, request->path, &name);
  if (status != PTN_OK || !(name.attributes & NAME_SUBSCRIBED) == !request->number)
    return status;
  record.mailbox = name.mailbox;
  return txn_emit (txn, &record);
}

/* A request about a mailbox by name.  What others see of it may have another name, or be another
 * mailbox, when it is done: then it is not done. */
static struct request *
request_named (struct named *named, ptn_status (*prepare) (struct op *, struct txn *)) {
  struct request *request = request_new (named->shard, named->owner, prepare);

  request->path = g_steal_pointer (&named->path);
  if (!named->own)
    request->mailbox = named->row.mailbox;
  return request;
}

ptn_status
request_create (struct ptn_account *account, struct ptn_call *call, struct ptn_mailbox_name name,
                uint32_t attributes) {
  struct request *request;
  struct named named;
  ptn_status status;

  if (call->state)
    return request_await (call, NULL);
  status = attributes & ~(uint32_t)PTN_MAILBOX_SPECIAL_USES ? PTN_E_INVALID : PTN_OK;
  if (status == PTN_OK) {
    status = account_named (account, name, &named);
    if (status == PTN_OK)
      status = account_may_make (account, &named);
    if (status != PTN_OK)
      g_free (named.path);
  }
  if (status != PTN_OK)
    return index_trouble (account->shard, call->task, status);
  request = request_named (&named, make_create);
  request->number = attributes;
  return request_await (call, request);
}

ptn_status
request_remove (struct ptn_account *account, struct ptn_call *call, struct ptn_mailbox_name name) {
  struct named named;
  ptn_status status;

  if (call->state)
    return request_await (call, NULL);
  status = account_find (account, name, RIGHT_X, &named);
  if (status == PTN_OK && strcmp (named.path, "INBOX") == 0)
    status = PTN_E_INVALID;
  if (status == PTN_OK)
    return request_await (call, request_named (&named, make_remove));
  g_free (named.path);
  return index_trouble (account->shard, call->task, status);
}

/* What somebody subscribes to of others is an annotation of its own account. */
static ptn_status
make_foreign_subscribe (struct op *op, struct txn *txn) {
  struct request *request = REQUEST (op);
  struct record record = { .type = RECORD_ANNOTATE, .text = request->path };
  struct key key;
  ptn_status status = place_user (txn, request->account, &record.user);

  if (status != PTN_OK)
    return status;
  key_annotation (&key, record.user, 0, 0, request->path);
  status = edit_get (&txn->edit, &key, &txn->edit.value);
  if (status <= PTN_E_TEMPORARY || (status == PTN_OK) == (request->number != 0))
    return status == PTN_E_NOT_FOUND ? PTN_OK : status;
  if (request->number)
    record.value = (struct ptn_bytes){ "", 0 };
  else
    record.attributes = RECORD_NO_VALUE;
  return txn_emit (txn, &record);
}

ptn_status
request_subscribe (struct ptn_account *account, struct ptn_call *call, struct ptn_mailbox_name name,
                   int on) {
  struct request *request;
  struct named named;
  ptn_status status;

  if (call->state)
    return request_await (call, NULL);
  status = account_find (account, name, RIGHT_L, &named);
  if (status == PTN_OK && asker_reads (&account->asker))
    status = PTN_E_DENIED; /* the subscriptions are the account's, not the asker's */
  if (status != PTN_OK) {
    g_free (named.path);
    return index_trouble (account->shard, call->task, status);
  }
  if (named.own)
    request = request_named (&named, make_subscribe);
  else {
    struct ptn_id id = mailbox_id (named.shard, named.user, named.row.mailbox);

    request = request_new (account->shard, account->name, make_foreign_subscribe);
    request->path = subscription_name (&id);
    g_free (named.path);
  }
  request->number = on != 0;
  return request_await (call, request);
}

static ptn_status
rename_names (struct ptn_account *account, struct ptn_mailbox_name from, struct ptn_mailbox_name to,
              struct named *old, struct named *new) {
  ptn_status status = account_named (account, to, new);

  if (status == PTN_OK)
    status = account_find (account, from, RIGHT_X, old);
  if (status == PTN_OK && strcmp (old->owner, new->owner) != 0)
    status = PTN_E_UNSUPPORTED;
  return status == PTN_OK ? account_may_make (account, new) : status;
}

ptn_status
request_rename (struct ptn_account *account, struct ptn_call *call, struct ptn_mailbox_name from,
                struct ptn_mailbox_name to) {
  struct named old = { 0 }, new = { 0 };
  struct request *request;
  ptn_status status;

  if (call->state)
    return request_await (call, NULL);
  status = rename_names (account, from, to, &old, &new);
  if (status == PTN_OK) {
    request = request_named (&old, make_rename);
    request->to = g_steal_pointer (&new.path);
    return request_await (call, request);
  }
  g_free (old.path);
  g_free (new.path);
  return index_trouble (account->shard, call->task, status);
}

static ptn_status
make_quota (struct op *op, struct txn *txn) {
  struct request *request = REQUEST (op);
  struct record record = { .type = RECORD_QUOTA,
                           .storage_limit = request->storage_limit,
                           .messages_limit = request->messages_limit };
  ptn_status status = place_user (txn, request->account, &record.user);

  return status == PTN_OK ? txn_emit (txn, &record) : status;
}

ptn_status
request_set_quota (struct ptn_account *account, struct ptn_call *call,
                   const struct ptn_quota *quota) {
  struct request *request = NULL;

  if (asker_reads (&account->asker))
    return PTN_E_DENIED;
  if (!call->state) {
    request = request_new (account->shard, account->name, make_quota);
    request->storage_limit = quota->storage_limit;
    request->messages_limit = quota->messages_limit;
  }
  return request_await (call, request);
}

static ptn_status
make_account_removal (struct op *op, struct txn *txn) {
  struct request *request = REQUEST (op);
  struct record record = { .type = RECORD_USER_REMOVE, .text = request->account };
  ptn_status status = edit_user_id (&txn->edit, request->account, &record.user);

  return status == PTN_OK ? txn_emit (txn, &record) : status;
}

ptn_status
request_remove_account (void *instance, struct ptn_call *call, const char *account) {
  struct store *store = instance;

  if (call->state)
    return request_await (call, NULL);
  if (!account_valid (account))
    return PTN_E_INVALID;
  return request_await (call, request_new (store_shard_of (store, account), account,
                                           make_account_removal));
}
