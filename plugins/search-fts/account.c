/* SPDX-License-Identifier: Apache-2.0 */
/* account.c - the table of accounts that are followed. */
#include "fts.h"

#include <string.h>

enum { NAME_MOST = 180 };

char *
account_path (const struct fts *fts, const char *owner) {
  g_autofree char *name = g_uri_escape_string (*owner ? owner : "public:", "@", FALSE);
  if (strlen (name) > NAME_MOST) {
    g_free (name);
    name = g_compute_checksum_for_string (G_CHECKSUM_SHA256, owner, -1);
  }
  return g_strdup_printf ("%s/%s.sqlite", fts->host->state_directory, name);
}

void
fts_busy (struct fts *fts) {
  pthread_mutex_lock (&fts->lock);
  fts->busy++;
  pthread_mutex_unlock (&fts->lock);
}

void
fts_done (struct fts *fts) {
  pthread_mutex_lock (&fts->lock);
  if (--fts->busy == 0)
    pthread_cond_broadcast (&fts->quiet);
  pthread_mutex_unlock (&fts->lock);
}

static guint
id_hash (const void *id) {
  guint hash;
  memcpy (&hash, id, sizeof hash);
  return hash;
}

static gboolean
id_equal (const void *left, const void *right) {
  return memcmp (left, right, sizeof (struct ptn_id)) == 0;
}

struct account *
account_ref (struct account *account) {
  atomic_fetch_add (&account->references, 1);
  return account;
}

void
account_unref (struct account **pointer) {
  struct account *account = *pointer;
  *pointer = NULL;
  if (!account || atomic_fetch_sub (&account->references, 1) != 1)
    return;
  database_close (&account->database);
  if (account->waker)
    account->fts->host->forget (account->waker);
  g_hash_table_unref (account->boxes);
  g_ptr_array_free (account->waiting, TRUE);
  pthread_mutex_destroy (&account->lock);
  g_free (account->owner);
  g_free (account);
}

struct box *
account_box (struct account *account, const struct ptn_id *id) {
  struct box *box = g_hash_table_lookup (account->boxes, id);
  if (box)
    return box;
  box = g_new0 (struct box, 1);
  box->row.id = *id;
  g_hash_table_insert (account->boxes, &box->row.id, box);
  return box;
}

void
account_wake (struct account *account) {
  pthread_mutex_lock (&account->lock);
  struct ptn_waker *waker = g_steal_pointer (&account->waker);
  pthread_mutex_unlock (&account->lock);
  if (waker)
    account->fts->host->wake (waker);
}

/* The one that was not asked for the longest time makes room; fts->lock is held. */
static void
make_room (struct fts *fts) {
  GHashTableIter walk;
  gpointer value;
  struct account *oldest = NULL;
  if (g_hash_table_size (fts->accounts) < fts->accounts_most)
    return;
  g_hash_table_iter_init (&walk, fts->accounts);
  while (g_hash_table_iter_next (&walk, NULL, &value)) {
    struct account *account = value;
    if (!account->retire && (!oldest || account->used < oldest->used))
      oldest = account;
  }
  if (!oldest)
    return;
  pthread_mutex_lock (&oldest->lock);
  oldest->retire = true;
  struct ptn_waker *waker = g_steal_pointer (&oldest->waker);
  pthread_mutex_unlock (&oldest->lock);
  if (waker)
    fts->host->wake (waker);
}

/* fts->lock is held. */
static struct account *
account_new (struct fts *fts, const char *owner) {
  struct account *account = g_new0 (struct account, 1);
  account->fts = fts;
  account->owner = g_strdup (owner);
  account->references = 2; /* the table's and the task's */
  account->boxes = g_hash_table_new_full (id_hash, id_equal, NULL, g_free);
  account->waiting = g_ptr_array_new_with_free_func ((GDestroyNotify)request_unref);
  account->used = fts->host->monotonic_ns ();
  pthread_mutex_init (&account->lock, NULL);
  g_hash_table_insert (fts->accounts, account->owner, account);
  fts->busy++;
  fts->host->observe (fts->open, 1);
  return account;
}

struct account *
account_get (struct fts *fts, const char *owner) {
  struct account *account = NULL;
  bool made = false;
  pthread_mutex_lock (&fts->lock);
  if (!fts->stopping) {
    account = g_hash_table_lookup (fts->accounts, owner);
    if (!account) {
      make_room (fts);
      account = account_new (fts, owner);
      made = true;
    }
    account->used = fts->host->monotonic_ns ();
    account_ref (account);
  }
  pthread_mutex_unlock (&fts->lock);
  if (!made)
    return account;
  /* The task's first step waits for the lock, and so finds its own name here. */
  pthread_mutex_lock (&account->lock);
  ptn_status status =
      fts->host->spawn (fts->host, "search-fts", follow_step, follow_done, account, &account->task);
  pthread_mutex_unlock (&account->lock);
  if (status == PTN_OK)
    return account;
  account_retire (account, true);
  follow_done (account); /* what the task would have done */
  account_unref (&account);
  return NULL;
}

bool
account_retire (struct account *account, bool always) {
  struct fts *fts = account->fts;
  pthread_mutex_lock (&fts->lock);
  pthread_mutex_lock (&account->lock);
  bool out = !account->closed && (always || account->waiting->len == 0);
  if (out) {
    account->closed = true;
    if (g_hash_table_lookup (fts->accounts, account->owner) == account)
      g_hash_table_remove (fts->accounts, account->owner);
    fts->host->observe (fts->open, -1);
  }
  pthread_mutex_unlock (&account->lock);
  pthread_mutex_unlock (&fts->lock);
  if (out)
    account_unref (&(struct account *){ account }); /* the table's */
  return out;
}
