/* SPDX-License-Identifier: GPL-3.0-or-later */
/* control.c - see control.h. */
#include "control.h"

ptn_status
control_no_arguments (struct store *store, struct ptn_call *call, struct ptn_strings arguments) {
  if (arguments.count == 0)
    return PTN_OK;
  return store->host->fail (call->task, PTN_E_INVALID, "this command takes no arguments",
                            "arguments");
}

ptn_status
control_again (struct store *store, struct ptn_call *call, void (*cancel) (void *state)) {
  store->host->wake (store->host->waker (call->task));
  call->cancel = cancel;
  return PTN_PENDING;
}

static const struct ptn_control *const commands[] = {
  &control_verify,  &control_stats, &control_compact,
  &control_rebuild, &control_scrub, &control_backup,
};

const char *
control_store_path (const struct control_place *place) {
  const char *path = place->host->text (place->config, "path");

  return path ? path : place->host->state_directory;
}

ptn_status
control_provide (const struct control_place *place, struct store **store) {
  const struct ptn_host *host = place->host;
  ptn_status status = host->provide (host, PTN_CONTROL_ID, control_restore.name, &control_restore,
                                     (void *)(uintptr_t)place);

  for (size_t i = 0; status == PTN_OK && i < G_N_ELEMENTS (commands); i++)
    status = host->provide (host, PTN_CONTROL_ID, commands[i]->name, commands[i], store);
  return status;
}
