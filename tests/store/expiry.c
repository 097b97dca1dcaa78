/* SPDX-License-Identifier: Apache-2.0 */
/* expiry.c - storage-memory with room for few tombstones: what is forgotten is said to be. */
#include "fixture.h"

static ptn_status
vanished (struct fixture *f, uint64_t since, char **text) {
  struct ptn_id id = id_of (f, "INBOX");
  struct ptn_uid_set set = { NULL, 0 };
  struct ptn_call held = { .task = f->task };
  ptn_status status =
      HARNESS_AWAIT (f->task, f->store->vanished (f->account, &held, &id, since, NULL, &set));
  *text = status == PTN_OK ? set_text (set) : NULL;
  f->host->call_end (&held);
  return status;
}

static void
few_are_kept (void **state) {
  struct fixture *f = *state;
  uint64_t after[41];
  for (uint32_t uid = 1; uid <= 40; uid++)
    deliver (f, ANN, "INBOX", "x\r\n");
  after[0] = status_of (f, "INBOX").highest_modseq;
  for (uint32_t uid = 1; uid <= 40; uid++) {
    expunge (f, "INBOX", UIDS ({ uid, uid }));
    after[uid] = status_of (f, "INBOX").highest_modseq;
  }
  unsigned known = 0;
  for (uint32_t uid = 0; uid < 40; uid++) {
    g_autofree char *text = NULL, *expected = NULL;
    ptn_status status = vanished (f, after[uid], &text);
    expected = uid == 39 ? g_strdup ("40") : g_strdup_printf ("%u:40", uid + 1);
    if (status == PTN_OK)
      assert_string_equal (text, expected);
    else
      assert_int_equal (status, PTN_E_EXPIRED);
    assert_true (status == PTN_OK || !known); /* once it is known, it is for all later ones */
    known += status == PTN_OK;
  }
  assert_in_range (known, 3, 10);
}

int
main (int argc, char **argv) {
  static const char *const settings[] = { "seed=3", "pending=20", "tombstones=10", NULL };
  const struct CMUnitTest tests[] = { STORE_TEST (few_are_kept) };
  store_module = argc > 1 ? argv[1] : "storage-memory";
  store_settings = settings;
  return cmocka_run_group_tests (tests, NULL, NULL);
}
