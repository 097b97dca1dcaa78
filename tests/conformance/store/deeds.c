/* SPDX-License-Identifier: Apache-2.0 */
/* deeds.c - each deed and the right that it needs; and what rights have to do with changes of several
 * steps, keywords, and accounts opened for another. */
#include "kit.h"

#define NEEDS PTN_STORE_ACL
#define CAROL "carol@example.test"
#define ALL_RIGHTS "lrswipkxtea"
#define SHARED "shared"

/* ANN has "shared" with a message, BOB a message in INBOX; f->account is BOB's. */
struct scene {
  struct fixture *f;
  struct ptn_account *ann, *bob;
  struct ptn_id shared, own;
  unsigned number;
};

static ptn_status
finish (struct fixture *f, struct ptn_change *change, ptn_status status) {
  if (status == PTN_OK)
    status = commit_try (f, change);
  f->store->end (change);
  return status;
}

static ptn_status
do_flags (struct scene *s, const struct ptn_id *id, ptn_flag_mode mode, ptn_flag_bits bits) {
  struct ptn_change *change = begin (s->f, NULL);
  return finish (s->f, change,
                 DO (s->f,
                     s->f->store->set_flags (change, &call, id, ALL_UIDS, mode, bits, UINT64_MAX)));
}

static ptn_status
do_copy (struct scene *s, const struct ptn_id *from, const struct ptn_id *to, int move) {
  struct ptn_change *change = begin (s->f, NULL);
  return finish (s->f, change,
                 DO (s->f, s->f->store->copy (change, &call, from, UID (1), to, move)));
}

static ptn_status
do_note (struct scene *s, struct ptn_uid_set uids, const char *name) {
  struct ptn_change *change = begin (s->f, NULL);
  return finish (s->f, change,
                 DO (s->f, s->f->store->annotate (change, &call, &s->shared, uids, name,
                                                  (struct ptn_bytes){ "x", 1 })));
}

static ptn_status
see_status (struct scene *s) {
  struct ptn_mailbox row;
  return status_try (s->f, THEIRS (ANN, SHARED), &row);
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
    source_close (source);
  return status;
}

static ptn_status
see_notes (struct scene *s) {
  struct ptn_cursor *cursor = NULL;
  ptn_status status =
      DO (s->f, s->f->store->annotations (s->bob, &call, &s->shared, NO_UIDS, 1, NULL, &cursor));
  if (status == PTN_OK)
    s->f->store->close_cursor (cursor);
  return status;
}

static ptn_status
see_vanished (struct scene *s) {
  struct ptn_uid_set gone;
  return DO (s->f, s->f->store->vanished (s->bob, &call, &s->shared, UINT32_MAX, NULL, &gone));
}

static ptn_status
see_recent (struct scene *s) {
  uint32_t first;
  return DO (s->f, s->f->store->claim_recent (s->bob, &call, &s->shared, &first));
}

static ptn_status
copy_out (struct scene *s) {
  return do_copy (s, &s->shared, &s->own, 0);
}
static ptn_status
copy_in (struct scene *s) {
  return do_copy (s, &s->own, &s->shared, 0);
}
static ptn_status
note_privately (struct scene *s) {
  return do_note (s, UID (1), "/private/x");
}
static ptn_status
note_message (struct scene *s) {
  return do_note (s, UID (1), "/comment");
}
static ptn_status
note_mailbox (struct scene *s) {
  return do_note (s, NO_UIDS, "/comment");
}
static ptn_status
mark_seen (struct scene *s) {
  return do_flags (s, &s->shared, PTN_FLAGS_ADD, PTN_SEEN);
}
static ptn_status
mark_flagged (struct scene *s) {
  return do_flags (s, &s->shared, PTN_FLAGS_REMOVE, PTN_FLAGGED | PTN_ANSWERED);
}
static ptn_status
mark_deleted (struct scene *s) {
  return do_flags (s, &s->shared, PTN_FLAGS_ADD, PTN_DELETED);
}

