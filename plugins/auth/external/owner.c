/* SPDX-License-Identifier: Apache-2.0 */
/* owner.c - see owner.h.  Rules of the file come first; then what the listener's `external_names`
 * finds in the certificate.  More than one answer is none. */
#include "external/owner.h"

#include "external/rules.h"

#include <string.h>

/* The values of a property, one a line feed; NULL: it has none. */
static char **
values_of (const struct auth *auth, const struct ptn_sasl_request *request, const char *kind) {
  char name[40];
  g_snprintf (name, sizeof name, "tls.client-%s", kind);
  const char *text = auth_property (auth, request->stream, name);
  /* A subject is one value, whatever is in it. */
  const bool single = strcmp (kind, "subject") == 0;
  if (!*text)
    return NULL;
  return single ? g_strdupv ((char *[]){ (char *)text, NULL }) : g_strsplit (text, "\n", -1);
}

/* false: two rules contradict each other. */
static bool
apply_rules (const struct auth *auth, const struct ptn_sasl_request *request, const char *kind,
             char **login) {
  g_auto (GStrv) values = values_of (auth, request, kind);
  for (size_t i = 0; values && values[i]; i++) {
    g_autofree char *found = external_rules_find (auth->external_rules, kind, values[i]);
    if (!found)
      continue;
    if (*login && strcmp (*login, found) != 0)
      return false;
    g_free (*login);
    *login = g_steal_pointer (&found);
  }
  return true;
}

/* Names who somebody is, and not whose mailbox is wanted: that is not for the authority to say, whose
 * users may have chosen the name ("alice@example.test/alice@example.test"). */
static bool
names_a_user (const char *value) {
  return !strpbrk (value, "/\\");
}

/* The first kind of name that the certificate has decides, and it must have one of that. */
static owner_kind
by_names (const struct auth *auth, const struct ptn_sasl_request *request, char **login) {
  if (!request->config)
    return OWNER_UNKNOWN;
  const struct ptn_strings kinds = auth->host->words (request->config, "external_names");
  for (size_t i = 0; i < kinds.count; i++) {
    g_auto (GStrv) values = values_of (auth, request, kinds.items[i]);
    if (!values)
      continue;
    if (values[1])
      return OWNER_SEVERAL;
    if (!names_a_user (values[0]))
      return OWNER_UNKNOWN;
    *login = g_strdup (values[0]);
    return OWNER_USER;
  }
  return OWNER_UNKNOWN;
}

static void
look_at_rules (const struct auth *auth) {
  const struct ptn_host *host = auth->host;
  g_autofree char *why = NULL;
  if (external_rules_look (auth->external_rules, host->monotonic_ns (), &why))
    return;
  const struct ptn_field fields[] = { { "text", why } };
  host->log (host, PTN_LOG_ERROR, NULL, "login.settings", fields, 1);
}

owner_kind
owner_find (const struct auth *auth, const struct ptn_sasl_request *request, char **login) {
  static const char *const kinds[] = { "fingerprint", "subject", "email", "upn" };
  *login = NULL;
  if (!*auth_property (auth, request->stream, "tls.client-fingerprint"))
    return OWNER_NONE;
  look_at_rules (auth);
  for (size_t i = 0; i < G_N_ELEMENTS (kinds); i++)
    if (!apply_rules (auth, request, kinds[i], login)) {
      g_clear_pointer (login, g_free);
      return OWNER_SEVERAL;
    }
  if (!*login)
    return by_names (auth, request, login);
  if (strcmp (*login, "*") != 0)
    return OWNER_USER;
  g_clear_pointer (login, g_free);
  return OWNER_FRONT_END;
}
