/* SPDX-License-Identifier: Apache-2.0 */
/* commands.c - the words a client may say, and those that need few words to answer. */
#include "submission.h"

#include <stdio.h>
#include <string.h>

typedef void command_function (struct session *, const char *argument, size_t size);

enum { /* when a command may come, and with what */
       NEEDS_NO_ARGUMENT = 1 << 0,
       SMTP_ONLY = 1 << 1,
       LMTP_ONLY = 1 << 2
};

struct command {
  const char *name;
  command_function *run;
  unsigned rules;
};

/* --- EHLO, HELO, LHLO --------------------------------------------------------------------- */

/* Clients from before RFC 2554 (Outlook Express 4, Netscape) read "AUTH=" alone, and know these;
 * all others take the line for a word that they do not know. */
static void
add_old_auth (GString *text, const struct ptn_strings *mechanisms) {
  const char *before = "250-AUTH=";
  for (size_t i = 0; i < mechanisms->count; i++)
    if (strcmp (mechanisms->items[i], "LOGIN") == 0 || strcmp (mechanisms->items[i], "NTLM") == 0) {
      g_string_append_printf (text, "%s%s", before, mechanisms->items[i]);
      before = " ";
    }
  if (*before == ' ')
    g_string_append (text, "\r\n");
}

static void
write_capabilities (struct session *s, const struct ptn_strings *mechanisms) {
  g_autoptr (GString) text = g_string_sized_new (256);
  g_string_append_printf (text, "250-%s greets %s\r\n", s->info->server_name, s->helo);
  g_string_append (text, "250-PIPELINING\r\n");
  if (s->max_message >= INT64_MAX)
    g_string_append (text, "250-SIZE\r\n");
  else
    g_string_append_printf (text, "250-SIZE %" G_GUINT64_FORMAT "\r\n", s->max_message);
  g_string_append (text, "250-8BITMIME\r\n250-SMTPUTF8\r\n250-CHUNKING\r\n");
  if (s->info->start_tls && !session_tls (s))
    g_string_append (text, "250-STARTTLS\r\n");
  s->offered = mechanisms && mechanisms->count;
  if (s->offered) {
    g_string_append (text, "250-AUTH");
    for (size_t i = 0; i < mechanisms->count; i++)
      g_string_append_printf (text, " %s", mechanisms->items[i]);
    g_string_append (text, "\r\n");
    add_old_auth (text, mechanisms);
  }
  g_string_append (text, "250 ENHANCEDSTATUSCODES\r\n");
  session_write (s, text->str);
}

/* What can be offered depends on TLS and settings; the auth plugin knows. */
static ptn_status
ehlo_run (struct session *s) {
  const struct ptn_login *login = s->plugin->login.table;
  struct ptn_sasl_request request;
  struct ptn_strings mechanisms = { NULL, 0 };
  uint32_t plaintext = 0;
  s->call.task = s->task;
  sasl_request (s, &request);
  ptn_status status =
      login->mechanisms (s->plugin->login.instance, &s->call, &request, &mechanisms, &plaintext);
  if (status == PTN_PENDING)
    return status;
  write_capabilities (s, status == PTN_OK ? &mechanisms : NULL);
  session_command_done (s);
  return PTN_OK;
}

static bool
read_helo (struct session *s, const char *argument, size_t size) {
  while (size && argument[size - 1] == ' ')
    size--;
  if (!address_is_helo (argument, size)) {
    session_reply (s, 501, "5.5.4", "say your own name: a domain or an address literal");
    return false;
  }
  mail_reset (s);
  g_free (s->helo);
  s->helo = g_strndup (argument, size);
  return true;
}

static void
ehlo (struct session *s, const char *argument, size_t size) {
  if (!read_helo (s, argument, size))
    return;
  s->esmtp = true;
  if (s->kind == KIND_SUBMISSION && !s->identity)
    s->resume = ehlo_run;
  else
    write_capabilities (s, NULL);
}

static void
helo (struct session *s, const char *argument, size_t size) {
  if (!read_helo (s, argument, size))
    return;
  s->esmtp = false;
  session_reply (s, 250, NULL, "%s", s->info->server_name);
}

/* --- STARTTLS ------------------------------------------------------------------------------- */

static ptn_status
starttls_run (struct session *s) {
  ptn_status status = s->plugin->stream->start_tls (s->stream, s->task);
  if (status != PTN_OK)
    return status;
  session_reset (s);
  session_command_done (s);
  s->yield = true; /* the handshake is done before the next step */
  return PTN_OK;
}

static void
starttls (struct session *s, const char *argument, size_t size) {
  if (session_tls (s))
    session_reply (s, 503, "5.5.1", "TLS is on already");
  else if (!s->info->start_tls)
    session_reply (s, 502, "5.5.1", "no TLS on this port");
  else if (s->identity)
    session_reply (s, 503, "5.5.1", "too late: STARTTLS comes before AUTH");
  else {
    session_reply (s, 220, "2.0.0", "ready to start TLS");
    s->resume = starttls_run;
  }
}

/* --- the small ones --------------------------------------------------------------------------- */

static void
noop (struct session *s, const char *argument, size_t size) {
  session_write (s, "250 2.0.0 ok\r\n");
}

