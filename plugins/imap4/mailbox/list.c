/* SPDX-License-Identifier: Apache-2.0 */
/* list.c - LIST (RFC 9051 section 6.3.9). */
#include "commands.h"
#include "mailbox/names.h"

struct listing {
  const char *pattern;
  struct ptn_cursor *cursor;
};

static void
listing_free (struct session *s, void *work) {
  struct listing *listing = work;
  if (listing->cursor)
    s->imap4->store->close_cursor (listing->cursor);
  g_free (listing);
}

static void
put_row (struct session *s, const struct ptn_mailbox *row) {
  g_autofree char *name = mailbox_shown (s, row->name);
  PUT (&s->out, "* LIST (");
  put_text (&s->out,
            row->attributes & PTN_MAILBOX_HAS_CHILDREN ? "\\HasChildren" : "\\HasNoChildren");
  if (row->attributes & PTN_MAILBOX_NOSELECT)
    PUT (&s->out, " \\Noselect");
  PUT (&s->out, ") \"/\" ");
  put_mailbox (&s->out, name, session_utf8 (s));
  PUT (&s->out, "\r\n");
}

static ptn_status
list_rows (struct session *s) {
  struct listing *listing = s->work;
  const struct ptn_store *store = s->imap4->store;
  ptn_status status;
  if (!listing->cursor) {
    status = store->list (s->user->account, &s->call, listing->pattern, &listing->cursor);
    if (status == PTN_PENDING)
      return status;
    s->imap4->host->call_end (&s->call);
    if (status != PTN_OK) {
      answer_failure (s, status, "the mailboxes cannot be listed now");
      return PTN_OK;
    }
  }
  const struct ptn_mailbox *row;
  while ((status = store->next_mailbox (listing->cursor, &s->call, &row)) == PTN_OK) {
    put_row (s, row);
    s->imap4->host->call_end (&s->call);
    status = session_room (s);
    if (status != PTN_OK)
      return status;
  }
  if (status == PTN_PENDING)
    return status;
  if (status == PTN_END)
    answer_ok (s, NULL, "LIST completed");
  else
    answer_failure (s, status, "the mailboxes cannot be listed now");
  return PTN_OK;
}

void
command_list (struct session *s, struct reader *r) {
  const char *reference = NULL, *pattern = NULL;
  bool read = reader_space (r) && (reference = reader_list_mailbox (r)) && reader_space (r)
              && (pattern = reader_list_mailbox (r)) && reader_end (r);
  if (!read) {
    answer_syntax (s, r);
    return;
  }
  if (!*pattern) { /* "the hierarchy delimiter and the root name" */
    untagged (s, "LIST (\\Noselect) \"/\" \"\"");
    answer_ok (s, NULL, "LIST completed");
    return;
  }
  struct listing *listing = g_new0 (struct listing, 1);
  g_autofree char *whole = g_strconcat (reference, pattern, NULL);
  listing->pattern = reader_keep (r, whole, strlen (whole));
  s->work = listing;
  s->work_free = listing_free;
  s->resume = list_rows;
}
