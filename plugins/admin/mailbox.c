/* SPDX-License-Identifier: Apache-2.0 */
/* mailbox.c - mailbox list, create, remove, rename, status; quota show and set. */
#include "admin.h"

#include <stdio.h>
#include <string.h>

static struct ptn_mailbox_name
named (const struct job *job, const char *path) {
  return (struct ptn_mailbox_name){ job->owner, path };
}

static ptn_status
done (struct job *job, ptn_status status, const char *path) {
  if (status == PTN_PENDING)
    return status;
  if (status != PTN_OK) {
    g_autofree char *what = g_strdup_printf ("mailbox %s", path);
    status = job_store_failed (job, status, what);
  }
  job_call_end (job);
  return status;
}

/* --- list ---------------------------------------------------------------------------------- */

enum { LIST_OPEN, LIST_NEXT, LIST_ROW };

struct listing {
  struct ptn_call rows; /* of the cursor */
  struct ptn_cursor *cursor;
};

static void
listing_free (struct job *job) {
  struct listing *listing = job->data;
  job->plugin->host->call_end (&listing->rows);
  if (listing->cursor)
    job_store (job)->close_cursor (listing->cursor);
  g_free (listing);
}

static void
keep_list_row (struct job *job, const struct ptn_mailbox *mailbox) {
  const char *columns[] = { mailbox->name.path, job_number (job, mailbox->messages),
                            job_number (job, mailbox->unseen), job_number (job, mailbox->octets),
                            mailbox->attributes & PTN_MAILBOX_NOSELECT     ? "folder"
                            : mailbox->attributes & PTN_MAILBOX_SUBSCRIBED ? "subscribed"
                                                                           : "-" };
  job_row_keep (job, columns, G_N_ELEMENTS (columns));
}

static ptn_status
need_public (struct job *job) {
  if (!job->owner || PTN_CAN (job_store (job), list_others))
    return PTN_OK;
  return job_fail (job, PTN_E_UNSUPPORTED, "this store has no public mailboxes");
}

static ptn_status
open_list (struct job *job, struct ptn_cursor **cursor) {
  const struct ptn_store *store = job_store (job);
  const char *pattern = job->count > 1 ? job->words[1] : "*";
  if (!job->owner)
    return store->list (job->opened, &job->call, pattern, cursor);
  return store->list_others (job->opened, &job->call, job->owner, pattern, cursor);
}

static ptn_status
list (struct job *job) {
  const struct ptn_store *store = job_store (job);
  struct listing *listing = job->data;
  const struct ptn_mailbox *mailbox;
  ptn_status status;
  if (!listing) {
    listing = job->data = g_new0 (struct listing, 1);
    listing->rows.task = job->task;
    job->free_data = listing_free;
  }
  for (;;) {
    switch (job->phase) {
    case LIST_OPEN:
      status = open_list (job, &listing->cursor);
      if (status != PTN_OK)
        return status == PTN_PENDING ? status : job_store_failed (job, status, job->account);
      job->phase = LIST_NEXT;
      break;
    case LIST_NEXT:
      status = store->next_mailbox (listing->cursor, &listing->rows, &mailbox);
      if (status == PTN_PENDING || status == PTN_END)
        return status;
      if (status != PTN_OK)
        return job_store_failed (job, status, job->account);
      keep_list_row (job, mailbox);
      job->plugin->host->call_end (&listing->rows);
      listing->rows.task = job->task;
      job->phase = LIST_ROW;
      break;
    default:
      status = job_row_send (job);
      if (status != PTN_OK)
        return status;
      job->phase = LIST_NEXT;
    }
  }
}

/* --- one mailbox ---------------------------------------------------------------------------- */

static ptn_status
create (struct job *job) {
  return done (job,
               job_store (job)->create (job->opened, &job->call, named (job, job->words[1]), 0),
               job->words[1]);
}

static ptn_status
remove_mailbox (struct job *job) {
  return done (job, job_store (job)->remove (job->opened, &job->call, named (job, job->words[1])),
               job->words[1]);
}

static ptn_status
rename_mailbox (struct job *job) {
  return done (job,
               job_store (job)->rename (job->opened, &job->call, named (job, job->words[1]),
                                        named (job, job->words[2])),
               job->words[1]);
}

static const char *
id_text (const struct ptn_id *id, char out[33]) {
  for (size_t i = 0; i < sizeof id->octets; i++)
    snprintf (out + 2 * i, 3, "%02x", id->octets[i]);
  return out;
}

static ptn_status
status_row (struct job *job) {
  const struct ptn_mailbox *mailbox;
  char id[33];
  if (job->phase)
    return job_row_send (job);
  ptn_status status =
      job_store (job)->status (job->opened, &job->call, named (job, job->words[1]), &mailbox);
  if (status != PTN_OK)
    return done (job, status, job->words[1]);
  const char *columns[] = { mailbox->name.path,
                            job_number (job, mailbox->messages),
                            job_number (job, mailbox->unseen),
                            job_number (job, mailbox->deleted),
                            job_number (job, mailbox->octets),
                            job_number (job, mailbox->uidvalidity),
                            job_number (job, mailbox->uidnext),
                            job_number (job, mailbox->highest_modseq),
                            id_text (&mailbox->id, id) };
  job_row_keep (job, columns, G_N_ELEMENTS (columns));
  job_call_end (job);
  job->phase = 1;
  return job_row_send (job);
}

/* --- quota ----------------------------------------------------------------------------------- */

