/* SPDX-License-Identifier: Apache-2.0 */
/* readers.c - delegates who only look (PTN_ACCESS_READ): BOB in the account of ANN. */
#include "kit.h"

#define CARL "carl@example.test"

/* BOB opens the account of another with this access, and becomes f->account. */
static struct ptn_account *
switch_to (struct fixture *f, const char *account, ptn_access access, bool administrator) {
  const struct ptn_identity identity = {
    .size = sizeof identity,
    .authcid = BOB,
    .authzid = BOB,
    .domain = "",
    .account = account,
    .administrator = administrator,
    .access = access,
  };
  struct ptn_account *before = f->account;
  f->account = NULL;
  must_do (DO (f, f->store->open (f->instance, &call, &identity, &f->account)),
           "open of the account %s by a delegate", account);
  return before;
}

static ptn_status
flags_as (struct fixture *f, const struct ptn_id *id, ptn_flag_bits flags) {
  struct ptn_change *change = begin (f, NULL);
  ptn_status status =
      DO (f, f->store->set_flags (change, &call, id, UID (1), PTN_FLAGS_ADD, flags, UINT64_MAX));
  if (status == PTN_OK)
    status = commit_try (f, change);
  f->store->end (change);
  return status;
}

static ptn_status
append_as (struct fixture *f, const struct ptn_id *id) {
  struct ptn_change *change = begin (f, NULL);
  struct ptn_source *source = source_of (f, "new\r\n", 5);
  struct ptn_append append = { .size = sizeof append, .source = source };
  ptn_status status = DO (f, f->store->append (change, &call, id, &append));
  source_close (source);
  if (status == PTN_OK)
    status = commit_try (f, change);
  f->store->end (change);
  return status;
}

static ptn_status
expunge_as (struct fixture *f, const struct ptn_id *id) {
  struct ptn_change *change = begin (f, NULL);
  ptn_status status = DO (f, f->store->expunge (change, &call, id, UID (1), 0));
  if (status == PTN_OK)
    status = commit_try (f, change);
  f->store->end (change);
  return status;
}

static ptn_status
copy_as (struct fixture *f, const struct ptn_id *from, const struct ptn_id *to, int move) {
  struct ptn_change *change = begin (f, NULL);
  ptn_status status = DO (f, f->store->copy (change, &call, from, UID (1), to, move));
  if (status == PTN_OK)
    status = commit_try (f, change);
  f->store->end (change);
  return status;
}

static ptn_status
annotate_as (struct fixture *f, const struct ptn_id *id, struct ptn_uid_set uids,
             const char *name) {
  struct ptn_change *change = begin (f, NULL);
  ptn_status status =
      DO (f, f->store->annotate (change, &call, id, uids, name, (struct ptn_bytes){ "x", 1 }));
  if (status == PTN_OK)
    status = commit_try (f, change);
  f->store->end (change);
  return status;
}

RULE (reads, "reader.reads", "PTN_ACCESS_READ lists and reads; the rows say \"lr\"",
      "store.h: \"has l and r at the most\"", 0, 0) {
  const struct ptn_mailbox *row = NULL;
  make (f, "a/b");
  deliver (f, ANN, "a/b", "x\r\n");
  struct ptn_account *ann = switch_to (f, ANN, PTN_ACCESS_READ, false);
  must_list (f, "*", "a a/b");
  struct ptn_call held = CALL (f);
  must_do (HELD (f, f->store->status (f->account, &held, NAME ("a/b"), &row)), "status");
  must_read (row->rights, "lr", "rights in the row of who only reads");
  must_be (row->messages, 1, "messages");
  END (f, held);
  must_have_uids (f, "a/b", "1");
  must_have_text (f, "a/b", 1, "x\r\n");
  must_be (flags_of (f, "a/b", 1), 0, "flags after it was read");
  account_back (f, ann);
  must_be (status_of (f, "a/b").unseen, 1, "unseen of the owner after all that");
}

