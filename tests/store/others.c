/* SPDX-License-Identifier: Apache-2.0 */
/* others.c - mailboxes of other accounts and public ones: lists, subscriptions. */
#include "fixture.h"

#define CAROL "carol@example.test"

/* "owner:path owner:path" of list_others; "" of a public one is "public". */
static char *
others (struct fixture *f, struct ptn_account *account, const char *owner, const char *pattern) {
  g_autoptr (GString) text = g_string_new (NULL);
  struct ptn_cursor *cursor = NULL;
  const struct ptn_mailbox *row;
  assert_ok (DO (f, f->store->list_others (account, &call, owner, pattern, &cursor)));
  for (;;) {
    struct ptn_call held = { .task = f->task };
    ptn_status status = HARNESS_AWAIT (f->task, f->store->next_mailbox (cursor, &held, &row));
    if (status == PTN_OK) {
      assert_non_null (row->name.owner);
      const char *whose = *row->name.owner ? row->name.owner : "public";
      g_string_append_printf (text, "%s%.*s:%s", text->len ? " " : "", (int)strcspn (whose, "@"),
                              whose, row->name.path);
    }
    f->host->call_end (&held);
    if (status == PTN_END)
      break;
    assert_ok (status);
  }
  f->store->close_cursor (cursor);
  return g_string_free (g_steal_pointer (&text), FALSE);
}

#define assert_others(f, account, owner, pattern, expected)       \
  do {                                                            \
    g_autofree char *rows_ = others (f, account, owner, pattern); \
    assert_string_equal (rows_, expected);                        \
  } while (0)

/* An account's mailbox that BOB has these rights in. */
static void
share (struct fixture *f, const char *owner, const char *path, const char *rights) {
  struct ptn_account *account = account_open (f, owner);
  struct ptn_mailbox row;
  assert_ok (DO (f, f->store->create (account, &call, NAME (path), 0)));
  assert_ok (look_at (f, account, NAME (path), &row));
  if (*rights)
    assert_ok (try_rights (f, account, &row.id, BOB, rights));
  f->store->close (account);
}

static void
lists (void **state) {
  struct fixture *f = *state;
  UNLESS_OFFERED (f, PTN_STORE_ACL, list_others, return );
  struct ptn_account *bob = account_open (f, BOB);
  assert_others (f, bob, NULL, "*", "");
  share (f, CAROL, "b", "l");
  share (f, CAROL, "a-z", "lr");
  share (f, CAROL, "a", "lr");
  share (f, CAROL, "a/x", ""); /* begins with a's */
  share (f, CAROL, "secret", "r");
  share (f, ANN, "INBOX", "l");
  share (f, ANN, "none", "");
  share (f, BOB, "own", "lr");
  assert_others (f, bob, NULL, "*", "ann:INBOX carol:a carol:a-z carol:a/x carol:b");
  assert_others (f, bob, NULL, "%", "ann:INBOX carol:a carol:a-z carol:b");
  assert_others (f, bob, CAROL, "a*", "carol:a carol:a-z carol:a/x");
  assert_others (f, bob, ANN, "inbox", "ann:INBOX");
  assert_others (f, bob, BOB, "*", "");
  assert_others (f, bob, "never-seen@example.test", "*", "");
  assert_others (f, bob, "", "*", "");
  g_autofree char *own = listed (f, "*"); /* ANN's list is not concerned */
  assert_string_equal (own, "INBOX none");
  if (store_restarts (f)) {
    f->store->close (bob);
    bob = account_open (f, BOB);
    assert_others (f, bob, NULL, "%", "ann:INBOX carol:a carol:a-z carol:b");
  }
  struct ptn_account *root = account_open_as (f, "root", "root", NULL, true);
  assert_others (f, root, NULL, "s*", "carol:secret");
  f->store->close (root);
  f->store->close (bob);
}

static void
rights_that_go_take_it_out (void **state) {
  struct fixture *f = *state;
  UNLESS_OFFERED (f, PTN_STORE_ACL, list_others, return );
  struct ptn_account *bob = account_open (f, BOB);
  share (f, ANN, "a", "lr");
  share (f, ANN, "b", "lr");
  struct ptn_id a = id_of (f, "a"), b = id_of (f, "b");
  assert_others (f, bob, NULL, "*", "ann:a ann:b");
  assert_ok (try_rights (f, f->account, &a, BOB, ""));
  assert_others (f, bob, NULL, "*", "ann:b");
  assert_int_equal (look_at (f, bob, OF (ANN, "a"), NULL), PTN_E_NOT_FOUND);
  assert_ok (try_rights (f, f->account, &a, "anyone", "l"));
  assert_ok (try_rights (f, f->account, &b, "-anyone", "l"));
  assert_others (f, bob, NULL, "*", "ann:a");
  assert_ok (DO (f, f->store->rename (f->account, &call, NAME ("a"), NAME ("c/d"))));
  assert_others (f, bob, NULL, "*", "ann:c/d");
  assert_ok (DO (f, f->store->remove (f->account, &call, NAME ("c/d"))));
  assert_others (f, bob, NULL, "*", "");
  assert_ok (try_rights (f, f->account, &b, "-anyone", ""));
  assert_others (f, bob, NULL, "*", "ann:b");
  assert_ok (DO (f, f->store->remove_account (f->instance, &call, ANN)));
  assert_others (f, bob, NULL, "*", "");
  f->store->close (bob);
}

