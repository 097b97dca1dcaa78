/* SPDX-License-Identifier: Apache-2.0 */
/* messages.c - views and the rows of fetch. */
#include "kit.h"

RULE (view_content, "view.content", "A view has UIDs, flags and modseqs of all messages, ascending",
      "store.h, struct ptn_view", 0, 0) {
  for (int i = 0; i < 4; i++)
    deliver (f, ANN, "INBOX", "x\r\n");
  set_flags (f, "INBOX", UID (3), PTN_FLAGS_ADD, PTN_SEEN);
  expunge (f, "INBOX", UID (2));
  const struct ptn_view *view = view_of (f, "INBOX");
  struct ptn_mailbox row = status_of (f, "INBOX");
  must_be (view->count, 3, "count of the view");
  must_be (view->modseq, row.highest_modseq, "modseq of the view, beside highest_modseq");
  static const uint32_t uids[] = { 1, 3, 4 };
  for (uint32_t i = 0; i < 3; i++) {
    must_be (view->uid[i], uids[i], "UID %u of the view", i);
    must_be (view->flags[i], uids[i] == 3 ? PTN_SEEN : 0, "flags of UID %u in the view", uids[i]);
    struct ptn_message message = row_of (f, "INBOX", uids[i]);
    must_be (view->message_modseq[i], message.modseq, "modseq of UID %u in the view, beside fetch",
             uids[i]);
    must (view->message_modseq[i] > 0 && view->message_modseq[i] <= view->modseq,
          "modseq %llu of UID %u is not within 1 and that of the view",
          (unsigned long long)view->message_modseq[i], uids[i]);
  }
  f->store->release_view (view);
}

RULE (view_empty, "view.empty", "The view of an empty mailbox has count 0", "store.h, view", 0, 0) {
  make (f, "a");
  const struct ptn_view *view = view_of (f, "a");
  must_be (view->count, 0, "count of the view of an empty mailbox");
  must_be (view->modseq, status_of (f, "a").highest_modseq, "modseq of the view");
  f->store->release_view (view);
}

RULE (view_immutable, "view.immutable", "A view never changes, whatever happens to its mailbox",
      "store.h: \"The state of a mailbox as all sessions share it: immutable, counted\"", 0, 0) {
  deliver (f, ANN, "INBOX", "one\r\n");
  deliver (f, ANN, "INBOX", "two\r\n");
  const struct ptn_view *before = view_of (f, "INBOX"), *same = view_of (f, "INBOX");
  const uint64_t modseq = before->modseq;
  deliver (f, ANN, "INBOX", "three\r\n");
  set_flags (f, "INBOX", UID (1), PTN_FLAGS_ADD, PTN_SEEN);
  expunge (f, "INBOX", UID (2));
  const struct ptn_view *after = view_of (f, "INBOX");
  must_be (before->count, 2, "count of a view taken before a delivery and an expunge");
  must_be (before->uid[1], 2, "UID of a message in a view taken before it was expunged");
  must_be (before->flags[0], 0, "flags in a view taken before they were set");
  must_be (before->modseq, modseq, "modseq of a view after changes of its mailbox");
  must_be (after->count, 2, "count of the view taken after all that");
  must_be (after->uid[1], 3, "UID of the last message in the view taken after all that");
  must_be (after->flags[0], PTN_SEEN, "flags in the view taken after they were set");
  must (after->modseq > before->modseq, "the modseq of the later view is not greater");
  must (after->message_modseq[0] > before->message_modseq[0],
        "the modseq of a message whose flags changed is not greater in the later view");
  f->store->release_view (before);
  must_be (same->uid[1], 2, "a view after another reference to it was released");
  f->store->release_view (same);
  f->store->release_view (after);
}

RULE (view_outlives, "view.outlives-mailbox", "A view outlives its mailbox and its account object",
      "store.h: views are counted, release_view is [any]", 0, 0) {
  deliver (f, ANN, "a", "one\r\n");
  struct ptn_account *ann = f->account;
  f->account = account_open (f, ANN);
  const struct ptn_view *view = view_of (f, "a");
  must_do (drop (f, "a"), "remove \"a\"");
  account_back (f, ann);
  must_be (view->count, 1, "count of the view of a removed mailbox");
  must_be (view->uid[0], 1, "UID in the view of a removed mailbox");
  f->store->release_view (view);
}

