/* SPDX-License-Identifier: GPL-3.0-or-later */
/* recovery_test.c - what is there after a kill, a lost index, a torn or a rotten log. */
#include "support.h"

#include <glib/gstdio.h>

static const char *const segment = "log.00000001";

static void
same_after_kill (void **state) {
  struct fixture *f = *state;
  g_autofree char *before = NULL, *after = NULL;

  fixture_open (f);
  populate (f);
  before = dump (f->store);
  fixture_move_to (f, fixture_copy (f, "killed"));
  fixture_open (f);
  after = dump (f->store);
  assert_string_equal (before, after);
  assert_sound (f->store);
}

static void
same_after_checkpoint_and_kill (void **state) {
  struct fixture *f = *state;
  g_autofree char *before = NULL, *after = NULL;

  fixture_open (f);
  for (int round = 0; round < 4; round++) {
    populate (f);
    assert_true (shard_checkpoint (&f->store->shards[0], false));
    deliver (f, "ann@example.test", "between\r\n");
  }
  before = dump (f->store);
  fixture_move_to (f, fixture_copy (f, "killed"));
  fixture_open (f);
  after = dump (f->store);
  assert_string_equal (before, after);
  assert_sound (f->store);
}

static void
same_after_restart (void **state) {
  struct fixture *f = *state;
  g_autofree char *before = NULL;

  fixture_open (f);
  populate (f);
  before = dump (f->store);
  for (int i = 0; i < 3; i++) {
    g_autofree char *after = NULL;

    fixture_close (f);
    fixture_open (f);
    after = dump (f->store);
    assert_string_equal (before, after);
  }
  assert_sound (f->store);
}

/* Segments of 4 KiB, so that there are many; the index is thrown away. */
static void
same_after_rebuild (void **state) {
  struct fixture *f = *state;
  g_autofree char *before = NULL, *after = NULL;
  static const char *const names[] = { "CURRENT", "idx.A.kct", "idx.B.kct" };

  f->settings.segment_size = 4096;
  f->settings.checkpoint_records = 60;
  fixture_open (f);
  for (int i = 0; i < 6; i++)
    populate (f);
  before = dump (f->store);
  fixture_close (f);
  for (size_t i = 0; i < G_N_ELEMENTS (names); i++) {
    g_autofree char *name = g_build_filename (f->path, "s00", names[i], NULL);

    g_unlink (name);
  }
  fixture_open (f);
  after = dump (f->store);
  assert_string_equal (before, after);
  assert_sound (f->store);
}

/* Delivers `count` mails of one account, each a batch of its own; the end of the log after each. */
static void
deliver_some (struct fixture *f, unsigned count, uint64_t *ends) {
  for (unsigned i = 0; i < count; i++) {
    g_autofree char *text = g_strdup_printf ("Subject: %u\r\n\r\nmail %u\r\n", i, i);

    assert_int_equal (deliver (f, "ann@example.test", text), i + 1);
    ends[i] = f->store->shards[0].log.end;
  }
}

/* How many of the mails are there, unbroken from the first. */
static unsigned
count_mails (struct fixture *f) {
  for (unsigned i = 0;; i++) {
    g_autofree char *expected = g_strdup_printf ("Subject: %u\r\n\r\nmail %u\r\n", i, i);
    ptn_status status;
    g_autofree char *text = read_text (f, "ann@example.test", "INBOX", i + 1, &status);

    if (!text) {
      assert_true (status == PTN_E_EXPUNGED || status == PTN_E_NOT_FOUND);
      return i;
    }
    assert_string_equal (text, expected);
  }
}

