/* SPDX-License-Identifier: Apache-2.0 */
/* changes.c - append, expunge, outcomes; all or nothing; tokens. */
#include "kit.h"

RULE (appends, "change.append", "append keeps text, flags and date, and its outcome tells the UID",
      "store.h, append, struct ptn_append and struct ptn_outcome: \"APPENDUID\"", 0, 0) {
  make (f, "INBOX");
  struct ptn_id id = id_of (f, "INBOX");
  struct ptn_change *change = begin (f, NULL);
  for (int i = 0; i < 3; i++) {
    struct ptn_source *source = harness_source_new ("x\r\n", 3, 1, true);
    struct ptn_append append = {
      .size = sizeof append, .flags = PTN_DRAFT, .internal_date = 77 + i, .source = source
    };
    must_do (DO (f, f->store->append (change, &call, &id, &append)), "append");
    source_close (source);
  }
  commit (f, change);
  for (uint32_t i = 0; i < 3; i++) {
    const struct ptn_outcome *result = outcome (f, change, i);
    g_autofree char *uid = g_strdup_printf ("%u", i + 1);
    must_be_set (result->uids, uid, "the uids of the outcome of an append");
    must_be (result->uidvalidity, status_of (f, "INBOX").uidvalidity, "uidvalidity of the outcome");
  }
  f->store->end (change);
  g_autoptr (GArray) rows = fetch_rows (f, "INBOX", NO_UIDS, 0);
  must_be (ROW (rows, 2)->internal_date, 79, "internal_date of the third");
  must_be (ROW (rows, 2)->flags, PTN_DRAFT, "flags of the third");
  must_have_text (f, "INBOX", 3, "x\r\n");
}

RULE (old_dates, "change.append.dates", "Dates before 1970 and after 2038 are kept",
      "store.h: \"seconds since 1970\", int64_t", 0, 0) {
  static const int64_t dates[] = { 0, -1, -86400 * 365, INT64_C (4102444800), 2147483648 };
  make (f, "INBOX");
  struct ptn_id id = id_of (f, "INBOX");
  for (uint32_t i = 0; i < G_N_ELEMENTS (dates); i++) {
    struct ptn_change *change = begin (f, NULL);
    struct ptn_source *source = source_of (f, "x\r\n", 3);
    struct ptn_append append = { .size = sizeof append,
                                 .internal_date = dates[i],
                                 .source = source };
    must_do (DO (f, f->store->append (change, &call, &id, &append)), "append");
    source_close (source);
    commit (f, change);
    f->store->end (change);
    must (row_of (f, "INBOX", i + 1).internal_date == dates[i],
          "internal_date %lld came back as %lld", (long long)dates[i],
          (long long)row_of (f, "INBOX", i + 1).internal_date);
  }
}

RULE (not_before_commit, "change.not-before-commit",
      "Nothing of a change is seen before its commit",
      "store.h: \"Collected, then committed as one\"", 0, 0) {
  deliver (f, ANN, "INBOX", "x\r\n");
  make (f, "to");
  struct ptn_mailbox before = status_of (f, "INBOX");
  struct ptn_change *change = begin (f, NULL);
  append_text (f, change, "INBOX", "y\r\n");
  must_do (flags_step (f, change, "INBOX", UID (1), PTN_FLAGS_ADD, PTN_SEEN, UINT64_MAX),
           "set_flags");
  must_do (copy_step (f, change, "INBOX", UID (1), "to", 1), "move");
  struct ptn_mailbox now = status_of (f, "INBOX");
  must_be (now.messages, 1, "messages before the commit");
  must_be (now.unseen, 1, "unseen before the commit");
  must_be (now.highest_modseq, before.highest_modseq, "highest_modseq before the commit");
  must_be (status_of (f, "to").messages, 0, "messages of the destination before the commit");
  commit (f, change);
  f->store->end (change);
  must_be (status_of (f, "INBOX").messages, 1, "messages after an append and a move away");
  must_be (status_of (f, "to").messages, 1, "messages of the destination after the commit");
}

