/* SPDX-License-Identifier: Apache-2.0 */
/* select.c - SELECT and EXAMINE (RFC 9051 section 6.3.2 and 6.3.3, RFC 7162, RFC 8474). */
#include "annotation/annotation.h"
#include "capability.h"
#include "commands.h"
#include "common/rights.h"
#include "mailbox/names.h"
#include "selected/params.h"
#include "selected/selected.h"

#define TRIES_MAX 200

struct selecting {
  const char *name;
  struct select_params params;
  uint32_t uidnext;
  uint32_t attributes;
  uint32_t place; /* of the resynchronisation */
  bool vanished;
  unsigned tries; /* to make INBOX */
};

static void
selecting_free (struct session *s, void *work) {
  struct selecting *selecting = work;
  select_params_clear (&selecting->params);
  g_free (selecting);
}

/* The new one cannot be opened: nothing is selected. */
static ptn_status
refuse (struct session *s, ptn_status status, const char *text) {
  selected_free (s);
  s->state = STATE_AUTHENTICATED;
  answer_failure (s, status, text);
  return PTN_OK;
}

static void
tell_unseen (struct session *s) {
  const struct ptn_view *told = s->selected->told;
  if (s->enabled & (ENABLED_REV2 | ENABLED_UIDONLY))
    return;
  for (uint32_t i = 0; i < told->count; i++)
    if (!(told->flags[i] & PTN_SEEN)) {
      put_format (&s->out, "* OK [UNSEEN %u] first unseen\r\n", i + 1);
      return;
    }
}

static void
tell_recent (struct session *s) {
  const struct ptn_view *told = s->selected->told;
  uint32_t first = told->count;
  if (s->enabled & ENABLED_REV2)
    return;
  if (s->selected->recent_from != UINT32_MAX)
    view_find (told, s->selected->recent_from, &first);
  put_format (&s->out, "* %u RECENT\r\n", told->count - first);
}

/* RFC 9051 section 6.3.2: the name as the server knows it. */
static void
tell_list (struct session *s, const struct selecting *selecting) {
  struct ptn_mailbox_name mailbox;
  if (!(s->enabled & ENABLED_REV2) || !mailbox_of (s, selecting->name, &mailbox))
    return;
  g_autofree char *shown = mailbox_shown (s, mailbox);
  PUT (&s->out, "* LIST (");
  put_text (&s->out,
            selecting->attributes & PTN_MAILBOX_HAS_CHILDREN ? "\\HasChildren" : "\\HasNoChildren");
  if (selecting->attributes & PTN_MAILBOX_SUBSCRIBED)
    PUT (&s->out, " \\Subscribed");
  PUT (&s->out, ") \"/\" ");
  put_mailbox (&s->out, shown, session_utf8 (s));
  PUT (&s->out, "\r\n");
}

static void
tell_mailbox (struct session *s, const struct selecting *selecting) {
  const struct selected *selected = s->selected;
  const struct ptn_view *told = selected->told;
  struct writer *w = &s->out;
  uint32_t next = told->count ? told->uid[told->count - 1] + 1 : 1;
  tell_flag_names (s, told);
  put_format (w, "* %u EXISTS\r\n", told->count);
  tell_recent (s);
  tell_unseen (s);
  put_format (w, "* OK [UIDVALIDITY %u] UIDs are valid\r\n", selected->uidvalidity);
  put_format (w, "* OK [UIDNEXT %u] the next UID\r\n", MAX (next, selecting->uidnext));
  if (offers (s, CAP_CONDSTORE))
    put_format (w, "* OK [HIGHESTMODSEQ %" G_GUINT64_FORMAT "] the latest change\r\n",
                MAX (told->modseq, 1));
  else
    PUT (w, "* OK [NOMODSEQ] changes are not numbered for ever\r\n");
  if (offers (s, CAP_ANNOTATE)) { /* RFC 5257 section 3.3 */
    if (selected->read_only || !(selected->rights & RIGHT_W))
      PUT (w, "* OK [ANNOTATIONS READ-ONLY] they can be read\r\n");
    else
      put_format (w, "* OK [ANNOTATIONS %d] they can be changed\r\n", ANNOTATION_VALUE_MAX);
  }
  PUT (w, "* OK [MAILBOXID (");
  put_id (w, 'F', &selected->mailbox);
  PUT (w, ")] the mailbox itself\r\n");
  tell_list (s, selecting);
}

static ptn_status
end_select (struct session *s) {
  struct selecting *selecting = s->work;
  if (selecting->params.qresync) {
    ptn_status status = resync (s, &selecting->params, &selecting->place, &selecting->vanished);
    if (status != PTN_OK)
      return status;
  }
  s->state = STATE_SELECTED;
  answer_ok (s, s->selected->read_only ? "READ-ONLY" : "READ-WRITE",
             s->command->run == command_examine ? "EXAMINE completed" : "SELECT completed");
  return PTN_OK;
}

