/* SPDX-License-Identifier: Apache-2.0 */
/* verify.c - RCPT: is there such an address, and room for the mail? */
#include "delivery.h"

#include <string.h>

struct verification {
  const struct delivery *plugin;
  struct ptn_call resolve, open, quota;
  const struct ptn_account_info *const *accounts; /* until `resolve` ends */
  size_t count, at;
  bool resolved;
  struct ptn_identity identity;
  struct ptn_account *account;
  struct ptn_reply full; /* what the accounts looked at so far would answer */
};

static void
close_account (struct verification *v) {
  const struct ptn_store *store = v->plugin->store.table;
  v->plugin->host->call_end (&v->quota);
  if (v->account)
    store->close (v->account);
  v->account = NULL;
  v->plugin->host->call_end (&v->open);
}

static void
verification_free (void *state) {
  struct verification *v = state;
  close_account (v);
  v->plugin->host->call_end (&v->resolve);
  g_free (v);
}

static uint64_t
smaller_limit (uint64_t directory, uint64_t store) {
  return directory != UINT64_MAX ? directory : store; /* as ptn_target says */
}

/* A full mailbox may be emptied: 4.2.2, so that the sender's server tries again.  A mail that
 * would not even fit into an empty one is refused for good. */
static struct ptn_reply
judge_quota (const struct ptn_quota *quota, struct limits limits, uint64_t size) {
  uint64_t octets = smaller_limit (limits.octets, quota->storage_limit);
  uint64_t messages = smaller_limit (limits.messages, quota->messages_limit);
  if (size > octets)
    return (struct ptn_reply){ 552, 5002003, "the mail is larger than the mailbox may be" };
  if (quota->messages_used >= messages || quota->storage_used >= octets
      || size > octets - quota->storage_used)
    return (struct ptn_reply){ 452, 4002002, "the mailbox is full, try again later" };
  return reply_of_resolve (PTN_OK, false);
}

/* One account of the address: PTN_PENDING, or *reply is its answer. */
static ptn_status
look_at_account (struct verification *v, struct ptn_task *task, uint64_t size,
                 struct ptn_reply *reply) {
  const struct ptn_store *store = v->plugin->store.table;
  const struct ptn_account_info *info = v->accounts[v->at];
  const struct ptn_quota *quota;
  ptn_status status = PTN_OK;
  if (!v->account) {
    v->identity = (struct ptn_identity){ .size = sizeof v->identity,
                                         .authcid = info->account,
                                         .authzid = info->account,
                                         .domain = "",
                                         .account = info->account };
    v->open.task = task;
    status = store->open (v->plugin->store.instance, &v->open, &v->identity, &v->account);
    if (status == PTN_PENDING)
      return status;
    if (status != PTN_OK)
      v->account = NULL;
  }
  if (status == PTN_OK) {
    v->quota.task = task;
    status = store->quota (v->account, &v->quota, &quota);
    if (status == PTN_PENDING)
      return status;
  }
  *reply = status == PTN_OK ? judge_quota (quota, limits_read (&info->attributes), size)
                            : reply_of_store (status);
  close_account (v);
  return PTN_OK;
}

/* The address is good if one of its accounts has room. */
static ptn_status
look_at_accounts (struct verification *v, struct ptn_task *task, uint64_t size,
                  struct ptn_reply *reply) {
  for (; v->at < v->count; v->at++) {
    struct ptn_reply one;
    ptn_status status = look_at_account (v, task, size, &one);
    if (status == PTN_PENDING)
      return status;
    if (one.code < 300) {
      *reply = one;
      return PTN_OK;
    }
    if (v->full.code == 0 || one.code < 500)
      v->full = one;
  }
  *reply = v->full;
  return PTN_OK;
}

static ptn_status
verify (struct verification *v, struct ptn_task *task, bool submitted, const char *address,
        uint64_t size, struct ptn_reply *reply) {
  const struct ptn_directory *directory = v->plugin->directory.table;
  if (!v->resolved) {
    v->resolve.task = task;
    ptn_status status = directory->resolve (v->plugin->directory.instance, &v->resolve, address,
                                            &v->accounts, &v->count);
    if (status == PTN_PENDING)
      return status;
    v->resolved = true;
    if (status != PTN_OK || v->count == 0) {
      *reply = reply_of_resolve (status == PTN_OK ? PTN_E_NOT_FOUND : status, submitted);
      return PTN_OK;
    }
    if (!v->plugin->check_quota) {
      *reply = reply_of_resolve (PTN_OK, submitted);
      return PTN_OK;
    }
  }
  return look_at_accounts (v, task, size, reply);
}

ptn_status
delivery_verify (void *instance, struct ptn_call *call, const struct ptn_identity *submitter,
                 const char *reverse_path, const char *address, uint64_t size,
                 struct ptn_reply *reply) {
  struct verification *v = call->state;
  if (!v) {
    v = call->state = g_new0 (struct verification, 1);
    v->plugin = instance;
    call->release = verification_free;
  }
  call->cancel = verification_free;
  ptn_status status = verify (v, call->task, submitter != NULL, address, size, reply);
  if (status != PTN_PENDING)
    call->cancel = NULL;
  return status;
}
