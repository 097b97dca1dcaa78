/* SPDX-License-Identifier: Apache-2.0 */
/* update.c - the UPDATE state as one change set: all of it is durable when the client reads
 * +OK, or none of it happened (RFC 1939 section 6). */
#include "maildrop.h"
#include "retention.h"

enum stage { STAGE_OPEN, STAGE_BEGIN, STAGE_DELETED, STAGE_RETRIEVED, STAGE_COMMIT, STAGE_DONE };

struct update {
  struct maildrop *drop;
  struct uid_ranges deleted, retrieved;
  uint32_t count;
  enum stage stage;
  struct ptn_call call;
  struct ptn_change *change;
  char now[24]; /* the value of ANNOTATION_RETRIEVED */
};

struct update *
update_new (struct maildrop *drop, bool deletions) {
  if (drop->reads)
    return NULL;
  struct update *update = g_new0 (struct update, 1);
  update->drop = drop;
  for (uint32_t i = 0; i < drop->count; i++) {
    uint64_t word = drop->words[i];
    bool deleted = deletions && (word & MARK_DELETED);
    if (drop->retention.policy != POLICY_KEEP && deleted) {
      uid_ranges_add (&update->deleted, drop->uids[i]);
      update->count++;
    }
    /* Who deletes what he never fetched has no use for it either: its time starts too. */
    if (drop->retention.policy == POLICY_KEEP && !(word & MARK_KNOWN)
        && (deleted || (word & MARK_RETRIEVED)))
      uid_ranges_add (&update->retrieved, drop->uids[i]);
  }
  if (!update->deleted.count && !update->retrieved.count)
    update_free (&update);
  else
    g_snprintf (update->now, sizeof update->now, "%" G_GINT64_FORMAT,
                drop->pop3->host->realtime_ms () / 1000);
  return update;
}

uint32_t
update_count (const struct update *update) {
  return update->count;
}

void
update_free (struct update **pointer) {
  struct update *update = *pointer;
  if (!update)
    return;
  if (update->call.task)
    update->drop->pop3->host->call_end (&update->call);
  if (update->change)
    update->drop->pop3->store->end (update->change);
  uid_ranges_clear (&update->deleted);
  uid_ranges_clear (&update->retrieved);
  g_free (update);
  *pointer = NULL;
}

static ptn_status
step_once (struct update *update) {
  struct maildrop *drop = update->drop;
  const struct ptn_store *store = drop->pop3->store;
  struct ptn_call *call = &update->call;
  switch (update->stage) {
  case STAGE_OPEN: {
    if (drop->account)
      return PTN_OK;
    /* In the background, after the login's identity is gone: the server keeps its own books. */
    const struct ptn_identity identity = {
      .size = sizeof identity,
      .authcid = drop->name,
      .authzid = drop->name,
      .domain = "",
      .account = drop->name,
    };
    return store->open (drop->pop3->store_instance, call, &identity, &drop->account);
  }
  case STAGE_BEGIN:
    return store->begin (drop->account, call, NULL, &update->change);
  case STAGE_DELETED:
    if (!update->deleted.count)
      return PTN_OK;
    if (drop->retention.policy == POLICY_HIDE)
      return store->annotate (update->change, call, &drop->inbox, uid_ranges_set (&update->deleted),
                              ANNOTATION_HIDDEN, (struct ptn_bytes){ "1", 1 });
    return store->expunge (update->change, call, &drop->inbox, uid_ranges_set (&update->deleted),
                           0);
  case STAGE_RETRIEVED:
    if (!update->retrieved.count)
      return PTN_OK;
    return store->annotate (update->change, call, &drop->inbox, uid_ranges_set (&update->retrieved),
                            ANNOTATION_RETRIEVED,
                            (struct ptn_bytes){ update->now, strlen (update->now) });
  case STAGE_COMMIT:
    return store->commit (update->change, call);
  case STAGE_DONE:
    break;
  }
  return PTN_OK;
}

ptn_status
update_step (struct update *update, struct ptn_task *task) {
  update->call.task = task;
  while (update->stage != STAGE_DONE) {
    ptn_status status = step_once (update);
    if (status == PTN_PENDING)
      return PTN_PENDING;
    update->drop->pop3->host->call_end (&update->call);
    if (status != PTN_OK)
      return status;
    update->stage++;
  }
  return PTN_OK;
}

/* --- after a session that ended without QUIT ------------------------------------------- */

static ptn_status
background_step (void *argument, struct ptn_task *task) {
  struct update *update = argument;
  const struct ptn_host *host = update->drop->pop3->host;
  ptn_status status = host->cancelled (task) ? PTN_E_CANCELLED : update_step (update, task);
  if (status < 0) {
    const char *why = host->failure_log (task);
    struct ptn_field fields[] = { { "account", update->drop->name }, { "error", why ? why : "" } };
    host->log (host, PTN_LOG_WARNING, task, "pop3.retrieval-not-noted", fields,
               G_N_ELEMENTS (fields));
  }
  return status == PTN_OK ? PTN_END : status;
}

/* Also the way out when no task could be made. */
static void
background_done (void *argument) {
  struct update *update = argument;
  struct maildrop *drop = update->drop;
  struct pop3 *pop3 = drop->pop3;
  update_free (&update);
  maildrop_free (&drop);
  pthread_mutex_lock (&pop3->lock);
  if (--pop3->background == 0)
    pthread_cond_broadcast (&pop3->idle);
  pthread_mutex_unlock (&pop3->lock);
}

void
update_in_background (struct maildrop **pointer) {
  struct maildrop *drop = *pointer;
  struct pop3 *pop3 = drop->pop3;
  struct update *update = drop->retention.policy == POLICY_KEEP ? update_new (drop, false) : NULL;
  *pointer = NULL;
  if (!update) {
    maildrop_free (&drop);
    return;
  }
  /* The account object belongs to the session's task: the new task opens its own. */
  g_clear_pointer (&drop->account, pop3->store->close);
  pthread_mutex_lock (&pop3->lock);
  pop3->background++;
  pthread_mutex_unlock (&pop3->lock);
  struct ptn_task *task = NULL;
  if (pop3->host->spawn (pop3->host, "pop3-retention", background_step, background_done, update,
                         &task)
      != PTN_OK)
    background_done (update);
}
