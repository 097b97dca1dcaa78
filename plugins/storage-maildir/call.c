/* SPDX-License-Identifier: Apache-2.0 */
/* call.c - what a call keeps between PENDING and its result, and events. */
#include "maildir.h"

struct operation *
call_operation (struct ptn_call *call) {
  if (!call->state)
    call->state = g_new0 (struct operation, 1);
  return call->state;
}

static void
operation_free (void *state) {
  struct operation *operation = state;
  g_clear_pointer (&operation->spool, spool_free);
  g_clear_pointer (&operation->ranges, g_array_unref);
  g_strfreev (operation->strings);
  g_free (operation->path);
  g_free (operation);
}

ptn_status
call_pending (struct ptn_call *call) {
  call->cancel = operation_free;
  return PTN_PENDING;
}

ptn_status
call_done (struct ptn_call *call, ptn_status status) {
  if (call->state)
    operation_free (call->state);
  call->state = NULL;
  call->cancel = call->release = NULL;
  return status;
}

ptn_status
call_results (struct ptn_call *call) {
  call->cancel = NULL;
  call->release = operation_free;
  return PTN_OK;
}

void
publish (struct owner *owner, struct ptn_task *task, const struct ptn_id *mailbox, uint32_t kinds,
         uint64_t modseq) {
  const struct ptn_host *host = owner->store->host;
  if (!PTN_CAN (host, publish) || !kinds)
    return;
  struct ptn_event event = {
    .size = sizeof event,
    .kinds = kinds,
    .account = owner->name,
    .modseq = modseq,
    .origin = task,
  };
  if (mailbox)
    event.mailbox = *mailbox;
  host->publish (host, &event);
}

void
publish_changed (struct owner *owner, struct ptn_task *task) {
  for (guint i = 0; i < owner->changed->len; i++) {
    const struct changed *changed = &g_array_index (owner->changed, struct changed, i);
    publish (owner, task, &changed->mailbox, changed->kinds, changed->modseq);
  }
  g_array_set_size (owner->changed, 0);
}
