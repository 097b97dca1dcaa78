/* SPDX-License-Identifier: GPL-3.0-or-later */
/* plugin.c - the plugin's entry: settings, life, and the table of functions. */
#include "admin.h"
#include "annotations.h"
#include "change.h"
#include "control.h"
#include "deliver.h"
#include "fetch.h"
#include "mailbox.h"
#include "read.h"
#include "remember.h"
#include "request.h"
#include "vanished.h"
#include "view.h"

struct plugin {
  struct control_place place;
  struct store *store; /* from start to stop */
};

static const struct ptn_setting settings[] = {
  { "path", PTN_SETTING_PATH, 0, NULL, "Folder of the store; default: the plugin's state folder.",
    NULL, PTN_SCOPE_PLUGIN, 0 },
  { "shards", PTN_SETTING_INTEGER, 0, "4",
    "Into how many parts a new store is divided, 1 to 64; a store that exists keeps its number.",
    NULL, PTN_SCOPE_PLUGIN, 0 },
  { "commit_threads", PTN_SETTING_INTEGER, 0, "1",
    "Threads that write and sync; each serves a group of shards.", NULL, PTN_SCOPE_PLUGIN, 0 },
  { "segment_size", PTN_SETTING_SIZE, 0, "64 MiB", "Size at which a log segment is closed.", NULL,
    PTN_SCOPE_PLUGIN, 0 },
  { "checkpoint_octets", PTN_SETTING_SIZE, 0, "64 MiB",
    "A shard's index is written to disk after so much log.", NULL, PTN_SCOPE_PLUGIN, 0 },
  { "checkpoint_records", PTN_SETTING_INTEGER, 0, "50000",
    "Or after so many changed rows: they are kept in memory until then.", NULL, PTN_SCOPE_PLUGIN,
    0 },
  { "checkpoint_idle", PTN_SETTING_DURATION, 0, "5m", "Or so long after the first change.", NULL,
    PTN_SCOPE_PLUGIN, 0 },
  { "expunged_age", PTN_SETTING_DURATION, 0, "90d",
    "How long the store knows which messages were expunged (QRESYNC).", NULL, PTN_SCOPE_PLUGIN, 0 },
  { "expunged_kept", PTN_SETTING_INTEGER, 0, "100000",
    "And of how many expunged messages of a mailbox at most.", NULL, PTN_SCOPE_PLUGIN, 0 },
  { "token_age", PTN_SETTING_DURATION, 0, "2d",
    "How long a commit can be repeated without being done twice; a day at least.", NULL,
    PTN_SCOPE_PLUGIN, 0 },
  { "index_cache", PTN_SETTING_SIZE, 0, "64 MiB", "Memory for index pages, all shards together.",
    NULL, PTN_SCOPE_PLUGIN, 0 },
  { "reserve", PTN_SETTING_SIZE, 0, "16 MiB",
    "Disk space kept back so that mail can be expunged when the disk is full.", NULL,
    PTN_SCOPE_PLUGIN, 0 },
  { "compact", PTN_SETTING_INTEGER, 0, "50",
    "A closed log segment is compacted when more than so many percent of it are dead.", NULL,
    PTN_SCOPE_PLUGIN, 0 },
  { "compact_idle", PTN_SETTING_INTEGER, 0, "25",
    "Likewise, while nothing else happens, or when a shard takes more than twice its mail.", NULL,
    PTN_SCOPE_PLUGIN, 0 },
  { "compact_pause", PTN_SETTING_DURATION, 0, "30s",
    "How often to look for something to compact; 0: only when asked.", NULL, PTN_SCOPE_PLUGIN, 0 },
  { "base_gain", PTN_SETTING_INTEGER, 0, "100",
    "A snapshot of a shard's index is written when that gives back so much space, in percent of "
    "the index; 0: whenever it gives back any.",
    NULL, PTN_SCOPE_PLUGIN, 0 },
  { "background_recovery", PTN_SETTING_SIZE, 0, "256 MiB",
    "A shard that must read more than this at start is recovered while the others serve; 0: none "
    "is.",
    NULL, PTN_SCOPE_PLUGIN, 0 },
  { "compression", PTN_SETTING_ENUM, 0, "zstd",
    "How bodies are stored, where it saves more than an eighth of their octets.", "zstd none",
    PTN_SCOPE_PLUGIN, 0 },
  { "compression_level", PTN_SETTING_INTEGER, 0, "1",
    "1 to 19: a higher level takes less space and much more time.", NULL, PTN_SCOPE_PLUGIN, 0 },
  { "body_cache", PTN_SETTING_SIZE, 0, "128 MiB",
    "Memory, at most, for bodies that came in or were decompressed in the last minute.", NULL,
    PTN_SCOPE_PLUGIN, 0 },
  { "view_cache", PTN_SETTING_SIZE, 0, "32 MiB",
    "Memory, at most, for the lists of messages of mailboxes that nobody has open any more.", NULL,
    PTN_SCOPE_PLUGIN, 0 },
  { "scrub_interval", PTN_SETTING_DURATION, 0, "7d",
    "How often everything on disk is read and checked; 0: only by command.", NULL, PTN_SCOPE_PLUGIN,
    0 },
  { "scrub_rate", PTN_SETTING_SIZE, 0, "16 MiB", "At most so much a second is read for it.", NULL,
    PTN_SCOPE_PLUGIN, 0 },
  { "sync", PTN_SETTING_BOOLEAN, 0, "yes",
    "Sync before acknowledging; no is for tests only: mail is lost with the power.", NULL,
    PTN_SCOPE_PLUGIN, 0 },
  { "take_over", PTN_SETTING_BOOLEAN, 0, "no",
    "Open a store that another host had open and did not close.", NULL, PTN_SCOPE_PLUGIN, 0 },
};

