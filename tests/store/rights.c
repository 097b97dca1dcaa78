/* SPDX-License-Identifier: Apache-2.0 */
/* rights.c - RFC 4314: entries, what each right allows, groups, negative entries, inheritance.
 * ANN has the mailboxes, BOB asks. */
#include "fixture.h"

#define CAROL "carol@example.test"
#define ALL_RIGHTS "lrswipkxtea"

/* The entries as "who=rights who=rights". */
static char *
entries (struct fixture *f, const struct ptn_id *id) {
  g_autoptr (GString) text = g_string_new (NULL);
  const struct ptn_rights *rows = NULL;
  size_t count = 0;
  struct ptn_call held = { .task = f->task };
  assert_ok (HARNESS_AWAIT (f->task, f->store->rights (f->account, &held, id, &rows, &count)));
  for (size_t i = 0; i < count; i++)
    g_string_append_printf (text, "%s%s=%s", i ? " " : "", rows[i].who, rows[i].rights);
  f->host->call_end (&held);
  return g_string_free (g_steal_pointer (&text), FALSE);
}

#define assert_entries(f, id, expected)          \
  do {                                           \
    g_autofree char *entries_ = entries (f, id); \
    assert_string_equal (entries_, expected);    \
  } while (0)

static void
give (struct fixture *f, const struct ptn_id *id, const char *who, const char *rights) {
  assert_ok (try_rights (f, f->account, id, who, rights));
}

/* What status says that this account may do; "NOT FOUND", "DENIED". */
static char *
rights_of (struct fixture *f, struct ptn_account *account, struct ptn_mailbox_name name) {
  const struct ptn_mailbox *row = NULL;
  struct ptn_call held = { .task = f->task };
  ptn_status status = HARNESS_AWAIT (f->task, f->store->status (account, &held, name, &row));
  char *text = g_strdup (status == PTN_OK            ? row->rights
                         : status == PTN_E_NOT_FOUND ? "NOT FOUND"
                         : status == PTN_E_DENIED    ? "DENIED"
                                                     : "?");
  f->host->call_end (&held);
  return text;
}

#define assert_rights(f, account, name, expected)            \
  do {                                                       \
    g_autofree char *rights_ = rights_of (f, account, name); \
    assert_string_equal (rights_, expected);                 \
  } while (0)

static void
ones_own_are_all (void **state) {
  struct fixture *f = *state;
  UNLESS_OFFERED (f, PTN_STORE_ACL, set_rights, return );
  make (f, "a");
  struct ptn_id id = id_of (f, "a");
  assert_rights (f, f->account, NAME ("a"), ALL_RIGHTS);
  assert_entries (f, &id, "");
  give (f, &id, "-" ANN, "lrswi"); /* the owner keeps all */
  give (f, &id, "-anyone", "a");
  assert_rights (f, f->account, NAME ("a"), ALL_RIGHTS);
  struct ptn_account *delegate = account_open_as (f, ANN, BOB, NULL, false);
  assert_rights (f, delegate, NAME ("a"), ALL_RIGHTS);
  f->store->close (delegate);
}

static void
entries_are_kept_in_order (void **state) {
  struct fixture *f = *state;
  UNLESS_OFFERED (f, PTN_STORE_ACL, set_rights, return );
  make (f, "a");
  struct ptn_id id = id_of (f, "a");
  give (f, &id, "carol", "rl"); /* in the order of the letters, whatever was said */
  give (f, &id, "anyone", "l");
  give (f, &id, "$staff", "aetxkpiwsrl");
  give (f, &id, "-bob", "wiw");
  assert_entries (f, &id, "$staff=" ALL_RIGHTS " -bob=wi anyone=l carol=lr");
  give (f, &id, "carol", "s"); /* instead of what it had */
  give (f, &id, "anyone", "");
  give (f, &id, "nobody", "");
  assert_entries (f, &id, "$staff=" ALL_RIGHTS " -bob=wi carol=s");
  give (f, &id, "carol", "c"); /* RFC 2086 */
  give (f, &id, "-bob", "dl");
  assert_entries (f, &id, "$staff=" ALL_RIGHTS " -bob=lte carol=kx");
  assert_ok (DO (f, f->store->rename (f->account, &call, NAME ("a"), NAME ("b"))));
  store_restarts (f);
  assert_entries (f, &id, "$staff=" ALL_RIGHTS " -bob=lte carol=kx");
}

