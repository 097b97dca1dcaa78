/* SPDX-License-Identifier: Apache-2.0 */
/* deliver.c - a mail and its recipients: addresses become accounts, accounts become the targets of
 * one call of the store, and its results become one reply a recipient. */
#include "delivery.h"
#include "message.h"

#include <stdio.h>
#include <string.h>

/* Recipient `recipient` is served by target `target`; a group has several. */
struct link {
  unsigned recipient, target;
};

enum phase { PHASE_RESOLVE, PHASE_DETAILS, PHASE_STORE, PHASE_OVER };

struct job {
  const struct delivery *plugin;
  const struct ptn_transfer *transfer;
  enum phase phase;
  unsigned at; /* the recipient to resolve, or the target whose detail to look at */
  struct ptn_call call;
  GArray *targets;   /* struct ptn_target; the strings are in `strings` */
  GArray *links;     /* struct link, in order of recipients */
  GHashTable *known; /* "account NL path" -> index + 1; only once there are many targets */
  GStringChunk *strings;
  struct message message;
  struct ptn_append append;
  struct ptn_delivered *results;
  /* of the look at a detail's mailbox */
  struct ptn_call open;
  struct ptn_identity identity;
  struct ptn_account *account;
};

static void
close_account (struct job *job) {
  const struct ptn_store *store = job->plugin->store.table;
  job->plugin->host->call_end (&job->call);
  if (job->account)
    store->close (job->account);
  job->account = NULL;
  job->plugin->host->call_end (&job->open);
}

static void
job_free (void *state) {
  struct job *job = state;
  close_account (job);
  message_clear (&job->message);
  g_array_unref (job->targets);
  g_array_unref (job->links);
  g_clear_pointer (&job->known, g_hash_table_unref);
  g_string_chunk_free (job->strings);
  g_free (job->results);
  g_free (job);
}

static struct job *
job_new (const struct delivery *plugin, const struct ptn_transfer *transfer) {
  struct job *job = g_new0 (struct job, 1);
  job->plugin = plugin;
  job->transfer = transfer;
  job->targets = g_array_sized_new (FALSE, TRUE, sizeof (struct ptn_target), 2);
  job->links = g_array_sized_new (FALSE, TRUE, sizeof (struct link), 2);
  job->strings = g_string_chunk_new (256);
  return job;
}

static const struct ptn_recipient *
recipient_at (const struct job *job, unsigned at) {
  const char *base = (const char *)job->transfer->recipients;
  return (const struct ptn_recipient *)(const void *)(base + at * job->transfer->recipient_size);
}

static struct ptn_target *
target_at (const struct job *job, unsigned at) {
  return &g_array_index (job->targets, struct ptn_target, at);
}

/* --- targets ------------------------------------------------------------------------------- */

static char *
target_key (const char *account, const char *path) {
  return g_strconcat (account, "\n", path, NULL);
}

static void
remember_target (struct job *job, unsigned at) {
  const struct ptn_target *target = target_at (job, at);
  g_hash_table_replace (job->known, target_key (target->account, target->path),
                        GUINT_TO_POINTER (at + 1));
}

/* Two addresses of one mailbox get one copy.  Returns its index, or the count of targets. */
static unsigned
find_target (struct job *job, const char *account, const char *path) {
  if (job->targets->len < 16) {
    for (unsigned i = 0; i < job->targets->len; i++)
      if (!strcmp (target_at (job, i)->account, account)
          && !strcmp (target_at (job, i)->path, path))
        return i;
    return job->targets->len;
  }
  if (!job->known) {
    job->known = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
    for (unsigned i = 0; i < job->targets->len; i++)
      remember_target (job, i);
  }
  g_autofree char *key = target_key (account, path);
  unsigned found = GPOINTER_TO_UINT (g_hash_table_lookup (job->known, key));
  return found ? found - 1 : job->targets->len;
}

static void
add_target (struct job *job, unsigned recipient, const struct ptn_account_info *info) {
  bool detail =
      job->plugin->details != DETAILS_NO && info->detail && detail_is_mailbox (info->detail);
  const char *path = detail ? info->detail : "INBOX";
  unsigned at = find_target (job, info->account, path);
  struct link link = { recipient, at };
  if (at == job->targets->len) {
    struct limits limits = limits_read (&info->attributes);
    struct ptn_target target = { .account = g_string_chunk_insert (job->strings, info->account),
                                 .path =
                                     detail ? g_string_chunk_insert (job->strings, path) : "INBOX",
                                 .storage_limit = limits.octets,
                                 .messages_limit = limits.messages };
    g_array_append_val (job->targets, target);
    if (job->known)
      remember_target (job, at);
  }
  g_array_append_val (job->links, link);
}

