/* SPDX-License-Identifier: Apache-2.0 */
/* query.c - "postern.search-index/1": a question, from its arrival to its answer. */
#include "fts.h"

#include <string.h>

enum { TERMS_MOST = 1000, NEEDLE_LEAST = 3, TRIES = 3, FULL_LANE_NS = 5000000 };

struct request *
request_ref (struct request *request) {
  atomic_fetch_add (&request->references, 1);
  return request;
}

static void
free_terms (struct request *request) {
  for (size_t i = 0; i < request->count; i++) {
    g_free ((void *)(uintptr_t)request->terms[i].field);
    g_free ((void *)(uintptr_t)request->terms[i].needle.data);
    if (request->uids[i])
      g_array_free (request->uids[i], TRUE);
  }
  g_free (request->terms);
  g_free (request->uids);
}

void
request_unref (struct request *request) {
  if (atomic_fetch_sub (&request->references, 1) != 1)
    return;
  if (request->waker)
    request->account->fts->host->forget (request->waker);
  free_terms (request);
  g_array_free (request->unknown, TRUE);
  g_array_free (request->ranges, TRUE);
  g_free (request->found);
  account_unref (&request->account);
  g_free (request);
}

void
request_wake (struct request *request) {
  struct ptn_waker *waker = g_steal_pointer (&request->waker);
  if (waker)
    request->account->fts->host->wake (waker);
}

void
request_ready (struct request *request, ptn_status status) {
  request->state = status == PTN_OK ? REQUEST_READY : REQUEST_DONE;
  request->status = status;
  request->generation = request->account->generation;
  request->reached = UINT32_MAX;
  request_wake (request);
}

/* --- what is asked ---------------------------------------------------------------------------- */

static ptn_status
check_term (const struct ptn_search_term *term) {
  const char *text = term->needle.data;
  size_t size = term->needle.size;
  /* A name that is not ASCII could be folded otherwise. */
  if (term->field && !g_str_is_ascii (term->field))
    return PTN_E_UNSUPPORTED;
  if (term->scope < PTN_SEARCH_HEADER || term->scope > PTN_SEARCH_TEXT)
    return PTN_E_UNSUPPORTED;
  /* Not UTF-8, or with a NUL: nothing that is indexed as text. */
  if (!size || !g_utf8_validate_len (text, size, NULL)
      || g_utf8_strlen (text, (gssize)size) < NEEDLE_LEAST)
    return PTN_E_UNSUPPORTED;
  return PTN_OK;
}

static ptn_status
check (const struct ptn_search_query *query) {
  if (!PTN_HAS (query, count) || !query->owner || query->count > TERMS_MOST)
    return PTN_E_INVALID;
  for (size_t i = 0; i < query->count; i++) {
    ptn_status status = check_term (&query->terms[i]);
    if (status != PTN_OK)
      return status;
  }
  return PTN_OK;
}

static struct request *
request_new (struct account *account, const struct ptn_search_query *query) {
  struct request *request = g_new0 (struct request, 1);
  request->account = account_ref (account);
  request->references = 1;
  request->mailbox = query->mailbox;
  request->uidvalidity = query->uidvalidity;
  request->uidnext = query->uidnext;
  request->count = query->count;
  request->began = account->fts->host->monotonic_ns ();
  request->terms = g_new0 (struct ptn_search_term, query->count + 1);
  request->uids = g_new0 (GArray *, query->count + 1);
  request->found = g_new0 (struct ptn_search_found, query->count + 1);
  request->unknown = g_array_new (FALSE, FALSE, sizeof (uint32_t));
  request->ranges = g_array_new (FALSE, FALSE, sizeof (struct ptn_uid_range));
  for (size_t i = 0; i < query->count; i++) {
    struct ptn_search_term *term = &request->terms[i];
    *term = query->terms[i];
    term->field = g_strdup (term->field);
    term->needle.data = g_memdup2 (term->needle.data, term->needle.size);
    request->uids[i] = g_array_new (FALSE, FALSE, sizeof (uint32_t));
  }
  return request;
}

/* The mailbox may be up to date already; else the task is told.  False: the account is closed. */
static bool
leave (struct request *request) {
  struct account *account = request->account;
  pthread_mutex_lock (&account->lock);
  const struct box *box = g_hash_table_lookup (account->boxes, &request->mailbox);
  bool open = !account->closed;
  bool current = box && box->validated && box->seen >= request->uidnext
                 && box->row.uidvalidity == request->uidvalidity && !account->damaged
                 && !account->rebuild;
  request->state = REQUEST_WAITING;
  request->in_pass = false;
  if (open && current)
    request_ready (request, PTN_OK);
  else if (open)
    g_ptr_array_add (account->waiting, request_ref (request));
  struct ptn_waker *waker = open && !current ? g_steal_pointer (&account->waker) : NULL;
  pthread_mutex_unlock (&account->lock);
  if (waker)
    account->fts->host->wake (waker);
  return open;
}

