/* SPDX-License-Identifier: Apache-2.0 */
/* login.c - LOGIN and AUTHENTICATE (RFC 9051 section 6.2, RFC 4959): two ways into postern.login/1,
 * one way to fail; behind them account.c. */
#include "login/login.h"

#include "capability.h"
#include "commands.h"

#define FAILURES_MAX 3 /* then the connection is closed */

struct login * /* also for asking which mechanisms there are */
login_new (const struct session *s) {
  struct login *login = g_new0 (struct login, 1);
  login->request = (struct ptn_sasl_request){
    .size = sizeof login->request,
    .service = "imap",
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
  s->imap4->host->call_end (&s->call);
  if (login->exchange)
    s->imap4->login->finish (login->exchange);
  sasl_response_clear (&login->response);
  g_free (login);
  s->login = NULL;
}

ptn_status
login_mechanisms (struct session *s, struct ptn_strings *names, uint32_t *plaintext) {
  if (!s->login)
    s->login = login_new (s);
  *names = (struct ptn_strings){ 0 };
  *plaintext = 0;
  return s->imap4->login->mechanisms (s->imap4->login_instance, &s->call, &s->login->request, names,
                                      plaintext);
}

/* --- failing -------------------------------------------------------------------------------------- */

/* RFC 2221 section 4.1: "imap://USER;AUTH=*@SERVER/".  The name is encoded as RFC 5092 wants it. */
static char *
referral (const struct ptn_identity *identity) {
  for (size_t i = 0; identity && i < identity->attributes.count; i++) {
    const char *item = identity->attributes.items[i];
    if (!g_str_has_prefix (item, "server=") || !item[7])
      continue;
    g_autofree char *user = g_uri_escape_string (identity->account, NULL, false);
    return g_strdup_printf ("REFERRAL imap://%s;AUTH=*@%s/", user, item + 7);
  }
  return NULL;
}

static void
answer_refusal (struct session *s, ptn_status status, const char *elsewhere) {
  switch (status) {
  case PTN_E_AUTHENTICATION:
  case PTN_E_NOT_FOUND:
    answer_no (s, "AUTHENTICATIONFAILED", "wrong name or password");
    break;
  case PTN_E_DENIED:
    answer_no (s, "PRIVACYREQUIRED", "not without encryption");
    break;
  case PTN_E_PASSWORD_EXPIRED:
    answer_no (s, "EXPIRED", "the password has expired");
    break;
  case PTN_E_DISABLED:
  case PTN_E_PROTOCOL_OFF:
    answer_no (s, "CONTACTADMIN", "this account may not log in here");
    break;
  case PTN_E_ELSEWHERE:
    answer_no (s, elsewhere, "another server holds this mailbox");
    break;
  case PTN_E_TOO_MANY:
    answer_no (s, "LIMIT", "too many attempts, try again later");
    break;
  case PTN_E_UNSUPPORTED:
    answer_no (s, "CANNOT", "this mechanism is not offered");
    break;
  case PTN_E_INVALID:
    answer_bad (s, "malformed response");
    break;
  case PTN_E_CORRUPT:
    answer_no (s, "CONTACTADMIN", "what is known of this account is damaged");
    break;
  default:
    answer_failure (s, MIN (status, PTN_E_TEMPORARY),
                    "the login cannot be checked now, try again later");
  }
}

static ptn_status
refuse (struct session *s, ptn_status status) {
  g_autofree char *elsewhere = status == PTN_E_ELSEWHERE && offers (s, CAP_LOGIN_REFERRALS)
                                   ? referral (s->login->identity)
                                   : NULL;
  login_end (s);
  answer_refusal (s, status, elsewhere);
  if (++s->failures >= FAILURES_MAX || status == PTN_E_CANCELLED) {
    untagged (s, "BYE too many failed logins");
    session_logout (s);
  }
  return PTN_OK;
}

/* --- the exchange ------------------------------------------------------------------------------------ */

static ptn_status go_on (struct session *s);

static void
challenge (struct session *s, struct ptn_bytes data) {
  size_t size;
  g_autofree char *text = sasl_challenge ("+ ", data, &size);
  put (&s->out, text, size);
}

/* The client's line. */
static ptn_status
read_response (struct session *s) {
  struct login *login = s->login;
  sasl_line line;
  ptn_status status =
      sasl_read (&s->line, s->imap4->stream, s->stream, s->task, true, &login->response, &line);
  if (status != PTN_OK)
    return status;
  if (line == SASL_GIVEN_UP) {
    login_end (s);
    answer_bad (s, "authentication given up");
    return PTN_OK;
  }
  if (line != SASL_RESPONSE)
    return refuse (s, PTN_E_INVALID);
  if (login->proved) /* the additional data was acknowledged */
    return login->response.size ? refuse (s, PTN_E_INVALID) : login_let_in (s);
  s->resume = go_on;
  return PTN_OK;
}

static ptn_status
start (struct session *s) {
  struct login *login = s->login;
  ptn_status status = s->imap4->login->start (s->imap4->login_instance, &s->call, &login->request,
                                              login->mechanism, &login->exchange);
  if (status == PTN_PENDING)
    return status;
  s->imap4->host->call_end (&s->call);
  if (status != PTN_OK)
    return refuse (s, status);
  s->resume = go_on;
  return PTN_OK;
}

static ptn_status
go_on (struct session *s) {
  struct login *login = s->login;
  struct ptn_bytes response = { login->response.data, login->response.size }, data = { NULL, 0 };
  ptn_status status =
      s->imap4->login->step (login->exchange, &s->call, response, &data, &login->identity);
  if (status == PTN_PENDING)
    return status;
  sasl_response_clear (&login->response);
  login->proved = status == PTN_END;
  if (login->proved && (!data.size || !login->mechanism))
    return login_let_in (s);
  if (status != PTN_END && (status != PTN_OK || !login->mechanism))
    return refuse (s, status == PTN_OK ? PTN_E_INVALID : status);
  challenge (s, data);
  s->resume = read_response;
  return PTN_OK;
}

/* --- the commands ---------------------------------------------------------------------------------- */

void
command_login (struct session *s, struct reader *r) {
  size_t user_size, password_size;
  const char *user = NULL, *password = NULL;
  bool read = reader_space (r) && (user = reader_astring (r, &user_size)) && reader_space (r)
              && (password = reader_astring (r, &password_size)) && reader_end (r);
  if (!read) {
    answer_syntax (s, r);
    return;
  }
  struct login *login = s->login = login_new (s);
  sasl_response_make (&login->response, user_size + 1 + password_size);
  memcpy (login->response.data, user, user_size + 1);
  memcpy (login->response.data + user_size + 1, password, password_size);
  explicit_bzero ((char *)(guintptr)password, password_size);
  s->resume = start;
}

void
command_authenticate (struct session *s, struct reader *r) {
  const char *mechanism = NULL, *initial = NULL;
  bool read = reader_space (r) && (mechanism = reader_keyword (r));
  if (read && reader_peek (r) == ' ')
    read = reader_space (r) && (initial = reader_rest (r));
  if (!read || !reader_end (r)) {
    answer_syntax (s, r);
    return;
  }
  struct login *login = s->login = login_new (s);
  login->mechanism = mechanism;
  login_consume_command (s); /* the responses are the lines behind it */
  /* mutt ends the command with a blank where the server has the first word. */
  if (initial && !*initial)
    initial = NULL;
  bool decoded = !initial || sasl_response_initial (&login->response, initial, strlen (initial));
  if (initial && *initial)
    explicit_bzero ((char *)(guintptr)initial, strlen (initial));
  if (!decoded) {
    login_end (s);
    answer_bad (s, "the initial response is not base64");
    return;
  }
  s->resume = start;
}
