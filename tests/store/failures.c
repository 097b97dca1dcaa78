/* SPDX-License-Identifier: Apache-2.0 */
/* failures.c - storage-memory with failures: what failed has not happened. */
#include "fixture.h"

static void
failed_changes_left_nothing (void **state) {
  struct fixture *f = *state;
  unsigned failed = 0, done = 0;
  const struct ptn_target targets[] = {
    { ANN, "INBOX", 0, UINT64_MAX, UINT64_MAX },
    { BOB, "INBOX", 0, UINT64_MAX, UINT64_MAX },
  };
  for (int i = 0; i < 300; i++) {
    struct ptn_source *source = harness_source_new ("x\r\n", 3, 0, false);
    struct ptn_append append = { .size = sizeof append, .source = source };
    struct ptn_delivered results[2] = { 0 };
    assert_ok (DO (f, f->store->deliver (f->instance, &call, &append, targets, 2, results)));
    source->ops->close (source);
    if (results[0].status == PTN_OK)
      done++;
    else {
      assert_int_equal (results[0].status, PTN_E_TEMPORARY);
      failed++;
    }
  }
  assert_true (failed > 30 && done > 30);
  assert_int_equal (status_of (f, "INBOX").messages, done);
  struct ptn_id id = id_of (f, "INBOX");
  for (uint32_t uid = 1; uid <= 20; uid++) {
    struct ptn_change *change = begin (f, NULL);
    assert_ok (DO (f, f->store->expunge (change, &call, &id, UIDS ({ uid, uid }), 0)));
    ptn_status status = DO (f, f->store->commit (change, &call));
    f->store->end (change);
    if (status == PTN_OK)
      done--;
    else
      assert_int_equal (status, PTN_E_TEMPORARY);
    assert_int_equal (status_of (f, "INBOX").messages, done);
  }
}

int
main (int argc, char **argv) {
  static const char *const settings[] = { "seed=5", "pending=20", "failures=30", NULL };
  const struct CMUnitTest tests[] = { STORE_TEST (failed_changes_left_nothing) };
  store_module = argc > 1 ? argv[1] : "storage-memory";
  store_settings = settings;
  return cmocka_run_group_tests (tests, NULL, NULL);
}
