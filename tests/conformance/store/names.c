/* SPDX-License-Identifier: Apache-2.0 */
/* names.c - names of mailboxes, and the patterns of list. */
#include "kit.h"

#define ETE "\xc3\xa9t\xc3\xa9"

RULE (inbox_any_case, "name.inbox", "INBOX is one mailbox in any case, and is listed in capitals",
      "store.h: \"INBOX (in any case, RFC 9051 section 5.1)\"", 0, 0) {
  make (f, "inbox");
  must_list (f, "*", "INBOX");
  must_list (f, "iNbOx", "INBOX");
  must_give (create (f, "Inbox"), PTN_E_EXISTS, "create \"Inbox\" beside \"inbox\"");
  must (exists (f, "InBox"), "status of \"InBox\" does not find INBOX");
  deliver (f, ANN, "iNBOX", "a\r\n");
  must_be (status_of (f, "INBOX").messages, 1, "messages of INBOX after a delivery to \"iNBOX\"");
}

RULE (inbox_children, "name.inbox-only-alone",
      "Only the whole name INBOX has no case; what begins with it has", "RFC 9051 section 5.1", 0,
      0) {
  make (f, "Inboxes");
  must (!exists (f, "inboxes"), "\"inboxes\" is found where \"Inboxes\" was made");
  must_list (f, "*", "Inboxes");
}

RULE (case_matters, "name.case", "Other names have case", "RFC 9051 section 5.1", 0, 0) {
  make (f, "Work");
  must (!exists (f, "work"), "\"work\" is found where \"Work\" was made");
  make (f, "work");
  must_list (f, "*", "Work work");
}

RULE (utf8, "name.utf8", "Names are UTF-8, kept octet for octet", "store.h: \"UTF-8\"", 0, 0) {
  static const char *const names[] = {
    ETE,    "\xe2\x82\xac/\xf0\x9f\x93\xac", "a & b", "a~b", ".a.b", "%20", "a\\b", "\xef\xbc\x8f",
    "&AOk-"
  };
  for (size_t i = 0; i < G_N_ELEMENTS (names); i++) {
    make (f, names[i]);
    const struct ptn_mailbox *row = NULL;
    struct ptn_call held = CALL (f);
    must_do (HELD (f, f->store->status (f->account, &held, NAME (names[i]), &row)),
             "status of \"%s\"", names[i]);
    must_read (row->name.path, names[i], "the path that status gives");
    END (f, held);
  }
}

RULE (bad_names, "name.invalid",
      "Names that are empty, with empty levels, control characters or broken UTF-8: PTN_E_INVALID",
      "store.h: \"UTF-8, levels divided by '/'\"", 0, 0) {
  static const char *const names[] = { "",     "/",     "/a",       "a/",    "a//b",     "a\nb",
                                       "a\rb", "a\x7f", "\xff\xfe", "a\xc3", "\xc0\xaf", "\x01" };
  for (size_t i = 0; i < G_N_ELEMENTS (names); i++) {
    g_autofree char *shown = g_strescape (names[i], NULL);
    must_give (create (f, names[i]), PTN_E_INVALID, "create \"%s\"", shown);
  }
  must_list (f, "*", "");
}

RULE (dots, "name.dots", "A name never leaves its account: \"..\" is a name or PTN_E_INVALID",
      "store.h: the levels are divided by '/', and by nothing else", 0, 0) {
  static const char *const names[] = { "..", ".", "../../etc", "a/../b", "~", "INBOX/.." };
  deliver (f, BOB, "INBOX", "theirs\r\n");
  for (size_t i = 0; i < G_N_ELEMENTS (names); i++) {
    ptn_status status = create (f, names[i]);
    must (status == PTN_OK || status == PTN_E_INVALID,
          "create \"%s\" gives %s, must give PTN_OK "
          "or PTN_E_INVALID",
          names[i], status_name (status));
    if (status != PTN_OK)
      continue;
    g_autofree char *rows = listed (f, "*");
    must (strstr (rows, names[i]), "\"%s\" was created and is not among \"%s\"", names[i], rows);
    uint32_t uid = deliver (f, ANN, names[i], "x\r\n");
    must_have_text (f, names[i], uid, "x\r\n");
  }
  struct ptn_account *before = account_switch (f, BOB);
  must_list (f, "*", "INBOX");
  must_have_text (f, "INBOX", 1, "theirs\r\n");
  account_back (f, before);
}

