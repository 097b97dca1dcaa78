/* SPDX-License-Identifier: Apache-2.0 */
/* credentials.c - "postern.credentials/1": is this the password, and secrets for mechanisms.
 *
 * Called in tasks, on any worker; everything goes through the lane, as a question that owns all it
 * touches, so that the session may go away meanwhile. */
#include "directory.h"

#include <string.h>

/* ---- Whose ------------------------------------------------------------------------------- */

/* The user as parse_login gave it, whose entry is remembered from then; or an account of another
 * directory, whose passwords we check: it has to be an account of ours too, or a whole address,
 * because an alias here may be somebody else's. */
static ptn_status
find_user (struct question *question) {
  const ptn_status status = question_account (question, question->first, &question->user);
  return status == PTN_E_NOT_FOUND && strchr (question->first, '@')
             ? ask_login (question->client, question->first, question->mail, &question->user,
                          question->errand.reason)
             : status;
}

/* As many questions as about somebody, whose entry is remembered from parse_login unless nothing
 * is. */
static ptn_status
seek_nobody (struct question *question) {
  struct client *client = question->client;
  const struct rules *rules = client->rules;
  struct entry *entry = NULL;
  if (rules->cache_entries && rules->cache_ns)
    return PTN_E_NOT_FOUND;
  g_autofree char *name = g_strdup_printf ("nobody-%08x%08x", g_random_int (), g_random_int ());
  const ptn_status status = ask_account (client, name, &entry, question->errand.reason);
  g_clear_pointer (&entry, entry_unref);
  return status;
}

static ptn_status
find_nobody (struct question *question) {
  ptn_status status = seek_nobody (question);
  if (status != PTN_E_TEMPORARY)
    status = ask_secrets (question->client, NULL, &question->secrets, question->errand.reason);
  g_clear_pointer (&question->secrets, record_free);
  return status == PTN_E_TEMPORARY ? status : PTN_E_AUTHENTICATION;
}

/* What is wrong with a user who proved the password. */
static ptn_status
settle (const struct client *client, const struct entry *user, char reason[POOL_REASON]) {
  if (user->disabled || user->expires_ms <= client->host->realtime_ms ()) {
    g_strlcpy (reason, user->disabled ? "account is disabled" : "account has expired", POOL_REASON);
    return PTN_E_DISABLED;
  }
  if (user->password_expired) {
    g_strlcpy (reason, "password has expired", POOL_REASON);
    return PTN_E_PASSWORD_EXPIRED;
  }
  return PTN_OK;
}

/* ---- Passwords --------------------------------------------------------------------------- */

/* A password without a tag in an LDAP entry is the password itself (RFC 4519 section 2.41). */
static bool
value_matches (const struct value *value, struct ptn_bytes guess) {
  struct password stored;
  bool same = false;
  if (strlen (value->data) != value->size)
    return false;
  if (*value->data == '{')
    return !password_read (value->data, &stored) && password_matches (&stored, guess);
  char *tagged = g_strconcat ("{PLAIN}", value->data, NULL);
  same = !password_read (tagged, &stored) && password_matches (&stored, guess);
  explicit_bzero (tagged, strlen (tagged));
  g_free (tagged);
  return same;
}

static ptn_status
compare_password (struct question *question, struct ptn_bytes guess) {
  const struct client *client = question->client;
  char *reason = question->errand.reason;
  const ptn_status status =
      ask_secrets (question->client, question->user, &question->secrets, reason);
  if (status != PTN_OK)
    return status;
  gsize count;
  const struct value *values =
      record_values (question->secrets, client->rules->map.password, &count);
  bool same = false;
  for (gsize i = 0; i < count && !same; i++)
    same = value_matches (&values[i], guess);
  g_clear_pointer (&question->secrets, record_free);
  g_strlcpy (reason, count ? "wrong password" : "no password can be read in the entry",
             POOL_REASON);
  if (count == 0)
    return PTN_E_NOT_FOUND; /* another source may have one */
  return same ? PTN_OK : PTN_E_AUTHENTICATION;
}

/* Answers about nobody take as long as those about wrong passwords, and hold a thread of the lane as
 * long, which others wait for. */
static ptn_status
check_nobody (struct question *question, struct ptn_bytes guess, int64_t begin_ns) {
  struct client *client = question->client;
  ptn_status status = client->rules->compare ? find_nobody (question) : seek_nobody (question);
  if (status != PTN_E_TEMPORARY && !client->rules->compare)
    status = ask_password (client, NULL, guess, question->errand.reason);
  if (status == PTN_E_TEMPORARY)
    return status;
  const int64_t due_ns = begin_ns + pace_draw (&client->pace);
  const int64_t early_ns = due_ns - client->host->monotonic_ns ();
  if (early_ns > 0)
    g_usleep ((gulong)(early_ns / 1000));
  g_strlcpy (question->errand.reason, "unknown user", POOL_REASON);
  return PTN_E_AUTHENTICATION;
}

