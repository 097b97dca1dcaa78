/* SPDX-License-Identifier: Apache-2.0 */
/* delivery.c - deliver, quota, accounts. */
#include "kit.h"

RULE (to_many, "deliver.many", "deliver serves many targets, each with its own result",
      "store.h: \"Each target has its own result\"", 0, 0) {
  static const char text[] = "Subject: all\r\n\r\nhello\r\n";
  const struct ptn_target targets[] = {
    TARGET (ANN, "INBOX"),
    TARGET (BOB, "INBOX"),
    TARGET (ANN, "lists/postern"),
    TARGET (BOB, "bad//name"),
  };
  struct ptn_delivered results[4] = { 0 };
  must_do (deliver_many (f, harness_source_new (text, strlen (text), 7, true), 0, targets, 4,
                         results),
           "deliver to four targets, of which one has a bad name");
  for (int i = 0; i < 3; i++) {
    must_do (results[i].status, "the result of target %d", i);
    must_be (results[i].uid, 1, "the UID of target %d", i);
  }
  must_give (results[3].status, PTN_E_INVALID, "the result of the target \"bad//name\"");
  must_have_text (f, "INBOX", 1, text);
  must_have_text (f, "lists/postern", 1, text);
  struct ptn_account *before = account_switch (f, BOB);
  must_have_text (f, "INBOX", 1, text);
  must (!exists (f, "lists/postern"), "a delivery made the mailbox in another account");
  account_back (f, before);
}

RULE (delivered_flags, "deliver.flags", "append->flags go to every target, with its own",
      "store.h: \"append->flags go to every target, with its own\"", 0, 0) {
  struct ptn_target targets[] = { TARGET (ANN, "INBOX"), TARGET (BOB, "INBOX") };
  struct ptn_delivered results[2] = { 0 };
  targets[1].flags = PTN_SEEN;
  must_do (deliver_many (f, source_of (f, "x\r\n", 3), PTN_FLAGGED, targets, 2, results),
           "deliver");
  must_be (flags_of (f, "INBOX", 1), PTN_FLAGGED, "flags of the first target's message");
  must_be (row_of (f, "INBOX", 1).internal_date, 1234567890, "internal_date of a delivery");
  struct ptn_account *before = account_switch (f, BOB);
  must_be (flags_of (f, "INBOX", 1), PTN_FLAGGED | PTN_SEEN,
           "flags of the message whose target has its own");
  account_back (f, before);
}

RULE (makes_mailbox, "deliver.makes-mailbox",
      "deliver makes the mailbox that is missing, with its "
      "parents",
      "store.h: \"deliveries to other mailboxes create those\"", 0, 0) {
  deliver (f, ANN, "INBOX", "x\r\n");
  must_list (f, "*", "INBOX");
  deliver (f, ANN, "a/b", "x\r\n");
  must_list (f, "*", "INBOX a a/b");
  must_be (status_of (f, "a/b").messages, 1, "messages of the mailbox made by a delivery");
}

RULE (target_twice, "deliver.target-twice", "A target named twice gets the message twice",
      "store.h, deliver: each target has its own result", 0, 0) {
  const struct ptn_target targets[] = { TARGET (ANN, "INBOX"), TARGET (ANN, "inbox") };
  struct ptn_delivered results[2] = { 0 };
  must_do (deliver_many (f, source_of (f, "x\r\n", 3), 0, targets, 2, results), "deliver");
  must_do (results[0].status, "the result of the first");
  must_do (results[1].status, "the result of the second");
  must (results[0].uid != results[1].uid, "both have UID %u", results[0].uid);
  must_be (status_of (f, "INBOX").messages, 2, "messages");
}

RULE (many_targets, "deliver.hundred", "deliver to a hundred accounts",
      "store.h: \"Delivery to many "
      "accounts at once\"",
      0, 0) {
  struct ptn_target targets[100];
  struct ptn_delivered results[100] = { 0 };
  char *names[100];
  for (int i = 0; i < 100; i++) {
    names[i] = g_strdup_printf ("user%d@example.test", i);
    targets[i] = TARGET (names[i], "INBOX");
  }
  must_do (deliver_many (f, source_of (f, "to all\r\n", 8), 0, targets, 100, results), "deliver");
  for (int i = 0; i < 100; i++) {
    must_do (results[i].status, "the result of target %d", i);
    if (i % 9 == 0) {
      struct ptn_account *before = account_switch (f, names[i]);
      must_have_text (f, "INBOX", results[i].uid, "to all\r\n");
      account_back (f, before);
    }
    g_free (names[i]);
  }
}