RULE (view_unknown, "view.unknown", "view, fetch, read, keyword by an unknown id: PTN_E_NOT_FOUND",
      "store.h, view; base.h, PTN_E_NOT_FOUND", 0, 0) {
  const struct ptn_id id = { "no such mailbox" };
  const struct ptn_view *view = NULL;
  struct ptn_cursor *cursor = NULL;
  struct ptn_source *source = NULL;
  struct ptn_fetch fetch = { .size = sizeof fetch, .items = PTN_FETCH_FLAGS };
  uint32_t bit;
  make (f, "a");
  must_give (DO (f, f->store->view (f->account, &call, &id, &view)), PTN_E_NOT_FOUND,
             "view of an id that never was");
  must_give (DO (f, f->store->fetch (f->account, &call, &id, &fetch, &cursor)), PTN_E_NOT_FOUND,
             "fetch of an id that never was");
  must_give (DO (f, f->store->read (f->account, &call, &id, 1, 0, 1, &source)), PTN_E_NOT_FOUND,
             "read of an id that never was");
  must_give (DO (f, f->store->keyword (f->account, &call, &id, "a", 1, &bit)), PTN_E_NOT_FOUND,
             "keyword of an id that never was");
}

RULE (uids_grow, "uid.ascending", "UIDs only grow: one that was expunged is never given again",
      "store.h, \"uidvalidity, uidnext\"; RFC 9051 section 2.3.1.1", 0, 0) {
  for (uint32_t i = 1; i <= 5; i++)
    must_be (deliver (f, ANN, "INBOX", "x\r\n"), i, "the UID of delivery %u", i);
  uint32_t uidvalidity = status_of (f, "INBOX").uidvalidity;
  expunge (f, "INBOX", UIDS ({ 4, 5 }));
  must_be (status_of (f, "INBOX").uidnext, 6, "uidnext after the last two were expunged");
  must_be (deliver (f, ANN, "INBOX", "x\r\n"), 6, "the UID after UID 5 was expunged");
  expunge (f, "INBOX", ALL_UIDS);
  must_be (deliver (f, ANN, "INBOX", "x\r\n"), 7, "the UID after all were expunged");
  must_be (status_of (f, "INBOX").uidvalidity, uidvalidity, "uidvalidity after all that");
  must_have_uids (f, "INBOX", "7");
}

RULE (rows, "fetch.rows", "fetch gives size, flags, modseq and dates of each message",
      "store.h, struct ptn_message", 0, 0) {
  static const char *const texts[] = { "one\r\n", "", "two lines\r\nhere\r\n" };
  for (size_t i = 0; i < G_N_ELEMENTS (texts); i++)
    deliver (f, ANN, "INBOX", texts[i]);
  g_autoptr (GArray) all = fetch_rows (f, "INBOX", NO_UIDS, 0);
  must_be (all->len, 3, "the rows of fetch without UIDs, which means all");
  for (guint i = 0; i < all->len; i++) {
    must_be (ROW (all, i)->uid, i + 1, "the UID of row %u", i);
    must_be (ROW (all, i)->octets, strlen (texts[i]), "octets of UID %u", i + 1);
    must_be (ROW (all, i)->flags, 0, "flags of UID %u", i + 1);
    must_be (ROW (all, i)->internal_date, 1000000000, "internal_date of UID %u", i + 1);
    must (ROW (all, i)->modseq > 0, "modseq of UID %u is 0", i + 1);
  }
}

RULE (unterminated, "fetch.unterminated",
      "unterminated tells of a message that does not end with "
      "CRLF",
      "store.h, struct ptn_message: unterminated", 0, 0) {
  static const struct {
    const char *text;
    uint32_t unterminated;
  } texts[] = { { "one\r\n", 0 }, { "", 1 },     { "bare\n", 1 },
                { "no end", 1 },  { "cr\r", 1 }, { "\r\n", 0 } };
  for (size_t i = 0; i < G_N_ELEMENTS (texts); i++) {
    uint32_t uid = deliver (f, ANN, "INBOX", texts[i].text);
    g_autofree char *shown = g_strescape (texts[i].text, NULL);
    must_be (row_of (f, "INBOX", uid).unterminated, texts[i].unterminated, "unterminated of \"%s\"",
             shown);
  }
}

