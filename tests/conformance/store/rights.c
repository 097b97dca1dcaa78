/* SPDX-License-Identifier: Apache-2.0 */
/* rights.c - what the letters of RFC 4314 allow: BOB and others in mailboxes of ANN. */
#include "kit.h"

#define NEEDS PTN_STORE_ACL
#define SHARED "shared"

/* ANN has "shared" with `count` messages; BOB has `rights` in it, and becomes f->account.  The
 * mailbox's id; ANN's account is left in *ann. */
static struct ptn_id
share (struct fixture *f, const char *rights, unsigned count, struct ptn_account **ann) {
  make (f, SHARED);
  for (unsigned i = 0; i < count; i++)
    deliver (f, ANN, SHARED, "x\r\n");
  struct ptn_id id = id_of (f, SHARED);
  if (*rights)
    allow (f, SHARED, BOB, rights);
  *ann = account_switch (f, BOB);
  return id;
}

/* One step in a change, then its commit: the first status that is not OK. */
static ptn_status
flags_as (struct fixture *f, const struct ptn_id *id, ptn_flag_mode mode, ptn_flag_bits bits) {
  struct ptn_change *change = begin (f, NULL);
  ptn_status status =
      DO (f, f->store->set_flags (change, &call, id, ALL_UIDS, mode, bits, UINT64_MAX));
  if (status == PTN_OK)
    status = commit_try (f, change);
  f->store->end (change);
  return status;
}