static void
bad_entries (void **state) {
  struct fixture *f = *state;
  UNLESS_OFFERED (f, PTN_STORE_ACL, set_rights, return );
  make (f, "a");
  struct ptn_id id = id_of (f, "a"), nobody = { { 9, 9 } };
  assert_int_equal (try_rights (f, f->account, &id, BOB, "lq"), PTN_E_INVALID);
  assert_int_equal (try_rights (f, f->account, &id, BOB, "l r"), PTN_E_INVALID);
  assert_int_equal (try_rights (f, f->account, &id, BOB, "L"), PTN_E_INVALID);
  assert_int_equal (try_rights (f, f->account, &id, "", "l"), PTN_E_INVALID);
  assert_int_equal (try_rights (f, f->account, &id, "-", "l"), PTN_E_INVALID);
  assert_int_equal (try_rights (f, f->account, &nobody, BOB, "l"), PTN_E_NOT_FOUND);
  assert_entries (f, &id, "");
}

static void
a_thousand_entries (void **state) {
  struct fixture *f = *state;
  UNLESS_OFFERED (f, PTN_STORE_ACL, set_rights, return );
  make (f, "a");
  struct ptn_id id = id_of (f, "a");
  for (int i = 0; i < 1000; i++) {
    g_autofree char *who = g_strdup_printf ("u%03d", i);
    give (f, &id, who, "lr");
  }
  assert_int_equal (try_rights (f, f->account, &id, "one more", "l"), PTN_E_LIMIT);
  give (f, &id, "u500", "lrs"); /* one that is there may change */
  give (f, &id, "u501", "");
  give (f, &id, "one more", "l");
  const struct ptn_rights *rows;
  size_t count;
  struct ptn_call held = { .task = f->task };
  assert_ok (HARNESS_AWAIT (f->task, f->store->rights (f->account, &held, &id, &rows, &count)));
  assert_int_equal (count, 1000);
  for (size_t i = 1; i < count; i++)
    assert_true (strcmp (rows[i - 1].who, rows[i].who) < 0);
  f->host->call_end (&held);
}

static void
whom_they_mean (void **state) {
  struct fixture *f = *state;
  UNLESS_OFFERED (f, PTN_STORE_ACL, set_rights, return );
  make (f, "a");
  struct ptn_id id = id_of (f, "a");
  struct ptn_mailbox_name name = OF (ANN, "a");
  struct ptn_account *bob = account_open_as (f, BOB, BOB, "staff sales", false);
  struct ptn_account *carol = account_open (f, CAROL);
  assert_rights (f, bob, name, "NOT FOUND");
  assert_rights (f, bob, OF (ANN, "nothing"), "NOT FOUND");
  assert_rights (f, bob, OF ("never-seen@example.test", "a"), "NOT FOUND");
  give (f, &id, BOB, "lr");
  assert_rights (f, bob, name, "lr");
  assert_rights (f, carol, name, "NOT FOUND");
  give (f, &id, "anyone", "rs");
  assert_rights (f, bob, name, "lrs"); /* all that name him, together */
  assert_rights (f, carol, name, "rs");
  give (f, &id, "$sales", "i");
  give (f, &id, "$others", "t");
  assert_rights (f, bob, name, "lrsi");
  give (f, &id, "-$staff", "ls");
  assert_rights (f, bob, name, "ri");
  give (f, &id, "-anyone", "r");
  assert_rights (f, bob, name, "NOT FOUND");
  give (f, &id, "-anyone", "");
  give (f, &id, "sales", ALL_RIGHTS); /* a user of that name, not the group */
  give (f, &id, "$" BOB, ALL_RIGHTS);
  assert_rights (f, bob, name, "ri");
  f->store->close (bob);
  f->store->close (carol);
}

