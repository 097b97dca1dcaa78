/* SPDX-License-Identifier: Apache-2.0 */
/* decode-fuzz.c - fuzz target: transfer encoding, charset and HTML give the same in all pieces, within
 * the room they ask for, and UTF-8.  "<encoding><charset>NUL<octets>". */
#include "common/text/charset.h"
#include "common/text/html.h"
#include "common/text/transfer.h"

#include <glib.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static bool
append (void *user, const char *data, size_t size) {
  g_string_append_len (user, data, (gssize)size);
  return true;
}

static bool
to_html (void *user, const char *data, size_t size) {
  return html_feed (user, data, size);
}

static GString *
decode (enum transfer_encoding encoding, const char *charset, const uint8_t *data, size_t size,
        size_t piece, bool html) {
  GString *out = g_string_new (NULL);
  struct text_sink sink = { append, out };
  struct html_text h;
  struct text_sink marked = { to_html, &h };
  struct charset_decoder *d = charset_decoder_new (charset, strlen (charset));
  struct transfer_decoder t;
  size_t written;

  html_begin (&h, &sink);
  transfer_begin (&t, encoding);
  for (size_t at = 0; at < size; at += piece) {
    size_t count = MIN (piece, size - at);
    g_autofree unsigned char *octets = g_malloc (TRANSFER_ROOM (count));

    written = transfer_decode (&t, data + at, count, octets);
    g_assert (written <= TRANSFER_ROOM (count));
    charset_decode (d, (char *)octets, written, html ? &marked : &sink);
  }
  {
    g_autofree unsigned char *octets = g_malloc (TRANSFER_ROOM (0));

    written = transfer_end (&t, octets);
    charset_decode (d, (char *)octets, written, html ? &marked : &sink);
  }
  charset_decode_end (d, html ? &marked : &sink);
  html_end (&h);
  charset_decoder_free (&d);
  return out;
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size) {
  const uint8_t *nul = size > 1 ? memchr (data + 1, 0, size - 1) : NULL;
  const uint8_t *octets = nul ? nul + 1 : data;
  size_t count = (size_t)(data + size - octets);
  enum transfer_encoding encoding = size > 0 ? data[0] % 4 : 0;
  const char *charset = nul ? (const char *)data + 1 : "";

  for (int html = 0; html < 2; html++) {
    g_autoptr (GString) whole = decode (encoding, charset, octets, count, count + 1, html);
    g_autoptr (GString) pieces = decode (encoding, charset, octets, count, 1, html);

    for (size_t i = 0; i < whole->len; i++) /* GLib has no NUL in its UTF-8 */
      if (whole->str[i] == '\0')
        whole->str[i] = ' ';
    for (size_t i = 0; i < pieces->len; i++)
      if (pieces->str[i] == '\0')
        pieces->str[i] = ' ';
    g_assert (g_utf8_validate (whole->str, (gssize)whole->len, NULL));
    g_assert (g_string_equal (whole, pieces));
  }
  return 0;
}
