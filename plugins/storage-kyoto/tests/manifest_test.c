/* SPDX-License-Identifier: GPL-3.0-or-later */
/* manifest_test.c - what a backup says of itself is read back as it was written, or not at all;
 * backups that do not follow each other are not put together. */
#include "support.h"

#include "../manifest.h"

static struct sequence
sequence_at (uint64_t lsn, uint64_t offset) {
  struct sequence sequence = { .timeline = 7, .shards = 3 };

  memset (sequence.store, 0xab, sizeof sequence.store);
  for (uint32_t i = 0; i < 3; i++)
    sequence.shard[i] = (struct sequence_shard){ { lsn + i, offset, 2 }, i };
  return sequence;
}

static struct manifest *
make (uint64_t lsn, uint64_t offset) {
  struct manifest *manifest = manifest_new ();

  manifest->at = sequence_at (lsn, offset);
  return manifest;
}

static struct manifest *
again (const struct manifest *manifest) {
  g_autofree char *text = manifest_text (manifest);
  const char *why;

  return manifest_parse (text, strlen (text), &why);
}

static void
sequences (void **state) {
  struct sequence sequence = sequence_at (1234567890123, 77), back;
  g_autofree char *text = sequence_text (&sequence), *same = NULL;

  assert_true (sequence_parse (text, &back));
  same = sequence_text (&back);
  assert_string_equal (text, same);
  assert_int_equal (back.shard[2].position.lsn, 1234567890125);
  for (size_t at = 0; at < strlen (text); at++) {
    g_autofree char *other = g_strdup (text);

    other[at] = other[at] == 'A' ? 'B' : 'A';
    if (sequence_parse (other, &back)) { /* bits behind the last octet, which mean nothing */
      g_autofree char *meant = sequence_text (&back);

      assert_string_equal (meant, text);
    }
    other[at] = '\0';
    assert_false (sequence_parse (other, &back));
  }
  assert_false (sequence_parse ("", &back));
  assert_false (sequence_parse ("AAAA*", &back));
}

static void
whole_or_not_at_all (void **state) {
  struct manifest *manifest = make (10, 100), *back;
  uint8_t sum[SUM_OCTETS] = { 1, 2, 3 };
  g_autofree char *text = NULL, *same = NULL;
  const char *why;
  size_t size;

  manifest->increment = true;
  manifest->since = sequence_at (5, 50);
  manifest_add (manifest, "STORE", false, 0, 74, sum);
  manifest_add (manifest, "s00/log.00000002", false, 50, 50, sum);
  manifest_add (manifest, "s02/big.0123456789abcdef", true, 0, 2000000, NULL);
  back = again (manifest);
  assert_non_null (back);
  text = manifest_text (manifest);
  same = manifest_text (back);
  assert_string_equal (text, same);
  size = strlen (text);
  for (size_t at = 0; at < size; at++) {
    text[at] ^= 1;
    assert_null (manifest_parse (text, size, &why));
    text[at] ^= 1;
    assert_null (manifest_parse (text, at, &why));
  }
  manifest_free (&manifest);
  manifest_free (&back);
}

static void
names_lead_nowhere_else (void **state) {
  static const char *const names[] = { "../STORE",
                                       "/etc/passwd",
                                       "s00/../STORE",
                                       "s03/log.00000001",
                                       "s00/log.0000001",
                                       "s00/log.000000011",
                                       "s00/log.0000000a",
                                       "s00/CURRENT",
                                       "s00/idx.A.kct",
                                       "s00/big.0123456789ABCDEF",
                                       "LOCK",
                                       "s00",
                                       "" };

  for (size_t i = 0; i < G_N_ELEMENTS (names); i++) {
    struct manifest *manifest = make (1, 1);

    manifest_add (manifest, names[i], true, 0, 1, NULL);
    assert_null (again (manifest));
    manifest_free (&manifest);
  }
}

static void
chains (void **state) {
  static const uint8_t sum[SUM_OCTETS];
  struct manifest *all[3] = { make (10, 100), make (20, 150), make (30, 80) };
  struct manifest *wrong[2] = { all[0], all[2] };
  g_autoptr (GPtrArray) files = NULL;
  const struct chain_file *file;
  char *why = NULL;

  manifest_add (all[0], "s00/log.00000001", false, 0, 1000, sum);
  manifest_add (all[0], "s00/log.00000002", false, 0, 100, sum);
  all[1]->increment = all[2]->increment = true;
  all[1]->since = all[0]->at;
  manifest_add (all[1], "s00/log.00000001", true, 0, 1000, NULL);
  manifest_add (all[1], "s00/log.00000002", false, 100, 50, sum);
  all[2]->since = all[1]->at;
  manifest_add (all[2], "s00/log.00000002", true, 0, 150, NULL); /* the first was compacted */
  manifest_add (all[2], "s00/log.00000003", false, 0, 80, sum);

  files = manifest_chain (all, 3, &why);
  assert_non_null (files);
  assert_int_equal (files->len, 2);
  file = files->pdata[0];
  assert_string_equal (file->name, "s00/log.00000002");
  assert_int_equal (file->size, 150);
  assert_int_equal (file->parts->len, 2);

  assert_null (manifest_chain (wrong, 2, &why));
  g_clear_pointer (&why, g_free);
  assert_null (manifest_chain (all + 1, 2, &why));
  g_clear_pointer (&why, g_free);
  /* A file that the backups before do not have, or of another size. */
  ((struct manifest_file *)all[2]->files->pdata[0])->size = 151;
  assert_null (manifest_chain (all, 3, &why));
  g_clear_pointer (&why, g_free);
  ((struct manifest_file *)all[2]->files->pdata[0])->size = 150;
  ((struct manifest_file *)all[1]->files->pdata[1])->offset = 99;
  assert_null (manifest_chain (all, 3, &why));
  g_clear_pointer (&why, g_free);
  /* A store that was restored in between. */
  ((struct manifest_file *)all[1]->files->pdata[1])->offset = 100;
  all[1]->since.timeline = 8;
  assert_null (manifest_chain (all, 3, &why));
  g_free (why);
  for (size_t i = 0; i < G_N_ELEMENTS (all); i++)
    manifest_free (&all[i]);
}

int
main (void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (sequences),
    cmocka_unit_test (whole_or_not_at_all),
    cmocka_unit_test (names_lead_nowhere_else),
    cmocka_unit_test (chains),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
