/* SPDX-License-Identifier: Apache-2.0 */
/* apply.c - a new configuration in a worker that runs: what can be taken over without ending
 * sessions is, else the supervisor is told to replace the worker. */
#include "run/worker_state.h"

void
apply_begin (struct worker *worker) {
  channel_send (worker->channel, CHANNEL_APPLIED, -1, "0", "not here", NULL);
}
