/* SPDX-License-Identifier: Apache-2.0 */
/* claims.c - see claims.h. */
#include "claims.h"

#include "json.h"

#include <math.h>
#include <string.h>

/* ---- Words ------------------------------------------------------------------------------- */

static bool
is_in (GStrv list, const char *word) {
  return word && g_strv_contains ((const char *const *)list, word);
}

/* Is the word one of the claim, which is a list, or words divided by spaces? */
static bool
names (const json_t *claim, const char *word) {
  const json_t *item;
  size_t i;
  if (json_is_array (claim)) {
    json_array_foreach (claim, i,
                        item) if (g_strcmp0 (json_string_value (item), word) == 0) return true;
    return false;
  }
  g_auto (GStrv) words =
      g_strsplit (json_is_string (claim) ? json_string_value (claim) : "", " ", 0);
  return is_in (words, word);
}

bool
claims_are_of (const json_t *claims, const struct rules *rules) {
  return is_in (rules->issuers, json_text (claims, "iss"));
}

/* RFC 7519 section 4.1.3: one, or a list. */
static bool
is_for_us (const json_t *claims, const struct rules *rules) {
  const json_t *audience = json_object_get (claims, "aud"), *item;
  size_t i;
  if (!rules->audiences[0])
    return true;
  if (json_is_string (audience))
    return is_in (rules->audiences, json_string_value (audience));
  json_array_foreach (audience, i,
                      item) if (is_in (rules->audiences, json_string_value (item))) return true;
  return false;
}

/* "scope" (RFC 9068), "scp" of Microsoft and Okta. */
static bool
reaches (const json_t *claims, const struct rules *rules) {
  for (char **scope = rules->scopes; *scope; scope++)
    if (!names (json_object_get (claims, "scope"), *scope)
        && !names (json_object_get (claims, "scp"), *scope))
      return false;
  return true;
}

/* ---- Times ------------------------------------------------------------------------------- */

/* RFC 7519 section 2, NumericDate: whole seconds for us, rounded down.  false: it is there and is
 * none. */
static bool
take_time (const json_t *claims, const char *name, gint64 missing, gint64 *seconds) {
  const json_t *claim = json_object_get (claims, name);
  *seconds = missing;
  if (!claim)
    return true;
  if (!json_is_number (claim))
    return false;
  const double value = json_number_value (claim);
  if (!isfinite (value) || value < 0 || value > 1e12)
    return false;
  *seconds = (gint64)value;
  return true;
}

static const char *
check_times (const json_t *claims, claims_kind kind, gint64 leeway_s, gint64 now_s,
             struct grant *grant) {
  gint64 until, from, made;
  if (!take_time (claims, "exp", G_MAXINT64, &until) || !take_time (claims, "nbf", 0, &from)
      || !take_time (claims, "iat", 0, &made))
    return "the token's times are malformed";
  if (kind == CLAIMS_OF_TOKEN && until == G_MAXINT64)
    return "the token has no end";
  grant->until_s = until == G_MAXINT64 ? until : until + leeway_s;
  if (now_s >= grant->until_s)
    return "the token has expired";
  if (from > now_s + leeway_s)
    return "the token is not good yet";
  return made > now_s + leeway_s ? "the token was made in the future" : NULL;
}

/* ---- The user ---------------------------------------------------------------------------- */

/* A name as the directory takes it, without the characters by which a login asks for the mailbox
 * of somebody else: that is not for the issuer to say. */
static bool
is_name (const char *name) {
  if (!*name || strlen (name) > CLAIMS_USER_LIMIT || strpbrk (name, "/\\"))
    return false;
  for (const char *at = name; *at; at++)
    if ((unsigned char)*at < 0x20 || *at == 0x7f)
      return false;
  return true;
}

/* Some issuers write "false" for false, and that is no true. */
static bool
may_be_verified (const json_t *verified) {
  return !verified || json_is_true (verified)
         || g_strcmp0 (json_string_value (verified), "true") == 0;
}

static const char *
take_user (const json_t *claims, const struct rules *rules, struct grant *grant) {
  const char *name = NULL;
  for (char **claim = rules->user_claims; *claim && !name; claim++) {
    name = json_text (claims, *claim);
    if (name && strcmp (*claim, "email") == 0
        && !may_be_verified (json_object_get (claims, "email_verified")))
      return "the address of the token is not verified";
  }
  if (!name)
    return "the token does not say whose it is";
  if (!is_name (name))
    return "the token's user is no name";
  const char *at = strrchr (name, '@');
  if (!rules->domains[0]) {
    grant->user = g_strdup (name);
    return NULL;
  }
  if (!at) {
    grant->user = g_strconcat (name, "@", rules->domains[0], NULL);
    return NULL;
  }
  grant->user = g_strdup (name);
  for (char **domain = rules->domains; *domain; domain++)
    if (g_ascii_strcasecmp (at + 1, *domain) == 0)
      return NULL;
  return "the issuer does not vouch for users of this domain";
}

/* ---- All of it --------------------------------------------------------------------------- */

static const char *
check (const json_t *claims, claims_kind kind, const struct rules *rules, gint64 now_s,
       struct grant *grant) {
  if (kind == CLAIMS_OF_ANSWER && !json_is_true (json_object_get (claims, "active")))
    return "the issuer says that the token is not active";
  const bool told = json_object_get (claims, "iss") != NULL;
  if (rules->issuers[0] && (told || kind == CLAIMS_OF_TOKEN) && !claims_are_of (claims, rules))
    return "the token is of another issuer";
  if (!is_for_us (claims, rules))
    return "the token is for another audience";
  /* RFC 8705 section 3, RFC 9449 section 6: good only with a key that cannot be shown here. */
  if (json_object_get (claims, "cnf"))
    return "the token is bound to a key";
  const char *why = take_user (claims, rules, grant);
  if (!why)
    why = check_times (claims, kind, rules->leeway_s, now_s, grant);
  if (why)
    return why;
  grant->narrow = !reaches (claims, rules);
  return grant->narrow ? "the token's scope does not reach so far" : NULL;
}

void
claims_check (const json_t *claims, claims_kind kind, const struct rules *rules, gint64 now_s,
              struct grant *grant) {
  *grant = (struct grant){ .until_s = G_MAXINT64 };
  grant->reason = check (claims, kind, rules, now_s, grant);
}

void
grant_clear (struct grant *grant) {
  g_free (grant->user);
  *grant = (struct grant){ NULL };
}
