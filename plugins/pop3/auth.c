/* SPDX-License-Identifier: Apache-2.0 */
/* auth.c - USER and PASS, APOP (RFC 1939), AUTH (RFC 5034): three ways into one login, which
 * postern.login/1 decides; behind it the maildrop is locked and opened. */
#include "session.h"

#include <sys/random.h>

#define FAILURES_MAX 3 /* then the connection is closed */

struct login { /* while a login is tried */
  struct ptn_sasl_request request;
  void *exchange;
  struct sasl_response response;
  bool command;                        /* USER/PASS or APOP: there is one response */
  char mechanism[24];                  /* "" for USER/PASS */
  const struct ptn_identity *identity; /* proved; valid until finish */
  struct retention retention;
  int64_t delay_ns;
  struct opening *opening;
};

char *
login_timestamp (const struct session *s) {
  uint64_t random[2] = { 0 };
  if (getrandom (random, sizeof random, 0) != (ssize_t)sizeof random)
    return NULL; /* APOP with a timestamp that can be foreseen is worse than no APOP */
  return g_strdup_printf ("<%016" G_GINT64_MODIFIER "x%016" G_GINT64_MODIFIER "x@%s>", random[0],
                          random[1], s->info->server_name);
}

static struct login *
login_new (const struct session *s) {
  struct login *login = g_new0 (struct login, 1);
  login->request = (struct ptn_sasl_request){
    .size = sizeof login->request,
    .service = "pop",
    .server_name = s->info->server_name,
    .listener = s->info->listener,
    .session_id = s->info->session_id,
    .config = s->info->config,
    .stream = s->stream,
  };
  return login;
}

void
login_end (struct session *s) {
  struct login *login = s->login;
  if (!login)
    return;
  opening_free (&login->opening);
  s->pop3->host->call_end (&s->call);
  if (login->exchange)
    s->pop3->login->finish (login->exchange);
  sasl_response_clear (&login->response);
  g_free (login);
  s->login = NULL;
}

/* --- capabilities ------------------------------------------------------------------------ */

static ptn_status
mechanisms (struct session *s, struct ptn_strings *names, uint32_t *plaintext) {
  if (!s->login)
    s->login = login_new (s);
  *names = (struct ptn_strings){ 0 };
  *plaintext = 0;
  return s->pop3->login->mechanisms (s->pop3->login_instance, &s->call, &s->login->request, names,
                                     plaintext);
}

ptn_status
auth_capabilities (struct session *s) {
  struct ptn_strings names;
  uint32_t plaintext;
  if (mechanisms (s, &names, &plaintext) == PTN_PENDING)
    return PTN_PENDING;
  say (s, "+OK capabilities:");
  if (plaintext)
    say (s, "USER");
  if (names.count) {
    g_autoptr (GString) line = g_string_new ("SASL");
    for (size_t i = 0; i < names.count; i++)
      g_string_append_printf (line, " %s", names.items[i]);
    say (s, line->str);
  }
  login_end (s);
  capa_rest (s);
  s->resume = NULL;
  s->listing = false;
  return PTN_OK;
}

ptn_status
auth_list (struct session *s) {
  struct ptn_strings names;
  uint32_t plaintext;
  if (mechanisms (s, &names, &plaintext) == PTN_PENDING)
    return PTN_PENDING;
  say (s, "+OK mechanisms:");
  for (size_t i = 0; i < names.count; i++)
    say (s, names.items[i]);
  say (s, ".");
  login_end (s);
  s->resume = NULL;
  return PTN_OK;
}

/* --- the end of a login ------------------------------------------------------------------ */

