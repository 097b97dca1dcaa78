/* SPDX-License-Identifier: Apache-2.0 */
/* escape.c - see escape.h.  The common case, plain ASCII, is copied in runs. */
#include "log/escape.h"

#include <stdio.h>
#include <string.h>

void
escape_raw (struct escape_buffer *out, const char *text, size_t size) {
  if (out->full || size > out->room - out->size) {
    out->full = true;
    return;
  }
  memcpy (out->data + out->size, text, size);
  out->size += size;
}

void
escape_char (struct escape_buffer *out, char c) {
  escape_raw (out, &c, 1);
}

/* Would this character do something to a terminal, a line or the order of what is read? */
static bool
deceives (gunichar c) {
  if (c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0xad)
    return true;
  if (c < 0x61c)
    return false;
  if (c == 0x61c || c == 0x115f || c == 0x1160 || c == 0x17b4 || c == 0x17b5 || c == 0x180e
      || c == 0x3164 || c == 0xffa0)
    return true;
  if ((c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f))
    return true;
  if (c >= 0xe000 && c <= 0xf8ff) /* private use: anything may be drawn */
    return true;
  if ((c >= 0xfdd0 && c <= 0xfdef) || c == 0xfeff || (c >= 0xfff0 && c <= 0xfffb)
      || (c & 0xfffe) == 0xfffe)
    return true;
  return c >= 0xe0000; /* tags, variation selectors, private planes */
}

static bool
plain (unsigned char c) {
  return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

static size_t
bounded (const char *text, size_t limit) {
  return strnlen (text, limit);
}

typedef void escape_one (struct escape_buffer *, gunichar);

static void
one_for_text (struct escape_buffer *out, gunichar c) {
  char word[16];
  int n;
  switch (c) {
  case '\n':
    n = snprintf (word, sizeof word, "\\n");
    break;
  case '\t':
    n = snprintf (word, sizeof word, "\\t");
    break;
  case '\r':
    n = snprintf (word, sizeof word, "\\r");
    break;
  case '"':
  case '\\':
    n = snprintf (word, sizeof word, "\\%c", (char)c);
    break;
  default:
    n = snprintf (word, sizeof word, c < 0x80 ? "\\x%02x" : "\\u{%04x}", (unsigned)c);
  }
  escape_raw (out, word, (size_t)n);
}

static void
one_for_json (struct escape_buffer *out, gunichar c) {
  char word[16];
  int n;
  if (c == '\n')
    n = snprintf (word, sizeof word, "\\n");
  else if (c == '"' || c == '\\')
    n = snprintf (word, sizeof word, "\\%c", (char)c);
  else if (c < 0x10000)
    n = snprintf (word, sizeof word, "\\u%04x", (unsigned)c);
  else
    n = snprintf (word, sizeof word, "\\u%04x\\u%04x", 0xd800 + (unsigned)((c - 0x10000) >> 10),
                  0xdc00 + (unsigned)((c - 0x10000) & 0x3ff));
  escape_raw (out, word, (size_t)n);
}

/* An escape is written whole or not at all, and nothing follows one that did not fit. */
static void
escape_with (struct escape_buffer *out, const char *text, size_t limit, escape_one *one,
             bool json) {
  size_t size = bounded (text, limit);
  bool cut = size == limit && text[size] != 0;
  const char *end = text + size;

  while (text < end && !out->full) {
    const char *run = text;
    while (run < end && plain ((unsigned char)*run))
      run++;
    if (run > text) {
      escape_raw (out, text, (size_t)(run - text));
      text = run;
      continue;
    }
    gunichar c = g_utf8_get_char_validated (text, end - text);
    if (c == (gunichar)-1 || c == (gunichar)-2) {
      char word[8];
      if (cut && end - text < 4 && c == (gunichar)-2)
        break; /* the cut fell inside a character */
      int n = json ? snprintf (word, sizeof word, "\\ufffd")
                   : snprintf (word, sizeof word, "\\x%02x", (unsigned char)*text);
      escape_raw (out, word, (size_t)n);
      text++;
      continue;
    }
    const char *next = g_utf8_next_char (text);
    if (c == '"' || c == '\\' || deceives (c))
      one (out, c);
    else
      escape_raw (out, text, (size_t)(next - text));
    text = next;
  }
  if (cut)
    escape_raw (out, "...", 3);
}

void
escape_text (struct escape_buffer *out, const char *text, size_t limit) {
  escape_with (out, text, limit, one_for_text, false);
}

void
escape_json (struct escape_buffer *out, const char *text, size_t limit) {
  escape_with (out, text, limit, one_for_json, true);
}

void
escape_word (struct escape_buffer *out, const char *text, size_t limit) {
  size_t n = 0;
  while (n < limit && plain ((unsigned char)text[n]) && text[n] != ' ' && text[n] != '=')
    n++;
  if (n > 0 && text[n] == 0) {
    escape_raw (out, text, n);
    return;
  }
  escape_char (out, '"');
  escape_text (out, text, limit);
  escape_char (out, '"');
}

char *
escape_dup (const char *text) {
  char room[200 * 12 + 8];
  struct escape_buffer out = { .data = room, .room = sizeof room };
  escape_text (&out, text, 200);
  return g_strndup (room, out.size);
}
