/* SPDX-License-Identifier: Apache-2.0 */
/* sync.c - what a client that comes back asks: vanished; and claim_recent. */
#include "kit.h"

/* vanished since a modseq, as text; of `uids`, if not NULL. */
static char *
gone_since (struct fixture *f, const char *path, uint64_t since, const struct ptn_uid_set *uids) {
  struct ptn_id id = id_of (f, path);
  struct ptn_uid_set gone = { 0 };
  struct ptn_call held = CALL (f);
  must_do (HELD (f, f->store->vanished (f->account, &held, &id, since, uids, &gone)),
           "vanished of \"%s\" since %llu", path, (unsigned long long)since);
  char *text = set_text (gone);
  END (f, held);
  return text;
}

static void
must_be_gone (struct fixture *f, const char *path, uint64_t since, const struct ptn_uid_set *uids,
              const char *wanted) {
  g_autofree char *gone = gone_since (f, path, since, uids);
  must_read (gone, wanted, "the UIDs that vanished from \"%s\" since modseq %llu%s", path,
             (unsigned long long)since, uids ? ", of those asked for" : "");
}

/* A store may offer it without the promise that it survives a restart. */
static void
need_vanished (struct fixture *f) {
  if (!CAN (f, vanished))
    cannot_run ("the store has no vanished, and does not declare QRESYNC");
}

RULE (vanished_expunged, "vanished.expunged",
      "vanished tells the UIDs expunged after a modseq, and no "
      "others",
      "store.h, vanished; RFC 7162 section 3.2.5", 0, 0) {
  need_vanished (f);
  for (int i = 0; i < 8; i++)
    deliver (f, ANN, "INBOX", "x\r\n");
  uint64_t first = status_of (f, "INBOX").highest_modseq;
  must_be_gone (f, "INBOX", first, NULL, "");
  expunge (f, "INBOX", UIDS ({ 2, 3 }));
  uint64_t second = status_of (f, "INBOX").highest_modseq;
  expunge (f, "INBOX", UIDS ({ 5, 5 }, { 8, 8 }));
  must_be_gone (f, "INBOX", first, NULL, "2:3,5,8");
  must_be_gone (f, "INBOX", second, NULL, "5,8");
  must_be_gone (f, "INBOX", status_of (f, "INBOX").highest_modseq, NULL, "");
}

RULE (vanished_chosen, "vanished.uids", "vanished tells only of those in `uids`, if they are given",
      "store.h: \"of those in `uids` if that is not NULL\"", 0, 0) {
  need_vanished (f);
  for (int i = 0; i < 8; i++)
    deliver (f, ANN, "INBOX", "x\r\n");
  uint64_t first = status_of (f, "INBOX").highest_modseq;
  expunge (f, "INBOX", UIDS ({ 2, 6 }));
  must_be_gone (f, "INBOX", first, &UIDS ({ 1, 3 }, { 6, 900 }), "2:3,6");
  must_be_gone (f, "INBOX", first, &UIDS ({ 7, UINT32_MAX }), "");
}

RULE (vanished_moved, "vanished.moved", "What is moved away has vanished, in a rename of INBOX too",
      "store.h: \"The UIDs that left the mailbox\"", 0, 0) {
  need_vanished (f);
  for (int i = 0; i < 4; i++)
    deliver (f, ANN, "INBOX", "x\r\n");
  make (f, "to");
  uint64_t first = status_of (f, "INBOX").highest_modseq;
  copy_to (f, "INBOX", UIDS ({ 1, 2 }), "to", 1);
  must_be_gone (f, "INBOX", first, NULL, "1:2");
  uint64_t moved = status_of (f, "to").highest_modseq;
  copy_to (f, "to", ALL_UIDS, "INBOX", 0); /* a copy does not leave */
  must_be_gone (f, "to", moved, NULL, "");
  must_do (rename_to (f, "INBOX", "old"), "rename of INBOX");
  must_be_gone (f, "INBOX", first, NULL, "1:6");
}

