/* SPDX-License-Identifier: Apache-2.0 */
/* flags.c - set_flags, UNCHANGEDSINCE, modseqs, keywords. */
#include "kit.h"

static void
deliver_times (struct fixture *f, int times) {
  for (int i = 0; i < times; i++)
    deliver (f, ANN, "INBOX", "x\r\n");
}

RULE (modes, "flags.modes", "Flags are added, removed and replaced", "store.h, ptn_flag_mode", 0,
      0) {
  deliver_times (f, 1);
  set_flags (f, "INBOX", UID (1), PTN_FLAGS_ADD, PTN_SEEN | PTN_FLAGGED);
  must_be (flags_of (f, "INBOX", 1), PTN_SEEN | PTN_FLAGGED, "flags after ADD Seen Flagged");
  set_flags (f, "INBOX", UID (1), PTN_FLAGS_REMOVE, PTN_FLAGGED | PTN_DRAFT);
  must_be (flags_of (f, "INBOX", 1), PTN_SEEN, "flags after REMOVE Flagged Draft");
  set_flags (f, "INBOX", UID (1), PTN_FLAGS_REPLACE, PTN_ANSWERED | PTN_DELETED);
  must_be (flags_of (f, "INBOX", 1), PTN_ANSWERED | PTN_DELETED,
           "flags after REPLACE Answered Deleted");
  must_be (row_of (f, "INBOX", 1).flags, PTN_ANSWERED | PTN_DELETED, "flags in the row of fetch");
  set_flags (f, "INBOX", UID (1), PTN_FLAGS_REPLACE, 0);
  must_be (flags_of (f, "INBOX", 1), 0, "flags after REPLACE with none");
}

RULE (missing_uids, "flags.missing-uids", "set_flags passes over UIDs that are not there",
      "store.h: \"UIDs that are not there (any more) are passed over\"", 0, 0) {
  deliver_times (f, 5);
  expunge (f, "INBOX", UID (3));
  struct ptn_change *change = begin (f, NULL);
  must_do (flags_step (f, change, "INBOX", UIDS ({ 2, 4 }, { 90, 99 }), PTN_FLAGS_ADD, PTN_SEEN,
                       UINT64_MAX),
           "set_flags of 2:4,90:99");
  commit (f, change);
  g_autofree char *changed = set_text (outcome (f, change, 0)->uids);
  /* 3 is gone: a range over it may be told as one or as two */
  must (strcmp (changed, "2,4") == 0 || strcmp (changed, "2:4") == 0,
        "the uids of the outcome are \"%s\", must be 2,4", changed);
  must_be (outcome (f, change, 0)->conflicts.count, 0, "the number of conflicts");
  f->store->end (change);
  must_be (status_of (f, "INBOX").unseen, 2, "unseen messages");
}

RULE (one_modseq, "modseq.one-a-change", "A change gives its messages and mailbox one new modseq",
      "store.h: \"Every commit that changes a message gives it a new modseq\"", 0, 0) {
  deliver_times (f, 3);
  uint64_t before = status_of (f, "INBOX").highest_modseq;
  struct ptn_change *change = begin (f, NULL);
  must_do (flags_step (f, change, "INBOX", UIDS ({ 1, 2 }), PTN_FLAGS_ADD, PTN_SEEN, UINT64_MAX),
           "set_flags");
  commit (f, change);
  uint64_t modseq = outcome (f, change, 0)->modseq;
  f->store->end (change);
  const struct ptn_view *view = view_of (f, "INBOX");
  must (modseq > before, "the modseq of the outcome does not grow");
  must_be (view->modseq, modseq, "the modseq of the view, beside that of the outcome");
  must_be (view->message_modseq[0], modseq, "the modseq of a changed message");
  must_be (view->message_modseq[1], modseq, "the modseq of the other changed message");
  must (view->message_modseq[2] <= before, "a message that was not changed has a new modseq");
  f->store->release_view (view);
}

