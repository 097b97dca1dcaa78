/* SPDX-License-Identifier: Apache-2.0 */
/* follow.c - the task that follows one account: opens its file and its mailboxes, and chooses what
 * to do next.  pass.c does the mailboxes. */
#include "follow.h"

#include <string.h>

enum { EVENTS = 8, FULL_LANE_NS = 5000000 };
#define RETRY_NS INT64_C (60000000000)

static phase open_file, open_store, subscribe, reset_file, close_all;

void
follow_call_end (struct follower *follower) {
  follower->host->call_end (&follower->call);
  follower->call.task = follower->task;
}

void
follow_warn (struct follower *follower, const char *event, const char *error) {
  const struct ptn_field fields[] = { { "account", follower->account->owner }, { "error", error } };
  follower->host->log (follower->host, PTN_LOG_WARNING, NULL, event, fields, G_N_ELEMENTS (fields));
}

/* --- jobs --------------------------------------------------------------------------------------- */

static void
job (void *argument) {
  struct follower *follower = argument;
  follower->result = PTN_E_TEMPORARY;
  follower->why[0] = '\0';
  follower->work (follower);
  atomic_store (&follower->done, true);
}

ptn_status
lane (struct follower *follower, void (*work) (struct follower *), phase *next) {
  follower->work = work;
  follower->phase = next;
  follower->working = true;
  follower->queued = false;
  atomic_store (&follower->done, false);
  return PTN_OK;
}

/* PTN_OK: the job is done. */
static ptn_status
job_step (struct follower *follower) {
  const struct ptn_host *host = follower->host;
  if (!follower->queued) {
    ptn_status status = host->offload (follower->task, FTS_LANE, job, NULL, follower);
    follower->queued = status == PTN_OK;
    if (!follower->queued) /* full: soon there is room again */
      host->wake_at (host->waker (follower->task), host->monotonic_ns () + FULL_LANE_NS);
    return PTN_PENDING;
  }
  if (!atomic_load (&follower->done))
    return PTN_PENDING;
  follower->working = false;
  return PTN_OK;
}

/* --- the file ------------------------------------------------------------------------------------ */

static void
open_work (struct follower *follower) {
  struct account *account = follower->account;
  g_autofree char *path = account_path (account->fts, account->owner);
  g_array_set_size (follower->rows, 0);
  follower->result =
      database_open (path, account->owner, &account->database, &follower->fresh, follower->why);
  if (follower->result == PTN_OK)
    follower->result = database_boxes (account->database, follower->rows, follower->why);
}

static void
reset_work (struct follower *follower) {
  g_array_set_size (follower->rows, 0);
  follower->result = database_reset (follower->account->database, follower->why);
}

/* Everybody who waits is told that it cannot be told now. */
static void
fail_all (struct follower *follower, ptn_status status) {
  struct account *account = follower->account;
  pthread_mutex_lock (&account->lock);
  for (guint i = 0; i < account->waiting->len; i++)
    request_ready (account->waiting->pdata[i], status);
  g_ptr_array_set_size (account->waiting, 0);
  pthread_mutex_unlock (&account->lock);
}

static ptn_status
file_opened (struct follower *follower) {
  struct account *account = follower->account;
  if (follower->result == PTN_E_CORRUPT && account->database)
    return lane (follower, reset_work, file_opened);
  if (follower->result != PTN_OK) {
    follow_warn (follower, "search.unavailable", follower->why);
    account_retire (account, true); /* who asks next begins anew */
    fail_all (follower, PTN_E_TEMPORARY);
    follower->phase = close_all;
    return PTN_OK;
  }
  pthread_mutex_lock (&account->lock);
  account->damaged = account->rebuild = false;
  account->generation = database_generation (account->database);
  for (guint i = 0; i < follower->rows->len; i++) {
    const struct box_row *row = &g_array_index (follower->rows, struct box_row, i);
    struct box *box = account_box (account, &row->id);
    box->row = *row;
    box->dirty = true;
  }
  for (guint i = 0; i < account->waiting->len; i++)
    ((struct request *)account->waiting->pdata[i])->in_pass = false;
  pthread_mutex_unlock (&account->lock);
  follower->box = NULL;
  follower->sweep = true;
  follower->failed = 0;
  follower->phase = follower->opened ? choose : open_store;
  return PTN_OK;
}

static ptn_status
open_file (struct follower *follower) {
  return lane (follower, open_work, file_opened);
}

