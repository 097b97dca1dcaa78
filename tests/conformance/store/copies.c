/* SPDX-License-Identifier: Apache-2.0 */
/* copies.c - copy and move. */
#include "kit.h"

static void
deliver_numbered (struct fixture *f, int count) {
  for (int i = 1; i <= count; i++) {
    g_autofree char *text = g_strdup_printf ("mail %d\r\n", i);
    deliver (f, ANN, "INBOX", text);
  }
}

RULE (copies, "copy.messages",
      "copy gives the messages new UIDs in the destination and tells both "
      "sets",
      "store.h, copy and struct ptn_outcome: \"COPYUID\"", 0, 0) {
  deliver_numbered (f, 4);
  deliver (f, ANN, "to", "was here\r\n");
  struct ptn_change *change = begin (f, NULL);
  must_do (copy_step (f, change, "INBOX", UIDS ({ 1, 1 }, { 3, 9 }), "to", 0), "copy of 1,3:9");
  commit (f, change);
  const struct ptn_outcome *result = outcome (f, change, 0);
  must_be_set (result->source_uids, "1,3:4", "the source_uids of the outcome");
  must_be_set (result->uids, "2:4", "the uids of the outcome");
  must_be (result->uidvalidity, status_of (f, "to").uidvalidity,
           "uidvalidity of the outcome, which is that of the destination");
  f->store->end (change);
  must_have_uids (f, "INBOX", "1 2 3 4");
  must_have_uids (f, "to", "1 2 3 4");
  must_have_text (f, "to", 2, "mail 1\r\n");
  must_have_text (f, "to", 3, "mail 3\r\n");
  must_have_text (f, "to", 4, "mail 4\r\n");
}

RULE (copy_keeps, "copy.flags-and-date", "A copy has the flags and the date of its original",
      "store.h, copy; RFC 9051 section 6.4.7", 0, 0) {
  deliver_numbered (f, 2);
  make (f, "to");
  set_flags (f, "INBOX", UID (2), PTN_FLAGS_ADD, PTN_FLAGGED | PTN_SEEN);
  copy_to (f, "INBOX", UID (2), "to", 0);
  must_be (row_of (f, "to", 1).flags, PTN_FLAGGED | PTN_SEEN, "flags of a copy");
  must_be (row_of (f, "to", 1).internal_date, 1000000000, "internal_date of a copy");
  must_be (row_of (f, "to", 1).octets, 8, "octets of a copy");
}

RULE (copy_lives, "copy.independent",
      "A copy lives by itself: expunge and flags do not touch the "
      "other",
      "store.h, copy", 0, 0) {
  deliver_numbered (f, 2);
  make (f, "to");
  copy_to (f, "INBOX", ALL_UIDS, "to", 0);
  set_flags (f, "to", UID (1), PTN_FLAGS_ADD, PTN_SEEN);
  must_be (flags_of (f, "INBOX", 1), 0, "flags of the original after those of the copy changed");
  expunge (f, "INBOX", ALL_UIDS);
  must_have_text (f, "to", 1, "mail 1\r\n");
  must_have_text (f, "to", 2, "mail 2\r\n");
  copy_to (f, "to", UID (2), "INBOX", 0);
  expunge (f, "to", ALL_UIDS);
  must_have_text (f, "INBOX", 3, "mail 2\r\n");
}

RULE (keywords_follow, "copy.keywords", "Keywords follow a copy, whatever their bits are there",
      "store.h: bits 16-63 index the table of one mailbox", 0, 0) {
  uint32_t bit = 0, other = 0;
  deliver_numbered (f, 1);
  make (f, "to");
  must_do (keyword (f, "to", "Other", 1, &other), "keyword in the destination");
  must_do (keyword (f, "INBOX", "Mine", 1, &bit), "keyword in the source");
  set_flags (f, "INBOX", ALL_UIDS, PTN_FLAGS_ADD, UINT64_C (1) << bit);
  copy_to (f, "INBOX", ALL_UIDS, "to", 0);
  must_do (keyword (f, "to", "Mine", 0, &bit), "the keyword in the destination after a copy");
  must (bit != other, "two keywords have bit %u", bit);
  must_be (flags_of (f, "to", 1), UINT64_C (1) << bit, "the flags of the copy");
}