RULE (account_names, "name.account",
      "A name of an account is never a path: it is that account or "
      "PTN_E_INVALID",
      "store.h, struct ptn_target: account", 0, 0) {
  static const char *const names[] = { "..",  ".", "../" BOB, BOB "/..", "a/b", "~",
                                       "a b", ETE, "%2e%2e",  "-rf",     "a\\b" };
  deliver (f, BOB, "INBOX", "theirs\r\n");
  for (size_t i = 0; i < G_N_ELEMENTS (names); i++) {
    const struct ptn_target target = TARGET (names[i], "INBOX");
    struct ptn_delivered result = { 0 };
    ptn_status status = deliver_many (f, source_of (f, "x\r\n", 3), 0, &target, 1, &result);
    if (status == PTN_OK)
      status = result.status;
    must (status == PTN_OK || status == PTN_E_INVALID,
          "deliver to the account \"%s\" gives %s, "
          "must give PTN_OK or PTN_E_INVALID",
          names[i], status_name (status));
    if (status != PTN_OK)
      continue;
    struct ptn_account *before = account_switch (f, names[i]);
    must_be (status_of (f, "INBOX").messages, 1, "messages of the account \"%s\"", names[i]);
    must_have_text (f, "INBOX", 1, "x\r\n");
    account_back (f, before);
  }
  struct ptn_account *before = account_switch (f, BOB);
  must_be (status_of (f, "INBOX").messages, 1, "messages of another account after all that");
  must_have_text (f, "INBOX", 1, "theirs\r\n");
  account_back (f, before);
}

RULE (long_names, "name.length",
      "A name of 200 octets works; one that is too long is refused with PTN_E_INVALID or "
      "PTN_E_LIMIT",
      "store.h, create", 0, 0) {
  g_autofree char *fits = g_strnfill (200, 'n'), *endless = g_strnfill (70000, 'n');
  make (f, fits);
  must_list (f, "*", fits);
  uint32_t uid = deliver (f, ANN, fits, "x\r\n");
  must_have_text (f, fits, uid, "x\r\n");
  ptn_status status = create (f, endless);
  must (status == PTN_E_INVALID || status == PTN_E_LIMIT,
        "create of a name of 70000 octets gives %s, must give PTN_E_INVALID or PTN_E_LIMIT",
        status_name (status));
  must_list (f, "*", fits);
}

RULE (deep_names, "name.depth", "Twenty levels work", "store.h: \"levels divided by '/'\"", 0, 0) {
  make (f, "1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/18/19/20");
  must (exists (f, "1/2/3/4/5"), "the parents of a deep mailbox are missing");
  must_list (f, "*/20", "1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/18/19/20");
}

static void
make_some (struct fixture *f) {
  static const char *const names[] = { "INBOX", "a", "a/b", "a/b/c", "a-z", ETE };
  for (size_t i = 0; i < G_N_ELEMENTS (names); i++)
    make (f, names[i]);
}

RULE (order, "list.order", "Rows of list come in octet order of path",
      "store.h: \"rows in octet order of path\"", 0, 0) {
  make_some (f);
  must_list (f, "*", "INBOX a a-z a/b a/b/c " ETE);
}

RULE (percent, "list.percent", "In a pattern % stands for anything but '/'",
      "store.h: \"RFC 9051 LIST wildcards * and %\"", 0, 0) {
  make_some (f);
  must_list (f, "%", "INBOX a a-z " ETE);
  must_list (f, "a/%", "a/b");
  must_list (f, "%/%", "a/b");
  must_list (f, "\xc3%", ETE);
  must_list (f, "a%", "a a-z");
}

RULE (star, "list.star", "In a pattern * stands for anything",
      "store.h: \"RFC 9051 LIST wildcards * and %\"", 0, 0) {
  make_some (f);
  must_list (f, "a*", "a a-z a/b a/b/c");
  must_list (f, "*c", "a/b/c");
  must_list (f, "a/*c", "a/b/c");
  must_list (f, "*%*", "INBOX a a-z a/b a/b/c " ETE);
}

RULE (inbox_pattern, "list.inbox",
      "In a pattern the word INBOX has no case, whatever of it wildcards stand for",
      "store.h, list: \"in which the word INBOX has no case either\"; RFC 9051 section 5.1", 0, 0) {
  make_some (f);
  make (f, "INBOX/Box");
  make (f, "Inboxes");
  must_list (f, "in*", "INBOX INBOX/Box");
  must_list (f, "%bOx", "INBOX");
  must_list (f, "inbox/%", "INBOX/Box");
  must_list (f, "inbox/box", "");
  must_list (f, "I%", "INBOX Inboxes");
  must_list (f, "inboxes", "");
}

RULE (exact, "list.exact", "A pattern without wildcards fits that name alone; \"\" fits nothing",
      "store.h, list", 0, 0) {
  make_some (f);
  must_list (f, "a", "a");
  must_list (f, "A", "");
  must_list (f, "", "");
  must_list (f, "a/", "");
  must_list (f, "nothing", "");
}