static ptn_status
resolve_all (struct job *job, struct ptn_task *task, struct ptn_reply *replies) {
  const struct ptn_directory *directory = job->plugin->directory.table;
  for (; job->at < job->transfer->recipient_count; job->at++) {
    const struct ptn_account_info *const *accounts = NULL;
    size_t count = 0;
    job->call.task = task;
    ptn_status status =
        directory->resolve (job->plugin->directory.instance, &job->call,
                            recipient_at (job, job->at)->address, &accounts, &count);
    if (status == PTN_PENDING)
      return status;
    if (status == PTN_OK && count == 0)
      status = PTN_E_NOT_FOUND;
    replies[job->at] = reply_of_resolve (status, job->transfer->submitter != NULL);
    for (size_t i = 0; status == PTN_OK && i < count; i++)
      add_target (job, job->at, accounts[i]);
    job->plugin->host->call_end (&job->call);
  }
  return PTN_OK;
}

/* --- details --------------------------------------------------------------------------------- */

/* Mail for user+detail goes to the mailbox of that name if it is there, else to INBOX: strangers
 * must not be able to make mailboxes. */
static ptn_status
look_at_detail (struct job *job, struct ptn_task *task, struct ptn_target *target) {
  const struct ptn_store *store = job->plugin->store.table;
  const struct ptn_mailbox *mailbox;
  ptn_status status = PTN_OK;
  if (!job->account) {
    job->identity = (struct ptn_identity){ .size = sizeof job->identity,
                                           .authcid = target->account,
                                           .authzid = target->account,
                                           .domain = "",
                                           .account = target->account };
    job->open.task = task;
    status = store->open (job->plugin->store.instance, &job->open, &job->identity, &job->account);
    if (status == PTN_PENDING)
      return status;
    if (status != PTN_OK)
      job->account = NULL;
  }
  if (status == PTN_OK) {
    job->call.task = task;
    status = store->status (job->account, &job->call,
                            (struct ptn_mailbox_name){ NULL, target->path }, &mailbox);
    if (status == PTN_PENDING)
      return status;
  }
  if (status != PTN_OK || (mailbox->attributes & PTN_MAILBOX_NOSELECT))
    target->path = "INBOX";
  close_account (job);
  return PTN_OK;
}

/* user and user+gone are one mailbox now: the second target becomes the first. */
static void
merge_targets (struct job *job) {
  GArray *old = g_steal_pointer (&job->targets);
  g_autofree unsigned *moved = g_new (unsigned, old->len);
  job->targets = g_array_sized_new (FALSE, TRUE, sizeof (struct ptn_target), old->len);
  g_clear_pointer (&job->known, g_hash_table_unref);
  for (unsigned i = 0; i < old->len; i++) {
    const struct ptn_target *target = &g_array_index (old, struct ptn_target, i);
    moved[i] = find_target (job, target->account, target->path);
    if (moved[i] < job->targets->len)
      continue;
    g_array_append_val (job->targets, *target);
    if (job->known)
      remember_target (job, moved[i]);
  }
  for (unsigned i = 0; i < job->links->len; i++) {
    struct link *link = &g_array_index (job->links, struct link, i);
    link->target = moved[link->target];
  }
  g_array_unref (old);
}

static ptn_status
look_at_details (struct job *job, struct ptn_task *task) {
  bool moved = false;
  if (job->plugin->details != DETAILS_YES)
    return PTN_OK;
  for (; job->at < job->targets->len; job->at++) {
    struct ptn_target *target = target_at (job, job->at);
    if (g_ascii_strcasecmp (target->path, "INBOX")
        && look_at_detail (job, task, target) == PTN_PENDING)
      return PTN_PENDING;
    moved = true;
  }
  if (moved && job->targets->len > 1)
    merge_targets (job);
  return PTN_OK;
}

/* --- the store --------------------------------------------------------------------------------- */

