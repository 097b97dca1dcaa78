/* SPDX-License-Identifier: Apache-2.0 */
/* list.c - prints the faults there are, a line each: rule, TAB, what is wrong. */
#include "faulty.h"

#include <stdio.h>

struct ptn_directory good; /* the faults name them; nothing is called */
struct ptn_credentials good_credentials;
const struct ptn_host *host;

const char *
keep (const char *text) {
  return text;
}

int
main (void) {
  const struct fault *const all[] = { name_faults, secret_faults, waiting_faults };
  for (size_t i = 0; i < G_N_ELEMENTS (all); i++)
    for (const struct fault *fault = all[i]; fault->rule; fault++)
      printf ("%s\t%s\n", fault->rule, fault->about);
  return 0;
}