RULE (save_date, "fetch.save-date", "save_date is when the message came into this mailbox",
      "store.h, PTN_STORE_SAVE_DATE; RFC 8514", PTN_STORE_SAVE_DATE, 0) {
  const int64_t before = f->host->realtime_ms () / 1000 - 1;
  uint32_t uid = deliver (f, ANN, "INBOX", "x\r\n");
  make (f, "to");
  copy_to (f, "INBOX", UID (uid), "to", 0);
  const int64_t after = f->host->realtime_ms () / 1000 + 1;
  int64_t dates[] = { row_of (f, "INBOX", uid).save_date, row_of (f, "to", 1).save_date };
  for (int i = 0; i < 2; i++)
    must (dates[i] >= before && dates[i] <= after,
          "save_date of %s is %lld, the time is %lld (seconds since 1970)",
          i ? "a copy" : "a delivery", (long long)dates[i], (long long)after);
}

RULE (chosen_rows, "fetch.uids", "fetch gives the messages of a set and passes over missing UIDs",
      "store.h, struct ptn_fetch", 0, 0) {
  for (int i = 0; i < 6; i++)
    deliver (f, ANN, "INBOX", "x\r\n");
  expunge (f, "INBOX", UID (3));
  g_autoptr (GArray) some = fetch_rows (f, "INBOX", UIDS ({ 2, 4 }, { 6, UINT32_MAX }), 0);
  must_be (some->len, 3, "the rows of fetch of 2:4,6:4294967295, without UID 3");
  must_be (ROW (some, 0)->uid, 2, "the first UID");
  must_be (ROW (some, 1)->uid, 4, "the second UID");
  must_be (ROW (some, 2)->uid, 6, "the third UID");
  g_autoptr (GArray) none = fetch_rows (f, "INBOX", UIDS ({ 7, 900 }), 0);
  must_be (none->len, 0, "the rows of fetch of 7:900, behind the last message");
}

RULE (many_ranges, "fetch.many-ranges", "A set of a thousand ranges is taken",
      "base.h, struct "
      "ptn_uid_set",
      0, 0) {
  make (f, "INBOX");
  struct ptn_change *change = begin (f, NULL);
  for (int i = 0; i < 2000; i++)
    append_text (f, change, "INBOX", "x\r\n");
  commit (f, change);
  f->store->end (change);
  g_autoptr (GArray) odd = g_array_new (FALSE, FALSE, sizeof (struct ptn_uid_range));
  for (uint32_t uid = 1; uid <= 2000; uid += 2) {
    struct ptn_uid_range range = { uid, uid };
    g_array_append_val (odd, range);
  }
  struct ptn_uid_set set = { (const struct ptn_uid_range *)(void *)odd->data, odd->len };
  g_autoptr (GArray) rows = fetch_rows (f, "INBOX", set, 0);
  must_be (rows->len, 1000, "the rows of fetch of a thousand single UIDs");
  must_be (ROW (rows, 999)->uid, 1999, "the last of them");
  make (f, "to");
  copy_to (f, "INBOX", set, "to", 1);
  must_be (status_of (f, "INBOX").messages, 1000, "messages after every second was moved");
  must_be (status_of (f, "to").messages, 1000, "messages of where they were moved to");
  expunge (f, "INBOX", set); /* all gone already */
  must_be (status_of (f, "INBOX").messages, 1000,
           "messages after an expunge of UIDs that are gone");
}

RULE (changed_since, "fetch.changed-since", "changed_since gives only rows with a greater modseq",
      "store.h, struct ptn_fetch: \"CONDSTORE: rows with a greater modseq; 0: all\"", 0, 0) {
  for (int i = 0; i < 4; i++)
    deliver (f, ANN, "INBOX", "x\r\n");
  uint64_t modseq = status_of (f, "INBOX").highest_modseq;
  g_autoptr (GArray) none = fetch_rows (f, "INBOX", NO_UIDS, modseq);
  must_be (none->len, 0, "rows changed since highest_modseq");
  set_flags (f, "INBOX", UIDS ({ 2, 3 }), PTN_FLAGS_ADD, PTN_FLAGGED);
  g_autoptr (GArray) two = fetch_rows (f, "INBOX", NO_UIDS, modseq);
  must_be (two->len, 2, "rows changed since, after flags of two messages changed");
  must_be (ROW (two, 0)->uid, 2, "the first of them");
  must_be (ROW (two, 0)->modseq, status_of (f, "INBOX").highest_modseq, "its modseq");
  g_autoptr (GArray) one = fetch_rows (f, "INBOX", UIDS ({ 3, 4 }), modseq);
  must_be (one->len, 1, "rows of 3:4 changed since");
  deliver (f, ANN, "INBOX", "new\r\n");
  g_autoptr (GArray) three = fetch_rows (f, "INBOX", NO_UIDS, modseq);
  must_be (three->len, 3, "rows changed since, after a delivery");
}

