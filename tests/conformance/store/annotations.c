/* SPDX-License-Identifier: Apache-2.0 */
/* annotations.c - of messages, of mailboxes, of the account. */
#include "kit.h"

#define NEEDS PTN_STORE_ANNOTATIONS

static void
deliver_times (struct fixture *f, int times) {
  for (int i = 0; i < times; i++)
    deliver (f, ANN, "INBOX", "x\r\n");
}

RULE (of_messages, "annotation.messages", "Messages keep annotations; rows come by UID, then name",
      "store.h, annotate and annotations: \"Rows by uid, then name\"", NEEDS, 0) {
  deliver_times (f, 4);
  must_annotate (f, "INBOX", NO_UIDS, 1, NULL, "");
  annotate (f, "INBOX", UIDS ({ 2, 3 }, { 50, 60 }), "/pop3/retrieved", "123");
  annotate (f, "INBOX", UID (3), "/a", "z");
  must_annotate (f, "INBOX", NO_UIDS, 1, NULL,
                 "2 /pop3/retrieved=123, 3 /a=z, 3 /pop3/retrieved=123");
}

RULE (chosen, "annotation.chosen", "annotations gives those of a set of UIDs, and of one name",
      "store.h, annotations: uids, all_uids, name", NEEDS, 0) {
  deliver_times (f, 4);
  annotate (f, "INBOX", UIDS ({ 2, 3 }), "/b", "1");
  annotate (f, "INBOX", UID (3), "/a", "z");
  must_annotate (f, "INBOX", NO_UIDS, 1, "/a", "3 /a=z");
  must_annotate (f, "INBOX", UIDS ({ 1, 2 }), 0, NULL, "2 /b=1");
  must_annotate (f, "INBOX", UIDS ({ 3, 9 }), 0, "/b", "3 /b=1");
  must_annotate (f, "INBOX", NO_UIDS, 1, "/c", "");
  must_annotate (f, "INBOX", UID (2), 1, "/b", "2 /b=1, 3 /b=1"); /* uids is not looked at */
}

RULE (changed, "annotation.replaced", "A value is replaced; value.data NULL removes it",
      "store.h: \"value.data NULL removes it\"", NEEDS, 0) {
  deliver_times (f, 2);
  annotate (f, "INBOX", ALL_UIDS, "/a", "one");
  annotate (f, "INBOX", UID (2), "/a", "two");
  must_annotate (f, "INBOX", NO_UIDS, 1, NULL, "1 /a=one, 2 /a=two");
  annotate (f, "INBOX", UID (1), "/a", NULL);
  annotate (f, "INBOX", UID (1), "/a", NULL); /* is not there any more */
  must_annotate (f, "INBOX", NO_UIDS, 1, NULL, "2 /a=two");
}

RULE (expunged, "annotation.expunge", "The annotations of a message go with it",
      "store.h, annotations: \"of messages\"", NEEDS, 0) {
  deliver_times (f, 2);
  annotate (f, "INBOX", ALL_UIDS, "/a", "one");
  expunge (f, "INBOX", UID (1));
  must_annotate (f, "INBOX", NO_UIDS, 1, NULL, "2 /a=one");
  must_annotate (f, "INBOX", UID (1), 0, NULL, "");
}