static void
log_failure (const struct job *job, const struct ptn_target *target, ptn_status status) {
  const struct ptn_host *host = job->plugin->host;
  char number[16];
  snprintf (number, sizeof number, "%d", status);
  const struct ptn_field fields[] = { { "mail", job->transfer->session_id },
                                      { "account", target->account },
                                      { "mailbox", target->path },
                                      { "reason", reply_of_store (status).text },
                                      { "status", number } };
  host->log (host, PTN_LOG_WARNING, job->call.task, "delivery.failed", fields,
             G_N_ELEMENTS (fields));
}

/* A recipient with several accounts: a failure that may pass wins, so that nothing is lost; a
 * member whose mailbox is full does not send the mail back to everybody's sender. */
static void
settle (struct ptn_reply *reply, struct ptn_reply one, bool first) {
  if (first)
    *reply = one;
  else if (reply->code >= 400 && reply->code < 500)
    return;
  else if ((one.code >= 400 && one.code < 500) || (one.code < 300 && reply->code >= 500))
    *reply = one;
}

static void
settle_all (struct job *job, ptn_status whole, struct ptn_reply *replies) {
  unsigned before = G_MAXUINT;
  for (unsigned i = 0; i < job->targets->len; i++) {
    ptn_status status = whole != PTN_OK ? whole : job->results[i].status;
    if (status != PTN_OK)
      log_failure (job, target_at (job, i), status);
  }
  for (unsigned i = 0; i < job->links->len; i++) {
    const struct link *link = &g_array_index (job->links, struct link, i);
    ptn_status status = whole != PTN_OK ? whole : job->results[link->target].status;
    settle (&replies[link->recipient], reply_of_store (status), link->recipient != before);
    before = link->recipient;
  }
}

/* Called by the store when it has read the mail. */
static ptn_status
describe (void *argument, struct ptn_description *description) {
  struct message *message = argument;
  description->references = references_strings (&message->references);
  description->digest = mime_builder_finish (message->structure, MIME_DIGEST_MAX);
  return PTN_OK;
}

static void
prepare (struct job *job) {
  int64_t now = job->plugin->host->realtime_ms ();
  message_start (&job->message, job->transfer, now);
  job->append = (struct ptn_append){ .size = sizeof job->append,
                                     .internal_date = now / 1000,
                                     .source = &job->message.source,
                                     .describe = describe,
                                     .argument = &job->message };
  job->results = g_new0 (struct ptn_delivered, job->targets->len);
}

/* PTN_OK: every recipient has a reply.  An error: the mail itself could not be read. */
static ptn_status
store_all (struct job *job, struct ptn_task *task, struct ptn_reply *replies) {
  const struct ptn_store *store = job->plugin->store.table;
  if (job->targets->len == 0)
    return PTN_OK;
  if (!job->results)
    prepare (job);
  job->call.task = task;
  ptn_status status = store->deliver (job->plugin->store.instance, &job->call, &job->append,
                                      (const struct ptn_target *)(void *)job->targets->data,
                                      job->targets->len, job->results);
  if (status == PTN_PENDING)
    return status;
  if (job->message.failed != PTN_OK)
    return job->message.failed;
  settle_all (job, status, replies);
  return PTN_OK;
}

static ptn_status
job_step (struct job *job, struct ptn_task *task, struct ptn_reply *replies) {
  ptn_status status = PTN_OK;
  for (;;) {
    switch (job->phase) {
    case PHASE_RESOLVE:
      status = resolve_all (job, task, replies);
      break;
    case PHASE_DETAILS:
      status = look_at_details (job, task);
      break;
    case PHASE_STORE:
      status = store_all (job, task, replies);
      break;
    case PHASE_OVER:
      return PTN_OK;
    }
    if (status != PTN_OK)
      return status;
    job->phase++;
    job->at = 0;
  }
}

ptn_status
delivery_deliver (void *instance, struct ptn_call *call, const struct ptn_transfer *transfer,
                  struct ptn_reply *replies) {
  struct job *job = call->state;
  if (!job) {
    job = call->state = job_new (instance, transfer);
    call->release = job_free;
  }
  call->cancel = job_free;
  ptn_status status = job_step (job, call->task, replies);
  if (status != PTN_PENDING)
    call->cancel = NULL;
  return status;
}