RULE (modseq_grows, "modseq.grows", "Deliveries, flags, expunges and appends each raise the modseq",
      "store.h, struct ptn_view; RFC 7162", 0, 0) {
  uint64_t last = 0;
  deliver_times (f, 2);
  for (int i = 0; i < 4; i++) {
    static const char *const names[] = { "a delivery", "set_flags", "expunge", "append" };
    last = status_of (f, "INBOX").highest_modseq;
    if (i == 0)
      deliver_times (f, 1);
    if (i == 1)
      set_flags (f, "INBOX", UID (1), PTN_FLAGS_ADD, PTN_SEEN);
    if (i == 2)
      expunge (f, "INBOX", UID (2));
    if (i == 3) {
      struct ptn_change *change = begin (f, NULL);
      append_text (f, change, "INBOX", "x\r\n");
      commit (f, change);
      f->store->end (change);
    }
    uint64_t modseq = status_of (f, "INBOX").highest_modseq;
    must (modseq > last, "highest_modseq was %llu and is %llu after %s: it must grow",
          (unsigned long long)last, (unsigned long long)modseq, names[i]);
  }
}

RULE (unchanged_since, "flags.unchanged-since",
      "set_flags passes over messages changed since `unchanged_since`, and tells them as conflicts",
      "store.h, set_flags and struct ptn_outcome: \"MODIFIED\"; RFC 7162 section 3.1.3", 0, 0) {
  deliver_times (f, 4);
  uint64_t before = status_of (f, "INBOX").highest_modseq;
  set_flags (f, "INBOX", UID (2), PTN_FLAGS_ADD, PTN_FLAGGED);
  struct ptn_change *change = begin (f, NULL);
  must_do (flags_step (f, change, "INBOX", ALL_UIDS, PTN_FLAGS_ADD, PTN_SEEN, before), "set_flags");
  commit (f, change);
  must_be_set (outcome (f, change, 0)->uids, "1,3:4", "the uids of the outcome");
  must_be_set (outcome (f, change, 0)->conflicts, "2", "the conflicts of the outcome");
  f->store->end (change);
  must_be (flags_of (f, "INBOX", 2), PTN_FLAGGED, "the flags of the message in conflict");
  must_be (flags_of (f, "INBOX", 1), PTN_SEEN, "the flags of one that had not changed");
}

RULE (unchanged_since_zero, "flags.unchanged-since-zero",
      "unchanged_since 0 is before every message: all are conflicts", "RFC 7162 section 3.1.3", 0,
      0) {
  deliver_times (f, 4);
  struct ptn_change *change = begin (f, NULL);
  must_do (flags_step (f, change, "INBOX", ALL_UIDS, PTN_FLAGS_ADD, PTN_DRAFT, 0), "set_flags");
  commit (f, change);
  must_be_set (outcome (f, change, 0)->conflicts, "1:4", "the conflicts of the outcome");
  must_be_set (outcome (f, change, 0)->uids, "", "the uids of the outcome");
  f->store->end (change);
  must_be (flags_of (f, "INBOX", 1), 0, "flags after that");
}

RULE (keywords, "keyword.bit",
      "A keyword has one bit of 16 to 63 in its mailbox, whatever its case",
      "store.h: \"The bit (16-63) of a keyword in this mailbox\"", 0, 0) {
  uint32_t bit = 0, again = 0;
  deliver_times (f, 1);
  must_give (keyword (f, "INBOX", "$Junk", 0, &bit), PTN_E_NOT_FOUND,
             "keyword \"$Junk\" before it was made");
  must_do (keyword (f, "INBOX", "$Junk", 1, &bit), "keyword \"$Junk\", to be made");
  must (bit >= 16 && bit <= 63, "the bit of a keyword is %u, must be within 16 and 63", bit);
  must_do (keyword (f, "INBOX", "$junk", 0, &again), "keyword \"$junk\", in another case");
  must_be (again, bit, "the bit of \"$junk\", beside that of \"$Junk\"");
  set_flags (f, "INBOX", UID (1), PTN_FLAGS_ADD, UINT64_C (1) << bit);
  const struct ptn_view *view = view_of (f, "INBOX");
  must_be (view->flags[0], UINT64_C (1) << bit, "flags in the view");
  must (view->keywords.count > bit - 16, "the view has %zu keywords and lacks bit %u",
        view->keywords.count, bit);
  must_read (view->keywords.items[bit - 16], "$Junk", "the keyword of bit %u in the view", bit);
  f->store->release_view (view);
}

