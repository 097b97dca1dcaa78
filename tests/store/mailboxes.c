/* SPDX-License-Identifier: Apache-2.0 */
/* mailboxes.c - list, status, create, remove, rename, subscribe. */
#include "fixture.h"

#define assert_listed(f, pattern, expected)       \
  do {                                            \
    g_autofree char *rows_ = listed (f, pattern); \
    assert_string_equal (rows_, expected);        \
  } while (0)

static ptn_status
create (struct fixture *f, const char *path) {
  return DO (f, f->store->create (f->account, &call, NAME (path), 0));
}

static ptn_status
rename_to (struct fixture *f, const char *from, const char *to) {
  return DO (f, f->store->rename (f->account, &call, NAME (from), NAME (to)));
}

static ptn_status
drop (struct fixture *f, const char *path) {
  return DO (f, f->store->remove (f->account, &call, NAME (path)));
}

static void
new_account_is_empty (void **state) {
  struct fixture *f = *state;
  assert_listed (f, "*", "");
  assert_false (exists (f, "INBOX"));
  struct ptn_quota quota = quota_of (f, f->account);
  assert_int_equal (quota.storage_used, 0);
  assert_int_equal (quota.messages_used, 0);
  struct ptn_strings accounts;
  assert_int_equal (DO (f, f->store->list_accounts (f->instance, &call, "", &accounts)),
                    PTN_END); /* opening and reading never write */
}

static void
created_mailbox_is_empty (void **state) {
  struct fixture *f = *state;
  make (f, "Sent");
  struct ptn_mailbox row = status_of (f, "Sent");
  assert_int_equal (row.messages, 0);
  assert_int_equal (row.unseen, 0);
  assert_int_equal (row.deleted, 0);
  assert_int_equal (row.octets, 0);
  assert_int_equal (row.uidnext, 1);
  assert_int_not_equal (row.uidvalidity, 0);
  assert_true (row.highest_modseq > 0);
  assert_int_equal (row.attributes, 0);
  assert_int_equal (create (f, "Sent"), PTN_E_EXISTS);
}

static void
inbox_in_any_case (void **state) {
  struct fixture *f = *state;
  make (f, "inbox");
  assert_listed (f, "*", "INBOX");
  assert_listed (f, "iNbOx", "INBOX");
  assert_int_equal (create (f, "Inbox"), PTN_E_EXISTS);
  assert_true (exists (f, "InBox"));
  assert_int_equal (drop (f, "INBOX"), PTN_E_INVALID);
  deliver (f, ANN, "INBOX", "a\r\n");
  assert_int_equal (status_of (f, "inbox").messages, 1);
  make (f, "Inboxes"); /* another name */
  assert_false (exists (f, "inboxes"));
}

static void
patterns (void **state) {
  struct fixture *f = *state;
  make (f, "INBOX");
  make (f, "a");
  make (f, "a/b");
  make (f, "a/b/c");
  make (f, "a-z");
  make (f, "\xc3\xa9t\xc3\xa9");
  assert_listed (f, "*", "INBOX a a-z a/b a/b/c \xc3\xa9t\xc3\xa9");
  assert_listed (f, "%", "INBOX a a-z \xc3\xa9t\xc3\xa9");
  assert_listed (f, "a/%", "a/b");
  assert_listed (f, "a*", "a a-z a/b a/b/c");
  assert_listed (f, "%/%", "a/b");
  assert_listed (f, "*c", "a/b/c");
  assert_listed (f, "a/*c", "a/b/c");
  assert_listed (f, "*%*", "INBOX a a-z a/b a/b/c \xc3\xa9t\xc3\xa9");
  assert_listed (f, "A", "");
  assert_listed (f, "", "");
  assert_listed (f, "\xc3%", "\xc3\xa9t\xc3\xa9");
}

static void
hostile_pattern_is_quick (void **state) {
  struct fixture *f = *state;
  g_autofree char *name = g_strnfill (200, 'a');
  g_autoptr (GString) pattern = g_string_new (NULL);
  make (f, name);
  for (int i = 0; i < 200; i++)
    g_string_append (pattern, "*a");
  g_string_append (pattern, "*b");
  int64_t before = f->host->monotonic_ns ();
  assert_listed (f, pattern->str, "");
  assert_true (f->host->monotonic_ns () - before < 1000000000);
}

static void
bad_names (void **state) {
  struct fixture *f = *state;
  static const char *const names[] = { "", "/a", "a/", "a//b", "a\nb", "a\x7f", "\xff\xfe" };
  for (size_t i = 0; i < G_N_ELEMENTS (names); i++)
    assert_int_equal (create (f, names[i]), PTN_E_INVALID);
  make (f, "a");
  assert_int_equal (rename_to (f, "a", "b//c"), PTN_E_INVALID);
  assert_int_equal (DO (f, f->store->create (f->account, &call,
                                             (struct ptn_mailbox_name){ BOB, "theirs" }, 0)),
                    PTN_E_DENIED);
}

