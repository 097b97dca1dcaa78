/* SPDX-License-Identifier: Apache-2.0 */
/* errand.c - see errand.h. */
#include "errand.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void *
errand_new (size_t size, void (*work) (struct errand *), void (*clear) (struct errand *)) {
  struct errand *errand = g_malloc0 (size);
  errand->references = 1;
  errand->work = work;
  errand->clear = clear;
  errand->size = size;
  return errand;
}

void
errand_unref (void *data) {
  struct errand *errand = data;
  if (!g_atomic_int_dec_and_test (&errand->references))
    return;
  if (errand->clear)
    errand->clear (errand);
  explicit_bzero (errand, errand->size);
  g_free (errand);
}

void
errand_fail (struct errand *errand, ptn_status status, const char *format, ...) {
  va_list arguments;
  va_start (arguments, format);
  vsnprintf (errand->reason, sizeof errand->reason, format, arguments);
  va_end (arguments);
  errand->status = status;
}

/* Work that nobody waits for any more is not done: a lane behind a server that hangs gets empty. */
static void
run (void *data) {
  struct errand *errand = data;
  if (g_atomic_int_get (&errand->references) > 1)
    errand->work (errand);
  g_atomic_int_set (&errand->done, 1);
}

void *
errand_of (const struct ptn_host *host, struct ptn_call *call) {
  if (call->cancel)
    return call->state;
  if (call->release)
    host->call_end (call);
  return NULL;
}

ptn_status
errand_send (const struct ptn_host *host, struct ptn_call *call, const char *lane, void *data) {
  struct errand *errand = data;
  g_atomic_int_inc (&errand->references);
  if (host->offload (call->task, lane, run, errand_unref, errand) != PTN_OK) {
    errand_unref (errand);
    errand_unref (errand);
    return host->fail (call->task, PTN_E_TEMPORARY, NULL, "the lane %s is full", lane);
  }
  call->state = errand;
  call->cancel = errand_unref;
  call->release = NULL;
  return PTN_PENDING;
}

ptn_status
errand_back (const struct ptn_host *host, struct ptn_call *call) {
  struct errand *errand = call->state;
  if (!g_atomic_int_get (&errand->done))
    return PTN_PENDING; /* a wake that was meant for something else */
  call->cancel = NULL;
  call->release = errand_unref;
  if (errand->status >= 0)
    return errand->status;
  return host->fail (call->task, errand->status, NULL, "%s", errand->reason);
}
