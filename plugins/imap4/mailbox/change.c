/* SPDX-License-Identifier: Apache-2.0 */
/* change.c - CREATE, DELETE, RENAME (RFC 9051 section 6.3.4 to 6.3.6). */
#include "capability.h"
#include "commands.h"
#include "mailbox/gone.h"
#include "mailbox/names.h"
#include "mailbox/uses.h"
#include "selected/selected.h"

struct change {
  const char *name, *new_name; /* the reader's, in UTF-8 */
  const char *written;         /* the new name as the client has it, if that is another one */
  struct ptn_mailbox_name mailbox, destination;
  uint32_t uses;
  struct ptn_id id;
  bool subscribed;
  struct gone *gone;
};

static void
change_free (struct session *s, void *work) {
  struct change *change = work;
  gone_free (s, change->gone);
  g_free (change);
}

static struct change *
change_new (struct session *s, const char *name) {
  struct change *change = g_new0 (struct change, 1);
  change->name = name;
  s->work = change;
  s->work_free = change_free;
  return change;
}

/* The name that is made, at `at`: was it written in another way ("inbox/x")?  Only for clients that
 * asked for IMAP4rev2 (RFC 9051 section 6.3.9.7), whose names are UTF-8. */
static const char *
as_written (const struct session *s, struct reader *r, size_t at, const char *name) {
  const size_t behind = r->at;
  size_t size;
  r->at = at;
  const char *written = s->enabled & ENABLED_REV2 ? reader_astring (r, &size) : NULL;
  if (written && size > 1 && written[size - 1] == '/')
    written = reader_keep (r, written, size - 1);
  r->at = behind;
  return written && strcmp (written, name) != 0 ? written : NULL;
}

static void
tell_old_name (struct session *s, const char *name, const char *old_name) {
  PUT (&s->out, "* LIST () \"/\" ");
  put_mailbox (&s->out, name, true);
  PUT (&s->out, " (\"OLDNAME\" (");
  put_mailbox (&s->out, old_name, true);
  PUT (&s->out, "))\r\n");
}

/* --- CREATE --- */

/* MAILBOXID (RFC 8474 section 4.2); who may not read it is not told. */
static ptn_status
tell_created (struct session *s) {
  struct change *change = s->work;
  const struct ptn_mailbox *row;
  ptn_status status = s->imap4->store->status (s->user->account, &s->call, change->mailbox, &row);
  if (status == PTN_PENDING)
    return status;
  if (change->written)
    tell_old_name (s, change->name, change->written);
  if (status == PTN_OK && offers (s, CAP_OBJECTID)) {
    struct writer w = { 0 };
    PUT (&w, "MAILBOXID (");
    put_id (&w, 'F', &row->id);
    put_char (&w, ')');
    put_char (&w, 0);
    answer_ok (s, w.data, "CREATE completed");
    writer_clear (&w);
  } else
    answer_ok (s, NULL, "CREATE completed");
  return PTN_OK;
}

static ptn_status
create (struct session *s) {
  struct change *change = s->work;
  ptn_status status =
      s->imap4->store->create (s->user->account, &s->call, change->mailbox, change->uses);
  if (status == PTN_PENDING)
    return status;
  s->imap4->host->call_end (&s->call);
  if (status == PTN_OK)
    s->resume = tell_created;
  else
    answer_failure (s, status,
                    status == PTN_E_EXISTS ? "there is such a mailbox already"
                                           : "the mailbox cannot be made");
  return PTN_OK;
}

/* [SP "(" create-param *(SP create-param) ")"] (RFC 4466 section 2.2, RFC 6154 section 3) */
static bool
read_create_parameters (struct session *s, struct reader *r, uint32_t *uses, bool *known) {
  *uses = 0;
  *known = true;
  if (!reader_accept (r, ' '))
    return true;
  if (!reader_expect (r, '('))
    return false;
  do {
    const char *word = reader_keyword (r);
    if (!word)
      return false;
    if (strcmp (word, "USE") != 0 || !offers (s, CAP_CREATE_SPECIAL_USE))
      return reader_fail (r, "unknown parameter of CREATE");
    if (!reader_space (r) || !uses_read (r, uses, known))
      return false;
  } while (reader_accept (r, ' '));
  return reader_expect (r, ')');
}

void
command_create (struct session *s, struct reader *r) {
  const char *name = NULL;
  size_t at = r->at + 1;
  uint32_t uses;
  bool known;
  if (!reader_space (r) || !(name = reader_new_mailbox (r))
      || !read_create_parameters (s, r, &uses, &known) || !reader_end (r)) {
    answer_syntax (s, r);
    return;
  }
  struct change *change = change_new (s, name);
  change->uses = uses;
  change->written = as_written (s, r, at, name);
  if (!known)
    answer_no (s, "USEATTR", "no mailbox can be made with such a special use");
  else if (strcmp (name, "INBOX") == 0)
    answer_no (s, "ALREADYEXISTS", "INBOX is there already");
  else if (!mailbox_of (s, name, &change->mailbox))
    answer_no (s, "CANNOT", "the name stands for mailboxes of others, none can be made there");
  else
    s->resume = create;
}

