/* SPDX-License-Identifier: Apache-2.0 */
/* mailboxes.c - status, create, remove, rename, subscribe. */
#include "kit.h"

RULE (new_account, "account.new-is-empty",
      "An account that the store has never seen is empty, without any mailbox",
      "store.h: \"An account need not exist before it is opened\"", 0, 0) {
  must_list (f, "*", "");
  must (!exists (f, "INBOX"), "INBOX is there before anything was delivered or created");
  struct ptn_quota quota = quota_of (f);
  must_be (quota.storage_used, 0, "storage_used of a new account");
  must_be (quota.messages_used, 0, "messages_used of a new account");
}

RULE (opening_writes_nothing, "account.opening-writes-nothing",
      "Opening and reading never write: an account that was only looked at is not listed",
      "store.h: \"Opening and reading never write\"", 0, 0) {
  struct ptn_strings accounts = { 0 };
  must_list (f, "*", "");
  quota_of (f);
  exists (f, "INBOX");
  must_give (DO (f, f->store->list_accounts (f->instance, &call, "", &accounts)), PTN_END,
             "list_accounts after an account was opened and read");
}

RULE (created_is_empty, "mailbox.create.empty",
      "A created mailbox has no messages, UIDNEXT 1, a UIDVALIDITY and a modseq",
      "store.h, create and struct ptn_mailbox", 0, 0) {
  make (f, "Sent");
  struct ptn_mailbox row = status_of (f, "Sent");
  must_be (row.messages, 0, "messages of a mailbox just created");
  must_be (row.unseen, 0, "unseen of a mailbox just created");
  must_be (row.deleted, 0, "deleted of a mailbox just created");
  must_be (row.octets, 0, "octets of a mailbox just created");
  must_be (row.uidnext, 1, "uidnext of a mailbox just created");
  must (row.uidvalidity != 0, "uidvalidity of a mailbox just created is 0");
  must (row.highest_modseq > 0, "highest_modseq of a mailbox just created is 0");
  must_be (row.attributes, 0, "attributes of a mailbox just created");
  static const struct ptn_id zero;
  must (!same_id (&row.id, &zero), "the id of a mailbox is all zero, which means the account");
}

RULE (create_twice, "mailbox.create.exists", "create of a mailbox that is there: PTN_E_EXISTS",
      "store.h, create", 0, 0) {
  make (f, "Sent");
  uint32_t uid = deliver (f, ANN, "Sent", "x\r\n");
  must_give (create (f, "Sent"), PTN_E_EXISTS, "create \"Sent\" once more");
  must_have_text (f, "Sent", uid, "x\r\n");
}

RULE (create_makes_parents, "mailbox.create.parents", "create makes the parents that are missing",
      "store.h, create; RFC 9051 section 6.3.4", 0, 0) {
  make (f, "a/b/c");
  must (exists (f, "a") && exists (f, "a/b"), "after create \"a/b/c\" the parents are missing");
  must_list (f, "*", "a a/b a/b/c");
}

RULE (ids_differ, "mailbox.id.unique", "Each mailbox has an id of its own",
      "store.h, struct ptn_mailbox; RFC 8474", 0, 0) {
  make (f, "a");
  make (f, "b");
  deliver (f, BOB, "a", "x\r\n");
  struct ptn_id a = id_of (f, "a"), b = id_of (f, "b");
  struct ptn_account *before = account_switch (f, BOB);
  struct ptn_id theirs = id_of (f, "a");
  account_back (f, before);
  must (!same_id (&a, &b), "\"a\" and \"b\" of one account have the same id");
  must (!same_id (&a, &theirs), "\"a\" of two accounts has the same id");
}

RULE (has_children, "mailbox.attributes.children",
      "HAS_CHILDREN is set as long as a mailbox has children", "store.h, PTN_MAILBOX_HAS_CHILDREN",
      0, 0) {
  make (f, "a/b");
  must (status_of (f, "a").attributes & PTN_MAILBOX_HAS_CHILDREN,
        "\"a\" has the child \"a/b\" and not PTN_MAILBOX_HAS_CHILDREN");
  must (!(status_of (f, "a/b").attributes & PTN_MAILBOX_HAS_CHILDREN),
        "\"a/b\" has PTN_MAILBOX_HAS_CHILDREN and no child");
  must_do (drop (f, "a/b"), "remove \"a/b\"");
  must (!(status_of (f, "a").attributes & PTN_MAILBOX_HAS_CHILDREN),
        "\"a\" has PTN_MAILBOX_HAS_CHILDREN after its only child was removed");
}

