/* SPDX-License-Identifier: Apache-2.0 */
/* breaker.c - see breaker.h.  Owns nothing. */
#include "breaker.h"

void
breaker_init (struct breaker *breaker, int64_t limit_ns) {
  *breaker = (struct breaker){ .limit_ns = limit_ns };
}

bool
breaker_admits (struct breaker *breaker, int64_t now_ns) {
  if (!breaker->wait_ns)
    return true;
  if (breaker->probing || now_ns < breaker->until_ns)
    return false;
  breaker->probing = true;
  return true;
}

bool
breaker_worked (struct breaker *breaker) {
  const bool was_open = breaker->wait_ns != 0;
  *breaker = (struct breaker){ .limit_ns = breaker->limit_ns };
  return was_open;
}

bool
breaker_failed (struct breaker *breaker, int64_t now_ns) {
  const bool was_open = breaker->wait_ns != 0;
  /* Those that were under way when it opened fail too: they do not make the wait longer. */
  if (was_open && !breaker->probing)
    return false;
  breaker->probing = false;
  if (!was_open && ++breaker->failures < BREAKER_THRESHOLD)
    return false;
  breaker->wait_ns = was_open ? breaker->wait_ns * 2 : BREAKER_FIRST_NS;
  if (breaker->wait_ns > breaker->limit_ns)
    breaker->wait_ns = breaker->limit_ns;
  breaker->until_ns = now_ns + breaker->wait_ns;
  return !was_open;
}
