/* SPDX-License-Identifier: Apache-2.0 */
/* annotations.c - of messages, of mailboxes, of the account. */
#include "fixture.h"

static ptn_status
annotate_status (struct fixture *f, const char *path, struct ptn_uid_set uids, const char *name,
                 const void *value, size_t size) {
  struct ptn_id id = { { 0 } };
  if (path)
    id = id_of (f, path);
  struct ptn_change *change = begin (f, NULL);
  ptn_status status = DO (f, f->store->annotate (change, &call, path ? &id : NULL, uids, name,
                                                 (struct ptn_bytes){ value, size }));
  if (status == PTN_OK)
    status = DO (f, f->store->commit (change, &call));
  f->store->end (change);
  return status;
}

static void
annotate (struct fixture *f, const char *path, struct ptn_uid_set uids, const char *name,
          const char *value) {
  assert_ok (annotate_status (f, path, uids, name, value, value ? strlen (value) : 0));
}

/* "1 /a=x, 2 /a=y", as an account sees them */
static char *
annotations_for (struct fixture *f, struct ptn_account *account, const struct ptn_id *id,
                 struct ptn_uid_set uids, int all, const char *name) {
  g_autoptr (GString) text = g_string_new (NULL);
  struct ptn_cursor *cursor = NULL;
  const struct ptn_annotation *row;
  assert_ok (DO (f, f->store->annotations (account, &call, id, uids, all, name, &cursor)));
  for (;;) {
    struct ptn_call held = { .task = f->task };
    ptn_status status = HARNESS_AWAIT (f->task, f->store->next_annotation (cursor, &held, &row));
    if (status == PTN_OK)
      g_string_append_printf (text, "%s%u %s=%.*s", text->len ? ", " : "", row->uid, row->name,
                              (int)row->value.size, (const char *)row->value.data);
    f->host->call_end (&held);
    if (status == PTN_END)
      break;
    assert_ok (status);
  }
  f->store->close_cursor (cursor);
  return g_string_free (g_steal_pointer (&text), FALSE);
}

static char *
annotations (struct fixture *f, const char *path, struct ptn_uid_set uids, int all,
             const char *name) {
  struct ptn_id id = { { 0 } };
  if (path)
    id = id_of (f, path);
  return annotations_for (f, f->account, path ? &id : NULL, uids, all, name);
}

#define assert_annotations(f, path, uids, all, name, expected)       \
  do {                                                               \
    g_autofree char *rows_ = annotations (f, path, uids, all, name); \
    assert_string_equal (rows_, expected);                           \
  } while (0)
#define NONE ((struct ptn_uid_set){ 0 })

static void
of_messages (void **state) {
  struct fixture *f = *state;
  for (int i = 0; i < 4; i++)
    deliver (f, ANN, "INBOX", "x\r\n");
  assert_annotations (f, "INBOX", NONE, 1, NULL, "");
  annotate (f, "INBOX", UIDS ({ 2, 3 }, { 50, 60 }), "/pop3/retrieved", "123");
  annotate (f, "INBOX", UIDS ({ 3, 3 }), "/a", "z");
  assert_annotations (f, "INBOX", NONE, 1, NULL,
                      "2 /pop3/retrieved=123, 3 /a=z, 3 /pop3/retrieved=123");
  assert_annotations (f, "INBOX", NONE, 1, "/a", "3 /a=z");
  assert_annotations (f, "INBOX", UIDS ({ 1, 2 }), 0, NULL, "2 /pop3/retrieved=123");
  assert_annotations (f, "INBOX", NONE, 1, "/b", "");
  annotate (f, "INBOX", UIDS ({ 3, 3 }), "/a", "changed");
  assert_annotations (f, "INBOX", NONE, 1, "/a", "3 /a=changed");
  annotate (f, "INBOX", ALL_UIDS, "/pop3/retrieved", NULL);
  assert_annotations (f, "INBOX", NONE, 1, NULL, "3 /a=changed");
  expunge (f, "INBOX", UIDS ({ 3, 3 }));
  assert_annotations (f, "INBOX", NONE, 1, NULL, "");
}

