/* SPDX-License-Identifier: GPL-3.0-or-later */
/* record-fuzz.c - any octets as records of a log: decoded, encoded again, and applied to an index.
 *
 * The input is a sequence of records, each behind its length (2 octets, little-endian).  Sizes and
 * checksums are set right, so that the search is not for CRCs. */
#include "../edit.h"

#include <stdlib.h>

static void
check_again (const struct record *record) {
  struct octets coded = { 0 };
  struct record back;

  record_encode (record, &coded);
  record_seal (coded.data, false, record->synced_lsn, 0);
  if (record_decode (coded.data, coded.size, 0, &back) != PTN_OK)
    abort ();
  record_clear (&back);
  octets_clear (&coded);
}

static void
one_record (struct edit *edit, uint8_t *data, size_t size) {
  struct record record;

  put_u32 (data, RECORD_MAGIC);
  put_u32 (data + 8, (uint32_t)(size - RECORD_HEADER));
  if (data[27] != 1)
    data[27] = RECORD_VERSION;
  record_seal (data, false, get_u64 (data + 40), 0);
  if (record_decode (data, size, 0, &record) == PTN_OK) {
    check_again (&record);
    edit_begin_unit (edit);
    if (apply (edit, &record) != PTN_OK)
      edit_abort_unit (edit);
  }
  record_clear (&record);
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size) {
  struct index index;
  struct edit edit;

  index_init (&index);
  edit_init (&edit, &index);
  while (size >= 2) {
    size_t length = (size_t)data[0] | (size_t)data[1] << 8;
    uint8_t *copy;

    data += 2;
    size -= 2;
    length = MIN (length, size);
    if (length >= RECORD_HEADER) {
      copy = g_memdup2 (data, length);
      one_record (&edit, copy, length);
      g_free (copy);
    }
    data += length;
    size -= length;
  }
  index_publish (&index, edit.changes, (struct position){ .lsn = 1 });
  edit_destroy (&edit);
  index_destroy (&index);
  return 0;
}
