/* SPDX-License-Identifier: Apache-2.0 */
/* convert_text.c - texts in another form; see convert.h.  Pure functions. */
#include "common/base64.h"
#include "common/text/charset.h"
#include "common/text/html.h"
#include "common/text/words.h"
#include "fetch/convert.h"

enum { WORD_TEXT = 30 }; /* octets of UTF-8 in one encoded word: it has 75 characters at most */

static bool
append (void *user, const char *data, size_t size) {
  g_string_append_len (user, data, (gssize)size);
  return true;
}

/* HTML shows lines with LF; texts of mail end them with CRLF. */
static void
append_lines (GString *out, const char *text, size_t size) {
  for (size_t i = 0; i < size; i++) {
    if (text[i] == '\n' && (i == 0 || text[i - 1] != '\r'))
      g_string_append_c (out, '\r');
    g_string_append_c (out, text[i]);
  }
}

bool
convert_text (const char *data, size_t size, struct ptn_bytes source_charset, bool html, bool plain,
              const char *charset, GString *out) {
  g_autoptr (GString) text = g_string_new (NULL);
  g_autoptr (GString) shown = g_string_new (NULL);
  struct text_sink sink = { append, shown };
  size_t lost;
  charset_to_utf8 (source_charset.size ? source_charset.data : "us-ascii",
                   source_charset.size ? source_charset.size : 8, data, size, text);
  if (html && plain) {
    struct html_text *state = g_new0 (struct html_text, 1);
    html_begin (state, &sink);
    html_feed (state, text->str, text->len);
    html_end (state);
    g_free (state);
    g_string_truncate (text, 0);
    append_lines (text, shown->str, shown->len);
  }
  return charset_from_utf8 (charset, text->str, text->len, out, &lost);
}

/* "=?charset?B?...?=" of some characters. */
static bool
append_word (GString *out, const char *text, size_t size, const char *charset) {
  g_autoptr (GString) octets = g_string_new (NULL);
  size_t lost = 0;
  if (!charset_from_utf8 (charset, text, size, octets, &lost) || lost)
    return false;
  g_autofree char *encoded = g_malloc (BASE64_ENCODED_MAX (octets->len));
  base64_encode (octets->str, octets->len, encoded);
  g_string_append_printf (out, "=?%s?B?%s?=", charset, encoded);
  return true;
}

/* A text as encoded words; false: the charset has not all of it. */
static bool
append_words (GString *out, const char *text, size_t size, const char *charset) {
  for (size_t at = 0; at < size;) {
    size_t end = MIN (at + WORD_TEXT, size);
    while (end < size && end > at + 1 && ((unsigned char)text[end] & 0xc0) == 0x80)
      end--;
    if (at)
      g_string_append (out, "\r\n ");
    if (!append_word (out, text + at, end - at, charset))
      return false;
    at = end;
  }
  return true;
}

/* The encoded word that begins here, or 0. */
static size_t
word_size (const char *data, size_t size) {
  size_t at = 2, marks = 0;
  if (size < 6 || data[0] != '=' || data[1] != '?')
    return 0;
  for (; at < size && at < 200; at++) {
    if (data[at] == '?' && marks == 2 && at + 1 < size && data[at + 1] == '=')
      return at + 2;
    if (data[at] == '?')
      marks++;
    if (marks > 2 || (unsigned char)data[at] <= ' ' || (unsigned char)data[at] >= 0x7f)
      return 0;
  }
  return 0;
}

/* Words that only blanks divide are one text: a character may be divided between them. */
static size_t
words_size (const char *data, size_t size) {
  size_t all = word_size (data, size);
  for (size_t next = all; all && next < size;) {
    size_t blanks = next, word;
    while (blanks < size && strchr (" \t\r\n", data[blanks]) && data[blanks])
      blanks++;
    word = blanks > next ? word_size (data + blanks, size - blanks) : 0;
    if (!word || blanks + word > 8192)
      break;
    all = next = blanks + word;
  }
  return all;
}

void
convert_header (const char *data, size_t size, const char *charset, GString *out) {
  for (size_t at = 0; at < size;) {
    const char *mark = memchr (data + at, '=', size - at);
    size_t plain = mark ? (size_t)(mark - data) - at : size - at, words;
    g_string_append_len (out, data + at, (gssize)plain);
    at += plain;
    if (at == size)
      break;
    words = words_size (data + at, size - at);
    size_t start = out->len;
    g_autoptr (GString) text = g_string_new (NULL);
    if (words)
      words_decode (data + at, words, text);
    if (!words || !append_words (out, text->str, text->len, charset)) {
      g_string_truncate (out, start); /* what cannot be done stays as it is */
      words = MAX (words, 1);
      g_string_append_len (out, data + at, (gssize)words);
    }
    at += words;
  }
}
