/* SPDX-License-Identifier: Apache-2.0 */
/* list.c - prints the rules that have a fault, one a line, and what is broken. */
#include "faulty.h"

#include <stdio.h>

struct ptn_store good;
void *good_instance;
const struct ptn_host *host;

void *
keep (const void *data, size_t size) {
  (void)size;
  return (void *)data;
}

void
deliver_now (struct ptn_call *c, const char *account, const char *text) {
  (void)c;
  (void)account;
  (void)text;
}

int
main (void) {
  const struct fault *const lists[] = { mailbox_faults, message_faults, change_faults,
                                        waiting_faults, sharing_faults };
  for (size_t i = 0; i < G_N_ELEMENTS (lists); i++)
    for (const struct fault *fault = lists[i]; fault->rule; fault++)
      printf ("%s\t%s\n", fault->rule, fault->about);
  return 0;
}