RULE (end_without, "change.end-without-commit", "end without commit: nothing has happened",
      "store.h: \"end: without commit: nothing has happened\"", 0, 0) {
  deliver (f, ANN, "INBOX", "x\r\n");
  struct ptn_mailbox before = status_of (f, "INBOX");
  struct ptn_change *change = begin (f, NULL);
  append_text (f, change, "INBOX", "y\r\n");
  must_do (expunge_step (f, change, "INBOX", ALL_UIDS, 0), "expunge");
  must_do (flags_step (f, change, "INBOX", ALL_UIDS, PTN_FLAGS_ADD, PTN_SEEN, UINT64_MAX),
           "set_flags");
  f->store->end (change);
  struct ptn_mailbox after = status_of (f, "INBOX");
  must_be (after.messages, 1, "messages after a change was ended without commit");
  must_be (after.unseen, 1, "unseen after a change was ended without commit");
  must_be (after.highest_modseq, before.highest_modseq,
           "highest_modseq after a change was ended without commit");
  must_be (quota_of (f).messages_used, 1, "messages_used after a change was ended without commit");
  f->store->end (begin (f, NULL)); /* nothing at all */
}

RULE (failing_source, "change.append.failing-source",
      "An error of the source is the result of append, and nothing is kept",
      "store.h, append; stream.h", 0, 0) {
  make (f, "INBOX");
  struct ptn_id id = id_of (f, "INBOX");
  struct ptn_change *change = begin (f, NULL);
  struct ptn_source *source = harness_source_failing ("half", 4, PTN_E_DISCONNECTED);
  struct ptn_append append = { .size = sizeof append, .source = source };
  must_give (DO (f, f->store->append (change, &call, &id, &append)), PTN_E_DISCONNECTED,
             "append of a source that ends in PTN_E_DISCONNECTED");
  source_close (source);
  f->store->end (change);
  must_be (status_of (f, "INBOX").messages, 0, "messages after an append that failed");
}

RULE (step_modseqs, "change.modseq",
      "The modseq of an outcome is that of the step's messages, and "
      "not above highest_modseq",
      "store.h, struct ptn_outcome: modseq", 0, 0) {
  for (int i = 0; i < 2; i++)
    deliver (f, ANN, "INBOX", "x\r\n");
  uint64_t before = status_of (f, "INBOX").highest_modseq;
  struct ptn_change *change = begin (f, NULL);
  append_text (f, change, "INBOX", "y\r\n");
  must_do (flags_step (f, change, "INBOX", UID (1), PTN_FLAGS_ADD, PTN_SEEN, UINT64_MAX),
           "set_flags");
  commit (f, change);
  uint64_t modseqs[] = { outcome (f, change, 0)->modseq, outcome (f, change, 1)->modseq };
  f->store->end (change);
  must (modseqs[0] > before, "the modseq of an append does not grow");
  must (modseqs[1] >= modseqs[0], "the modseq of a later step is smaller than that of an earlier");
  must_be (row_of (f, "INBOX", 3).modseq, modseqs[0], "the modseq of the appended message");
  must_be (row_of (f, "INBOX", 1).modseq, modseqs[1], "the modseq of the flagged message");
  must_be (status_of (f, "INBOX").highest_modseq, modseqs[1], "highest_modseq");
}

RULE (expunges, "change.expunge",
      "expunge takes away the messages of its set, and its outcome "
      "tells which",
      "store.h, expunge and struct ptn_outcome", 0, 0) {
  for (int i = 0; i < 6; i++)
    deliver (f, ANN, "INBOX", "x\r\n");
  struct ptn_change *change = begin (f, NULL);
  must_do (expunge_step (f, change, "INBOX", UIDS ({ 1, 2 }, { 6, 100 }), 0), "expunge");
  commit (f, change);
  must_be_set (outcome (f, change, 0)->uids, "1:2,6", "the uids of the outcome");
  f->store->end (change);
  must_have_uids (f, "INBOX", "3 4 5");
}

RULE (expunge_deleted, "change.expunge.only-deleted",
      "only_deleted spares messages without "
      "PTN_DELETED",
      "store.h, expunge: only_deleted", 0, 0) {
  for (int i = 0; i < 6; i++)
    deliver (f, ANN, "INBOX", "x\r\n");
  set_flags (f, "INBOX", UIDS ({ 2, 4 }), PTN_FLAGS_ADD, PTN_DELETED);
  struct ptn_change *change = begin (f, NULL);
  must_do (expunge_step (f, change, "INBOX", UIDS ({ 1, 3 }), 1), "expunge of 1:3, only deleted");
  commit (f, change);
  must_be_set (outcome (f, change, 0)->uids, "2:3", "the uids of the outcome");
  f->store->end (change);
  must_have_uids (f, "INBOX", "1 4 5 6");
  must_be (status_of (f, "INBOX").deleted, 1, "deleted messages that are left");
}

