/* SPDX-License-Identifier: Apache-2.0 */
/* dots.c - see dots.h.  All that matters happens at a dot behind a line end, so the scan goes
 * from dot to dot. */
#include "dots.h"

#include <string.h>

void
dots_start (struct dots *dots) {
  /* DATA's own CRLF stands before the first line. */
  *dots = (struct dots){ .before = { '\r', '\n' } };
}

static struct dots_cut
cut (struct dots *dots, const char *in, size_t give, size_t take, size_t need) {
  if (take >= 2)
    memcpy (dots->before, in + take - 2, 2);
  else if (take == 1) {
    dots->before[0] = dots->before[1];
    dots->before[1] = (unsigned char)in[0];
  }
  return (struct dots_cut){ give, take, need };
}

static unsigned char
octet_before (const struct dots *dots, const char *in, size_t at, size_t back) {
  return at >= back ? (unsigned char)in[at - back] : dots->before[2 + at - back];
}

static bool
breaks (unsigned char c) {
  return c == '\r' || c == '\n';
}

struct dots_cut
dots_next (struct dots *dots, const char *in, size_t size, size_t max) {
  size_t from = 0, end = size < max ? size : max;
  for (;;) {
    /* A dot just behind `end` may be looked at next time. */
    const char *dot = memchr (in + from, '.', end - from);
    if (!dot)
      return cut (dots, in, end, end, 1);
    size_t at = (size_t)(dot - in), left = size - at;
    unsigned char last = octet_before (dots, in, at, 1);
    from = at + 1;
    if (!breaks (last))
      continue;
    bool line = last == '\n' && octet_before (dots, in, at, 2) == '\r';
    if (left < 2)
      return cut (dots, in, at, at, 2);
    if (line && in[at + 1] == '\r') {
      if (left < 3)
        return cut (dots, in, at, at, 3);
      if (in[at + 2] == '\n') {
        dots->ended = true;
        return cut (dots, in, at, at + 3, 0);
      }
    }
    if (breaks ((unsigned char)in[at + 1]))
      dots->bare = true;
    if (line) /* a stuffed dot */
      return cut (dots, in, at, at + 1, 1);
  }
}
