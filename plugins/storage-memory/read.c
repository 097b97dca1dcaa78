/* SPDX-License-Identifier: Apache-2.0 */
/* read.c - the octets of a message as a source over its counted body. */
#include "memory.h"

#include <string.h>

struct reader {
  struct ptn_source source;
  struct memory *store;
  struct body *body;
  size_t at, end;
  bool waited; /* before this piece */
};

static void
release_body (void *body) {
  body_unref (body);
}

/* With a seed the pieces have odd sizes, as those of a compressed or remote store would. */
static ptn_status
reader_read (struct ptn_source *source, struct ptn_task *task, size_t max,
             struct ptn_chunk *chunk) {
  struct reader *reader = (struct reader *)source;
  struct memory *store = reader->store;
  if (reader->at == reader->end)
    return PTN_END;
  if (!reader->waited && wait_roll (store, store->pending)) {
    reader->waited = true;
    wait_arm (store, task);
    return PTN_PENDING;
  }
  reader->waited = false;
  size_t size = MIN (max, reader->end - reader->at);
  if (wait_roll (store, 50))
    size = 1 + size / 3;
  *chunk = (struct ptn_chunk){
    .data = reader->body->data + reader->at,
    .size = size,
    .fd = -1,
    .release = release_body,
    .owner = body_ref (reader->body),
  };
  reader->at += size;
  return PTN_OK;
}

static ptn_status
reader_skip (struct ptn_source *source, struct ptn_task *task, uint64_t count) {
  struct reader *reader = (struct reader *)source;
  reader->at += (size_t)MIN (count, (uint64_t)(reader->end - reader->at));
  return PTN_OK;
}

static void
reader_close (struct ptn_source *source) {
  struct reader *reader = (struct reader *)source;
  body_unref (reader->body);
  g_free (reader);
}

static const struct ptn_source_ops reader_ops = {
  .size = sizeof reader_ops,
  .read = reader_read,
  .skip = reader_skip,
  .close = reader_close,
};

static struct body *
find_body (struct memory *store, const struct asker *asker, const struct ptn_id *id, uint32_t uid,
           ptn_status *status) {
  struct mailbox *mailbox;
  *status = model_mailbox (store, asker, id, RIGHT_R, &mailbox);
  const struct message *message = mailbox ? mailbox_find (mailbox, uid) : NULL;
  if (mailbox && !message)
    *status = PTN_E_EXPUNGED;
  return message ? body_ref (message->body) : NULL;
}

ptn_status
memory_read (struct ptn_account *account, struct ptn_call *call, const struct ptn_id *id,
             uint32_t uid, uint64_t offset, uint64_t length, struct ptn_source **source) {
  struct memory *store = account->store;
  if (wait_enter (store, call) == PTN_PENDING)
    return PTN_PENDING;
  ptn_status status;
  model_lock (store);
  struct body *body = find_body (store, account->asker, id, uid, &status);
  model_unlock (store, NULL);
  if (!body)
    return wait_leave (call, status);
  struct reader *reader = g_new0 (struct reader, 1);
  reader->store = store;
  reader->body = body;
  reader->at = (size_t)MIN (offset, (uint64_t)body->size);
  reader->end = reader->at + (size_t)MIN (length, (uint64_t)(body->size - reader->at));
  reader->source = (struct ptn_source){ &reader_ops, (int64_t)(reader->end - reader->at) };
  *source = &reader->source;
  return wait_leave (call, PTN_OK);
}
