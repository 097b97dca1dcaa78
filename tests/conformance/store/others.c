/* SPDX-License-Identifier: Apache-2.0 */
/* others.c - list_others, public mailboxes, special uses. */
#include "kit.h"

#define CARL "carl@example.test"

/* "owner:path owner:path" */
static char *
others (struct fixture *f, const char *owner, const char *pattern) {
  GString *all = g_string_new (NULL);
  struct ptn_cursor *cursor = NULL;
  const struct ptn_mailbox *row = NULL;
  must_do (DO (f, f->store->list_others (f->account, &call, owner, pattern, &cursor)),
           "list_others of %s", owner ? owner : "all");
  for (;;) {
    struct ptn_call held = CALL (f);
    ptn_status status = HELD (f, f->store->next_mailbox (cursor, &held, &row));
    if (status == PTN_OK) {
      must (row->name.owner, "a row of list_others has no owner");
      g_string_append_printf (all, "%s%s:%s", all->len ? " " : "", row->name.owner, row->name.path);
    }
    END (f, held);
    if (status == PTN_END)
      break;
    must_do (status, "next_mailbox of list_others");
  }
  f->store->close_cursor (cursor);
  return g_string_free (all, FALSE);
}

static void
must_find (struct fixture *f, const char *owner, const char *pattern, const char *wanted) {
  g_autofree char *rows = others (f, owner, pattern);
  must_read (rows, wanted, "the rows (owner:path) of list_others of %s, \"%s\"",
             owner ? *owner ? owner : "the public" : "all", pattern);
}

RULE (listed_others, "others.list",
      "list_others gives what others let one see, by owner, then path", "store.h, list_others",
      PTN_STORE_ACL, 0) {
  static const char *const owners[] = { ANN, CARL };
  for (int i = 0; i < 2; i++) {
    struct ptn_account *before = account_switch (f, owners[i]);
    make (f, "x/y");
    make (f, "hidden");
    make (f, "a");
    allow (f, "x/y", BOB, "lr");
    allow (f, "a", BOB, "l");
    allow (f, "hidden", BOB, "r");
    account_back (f, before);
  }
  struct ptn_account *ann = account_switch (f, BOB);
  make (f, "mine");
  must_find (f, NULL, "*", ANN ":a " ANN ":x/y " CARL ":a " CARL ":x/y");
  must_find (f, CARL, "*", CARL ":a " CARL ":x/y");
  must_find (f, NULL, "%", ANN ":a " CARL ":a");
  must_find (f, NULL, "x*", ANN ":x/y " CARL ":x/y");
  must_find (f, "nobody@example.test", "*", "");
  must_list (f, "*", "mine"); /* list gives the account's own */
  account_back (f, ann);
}

RULE (listed_no_more, "others.list-at-once",
      "list_others follows what is allowed, renamed and removed", "store.h, list_others",
      PTN_STORE_ACL, 0) {
  make (f, "a");
  make (f, "b");
  allow (f, "a", "anyone", "lr");
  allow (f, "b", "anyone", "lr");
  struct ptn_account *ann = f->account, *bob = account_open (f, BOB);
  f->account = bob;
  must_find (f, NULL, "*", ANN ":a " ANN ":b");
  f->account = ann;
  must_do (rename_to (f, "a", "c"), "rename");
  allow (f, "b", "anyone", "");
  f->account = bob;
  must_find (f, NULL, "*", ANN ":c");
  f->account = ann;
  must_do (drop (f, "c"), "remove");
  f->account = bob;
  must_find (f, NULL, "*", "");
  account_back (f, ann);
}

RULE (own_rights_row, "others.rights-row", "A row tells the rights of who asks",
      "store.h, struct ptn_mailbox: \"of the asking identity\"", PTN_STORE_ACL, 0) {
  const struct ptn_mailbox *row = NULL;
  make (f, "a");
  allow (f, "a", BOB, "lrs");
  allow (f, "a", "anyone", "lrw");
  struct ptn_account *ann = account_switch (f, BOB);
  struct ptn_call held = CALL (f);
  must_do (HELD (f, f->store->status (f->account, &held, THEIRS (ANN, "a"), &row)), "status");
  must_read (row->rights, "lrsw", "rights in the row for BOB, who has his own and anyone's");
  must (row->name.owner && strcmp (row->name.owner, ANN) == 0, "the owner in the row is \"%s\"",
        row->name.owner ? row->name.owner : "(NULL)");
  END (f, held);
  account_back (f, ann);
}

