/* SPDX-License-Identifier: GPL-3.0-or-later */
/* codec_test.c - what is compressed comes back octet for octet, in whole and in parts; what is
 * rotten does not come back at all. */
#include "support.h"

#include "../big.h"
#include "../cache.h"
#include "../codec.h"
#include "../read.h"

#define NAME "ann@example.test"

/* kind 0: text, 1: base64 of noise, 2: noise. */
static char *
make_body (unsigned seed, int kind, size_t size) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  static const char *const words[] = { "message ", "of ",  "the ",     "server ", "a ",
                                       "mail ",    "for ", "Dear\r\n", "list ",   "reply " };
  GRand *rand = g_rand_new_with_seed (seed);
  char *body = g_malloc (size + 16);
  size_t at = 0;

  while (at < size) {
    if (kind == 0) {
      const char *word = words[g_rand_int_range (rand, 0, G_N_ELEMENTS (words))];

      memcpy (body + at, word, MIN (strlen (word), size - at));
      at += strlen (word);
    } else
      body[at++] = kind == 1 ? digits[g_rand_int (rand) & 63] : (char)g_rand_int (rand);
  }
  g_rand_free (rand);
  return body;
}

static void
round_trips (void **state) {
  struct codec *codec = codec_new (1);

  if (!codec_known (CODEC_ZSTD))
    skip ();
  for (unsigned i = 0; i < 200; i++) {
    size_t size = 1 + i * i * 13, packed;
    g_autofree char *body = make_body (i, (int)(i % 3), size);
    g_autofree uint8_t *data = codec_pack (codec, body, size, &packed);
    g_autofree uint8_t *back = g_malloc (size + 1);
    uint64_t octets;

    if (!data)
      continue;
    assert_true (packed + size / 8 < size);
    assert_true (codec_octets (data, packed, &octets) && octets == size);
    assert_ok (codec_unpack (codec, CODEC_ZSTD, data, packed, back, size));
    assert_memory_equal (back, body, size);
    /* Another size than the row's is never believed. */
    assert_int_not_equal (codec_unpack (codec, CODEC_ZSTD, data, packed, back, size + 1), PTN_OK);
    assert_int_not_equal (codec_unpack (codec, CODEC_ZSTD, data, packed, back, size - 1), PTN_OK);
    assert_int_not_equal (codec_unpack (codec, CODEC_ZSTD, data, packed - 1, back, size), PTN_OK);
    /* Nor is a flipped bit: the frame has a checksum of its own. */
    data[g_random_int_range (0, (gint32)packed)] ^= (uint8_t)(1 << g_random_int_range (0, 8));
    if (codec_unpack (codec, CODEC_ZSTD, data, packed, back, size) == PTN_OK)
      assert_memory_equal (back, body, size);
  }
  codec_free (&codec);
}

static void
not_worth_it (void **state) {
  struct codec *codec = codec_new (1), *none = codec_new (0);
  g_autofree char *noise = make_body (1, 2, 50000), *text = make_body (1, 0, 50000);
  size_t packed;

  assert_null (codec_pack (codec, noise, 50000, &packed));
  assert_null (codec_pack (codec, text, 200, &packed));
  assert_null (codec_pack (none, text, 50000, &packed));
  codec_free (&codec);
  codec_free (&none);
}

static uint64_t
live_octets (struct fixture *f) {
  uint64_t live = 0;

  for (uint32_t segment = 1; segment < 100; segment++) {
    struct segment_row row;
    struct value value;
    struct key key;

    value_init (&value);
    key_segment (&key, segment);
    if (index_get (&f->store->shards[0].index, NULL, &key, &value) == PTN_OK
        && segment_row_get (VALUE_READER (&value), &row))
      live += row.live;
    value_clear (&value);
  }
  return live;
}

static void
read_part (struct fixture *f, struct ptn_account *account, const struct ptn_id *id, uint32_t uid,
           const char *body, size_t size, uint64_t offset, uint64_t length) {
  struct ptn_source *source;
  g_autofree char *data = NULL;
  size_t got, wanted = (size_t)MIN (length, size - MIN (offset, size));

  assert_ok (DO (f, message_read (account, &call, id, uid, offset, length, &source)));
  assert_int_equal (source->length, wanted);
  assert_ok (harness_source_slurp (source, f->task, &data, &got));
  assert_int_equal (got, wanted);
  if (wanted > 0)
    assert_memory_equal (data, body + offset, wanted);
}

