/* SPDX-License-Identifier: Apache-2.0 */
/* builder.c - see structure.h.  Lines pass by: in a header they are fields, in a body only those that
 * begin with "--" are looked at.  Once no delimiter can come any more only LFs are counted.
 *
 * The start of a line whose end is not at hand yet is held back, up to MIME_DELIMITER_MAX octets: so
 * what is found does not depend on the pieces the mail comes in. */
#include "common/mime/builder.h"

#include <string.h>

/* --- parts ------------------------------------------------------------------------------------ */

static struct level *
last_level (struct mime_builder *b) {
  return &b->levels[b->depth - 1];
}

static void
start_part (struct mime_builder *b, uint64_t header, bool is_mail, bool default_message) {
  struct node node = { .header = header, .is_mail = is_mail, .depth = (uint8_t)b->depth };
  g_array_append_val (b->nodes, node);
  b->levels[b->depth++] =
      (struct level){ .node = b->nodes->len - 1, .boundary = (uint32_t)b->boundaries->len };
  b->in_header = true;
  b->default_message = default_message;
  header_start (&b->fields, is_mail);
}

/* The header of the last level ends before `body`.  Within a message another header begins. */
static void
end_header (struct mime_builder *b, uint64_t body) {
  struct level *level = last_level (b);
  struct node *node = node_at (b, level->node);
  bool digest;
  node->header_size = body - node->header;
  node->lines = b->lines;
  render_part (b, level->node, &digest);
  b->in_header = false;
  if (node->kind == MIME_KIND_MULTIPART) {
    level->boundary_size = (uint32_t)b->boundaries->len - level->boundary;
    level->active = true;
    level->digest = digest;
    b->active++;
  } else if (node->kind == MIME_KIND_MESSAGE) {
    node->has_children = true;
    start_part (b, body, true, false);
  }
}

/* The last level ends before `end`; `cut`: an LF has passed by that is not of it any more. */
static void
end_part (struct mime_builder *b, uint64_t end, bool cut) {
  while (b->in_header)
    end_header (b, MAX (end, node_at (b, last_level (b)->node)->header));
  struct level *level = last_level (b);
  struct node *node = node_at (b, level->node);
  uint64_t body = node->header + node->header_size;
  node->body_size = end > body ? end - body : 0;
  node->lines = b->lines - node->lines;
  /* The line before the delimiter may be the last one of the header. */
  if (cut && node->lines)
    node->lines--;
  node->next = b->nodes->len;
  b->active -= level->active;
  g_string_truncate (b->boundaries, level->boundary);
  b->depth--;
}

/* --- delimiters -------------------------------------------------------------------------------- */

/* Which level's delimiter is the line, the innermost first?  -1: none's. */
static int
find_level (const struct mime_builder *b, const char *line, size_t size, bool *closes) {
  while (size
         && (line[size - 1] == '\n' || line[size - 1] == '\r' || line[size - 1] == ' '
             || line[size - 1] == '\t'))
    size--;
  for (unsigned i = b->depth; i-- > 0;) {
    const struct level *level = &b->levels[i];
    if (!level->active || size < level->boundary_size + 2u
        || memcmp (line + 2, b->boundaries->str + level->boundary, level->boundary_size) != 0)
      continue;
    size_t rest = size - level->boundary_size - 2;
    *closes = rest == 2 && line[size - 1] == '-' && line[size - 2] == '-';
    if (rest == 0 || *closes)
      return (int)i;
  }
  return -1;
}

/* A whole line that begins with "--", at b->offset.  False: it is no delimiter. */
static bool
delimiter (struct mime_builder *b, const char *line, size_t size) {
  bool closes;
  int found = b->active ? find_level (b, line, size, &closes) : -1;
  if (found < 0 || (!closes && b->nodes->len >= MIME_PARTS_MAX))
    return false;
  uint64_t end = b->offset - b->end_size;
  while (b->depth > (unsigned)found + 1)
    end_part (b, end, b->end_size > 0);
  struct level *level = &b->levels[found];
  if (closes) {
    level->active = false;
    b->active--;
    return true;
  }
  node_at (b, level->node)->has_children = true;
  start_part (b, b->offset + size, false, level->digest);
  return true;
}

/* --- lines -------------------------------------------------------------------------------------- */

/* The start of a line, at b->offset: `whole` with its end, or longer than any delimiter. */
static void
start_line (struct mime_builder *b, const char *line, size_t size, bool whole) {
  if (size >= 2 && line[0] == '-' && line[1] == '-' && whole && size <= MIME_DELIMITER_MAX
      && delimiter (b, line, size))
    return;
  if (!b->in_header)
    return;
  if (whole && (size == 1 || (size == 2 && line[0] == '\r'))) {
    b->lines++; /* of the header */
    end_header (b, b->offset + size);
    b->lines--;
  } else
    header_line (&b->fields, line, size);
}

static void
end_line (struct mime_builder *b, bool cr) {
  b->end_size = cr ? 2 : 1;
  b->lines++;
  b->in_line = false;
}

/* A line that is whole. */
static void
take_line (struct mime_builder *b, const char *line, size_t size) {
  start_line (b, line, size, true);
  b->offset += size;
  end_line (b, size > 1 && line[size - 2] == '\r');
}

/* A line that begins here and ends elsewhere, and is too long to be a delimiter or is none. */
static void
take_start (struct mime_builder *b, const char *line, size_t size) {
  start_line (b, line, size, false);
  b->offset += size;
  b->in_line = true;
  b->last_cr = line[size - 1] == '\r';
}

