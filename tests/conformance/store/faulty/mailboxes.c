/* SPDX-License-Identifier: Apache-2.0 */
/* mailboxes.c - faults of accounts, mailboxes, names and lists. */
#include "faulty.h"

#define OPEN(name)                                                                          \
  static ptn_status name (void *i, struct ptn_call *c, const struct ptn_identity *identity, \
                          struct ptn_account **account)
#define CREATE(name)                                                                            \
  static ptn_status name (struct ptn_account *a, struct ptn_call *c, struct ptn_mailbox_name n, \
                          uint32_t attributes)
#define REMOVE(name) \
  static ptn_status name (struct ptn_account *a, struct ptn_call *c, struct ptn_mailbox_name n)
#define RENAME(name)                                                                               \
  static ptn_status name (struct ptn_account *a, struct ptn_call *c, struct ptn_mailbox_name from, \
                          struct ptn_mailbox_name to)
#define STATUS(name)                                                                            \
  static ptn_status name (struct ptn_account *a, struct ptn_call *c, struct ptn_mailbox_name n, \
                          const struct ptn_mailbox **result)
/* The result of status, changed by `body`, which names it `row`. */
#define EDIT(name, body)                               \
  STATUS (name) {                                      \
    ptn_status status = good.status (a, c, n, result); \
    if (status == PTN_OK) {                            \
      struct ptn_mailbox *row = KEEP (*result);        \
      body;                                            \
      *result = row;                                   \
    }                                                  \
    return status;                                     \
  }
#define INSTEAD(status, of, by) ((status) == (of) ? (by) : (status))

static bool renamed;

OPEN (open_makes_inbox) {
  ptn_status status = good.open (i, c, identity, account);
  if (status == PTN_OK)
    QUIETLY (c, good.create (*account, &call, (struct ptn_mailbox_name){ NULL, "INBOX" }, 0));
  return status;
}

OPEN (open_one_for_all) {
  struct ptn_identity one = *identity;
  one.account = one.authzid = "one@example.test";
  return good.open (i, c, &one, account);
}

EDIT (no_uidnext, row->uidnext = row->messages ? row->uidnext : 0)
EDIT (no_children, row->attributes &= ~(uint32_t)PTN_MAILBOX_HAS_CHILDREN)
EDIT (no_noselect, row->attributes &= ~(uint32_t)PTN_MAILBOX_NOSELECT)
EDIT (same_uidvalidity, row->uidvalidity = 7)
EDIT (new_uidvalidity_after_rename, row->uidvalidity += renamed)
EDIT (all_unseen, row->unseen = row->messages)
EDIT (no_uses_after_rename, if (renamed) row->attributes &= ~(uint32_t)PTN_MAILBOX_SPECIAL_USES)
EDIT (id_of_name, memset (row->id.octets, row->name.path[0], sizeof row->id))
EDIT (no_modseq, row->highest_modseq = 1)

STATUS (status_in_one_place) {
  static struct ptn_mailbox row;
  static char path[100];
  ptn_status status = good.status (a, c, n, result);
  if (status == PTN_OK) {
    row = **result;
    g_strlcpy (path, row.name.path, sizeof path);
    row.name.path = path;
    *result = &row;
  }
  return status;
}

CREATE (create_again) {
  ptn_status status = good.create (a, c, n, attributes);
  return INSTEAD (status, PTN_E_EXISTS, PTN_OK);
}

static bool
parent_is_missing (struct ptn_account *a, struct ptn_call *c, const char *path) {
  const char *slash = strrchr (path, '/');
  const struct ptn_mailbox *row;
  if (!slash)
    return false;
  g_autofree char *parent = g_strndup (path, (gsize)(slash - path));
  const struct ptn_mailbox_name name = { NULL, parent };
  return QUIETLY (c, good.status (a, &call, name, &row)) == PTN_E_NOT_FOUND;
}

CREATE (create_wants_parents) {
  return parent_is_missing (a, c, n.path) ? PTN_E_NOT_FOUND : good.create (a, c, n, attributes);
}