/* Messages of all kinds and sizes, written with one setting and read with the other, by parts. */
static void
reads_exactly (void **state) {
  static const size_t sizes[] = {
    0,      1,       255,           256,     10000,         65536,
    200000, 1 << 20, (1 << 20) + 1, 3 << 18, (2 << 20) + 5, 5 * BIG_PIECE
  };
  struct fixture *f = *state;
  struct ptn_account *account;
  struct ptn_id id;
  GRand *rand = g_rand_new_with_seed (7);

  for (int round = 0; round < 2; round++) {
    f->settings.compression = round == 0 ? 1 : 0;
    fixture_open (f);
    for (unsigned i = 0; i < G_N_ELEMENTS (sizes) * 3; i++) {
      g_autofree char *body = make_body (i, (int)(i % 3), sizes[i / 3]);

      assert_ok (try_deliver (f, NAME, "INBOX", body, sizes[i / 3], NULL));
    }
    fixture_close (f);
  }
  f->settings.compression = 0;
  f->settings.body_cache = 2 << 20; /* some fit, some do not */
  fixture_open (f);
  account = open_account (f, NAME);
  assert_true (find_mailbox (f, NAME, "INBOX", &id));
  for (unsigned i = 0; i < G_N_ELEMENTS (sizes) * 6; i++) {
    unsigned which = i % (G_N_ELEMENTS (sizes) * 3);
    size_t size = sizes[which / 3];
    g_autofree char *body = make_body (which, (int)(which % 3), size);

    read_part (f, account, &id, i + 1, body, size, 0, UINT64_MAX);
    for (int part = 0; part < 5 && size > 1; part++) {
      uint64_t offset = (uint64_t)g_rand_int (rand) % size;

      read_part (f, account, &id, i + 1, body, size, offset, (uint64_t)g_rand_int (rand) % size);
    }
  }
  assert_sound (f->store);
  account_close (account);
  g_rand_free (rand);
}

static void
saves_space (void **state) {
  struct fixture *f = *state;
  g_autofree char *body = make_body (3, 0, 100000);

  if (!codec_known (CODEC_ZSTD))
    skip ();
  f->settings.compression = 1;
  fixture_open (f);
  assert_ok (try_deliver (f, NAME, "INBOX", body, 100000, NULL));
  assert_in_range (live_octets (f), 1, 50000);
}

/* Every octet of the body's place in the log, one bit each: the message is damaged, or as it was. */
static void
rot_is_seen (void **state) {
  struct fixture *f = *state;
  g_autofree char *body = make_body (3, 0, 3000), *log = NULL;
  struct body_row row;
  size_t size;

  f->settings.compression = 1;
  fixture_open (f);
  assert_ok (try_deliver (f, NAME, "INBOX", body, 3000, NULL));
  for (uint64_t id = 1; read_body_row (&f->store->shards[0], id, &row) != PTN_OK;)
    assert_true (++id < 100);
  log = file_of (f, "log.00000001", &size);
  for (size_t at = row.offset; at < row.offset + row.stored; at += 7) {
    g_autofree char *text = NULL;
    ptn_status status;

    log[at] ^= (char)(1 << at % 8);
    set_file (f, "log.00000001", log, size);
    text = read_text (f, NAME, "INBOX", 1, &status);
    assert_int_equal (status, PTN_E_CORRUPT);
    log[at] ^= (char)(1 << at % 8);
  }
}