static ptn_status
check (struct question *question) {
  struct client *client = question->client;
  const struct ptn_bytes guess = { question->password, question->password_size };
  const int64_t begin_ns = client->host->monotonic_ns ();
  if (question->nobody)
    return check_nobody (question, guess, begin_ns);
  ptn_status status = find_user (question);
  if (status == PTN_OK)
    status = client->rules->compare
                 ? compare_password (question, guess)
                 : ask_password (client, question->user, guess, question->errand.reason);
  const int64_t took_ns = client->host->monotonic_ns () - begin_ns;
  if (status == PTN_E_AUTHENTICATION)
    pace_note (&client->pace, took_ns);
  else if (status == PTN_OK)
    pace_seed (&client->pace, took_ns); /* else the first names that nobody has are told at once */
  return status == PTN_OK ? settle (client, question->user, question->errand.reason) : status;
}

static void
ask_for_password (struct question *question) {
  question->errand.status = check (question);
  explicit_bzero (question->password, sizeof question->password);
}

/* ---- Questions --------------------------------------------------------------------------- */

static struct question *
about_user (struct client *client, void (*ask) (struct question *), const char *domain,
            const char *user) {
  struct question *question = question_new (client, ask);
  char folded[NAME_LIMIT + 1];
  const char *nt;
  question->nobody = !user;
  if (user)
    g_strlcpy (question->first, user, sizeof question->first);
  if (domain && name_fold (domain, strlen (domain), folded))
    question->mail = domains_of_nt (client->rules->domains, folded, &nt);
  return question;
}

/* An empty password would be taken for no password at all, with which a server says yes to any name
 * (RFC 4513 section 5.1.2); one with a NUL is empty to some of them. */
static bool
is_sound (struct ptn_bytes password) {
  return password.size > 0 && password.size <= PASSWORD_LIMIT
         && !memchr (password.data, '\0', password.size);
}

static ptn_status
credentials_verify (void *instance, struct ptn_call *call, const struct ptn_sasl_request *request,
                    const char *domain, const char *user, struct ptn_bytes password) {
  struct directory *directory = instance;
  const struct ptn_host *host = directory->host;
  if (errand_of (host, call))
    return errand_back (host, call);
  if (!is_sound (password))
    return host->fail (call->task, PTN_E_AUTHENTICATION, NULL, "empty or overlong password");
  g_autoptr (client_auto) client = directory_client (directory);
  struct question *question = about_user (client, ask_for_password, domain, user);
  question->password_size = password.size;
  memcpy (question->password, password.data, password.size);
  return question_send (question, call);
}

/* ---- Secrets for mechanisms -------------------------------------------------------------- */

static void
ask_for_secrets (struct question *question) {
  ptn_status status = question->nobody ? find_nobody (question) : find_user (question);
  if (status == PTN_OK)
    status =
        ask_secrets (question->client, question->user, &question->secrets, question->errand.reason);
  question->errand.status = status;
}

static ptn_status
use_text (const char *text, ptn_use_secret *use, void *argument) {
  return use (argument, (struct ptn_bytes){ text, strlen (text) });
}

static ptn_status
use_nt (const struct value *value, ptn_use_secret *use, void *argument) {
  unsigned char nt[16];
  if (value->size != 2 * sizeof nt || strspn (value->data, "0123456789abcdefABCDEF") != value->size)
    return PTN_E_NOT_FOUND;
  for (unsigned i = 0; i < sizeof nt; i++)
    nt[i] = (unsigned char)(g_ascii_xdigit_value (value->data[2 * i]) << 4
                            | g_ascii_xdigit_value (value->data[2 * i + 1]));
  const ptn_status status = use (argument, (struct ptn_bytes){ nt, sizeof nt });
  explicit_bzero (nt, sizeof nt);
  return status;
}

/* "SCRAM-SHA-256$4096:salt$stored:server" (RFC 5803); white space may stand around the dollar signs
 * (RFC 3112 section 3). */