static void
torn_at_every_octet (void **state) {
  struct fixture *f = *state;
  enum { MAILS = 6 };
  uint64_t ends[MAILS];
  g_autofree char *log = NULL;
  size_t size;

  fixture_open (f);
  deliver_some (f, MAILS, ends);
  fixture_move_to (f, fixture_copy (f, "torn"));
  log = file_of (f, segment, &size);
  for (uint64_t cut = ends[MAILS - 4]; cut <= ends[MAILS - 1]; cut++) {
    unsigned whole = 0, there;

    while (whole < MAILS && ends[whole] <= cut)
      whole++;
    set_file (f, segment, log, cut);
    fixture_open (f);
    there = count_mails (f);
    /* Padding that is missing takes nothing away. */
    if (whole < MAILS && there == whole + 1 && cut + RECORD_ALIGNMENT > ends[whole])
      whole++;
    assert_int_equal (there, whole);
    /* And it goes on from there. */
    assert_int_equal (deliver (f, "ann@example.test", "new\r\n"), whole + 1);
    if (cut % 16 == 0)
      assert_sound (f->store);
    fixture_close (f);
    g_autofree char *gone = g_build_filename (f->path, "s00", "CURRENT", NULL);
    g_unlink (gone);
  }
}

/* The last record garbled anywhere: nobody was told of it, it goes.  One before it garbled: the
 * last proves that it was synced, so it is rot, and only that mail suffers. */
static void
garbled_at_every_octet (void **state) {
  struct fixture *f = *state;
  enum { MAILS = 4 };
  uint64_t ends[MAILS];
  g_autofree char *log = NULL;
  size_t size;

  fixture_open (f);
  deliver_some (f, MAILS, ends);
  fixture_move_to (f, fixture_copy (f, "garbled"));
  log = file_of (f, segment, &size);
  for (uint64_t at = ends[MAILS - 3]; at < ends[MAILS - 1]; at++) {
    bool last = at >= ends[MAILS - 2];
    ptn_status status;

    log[at] ^= 0x41;
    set_file (f, segment, log, ends[MAILS - 1]);
    log[at] ^= 0x41;
    fixture_open (f);
    if (last) {
      unsigned there = count_mails (f);

      /* Padding behind a record proves nothing. */
      assert_true (there == MAILS - 1 || (there == MAILS && at >= ends[MAILS - 1] - 8));
    } else {
      g_autofree char *damaged = read_text (f, "ann@example.test", "INBOX", MAILS - 1, &status);
      g_autofree char *after = read_text (f, "ann@example.test", "INBOX", MAILS, &status);

      assert_non_null (after);
      assert_string_equal (after, "Subject: 3\r\n\r\nmail 3\r\n");
      if (damaged)
        assert_string_equal (damaged, "Subject: 2\r\n\r\nmail 2\r\n");
    }
    fixture_close (f);
    g_autofree char *gone = g_build_filename (f->path, "s00", "CURRENT", NULL);
    g_unlink (gone);
  }
}

/* A mail that holds what looks like a record must not become one. */
static void
mail_is_no_record (void **state) {
  struct fixture *f = *state;
  struct record record = {
    .type = RECORD_USER_REMOVE, .user = 1, .lsn = 5, .text = "ann@example.test"
  };
  struct octets forged = { 0 };
  uint64_t start;
  size_t size;
  g_autofree char *log = NULL;

  fixture_open (f);
  deliver (f, "ann@example.test", "first\r\n");
  start = f->store->shards[0].log.end;
  for (int i = 0; i < 8; i++) /* whatever its alignment will be */
    octets_u8 (&forged, 'x');
  for (unsigned shift = 0; shift < 8; shift++) {
    size_t at = forged.size;

    record.lsn = 4 + shift;
    record_encode (&record, &forged);
    record_seal (forged.data + at, true, UINT64_MAX, 0);
    octets_u8 (&forged, 0);
  }
  assert_ok (try_deliver (f, "ann@example.test", "INBOX", forged.data, forged.size, NULL));
  octets_clear (&forged);
  fixture_move_to (f, fixture_copy (f, "forged"));
  log = file_of (f, segment, &size);
  memset (log + start, 0, 16); /* the header of the second mail is torn */
  set_file (f, segment, log, size);
  fixture_open (f);
  assert_true (find_mailbox (f, "ann@example.test", "INBOX", &(struct ptn_id){ { 0 } }));
  assert_int_equal (deliver (f, "ann@example.test", "next\r\n"), 2);
}