static const char *
refusal (const struct session *s, ptn_status status) {
  switch (status) {
  case PTN_E_AUTHENTICATION:
  case PTN_E_NOT_FOUND:
    return "[AUTH] wrong name or password";
  case PTN_E_PASSWORD_EXPIRED:
    return "[AUTH] the password has expired";
  case PTN_E_DENIED:
    return s->info->start_tls ? "[SYS/PERM] not without encryption, use STLS first"
                              : "[SYS/PERM] not without encryption, which this port does not offer";
  case PTN_E_UNSUPPORTED:
    return "this mechanism is not offered";
  case PTN_E_INVALID:
    return "malformed response";
  case PTN_E_DISABLED:
    return "[SYS/PERM] this account is switched off";
  case PTN_E_PROTOCOL_OFF:
    return "[SYS/PERM] POP3 is switched off for this account";
  case PTN_E_ELSEWHERE:
    return "[SYS/PERM] another server holds this mailbox";
  case PTN_E_TOO_MANY:
    return "[SYS/TEMP] too many attempts, try again later";
  case PTN_E_CORRUPT:
    return "[SYS/PERM] what is known of this account is damaged, tell the administrator";
  default:
    return "[SYS/TEMP] the login cannot be checked now, try again later";
  }
}

/* Back to AUTHORIZATION, or, after too many, to the door. */
static ptn_status
refuse (struct session *s, ptn_status status) {
  const char *standard = refusal (s, status);
  const char *text = s->pop3->host->failure_text (s->task);
  const char *code_end = *standard == '[' ? strchr (standard, ']') + 2 : standard;
  if (status == PTN_E_AUTHENTICATION || !text) /* one answer whatever was wrong */
    reply (s, "-ERR %s", standard);
  else
    reply (s, "-ERR %.*s%s", (int)(code_end - standard), standard, text);
  login_end (s);
  s->resume = NULL;
  if (++s->failures >= FAILURES_MAX || status == PTN_E_CANCELLED)
    session_close_after (s);
  return PTN_OK;
}

/* The session is claimed and cannot go back: it ends. */
static ptn_status
refuse_maildrop (struct session *s, ptn_status status) {
  const struct ptn_host *host = s->pop3->host;
  const char *why = host->failure_log (s->task);
  struct ptn_field fields[] = { { "error", why ? why : "" } };
  host->log (host, PTN_LOG_WARNING, s->task, "pop3.open-failed", fields, 1);
  reply (s, "-ERR %s%s", status == PTN_E_CORRUPT ? "[SYS/PERM] " : "[SYS/TEMP] ",
         failure_text (s, "the mailbox cannot be opened"));
  login_end (s);
  maildrop_free (&s->drop);
  session_close_after (s);
  return PTN_OK;
}

static ptn_status
open_maildrop (struct session *s) {
  struct login *login = s->login;
  ptn_status status = opening_step (login->opening);
  if (status == PTN_PENDING || status == PTN_OK)
    return status;
  if (status != PTN_END)
    return refuse_maildrop (s, status);
  uint32_t messages;
  uint64_t octets;
  if (PTN_CAN (s->pop3->login, watch))
    s->watch = s->pop3->login->watch (login->exchange, s->task);
  login_end (s);
  g_clear_pointer (&s->user, g_free);
  g_clear_pointer (&s->timestamp, g_free);
  s->state = STATE_TRANSACTION;
  s->resume = NULL;
  maildrop_totals (s->drop, &messages, &octets);
  reply (s, "+OK %u messages (%" G_GUINT64_FORMAT " octets)", messages, octets);
  return PTN_OK;
}

/* For EXPIRE before the next login. */
static void
note_retention (struct pop3 *pop3, const struct retention *retention) {
  int days = (int)retention->days;
  int seen = __atomic_load_n (&pop3->shortest_keep, __ATOMIC_RELAXED);
  while (retention->policy == POLICY_KEEP && (seen < 0 || days < seen))
    if (__atomic_compare_exchange_n (&pop3->shortest_keep, &seen, days, true, __ATOMIC_RELAXED,
                                     __ATOMIC_RELAXED))
      break;
}