static ptn_status
append (struct scene *s) {
  struct ptn_change *change = begin (s->f, NULL);
  struct ptn_source *source = source_of (s->f, "new\r\n", 5);
  struct ptn_append row = { .size = sizeof row, .source = source };
  ptn_status status = DO (s->f, s->f->store->append (change, &call, &s->shared, &row));
  source_close (source);
  return finish (s->f, change, status);
}

static ptn_status
expunge_missing (struct scene *s) {
  struct ptn_change *change = begin (s->f, NULL);
  return finish (s->f, change,
                 DO (s->f, s->f->store->expunge (change, &call, &s->shared, UID (999), 0)));
}

static ptn_status
make_below (struct scene *s) {
  g_autofree char *path = g_strdup_printf (SHARED "/%u", s->number++);
  return DO (s->f, s->f->store->create (s->bob, &call, THEIRS (ANN, path), 0));
}

static ptn_status
see_rights (struct scene *s) {
  const struct ptn_rights *rows;
  size_t count;
  return DO (s->f, s->f->store->rights (s->bob, &call, &s->shared, &rows, &count));
}
static ptn_status
set_rights (struct scene *s) {
  return DO (s->f, s->f->store->set_rights (s->bob, &call, &s->shared, CAROL, "lr"));
}
static ptn_status
set_uses (struct scene *s) {
  return DO (s->f, s->f->store->set_attributes (s->bob, &call, &s->shared, 0));
}
static ptn_status
do_subscribe (struct scene *s) {
  return DO (s->f, s->f->store->subscribe (s->bob, &call, THEIRS (ANN, SHARED), 1));
}

static ptn_status
make_keyword (struct scene *s) {
  uint32_t bit;
  g_autofree char *word = g_strdup_printf ("word%u", s->number++);
  return DO (s->f, s->f->store->keyword (s->bob, &call, &s->shared, word, 1, &bit));
}

static const struct {
  const char *name;
  char right;
  uint32_t needs;
  ptn_status (*act) (struct scene *);
} deeds[] = {
  { "subscribe", 'l', 0, do_subscribe },
  { "status", 'r', 0, see_status },
  { "view", 'r', 0, see_view },
  { "fetch", 'r', 0, see_rows },
  { "read", 'r', 0, see_octets },
  { "annotations", 'r', PTN_STORE_ANNOTATIONS, see_notes },
  { "vanished", 'r', PTN_STORE_QRESYNC, see_vanished },
  { "claim_recent", 'r', PTN_STORE_RECENT, see_recent },
  { "copy from there", 'r', 0, copy_out },
  { "annotate /private/", 'r', PTN_STORE_ANNOTATIONS, note_privately },
  { "set_flags of \\Seen", 's', 0, mark_seen },
  { "set_flags of \\Flagged and \\Answered", 'w', 0, mark_flagged },
  { "set_flags of \\Deleted", 't', 0, mark_deleted },
  { "annotate a message", 'w', PTN_STORE_ANNOTATIONS, note_message },
  { "annotate the mailbox", 'w', PTN_STORE_ANNOTATIONS, note_mailbox },
  { "append", 'i', 0, append },
  { "copy into it", 'i', 0, copy_in },
  { "expunge", 'e', 0, expunge_missing },
  { "create below", 'k', 0, make_below },
  { "rights", 'a', 0, see_rights },
  { "set_rights", 'a', 0, set_rights },
  { "set_attributes", 'a', PTN_STORE_SPECIAL_USE, set_uses },
};

static void
scene_open (struct scene *s, struct fixture *f) {
  *s = (struct scene){ .f = f };
  deliver (f, ANN, SHARED, "x\r\n");
  deliver (f, BOB, "INBOX", "y\r\n");
  s->shared = id_of (f, SHARED);
  s->ann = account_switch (f, BOB);
  s->bob = f->account;
  s->own = id_of (f, "INBOX");
}