RULE (groups_find, "others.groups", "list_others knows the groups of who asks",
      "store.h, list_others: \"on which the identity has l\"", PTN_STORE_ACL, 0) {
  static const char *const staff[] = { "staff", NULL };
  make (f, "a");
  make (f, "b");
  allow (f, "a", "$staff", "lr");
  allow (f, "b", "$sales", "lr");
  struct ptn_account *ann = f->account;
  f->account = account_open_as (f, BOB, BOB, staff, false);
  must_find (f, NULL, "*", ANN ":a");
  account_back (f, ann);
  f->account = account_open (f, BOB);
  must_find (f, NULL, "*", "");
  account_back (f, ann);
}

static bool
subscribed (struct fixture *f, struct ptn_mailbox_name name) {
  struct ptn_mailbox row;
  must_do (status_try (f, name, &row), "status of \"%s\"", name.path);
  return row.attributes & PTN_MAILBOX_SUBSCRIBED;
}

RULE (own_subscriptions, "others.subscriptions",
      "Each account has its own subscription to a mailbox",
      "store.h, PTN_MAILBOX_SUBSCRIBED: \"by the asking account\"", PTN_STORE_ACL, 0) {
  make (f, "a");
  allow (f, "a", BOB, "lr");
  struct ptn_account *ann = f->account, *bob = account_open (f, BOB);
  f->account = bob;
  must_do (DO (f, f->store->subscribe (bob, &call, THEIRS (ANN, "a"), 1)), "subscribe");
  must (subscribed (f, THEIRS (ANN, "a")), "another's mailbox is subscribed to, and the row of who "
                                           "did it has not PTN_MAILBOX_SUBSCRIBED");
  f->account = ann;
  must (!subscribed (f, NAME ("a")), "the owner's row is SUBSCRIBED after another has subscribed");
  must_do (subscribe (f, "a", 1), "subscribe by the owner");
  f->account = bob;
  must_do (DO (f, f->store->subscribe (bob, &call, THEIRS (ANN, "a"), 0)), "unsubscribe");
  must (!subscribed (f, THEIRS (ANN, "a")), "unsubscribed from, and SUBSCRIBED");
  f->account = ann;
  must (subscribed (f, NAME ("a")), "the owner's subscription is gone with that of another");
  f->store->close (bob);
}

RULE (own_by_name, "others.own-by-name", "One's own mailboxes are found by one's own name too",
      "store.h, struct ptn_mailbox_name: \"owner NULL is the open account\"", 0, 0) {
  struct ptn_mailbox row;
  make (f, "a");
  struct ptn_id id = id_of (f, "a");
  must_do (status_try (f, THEIRS (ANN, "a"), &row), "status of \"a\" with one's own name as owner");
  must (same_id (&row.id, &id), "it has another id by that name");
  must_do (DO (f, f->store->create (f->account, &call, THEIRS (ANN, "b"), 0)),
           "create with one's own name as owner");
  must_list (f, "*", "a b");
}

RULE (public_mailboxes, "public.mailboxes",
      "Public mailboxes are made by administrators and seen by those "
      "who may",
      "store.h, PTN_STORE_PUBLIC: \"mailboxes whose owner is \\\"\\\"\"", PTN_STORE_PUBLIC, 0) {
  struct ptn_mailbox row;
  must_give (DO (f, f->store->create (f->account, &call, THEIRS ("", "news"), 0)), PTN_E_DENIED,
             "create of a public mailbox by anybody");
  struct ptn_account *ann = f->account;
  f->account = account_open_as (f, BOB, BOB, NULL, true);
  must_do (DO (f, f->store->create (f->account, &call, THEIRS ("", "news"), 0)),
           "create of a public mailbox by an administrator");
  must_do (DO (f, f->store->create (f->account, &call, THEIRS ("", "hidden"), 0)),
           "create of another");
  if (f->store->capabilities & PTN_STORE_ACL) {
    struct ptn_id id = their_id (f, "", "news");
    must_do (DO (f, f->store->set_rights (f->account, &call, &id, "anyone", "lri")), "set_rights");
  }
  account_back (f, ann);
  if (!(f->store->capabilities & PTN_STORE_ACL))
    return;
  must_do (status_try (f, THEIRS ("", "news"), &row), "status of a public mailbox");
  must_find (f, "", "*", ":news");
  must_list (f, "*", "");
  must_give (status_try (f, THEIRS ("", "hidden"), &row), PTN_E_NOT_FOUND,
             "status of a public mailbox without rights");
  struct ptn_change *change = begin (f, NULL);
  struct ptn_source *source = source_of (f, "x\r\n", 3);
  struct ptn_append append = { .size = sizeof append, .source = source };
  must_do (DO (f, f->store->append (change, &call, &row.id, &append)), "append");
  source_close (source);
  commit (f, change);
  f->store->end (change);
  must_do (status_try (f, THEIRS ("", "news"), &row), "status");
  must_be (row.messages, 1, "messages of the public mailbox");
}