/* Everything about messages. */
static void
must_not_change_messages (struct fixture *f, const struct ptn_id *id, const struct ptn_id *other) {
  must_give (flags_as (f, id, PTN_SEEN), PTN_E_DENIED, "set_flags of \\Seen");
  must_give (flags_as (f, id, PTN_DELETED | PTN_FLAGGED), PTN_E_DENIED, "set_flags");
  must_give (append_as (f, id), PTN_E_DENIED, "append");
  must_give (expunge_as (f, id), PTN_E_DENIED, "expunge");
  must_give (copy_as (f, id, other, 0), PTN_E_DENIED, "copy within the account");
  must_give (copy_as (f, id, other, 1), PTN_E_DENIED, "move within the account");
  uint32_t bit;
  must_give (DO (f, f->store->keyword (f->account, &call, id, "new", 1, &bit)), PTN_E_DENIED,
             "keyword that is to be made");
}

RULE (messages, "reader.messages", "PTN_ACCESS_READ changes no message: PTN_E_DENIED",
      "store.h: \"and changes nothing\"", 0, 0) {
  make (f, "a");
  make (f, "b");
  deliver (f, ANN, "a", "x\r\n");
  const struct ptn_id a = id_of (f, "a"), b = id_of (f, "b");
  struct ptn_account *ann = switch_to (f, ANN, PTN_ACCESS_READ, false);
  must_not_change_messages (f, &a, &b);
  account_back (f, ann);
  must_have_uids (f, "a", "1");
  must_have_uids (f, "b", "");
  must_be (flags_of (f, "a", 1), 0, "the flags after all that");
}

RULE (mailboxes, "reader.mailboxes",
      "PTN_ACCESS_READ makes, removes, renames and subscribes no mailbox: PTN_E_DENIED",
      "store.h: \"and changes nothing\"", 0, 0) {
  make (f, "a");
  const struct ptn_id a = id_of (f, "a");
  struct ptn_account *ann = switch_to (f, ANN, PTN_ACCESS_READ, false);
  must_give (create (f, "new"), PTN_E_DENIED, "create");
  must_give (drop (f, "a"), PTN_E_DENIED, "remove");
  must_give (rename_to (f, "a", "z"), PTN_E_DENIED, "rename");
  must_give (subscribe (f, "a", 1), PTN_E_DENIED, "subscribe");
  if (f->store->capabilities & PTN_STORE_SPECIAL_USE)
    must_give (DO (f, f->store->set_attributes (f->account, &call, &a, PTN_MAILBOX_SENT)),
               PTN_E_DENIED, "set_attributes");
  if (f->store->capabilities & PTN_STORE_QUOTA)
    must_give (set_quota (f, 1, 1), PTN_E_DENIED, "set_quota");
  if (f->store->capabilities & PTN_STORE_ACL)
    must_give (rights_try (f, "a", BOB, "lrswi"), PTN_E_DENIED, "set_rights");
  account_back (f, ann);
  must_list (f, "*", "a");
  must (!(status_of (f, "a").attributes & (PTN_MAILBOX_SUBSCRIBED | PTN_MAILBOX_SENT)),
        "what was refused has happened");
}

RULE (annotates, "reader.annotations",
      "PTN_ACCESS_READ annotates nothing, not even what would be its own: PTN_E_DENIED",
      "store.h: \"of /private/ names too\"", PTN_STORE_ANNOTATIONS, 0) {
  make (f, "a");
  deliver (f, ANN, "a", "x\r\n");
  annotate (f, "a", UID (1), "/shared/a", "all see it");
  const struct ptn_id a = id_of (f, "a");
  struct ptn_account *ann = switch_to (f, ANN, PTN_ACCESS_READ, false);
  must_annotate (f, "a", NO_UIDS, 1, NULL, "1 /shared/a=all see it");
  must_give (annotate_as (f, &a, UID (1), "/shared/a"), PTN_E_DENIED, "annotate of a message");
  must_give (annotate_as (f, &a, UID (1), "/private/a"), PTN_E_DENIED, "annotate /private/");
  must_give (annotate_as (f, &a, NO_UIDS, "/shared/a"), PTN_E_DENIED, "annotate of a mailbox");
  must_give (annotate_as (f, NULL, NO_UIDS, "/shared/a"), PTN_E_DENIED, "annotate of the account");
  must_annotate (f, "a", NO_UIDS, 1, NULL, "1 /shared/a=all see it");
  account_back (f, ann);
  must_annotate (f, "a", NO_UIDS, 1, NULL, "1 /shared/a=all see it");
}