/* --- the job ---------------------------------------------------------------------------------- */

/* Only those that the index vouches for. */
static struct ptn_uid_set
ranges_of (struct request *request, const GArray *uids, size_t *at) {
  size_t first = *at = request->ranges->len;
  for (guint i = 0; i < uids->len; i++) {
    uint32_t uid = g_array_index (uids, uint32_t, i);
    struct ptn_uid_range range = { uid, uid };
    if (uid >= request->reached)
      break;
    struct ptn_uid_range *last =
        request->ranges->len > first
            ? &g_array_index (request->ranges, struct ptn_uid_range, request->ranges->len - 1)
            : NULL;
    if (last && last->last + 1 >= uid)
      last->last = uid;
    else
      g_array_append_val (request->ranges, range);
  }
  return (struct ptn_uid_set){ NULL, request->ranges->len - first };
}

/* The ranges lie in one array: pointers into it come when it no longer grows. */
static void
make_result (struct request *request) {
  g_autofree size_t *at = g_new (size_t, request->count + 1);
  request->result = (struct ptn_search_result){ .size = sizeof request->result,
                                                .uidnext = request->uidnext,
                                                .found = request->found,
                                                .count = request->count };
  for (size_t i = 0; i < request->count; i++)
    request->found[i].uids = ranges_of (request, request->uids[i], &at[i]);
  request->result.unknown = ranges_of (request, request->unknown, &at[request->count]);
  if (request->reached < request->uidnext) {
    struct ptn_uid_range rest = { MAX (request->reached, 1), request->uidnext - 1 };
    g_array_append_val (request->ranges, rest);
    request->result.unknown.count++;
  }
  const struct ptn_uid_range *all = (const void *)request->ranges->data;
  for (size_t i = 0; i < request->count; i++)
    request->found[i].uids.ranges = all + at[i];
  request->result.unknown.ranges = all + at[request->count];
}

static void
job (void *argument) {
  struct request *request = argument;
  struct account *account = request->account;
  struct fts *fts = account->fts;
  char why[DATABASE_WHY] = "";
  struct question question = { .generation = request->generation,
                               .mailbox = request->mailbox,
                               .terms = request->terms,
                               .count = request->count,
                               .stop = &request->cancelled,
                               .found = request->uids,
                               .unknown = request->unknown };
  ptn_status status = PTN_OK; /* without a question nothing is known */
  if (request->reached > 1)
    status = database_ask (account->database, &question, why);
  if (status == PTN_OK) {
    make_result (request);
    fts->host->observe (fts->time, (fts->host->monotonic_ns () - request->began) / 1000);
  } else if (status != PTN_E_EXPIRED && status != PTN_E_CANCELLED) {
    const struct ptn_field fields[] = { { "account", account->owner }, { "error", why } };
    fts->host->log (fts->host, PTN_LOG_WARNING, NULL, "search.query-failed", fields,
                    G_N_ELEMENTS (fields));
  }
  pthread_mutex_lock (&account->lock);
  account->damaged |= status == PTN_E_CORRUPT;
  request->status = status;
  request->state = REQUEST_DONE;
  request_wake (request);
  pthread_mutex_unlock (&account->lock);
}

static void
job_release (void *argument) {
  struct request *request = argument;
  struct fts *fts = request->account->fts;
  request_unref (request);
  fts_done (fts);
}

/* --- the call --------------------------------------------------------------------------------- */

static void
query_cancel (void *state) {
  struct request *request = state;
  struct account *account = request->account;
  atomic_store (&request->cancelled, true);
  pthread_mutex_lock (&account->lock);
  struct ptn_waker *waker = g_steal_pointer (&request->waker);
  bool removed = g_ptr_array_remove (account->waiting, request);
  pthread_mutex_unlock (&account->lock);
  (void)removed;
  if (waker)
    account->fts->host->forget (waker);
  request_unref (request);
}

static void
query_release (void *state) {
  request_unref (state);
}

/* It waited long enough: what is indexed by now answers, and the task goes on without it.
 * account->lock is held. */
static void
lose_patience (struct request *request) {
  struct account *account = request->account;
  struct box *box = account_box (account, &request->mailbox);
  bool fits =
      box->row.uidvalidity == request->uidvalidity && !account->damaged && !account->rebuild;
  box->asked = request->uidvalidity; /* the task goes on without it */
  box->dirty = true;
  request->state = REQUEST_READY;
  request->generation = account->generation;
  request->reached = fits ? box->reached : 0;
  g_ptr_array_remove (account->waiting, request);
  struct ptn_waker *waker = g_steal_pointer (&account->waker);
  if (waker)
    account->fts->host->wake (waker);
}