static void
give (struct scene *s, const char *who, const char *rights) {
  must_do (DO (s->f, s->f->store->set_rights (s->ann, &call, &s->shared, who, rights)),
           "set_rights for %s to \"%s\"", who, rights);
}

static void
scene_close (struct scene *s) {
  account_back (s->f, s->ann);
}

RULE (each_needs_its_right, "rights.each-deed",
      "Each deed needs its right, and no other but l or r for the "
      "mailbox to be there",
      "store.h, the table of rights", NEEDS, 0) {
  struct scene s;
  scene_open (&s, f);
  for (size_t i = 0; i < G_N_ELEMENTS (deeds); i++) {
    char without[sizeof ALL_RIGHTS], with[] = { 'l', deeds[i].right, '\0' };
    size_t n = 0;
    if (deeds[i].needs & ~f->store->capabilities)
      continue;
    for (const char *right = ALL_RIGHTS; *right; right++)
      if (*right != deeds[i].right)
        without[n++] = *right;
    without[n] = '\0';
    if (deeds[i].right == 'l')
      with[1] = '\0';
    give (&s, BOB, without);
    must_give (deeds[i].act (&s), PTN_E_DENIED, "%s with all rights but %c", deeds[i].name,
               deeds[i].right);
    give (&s, BOB, with);
    must_do (deeds[i].act (&s), "%s with \"%s\"", deeds[i].name, with);
    give (&s, BOB, ""); /* then it is not even there */
    must_give (deeds[i].act (&s), deeds[i].right == 'k' ? PTN_E_DENIED : PTN_E_NOT_FOUND,
               "%s without rights", deeds[i].name);
  }
  scene_close (&s);
}

RULE (keyword_rights, "rights.keyword", "keyword needs r, w or i, and to make one w or i",
      "store.h: \"keyword needs r, w or i, and to make one w or i\"", NEEDS, 0) {
  struct scene s;
  uint32_t bit;
  scene_open (&s, f);
  must_do (DO (f, f->store->keyword (s.ann, &call, &s.shared, "known", 1, &bit)), "keyword");
  give (&s, BOB, "lspkxtea");
  must_give (make_keyword (&s), PTN_E_DENIED, "keyword, to be made, without w and i");
  must_give (DO (f, f->store->keyword (s.bob, &call, &s.shared, "known", 0, &bit)), PTN_E_DENIED,
             "keyword without r, w and i");
  give (&s, BOB, "lr");
  must_give (make_keyword (&s), PTN_E_DENIED, "keyword, to be made, with r");
  must_do (DO (f, f->store->keyword (s.bob, &call, &s.shared, "known", 1, &bit)),
           "keyword that is there, with r");
  give (&s, BOB, "lw");
  must_do (make_keyword (&s), "keyword, to be made, with w");
  give (&s, BOB, "li");
  must_do (make_keyword (&s), "keyword, to be made, with i");
  scene_close (&s);
}

RULE (refused_whole, "rights.all-or-nothing",
      "A change of which one step is refused does nothing at all",
      "store.h: \"What is refused may be refused by the step or by the commit; then nothing has "
      "happened\"",
      NEEDS, 0) {
  struct scene s;
  scene_open (&s, f);
  give (&s, BOB, "lrs");
  struct ptn_change *change = begin (f, NULL);
  ptn_status status = DO (f, f->store->set_flags (change, &call, &s.shared, ALL_UIDS, PTN_FLAGS_ADD,
                                                  PTN_SEEN, UINT64_MAX));
  if (status == PTN_OK)
    status = DO (f, f->store->set_flags (change, &call, &s.own, ALL_UIDS, PTN_FLAGS_ADD, PTN_SEEN,
                                         UINT64_MAX));
  if (status == PTN_OK)
    status = DO (f, f->store->expunge (change, &call, &s.shared, ALL_UIDS, 0));
  must_give (finish (f, change, status), PTN_E_DENIED, "a change with an expunge without e");
  must_be (status_of (f, "INBOX").unseen, 1, "unseen messages of one's own after that");
  scene_close (&s);
  must_be (status_of (f, SHARED).unseen, 1, "unseen messages of the other after that");
}