/* Somebody proved who he is: may he have the maildrop? */
static ptn_status
let_in (struct session *s) {
  struct login *login = s->login;
  const struct pop3 *pop3 = s->pop3;
  const struct ptn_host *host = pop3->host;
  const char *account = login->identity->account;
  if (!retention_of (&login->identity->attributes, &login->retention)) {
    struct ptn_field fields[] = { { "account", account } };
    host->log (host, PTN_LOG_WARNING, s->task, "pop3.retention-unknown", fields, 1);
  }
  note_retention (s->pop3, &login->retention);
  login->delay_ns = session_number (s, "login_delay") * 1000000;
  const bool reads =
      PTN_HAS (login->identity, access) && login->identity->access == PTN_ACCESS_READ;
  switch (reads ? LOCK_TAKEN : maildrop_lock (s->pop3, account, login->delay_ns)) {
  case LOCK_IN_USE:
    host->observe (pop3->in_use, 1);
    say (s, "-ERR [IN-USE] another session has this mailbox open");
    login_end (s);
    s->resume = NULL;
    return PTN_OK;
  case LOCK_TOO_SOON:
    reply (s, "-ERR [LOGIN-DELAY] wait %" G_GINT64_FORMAT " seconds between logins",
           (login->delay_ns + 999999999) / 1000000000);
    login_end (s);
    s->resume = NULL;
    return PTN_OK;
  case LOCK_TAKEN:
    break;
  }
  s->drop = maildrop_new (s->pop3, account, &login->retention, login->delay_ns, reads);
  if (host->claim (s->task, account) == PTN_E_TOO_MANY) {
    maildrop_free (&s->drop);
    say (s, "-ERR [IN-USE] too many connections to this mailbox");
    login_end (s);
    s->resume = NULL;
    return PTN_OK;
  }
  s->logged_in = true;
  login->opening = opening_new (s->drop, login->identity, s->task);
  s->resume = open_maildrop;
  return PTN_OK;
}

/* --- the exchange -------------------------------------------------------------------------- */

static ptn_status go_on (struct session *s);

static void
challenge (struct session *s, struct ptn_bytes data) {
  size_t size;
  g_autofree char *text = sasl_challenge ("+ ", data, &size);
  emit (s, text, size);
}

/* The client's line of the exchange. */
static ptn_status
read_response (struct session *s) {
  struct login *login = s->login;
  sasl_line line;
  ptn_status status =
      sasl_read (&s->line, s->pop3->stream, s->stream, s->task, true, &login->response, &line);
  if (status != PTN_OK)
    return status;
  if (line == SASL_GIVEN_UP) {
    say (s, "-ERR authentication given up");
    login_end (s);
    s->resume = NULL;
    return PTN_OK;
  }
  if (line != SASL_RESPONSE)
    return refuse (s, PTN_E_INVALID);
  /* Proved already, and the additional data was acknowledged (RFC 5034 section 4). */
  if (login->identity)
    return login->response.size ? refuse (s, PTN_E_INVALID) : let_in (s);
  s->resume = go_on;
  return PTN_OK;
}

static ptn_status
go_on (struct session *s) {
  struct login *login = s->login;
  const struct ptn_login *table = s->pop3->login;
  struct ptn_bytes data = { NULL, 0 };
  ptn_status status;
  if (!login->exchange) {
    status = table->start (s->pop3->login_instance, &s->call, &login->request,
                           *login->mechanism ? login->mechanism : NULL, &login->exchange);
    if (status == PTN_PENDING)
      return PTN_PENDING;
    s->pop3->host->call_end (&s->call);
    if (status != PTN_OK)
      return refuse (s, status);
  }
  struct ptn_bytes response = { login->response.data, login->response.size };
  status = table->step (login->exchange, &s->call, response, &data, &login->identity);
  if (status == PTN_PENDING)
    return PTN_PENDING;
  sasl_response_clear (&login->response);
  if (status < 0)
    return refuse (s, status);
  if (status == PTN_OK && login->command)
    return refuse (s, PTN_E_INVALID);
  if (status == PTN_END && !data.size)
    return let_in (s);
  if (status == PTN_OK)
    login->identity = NULL;
  challenge (s, data);
  if (status == PTN_OK)
    s->pop3->host->call_end (&s->call);
  s->resume = read_response;
  return PTN_OK;
}