RULE (copied, "annotation.copy",
      "A copy begins with the annotations of its original, and what is done to the one does not "
      "touch the other",
      "store.h: \"Copied and moved messages begin with the ... annotations of their originals\"; "
      "RFC 5257 section 4.6",
      NEEDS, 0) {
  deliver_times (f, 3);
  make (f, "to");
  annotate (f, "INBOX", UID (1), "/a", "one");
  annotate (f, "INBOX", UID (1), "/private/b", "");
  annotate (f, "INBOX", UID (3), "/c", "three");
  copy_to (f, "INBOX", UIDS ({ 1, 2 }), "to", 0);
  must_annotate (f, "to", NO_UIDS, 1, NULL, "1 /a=one, 1 /private/b=");
  copy_to (f, "INBOX", UID (3), "to", 1); /* a move */
  must_annotate (f, "to", NO_UIDS, 1, "/c", "3 /c=three");
  copy_to (f, "to", UID (3), "to", 0); /* within */
  must_annotate (f, "to", NO_UIDS, 1, "/c", "3 /c=three, 4 /c=three");
  expunge (f, "to", UIDS ({ 3, 4 }));
  annotate (f, "to", UID (1), "/private/b", NULL);
  annotate (f, "INBOX", UID (1), "/private/b", NULL);
  annotate (f, "to", UID (1), "/a", "two");
  must_annotate (f, "INBOX", NO_UIDS, 1, NULL, "1 /a=one");
  must_annotate (f, "to", NO_UIDS, 1, NULL, "1 /a=two");
  expunge (f, "INBOX", UID (1));
  must_annotate (f, "to", NO_UIDS, 1, NULL, "1 /a=two");
}

RULE (copied_private, "annotation.copy-private",
      "A copy has of /private/ annotations only those of who copied",
      "store.h: \"of \\\"/private/\\\" ones with the identity's own alone\"; RFC 5257 section 4.6",
      NEEDS, 0) {
  deliver_times (f, 1);
  make (f, "to");
  struct ptn_account *ann = f->account, *bob = account_open_as (f, ANN, BOB, NULL, true);
  annotate (f, "INBOX", UID (1), "/private/note", "ann's");
  f->account = bob;
  annotate (f, "INBOX", UID (1), "/private/note", "bob's");
  copy_to (f, "INBOX", UID (1), "to", 0);
  must_annotate (f, "to", NO_UIDS, 1, NULL, "1 /private/note=bob's");
  f->account = ann;
  must_annotate (f, "to", NO_UIDS, 1, NULL, "");
  copy_to (f, "INBOX", UID (1), "to", 0);
  must_annotate (f, "to", NO_UIDS, 1, NULL, "2 /private/note=ann's");
  f->account = bob;
  must_annotate (f, "to", NO_UIDS, 1, NULL, "1 /private/note=bob's");
  account_back (f, ann);
}

RULE (message_modseq, "annotation.modseq", "Annotating a message gives it a new modseq",
      "store.h: \"Every commit that changes a message gives it a new modseq\"", NEEDS, 0) {
  deliver_times (f, 2);
  uint64_t before = status_of (f, "INBOX").highest_modseq;
  annotate (f, "INBOX", UID (1), "/a", "x");
  must (row_of (f, "INBOX", 1).modseq > before, "the modseq of an annotated message did not grow");
  must (row_of (f, "INBOX", 2).modseq <= before, "the modseq of another message grew");
}

RULE (of_mailbox, "annotation.mailbox",
      "A mailbox, its messages and the account have annotations of "
      "their own",
      "store.h: \"of the mailbox (no uids) or of the account (mailbox NULL)\"", NEEDS, 0) {
  deliver_times (f, 1);
  must_annotate (f, NULL, NO_UIDS, 0, NULL, "");
  annotate (f, "INBOX", NO_UIDS, "/comment", "of the mailbox");
  annotate (f, NULL, NO_UIDS, "/comment", "of the account");
  annotate (f, "INBOX", UID (1), "/comment", "of the message");
  must_annotate (f, "INBOX", NO_UIDS, 0, NULL, "0 /comment=of the mailbox");
  must_annotate (f, NULL, NO_UIDS, 0, NULL, "0 /comment=of the account");
  must_annotate (f, "INBOX", NO_UIDS, 1, NULL, "1 /comment=of the message");
  annotate (f, "INBOX", NO_UIDS, "/comment", NULL);
  annotate (f, NULL, NO_UIDS, "/comment", NULL);
  must_annotate (f, "INBOX", NO_UIDS, 0, NULL, "");
  must_annotate (f, NULL, NO_UIDS, 0, NULL, "");
  must_annotate (f, "INBOX", NO_UIDS, 1, NULL, "1 /comment=of the message");
}

