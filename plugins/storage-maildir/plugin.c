/* SPDX-License-Identifier: Apache-2.0 */
/* plugin.c - the plugin: settings, life, and the table of "postern.store/1".
 *
 * One instance is one tree of Maildirs.  A thread of its own forgets accounts that nobody uses,
 * and writes their checkpoints. */
#include "maildir.h"

#include "filename.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEEPER_SECONDS 5
#define IDLE_NS INT64_C (60000000000)

static const struct ptn_setting settings[] = {
  { .name = "path",
    .type = PTN_SETTING_STRING,
    .help = "The Maildir of an account: %u its name, %n and %d what is before and behind its @; "
            "default: mail/%u/Maildir in the plugin's state folder." },
  { .name = "domain",
    .type = PTN_SETTING_STRING,
    .default_value = "",
    .help = "Of all accounts, where path has %n but neither %u nor %d; empty: they have none." },
  { .name = "lock_timeout",
    .type = PTN_SETTING_DURATION,
    .default_value = "10s",
    .help = "How long to wait for another program's lock on a mailbox." },
  { .name = "cached_accounts",
    .type = PTN_SETTING_INTEGER,
    .default_value = "500",
    .help = "How many accounts that nobody uses stay in memory, each with an open file." },
  { .name = "tombstones",
    .type = PTN_SETTING_INTEGER,
    .default_value = "20000",
    .help = "Of how many expunged messages a mailbox remembers when they went." },
  { .name = "sync",
    .type = PTN_SETTING_BOOLEAN,
    .default_value = "yes",
    .help = "Sync before acknowledging; no is for tests only: mail is lost with the power." },
};

static const struct ptn_store store_table = {
  .size = sizeof store_table,
  .capabilities = PTN_STORE_DURABLE | PTN_STORE_COPIES_CHEAPLY | PTN_STORE_ANNOTATIONS
                  | PTN_STORE_QRESYNC | PTN_STORE_TOKENS | PTN_STORE_QUOTA | PTN_STORE_SPECIAL_USE
                  | PTN_STORE_RECENT | PTN_STORE_SAVE_DATE | PTN_STORE_OBJECT_IDS
                  | PTN_STORE_EVENTS,
  .open = maildir_open,
  .close = maildir_close,
  .close_cursor = maildir_close_cursor,
  .list = maildir_list,
  .next_mailbox = maildir_next_mailbox,
  .status = maildir_status,
  .create = maildir_create,
  .remove = maildir_remove,
  .rename = maildir_rename,
  .subscribe = maildir_subscribe,
  .view = maildir_view,
  .release_view = maildir_release_view,
  .keyword = maildir_keyword,
  .fetch = maildir_fetch,
  .next_messages = maildir_next_messages,
  .read = maildir_read,
  .annotations = maildir_annotations,
  .next_annotation = maildir_next_annotation,
  .begin = maildir_begin,
  .append = maildir_append,
  .copy = maildir_copy,
  .set_flags = maildir_set_flags,
  .expunge = maildir_expunge,
  .annotate = maildir_annotate,
  .commit = maildir_commit,
  .outcome = maildir_outcome,
  .end = maildir_end,
  .deliver = maildir_deliver,
  .list_accounts = maildir_list_accounts,
  .remove_account = maildir_remove_account,
  .quota = maildir_quota,
  .set_quota = maildir_set_quota,
  .set_attributes = maildir_set_attributes,
  .vanished = maildir_vanished,
  .claim_recent = maildir_claim_recent,
};

static char *
uidvalidity_path (const struct store *store) {
  return g_build_filename (store->host->state_directory, "uidvalidity", NULL);
}

/* The greatest that was given out, for names whose account is removed. */
bool
store_keep_uidvalidity (const struct store *store) {
  g_autofree char *path = uidvalidity_path (store);
  g_autofree char *text = g_strdup_printf ("%u\n", atomic_load (&store->last_uidvalidity));
  return file_replace (path, text, strlen (text));
}

static void
maildir_destroy (void *instance) {
  struct store *store = instance;
  g_hash_table_unref (store->owners);
  pthread_mutex_destroy (&store->lock);
  pthread_cond_destroy (&store->wake);
  g_free (store->template);
  g_free (store->domain);
  g_free (store->host_name);
  g_free (store->spool);
  g_free (store);
}

static ptn_status
refuse (const struct ptn_host *host, const char *setting, const char *why) {
  struct ptn_field fields[] = { { "setting", setting }, { "error", why } };
  host->log (host, PTN_LOG_ERROR, NULL, "store.setting", fields, G_N_ELEMENTS (fields));
  return PTN_E_INVALID;
}

static char *
trim_slashes (char *path) {
  size_t length = strlen (path);
  while (length > 1 && path[length - 1] == '/')
    path[--length] = '\0';
  return path;
}