static void
rot_in_big_files_is_seen (void **state) {
  struct fixture *f = *state;
  enum { SIZE = 1500000 };
  g_autofree char *body = make_body (3, 0, SIZE);
  g_autofree char *name = NULL, *file = NULL;
  struct body_row row;
  size_t size;

  f->settings.compression = 1;
  fixture_open (f);
  assert_ok (try_deliver (f, NAME, "INBOX", body, SIZE, NULL));
  for (uint64_t id = 1; read_body_row (&f->store->shards[0], id, &row) != PTN_OK;)
    assert_true (++id < 100);
  assert_true (row.attributes & BODY_BIG);
  name = g_strdup_printf ("big.%016" PRIx64, row.offset);
  file = file_of (f, name, &size);
  for (size_t i = 0; i < 60; i++) {
    size_t at = i < 40 ? size - 1 - i : (i - 40) * (size / 20);
    g_autofree char *text = NULL;
    ptn_status status;

    file[at] ^= (char)(1 << i % 8);
    set_file (f, name, file, size);
    text = read_text (f, NAME, "INBOX", 1, &status);
    assert_int_equal (status, PTN_E_CORRUPT);
    file[at] ^= (char)(1 << i % 8);
  }
  set_file (f, name, file, size - 1);
  assert_int_equal (({
                      ptn_status status;
                      g_free (read_text (f, NAME, "INBOX", 1, &status));
                      status;
                    }),
                    PTN_E_CORRUPT);
}

/* More than fits; the least recently used goes, and what is in use stays with who uses it. */
static void
cache_forgets (void **state) {
  struct cache *cache = cache_new (8 * 4096);
  struct buffer *first = buffer_new (1000), *none = buffer_new (100000);

  memset (first->data, 'x', 1000);
  cache_put (cache, 1, 1, first);
  cache_put (cache, 1, 1, first); /* again: no second entry */
  cache_put (cache, 1, 2, none);  /* too big for it */
  assert_null (cache_get (cache, 1, 2));
  assert_null (cache_get (cache, 2, 1));
  for (uint64_t body = 10; body < 500; body++) {
    struct buffer *other = buffer_new (500), *again = cache_get (cache, 1, 1);

    assert_ptr_equal (again, first); /* it is used all the time */
    buffer_unref (again);
    cache_put (cache, 1, body, other);
    buffer_unref (other);
  }
  assert_null (cache_get (cache, 1, 10));
  for (int i = 0; i < 3; i++)
    cache_age (cache);
  assert_null (cache_get (cache, 1, 1));
  assert_int_equal (first->data[999], 'x');
  cache_free (&cache);
  buffer_unref (first);
  buffer_unref (none);
}

static void
tables (void **state) {
  struct octets table = { 0 };
  struct big_piece pieces[3];
  uint64_t octets;

  octets_u32 (&table, 1u << 31 | 1000);
  octets_u32 (&table, 1);
  octets_u32 (&table, 500);
  octets_u32 (&table, 2);
  octets_u64 (&table, BIG_PIECE + 500);
  assert_int_equal (big_table_pieces (table.size, CODEC_ZSTD), 2);
  assert_true (big_table_decode (table.data, table.size, CODEC_ZSTD, 1500, pieces, 2, &octets));
  assert_int_equal (octets, BIG_PIECE + 500);
  assert_int_equal (pieces[0].codec, CODEC_ZSTD);
  assert_int_equal (pieces[1].offset, 1000);
  assert_int_equal (pieces[1].codec, CODEC_RAW);
  /* The pieces are more, or fewer, octets than there are; the body has another size. */
  assert_false (big_table_decode (table.data, table.size, CODEC_ZSTD, 1499, pieces, 2, &octets));
  assert_false (big_table_decode (table.data, table.size, CODEC_ZSTD, 1501, pieces, 2, &octets));
  put_u64 (table.data + 16, BIG_PIECE + 501);
  assert_false (big_table_decode (table.data, table.size, CODEC_ZSTD, 1500, pieces, 2, &octets));
  put_u64 (table.data + 16, UINT64_MAX);
  assert_false (big_table_decode (table.data, table.size, CODEC_ZSTD, 1500, pieces, 2, &octets));
  put_u64 (table.data + 16, BIG_PIECE);
  assert_false (big_table_decode (table.data, table.size, CODEC_ZSTD, 1500, pieces, 2, &octets));
  assert_int_equal (big_table_pieces (8, CODEC_ZSTD), 0);
  assert_int_equal (big_table_pieces (7, CODEC_RAW), 0);
  octets_clear (&table);
}

int
main (void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (round_trips), cmocka_unit_test (not_worth_it),
    cmocka_unit_test (tables),      cmocka_unit_test (cache_forgets),
    STORE_TEST (reads_exactly),     STORE_TEST (saves_space),
    STORE_TEST (rot_is_seen),       STORE_TEST (rot_in_big_files_is_seen),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
