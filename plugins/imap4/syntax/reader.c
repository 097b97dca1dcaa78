/* SPDX-License-Identifier: Apache-2.0 */
/* reader.c - atoms, strings, numbers; see reader.h. */
#include "syntax/reader.h"

#include "common/mailbox_name.h"
#include "syntax/utf7.h"

#include <string.h>

enum { /* kinds of octets, RFC 9051 section 9 */
       CHAR_ATOM = 1,
       CHAR_ASTRING = 2, /* ATOM-CHAR and "]" */
       CHAR_TAG = 4,     /* ASTRING-CHAR but "+" */
       CHAR_LIST = 8     /* ATOM-CHAR, "]", "%", "*" */
};

static unsigned
kind_of (unsigned char c) {
  if (c <= ' ' || c >= 0x7f)
    return 0;
  switch (c) {
  case '(':
  case ')':
  case '{':
  case '"':
  case '\\':
    return 0;
  case '%':
  case '*':
    return CHAR_LIST;
  case ']':
    return CHAR_ASTRING | CHAR_TAG | CHAR_LIST;
  case '+':
    return CHAR_ATOM | CHAR_ASTRING | CHAR_LIST;
  default:
    return CHAR_ATOM | CHAR_ASTRING | CHAR_TAG | CHAR_LIST;
  }
}

/* Copies one behind the other; several of these, since they are not to move. */
struct reader_block {
  struct reader_block *next;
  size_t used, room;
  char text[];
};

#define BLOCK_LEAST 240

void
reader_init (struct reader *r, const char *data, size_t size, bool utf8) {
  *r = (struct reader){ .data = data, .size = size, .utf8 = utf8 };
}

void
reader_clear (struct reader *r) {
  while (r->blocks) {
    struct reader_block *block = r->blocks;
    r->blocks = block->next;
    explicit_bzero (block->text, block->used); /* a password, perhaps */
    g_free (block);
  }
  *r = (struct reader){ 0 };
}

bool
reader_fail (struct reader *r, const char *error) {
  if (!r->error)
    r->error = error;
  return false;
}

const char *
reader_keep (struct reader *r, const char *text, size_t size) {
  struct reader_block *block = r->blocks;
  if (!block || block->room - block->used <= size) {
    size_t room = MAX (size + 1, BLOCK_LEAST);
    block = g_malloc (sizeof *block + room);
    *block = (struct reader_block){ .next = r->blocks, .room = room };
    r->blocks = block;
  }
  char *copy = block->text + block->used;
  if (size)
    memcpy (copy, text, size);
  copy[size] = '\0';
  block->used += size + 1;
  r->kept += size + 1;
  return copy;
}

int
reader_peek (const struct reader *r) {
  return r->at < r->size ? (unsigned char)r->data[r->at] : -1;
}

bool
reader_accept (struct reader *r, char c) {
  if (reader_peek (r) != (unsigned char)c)
    return false;
  r->at++;
  return true;
}

bool
reader_accept_word (struct reader *r, const char *word) {
  size_t size = strlen (word);
  if (r->size - r->at < size || g_ascii_strncasecmp (r->data + r->at, word, size) != 0)
    return false;
  if (r->at + size < r->size && kind_of ((unsigned char)r->data[r->at + size]) & CHAR_ATOM)
    return false;
  r->at += size;
  return true;
}

bool
reader_expect (struct reader *r, char c) {
  if (reader_accept (r, c))
    return true;
  switch (c) {
  case '(':
    return reader_fail (r, "expected \"(\"");
  case ')':
    return reader_fail (r, "expected \")\"");
  case ']':
    return reader_fail (r, "expected \"]\"");
  case '>':
    return reader_fail (r, "expected \">\"");
  default:
    return reader_fail (r, "unexpected character");
  }
}

bool
reader_space (struct reader *r) {
  if (!reader_accept (r, ' '))
    return reader_fail (r, r->at == r->size ? "an argument is missing" : "expected a space");
  if (reader_peek (r) == ' ')
    return reader_fail (r, "more than one space");
  return true;
}

bool
reader_end (struct reader *r) {
  if (r->error)
    return false;
  if (r->at == r->size)
    return true;
  return reader_fail (r, reader_peek (r) == ' ' && r->at + 1 == r->size
                             ? "a space at the end of the line"
                             : "more arguments than this command takes");
}