CREATE (create_of_noselect) {
  const struct ptn_mailbox *row = NULL;
  uint32_t now = 0;
  struct ptn_call own = { .task = c->task };
  if (good.status (a, &own, n, &row) == PTN_OK)
    now = row->attributes;
  host->call_end (&own);
  return now & PTN_MAILBOX_NOSELECT ? PTN_E_EXISTS : good.create (a, c, n, attributes);
}

REMOVE (remove_nothing) {
  return PTN_OK;
}
REMOVE (remove_missing) {
  ptn_status status = good.remove (a, c, n);
  return INSTEAD (status, PTN_E_NOT_FOUND, PTN_OK);
}
REMOVE (remove_inbox) {
  ptn_status status = good.remove (a, c, n);
  return INSTEAD (status, PTN_E_INVALID, PTN_OK);
}

RENAME (rename_marks) {
  ptn_status status = good.rename (a, c, from, to);
  renamed = true;
  return status;
}

RENAME (rename_without_children) {
  ptn_status status = good.rename (a, c, from, to);
  if (status == PTN_OK) {
    g_autofree char *deep = g_strconcat (to.path, "/b/c", NULL);
    g_autofree char *child = g_strconcat (to.path, "/b", NULL);
    QUIETLY (c, good.remove (a, &call, (struct ptn_mailbox_name){ NULL, deep }));
    QUIETLY (c, good.remove (a, &call, (struct ptn_mailbox_name){ NULL, child }));
  }
  return status;
}

RENAME (rename_wants_parents) {
  return parent_is_missing (a, c, to.path) ? PTN_E_NOT_FOUND : good.rename (a, c, from, to);
}
RENAME (rename_onto) {
  ptn_status status = good.rename (a, c, from, to);
  return INSTEAD (status, PTN_E_EXISTS, PTN_OK);
}
RENAME (rename_inbox_nothing) {
  return strcmp (from.path, "INBOX") == 0 ? PTN_OK : good.rename (a, c, from, to);
}
RENAME (rename_unsubscribes) {
  ptn_status status = good.rename (a, c, from, to);
  if (status == PTN_OK)
    QUIETLY (c, good.subscribe (a, &call, to, 0));
  return status;
}

static ptn_status
subscribe_nothing (struct ptn_account *a, struct ptn_call *c, struct ptn_mailbox_name n, int on) {
  return PTN_OK;
}

/* --- names ---------------------------------------------------------------------------------- */

STATUS (status_with_case) {
  if (g_ascii_strcasecmp (n.path, "INBOX") == 0 && strcmp (n.path, "INBOX") != 0)
    return PTN_E_NOT_FOUND;
  return good.status (a, c, n, result);
}

STATUS (status_like_inbox) {
  g_autofree char *path = g_strdup (n.path);
  if (g_ascii_strncasecmp (path, "INBOX", 5) == 0)
    memcpy (path, "Inbox", 5);
  return good.status (a, c, (struct ptn_mailbox_name){ n.owner, path }, result);
}

CREATE (create_lower) {
  g_autofree char *path = g_ascii_strdown (n.path, -1);
  return good.create (a, c, (struct ptn_mailbox_name){ n.owner, path }, attributes);
}

CREATE (create_ascii) {
  g_autofree char *path = g_strdup (n.path);
  for (char *at = path; *at; at++)
    if (*at & 0x80)
      *at = '?';
  return good.create (a, c, (struct ptn_mailbox_name){ n.owner, path }, attributes);
}

CREATE (create_invalid) {
  ptn_status status = good.create (a, c, n, attributes);
  return INSTEAD (status, PTN_E_INVALID, PTN_OK);
}
CREATE (create_dots) {
  return strncmp (n.path, "..", 2) == 0 ? PTN_OK : good.create (a, c, n, attributes);
}
CREATE (create_short) {
  return strlen (n.path) > 100 ? PTN_E_LIMIT : good.create (a, c, n, attributes);
}
CREATE (create_flat) {
  g_auto (GStrv) levels = g_strsplit (n.path, "/", -1);
  return g_strv_length (levels) > 10 ? PTN_E_LIMIT : good.create (a, c, n, attributes);
}
CREATE (create_plain) {
  return good.create (a, c, n, 0);
}