RULE (empty_set, "change.empty", "An empty set, and a change without steps, change nothing",
      "base.h, struct ptn_uid_set; store.h, commit", 0, 0) {
  deliver (f, ANN, "INBOX", "x\r\n");
  uint64_t modseq = status_of (f, "INBOX").highest_modseq;
  struct ptn_change *change = begin (f, NULL);
  must_do (expunge_step (f, change, "INBOX", NO_UIDS, 0), "expunge of no UIDs");
  must_do (flags_step (f, change, "INBOX", NO_UIDS, PTN_FLAGS_ADD, PTN_SEEN, UINT64_MAX),
           "set_flags of no UIDs");
  commit (f, change);
  must_be_set (outcome (f, change, 0)->uids, "", "the uids of the outcome");
  f->store->end (change);
  change = begin (f, NULL);
  commit (f, change); /* no steps at all */
  f->store->end (change);
  must_have_uids (f, "INBOX", "1");
  must_be (status_of (f, "INBOX").unseen, 1, "unseen messages");
  must_be (status_of (f, "INBOX").highest_modseq, modseq, "highest_modseq after that");
}

RULE (no_such_step, "change.outcome.range", "outcome of a step that is not there is an error",
      "store.h: \"Each call is a step, numbered from 0\"", 0, 0) {
  make (f, "INBOX");
  struct ptn_change *change = begin (f, NULL);
  append_text (f, change, "INBOX", "x\r\n");
  commit (f, change);
  const struct ptn_outcome *none = NULL;
  must (f->store->outcome (change, 1, &none) < 0, "outcome of step 1 of a change of one step is no "
                                                  "error");
  must (f->store->outcome (change, UINT32_MAX, &none) < 0,
        "outcome of step 4294967295 is no error");
  f->store->end (change);
}

RULE (all_or_nothing, "change.all-or-nothing", "When one step cannot be done, none is",
      "store.h: \"a set of changes, all applied or none\"", 0, 0) {
  deliver (f, ANN, "INBOX", "x\r\n");
  make (f, "gone");
  struct ptn_id id = id_of (f, "INBOX"), gone = id_of (f, "gone");
  struct ptn_change *change = begin (f, NULL);
  append_text (f, change, "INBOX", "y\r\n");
  must_do (flags_step (f, change, "INBOX", ALL_UIDS, PTN_FLAGS_ADD, PTN_SEEN, UINT64_MAX),
           "set_flags");
  must_do (drop (f, "gone"), "remove the mailbox that a later step is about");
  ptn_status status = DO (f, f->store->copy (change, &call, &id, ALL_UIDS, &gone, 1));
  if (status == PTN_OK) /* a store may look then or at the commit */
    status = commit_try (f, change);
  must_give (status, PTN_E_NOT_FOUND, "a move to a mailbox that was removed, or its commit");
  f->store->end (change);
  must_have_uids (f, "INBOX", "1");
  must_be (status_of (f, "INBOX").unseen, 1, "unseen after a change that could not be done");
}

RULE (removed_meanwhile, "change.removed-meanwhile",
      "A commit into a mailbox that was removed since its step: PTN_E_NOT_FOUND, nothing happens",
      "store.h: all applied or none", 0, 0) {
  deliver (f, ANN, "INBOX", "x\r\n");
  make (f, "a");
  struct ptn_change *change = begin (f, NULL);
  append_text (f, change, "a", "y\r\n");
  must_do (expunge_step (f, change, "INBOX", ALL_UIDS, 0), "expunge");
  must_do (drop (f, "a"), "remove \"a\"");
  must_give (commit_try (f, change), PTN_E_NOT_FOUND, "commit after \"a\" was removed");
  f->store->end (change);
  must_have_uids (f, "INBOX", "1");
  must (!exists (f, "a"), "the commit made the removed mailbox again");
}

RULE (steps_see, "change.steps-see-each-other", "A step sees what the steps before it have done",
      "store.h: steps are numbered, and done in that order", 0, 0) {
  for (int i = 0; i < 3; i++)
    deliver (f, ANN, "INBOX", "x\r\n");
  make (f, "to");
  struct ptn_change *change = begin (f, NULL);
  must_do (flags_step (f, change, "INBOX", UIDS ({ 1, 2 }), PTN_FLAGS_ADD, PTN_DELETED, UINT64_MAX),
           "set_flags");
  must_do (copy_step (f, change, "INBOX", UID (2), "to", 0), "copy");
  must_do (expunge_step (f, change, "INBOX", ALL_UIDS, 1), "expunge of what is deleted");
  commit (f, change);
  must_be_set (outcome (f, change, 2)->uids, "1:2", "what the third step expunged");
  f->store->end (change);
  must_have_uids (f, "INBOX", "3");
  must_be (flags_of (f, "to", 1), PTN_DELETED, "the flags that the second step copied");
}

