/* SPDX-License-Identifier: Apache-2.0 */
/* references.c - see references.h. */
#include "references.h"

#include <stdlib.h>
#include <string.h>

enum { FIELD_MAX = 8192, ID_MAX = 512, FIELDS = 3, NO_FIELD = 0 };
enum { LINE_START, NAME, VALUE, SKIPPED };

static const char *const names[] = { "message-id", "in-reply-to", "references" };

static unsigned char
lower (char c) {
  return (unsigned char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
}

/* Which field begins with the name gathered? */
static unsigned char
known_field (struct references *r) {
  while (r->name_size > 0
         && (r->name[r->name_size - 1] == ' ' || r->name[r->name_size - 1] == '\t'))
    r->name_size--;
  for (size_t i = 0; i < FIELDS; i++)
    if (strlen (names[i]) == r->name_size && memcmp (names[i], r->name, r->name_size) == 0
        && !r->fields[i].seen)
      return (unsigned char)(i + 1);
  return NO_FIELD;
}

/* Keeps the last octets of a field: there the nearest references stand. */
static void
keep (struct references_field *field, const char *data, size_t size) {
  if (!field->text && !(field->text = malloc (FIELD_MAX + 1)))
    return; /* without memory it refers to nothing */
  if (size > FIELD_MAX) {
    data += size - FIELD_MAX;
    size = FIELD_MAX;
  }
  if (field->size + size > FIELD_MAX) {
    size_t gone = field->size + size - FIELD_MAX;

    memmove (field->text, field->text + gone, field->size - gone);
    field->size -= gone;
  }
  memcpy (field->text + field->size, data, size);
  field->size += size;
}

/* The first octet of a line: a blank goes on with the field before. */
static void
line_start (struct references *r, char c) {
  if (c == '\r')
    return; /* the LF tells */
  if (c == '\n') {
    r->over = true;
    return;
  }
  if (c == ' ' || c == '\t') {
    r->state = r->field != NO_FIELD ? VALUE : SKIPPED;
    return;
  }
  r->state = NAME;
  r->field = NO_FIELD;
  r->name_size = 1;
  r->name[0] = (char)lower (c);
}

static void
name_octet (struct references *r, char c) {
  if (c == ':') {
    r->field = known_field (r);
    r->state = r->field != NO_FIELD ? VALUE : SKIPPED;
    if (r->field != NO_FIELD)
      r->fields[r->field - 1].seen = true;
  } else if (r->name_size < sizeof r->name)
    r->name[r->name_size++] = (char)lower (c);
  else
    r->state = SKIPPED;
}

bool
references_feed (struct references *r, const void *data, size_t size) {
  const char *at = data, *end = at + size;

  while (at < end && !r->over) {
    const char *lf;

    if (r->state == LINE_START) {
      line_start (r, *at++);
      continue;
    }
    if (r->state == NAME && *at != '\n') {
      name_octet (r, *at++);
      continue;
    }
    lf = memchr (at, '\n', (size_t)(end - at));
    if (r->state == VALUE)
      keep (&r->fields[r->field - 1], at, (size_t)((lf ? lf : end) - at));
    if (lf)
      r->state = LINE_START;
    at = lf ? lf + 1 : end;
  }
  return !r->over;
}

/* The next id behind `at`, put into its place without blanks and with a NUL; NULL: none.  Comments
 * and quoted strings of obsolete forms are passed over. */
static char *
next_id (char **at, char *end) {
  unsigned depth = 0;
  bool quoted = false;
  char *p = *at;

  for (; p < end; p++) {
    if (*p == '\\' && (depth > 0 || quoted))
      p++;
    else if (quoted)
      quoted = *p != '"';
    else if (*p == '(')
      depth++;
    else if (*p == ')')
      depth -= depth > 0;
    else if (depth == 0 && *p == '"')
      quoted = true;
    else if (depth == 0 && *p == '<') {
      char *start = p + 1, *out = start;
      bool good = true;

      for (p = start; p < end && *p != '>' && *p != '<'; p++)
        if (*p != ' ' && *p != '\t' && *p != '\r') {
          good &= *p > ' ' && *p < 0x7f;
          *out++ = *p;
        }
      if (p >= end)
        break;
      if (*p == '<') {
        p--; /* it begins anew there */
        continue;
      }
      if (good && out > start && out - start <= ID_MAX) {
        *out = '\0';
        *at = p + 1;
        return start;
      }
    }
  }
  return NULL;
}

static bool
has (const struct references *r, size_t count, const char *id) {
  for (size_t i = 0; i < count; i++)
    if (strcmp (r->items[i], id) == 0)
      return true;
  return false;
}

/* The ids of References, last first. */
static size_t
add_backwards (struct references *r, size_t count, struct references_field *field) {
  char *ids[REFERENCES_IDS], *at = field->text, *id;
  size_t found = 0;

  while ((id = next_id (&at, field->text + field->size)))
    ids[found++ % REFERENCES_IDS] = id;
  for (size_t i = found; i-- > 0 && found - i <= REFERENCES_IDS && count < REFERENCES_IDS;)
    if (!has (r, count, ids[i % REFERENCES_IDS]))
      r->items[count++] = ids[i % REFERENCES_IDS];
  return count;
}

struct ptn_strings
references_strings (struct references *r) {
  struct references_field *own = &r->fields[0], *reply = &r->fields[1], *all = &r->fields[2];
  char *at = own->text, *id;
  size_t count = 1;

  r->over = true;
  id = at ? next_id (&at, at + own->size) : NULL;
  r->items[0] = id ? id : "";
  at = reply->text;
  while (at && count < REFERENCES_IDS && (id = next_id (&at, reply->text + reply->size)))
    if (!has (r, count, id))
      r->items[count++] = id;
  if (all->text)
    count = add_backwards (r, count, all);
  return (struct ptn_strings){ r->items, count };
}

void
references_clear (struct references *r) {
  for (int i = 0; i < FIELDS; i++)
    free (r->fields[i].text);
  memset (r, 0, sizeof *r);
}
