/* SPDX-License-Identifier: Apache-2.0 */
/* status.c - STATUS (RFC 9051 section 6.3.11) with the items of RFC 3501, 7162, 7889, 8474, 9208. */
#include "mailbox/status.h"

#include "capability.h"
#include "commands.h"
#include "common/rights.h"
#include "common/uid_set.h"
#include "mailbox/names.h"
#include "selected/selected.h"

enum {
  STATUS_MESSAGES = 1 << 0,
  STATUS_RECENT = 1 << 1,
  STATUS_UIDNEXT = 1 << 2,
  STATUS_UIDVALIDITY = 1 << 3,
  STATUS_UNSEEN = 1 << 4,
  STATUS_DELETED = 1 << 5,
  STATUS_SIZE = 1 << 6,
  STATUS_HIGHESTMODSEQ = 1 << 7,
  STATUS_MAILBOXID = 1 << 8,
  STATUS_APPENDLIMIT = 1 << 9,
  STATUS_DELETED_STORAGE = 1 << 10
};

static const struct item {
  const char *name;
  enum capability capability;
} items_known[] = { /* in the order of the bits */
                    { "MESSAGES", CAP_NONE },
                    { "RECENT", CAP_NONE },
                    { "UIDNEXT", CAP_NONE },
                    { "UIDVALIDITY", CAP_NONE },
                    { "UNSEEN", CAP_NONE },
                    { "DELETED", CAP_NONE },
                    { "SIZE", CAP_NONE },
                    { "HIGHESTMODSEQ", CAP_CONDSTORE },
                    { "MAILBOXID", CAP_OBJECTID },
                    { "APPENDLIMIT", CAP_APPENDLIMIT },
                    { "DELETED-STORAGE", CAP_QUOTA_STORAGE }
};

static bool
read_item (const struct session *s, struct reader *r, unsigned *items) {
  const char *word = reader_keyword (r);
  if (!word)
    return false;
  for (size_t i = 0; i < G_N_ELEMENTS (items_known); i++)
    if (strcmp (items_known[i].name, word) == 0 && offers (s, items_known[i].capability)) {
      *items |= 1u << i;
      return true;
    }
  return reader_fail (r, "unknown item of STATUS");
}

bool
status_read_items (const struct session *s, struct reader *r, unsigned *items) {
  *items = 0;
  if (!reader_expect (r, '('))
    return false;
  do
    if (!read_item (s, r, items))
      return false;
  while (reader_accept (r, ' '));
  return reader_expect (r, ')');
}

void
status_clear (struct session *s, struct status *status) {
  if (status->cursor)
    s->imap4->store->close_cursor (status->cursor);
  if (status->view)
    s->imap4->store->release_view (status->view);
  if (status->deleted)
    g_array_unref (status->deleted);
  *status = (struct status){ 0 };
}

static void
count_view (struct status *status, const struct mailbox_row *row) {
  const struct ptn_view *view = status->view;
  status->deleted = g_array_new (FALSE, FALSE, sizeof (struct ptn_uid_range));
  for (uint32_t i = 0; i < view->count; i++) {
    if (view->flags[i] & PTN_DELETED)
      set_append (status->deleted, view->uid[i]);
    status->recent += row->recent_uid && view->uid[i] >= row->recent_uid;
  }
}

static ptn_status
look_at_view (struct session *s, struct status *status, const struct mailbox_row *row) {
  ptn_status result = s->imap4->store->view (s->user->account, &s->call, &row->id, &status->view);
  if (result == PTN_PENDING)
    return result;
  s->imap4->host->call_end (&s->call);
  if (result == PTN_OK)
    count_view (status, row);
  return result;
}

static ptn_status
add_sizes (struct session *s, struct status *status) {
  const struct ptn_store *store = s->imap4->store;
  const struct ptn_message *rows[64];
  size_t count;
  ptn_status result;
  while ((result = store->next_messages (status->cursor, &s->call, rows, 64, &count)) == PTN_OK) {
    for (size_t i = 0; i < count; i++)
      status->deleted_octets += rows[i]->octets;
    s->imap4->host->call_end (&s->call);
  }
  if (result != PTN_PENDING)
    s->imap4->host->call_end (&s->call);
  return result == PTN_END ? PTN_OK : result;
}

static ptn_status
measure_deleted (struct session *s, struct status *status, const struct mailbox_row *row) {
  if (!status->deleted->len)
    return PTN_OK;
  if (!status->cursor) {
    struct ptn_fetch fetch = {
      .size = sizeof fetch,
      .items = PTN_FETCH_SIZE,
      .uids = { (const struct ptn_uid_range *)(void *)status->deleted->data, status->deleted->len },
    };
    ptn_status result =
        s->imap4->store->fetch (s->user->account, &s->call, &row->id, &fetch, &status->cursor);
    if (result == PTN_PENDING)
      return result;
    s->imap4->host->call_end (&s->call);
    if (result != PTN_OK)
      return result;
  }
  return add_sizes (s, status);
}

