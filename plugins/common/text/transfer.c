/* SPDX-License-Identifier: Apache-2.0 */
/* transfer.c - see transfer.h: names, base64 and uuencode.  quoted_printable.c has the third. */
#include "common/text/transfer.h"
#include "common/text/transfer_private.h"

#include <glib.h>
#include <string.h>

enum { BLANK = 64, PAD = 65, JUNK = 66 };

/* What a character of base64 is worth. */
static const unsigned char values[256] = {
/* clang-format off */
#define J4 JUNK, JUNK, JUNK, JUNK
#define J16 J4, J4, J4, J4
  JUNK, JUNK, JUNK, JUNK, JUNK, JUNK, JUNK, JUNK, JUNK, BLANK, BLANK, JUNK, JUNK, BLANK, JUNK, JUNK,
  J16,
  BLANK, JUNK, JUNK, JUNK, JUNK, JUNK, JUNK, JUNK, JUNK, JUNK, JUNK, 62, JUNK, JUNK, JUNK, 63,
  52, 53, 54, 55, 56, 57, 58, 59, 60, 61, JUNK, JUNK, JUNK, PAD, JUNK, JUNK,
  JUNK, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14,
  15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, JUNK, JUNK, JUNK, JUNK, JUNK,
  JUNK, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40,
  41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, JUNK, JUNK, JUNK, JUNK, JUNK,
  J16, J16, J16, J16, J16, J16, J16, J16
  /* clang-format on */
};

enum transfer_encoding
transfer_encoding_of (const char *name, size_t size) {
  static const struct {
    const char *name;
    enum transfer_encoding encoding;
  } known[] = { { "7bit", TRANSFER_IDENTITY },
                { "8bit", TRANSFER_IDENTITY },
                { "binary", TRANSFER_IDENTITY },
                { "base64", TRANSFER_BASE64 },
                { "quoted-printable", TRANSFER_QUOTED_PRINTABLE },
                { "x-uuencode", TRANSFER_UUENCODE },
                { "uuencode", TRANSFER_UUENCODE },
                { "x-uue", TRANSFER_UUENCODE },
                { "uue", TRANSFER_UUENCODE } };
  size_t length = 0;

  while (size > 0 && g_ascii_isspace (*name)) {
    name++;
    size--;
  }
  while (length < size && !g_ascii_isspace (name[length]) && name[length] != ';'
         && name[length] != '(')
    length++;
  if (length == 0)
    return TRANSFER_IDENTITY;
  for (size_t i = 0; i < G_N_ELEMENTS (known); i++)
    if (strlen (known[i].name) == length && g_ascii_strncasecmp (known[i].name, name, length) == 0)
      return known[i].encoding;
  return TRANSFER_UNKNOWN;
}

void
transfer_begin (struct transfer_decoder *d, enum transfer_encoding encoding) {
  memset (d, 0, offsetof (struct transfer_decoder, held));
  d->encoding = encoding;
}

/* One character that is not in the middle of a run of good ones. */
static unsigned char *
base64_octet (struct transfer_decoder *d, unsigned char c, unsigned char *out) {
  unsigned char value = values[c];

  if (value == BLANK)
    return out;
  if (value == JUNK) { /* RFC 2045 section 6.8: to be ignored */
    d->malformed = true;
    return out;
  }
  if (value == PAD) {
    if (d->count == 2) /* 12 bits: one octet */
      *out++ = (unsigned char)(d->bits >> 4);
    else if (d->count == 3) {
      *out++ = (unsigned char)(d->bits >> 10);
      *out++ = (unsigned char)(d->bits >> 2);
    } else if (d->count == 1 || (d->state == 0 && d->count == 0))
      d->malformed = true;
    /* The second '=' of a quantum comes with count 0; what follows is another piece. */
    d->state = d->count == 2 ? 1 : 0;
    d->count = 0;
    d->bits = 0;
    return out;
  }
  d->state = 0;
  d->bits = d->bits << 6 | value;
  if (++d->count == 4) {
    *out++ = (unsigned char)(d->bits >> 16);
    *out++ = (unsigned char)(d->bits >> 8);
    *out++ = (unsigned char)d->bits;
    d->count = 0;
    d->bits = 0;
  }
  return out;
}

