/* SPDX-License-Identifier: Apache-2.0 */
/* target.c - where the messages of APPEND go: mailbox, rights, what fits. */
#include "append/append.h"
#include "common/rights.h"
#include "mailbox/gather.h"
#include "mailbox/names.h"
#include "selected/selected.h"

/* What the directory allows the account ("quota.octets=N"); UINT64_MAX: it says nothing. */
static uint64_t
attribute_number (const struct session *s, const char *name) {
  size_t size = strlen (name);
  for (char **item = s->user->attributes; item && *item; item++)
    if (strncmp (*item, name, size) == 0 && (*item)[size] == '=')
      return g_ascii_strtoull (*item + size + 1, NULL, 10);
  return UINT64_MAX;
}

static uint64_t
room (uint64_t limit, uint64_t other, uint64_t used) {
  limit = MIN (limit, other);
  return limit == UINT64_MAX ? limit : limit - MIN (used, limit);
}

/* RFC 8508: REPLACE needs room for the difference alone. */
static ptn_status
add_victim (struct session *s) {
  struct append *a = append_of (s);
  const struct ptn_store *store = s->imap4->store;
  const struct ptn_message *row;
  size_t count = 0;
  ptn_status status = PTN_OK;
  if (!a->victims) {
    a->range = (struct ptn_uid_range){ a->victim, a->victim };
    a->fetch = (struct ptn_fetch){ .size = sizeof a->fetch,
                                   .items = PTN_FETCH_SIZE,
                                   .uids = { &a->range, 1 } };
    status =
        store->fetch (s->user->account, &s->call, &s->selected->mailbox, &a->fetch, &a->victims);
    if (status == PTN_PENDING)
      return status;
    s->imap4->host->call_end (&s->call);
  }
  if (status == PTN_OK)
    status = store->next_messages (a->victims, &s->call, &row, 1, &count);
  if (status == PTN_PENDING)
    return status;
  if (status == PTN_OK && count) {
    a->free += MIN (row->octets, UINT64_MAX - a->free);
    a->slots += a->slots != UINT64_MAX;
  }
  s->imap4->host->call_end (&s->call);
  s->resume = append_options;
  return PTN_OK;
}

/* RFC 9208: known before the client sends anything.  What cannot be asked for (mailboxes of others)
 * is left to the store. */
static ptn_status
look_at_quota (struct session *s) {
  struct append *a = append_of (s);
  const struct ptn_quota *quota;
  const struct ptn_store *store = s->imap4->store;
  if (!PTN_CAN (store, quota) || !(store->capabilities & PTN_STORE_QUOTA) || !a->own) {
    s->resume = append_options;
    return PTN_OK;
  }
  ptn_status status = store->quota (s->user->account, &s->call, &quota);
  if (status == PTN_PENDING)
    return status;
  if (status == PTN_OK) {
    a->free =
        room (quota->storage_limit, attribute_number (s, "quota.octets"), quota->storage_used);
    a->slots =
        room (quota->messages_limit, attribute_number (s, "quota.messages"), quota->messages_used);
  }
  s->imap4->host->call_end (&s->call);
  bool credit = a->replace && strcmp (s->selected->owner, s->user->name) == 0;
  s->resume = credit ? add_victim : append_options;
  return PTN_OK;
}

/* INBOX is always there (RFC 9051 section 5.1), though the store makes it when it is first used. */
static ptn_status
make_inbox (struct session *s) {
  struct ptn_mailbox_name inbox = { NULL, "INBOX" };
  ptn_status status = s->imap4->store->create (s->user->account, &s->call, inbox, 0);
  if (status == PTN_PENDING)
    return status;
  s->imap4->host->call_end (&s->call);
  if (status != PTN_OK && status != PTN_E_EXISTS)
    return append_fail (s, status, "the mailbox cannot be used");
  s->resume = append_target;
  return PTN_OK;
}

static ptn_status
take_target (struct session *s) {
  struct append *a = append_of (s);
  mailbox_of (s, a->mailbox, &a->target);
  a->own = !a->target.owner;
  if (!(a->rights & RIGHT_I))
    return append_refuse (s, "NOPERM", "messages may not be added to this mailbox");
  s->resume = look_at_quota;
  return PTN_OK;
}

/* Who may not read it may add to it all the same (RFC 4314 section 4): the list tells what it is. */
static ptn_status
find_in_list (struct session *s) {
  struct append *a = append_of (s);
  if (!a->listing)
    a->listing = gather_new (GATHER_OTHERS | GATHER_PUBLIC, "");
  ptn_status status = gather_run (s, a->listing);
  if (status == PTN_PENDING)
    return status;
  if (status != PTN_OK)
    return append_fail (s, status, "the mailbox cannot be used");
  const GArray *rows = gather_rows (a->listing);
  for (guint i = 0; i < rows->len; i++) {
    const struct mailbox_row *row = &g_array_index (rows, struct mailbox_row, i);
    if (strcmp (row->name, a->mailbox) != 0 || row->kind & (ROW_MISSING | ROW_NOSELECT))
      continue;
    a->id = row->id;
    a->rights = row->rights;
  }
  return take_target (s);
}

ptn_status
append_target (struct session *s) {
  struct append *a = append_of (s);
  const struct ptn_mailbox *row;
  ptn_status status = mailbox_status (s, a->mailbox, &row);
  if (status == PTN_PENDING)
    return status;
  if (status == PTN_OK && row->attributes & PTN_MAILBOX_NOSELECT)
    status = PTN_E_NOT_FOUND;
  if (status == PTN_E_NOT_FOUND && strcmp (a->mailbox, "INBOX") == 0) {
    s->imap4->host->call_end (&s->call);
    s->resume = make_inbox;
    return PTN_OK;
  }
  if (status == PTN_E_DENIED) {
    s->imap4->host->call_end (&s->call);
    s->resume = find_in_list;
    return PTN_OK;
  }
  if (status == PTN_E_NOT_FOUND) /* RFC 9051 section 6.3.12 */
    return append_refuse (s, "TRYCREATE", "there is no such mailbox");
  if (status != PTN_OK)
    return append_fail (s, status, "the mailbox cannot be used");
  a->id = row->id;
  if (!rights_parse (row->rights, &a->rights))
    a->rights = 0;
  s->imap4->host->call_end (&s->call);
  return take_target (s);
}