/* The state, with a fresh waker left where it has to be waited for. */
static enum request_state
look (struct request *request, struct ptn_task *task, ptn_status *status) {
  const struct ptn_host *host = request->account->fts->host;
  const struct fts *fts = request->account->fts;
  struct ptn_waker *fresh = host->waker (task), *old;
  int64_t limit = request->began + fts->patience_ns;
  bool hurry = request->count && host->monotonic_ns () >= limit;
  pthread_mutex_lock (&request->account->lock);
  if (hurry && request->state == REQUEST_WAITING)
    lose_patience (request);
  bool arm = request->state == REQUEST_WAITING && request->count && !request->timed;
  request->timed |= arm;
  enum request_state state = request->state;
  *status = request->status;
  old = request->waker;
  request->waker = fresh;
  if (state == REQUEST_READY) /* who sees this runs it: the waker waits for the job */
    request->state = REQUEST_RUNNING;
  pthread_mutex_unlock (&request->account->lock);
  if (old)
    host->forget (old);
  if (arm)
    host->wake_at (host->waker (task), limit + 1000000);
  return state;
}

/* PTN_PENDING: the job is queued, or will be tried again. */
static ptn_status
run (struct request *request, struct ptn_task *task) {
  struct fts *fts = request->account->fts;
  fts_busy (fts);
  request_ref (request);
  ptn_status status = fts->host->offload (task, FTS_LANE, job, job_release, request);
  if (status == PTN_OK)
    return PTN_PENDING;
  request_unref (request);
  fts_done (fts);
  if (status != PTN_E_LIMIT)
    return status;
  pthread_mutex_lock (&request->account->lock);
  request->state = REQUEST_READY;
  pthread_mutex_unlock (&request->account->lock);
  fts->host->wake_at (fts->host->waker (task), fts->host->monotonic_ns () + FULL_LANE_NS);
  return PTN_PENDING;
}

static struct request *
ask (struct fts *fts, const struct ptn_search_query *query) {
  for (unsigned i = 0; i < TRIES; i++) {
    struct account *account = account_get (fts, query->owner);
    if (!account)
      return NULL;
    struct request *request = request_new (account, query);
    account_unref (&account);
    if (leave (request))
      return request;
    request_unref (request);
  }
  return NULL;
}

/* The file was damaged, or made anew meanwhile: once more, with what is there then. */
static bool
again (struct request *request, ptn_status status) {
  if ((status != PTN_E_CORRUPT && status != PTN_E_EXPIRED) || ++request->tries >= TRIES)
    return false;
  for (size_t i = 0; i < request->count; i++)
    g_array_set_size (request->uids[i], 0);
  g_array_set_size (request->unknown, 0);
  return leave (request);
}

static ptn_status
finish (struct ptn_call *call, struct request *request, ptn_status status,
        const struct ptn_search_result **result) {
  call->cancel = NULL;
  if (status == PTN_OK) {
    call->release = query_release;
    *result = &request->result;
    return PTN_OK;
  }
  call->state = NULL;
  query_cancel (request);
  return status == PTN_E_CORRUPT || status == PTN_E_EXPIRED ? PTN_E_TEMPORARY : status;
}

ptn_status
fts_query (void *instance, struct ptn_call *call, const struct ptn_search_query *query,
           const struct ptn_search_result **result) {
  struct fts *fts = instance;
  struct request *request = call->state;
  ptn_status status;
  if (!request) {
    status = check (query);
    if (status != PTN_OK)
      return status;
    request = ask (fts, query);
    if (!request)
      return PTN_E_TEMPORARY;
    fts->host->observe (fts->queries, 1);
    call->state = request;
    call->cancel = query_cancel;
  }
  for (;;) {
    switch (look (request, call->task, &status)) {
    case REQUEST_READY:
      status = run (request, call->task);
      return status == PTN_PENDING ? status : finish (call, request, status, result);
    case REQUEST_DONE:
      if (again (request, status))
        continue;
      return finish (call, request, status, result);
    default:
      return PTN_PENDING;
    }
  }
}

void
fts_progress (void *instance, const struct ptn_call *call, uint64_t *done, uint64_t *total) {
  struct request *request = call->state;
  *done = *total = 0;
  if (!request || !call->cancel)
    return;
  pthread_mutex_lock (&request->account->lock);
  *done = request->done;
  *total = request->total;
  pthread_mutex_unlock (&request->account->lock);
}