/* One flipped bit anywhere: never wrong octets, never a crash; `verify` says so or all is well. */
static void
bit_flips (void **state) {
  struct fixture *f = *state;
  static const char *const names[] = { "log.00000001", "CURRENT", "idx.A.kct", "idx.B.kct" };
  g_autofree char *before = NULL, *good = NULL;

  f->settings.segment_size = 16384;
  fixture_open (f);
  populate (f);
  assert_true (shard_checkpoint (&f->store->shards[0], false));
  populate (f);
  assert_true (shard_checkpoint (&f->store->shards[0], false));
  deliver (f, "ann@example.test", "after the checkpoint\r\n");
  good = fixture_copy (f, "good");
  fixture_close (f);
  for (int round = 0; round < 150; round++) {
    const char *name = names[round % 4];
    g_autofree char *data = NULL, *listed = NULL;
    size_t size, bit;

    g_free (f->path);
    f->path = g_strdup (good);
    fixture_move_to (f, fixture_copy (f, "flipped"));
    data = file_of (f, name, &size);
    bit = (size_t)g_random_int () % (MIN (size, (size_t)60000) * 8);
    data[bit / 8] ^= (char)(1 << bit % 8);
    set_file (f, name, data, size);
    if (fixture_try_open (f, &io_system) != PTN_OK)
      continue;
    for (uint32_t uid = 1; uid < 20; uid++) {
      ptn_status status;
      g_autofree char *text = read_text (f, "ann@example.test", "INBOX", uid, &status);

      if (text)
        assert_true (g_str_has_prefix (text, "Subject: ")
                     || strcmp (text, "after the checkpoint\r\n") == 0);
    }
    fixture_close (f);
  }
}

/* A rotten index is made anew at the next start, and says the same as before. */
static void
rotten_index (void **state) {
  struct fixture *f = *state;
  g_autofree char *before = NULL, *after = NULL, *data = NULL;
  char name[] = "idx.?.kct";
  size_t size;

  fixture_open (f);
  populate (f);
  before = dump (f->store);
  fixture_close (f);
  fixture_open (f);
  name[4] = f->store->shards[0].current;
  fixture_close (f);
  data = file_of (f, name, &size);
  for (size_t i = size / 2; i < size; i++)
    data[i] ^= 0x55;
  set_file (f, name, data, size);
  if (fixture_try_open (f, &io_system) == PTN_OK) {
    ptn_status status;

    g_free (read_text (f, "ann@example.test", "INBOX", 2, &status));
    g_free (read_text (f, "bob@example.test", "INBOX", 2, &status));
  }
  fixture_close (f);
  fixture_open (f);
  after = dump (f->store);
  assert_string_equal (before, after);
}

static void
big_bodies (void **state) {
  struct fixture *f = *state;
  size_t size = (3 << 20) + 12345;
  g_autofree char *mail = g_malloc (size + 1), *text = NULL, *orphan = NULL;
  ptn_status status;
  uint32_t uid;

  for (size_t i = 0; i < size; i++)
    mail[i] = (char)('a' + i * 31 % 26);
  mail[size] = '\0';
  fixture_open (f);
  assert_ok (try_deliver (f, "ann@example.test", "INBOX", mail, size, &uid));
  orphan = g_build_filename (f->path, "s00", "big.0123456789abcdef", NULL);
  assert_true (g_file_set_contents (orphan, "x", 1, NULL));
  fixture_move_to (f, fixture_copy (f, "killed"));
  fixture_open (f);
  g_free (orphan);
  orphan = g_build_filename (f->path, "s00", "big.0123456789abcdef", NULL);
  assert_false (g_file_test (orphan, G_FILE_TEST_EXISTS));
  text = read_text (f, "ann@example.test", "INBOX", uid, &status);
  assert_ok (status);
  assert_memory_equal (text, mail, size);
  assert_sound (f->store);
  assert_ok (expunge (f, "ann@example.test", uid, uid));
}

int
main (void) {
  static const struct CMUnitTest tests[] = {
    STORE_TEST (same_after_kill),     STORE_TEST (same_after_checkpoint_and_kill),
    STORE_TEST (same_after_restart),  STORE_TEST (same_after_rebuild),
    STORE_TEST (torn_at_every_octet), STORE_TEST (garbled_at_every_octet),
    STORE_TEST (mail_is_no_record),   STORE_TEST (bit_flips),
    STORE_TEST (rotten_index),        STORE_TEST (big_bodies),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