RULE (cursor_moment, "fetch.cursor-while-changing",
      "A cursor goes on while its mailbox changes: no row twice, none out of order, none missing "
      "that was there all the time",
      "store.h: \"Rows come in ascending UID\"", 0, 0) {
  for (int i = 0; i < 9; i++)
    deliver (f, ANN, "INBOX", "x\r\n");
  struct ptn_id id = id_of (f, "INBOX");
  struct ptn_fetch fetch = { .size = sizeof fetch, .items = PTN_FETCH_FLAGS };
  struct ptn_cursor *cursor = NULL;
  uint32_t last = 0, seen = 0;
  must_do (DO (f, f->store->fetch (f->account, &call, &id, &fetch, &cursor)), "fetch");
  for (int round = 0;; round++) {
    const struct ptn_message *rows[2];
    size_t count = 0;
    struct ptn_call held = CALL (f);
    ptn_status status = HELD (f, f->store->next_messages (cursor, &held, rows, 2, &count));
    for (size_t i = 0; i < count; i++) {
      must (rows[i]->uid > last, "UID %u comes after UID %u", rows[i]->uid, last);
      last = rows[i]->uid;
      seen |= 1U << last;
    }
    END (f, held);
    if (status == PTN_END)
      break;
    must_do (status, "next_messages");
    if (round == 0)
      expunge (f, "INBOX", UIDS ({ 1, 1 }, { 6, 7 }));
    if (round == 1)
      deliver (f, ANN, "INBOX", "new\r\n");
  }
  f->store->close_cursor (cursor);
  for (uint32_t uid = 2; uid <= 9; uid++)
    must (uid == 6 || uid == 7 || seen >> uid & 1,
          "UID %u, which was there all the time, is missing in the rows", uid);
}

RULE (fetch_room, "fetch.room",
      "next_messages gives at most `room` rows, and PTN_END again after "
      "the end",
      "store.h: \"next_messages fills rows[0..*count), `room` at most\"", 0, 0) {
  for (int i = 0; i < 5; i++)
    deliver (f, ANN, "INBOX", "x\r\n");
  struct ptn_id id = id_of (f, "INBOX");
  struct ptn_fetch fetch = { .size = sizeof fetch, .items = PTN_FETCH_SIZE };
  for (size_t room = 1; room <= 8; room += 7) {
    struct ptn_cursor *cursor = NULL;
    const struct ptn_message *rows[9] = { NULL };
    size_t total = 0;
    must_do (DO (f, f->store->fetch (f->account, &call, &id, &fetch, &cursor)), "fetch");
    for (;;) {
      size_t count = 0;
      ptn_status status = DO (f, f->store->next_messages (cursor, &call, rows, room, &count));
      must (count <= room, "next_messages with room for %zu gave %zu rows", room, count);
      must (!rows[room], "next_messages wrote behind the room it was given");
      total += count;
      if (status == PTN_END)
        break;
      must_do (status, "next_messages");
    }
    must_be (total, 5, "the rows, taken with room for %zu", room);
    size_t count = 7;
    must_give (DO (f, f->store->next_messages (cursor, &call, rows, room, &count)), PTN_END,
               "next_messages after its end");
    must_be (count, 0, "the count at the end");
    f->store->close_cursor (cursor);
  }
}

RULES (view, &view_content_rule, &view_empty_rule, &view_immutable_rule, &view_outlives_rule,
       &view_unknown_rule, &uids_grow_rule);
RULES (fetch, &rows_rule, &unterminated_rule, &save_date_rule, &chosen_rows_rule, &many_ranges_rule,
       &changed_since_rule, &cursor_moment_rule, &fetch_room_rule);