static ptn_status
use_scram (const struct value *value, const char *scheme, ptn_use_secret *use, void *argument) {
  const gsize length = strlen (scheme);
  if (g_ascii_strncasecmp (value->data, scheme, length) != 0)
    return PTN_E_NOT_FOUND;
  GString *text = g_string_sized_new (value->size + 1);
  for (const char *at = value->data; *at; at++)
    if (!g_ascii_isspace (*at))
      g_string_append_c (text, *at);
  const ptn_status status = text->len > length && text->str[length] == '$'
                                ? use_text (text->str, use, argument)
                                : PTN_E_NOT_FOUND;
  explicit_bzero (text->str, text->allocated_len);
  g_string_free (text, TRUE);
  return status;
}

/* The password itself, where the entry holds it. */
static ptn_status
use_plain (const struct value *value, const char *scheme, ptn_use_secret *use, void *argument) {
  static const char *const tags[] = { "{PLAIN}", "{CLEARTEXT}" };
  const char *text = value->data;
  if (strlen (text) != value->size || !*text)
    return PTN_E_NOT_FOUND;
  for (unsigned i = 0; i < G_N_ELEMENTS (tags) && text == value->data; i++)
    if (g_ascii_strncasecmp (text, tags[i], strlen (tags[i])) == 0)
      text += strlen (tags[i]);
  if (*text == '{' && text == value->data)
    return PTN_E_NOT_FOUND;
  if (strcmp (scheme, "PLAIN") == 0)
    return use_text (text, use, argument);
  unsigned char nt[16];
  if (strcmp (scheme, "NT") != 0 || !password_nt ((struct ptn_bytes){ text, strlen (text) }, nt))
    return PTN_E_NOT_FOUND;
  const ptn_status status = use (argument, (struct ptn_bytes){ nt, sizeof nt });
  explicit_bzero (nt, sizeof nt);
  return status;
}

typedef ptn_status use_value (const struct value *, const char *scheme, ptn_use_secret *, void *);

static ptn_status
use_nt_value (const struct value *value, const char *scheme, ptn_use_secret *use, void *argument) {
  return strcmp (scheme, "NT") == 0 ? use_nt (value, use, argument) : PTN_E_NOT_FOUND;
}

/* Each value in turn, until one is right. */
static ptn_status
use_values (const struct record *record, const char *attribute, use_value *with, const char *scheme,
            ptn_use_secret *use, void *argument, ptn_status before) {
  gsize count = 0;
  const struct value *values = attribute ? record_values (record, attribute, &count) : NULL;
  ptn_status status = before;
  for (gsize i = 0; i < count && (status == PTN_E_NOT_FOUND || status == PTN_E_AUTHENTICATION);
       i++) {
    const ptn_status one = with (&values[i], scheme, use, argument);
    if (one != PTN_E_NOT_FOUND)
      status = one;
  }
  return status;
}

static ptn_status
use_secrets (const struct question *question, const char *scheme, ptn_use_secret *use,
             void *argument) {
  const struct mapping *map = &question->client->rules->map;
  const struct record *record = question->secrets;
  ptn_status status = PTN_E_NOT_FOUND;
  if (g_str_has_prefix (scheme, "SCRAM-"))
    return use_values (record, map->scram, use_scram, scheme, use, argument, status);
  status = use_values (record, map->nt, use_nt_value, scheme, use, argument, status);
  return use_values (record, map->password, use_plain, scheme, use, argument, status);
}

static ptn_status
credentials_with_secret (void *instance, struct ptn_call *call,
                         const struct ptn_sasl_request *request, const char *domain,
                         const char *user, const char *scheme, ptn_use_secret *use,
                         void *argument) {
  struct directory *directory = instance;
  const struct ptn_host *host = directory->host;
  struct question *question = errand_of (host, call);
  if (!question) {
    g_autoptr (client_auto) client = directory_client (directory);
    return question_send (about_user (client, ask_for_secrets, domain, user), call);
  }
  ptn_status status = errand_back (host, call);
  if (status != PTN_OK)
    return status;
  status = use_secrets (question, scheme, use, argument);
  g_clear_pointer (&question->secrets, record_free);
  if (status == PTN_E_NOT_FOUND)
    return host->fail (call->task, status, NULL, "no %s secret is stored for this user", scheme);
  if (status != PTN_OK)
    return host->fail (call->task, status, NULL, "wrong password");
  char reason[POOL_REASON];
  status = settle (question->client, question->user, reason);
  return status == PTN_OK ? PTN_OK : host->fail (call->task, status, NULL, "%s", reason);
}

const struct ptn_credentials credentials_table = {
  .size = sizeof credentials_table,
  .flags = PTN_CREDENTIALS_SLOW,
  .verify_password = credentials_verify,
  .with_secret = credentials_with_secret,
  .flush = directory_flush,
};