RULE (failing_source, "deliver.failing-source",
      "An error of the source is returned, and nothing was "
      "delivered to anybody",
      "store.h: \"an error of the source is returned, and then nothing was delivered\"", 0, 0) {
  static const ptn_status failures[] = { PTN_E_DISCONNECTED, PTN_E_TEMPORARY, PTN_E_INVALID,
                                         PTN_E_LIMIT };
  const struct ptn_target targets[] = { TARGET (ANN, "INBOX"), TARGET (BOB, "INBOX") };
  g_autofree char *big = g_strnfill (5000000, 'x');
  for (size_t i = 0; i < G_N_ELEMENTS (failures) * 2; i++) {
    struct ptn_delivered results[2] = { 0 };
    ptn_status failure = failures[i / 2];
    size_t size = i % 2 ? 5000000 : 11;
    must_give (deliver_many (f, harness_source_failing (big, size, failure), 0, targets, 2,
                             results),
               failure, "deliver of a source that fails after %zu octets", size);
  }
  must (!exists (f, "INBOX"), "INBOX is there after deliveries whose source failed");
  must_be (quota_of (f).messages_used, 0, "messages_used after deliveries whose source failed");
  must_be (deliver (f, ANN, "INBOX", "whole\r\n"), 1, "the UID of the first whole delivery");
}

RULE (target_limits, "deliver.target-limits",
      "A target's limits hold: what the account may have with "
      "this mail in it",
      "store.h, struct ptn_target", 0, 0) {
  struct ptn_target targets[] = { TARGET (ANN, "INBOX"), TARGET (BOB, "INBOX") };
  struct ptn_delivered results[2] = { 0 };
  targets[0].storage_limit = 9; /* the mail has 10 */
  targets[1].storage_limit = 10;
  targets[1].messages_limit = 1;
  must_do (deliver_many (f, source_of (f, "12345678\r\n", 10), 0, targets, 2, results), "deliver");
  must_give (results[0].status, PTN_E_OVERQUOTA, "10 octets for a target with room for 9");
  must_do (results[1].status, "10 octets for a target with room for 10");
  must (!exists (f, "INBOX"), "INBOX is there after a delivery that was over quota");
  must_do (deliver_many (f, source_of (f, "x\r\n", 3), 0, targets + 1, 1, results), "deliver");
  must_give (results[0].status, PTN_E_OVERQUOTA, "a second message for a target with room for one");
}

RULE (used, "quota.used", "quota counts octets and messages of all mailboxes",
      "store.h, struct ptn_quota", PTN_STORE_QUOTA, 0) {
  deliver (f, ANN, "INBOX", "12345678\r\n");
  deliver (f, ANN, "a", "123\r\n");
  struct ptn_quota quota = quota_of (f);
  must_be (quota.storage_used, 15, "storage_used");
  must_be (quota.messages_used, 2, "messages_used");
  must_be (quota.storage_limit, UINT64_MAX, "storage_limit where none was set");
  copy_to (f, "a", ALL_UIDS, "INBOX", 0);
  must_be (quota_of (f).storage_used, 20, "storage_used after a copy");
  expunge (f, "INBOX", ALL_UIDS);
  must_be (quota_of (f).storage_used, 5, "storage_used after an expunge");
  must_be (quota_of (f).messages_used, 1, "messages_used after an expunge");
}

RULE (limits, "quota.limits", "set_quota's limits are told, hold for deliveries, and can be lifted",
      "store.h, set_quota: \"Limits: UINT64_MAX none\"; PTN_E_OVERQUOTA", PTN_STORE_QUOTA, 0) {
  const struct ptn_target target = TARGET (ANN, "INBOX");
  struct ptn_delivered result = { 0 };
  must_do (set_quota (f, 25, 3), "set_quota to 25 octets and 3 messages");
  deliver (f, ANN, "INBOX", "12345678\r\n");
  deliver (f, ANN, "INBOX", "12345678\r\n");
  must_be (quota_of (f).storage_limit, 25, "storage_limit");
  must_be (quota_of (f).messages_limit, 3, "messages_limit");
  must_do (deliver_many (f, source_of (f, "12345678\r\n", 10), 0, &target, 1, &result), "deliver");
  must_give (result.status, PTN_E_OVERQUOTA, "10 octets where 20 of 25 are used");
  deliver (f, ANN, "INBOX", "12\r\n");
  must_do (deliver_many (f, source_of (f, "", 0), 0, &target, 1, &result), "deliver");
  must_give (result.status, PTN_E_OVERQUOTA, "the fourth message of three");
  expunge (f, "INBOX", ALL_UIDS);
  deliver (f, ANN, "INBOX", "room again\r\n");
  must_do (set_quota (f, UINT64_MAX, UINT64_MAX), "set_quota without limits");
  must_be (quota_of (f).storage_limit, UINT64_MAX, "storage_limit");
  deliver (f, ANN, "INBOX", "as much as you like, and more than before\r\n");
}