/* The host knows the plugin, the functions want the store. */
static ptn_status
plugin_open (void *instance, struct ptn_call *call, const struct ptn_identity *identity,
             struct ptn_account **account) {
  return account_open (((struct plugin *)instance)->store, call, identity, account);
}

static ptn_status
plugin_deliver (void *instance, struct ptn_call *call, const struct ptn_append *append,
                const struct ptn_target *targets, size_t count, struct ptn_delivered *results) {
  return store_deliver (((struct plugin *)instance)->store, call, append, targets, count, results);
}

static ptn_status
plugin_list_accounts (void *instance, struct ptn_call *call, const char *after,
                      struct ptn_strings *accounts) {
  return admin_list_accounts (((struct plugin *)instance)->store, call, after, accounts);
}

static ptn_status
plugin_remove_account (void *instance, struct ptn_call *call, const char *account) {
  return request_remove_account (((struct plugin *)instance)->store, call, account);
}

static const struct ptn_store table = {
  .size = sizeof table,
  .capabilities = PTN_STORE_DURABLE | PTN_STORE_COPIES_CHEAPLY | PTN_STORE_QRESYNC
                  | PTN_STORE_TOKENS | PTN_STORE_QUOTA | PTN_STORE_SPECIAL_USE | PTN_STORE_RECENT
                  | PTN_STORE_SAVE_DATE | PTN_STORE_OBJECT_IDS | PTN_STORE_THREADS
                  | PTN_STORE_DIGESTS | PTN_STORE_ACL | PTN_STORE_PUBLIC | PTN_STORE_ANNOTATIONS
                  | PTN_STORE_EVENTS,
  .open = plugin_open,
  .close = account_close,
  .close_cursor = cursor_close,
  .list = mailbox_list,
  .next_mailbox = mailbox_next,
  .status = mailbox_status,
  .create = request_create,
  .remove = request_remove,
  .rename = request_rename,
  .subscribe = request_subscribe,
  .view = view_get,
  .release_view = view_release,
  .keyword = request_keyword,
  .fetch = fetch_open,
  .next_messages = fetch_next,
  .read = message_read,
  .annotations = annotations_open,
  .next_annotation = annotations_next,
  .begin = change_begin,
  .append = change_append,
  .copy = change_copy,
  .set_flags = change_set_flags,
  .expunge = change_expunge,
  .annotate = change_annotate,
  .commit = change_commit,
  .outcome = change_outcome,
  .end = change_end,
  .deliver = plugin_deliver,
  .list_accounts = plugin_list_accounts,
  .remove_account = plugin_remove_account,
  .quota = admin_quota,
  .set_quota = request_set_quota,
  .set_attributes = request_set_attributes,
  .vanished = mailbox_vanished,
  .rights = mailbox_rights,
  .set_rights = request_set_rights,
  .list_others = mailbox_list_others,
  .remember = message_remember,
  .claim_recent = request_claim_recent,
};

static ptn_status
refuse (const struct ptn_host *host, const char *name, const char *why) {
  struct ptn_field field = { name, why };

  host->log (host, PTN_LOG_ERROR, NULL, "store.setting", &field, 1);
  return PTN_E_INVALID;
}

