/* SPDX-License-Identifier: Apache-2.0 */
/* charset.c - see charset.h.  UTF-8 and charsets of one octet a character go through loops of our
 * own, the others through ICU or iconv. */
#include "common/text/charset.h"
#include "common/text/charset_name.h"
#include "common/text/utf8.h"

#include <errno.h>
#include <iconv.h>
#include <string.h>
#include <unicode/ucnv.h>
#include <unicode/ustring.h>

enum { PIECE = 2048, HELD = 16 };
enum kind { UTF8, MIXED /* UTF-8 or windows-1252 */, TABLE, ICU, ICONV };

struct charset_decoder {
  enum kind kind;
  bool malformed;
  size_t held_size; /* the beginning of a character */
  char held[HELD];
  UConverter *icu;
  UChar surrogate; /* the first half of a pair whose other is to come */
  iconv_t iconv;
  /* TABLE: UTF-8 of the octets from 0x80 (or all, unless ascii), its length in [3]. */
  bool ascii;
  unsigned char table[256][4];
};

/* Text gathered for a sink. */
struct gathered {
  const struct text_sink *sink;
  size_t size;
  bool full;
  char data[PIECE];
};

static void
gather_flush (struct gathered *g) {
  if (!g->full && g->size > 0 && !text_put (g->sink, g->data, g->size))
    g->full = true;
  g->size = 0;
}

static inline void
gather (struct gathered *g, const void *data, size_t size) {
  if (g->size + size > PIECE)
    gather_flush (g);
  memcpy (g->data + g->size, data, size);
  g->size += size;
}

/* A run of ASCII: uncopied if it is long. */
static void
gather_run (struct gathered *g, const char *data, size_t size) {
  if (size <= 256) {
    gather (g, data, size);
    return;
  }
  gather_flush (g);
  if (!g->full && !text_put (g->sink, data, size))
    g->full = true;
}

/* windows-1252 from 0x80 to 0x9f; what it has not defined is the control character itself. */
static const uint16_t windows_1252[32] = {
  0x20ac, 0x81,   0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
  0x2039, 0x0152, 0x8d,   0x017d, 0x8f,   0x90,   0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
  0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x9d,   0x017e, 0x0178,
};

static void
gather_octet (struct charset_decoder *d, struct gathered *g, unsigned char c) {
  char out[4];

  if (d->kind == UTF8) {
    d->malformed = true;
    gather (g, UTF8_REPLACEMENT, 3);
    return;
  }
  gather (g, out, (size_t)utf8_write (c >= 0x80 && c < 0xa0 ? windows_1252[c - 0x80] : c, out));
}

/* Octets that are no character: one U+FFFD, or each its own of windows-1252. */
static void
gather_malformed (struct charset_decoder *d, struct gathered *g, const char *at, size_t size) {
  for (size_t i = 0; i < (d->kind == UTF8 ? 1 : size); i++)
    gather_octet (d, g, (unsigned char)at[i]);
}

static bool
decode_utf8 (struct charset_decoder *d, const char *at, size_t size, const struct text_sink *sink) {
  struct gathered g = { .sink = sink };
  const char *end = at + size;
  uint32_t c;

  while (d->held_size > 0 && at < end && !g.full) {
    int length;

    d->held[d->held_size++] = *at++;
    length = utf8_read (d->held, d->held_size, &c);
    if (length == 0)
      continue;
    if (length > 0) {
      gather (&g, d->held, (size_t)length);
      d->held_size = 0;
      break;
    }
    gather_malformed (d, &g, d->held, (size_t)-length);
    d->held_size -= (size_t)-length;
    memmove (d->held, d->held + -length, d->held_size);
    if (d->held_size > 0) { /* the octet just taken begins anew */
      at--;
      d->held_size--;
    }
    break;
  }
  while (at < end && !g.full) {
    const char *start = at;
    int length = 1;

    /* Valid UTF-8 passes uncopied, as long as it lasts. */
    while (at < end && length > 0) {
      at += ascii_run (at, (size_t)(end - at));
      while (at < end && (unsigned char)*at >= 0x80
             && (length = utf8_read (at, (size_t)(end - at), &c)) > 0)
        at += length;
    }
    gather_run (&g, start, (size_t)(at - start));
    if (at < end && length == 0) {
      d->held_size = (size_t)(end - at);
      memcpy (d->held, at, d->held_size);
      break;
    }
    if (at < end) {
      gather_malformed (d, &g, at, (size_t)-length);
      at += -length;
    }
  }
  gather_flush (&g);
  return !g.full;
}

