/* SPDX-License-Identifier: Apache-2.0 */
/* transform.c - see transform.h. */
#include "fetch/transform.h"

void
transform_begin (struct transform *t, GHashTable *fields, bool except,
                 enum transfer_encoding encoding, uint64_t skip, uint64_t left) {
  *t = (struct transform){ .fields = fields, .except = except, .skip = skip, .left = left };
  transfer_begin (&t->decoder, encoding);
}

/* What comes out, as far as it was asked for. */
static void
emit (struct transform *t, const char *data, size_t size, GString *out) {
  if (t->skip >= size) {
    t->skip -= size;
    return;
  }
  data += t->skip;
  size -= t->skip;
  t->skip = 0;
  size = (size_t)MIN (size, t->left);
  if (t->left != UINT64_MAX)
    t->left -= size;
  g_string_append_len (out, data, (gssize)size);
}

/* --- header fields ------------------------------------------------------------------------------ */

/* The name of the field that begins with these octets: was it asked for? */
static bool
is_wanted (const struct transform *t, const char *line, size_t size) {
  char name[sizeof t->held];
  const char *colon = memchr (line, ':', size);
  size_t length = colon ? (size_t)(colon - line) : 0;
  while (length && (line[length - 1] == ' ' || line[length - 1] == '\t'))
    length--;
  for (size_t i = 0; i < length; i++)
    name[i] = g_ascii_tolower (line[i]);
  name[length] = '\0';
  return (length && strlen (name) == length && g_hash_table_contains (t->fields, name))
         != t->except;
}

/* The start of a line: all of it, or as much as a name may have. */
static void
start_line (struct transform *t, const char *line, size_t size) {
  if (*line == '\n' || (size == 2 && line[0] == '\r' && line[1] == '\n')) {
    t->keeps = true; /* the empty line belongs to every choice */
    t->over = true;
  } else if (*line != ' ' && *line != '\t')
    t->keeps = is_wanted (t, line, MIN (size, sizeof t->held - 1));
}

static void
feed_fields (struct transform *t, const char *data, size_t size, GString *out) {
  while (size && !t->over) {
    const char *lf = memchr (data, '\n', size);
    size_t taken = lf ? (size_t)(lf - data) + 1 : size;
    if (t->in_line) {
      if (t->keeps)
        emit (t, data, taken, out);
      t->in_line = lf == NULL;
    } else if (t->held_size || (!lf && size < sizeof t->held)) {
      taken = MIN (taken, sizeof t->held - t->held_size);
      memcpy (t->held + t->held_size, data, taken);
      t->held_size += taken;
      bool whole = t->held[t->held_size - 1] == '\n';
      if (whole || t->held_size == sizeof t->held) {
        start_line (t, t->held, t->held_size);
        if (t->keeps)
          emit (t, t->held, t->held_size, out);
        t->held_size = 0;
        t->in_line = !whole;
      }
    } else {
      start_line (t, data, taken);
      if (t->keeps)
        emit (t, data, taken, out);
      t->in_line = lf == NULL;
    }
    data += taken;
    size -= taken;
  }
}

/* --- both ---------------------------------------------------------------------------------------- */

void
transform_feed (struct transform *t, const char *data, size_t size, GString *out) {
  if (t->fields) {
    feed_fields (t, data, size, out);
    return;
  }
  if (t->decoder.encoding == TRANSFER_IDENTITY) {
    emit (t, data, size, out);
    return;
  }
  unsigned char room[TRANSFER_ROOM (4096)];
  while (size) {
    size_t taken = MIN (size, 4096);
    size_t made = transfer_decode (&t->decoder, data, taken, room);
    emit (t, (const char *)room, made, out);
    data += taken;
    size -= taken;
  }
}

void
transform_end (struct transform *t, GString *out) {
  unsigned char room[TRANSFER_ROOM (0)];
  if (!t->fields) {
    emit (t, (const char *)room, transfer_end (&t->decoder, room), out);
    return;
  }
  if (!t->held_size) /* a last line without an end */
    return;
  start_line (t, t->held, t->held_size);
  if (t->keeps)
    emit (t, t->held, t->held_size, out);
  t->held_size = 0;
}