/* --- lists ---------------------------------------------------------------------------------- */

#define LIST(name)                                                                        \
  static ptn_status name (struct ptn_account *a, struct ptn_call *c, const char *pattern, \
                          struct ptn_cursor **cursor)

static ptn_status
list_other (struct ptn_account *a, struct ptn_call *c, const char *pattern, char from, char to,
            struct ptn_cursor **cursor) {
  g_autofree char *other = g_strdup (pattern);
  for (char *at = other; *at; at++)
    if (*at == from)
      *at = to;
  return good.list (a, c, other, cursor);
}

LIST (list_percent) {
  return list_other (a, c, pattern, '%', '*', cursor);
}
LIST (list_star) {
  return list_other (a, c, pattern, '*', '%', cursor);
}
LIST (list_prefix) {
  g_autofree char *other = g_strconcat (pattern, "*", NULL);
  return good.list (a, c, other, cursor);
}
LIST (list_with_case) {
  return good.list (a, c, strncmp (pattern, "in", 2) == 0 ? "nothing" : pattern, cursor);
}
LIST (list_slow) {
  if (strlen (pattern) > 300)
    g_usleep (2500000);
  return good.list (a, c, pattern, cursor);
}

#define NEXT(name)                                                       \
  static ptn_status name (struct ptn_cursor *cursor, struct ptn_call *c, \
                          const struct ptn_mailbox **result)

/* The first two rows in the wrong order. */
NEXT (next_swapped) {
  static struct ptn_cursor *seen;
  static struct ptn_mailbox *held;
  if (seen == cursor && held) {
    *result = held;
    held = NULL;
    return PTN_OK;
  }
  ptn_status status = good.next_mailbox (cursor, c, result);
  if (seen == cursor || status != PTN_OK)
    return status;
  seen = cursor;
  held = KEEP (*result);
  held->name.path = keep (held->name.path, strlen (held->name.path) + 1);
  host->call_end (c);
  return good.next_mailbox (cursor, c, result);
}

NEXT (next_without_count) {
  ptn_status status = good.next_mailbox (cursor, c, result);
  if (status == PTN_OK) {
    struct ptn_mailbox *row = KEEP (*result);
    row->messages = 0;
    *result = row;
  }
  return status;
}

NEXT (next_skips) {
  static unsigned count;
  if (++count % 100 == 99) {
    good.next_mailbox (cursor, c, result);
    host->call_end (c);
  }
  return good.next_mailbox (cursor, c, result);
}

static bool at_end;
NEXT (next_to_end) {
  ptn_status status = good.next_mailbox (cursor, c, result);
  at_end = status == PTN_END;
  return status;
}

static void
close_at_end_only (struct ptn_cursor *cursor) {
  if (!at_end)
    abort ();
  at_end = false;
  good.close_cursor (cursor);
}

/* --- accounts --------------------------------------------------------------------------------- */

#define ACCOUNTS(name) \
  static ptn_status name (void *i, struct ptn_call *c, const char *after, struct ptn_strings *names)

ACCOUNTS (accounts_backwards) {
  ptn_status status = good.list_accounts (i, c, after, names);
  if (status == PTN_OK) {
    const char **items = keep (names->items, names->count * sizeof *items);
    for (size_t at = 0; at < names->count; at++)
      items[at] = names->items[names->count - 1 - at];
    names->items = items;
  }
  return status;
}
ACCOUNTS (accounts_once) {
  return *after ? PTN_END : good.list_accounts (i, c, after, names);
}

static ptn_status
remove_account_nothing (void *i, struct ptn_call *c, const char *account) {
  return PTN_OK;
}

static ptn_status
set_attributes_nothing (struct ptn_account *a, struct ptn_call *c, const struct ptn_id *id,
                        uint32_t attributes) {
  return PTN_OK;
}