static void
rset (struct session *s, const char *argument, size_t size) {
  mail_reset (s);
  session_write (s, "250 2.0.0 ok\r\n");
}

static void
vrfy (struct session *s, const char *argument, size_t size) {
  if (size == 0)
    session_reply (s, 501, "5.5.4", "VRFY whom?");
  else
    session_reply (s, 252, "2.0.0", "not said here; a mail will tell");
}

static void
help (struct session *s, const char *argument, size_t size) {
  session_write (s, s->kind == KIND_LMTP ? "214-2.0.0 LHLO STARTTLS MAIL RCPT DATA BDAT\r\n"
                                           "214 2.0.0 RSET NOOP VRFY HELP QUIT\r\n"
                    : s->kind == KIND_RECEIVE
                        ? "214-2.0.0 EHLO HELO STARTTLS MAIL RCPT DATA BDAT\r\n"
                          "214 2.0.0 RSET NOOP VRFY HELP QUIT\r\n"
                        : "214-2.0.0 EHLO HELO STARTTLS AUTH MAIL RCPT DATA BDAT\r\n"
                          "214 2.0.0 RSET NOOP VRFY HELP QUIT\r\n");
}

static void
quit (struct session *s, const char *argument, size_t size) {
  mail_reset (s);
  session_reply (s, 221, "2.0.0", "%s closing the connection", s->info->server_name);
  s->ending = true;
}

static void
known_but_not_here (struct session *s, const char *argument, size_t size) {
  session_reply (s, 502, "5.5.1", "command not offered here");
}

/* A web browser, perhaps made to come here by somebody's page: say no more. */
static void
not_mail (struct session *s, const char *argument, size_t size) {
  session_bye (s, "4.7.0", "this is a mail server");
}

static const struct command commands[] = {
  { "RCPT", mail_to, 0 },
  { "MAIL", mail_from, 0 },
  { "DATA", mail_data, NEEDS_NO_ARGUMENT },
  { "BDAT", mail_bdat, 0 },
  { "RSET", rset, NEEDS_NO_ARGUMENT },
  { "NOOP", noop, 0 },
  { "QUIT", quit, NEEDS_NO_ARGUMENT },
  { "EHLO", ehlo, SMTP_ONLY },
  { "HELO", helo, SMTP_ONLY },
  { "LHLO", ehlo, LMTP_ONLY },
  { "AUTH", sasl_command, 0 },
  { "STARTTLS", starttls, NEEDS_NO_ARGUMENT },
  { "VRFY", vrfy, 0 },
  { "HELP", help, 0 },
  { "EXPN", known_but_not_here, 0 },
  { "ETRN", known_but_not_here, 0 },
  { "TURN", known_but_not_here, 0 },
  { "SEND", known_but_not_here, 0 },
  { "SOML", known_but_not_here, 0 },
  { "SAML", known_but_not_here, 0 },
  { "GET", not_mail, 0 },
  { "POST", not_mail, 0 },
  { "PUT", not_mail, 0 },
  { "CONNECT", not_mail, 0 },
  { "OPTIONS", not_mail, 0 },
};

void
command_auth_required (struct session *s) {
  if (!session_tls (s) && s->info->start_tls && !s->offered)
    session_reply (s, 530, "5.7.0", "start TLS first, then log in");
  else
    session_reply (s, 530, "5.7.0", "authentication required: log in before you send");
}

static const struct command *
find (const char *word, size_t size) {
  for (size_t i = 0; i < G_N_ELEMENTS (commands); i++)
    if (!g_ascii_strncasecmp (word, commands[i].name, size) && !commands[i].name[size])
      return &commands[i];
  return NULL;
}

static bool
has_control (const char *line, size_t size) {
  for (size_t i = 0; i < size; i++)
    if ((unsigned char)line[i] < 32 || line[i] == 127)
      return true;
  return false;
}

static bool
only_blanks (const char *text, size_t size) {
  for (size_t i = 0; i < size; i++)
    if (text[i] != ' ')
      return false;
  return true;
}

void
command_run (struct session *s, const char *line, size_t size) {
  const char *blank = memchr (line, ' ', size);
  size_t word = blank ? (size_t)(blank - line) : size;
  const char *argument = blank ? blank + 1 : line + size;
  size_t rest = size - (size_t)(argument - line);
  if (has_control (line, size)) {
    session_reply (s, 500, "5.5.2", "control characters in a command");
    return;
  }
  const struct command *command = word > 0 && word <= 8 ? find (line, word) : NULL;
  bool lmtp = s->kind == KIND_LMTP;
  if (!command)
    session_reply (s, 500, "5.5.1", "command not known");
  else if (lmtp && (command->rules & SMTP_ONLY))
    session_reply (s, 500, "5.5.1", "this is LMTP: say LHLO"); /* RFC 2033 section 4.1 */
  else if (!lmtp && (command->rules & LMTP_ONLY))
    session_reply (s, 500, "5.5.1", "this is SMTP: say EHLO");
  else if ((command->rules & NEEDS_NO_ARGUMENT) && !only_blanks (argument, rest))
    session_reply (s, 501, "5.5.4", "%s takes no argument", command->name);
  else
    command->run (s, argument, rest);
}