RULE (remove_takes_messages, "mailbox.remove.messages",
      "remove takes the mailbox and its messages away, and gives their quota back",
      "store.h, remove", 0, 0) {
  deliver (f, ANN, "a", "gone soon\r\n");
  struct ptn_id id = id_of (f, "a");
  must_do (drop (f, "a"), "remove \"a\"");
  must (!exists (f, "a"), "\"a\" is there after remove");
  must_list (f, "*", "");
  must_be (quota_of (f).messages_used, 0, "messages_used after the only mailbox was removed");
  must_be (quota_of (f).storage_used, 0, "storage_used after the only mailbox was removed");
  const struct ptn_view *view = NULL;
  must_give (DO (f, f->store->view (f->account, &call, &id, &view)), PTN_E_NOT_FOUND,
             "view of a removed mailbox");
}

RULE (remove_missing, "mailbox.remove.missing", "remove of what is not there: PTN_E_NOT_FOUND",
      "store.h, remove", 0, 0) {
  must_give (drop (f, "a"), PTN_E_NOT_FOUND, "remove \"a\", which is not there");
  make (f, "a");
  must_do (drop (f, "a"), "remove \"a\"");
  must_give (drop (f, "a"), PTN_E_NOT_FOUND, "remove \"a\" once more");
}

RULE (remove_inbox, "mailbox.remove.inbox", "remove of INBOX, in any case: PTN_E_INVALID",
      "store.h: \"remove: PTN_E_INVALID for INBOX\"", 0, 0) {
  make (f, "INBOX");
  must_give (drop (f, "INBOX"), PTN_E_INVALID, "remove \"INBOX\"");
  must_give (drop (f, "inbox"), PTN_E_INVALID, "remove \"inbox\"");
  must (exists (f, "INBOX"), "INBOX is gone after remove said that it cannot be removed");
}

RULE (remove_with_children, "mailbox.remove.noselect",
      "A removed mailbox that has children stays as NOSELECT, without its messages",
      "store.h: \"a mailbox with children stays as NOSELECT\"", 0, 0) {
  make (f, "a/b");
  deliver (f, ANN, "a", "gone soon\r\n");
  struct ptn_id id = id_of (f, "a");
  must_do (drop (f, "a"), "remove \"a\", which has a child");
  must (exists (f, "a/b"), "\"a/b\" is gone after its parent was removed");
  struct ptn_mailbox row = status_of (f, "a");
  must (row.attributes & PTN_MAILBOX_NOSELECT, "\"a\" has a child and was removed: NOSELECT is "
                                               "missing in its attributes");
  must_be (row.messages, 0, "messages of a NOSELECT mailbox");
  must_be (quota_of (f).messages_used, 0, "messages_used after the mailbox was removed");
  const struct ptn_view *view = NULL;
  must_give (DO (f, f->store->view (f->account, &call, &id, &view)), PTN_E_NOT_FOUND,
             "view of the NOSELECT mailbox by its old id");
}

RULE (noselect_again, "mailbox.create.noselect",
      "create of a name that is NOSELECT makes it a mailbox again", "store.h, create", 0, 0) {
  make (f, "a/b");
  must_do (drop (f, "a"), "remove \"a\", which has a child");
  must_do (create (f, "a"), "create \"a\", which is NOSELECT");
  must (!(status_of (f, "a").attributes & PTN_MAILBOX_NOSELECT), "\"a\" is NOSELECT after create");
  deliver (f, ANN, "a", "x\r\n");
  must_be (status_of (f, "a").messages, 1, "messages after a delivery");
  must_do (drop (f, "a/b"), "remove \"a/b\"");
  must_do (drop (f, "a"), "remove \"a\"");
  must_list (f, "*", "");
}

RULE (made_again, "mailbox.create.again",
      "A mailbox made again under an old name has another id and a greater UIDVALIDITY",
      "store.h, struct ptn_mailbox; RFC 9051 section 2.3.1.1", 0, 0) {
  deliver (f, ANN, "a", "x\r\n");
  struct ptn_mailbox before = status_of (f, "a");
  must_do (drop (f, "a"), "remove \"a\"");
  make (f, "a");
  struct ptn_mailbox after = status_of (f, "a");
  must (after.uidvalidity > before.uidvalidity,
        "\"a\" was removed and made again: uidvalidity was %u and is %u, it must grow",
        before.uidvalidity, after.uidvalidity);
  must (!same_id (&after.id, &before.id), "\"a\" was removed and made again and has its old id");
  const struct ptn_view *view = NULL;
  must_give (DO (f, f->store->view (f->account, &call, &before.id, &view)), PTN_E_NOT_FOUND,
             "view by the id of the removed mailbox");
}