const struct fault mailbox_faults[] = {
  FAULT ("account.new-is-empty", "open makes INBOX", open, open_makes_inbox),
  FAULT ("account.opening-writes-nothing", "open makes INBOX", open, open_makes_inbox),
  FAULT ("account.apart", "all accounts are one", open, open_one_for_all),
  FAULT ("account.list", "in the wrong order", list_accounts, accounts_backwards),
  FAULT ("account.list-1000", "ends after the first call", list_accounts, accounts_once),
  FAULT ("account.remove", "removes nothing", remove_account, remove_account_nothing),
  FAULT ("account.remove.uidvalidity", "is always 7", status, same_uidvalidity),
  FAULT ("mailbox.create.empty", "UIDNEXT 0", status, no_uidnext),
  FAULT ("mailbox.create.exists", "create of what is there is OK", create, create_again),
  FAULT ("mailbox.create.parents", "does not make parents", create, create_wants_parents),
  FAULT ("mailbox.create.noselect", "a NOSELECT name exists", create, create_of_noselect),
  FAULT ("mailbox.create.again", "uidvalidity is always 7", status, same_uidvalidity),
  FAULT ("mailbox.id.unique", "the id is made of the name", status, id_of_name),
  FAULT ("mailbox.attributes.children", "is never set", status, no_children),
  FAULT ("mailbox.remove.messages", "removes nothing", remove, remove_nothing),
  FAULT ("mailbox.remove.missing", "is OK", remove, remove_missing),
  FAULT ("mailbox.remove.inbox", "is OK", remove, remove_inbox),
  FAULT ("mailbox.remove.noselect", "is not told", status, no_noselect),
  FAULT ("mailbox.rename.identity", "a new uidvalidity", rename, rename_marks),
  FAULT ("mailbox.rename.identity", "a new uidvalidity", status, new_uidvalidity_after_rename),
  FAULT ("mailbox.rename.children", "loses them", rename, rename_without_children),
  FAULT ("mailbox.rename.parents", "must be there", rename, rename_wants_parents),
  FAULT ("mailbox.rename.refused", "onto what is there is OK", rename, rename_onto),
  FAULT ("mailbox.rename.inbox", "does nothing", rename, rename_inbox_nothing),
  FAULT ("mailbox.rename.subscription", "is lost", rename, rename_unsubscribes),
  FAULT ("mailbox.subscribe", "does nothing", subscribe, subscribe_nothing),
  FAULT ("mailbox.status.counts", "all messages are unseen", status, all_unseen),
  FAULT ("mailbox.status.result", "there is one place for all results", status,
         status_in_one_place),
  FAULT ("modseq.grows", "highest_modseq is always 1", status, no_modseq),
  FAULT ("name.inbox", "only in capitals", status, status_with_case),
  FAULT ("name.inbox-only-alone", "what begins with inbox has no case", status, status_like_inbox),
  FAULT ("name.case", "names are made lower case", create, create_lower),
  FAULT ("name.utf8", "names are made ASCII", create, create_ascii),
  FAULT ("name.invalid", "bad names are OK", create, create_invalid),
  FAULT ("name.dots", "\"..\" is something else", create, create_dots),
  FAULT ("name.length", "100 octets at most", create, create_short),
  FAULT ("name.depth", "ten levels at most", create, create_flat),
  FAULT ("list.order", "the first two rows are in the wrong order", next_mailbox, next_swapped),
  FAULT ("list.percent", "is taken for *", list, list_percent),
  FAULT ("list.star", "is taken for %", list, list_star),
  FAULT ("list.inbox", "has case", list, list_with_case),
  FAULT ("list.exact", "what begins with it fits", list, list_prefix),
  FAULT ("list.hostile", "takes long", list, list_slow),
  FAULT ("list.row", "without counts", next_mailbox, next_without_count),
  FAULT ("list.many", "the hundredth is missing", next_mailbox, next_skips),
  FAULT ("list.close-early", "crashes", next_mailbox, next_to_end),
  FAULT ("list.close-early", "crashes", close_cursor, close_at_end_only),
  FAULT ("special-use.create", "is not kept", create, create_plain),
  FAULT ("special-use.set", "does nothing", set_attributes, set_attributes_nothing),
  FAULT ("special-use.rename", "is lost", rename, rename_marks),
  FAULT ("special-use.rename", "is lost", status, no_uses_after_rename),
  { NULL, NULL, SIZE_MAX, NULL, 0, 0 },
};