static ptn_status
append_as (struct fixture *f, const struct ptn_id *id, ptn_flag_bits flags) {
  struct ptn_change *change = begin (f, NULL);
  struct ptn_source *source = source_of (f, "new\r\n", 5);
  struct ptn_append append = { .size = sizeof append, .flags = flags, .source = source };
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
annotate_as (struct fixture *f, const struct ptn_id *id, const char *name, const char *value) {
  struct ptn_change *change = begin (f, NULL);
  ptn_status status = DO (f, f->store->annotate (change, &call, id, UID (1), name,
                                                 (struct ptn_bytes){ value, strlen (value) }));
  if (status == PTN_OK)
    status = commit_try (f, change);
  f->store->end (change);
  return status;
}

static ptn_status
view_as (struct fixture *f, const struct ptn_id *id) {
  const struct ptn_view *view = NULL;
  ptn_status status = DO (f, f->store->view (f->account, &call, id, &view));
  if (status == PTN_OK)
    f->store->release_view (view);
  return status;
}

static ptn_status
fetch_as (struct fixture *f, const struct ptn_id *id) {
  struct ptn_cursor *cursor = NULL;
  struct ptn_fetch fetch = { .size = sizeof fetch, .items = PTN_FETCH_FLAGS };
  ptn_status status = DO (f, f->store->fetch (f->account, &call, id, &fetch, &cursor));
  if (status == PTN_OK)
    f->store->close_cursor (cursor);
  return status;
}

static ptn_status
read_as (struct fixture *f, const struct ptn_id *id) {
  struct ptn_source *source = NULL;
  ptn_status status = DO (f, f->store->read (f->account, &call, id, 1, 0, UINT64_MAX, &source));
  if (status == PTN_OK)
    source_close (source);
  return status;
}

static ptn_status
annotations_as (struct fixture *f, const struct ptn_id *id) {
  struct ptn_cursor *cursor = NULL;
  ptn_status status =
      DO (f, f->store->annotations (f->account, &call, id, NO_UIDS, 1, NULL, &cursor));
  if (status == PTN_OK)
    f->store->close_cursor (cursor);
  return status;
}

static ptn_status
list_rights_as (struct fixture *f, const struct ptn_id *id) {
  const struct ptn_rights *entries;
  size_t count;
  return DO (f, f->store->rights (f->account, &call, id, &entries, &count));
}

static ptn_status
set_rights_as (struct fixture *f, const struct ptn_id *id) {
  return DO (f, f->store->set_rights (f->account, &call, id, "carl@example.test", "lr"));
}

RULE (apart, "rights.none",
      "Mailboxes of others in which one has no right are not there: "
      "PTN_E_NOT_FOUND",
      "store.h: \"Without l and r a mailbox is PTN_E_NOT_FOUND\"; "
      "\"without [ACL] others' mailboxes are not there\"",
      0, 0) {
  struct ptn_account *ann;
  struct ptn_mailbox row;
  struct ptn_id id = share (f, "", 1, &ann);
  make (f, "mine");
  struct ptn_id mine = id_of (f, "mine");
  must_give (status_try (f, THEIRS (ANN, SHARED), &row), PTN_E_NOT_FOUND,
             "status of another's "
             "mailbox");
  must_give (view_as (f, &id), PTN_E_NOT_FOUND, "view by the id of another's mailbox");
  must_give (fetch_as (f, &id), PTN_E_NOT_FOUND, "fetch by the id of another's mailbox");
  must_give (read_as (f, &id), PTN_E_NOT_FOUND, "read by the id of another's mailbox");
  must_give (flags_as (f, &id, PTN_FLAGS_ADD, PTN_SEEN), PTN_E_NOT_FOUND, "set_flags there");
  must_give (append_as (f, &id, 0), PTN_E_NOT_FOUND, "append there");
  must_give (expunge_as (f, &id), PTN_E_NOT_FOUND, "expunge there");
  must_give (copy_as (f, &id, &mine, 0), PTN_E_NOT_FOUND, "copy from there");
  account_back (f, ann);
  must_be (status_of (f, SHARED).messages, 1, "messages of the owner after all that");
  must_be (status_of (f, SHARED).unseen, 1, "unseen of the owner after all that");
}

RULE (owner_has_all, "rights.owner", "The owner has all rights, and its rows say so",
      "store.h: \"Who opened the account has all rights in its own mailboxes\"", NEEDS, 0) {
  const struct ptn_mailbox *row = NULL;
  make (f, "a");
  struct ptn_call held = CALL (f);
  must_do (HELD (f, f->store->status (f->account, &held, NAME ("a"), &row)), "status");
  must_read (row->rights, "lrswipkxtea", "rights in the row of the owner");
  END (f, held);
  must_do (rights_try (f, "a", ANN, "l"), "set_rights of the owner itself");
  deliver (f, ANN, "a", "x\r\n");
  set_flags (f, "a", UID (1), PTN_FLAGS_ADD, PTN_SEEN); /* whatever an entry says */
  must_do (drop (f, "a"), "remove by the owner");
}

/* "who rights, who rights" */
static char *
entries_of (struct fixture *f, const char *path) {
  GString *text = g_string_new (NULL);
  struct ptn_id id = id_of (f, path);
  const struct ptn_rights *entries = NULL;
  size_t count = 0;
  struct ptn_call held = CALL (f);
  must_do (HELD (f, f->store->rights (f->account, &held, &id, &entries, &count)),
           "rights of \"%s\"", path);
  for (size_t i = 0; i < count; i++)
    g_string_append_printf (text, "%s%s %s", i ? ", " : "", entries[i].who, entries[i].rights);
  END (f, held);
  return g_string_free (text, FALSE);
}

static void
must_have_entries (struct fixture *f, const char *path, const char *wanted) {
  g_autofree char *entries = entries_of (f, path);
  must_read (entries, wanted, "the entries of rights of \"%s\"", path);
}

RULE (entries, "rights.entries",
      "set_rights replaces what `who` had, \"\" removes it; rights tells all, "
      "in order of `who`",
      "store.h, rights and set_rights", NEEDS, 0) {
  make (f, "a");
  must_have_entries (f, "a", "");
  allow (f, "a", BOB, "lr");
  allow (f, "a", "anyone", "l");
  allow (f, "a", "$staff", "lrs");
  allow (f, "a", "-carl@example.test", "s");
  must_have_entries (f, "a", "$staff lrs, -carl@example.test s, anyone l, " BOB " lr");
  allow (f, "a", BOB, "lrswi");
  allow (f, "a", "anyone", "");
  must_have_entries (f, "a", "$staff lrs, -carl@example.test s, " BOB " lrswi");
  allow (f, "a", "anyone", ""); /* is not there */
}

RULE (letters, "rights.letters",
      "Letters are kept in the order of lrswipkxtea, once; c is kx, d is te; "
      "others are PTN_E_INVALID, as is no `who`",
      "store.h, set_rights: \"The letters c and d (RFC "
      "2086)\", \"PTN_E_INVALID\"",
      NEEDS, 0) {
  make (f, "a");
  allow (f, "a", BOB, "aetxkpiwsrl");
  must_have_entries (f, "a", BOB " lrswipkxtea");
  allow (f, "a", BOB, "rrlr");
  must_have_entries (f, "a", BOB " lr");
  allow (f, "a", BOB, "lrcd");
  must_have_entries (f, "a", BOB " lrkxte");
  must_give (rights_try (f, "a", BOB, "lrz"), PTN_E_INVALID, "set_rights with the letter z");
  must_give (rights_try (f, "a", BOB, "l r"), PTN_E_INVALID, "set_rights with a space");
  must_give (rights_try (f, "a", "", "lr"), PTN_E_INVALID, "set_rights for nobody");
  must_have_entries (f, "a", BOB " lrkxte");
}

RULE (entry_limit, "rights.limit", "A mailbox has 1000 entries; the next one is PTN_E_LIMIT",
      "store.h, set_rights: \"PTN_E_LIMIT: more than 1000 entries\"", NEEDS, 0) {
  make (f, "a");
  struct ptn_id id = id_of (f, "a");
  for (int i = 0; i <= 1000; i++) {
    g_autofree char *who = g_strdup_printf ("u%04d@example.test", i);
    must_give (DO (f, f->store->set_rights (f->account, &call, &id, who, "lr")),
               i < 1000 ? PTN_OK : PTN_E_LIMIT, "set_rights, entry %d", i + 1);
  }
  allow (f, "a", "u0000@example.test", "l"); /* no new one */
}

RULE (right_l, "rights.l", "l lists and subscribes, and nothing else: PTN_E_DENIED",
      "store.h: \"l  list, subscribe\"; \"with one of them PTN_E_DENIED\"", NEEDS, 0) {
  struct ptn_account *ann;
  struct ptn_mailbox row;
  struct ptn_id id = share (f, "l", 1, &ann);
  must_give (status_try (f, THEIRS (ANN, SHARED), &row), PTN_E_DENIED, "status with l alone");
  must_give (view_as (f, &id), PTN_E_DENIED, "view with l alone");
  must_give (read_as (f, &id), PTN_E_DENIED, "read with l alone");
  must_give (append_as (f, &id, 0), PTN_E_DENIED, "append with l alone");
  must_do (DO (f, f->store->subscribe (f->account, &call, THEIRS (ANN, SHARED), 1)),
           "subscribe with l");
  account_back (f, ann);
  must (!(status_of (f, SHARED).attributes & PTN_MAILBOX_SUBSCRIBED),
        "the owner's row is SUBSCRIBED after another has subscribed");
}

RULE (right_r, "rights.r", "r reads, and changes nothing: PTN_E_DENIED",
      "store.h: \"r  status, view, fetch, read, annotations ... be copied from\"", NEEDS, 0) {
  struct ptn_account *ann;
  struct ptn_mailbox row;
  struct ptn_id id = share (f, "lr", 1, &ann);
  make (f, "mine");
  struct ptn_id mine = id_of (f, "mine");
  must_do (status_try (f, THEIRS (ANN, SHARED), &row), "status with r");
  must (same_id (&row.id, &id), "status of another's mailbox gives another id than the owner has");
  must_be (row.messages, 1, "messages");
  must_do (view_as (f, &id), "view with r");
  must_do (fetch_as (f, &id), "fetch with r");
  must_do (read_as (f, &id), "read with r");
  if (f->store->capabilities & PTN_STORE_ANNOTATIONS)
    must_do (annotations_as (f, &id), "annotations with r");
  must_do (copy_as (f, &id, &mine, 0), "copy from there with r");
  must_have_text (f, "mine", 1, "x\r\n");
  must_give (flags_as (f, &id, PTN_FLAGS_ADD, PTN_SEEN), PTN_E_DENIED, "set_flags without s");
  must_give (append_as (f, &id, 0), PTN_E_DENIED, "append without i");
  must_give (copy_as (f, &mine, &id, 0), PTN_E_DENIED, "copy into it without i");
  must_give (expunge_as (f, &id), PTN_E_DENIED, "expunge without e");
  must_give (copy_as (f, &id, &mine, 1), PTN_E_DENIED, "move from there without e");
  must_give (list_rights_as (f, &id), PTN_E_DENIED, "rights without a");
  must_give (set_rights_as (f, &id), PTN_E_DENIED, "set_rights without a");
  must_give (DO (f, f->store->remove (f->account, &call, THEIRS (ANN, SHARED))), PTN_E_DENIED,
             "remove without x");
  must_give (DO (f, f->store->rename (f->account, &call, THEIRS (ANN, SHARED),
                                      THEIRS (ANN, "elsewhere"))),
             PTN_E_DENIED, "rename without x");
  account_back (f, ann);
  must_be (status_of (f, SHARED).messages, 1, "messages of the owner after all that");
  must_be (status_of (f, SHARED).unseen, 1, "unseen of the owner");
}

RULE (right_flags, "rights.stw",
      "s changes \\Seen, t \\Deleted, w all other flags; those that may not be "
      "changed are passed over",
      "store.h: \"Flags that may not be changed are passed over by set_flags\"", NEEDS, 0) {
  static const struct {
    const char *rights;
    ptn_flag_bits may;
  } cases[] = { { "lrs", PTN_SEEN },
                { "lrt", PTN_DELETED },
                { "lrw", PTN_FLAGGED | PTN_ANSWERED | PTN_DRAFT },
                { "lrsw", PTN_SEEN | PTN_FLAGGED | PTN_ANSWERED | PTN_DRAFT } };
  const ptn_flag_bits all = PTN_SEEN | PTN_DELETED | PTN_FLAGGED | PTN_ANSWERED | PTN_DRAFT;
  make (f, SHARED);
  deliver (f, ANN, SHARED, "x\r\n");
  struct ptn_id id = id_of (f, SHARED);
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    set_flags (f, SHARED, UID (1), PTN_FLAGS_REPLACE, 0);
    allow (f, SHARED, BOB, cases[i].rights);
    struct ptn_account *ann = account_switch (f, BOB);
    must_do (flags_as (f, &id, PTN_FLAGS_ADD, all), "ADD of all flags with %s", cases[i].rights);
    must_give (flags_as (f, &id, PTN_FLAGS_REMOVE, all & ~cases[i].may), PTN_E_DENIED,
               "REMOVE of flags none of which may be changed with %s", cases[i].rights);
    account_back (f, ann);
    must_be (flags_of (f, SHARED, 1), cases[i].may, "the flags after ADD of all flags with %s",
             cases[i].rights);
    set_flags (f, SHARED, UID (1), PTN_FLAGS_REPLACE, all);
    ann = account_switch (f, BOB);
    must_do (flags_as (f, &id, PTN_FLAGS_REPLACE, 0), "REPLACE by none with %s", cases[i].rights);
    account_back (f, ann);
    must_be (flags_of (f, SHARED, 1), all & ~cases[i].may,
             "the flags after REPLACE by none with %s", cases[i].rights);
  }
}

