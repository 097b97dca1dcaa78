/* SPDX-License-Identifier: Apache-2.0 */
/* rules.c - see rules.h. */
#include "rules.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <string.h>

/* ---- URLs -------------------------------------------------------------------------------- */

static bool
is_loopback (const char *host) {
  struct in_addr v4;
  return strcmp (host, "localhost") == 0 || strcmp (host, "[::1]") == 0
         || (inet_pton (AF_INET, host, &v4) == 1 && ntohl (v4.s_addr) >> 24 == 127);
}

bool
rules_url_is_safe (const char *url) {
  CURLU *parsed = curl_url ();
  char *scheme = NULL, *host = NULL, *user = NULL;
  const bool sound =
      parsed && curl_url_set (parsed, CURLUPART_URL, url, 0) == CURLUE_OK
      && curl_url_get (parsed, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK
      && curl_url_get (parsed, CURLUPART_HOST, &host, 0) == CURLUE_OK
      && curl_url_get (parsed, CURLUPART_USER, &user, 0) == CURLUE_NO_USER
      && (strcmp (scheme, "https") == 0 || (strcmp (scheme, "http") == 0 && is_loopback (host)));
  curl_free (scheme);
  curl_free (host);
  curl_free (user);
  curl_url_cleanup (parsed);
  return sound;
}

/* ---- Reading ----------------------------------------------------------------------------- */

static char *
text (const struct ptn_host *host, const struct ptn_config *config, const char *name) {
  const char *value = host->text (config, name);
  return g_strdup (value ? value : "");
}

static GStrv
words (const struct ptn_host *host, const struct ptn_config *config, const char *name) {
  const struct ptn_strings list = host->words (config, name);
  GStrv copy = g_new0 (char *, list.count + 1);
  for (size_t i = 0; i < list.count; i++)
    copy[i] = g_strdup (list.items[i]);
  return copy;
}

static gint64
nanoseconds (const struct ptn_host *host, const struct ptn_config *config, const char *name) {
  return CLAMP (host->number (config, name), 0, G_MAXINT64 / 4000000) * 1000000;
}

static const char *
complaint (const struct rules *rules) {
  const bool keys = *rules->keys_file || *rules->keys_url;
  if (!keys && !*rules->introspection_url)
    return "one of keys_file, keys_url and introspection_url is needed";
  if (*rules->keys_file && *rules->keys_url)
    return "keys come from keys_file or from keys_url, not from both";
  if (keys && !rules->issuers[0])
    return "with keys, issuer is needed";
  if (keys && !rules->audiences[0])
    return "with keys, audience is needed: the issuer makes tokens for others too";
  if (keys && !rules->algorithms[0])
    return "algorithms allows none";
  if (!rules->user_claims[0])
    return "user_claim names none";
  if (*rules->keys_url && !rules_url_is_safe (rules->keys_url))
    return "keys_url is no URL with https (or with http to this machine)";
  if (*rules->introspection_url && !rules_url_is_safe (rules->introspection_url))
    return "introspection_url is no URL with https (or with http to this machine)";
  if (rules->always && !*rules->introspection_url)
    return "introspection = always needs introspection_url";
  if (*rules->introspection_url && !*rules->client_id)
    return "introspection_url needs client_id and client_secret";
  if (!rules->audiences[0] && !rules->scopes[0])
    return "with introspection_url, audience or scope is needed: the issuer knows tokens for "
           "others "
           "too";
  if (rules->timeout_ms < 1)
    return "timeout is too short";
  return NULL;
}

struct rules *
rules_read (const struct ptn_host *host, const struct ptn_config *config) {
  struct rules *rules = g_new0 (struct rules, 1);
  *rules = (struct rules){
    .references = 1,
    .issuers = words (host, config, "issuer"),
    .audiences = words (host, config, "audience"),
    .scopes = words (host, config, "scope"),
    .user_claims = words (host, config, "user_claim"),
    .domains = words (host, config, "domains"),
    .algorithms = words (host, config, "algorithms"),
    .leeway_s = host->number (config, "leeway") / 1000,
    .configuration = text (host, config, "openid_configuration"),
    .keys_file = text (host, config, "keys_file"),
    .keys_url = text (host, config, "keys_url"),
    .keys_ns = nanoseconds (host, config, "keys_time"),
    .introspection_url = text (host, config, "introspection_url"),
    .always = g_strcmp0 (host->text (config, "introspection"), "always") == 0,
    .answer_ns = nanoseconds (host, config, "introspection_time"),
    .client_id = text (host, config, "client_id"),
    .client_secret = text (host, config, "client_secret"),
    .ca_file = text (host, config, "ca_file"),
    .timeout_ms = MIN (host->number (config, "timeout"), 600000),
  };
  rules->scope_text = g_strjoinv (" ", rules->scopes);
  const char *why = complaint (rules);
  if (!why)
    return rules;
  host->log (host, PTN_LOG_ERROR, NULL, "oauth.settings", &(struct ptn_field){ "text", why }, 1);
  rules_unref (rules);
  return NULL;
}

struct rules *
rules_ref (struct rules *rules) {
  g_atomic_int_inc (&rules->references);
  return rules;
}

void
rules_unref (struct rules *rules) {
  if (!rules || !g_atomic_int_dec_and_test (&rules->references))
    return;
  GStrv *const lists[] = { &rules->issuers,     &rules->audiences, &rules->scopes,
                           &rules->user_claims, &rules->domains,   &rules->algorithms };
  for (size_t i = 0; i < G_N_ELEMENTS (lists); i++)
    g_strfreev (*lists[i]);
  explicit_bzero (rules->client_secret, strlen (rules->client_secret));
  char **const texts[] = { &rules->scope_text,    &rules->configuration, &rules->keys_file,
                           &rules->keys_url,      &rules->client_id,     &rules->introspection_url,
                           &rules->client_secret, &rules->ca_file };
  for (size_t i = 0; i < G_N_ELEMENTS (texts); i++)
    g_free (*texts[i]);
  g_free (rules);
}

bool
rules_allow (const struct rules *rules, const struct algorithm *algorithm) {
  for (char **name = rules->algorithms; *name; name++)
    if (g_ascii_strcasecmp (*name, algorithm->name) == 0)
      return true;
  return false;
}
