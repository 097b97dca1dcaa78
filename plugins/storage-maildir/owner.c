/* SPDX-License-Identifier: Apache-2.0 */
/* owner.c - accounts in memory: loaded when they are entered, forgotten when nobody has used them
 * for a while.  One descriptor (the log) each; so many stay as the setting `cached_accounts`
 * says, and those in use. */
#include "maildir.h"

#include <errno.h>

static void
token_free (gpointer data) {
  struct token *token = data;
  g_bytes_unref (token->outcomes);
  g_free (token);
}

static struct owner *
owner_new (struct store *store, const char *name, char *directory) {
  struct owner *owner = g_new0 (struct owner, 1);
  owner->store = store;
  owner->name = g_strdup (name);
  owner->directory = directory;
  owner->log = -1;
  owner->storage_limit = owner->messages_limit = UINT64_MAX;
  owner->mailboxes = g_ptr_array_new_with_free_func ((GDestroyNotify)mailbox_free);
  owner->subscribed = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  owner->complained = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  owner->tokens = g_hash_table_new_full (id_hash, id_equal, g_free, token_free);
  owner->changed = g_array_new (FALSE, FALSE, sizeof (struct changed));
  pthread_mutex_init (&owner->lock, NULL);
  return owner;
}

void
owner_free (struct owner *owner) {
  owner_unload (owner);
  g_ptr_array_unref (owner->mailboxes);
  g_hash_table_unref (owner->subscribed);
  g_hash_table_unref (owner->complained);
  g_hash_table_unref (owner->tokens);
  g_array_unref (owner->changed);
  pthread_mutex_destroy (&owner->lock);
  g_free (owner->directory);
  g_free (owner->name);
  g_free (owner);
}

struct owner *
owner_get (struct store *store, const char *name) {
  char *directory = place_of (store, name);
  if (!directory)
    return NULL;
  pthread_mutex_lock (&store->lock);
  struct owner *owner = g_hash_table_lookup (store->owners, name);
  if (!owner) {
    owner = owner_new (store, name, g_steal_pointer (&directory));
    g_hash_table_insert (store->owners, owner->name, owner);
  }
  owner->references++;
  pthread_mutex_unlock (&store->lock);
  g_free (directory);
  return owner;
}

void
owner_put (struct owner *owner) {
  struct store *store = owner->store;
  pthread_mutex_lock (&store->lock);
  if (--owner->references == 0) {
    owner->idle_since = store->host->monotonic_ns ();
    if (g_hash_table_size (store->owners) > store->cached)
      pthread_cond_signal (&store->wake);
  }
  pthread_mutex_unlock (&store->lock);
}

/* Lock held.  A checkpoint that cannot be written leaves the log, which tells the same. */
void
owner_unload (struct owner *owner) {
  if (owner->log >= 0)
    checkpoint (owner, NULL);
  log_close (owner);
  g_ptr_array_set_size (owner->mailboxes, 0);
  g_hash_table_remove_all (owner->subscribed);
  g_hash_table_remove_all (owner->complained);
  g_hash_table_remove_all (owner->tokens);
  g_clear_pointer (&owner->notes, g_tree_unref);
  owner->storage_limit = owner->messages_limit = UINT64_MAX;
  owner->lsn = owner->account_lsn = owner->log_size = 0;
  owner->last_uidvalidity = 0;
  owner->root = owner->subscribed_stamp = (struct stamp){ 0 };
  owner->loaded = owner->present = owner->dirty = false;
  owner->failed = owner->broken = false;
}

/* The mailboxes that a replay touched, brought in line with their files. */
static ptn_status
settle_all (struct owner *owner, struct ptn_task *task) {
  for (guint i = 0; i < owner->mailboxes->len; i++) {
    struct mailbox *mailbox = owner->mailboxes->pdata[i];
    if (!mailbox->loaded)
      continue;
    ptn_status status = mailbox_lock (mailbox, task);
    if (status != PTN_OK)
      return status;
    mailbox_settle (mailbox, true);
    mailbox_unlock (mailbox);
  }
  return PTN_OK;
}

