/* SPDX-License-Identifier: Apache-2.0 */
/* fold_make.c - run while building: writes the table of i;unicode-casemap (RFC 5051 section 2) as C,
 * from ICU's Unicode data.
 *
 * A character becomes its simple titlecase mapping, then what the decomposition properties of
 * UnicodeData.txt make of that, as long as there are any; what comes out is not titlecased again
 * (the RFC's example: U+01C4 becomes "Dz" and a caron).  Syllables of Hangul have no such property. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/ustring.h>

enum { CHARACTERS = 0x30000, PAGE = 64, PAGES = CHARACTERS / PAGE, POOL = 1 << 20, LONGEST = 63 };

static uint32_t pages[PAGES][PAGE];
static int page_of[PAGES];
static unsigned char pool[POOL];
static size_t pool_size;
static const UNormalizer2 *compatible;

static size_t
put (UChar32 c, unsigned char *out) {
  size_t size = 0;

  U8_APPEND_UNSAFE (out, size, c);
  return size;
}

static size_t
decompose (UChar32 c, unsigned char *out) {
  UChar units[64];
  UErrorCode error = U_ZERO_ERROR;
  int32_t length;
  size_t size = 0;

  if (c >= 0xac00 && c <= 0xd7a3)
    return put (c, out);
  length = unorm2_getRawDecomposition (compatible, c, units, 64, &error);
  if (length < 0)
    return put (c, out);
  for (int32_t i = 0; i < length;) {
    UChar32 next;

    U16_NEXT (units, i, length, next);
    size += decompose (next, out + size);
  }
  return size;
}

/* Where in the pool, and how long; the pool has each text once. */
static uint32_t
place (const unsigned char *text, size_t size) {
  unsigned char *at = memmem (pool, pool_size, text, size);

  if (!at) {
    at = pool + pool_size;
    memcpy (at, text, size);
    pool_size += size;
  }
  return (uint32_t)(at - pool) << 6 | (uint32_t)size;
}

int
main (void) {
  UErrorCode error = U_ZERO_ERROR;
  int count = 0;

  compatible = unorm2_getNFKCInstance (&error);
  if (U_FAILURE (error))
    return 1;
  for (UChar32 c = 0; c < CHARACTERS; c++) {
    unsigned char self[4], text[256];
    size_t size;

    if (c >= 0xd800 && c < 0xe000)
      continue;
    size = decompose (u_totitle (c), text);
    if (size > LONGEST)
      return 2;
    if (size != put (c, self) || memcmp (self, text, size) != 0)
      pages[c / PAGE][c % PAGE] = place (text, size);
  }
  printf ("/* Made by fold_make.c with Unicode " U_UNICODE_VERSION ". */\n"
          "static const unsigned fold_characters = %d;\n"
          "static const uint32_t fold_pages[][%d] = {\n",
          CHARACTERS, PAGE);
  for (int i = 0; i < PAGES; i++) {
    int same = 0;

    while (same < i && memcmp (pages[same], pages[i], sizeof pages[i]) != 0)
      same++;
    if (same < i) {
      page_of[i] = page_of[same];
      continue;
    }
    page_of[i] = count++;
    printf ("{");
    for (int k = 0; k < PAGE; k++)
      printf ("%u,", pages[i][k]);
    printf ("},\n");
  }
  printf ("};\nstatic const uint16_t fold_page_of[] = {");
  for (int i = 0; i < PAGES; i++)
    printf ("%d,%s", page_of[i], i % 20 == 19 ? "\n" : "");
  printf ("};\nstatic const unsigned char fold_pool[] = {");
  for (size_t i = 0; i < pool_size; i++)
    printf ("%d,%s", pool[i], i % 20 == 19 ? "\n" : "");
  printf ("};\n");
  return 0;
}