RULE (token_once, "token.once",
      "Changes with one token are applied once, and tell the same outcome",
      "store.h: \"`token` makes a commit repeatable\"", 0, 0) {
  struct ptn_id token = { "0123456789abcde" };
  make (f, "INBOX");
  for (int i = 0; i < 3; i++) {
    struct ptn_change *change = begin (f, &token);
    append_text (f, change, "INBOX", "once\r\n");
    commit (f, change);
    must_be_set (outcome (f, change, 0)->uids, "1", "the uids of the outcome");
    f->store->end (change);
  }
  must_have_uids (f, "INBOX", "1");
}

RULE (token_differs, "token.other", "Another token, or none, is another change",
      "store.h: \"NULL: not needed\"", 0, 0) {
  struct ptn_id token = { "0123456789abcde" };
  make (f, "INBOX");
  for (int i = 0; i < 4; i++) {
    struct ptn_change *change = begin (f, i < 2 ? &token : NULL);
    append_text (f, change, "INBOX", "x\r\n");
    commit (f, change);
    f->store->end (change);
    token.octets[15] ^= 1;
  }
  must_have_uids (f, "INBOX", "1 2 3 4");
}

RULE (token_of_account, "token.of-one-account", "A token is of one account",
      "store.h, begin: the token is given with an account", 0, 0) {
  struct ptn_id token = { "0123456789abcde" };
  make (f, "INBOX");
  for (int i = 0; i < 2; i++) {
    struct ptn_account *before = f->account;
    if (i) {
      account_switch (f, BOB);
      make (f, "INBOX");
    }
    struct ptn_change *change = begin (f, &token);
    append_text (f, change, "INBOX", "x\r\n");
    commit (f, change);
    f->store->end (change);
    must_have_uids (f, "INBOX", "1");
    if (i)
      account_back (f, before);
  }
}

RULE (token_uncommitted, "token.not-without-commit",
      "A token whose change was ended without commit "
      "was not used",
      "store.h, end", 0, 0) {
  struct ptn_id token = { "0123456789abcde" };
  make (f, "INBOX");
  for (int i = 0; i < 2; i++) {
    struct ptn_change *change = begin (f, &token);
    append_text (f, change, "INBOX", "x\r\n");
    if (i)
      commit (f, change);
    f->store->end (change);
  }
  must_have_uids (f, "INBOX", "1");
}

RULE (failed_nothing, "change.failed", "A commit or deliver that gives an error has done nothing",
      "store.h: \"all applied or none\"; base.h: errors of the server", 0, 0) {
  unsigned failed = 0, done = 0;
  const struct ptn_target target = TARGET (ANN, "INBOX");
  for (int i = 0; i < 200; i++) {
    struct ptn_delivered result = { 0 };
    ptn_status status = deliver_many (f, source_of (f, "x\r\n", 3), 0, &target, 1, &result);
    if (status == PTN_OK && result.status == PTN_OK)
      done++;
    else
      failed++;
  }
  if (!failed)
    cannot_run ("none of 200 deliveries failed; make the store fail with its settings, if it can");
  must_be (status_of (f, "INBOX").messages, done, "messages after %u deliveries failed", failed);
  for (uint32_t uid = 1; uid <= 20; uid++) {
    struct ptn_change *change = begin (f, NULL);
    ptn_status status = expunge_step (f, change, "INBOX", UID (uid), 0);
    if (status == PTN_OK)
      status = commit_try (f, change);
    f->store->end (change);
    if (status == PTN_OK)
      done--;
    must_be (status_of (f, "INBOX").messages, done, "messages after an expunge that gave %s",
             status_name (status));
  }
}

RULES (change, &appends_rule, &old_dates_rule, &not_before_commit_rule, &end_without_rule,
       &failing_source_rule, &step_modseqs_rule, &expunges_rule, &expunge_deleted_rule,
       &empty_set_rule, &no_such_step_rule, &all_or_nothing_rule, &removed_meanwhile_rule,
       &steps_see_rule, &failed_nothing_rule);
RULES (token, &token_once_rule, &token_differs_rule, &token_of_account_rule,
       &token_uncommitted_rule);