/* --- DELETE --- */

static ptn_status
note_gone (struct session *s) {
  struct change *change = s->work;
  if (!change->gone)
    change->gone = gone_new (change->name, true);
  ptn_status status = gone_run (s, change->gone);
  if (status == PTN_PENDING)
    return status;
  if (status != PTN_OK) { /* the mailbox is gone all the same */
    struct ptn_field fields[] = { { "mailbox", change->name } };
    s->imap4->host->log (s->imap4->host, PTN_LOG_WARNING, s->task, "imap4.subscription-lost",
                         fields, 1);
  }
  answer_ok (s, NULL, "DELETE completed");
  return PTN_OK;
}

static ptn_status
remove_it (struct session *s) {
  struct change *change = s->work;
  ptn_status status = s->imap4->store->remove (s->user->account, &s->call, change->mailbox);
  if (status == PTN_PENDING)
    return status;
  s->imap4->host->call_end (&s->call);
  if (status != PTN_OK) {
    answer_failure (s, status,
                    status == PTN_E_NOT_FOUND ? "no such mailbox"
                                              : "the mailbox cannot be deleted");
    return PTN_OK;
  }
  if (s->selected && memcmp (&s->selected->mailbox, &change->id, sizeof change->id) == 0) {
    selected_free (s);
    s->state = STATE_AUTHENTICATED;
    untagged (s, "OK [CLOSED] the selected mailbox was deleted");
  }
  if (change->subscribed)
    s->resume = note_gone;
  else
    answer_ok (s, NULL, "DELETE completed");
  return PTN_OK;
}

static ptn_status
look_before_remove (struct session *s) {
  struct change *change = s->work;
  const struct ptn_mailbox *row;
  ptn_status status = s->imap4->store->status (s->user->account, &s->call, change->mailbox, &row);
  if (status == PTN_PENDING)
    return status;
  s->resume = remove_it;
  if (status == PTN_OK) {
    change->id = row->id;
    change->subscribed = row->attributes & PTN_MAILBOX_SUBSCRIBED;
    uint32_t level = PTN_MAILBOX_NOSELECT | PTN_MAILBOX_HAS_CHILDREN;
    if ((row->attributes & level) == level)
      answer_no (s, "HASCHILDREN", "it is only the name above other mailboxes");
  } else if (status != PTN_E_DENIED) /* x does not need r */
    answer_failure (s, status, "no such mailbox");
  s->imap4->host->call_end (&s->call);
  return PTN_OK;
}

void
command_delete (struct session *s, struct reader *r) {
  const char *name = NULL;
  if (!reader_space (r) || !(name = reader_mailbox (r)) || !reader_end (r)) {
    answer_syntax (s, r);
    return;
  }
  struct change *change = change_new (s, name);
  if (strcmp (name, "INBOX") == 0)
    answer_no (s, "CANNOT", "INBOX stays");
  else if (!mailbox_of (s, name, &change->mailbox))
    answer_no (s, "NONEXISTENT", "no such mailbox");
  else
    s->resume = look_before_remove;
}

/* --- RENAME --- */

static void
tell_renamed (struct session *s, const struct change *change) {
  if (s->enabled & ENABLED_REV2 && strcmp (change->name, "INBOX") != 0)
    tell_old_name (s, change->new_name, change->name);
  if (change->written)
    tell_old_name (s, change->new_name, change->written);
}

static ptn_status
rename_it (struct session *s) {
  struct change *change = s->work;
  ptn_status status =
      s->imap4->store->rename (s->user->account, &s->call, change->mailbox, change->destination);
  if (status == PTN_PENDING)
    return status;
  if (status == PTN_OK) {
    tell_renamed (s, change);
    answer_ok (s, NULL, "RENAME completed");
  } else
    answer_failure (s, status,
                    status == PTN_E_NOT_FOUND     ? "no such mailbox"
                    : status == PTN_E_EXISTS      ? "there is such a mailbox already"
                    : status == PTN_E_UNSUPPORTED ? "a mailbox cannot be moved to another owner"
                                                  : "the mailbox cannot be renamed");
  return PTN_OK;
}

void
command_rename (struct session *s, struct reader *r) {
  const char *name = NULL, *new_name = NULL;
  size_t at = 0;
  if (!reader_space (r) || !(name = reader_mailbox (r)) || !reader_space (r) || !(at = r->at)
      || !(new_name = reader_new_mailbox (r)) || !reader_end (r)) {
    answer_syntax (s, r);
    return;
  }
  struct change *change = change_new (s, name);
  change->new_name = new_name;
  change->written = as_written (s, r, at, new_name);
  if (!mailbox_of (s, name, &change->mailbox))
    answer_no (s, "NONEXISTENT", "no such mailbox");
  else if (strcmp (new_name, "INBOX") == 0)
    answer_no (s, "ALREADYEXISTS", "INBOX is there already");
  else if (!mailbox_of (s, new_name, &change->destination))
    answer_no (s, "CANNOT", "the name stands for mailboxes of others, none can be made there");
  else
    s->resume = rename_it;
}