static void
who_asks_is_the_authzid (void **state) {
  struct fixture *f = *state;
  UNLESS_OFFERED (f, PTN_STORE_ACL, set_rights, return );
  make (f, "a");
  struct ptn_id id = id_of (f, "a");
  struct ptn_mailbox_name name = OF (ANN, "a");
  struct ptn_account *bob_for_carol = account_open_as (f, CAROL, BOB, NULL, false);
  struct ptn_account *administrator = account_open_as (f, CAROL, "root", NULL, true);
  give (f, &id, CAROL, "lrs");
  assert_rights (f, bob_for_carol, name, "NOT FOUND");
  give (f, &id, BOB, "l");
  assert_rights (f, bob_for_carol, name, "DENIED");
  give (f, &id, BOB, "lr");
  assert_rights (f, bob_for_carol, name, "lr");
  assert_rights (f, administrator, name, ALL_RIGHTS);
  give (f, &id, "-root", "r");
  assert_rights (f, administrator, name, ALL_RIGHTS);
  f->store->close (bob_for_carol);
  f->store->close (administrator);
}

/* --- what each letter allows ----------------------------------------------------------------- */

struct scene {
  struct fixture *f;
  struct ptn_account *bob;
  struct ptn_id shared, own; /* ANN's, BOB's */
};

static ptn_status
see_status (struct scene *s) {
  return look_at (s->f, s->bob, OF (ANN, "shared"), NULL);
}

static ptn_status
see_view (struct scene *s) {
  const struct ptn_view *view = NULL;
  ptn_status status = DO (s->f, s->f->store->view (s->bob, &call, &s->shared, &view));
  if (status == PTN_OK)
    s->f->store->release_view (view);
  return status;
}

static ptn_status
see_rows (struct scene *s) {
  struct ptn_fetch fetch = { .size = sizeof fetch, .items = PTN_FETCH_SIZE };
  struct ptn_cursor *cursor = NULL;
  ptn_status status = DO (s->f, s->f->store->fetch (s->bob, &call, &s->shared, &fetch, &cursor));
  if (status == PTN_OK)
    s->f->store->close_cursor (cursor);
  return status;
}

static ptn_status
see_octets (struct scene *s) {
  struct ptn_source *source = NULL;
  ptn_status status =
      DO (s->f, s->f->store->read (s->bob, &call, &s->shared, 1, 0, UINT64_MAX, &source));
  if (status == PTN_OK)
    source->ops->close (source);
  return status;
}

static ptn_status
see_annotations (struct scene *s) {
  struct ptn_cursor *cursor = NULL;
  ptn_status status =
      DO (s->f, s->f->store->annotations (s->bob, &call, &s->shared, (struct ptn_uid_set){ 0 }, 1,
                                          NULL, &cursor));
  if (status == PTN_OK)
    s->f->store->close_cursor (cursor);
  return status;
}

static ptn_status
see_vanished (struct scene *s) {
  struct ptn_uid_set set;
  uint64_t now = status_of (s->f, "shared").highest_modseq;
  return PTN_CAN (s->f->store, vanished)
             ? DO (s->f, s->f->store->vanished (s->bob, &call, &s->shared, now, NULL, &set))
             : see_status (s);
}

static ptn_status
see_recent (struct scene *s) {
  uint32_t first;
  return PTN_CAN (s->f->store, claim_recent)
             ? DO (s->f, s->f->store->claim_recent (s->bob, &call, &s->shared, &first))
             : see_status (s);
}

static ptn_status
copy_out (struct scene *s) {
  return try_copy (s->f, s->bob, &s->shared, ALL_UIDS, &s->own, 0);
}

static ptn_status
note_privately (struct scene *s) {
  return try_annotate (s->f, s->bob, &s->shared, UIDS ({ 1, 1 }), "/private/x", "mine");
}

static ptn_status
mark_seen (struct scene *s) {
  return try_flags (s->f, s->bob, &s->shared, ALL_UIDS, PTN_FLAGS_ADD, PTN_SEEN);
}

static ptn_status
mark_flagged (struct scene *s) {
  return try_flags (s->f, s->bob, &s->shared, ALL_UIDS, PTN_FLAGS_REMOVE,
                    PTN_FLAGGED | PTN_ANSWERED);
}

