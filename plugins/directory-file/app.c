/* SPDX-License-Identifier: Apache-2.0 */
/* app.c - see app.h.  Owns nothing: texts are parts of the value, the rest belongs to the
 * accounts. */
#include "app.h"

#include "values.h"

#include <string.h>

/* ---- Reading ----------------------------------------------------------------------------- */

const char *
app_label_fault (const char *label) {
  if (!*label || strlen (label) > APP_LABEL_LIMIT)
    return "has a label of no or more than 64 octets";
  if (strpbrk (label, "={}$,;#\"\\ \t"))
    return "has a label with a space or one of = { } $ , ; # \" \\";
  return NULL;
}

/* Words divided by white space alone: lists in them are divided by commas. */
static char *
next_piece (char **rest) {
  char *piece = *rest + strspn (*rest, " \t");
  if (!*piece)
    return NULL;
  char *end = piece + strcspn (piece, " \t");
  *rest = *end ? end + 1 : end;
  *end = '\0';
  return piece;
}

static const char *
read_networks (struct accounts *accounts, char *value, struct app *app) {
  const size_t count = value_count_words (value);
  if (count == 0 || count > APP_NETWORKS)
    return "has no or more than 16 networks";
  struct network *networks = accounts_memory (accounts, count * sizeof *networks);
  for (char *rest = value, *word; (word = value_next_word (&rest));)
    if (!network_read (word, &networks[app->network_count++]))
      return "has a network that is none, as 10.0.0.0/8, 2001:db8::/32 or unix";
  app->networks = networks;
  return NULL;
}

static const char *
read_secret (const char *piece, struct app *app, struct password secrets[APP_SECRETS]) {
  if (app->count == APP_SECRETS)
    return "has more than 4 secrets";
  const char *fault = password_read (piece, &secrets[app->count]);
  app->count += !fault;
  return fault;
}

static const char *
read_key (struct accounts *accounts, char *piece, struct app *app) {
  char *value = strchr (piece, '=');
  if (!value)
    return "has a word that is neither {SCHEME} nor key=value";
  *value++ = '\0';
  if (strcmp (piece, "protocols") == 0)
    return value_protocols (value, &app->protocols) ? "has a protocol other than pop imap smtp http"
                                                    : NULL;
  if (strcmp (piece, "networks") == 0)
    return app->networks ? "has networks twice" : read_networks (accounts, value, app);
  if (strcmp (piece, "expires") == 0)
    return value_expiry (value, &app->expires_ms)
               ? "has something else than a date such as 2027-01-31 for expires"
               : NULL;
  if (strcmp (piece, "created") == 0) {
    app->created = value;
    return NULL;
  }
  return "has a key other than protocols networks expires created";
}

const char *
app_read (struct accounts *accounts, char *value, struct app *app,
          struct password secrets[APP_SECRETS]) {
  char *rest = value;
  const char *label = next_piece (&rest);
  *app = (struct app){
    .label = label ? label : "", .created = "", .protocols = PROTOCOL_ALL, .expires_ms = G_MAXINT64
  };
  const char *fault = app_label_fault (app->label);
  for (char *piece; !fault && (piece = next_piece (&rest));)
    fault = *piece == '{' || *piece == '$' ? read_secret (piece, app, secrets)
                                           : read_key (accounts, piece, app);
  return !fault && app->count == 0 ? "has no secret" : fault;
}

/* ---- Using ------------------------------------------------------------------------------- */

const struct app *
app_of (const struct account *account, const struct password *password) {
  const size_t at = (size_t)(password - account->passwords);
  for (size_t i = 0; i < account->app_count; i++)
    if (at >= account->apps[i].first && at < account->apps[i].first + account->apps[i].count)
      return &account->apps[i];
  return NULL;
}

static bool
is_within (const struct app *app, const char *peer) {
  for (size_t i = 0; i < app->network_count; i++)
    if (network_has (&app->networks[i], peer))
      return true;
  return app->network_count == 0;
}

ptn_status
app_judge (const struct app *app, const char *service, const char *peer, int64_t now_ms,
           const char **why) {
  *why = "app password is not for this protocol";
  if (!protocols_have (app->protocols, service))
    return PTN_E_DENIED;
  *why = "app password is not for this network";
  if (!is_within (app, peer))
    return PTN_E_DENIED;
  *why = "app password has expired";
  return app->expires_ms <= now_ms ? PTN_E_PASSWORD_EXPIRED : PTN_OK;
}
