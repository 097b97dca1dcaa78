/* SPDX-License-Identifier: Apache-2.0 */
/* account.c - mailbox accounts, mailbox purge: who has mail in the store, and the end of it. */
#include "admin.h"

enum { ASK, SEND };

struct accounts {
  char *after; /* the last one told */
  struct ptn_strings names;
  size_t at;
};

static void
accounts_free (struct job *job) {
  struct accounts *accounts = job->data;
  g_free (accounts->after);
  g_free (accounts);
}

/* The next thousand. */
static ptn_status
ask (struct job *job) {
  struct accounts *accounts = job->data;
  ptn_status status =
      job_store (job)->list_accounts (job->plugin->store.instance, &job->call,
                                      accounts->after ? accounts->after : "", &accounts->names);
  if (status != PTN_OK)
    return status == PTN_PENDING || status == PTN_END
               ? status
               : job_store_failed (job, status, "the list of accounts");
  accounts->at = 0;
  job->phase = SEND;
  return PTN_OK;
}

static ptn_status
list_accounts (struct job *job) {
  if (!PTN_CAN (job_store (job), list_accounts))
    return job_fail (job, PTN_E_UNSUPPORTED, "this store cannot list its accounts");
  if (!job->data) {
    job->data = g_new0 (struct accounts, 1);
    job->free_data = accounts_free;
  }
  struct accounts *accounts = job->data;
  for (;;) {
    ptn_status status = PTN_OK;
    if (job->phase == ASK)
      status = ask (job);
    else if (job->row[0])
      status = job_row_send (job);
    else if (accounts->at < accounts->names.count) {
      const char *name = accounts->names.items[accounts->at++];
      g_free (accounts->after);
      accounts->after = g_strdup (name);
      job_row_keep (job, &name, 1);
    } else {
      job_call_end (job);
      job->phase = ASK;
    }
    if (status != PTN_OK)
      return status;
  }
}

/* Mail of somebody who can still log in is removed mailbox by mailbox, or after `user remove`. */
static ptn_status
must_be_gone (struct job *job) {
  if (!PTN_CAN (job_store (job), remove_account))
    return job_fail (job, PTN_E_UNSUPPORTED, "this store cannot remove accounts");
  if (job->plugin->directory.table && !job->stranger)
    return job_fail (job, PTN_E_CONFLICT, "%s is in the directory: first take it out of there",
                     job->account);
  return PTN_OK;
}

static ptn_status
purge (struct job *job) {
  ptn_status status =
      job_store (job)->remove_account (job->plugin->store.instance, &job->call, job->account);
  if (status == PTN_PENDING)
    return status;
  job_call_end (job);
  return status == PTN_OK ? PTN_OK : job_store_failed (job, status, job->account);
}

static job_step *const list_steps[] = { list_accounts, NULL };
static job_step *const purge_steps[] = { job_find_account, must_be_gone, purge, NULL };

const struct command account_commands[] = {
  { "mailbox accounts", NULL, "Lists the accounts that the store knows.", "account", 0, 0, NULL,
    list_steps },
  { "mailbox purge", "ACCOUNT",
    "Removes all mail of an account that is no longer in the directory.", NULL, 1, 1, NULL,
    purge_steps },
};
const size_t account_command_count = G_N_ELEMENTS (account_commands);