RULE (recent, "reader.recent", "PTN_ACCESS_READ is told what is recent, and claims nothing",
      "store.h: \"claim_recent claims nothing\"", PTN_STORE_RECENT, 0) {
  uint32_t first;
  make (f, "a");
  deliver (f, ANN, "a", "x\r\n");
  const struct ptn_id a = id_of (f, "a");
  struct ptn_account *ann = switch_to (f, ANN, PTN_ACCESS_READ, false);
  must_do (DO (f, f->store->claim_recent (f->account, &call, &a, &first)), "claim_recent");
  must (first <= 1, "claim_recent of a new message gives UID %u to who only reads", first);
  account_back (f, ann);
  must_do (DO (f, f->store->claim_recent (f->account, &call, &a, &first)), "claim_recent");
  must (first <= 1, "after one who only reads the owner has UID %u as the first recent one", first);
}

RULE (granted, "reader.granted", "No entry of a mailbox gives PTN_ACCESS_READ more than l and r",
      "store.h: \"whatever entries give\"", PTN_STORE_ACL, 0) {
  struct ptn_mailbox row;
  struct ptn_account *before = account_switch (f, CARL);
  make (f, "shared");
  deliver (f, CARL, "shared", "x\r\n");
  allow (f, "shared", BOB, "lrswipkxtea");
  make (f, "hidden");
  account_back (f, before);
  make (f, "mine");
  const struct ptn_id mine = id_of (f, "mine");
  struct ptn_account *ann = switch_to (f, ANN, PTN_ACCESS_READ, false);
  must_do (status_try (f, THEIRS (CARL, "shared"), &row), "status of another's mailbox");
  must_give (status_try (f, THEIRS (CARL, "hidden"), &row), PTN_E_NOT_FOUND,
             "status of a mailbox without entries");
  const struct ptn_id shared = their_id (f, CARL, "shared");
  must_not_change_messages (f, &shared, &mine);
  must_give (DO (f, f->store->create (f->account, &call, THEIRS (CARL, "shared/new"), 0)),
             PTN_E_DENIED, "create below another's mailbox");
  must_give (DO (f, f->store->remove (f->account, &call, THEIRS (CARL, "shared"))), PTN_E_DENIED,
             "remove of another's mailbox");
  account_back (f, ann);
}

RULE (powerful, "reader.administrator", "An administrator with PTN_ACCESS_READ changes nothing",
      "store.h: \"administrators as well\"", 0, 0) {
  make (f, "a");
  make (f, "b");
  deliver (f, ANN, "a", "x\r\n");
  const struct ptn_id a = id_of (f, "a"), b = id_of (f, "b");
  struct ptn_account *ann = switch_to (f, ANN, PTN_ACCESS_READ, true);
  must_have_text (f, "a", 1, "x\r\n");
  must_not_change_messages (f, &a, &b);
  must_give (create (f, "new"), PTN_E_DENIED, "create");
  account_back (f, ann);
}

RULE (full, "reader.full", "PTN_ACCESS_FULL, and PTN_ACCESS_UNTOLD, are those of the owner",
      "auth.h: \"the owner, or a delegate for everything\"", 0, 0) {
  make (f, "a");
  deliver (f, ANN, "a", "x\r\n");
  const struct ptn_id a = id_of (f, "a");
  struct ptn_account *ann = switch_to (f, ANN, PTN_ACCESS_FULL, false);
  must_do (flags_as (f, &a, PTN_SEEN), "set_flags by a delegate for everything");
  account_back (f, ann);
  must_be (flags_of (f, "a", 1), PTN_SEEN, "the flags");
  ann = switch_to (f, ANN, PTN_ACCESS_UNTOLD, false);
  must_do (append_as (f, &a), "append where nothing is told of the access");
  account_back (f, ann);
  must_have_uids (f, "a", "1 2");
}

RULES (reader, &reads_rule, &messages_rule, &mailboxes_rule, &annotates_rule, &recent_rule,
       &granted_rule, &powerful_rule, &full_rule);