RULE (mailbox_renamed, "annotation.rename",
      "The annotations of a mailbox follow its rename, and go "
      "with its removal; those of messages follow a rename of INBOX",
      "store.h, rename: the mailbox is the same", NEEDS, 0) {
  make (f, "a");
  annotate (f, "a", NO_UIDS, "/comment", "x");
  must_do (rename_to (f, "a", "b"), "rename");
  must_annotate (f, "b", NO_UIDS, 0, NULL, "0 /comment=x");
  must_do (drop (f, "b"), "remove");
  make (f, "b");
  must_annotate (f, "b", NO_UIDS, 0, NULL, "");
  deliver_times (f, 2);
  annotate (f, "INBOX", UID (2), "/a", "of a message");
  annotate (f, "INBOX", UID (2), "/private/a", "mine");
  annotate (f, "INBOX", NO_UIDS, "/comment", "of INBOX");
  must_do (rename_to (f, "INBOX", "c"), "rename of INBOX");
  must_annotate (f, "c", NO_UIDS, 1, NULL, "2 /a=of a message, 2 /private/a=mine");
  must_annotate (f, "INBOX", NO_UIDS, 0, NULL, "0 /comment=of INBOX");
}

RULE (new_account, "annotation.new-account", "An account that was never seen can be annotated",
      "store.h: \"An account need not exist before it is opened\"", NEEDS, 0) {
  annotate (f, NULL, NO_UIDS, "/settings/colour", "green");
  must_annotate (f, NULL, NO_UIDS, 0, "/settings/colour", "0 /settings/colour=green");
}

RULE (sizes, "annotation.size",
      "A value has 0 octets to 64 KiB, whatever they are; more: PTN_E_LIMIT",
      "store.h: \"A value has 64 KiB at most\"", NEEDS, 0) {
  enum { MOST = 64 * 1024 };
  g_autofree char *big = g_malloc (MOST + 1);
  deliver_times (f, 1);
  for (int i = 0; i <= MOST; i++)
    big[i] = (char)(i * 31 % 256);
  must_give (annotate_try (f, "INBOX", UID (1), "/big", big, MOST + 1), PTN_E_LIMIT,
             "annotate with 64 KiB and an octet, or its commit");
  must_do (annotate_try (f, "INBOX", UID (1), "/big", big, MOST), "annotate with 64 KiB");
  struct ptn_id id = id_of (f, "INBOX");
  struct ptn_cursor *cursor = NULL;
  const struct ptn_annotation *row = NULL;
  must_do (DO (f, f->store->annotations (f->account, &call, &id, NO_UIDS, 1, NULL, &cursor)),
           "annotations");
  struct ptn_call held = CALL (f);
  must_do (HELD (f, f->store->next_annotation (cursor, &held, &row)), "next_annotation");
  must_hold (row->value.data, row->value.size, big, MOST, "a value of 64 KiB");
  END (f, held);
  f->store->close_cursor (cursor);
  must_do (annotate_try (f, "INBOX", UID (1), "/big", "", 0), "annotate with an empty value");
  must_annotate (f, "INBOX", NO_UIDS, 1, NULL, "1 /big="); /* empty, not gone */
}