static const char *
take_word (struct reader *r, unsigned kind, const char *missing) {
  size_t start = r->at;
  while (r->at < r->size && kind_of ((unsigned char)r->data[r->at]) & kind)
    r->at++;
  if (r->at == start) {
    reader_fail (r, r->at == r->size ? "an argument is missing" : missing);
    return NULL;
  }
  return reader_keep (r, r->data + start, r->at - start);
}

const char *
reader_tag (struct reader *r) {
  return take_word (r, CHAR_TAG, "expected a tag");
}

const char *
reader_atom (struct reader *r) {
  return take_word (r, CHAR_ATOM, "expected an atom");
}

const char *
reader_language (struct reader *r) {
  int c = reader_peek (r);
  if (c == '"' || c == '{')
    return reader_string (r, NULL);
  return take_word (r, CHAR_ATOM | CHAR_LIST, "expected a language");
}

const char *
reader_rest (struct reader *r) {
  size_t start = r->at;
  if (memchr (r->data + start, 0, r->size - start)) {
    reader_fail (r, "NUL in an argument");
    return NULL;
  }
  r->at = r->size;
  return reader_keep (r, r->data + start, r->size - start);
}

const char *
reader_keyword (struct reader *r) {
  char *word = (char *)take_word (r, CHAR_ATOM, "expected a word");
  for (char *p = word; p && *p; p++)
    *p = g_ascii_toupper (*p);
  return word;
}

static const char *
take_quoted (struct reader *r, size_t *size) {
  size_t start = ++r->at, escapes = 0;
  bool eight = false;
  for (; r->at < r->size && r->data[r->at] != '"'; r->at++) {
    unsigned char c = (unsigned char)r->data[r->at];
    if (c == '\\') {
      r->at++;
      escapes++;
      if (r->at == r->size || (r->data[r->at] != '"' && r->data[r->at] != '\\')) {
        reader_fail (r, "a backslash in a quoted string that is not before \\ or \"");
        return NULL;
      }
    } else if (c == '\r' || c == '\n' || c == 0) {
      reader_fail (r, "a line end or NUL in a quoted string");
      return NULL;
    }
    eight |= c >= 0x80;
  }
  if (r->at == r->size) {
    reader_fail (r, "a quoted string without its end");
    return NULL;
  }
  size_t raw = r->at++ - start;
  char *text = (char *)reader_keep (r, r->data + start, raw);
  if (eight && !g_utf8_validate_len (text, raw, NULL)) {
    reader_fail (r, "a quoted string that is not UTF-8: send a literal");
    return NULL;
  }
  size_t used = 0;
  if (escapes) {
    for (size_t i = 0; i < raw; i++) {
      i += text[i] == '\\';
      text[used++] = text[i];
    }
    memset (text + used, 0, raw - used); /* not even the end of a password stays */
  } else
    used = raw;
  if (size)
    *size = used;
  return text;
}

/* At "{": the header of a literal and its octets, which the collector has put here. */
static bool
take_literal (struct reader *r, const char **data, size_t *size) {
  uint64_t length = 0;
  size_t at = r->at + 1, digits = at;
  for (; at < r->size && g_ascii_isdigit (r->data[at]) && at - digits < 12; at++)
    length = length * 10 + (uint64_t)(r->data[at] - '0');
  if (at == digits)
    return reader_fail (r, "a literal without its length");
  if (at < r->size && r->data[at] == '+')
    at++;
  if (r->size - at < 3 || memcmp (r->data + at, "}\r\n", 3) != 0)
    return reader_fail (r, "a malformed literal");
  at += 3;
  if (length > r->size - at)
    return reader_fail (r, "a literal that is cut short");
  *data = r->data + at;
  *size = length;
  r->at = at + length;
  return true;
}

const char *
reader_string (struct reader *r, size_t *size) {
  const char *data;
  size_t length;
  if (reader_peek (r) == '"')
    return take_quoted (r, size);
  if (reader_peek (r) != '{') {
    reader_fail (r, r->at == r->size ? "an argument is missing" : "expected a string");
    return NULL;
  }
  if (!take_literal (r, &data, &length))
    return NULL;
  if (memchr (data, 0, length)) {
    reader_fail (r, "NUL in a literal");
    return NULL;
  }
  if (size)
    *size = length;
  return reader_keep (r, data, length);
}

