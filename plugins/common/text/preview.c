/* SPDX-License-Identifier: Apache-2.0 */
/* preview.c - see preview.h. */
#include "common/text/preview.h"
#include "common/text/charset.h"
#include "common/text/html.h"
#include "common/text/transfer.h"
#include "common/text/utf8.h"

#include <string.h>

enum { PARTS_LOOKED_AT = 200, TEXT_MAX = 16 * 1024 };

/* The part whose text it is. */
static bool
choose (const struct mime_digest *digest, struct mime_part *part) {
  bool html = false;

  for (uint32_t i = 0; i < digest->parts && i < PARTS_LOOKED_AT; i++) {
    struct mime_part p;

    if (mime_digest_part (digest, i, &p) != PTN_OK)
      return false;
    if (p.attachment || p.body_size == 0)
      continue;
    if (p.kind == MIME_KIND_TEXT_PLAIN) {
      *part = p;
      return true;
    }
    if (p.kind == MIME_KIND_TEXT_HTML && !html) {
      *part = p;
      html = true;
    }
  }
  return html;
}

bool
preview_range (const struct mime_digest *digest, uint64_t *offset, uint64_t *size) {
  struct mime_part part;

  if (!choose (digest, &part))
    return false;
  *offset = part.body;
  *size = MIN (part.body_size, (uint64_t)PREVIEW_INPUT);
  return true;
}

static bool
append (void *user, const char *data, size_t size) {
  GString *text = user;

  g_string_append_len (text, data, (gssize)size);
  return text->len < TEXT_MAX;
}

struct chain {
  struct html_text html;
  GString *text;
};

static bool
through_html (void *user, const char *data, size_t size) {
  return html_feed (&((struct chain *)user)->html, data, size);
}

/* The decoded text of the part, its beginning. */
static void
decode (const struct mime_part *part, const void *data, size_t size, GString *text) {
  g_autofree unsigned char *octets = g_malloc (TRANSFER_ROOM (size));
  g_autofree struct chain *chain = g_new (struct chain, 1);
  bool html = part->kind == MIME_KIND_TEXT_HTML;
  struct text_sink plain = { append, text }, marked = { through_html, chain };
  struct charset_decoder *charset = charset_decoder_new (part->charset.data, part->charset.size);
  struct transfer_decoder transfer;

  html_begin (&chain->html, &plain);
  transfer_begin (&transfer, part->encoding == MIME_ENCODING_BASE64 ? TRANSFER_BASE64
                             : part->encoding == MIME_ENCODING_QUOTED_PRINTABLE
                                 ? TRANSFER_QUOTED_PRINTABLE
                                 : TRANSFER_IDENTITY);
  size = transfer_decode (&transfer, data, size, octets);
  charset_decode (charset, (char *)octets, size, html ? &marked : &plain);
  if (html)
    html_end (&chain->html);
  charset_decoder_free (&charset);
}

/* Takes characters up to the limit, blanks collapsed. */
static void
add_text (const char *text, size_t size, unsigned *characters, GString *out) {
  bool blank = out->len > 0;

  for (size_t at = 0; at < size && *characters < PREVIEW_CHARACTERS;) {
    uint32_t c;
    int length = utf8_read (text + at, size - at, &c);

    if (length < 1)
      return;
    if (c <= 0x20 || c == 0x7f || c == 0xa0 || c == 0x85 || c == 0x2028 || c == 0x2029
        || c == 0x200b || c == 0xfeff || c == 0x34f || c == 0xad || c == 0x200c)
      blank |= out->len > 0;
    else {
      if (blank && out->len > 0) {
        if (*characters + 2 > PREVIEW_CHARACTERS)
          return;
        g_string_append_c (out, ' ');
        ++*characters;
      }
      blank = false;
      g_string_append_len (out, text + at, length);
      ++*characters;
    }
    at += (size_t)length;
  }
}

static void
add_lines (const char *text, size_t size, bool all, GString *out) {
  const char *end = text + size;
  unsigned characters = 0;

  while (text < end && characters < PREVIEW_CHARACTERS) {
    const char *lf = memchr (text, '\n', (size_t)(end - text)), *to = lf ? lf : end;
    size_t length = (size_t)(to - text);

    if (length > 0 && to[-1] == '\r')
      length--;
    if (!all && length == 3 && memcmp (text, "-- ", 3) == 0)
      return;
    if (all || length == 0 || *text != '>')
      add_text (text, length, &characters, out);
    text = lf ? lf + 1 : end;
  }
}

void
preview_make (const struct mime_digest *digest, const void *data, size_t size, GString *out) {
  g_autoptr (GString) text = g_string_new (NULL);
  g_autoptr (GString) preview = g_string_new (NULL);
  struct mime_part part;

  if (!choose (digest, &part))
    return;
  if (size > PREVIEW_INPUT)
    size = PREVIEW_INPUT;
  decode (&part, data, size, text);
  add_lines (text->str, text->len, part.kind == MIME_KIND_TEXT_HTML, preview);
  if (preview->len == 0)
    add_lines (text->str, text->len, true, preview);
  g_string_append_len (out, preview->str, (gssize)preview->len);
}
