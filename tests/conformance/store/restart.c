/* SPDX-License-Identifier: Apache-2.0 */
/* restart.c - what a durable store has after it was stopped, destroyed, loaded and started. */
#include "kit.h"

#define NEEDS PTN_STORE_DURABLE

/* Twice: what a start makes of the files must survive too. */
#define RESTARTS(f) for (int restarts_ = 0; restarts_ < 2 && (fixture_restart (f), 1); restarts_++)

RULE (messages, "restart.messages", "Messages survive a restart: text, UIDs, flags, dates",
      "store.h: \"PTN_OK from commit, deliver ... means: durable\"", NEEDS, 0) {
  g_autofree char *big = g_strnfill (3000000, 'b');
  deliver (f, ANN, "INBOX", "one\r\n");
  deliver (f, ANN, "INBOX", "two\r\n");
  deliver (f, ANN, "INBOX", big);
  set_flags (f, "INBOX", UID (2), PTN_FLAGS_ADD, PTN_SEEN | PTN_ANSWERED);
  expunge (f, "INBOX", UID (1));
  struct ptn_message before = row_of (f, "INBOX", 2);
  RESTARTS (f) {
    must_have_uids (f, "INBOX", "2 3");
    must_have_text (f, "INBOX", 2, "two\r\n");
    must_have_text (f, "INBOX", 3, big);
    struct ptn_message after = row_of (f, "INBOX", 2);
    must_be (after.flags, before.flags, "flags after a restart");
    must_be (after.internal_date, before.internal_date, "internal_date after a restart");
    must_be (after.octets, before.octets, "octets after a restart");
  }
  must_be (deliver (f, ANN, "INBOX", "next\r\n"), 4,
           "the UID of the first delivery after a restart");
}

RULE (mailboxes, "restart.mailboxes",
      "Mailboxes survive a restart: names, ids, UIDVALIDITY, UIDNEXT, "
      "subscriptions, NOSELECT",
      "store.h: \"PTN_OK from ... create, remove, rename, subscribe\"", NEEDS, 0) {
  make (f, "a/b");
  make (f, "x/y");
  deliver (f, ANN, "a/b", "x\r\n");
  must_do (rename_to (f, "a/b", "c/d"), "rename");
  must_do (subscribe (f, "c/d", 1), "subscribe");
  must_do (drop (f, "x"), "remove \"x\", which has a child");
  must_do (drop (f, "a"), "remove \"a\"");
  struct ptn_mailbox before = status_of (f, "c/d");
  RESTARTS (f) {
    must_list (f, "*", "c c/d x x/y");
    struct ptn_mailbox after = status_of (f, "c/d");
    must (same_id (&after.id, &before.id), "the id of a mailbox is another one after a restart");
    must_be (after.uidvalidity, before.uidvalidity, "uidvalidity after a restart");
    must_be (after.uidnext, before.uidnext, "uidnext after a restart");
    must_be (after.messages, before.messages, "messages after a restart");
    must_be (after.attributes, before.attributes, "attributes after a restart");
    must (status_of (f, "x").attributes & PTN_MAILBOX_NOSELECT, "\"x\" is not NOSELECT any more "
                                                                "after a restart");
  }
}

RULE (uidnext, "restart.uidnext",
      "A UID that was expunged before a restart is not given again after it",
      "store.h: \"uidvalidity, uidnext\"; RFC 9051 section 2.3.1.1", NEEDS, 0) {
  for (int i = 0; i < 3; i++)
    deliver (f, ANN, "INBOX", "x\r\n");
  expunge (f, "INBOX", ALL_UIDS);
  uint32_t uidvalidity = status_of (f, "INBOX").uidvalidity;
  fixture_restart (f);
  must_be (status_of (f, "INBOX").messages, 0, "messages that were expunged before a restart");
  uint32_t uid = deliver (f, ANN, "INBOX", "y\r\n");
  must (uid > 3 || status_of (f, "INBOX").uidvalidity > uidvalidity,
        "UID %u was given a second time, with the same uidvalidity, after a restart", uid);
}