static bool
decode_table (struct charset_decoder *d, const char *at, size_t size,
              const struct text_sink *sink) {
  struct gathered g = { .sink = sink };
  const char *end = at + size;

  while (at < end && !g.full) {
    size_t run = d->ascii ? ascii_run (at, (size_t)(end - at)) : 0;

    gather_run (&g, at, run);
    for (at += run; at < end && !g.full && (!d->ascii || (unsigned char)*at >= 0x80); at++) {
      const unsigned char *to = d->table[(unsigned char)*at];

      if (memcmp (to, UTF8_REPLACEMENT, 3) == 0)
        d->malformed = true;
      gather (&g, to, to[3]);
    }
  }
  gather_flush (&g);
  return !g.full;
}

/* UTF-16 of ICU as UTF-8.  A pair may be divided between two calls. */
static void
gather_utf16 (struct charset_decoder *d, struct gathered *g, const UChar *at, const UChar *end) {
  for (; at < end; at++) {
    uint32_t c = *at;
    char out[4];

    if (U16_IS_LEAD (c)) {
      d->surrogate = (UChar)c;
      continue;
    }
    if (U16_IS_TRAIL (c))
      c = d->surrogate ? (uint32_t)U16_GET_SUPPLEMENTARY (d->surrogate, c) : 0xfffd;
    d->surrogate = 0;
    if (c == 0xfffd)
      d->malformed = true;
    gather (g, out, (size_t)utf8_write (c, out));
  }
}

static bool
decode_icu (struct charset_decoder *d, const char *at, size_t size, bool last,
            const struct text_sink *sink) {
  struct gathered g = { .sink = sink };
  const char *end = at + size;
  UErrorCode error;

  do {
    UChar units[512], *to = units;

    error = U_ZERO_ERROR;
    ucnv_toUnicode (d->icu, &to, units + G_N_ELEMENTS (units), &at, end, NULL, last, &error);
    gather_utf16 (d, &g, units, to);
  } while (error == U_BUFFER_OVERFLOW_ERROR && !g.full);
  gather_flush (&g);
  return !g.full;
}

static bool
decode_iconv (struct charset_decoder *d, const char *at, size_t size,
              const struct text_sink *sink) {
  struct gathered g = { .sink = sink };

  /* iconv takes nothing of a character that is not whole: held octets are few, and go first. */
  while (size > 0 && !g.full) {
    char joined[HELD + 64], *in = joined, *out = g.data + g.size;
    size_t taken = MIN (size, (size_t)64), left, room = PIECE - g.size, before;

    memcpy (joined, d->held, d->held_size);
    memcpy (joined + d->held_size, at, taken);
    left = before = d->held_size + taken;
    at += taken;
    size -= taken;
    d->held_size = 0;
    while (left > 0 && iconv (d->iconv, &in, &left, &out, &room) == (size_t)-1) {
      g.size = PIECE - room;
      if (errno == EINVAL && left <= HELD)
        break;
      if (errno != E2BIG) {
        in++;
        left--;
        d->malformed = true;
        if (room >= 3) {
          gather (&g, UTF8_REPLACEMENT, 3);
        }
      }
      gather_flush (&g);
      out = g.data;
      room = PIECE;
    }
    g.size = PIECE - room;
    memcpy (d->held, in, left);
    d->held_size = left;
    if (PIECE - g.size < 4 * before)
      gather_flush (&g);
  }
  gather_flush (&g);
  return !g.full;
}

/* All 256 octets of a charset that has no others. */
static bool
make_table (struct charset_decoder *d) {
  d->ascii = true;
  for (int i = 0; i < 256; i++) {
    char octet = (char)i;
    const char *at = &octet;
    UChar units[8], *to = units;
    UErrorCode error = U_ZERO_ERROR;
    int32_t read = 0;
    UChar32 c = 0xfffd;

    ucnv_reset (d->icu);
    ucnv_toUnicode (d->icu, &to, units + 8, &at, &octet + 1, NULL, true, &error);
    if (U_SUCCESS (error) && to > units && to - units <= 2)
      U16_NEXT (units, read, to - units, c);
    if (U_FAILURE (error) || read != to - units || c > 0xffff)
      c = 0xfffd;
    d->table[i][3] = (unsigned char)utf8_write ((uint32_t)c, (char *)d->table[i]);
    if (i < 0x80 && c != i)
      d->ascii = false;
  }
  return true;
}