static void
of_mailbox_and_account (void **state) {
  struct fixture *f = *state;
  deliver (f, ANN, "INBOX", "x\r\n");
  assert_annotations (f, NULL, NONE, 0, NULL, "");
  annotate (f, "INBOX", NONE, "/comment", "of the mailbox");
  annotate (f, NULL, NONE, "/comment", "of the account");
  annotate (f, "INBOX", UIDS ({ 1, 1 }), "/comment", "of the message");
  assert_annotations (f, "INBOX", NONE, 0, NULL, "0 /comment=of the mailbox");
  assert_annotations (f, NULL, NONE, 0, NULL, "0 /comment=of the account");
  assert_annotations (f, "INBOX", NONE, 1, NULL, "1 /comment=of the message");
  annotate (f, "INBOX", NONE, "/comment", NULL);
  annotate (f, NULL, NONE, "/comment", NULL);
  assert_annotations (f, "INBOX", NONE, 0, NULL, "");
  assert_annotations (f, NULL, NONE, 0, NULL, "");
}

static void
sizes_of_values (void **state) {
  struct fixture *f = *state;
  g_autofree char *big = g_strnfill (64 * 1024 + 1, 'v');
  deliver (f, ANN, "INBOX", "x\r\n");
  assert_int_equal (annotate_status (f, "INBOX", UIDS ({ 1, 1 }), "/big", big, 64 * 1024 + 1),
                    PTN_E_LIMIT);
  assert_ok (annotate_status (f, "INBOX", UIDS ({ 1, 1 }), "/big", big, 64 * 1024));
  big[64 * 1024] = '\0';
  g_autofree char *expected = g_strdup_printf ("1 /big=%s", big);
  assert_annotations (f, "INBOX", NONE, 1, NULL, expected);
  assert_ok (annotate_status (f, "INBOX", UIDS ({ 1, 1 }), "/big", "", 0)); /* empty, not gone */
  assert_annotations (f, "INBOX", NONE, 1, NULL, "1 /big=");
}

static void
account_that_was_never_seen (void **state) {
  struct fixture *f = *state;
  annotate (f, NULL, NONE, "/settings/colour", "green");
  assert_annotations (f, NULL, NONE, 0, "/settings/colour", "0 /settings/colour=green");
}

static void
with_an_expunge_in_one_change (void **state) {
  struct fixture *f = *state;
  for (int i = 0; i < 3; i++)
    deliver (f, ANN, "INBOX", "x\r\n");
  struct ptn_id id = id_of (f, "INBOX");
  struct ptn_change *change = begin (f, NULL);
  assert_ok (DO (f, f->store->annotate (change, &call, &id, UIDS ({ 1, 2 }), "/pop3/retrieved",
                                        (struct ptn_bytes){ "1", 1 })));
  assert_ok (DO (f, f->store->expunge (change, &call, &id, UIDS ({ 2, 2 }), 0)));
  commit (f, change);
  f->store->end (change);
  assert_annotations (f, "INBOX", NONE, 1, NULL, "1 /pop3/retrieved=1");
  assert_int_equal (status_of (f, "INBOX").messages, 2);
}

static void
bad_names (void **state) {
  struct fixture *f = *state;
  deliver (f, ANN, "INBOX", "x\r\n");
  assert_int_equal (annotate_status (f, "INBOX", UIDS ({ 1, 1 }), "none", "x", 1), PTN_E_INVALID);
  assert_int_equal (annotate_status (f, "INBOX", UIDS ({ 1, 1 }), "", "x", 1), PTN_E_INVALID);
  assert_int_equal (annotate_status (f, "INBOX", UIDS ({ 1, 1 }), "/a\n", "x", 1), PTN_E_INVALID);
  assert_int_equal (annotate_status (f, "INBOX", UIDS ({ 1, 1 }), "/a\1b", "x", 1), PTN_E_INVALID);
  assert_int_equal (annotate_status (f, "INBOX", UIDS ({ 1, 1 }), "/\xff", "x", 1), PTN_E_INVALID);
  assert_annotations (f, "INBOX", NONE, 1, NULL, "");
}

/* --- RFC 5464 section 2.1: /private/ ---------------------------------------------------------- */

#define assert_seen(f, account, id, uids, all, name, expected)                  \
  do {                                                                          \
    g_autofree char *rows_ = annotations_for (f, account, id, uids, all, name); \
    assert_string_equal (rows_, expected);                                      \
  } while (0)

