/* SPDX-License-Identifier: Apache-2.0 */
/* breaker.h - a circuit breaker: a server that failed is left alone for a time that grows, and then
 * tried by one of those who need it while the others go elsewhere.
 *
 * Belongs to whoever locks it; times are the caller's, so that tests bring their own clock. */
#ifndef DIRECTORY_LDAP_BREAKER_H
#define DIRECTORY_LDAP_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

#define BREAKER_THRESHOLD 2 /* failures in a row before it opens */
#define BREAKER_FIRST_NS \
  INT64_C (500000000) /* how long it stays open at first; doubled each time */

struct breaker {
  int64_t limit_ns;  /* the longest time it stays open */
  unsigned failures; /* in a row */
  int64_t wait_ns;   /* how long it is or was open; 0: closed */
  int64_t until_ns;  /* when the next probe may go */
  bool probing;      /* one is under way */
};

void breaker_init (struct breaker *, int64_t limit_ns);
/* May the server be asked now?  A yes obliges to tell what became of it. */
bool breaker_admits (struct breaker *, int64_t now_ns);
/* What became of it.  Both return true if the state changed: opened, or closed after being open. */
bool breaker_worked (struct breaker *);
bool breaker_failed (struct breaker *, int64_t now_ns);

#endif