ptn_status
status_find (struct session *s, struct status *status, const struct mailbox_row *row,
             unsigned items) {
  bool recent = items & STATUS_RECENT && row->recent_uid && row->recent_uid < row->uidnext;
  bool deleted = items & STATUS_DELETED_STORAGE && row->deleted;
  ptn_status result = PTN_OK;
  if ((recent || deleted) && !status->view)
    result = look_at_view (s, status, row);
  if (result == PTN_OK && deleted)
    result = measure_deleted (s, status, row);
  return result;
}

static void
put_append_limit (struct session *s) {
  int64_t limit = s->imap4->host->number (s->info->config, "append_limit");
  if (limit == INT64_MAX)
    PUT (&s->out, "NIL");
  else
    put_number (&s->out, (uint64_t)limit);
}

static void
put_item (struct session *s, const struct status *status, const struct mailbox_row *row,
          unsigned item) {
  struct writer *w = &s->out;
  switch (item) {
  case STATUS_MESSAGES:
    put_number (w, row->messages);
    break;
  case STATUS_RECENT:
    put_number (w, status->recent);
    break;
  case STATUS_UIDNEXT:
    put_number (w, row->uidnext);
    break;
  case STATUS_UIDVALIDITY:
    put_number (w, row->uidvalidity);
    break;
  case STATUS_UNSEEN:
    put_number (w, row->unseen);
    break;
  case STATUS_DELETED:
    put_number (w, row->deleted);
    break;
  case STATUS_SIZE:
    put_number (w, row->octets);
    break;
  case STATUS_HIGHESTMODSEQ:
    put_number (w, MAX (row->highest_modseq, 1));
    break;
  case STATUS_MAILBOXID:
    put_char (w, '(');
    put_id (w, 'F', &row->id);
    put_char (w, ')');
    break;
  case STATUS_APPENDLIMIT:
    put_append_limit (s);
    break;
  default:
    put_number (w, status->deleted_octets);
  }
}

void
status_put (struct session *s, const struct status *status, const struct mailbox_row *row,
            unsigned items) {
  PUT (&s->out, "* STATUS ");
  put_mailbox (&s->out, row->name, session_utf8 (s));
  char before = '(';
  put_char (&s->out, ' ');
  for (size_t i = 0; i < G_N_ELEMENTS (items_known); i++) {
    if (!(items & 1u << i))
      continue;
    put_char (&s->out, before);
    put_text (&s->out, items_known[i].name);
    put_char (&s->out, ' ');
    put_item (s, status, row, 1u << i);
    before = ' ';
  }
  PUT (&s->out, ")\r\n");
}

void
status_enables (struct session *s, unsigned items) {
  if (items & STATUS_HIGHESTMODSEQ)
    condstore_enable (s);
}

/* --- the command --- */

struct status_work {
  const char *name;
  unsigned items;
  bool found;
  struct mailbox_row row;
  struct status status;
};

static void
status_work_free (struct session *s, void *memory) {
  struct status_work *work = memory;
  status_clear (s, &work->status);
  mailbox_row_clear (&work->row);
  g_free (work);
}

static ptn_status
find_row (struct session *s, struct status_work *work) {
  const struct ptn_mailbox *row;
  ptn_status status = mailbox_status (s, work->name, &row);
  if (status == PTN_PENDING)
    return status;
  if (status == PTN_OK) {
    mailbox_row_fill (s, &work->row, row);
    work->found = true;
  }
  s->imap4->host->call_end (&s->call);
  return status;
}

static ptn_status
tell_status (struct session *s) {
  struct status_work *work = s->work;
  ptn_status status = work->found ? PTN_OK : find_row (s, work);
  if (status == PTN_OK && work->row.kind & ROW_NOSELECT) {
    answer_no (s, "CANNOT", "it is only the name above other mailboxes");
    return PTN_OK;
  }
  if (status == PTN_OK)
    status = status_find (s, &work->status, &work->row, work->items);
  if (status == PTN_PENDING)
    return status;
  if (status != PTN_OK) {
    answer_failure (s, status, "no such mailbox");
    return PTN_OK;
  }
  status_enables (s, work->items);
  status_put (s, &work->status, &work->row, work->items);
  answer_ok (s, NULL, "STATUS completed");
  return PTN_OK;
}

void
command_status (struct session *s, struct reader *r) {
  const char *name = NULL;
  unsigned items = 0;
  if (!reader_space (r) || !(name = reader_mailbox (r)) || !reader_space (r)
      || !status_read_items (s, r, &items) || !reader_end (r)) {
    answer_syntax (s, r);
    return;
  }
  struct status_work *work = g_new0 (struct status_work, 1);
  work->name = name;
  work->items = items;
  s->work = work;
  s->work_free = status_work_free;
  s->resume = tell_status;
}
