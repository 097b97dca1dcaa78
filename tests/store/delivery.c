/* SPDX-License-Identifier: Apache-2.0 */
/* delivery.c - to many, quota, failing sources, accounts. */
#include "fixture.h"

static ptn_status
deliver_many (struct fixture *f, struct ptn_source *source, ptn_flag_bits flags,
              const struct ptn_target *targets, size_t count, struct ptn_delivered *results) {
  struct ptn_append append = {
    .size = sizeof append, .flags = flags, .internal_date = 1234567890, .source = source
  };
  ptn_status status =
      DO (f, f->store->deliver (f->instance, &call, &append, targets, count, results));
  source->ops->close (source);
  return status;
}

static struct ptn_source *
source_of (const char *text, size_t piece, bool pending) {
  return harness_source_new (text, strlen (text), piece, pending);
}

static void
to_many (void **state) {
  struct fixture *f = *state;
  const struct ptn_target targets[] = {
    { ANN, "INBOX", 0, UINT64_MAX, UINT64_MAX },
    { BOB, "INBOX", PTN_SEEN, UINT64_MAX, UINT64_MAX },
    { ANN, "lists/postern", 0, UINT64_MAX, UINT64_MAX },
    { BOB, "bad//name", 0, UINT64_MAX, UINT64_MAX },
  };
  struct ptn_delivered results[4] = { 0 };
  assert_ok (deliver_many (f, source_of ("Subject: all\r\n\r\nhello\r\n", 7, true), PTN_FLAGGED,
                           targets, 4, results));
  for (int i = 0; i < 3; i++) {
    assert_ok (results[i].status);
    assert_int_equal (results[i].uid, 1);
  }
  assert_int_equal (results[3].status, PTN_E_INVALID);
  g_autofree char *one = text_of (f, "INBOX", 1), *two = text_of (f, "lists/postern", 1);
  assert_string_equal (one, "Subject: all\r\n\r\nhello\r\n");
  assert_string_equal (two, one);
  g_autoptr (GArray) rows = fetch_rows (f, "INBOX", (struct ptn_uid_set){ 0 }, 0);
  assert_int_equal (g_array_index (rows, struct ptn_message, 0).flags, PTN_FLAGGED);
  assert_int_equal (g_array_index (rows, struct ptn_message, 0).internal_date, 1234567890);
  struct ptn_account *ann = f->account;
  f->account = account_open (f, BOB);
  g_autoptr (GArray) theirs = fetch_rows (f, "INBOX", (struct ptn_uid_set){ 0 }, 0);
  assert_int_equal (g_array_index (theirs, struct ptn_message, 0).flags, PTN_FLAGGED | PTN_SEEN);
  assert_false (exists (f, "lists/postern"));
  f->store->close (f->account);
  f->account = ann;
}

static void
target_twice (void **state) {
  struct fixture *f = *state;
  const struct ptn_target targets[] = {
    { ANN, "INBOX", 0, UINT64_MAX, UINT64_MAX },
    { ANN, "inbox", 0, UINT64_MAX, UINT64_MAX },
  };
  struct ptn_delivered results[2] = { 0 };
  assert_ok (deliver_many (f, source_of ("x\r\n", 0, false), 0, targets, 2, results));
  assert_ok (results[0].status);
  assert_ok (results[1].status);
  assert_int_not_equal (results[0].uid, results[1].uid);
  assert_int_equal (status_of (f, "INBOX").messages, 2);
}

static void
failing_source_delivers_nothing (void **state) {
  struct fixture *f = *state;
  static const ptn_status failures[] = { PTN_E_DISCONNECTED, PTN_E_TEMPORARY, PTN_E_INVALID,
                                         PTN_E_LIMIT };
  const struct ptn_target targets[] = {
    { ANN, "INBOX", 0, UINT64_MAX, UINT64_MAX },
    { BOB, "INBOX", 0, UINT64_MAX, UINT64_MAX },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (failures); i++) {
    struct ptn_delivered results[2] = { 0 };
    assert_int_equal (deliver_many (f, harness_source_failing ("half a mess", 11, failures[i]), 0,
                                    targets, 2, results),
                      failures[i]);
  }
  assert_false (exists (f, "INBOX"));
  assert_int_equal (quota_of (f, f->account).messages_used, 0);
  assert_int_equal (deliver (f, ANN, "INBOX", "whole\r\n"), 1);
}