RULE (rename_keeps, "mailbox.rename.identity",
      "rename keeps a mailbox's id, UIDVALIDITY, UIDs, flags and messages",
      "store.h: \"MAILBOXID (RFC 8474): survives renaming\"", 0, 0) {
  uint32_t uid = deliver (f, ANN, "a", "stays\r\n");
  set_flags (f, "a", UID (uid), PTN_FLAGS_ADD, PTN_FLAGGED);
  struct ptn_mailbox before = status_of (f, "a");
  must_do (rename_to (f, "a", "b"), "rename \"a\" to \"b\"");
  must (!exists (f, "a"), "\"a\" is there after it was renamed to \"b\"");
  struct ptn_mailbox after = status_of (f, "b");
  must (same_id (&after.id, &before.id), "the id of a mailbox is another one after rename");
  must_be (after.uidvalidity, before.uidvalidity, "uidvalidity after rename");
  must_be (after.uidnext, before.uidnext, "uidnext after rename");
  must_have_text (f, "b", uid, "stays\r\n");
  must_be (flags_of (f, "b", uid), PTN_FLAGGED, "flags after rename");
}

RULE (rename_children, "mailbox.rename.children", "rename takes the children along",
      "store.h: \"rename takes the children along\"", 0, 0) {
  make (f, "a/b/c");
  make (f, "ab"); /* no child of a */
  uint32_t uid = deliver (f, ANN, "a/b", "stays\r\n");
  struct ptn_mailbox before = status_of (f, "a/b");
  must_do (rename_to (f, "a", "x"), "rename \"a\" to \"x\", which has children");
  must_list (f, "*", "ab x x/b x/b/c");
  struct ptn_mailbox after = status_of (f, "x/b");
  must (same_id (&after.id, &before.id), "the id of the child is another one after rename");
  must_be (after.uidvalidity, before.uidvalidity, "uidvalidity of the child after rename");
  must_have_text (f, "x/b", uid, "stays\r\n");
}

RULE (rename_parents, "mailbox.rename.parents", "rename creates the parents that are missing",
      "store.h: \"and creates missing parents\"", 0, 0) {
  make (f, "a");
  must_do (rename_to (f, "a", "x/y/z"), "rename \"a\" to \"x/y/z\"");
  must_list (f, "*", "x x/y x/y/z");
}

RULE (rename_refused, "mailbox.rename.refused",
      "rename onto what is there: PTN_E_EXISTS; below itself: PTN_E_INVALID; of nothing: "
      "PTN_E_NOT_FOUND; and nothing has happened",
      "store.h, rename", 0, 0) {
  make (f, "a/b");
  make (f, "c");
  must_give (rename_to (f, "a", "c"), PTN_E_EXISTS, "rename \"a\" to \"c\", which is there");
  must_give (rename_to (f, "a", "a/b/d"), PTN_E_INVALID, "rename \"a\" to \"a/b/d\", below itself");
  must_give (rename_to (f, "nowhere", "z"), PTN_E_NOT_FOUND, "rename of what is not there");
  must_give (rename_to (f, "a", "b//c"), PTN_E_INVALID, "rename to a bad name");
  must_list (f, "*", "a a/b c");
}

RULE (rename_inbox, "mailbox.rename.inbox",
      "rename of INBOX moves its messages and leaves INBOX and its children where they are",
      "store.h: \"of INBOX: its messages move, INBOX stays\"; RFC 9051 section 6.3.6", 0, 0) {
  deliver (f, ANN, "INBOX", "one\r\n");
  deliver (f, ANN, "INBOX", "two\r\n");
  make (f, "INBOX/child");
  struct ptn_mailbox before = status_of (f, "INBOX");
  must_do (rename_to (f, "INBOX", "old"), "rename \"INBOX\" to \"old\"");
  struct ptn_mailbox inbox = status_of (f, "INBOX"), old = status_of (f, "old");
  must_be (inbox.messages, 0, "messages of INBOX after it was renamed");
  must (same_id (&inbox.id, &before.id), "INBOX has another id after it was renamed");
  must_be (inbox.uidvalidity, before.uidvalidity, "uidvalidity of INBOX after it was renamed");
  must (inbox.uidnext >= before.uidnext, "uidnext of INBOX went back from %u to %u", before.uidnext,
        inbox.uidnext);
  must_be (old.messages, 2, "messages of the mailbox that INBOX was renamed to");
  must (exists (f, "INBOX/child"), "\"INBOX/child\" did not stay when INBOX was renamed");
  g_autoptr (GArray) rows = fetch_rows (f, "old", NO_UIDS, 0);
  must_have_text (f, "old", ROW (rows, 0)->uid, "one\r\n");
  must_have_text (f, "old", ROW (rows, 1)->uid, "two\r\n");
  uint32_t next = deliver (f, ANN, "INBOX", "three\r\n");
  must (next >= before.uidnext, "UID %u of INBOX was given a second time", next);
  must_give (rename_to (f, "INBOX", "old"), PTN_E_EXISTS, "rename \"INBOX\" to what is there");
}

