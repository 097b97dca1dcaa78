/* SPDX-License-Identifier: Apache-2.0 */
/* select.c - SELECT, EXAMINE, CLOSE, UNSELECT, CHECK (RFC 9051 section 6.3.2 and 6.4). */
#include "commands.h"
#include "common/rights.h"
#include "mailbox/names.h"
#include "selected/selected.h"

static void
tell_mailbox (struct session *s) {
  const struct selected *selected = s->selected;
  put_format (&s->out, "* %u EXISTS\r\n", selected->told->count);
  put_format (&s->out, "* OK [UIDVALIDITY %u] UIDs valid\r\n", selected->uidvalidity);
}

static ptn_status
take_view (struct session *s) {
  struct selected *selected = s->selected;
  ptn_status status =
      s->imap4->store->view (s->user->account, &s->call, &selected->mailbox, &selected->told);
  if (status == PTN_PENDING)
    return status;
  if (status != PTN_OK) {
    selected_free (s);
    answer_failure (s, status, "the mailbox cannot be opened");
    return PTN_OK;
  }
  tell_mailbox (s);
  s->state = STATE_SELECTED;
  answer_ok (s, selected->read_only ? "READ-ONLY" : "READ-WRITE", "selected");
  return PTN_OK;
}

static ptn_status
find_mailbox (struct session *s) {
  const char *name = s->work;
  const struct ptn_mailbox *row;
  ptn_status status = mailbox_status (s, name, &row);
  if (status == PTN_PENDING)
    return status;
  if (status != PTN_OK) {
    answer_failure (s, status, "no such mailbox");
    return PTN_OK;
  }
  struct ptn_mailbox_name mailbox;
  mailbox_of (s, name, &mailbox);
  struct selected *selected = g_new0 (struct selected, 1);
  s->selected = selected;
  selected->mailbox = row->id;
  selected->uidvalidity = row->uidvalidity;
  selected->owner = g_strdup (mailbox_owner (s, mailbox));
  selected->name = g_strdup (name);
  selected->read_only = s->command->run == command_examine;
  selected->recent_from = UINT32_MAX;
  rights_parse (row->rights, &selected->rights);
  s->imap4->host->call_end (&s->call);
  s->resume = take_view;
  return PTN_OK;
}

void
command_select (struct session *s, struct reader *r) {
  const char *name = NULL;
  if (!reader_space (r) || !(name = reader_mailbox (r)) || !reader_end (r)) {
    answer_syntax (s, r);
    return;
  }
  /* "the currently selected mailbox is deselected", whatever comes of the new one. */
  selected_free (s);
  s->state = STATE_AUTHENTICATED;
  s->work = (void *)name;
  s->resume = find_mailbox;
}

void
command_examine (struct session *s, struct reader *r) {
  command_select (s, r);
}

void
command_close (struct session *s, struct reader *r) {
  command_unselect (s, r);
}

void
command_unselect (struct session *s, struct reader *r) {
  if (!reader_end (r)) {
    answer_syntax (s, r);
    return;
  }
  selected_free (s);
  s->state = STATE_AUTHENTICATED;
  answer_ok (s, NULL, "mailbox closed");
}

void
command_check (struct session *s, struct reader *r) {
  if (!reader_end (r))
    answer_syntax (s, r);
  else
    answer_ok (s, NULL, "CHECK completed");
}