RULE (limits_of_changes, "quota.changes",
      "Limits hold for append and copy too: PTN_E_OVERQUOTA, and "
      "nothing has happened",
      "store.h, PTN_E_OVERQUOTA; RFC 9208 section 4.3", PTN_STORE_QUOTA, 0) {
  deliver (f, ANN, "INBOX", "12345678\r\n");
  must_do (set_quota (f, 15, UINT64_MAX), "set_quota to 15 octets");
  for (int i = 0; i < 2; i++) {
    struct ptn_change *change = begin (f, NULL);
    if (i)
      must_do (copy_step (f, change, "INBOX", ALL_UIDS, "INBOX", 0), "copy");
    else
      append_text (f, change, "INBOX", "123456\r\n");
    must_give (commit_try (f, change), PTN_E_OVERQUOTA, "commit of %s over the limit",
               i ? "a copy" : "an append");
    f->store->end (change);
    must_be (status_of (f, "INBOX").messages, 1, "messages after that");
  }
  make (f, "to");
  copy_to (f, "INBOX", ALL_UIDS, "to", 1); /* needs no room */
}

RULE (below_used, "quota.below-used",
      "A limit below what is used takes nothing away, and new mail in "
      "only when there is room again",
      "store.h, set_quota; RFC 9208", PTN_STORE_QUOTA, 0) {
  const struct ptn_target target = TARGET (ANN, "INBOX");
  struct ptn_delivered result = { 0 };
  for (int i = 0; i < 3; i++)
    deliver (f, ANN, "INBOX", "12345678\r\n");
  must_do (set_quota (f, 5, UINT64_MAX), "set_quota below what is used");
  must_have_uids (f, "INBOX", "1 2 3");
  must_be (quota_of (f).storage_used, 30, "storage_used");
  must_do (deliver_many (f, source_of (f, "x\r\n", 3), 0, &target, 1, &result), "deliver");
  must_give (result.status, PTN_E_OVERQUOTA, "a delivery over the limit");
  set_flags (f, "INBOX", ALL_UIDS, PTN_FLAGS_ADD, PTN_DELETED); /* over quota, one can clean up */
  expunge (f, "INBOX", ALL_UIDS);
  deliver (f, ANN, "INBOX", "ok\r\n");
}

RULE (in_order, "account.list",
      "list_accounts gives the accounts in order, after a name; none: "
      "PTN_END",
      "store.h, list_accounts", 0, 0) {
  struct ptn_strings accounts;
  deliver (f, "m@example.test", "INBOX", "x\r\n");
  deliver (f, "a@example.test", "INBOX", "x\r\n");
  deliver (f, "z@example.test", "INBOX", "x\r\n");
  struct ptn_call held = CALL (f);
  must_do (HELD (f, f->store->list_accounts (f->instance, &held, "", &accounts)),
           "list_accounts from the start");
  must_be (accounts.count, 3, "the number of accounts");
  must_read (accounts.items[0], "a@example.test", "the first account");
  must_read (accounts.items[1], "m@example.test", "the second account");
  must_read (accounts.items[2], "z@example.test", "the third account");
  END (f, held);
  must_do (HELD (f, f->store->list_accounts (f->instance, &held, "a@example.test", &accounts)),
           "list_accounts after \"a@example.test\"");
  must_be (accounts.count, 2, "the number of accounts after the first");
  END (f, held);
  must_do (HELD (f, f->store->list_accounts (f->instance, &held, "b", &accounts)),
           "list_accounts after \"b\", which is no account");
  must_be (accounts.count, 2, "the number of accounts after \"b\"");
  END (f, held);
  must_give (DO (f, f->store->list_accounts (f->instance, &call, "z@example.test", &accounts)),
             PTN_END, "list_accounts after the last");
}