RULE (hostile_pattern, "list.hostile", "A hostile pattern costs no more than a kind one",
      "store.h, list: patterns come from clients", 0, 0) {
  g_autofree char *name = g_strnfill (200, 'a');
  g_autoptr (GString) pattern = g_string_new (NULL);
  make (f, name);
  for (int i = 0; i < 200; i++)
    g_string_append (pattern, "*a");
  g_string_append (pattern, "*b");
  int64_t before = f->host->monotonic_ns ();
  must_list (f, pattern->str, "");
  must (f->host->monotonic_ns () - before < 2000000000,
        "list with 200 times \"*a\" takes more than 2 s: match without going back");
}

RULE (list_attributes, "list.row", "A row of list is what status gives",
      "store.h, struct "
      "ptn_mailbox: one row of a list, or the result of status",
      0, 0) {
  make (f, "a/b");
  deliver (f, ANN, "a", "12345\r\n");
  deliver (f, ANN, "a", "1\r\n");
  set_flags (f, "a", UID (2), PTN_FLAGS_ADD, PTN_SEEN | PTN_DELETED);
  must_do (subscribe (f, "a", 1), "subscribe");
  struct ptn_mailbox wanted = status_of (f, "a");
  struct ptn_cursor *cursor = NULL;
  const struct ptn_mailbox *row = NULL;
  must_do (DO (f, f->store->list (f->account, &call, "a", &cursor)), "list \"a\"");
  struct ptn_call held = CALL (f);
  must_do (HELD (f, f->store->next_mailbox (cursor, &held, &row)), "next_mailbox");
  must_read (row->name.path, "a", "path in the row");
  must (!row->name.owner || strcmp (row->name.owner, ANN) == 0,
        "owner of a mailbox of one's own in list is \"%s\"", row->name.owner);
  must (same_id (&row->id, &wanted.id), "the id in the row is not that of status");
  must_be (row->attributes, wanted.attributes, "attributes in the row");
  must_be (row->messages, 2, "messages in the row");
  must_be (row->unseen, 1, "unseen in the row");
  must_be (row->deleted, 1, "deleted in the row");
  must_be (row->uidnext, 3, "uidnext in the row");
  must_be (row->uidvalidity, wanted.uidvalidity, "uidvalidity in the row");
  must_be (row->highest_modseq, wanted.highest_modseq, "highest_modseq in the row");
  must_be (row->octets, 10, "octets in the row");
  END (f, held);
  must_give (DO (f, f->store->next_mailbox (cursor, &call, &row)), PTN_END,
             "the row after the last");
  must_give (DO (f, f->store->next_mailbox (cursor, &call, &row)), PTN_END, "and once more");
  f->store->close_cursor (cursor);
}

RULE (list_many, "list.many", "A list of 500 mailboxes has each of them once", "store.h, list", 0,
      0) {
  for (int i = 0; i < 500; i++) {
    g_autofree char *name = g_strdup_printf ("m%03d", (i * 77) % 500);
    make (f, name);
  }
  g_autofree char *rows = listed (f, "*");
  g_auto (GStrv) words = g_strsplit (rows, " ", -1);
  must_be (g_strv_length (words), 500, "the number of rows of list \"*\"");
  for (int i = 0; i < 500; i++) {
    g_autofree char *name = g_strdup_printf ("m%03d", i);
    must_read (words[i], name, "row %d of list \"*\"", i);
  }
}

RULE (cursor_early, "list.close-early", "A cursor may be closed early",
      "store.h: \"A cursor may be closed early\"", 0, 0) {
  struct ptn_cursor *cursor = NULL;
  const struct ptn_mailbox *row;
  make (f, "a");
  make (f, "b");
  must_do (DO (f, f->store->list (f->account, &call, "*", &cursor)), "list");
  f->store->close_cursor (cursor);
  must_do (DO (f, f->store->list (f->account, &call, "*", &cursor)), "list");
  must_do (DO (f, f->store->next_mailbox (cursor, &call, &row)), "next_mailbox");
  f->store->close_cursor (cursor);
  must_list (f, "*", "a b");
}

RULES (name, &inbox_any_case_rule, &inbox_children_rule, &case_matters_rule, &utf8_rule,
       &bad_names_rule, &dots_rule, &account_names_rule, &long_names_rule, &deep_names_rule);
RULES (list, &order_rule, &percent_rule, &star_rule, &inbox_pattern_rule, &exact_rule,
       &hostile_pattern_rule, &list_attributes_rule, &list_many_rule, &cursor_early_rule);
