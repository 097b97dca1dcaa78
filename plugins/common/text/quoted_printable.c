/* SPDX-License-Identifier: Apache-2.0 */
/* quoted_printable.c - RFC 2045 section 6.7.
 *
 * Blanks at the end of a line were added on the way and are dropped; so those that end a piece of
 * input are held until it is known what follows them, 128 at most: longer runs are no transport's
 * doing, and are kept. */
#include "common/text/transfer_private.h"

#include <glib.h>
#include <string.h>

enum { TEXT = 0, EQUALS, HEX, SOFT };

static unsigned char *
flush_held (struct transfer_decoder *d, unsigned char *out) {
  memcpy (out, d->held, d->held_size);
  out += d->held_size;
  d->held_size = 0;
  return out;
}

/* `out` without the blanks at its end, but not before `floor`. */
static unsigned char *
trim (unsigned char *out, const unsigned char *floor) {
  while (out > floor && (out[-1] == ' ' || out[-1] == '\t'))
    out--;
  return out;
}

/* An octet after '='.  True: it has been used up. */
static bool
escape_octet (struct transfer_decoder *d, unsigned char c, unsigned char **out) {
  switch (d->state) {
  case EQUALS:
    if (g_ascii_isxdigit (c)) {
      d->bits = c;
      d->state = HEX;
      return true;
    }
    if (c == '\r' || c == '\n' || c == ' ' || c == '\t') {
      d->state = c == '\n' ? TEXT : SOFT;
      return true;
    }
    d->malformed = true; /* a bare '=' */
    *(*out)++ = '=';
    d->state = TEXT;
    return false;
  case HEX:
    d->state = TEXT;
    if (g_ascii_isxdigit (c)) {
      *(*out)++ = (unsigned char)(g_ascii_xdigit_value ((char)d->bits) << 4
                                  | g_ascii_xdigit_value ((char)c));
      return true;
    }
    d->malformed = true;
    *(*out)++ = '=';
    *(*out)++ = (unsigned char)d->bits;
    return false;
  default: /* SOFT: a line that ends in '=' and blanks goes on in the next one */
    if (c == '\n') {
      d->state = TEXT;
      return true;
    }
    if (c == ' ' || c == '\t' || c == '\r')
      return true;
    d->malformed = true; /* "= x": the '=' was none of ours */
    d->state = TEXT;
    *(*out)++ = '=';
    *(*out)++ = ' ';
    return false;
  }
}

size_t
quoted_printable_piece (struct transfer_decoder *d, const unsigned char *at, size_t size,
                        unsigned char *out) {
  const unsigned char *end = at + size;
  unsigned char *start = out, *floor = out, *kept;

  if (d->state == TEXT)
    out = flush_held (d, out);
  while (at < end) {
    const unsigned char *stop;

    if (d->state != TEXT) {
      at += escape_octet (d, *at, &out);
      floor = out; /* an encoded blank stays */
      continue;
    }
    for (stop = at; stop < end && *stop != '=' && *stop != '\n'; stop++)
      *out++ = *stop;
    at = stop;
    if (at == end)
      break;
    if (*at++ == '=') {
      d->state = EQUALS;
      floor = out;
    } else {
      bool cr = out > floor && out[-1] == '\r';

      out = trim (out - cr, floor);
      if (cr)
        *out++ = '\r';
      *out++ = '\n';
      floor = out;
    }
  }
  if (d->state != TEXT)
    return (size_t)(out - start);
  kept = out > floor && out[-1] == '\r' ? out - 1 : out;
  kept = trim (kept, floor);
  if ((size_t)(out - kept) <= TRANSFER_HELD) {
    d->held_size = (size_t)(out - kept);
    memcpy (d->held, kept, d->held_size);
    out = kept;
  }
  return (size_t)(out - start);
}

size_t
quoted_printable_end (struct transfer_decoder *d, unsigned char *out) {
  unsigned char *start = out;

  if (d->state == HEX) {
    d->malformed = true;
    *out++ = '=';
    *out++ = (unsigned char)d->bits;
  }
  /* Blanks at the very end are the end of a line. */
  if (d->held_size > 0 && d->held[d->held_size - 1] == '\r')
    *out++ = '\r';
  d->held_size = 0;
  d->state = TEXT;
  return (size_t)(out - start);
}
