/* SPDX-License-Identifier: Apache-2.0 */
/* storage-memory.c - the plugin: settings, life, and the table of "postern.store/1".
 *
 * One instance is one store.  Everything is gone when the process ends, so it does not claim
 * PTN_STORE_DURABLE: it is for tests, for trying Postern out, and for reading. */
#include "memory.h"

#include <inttypes.h>
#include <string.h>

#define TOMBSTONES_MOST 100000000

static const struct ptn_setting settings[] = {
  { .name = "seed",
    .type = PTN_SETTING_INTEGER,
    .default_value = "0",
    .help = "Start of the dice for pending and failures; 0 switches both off." },
  { .name = "pending",
    .type = PTN_SETTING_INTEGER,
    .default_value = "0",
    .help = "Percent of calls that make their caller wait once." },
  { .name = "failures",
    .type = PTN_SETTING_INTEGER,
    .default_value = "0",
    .help = "Percent of changes and deliveries that fail with a temporary error." },
  { .name = "tombstones",
    .type = PTN_SETTING_INTEGER,
    .default_value = "10000",
    .help = "How many expunged messages each mailbox remembers, for `vanished`." },
};

static const struct ptn_store store_table = {
  .size = sizeof store_table,
  .capabilities = PTN_STORE_COPIES_CHEAPLY | PTN_STORE_ACL | PTN_STORE_PUBLIC
                  | PTN_STORE_ANNOTATIONS | PTN_STORE_QUOTA | PTN_STORE_SPECIAL_USE
                  | PTN_STORE_RECENT | PTN_STORE_SAVE_DATE | PTN_STORE_OBJECT_IDS
                  | PTN_STORE_THREADS | PTN_STORE_DIGESTS | PTN_STORE_EVENTS,
  .open = memory_open,
  .close = memory_close,
  .close_cursor = memory_close_cursor,
  .list = memory_list,
  .next_mailbox = memory_next_mailbox,
  .status = memory_status,
  .create = memory_create,
  .remove = memory_remove,
  .rename = memory_rename,
  .subscribe = memory_subscribe,
  .view = memory_view,
  .release_view = memory_release_view,
  .keyword = memory_keyword,
  .fetch = memory_fetch,
  .next_messages = memory_next_messages,
  .read = memory_read,
  .annotations = memory_annotations,
  .next_annotation = memory_next_annotation,
  .begin = memory_begin,
  .append = memory_append,
  .copy = memory_copy,
  .set_flags = memory_set_flags,
  .expunge = memory_expunge,
  .annotate = memory_annotate,
  .commit = memory_commit,
  .outcome = memory_outcome,
  .end = memory_end,
  .deliver = memory_deliver,
  .list_accounts = memory_list_accounts,
  .remove_account = memory_remove_account,
  .quota = memory_quota,
  .set_quota = memory_set_quota,
  .set_attributes = memory_set_attributes,
  .vanished = memory_vanished,
  .claim_recent = memory_claim_recent,
  .rights = memory_rights,
  .set_rights = memory_set_rights,
  .list_others = memory_list_others,
  .remember = memory_remember,
};

static gint
compare_names (gconstpointer a, gconstpointer b, gpointer data) {
  return strcmp (a, b);
}

static ptn_status
read_number (const struct ptn_host *host, const struct ptn_config *config, const char *name,
             int64_t most, unsigned *number) {
  int64_t value = host->number (config, name);
  if (value < 0 || value > most) {
    g_autofree char *error = g_strdup_printf ("not within 0 and %" PRId64, most);
    struct ptn_field fields[] = { { "setting", name }, { "error", error } };
    host->log (host, PTN_LOG_ERROR, NULL, "store.setting", fields, G_N_ELEMENTS (fields));
    return PTN_E_INVALID;
  }
  *number = (unsigned)value;
  return PTN_OK;
}

static void
memory_destroy (void *instance) {
  struct memory *store = instance;
  g_tree_unref (store->owners);
  g_hash_table_unref (store->by_id);
  g_array_unref (store->notes);
  pthread_mutex_destroy (&store->wakers_lock);
  pthread_cond_destroy (&store->wakers_come);
  pthread_mutex_destroy (&store->lock);
  g_free (store);
}

static ptn_status
memory_configure (const struct ptn_host *host, const struct ptn_config *config, void **instance) {
  struct memory *store = g_new0 (struct memory, 1);
  pthread_mutex_init (&store->lock, NULL);
  store->host = host;
  store->owners = g_tree_new_full (compare_names, NULL, NULL, (GDestroyNotify)owner_free);
  store->by_id = g_hash_table_new (id_hash, id_equal);
  store->notes = g_array_new (FALSE, FALSE, sizeof (struct note));
  pthread_mutex_init (&store->wakers_lock, NULL);
  pthread_cond_init (&store->wakers_come, NULL);
  g_queue_init (&store->wakers);
  store->epoch = (uint64_t)g_random_int () << 32 | g_random_int ();
  store->seed = (uint64_t)host->number (config, "seed");
  ptn_status status = read_number (host, config, "pending", 100, &store->pending);
  if (status == PTN_OK)
    status = read_number (host, config, "failures", 100, &store->failures);
  if (status == PTN_OK)
    status = read_number (host, config, "tombstones", TOMBSTONES_MOST, &store->tombstones);
  if (status == PTN_OK)
    status = host->provide (host, PTN_STORE_ID, "storage-memory", &store_table, store);
  if (status != PTN_OK) {
    memory_destroy (store);
    return status;
  }
  *instance = store;
  return PTN_OK;
}

/* Wakes from outside the workers, as a commit thread would. */
static gpointer
wake_them (gpointer data) {
  struct memory *store = data;
  pthread_mutex_lock (&store->wakers_lock);
  for (;;) {
    struct ptn_waker *waker = g_queue_pop_head (&store->wakers);
    if (!waker && store->stopping)
      break;
    if (!waker) {
      pthread_cond_wait (&store->wakers_come, &store->wakers_lock);
      continue;
    }
    pthread_mutex_unlock (&store->wakers_lock);
    g_usleep (20);
    store->host->wake (waker);
    pthread_mutex_lock (&store->wakers_lock);
  }
  pthread_mutex_unlock (&store->wakers_lock);
  return NULL;
}

static ptn_status
memory_start (void *instance) {
  struct memory *store = instance;
  if (store->seed && store->pending)
    store->waking = g_thread_new ("memory-wake", wake_them, store);
  return PTN_OK;
}

static void
memory_stop (void *instance) {
  struct memory *store = instance;
  if (!store->waking)
    return;
  pthread_mutex_lock (&store->wakers_lock);
  store->stopping = true;
  pthread_cond_signal (&store->wakers_come);
  pthread_mutex_unlock (&store->wakers_lock);
  g_thread_join (store->waking);
  store->waking = NULL;
}

static const struct ptn_plugin plugin = {
  .size = sizeof plugin,
  .abi_major = PTN_ABI_MAJOR,
  .abi_minor = PTN_ABI_MINOR,
  .name = "storage-memory",
  .version = POSTERN_VERSION,
  .summary = "The reference message store: in memory, simple, and as slow or faulty as asked.",
  .settings = settings,
  .setting_count = G_N_ELEMENTS (settings),
  .setting_size = sizeof settings[0],
  .configure = memory_configure,
  .start = memory_start,
  .stop = memory_stop,
  .destroy = memory_destroy,
};

PTN_PUBLIC const struct ptn_plugin *
postern_plugin_entry (uint32_t host_abi_major, uint32_t host_abi_minor) {
  return host_abi_major == PTN_ABI_MAJOR ? &plugin : NULL;
}