RULE (vanished_many, "vanished.many",
      "vanished tells a thousand single UIDs, none missing, none too "
      "many, in ascending ranges",
      "store.h, vanished; base.h, struct ptn_uid_set", 0, 0) {
  need_vanished (f);
  make (f, "INBOX");
  struct ptn_change *change = begin (f, NULL);
  for (int i = 0; i < 2000; i++)
    append_text (f, change, "INBOX", "x");
  commit (f, change);
  f->store->end (change);
  uint64_t first = status_of (f, "INBOX").highest_modseq;
  g_autoptr (GString) wanted = g_string_new (NULL);
  for (uint32_t step = 0; step < 4; step++) { /* not in order of UID */
    change = begin (f, NULL);
    for (uint32_t uid = 1 + (step * 3) % 4 * 2; uid <= 2000; uid += 8)
      must_do (expunge_step (f, change, "INBOX", UID (uid), 0), "expunge");
    commit (f, change);
    f->store->end (change);
  }
  struct ptn_id id = id_of (f, "INBOX");
  struct ptn_uid_set gone = { 0 };
  if (DO (f, f->store->vanished (f->account, &call, &id, first, NULL, &gone)) == PTN_E_EXPIRED)
    cannot_run ("the store keeps less than a thousand UIDs that vanished");
  for (uint32_t uid = 1; uid <= 2000; uid += 2)
    g_string_append_printf (wanted, "%s%u", uid > 1 ? "," : "", uid);
  must_be_gone (f, "INBOX", first, NULL, wanted->str);
}

RULE (vanished_old, "vanished.expired",
      "A modseq from before what is kept gives PTN_E_EXPIRED or all that "
      "vanished, never a part",
      "store.h: \"PTN_E_EXPIRED: nothing is known any more of that time\"", 0, 0) {
  need_vanished (f);
  for (int i = 0; i < 4; i++)
    deliver (f, ANN, "INBOX", "x\r\n");
  expunge (f, "INBOX", UIDS ({ 1, 2 }));
  struct ptn_id id = id_of (f, "INBOX");
  struct ptn_uid_set gone = { 0 };
  for (uint64_t since = 0; since <= 1; since++) {
    struct ptn_call held = CALL (f);
    ptn_status status = HELD (f, f->store->vanished (f->account, &held, &id, since, NULL, &gone));
    if (status == PTN_OK)
      must_be_set (gone, "1:2", "what vanished since the beginning");
    else
      must_give (status, PTN_E_EXPIRED, "vanished since modseq %llu", (unsigned long long)since);
    END (f, held);
  }
}

RULE (vanished_only, "vanished.only",
      "Flags and deliveries make nothing vanish, and a modseq from the "
      "future has nothing behind it",
      "store.h, vanished", 0, 0) {
  need_vanished (f);
  for (int i = 0; i < 6; i++)
    deliver (f, ANN, "INBOX", "x\r\n");
  uint64_t before = status_of (f, "INBOX").highest_modseq;
  struct ptn_change *change = begin (f, NULL);
  must_do (expunge_step (f, change, "INBOX", UID (4), 0), "expunge");
  must_do (flags_step (f, change, "INBOX", UID (1), PTN_FLAGS_ADD, PTN_SEEN, UINT64_MAX),
           "set_flags");
  must_do (expunge_step (f, change, "INBOX", UID (2), 0), "expunge");
  commit (f, change);
  f->store->end (change);
  uint64_t after = status_of (f, "INBOX").highest_modseq;
  set_flags (f, "INBOX", ALL_UIDS, PTN_FLAGS_ADD, PTN_FLAGGED);
  deliver (f, ANN, "INBOX", "x\r\n");
  must_be_gone (f, "INBOX", before, NULL, "2,4");
  must_be_gone (f, "INBOX", after, NULL, "");
  must_be_gone (f, "INBOX", after + 100000, NULL, "");
}

RULE (vanished_again, "vanished.made-again",
      "Nothing has vanished from a mailbox that was made again; what "
      "was removed is PTN_E_NOT_FOUND",
      "store.h, vanished", 0, 0) {
  need_vanished (f);
  struct ptn_uid_set gone;
  deliver (f, ANN, "a", "x\r\n");
  struct ptn_id old = id_of (f, "a");
  expunge (f, "a", ALL_UIDS);
  must_do (drop (f, "a"), "remove");
  must_give (DO (f, f->store->vanished (f->account, &call, &old, 1, NULL, &gone)), PTN_E_NOT_FOUND,
             "vanished by the id of a removed mailbox");
  make (f, "a");
  must_be_gone (f, "a", status_of (f, "a").highest_modseq, NULL, "");
}