static ptn_status
mark_deleted (struct scene *s) {
  return try_flags (s->f, s->bob, &s->shared, ALL_UIDS, PTN_FLAGS_ADD, PTN_DELETED);
}

static ptn_status
note_openly (struct scene *s) {
  return try_annotate (s->f, s->bob, &s->shared, UIDS ({ 1, 1 }), "/comment", "ours");
}

static ptn_status
note_mailbox (struct scene *s) {
  return try_annotate (s->f, s->bob, &s->shared, (struct ptn_uid_set){ 0 }, "/comment", "ours");
}

static ptn_status
make_keyword (struct scene *s) {
  uint32_t bit;
  static int number;
  g_autofree char *keyword = g_strdup_printf ("key%d", number++ % 20);
  return DO (s->f, s->f->store->keyword (s->bob, &call, &s->shared, keyword, 1, &bit));
}

static ptn_status
append (struct scene *s) {
  return try_append (s->f, s->bob, &s->shared, 0);
}

static ptn_status
copy_in (struct scene *s) {
  return try_copy (s->f, s->bob, &s->own, UIDS ({ 1, 1 }), &s->shared, 0);
}

static ptn_status
expunge_nothing (struct scene *s) {
  return try_expunge (s->f, s->bob, &s->shared, UIDS ({ 999, 999 }));
}

static ptn_status
make_below (struct scene *s) {
  static int number;
  g_autofree char *path = g_strdup_printf ("shared/%d", number++);
  return DO (s->f, s->f->store->create (s->bob, &call, OF (ANN, path), 0));
}

static ptn_status
see_rights (struct scene *s) {
  const struct ptn_rights *rows;
  size_t count;
  return DO (s->f, s->f->store->rights (s->bob, &call, &s->shared, &rows, &count));
}

static ptn_status
set_rights_of_another (struct scene *s) {
  return try_rights (s->f, s->bob, &s->shared, CAROL, "lr");
}

static ptn_status
set_uses (struct scene *s) {
  return PTN_CAN (s->f->store, set_attributes)
             ? DO (s->f, s->f->store->set_attributes (s->bob, &call, &s->shared, 0))
             : see_rights (s);
}

static ptn_status
subscribe (struct scene *s) {
  return DO (s->f, s->f->store->subscribe (s->bob, &call, OF (ANN, "shared"), 1));
}

static const struct {
  char right;
  ptn_status (*act) (struct scene *);
} deeds[] = {
  { 'l', subscribe },      { 'r', see_status },  { 'r', see_view },
  { 'r', see_rows },       { 'r', see_octets },  { 'r', see_annotations },
  { 'r', see_vanished },   { 'r', see_recent },  { 'r', copy_out },
  { 'r', note_privately }, { 's', mark_seen },   { 'w', mark_flagged },
  { 't', mark_deleted },   { 'w', note_openly }, { 'w', note_mailbox },
  { 'i', append },         { 'i', copy_in },     { 'e', expunge_nothing },
  { 'k', make_below },     { 'a', see_rights },  { 'a', set_rights_of_another },
  { 'a', set_uses },
};

static struct scene
scene_new (struct fixture *f) {
  struct scene s = { .f = f, .bob = account_open (f, BOB) };
  struct ptn_mailbox row;
  deliver (f, ANN, "shared", "x\r\n");
  deliver (f, BOB, "INBOX", "y\r\n");
  s.shared = id_of (f, "shared");
  assert_ok (look_at (f, s.bob, NAME ("INBOX"), &row));
  s.own = row.id;
  return s;
}