/* --- the commands -------------------------------------------------------------------------- */

/* Asks, before a password is sent, whether it may be: pipelined it comes all the same, and
 * start refuses it then. */
static ptn_status
allow_user (struct session *s) {
  struct ptn_strings names;
  uint32_t plaintext;
  if (mechanisms (s, &names, &plaintext) == PTN_PENDING)
    return PTN_PENDING;
  login_end (s);
  s->resume = NULL;
  if (plaintext)
    say (s, "+OK and the password?");
  else {
    g_clear_pointer (&s->user, g_free);
    reply (s, "-ERR %s", refusal (s, PTN_E_DENIED));
  }
  return PTN_OK;
}

void
command_user (struct session *s, const struct arguments *arguments) {
  if (!*arguments->rest || !g_utf8_validate (arguments->rest, -1, NULL)) {
    say (s, "-ERR not a name");
    return;
  }
  g_free (s->user);
  s->user = g_strdup (arguments->rest);
  s->resume = allow_user;
}

/* user NUL more */
static void
set_response (struct login *login, const char *user, const void *more, size_t size) {
  size_t user_size = strlen (user) + 1;
  sasl_response_make (&login->response, user_size + size);
  memcpy (login->response.data, user, user_size);
  memcpy (login->response.data + user_size, more, size);
}

void
command_pass (struct session *s, const struct arguments *arguments) {
  if (!s->user) {
    say (s, "-ERR USER first");
    return;
  }
  s->login = login_new (s);
  s->login->command = true;
  set_response (s->login, s->user, arguments->rest, strlen (arguments->rest));
  g_clear_pointer (&s->user, g_free);
  s->resume = go_on;
}

static bool
hex_digest (const char *text, unsigned char *digest) {
  if (strlen (text) != 32)
    return false;
  for (unsigned i = 0; i < 16; i++) {
    int high = g_ascii_xdigit_value (text[2 * i]), low = g_ascii_xdigit_value (text[2 * i + 1]);
    if (high < 0 || low < 0)
      return false;
    digest[i] = (unsigned char)(high << 4 | low);
  }
  return true;
}

void
command_apop (struct session *s, const struct arguments *arguments) {
  const char *space = strrchr (arguments->rest, ' ');
  unsigned char digest[16];
  if (!s->timestamp) {
    say (s, "-ERR APOP is not offered");
    return;
  }
  if (!space || space == arguments->rest || !hex_digest (space + 1, digest)) {
    say (s, "-ERR wrong arguments");
    return;
  }
  g_autofree char *user = g_strndup (arguments->rest, (gsize)(space - arguments->rest));
  size_t stamp = strlen (s->timestamp) + 1;
  unsigned char *more = g_malloc (stamp + sizeof digest);
  memcpy (more, s->timestamp, stamp);
  memcpy (more + stamp, digest, sizeof digest);
  s->login = login_new (s);
  s->login->command = true;
  strcpy (s->login->mechanism, "APOP");
  set_response (s->login, user, more, stamp + sizeof digest);
  g_free (more);
  s->resume = go_on;
}

void
command_auth (struct session *s, const struct arguments *arguments) {
  if (arguments->count == 0) {
    s->resume = auth_list;
    return;
  }
  s->login = login_new (s);
  for (size_t i = 0; i + 1 < sizeof s->login->mechanism && arguments->word[0][i]; i++)
    s->login->mechanism[i] = g_ascii_toupper (arguments->word[0][i]);
  bool too_long = strlen (arguments->word[0]) >= sizeof s->login->mechanism;
  if (too_long || strcmp (s->login->mechanism, "APOP") == 0) {
    refuse (s, PTN_E_UNSUPPORTED);
    return;
  }
  const char *initial = arguments->count > 1 ? arguments->word[1] : NULL;
  if (initial && !sasl_response_initial (&s->login->response, initial, strlen (initial))) {
    refuse (s, PTN_E_INVALID);
    return;
  }
  s->resume = go_on;
}