RULE (vanished_forgotten, "vanished.forgotten",
      "Of many expunges each modseq gives all that vanished "
      "since, or PTN_E_EXPIRED; what is known is known of all later ones too",
      "store.h: \"PTN_E_EXPIRED: nothing is known any more of that time\"", 0, 0) {
  need_vanished (f);
  uint64_t after[41];
  bool known = false;
  for (uint32_t uid = 1; uid <= 40; uid++)
    deliver (f, ANN, "INBOX", "x\r\n");
  after[0] = status_of (f, "INBOX").highest_modseq;
  for (uint32_t uid = 1; uid <= 40; uid++) {
    expunge (f, "INBOX", UID (uid));
    after[uid] = status_of (f, "INBOX").highest_modseq;
  }
  struct ptn_id id = id_of (f, "INBOX");
  for (uint32_t uid = 0; uid < 40; uid++) {
    struct ptn_uid_set gone = { 0 };
    struct ptn_call held = CALL (f);
    g_autofree char *wanted = uid == 39 ? g_strdup ("40") : g_strdup_printf ("%u:40", uid + 1);
    ptn_status status =
        HELD (f, f->store->vanished (f->account, &held, &id, after[uid], NULL, &gone));
    if (status == PTN_OK)
      must_be_set (gone, wanted, "what vanished");
    else
      must_give (status, PTN_E_EXPIRED, "vanished");
    must (status == PTN_OK || !known, "vanished since a modseq is PTN_E_EXPIRED, and since an "
                                      "earlier one it was PTN_OK");
    known = known || status == PTN_OK;
    END (f, held);
  }
  must (known, "vanished is PTN_E_EXPIRED for the last of 40 expunges");
}

RULE (vanished_restart, "vanished.restart", "vanished survives a restart",
      "store.h, PTN_STORE_QRESYNC: \"modseqs and `vanished` survive a restart\"",
      PTN_STORE_QRESYNC | PTN_STORE_DURABLE, 0) {
  for (int i = 0; i < 6; i++)
    deliver (f, ANN, "INBOX", "x\r\n");
  uint64_t first = status_of (f, "INBOX").highest_modseq;
  expunge (f, "INBOX", UIDS ({ 2, 3 }, { 6, 6 }));
  for (int i = 0; i < 2; i++) {
    fixture_restart (f);
    must_be_gone (f, "INBOX", first, NULL, "2:3,6");
  }
}

static uint32_t
claim (struct fixture *f, const char *path) {
  uint32_t first = 0;
  struct ptn_id id = id_of (f, path);
  must_do (DO (f, f->store->claim_recent (f->account, &call, &id, &first)),
           "claim_recent of \"%s\"", path);
  return first;
}

RULE (recent_once, "recent.claim",
      "Messages are recent for one session: the next one's claim begins at "
      "what was UIDNEXT",
      "store.h, claim_recent; RFC 3501 section 2.3.2", PTN_STORE_RECENT, 0) {
  for (int i = 0; i < 3; i++)
    deliver (f, ANN, "INBOX", "x\r\n");
  must_be (claim (f, "INBOX"), 1, "the first recent UID of the first who asks");
  uint32_t second = claim (f, "INBOX");
  must (second >= 4, "the next who asks gets UID %u, which was recent for another", second);
  deliver (f, ANN, "INBOX", "y\r\n");
  uint32_t third = claim (f, "INBOX");
  must_be (third, 4, "the first recent UID after one more delivery");
  must (claim (f, "INBOX") >= 5, "it is recent a second time");
}

RULE (recent_empty, "recent.empty", "In an empty mailbox nothing is recent, and what comes then is",
      "store.h, claim_recent", PTN_STORE_RECENT, 0) {
  make (f, "a");
  must (claim (f, "a") >= 1, "claim_recent of an empty mailbox gives UID 0");
  deliver (f, ANN, "a", "x\r\n");
  must (claim (f, "a") <= 1, "the first message is not recent");
}

/* How many of the messages that are there are recent for who asks now. */
static uint32_t
claim_count (struct fixture *f, const char *path) {
  const struct ptn_view *view = view_of (f, path);
  uint32_t first = claim (f, path), count = 0;
  for (uint32_t i = 0; i < view->count; i++)
    count += view->uid[i] >= first;
  f->store->release_view (view);
  return count;
}