RULE (copy_within, "copy.within", "A copy into the same mailbox makes more messages",
      "store.h, copy; RFC 9051 section 6.4.7", 0, 0) {
  deliver_numbered (f, 2);
  struct ptn_change *change = begin (f, NULL);
  must_do (copy_step (f, change, "INBOX", ALL_UIDS, "INBOX", 0), "copy from INBOX to INBOX");
  commit (f, change);
  must_be_set (outcome (f, change, 0)->uids, "3:4", "the uids of the outcome");
  f->store->end (change);
  must_have_uids (f, "INBOX", "1 2 3 4");
  must_have_text (f, "INBOX", 4, "mail 2\r\n");
}

RULE (moves, "move.messages", "move takes the messages away where they were, and tells both sets",
      "store.h, copy with move; RFC 9051 section 6.4.8", 0, 0) {
  deliver_numbered (f, 4);
  make (f, "to");
  set_flags (f, "INBOX", UID (3), PTN_FLAGS_ADD, PTN_FLAGGED);
  uint64_t before = quota_of (f).storage_used, modseq = status_of (f, "INBOX").highest_modseq;
  struct ptn_change *change = begin (f, NULL);
  must_do (copy_step (f, change, "INBOX", UIDS ({ 2, 3 }, { 77, 77 }), "to", 1), "move of 2:3,77");
  commit (f, change);
  must_be_set (outcome (f, change, 0)->source_uids, "2:3", "the source_uids of the outcome");
  must_be_set (outcome (f, change, 0)->uids, "1:2", "the uids of the outcome");
  f->store->end (change);
  must_have_uids (f, "INBOX", "1 4");
  must_have_uids (f, "to", "1 2");
  must_have_text (f, "to", 1, "mail 2\r\n");
  must_be (flags_of (f, "to", 2), PTN_FLAGGED, "flags of a moved message");
  must (status_of (f, "INBOX").highest_modseq > modseq, "a move does not raise the modseq of the "
                                                        "mailbox that the messages left");
  must_be (quota_of (f).storage_used, before, "storage_used after a move within the account");
}

RULE (copy_missing, "copy.missing",
      "copy of UIDs that are not there copies nothing; to or from a "
      "mailbox that is not there: PTN_E_NOT_FOUND",
      "store.h, copy", 0, 0) {
  const struct ptn_id nowhere = { "nowhere" };
  deliver_numbered (f, 1);
  make (f, "to");
  struct ptn_change *change = begin (f, NULL);
  must_do (copy_step (f, change, "INBOX", UIDS ({ 5, 9 }), "to", 0), "copy of missing UIDs");
  commit (f, change);
  must_be_set (outcome (f, change, 0)->uids, "", "the uids of the outcome");
  must_be_set (outcome (f, change, 0)->source_uids, "", "the source_uids of the outcome");
  f->store->end (change);
  must_be (status_of (f, "to").messages, 0, "messages of the destination");
  struct ptn_id id = id_of (f, "INBOX");
  for (int i = 0; i < 2; i++) {
    change = begin (f, NULL);
    ptn_status status =
        DO (f, f->store->copy (change, &call, i ? &id : &nowhere, ALL_UIDS, i ? &nowhere : &id, 0));
    if (status == PTN_OK)
      status = commit_try (f, change);
    must_give (status, PTN_E_NOT_FOUND, "copy %s a mailbox that is not there, or its commit",
               i ? "to" : "from");
    f->store->end (change);
  }
}

RULE (move_big, "copy.big", "A big message is copied and moved whole", "store.h, copy", 0, 0) {
  g_autofree char *text = g_strnfill (3000000, 'b');
  deliver (f, ANN, "INBOX", text);
  make (f, "a");
  make (f, "b");
  copy_to (f, "INBOX", UID (1), "a", 0);
  copy_to (f, "a", UID (1), "b", 1);
  expunge (f, "INBOX", UID (1));
  must_have_text (f, "b", 1, text);
  must_be (status_of (f, "a").messages, 0, "messages of the mailbox it was moved from");
}

RULES (copy, &copies_rule, &copy_keeps_rule, &copy_lives_rule, &keywords_follow_rule,
       &copy_within_rule, &moves_rule, &copy_missing_rule, &move_big_rule);
