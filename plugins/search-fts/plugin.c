/* SPDX-License-Identifier: Apache-2.0 */
/* plugin.c - the plugin "search-fts": settings and life.  README.md tells about it. */
#include "fts.h"

static const struct ptn_setting settings[] = {
  { .name = "idle",
    .type = PTN_SETTING_DURATION,
    .default_value = "30m",
    .help = "An account that nobody searched for so long is no longer followed; the next search"
            " brings its index up to date." },
  { .name = "accounts",
    .type = PTN_SETTING_INTEGER,
    .default_value = "256",
    .help = "How many accounts are followed at once; the one that was not searched for the longest"
            " time makes room." },
  { .name = "settle",
    .type = PTN_SETTING_DURATION,
    .default_value = "2s",
    .help = "New mail is indexed when nothing has happened in the account for so long, or when"
            " somebody searches." },
  { .name = "patience",
    .type = PTN_SETTING_DURATION,
    .default_value = "2s",
    .help = "A search waits so long for the index to catch up; then it reads what is not indexed"
            " yet, and the index goes on by itself." },
  { .name = "text_limit",
    .type = PTN_SETTING_SIZE,
    .default_value = "8 MiB",
    .help = "Messages with more text than this are not indexed: a search reads them." },
  { .name = "batch",
    .type = PTN_SETTING_SIZE,
    .default_value = "8 MiB",
    .help = "Text that is collected, and put into the index in one transaction." },
};

static ptn_status
refuse (const struct ptn_host *host, const char *reason) {
  const struct ptn_field field = { "reason", reason };
  host->log (host, PTN_LOG_ERROR, NULL, "search.start-failed", &field, 1);
  return PTN_E_INVALID;
}

static void
make_metrics (struct fts *fts) {
  const struct ptn_host *host = fts->host;
  fts->queries = host->metric (host, PTN_METRIC_COUNTER, "postern_search_queries_total",
                               "Questions that the search index was asked.");
  fts->indexed = host->metric (host, PTN_METRIC_COUNTER, "postern_search_indexed_total",
                               "Messages that were read into the search index.");
  fts->resets = host->metric (host, PTN_METRIC_COUNTER, "postern_search_resets_total",
                              "Files of the search index that were thrown away and begun anew.");
  fts->open = host->metric (host, PTN_METRIC_GAUGE, "postern_search_accounts",
                            "Accounts that the search index follows now.");
  fts->time = host->metric (host, PTN_METRIC_HISTOGRAM, "postern_search_microseconds",
                            "From question to answer, what had to be indexed first included.");
}

static ptn_status
configure (const struct ptn_host *host, const struct ptn_config *config, void **instance) {
  static const struct ptn_search_index table = { .size = sizeof table,
                                                 .query = fts_query,
                                                 .progress = fts_progress };
  int64_t accounts = host->number (config, "accounts");
  int64_t limit = host->number (config, "text_limit"), batch = host->number (config, "batch");
  if (accounts < 1 || accounts > 100000)
    return refuse (host, "accounts is a number from 1 to 100000");
  if (limit < 1024 || limit > 512 << 20 || batch < 1 || batch > 512 << 20)
    return refuse (host, "text_limit is 1 kB to 512 MiB, batch 512 MiB at most");
  struct fts *fts = g_new0 (struct fts, 1);
  fts->host = host;
  fts->idle_ns = host->number (config, "idle") * 1000000;
  fts->settle_ns = host->number (config, "settle") * 1000000;
  fts->patience_ns = host->number (config, "patience") * 1000000;
  fts->accounts_most = (uint32_t)accounts;
  fts->text_limit = (size_t)limit;
  fts->batch = (size_t)batch;
  fts->accounts = g_hash_table_new (g_str_hash, g_str_equal);
  pthread_mutex_init (&fts->lock, NULL);
  pthread_cond_init (&fts->quiet, NULL);
  make_metrics (fts);
  *instance = fts;
  ptn_status status = host->provide (host, PTN_SEARCH_INDEX_ID, "search-fts", &table, fts);
  return status == PTN_OK ? commands_provide (fts) : status;
}

static ptn_status
start (void *instance) {
  struct fts *fts = instance;
  const struct ptn_host *host = fts->host;
  struct ptn_binding store;
  if (host->find (host, PTN_STORE_ID, NULL, &store) != PTN_OK)
    return refuse (host, "no store plugin is loaded: add [plugin storage-kyoto]");
  fts->store = store.table;
  fts->store_instance = store.instance;
  if (host->find (host, PTN_DIRECTORY_ID, NULL, &fts->directory) != PTN_OK)
    fts->directory = (struct ptn_binding){ NULL, NULL };
  tidy_start (fts);
  return PTN_OK;
}

static void
stop (void *instance) {
  struct fts *fts = instance;
  GHashTableIter walk;
  gpointer value;
  pthread_mutex_lock (&fts->lock);
  fts->stopping = true;
  if (fts->tidy)
    fts->host->cancel (fts->tidy);
  g_hash_table_iter_init (&walk, fts->accounts);
  while (g_hash_table_iter_next (&walk, NULL, &value)) {
    struct account *account = value;
    pthread_mutex_lock (&account->lock);
    if (account->task)
      fts->host->cancel (account->task);
    pthread_mutex_unlock (&account->lock);
  }
  while (fts->busy)
    pthread_cond_wait (&fts->quiet, &fts->lock);
  pthread_mutex_unlock (&fts->lock);
}

static void
destroy (void *instance) {
  struct fts *fts = instance;
  g_hash_table_unref (fts->accounts);
  pthread_mutex_destroy (&fts->lock);
  pthread_cond_destroy (&fts->quiet);
  g_free (fts);
}

static const struct ptn_plugin plugin = {
  .size = sizeof plugin,
  .abi_major = PTN_ABI_MAJOR,
  .abi_minor = PTN_ABI_MINOR,
  .name = "search-fts",
  .version = PLUGIN_VERSION,
  .summary = "An index of the text of messages, on SQLite",
  .settings = settings,
  .setting_count = G_N_ELEMENTS (settings),
  .setting_size = sizeof settings[0],
  .configure = configure,
  .start = start,
  .stop = stop,
  .destroy = destroy,
  .lanes = FTS_LANE,
};

const struct ptn_plugin *
postern_plugin_entry (uint32_t host_abi_major, uint32_t host_abi_minor) {
  return host_abi_major == PTN_ABI_MAJOR ? &plugin : NULL;
}
