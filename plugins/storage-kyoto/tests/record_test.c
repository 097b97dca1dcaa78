/* SPDX-License-Identifier: GPL-3.0-or-later */
/* record_test.c - numbers, sets, checksums and records: there and back, cut short, and damaged. */
#include "support.h"

#include "../crc32c.h"

static void
crc_vectors (void **state) {
  uint8_t data[10000];

  /* RFC 3720 appendix B.4. */
  memset (data, 0, 32);
  assert_int_equal (crc32c (0, data, 32), 0x8a9136aa);
  memset (data, 0xff, 32);
  assert_int_equal (crc32c (0, data, 32), 0x62a8ab43);
  for (unsigned i = 0; i < 32; i++)
    data[i] = (uint8_t)i;
  assert_int_equal (crc32c (0, data, 32), 0x46dd794e);
  for (unsigned i = 0; i < sizeof data; i++)
    data[i] = (uint8_t)(i * 31 + i / 7);
  for (size_t size = 0; size < 100; size++) {
    assert_int_equal (crc32c (0, data + 3, size), crc32c_portable (0, data + 3, size));
    assert_int_equal (crc32c (crc32c (0, data, size), data + size, 900),
                      crc32c (0, data, size + 900));
  }
  for (size_t size = 3000; size < sizeof data - 8; size += 61)
    assert_int_equal (crc32c (7, data + size % 8, size),
                      crc32c_portable (7, data + size % 8, size));
}

