/* SPDX-License-Identifier: Apache-2.0 */
/* directory-file.c - settings and life of the plugin; see README.md.  The host owns the instance
 * from configure to destroy. */
#include "directory.h"

#include <string.h>

#ifdef HAVE_ARGON2
#define DEFAULT_HASH "argon2id"
#define HASHES "argon2id yescrypt"
#else
#define DEFAULT_HASH "yescrypt"
#define HASHES "yescrypt"
#endif

static const struct ptn_setting settings[] = {
  { "file", PTN_SETTING_PATH, 0, NULL,
    "The accounts file; default: accounts in the plugin's state directory.", NULL, 0, 0 },
  { "domains", PTN_SETTING_LIST, 1, NULL, "Mail domains served here; the first is the primary one.",
    NULL, 0, 0 },
  { "nt_domains", PTN_SETTING_LIST, 0, NULL, "Windows names of these domains, in the same order.",
    NULL, 0, 0 },
  { "hash", PTN_SETTING_ENUM, 0, DEFAULT_HASH, "How new passwords are stored.", HASHES, 0, 0 },
  { "argon2_memory", PTN_SETTING_SIZE, 0, "19 MiB", "Memory of a new Argon2id hash.", NULL, 0, 0 },
  { "argon2_passes", PTN_SETTING_INTEGER, 0, "2", "Passes of a new Argon2id hash.", NULL, 0, 0 },
  { "argon2_lanes", PTN_SETTING_INTEGER, 0, "1", "Lanes of a new Argon2id hash.", NULL, 0, 0 },
  { "extra_keys", PTN_SETTING_LIST, 0, NULL, "What else is derived from a new password.",
    "nt scram-sha-1 scram-sha-256", 0, 0 },
  { "administrators", PTN_SETTING_LIST, 0, "administrator",
    "Accounts whose mailbox opens neither over POP3 nor over IMAP.", NULL, 0, 0 },
  { "postmaster", PTN_SETTING_STRING, 0, NULL,
    "Account or group for postmaster's mail; default: the first account of the file.", NULL, 0, 0 },
  { "default_quota", PTN_SETTING_SIZE, 0, "unlimited", "Octets an account may store.", NULL, 0, 0 },
  { "default_quota_messages", PTN_SETTING_INTEGER, 0, "0",
    "Messages an account may store; 0: any number.", NULL, 0, 0 },
  { "default_retention", PTN_SETTING_STRING, 0, "delete",
    "pop3.retention of accounts that say nothing: delete, hide or keep N d.", NULL, 0, 0 },
  { "node", PTN_SETTING_STRING, 0, NULL,
    "Our name as it stands in `server` of accounts; default: the server's own name.", NULL, 0, 0 },
  { "commands", PTN_SETTING_BOOLEAN, 0, "yes",
    "Offer `posternctl user` for this file; no for all directories but one.", NULL, 0, 0 },
  { "cache_entries", PTN_SETTING_INTEGER, 0, "16384",
    "How many successful password checks are remembered; 0: none.", NULL, 0, 0 },
  { "cache_time", PTN_SETTING_DURATION, 0, "1h", "For how long.", NULL, 0, 0 },
};

static struct rules *
refuse (struct directory *directory, const char *text) {
  directory->host->log (directory->host, PTN_LOG_ERROR, NULL, "directory.settings",
                        &(struct ptn_field){ "text", text }, 1);
  return NULL;
}

/* The one in use, if the settings did not change: what it remembers is worth keeping. */
static struct verdicts *
find_cache (struct directory *directory, const struct ptn_config *config) {
  const struct ptn_host *host = directory->host;
  const size_t entries = (size_t)CLAMP (host->number (config, "cache_entries"), 0, 1 << 24);
  const int64_t lifetime_ns =
      MIN (host->number (config, "cache_time"), G_MAXINT64 / 4000000) * 1000000;
  const struct rules *rules = directory->rules;
  if (rules && rules->cache && verdicts_are_like (rules->cache, entries, lifetime_ns, 0))
    return verdicts_ref (rules->cache);
  return verdicts_new (entries, lifetime_ns, 0);
}

static bool
read_costs (const struct ptn_host *host, const struct ptn_config *config,
            struct password_costs *costs) {
  const int64_t kib = host->number (config, "argon2_memory") / 1024;
  const int64_t passes = host->number (config, "argon2_passes");
  const int64_t lanes = host->number (config, "argon2_lanes");
  const bool argon2 = strcmp (host->text (config, "hash"), "argon2id") == 0;
  *costs = (struct password_costs){ argon2 ? SCHEME_ARGON2 : SCHEME_CRYPT, (uint32_t)kib,
                                    (uint32_t)passes, (uint32_t)lanes };
  return kib >= 8 * lanes && kib <= 1024 * 1024 && passes >= 1 && passes <= 1000 && lanes >= 1
         && lanes <= 64;
}