RULE (right_i, "rights.i", "i appends and copies into; flags that one may not change are left out",
      "store.h: \"i  append, copy into\"; \"left out of what is appended or copied\"", NEEDS, 0) {
  struct ptn_account *ann;
  const ptn_flag_bits all = PTN_SEEN | PTN_DELETED | PTN_FLAGGED;
  struct ptn_id id = share (f, "lri", 0, &ann);
  deliver (f, BOB, "INBOX", "y\r\n");
  set_flags (f, "INBOX", UID (1), PTN_FLAGS_ADD, all);
  struct ptn_id inbox = id_of (f, "INBOX");
  must_do (append_as (f, &id, all), "append with i");
  must_do (copy_as (f, &inbox, &id, 0), "copy into it with i");
  account_back (f, ann);
  allow (f, SHARED, BOB, "lris");
  ann = account_switch (f, BOB);
  must_do (append_as (f, &id, all), "append with i and s");
  account_back (f, ann);
  must_be (flags_of (f, SHARED, 1), 0, "flags of what was appended without s, t, w");
  must_be (flags_of (f, SHARED, 2), 0, "flags of what was copied without s, t, w");
  must_be (flags_of (f, SHARED, 3), PTN_SEEN, "flags of what was appended with s");
  must_have_text (f, SHARED, 2, "y\r\n");
  must_be (quota_of (f).messages_used, 3, "messages_used of the owner");
}

