/* SPDX-License-Identifier: Apache-2.0 */
/* offer.c - see offer.h. */
#include "offer.h"
#include "source.h"

#include <string.h>

/* "Integrated Windows Authentication": one switch for the three, as administrators know it. */
static const char *const integrated[] = { "GSSAPI", "GSS-SPNEGO", "NTLM", NULL };

bool
offer_is_integrated (const char *name) {
  for (size_t i = 0; integrated[i]; i++)
    if (g_ascii_strcasecmp (integrated[i], name) == 0)
      return true;
  return false;
}

static const struct auth_mechanism *
find_provider (struct auth *auth, const char *name) {
  for (size_t i = 0; i < auth->mechanism_count; i++)
    if (g_ascii_strcasecmp (auth->mechanisms[i].table->name, name) == 0)
      return &auth->mechanisms[i];
  return NULL;
}

static bool
lists (struct ptn_strings words, const char *name) {
  for (size_t i = 0; i < words.count; i++)
    if (g_ascii_strcasecmp (words.items[i], name) == 0)
      return true;
  return false;
}

static bool
is_configured (struct auth *auth, const struct ptn_sasl_request *request, const char *name) {
  if (offer_is_integrated (name))
    return auth->host->number (request->config, "integrated_windows_authentication");
  return lists (auth->host->words (request->config, "sasl_mechanisms"), name);
}

/* NULL: it works here; else why not. */
static const char *
obstacle (const struct roster *roster, const struct ptn_sasl_request *request,
          const struct auth_mechanism *found) {
  const struct ptn_sasl_mechanism *table = found->table;
  if (g_ascii_strcasecmp (table->name, "ANONYMOUS") == 0)
    return "anonymous logins are never allowed";
  if (PTN_HAS (table, schemes) && !sources_know (roster, table->schemes))
    return "no directory can verify this mechanism";
  if (PTN_CAN (table, available) && !table->available (found->instance, request))
    return "the mechanism cannot be used on this connection";
  return NULL;
}

static void
add (struct auth *auth, const struct roster *roster, const struct ptn_sasl_request *request,
     const char *name, const char **names, size_t *count) {
  const struct auth_mechanism *found = find_provider (auth, name);
  if (!found || *count == AUTH_MECHANISM_LIMIT || obstacle (roster, request, found)
      || ((found->table->flags & PTN_SASL_PLAINTEXT) && !auth_is_private (auth, request)))
    return;
  for (size_t i = 0; i < *count; i++)
    if (names[i] == found->table->name)
      return;
  names[(*count)++] = found->table->name;
}

size_t
offer_list (struct auth *auth, const struct roster *roster, const struct ptn_sasl_request *request,
            const char **names) {
  const struct ptn_strings wanted = auth->host->words (request->config, "sasl_mechanisms");
  size_t count = 0;
  for (size_t i = 0; i < wanted.count; i++)
    if (is_configured (auth, request, wanted.items[i]))
      add (auth, roster, request, wanted.items[i], names, &count);
  for (size_t i = 0; integrated[i]; i++)
    if (!lists (wanted, integrated[i]) && is_configured (auth, request, integrated[i]))
      add (auth, roster, request, integrated[i], names, &count);
  return count;
}

const struct auth_mechanism *
offer_find (struct auth *auth, const struct roster *roster, const struct ptn_sasl_request *request,
            const char *name, const char **why) {
  const struct auth_mechanism *found =
      is_configured (auth, request, name) ? find_provider (auth, name) : NULL;
  *why = found ? obstacle (roster, request, found) : "mechanism is not offered";
  return *why ? NULL : found;
}

bool
offer_passwords (struct auth *auth, const struct roster *roster,
                 const struct ptn_sasl_request *request) {
  return auth_is_private (auth, request) && sources_know (roster, "PASSWORD");
}
