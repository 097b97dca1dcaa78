/* SPDX-License-Identifier: Apache-2.0 */
/* digest.c - see digest.h; the octets are described in layout.h. */
#include "common/mime/layout.h"

#include <string.h>

ptn_status
mime_digest_open (struct ptn_bytes octets, struct mime_digest *digest) {
  const unsigned char *data = octets.data;
  *digest = (struct mime_digest){ 0 };
  if (!data || octets.size < LAYOUT_HEAD || memcmp (data, "PMD1", 4) != 0)
    return PTN_E_NOT_FOUND;
  if (get_number (data + 4, 4) != octets.size)
    return PTN_E_CORRUPT;
  digest->octets = get_number (data + 8, 8);
  digest->header_size = get_number (data + 16, 8);
  digest->date = (int64_t)get_number (data + 24, 8);
  digest->zone = (int32_t)(uint32_t)get_number (data + 32, 4);
  digest->has_date = digest->zone != INT32_MIN;
  if (!digest->has_date)
    digest->zone = 0;
  for (unsigned i = 0; i < MIME_MEMBERS; i++) {
    uint64_t at = get_number (data + 40 + 8 * i, 4), size = get_number (data + 44 + 8 * i, 4);
    if (at == 0)
      continue;
    if (at < LAYOUT_HEAD || at + size > octets.size)
      return PTN_E_CORRUPT;
    digest->members[i] = (struct ptn_bytes){ data + at, (size_t)size };
  }
  if (mime_digest_has (digest, MIME_PARTS))
    digest->parts = (uint32_t)get_number (data + 36, 4);
  if ((uint64_t)digest->parts * LAYOUT_ROW > digest->members[MIME_PARTS].size
      || digest->header_size > digest->octets)
    return PTN_E_CORRUPT;
  return PTN_OK;
}

/* Do they lie one behind the other within the mail? */
static bool
within (uint64_t octets, uint64_t at, uint64_t first, uint64_t second) {
  return at <= octets && first <= octets - at && second <= octets - at - first;
}

ptn_status
mime_digest_part (const struct mime_digest *digest, uint32_t index, struct mime_part *part) {
  const struct ptn_bytes *table = &digest->members[MIME_PARTS];
  const unsigned char *data = table->data, *row;
  if (index >= digest->parts)
    return PTN_E_CORRUPT;
  row = data + (size_t)index * LAYOUT_ROW;
  *part = (struct mime_part){ .header = get_number (row, 8),
                              .header_size = get_number (row + 8, 8),
                              .body_size = get_number (row + 16, 8),
                              .lines = (uint32_t)get_number (row + 24, 4),
                              .next = (uint32_t)get_number (row + 28, 4),
                              .depth = (uint16_t)get_number (row + 32, 2),
                              .kind = row[34],
                              .encoding = row[35],
                              .attachment = row[36] & LAYOUT_ATTACHMENT };
  uint64_t charset = get_number (row + 40, 4);
  if (!within (digest->octets, part->header, part->header_size, part->body_size)
      || charset + row[37] > table->size || part->next <= index || part->next > digest->parts
      || part->kind > MIME_KIND_OTHER || part->encoding > MIME_ENCODING_UNKNOWN)
    return PTN_E_CORRUPT;
  part->body = part->header + part->header_size;
  part->charset = (struct ptn_bytes){ data + charset, row[37] };
  return PTN_OK;
}

size_t
mime_digest_with_preview (struct ptn_bytes octets, struct ptn_bytes text, void *out, size_t room) {
  struct mime_digest digest;
  unsigned char *head = out;
  size_t size = LAYOUT_HEAD;
  if (mime_digest_open (octets, &digest) != PTN_OK)
    return 0;
  digest.members[MIME_PREVIEW] = (struct ptn_bytes){ text.data ? text.data : "", text.size };
  for (unsigned i = 0; i < MIME_MEMBERS; i++) {
    if (digest.members[i].size > room)
      return 0;
    size += digest.members[i].size;
  }
  if (size > room || size > UINT32_MAX)
    return 0;
  memcpy (head, octets.data, LAYOUT_HEAD);
  put_number (head + 4, size, 4);
  size = LAYOUT_HEAD;
  for (unsigned i = 0; i < MIME_MEMBERS; i++) {
    const struct ptn_bytes *member = &digest.members[i];
    put_number (head + 40 + 8 * i, member->data ? size : 0, 4);
    put_number (head + 44 + 8 * i, member->size, 4);
    if (member->size)
      memcpy (head + size, member->data, member->size);
    size += member->size;
  }
  return size;
}