RULE (right_e, "rights.e", "e expunges, and moves from there",
      "store.h: \"e  expunge, be moved from\"", NEEDS, 0) {
  struct ptn_account *ann;
  struct ptn_id id = share (f, "lre", 2, &ann);
  make (f, "mine");
  struct ptn_id mine = id_of (f, "mine");
  must_do (copy_as (f, &id, &mine, 1), "move from there with e");
  must_have_text (f, "mine", 1, "x\r\n");
  must_be (quota_of (f).messages_used, 1, "messages_used of the one who moved it to itself");
  account_back (f, ann);
  must_have_uids (f, SHARED, "2");
  must_be (quota_of (f).messages_used, 1, "messages_used of the owner");
}

RULE (
    right_k, "rights.k",
    "k creates below, and the new mailbox begins with the entries above it; "
    "without k, or without one above: PTN_E_DENIED",
    "store.h: \"A mailbox that is created begins with the entries of the one above it, and needs k "
    "there\"",
    NEEDS, 0) {
  struct ptn_account *ann;
  share (f, "lrk", 0, &ann);
  must_do (DO (f, f->store->create (f->account, &call, THEIRS (ANN, SHARED "/new"), 0)),
           "create below with k");
  must_give (DO (f, f->store->create (f->account, &call, THEIRS (ANN, "top"), 0)), PTN_E_DENIED,
             "create in another's account without one above");
  account_back (f, ann);
  must_have_entries (f, SHARED "/new", BOB " lrk");
  must (!exists (f, "top"), "a mailbox that was refused is there");
  allow (f, SHARED, BOB, "lr");
  ann = account_switch (f, BOB);
  must_give (DO (f, f->store->create (f->account, &call, THEIRS (ANN, SHARED "/more"), 0)),
             PTN_E_DENIED, "create below without k");
  account_back (f, ann);
}