static void
big_failing_source_delivers_nothing (void **state) {
  struct fixture *f = *state;
  const struct ptn_target target = { ANN, "INBOX", 0, UINT64_MAX, UINT64_MAX };
  g_autofree char *big = g_strnfill (5000000, 'x');
  struct ptn_delivered result = { 0 };
  assert_int_equal (deliver_many (f, harness_source_failing (big, 5000000, PTN_E_DISCONNECTED), 0,
                                  &target, 1, &result),
                    PTN_E_DISCONNECTED);
  assert_false (exists (f, "INBOX"));
}

static void
octets_are_kept (void **state) {
  struct fixture *f = *state;
  static const size_t sizes[] = { 0, 1, 2, 4095, 4096, 65535, 65536, 65537, 1048576, 3000001 };
  const struct ptn_target target = { ANN, "INBOX", 0, UINT64_MAX, UINT64_MAX };
  for (size_t i = 0; i < G_N_ELEMENTS (sizes); i++) {
    g_autofree char *data = g_malloc (sizes[i] + 1), *read = NULL;
    size_t size = 0;
    for (size_t at = 0; at < sizes[i]; at++) /* every octet, NUL and CR and LF too */
      data[at] = (char)((at * 7 + at / 251) & 0xff);
    struct ptn_delivered result = { 0 };
    assert_ok (deliver_many (f, harness_source_new (data, sizes[i], i % 2 ? 1000 : 0, i % 3 == 0),
                             0, &target, 1, &result));
    assert_ok (result.status);
    assert_ok (read_message (f, "INBOX", result.uid, 0, UINT64_MAX, &read, &size));
    assert_int_equal (size, sizes[i]);
    assert_memory_equal (read, data, size);
    g_autoptr (GArray) rows = fetch_rows (f, "INBOX", UIDS ({ result.uid, result.uid }), 0);
    assert_int_equal (g_array_index (rows, struct ptn_message, 0).octets, sizes[i]);
  }
}

static void
quota_of_the_target (void **state) {
  struct fixture *f = *state;
  const struct ptn_target targets[] = {
    { ANN, "INBOX", 0, 9, UINT64_MAX }, /* the mail has 10 */
    { BOB, "INBOX", 0, 10, 1 },
  };
  struct ptn_delivered results[2] = { 0 };
  assert_ok (deliver_many (f, source_of ("12345678\r\n", 0, false), 0, targets, 2, results));
  assert_int_equal (results[0].status, PTN_E_OVERQUOTA);
  assert_ok (results[1].status);
  assert_false (exists (f, "INBOX"));
  assert_ok (deliver_many (f, source_of ("x\r\n", 0, false), 0, targets + 1, 1, results));
  assert_int_equal (results[0].status, PTN_E_OVERQUOTA);
}