RULE (removed, "restart.removed",
      "What was removed stays removed, and its UIDVALIDITY is not used again",
      "store.h: \"PTN_OK from ... remove ... and remove_account\"", NEEDS, 0) {
  struct ptn_strings accounts;
  deliver (f, ANN, "INBOX", "x\r\n");
  deliver (f, ANN, "a", "x\r\n");
  deliver (f, BOB, "INBOX", "x\r\n");
  uint32_t uidvalidity = status_of (f, "a").uidvalidity;
  must_do (drop (f, "a"), "remove \"a\"");
  must_do (DO (f, f->store->remove_account (f->instance, &call, BOB)), "remove_account");
  fixture_restart (f);
  must (!exists (f, "a"), "a mailbox that was removed is back after a restart");
  make (f, "a");
  must (status_of (f, "a").uidvalidity > uidvalidity,
        "uidvalidity %u of a removed mailbox is used "
        "again after a restart",
        uidvalidity);
  struct ptn_call held = CALL (f);
  must_do (HELD (f, f->store->list_accounts (f->instance, &held, "", &accounts)), "list_accounts");
  must_be (accounts.count, 1, "the number of accounts after one was removed");
  must_read (accounts.items[0], ANN, "the account that is left");
  END (f, held);
}

RULE (keywords, "restart.keywords", "Keywords survive a restart with their bits",
      "store.h: \"made, durably, if asked for\"", NEEDS, 0) {
  uint32_t bits[3] = { 0 }, bit = 0;
  static const char *const words[] = { "one", "$Two", "three" };
  deliver (f, ANN, "INBOX", "x\r\n");
  for (int i = 0; i < 3; i++)
    must_do (keyword (f, "INBOX", words[i], 1, &bits[i]), "keyword \"%s\"", words[i]);
  set_flags (f, "INBOX", UID (1), PTN_FLAGS_ADD, UINT64_C (1) << bits[1]);
  RESTARTS (f) {
    for (int i = 0; i < 3; i++) {
      must_do (keyword (f, "INBOX", words[i], 0, &bit), "keyword \"%s\" after a restart", words[i]);
      must_be (bit, bits[i], "the bit of \"%s\" after a restart", words[i]);
    }
    must_be (flags_of (f, "INBOX", 1), UINT64_C (1) << bits[1], "flags after a restart");
  }
}

RULE (annotated, "restart.annotations", "Annotations survive a restart",
      "store.h: \"PTN_OK from commit\"", NEEDS | PTN_STORE_ANNOTATIONS, 0) {
  deliver (f, ANN, "INBOX", "x\r\n");
  annotate (f, "INBOX", UID (1), "/a", "of the message");
  annotate (f, "INBOX", NO_UIDS, "/a", "of the mailbox");
  annotate (f, NULL, NO_UIDS, "/a", "of the account");
  annotate (f, NULL, NO_UIDS, "/gone", "x");
  annotate (f, NULL, NO_UIDS, "/gone", NULL);
  RESTARTS (f) {
    must_annotate (f, "INBOX", NO_UIDS, 1, NULL, "1 /a=of the message");
    must_annotate (f, "INBOX", NO_UIDS, 0, NULL, "0 /a=of the mailbox");
    must_annotate (f, NULL, NO_UIDS, 0, NULL, "0 /a=of the account");
  }
}

RULE (quotas, "restart.quota", "Limits and use survive a restart",
      "store.h: \"PTN_OK from ... "
      "set_quota\"",
      NEEDS | PTN_STORE_QUOTA, 0) {
  deliver (f, ANN, "INBOX", "12345678\r\n");
  must_do (set_quota (f, 1000, 50), "set_quota");
  RESTARTS (f) {
    struct ptn_quota quota = quota_of (f);
    must_be (quota.storage_limit, 1000, "storage_limit after a restart");
    must_be (quota.messages_limit, 50, "messages_limit after a restart");
    must_be (quota.storage_used, 10, "storage_used after a restart");
    must_be (quota.messages_used, 1, "messages_used after a restart");
  }
}