struct rules *
directory_read_settings (struct directory *directory, const struct ptn_config *config) {
  const struct ptn_host *host = directory->host;
  const char *file = host->text (config, "file");
  g_autofree char *usual = g_build_filename (host->state_directory, "accounts", NULL);
  struct rules_input input = {
    .file = file && *file ? file : usual,
    .domains = host->words (config, "domains"),
    .nt_domains = host->words (config, "nt_domains"),
    .administrators = host->words (config, "administrators"),
    .postmaster = host->text (config, "postmaster"),
    .node = host->text (config, "node"),
    .retention = host->text (config, "default_retention"),
    .quota_octets = host->number (config, "default_quota"),
    .quota_messages = host->number (config, "default_quota_messages"),
    .extra_keys = host->words (config, "extra_keys"),
  };
  if (!read_costs (host, config, &input.costs))
    return refuse (directory, "argon2_memory, argon2_passes or argon2_lanes is out of range "
                              "(8 KiB a lane to 1 GiB, 1 to 1000, 1 to 64)");
  input.cache = find_cache (directory, config);
  if (!input.cache)
    return refuse (directory, "the system gives no random numbers");
  const char *fault;
  struct rules *rules = rules_new (&input, &fault);
  verdicts_unref (input.cache);
  return rules ? rules : refuse (directory, fault);
}

/* ---- Life -------------------------------------------------------------------------------- */

static void
make_metrics (struct directory *directory) {
  const struct ptn_host *host = directory->host;
  directory->accounts_metric =
      host->metric (host, PTN_METRIC_GAUGE, "postern_directory_accounts", "Accounts in the file.");
  directory->reloads_metric = host->metric (host, PTN_METRIC_COUNTER, "postern_directory_reloads",
                                            "Times the accounts file was read.");
  static const char help[] = "Password checks, by what they took.";
  directory->compared_metric =
      host->metric (host, PTN_METRIC_COUNTER, "postern_password_checks{kind=\"compare\"}", help);
  directory->cached_metric =
      host->metric (host, PTN_METRIC_COUNTER, "postern_password_checks{kind=\"cache\"}", help);
  directory->hashed_metric =
      host->metric (host, PTN_METRIC_COUNTER, "postern_password_checks{kind=\"hash\"}", help);
  directory->busy_metric =
      host->metric (host, PTN_METRIC_COUNTER, "postern_password_checks{kind=\"busy\"}", help);
}

static void
directory_destroy (void *instance) {
  struct directory *directory = instance;
  g_clear_pointer (&directory->current, accounts_unref);
  g_clear_pointer (&directory->rules, rules_unref);
  g_clear_pointer (&directory->uses, uses_free);
  pthread_mutex_destroy (&directory->lock);
  pthread_mutex_destroy (&directory->loading);
  g_free (directory);
}

/* Reads the file too, so that --check tells its mistakes.  That it is missing is no mistake yet:
 * `posternctl user add` makes it. */
static ptn_status
directory_configure (const struct ptn_host *host, const struct ptn_config *config,
                     void **instance) {
  struct directory *directory = g_new0 (struct directory, 1);
  directory->host = host;
  pthread_mutex_init (&directory->lock, NULL);
  pthread_mutex_init (&directory->loading, NULL);
  make_metrics (directory);
  g_autofree char *uses = g_build_filename (host->state_directory, "app-passwords", NULL);
  directory->uses = uses_new (uses);
  directory->rules = directory_read_settings (directory, config);
  ptn_status status = directory->rules ? PTN_OK : PTN_E_INVALID;
  if (status == PTN_OK && directory_load (directory, directory->rules, NULL) == PTN_E_INVALID)
    status = PTN_E_INVALID;
  if (status == PTN_OK)
    status = host->provide (host, PTN_DIRECTORY_ID, NULL, &directory_table, directory);
  if (status == PTN_OK)
    status = host->provide (host, PTN_CREDENTIALS_ID, NULL, &credentials_table, directory);
  if (status == PTN_OK && host->number (config, "commands"))
    status = commands_provide (directory);
  if (status != PTN_OK) {
    directory_destroy (directory);
    return status;
  }
  *instance = directory;
  return PTN_OK;
}

static ptn_status
directory_start (void *instance) {
  struct directory *directory = instance;
  struct ptn_binding streams;
  if (directory->host->find (directory->host, PTN_STREAM_ID, NULL, &streams) == PTN_OK)
    directory->streams = streams.table;
  return PTN_OK;
}

/* Nobody else is here any more. */
static void
directory_stop (void *instance) {
  struct directory *directory = instance;
  if (directory->current && uses_are_due (directory->uses, G_MAXINT64))
    uses_write (directory->uses, directory->current, directory->host->monotonic_ns ());
}

static ptn_status
directory_reload (void *instance, struct ptn_task *task, const struct ptn_config *config) {
  struct directory *directory = instance;
  struct rules *rules = directory_read_settings (directory, config);
  if (!rules)
    return PTN_E_INVALID;
  const ptn_status status = directory_load (directory, rules, task);
  rules_unref (rules);
  return status;
}

static const struct ptn_plugin plugin = {
  .size = sizeof plugin,
  .abi_major = PTN_ABI_MAJOR,
  .abi_minor = PTN_ABI_MINOR,
  .name = "directory-file",
  .version = POSTERN_VERSION,
  .summary = "Accounts, aliases, passwords and delegation in one text file",
  .settings = settings,
  .setting_count = G_N_ELEMENTS (settings),
  .setting_size = sizeof (struct ptn_setting),
  .configure = directory_configure,
  .start = directory_start,
  .reload = directory_reload,
  .stop = directory_stop,
  .destroy = directory_destroy,
  .lanes = "password",
};

const struct ptn_plugin *
postern_plugin_entry (uint32_t host_abi_major, uint32_t host_abi_minor) {
  return host_abi_major == PTN_ABI_MAJOR ? &plugin : NULL;
}