RULE (right_x, "rights.x", "x removes and renames from; k is needed where it goes",
      "store.h: \"k  create below, rename into\", \"x  remove, rename from\"", NEEDS, 0) {
  make (f, SHARED "/a");
  make (f, SHARED "/b");
  allow (f, SHARED "/a", BOB, "lrx");
  allow (f, SHARED "/b", BOB, "lrx");
  for (int allowed = 0; allowed < 2; allowed++) {
    if (allowed)
      allow (f, SHARED, BOB, "lrk");
    struct ptn_account *ann = account_switch (f, BOB);
    ptn_status status = DO (f, f->store->rename (f->account, &call, THEIRS (ANN, SHARED "/a"),
                                                 THEIRS (ANN, SHARED "/c")));
    if (allowed)
      must_do (status, "rename with x, and k above");
    else
      must (status == PTN_E_DENIED || status == PTN_E_NOT_FOUND,
            "rename to below a mailbox without k gives %s", status_name (status));
    if (allowed)
      must_do (DO (f, f->store->remove (f->account, &call, THEIRS (ANN, SHARED "/b"))),
               "remove with x");
    account_back (f, ann);
  }
  must_list (f, "*", SHARED " " SHARED "/c");
  must_have_entries (f, SHARED "/c", BOB " lrx"); /* a rename keeps them */
}

RULE (right_a, "rights.a", "a sees and sets rights",
      "store.h: \"a  rights, set_rights, "
      "set_attributes\"",
      NEEDS, 0) {
  struct ptn_account *ann;
  struct ptn_id id = share (f, "lra", 0, &ann);
  must_do (list_rights_as (f, &id), "rights with a");
  must_do (set_rights_as (f, &id), "set_rights with a");
  account_back (f, ann);
  must_have_entries (f, SHARED, BOB " lra, carl@example.test lr");
}

RULE (right_w, "rights.annotate", "w annotates; what begins with /private/ needs no more than r",
      "store.h: \"needs no more than r for it\"", NEEDS | PTN_STORE_ANNOTATIONS, 0) {
  struct ptn_account *ann;
  struct ptn_id id = share (f, "lr", 1, &ann);
  must_give (annotate_as (f, &id, "/shared/a", "x"), PTN_E_DENIED, "annotate without w");
  must_do (annotate_as (f, &id, "/private/a", "bob's"), "annotate /private/ without w");
  account_back (f, ann);
  must_annotate (f, SHARED, NO_UIDS, 1, NULL, "");
  annotate (f, SHARED, UID (1), "/private/a", "ann's");
  annotate (f, SHARED, UID (1), "/shared/a", "all see it");
  must_annotate (f, SHARED, NO_UIDS, 1, NULL, "1 /private/a=ann's, 1 /shared/a=all see it");
  allow (f, SHARED, BOB, "lrw");
  ann = account_switch (f, BOB);
  must_do (annotate_as (f, &id, "/shared/b", "x"), "annotate with w");
  struct ptn_cursor *cursor = NULL;
  const struct ptn_annotation *row = NULL;
  must_do (DO (f,
               f->store->annotations (f->account, &call, &id, NO_UIDS, 1, "/private/a", &cursor)),
           "annotations of another's mailbox");
  struct ptn_call held = CALL (f);
  must_do (HELD (f, f->store->next_annotation (cursor, &held, &row)), "next_annotation");
  must_hold (row->value.data, row->value.size, "bob's", 5, "one's own /private/ value");
  END (f, held);
  must_give (DO (f, f->store->next_annotation (cursor, &call, &row)), PTN_END,
             "the row after one's own, where the owner has one too");
  f->store->close_cursor (cursor);
  account_back (f, ann);
}