static void
each_deed_needs_its_right (void **state) {
  struct fixture *f = *state;
  UNLESS_OFFERED (f, PTN_STORE_ACL, set_rights, return );
  struct scene s = scene_new (f);
  for (size_t i = 0; i < G_N_ELEMENTS (deeds); i++) {
    char without[sizeof ALL_RIGHTS], with[] = { 'l', deeds[i].right, '\0' };
    size_t n = 0;
    for (const char *right = ALL_RIGHTS; *right; right++)
      if (*right != deeds[i].right)
        without[n++] = *right;
    without[n] = '\0';
    if (deeds[i].right == 'l')
      with[1] = '\0';
    give (f, &s.shared, BOB, without);
    ptn_status status = deeds[i].act (&s);
    if (status != PTN_E_DENIED)
      fail_msg ("deed %zu without '%c': %d", i, deeds[i].right, status);
    give (f, &s.shared, BOB, with);
    status = deeds[i].act (&s);
    if (status != PTN_OK)
      fail_msg ("deed %zu with \"%s\": %d", i, with, status);
    give (f, &s.shared, BOB, ""); /* then it is not even there */
    status = deeds[i].act (&s);
    if (status != (deeds[i].right == 'k' ? PTN_E_DENIED : PTN_E_NOT_FOUND))
      fail_msg ("deed %zu without rights: %d", i, status);
  }
  f->store->close (s.bob);
}

static void
keywords_need_any_of_three (void **state) {
  struct fixture *f = *state;
  UNLESS_OFFERED (f, PTN_STORE_ACL, set_rights, return );
  struct scene s = scene_new (f);
  uint32_t bit;
  struct ptn_id id = s.shared;
  assert_ok (DO (f, f->store->keyword (f->account, &call, &id, "known", 1, &bit)));
  give (f, &id, BOB, "lspkxtea");
  assert_int_equal (make_keyword (&s), PTN_E_DENIED);
  assert_int_equal (DO (f, f->store->keyword (s.bob, &call, &id, "known", 0, &bit)), PTN_E_DENIED);
  give (f, &id, BOB, "lr");
  assert_int_equal (make_keyword (&s), PTN_E_DENIED);
  assert_ok (DO (f, f->store->keyword (s.bob, &call, &id, "known", 1, &bit)));
  give (f, &id, BOB, "lw");
  assert_ok (make_keyword (&s));
  give (f, &id, BOB, "li");
  assert_ok (make_keyword (&s));
  f->store->close (s.bob);
}

static ptn_flag_bits
flags_of (struct fixture *f, uint32_t uid) {
  struct ptn_id id = id_of (f, "shared");
  return message_of (f, f->account, &id, uid, PTN_FETCH_FLAGS).flags;
}

static void
flags_are_passed_over (void **state) {
  struct fixture *f = *state;
  UNLESS_OFFERED (f, PTN_STORE_ACL, set_rights, return );
  struct scene s = scene_new (f);
  const ptn_flag_bits some = PTN_SEEN | PTN_FLAGGED | PTN_DELETED;
  give (f, &s.shared, BOB, "lrs");
  assert_ok (try_flags (f, s.bob, &s.shared, ALL_UIDS, PTN_FLAGS_ADD, some));
  assert_int_equal (flags_of (f, 1), PTN_SEEN);
  give (f, &s.shared, BOB, "lrw");
  assert_ok (try_flags (f, s.bob, &s.shared, ALL_UIDS, PTN_FLAGS_REPLACE, PTN_DELETED | PTN_DRAFT));
  assert_int_equal (flags_of (f, 1), PTN_SEEN | PTN_DRAFT);
  give (f, &s.shared, BOB, "lrt");
  assert_ok (try_flags (f, s.bob, &s.shared, ALL_UIDS, PTN_FLAGS_REPLACE, some));
  assert_int_equal (flags_of (f, 1), PTN_SEEN | PTN_DRAFT | PTN_DELETED);
  assert_int_equal (try_flags (f, s.bob, &s.shared, ALL_UIDS, PTN_FLAGS_REMOVE, PTN_SEEN),
                    PTN_E_DENIED);
  give (f, &s.shared, BOB, "lrie");
  assert_int_equal (try_flags (f, s.bob, &s.shared, ALL_UIDS, PTN_FLAGS_REPLACE, 0), PTN_E_DENIED);
  assert_int_equal (flags_of (f, 1), PTN_SEEN | PTN_DRAFT | PTN_DELETED);
  f->store->close (s.bob);
}