RULE (modseqs, "restart.modseqs", "Modseqs survive a restart, and go on growing",
      "store.h, PTN_STORE_QRESYNC: \"modseqs and `vanished` survive a restart\"",
      NEEDS | PTN_STORE_QRESYNC, 0) {
  for (int i = 0; i < 3; i++)
    deliver (f, ANN, "INBOX", "x\r\n");
  set_flags (f, "INBOX", UID (2), PTN_FLAGS_ADD, PTN_SEEN);
  expunge (f, "INBOX", UID (3));
  uint64_t highest = status_of (f, "INBOX").highest_modseq;
  uint64_t modseqs[] = { row_of (f, "INBOX", 1).modseq, row_of (f, "INBOX", 2).modseq };
  RESTARTS (f) {
    must_be (status_of (f, "INBOX").highest_modseq, highest, "highest_modseq after a restart");
    for (uint32_t uid = 1; uid <= 2; uid++)
      must_be (row_of (f, "INBOX", uid).modseq, modseqs[uid - 1],
               "the modseq of UID %u after a restart", uid);
  }
  set_flags (f, "INBOX", UID (1), PTN_FLAGS_ADD, PTN_SEEN);
  must (row_of (f, "INBOX", 1).modseq > highest, "the first modseq after a restart is not greater "
                                                 "than those before");
}

RULE (token, "restart.token",
      "A token used before a restart is not applied again after it, and tells "
      "the same outcome",
      "store.h, PTN_STORE_TOKENS: \"tokens survive a restart\"", NEEDS | PTN_STORE_TOKENS, 0) {
  const struct ptn_id token = { "0123456789abcde" };
  make (f, "INBOX");
  for (int i = 0; i < 3; i++) {
    struct ptn_change *change = begin (f, &token);
    append_text (f, change, "INBOX", "once\r\n");
    commit (f, change);
    must_be_set (outcome (f, change, 0)->uids, "1", "the uids of the outcome");
    f->store->end (change);
    fixture_restart (f);
  }
  must_have_uids (f, "INBOX", "1");
}

RULE (many, "restart.many", "Five hundred messages survive a restart", "store.h: durable", NEEDS,
      0) {
  for (int i = 0; i < 500; i++) {
    g_autofree char *text = g_strdup_printf ("message %d\r\n", i + 1);
    deliver (f, ANN, "INBOX", text);
  }
  RESTARTS (f) {
    must_be (status_of (f, "INBOX").messages, 500, "messages after a restart");
    for (uint32_t uid = 1; uid <= 500; uid += 37) {
      g_autofree char *text = g_strdup_printf ("message %u\r\n", uid);
      must_have_text (f, "INBOX", uid, text);
    }
  }
}

RULE (unfinished, "restart.unfinished",
      "A change that was not committed before a stop has not happened",
      "store.h, end; plugin.h, stop", NEEDS, 0) {
  deliver (f, ANN, "INBOX", "x\r\n");
  struct ptn_change *change = begin (f, NULL);
  append_text (f, change, "INBOX", "y\r\n");
  must_do (expunge_step (f, change, "INBOX", UID (1), 0), "expunge");
  f->store->end (change);
  fixture_restart (f);
  must_have_uids (f, "INBOX", "1");
  must_be (quota_of (f).messages_used, 1, "messages_used");
}

RULES (restart, &messages_rule, &mailboxes_rule, &uidnext_rule, &removed_rule, &keywords_rule,
       &annotated_rule, &quotas_rule, &modseqs_rule, &token_rule, &many_rule, &unfinished_rule);
