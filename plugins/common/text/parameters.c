/* SPDX-License-Identifier: Apache-2.0 */
/* parameters.c - parameters of RFC 2231; see words.h.
 *
 * A field is read once from left to right; of one parameter SECTIONS pieces are looked at. */
#include "common/text/charset.h"
#include "common/text/words.h"

#include <string.h>

enum { SECTIONS = 100, NAMES = 64 };

struct piece {
  const char *name, *value; /* value: as written, without the quotes around it */
  size_t name_size, value_size;
  int section; /* -1: not continued */
  bool extended, quoted;
};

static const char *
skip_blanks (const char *p, const char *end) {
  unsigned depth = 0;

  for (; p < end; p++)
    if (*p == '(')
      depth++;
    else if (*p == ')' && depth > 0)
      depth--;
    else if (*p == '\\' && depth > 0 && p + 1 < end)
      p++;
    else if (depth == 0 && *p != ' ' && *p != '\t' && *p != '\r' && *p != '\n')
      break;
  return p;
}

/* name*3* : the section and the mark at the end of a name. */
static void
split_name (struct piece *piece) {
  const char *name = piece->name, *star;
  size_t size = piece->name_size;

  piece->section = -1;
  piece->extended = false;
  if (size > 0 && name[size - 1] == '*') {
    piece->extended = true;
    size--;
  }
  star = memchr (name, '*', size);
  if (star && star + 1 < name + size) {
    int section = 0;

    for (const char *p = star + 1; p < name + size; p++) {
      if (!g_ascii_isdigit (*p) || section >= SECTIONS)
        return;
      section = section * 10 + (*p - '0');
    }
    piece->section = section;
    size = (size_t)(star - name);
  }
  if (piece->extended || piece->section >= 0)
    piece->name_size = size;
}

/* The next parameter; NULL: no more.  `p` stands behind a ';' or before one. */
static const char *
next_piece (const char *p, const char *end, struct piece *piece) {
  for (;;) {
    while (p < end && *p != ';') { /* to the next ';' outside of quotes */
      if (*p == '"') {
        for (p++; p < end && *p != '"'; p++)
          if (*p == '\\' && p + 1 < end)
            p++;
        if (p == end)
          return NULL;
      }
      p++;
    }
    if (p == end)
      return NULL;
    p = skip_blanks (p + 1, end);
    piece->name = p;
    while (p<end && * p> ' ' && *p != '=' && *p != ';')
      p++;
    piece->name_size = (size_t)(p - piece->name);
    p = skip_blanks (p, end);
    if (p == end)
      return NULL;
    if (*p == '=' && piece->name_size > 0)
      break;
  }
  p = skip_blanks (p + 1, end);
  piece->quoted = p < end && *p == '"';
  if (piece->quoted) {
    piece->value = ++p;
    for (; p < end && *p != '"'; p++)
      if (*p == '\\' && p + 1 < end)
        p++;
    piece->value_size = (size_t)(p - piece->value);
    p = p < end ? p + 1 : p;
  } else {
    piece->value = p;
    while (p < end && *p != ';' && *p != ' ' && *p != '\t' && *p != '\r' && *p != '\n')
      p++;
    piece->value_size = (size_t)(p - piece->value);
  }
  split_name (piece);
  return p;
}

static void
unquote (const struct piece *piece, GString *out) {
  for (size_t i = 0; i < piece->value_size; i++) {
    char c = piece->value[i];

    if (piece->quoted && c == '\\' && i + 1 < piece->value_size)
      c = piece->value[++i];
    else if (c == '\r' || c == '\n')
      continue;
    g_string_append_c (out, c);
  }
}

static void
unescape (const char *text, size_t size, GString *out) {
  for (size_t i = 0; i < size; i++)
    if (text[i] == '%' && i + 2 < size && g_ascii_isxdigit (text[i + 1])
        && g_ascii_isxdigit (text[i + 2])) {
      g_string_append_c (out, (char)(g_ascii_xdigit_value (text[i + 1]) << 4
                                     | g_ascii_xdigit_value (text[i + 2])));
      i += 2;
    } else
      g_string_append_c (out, text[i]);
}

