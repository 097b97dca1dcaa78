/* SPDX-License-Identifier: Apache-2.0 */
/* list.c - prints the rules that have a fault, one a line, and what is broken. */
#include "faulty.h"

#include <stdio.h>

struct ptn_sasl_mechanism good;
void *good_instance;
const struct ptn_host *host;

ptn_status
good_step (struct wrapped *wrapped, struct ptn_call *call, struct ptn_bytes response,
           struct ptn_bytes *challenge, const struct ptn_identity **identity) {
  (void)wrapped;
  (void)call;
  (void)response;
  (void)challenge;
  (void)identity;
  return PTN_E_UNSUPPORTED;
}

int
main (void) {
  const struct fault *const lists[] = { table_faults, step_faults };
  for (size_t i = 0; i < G_N_ELEMENTS (lists); i++)
    for (const struct fault *fault = lists[i]; fault->rule; fault++)
      printf ("%s\t%s\n", fault->rule, fault->about);
  return 0;
}
