/* SPDX-License-Identifier: Apache-2.0 */
/* special_use.c - RFC 6154 attributes: set by create, changed, listed, kept. */
#include "fixture.h"

static ptn_status
create (struct fixture *f, const char *path, uint32_t attributes) {
  return DO (f, f->store->create (f->account, &call, NAME (path), attributes));
}

static ptn_status
set (struct fixture *f, const char *path, uint32_t attributes) {
  struct ptn_id id = id_of (f, path);
  return DO (f, f->store->set_attributes (f->account, &call, &id, attributes));
}

static uint32_t
uses (struct fixture *f, const char *path) {
  return status_of (f, path).attributes & PTN_MAILBOX_SPECIAL_USES;
}

/* As a row of list has them. */
static uint32_t
listed_uses (struct fixture *f, const char *path) {
  struct ptn_cursor *cursor = NULL;
  const struct ptn_mailbox *row = NULL;
  assert_ok (DO (f, f->store->list (f->account, &call, path, &cursor)));
  struct ptn_call held = { .task = f->task };
  assert_ok (HARNESS_AWAIT (f->task, f->store->next_mailbox (cursor, &held, &row)));
  uint32_t attributes = row->attributes & PTN_MAILBOX_SPECIAL_USES;
  f->host->call_end (&held);
  f->store->close_cursor (cursor);
  return attributes;
}

static void
made_with_a_use (void **state) {
  struct fixture *f = *state;
  UNLESS_OFFERED (f, PTN_STORE_SPECIAL_USE, set_attributes, return );
  assert_ok (create (f, "Sent", PTN_MAILBOX_SENT));
  assert_ok (create (f, "a/Old", PTN_MAILBOX_ARCHIVE | PTN_MAILBOX_IMPORTANT));
  assert_ok (create (f, "Plain", 0));
  assert_int_equal (uses (f, "Sent"), PTN_MAILBOX_SENT);
  assert_int_equal (uses (f, "a/Old"), PTN_MAILBOX_ARCHIVE | PTN_MAILBOX_IMPORTANT);
  assert_int_equal (uses (f, "a"), 0); /* a parent that had to be made */
  assert_int_equal (uses (f, "Plain"), 0);
  assert_int_equal (listed_uses (f, "Sent"), PTN_MAILBOX_SENT);
  assert_int_equal (create (f, "Sent", PTN_MAILBOX_JUNK), PTN_E_EXISTS);
  assert_int_equal (uses (f, "Sent"), PTN_MAILBOX_SENT);
}

static void
changed (void **state) {
  struct fixture *f = *state;
  UNLESS_OFFERED (f, PTN_STORE_SPECIAL_USE, set_attributes, return );
  make (f, "a");
  uint32_t each = 1u << 8;
  for (; each <= PTN_MAILBOX_JOURNAL; each <<= 1) {
    assert_ok (set (f, "a", each));
    assert_int_equal (uses (f, "a"), each); /* instead of the one before */
  }
  assert_ok (set (f, "a", PTN_MAILBOX_SPECIAL_USES));
  assert_int_equal (uses (f, "a"), PTN_MAILBOX_SPECIAL_USES);
  assert_ok (set (f, "a", 0));
  assert_int_equal (uses (f, "a"), 0);
  deliver (f, ANN, "INBOX", "x\r\n");
  assert_ok (set (f, "INBOX", PTN_MAILBOX_FLAGGED));
  assert_int_equal (uses (f, "INBOX"), PTN_MAILBOX_FLAGGED);
}

static void
other_bits_are_refused (void **state) {
  struct fixture *f = *state;
  UNLESS_OFFERED (f, PTN_STORE_SPECIAL_USE, set_attributes, return );
  make (f, "a");
  assert_ok (set (f, "a", PTN_MAILBOX_TRASH));
  assert_int_equal (set (f, "a", PTN_MAILBOX_TRASH | PTN_MAILBOX_NOSELECT), PTN_E_INVALID);
  assert_int_equal (set (f, "a", PTN_MAILBOX_SUBSCRIBED), PTN_E_INVALID);
  assert_int_equal (set (f, "a", 1u << 21), PTN_E_INVALID);
  assert_int_equal (create (f, "b", 1u << 31), PTN_E_INVALID);
  assert_false (exists (f, "b"));
  assert_int_equal (uses (f, "a"), PTN_MAILBOX_TRASH);
  struct ptn_id nobody = { { 9, 9, 9 } };
  assert_int_equal (DO (f, f->store->set_attributes (f->account, &call, &nobody, 0)),
                    PTN_E_NOT_FOUND);
}

static void
kept_and_lost (void **state) {
  struct fixture *f = *state;
  UNLESS_OFFERED (f, PTN_STORE_SPECIAL_USE, set_attributes, return );
  assert_ok (create (f, "a", PTN_MAILBOX_DRAFTS));
  assert_ok (create (f, "a/b", PTN_MAILBOX_TRASH));
  assert_ok (DO (f, f->store->rename (f->account, &call, NAME ("a"), NAME ("c"))));
  assert_int_equal (uses (f, "c"), PTN_MAILBOX_DRAFTS);
  assert_int_equal (uses (f, "c/b"), PTN_MAILBOX_TRASH);
  deliver (f, ANN, "c", "x\r\n");
  assert_int_equal (uses (f, "c"), PTN_MAILBOX_DRAFTS);
  if (store_restarts (f)) {
    assert_int_equal (uses (f, "c"), PTN_MAILBOX_DRAFTS);
    assert_int_equal (listed_uses (f, "c/b"), PTN_MAILBOX_TRASH);
  }
  assert_ok (DO (f, f->store->remove (f->account, &call, NAME ("c/b"))));
  make (f, "c/b");
  assert_int_equal (uses (f, "c/b"), 0); /* another mailbox */
}

STORE_GROUP (special_use, STORE_TEST (made_with_a_use), STORE_TEST (changed),
             STORE_TEST (other_bits_are_refused), STORE_TEST (kept_and_lost));