/* More of a line that was begun; its end if `whole`. */
static void
take_more (struct mime_builder *b, const char *data, size_t size, bool whole) {
  if (b->in_header)
    header_more (&b->fields, data, size);
  b->offset += size;
  if (whole)
    end_line (b, size > 1 ? data[size - 2] == '\r' : b->last_cr);
  else
    b->last_cr = data[size - 1] == '\r';
}

/* Goes on with a line held back.  How many octets of `data` were taken. */
static size_t
take_held (struct mime_builder *b, const char *data, size_t size) {
  size_t room = MIN (size, sizeof b->held - b->held_size);
  const char *lf = memchr (data, '\n', room);
  size_t taken = lf ? (size_t)(lf - data) + 1 : room;
  memcpy (b->held + b->held_size, data, taken);
  b->held_size += taken;
  if (!lf && b->held_size < sizeof b->held)
    return taken;
  size_t held = b->held_size;
  b->held_size = 0;
  if (lf)
    take_line (b, b->held, held);
  else
    take_start (b, b->held, held);
  return taken;
}

static uint64_t
count_lfs (const char *data, size_t size) {
  uint64_t count = 0;
  while (size) {
    size_t block = MIN (size, 240);
    uint8_t few = 0;
    for (size_t i = 0; i < block; i++)
      few = (uint8_t)(few + (data[i] == '\n'));
    count += few;
    data += block;
    size -= block;
  }
  return count;
}

/* In bodies: past all lines that are at hand and do not begin with a '-'.  Where the next thing to
 * look at begins, at the start of a line. */
static const char *
skip_lines (struct mime_builder *b, const char *data, const char *end) {
  const char *start = data, *lf = NULL, *at = data;
  while (at < end && *at != '-') {
    const char *next = memchr (at, '\n', (size_t)(end - at));
    if (!next)
      break;
    lf = next;
    b->lines++;
    at = next + 1;
  }
  if (lf)
    b->end_size = lf > start && lf[-1] == '\r' ? 2 : 1;
  b->offset += (uint64_t)(at - start);
  return at;
}

void
mime_builder_feed (struct mime_builder *b, const void *data, size_t size) {
  const char *at = data, *end = at + size;
  while (at < end) {
    size_t left = (size_t)(end - at);
    if (b->held_size) {
      at += take_held (b, at, left);
      continue;
    }
    if (!b->in_header && !b->active) {
      b->lines += count_lfs (at, left);
      b->offset += left;
      return;
    }
    if (!b->in_header && !b->in_line && *at != '-') {
      const char *next = skip_lines (b, at, end);
      if (next > at) {
        at = next;
        continue;
      }
    }
    const char *lf = memchr (at, '\n', left);
    size_t taken = lf ? (size_t)(lf - at) + 1 : left;
    if (b->in_line)
      take_more (b, at, taken, lf != NULL);
    else if (lf)
      take_line (b, at, taken);
    else if (left < sizeof b->held && (b->in_header || *at == '-')) {
      memcpy (b->held, at, left);
      b->held_size = left;
    } else
      take_start (b, at, taken);
    at += taken;
  }
}

/* --- the mail ------------------------------------------------------------------------------------ */

struct mime_builder *
mime_builder_new (void) {
  struct mime_builder *b = g_new0 (struct mime_builder, 1);
  b->nodes = g_array_sized_new (FALSE, FALSE, sizeof (struct node), 8);
  b->boundaries = g_string_sized_new (128);
  b->texts = g_string_sized_new (2048);
  b->structure = g_string_sized_new (1024);
  b->table = g_string_sized_new (512);
  b->digest = g_string_sized_new (2048);
  start_part (b, 0, true, false);
  return b;
}

void
mime_builder_free (struct mime_builder **pointer) {
  struct mime_builder *b = *pointer;
  *pointer = NULL;
  if (!b)
    return;
  g_array_unref (b->nodes);
  g_string_free (b->boundaries, TRUE);
  g_string_free (b->texts, TRUE);
  g_string_free (b->structure, TRUE);
  g_string_free (b->table, TRUE);
  g_string_free (b->digest, TRUE);
  g_string_free (b->fields.octets, TRUE);
  if (b->preview)
    g_string_free (b->preview, TRUE);
  g_free (b);
}

void
mime_builder_reset (struct mime_builder *b) {
  g_array_set_size (b->nodes, 0);
  g_string_truncate (b->boundaries, 0);
  g_string_truncate (b->texts, 0);
  if (b->preview)
    g_string_free (b->preview, TRUE);
  b->preview = NULL;
  b->depth = b->active = 0;
  b->offset = b->lines = 0;
  b->end_size = 0;
  b->in_line = b->last_cr = b->over = b->has_date = false;
  b->held_size = 0;
  b->date = (struct mime_date){ 0 };
  b->references = b->references_size = 0;
  start_part (b, 0, true, false);
}

void
mime_builder_preview (struct mime_builder *b, struct ptn_bytes text) {
  if (!b->preview)
    b->preview = g_string_new (NULL);
  g_string_truncate (b->preview, 0);
  g_string_append_len (b->preview, text.data, (gssize)text.size);
}

struct ptn_bytes
mime_builder_finish (struct mime_builder *b, size_t max) {
  if (!b->over) {
    size_t held = b->held_size;
    b->held_size = 0;
    if (held) { /* a last line without an end */
      start_line (b, b->held, held, true);
      b->offset += held;
    }
    while (b->depth)
      end_part (b, b->offset, false);
    b->over = true;
    assemble (b);
  }
  return pack (b, max);
}
