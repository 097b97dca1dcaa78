/* SPDX-License-Identifier: Apache-2.0 */
/* words.c - encoded words; see words.h. */
#include "common/text/words.h"
#include "common/text/charset.h"
#include "common/text/transfer.h"
#include "common/text/utf8.h"

#include <string.h>

struct word {
  const char *charset, *text;
  size_t charset_size, text_size, size; /* size: of all of it */
  bool base64;
};

/* The decoder of the words so far: those that follow each other share it. */
struct state {
  GString *out;
  struct charset_decoder *decoder;
  char charset[CHARSET_NAME_MAX];
  bool open; /* a word went before; only blanks have come since */
};

static bool
append (void *user, const char *data, size_t size) {
  g_string_append_len (user, data, (gssize)size);
  return true;
}

/* Is there an encoded word at `at`, which begins with "=?"? */
static bool
read_word (const char *at, size_t size, struct word *word) {
  const char *end = at + size, *p = at + 2, *star, *close;

  word->charset = p;
  while (p<end && * p> ' ' && *p < 0x7f && *p != '?')
    p++;
  word->charset_size = (size_t)(p - word->charset);
  if (word->charset_size == 0 || word->charset_size >= CHARSET_NAME_MAX || end - p < 3
      || p[0] != '?' || p[2] != '?')
    return false;
  star = memchr (word->charset, '*', word->charset_size); /* a language follows */
  if (star)
    word->charset_size = (size_t)(star - word->charset);
  if (p[1] != 'B' && p[1] != 'b' && p[1] != 'Q' && p[1] != 'q')
    return false;
  word->base64 = p[1] == 'B' || p[1] == 'b';
  p += 3;
  word->text = p;
  for (close = p; (close = memchr (close, '?', (size_t)(end - close))); close++)
    if (close + 1 < end && close[1] == '=')
      break;
    else if (close > p && close[-1] == '=')
      return false; /* another one begins: this one was never ended */
  if (!close)
    return false;
  word->text_size = (size_t)(close - p);
  word->size = (size_t)(close + 2 - at);
  return true;
}

static void
end_words (struct state *s) {
  struct text_sink sink = { append, s->out };

  if (s->decoder)
    charset_decode_end (s->decoder, &sink);
  charset_decoder_free (&s->decoder);
  s->open = false;
}

static size_t
decode_q (const char *text, size_t size, char *out) {
  size_t done = 0;

  for (size_t i = 0; i < size; i++)
    if (text[i] == '_')
      out[done++] = ' ';
    else if (text[i] == '=' && i + 2 < size && g_ascii_isxdigit (text[i + 1])
             && g_ascii_isxdigit (text[i + 2])) {
      out[done++] =
          (char)(g_ascii_xdigit_value (text[i + 1]) << 4 | g_ascii_xdigit_value (text[i + 2]));
      i += 2;
    } else if (text[i] != '\r' && text[i] != '\n')
      out[done++] = text[i];
  return done;
}

static void
add_word (struct state *s, const struct word *word) {
  struct text_sink sink = { append, s->out };
  g_autofree char *octets = g_malloc (TRANSFER_ROOM (word->text_size));
  size_t size;

  if (!s->decoder || strlen (s->charset) != word->charset_size
      || g_ascii_strncasecmp (s->charset, word->charset, word->charset_size) != 0) {
    end_words (s);
    s->decoder = charset_decoder_new (word->charset, word->charset_size);
    memcpy (s->charset, word->charset, word->charset_size);
    s->charset[word->charset_size] = '\0';
  }
  if (word->base64) {
    struct transfer_decoder d;

    transfer_begin (&d, TRANSFER_BASE64);
    size = transfer_decode (&d, word->text, word->text_size, (unsigned char *)octets);
    size += transfer_end (&d, (unsigned char *)octets + size);
  } else
    size = decode_q (word->text, word->text_size, octets);
  charset_decode (s->decoder, octets, size, &sink);
  s->open = true;
}

/* Text between words, without line ends. */
static void
add_plain (struct state *s, const char *text, size_t size) {
  struct text_sink sink = { append, s->out };
  struct charset_decoder *plain = NULL;

  end_words (s);
  while (size > 0) {
    size_t run = 0;

    while (run < size && text[run] != '\r' && text[run] != '\n')
      run++;
    if (ascii_run (text, run) == run)
      g_string_append_len (s->out, text, (gssize)run);
    else {
      if (!plain)
        plain = charset_decoder_new ("", 0);
      charset_decode (plain, text, run, &sink);
      charset_decode_end (plain, &sink);
    }
    while (run < size && (text[run] == '\r' || text[run] == '\n'))
      run++;
    text += run;
    size -= run;
  }
  charset_decoder_free (&plain);
}

static bool
only_blanks (const char *text, size_t size) {
  for (size_t i = 0; i < size; i++)
    if (text[i] != ' ' && text[i] != '\t' && text[i] != '\r' && text[i] != '\n')
      return false;
  return true;
}

void
words_decode (const char *value, size_t size, GString *out) {
  struct state s = { .out = out };
  const char *plain = value, *end = value + size, *at = value;
  struct word word;

  while (at < end && (at = memmem (at, (size_t)(end - at), "=?", 2))) {
    if (!read_word (at, (size_t)(end - at), &word)) {
      at += 2;
      continue;
    }
    if (at > plain && !(s.open && only_blanks (plain, (size_t)(at - plain))))
      add_plain (&s, plain, (size_t)(at - plain));
    add_word (&s, &word);
    at += word.size;
    plain = at;
  }
  add_plain (&s, plain, (size_t)(end - plain));
}