/* ICU takes two escape sequences of ISO-2022 with nothing between them for an attack; in mail they are
 * where two texts were joined. */
static void
substitute (const void *context, UConverterToUnicodeArgs *args, const char *octets, int32_t length,
            UConverterCallbackReason reason, UErrorCode *error) {
  if (reason == UCNV_IRREGULAR)
    *error = U_ZERO_ERROR;
  else
    UCNV_TO_U_CALLBACK_SUBSTITUTE (context, args, octets, length, reason, error);
}

struct charset_decoder *
charset_decoder_new (const char *name, size_t size) {
  struct charset_decoder *d = g_new0 (struct charset_decoder, 1);
  char canonical[CHARSET_NAME_MAX];
  UErrorCode error = U_ZERO_ERROR;

  d->iconv = (iconv_t)-1;
  d->kind = MIXED;
  if (!charset_name (name, size, canonical) || strcmp (canonical, "us-ascii") == 0)
    return d;
  if (strcmp (canonical, "utf-8") == 0) {
    d->kind = UTF8;
    return d;
  }
  d->icu = charset_icu_open (canonical);
  if (d->icu) {
    UConverterType type = ucnv_getType (d->icu);

    ucnv_setToUCallBack (d->icu, substitute, NULL, NULL, NULL, &error);
    d->kind = ICU;
    if ((type == UCNV_SBCS || type == UCNV_LATIN_1
         || (type == UCNV_MBCS && ucnv_getMaxCharSize (d->icu) == 1))
        && make_table (d)) {
      d->kind = TABLE;
      ucnv_close (d->icu);
      d->icu = NULL;
    }
    return d;
  }
  d->iconv = iconv_open ("UTF-8", canonical);
  if (d->iconv != (iconv_t)-1)
    d->kind = ICONV;
  return d;
}

void
charset_decoder_free (struct charset_decoder **decoder) {
  struct charset_decoder *d = *decoder;

  if (!d)
    return;
  if (d->icu)
    ucnv_close (d->icu);
  if (d->iconv != (iconv_t)-1)
    iconv_close (d->iconv);
  g_free (d);
  *decoder = NULL;
}

void
charset_decoder_reset (struct charset_decoder *d) {
  d->held_size = 0;
  d->surrogate = 0;
  d->malformed = false;
  if (d->icu)
    ucnv_reset (d->icu);
  if (d->iconv != (iconv_t)-1)
    iconv (d->iconv, NULL, NULL, NULL, NULL);
}

bool
charset_decode (struct charset_decoder *d, const char *data, size_t size,
                const struct text_sink *sink) {
  switch (d->kind) {
  case UTF8:
  case MIXED:
    return decode_utf8 (d, data, size, sink);
  case TABLE:
    return decode_table (d, data, size, sink);
  case ICU:
    return decode_icu (d, data, size, false, sink);
  case ICONV:
    return decode_iconv (d, data, size, sink);
  }
  return true;
}

bool
charset_decode_end (struct charset_decoder *d, const struct text_sink *sink) {
  struct gathered g = { .sink = sink };

  if (d->kind == ICU && !decode_icu (d, "", 0, true, sink))
    return false;
  if (d->kind == UTF8 || d->kind == MIXED) {
    if (d->held_size > 0)
      gather_malformed (d, &g, d->held, d->held_size);
  } else if (d->held_size > 0 || d->surrogate) {
    d->malformed = true;
    gather (&g, UTF8_REPLACEMENT, 3);
  }
  d->held_size = 0;
  d->surrogate = 0;
  gather_flush (&g);
  return !g.full;
}

bool
charset_was_malformed (const struct charset_decoder *d) {
  return d->malformed;
}

static bool
append (void *user, const char *data, size_t size) {
  g_string_append_len (user, data, (gssize)size);
  return true;
}

bool
charset_to_utf8 (const char *name, size_t name_size, const char *data, size_t size, GString *out) {
  struct text_sink sink = { append, out };
  struct charset_decoder *d = charset_decoder_new (name, name_size);
  bool good;

  charset_decode (d, data, size, &sink);
  charset_decode_end (d, &sink);
  good = !d->malformed && charset_is_known (name, name_size);
  charset_decoder_free (&d);
  return good;
}
