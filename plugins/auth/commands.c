/* SPDX-License-Identifier: Apache-2.0 */
/* commands.c - `posternctl cache flush` and `posternctl delegate ...`.
 *
 * Called in the task of a command.  What a command keeps while it waits hangs on its call. */
#include "commands.h"
#include "delegations.h"
#include "policy.h"

#include <string.h>

static ptn_status
mistake (struct auth *auth, struct ptn_call *call, const char *text) {
  return auth->host->fail (call->task, PTN_E_INVALID, text, "%s", text);
}

/* ---- Names -------------------------------------------------------------------------------- */

/* Names on their way to the names of their accounts. */
struct naming {
  const struct ptn_host *host;
  struct ptn_call finding;
  size_t at;        /* directory */
  char *account[2]; /* found */
  char *id[2];      /* which accounts of these names */
};

static void
naming_free (void *data) {
  struct naming *naming = data;
  naming->host->call_end (&naming->finding);
  g_free (naming->account[0]);
  g_free (naming->account[1]);
  g_free (naming->id[0]);
  g_free (naming->id[1]);
  g_free (naming);
}

/* Hangs on the call while PENDING. */
static struct naming *
naming_of (struct auth *auth, struct ptn_call *call) {
  struct naming *naming = call->state;
  if (naming)
    return naming;
  naming = g_new0 (struct naming, 1);
  naming->host = auth->host;
  call->state = naming;
  call->cancel = call->release = naming_free;
  return naming;
}

static ptn_status
find_account (struct auth *auth, struct ptn_call *call, struct naming *naming, const char *name,
              size_t which) {
  for (; naming->at < auth->everybody.directory_count; naming->at++) {
    const struct roster_directory *directory = &auth->everybody.directories[naming->at];
    struct ptn_identity identity = { .size = sizeof identity };
    naming->finding.task = call->task;
    const ptn_status status =
        directory->directory->parse_login (directory->instance, &naming->finding, name, &identity);
    if (status == PTN_PENDING)
      return status;
    const bool plain = status == PTN_OK && strcmp (identity.authcid, identity.account) == 0;
    if (plain) {
      naming->account[which] = g_strdup (identity.account);
      naming->id[which] = g_strdup (policy_account_id (&identity));
    }
    auth->host->call_end (&naming->finding);
    if (status == PTN_OK || status != PTN_E_NOT_FOUND) {
      naming->at = 0;
      if (status != PTN_OK)
        return status;
      return plain ? PTN_OK : mistake (auth, call, "name one account, not a mailbox of another");
    }
  }
  naming->at = 0;
  g_autofree char *text = g_strdup_printf ("no account is called %s", name);
  return auth->host->fail (call->task, PTN_E_NOT_FOUND, text, "%s", text);
}

/* ---- cache flush ------------------------------------------------------------------------- */

static void
flush (const struct roster *roster, const char *user) {
  verdicts_flush (roster->verdicts, user);
  for (size_t i = 0; i < roster->directory_count; i++) {
    const struct roster_directory *directory = &roster->directories[i];
    if (PTN_CAN (directory->directory, flush))
      directory->directory->flush (directory->instance, user);
    for (size_t k = 0; k < directory->source_count; k++)
      if (PTN_CAN (directory->sources[k].credentials, flush))
        directory->sources[k].credentials->flush (directory->sources[k].instance, user);
  }
}

/* A user is known by the name of the account there; what was typed may be another of its names.  If no
 * directory can tell, what was typed has to do. */
static ptn_status
run_flush (void *instance, struct ptn_call *call, struct ptn_strings arguments,
           struct ptn_bytes secret, struct ptn_report *report) {
  struct auth *auth = instance;
  if (arguments.count > 1)
    return mistake (auth, call, "cache flush takes one name, or none for everybody");
  const char *user = arguments.count ? arguments.items[0] : NULL;
  struct naming *naming = user ? naming_of (auth, call) : NULL;
  if (naming && find_account (auth, call, naming, user, 0) == PTN_PENDING)
    return PTN_PENDING;
  const char *account = naming && naming->account[0] ? naming->account[0] : user;
  struct roster *roster = auth_roster (auth);
  flush (roster, user);
  if (account && strcmp (account, user) != 0)
    flush (roster, account);
  roster_unref (roster);
  const struct ptn_field fields[] = { { "user", account ? account : "" } };
  auth->host->log (auth->host, PTN_LOG_NOTICE, call->task, "login.cache_flushed", fields, 1);
  return PTN_OK;
}

/* ---- delegate ---------------------------------------------------------------------------- */

/* MAILBOX and USER as accounts, in *naming. */
static ptn_status
find_accounts (struct auth *auth, struct ptn_call *call, const char *const names[2],
               struct naming **result) {
  struct naming *naming = naming_of (auth, call);
  for (size_t i = 0; i < 2; i++) {
    const ptn_status status =
        naming->account[i] ? PTN_OK : find_account (auth, call, naming, names[i], i);
    if (status != PTN_OK)
      return status;
  }
  *result = naming;
  return PTN_OK;
}

