/* SPDX-License-Identifier: Apache-2.0 */
/* roster.c - see roster.h. */
#include "roster.h"
#include "scram/keys.h"

#include <string.h>

/* A mistake harms only what depends on it: nobody verifies the users of that directory. */
static void
tell (const struct ptn_host *host, const char *text, const char *name) {
  const struct ptn_field fields[] = { { "text", text }, { "name", name } };
  host->log (host, PTN_LOG_ERROR, NULL, "login.no_source", fields, 2);
}

/* ---- Sources ----------------------------------------------------------------------------- */

static const struct roster_source *
find_source (const struct everybody *everybody, const char *name) {
  for (size_t i = 0; i < everybody->source_count; i++)
    if (strcmp (everybody->sources[i].name, name) == 0)
      return &everybody->sources[i];
  return NULL;
}

/* What `credentials` says of the directory: "NAME:SOURCE+SOURCE"; NULL: nothing. */
static const char *
chain_of (struct ptn_strings chains, const char *name) {
  const size_t length = strlen (name);
  for (size_t i = 0; i < chains.count; i++)
    if (strncmp (chains.items[i], name, length) == 0 && chains.items[i][length] == ':')
      return chains.items[i] + length + 1;
  return NULL;
}

/* The sources that the settings name: all of them or none. */
static void
add_chain (const struct ptn_host *host, const struct everybody *everybody, const char *chain,
           struct roster_directory *directory) {
  g_auto (GStrv) names = g_strsplit (chain, "+", -1);
  for (size_t i = 0; names[i]; i++) {
    const struct roster_source *source = find_source (everybody, names[i]);
    if (!source || i == ROSTER_SOURCE_LIMIT) {
      tell (host,
            source ? "`credentials` names more than 4 sources for a directory"
                   : "`credentials` names a source that is not there",
            names[i]);
      directory->source_count = 0;
      directory->broken = true;
      return;
    }
    directory->sources[directory->source_count++] = *source;
  }
}

/* A directory's users are checked by whom the settings name, else by the credentials of the same
 * name, else by the usual ones. */
static void
add_sources (const struct ptn_host *host, const struct everybody *everybody,
             struct ptn_strings chains, struct roster_directory *directory) {
  const char *chain = chain_of (chains, directory->name);
  if (chain) {
    add_chain (host, everybody, chain, directory);
    return;
  }
  const struct roster_source *same = find_source (everybody, directory->name);
  const struct roster_source *source = same ? same : &everybody->usual;
  if (source->credentials)
    directory->sources[directory->source_count++] = *source;
}

static void
check_chains (const struct ptn_host *host, const struct everybody *everybody,
              struct ptn_strings chains) {
  for (size_t i = 0; i < chains.count; i++) {
    bool used = false;
    for (size_t k = 0; k < everybody->directory_count && !used; k++)
      used = chain_of ((struct ptn_strings){ &chains.items[i], 1 }, everybody->directories[k].name);
    if (!used)
      tell (host, "`credentials` wants DIRECTORY:SOURCE+SOURCE, with the name of a directory",
            chains.items[i]);
  }
}

/* ---- The roster -------------------------------------------------------------------------- */

static char **
copy_words (struct ptn_strings words) {
  char **copy = g_new0 (char *, words.count + 1);
  for (size_t i = 0; i < words.count; i++)
    copy[i] = g_strdup (words.items[i]);
  return copy;
}

/* A word that is no network is told, and trusts nobody. */
static void
read_trusted (const struct ptn_host *host, const struct ptn_config *config, struct roster *roster) {
  const struct ptn_strings words = host->words (config, "trusted_networks");
  roster->trusted = g_new0 (struct network, words.count);
  for (size_t i = 0; i < words.count; i++) {
    const struct ptn_field fields[] = {
      { "text", "`trusted_networks` has a word that is no network, as 10.0.0.0/8, ::1 or unix" },
      { "name", words.items[i] },
    };
    if (network_read (words.items[i], &roster->trusted[roster->trusted_count]))
      roster->trusted_count++;
    else
      host->log (host, PTN_LOG_ERROR, NULL, "login.settings", fields, 2);
  }
}

bool
roster_trusts (const struct roster *roster, const char *address) {
  for (size_t i = 0; i < roster->trusted_count; i++)
    if (network_has (&roster->trusted[i], address))
      return true;
  return false;
}

static struct verdicts *
find_verdicts (const struct ptn_host *host, const struct ptn_config *config,
               const struct roster *before) {
  const size_t entries = (size_t)CLAMP (host->number (config, "cache_entries"), 0, 1 << 24);
  const int64_t most = G_MAXINT64 / 4000000;
  const int64_t right_ns = MIN (host->number (config, "cache_time"), most) * 1000000;
  const int64_t wrong_ns = MIN (host->number (config, "cache_negative_time"), most) * 1000000;
  if (before && verdicts_are_like (before->verdicts, entries, right_ns, wrong_ns))
    return verdicts_ref (before->verdicts);
  return verdicts_new (entries, right_ns, wrong_ns);
}

struct roster *
roster_new (const struct ptn_host *host, const struct everybody *everybody,
            const struct ptn_config *config, const struct roster *before) {
  const struct ptn_strings chains = host->words (config, "credentials");
  struct roster *roster = g_new0 (struct roster, 1);
  roster->references = 1;
  roster->closed = copy_words (host->words (config, "closed_mailboxes"));
  roster->scram_iterations =
      (unsigned)CLAMP (host->number (config, "scram_iterations"), 4096, SCRAM_ITERATIONS_MAX);
  roster->recheck_ns =
      MIN (host->number (config, "delegation_check"), G_MAXINT64 / 4000000) * 1000000;
  read_trusted (host, config, roster);
  roster->verdicts = find_verdicts (host, config, before);
  if (!roster->verdicts) {
    tell (host, "the system gives no random numbers", "");
    roster_unref (roster);
    return NULL;
  }
  for (size_t i = 0; i < everybody->directory_count; i++) {
    struct roster_directory *directory = &roster->directories[roster->directory_count++];
    *directory = everybody->directories[i];
    add_sources (host, everybody, chains, directory);
  }
  check_chains (host, everybody, chains);
  return roster;
}

struct roster *
roster_ref (struct roster *roster) {
  g_atomic_int_inc (&roster->references);
  return roster;
}

void
roster_unref (struct roster *roster) {
  if (!g_atomic_int_dec_and_test (&roster->references))
    return;
  g_clear_pointer (&roster->verdicts, verdicts_unref);
  g_free (roster->trusted);
  g_strfreev (roster->closed);
  g_free (roster);
}