static void
quota_of_the_store (void **state) {
  struct fixture *f = *state;
  struct ptn_quota limits = { .size = sizeof limits, .storage_limit = 25, .messages_limit = 3 };
  const struct ptn_target target = { ANN, "INBOX", 0, UINT64_MAX, UINT64_MAX };
  struct ptn_delivered result = { 0 };
  assert_ok (DO (f, f->store->set_quota (f->account, &call, &limits)));
  deliver (f, ANN, "INBOX", "12345678\r\n");
  deliver (f, ANN, "INBOX", "12345678\r\n");
  struct ptn_quota quota = quota_of (f, f->account);
  assert_int_equal (quota.storage_used, 20);
  assert_int_equal (quota.storage_limit, 25);
  assert_int_equal (quota.messages_used, 2);
  assert_int_equal (quota.messages_limit, 3);
  assert_ok (deliver_many (f, source_of ("12345678\r\n", 0, false), 0, &target, 1, &result));
  assert_int_equal (result.status, PTN_E_OVERQUOTA);
  deliver (f, ANN, "INBOX", "12\r\n");
  assert_ok (deliver_many (f, source_of ("", 0, false), 0, &target, 1, &result));
  assert_int_equal (result.status, PTN_E_OVERQUOTA); /* the fourth message */
  struct ptn_change *change = begin (f, NULL);
  append_text (f, change, "INBOX", "x\r\n");
  assert_int_equal (DO (f, f->store->commit (change, &call)), PTN_E_OVERQUOTA);
  f->store->end (change);
  expunge (f, "INBOX", ALL_UIDS);
  assert_int_equal (quota_of (f, f->account).storage_used, 0);
  assert_int_equal (quota_of (f, f->account).messages_used, 0);
  deliver (f, ANN, "INBOX", "room again\r\n");
  limits.storage_limit = limits.messages_limit = UINT64_MAX;
  assert_ok (DO (f, f->store->set_quota (f->account, &call, &limits)));
  assert_int_equal (quota_of (f, f->account).storage_limit, UINT64_MAX);
  deliver (f, ANN, "INBOX", "as much as you like, and more than before\r\n");
}

static void
accounts_in_order (void **state) {
  struct fixture *f = *state;
  struct ptn_strings accounts;
  deliver (f, "m@example.test", "INBOX", "x\r\n");
  deliver (f, "a@example.test", "INBOX", "x\r\n");
  deliver (f, "z@example.test", "INBOX", "x\r\n");
  struct ptn_call held = { .task = f->task };
  assert_ok (HARNESS_AWAIT (f->task, f->store->list_accounts (f->instance, &held, "", &accounts)));
  assert_int_equal (accounts.count, 3);
  assert_string_equal (accounts.items[0], "a@example.test");
  assert_string_equal (accounts.items[1], "m@example.test");
  assert_string_equal (accounts.items[2], "z@example.test");
  f->host->call_end (&held);
  assert_ok (HARNESS_AWAIT (f->task, f->store->list_accounts (f->instance, &held, "a@example.test",
                                                              &accounts)));
  assert_int_equal (accounts.count, 2);
  f->host->call_end (&held);
  assert_ok (DO (f, f->store->remove_account (f->instance, &call, "m@example.test")));
  assert_int_equal (DO (f, f->store->remove_account (f->instance, &call, "m@example.test")),
                    PTN_E_NOT_FOUND);
  assert_int_equal (DO (f,
                        f->store->list_accounts (f->instance, &call, "z@example.test", &accounts)),
                    PTN_END);
  assert_int_equal (deliver (f, "m@example.test", "INBOX", "a new life\r\n"), 1);
}

static void
removed_account_gets_new_uidvalidity (void **state) {
  struct fixture *f = *state;
  deliver (f, ANN, "INBOX", "x\r\n");
  uint32_t before = status_of (f, "INBOX").uidvalidity;
  assert_ok (DO (f, f->store->remove_account (f->instance, &call, ANN)));
  assert_false (exists (f, "INBOX"));
  deliver (f, ANN, "INBOX", "y\r\n");
  assert_true (status_of (f, "INBOX").uidvalidity > before);
}

STORE_GROUP (delivery, STORE_TEST (to_many), STORE_TEST (target_twice),
             STORE_TEST (failing_source_delivers_nothing),
             STORE_TEST (big_failing_source_delivers_nothing), STORE_TEST (octets_are_kept),
             STORE_TEST (quota_of_the_target), STORE_TEST (quota_of_the_store),
             STORE_TEST (accounts_in_order), STORE_TEST (removed_account_gets_new_uidvalidity));