static void
varints (void **state) {
  static const uint64_t values[] = { 0, 1, 127, 128, 16383, 16384, UINT32_MAX, UINT64_MAX };
  struct octets out = { 0 };
  struct reader in;

  for (size_t i = 0; i < G_N_ELEMENTS (values); i++) {
    octets_varint (&out, values[i]);
    octets_signed (&out, (int64_t)values[i]);
    octets_signed (&out, -(int64_t)(values[i] >> 1));
  }
  in = READER (out.data, out.size);
  for (size_t i = 0; i < G_N_ELEMENTS (values); i++) {
    assert_true (reader_varint (&in) == values[i]);
    assert_true (reader_signed (&in) == (int64_t)values[i]);
    assert_true (reader_signed (&in) == -(int64_t)(values[i] >> 1));
  }
  assert_true (reader_done (&in));
  in = READER ((const uint8_t *)"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10);
  reader_varint (&in);
  assert_true (in.bad);
  octets_clear (&out);
}

static void
sets (void **state) {
  static const struct ptn_uid_range ranges[] = { { 1, 3 }, { 5, 5 }, { 7, UINT32_MAX } };
  g_autoptr (GArray) back = g_array_new (FALSE, FALSE, sizeof (struct ptn_uid_range));
  struct octets out = { 0 };
  struct reader in;

  octets_set (&out, (struct ptn_uid_set){ ranges, 3 });
  in = READER (out.data, out.size);
  reader_set (&in, back);
  assert_true (reader_done (&in));
  assert_memory_equal (back->data, ranges, sizeof ranges);
  assert_true (set_valid (SET_OF (back)));
  assert_true (set_contains (SET_OF (back), 5));
  assert_false (set_contains (SET_OF (back), 6));
  for (size_t size = 0; size < out.size; size++) {
    g_array_set_size (back, 0);
    in = READER (out.data, size);
    reader_set (&in, back);
    assert_true (in.bad);
  }
  in = READER ((const uint8_t *)"\xff\xff\xff\xff\x0f\x01\x01", 7); /* a lie about the count */
  reader_set (&in, back);
  assert_true (in.bad);
  octets_clear (&out);
}

static GArray *
set_new (void) {
  GArray *set = g_array_new (FALSE, FALSE, sizeof (struct ptn_uid_range));

  set_append (set, 2);
  set_append (set, 3);
  set_append (set, 9);
  return set;
}

static void
check_back (const struct record *record, const struct record *back) {
  struct octets one = { 0 }, two = { 0 };

  record_encode (record, &one);
  record_encode (back, &two);
  assert_int_equal (one.size, two.size);
  assert_memory_equal (one.data, two.data, one.size);
  octets_clear (&one);
  octets_clear (&two);
}

static void
records (void **state) {
  struct flag_group groups[] = { { 5, set_new () }, { (uint64_t)1 << 63, set_new () } };
  static const struct ptn_uid_range range = { 4, 8 };
  static const uint64_t hashes[] = { 1, UINT64_MAX };

  for (uint8_t type = RECORD_USER; type < RECORD_TYPE_END; type++) {
    struct record record = {
      .type = type,
      .user = 7,
      .mailbox = 3,
      .uid = 99,
      .lsn = 12345,
      .modseq = 77,
      .message = { .flags = 3,
                   .octets = 9,
                   .internal_date = -5,
                   .save_date = 1 << 30,
                   .body = 11,
                   .thread = 5 },
      .stored = 9,
      .email = 1 << 20,
      .hashes = hashes,
      .hash_count = 2,
      .time = 1000000000,
      .number = 42,
      .text = "INBOX",
      .other = "Archive/2026",
      .value = { "sixteen octets..", 16 },
      .set = { &range, 1 },
      .groups = groups,
      .group_count = 2,
      .storage_limit = UINT64_MAX,
      .messages_limit = 5,
    };
    struct octets coded = { 0 };

    record_encode (&record, &coded);
    record_seal (coded.data, true, 12000, 0x1234);
    for (size_t size = 0; size <= coded.size; size++) {
      uint8_t *copy = g_memdup2 (coded.data, size);
      struct record back;

      assert_int_equal (record_decode (copy, size, 0x1234, &back),
                        size == coded.size ? PTN_OK : PTN_E_CORRUPT);
      if (size == coded.size) {
        assert_true (back.attributes & RECORD_END_OF_UNIT);
        assert_int_equal (back.synced_lsn, 12000);
        back.attributes = 0;
        check_back (&record, &back);
      }
      record_clear (&back);
      g_free (copy);
    }
    for (size_t bit = 0; bit < coded.size * 8; bit++) {
      struct record back;

      coded.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
      assert_int_equal (record_decode (coded.data, coded.size, 0x1234, &back), PTN_E_CORRUPT);
      record_clear (&back);
      coded.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    octets_clear (&coded);
  }
  g_array_unref (groups[0].set);
  g_array_unref (groups[1].set);
}

/* What version 1 of the log has said is still understood: it says less. */
static void
version_one (void **state) {
  static const uint8_t types[] = { RECORD_DELIVER, RECORD_COPY, RECORD_EXPUNGE, RECORD_TOKEN };
  static const struct ptn_uid_range range = { 4, 8 };
  static const uint64_t hash = 3;

  for (size_t i = 0; i < G_N_ELEMENTS (types); i++) {
    struct record record = { .type = types[i],
                             .version = 1,
                             .user = 7,
                             .mailbox = 3,
                             .uid = 99,
                             .lsn = 12345,
                             .message = { .octets = 9, .body = 11, .thread = 6 },
                             .stored = 9,
                             .email = 5,
                             .hashes = &hash,
                             .hash_count = 1,
                             .time = 7,
                             .set = { &range, 1 } };
    struct octets coded = { 0 };
    struct record back;

    record_encode (&record, &coded);
    record_seal (coded.data, true, 12000, 0x1234);
    assert_int_equal (coded.data[27], 1);
    assert_int_equal (record_decode (coded.data, coded.size, 0x1234, &back), PTN_OK);
    assert_int_equal (back.version, 1);
    assert_int_equal (back.email, 0);
    assert_int_equal (back.message.thread, 0);
    assert_int_equal (back.time, 0);
    assert_int_equal (back.hash_count, 0);
    record_clear (&back);
    coded.data[27] = 3; /* of a version to come */
    assert_int_equal (record_decode (coded.data, coded.size, 0x1234, &back), PTN_E_CORRUPT);
    record_clear (&back);
    octets_clear (&coded);
  }
}

/* A row says its thread only if that is not its own. */
static void
message_rows (void **state) {
  struct message_row row = { .flags = 3, .octets = 9, .internal_date = -5, .body = 11 }, back;
  struct octets alone = { 0 }, answer = { 0 };

  message_row_put (&alone, &row);
  assert_true (message_row_get (READER (alone.data, alone.size), &back));
  assert_int_equal (back.thread, 0);
  row.thread = UINT64_MAX;
  message_row_put (&answer, &row);
  assert_int_equal (answer.size, alone.size + 10);
  assert_memory_equal (answer.data, alone.data, alone.size);
  assert_true (message_row_get (READER (answer.data, answer.size), &back));
  assert_true (back.thread == UINT64_MAX);
  assert_int_equal (back.body, 11);
  assert_false (message_row_get (READER (answer.data, answer.size - 1), &back));
  octets_clear (&alone);
  octets_clear (&answer);
}

int
main (void) {
  static const struct CMUnitTest tests[] = {
    cmocka_unit_test (crc_vectors), cmocka_unit_test (varints),     cmocka_unit_test (sets),
    cmocka_unit_test (records),     cmocka_unit_test (version_one), cmocka_unit_test (message_rows),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