const char *
reader_astring (struct reader *r, size_t *size) {
  int c = reader_peek (r);
  if (c == '"' || c == '{')
    return reader_string (r, size);
  const char *word = take_word (r, CHAR_ASTRING, "expected an atom or a string");
  if (word && size)
    *size = strlen (word);
  return word;
}

const char *
reader_nstring (struct reader *r, size_t *size, bool *nil) {
  *nil = reader_accept_word (r, "NIL");
  if (!*nil)
    return reader_string (r, size);
  if (size)
    *size = 0;
  return "";
}

bool
reader_value (struct reader *r, struct ptn_bytes *value) {
  const char *data;
  size_t size;
  bool nil;
  if (reader_peek (r) == '~') {
    r->at++;
    if (reader_peek (r) != '{')
      return reader_fail (r, "expected a literal behind \"~\"");
    if (!take_literal (r, &data, &size))
      return false;
    data = reader_keep (r, data, size);
  } else {
    data = reader_nstring (r, &size, &nil);
    if (!data)
      return false;
    if (nil)
      data = NULL;
  }
  *value = (struct ptn_bytes){ data, size };
  return true;
}

bool
reader_number64 (struct reader *r, uint64_t *value) {
  uint64_t number = 0;
  size_t start = r->at;
  for (; r->at < r->size && g_ascii_isdigit (r->data[r->at]); r->at++) {
    unsigned digit = (unsigned)(r->data[r->at] - '0');
    if (number > ((uint64_t)INT64_MAX - digit) / 10)
      return reader_fail (r, "a number that is too great");
    number = number * 10 + digit;
  }
  if (r->at == start)
    return reader_fail (r, r->at == r->size ? "an argument is missing" : "expected a number");
  *value = number;
  return true;
}

bool
reader_number (struct reader *r, uint32_t *value) {
  uint64_t number;
  if (!reader_number64 (r, &number))
    return false;
  if (number > UINT32_MAX)
    return reader_fail (r, "a number that is too great");
  *value = (uint32_t)number;
  return true;
}

bool
reader_nz_number (struct reader *r, uint32_t *value) {
  if (!reader_number (r, value))
    return false;
  return *value != 0 || reader_fail (r, "0 where numbers begin with 1");
}

/* In UTF-8, whichever way it was written; NULL: failed. */
static const char *
mailbox_text (struct reader *r, const char *name, size_t size) {
  if (!name)
    return NULL;
  if (r->utf8) {
    if (g_utf8_validate_len (name, size, NULL))
      return name;
    reader_fail (r, "a mailbox name that is not UTF-8");
    return NULL;
  }
  g_autofree char *decoded = utf7_decode (name, size);
  if (!decoded) {
    reader_fail (r, "a mailbox name that is not modified UTF-7 (RFC 3501 section 5.1.3)");
    return NULL;
  }
  return reader_keep (r, decoded, strlen (decoded));
}

static const char *
canonical (struct reader *r, const char *name) {
  g_autofree char *path = path_canonical (name);
  if (path)
    return reader_keep (r, path, strlen (path));
  reader_fail (r, !*name ? "an empty mailbox name"
                         : "a mailbox name with an empty level or control characters, or too long");
  return NULL;
}

const char *
reader_mailbox (struct reader *r) {
  size_t size;
  const char *name = reader_astring (r, &size);
  name = mailbox_text (r, name, size);
  return name ? canonical (r, name) : NULL;
}

const char *
reader_new_mailbox (struct reader *r) {
  size_t size;
  const char *name = reader_astring (r, &size);
  name = mailbox_text (r, name, size);
  if (!name)
    return NULL;
  size = strlen (name);
  if (size > 1 && name[size - 1] == '/')
    name = reader_keep (r, name, size - 1);
  return canonical (r, name);
}

const char *
reader_list_mailbox (struct reader *r) {
  size_t size;
  const char *name;
  int c = reader_peek (r);
  if (c == '"' || c == '{')
    name = reader_string (r, &size);
  else {
    name = take_word (r, CHAR_LIST, "expected a mailbox name or pattern");
    size = name ? strlen (name) : 0;
  }
  return mailbox_text (r, name, size);
}