static ptn_status
reset_file (struct follower *follower) {
  pthread_mutex_lock (&follower->account->lock);
  bool damaged = follower->account->damaged;
  g_hash_table_remove_all (follower->account->boxes);
  pthread_mutex_unlock (&follower->account->lock);
  follow_warn (follower, "search.begun-anew", damaged ? "damaged" : "asked for");
  follower->host->observe (follower->fts->resets, 1);
  return lane (follower, reset_work, file_opened);
}

/* --- the store ------------------------------------------------------------------------------------ */

static ptn_status
open_store (struct follower *follower) {
  const char *owner = *follower->account->owner ? follower->account->owner : "posternctl";
  follower->identity = (struct ptn_identity){ .size = sizeof follower->identity,
                                              .authcid = owner,
                                              .authzid = owner,
                                              .domain = "",
                                              .account = owner,
                                              .administrator = 1 };
  struct ptn_account *account = NULL;
  ptn_status status = follower->store->open (follower->fts->store_instance, &follower->open,
                                             &follower->identity, &account);
  if (status == PTN_PENDING)
    return status;
  follower->phase = subscribe;
  if (status == PTN_OK) {
    follower->opened = account;
    return PTN_OK;
  }
  follow_warn (follower, "search.unavailable", "the store does not open the account");
  account_retire (follower->account, true);
  fail_all (follower, status);
  follower->phase = close_all;
  return PTN_OK;
}

/* Without events it is brought up to date when it is asked. */
static ptn_status
subscribe (struct follower *follower) {
  const uint32_t kinds = PTN_MESSAGE_NEW | PTN_MESSAGE_APPEND | PTN_MESSAGE_EXPUNGE
                         | PTN_MAILBOX_DELETE | PTN_ACCOUNT_CLOSE;
  follower->phase = choose;
  if (PTN_CAN (follower->host, unsubscribe)
      && follower->host->subscribe (follower->task, follower->account->owner, NULL, kinds,
                                    &follower->subscription)
             != PTN_OK)
    follower->subscription = NULL;
  return PTN_OK;
}

static void
mark (struct follower *follower, const struct ptn_happening *row) {
  struct account *account = follower->account;
  static const struct ptn_id whole;
  bool all = memcmp (&row->mailbox, &whole, sizeof whole) == 0;
  GHashTableIter walk;
  gpointer value;
  pthread_mutex_lock (&account->lock);
  if (all && (row->kinds & PTN_ACCOUNT_CLOSE))
    account->retire = true;
  g_hash_table_iter_init (&walk, account->boxes);
  while (g_hash_table_iter_next (&walk, NULL, &value)) {
    struct box *box = value;
    if (all || memcmp (&box->row.id, &row->mailbox, sizeof whole) == 0)
      box->dirty = true;
  }
  pthread_mutex_unlock (&account->lock);
}

static void
hear (struct follower *follower) {
  struct ptn_happening rows[EVENTS];
  size_t count;
  while (follower->subscription
         && follower->host->occurred (follower->subscription, rows, EVENTS, &count) == PTN_OK)
    for (size_t i = 0; i < count; i++) {
      mark (follower, &rows[i]);
      follower->heard = follower->host->monotonic_ns ();
    }
}

/* --- what to do next --------------------------------------------------------------------------- */

/* The mailbox of a request, else one where something happened, if it is time. */
static struct box *
wanted (struct follower *follower, bool background) {
  struct account *account = follower->account;
  struct box *box = NULL;
  GHashTableIter walk;
  gpointer value;
  pthread_mutex_lock (&account->lock);
  if (account->waiting->len)
    box = account_box (account, &((struct request *)account->waiting->pdata[0])->mailbox);
  g_hash_table_iter_init (&walk, account->boxes);
  while (!box && background && g_hash_table_iter_next (&walk, NULL, &value))
    if (((struct box *)value)->dirty)
      box = value;
  pthread_mutex_unlock (&account->lock);
  return box;
}

static void
sweep_work (struct follower *follower) {
  follower->result = database_sweep (follower->account->database, &follower->left, follower->why);
}

static ptn_status
swept (struct follower *follower) {
  follower->phase = choose;
  follower->sweep = follower->result == PTN_OK && follower->left;
  if (follower->result == PTN_E_CORRUPT) {
    pthread_mutex_lock (&follower->account->lock);
    follower->account->damaged = true;
    pthread_mutex_unlock (&follower->account->lock);
  }
  return PTN_OK;
}

/* A timer at this time, unless an earlier one is set. */
static void
arm (struct follower *follower, int64_t now, int64_t when) {
  if (follower->armed > now && follower->armed <= when)
    return;
  follower->armed = when;
  follower->host->wake_at (follower->host->waker (follower->task), when);
}