RULE (names, "annotation.name",
      "A name begins with '/' and has 2 to 256 octets without control characters: PTN_E_INVALID",
      "store.h: \"a name begins with '/' and has 2 to 256 octets of UTF-8 without control "
      "characters (PTN_E_INVALID)\"",
      NEEDS, 0) {
  g_autofree char *longest = g_strnfill (256, '/'), *too_long = g_strnfill (257, '/');
  const char *const bad[] = { "none", "", "/", "/a\n", "/a\001b", "/\xff", too_long };
  deliver_times (f, 1);
  for (size_t i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_autofree char *shown = g_strescape (bad[i], NULL);
    must_give (annotate_try (f, "INBOX", UID (1), bad[i], "x", 1), PTN_E_INVALID,
               "annotate with the name \"%s\"", shown);
  }
  must_annotate (f, "INBOX", NO_UIDS, 1, NULL, "");
  annotate (f, "INBOX", UID (1), longest, "x");
  must_annotate (f, "INBOX", NO_UIDS, 1, "/a", "");
  annotate (f, "INBOX", UID (1), longest, NULL);
  annotate (f, "INBOX", UID (1), "/A", "x"); /* case matters */
  must_annotate (f, "INBOX", NO_UIDS, 1, "/a", "");
  must_annotate (f, "INBOX", NO_UIDS, 1, NULL, "1 /A=x");
}

RULE (private_values, "annotation.private",
      "Two who open one account have each their own /private/ values, "
      "and share the others",
      "store.h: \"Names that begin with \\\"/private/\\\" are the identity's own\"", NEEDS, 0) {
  deliver_times (f, 1);
  struct ptn_account *ann = f->account, *bob = account_open_as (f, ANN, BOB, NULL, false);
  annotate (f, "INBOX", UID (1), "/private/note", "ann's");
  f->account = bob;
  annotate (f, "INBOX", UID (1), "/private/note", "bob's");
  annotate (f, "INBOX", UID (1), "/shared", "ours");
  annotate (f, "INBOX", NO_UIDS, "/private/x", "of the mailbox");
  annotate (f, NULL, NO_UIDS, "/private/x", "of the account");
  must_annotate (f, "INBOX", NO_UIDS, 1, NULL, "1 /private/note=bob's, 1 /shared=ours");
  must_annotate (f, "INBOX", NO_UIDS, 0, NULL, "0 /private/x=of the mailbox");
  must_annotate (f, NULL, NO_UIDS, 0, NULL, "0 /private/x=of the account");
  f->account = ann;
  must_annotate (f, "INBOX", NO_UIDS, 1, NULL, "1 /private/note=ann's, 1 /shared=ours");
  must_annotate (f, "INBOX", NO_UIDS, 0, NULL, "");
  must_annotate (f, NULL, NO_UIDS, 0, NULL, "");
  f->account = bob;
  annotate (f, "INBOX", UID (1), "/private/note", NULL); /* his alone */
  account_back (f, ann);
  must_annotate (f, "INBOX", NO_UIDS, 1, "/private/note", "1 /private/note=ann's");
}

RULE (with_expunge, "annotation.in-a-change",
      "annotate is a step like others: with an expunge in one "
      "change, or not at all",
      "store.h: a change is all applied or none", NEEDS, 0) {
  deliver_times (f, 3);
  struct ptn_id id = id_of (f, "INBOX");
  struct ptn_change *change = begin (f, NULL);
  must_do (DO (f, f->store->annotate (change, &call, &id, UIDS ({ 1, 2 }), "/a",
                                      (struct ptn_bytes){ "1", 1 })),
           "annotate");
  must_do (expunge_step (f, change, "INBOX", UID (2), 0), "expunge");
  must_annotate (f, "INBOX", NO_UIDS, 1, NULL, "");
  commit (f, change);
  f->store->end (change);
  must_annotate (f, "INBOX", NO_UIDS, 1, NULL, "1 /a=1");
  must_have_uids (f, "INBOX", "1 3");
}

RULES (annotation, &of_messages_rule, &chosen_rule, &changed_rule, &expunged_rule, &copied_rule,
       &copied_private_rule, &message_modseq_rule, &of_mailbox_rule, &mailbox_renamed_rule,
       &new_account_rule, &sizes_rule, &names_rule, &private_values_rule, &with_expunge_rule);
