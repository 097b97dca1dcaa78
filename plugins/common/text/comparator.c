/* SPDX-License-Identifier: Apache-2.0 */
/* comparator.c - see comparator.h. */
#include "common/text/comparator.h"
#include "common/text/utf8.h"

#include "fold-table.h"

#include <string.h>

static const char *const names[COMPARATORS] = { "i;octet", "i;ascii-casemap", "i;unicode-casemap",
                                                "i;ascii-numeric" };

const char *
comparator_name (enum comparator comparator) {
  return names[comparator];
}

bool
comparator_find (const char *name, enum comparator *comparator) {
  if (g_ascii_strcasecmp (name, "default") == 0) {
    *comparator = COMPARATOR_UNICODE_CASEMAP;
    return true;
  }
  for (int i = 0; i < COMPARATORS; i++)
    if (g_ascii_strcasecmp (name, names[i]) == 0) {
      *comparator = (enum comparator)i;
      return true;
    }
  return false;
}

const char *
fold_character (const char *at, int length, unsigned character, size_t *folded_size) {
  uint32_t entry;

  *folded_size = (size_t)(length > 0 ? length : 1);
  if (length < 1 || character >= fold_characters)
    return at;
  entry = fold_pages[fold_page_of[character / 64]][character % 64];
  if (entry == 0)
    return at;
  *folded_size = entry & 63;
  return (const char *)fold_pool + (entry >> 6);
}

static void
fold_ascii (const char *text, size_t size, GString *out) {
  size_t at = out->len;

  g_string_append_len (out, text, (gssize)size);
  for (; at < out->len; at++)
    out->str[at] = (char)(out->str[at] - 32 * (out->str[at] >= 'a' && out->str[at] <= 'z'));
}

static void
fold_unicode (const char *text, size_t size, GString *out) {
  for (size_t at = 0; at < size;) {
    size_t run = ascii_run (text + at, size - at), folded_size;
    uint32_t character;

    fold_ascii (text + at, run, out);
    for (at += run; at < size && (unsigned char)text[at] >= 0x80;) {
      int length = utf8_read (text + at, size - at, &character);
      const char *folded = fold_character (text + at, length, character, &folded_size);

      g_string_append_len (out, folded, (gssize)folded_size);
      at += (size_t)(length > 0 ? length : 1);
    }
  }
}

void
comparator_fold (enum comparator comparator, const char *text, size_t size, GString *out) {
  switch (comparator) {
  case COMPARATOR_ASCII_CASEMAP:
    fold_ascii (text, size, out);
    return;
  case COMPARATOR_UNICODE_CASEMAP:
    fold_unicode (text, size, out);
    return;
  default:
    g_string_append_len (out, text, (gssize)size);
  }
}

char *
comparator_folded (enum comparator comparator, const char *text, size_t size, size_t *folded_size) {
  GString *out = g_string_sized_new (size + 1);

  comparator_fold (comparator, text, size, out);
  if (folded_size)
    *folded_size = out->len;
  return g_string_free (out, FALSE);
}

/* RFC 4790 section 9.1.1: the digits a text begins with, without leading zeros; NULL: none. */
static const char *
number (const char *text, size_t size, size_t *digits) {
  size_t count = 0;

  while (count < size && g_ascii_isdigit (text[count]))
    count++;
  if (count == 0)
    return NULL;
  for (; count > 1 && *text == '0'; count--)
    text++;
  *digits = count;
  return text;
}

static int
order_numeric (const char *a, size_t a_size, const char *b, size_t b_size) {
  size_t a_digits = 0, b_digits = 0;
  const char *x = number (a, a_size, &a_digits), *y = number (b, b_size, &b_digits);

  if (!x || !y)
    return (x == NULL) - (y == NULL);
  if (a_digits != b_digits)
    return a_digits < b_digits ? -1 : 1;
  return memcmp (x, y, a_digits);
}

int
comparator_order (enum comparator comparator, const char *a, size_t a_size, const char *b,
                  size_t b_size) {
  g_autofree char *x = NULL, *y = NULL;
  int order;

  if (comparator == COMPARATOR_ASCII_NUMERIC)
    return order_numeric (a, a_size, b, b_size);
  x = comparator_folded (comparator, a, a_size, &a_size);
  y = comparator_folded (comparator, b, b_size, &b_size);
  order = memcmp (x, y, MIN (a_size, b_size));
  return order != 0 ? order : (a_size > b_size) - (a_size < b_size);
}

bool
comparator_contains (enum comparator comparator, const char *text, size_t size, const char *part,
                     size_t part_size) {
  g_autofree char *x = NULL, *y = NULL;

  if (comparator == COMPARATOR_ASCII_NUMERIC)
    return false;
  x = comparator_folded (comparator, text, size, &size);
  y = comparator_folded (comparator, part, part_size, &part_size);
  return part_size == 0 || memmem (x, size, y, part_size) != NULL;
}
