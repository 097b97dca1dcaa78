/* SPDX-License-Identifier: Apache-2.0 */
/* references-fuzz.c - fuzz target: the references of a header do not depend on the pieces it comes
 * in, and are ids. */
#include "common/references.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size) {
  struct references whole = { 0 }, pieces = { 0 };
  struct ptn_strings a, b;

  references_feed (&whole, data, size);
  for (size_t at = 0, piece; at < size; at += piece) {
    piece = 1 + data[at] % 7;
    if (piece > size - at)
      piece = size - at;
    references_feed (&pieces, data + at, piece);
  }
  a = references_strings (&whole);
  b = references_strings (&pieces);
  assert (a.count == b.count && a.count >= 1 && a.count <= REFERENCES_IDS);
  for (size_t i = 0; i < a.count; i++) {
    assert (strcmp (a.items[i], b.items[i]) == 0);
    assert ((i == 0 || a.items[i][0]) && strpbrk (a.items[i], "<> \t\r\n") == NULL);
  }
  references_clear (&whole);
  references_clear (&pieces);
  return 0;
}