static ptn_status
take_view (struct session *s) {
  struct selected *selected = s->selected;
  ptn_status status =
      s->imap4->store->view (s->user->account, &s->call, &selected->mailbox, &selected->told);
  if (status == PTN_PENDING)
    return status;
  if (status != PTN_OK)
    return refuse (s, status, "the mailbox cannot be opened");
  s->imap4->host->call_end (&s->call);
  tell_mailbox (s, s->work);
  s->resume = end_select;
  return PTN_OK;
}

/* \Recent is of this session now (RFC 3501 section 2.3.2); EXAMINE leaves it to the next one. */
static ptn_status
claim_recent (struct session *s) {
  struct selected *selected = s->selected;
  const struct ptn_store *store = s->imap4->store;
  if (!selected->read_only && !(s->enabled & ENABLED_REV2) && PTN_CAN (store, claim_recent)) {
    ptn_status status = store->claim_recent (s->user->account, &s->call, &selected->mailbox,
                                             &selected->recent_from);
    if (status == PTN_PENDING)
      return status;
    if (status != PTN_OK)
      selected->recent_from = UINT32_MAX;
    s->imap4->host->call_end (&s->call);
  }
  s->resume = take_view;
  return PTN_OK;
}

static ptn_status find_mailbox (struct session *);

/* INBOX is always there (RFC 9051 section 5.1), but a store has it from the first mail on. */
static ptn_status
make_inbox (struct session *s) {
  struct selecting *selecting = s->work;
  struct ptn_mailbox_name inbox = { NULL, "INBOX" };
  ptn_status status = s->imap4->store->create (s->user->account, &s->call, inbox, 0);
  if (status == PTN_PENDING)
    return status;
  if (status != PTN_OK && status != PTN_E_EXISTS)
    return refuse (s, status, "INBOX cannot be made now");
  s->imap4->host->call_end (&s->call);
  s->resume = find_mailbox;
  if (!selecting->tries++)
    return PTN_OK;
  /* Others make it at this moment. */
  s->imap4->host->wake_at (s->imap4->host->waker (s->task),
                           s->imap4->host->monotonic_ns () + 5 * 1000000);
  return PTN_PENDING;
}

static ptn_status
find_mailbox (struct session *s) {
  struct selecting *selecting = s->work;
  const struct ptn_mailbox *row;
  ptn_status status = mailbox_status (s, selecting->name, &row);
  if (status == PTN_PENDING)
    return status;
  if (status == PTN_E_NOT_FOUND && selecting->tries < TRIES_MAX
      && strcmp (selecting->name, "INBOX") == 0) {
    s->imap4->host->call_end (&s->call);
    s->resume = make_inbox;
    return PTN_OK;
  }
  if (status == PTN_OK && row->attributes & PTN_MAILBOX_NOSELECT)
    status = PTN_E_NOT_FOUND;
  if (status != PTN_OK)
    return refuse (s, status, "there is no such mailbox");
  struct ptn_mailbox_name mailbox;
  mailbox_of (s, selecting->name, &mailbox);
  struct selected *selected = g_new0 (struct selected, 1);
  s->selected = selected;
  selected->mailbox = row->id;
  selected->uidvalidity = row->uidvalidity;
  selected->uidnext = row->uidnext;
  selected->owner = g_strdup (mailbox_owner (s, mailbox));
  selected->name = g_strdup (selecting->name);
  rights_parse (row->rights, &selected->rights);
  selecting->uidnext = row->uidnext;
  selecting->attributes = row->attributes;
  /* RFC 4314 section 5.2: READ-WRITE with any right to change messages. */
  selected->examined = s->command->run == command_examine;
  selected->read_only = selected->examined || !(selected->rights & RIGHTS_CHANGING);
  selected->annotate = selecting->params.annotate;
  selected->recent_from = UINT32_MAX;
  if (!(selected->rights & RIGHT_R))
    return refuse (s, PTN_E_DENIED, "the mailbox may not be read");
  s->imap4->host->call_end (&s->call);
  if (selecting->params.condstore || selecting->params.qresync)
    s->enabled |= ENABLED_CONDSTORE;
  s->resume = claim_recent;
  return PTN_OK;
}

void
command_select (struct session *s, struct reader *r) {
  struct selecting *selecting = g_new0 (struct selecting, 1);
  s->work = selecting;
  s->work_free = selecting_free;
  if (!reader_space (r) || !(selecting->name = reader_mailbox (r))
      || !read_select_params (s, r, &selecting->params) || !reader_end (r)) {
    answer_syntax (s, r);
    return;
  }
  /* "the currently selected mailbox is deselected", whatever comes of the new one. */
  if (s->selected)
    PUT (&s->out, "* OK [CLOSED] the mailbox before is closed\r\n");
  selected_free (s);
  s->state = STATE_AUTHENTICATED;
  s->resume = find_mailbox;
}

void
command_examine (struct session *s, struct reader *r) {
  command_select (s, r);
}
