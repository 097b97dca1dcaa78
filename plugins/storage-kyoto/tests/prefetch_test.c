/* SPDX-License-Identifier: GPL-3.0-or-later */
/* prefetch_test.c - who reads a mailbox in order gets every octet of it, whatever the prefetcher
 * does beside: with expunges, with sessions that leave in the middle, with a store that closes. */
#include "support.h"

#include "../read.h"

enum { MESSAGES = 500, ROUNDS = 6 };

static const char owner[] = "alice";

static char *
text_of (uint32_t uid) {
  GString *text = g_string_new ("Subject: a mail\r\n\r\n");

  for (uint32_t line = 0; line < 20 + uid % 40; line++)
    g_string_append_printf (text, "%u: the same words again and again, line %u\r\n", uid, line);
  return g_string_free (text, FALSE);
}

static void
fill (struct fixture *f) {
  f->settings.compression = 1;
  f->settings.body_cache = 32 << 20;
  fixture_open (f);
  for (uint32_t uid = 1; uid <= MESSAGES; uid++) {
    g_autofree char *text = text_of (uid);

    assert_int_equal (deliver (f, owner, text), uid);
  }
}

static void
reopen (struct fixture *f) { /* with nothing in memory */
  fixture_close (f);
  fixture_open (f);
}

static void
expect_text (struct fixture *f, struct ptn_source *source, uint32_t uid) {
  g_autofree char *text = text_of (uid);
  g_autoptr (GString) got = g_string_new (NULL);
  struct ptn_chunk chunk;

  while (source->ops->read (source, f->task, 1000, &chunk) == PTN_OK) {
    g_string_append_len (got, chunk.data, (gssize)chunk.size);
    chunk.release (chunk.owner);
  }
  source->ops->close (source);
  assert_string_equal (got->str, text);
}

/* From the first to the last, in order. */
static void
read_all (struct fixture *f, uint32_t last, uint32_t gone) {
  struct ptn_account *account = open_account (f, owner);
  struct ptn_id id;

  assert_true (find_mailbox (f, owner, "INBOX", &id));
  for (uint32_t uid = 1; uid <= last; uid++) {
    struct ptn_source *source = NULL;
    ptn_status status = DO (f, message_read (account, &call, &id, uid, 0, UINT64_MAX, &source));

    assert_int_equal (status, uid % 50 == gone ? PTN_E_EXPUNGED : PTN_OK);
    if (status == PTN_OK)
      expect_text (f, source, uid);
  }
  account_close (account);
}

static void
test_in_order (void **state) {
  struct fixture *f = *state;

  fill (f);
  for (unsigned i = 0; i < ROUNDS; i++) {
    reopen (f);
    read_all (f, MESSAGES, 50);
    read_all (f, MESSAGES, 50); /* from memory */
  }
  fixture_close (f);
}

static void
test_leaves_in_the_middle (void **state) {
  struct fixture *f = *state;

  fill (f);
  for (unsigned i = 0; i < ROUNDS; i++) {
    reopen (f);
    read_all (f, 130 + i * 37, 50); /* the prefetcher is still at it, and the store closes */
  }
  reopen (f);
  for (uint32_t uid = 7; uid <= MESSAGES; uid += 50)
    assert_ok (expunge (f, owner, uid, uid));
  read_all (f, MESSAGES, 7);
  reopen (f);
  read_all (f, MESSAGES, 7);
  assert_sound (f->store);
  fixture_close (f);
}

int
main (void) {
  const struct CMUnitTest tests[] = {
    STORE_TEST (test_in_order),
    STORE_TEST (test_leaves_in_the_middle),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