static size_t
base64_decode_piece (struct transfer_decoder *d, const unsigned char *at, size_t size,
                     unsigned char *out) {
  const unsigned char *end = at + size;
  unsigned char *start = out;

  while (at < end) {
    if (d->count == 0)
      for (; end - at >= 4; at += 4, out += 3) {
        unsigned char a = values[at[0]], b = values[at[1]], c = values[at[2]], e = values[at[3]];
        uint32_t bits = (uint32_t)a << 18 | (uint32_t)b << 12 | (uint32_t)c << 6 | e;

        if ((a | b | c | e) & 64)
          break;
        out[0] = (unsigned char)(bits >> 16);
        out[1] = (unsigned char)(bits >> 8);
        out[2] = (unsigned char)bits;
        d->state = 0;
      }
    if (at < end)
      out = base64_octet (d, *at++, out);
  }
  return (size_t)(out - start);
}

enum { UU_BEFORE = 0, UU_INSIDE, UU_AFTER };

/* A line without its end: its first character tells how many octets it has. */
static unsigned char *
uuencode_line (struct transfer_decoder *d, unsigned char *out) {
  const unsigned char *line = d->held;
  size_t size = d->held_size, octets;

  while (size > 0 && line[size - 1] == '\r')
    size--;
  d->held_size = 0;
  if (d->state == UU_BEFORE) {
    if (size >= 6 && memcmp (line, "begin ", 6) == 0)
      d->state = UU_INSIDE;
    return out;
  }
  if (d->state == UU_AFTER || size == 0)
    return out;
  octets = MIN ((size_t)(line[0] - ' ') & 63, (size + 2) / 4 * 3); /* what is there */
  if (octets == 0 || (size >= 3 && memcmp (line, "end", 3) == 0)) {
    d->state = UU_AFTER;
    return out;
  }
  for (size_t at = 1; octets > 0; at += 4) {
    uint32_t bits = 0;

    for (size_t i = 0; i < 4; i++) {
      unsigned char c = at + i < size ? line[at + i] : ' ';

      if (c < ' ' || c > '`')
        d->malformed = true;
      bits = bits << 6 | ((uint32_t)(c - ' ') & 63);
    }
    for (int shift = 16; shift >= 0 && octets > 0; shift -= 8, octets--)
      *out++ = (unsigned char)(bits >> shift);
  }
  return out;
}

static size_t
uuencode_piece (struct transfer_decoder *d, const unsigned char *at, size_t size,
                unsigned char *out) {
  unsigned char *start = out;

  for (size_t i = 0; i < size; i++)
    if (at[i] == '\n')
      out = uuencode_line (d, out);
    else if (d->held_size < TRANSFER_HELD)
      d->held[d->held_size++] = at[i];
    else
      d->malformed = true;
  return (size_t)(out - start);
}

size_t
transfer_decode (struct transfer_decoder *d, const void *data, size_t size, unsigned char *out) {
  switch (d->encoding) {
  case TRANSFER_BASE64:
    return base64_decode_piece (d, data, size, out);
  case TRANSFER_QUOTED_PRINTABLE:
    return quoted_printable_piece (d, data, size, out);
  case TRANSFER_UUENCODE:
    return uuencode_piece (d, data, size, out);
  case TRANSFER_IDENTITY:
  case TRANSFER_UNKNOWN:
    break;
  }
  memcpy (out, data, size);
  return size;
}

size_t
transfer_end (struct transfer_decoder *d, unsigned char *out) {
  unsigned char *start = out;

  switch (d->encoding) {
  case TRANSFER_BASE64: /* padding that was forgotten */
    if (d->count > 0)
      d->malformed = true;
    if (d->count == 2)
      *out++ = (unsigned char)(d->bits >> 4);
    else if (d->count == 3) {
      *out++ = (unsigned char)(d->bits >> 10);
      *out++ = (unsigned char)(d->bits >> 2);
    }
    break;
  case TRANSFER_QUOTED_PRINTABLE:
    return quoted_printable_end (d, out);
  case TRANSFER_UUENCODE:
    out = uuencode_line (d, out);
    if (d->state != UU_AFTER)
      d->malformed = true;
    break;
  case TRANSFER_IDENTITY:
  case TRANSFER_UNKNOWN:
    break;
  }
  transfer_begin (d, d->encoding);
  return (size_t)(out - start);
}