static void
flags_are_left_out (void **state) {
  struct fixture *f = *state;
  UNLESS_OFFERED (f, PTN_STORE_ACL, set_rights, return );
  struct scene s = scene_new (f);
  const ptn_flag_bits some = PTN_SEEN | PTN_FLAGGED | PTN_DELETED;
  assert_ok (try_flags (f, s.bob, &s.own, ALL_UIDS, PTN_FLAGS_ADD, some));
  give (f, &s.shared, BOB, "li");
  assert_ok (try_append (f, s.bob, &s.shared, some));
  give (f, &s.shared, BOB, "lit");
  assert_ok (try_append (f, s.bob, &s.shared, some));
  assert_ok (try_copy (f, s.bob, &s.own, ALL_UIDS, &s.shared, 0));
  give (f, &s.shared, BOB, "lisw");
  assert_ok (try_copy (f, s.bob, &s.own, ALL_UIDS, &s.shared, 1));
  assert_int_equal (flags_of (f, 2), 0);
  assert_int_equal (flags_of (f, 3), PTN_DELETED);
  assert_int_equal (flags_of (f, 4), PTN_DELETED);
  assert_int_equal (flags_of (f, 5), PTN_SEEN | PTN_FLAGGED);
  f->store->close (s.bob);
}

/* --- mailboxes -------------------------------------------------------------------------------- */

static void
moving_needs_more (void **state) {
  struct fixture *f = *state;
  UNLESS_OFFERED (f, PTN_STORE_ACL, set_rights, return );
  struct scene s = scene_new (f);
  give (f, &s.shared, BOB, "lrt");
  assert_int_equal (try_copy (f, s.bob, &s.shared, ALL_UIDS, &s.own, 1), PTN_E_DENIED);
  give (f, &s.shared, BOB, "le");
  assert_int_equal (try_copy (f, s.bob, &s.shared, ALL_UIDS, &s.own, 1), PTN_E_DENIED);
  assert_int_equal (status_of (f, "shared").messages, 1);
  give (f, &s.shared, BOB, "lre");
  assert_ok (try_copy (f, s.bob, &s.shared, ALL_UIDS, &s.own, 1));
  assert_int_equal (status_of (f, "shared").messages, 0);
  struct ptn_mailbox row;
  assert_ok (look_at (f, s.bob, NAME ("INBOX"), &row));
  assert_int_equal (row.messages, 2);
  struct ptn_quota quota = quota_of (f, s.bob);
  assert_int_equal (quota.messages_used, 2);
  assert_int_equal (quota_of (f, f->account).messages_used, 0);
  f->store->close (s.bob);
}

static void
new_ones_begin_as_the_one_above (void **state) {
  struct fixture *f = *state;
  UNLESS_OFFERED (f, PTN_STORE_ACL, set_rights, return );
  struct ptn_account *bob = account_open (f, BOB);
  make (f, "a");
  struct ptn_id a = id_of (f, "a");
  give (f, &a, BOB, "lrk");
  give (f, &a, "-$x", "i");
  make (f, "a/b");
  struct ptn_id b = id_of (f, "a/b");
  assert_entries (f, &b, "-$x=i " BOB "=lrk");
  give (f, &a, BOB, "lk"); /* later changes are each one's own */
  assert_entries (f, &b, "-$x=i " BOB "=lrk");
  assert_ok (DO (f, f->store->create (bob, &call, OF (ANN, "a/c/d"), 0)));
  struct ptn_id c = id_of (f, "a/c"), d = id_of (f, "a/c/d");
  assert_entries (f, &c, "-$x=i " BOB "=lk");
  assert_entries (f, &d, "-$x=i " BOB "=lk");
  deliver (f, ANN, "a/e", "x\r\n");
  struct ptn_id e = id_of (f, "a/e");
  assert_entries (f, &e, "-$x=i " BOB "=lk");
  assert_int_equal (DO (f, f->store->create (bob, &call, OF (ANN, "top"), 0)), PTN_E_DENIED);
  assert_int_equal (DO (f, f->store->create (bob, &call, OF (ANN, "a"), 0)), PTN_E_DENIED);
  assert_int_equal (DO (f, f->store->create (bob, &call, OF (ANN, "a/e"), 0)), PTN_E_EXISTS);
  struct ptn_account *root = account_open_as (f, "root", "root", NULL, true);
  assert_ok (DO (f, f->store->create (root, &call, OF (ANN, "top"), 0)));
  assert_rights (f, f->account, NAME ("top"), ALL_RIGHTS);
  f->store->close (root);
  f->store->close (bob);
}