static ptn_status
quota_row (struct job *job) {
  const struct ptn_quota *quota;
  if (job->phase)
    return job_row_send (job);
  ptn_status status = job_store (job)->quota (job->opened, &job->call, &quota);
  if (status == PTN_PENDING)
    return status;
  if (status != PTN_OK)
    return job_store_failed (job, status, job->account);
  const char *columns[] = { job->account, job_number (job, quota->storage_used),
                            job_number (job, quota->storage_limit),
                            job_number (job, quota->messages_used),
                            job_number (job, quota->messages_limit) };
  job_row_keep (job, columns, G_N_ELEMENTS (columns));
  job_call_end (job);
  job->phase = 1;
  return job_row_send (job);
}

static void
free_quota (struct job *job) {
  g_free (job->data);
}

/* "1000", "10M", "1GiB", "none". */
static bool
read_amount (const char *text, bool octets, uint64_t *amount) {
  static const struct {
    const char *unit;
    uint64_t factor;
  } units[] = { { "", 1 },
                { "k", 1000 },
                { "kB", 1000 },
                { "KiB", 1024 },
                { "M", 1000000 },
                { "MB", 1000000 },
                { "MiB", UINT64_C (1) << 20 },
                { "G", 1000000000 },
                { "GB", 1000000000 },
                { "GiB", UINT64_C (1) << 30 } };
  char *end;
  if (!strcmp (text, "none") || !strcmp (text, "unlimited")) {
    *amount = UINT64_MAX;
    return true;
  }
  if (!g_ascii_isdigit (*text))
    return false;
  uint64_t number = g_ascii_strtoull (text, &end, 10);
  for (size_t i = 0; i < (octets ? G_N_ELEMENTS (units) : 1); i++)
    if (!strcmp (end, units[i].unit) && number <= INT64_MAX / units[i].factor) {
      *amount = number * units[i].factor;
      return true;
    }
  return false;
}

static ptn_status
read_quota (struct job *job) {
  struct ptn_quota *quota = job->data = g_new0 (struct ptn_quota, 1);
  job->free_data = free_quota;
  quota->size = sizeof *quota;
  quota->messages_limit = UINT64_MAX;
  if (read_amount (job->words[1], true, &quota->storage_limit)
      && (job->count < 3 || read_amount (job->words[2], false, &quota->messages_limit)))
    return PTN_OK;
  return job_fail (job, PTN_E_INVALID,
                   "octets are written as 500M or 2GiB, messages as a number, no limit as none");
}

/* Without a word about messages their limit stays. */
static ptn_status
keep_messages_limit (struct job *job) {
  struct ptn_quota *quota = job->data;
  const struct ptn_quota *old;
  if (job->count > 2)
    return PTN_OK;
  ptn_status status = job_store (job)->quota (job->opened, &job->call, &old);
  if (status == PTN_PENDING)
    return status;
  if (status != PTN_OK)
    return job_store_failed (job, status, job->account);
  quota->messages_limit = old->messages_limit;
  job_call_end (job);
  return PTN_OK;
}

static ptn_status
set_quota (struct job *job) {
  ptn_status status = job_store (job)->set_quota (job->opened, &job->call, job->data);
  if (status == PTN_PENDING)
    return status;
  job_call_end (job);
  return status == PTN_OK ? PTN_OK : job_store_failed (job, status, job->account);
}

/* --- the table --------------------------------------------------------------------------------- */

static job_step *const list_steps[] = { job_find_owner, need_public, job_open_account, list, NULL };
static job_step *const create_steps[] = { job_find_existing_owner, job_open_account, create, NULL };
static job_step *const remove_steps[] = { job_find_owner, job_open_account, remove_mailbox, NULL };
static job_step *const rename_steps[] = { job_find_owner, job_open_account, rename_mailbox, NULL };
static job_step *const status_steps[] = { job_find_owner, job_open_account, status_row, NULL };
static job_step *const show_steps[] = { job_find_account, job_open_account, quota_row, NULL };
static job_step *const set_steps[] = { read_quota,       job_find_existing_account,
                                       job_open_account, keep_messages_limit,
                                       set_quota,        NULL };

const struct command mailbox_commands[] = {
  { "mailbox list", "ACCOUNT [PATTERN]", "Lists the mailboxes of an account.",
    "mailbox messages unseen octets state", 1, 2, NULL, list_steps },
  { "mailbox create", "ACCOUNT MAILBOX", "Makes a mailbox; levels are divided by '/'.", NULL, 2, 2,
    NULL, create_steps },
  { "mailbox remove", "ACCOUNT MAILBOX", "Removes a mailbox and the mails in it.", NULL, 2, 2, NULL,
    remove_steps },
  { "mailbox rename", "ACCOUNT MAILBOX NEW", "Renames a mailbox and those below it.", NULL, 3, 3,
    NULL, rename_steps },
  { "mailbox status", "ACCOUNT MAILBOX", "Shows what a mailbox holds, and its counters.",
    "mailbox messages unseen deleted octets uidvalidity uidnext modseq id", 2, 2, NULL,
    status_steps },
  { "quota show", "ACCOUNT", "Shows what an account holds and may hold.",
    "account octets octets-limit messages messages-limit", 1, 1, NULL, show_steps },
  { "quota set", "ACCOUNT OCTETS|none [MESSAGES|none]",
    "Limits what an account may hold; a limit in the directory goes first.", NULL, 2, 3, NULL,
    set_steps },
};
const size_t mailbox_command_count = G_N_ELEMENTS (mailbox_commands);