static ptn_status
set_delegate (struct auth *auth, struct ptn_call *call, struct delegations_account mailbox,
              struct delegations_account user, ptn_access access) {
  const struct ptn_host *host = auth->host;
  static const char *const words[] = { "none", "read", "full" };
  g_autofree char *why = NULL;
  host->blocking (call->task, 1);
  const bool done = delegations_set (auth->delegations, mailbox, user, access, &why);
  host->blocking (call->task, 0);
  if (!done)
    return host->fail (call->task, PTN_E_TEMPORARY, why, "%s", why);
  const struct ptn_field fields[] = { { "account", mailbox.name },
                                      { "user", user.name },
                                      { "access", words[access] } };
  host->log (host, PTN_LOG_NOTICE, call->task, "login.delegated", fields, 3);
  return PTN_OK;
}

static ptn_status
run_add (void *instance, struct ptn_call *call, struct ptn_strings arguments,
         struct ptn_bytes secret, struct ptn_report *report) {
  struct auth *auth = instance;
  const char *names[2];
  size_t count = 0;
  ptn_access access = PTN_ACCESS_FULL;
  for (size_t i = 0; i < arguments.count; i++)
    if (strcmp (arguments.items[i], "--read-only") == 0)
      access = PTN_ACCESS_READ;
    else if (count < 2 && *arguments.items[i] != '-')
      names[count++] = arguments.items[i];
    else
      return mistake (auth, call, "delegate add takes MAILBOX USER [--read-only]");
  if (count != 2)
    return mistake (auth, call, "delegate add takes MAILBOX USER [--read-only]");
  struct naming *naming;
  const ptn_status status = find_accounts (auth, call, names, &naming);
  if (status != PTN_OK)
    return status;
  if (strcmp (naming->account[0], naming->account[1]) == 0)
    return mistake (auth, call, "both are the same account");
  return set_delegate (auth, call,
                       (struct delegations_account){ naming->account[0], naming->id[0] },
                       (struct delegations_account){ naming->account[1], naming->id[1] }, access);
}

/* Accounts that are gone can be taken off the list: their names are taken as they are. */
static ptn_status
run_remove (void *instance, struct ptn_call *call, struct ptn_strings arguments,
            struct ptn_bytes secret, struct ptn_report *report) {
  struct auth *auth = instance;
  if (arguments.count != 2)
    return mistake (auth, call, "delegate remove takes MAILBOX USER");
  const char *mailbox = arguments.items[0], *user = arguments.items[1];
  if (delegations_find (auth->delegations, mailbox, user) == PTN_ACCESS_UNTOLD) {
    g_autofree char *text =
        g_strdup_printf ("%s is no delegate of %s here (see `posternctl delegate list`)", user,
                         mailbox);
    return auth->host->fail (call->task, PTN_E_NOT_FOUND, text, "%s", text);
  }
  return set_delegate (auth, call, (struct delegations_account){ mailbox, "" },
                       (struct delegations_account){ user, "" }, PTN_ACCESS_UNTOLD);
}

struct listing {
  GPtrArray *rows; /* char *[3] */
  size_t at;
};

static void
listing_free (void *data) {
  struct listing *listing = data;
  g_ptr_array_unref (listing->rows);
  g_free (listing);
}

static void
add_row (void *rows, const char *mailbox, const char *user, ptn_access access) {
  const char *const fields[] = { mailbox, user, access == PTN_ACCESS_FULL ? "full" : "read", NULL };
  g_ptr_array_add (rows, g_strdupv ((char **)fields));
}

static ptn_status
run_list (void *instance, struct ptn_call *call, struct ptn_strings arguments,
          struct ptn_bytes secret, struct ptn_report *report) {
  struct auth *auth = instance;
  struct listing *listing = call->state;
  if (arguments.count)
    return mistake (auth, call, "delegate list takes no arguments");
  if (!listing) {
    listing = g_new0 (struct listing, 1);
    listing->rows = g_ptr_array_new_with_free_func ((GDestroyNotify)g_strfreev);
    delegations_each (auth->delegations, add_row, listing->rows);
    call->state = listing;
    call->cancel = call->release = listing_free;
  }
  while (listing->at < listing->rows->len) {
    const ptn_status status =
        report->row (report, call->task, listing->rows->pdata[listing->at], 3);
    if (status != PTN_OK)
      return status;
    listing->at++;
  }
  return PTN_OK;
}

static const struct ptn_control commands[] = {
  { .size = sizeof *commands,
    .name = "cache flush",
    .arguments = "[USER]",
    .help = "Forget remembered logins and directory entries, of one user or of all.",
    .run = run_flush },
  { .size = sizeof *commands,
    .name = "delegate add",
    .arguments = "MAILBOX USER [--read-only]",
    .help = "Let a user open another's mailbox, whatever the directory says.",
    .run = run_add },
  { .size = sizeof *commands,
    .name = "delegate remove",
    .arguments = "MAILBOX USER",
    .help = "Take away what `delegate add` gave.",
    .run = run_remove },
  { .size = sizeof *commands,
    .name = "delegate list",
    .arguments = "",
    .help = "List what `delegate add` gave.",
    .columns = "mailbox user access",
    .run = run_list },
};

ptn_status
commands_provide (struct auth *auth) {
  for (size_t i = 0; i < G_N_ELEMENTS (commands); i++) {
    const ptn_status status =
        auth->host->provide (auth->host, PTN_CONTROL_ID, NULL, &commands[i], auth);
    if (status != PTN_OK)
      return status;
  }
  return PTN_OK;
}