/* Nothing to do: PTN_PENDING; PTN_OK: something came in between. */
static ptn_status
rest (struct follower *follower, int64_t now, bool later) {
  struct account *account = follower->account;
  const struct ptn_host *host = follower->host;
  struct ptn_waker *fresh = host->waker (follower->task), *old = NULL;
  pthread_mutex_lock (&account->lock);
  bool busy = account->waiting->len || account->damaged || account->rebuild || account->retire;
  int64_t until = account->used + follower->fts->idle_ns;
  if (!busy) {
    old = account->waker;
    account->waker = fresh;
    fresh = NULL;
  }
  pthread_mutex_unlock (&account->lock);
  if (fresh)
    host->forget (fresh);
  if (old)
    host->forget (old);
  if (busy)
    return PTN_OK;
  arm (follower, now, later ? MIN (until, now + follower->fts->settle_ns + 1000000) : until);
  return PTN_PENDING;
}

static bool
is_any_dirty (struct follower *follower) {
  GHashTableIter walk;
  gpointer value;
  bool dirty = false;
  pthread_mutex_lock (&follower->account->lock);
  g_hash_table_iter_init (&walk, follower->account->boxes);
  while (!dirty && g_hash_table_iter_next (&walk, NULL, &value))
    dirty = ((struct box *)value)->dirty;
  pthread_mutex_unlock (&follower->account->lock);
  return dirty;
}

ptn_status
choose (struct follower *follower) {
  struct account *account = follower->account;
  hear (follower);
  int64_t now = follower->host->monotonic_ns ();
  pthread_mutex_lock (&account->lock);
  bool reset = account->damaged || account->rebuild, retire = account->retire;
  int64_t used = account->used;
  pthread_mutex_unlock (&account->lock);
  if (reset) {
    follower->phase = reset_file;
    return PTN_OK;
  }
  bool settled = now - follower->heard >= follower->fts->settle_ns
                 && (!follower->failed || now - follower->failed >= RETRY_NS);
  follower->box = wanted (follower, settled && !retire);
  if (follower->box) {
    follower->phase = pass_begin;
    return PTN_OK;
  }
  if (settled && !retire && follower->sweep)
    return lane (follower, sweep_work, swept);
  if ((retire || now - used >= follower->fts->idle_ns) && account_retire (account, false)) {
    follower->phase = close_all;
    return PTN_OK;
  }
  return rest (follower, now, follower->sweep || is_any_dirty (follower));
}

/* --- the end -------------------------------------------------------------------------------------- */

static ptn_status
close_all (struct follower *follower) {
  pass_clear (follower);
  follower->host->call_end (&follower->open);
  if (follower->subscription)
    follower->host->unsubscribe (follower->subscription);
  follower->subscription = NULL;
  if (follower->opened)
    follower->store->close (follower->opened);
  follower->opened = NULL;
  return PTN_END;
}

static void
follower_new (struct account *account, struct ptn_task *task) {
  struct fts *fts = account->fts;
  struct follower *follower = account->follower = g_new0 (struct follower, 1);
  follower->account = account;
  follower->fts = fts;
  follower->host = fts->host;
  follower->store = fts->store;
  follower->task = follower->call.task = follower->open.task = task;
  follower->rows = g_array_new (FALSE, FALSE, sizeof (struct box_row));
  follower->items = g_array_new (FALSE, TRUE, sizeof (struct item));
  follower->ranges = g_array_new (FALSE, FALSE, sizeof (struct ptn_uid_range));
  follower->message = message_new ();
  follower->phase = open_file;
}

ptn_status
follow_step (void *argument, struct ptn_task *task) {
  struct account *account = argument;
  if (!account->follower)
    follower_new (account, task);
  struct follower *follower = account->follower;
  for (;;) {
    ptn_status status = follower->working ? job_step (follower) : PTN_OK;
    if (status != PTN_OK)
      return status;
    if (follower->phase != close_all
        && (follower->host->cancelled (task) || atomic_load (&follower->fts->stopping))) {
      account_retire (account, true);
      fail_all (follower, PTN_E_CANCELLED);
      follower->phase = close_all;
    }
    if (follower->host->budget_spent (task))
      return PTN_OK;
    status = follower->phase (follower);
    if (status != PTN_OK)
      return status;
  }
}

void
follow_done (void *argument) {
  struct account *account = argument;
  struct follower *follower = account->follower;
  struct fts *fts = account->fts;
  if (follower) {
    g_array_free (follower->rows, TRUE);
    g_array_free (follower->items, TRUE);
    g_array_free (follower->ranges, TRUE);
    message_free (&follower->message);
    g_free (follower);
  }
  account->follower = NULL;
  account_unref (&account);
  fts_done (fts);
}