RULE (special_create, "special-use.create", "create gives special uses, and rows tell them",
      "store.h: \"create: attributes are special uses, or 0\"", PTN_STORE_SPECIAL_USE, 0) {
  const uint32_t uses = PTN_MAILBOX_SENT | PTN_MAILBOX_IMPORTANT;
  must_do (DO (f, f->store->create (f->account, &call, NAME ("Sent"), uses)), "create");
  must_be (status_of (f, "Sent").attributes, uses, "attributes");
  must_give (DO (f, f->store->create (f->account, &call, NAME ("b"), PTN_MAILBOX_NOSELECT)),
             PTN_E_INVALID, "create with an attribute that is no special use");
  must_give (DO (f, f->store->create (f->account, &call, NAME ("b"), 1U << 30)), PTN_E_INVALID,
             "create with an unknown attribute");
  must (!exists (f, "b"), "a mailbox that was refused is there");
  must_do (DO (f, f->store->create (f->account, &call, NAME ("x/y"), PTN_MAILBOX_ARCHIVE)),
           "create below");
  must_be (status_of (f, "x").attributes, PTN_MAILBOX_HAS_CHILDREN,
           "attributes of a parent that create had to make");
}

RULE (special_set, "special-use.set",
      "set_attributes gives these special uses instead of those it had", "store.h, set_attributes",
      PTN_STORE_SPECIAL_USE, 0) {
  make (f, "a/b");
  struct ptn_id id = id_of (f, "a");
  for (uint32_t bit = 8; bit <= 20; bit++) {
    must_do (DO (f, f->store->set_attributes (f->account, &call, &id, 1U << bit)),
             "set_attributes to bit %u", bit);
    must_be (status_of (f, "a").attributes, 1U << bit | PTN_MAILBOX_HAS_CHILDREN, "attributes");
  }
  must_give (DO (f, f->store->set_attributes (f->account, &call, &id,
                                              PTN_MAILBOX_TRASH | PTN_MAILBOX_SUBSCRIBED)),
             PTN_E_INVALID, "set_attributes to what is no special use, beside one that is");
  must_do (DO (f, f->store->set_attributes (f->account, &call, &id, 0)), "set_attributes to none");
  must_be (status_of (f, "a").attributes, PTN_MAILBOX_HAS_CHILDREN, "attributes");
  const struct ptn_id nowhere = { "nowhere" };
  must_give (DO (f, f->store->set_attributes (f->account, &call, &nowhere, 0)), PTN_E_NOT_FOUND,
             "set_attributes of an unknown id");
}

RULE (special_keeps, "special-use.rename",
      "Special uses follow a rename, and survive a restart of a "
      "durable store",
      "store.h, set_attributes; rename: the mailbox is the same", PTN_STORE_SPECIAL_USE, 0) {
  make (f, "a");
  struct ptn_id id = id_of (f, "a");
  must_do (DO (f, f->store->set_attributes (f->account, &call, &id, PTN_MAILBOX_TRASH)),
           "set_attributes");
  must_do (rename_to (f, "a", "b"), "rename");
  must_be (status_of (f, "b").attributes, PTN_MAILBOX_TRASH, "attributes after a rename");
  must_do (DO (f, f->store->create (f->account, &call, NAME ("c"), PTN_MAILBOX_JUNK)), "create");
  if (f->store->capabilities & PTN_STORE_DURABLE) {
    fixture_restart (f);
    must_be (status_of (f, "b").attributes, PTN_MAILBOX_TRASH, "attributes after a restart");
    must_be (status_of (f, "c").attributes, PTN_MAILBOX_JUNK, "attributes after a restart");
  }
  must_do (drop (f, "b"), "remove");
  make (f, "b");
  must_be (status_of (f, "b").attributes, 0, "attributes of a mailbox made again");
}

RULES (others, &listed_others_rule, &listed_no_more_rule, &own_rights_row_rule, &groups_find_rule,
       &own_subscriptions_rule, &own_by_name_rule, &public_mailboxes_rule);
RULES (special, &special_create_rule, &special_set_rule, &special_keeps_rule);
