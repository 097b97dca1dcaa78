/* SPDX-License-Identifier: Apache-2.0 */
/* check.c - see check.h. */
#include "check.h"

#include "auth.h"
#include "offer.h"

#include <string.h>

struct check {
  const struct ptn_host *host;
  const struct ptn_config *config;
  ptn_warn *warn;
  void *to;
};

static void
warn (const struct check *check, const char *setting, const char *before, const char *word,
      const char *after) {
  g_autofree char *text = g_strconcat (before, word, after, NULL);
  check->warn (check->to, setting, text);
}

/* ---- The plugin's own section ---------------------------------------------------------------- */

static bool
is_provided (const struct check *check, const char *id, const char *name) {
  struct ptn_strings names;
  if (check->host->list (check->host, id, &names) != PTN_OK)
    return false;
  for (size_t i = 0; i < names.count; i++)
    if (strcmp (names.items[i], name) == 0)
      return true;
  return false;
}

/* DIRECTORY:SOURCE+SOURCE */
static void
check_chain (const struct check *check, const char *word) {
  static const char setting[] = "credentials";
  const char *colon = strchr (word, ':');
  if (!colon) {
    warn (check, setting, "", word, " is not DIRECTORY:SOURCE or DIRECTORY:SOURCE+SOURCE");
    return;
  }
  g_autofree char *directory = g_strndup (word, (gsize)(colon - word));
  g_auto (GStrv) sources = g_strsplit (colon + 1, "+", -1);
  if (!is_provided (check, PTN_DIRECTORY_ID, directory))
    warn (check, setting, "no plugin here provides a directory named ", directory, "");
  for (size_t i = 0; sources[i]; i++)
    if (!is_provided (check, PTN_CREDENTIALS_ID, sources[i]))
      warn (check, setting, "no plugin here verifies users as ", sources[i],
            ": those of this directory cannot log in");
  if (g_strv_length (sources) > ROSTER_SOURCE_LIMIT)
    warn (check, setting, "", word, " names more than 4 sources: its users cannot log in");
}

static void
check_own (const struct check *check) {
  struct network network;
  struct ptn_strings words = check->host->words (check->config, "credentials");
  for (size_t i = 0; i < words.count; i++)
    check_chain (check, words.items[i]);
  words = check->host->words (check->config, "trusted_networks");
  for (size_t i = 0; i < words.count; i++)
    if (!network_read (words.items[i], &network))
      warn (check, "trusted_networks", "", words.items[i],
            " is no network, as 10.0.0.0/8, ::1 or unix");
}

/* ---- Listeners ------------------------------------------------------------------------------- */

/* One switch for three mechanisms: naming them is not enough. */
static void
check_listener (const struct check *check) {
  if (check->host->number (check->config, "integrated_windows_authentication"))
    return;
  const struct ptn_strings words = check->host->words (check->config, "sasl_mechanisms");
  for (size_t i = 0; i < words.count; i++)
    if (offer_is_integrated (words.items[i]))
      warn (check, "sasl_mechanisms", "", words.items[i],
            " is not offered without integrated_windows_authentication = yes");
  if (check->host->number (check->config, "ntlmv1"))
    check->warn (check->to, "ntlmv1",
                 "means nothing without integrated_windows_authentication = yes");
}

void
auth_check (void *instance, const struct ptn_config *config, uint32_t scope, ptn_warn *warn_of,
            void *to) {
  const struct auth *auth = instance;
  const struct check check = { auth->host, config, warn_of, to };
  if (scope == PTN_SCOPE_PLUGIN)
    check_own (&check);
  else if (scope == PTN_SCOPE_LISTENER)
    check_listener (&check);
}
