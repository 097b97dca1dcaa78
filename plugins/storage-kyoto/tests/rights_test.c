/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rights_test.c - who may do what, in this shard and in others; the rows of it survive a rebuild and
 * go with their mailboxes. */
#include "support.h"

#include "../annotations.h"
#include "../mailbox.h"
#include "../read.h"
#include "../request.h"
#include "../view.h"

static const char ann[] = "ann@example.test", bob[] = "bob@example.test";
#define NAME(owner, path) ((struct ptn_mailbox_name){ (owner), (path) })

static struct ptn_account *
open_as (struct fixture *f, const char *name, const char *authzid, const char *group,
         bool administrator) {
  const char *groups[] = { group };
  struct ptn_identity identity = { .size = sizeof identity,
                                   .authcid = authzid,
                                   .authzid = authzid,
                                   .domain = "",
                                   .account = name,
                                   .groups = { groups, group ? 1 : 0 },
                                   .administrator = administrator };
  struct ptn_account *account;

  assert_ok (DO (f, account_open (f->store, &call, &identity, &account)));
  return account;
}

static ptn_status
status_of (struct fixture *f, struct ptn_account *account, struct ptn_mailbox_name name,
           struct ptn_id *id, uint32_t *attributes) {
  struct ptn_call call = { .task = f->task };
  const struct ptn_mailbox *mailbox;
  ptn_status status = mailbox_status (account, &call, name, &mailbox);

  if (status == PTN_OK && id)
    *id = mailbox->id;
  if (status == PTN_OK && attributes)
    *attributes = mailbox->attributes;
  f->host->call_end (&call);
  return status;
}

/* "owner/path=rights ..." */
static char *
others (struct fixture *f, struct ptn_account *account, const char *owner) {
  GString *text = g_string_new (NULL);
  struct ptn_call call = { .task = f->task };
  const struct ptn_mailbox *mailbox;
  struct ptn_cursor *cursor;

  assert_ok (mailbox_list_others (account, &call, owner, "*", &cursor));
  f->host->call_end (&call);
  while (mailbox_next (cursor, &call, &mailbox) == PTN_OK)
    g_string_append_printf (text, "%.3s/%s=%s ", mailbox->name.owner, mailbox->name.path,
                            mailbox->rights);
  cursor_close (cursor);
  return g_string_free (text, FALSE);
}

static void
assert_others (struct fixture *f, struct ptn_account *account, const char *owner,
               const char *expected) {
  g_autofree char *text = others (f, account, owner);

  assert_string_equal (text, expected);
}

static ptn_status
give (struct fixture *f, struct ptn_account *account, const struct ptn_id *id, const char *who,
      const char *rights) {
  return DO (f, request_set_rights (account, &call, id, who, rights));
}

static ptn_status
flags (struct fixture *f, struct ptn_account *account, const struct ptn_id *id, ptn_flag_mode mode,
       ptn_flag_bits bits) {
  static const struct ptn_uid_range all = { 1, 1000 };
  struct ptn_change *change;
  ptn_status status;

  assert_ok (DO (f, change_begin (account, &call, NULL, &change)));
  status = DO (f, change_set_flags (change, &call, id, (struct ptn_uid_set){ &all, 1 }, mode, bits,
                                    UINT64_MAX));
  if (status == PTN_OK)
    status = DO (f, change_commit (change, &call));
  change_end (change);
  return status;
}

static ptn_flag_bits
flags_of (struct fixture *f, struct ptn_account *account, const struct ptn_id *id) {
  const struct ptn_view *view;
  ptn_flag_bits bits;

  assert_ok (DO (f, view_get (account, &call, id, &view)));
  assert_int_equal (view->count, 1);
  bits = view->flags[0];
  view_release (view);
  return bits;
}

static ptn_status
copy (struct fixture *f, struct ptn_account *account, const struct ptn_id *from,
      const struct ptn_id *to, int move) {
  static const struct ptn_uid_range all = { 1, 1000 };
  struct ptn_change *change;
  ptn_status status;

  assert_ok (DO (f, change_begin (account, &call, NULL, &change)));
  status = DO (f, change_copy (change, &call, from, (struct ptn_uid_set){ &all, 1 }, to, move));
  if (status == PTN_OK)
    status = DO (f, change_commit (change, &call));
  change_end (change);
  return status;
}