static void
children_and_parents (void **state) {
  struct fixture *f = *state;
  make (f, "a/b");
  assert_true (exists (f, "a"));
  assert_true (status_of (f, "a").attributes & PTN_MAILBOX_HAS_CHILDREN);
  assert_false (status_of (f, "a/b").attributes & PTN_MAILBOX_HAS_CHILDREN);
  deliver (f, ANN, "a", "gone soon\r\n");
  assert_ok (drop (f, "a"));
  struct ptn_mailbox row = status_of (f, "a");
  assert_true (row.attributes & PTN_MAILBOX_NOSELECT);
  assert_int_equal (row.messages, 0);
  assert_int_equal (quota_of (f, f->account).messages_used, 0);
  assert_true (exists (f, "a/b"));
  assert_ok (create (f, "a")); /* NOSELECT no longer */
  assert_false (status_of (f, "a").attributes & PTN_MAILBOX_NOSELECT);
  assert_ok (drop (f, "a/b"));
  assert_ok (drop (f, "a"));
  assert_listed (f, "*", "");
  assert_int_equal (drop (f, "a"), PTN_E_NOT_FOUND);
}

static void
made_again_is_another (void **state) {
  struct fixture *f = *state;
  make (f, "a");
  deliver (f, ANN, "a", "x\r\n");
  struct ptn_mailbox before = status_of (f, "a");
  assert_ok (drop (f, "a"));
  make (f, "a");
  struct ptn_mailbox after = status_of (f, "a");
  assert_true (after.uidvalidity > before.uidvalidity);
  assert_memory_not_equal (&after.id, &before.id, sizeof after.id);
  const struct ptn_view *view = NULL;
  assert_int_equal (DO (f, f->store->view (f->account, &call, &before.id, &view)), PTN_E_NOT_FOUND);
}

static void
rename_takes_children (void **state) {
  struct fixture *f = *state;
  make (f, "a/b/c");
  make (f, "ab");
  uint32_t uid = deliver (f, ANN, "a/b", "stays\r\n");
  struct ptn_mailbox before = status_of (f, "a/b");
  assert_ok (rename_to (f, "a", "x/y"));
  assert_listed (f, "*", "ab x x/y x/y/b x/y/b/c");
  struct ptn_mailbox after = status_of (f, "x/y/b");
  assert_memory_equal (&after.id, &before.id, sizeof after.id);
  assert_int_equal (after.uidvalidity, before.uidvalidity);
  g_autofree char *text = text_of (f, "x/y/b", uid);
  assert_string_equal (text, "stays\r\n");
  assert_int_equal (rename_to (f, "x", "ab"), PTN_E_EXISTS);
  assert_int_equal (rename_to (f, "x", "x/y/z"), PTN_E_INVALID);
  assert_int_equal (rename_to (f, "nowhere", "z"), PTN_E_NOT_FOUND);
}

static void
rename_of_inbox_moves_its_messages (void **state) {
  struct fixture *f = *state;
  deliver (f, ANN, "INBOX", "one\r\n");
  deliver (f, ANN, "INBOX", "two\r\n");
  make (f, "INBOX/child");
  struct ptn_mailbox before = status_of (f, "INBOX");
  assert_ok (rename_to (f, "INBOX", "old"));
  struct ptn_mailbox inbox = status_of (f, "INBOX"), old = status_of (f, "old");
  assert_int_equal (inbox.messages, 0);
  assert_memory_equal (&inbox.id, &before.id, sizeof inbox.id);
  assert_int_equal (inbox.uidvalidity, before.uidvalidity);
  assert_true (inbox.uidnext >= before.uidnext);
  assert_int_equal (old.messages, 2);
  assert_true (exists (f, "INBOX/child"));
  g_autofree char *text = text_of (f, "old", 1);
  assert_string_equal (text, "one\r\n");
  uint32_t next = deliver (f, ANN, "INBOX", "three\r\n");
  assert_true (next >= before.uidnext);
  assert_int_equal (rename_to (f, "INBOX", "old"), PTN_E_EXISTS);
}

static void
subscriptions (void **state) {
  struct fixture *f = *state;
  make (f, "a");
  assert_ok (DO (f, f->store->subscribe (f->account, &call, NAME ("a"), 1)));
  assert_true (status_of (f, "a").attributes & PTN_MAILBOX_SUBSCRIBED);
  assert_ok (DO (f, f->store->subscribe (f->account, &call, NAME ("a"), 1)));
  assert_ok (DO (f, f->store->subscribe (f->account, &call, NAME ("a"), 0)));
  assert_false (status_of (f, "a").attributes & PTN_MAILBOX_SUBSCRIBED);
  assert_int_equal (DO (f, f->store->subscribe (f->account, &call, NAME ("b"), 1)),
                    PTN_E_NOT_FOUND);
}

static void
cursor_closed_early (void **state) {
  struct fixture *f = *state;
  struct ptn_cursor *cursor = NULL;
  make (f, "a");
  make (f, "b");
  const struct ptn_mailbox *row;
  assert_ok (DO (f, f->store->list (f->account, &call, "*", &cursor)));
  assert_ok (DO (f, f->store->next_mailbox (cursor, &call, &row)));
  f->store->close_cursor (cursor);
}

STORE_GROUP (mailbox, STORE_TEST (new_account_is_empty), STORE_TEST (created_mailbox_is_empty),
             STORE_TEST (inbox_in_any_case), STORE_TEST (patterns),
             STORE_TEST (hostile_pattern_is_quick), STORE_TEST (bad_names),
             STORE_TEST (children_and_parents), STORE_TEST (made_again_is_another),
             STORE_TEST (rename_takes_children), STORE_TEST (rename_of_inbox_moves_its_messages),
             STORE_TEST (subscriptions), STORE_TEST (cursor_closed_early));