static ptn_status
plugin_configure (const struct ptn_host *host, const struct ptn_config *config, void **instance) {
  struct plugin *plugin;
  ptn_status status;

  if (host->number (config, "shards") < 1 || host->number (config, "shards") > 64)
    return refuse (host, "shards", "must be 1 to 64");
  if (host->number (config, "commit_threads") < 1 || host->number (config, "commit_threads") > 64)
    return refuse (host, "commit_threads", "must be 1 to 64");
  if (host->number (config, "segment_size") < 4096
      || host->number (config, "segment_size") > (int64_t)1 << 31)
    return refuse (host, "segment_size", "must be 4 KiB to 2 GiB");
  if (host->number (config, "checkpoint_records") < 1)
    return refuse (host, "checkpoint_records", "must be at least 1");
  if (host->number (config, "scrub_rate") < 65536)
    return refuse (host, "scrub_rate", "must be at least 64 KiB");
  if (host->number (config, "compression_level") < CODEC_LEVEL_MIN
      || host->number (config, "compression_level") > CODEC_LEVEL_MAX)
    return refuse (host, "compression_level", "must be 1 to 19");
  if (host->number (config, "expunged_kept") < 0)
    return refuse (host, "expunged_kept", "must not be negative");
  if (host->number (config, "token_age") < 24 * 3600 * 1000)
    return refuse (host, "token_age", "must be at least a day");
  if (host->number (config, "compact") < 0 || host->number (config, "compact") > 100)
    return refuse (host, "compact", "must be 0 to 100");
  if (host->number (config, "compact_idle") < 0 || host->number (config, "compact_idle") > 100)
    return refuse (host, "compact_idle", "must be 0 to 100");
  if (host->number (config, "base_gain") < 0 || host->number (config, "base_gain") > 10000)
    return refuse (host, "base_gain", "must be 0 to 10000");
  plugin = g_new0 (struct plugin, 1);
  plugin->place.host = host;
  plugin->place.config = config;
  status = host->provide (host, PTN_STORE_ID, NULL, &table, plugin);
  if (status == PTN_OK)
    status = control_provide (&plugin->place, &plugin->store);
  if (status != PTN_OK) {
    g_free (plugin);
    return status;
  }
  *instance = plugin;
  return PTN_OK;
}

static ptn_status
plugin_start (void *instance) {
  struct plugin *plugin = instance;
  const struct ptn_host *host = plugin->place.host;
  const struct ptn_config *config = plugin->place.config;
  struct store_settings chosen = {
    .path = control_store_path (&plugin->place),
    .shards = (uint32_t)host->number (config, "shards"),
    .committers = (uint32_t)host->number (config, "commit_threads"),
    .segment_size = (uint64_t)host->number (config, "segment_size"),
    .checkpoint_octets = (uint64_t)host->number (config, "checkpoint_octets"),
    .checkpoint_records = (uint64_t)host->number (config, "checkpoint_records"),
    .checkpoint_idle = host->number (config, "checkpoint_idle"),
    .expunged_age = host->number (config, "expunged_age"),
    .expunged_kept = (uint64_t)host->number (config, "expunged_kept"),
    .token_age = host->number (config, "token_age"),
    .reserve = (uint64_t)host->number (config, "reserve"),
    .background = (uint64_t)host->number (config, "background_recovery"),
    .compact = (uint32_t)host->number (config, "compact"),
    .compact_idle = (uint32_t)host->number (config, "compact_idle"),
    .compact_pause = host->number (config, "compact_pause"),
    .base_gain = (uint32_t)host->number (config, "base_gain"),
    .cache = (uint64_t)host->number (config, "index_cache"),
    .body_cache = (uint64_t)host->number (config, "body_cache"),
    .view_cache = (uint64_t)host->number (config, "view_cache"),
    .scrub_interval = host->number (config, "scrub_interval"),
    .scrub_rate = (uint64_t)host->number (config, "scrub_rate"),
    .compression = strcmp (host->text (config, "compression"), "zstd") == 0
                       ? (int)host->number (config, "compression_level")
                       : 0,
    .sync = host->number (config, "sync") != 0,
    .take_over = host->number (config, "take_over") != 0,
  };

  return store_open (host, &io_system, &chosen, &plugin->store);
}

static void
plugin_stop (void *instance) {
  struct plugin *plugin = instance;

  store_close (&plugin->store);
}

static void
plugin_destroy (void *instance) {
  g_free (instance);
}

static const struct ptn_plugin plugin = {
  .size = sizeof plugin,
  .abi_major = PTN_ABI_MAJOR,
  .abi_minor = PTN_ABI_MINOR,
  .name = "storage-kyoto",
  .version = "0.1.0",
  .summary = "The durable message store: Kyoto Cabinet under a log.",
  .settings = settings,
  .setting_count = G_N_ELEMENTS (settings),
  .setting_size = sizeof (struct ptn_setting),
  .configure = plugin_configure,
  .start = plugin_start,
  .stop = plugin_stop,
  .destroy = plugin_destroy,
};

const struct ptn_plugin *
postern_plugin_entry (uint32_t host_abi_major, uint32_t host_abi_minor) {
  return host_abi_major == PTN_ABI_MAJOR ? &plugin : NULL;
}
