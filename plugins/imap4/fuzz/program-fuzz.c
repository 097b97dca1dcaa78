/* SPDX-License-Identifier: Apache-2.0 */
/* program-fuzz.c - fuzz target: search programs are refused with a reason, or keep the limits. */
#include "search/program.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static unsigned
depth_of (const struct key *key) {
  unsigned deepest = 0;
  for (const struct key *child = key->first; child; child = child->next)
    deepest = MAX (deepest, depth_of (child));
  return deepest + 1;
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size) {
  struct program *p = program_new ();
  struct reader r;
  reader_init (&r, (const char *)data, size, size & 1);
  enum program_result result = program_parse (p, &r);
  g_assert (result != PROGRAM_BAD || r.error);
  if (result == PROGRAM_OK) {
    g_assert (p->top && p->key_count <= PROGRAM_KEYS && p->term_count <= PROGRAM_TERMS);
    g_assert (depth_of (p->top) <= 3 * PROGRAM_DEPTH);
    for (unsigned i = 0; i < p->term_count; i++)
      g_assert (g_utf8_validate (p->terms[i].text, -1, NULL));
  }
  reader_clear (&r);
  program_free (&p);
  return 0;
}
