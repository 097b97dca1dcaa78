/* SPDX-License-Identifier: Apache-2.0 */
/* waiting.c - calls that are given up while PENDING, and objects closed meanwhile. */
#include "fixture.h"

static struct ptn_source *
slow_source (void) {
  return harness_source_new ("0123456789\r\n", 12, 3, true); /* PENDING before each piece */
}

static void
delivery_cancelled_at_each_wait (void **state) {
  struct fixture *f = *state;
  const struct ptn_target target = { ANN, "INBOX", 0, UINT64_MAX, UINT64_MAX };
  for (int waits = 1; waits < 8; waits++) {
    struct ptn_source *source = slow_source ();
    struct ptn_append append = { .size = sizeof append, .source = source };
    struct ptn_delivered result = { 0 };
    struct ptn_call held = { .task = f->task };
    ptn_status status = PTN_PENDING;
    for (int i = 0; i < waits && status == PTN_PENDING; i++) {
      if (i)
        harness_wait (f->task);
      status = f->store->deliver (f->instance, &held, &append, &target, 1, &result);
    }
    f->host->call_end (&held); /* cancels it, unless it was through */
    source->ops->close (source);
  }
  deliver (f, ANN, "INBOX", "whole\r\n"); /* behind those that may still happen */
  uint32_t before = status_of (f, "INBOX").messages;
  deliver (f, ANN, "INBOX", "whole\r\n");
  assert_int_equal (status_of (f, "INBOX").messages, before + 1);
  g_autoptr (GArray) rows = fetch_rows (f, "INBOX", (struct ptn_uid_set){ 0 }, 0);
  for (guint i = 0; i < rows->len; i++) { /* never half */
    uint64_t octets = g_array_index (rows, struct ptn_message, i).octets;
    assert_true (octets == 12 || octets == 7);
  }
}

static void
append_cancelled (void **state) {
  struct fixture *f = *state;
  make (f, "INBOX");
  struct ptn_id id = id_of (f, "INBOX");
  for (int waits = 1; waits < 6; waits++) {
    struct ptn_change *change = begin (f, NULL);
    struct ptn_source *source = slow_source ();
    struct ptn_append append = { .size = sizeof append, .source = source };
    struct ptn_call held = { .task = f->task };
    ptn_status status = PTN_PENDING;
    for (int i = 0; i < waits && status == PTN_PENDING; i++) {
      if (i)
        harness_wait (f->task);
      status = f->store->append (change, &held, &id, &append);
    }
    f->host->call_end (&held);
    source->ops->close (source);
    f->store->end (change);
  }
  assert_int_equal (status_of (f, "INBOX").messages, 0);
}

/* Cancelled while PENDING a commit may have happened or not, never half. */
static void
commit_cancelled (void **state) {
  struct fixture *f = *state;
  make (f, "INBOX");
  for (int i = 0; i < 10; i++) {
    struct ptn_change *change = begin (f, NULL);
    append_text (f, change, "INBOX", "a\r\n");
    append_text (f, change, "INBOX", "b\r\n");
    struct ptn_call held = { .task = f->task };
    ptn_status status = f->store->commit (change, &held);
    assert_true (status == PTN_OK || status == PTN_PENDING);
    f->host->call_end (&held);
    f->store->end (change);
  }
  deliver (f, ANN, "INBOX", "c\r\n"); /* behind all of them */
  assert_int_equal (status_of (f, "INBOX").messages % 2, 1);
}

static void
other_calls_cancelled (void **state) {
  struct fixture *f = *state;
  deliver (f, ANN, "INBOX", "x\r\n");
  struct ptn_id id = id_of (f, "INBOX");
  for (int i = 0; i < 20; i++) {
    const struct ptn_mailbox *row;
    const struct ptn_view *view = NULL;
    const struct ptn_quota *quota;
    struct ptn_cursor *cursor = NULL;
    struct ptn_source *source = NULL;
    struct ptn_call calls[5];
    for (int c = 0; c < 5; c++)
      calls[c] = (struct ptn_call){ .task = f->task };
    f->store->status (f->account, &calls[0], NAME ("INBOX"), &row);
    if (f->store->view (f->account, &calls[1], &id, &view) == PTN_OK)
      f->store->release_view (view);
    f->store->quota (f->account, &calls[2], &quota);
    if (f->store->list (f->account, &calls[3], "*", &cursor) == PTN_OK)
      f->store->close_cursor (cursor);
    if (f->store->read (f->account, &calls[4], &id, 1, 0, UINT64_MAX, &source) == PTN_OK) {
      struct ptn_chunk chunk = { 0 };
      if (source->ops->read (source, f->task, 10, &chunk) == PTN_OK && chunk.release)
        chunk.release (chunk.owner);
      source->ops->close (source); /* perhaps while PENDING */
    }
    for (int c = 0; c < 5; c++)
      f->host->call_end (&calls[c]);
  }
}

static void
cursor_closed_while_waiting (void **state) {
  struct fixture *f = *state;
  for (int i = 0; i < 5; i++)
    deliver (f, ANN, "INBOX", "x\r\n");
  struct ptn_id id = id_of (f, "INBOX");
  struct ptn_fetch fetch = { .size = sizeof fetch, .items = PTN_FETCH_SIZE };
  for (int i = 0; i < 10; i++) {
    struct ptn_cursor *cursor = NULL;
    const struct ptn_message *rows[2];
    size_t count;
    assert_ok (DO (f, f->store->fetch (f->account, &call, &id, &fetch, &cursor)));
    struct ptn_call held = { .task = f->task };
    f->store->next_messages (cursor, &held, rows, 2, &count);
    f->host->call_end (&held);
    f->store->close_cursor (cursor);
  }
}

static void
spurious_calls (void **state) {
  struct fixture *f = *state;
  const struct ptn_target target = { ANN, "INBOX", 0, UINT64_MAX, UINT64_MAX };
  struct ptn_source *source = harness_source_new ("x\r\n", 3, 0, false);
  struct ptn_append append = { .size = sizeof append, .source = source };
  struct ptn_delivered result = { 0 };
  struct ptn_call held = { .task = f->task };
  ptn_status status;
  do /* a wake may call once too often: here, all the time */
    status = f->store->deliver (f->instance, &held, &append, &target, 1, &result);
  while (status == PTN_PENDING);
  f->host->call_end (&held);
  source->ops->close (source);
  assert_ok (status);
  assert_ok (result.status);
  assert_int_equal (status_of (f, "INBOX").messages, 1);
}

STORE_GROUP (waiting, STORE_TEST (delivery_cancelled_at_each_wait), STORE_TEST (append_cancelled),
             STORE_TEST (commit_cancelled), STORE_TEST (other_calls_cancelled),
             STORE_TEST (cursor_closed_while_waiting), STORE_TEST (spurious_calls));