static void
shared (void **state) {
  struct fixture *f = *state;
  struct ptn_account *owner, *other;
  struct ptn_id inbox, his, id;
  uint32_t attributes;

  f->settings.shards = 7; /* ann and bob are in different ones */
  fixture_open (f);
  assert_ptr_not_equal (store_shard_of (f->store, ann), store_shard_of (f->store, bob));
  deliver (f, ann, "Subject: shared\r\n\r\n");
  deliver (f, bob, "Subject: his\r\n\r\n");
  owner = open_account (f, ann);
  other = open_as (f, bob, bob, "staff", false);
  assert_ok (status_of (f, owner, NAME (NULL, "INBOX"), &inbox, NULL));
  assert_ok (status_of (f, other, NAME (NULL, "INBOX"), &his, NULL));
  /* Nothing is given: it is not there. */
  assert_int_equal (status_of (f, other, NAME (ann, "INBOX"), NULL, NULL), PTN_E_NOT_FOUND);
  assert_int_equal (flags (f, other, &inbox, PTN_FLAGS_ADD, PTN_SEEN), PTN_E_NOT_FOUND);
  assert_int_equal (give (f, other, &inbox, bob, "a"), PTN_E_NOT_FOUND);
  assert_others (f, other, NULL, "");
  assert_int_equal (give (f, owner, &inbox, bob, "lz"), PTN_E_INVALID);
  assert_int_equal (give (f, owner, &inbox, "", "l"), PTN_E_INVALID);
  /* By name, by group, for everybody; and taken away. */
  assert_ok (give (f, owner, &inbox, bob, "l"));
  assert_int_equal (status_of (f, other, NAME (ann, "INBOX"), NULL, NULL), PTN_E_DENIED);
  assert_others (f, other, NULL, "ann/INBOX=l ");
  assert_ok (give (f, owner, &inbox, "$staff", "rs"));
  assert_ok (give (f, owner, &inbox, "anyone", "rw"));
  assert_ok (give (f, owner, &inbox, "-bob@example.test", "w"));
  assert_others (f, other, NULL, "ann/INBOX=lrs ");
  assert_others (f, other, ann, "ann/INBOX=lrs ");
  assert_others (f, other, "", "");
  assert_ok (status_of (f, other, NAME (ann, "INBOX"), &id, NULL));
  assert_memory_equal (&id, &inbox, sizeof id);
  /* Flags that may not be changed are passed over. */
  assert_int_equal (flags (f, other, &inbox, PTN_FLAGS_ADD, PTN_FLAGGED), PTN_E_DENIED);
  assert_ok (flags (f, other, &inbox, PTN_FLAGS_ADD, PTN_FLAGGED | PTN_SEEN));
  assert_int_equal (flags_of (f, owner, &inbox), PTN_SEEN);
  assert_ok (flags (f, owner, &inbox, PTN_FLAGS_ADD, PTN_FLAGGED));
  assert_ok (flags (f, other, &inbox, PTN_FLAGS_REPLACE, 0));
  assert_int_equal (flags_of (f, owner, &inbox), PTN_FLAGGED);
  /* Into another account's mailbox, and out of it. */
  assert_int_equal (copy (f, other, &his, &inbox, 0), PTN_E_DENIED);
  assert_int_equal (copy (f, other, &inbox, &his, 1), PTN_E_DENIED);
  assert_ok (copy (f, other, &inbox, &his, 0));
  assert_ok (give (f, owner, &inbox, bob, "lie"));
  assert_ok (copy (f, other, &inbox, &his, 1));
  assert_ok (copy (f, other, &his, &inbox, 0));
  /* Subscriptions are the subscriber's. */
  assert_ok (DO (f, request_subscribe (other, &call, NAME (ann, "INBOX"), 1)));
  assert_ok (status_of (f, other, NAME (ann, "INBOX"), NULL, &attributes));
  assert_int_equal (attributes, PTN_MAILBOX_SUBSCRIBED);
  assert_ok (status_of (f, owner, NAME (NULL, "INBOX"), NULL, &attributes));
  assert_int_equal (attributes, 0);
  assert_ok (give (f, owner, &inbox, "anyone", ""));
  account_close (owner);
  account_close (other);
  assert_rebuilds (f);
  other = open_as (f, bob, bob, "staff", false);
  assert_others (f, other, NULL, "ann/INBOX=lrsie ");
  account_close (other);
  other = open_as (f, bob, bob, NULL, false);
  assert_others (f, other, NULL, "ann/INBOX=lie ");
  account_close (other);
  /* The account goes, and with it all that it gave. */
  assert_ok (DO (f, request_remove_account (f->store, &call, ann)));
  other = open_as (f, bob, bob, "staff", false);
  assert_others (f, other, NULL, "");
  account_close (other);
  assert_rebuilds (f);
}

