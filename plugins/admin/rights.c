/* SPDX-License-Identifier: Apache-2.0 */
/* rights.c - mailbox rights, allow and use: who may do what in a mailbox, and what it is for. */
#include "admin.h"

#include <string.h>

#define USE_NAMES 13

/* Of RFC 6154 and 8457, and what is no mail; in the order of their bits. */
static const char *const uses[USE_NAMES] = { "all",      "archive",  "drafts", "flagged",
                                             "junk",     "sent",     "trash",  "important",
                                             "calendar", "contacts", "tasks",  "notes",
                                             "journal" };

struct chosen {
  struct ptn_id id;
  uint32_t attributes; /* what it is to be */
  uint32_t reserved;
  GPtrArray *rows; /* "who", "rights" in turn */
  guint next;
};

static void
free_chosen (struct job *job) {
  struct chosen *chosen = job->data;
  if (chosen->rows)
    g_ptr_array_unref (chosen->rows);
  g_free (chosen);
}

static struct chosen *
chosen_of (struct job *job) {
  if (!job->data)
    job->data = g_new0 (struct chosen, 1);
  job->free_data = free_chosen;
  return job->data;
}

static ptn_status
failed (struct job *job, ptn_status status) {
  g_autofree char *what = g_strdup_printf ("mailbox %s", job->words[1]);
  return status == PTN_PENDING ? status : job_store_failed (job, status, what);
}

static ptn_status
need_rights (struct job *job) {
  const struct ptn_store *store = job_store (job);
  if (PTN_CAN (store, rights) && PTN_CAN (store, set_rights))
    return PTN_OK;
  return job_fail (job, PTN_E_UNSUPPORTED, "this store keeps no rights");
}

static ptn_status
find_mailbox (struct job *job) {
  const struct ptn_mailbox *mailbox;
  struct ptn_mailbox_name name = { job->owner, job->words[1] };
  ptn_status status = job_store (job)->status (job->opened, &job->call, name, &mailbox);
  if (status != PTN_OK)
    return failed (job, status);
  chosen_of (job)->id = mailbox->id;
  job_call_end (job);
  return PTN_OK;
}

static ptn_status
read_entries (struct job *job) {
  struct chosen *chosen = job->data;
  const struct ptn_rights *entries;
  size_t count;
  ptn_status status =
      job_store (job)->rights (job->opened, &job->call, &chosen->id, &entries, &count);
  if (status != PTN_OK)
    return failed (job, status);
  chosen->rows = g_ptr_array_new_with_free_func (g_free);
  for (size_t i = 0; i < count; i++) {
    g_ptr_array_add (chosen->rows, g_strdup (entries[i].who));
    g_ptr_array_add (chosen->rows, g_strdup (entries[i].rights));
  }
  job_call_end (job);
  return PTN_OK;
}

static ptn_status
send_entries (struct job *job) {
  struct chosen *chosen = job->data;
  while (chosen->next < chosen->rows->len) {
    if (!job->row[0])
      job_row_keep (job, (const char *const *)chosen->rows->pdata + chosen->next, 2);
    ptn_status status = job_row_send (job);
    if (status != PTN_OK)
      return status;
    chosen->next += 2;
  }
  return PTN_OK;
}

static ptn_status
set_entry (struct job *job) {
  struct chosen *chosen = job->data;
  const char *rights = strcmp (job->words[3], "none") == 0 ? "" : job->words[3];
  ptn_status status =
      job_store (job)->set_rights (job->opened, &job->call, &chosen->id, job->words[2], rights);
  if (status == PTN_PENDING)
    return status;
  job_call_end (job);
  if (status == PTN_E_INVALID)
    return job_fail (job, status,
                     "rights are letters of lrswipkxtea; WHO is an account, $ and a group, or "
                     "anyone, with a - in front to take rights away");
  return status == PTN_OK ? PTN_OK : failed (job, status);
}

static ptn_status
read_uses (struct job *job) {
  g_auto (GStrv) words = g_strsplit (job->words[2], ",", -1);
  struct chosen *chosen = chosen_of (job);
  if (!PTN_CAN (job_store (job), set_attributes))
    return job_fail (job, PTN_E_UNSUPPORTED, "this store keeps no special uses");
  for (char **word = words; *word && strcmp (job->words[2], "none") != 0; word++) {
    size_t use = 0;
    while (use < USE_NAMES && g_ascii_strcasecmp (*word, uses[use]) != 0)
      use++;
    if (use == USE_NAMES)
      return job_fail (job, PTN_E_INVALID,
                       "%s is no use of a mailbox; there are: all archive "
                       "drafts flagged junk sent trash important calendar contacts tasks notes "
                       "journal, and none",
                       *word);
    chosen->attributes |= (uint32_t)PTN_MAILBOX_ALL << use;
  }
  return PTN_OK;
}

static ptn_status
set_uses (struct job *job) {
  struct chosen *chosen = job->data;
  ptn_status status =
      job_store (job)->set_attributes (job->opened, &job->call, &chosen->id, chosen->attributes);
  if (status == PTN_PENDING)
    return status;
  job_call_end (job);
  return status == PTN_OK ? PTN_OK : failed (job, status);
}

static job_step *const rights_steps[] = { need_rights,  job_find_owner, job_open_account,
                                          find_mailbox, read_entries,   send_entries,
                                          NULL };
static job_step *const allow_steps[] = { need_rights,  job_find_owner, job_open_account,
                                         find_mailbox, set_entry,      NULL };
static job_step *const use_steps[] = { read_uses,    job_find_owner, job_open_account,
                                       find_mailbox, set_uses,       NULL };

const struct command rights_commands[] = {
  { "mailbox rights", "ACCOUNT MAILBOX", "Shows who else may do what in a mailbox.", "who rights",
    2, 2, NULL, rights_steps },
  { "mailbox allow", "ACCOUNT MAILBOX WHO RIGHTS|none",
    "Gives somebody rights in a mailbox, instead of those that were given before.", NULL, 4, 4,
    NULL, allow_steps },
  { "mailbox use", "ACCOUNT MAILBOX USE,...|none", "Says what a mailbox is for: sent, trash ...",
    NULL, 3, 3, NULL, use_steps },
};
const size_t rights_command_count = G_N_ELEMENTS (rights_commands);
