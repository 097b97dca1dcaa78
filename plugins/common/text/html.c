/* SPDX-License-Identifier: Apache-2.0 */
/* html.c - see html.h: a tokenizer of tags, comments and entities, much as the HTML standard reads
 * them, without a tree. */
#include "common/text/html.h"
#include "common/text/utf8.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

#include "common/text/html_entities.h"

enum { TEXT, ENTITY, OPEN, NAME, INSIDE, VALUE, BANG, COMMENT, COMMENT_DASH, COMMENT_END, BOGUS };
enum { LINES_MAX = 2 };

static bool
is_one_of (const char *name, const char *const *list, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (strcmp (list[i], name) == 0)
      return true;
  return false;
}

/* How many line ends a block has before and after it. */
static int
breaks_of (const char *name) {
  static const char *const one[] = {
    "br",     "div",    "li",      "tr",     "dt",     "dd",      "address", "article",
    "aside",  "center", "section", "header", "footer", "main",    "nav",     "form",
    "option", "body",   "html",    "figure", "thead",  "caption", "hr",      "fieldset"
  };
  static const char *const two[] = { "p",  "h1", "h2", "h3",    "h4",         "h5", "h6",
                                     "ul", "ol", "dl", "table", "blockquote", "pre" };

  if (is_one_of (name, two, G_N_ELEMENTS (two)))
    return 2;
  return is_one_of (name, one, G_N_ELEMENTS (one)) ? 1 : 0;
}

/* Elements whose content nobody reads. */
static bool
is_hidden (const char *name) {
  static const char *const hidden[] = { "script",   "style",    "head",   "title",
                                        "template", "noframes", "object", "svg" };

  return is_one_of (name, hidden, G_N_ELEMENTS (hidden));
}

static void
flush (struct html_text *h) {
  if (!h->enough && h->out_size > 0 && !text_put (h->sink, h->out, h->out_size))
    h->enough = true;
  h->out_size = 0;
}

static void
emit (struct html_text *h, const char *data, size_t size) {
  if (h->out_size + size > HTML_OUT)
    flush (h);
  memcpy (h->out + h->out_size, data, size);
  h->out_size += size;
}

/* A character that is seen: what is owed goes before it. */
static void
seen (struct html_text *h, const char *data, size_t size) {
  if (h->breaks > 0 && h->any)
    emit (h, "\n\n", MIN (h->breaks, LINES_MAX));
  else if (h->blank && h->any)
    emit (h, " ", 1);
  h->breaks = 0;
  h->blank = false;
  h->any = true;
  emit (h, data, size);
}

static void
text_octet (struct html_text *h, char c) {
  if (h->skipping[0])
    return;
  if (h->preformatted && c == '\n')
    h->breaks = (unsigned char)MIN (h->breaks + 1, LINES_MAX);
  else if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f') {
    if (h->preformatted && c != '\r')
      seen (h, " ", 1);
    else
      h->blank = true;
  } else if ((unsigned char)c >= 0x20 && c != 0x7f)
    seen (h, &c, 1);
}

/* --- entities -------------------------------------------------------------------------------- */

static int
compare_entity (const void *name, const void *entity) {
  return strcmp (name, ((const __typeof__ (entities[0]) *)entity)->name);
}

