/* SPDX-License-Identifier: Apache-2.0 */
/* parameters.c - see parameters.h. */
#include "common/mime/parameters.h"

#include "common/mime/structure.h"

#include <string.h>

/* A piece of a parameter as it stands: "name*2*=value". */
struct piece {
  struct ptn_bytes name, base; /* as it stands; without "*2*" */
  struct ptn_bytes value;
  int number;   /* -1: it has none */
  bool percent; /* it ends with '*' */
  bool used;
};

struct scan {
  const char *at, *end;
  char *out; /* where what is read goes: it never is longer than the field */
};

static bool
is_blank (char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void
skip_comment (struct scan *scan) {
  int depth = 0;
  for (; scan->at < scan->end; scan->at++) {
    if (*scan->at == '\\')
      scan->at += scan->at + 1 < scan->end;
    else if (*scan->at == '(')
      depth++;
    else if (*scan->at == ')' && --depth == 0) {
      scan->at++;
      return;
    }
  }
}

static void
skip_blanks (struct scan *scan) {
  while (scan->at < scan->end && (is_blank (*scan->at) || *scan->at == '(')) {
    if (*scan->at == '(')
      skip_comment (scan);
    else
      scan->at++;
  }
}

/* Up to a ';' (or '=' if `name`), without comments and blanks around. */
static struct ptn_bytes
read_plain (struct scan *scan, bool name) {
  char *start = scan->out;
  while (scan->at < scan->end && *scan->at != ';' && !(name && *scan->at == '=')) {
    if (*scan->at == '(' && (name || scan->at[-1] == ' ' || scan->at[-1] == '\t'))
      skip_comment (scan);
    else {
      if (*scan->at != '\r' && *scan->at != '\n')
        *scan->out++ = *scan->at;
      scan->at++;
    }
  }
  while (scan->out > start && is_blank (scan->out[-1]))
    scan->out--;
  return (struct ptn_bytes){ start, (size_t)(scan->out - start) };
}

static struct ptn_bytes
read_value (struct scan *scan) {
  char *start = scan->out;
  if (scan->at == scan->end || *scan->at != '"')
    return read_plain (scan, false);
  for (scan->at++; scan->at < scan->end && *scan->at != '"'; scan->at++) {
    if (*scan->at == '\\' && scan->at + 1 < scan->end)
      scan->at++;
    else if (*scan->at == '\r' || *scan->at == '\n')
      continue;
    *scan->out++ = *scan->at;
  }
  struct ptn_bytes value = { start, (size_t)(scan->out - start) };
  while (scan->at < scan->end && *scan->at != ';')
    scan->at++;
  return value;
}

/* "name*2*" taken apart (RFC 2231 sections 3 and 4). */
static struct piece
piece_of (struct ptn_bytes name, struct ptn_bytes value) {
  struct piece piece = { .name = name, .base = name, .value = value, .number = -1 };
  const char *text = name.data;
  size_t size = name.size, digits;
  if (size > 1 && text[size - 1] == '*') {
    piece.percent = true;
    size--;
  }
  for (digits = 0; digits < 4 && digits < size && g_ascii_isdigit (text[size - 1 - digits]);)
    digits++;
  if (digits && digits < size - 1 && text[size - 1 - digits] == '*'
      && (digits == 1 || text[size - digits] != '0')) {
    piece.number = 0;
    for (size_t i = size - digits; i < size; i++)
      piece.number = piece.number * 10 + (text[i] - '0');
    size -= digits + 1;
  }
  piece.base.size = size;
  return piece;
}

static bool
same_name (struct ptn_bytes a, struct ptn_bytes b) {
  return a.size == b.size && g_ascii_strncasecmp (a.data, b.data, a.size) == 0;
}

static struct piece *
find_piece (struct piece *pieces, unsigned count, struct ptn_bytes base, int number) {
  for (unsigned i = 0; i < count; i++)
    if (!pieces[i].used && pieces[i].number == number && same_name (pieces[i].base, base))
      return &pieces[i];
  return NULL;
}

/* An octet that may not stand as itself beside percent octets (RFC 2231 section 7). */
static bool
needs_percent (unsigned char c) {
  return c <= ' ' || c >= 0x7f || strchr ("*'%()<>@,;:\\\"/[]?=", c) != NULL;
}

static void
append_piece (GString *out, const struct piece *piece, bool percent) {
  const unsigned char *data = piece->value.data;
  if (!percent || piece->percent) {
    g_string_append_len (out, piece->value.data, (gssize)piece->value.size);
    return;
  }
  for (size_t i = 0; i < piece->value.size; i++)
    if (needs_percent (data[i]))
      g_string_append_printf (out, "%%%02X", data[i]);
    else
      g_string_append_c (out, (char)data[i]);
}

/* Pieces 0, 1, 2 ... of one name as one value.  The offsets go into `item` for the time being:
 * `joined` may move. */
static void
join (GString *joined, struct piece *pieces, unsigned count, struct piece *first,
      struct mime_parameter *item) {
  struct ptn_bytes base = first->base;
  bool percent = false;
  size_t start = joined->len;
  for (unsigned i = 0; i < count; i++)
    percent |= pieces[i].percent && pieces[i].number >= 0 && same_name (pieces[i].base, base);
  g_string_append_len (joined, base.data, (gssize)base.size);
  if (percent)
    g_string_append_c (joined, '*');
  item->name = (struct ptn_bytes){ NULL, joined->len - start };
  for (int number = 0;; number++) {
    struct piece *piece = find_piece (pieces, count, base, number);
    if (!piece)
      break;
    /* A first piece without a charset cannot give one to the others. */
    if (number == 0 && percent && !piece->percent)
      g_string_append (joined, "''");
    append_piece (joined, piece, percent);
    piece->used = true;
  }
  item->value = (struct ptn_bytes){ NULL, joined->len - start - item->name.size };
}

/* Numbered pieces become one parameter where the first of them stood. */
static void
gather (struct mime_parameters *p, struct piece *pieces, unsigned count) {
  g_autoptr (GString) joined = g_string_new (NULL);
  p->items = g_new (struct mime_parameter, count);
  for (unsigned i = 0; i < count; i++) {
    struct piece *piece = &pieces[i], *first;
    if (piece->used)
      continue;
    first = piece->number >= 0 ? find_piece (pieces, count, piece->base, 0) : NULL;
    if (first) {
      join (joined, pieces, count, first, &p->items[p->count++]);
      i -= !piece->used; /* a number twice, or one behind a gap: as it stands */
      continue;
    }
    p->items[p->count++] = (struct mime_parameter){ piece->name, piece->value };
    piece->used = true;
  }
  if (!joined->len)
    return;
  size_t at = 0;
  char *memory = g_memdup2 (joined->str, joined->len);
  for (unsigned i = 0; i < p->count; i++)
    if (!p->items[i].name.data) {
      p->items[i].name.data = memory + at;
      at += p->items[i].name.size;
      p->items[i].value.data = memory + at;
      at += p->items[i].value.size;
    }
  p->joined = memory;
}

/* RFC 2045 section 5.1 */
static bool
is_token (const char *data, size_t size) {
  for (size_t i = 0; i < size; i++)
    if ((unsigned char)data[i] <= ' ' || (unsigned char)data[i] >= 0x7f
        || strchr ("()<>@,;:\\\"/[]?=", data[i]))
      return false;
  return size > 0 && size <= MIME_TYPE_MAX;
}

static void
split_type (struct mime_parameters *p) {
  const char *data = p->value.data, *end = data + p->value.size;
  const char *slash = memchr (data, '/', p->value.size);
  if (!slash)
    return;
  const char *type_end = slash, *sub = slash + 1, *sub_end;
  while (type_end > data && is_blank (type_end[-1]))
    type_end--;
  while (sub < end && is_blank (*sub))
    sub++;
  for (sub_end = sub; sub_end < end && !is_blank (*sub_end);)
    sub_end++;
  if (!is_token (data, (size_t)(type_end - data)) || !is_token (sub, (size_t)(sub_end - sub)))
    return;
  p->type = (struct ptn_bytes){ data, (size_t)(type_end - data) };
  p->sub = (struct ptn_bytes){ sub, (size_t)(sub_end - sub) };
}

void
mime_parameters_parse (struct mime_parameters *p, const char *value, size_t size) {
  struct piece pieces[MIME_PARAMETERS_MAX];
  unsigned count = 0;
  bool numbered = false;
  *p = (struct mime_parameters){ .memory = g_malloc (size + 1) };
  struct scan scan = { value, value + size, p->memory };
  skip_blanks (&scan);
  p->value = read_plain (&scan, false);
  split_type (p);
  while (scan.at < scan.end && count < MIME_PARAMETERS_MAX) {
    scan.at++; /* the ';' */
    skip_blanks (&scan);
    struct ptn_bytes name = read_plain (&scan, true);
    if (scan.at == scan.end || *scan.at != '=')
      continue;
    scan.at++;
    skip_blanks (&scan);
    struct ptn_bytes text = read_value (&scan);
    if (!name.size)
      continue;
    pieces[count] = piece_of (name, text);
    numbered |= pieces[count++].number >= 0;
  }
  if (!count)
    return;
  if (numbered) {
    gather (p, pieces, count);
    return;
  }
  p->items = g_new (struct mime_parameter, count);
  p->count = count;
  for (unsigned i = 0; i < count; i++)
    p->items[i] = (struct mime_parameter){ pieces[i].name, pieces[i].value };
}

const struct ptn_bytes *
mime_parameters_find (const struct mime_parameters *p, const char *name) {
  struct ptn_bytes wanted = { name, strlen (name) };
  for (unsigned i = 0; i < p->count; i++)
    if (same_name (p->items[i].name, wanted))
      return &p->items[i].value;
  return NULL;
}

void
mime_parameters_clear (struct mime_parameters *p) {
  g_free (p->memory);
  g_free (p->joined);
  g_free (p->items);
  *p = (struct mime_parameters){ 0 };
}