static ptn_status
owner_load (struct owner *owner, struct ptn_task *task) {
  struct stamp stamp;
  owner->present = stamp_get (owner->directory, &stamp);
  owner->loaded = true;
  if (!owner->present) {
    if (errno == ENOENT || errno == ENOTDIR)
      return PTN_OK;
    return trouble_errno (owner->store, task, "cannot look at", owner->directory);
  }
  account_load (owner);
  ptn_status status = boxes_look (owner, task); /* the replay finds mailboxes by their ids */
  if (status == PTN_OK)
    status = log_open (owner, task, true);
  if (status != PTN_OK)
    return status;
  bool replayed = owner->log_size > 16;
  memset (&owner->root, 0, sizeof owner->root);
  status = boxes_look (owner, task);
  if (status == PTN_OK && replayed)
    status = settle_all (owner, task);
  if (status == PTN_OK && replayed)
    checkpoint (owner, NULL); /* if it cannot be, the log stays */
  return status;
}

ptn_status
owner_enter (struct owner *owner, struct ptn_task *task) {
  owner->store->host->blocking (task, 1);
  pthread_mutex_lock (&owner->lock);
  if (owner->failed)
    owner_unload (owner);
  if (owner->loaded && !owner->present) { /* somebody may have made it since */
    struct stamp stamp;
    owner->loaded = !stamp_get (owner->directory, &stamp);
  }
  ptn_status status = owner->loaded ? PTN_OK : owner_load (owner, task);
  if (status == PTN_OK)
    return PTN_OK;
  owner_unload (owner);
  pthread_mutex_unlock (&owner->lock);
  owner->store->host->blocking (task, 0);
  return status;
}

void
owner_leave (struct owner *owner, struct ptn_task *task) {
  if (owner->log >= 0 && log_due (owner))
    checkpoint (owner, NULL);
  pthread_mutex_unlock (&owner->lock);
  owner->store->host->blocking (task, 0);
}

ptn_status
owner_make (struct owner *owner, struct ptn_task *task) {
  if (owner->present)
    return PTN_OK;
  if (!make_parents (owner->directory) || !maildir_make (owner->directory, false))
    return trouble_errno (owner->store, task, "cannot make", owner->directory);
  owner->present = true;
  account_load (owner);
  ptn_status status = log_open (owner, task, true);
  owner->failed |= status != PTN_OK; /* there is a folder now, and that must be looked at */
  return status;
}

/* Takes those that nobody uses, the longest idle first, until few enough are left. */
void
owners_trim (struct store *store, int64_t idle_ns) {
  pthread_mutex_lock (&store->lock);
  for (;;) {
    struct owner *oldest = NULL, *owner;
    GHashTableIter iter;
    guint unused = 0;
    g_hash_table_iter_init (&iter, store->owners);
    while (g_hash_table_iter_next (&iter, NULL, (gpointer *)&owner)) {
      if (owner->references)
        continue;
      unused++;
      if (!oldest || owner->idle_since < oldest->idle_since)
        oldest = owner;
    }
    if (!oldest
        || (unused <= store->cached && store->host->monotonic_ns () - oldest->idle_since < idle_ns))
      break;
    oldest->references++; /* whoever wants it meanwhile waits for its lock, and loads it again */
    pthread_mutex_unlock (&store->lock);
    pthread_mutex_lock (&oldest->lock);
    owner_unload (oldest);
    pthread_mutex_unlock (&oldest->lock);
    pthread_mutex_lock (&store->lock);
    if (--oldest->references == 0) {
      g_hash_table_remove (store->owners, oldest->name);
      owner_free (oldest);
    }
  }
  pthread_mutex_unlock (&store->lock);
}