/* The pieces of one parameter by section; plain: the one that is not continued. */
struct found {
  struct piece plain, extended, sections[SECTIONS];
  bool has_plain, has_extended, has[SECTIONS];
};

static bool
gather (const char *field, size_t size, const char *name, size_t name_size, struct found *found) {
  const char *end = field + size, *p = field;
  struct piece piece;
  bool any = false;

  found->has_plain = found->has_extended = false;
  memset (found->has, 0, sizeof found->has);
  while ((p = next_piece (p, end, &piece))) {
    if (piece.name_size != name_size || g_ascii_strncasecmp (piece.name, name, name_size) != 0)
      continue;
    any = true;
    if (piece.section < 0 && piece.extended && !found->has_extended) {
      found->extended = piece;
      found->has_extended = true;
    } else if (piece.section < 0 && !piece.extended && !found->has_plain) {
      found->plain = piece;
      found->has_plain = true;
    } else if (piece.section >= 0 && piece.section < SECTIONS && !found->has[piece.section]) {
      found->sections[piece.section] = piece;
      found->has[piece.section] = true;
    }
  }
  return any;
}

/* charset'language'text: takes the first two away. */
static void
take_charset (struct piece *piece, char charset[CHARSET_NAME_MAX]) {
  const char *end = piece->value + piece->value_size, *first, *second;
  size_t size;

  charset[0] = '\0';
  first = memchr (piece->value, '\'', piece->value_size);
  second = first ? memchr (first + 1, '\'', (size_t)(end - first - 1)) : NULL;
  if (!second)
    return;
  size = (size_t)(first - piece->value);
  if (size < CHARSET_NAME_MAX) {
    memcpy (charset, piece->value, size);
    charset[size] = '\0';
  }
  piece->value = second + 1;
  piece->value_size = (size_t)(end - second - 1);
}

static void
add_found (struct found *found, GString *out) {
  g_autoptr (GString) octets = g_string_new (NULL);
  char charset[CHARSET_NAME_MAX] = "";

  if (found->has_extended) {
    take_charset (&found->extended, charset);
    unescape (found->extended.value, found->extended.value_size, octets);
  } else if (found->has[0]) {
    for (size_t i = 0; i < SECTIONS && found->has[i]; i++) {
      struct piece *piece = &found->sections[i];

      if (i == 0 && piece->extended)
        take_charset (piece, charset);
      if (piece->extended)
        unescape (piece->value, piece->value_size, octets);
      else
        unquote (piece, octets);
    }
  } else {
    unquote (&found->plain, octets);
    words_decode (octets->str, octets->len, out);
    return;
  }
  charset_to_utf8 (charset, strlen (charset), octets->str, octets->len, out);
}

bool
parameter_decode (const char *field, size_t size, const char *name, GString *out) {
  g_autofree struct found *found = g_new (struct found, 1);

  if (!gather (field, size, name, strlen (name), found)
      || (!found->has_plain && !found->has_extended && !found->has[0]))
    return false;
  add_found (found, out);
  return true;
}

void
parameters_decode (const char *field, size_t size, GString *out) {
  const char *end = field + size, *p = field;
  struct piece piece, done[NAMES];
  size_t count = 0;
  g_autofree struct found *found = NULL;

  if (!memchr (field, '*', size))
    return;
  found = g_new (struct found, 1);
  while (count < NAMES && (p = next_piece (p, end, &piece))) {
    bool again = !piece.extended && piece.section < 0;

    for (size_t i = 0; i < count && !again; i++)
      again = done[i].name_size == piece.name_size
              && g_ascii_strncasecmp (done[i].name, piece.name, piece.name_size) == 0;
    if (again)
      continue;
    done[count++] = piece;
    if (!gather (field, size, piece.name, piece.name_size, found)
        || (!found->has_extended && !found->has[0]))
      continue;
    g_string_append_c (out, ' ');
    charset_to_utf8 ("", 0, piece.name, piece.name_size, out);
    g_string_append_c (out, '=');
    add_found (found, out);
  }
}
