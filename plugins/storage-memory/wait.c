/* SPDX-License-Identifier: Apache-2.0 */
/* wait.c - PENDING and failures on demand, and what a call keeps meanwhile.
 *
 * A protocol that is right on this store with every seed is right on a store that waits for a
 * disk or for another machine.  The dice are a function of the seed and of how many were
 * thrown before: a test with one thread meets the same waits each time. */
#include "memory.h"

#include <unistd.h>

static uint64_t
roll (struct memory *store) {
  uint64_t n = __atomic_add_fetch (&store->rolls, 1, __ATOMIC_RELAXED);
  uint64_t z = store->seed + n * UINT64_C (0x9e3779b97f4a7c15);
  z = (z ^ z >> 30) * UINT64_C (0xbf58476d1ce4e5b9);
  z = (z ^ z >> 27) * UINT64_C (0x94d049bb133111eb);
  return z ^ z >> 31;
}

bool
wait_roll (struct memory *store, unsigned percent) {
  return store->seed && percent && roll (store) % 100 < percent;
}

static void
wakers_push (struct memory *store, struct ptn_waker *waker) {
  pthread_mutex_lock (&store->wakers_lock);
  g_queue_push_tail (&store->wakers, waker);
  pthread_cond_signal (&store->wakers_come);
  pthread_mutex_unlock (&store->wakers_lock);
}

/* Half of the wakes come from the host's timers, half from a thread of our own. */
void
wait_arm (struct memory *store, struct ptn_task *task) {
  uint64_t dice = roll (store);
  struct ptn_waker *waker = store->host->waker (task);
  if (dice & 1)
    store->host->wake_at (waker, store->host->monotonic_ns () + (int64_t)(dice >> 1) % 200000);
  else
    wakers_push (store, waker);
}

struct operation *
wait_operation (struct ptn_call *call) {
  if (!call->state)
    call->state = g_new0 (struct operation, 1);
  return call->state;
}

static void
operation_free (void *state) {
  struct operation *operation = state;
  if (operation->body)
    g_byte_array_unref (operation->body);
  if (operation->digest)
    g_bytes_unref (operation->digest);
  if (operation->mailbox)
    mailbox_row_free (operation->mailbox);
  if (operation->uids)
    g_array_unref (operation->uids);
  g_strfreev (operation->references);
  g_strfreev (operation->strings);
  g_free (operation->rights);
  g_free (operation);
}

static ptn_status
pending (struct ptn_call *call) {
  call->cancel = operation_free;
  return PTN_PENDING;
}

ptn_status
wait_enter (struct memory *store, struct ptn_call *call) {
  if (!store->seed || !store->pending)
    return PTN_OK;
  struct operation *operation = wait_operation (call);
  if (operation->waited || !wait_roll (store, store->pending)) {
    operation->waited = true;
    return PTN_OK;
  }
  operation->waited = true;
  wait_arm (store, call->task);
  return pending (call);
}

ptn_status
wait_leave (struct ptn_call *call, ptn_status status) {
  if (call->state)
    operation_free (call->state);
  call->state = NULL;
  call->cancel = call->release = NULL;
  return status;
}

ptn_status
wait_leave_results (struct ptn_call *call) {
  call->cancel = NULL;
  call->release = operation_free;
  return PTN_OK;
}

static bool
chunk_from_file (GByteArray *body, const struct ptn_chunk *chunk) {
  guint start = body->len;
  g_byte_array_set_size (body, start + (guint)chunk->size);
  for (size_t done = 0; done < chunk->size;) {
    ssize_t n = pread (chunk->fd, body->data + start + done, chunk->size - done,
                       chunk->file_offset + (int64_t)done);
    if (n <= 0)
      return false;
    done += (size_t)n;
  }
  return true;
}

/* The source has ended: what does its protocol know of the message? */
static ptn_status
ask (struct operation *operation, const struct ptn_append *append) {
  struct ptn_description told = { .size = sizeof told };
  if (!PTN_HAS (append, argument) || !append->describe)
    return PTN_OK;
  ptn_status status = append->describe (append->argument, &told);
  if (status != PTN_OK)
    return status;
  if (told.digest.data && told.digest.size && told.digest.size <= DIGEST_MAX)
    operation->digest = g_bytes_new (told.digest.data, told.digest.size);
  size_t count = MIN (told.references.count, REFERENCES_MAX), kept = 0;
  operation->references = g_new0 (char *, count + 1);
  for (size_t i = 0; i < count; i++)
    if (*told.references.items[i])
      operation->references[kept++] = g_strdup (told.references.items[i]);
  return PTN_OK;
}

struct body *
wait_take_body (struct ptn_call *call) {
  struct operation *operation = wait_operation (call);
  return body_new (g_steal_pointer (&operation->body), g_steal_pointer (&operation->digest));
}

ptn_status
wait_pull (struct memory *store, struct ptn_call *call, const struct ptn_append *append) {
  struct operation *operation = wait_operation (call);
  struct ptn_source *source = append->source;
  if (!operation->body)
    operation->body = g_byte_array_new ();
  for (;;) {
    struct ptn_chunk chunk = { 0 };
    ptn_status status = source->ops->read (source, call->task, 64 * 1024, &chunk);
    if (status == PTN_END)
      return ask (operation, append);
    if (status == PTN_PENDING)
      return pending (call);
    if (status != PTN_OK)
      return status;
    bool fits = chunk.size <= BODY_MAX - operation->body->len;
    bool copied = fits && chunk.data;
    if (copied)
      g_byte_array_append (operation->body, chunk.data, (guint)chunk.size);
    else if (fits)
      copied = chunk_from_file (operation->body, &chunk);
    if (chunk.release)
      chunk.release (chunk.owner);
    if (!fits)
      return store->host->fail (call->task, PTN_E_LIMIT, "message too big",
                                "a message has more than %d octets", BODY_MAX);
    if (!copied)
      return store->host->fail (call->task, PTN_E_TEMPORARY, NULL,
                                "octets of a source's file cannot be read");
  }
}