/* Two who open the same account see each their own. */
static void
private_ones_of_delegates (void **state) {
  struct fixture *f = *state;
  if (!DECLARES (f, PTN_STORE_ANNOTATIONS))
    return;
  deliver (f, ANN, "INBOX", "x\r\n");
  struct ptn_id id = id_of (f, "INBOX");
  struct ptn_account *bob = account_open_as (f, ANN, BOB, NULL, false);
  assert_ok (try_annotate (f, f->account, &id, UIDS ({ 1, 1 }), "/private/note", "ann's"));
  assert_ok (try_annotate (f, bob, &id, UIDS ({ 1, 1 }), "/private/note", "bob's"));
  assert_ok (try_annotate (f, bob, &id, UIDS ({ 1, 1 }), "/shared", "ours"));
  assert_ok (try_annotate (f, bob, &id, NONE, "/private/x", "of the mailbox"));
  assert_ok (try_annotate (f, bob, NULL, NONE, "/private/x", "of the account"));
  assert_ok (try_annotate (f, bob, &id, UIDS ({ 1, 1 }), "/private/a/b", "deep"));
  assert_ok (try_annotate (f, bob, &id, UIDS ({ 1, 1 }), "/private/a", "up"));
  assert_seen (f, f->account, &id, NONE, 1, NULL, "1 /private/note=ann's, 1 /shared=ours");
  assert_seen (f, bob, &id, NONE, 1, NULL,
               "1 /private/a=up, 1 /private/a/b=deep, 1 /private/note=bob's, 1 /shared=ours");
  assert_seen (f, bob, &id, NONE, 1, "/private/a", "1 /private/a=up");
  assert_seen (f, f->account, &id, NONE, 0, NULL, "");
  assert_seen (f, bob, &id, NONE, 0, NULL, "0 /private/x=of the mailbox");
  assert_seen (f, f->account, NULL, NONE, 0, NULL, "");
  assert_seen (f, bob, NULL, NONE, 0, "/private/x", "0 /private/x=of the account");
  assert_ok (try_annotate (f, bob, &id, UIDS ({ 1, 1 }), "/private/note", NULL)); /* his alone */
  assert_seen (f, f->account, &id, NONE, 1, "/private/note", "1 /private/note=ann's");
  assert_seen (f, bob, &id, NONE, 1, "/private/note", "");
  f->store->close (bob); /* no object of a store outlives its stop */
  if (store_restarts (f)) {
    bob = account_open_as (f, ANN, BOB, NULL, false);
    assert_seen (f, f->account, &id, NONE, 1, "/private/note", "1 /private/note=ann's");
    assert_seen (f, bob, &id, NONE, 1, "/private/a", "1 /private/a=up");
    f->store->close (bob);
  }
}

static void
private_ones_need_only_r (void **state) {
  struct fixture *f = *state;
  if (!DECLARES (f, PTN_STORE_ANNOTATIONS) || !DECLARES (f, PTN_STORE_ACL))
    return;
  deliver (f, ANN, "INBOX", "x\r\n");
  struct ptn_id id = id_of (f, "INBOX");
  struct ptn_account *bob = account_open (f, BOB);
  assert_ok (try_rights (f, f->account, &id, BOB, "lr"));
  assert_ok (try_annotate (f, bob, &id, UIDS ({ 1, 1 }), "/private/note", "bob's"));
  assert_int_equal (try_annotate (f, bob, &id, UIDS ({ 1, 1 }), "/privately", "x"), PTN_E_DENIED);
  assert_ok (try_annotate (f, f->account, &id, UIDS ({ 1, 1 }), "/comment", "open"));
  assert_seen (f, bob, &id, NONE, 1, NULL, "1 /comment=open, 1 /private/note=bob's");
  assert_seen (f, f->account, &id, NONE, 1, NULL, "1 /comment=open");
  f->store->close (bob);
}

STORE_GROUP (annotation, STORE_TEST (bad_names), STORE_TEST (private_ones_of_delegates),
             STORE_TEST (private_ones_need_only_r), STORE_TEST (of_messages),
             STORE_TEST (of_mailbox_and_account), STORE_TEST (sizes_of_values),
             STORE_TEST (account_that_was_never_seen), STORE_TEST (with_an_expunge_in_one_change));
