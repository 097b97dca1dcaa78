/* SPDX-License-Identifier: Apache-2.0 */
/* structure-fuzz.c - fuzz target: a mail's digest does not depend on the pieces it comes in, and holds
 * together; any octets taken for a digest are read without harm. */
#include "common/mime/digest.h"
#include "common/mime/envelope.h"
#include "common/mime/structure.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
read_digest (struct ptn_bytes octets, bool ours) {
  struct mime_digest digest;
  struct mime_part part;
  struct mime_envelope envelope;
  g_autoptr (GString) body = g_string_new (NULL);
  ptn_status status = mime_digest_open (octets, &digest);
  assert (!ours || status == PTN_OK);
  if (status != PTN_OK)
    return;
  for (uint32_t i = 0; i < digest.parts; i++) {
    status = mime_digest_part (&digest, i, &part);
    assert (!ours || status == PTN_OK);
  }
  status = mime_envelope_open (digest.members[MIME_ENVELOPE], &envelope);
  assert (!ours || status == PTN_OK);
  status = mime_body_append (digest.members[MIME_STRUCTURE], body);
  assert (!ours || status == PTN_OK);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size) {
  struct mime_builder *whole = mime_builder_new (), *pieces = mime_builder_new ();
  mime_builder_feed (whole, data, size);
  for (size_t at = 0, piece; at < size; at += piece) {
    piece = 1 + data[at] % 7;
    piece = MIN (piece, size - at);
    mime_builder_feed (pieces, data + at, piece);
  }
  struct ptn_bytes a = mime_builder_finish (whole, SIZE_MAX);
  struct ptn_bytes b = mime_builder_finish (pieces, SIZE_MAX);
  assert (a.size == b.size && memcmp (a.data, b.data, a.size) == 0);
  read_digest (a, true);
  /* The start of the mail, put over the digest. */
  g_autofree unsigned char *copy = g_memdup2 (a.data, a.size);
  if (a.size > 8 && size)
    memcpy (copy + 8, data, MIN (size, a.size - 8));
  read_digest ((struct ptn_bytes){ copy, a.size }, false);
  mime_builder_free (&whole);
  mime_builder_free (&pieces);
  return 0;
}