RULE (annotated_copy, "rights.annotations-of-copies",
      "Shared annotations go with a copy to where w allows to set them, one's own to anywhere",
      "store.h: \"with shared ones if it has w in the destination\"", NEEDS | PTN_STORE_ANNOTATIONS,
      0) {
  struct ptn_account *ann;
  struct ptn_id id = share (f, "lri", 0, &ann);
  deliver (f, BOB, "INBOX", "y\r\n");
  struct ptn_id inbox = id_of (f, "INBOX");
  annotate (f, "INBOX", UID (1), "/shared/a", "for all");
  annotate (f, "INBOX", UID (1), "/private/b", "bob's");
  must_do (copy_as (f, &inbox, &id, 0), "copy into it with i");
  struct ptn_cursor *cursor = NULL;
  const struct ptn_annotation *row = NULL;
  must_do (DO (f, f->store->annotations (f->account, &call, &id, NO_UIDS, 1, NULL, &cursor)),
           "annotations of another's mailbox");
  struct ptn_call held = CALL (f);
  must_do (HELD (f, f->store->next_annotation (cursor, &held, &row)), "next_annotation");
  must_read (row->name, "/private/b", "the name of the one annotation that went along");
  must_hold (row->value.data, row->value.size, "bob's", 5, "its value");
  END (f, held);
  must_give (DO (f, f->store->next_annotation (cursor, &call, &row)), PTN_END, "the row after it");
  f->store->close_cursor (cursor);
  account_back (f, ann);
  must_annotate (f, SHARED, NO_UIDS, 1, NULL, "");
  allow (f, SHARED, BOB, "lriw");
  ann = account_switch (f, BOB);
  must_do (copy_as (f, &inbox, &id, 0), "copy into it with i and w");
  account_back (f, ann);
  must_annotate (f, SHARED, NO_UIDS, 1, NULL, "2 /shared/a=for all");
}

RULE (groups, "rights.groups", "Entries for \"$group\" and \"anyone\" count, and '-' takes away",
      "store.h: \"one of its groups (written \\\"$group\\\"), or \\\"anyone\\\", less those of "
      "entries "
      "with a '-'\"",
      NEEDS, 0) {
  static const char *const staff[] = { "users", "staff", NULL };
  struct ptn_mailbox row;
  make (f, SHARED);
  deliver (f, ANN, SHARED, "x\r\n");
  struct ptn_id id = id_of (f, SHARED);
  allow (f, SHARED, "anyone", "lr");
  allow (f, SHARED, "$staff", "lrsw");
  allow (f, SHARED, "-" BOB, "w");
  struct ptn_account *ann = f->account;
  f->account = account_open_as (f, BOB, BOB, NULL, false);
  must_do (status_try (f, THEIRS (ANN, SHARED), &row), "status for anyone");
  must_give (flags_as (f, &id, PTN_FLAGS_ADD, PTN_SEEN), PTN_E_DENIED, "set_flags for anyone");
  account_back (f, ann);
  f->account = account_open_as (f, BOB, BOB, staff, false);
  must_do (flags_as (f, &id, PTN_FLAGS_ADD, PTN_SEEN), "set_flags for a member of $staff");
  must_give (flags_as (f, &id, PTN_FLAGS_ADD, PTN_FLAGGED), PTN_E_DENIED,
             "set_flags with a right that an entry with '-' takes away");
  account_back (f, ann);
  f->account = account_open_as (f, "carl@example.test", "carl@example.test", staff, false);
  must_do (flags_as (f, &id, PTN_FLAGS_ADD, PTN_FLAGGED), "set_flags for another of $staff");
  account_back (f, ann);
  must_be (flags_of (f, SHARED, 1), PTN_SEEN | PTN_FLAGGED, "the flags");
}