static void
public_folders (void **state) {
  struct fixture *f = *state;
  struct ptn_account *administrator, *user;
  struct ptn_id top, below;

  fixture_open (f);
  deliver (f, ann, "Subject: x\r\n\r\n");
  administrator = open_as (f, ann, "root", NULL, true);
  user = open_account (f, bob);
  assert_int_equal (DO (f, request_create (user, &call, NAME ("", "News"), 0)), PTN_E_DENIED);
  assert_ok (DO (f, request_create (administrator, &call, NAME ("", "News"), 0)));
  assert_others (f, user, "", "");
  assert_others (f, administrator, "", "/News=lrswipkxtea ");
  assert_ok (status_of (f, administrator, NAME ("", "News"), &top, NULL));
  assert_ok (give (f, administrator, &top, "anyone", "lr"));
  assert_ok (give (f, administrator, &top, bob, "lrk"));
  /* What is made below begins with the same. */
  assert_ok (DO (f, request_create (user, &call, NAME ("", "News/a/b"), 0)));
  assert_others (f, user, "", "/News=lrk /News/a=lrk /News/a/b=lrk ");
  assert_int_equal (DO (f, request_remove (user, &call, NAME ("", "News/a/b"))), PTN_E_DENIED);
  assert_int_equal (DO (f, request_rename (user, &call, NAME ("", "News/a"), NAME ("", "News/c"))),
                    PTN_E_DENIED);
  assert_ok (status_of (f, administrator, NAME ("", "News/a"), &below, NULL));
  assert_ok (give (f, administrator, &below, bob, "lrx"));
  assert_int_equal (DO (f, request_rename (user, &call, NAME ("", "News/a"), NAME ("", "Top"))),
                    PTN_E_DENIED);
  assert_ok (DO (f, request_rename (user, &call, NAME ("", "News/a"), NAME ("", "News/c"))));
  assert_others (f, user, "", "/News=lrk /News/c=lrx /News/c/b=lrk ");
  /* What is only a name keeps its entries until it is a mailbox again. */
  assert_ok (DO (f, request_remove (user, &call, NAME ("", "News/c"))));
  assert_others (f, user, "", "/News=lrk /News/c=lrx /News/c/b=lrk ");
  assert_ok (DO (f, request_create (user, &call, NAME ("", "News/c"), 0)));
  assert_others (f, user, "", "/News=lrk /News/c=lrk /News/c/b=lrk ");
  account_close (administrator);
  account_close (user);
  assert_rebuilds (f);
}

/* "name=value ..." */
static char *
annotations_of (struct fixture *f, struct ptn_account *account, const struct ptn_id *id) {
  GString *text = g_string_new (NULL);
  struct ptn_call call = { .task = f->task };
  const struct ptn_annotation *row;
  struct ptn_cursor *cursor;

  assert_ok (
      annotations_open (account, &call, id, (struct ptn_uid_set){ NULL, 0 }, 0, NULL, &cursor));
  while (annotations_next (cursor, &call, &row) == PTN_OK)
    g_string_append_printf (text, "%s=%.*s ", row->name, (int)row->value.size,
                            (const char *)row->value.data);
  cursor_close (cursor);
  return g_string_free (text, FALSE);
}