static ptn_status
read_settings (struct store *store, const struct ptn_config *config) {
  const struct ptn_host *host = store->host;
  const char *path = host->text (config, "path"), *domain = host->text (config, "domain");
  const char *why = NULL;
  int64_t cached = host->number (config, "cached_accounts");
  int64_t tombstones = host->number (config, "tombstones");
  store->template = path && *path
                        ? trim_slashes (g_strdup (path))
                        : g_build_filename (host->state_directory ? host->state_directory : "/",
                                            "mail/%u/Maildir", NULL);
  store->domain = g_strdup (domain ? domain : "");
  store->lock_timeout = host->number (config, "lock_timeout");
  store->sync = host->number (config, "sync") != 0;
  if (!place_valid (store->template, &why))
    return refuse (host, "path", why);
  if (cached < 0 || cached > 1000000)
    return refuse (host, "cached_accounts", "must be 0 to 1000000");
  if (tombstones < 0 || tombstones > 100000000)
    return refuse (host, "tombstones", "must be 0 to 100000000");
  store->cached = (unsigned)cached;
  store->tombstones = (unsigned)tombstones;
  return PTN_OK;
}

static ptn_status
maildir_configure (const struct ptn_host *host, const struct ptn_config *config, void **instance) {
  struct store *store = g_new0 (struct store, 1);
  char name[256] = "";
  store->host = host;
  store->config = config;
  pthread_mutex_init (&store->lock, NULL);
  pthread_cond_init (&store->wake, NULL);
  store->owners = g_hash_table_new (g_str_hash, g_str_equal);
  gethostname (name, sizeof name - 1);
  store->host_name = file_name_host (name);
  store->commits = host->metric (host, PTN_METRIC_COUNTER, "postern_maildir_commits_total",
                                 "Records written to the logs of accounts.");
  store->looks = host->metric (host, PTN_METRIC_COUNTER, "postern_maildir_scans_total",
                               "Mailboxes whose folders were read.");
  store->foreign = host->metric (host, PTN_METRIC_COUNTER, "postern_maildir_foreign_total",
                                 "Times that changes of other programs were taken over.");
  ptn_status status = read_settings (store, config);
  if (status == PTN_OK)
    status = host->provide (host, PTN_STORE_ID, NULL, &store_table, store);
  if (status != PTN_OK) {
    maildir_destroy (store);
    return status;
  }
  *instance = store;
  return PTN_OK;
}

static gpointer
keep (gpointer data) {
  struct store *store = data;
  pthread_mutex_lock (&store->lock);
  while (!store->stopping) {
    struct timespec until;
    clock_gettime (CLOCK_REALTIME, &until);
    until.tv_sec += KEEPER_SECONDS;
    pthread_cond_timedwait (&store->wake, &store->lock, &until);
    pthread_mutex_unlock (&store->lock);
    owners_trim (store, IDLE_NS);
    pthread_mutex_lock (&store->lock);
  }
  pthread_mutex_unlock (&store->lock);
  return NULL;
}

static ptn_status
maildir_start (void *instance) {
  struct store *store = instance;
  const char *state = store->host->state_directory;
  g_autofree char *path = uidvalidity_path (store);
  g_autofree char *text = NULL;
  size_t size;
  if (file_read (path, 100, &text, &size))
    atomic_store (&store->last_uidvalidity, (unsigned)g_ascii_strtoull (text, NULL, 10));
  store->spool = g_build_filename (state, "spool", NULL);
  if (mkdir (store->spool, 0700) != 0 && errno != EEXIST)
    return trouble_errno (store, NULL, "cannot make", store->spool);
  store->stopping = false;
  store->keeper = g_thread_new ("maildir-keeper", keep, store);
  return PTN_OK;
}

static void
maildir_stop (void *instance) {
  struct store *store = instance;
  GHashTableIter iter;
  gpointer owner;
  if (!store->keeper)
    return;
  pthread_mutex_lock (&store->lock);
  store->stopping = true;
  pthread_cond_signal (&store->wake);
  pthread_mutex_unlock (&store->lock);
  g_thread_join (store->keeper);
  store->keeper = NULL;
  g_hash_table_iter_init (&iter, store->owners);
  while (g_hash_table_iter_next (&iter, NULL, &owner)) {
    g_hash_table_iter_steal (&iter);
    owner_free (owner);
  }
}

static const struct ptn_plugin plugin = {
  .size = sizeof plugin,
  .abi_major = PTN_ABI_MAJOR,
  .abi_minor = PTN_ABI_MINOR,
  .name = "storage-maildir",
  .version = POSTERN_VERSION,
  .summary = "Mail in Maildir++ folders as Dovecot lays them out, UIDs and keywords kept.",
  .settings = settings,
  .setting_count = G_N_ELEMENTS (settings),
  .setting_size = sizeof settings[0],
  .configure = maildir_configure,
  .start = maildir_start,
  .stop = maildir_stop,
  .destroy = maildir_destroy,
};

PTN_PUBLIC const struct ptn_plugin *
postern_plugin_entry (uint32_t host_abi_major, uint32_t host_abi_minor) {
  return host_abi_major == PTN_ABI_MAJOR ? &plugin : NULL;
}