RULE (administrators, "rights.administrator", "An administrator has all rights everywhere",
      "store.h: \"so has an administrator everywhere\"", NEEDS, 0) {
  struct ptn_mailbox row;
  make (f, SHARED);
  deliver (f, ANN, SHARED, "x\r\n");
  struct ptn_id id = id_of (f, SHARED);
  struct ptn_account *ann = f->account;
  f->account = account_open_as (f, BOB, BOB, NULL, true);
  must_do (status_try (f, THEIRS (ANN, SHARED), &row), "status by an administrator");
  must_do (set_rights_as (f, &id), "set_rights by an administrator");
  must_do (append_as (f, &id, 0), "append by an administrator");
  must_do (DO (f, f->store->create (f->account, &call, THEIRS (ANN, "top"), 0)),
           "create by an administrator");
  must_do (DO (f, f->store->remove (f->account, &call, THEIRS (ANN, "top"))),
           "remove by an administrator");
  account_back (f, ann);
  must_be (status_of (f, SHARED).messages, 2, "messages");
}

RULE (taken_away, "rights.at-once", "A right that is taken away counts from the next call on",
      "store.h, Rights; event.h: \"sessions must look at their rights again\"", NEEDS, 0) {
  struct ptn_mailbox row;
  struct ptn_account *ann;
  struct ptn_id id = share (f, "lrs", 1, &ann);
  must_do (flags_as (f, &id, PTN_FLAGS_ADD, PTN_SEEN), "set_flags with s");
  struct ptn_account *bob = f->account;
  f->account = ann;
  allow (f, SHARED, BOB, "lr");
  f->account = bob;
  must_give (flags_as (f, &id, PTN_FLAGS_REMOVE, PTN_SEEN), PTN_E_DENIED,
             "set_flags after s was "
             "taken away");
  f->account = ann;
  allow (f, SHARED, BOB, "");
  f->account = bob;
  must_give (status_try (f, THEIRS (ANN, SHARED), &row), PTN_E_NOT_FOUND,
             "status after all rights were taken away");
  must_give (read_as (f, &id), PTN_E_NOT_FOUND, "read after all rights were taken away");
  account_back (f, ann);
}

RULE (made_new, "rights.made-again",
      "A mailbox that is removed and made again has not the old entries",
      "store.h, create: it begins with the entries of the one above it", NEEDS, 0) {
  make (f, "a");
  allow (f, "a", BOB, "lr");
  must_do (drop (f, "a"), "remove");
  make (f, "a");
  must_have_entries (f, "a", "");
}

RULE (deliver_asks_nobody, "rights.deliver", "deliver asks nobody for rights",
      "store.h: \"deliver asks nobody\"", NEEDS, 0) {
  make (f, "a");
  allow (f, "a", "-" ANN, "lrip");
  deliver (f, ANN, "a", "x\r\n");
  must_be (status_of (f, "a").messages, 1, "messages");
}

RULE (survive, "rights.restart", "Rights survive a restart",
      "store.h: \"PTN_OK from ... set_rights\"", NEEDS | PTN_STORE_DURABLE, 0) {
  struct ptn_mailbox row;
  make (f, "a");
  allow (f, "a", BOB, "lrs");
  allow (f, "a", "anyone", "l");
  allow (f, "a", "anyone", "");
  fixture_restart (f);
  must_have_entries (f, "a", BOB " lrs");
  struct ptn_account *ann = account_switch (f, BOB);
  must_do (status_try (f, THEIRS (ANN, "a"), &row), "status after a restart");
  account_back (f, ann);
}

RULES (rights, &apart_rule, &owner_has_all_rule, &entries_rule, &letters_rule, &entry_limit_rule,
       &right_l_rule, &right_r_rule, &right_flags_rule, &right_i_rule, &right_e_rule, &right_k_rule,
       &right_x_rule, &right_a_rule, &right_w_rule, &annotated_copy_rule, &groups_rule,
       &administrators_rule, &taken_away_rule, &made_new_rule, &deliver_asks_nobody_rule,
       &survive_rule);