static ptn_status
annotate (struct fixture *f, struct ptn_account *account, const struct ptn_id *id, const char *name,
          const char *value) {
  struct ptn_change *change;
  ptn_status status;

  assert_ok (DO (f, change_begin (account, &call, NULL, &change)));
  status = DO (f, change_annotate (change, &call, id, (struct ptn_uid_set){ NULL, 0 }, name,
                                   (struct ptn_bytes){ value, value ? strlen (value) : 0 }));
  if (status == PTN_OK)
    status = DO (f, change_commit (change, &call));
  change_end (change);
  return status;
}

static void
assert_annotations (struct fixture *f, struct ptn_account *account, const struct ptn_id *id,
                    const char *expected) {
  g_autofree char *text = annotations_of (f, account, id);

  assert_string_equal (text, expected);
}

static void
private_annotations (void **state) {
  struct fixture *f = *state;
  struct ptn_account *owner, *other, *delegate;
  struct ptn_id inbox;

  fixture_open (f);
  deliver (f, ann, "Subject: x\r\n\r\n");
  owner = open_account (f, ann);
  other = open_account (f, bob);
  delegate = open_as (f, ann, bob, NULL, false); /* bob in ann's name */
  assert_ok (status_of (f, owner, NAME (NULL, "INBOX"), &inbox, NULL));
  assert_ok (give (f, owner, &inbox, bob, "lr"));
  assert_ok (annotate (f, owner, &inbox, "/private/a", "hers"));
  assert_ok (annotate (f, owner, &inbox, "/shared/a", "all"));
  assert_ok (annotate (f, other, &inbox, "/private/a", "his"));
  assert_ok (annotate (f, other, &inbox, "/private/a/b", "more"));
  assert_int_equal (annotate (f, other, &inbox, "/shared/a", "no"), PTN_E_DENIED);
  assert_int_equal (annotate (f, other, &inbox, "/private/\1x", "no"), PTN_E_INVALID);
  assert_int_equal (annotate (f, owner, &inbox, "=subscribed/x", "no"), PTN_E_INVALID);
  assert_annotations (f, owner, &inbox, "/private/a=hers /shared/a=all ");
  assert_annotations (f, other, &inbox, "/private/a=his /private/a/b=more /shared/a=all ");
  assert_annotations (f, delegate, &inbox, "/private/a=his /private/a/b=more /shared/a=all ");
  assert_ok (annotate (f, other, &inbox, "/private/a", NULL));
  assert_ok (annotate (f, delegate, NULL, "/private/x", "of the account"));
  assert_ok (DO (f, request_subscribe (other, &call, NAME (ann, "INBOX"), 1)));
  assert_annotations (f, owner, NULL, "");
  assert_annotations (f, delegate, NULL, "/private/x=of the account ");
  assert_annotations (f, other, NULL, ""); /* nor is its subscription seen there */
  account_close (owner);
  account_close (other);
  account_close (delegate);
  assert_rebuilds (f);
  owner = open_account (f, ann);
  assert_annotations (f, owner, &inbox, "/private/a=hers /shared/a=all ");
  account_close (owner);
}

static void
many_entries (void **state) {
  struct fixture *f = *state;
  struct ptn_account *owner;
  struct ptn_id inbox;

  fixture_open (f);
  deliver (f, ann, "Subject: x\r\n\r\n");
  owner = open_account (f, ann);
  assert_ok (status_of (f, owner, NAME (NULL, "INBOX"), &inbox, NULL));
  for (int i = 0; i < RIGHTS_MAX; i++) {
    g_autofree char *who = g_strdup_printf ("user%d", i);

    assert_ok (give (f, owner, &inbox, who, "lr"));
  }
  assert_int_equal (give (f, owner, &inbox, "one more", "l"), PTN_E_LIMIT);
  assert_ok (give (f, owner, &inbox, "user5", "lrcd"));
  assert_ok (give (f, owner, &inbox, "user6", ""));
  assert_ok (give (f, owner, &inbox, "one more", "l"));
  account_close (owner);
  assert_rebuilds (f);
}

int
main (void) {
  static const struct CMUnitTest tests[] = {
    STORE_TEST (shared),
    STORE_TEST (public_folders),
    STORE_TEST (private_annotations),
    STORE_TEST (many_entries),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