RULE (recent_ways, "recent.all-ways",
      "What is appended, copied or moved in is recent, each mailbox for "
      "itself; looking claims nothing",
      "store.h, claim_recent", PTN_STORE_RECENT, 0) {
  deliver (f, ANN, "INBOX", "a\r\n");
  make (f, "a");
  must_be (claim_count (f, "a"), 0, "recent messages of an empty mailbox");
  copy_to (f, "INBOX", ALL_UIDS, "a", 0);
  struct ptn_change *change = begin (f, NULL);
  append_text (f, change, "a", "b\r\n");
  commit (f, change);
  f->store->end (change);
  set_flags (f, "a", ALL_UIDS, PTN_FLAGS_ADD, PTN_SEEN);
  must_have_text (f, "a", 1, "a\r\n");
  must_be (claim_count (f, "a"), 2, "recent messages after a copy and an append");
  must_be (claim_count (f, "INBOX"), 1, "recent messages of the other mailbox");
  copy_to (f, "INBOX", ALL_UIDS, "a", 1);
  must_be (claim_count (f, "a"), 1, "recent messages after a move");
  must_be (claim_count (f, "INBOX"), 0, "recent messages where it left");
}

RULE (recent_expunged, "recent.expunged",
      "What was expunged before anybody came leaves the rest recent",
      "store.h: \"of the messages that are there now\"", PTN_STORE_RECENT, 0) {
  for (int i = 0; i < 3; i++)
    deliver (f, ANN, "INBOX", "a\r\n");
  expunge (f, "INBOX", UIDS ({ 1, 1 }, { 3, 3 }));
  must_be (claim_count (f, "INBOX"), 1, "recent messages");
  deliver (f, ANN, "INBOX", "a\r\n");
  expunge (f, "INBOX", UID (4));
  must_be (claim_count (f, "INBOX"), 0, "recent messages after the only new one was expunged");
  deliver (f, ANN, "INBOX", "a\r\n");
  must_be (claim_count (f, "INBOX"), 1, "recent messages after one more");
}

static void
claim_many (struct worker *worker) {
  struct fixture *f = &worker->f;
  gint *recent = worker->data;
  for (int i = 0; i < 30; i++) {
    struct ptn_id id = id_of (f, "INBOX");
    uint32_t first = 0;
    must_do (DO (f, f->store->claim_recent (f->account, &call, &id, &first)), "claim_recent");
    if (first <= 1)
      g_atomic_int_inc (recent);
  }
}

RULE (recent_race, "recent.race", "Of all sessions that ask at once, one has the recent messages",
      "store.h: \"recent for this session, and for no other\"", PTN_STORE_RECENT, 0) {
  struct worker workers[4] = { 0 };
  GThread *threads[4];
  gint recent = 0;
  deliver (f, ANN, "INBOX", "x\r\n");
  for (unsigned i = 0; i < 4; i++)
    threads[i] = worker_start (&workers[i], f, ANN, i, claim_many, &recent);
  for (int i = 0; i < 4; i++)
    g_thread_join (threads[i]);
  must_be (recent, 1, "how many sessions found UID 1 recent");
}

RULE (recent_restart, "recent.restart", "What was claimed is not recent after a restart",
      "store.h: \"PTN_OK from ... claim_recent ... means: durable\"",
      PTN_STORE_RECENT | PTN_STORE_DURABLE, 0) {
  deliver (f, ANN, "INBOX", "x\r\n");
  must_be (claim (f, "INBOX"), 1, "the first recent UID");
  fixture_restart (f);
  must (claim (f, "INBOX") >= 2, "UID 1 is recent a second time after a restart");
}

RULES (vanished, &vanished_expunged_rule, &vanished_chosen_rule, &vanished_moved_rule,
       &vanished_many_rule, &vanished_old_rule, &vanished_only_rule, &vanished_again_rule,
       &vanished_forgotten_rule, &vanished_restart_rule);
RULES (recent, &recent_once_rule, &recent_empty_rule, &recent_ways_rule, &recent_expunged_rule,
       &recent_race_rule, &recent_restart_rule);
