/* SPDX-License-Identifier: Apache-2.0 */
/* tidy.c - removes the files of accounts that the store no longer has: once a day, and at the
 * start. */
#include "fts.h"

#include <glib/gstdio.h>
#include <string.h>

#define DAY_NS INT64_C (86400000000000)

struct tidy {
  struct fts *fts;
  struct ptn_call call;
  GHashTable *paths; /* of accounts that are there; NULL: it is not time */
  char *after;       /* the last account of those rows */
  int64_t began;     /* seconds since 1970 */
  int64_t next;      /* monotonic */
};

static bool
is_followed (struct fts *fts, const char *path) {
  GHashTableIter walk;
  gpointer owner;
  bool found = false;
  pthread_mutex_lock (&fts->lock);
  g_hash_table_iter_init (&walk, fts->accounts);
  while (!found && g_hash_table_iter_next (&walk, &owner, NULL)) {
    g_autofree char *its = account_path (fts, owner);
    found = strcmp (its, path) == 0;
  }
  pthread_mutex_unlock (&fts->lock);
  return found;
}

/* A file that came since is of an account that came since. */
static void
remove_others (struct tidy *tidy) {
  struct fts *fts = tidy->fts;
  g_autofree char *public = account_path (fts, "");
  g_autoptr (GDir) folder = g_dir_open (fts->host->state_directory, 0, NULL);
  for (const char *name; folder && (name = g_dir_read_name (folder));) {
    g_autofree char *path = g_build_filename (fts->host->state_directory, name, NULL);
    GStatBuf status;
    if (!g_str_has_suffix (name, ".sqlite") || g_hash_table_contains (tidy->paths, path)
        || strcmp (path, public) == 0 || g_stat (path, &status) != 0
        || status.st_mtime >= tidy->began || is_followed (fts, path))
      continue;
    const struct ptn_field field = { "file", name };
    fts->host->log (fts->host, PTN_LOG_INFO, NULL, "search.removed", &field, 1);
    database_remove (path);
  }
}

static ptn_status
look (struct tidy *tidy, struct ptn_task *task) {
  const struct fts *fts = tidy->fts;
  struct ptn_strings accounts = { NULL, 0 };
  tidy->call.task = task;
  ptn_status status =
      fts->store->list_accounts (fts->store_instance, &tidy->call, tidy->after, &accounts);
  if (status == PTN_PENDING)
    return status;
  for (size_t i = 0; status == PTN_OK && i < accounts.count; i++)
    g_hash_table_add (tidy->paths, account_path (fts, accounts.items[i]));
  if (status == PTN_OK && accounts.count) {
    g_free (tidy->after);
    tidy->after = g_strdup (accounts.items[accounts.count - 1]);
  }
  fts->host->call_end (&tidy->call);
  return status == PTN_OK && accounts.count == 0 ? PTN_END : status;
}

static ptn_status
tidy_step (void *argument, struct ptn_task *task) {
  struct tidy *tidy = argument;
  const struct ptn_host *host = tidy->fts->host;
  if (host->cancelled (task) || atomic_load (&tidy->fts->stopping)) {
    tidy->call.task = task;
    host->call_end (&tidy->call);
    return PTN_END;
  }
  int64_t now = host->monotonic_ns ();
  if (!tidy->paths && now < tidy->next)
    return PTN_PENDING;
  if (!tidy->paths) {
    tidy->paths = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
    tidy->began = host->realtime_ms () / 1000;
    g_free (tidy->after);
    tidy->after = g_strdup ("");
  }
  ptn_status status = look (tidy, task);
  if (status == PTN_PENDING || status == PTN_OK)
    return status;
  host->blocking (task, 1);
  if (status == PTN_END) /* all were told: the others are no more */
    remove_others (tidy);
  host->blocking (task, 0);
  g_clear_pointer (&tidy->paths, g_hash_table_unref);
  tidy->next = now + DAY_NS;
  host->wake_at (host->waker (task), tidy->next + 1000000);
  return PTN_PENDING;
}

static void
tidy_done (void *argument) {
  struct tidy *tidy = argument;
  struct fts *fts = tidy->fts;
  g_clear_pointer (&tidy->paths, g_hash_table_unref);
  g_free (tidy->after);
  g_free (tidy);
  fts_done (fts);
}

void
tidy_start (struct fts *fts) {
  if (!PTN_CAN (fts->store, list_accounts))
    return;
  struct tidy *tidy = g_new0 (struct tidy, 1);
  tidy->fts = fts;
  fts_busy (fts);
  if (fts->host->spawn (fts->host, "search-fts-tidy", tidy_step, tidy_done, tidy, &fts->tidy)
      == PTN_OK)
    return;
  fts->tidy = NULL;
  tidy_done (tidy);
}