static void
put_character (struct html_text *h, uint32_t c) {
  char text[4];

  if (c == 0xa0 || c == ' ') { /* no-break space: a blank to who searches */
    if (h->preformatted)
      seen (h, " ", 1);
    h->blank = !h->preformatted;
    return;
  }
  if (c == 0xad || c == 0x200b || c == 0x200c || c == 0x200d || c == 0xfeff)
    return; /* not seen: soft hyphen, zero width */
  if (c < 0x20) {
    text_octet (h, (char)c);
    return;
  }
  if (c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
    c = 0xfffd;
  seen (h, text, (size_t)utf8_write (c, text));
}

/* The name of an entity has ended, with ';' or without.  False: it was none, and is text. */
static bool
entity_over (struct html_text *h) {
  const __typeof__ (entities[0]) *entity;

  h->name[h->name_size] = '\0';
  h->state = TEXT;
  if (h->name[0] == '#' && h->name_size > 1) {
    bool hex = h->name[1] == 'x' || h->name[1] == 'X';
    char *end;
    unsigned long c = strtoul (h->name + 1 + hex, &end, hex ? 16 : 10);

    if (g_ascii_isxdigit (h->name[1 + hex]) && *end == '\0') {
      put_character (h, c > 0x10ffff ? 0xfffd : (uint32_t)c);
      return true;
    }
  }
  entity = bsearch (h->name, entities, G_N_ELEMENTS (entities), sizeof entities[0], compare_entity);
  if (entity) {
    put_character (h, entity->character);
    return true;
  }
  text_octet (h, '&');
  for (size_t i = 0; i < h->name_size; i++)
    text_octet (h, h->name[i]);
  return false;
}

/* True: the octet belongs to it. */
static bool
entity_octet (struct html_text *h, char c) {
  if ((g_ascii_isalnum (c) || (c == '#' && h->name_size == 0)) && h->name_size < HTML_NAME - 1) {
    h->name[h->name_size++] = c;
    return true;
  }
  if (c == ';' && h->name_size > 0) {
    if (!entity_over (h))
      text_octet (h, ';');
    return true;
  }
  entity_over (h);
  return false;
}

/* --- tags ------------------------------------------------------------------------------------ */

static void
tag_over (struct html_text *h) {
  int breaks;

  h->state = TEXT;
  h->name[h->name_size] = '\0';
  if (h->skipping[0]) {
    if (h->closing && strcmp (h->name, h->skipping) == 0)
      h->skipping[0] = '\0';
    /* A head that was never closed ends where the body begins. */
    else if (!h->closing && strcmp (h->name, "body") == 0 && strcmp (h->skipping, "head") == 0)
      h->skipping[0] = '\0';
    return;
  }
  if (!h->closing && is_hidden (h->name)) {
    memcpy (h->skipping, h->name, h->name_size + 1);
    return;
  }
  if (strcmp (h->name, "pre") == 0)
    h->preformatted = !h->closing;
  breaks = breaks_of (h->name);
  if (breaks > h->breaks)
    h->breaks = (unsigned char)breaks;
  else if (breaks == 1 && strcmp (h->name, "br") == 0 && h->breaks < LINES_MAX)
    h->breaks++;
  if (breaks > 0)
    h->blank = false;
  else if (strcmp (h->name, "td") == 0 || strcmp (h->name, "th") == 0)
    h->blank = true;
}

/* In a script or style, only its own end tag is one. */
static bool
is_raw (const struct html_text *h) {
  return strcmp (h->skipping, "script") == 0 || strcmp (h->skipping, "style") == 0;
}

static void
open_octet (struct html_text *h, char c) {
  if (c == '/' && !h->closing) {
    h->closing = true;
    return;
  }
  if (g_ascii_isalpha (c) && (h->closing || !is_raw (h))) {
    h->state = NAME;
    h->name[0] = g_ascii_tolower (c);
    h->name_size = 1;
    return;
  }
  if ((c == '!' || c == '?') && !h->closing && !is_raw (h)) {
    h->state = c == '!' ? BANG : BOGUS;
    h->name_size = 0;
    return;
  }
  h->state = TEXT; /* "a < b" */
  text_octet (h, '<');
  if (h->closing)
    text_octet (h, '/');
  if (c == '<') {
    h->state = OPEN;
    h->closing = false;
  } else
    text_octet (h, c);
}

static void
tag_octet (struct html_text *h, char c) {
  switch (h->state) {
  case OPEN:
    open_octet (h, c);
    break;
  case NAME:
    if (c == '>')
      tag_over (h);
    else if (g_ascii_isspace (c) || c == '/')
      h->state = INSIDE;
    else if (h->name_size < HTML_NAME - 1)
      h->name[h->name_size++] = g_ascii_tolower (c);
    break;
  case INSIDE:
    if (c == '>')
      tag_over (h);
    else if (c == '"' || c == '\'') {
      h->quote = (unsigned char)c;
      h->state = VALUE;
    }
    break;
  case VALUE:
    if (c == (char)h->quote)
      h->state = INSIDE;
    break;
  case BANG:
    if (c == '-' && ++h->name_size == 2)
      h->state = COMMENT_END; /* "<!-->" is one already */
    else if (c == '>')
      h->state = TEXT;
    else if (c != '-')
      h->state = BOGUS;
    break;
  case COMMENT:
  case COMMENT_DASH:
  case COMMENT_END:
    if (c == '-')
      h->state = h->state == COMMENT ? COMMENT_DASH : COMMENT_END;
    else
      h->state = c == '>' && h->state == COMMENT_END ? TEXT : COMMENT;
    break;
  case BOGUS:
    if (c == '>')
      h->state = TEXT;
    break;
  default:
    break;
  }
}

void
html_begin (struct html_text *h, const struct text_sink *sink) {
  memset (h, 0, offsetof (struct html_text, name));
  h->skipping[0] = '\0';
  h->sink = sink;
}

bool
html_feed (struct html_text *h, const char *data, size_t size) {
  for (size_t i = 0; i < size && !h->enough; i++) {
    char c = data[i];

    if (h->state == ENTITY && entity_octet (h, c))
      continue;
    if (h->state != TEXT)
      tag_octet (h, c);
    else if (c == '<') {
      h->state = OPEN;
      h->closing = false;
    } else if (c == '&' && !h->skipping[0]) {
      h->state = ENTITY;
      h->name_size = 0;
    } else
      text_octet (h, c);
  }
  return !h->enough;
}

bool
html_end (struct html_text *h) {
  if (h->state == ENTITY)
    entity_over (h);
  flush (h);
  return !h->enough;
}