RULE (of_the_authzid, "rights.authzid", "Rights are those of authzid, whatever account is opened",
      "store.h, open: \"identity->account is opened with the rights of identity->authzid\"", NEEDS,
      0) {
  struct ptn_mailbox row;
  make (f, "a");
  struct ptn_account *ann = f->account;
  struct ptn_account *bob_for_carol = account_open_as (f, CAROL, BOB, NULL, false);
  allow (f, "a", CAROL, "lrs");
  f->account = bob_for_carol;
  must_give (status_try (f, THEIRS (ANN, "a"), &row), PTN_E_NOT_FOUND,
             "status by BOB in CAROL's account, where CAROL has rights");
  f->account = ann;
  allow (f, "a", BOB, "lr");
  f->account = bob_for_carol;
  must_do (status_try (f, THEIRS (ANN, "a"), &row), "status by BOB, who has rights");
  account_back (f, ann);
}

RULE (move_rights, "rights.move",
      "A move needs r and e where it leaves, i where it goes; it counts for "
      "the quota of who has it then",
      "store.h, the table of rights: \"be copied from\", \"be moved "
      "from\"",
      NEEDS, 0) {
  struct scene s;
  scene_open (&s, f);
  give (&s, BOB, "lrt");
  must_give (do_copy (&s, &s.shared, &s.own, 1), PTN_E_DENIED, "move from there without e");
  give (&s, BOB, "le");
  must_give (do_copy (&s, &s.shared, &s.own, 1), PTN_E_DENIED, "move from there without r");
  give (&s, BOB, "lre");
  must_do (do_copy (&s, &s.shared, &s.own, 1), "move from there with r and e");
  must_be (status_of (f, "INBOX").messages, 2, "messages where it went");
  must_be (quota_of (f).messages_used, 2, "messages_used of who has it now");
  scene_close (&s);
  must_be (status_of (f, SHARED).messages, 0, "messages where it was");
  must_be (quota_of (f).messages_used, 0, "messages_used of who had it");
}

RULE (begin_as_above, "rights.inherit",
      "What create, or a delivery, makes begins with the entries above; "
      "later changes are each one's own",
      "store.h: \"A mailbox that is created begins with the entries of the one above it\"", NEEDS,
      0) {
  struct ptn_mailbox row;
  make (f, "a");
  allow (f, "a", BOB, "lrk");
  make (f, "a/b");
  allow (f, "a", BOB, "lk");
  deliver (f, ANN, "a/c/d", "x\r\n");
  struct ptn_account *ann = account_switch (f, BOB);
  must_do (status_try (f, THEIRS (ANN, "a/b"), &row), "status of what was made before r was taken "
                                                      "away above");
  must_give (status_try (f, THEIRS (ANN, "a"), &row), PTN_E_DENIED, "status of the one above");
  must_give (status_try (f, THEIRS (ANN, "a/c"), &row), PTN_E_DENIED,
             "status of a parent made by a delivery");
  must_give (status_try (f, THEIRS (ANN, "a/c/d"), &row), PTN_E_DENIED,
             "status of what a delivery made");
  must_give (DO (f, f->store->create (f->account, &call, THEIRS (ANN, "a/c"), 0)), PTN_E_EXISTS,
             "create of what is there, with k above");
  account_back (f, ann);
}

RULES (deed, &each_needs_its_right_rule, &keyword_rights_rule, &refused_whole_rule,
       &of_the_authzid_rule, &move_rights_rule, &begin_as_above_rule);