RULE (subscriptions, "mailbox.subscribe",
      "subscribe sets and clears SUBSCRIBED, any number of times",
      "store.h, subscribe and PTN_MAILBOX_SUBSCRIBED", 0, 0) {
  make (f, "a");
  for (int i = 0; i < 2; i++) {
    must_do (subscribe (f, "a", 1), "subscribe to \"a\"");
    must (status_of (f, "a").attributes & PTN_MAILBOX_SUBSCRIBED,
          "\"a\" is subscribed to and has not PTN_MAILBOX_SUBSCRIBED");
  }
  for (int i = 0; i < 2; i++) {
    must_do (subscribe (f, "a", 0), "unsubscribe from \"a\"");
    must (!(status_of (f, "a").attributes & PTN_MAILBOX_SUBSCRIBED),
          "\"a\" is unsubscribed from and has PTN_MAILBOX_SUBSCRIBED");
  }
  must_give (subscribe (f, "b", 1), PTN_E_NOT_FOUND, "subscribe to what is not there");
}

RULE (subscription_renamed, "mailbox.rename.subscription", "A subscription follows a rename",
      "store.h, rename: the mailbox is the same", 0, 0) {
  make (f, "a");
  must_do (subscribe (f, "a", 1), "subscribe to \"a\"");
  must_do (rename_to (f, "a", "b"), "rename \"a\" to \"b\"");
  must (status_of (f, "b").attributes & PTN_MAILBOX_SUBSCRIBED,
        "the mailbox has lost PTN_MAILBOX_SUBSCRIBED when it was renamed");
}

RULE (counts, "mailbox.status.counts", "status counts messages, unseen, deleted and octets",
      "store.h, struct ptn_mailbox", 0, 0) {
  for (int i = 0; i < 5; i++)
    deliver (f, ANN, "INBOX", "0123456789");
  set_flags (f, "INBOX", UIDS ({ 1, 2 }), PTN_FLAGS_ADD, PTN_SEEN);
  set_flags (f, "INBOX", UIDS ({ 2, 4 }), PTN_FLAGS_ADD, PTN_DELETED);
  struct ptn_mailbox row = status_of (f, "INBOX");
  must_be (row.messages, 5, "messages");
  must_be (row.unseen, 3, "unseen: messages without PTN_SEEN");
  must_be (row.deleted, 3, "deleted: messages with PTN_DELETED");
  must_be (row.octets, 50, "octets: the sum of all messages");
  must_be (row.uidnext, 6, "uidnext");
  expunge (f, "INBOX", UIDS ({ 2, 3 }));
  row = status_of (f, "INBOX");
  must_be (row.messages, 3, "messages after an expunge of two");
  must_be (row.unseen, 2, "unseen after an expunge");
  must_be (row.deleted, 1, "deleted after an expunge");
  must_be (row.octets, 30, "octets after an expunge");
}

RULE (result_stays, "mailbox.status.result", "A result of status stays valid until call_end",
      "base.h: \"results that come through a struct ptn_call stay until host->call_end\"", 0, 0) {
  make (f, "a");
  make (f, "b");
  const struct ptn_mailbox *a = NULL, *b = NULL;
  struct ptn_call first = CALL (f), second = CALL (f);
  must_do (HELD (f, f->store->status (f->account, &first, NAME ("a"), &a)), "status of \"a\"");
  must_do (HELD (f, f->store->status (f->account, &second, NAME ("b"), &b)), "status of \"b\"");
  deliver (f, ANN, "a", "x\r\n");
  must_do (rename_to (f, "a", "c"), "rename \"a\" to \"c\"");
  must_read (a->name.path, "a", "the path in a held result of status, after the mailbox changed");
  must_be (a->messages, 0, "the messages in a held result of status, after the mailbox changed");
  must_read (b->name.path, "b", "the path in the other held result");
  END (f, first);
  must_read (b->name.path, "b", "a held result of status, after another call was ended");
  END (f, second);
}

RULES (mailbox, &new_account_rule, &opening_writes_nothing_rule, &created_is_empty_rule,
       &create_twice_rule, &create_makes_parents_rule, &ids_differ_rule, &has_children_rule,
       &remove_takes_messages_rule, &remove_missing_rule, &remove_inbox_rule,
       &remove_with_children_rule, &noselect_again_rule, &made_again_rule, &rename_keeps_rule,
       &rename_children_rule, &rename_parents_rule, &rename_refused_rule, &rename_inbox_rule,
       &subscriptions_rule, &subscription_renamed_rule, &counts_rule, &result_stays_rule);