RULE (unknown_bits, "flags.unknown-bits",
      "Bits that mean nothing in the mailbox are passed over by append, deliver and set_flags",
      "store.h, ptn_flag_bits: \"Those that mean nothing there ... are passed over\"", 0, 0) {
  uint32_t bit = 0;
  make (f, "INBOX");
  must_do (keyword (f, "INBOX", "word", 1, &bit), "keyword");
  const ptn_flag_bits word = UINT64_C (1) << bit, nothing = ~(word | 0x1f);
  const struct ptn_target target = { ANN, "INBOX", nothing, UINT64_MAX, UINT64_MAX };
  struct ptn_delivered result = { 0 };
  must_do (deliver_many (f, source_of (f, "x\r\n", 3), word, &target, 1, &result), "deliver");
  must_be (flags_of (f, "INBOX", 1), word, "the flags of what was delivered with all others");
  set_flags (f, "INBOX", UID (1), PTN_FLAGS_ADD, nothing);
  must_be (flags_of (f, "INBOX", 1), word, "the flags after ADD of all others");
  set_flags (f, "INBOX", UID (1), PTN_FLAGS_REPLACE, nothing | PTN_SEEN);
  must_be (flags_of (f, "INBOX", 1), PTN_SEEN, "the flags after REPLACE by all others and Seen");
  must_be (row_of (f, "INBOX", 1).flags, PTN_SEEN, "the flags in the row of fetch");
}

RULE (keyword_names, "keyword.name",
      "A keyword has 1 to 200 octets without control characters and spaces: PTN_E_INVALID",
      "store.h, keyword: PTN_E_INVALID", 0, 0) {
  g_autofree char *longest = g_strnfill (200, 'k'), *too_long = g_strnfill (201, 'k');
  const char *const bad[] = { "", "a b", "a\n", "a\001", "\xff", "\x7f", too_long };
  uint32_t bit = 0;
  make (f, "a");
  for (size_t i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_autofree char *shown = g_strescape (bad[i], NULL);
    must_give (keyword (f, "a", bad[i], 1, &bit), PTN_E_INVALID, "keyword \"%s\"", shown);
  }
  must_do (keyword (f, "a", longest, 1, &bit), "a keyword of 200 octets");
}

RULE (keywords_own, "keyword.of-one-mailbox", "Each mailbox has its own keyword table",
      "store.h: \"the mailbox's keyword table\"", 0, 0) {
  uint32_t bit = 0;
  make (f, "a");
  make (f, "b");
  must_do (keyword (f, "a", "word", 1, &bit), "keyword in \"a\"");
  must_give (keyword (f, "b", "word", 0, &bit), PTN_E_NOT_FOUND, "keyword in \"b\"");
}

RULE (keyword_limit, "keyword.limit", "A mailbox has 48 keywords; the next one is PTN_E_LIMIT",
      "store.h: \"PTN_E_LIMIT: there are 48 already\"", 0, 0) {
  uint64_t seen = 0;
  uint32_t bit = 0;
  make (f, "a");
  for (int i = 0; i < 48; i++) {
    g_autofree char *word = g_strdup_printf ("word%d", i);
    must_do (keyword (f, "a", word, 1, &bit), "keyword %d of 48", i + 1);
    must (bit >= 16 && bit <= 63, "the bit of keyword %d is %u", i + 1, bit);
    must (!(seen >> bit & 1), "bit %u was given to two keywords", bit);
    seen |= UINT64_C (1) << bit;
  }
  must_give (keyword (f, "a", "more", 1, &bit), PTN_E_LIMIT, "keyword 49");
  must_do (keyword (f, "a", "word7", 1, &bit), "a keyword that is there, in a full table");
}

RULES (flags, &modes_rule, &missing_uids_rule, &unchanged_since_rule, &unchanged_since_zero_rule,
       &one_modseq_rule, &modseq_grows_rule, &unknown_bits_rule, &keywords_rule,
       &keyword_names_rule, &keywords_own_rule, &keyword_limit_rule);