RULE (in_thousands, "account.list-1000",
      "list_accounts gives 1000 at most a call, and all in the end",
      "store.h: \"list_accounts: 1000 at most, in order\"", 0, 0) {
  struct ptn_target targets[50];
  struct ptn_delivered results[50];
  unsigned count = 0, calls = 0;
  for (int round = 0; round < 21; round++) {
    for (int i = 0; i < 50; i++) {
      char *name = g_strdup_printf ("u%04d@example.test", round * 50 + i);
      targets[i] = TARGET (name, "INBOX");
    }
    must_do (deliver_many (f, source_of (f, "x", 1), 0, targets, 50, results), "deliver");
    for (int i = 0; i < 50; i++)
      g_free ((char *)targets[i].account);
  }
  g_autofree char *after = g_strdup ("");
  for (;; calls++) {
    struct ptn_strings accounts = { 0 };
    struct ptn_call held = CALL (f);
    ptn_status status = HELD (f, f->store->list_accounts (f->instance, &held, after, &accounts));
    if (status == PTN_END) {
      END (f, held);
      break;
    }
    must_do (status, "list_accounts");
    must (accounts.count >= 1 && accounts.count <= 1000, "list_accounts gave %zu names",
          accounts.count);
    for (size_t i = 0; i < accounts.count; i++, count++) {
      must (strcmp (after, accounts.items[i]) < 0, "\"%s\" comes after \"%s\"", accounts.items[i],
            after);
      g_free (after);
      after = g_strdup (accounts.items[i]);
    }
    END (f, held);
  }
  must_be (count, 1050, "the accounts of all calls");
  must (calls >= 2, "1050 accounts came in %u calls", calls);
}

RULE (removed, "account.remove",
      "remove_account takes all of an account; once more: PTN_E_NOT_FOUND",
      "store.h, remove_account", 0, 0) {
  struct ptn_strings accounts;
  deliver (f, ANN, "INBOX", "x\r\n");
  deliver (f, ANN, "a/b", "x\r\n");
  deliver (f, BOB, "INBOX", "stays\r\n");
  must_do (DO (f, f->store->remove_account (f->instance, &call, ANN)), "remove_account");
  must_give (DO (f, f->store->remove_account (f->instance, &call, ANN)), PTN_E_NOT_FOUND,
             "remove_account once more");
  must_list (f, "*", "");
  must_be (quota_of (f).messages_used, 0, "messages_used of a removed account");
  struct ptn_call held = CALL (f);
  must_do (HELD (f, f->store->list_accounts (f->instance, &held, "", &accounts)), "list_accounts");
  must_be (accounts.count, 1, "the accounts that are left");
  must_read (accounts.items[0], BOB, "the account that is left");
  END (f, held);
  struct ptn_account *before = account_switch (f, BOB);
  must_have_text (f, "INBOX", 1, "stays\r\n");
  account_back (f, before);
}

RULE (new_life, "account.remove.uidvalidity",
      "A removed account that comes again has greater "
      "UIDVALIDITYs",
      "RFC 9051 section 2.3.1.1", 0, 0) {
  deliver (f, ANN, "INBOX", "x\r\n");
  struct ptn_mailbox before = status_of (f, "INBOX");
  must_do (DO (f, f->store->remove_account (f->instance, &call, ANN)), "remove_account");
  must_be (deliver (f, ANN, "INBOX", "y\r\n"), 1, "the first UID of a new life");
  struct ptn_mailbox after = status_of (f, "INBOX");
  must (after.uidvalidity > before.uidvalidity, "uidvalidity was %u and is %u", before.uidvalidity,
        after.uidvalidity);
  must (!same_id (&after.id, &before.id), "INBOX has the id of the INBOX that was removed");
}

RULE (apart, "account.apart", "What one account does is not seen in another", "store.h, open", 0,
      0) {
  deliver (f, ANN, "INBOX", "x\r\n");
  make (f, "a");
  struct ptn_account *before = account_switch (f, BOB);
  must_list (f, "*", "");
  make (f, "a");
  must_do (drop (f, "a"), "remove the one's \"a\"");
  account_back (f, before);
  must_list (f, "*", "INBOX a");
}

RULES (deliver, &to_many_rule, &delivered_flags_rule, &makes_mailbox_rule, &target_twice_rule,
       &many_targets_rule, &failing_source_rule, &target_limits_rule);
RULES (quota, &used_rule, &limits_rule, &limits_of_changes_rule, &below_used_rule);
RULES (account, &in_order_rule, &in_thousands_rule, &removed_rule, &new_life_rule, &apart_rule);