static void
groups_find_theirs (void **state) {
  struct fixture *f = *state;
  UNLESS_OFFERED (f, PTN_STORE_ACL, list_others, return );
  make (f, "a");
  make (f, "b");
  struct ptn_id a = id_of (f, "a"), b = id_of (f, "b");
  assert_ok (try_rights (f, f->account, &a, "$staff", "lr"));
  assert_ok (try_rights (f, f->account, &b, "$sales", "lr"));
  struct ptn_account *in = account_open_as (f, BOB, BOB, "staff", false);
  struct ptn_account *out = account_open (f, BOB);
  assert_others (f, in, NULL, "*", "ann:a");
  assert_others (f, out, NULL, "*", "");
  f->store->close (in);
  f->store->close (out);
}

static bool
subscribed (struct fixture *f, struct ptn_account *account, struct ptn_mailbox_name name) {
  struct ptn_mailbox row;
  assert_ok (look_at (f, account, name, &row));
  return row.attributes & PTN_MAILBOX_SUBSCRIBED;
}

static void
subscriptions_are_each_ones_own (void **state) {
  struct fixture *f = *state;
  UNLESS_OFFERED (f, PTN_STORE_ACL, list_others, return );
  struct ptn_account *bob = account_open (f, BOB);
  share (f, ANN, "a", "lr");
  assert_ok (DO (f, f->store->subscribe (bob, &call, OF (ANN, "a"), 1)));
  assert_true (subscribed (f, bob, OF (ANN, "a")));
  assert_false (subscribed (f, f->account, NAME ("a")));
  assert_ok (DO (f, f->store->subscribe (f->account, &call, NAME ("a"), 1)));
  assert_ok (DO (f, f->store->subscribe (bob, &call, OF (ANN, "a"), 0)));
  assert_false (subscribed (f, bob, OF (ANN, "a")));
  assert_true (subscribed (f, f->account, NAME ("a")));
  assert_ok (DO (f, f->store->subscribe (bob, &call, OF (ANN, "a"), 1)));
  if (store_restarts (f)) {
    f->store->close (bob);
    bob = account_open (f, BOB);
    assert_true (subscribed (f, bob, OF (ANN, "a")));
    assert_true (subscribed (f, f->account, NAME ("a")));
  }
  f->store->close (bob);
}

/* One's own by another's name: the same mailboxes. */
static void
ones_own_by_name (void **state) {
  struct fixture *f = *state;
  make (f, "a");
  struct ptn_mailbox by_name = { 0 }, own = status_of (f, "a");
  assert_ok (look_at (f, f->account, OF (ANN, "a"), &by_name));
  assert_memory_equal (&by_name.id, &own.id, sizeof own.id);
  assert_ok (DO (f, f->store->create (f->account, &call, OF (ANN, "b"), 0)));
  assert_true (exists (f, "b"));
}

static void
public_mailboxes (void **state) {
  struct fixture *f = *state;
  if (!DECLARES (f, PTN_STORE_PUBLIC) || !DECLARES (f, PTN_STORE_ACL))
    return;
  struct ptn_account *root = account_open_as (f, "root", "root", NULL, true);
  struct ptn_mailbox row;
  assert_int_equal (DO (f, f->store->create (f->account, &call, OF ("", "mine"), 0)), PTN_E_DENIED);
  assert_ok (DO (f, f->store->create (root, &call, OF ("", "news/local"), 0)));
  assert_ok (look_at (f, root, OF ("", "news"), &row));
  assert_others (f, f->account, "", "*", "");
  assert_int_equal (look_at (f, f->account, OF ("", "news"), NULL), PTN_E_NOT_FOUND);
  assert_ok (try_rights (f, root, &row.id, "anyone", "lrsi"));
  assert_others (f, f->account, "", "*", "public:news");
  assert_others (f, f->account, NULL, "*", ""); /* the others' are not the public ones */
  assert_others (f, root, "", "*", "public:news public:news/local");
  assert_ok (try_append (f, f->account, &row.id, 0));
  assert_ok (try_flags (f, f->account, &row.id, ALL_UIDS, PTN_FLAGS_ADD, PTN_SEEN));
  assert_int_equal (try_expunge (f, f->account, &row.id, ALL_UIDS), PTN_E_DENIED);
  if (store_restarts (f)) {
    assert_others (f, f->account, "", "*", "public:news");
    assert_ok (look_at (f, f->account, OF ("", "news"), &row));
    assert_int_equal (row.messages, 1);
  } else {
    assert_ok (DO (f, f->store->remove (root, &call, OF ("", "news"))));
    assert_int_equal (look_at (f, f->account, OF ("", "news/local"), NULL), PTN_E_NOT_FOUND);
  }
  f->store->close (root);
}

STORE_GROUP (others, STORE_TEST (lists), STORE_TEST (rights_that_go_take_it_out),
             STORE_TEST (groups_find_theirs), STORE_TEST (subscriptions_are_each_ones_own),
             STORE_TEST (ones_own_by_name), STORE_TEST (public_mailboxes));