static void
removing_and_renaming (void **state) {
  struct fixture *f = *state;
  UNLESS_OFFERED (f, PTN_STORE_ACL, set_rights, return );
  struct ptn_account *bob = account_open (f, BOB);
  make (f, "a/b");
  make (f, "to");
  struct ptn_id b = id_of (f, "a/b"), to = id_of (f, "to");
  give (f, &b, BOB, "lrk");
  give (f, &to, BOB, "lr");
  assert_int_equal (DO (f, f->store->remove (bob, &call, OF (ANN, "a/b"))), PTN_E_DENIED);
  assert_int_equal (DO (f, f->store->rename (bob, &call, OF (ANN, "a/b"), OF (ANN, "to/b"))),
                    PTN_E_DENIED);
  give (f, &b, BOB, "lx");
  assert_int_equal (DO (f, f->store->rename (bob, &call, OF (ANN, "a/b"), OF (ANN, "to/b"))),
                    PTN_E_DENIED);
  assert_int_equal (DO (f, f->store->rename (bob, &call, OF (ANN, "a/b"), OF (ANN, "b"))),
                    PTN_E_DENIED);
  give (f, &to, BOB, "lk");
  assert_ok (DO (f, f->store->rename (bob, &call, OF (ANN, "a/b"), OF (ANN, "to/b"))));
  assert_true (exists (f, "to/b"));
  assert_entries (f, &b, BOB "=lx"); /* not those of the new one above */
  assert_ok (DO (f, f->store->remove (bob, &call, OF (ANN, "to/b"))));
  assert_false (exists (f, "to/b"));
  assert_int_equal (DO (f, f->store->remove (bob, &call, OF (ANN, "a"))), PTN_E_NOT_FOUND);
  assert_true (exists (f, "a"));
  f->store->close (bob);
}

/* A change of several steps is refused as a whole. */
static void
all_or_nothing (void **state) {
  struct fixture *f = *state;
  UNLESS_OFFERED (f, PTN_STORE_ACL, set_rights, return );
  struct scene s = scene_new (f);
  give (f, &s.shared, BOB, "lrs");
  struct ptn_change *change = NULL;
  assert_ok (DO (f, f->store->begin (s.bob, &call, NULL, &change)));
  ptn_status status = DO (f, f->store->set_flags (change, &call, &s.shared, ALL_UIDS, PTN_FLAGS_ADD,
                                                  PTN_SEEN, UINT64_MAX));
  if (status == PTN_OK)
    status = DO (f, f->store->set_flags (change, &call, &s.own, ALL_UIDS, PTN_FLAGS_ADD, PTN_SEEN,
                                         UINT64_MAX));
  if (status == PTN_OK)
    status = DO (f, f->store->expunge (change, &call, &s.shared, ALL_UIDS, 0));
  assert_int_equal (finish (f, change, status), PTN_E_DENIED);
  assert_int_equal (flags_of (f, 1), 0);
  assert_int_equal (message_of (f, s.bob, &s.own, 1, PTN_FETCH_FLAGS).flags, 0);
  f->store->close (s.bob);
}

STORE_GROUP (rights, STORE_TEST (ones_own_are_all), STORE_TEST (entries_are_kept_in_order),
             STORE_TEST (bad_entries), STORE_TEST (a_thousand_entries), STORE_TEST (whom_they_mean),
             STORE_TEST (who_asks_is_the_authzid), STORE_TEST (each_deed_needs_its_right),
             STORE_TEST (keywords_need_any_of_three), STORE_TEST (flags_are_passed_over),
             STORE_TEST (flags_are_left_out), STORE_TEST (moving_needs_more),
             STORE_TEST (new_ones_begin_as_the_one_above), STORE_TEST (removing_and_renaming),
             STORE_TEST (all_or_nothing));
