/* SPDX-License-Identifier: Apache-2.0 */
/* capa.c - CAPA (RFC 2449), STLS (RFC 2595), UTF8 and LANG (RFC 6856). */
#include "session.h"

/* Before login nobody knows whose retention it will be: the shortest of all is told, and that
 * it is the user's (RFC 2449 section 6.7).  Behind it, his own. */
static void
say_expire (struct session *s) {
  if (s->drop) {
    if (s->drop->retention.policy == POLICY_KEEP)
      reply (s, "EXPIRE %u", s->drop->retention.days);
    else
      say (s, "EXPIRE NEVER");
    return;
  }
  int64_t days = session_number (s, "expire");
  int seen = __atomic_load_n (&s->pop3->shortest_keep, __ATOMIC_RELAXED);
  if (seen >= 0 && (days < 0 || seen < days))
    days = seen;
  if (days < 0)
    say (s, "EXPIRE NEVER");
  else
    reply (s, "EXPIRE %" G_GINT64_FORMAT " USER", days);
}

void
capa_rest (struct session *s) {
  int64_t delay_ms = session_number (s, "login_delay");
  say (s, "TOP");
  say (s, "UIDL");
  say (s, "RESP-CODES");
  say (s, "AUTH-RESP-CODE");
  say (s, "PIPELINING");
  say_expire (s);
  if (delay_ms > 0)
    reply (s, "LOGIN-DELAY %" G_GINT64_FORMAT, (delay_ms + 999) / 1000);
  if (session_number (s, "utf8"))
    say (s, "UTF8 USER");
  say (s, "LANG");
  if (s->state == STATE_AUTHORIZATION && s->info->start_tls && !session_has_tls (s))
    say (s, "STLS");
  if (s->state == STATE_TRANSACTION) {
    const char *text = s->pop3->host->text (s->info->config, "implementation");
    if (text && *text)
      reply (s, "IMPLEMENTATION %s", text);
  }
  say (s, ".");
}

void
command_capa (struct session *s, const struct arguments *arguments) {
  s->listing = true;
  s->resume = auth_capabilities;
}

/* Runs when the command line is consumed: anything behind it was sent too early. */
static ptn_status
begin_tls (struct session *s) {
  s->resume = NULL;
  say (s, "+OK begin TLS");
  ptn_status status = s->pop3->stream->start_tls (s->stream, s->task);
  if (status == PTN_PENDING) /* the handshake goes on by itself; nothing is to be repeated */
    status = PTN_OK;
  if (status != PTN_OK)
    return status;
  /* RFC 2595 section 4: what was said in clear is forgotten. */
  g_clear_pointer (&s->user, g_free);
  s->utf8 = false;
  s->errors = 0;
  s->line = (struct line_reader){ 0 };
  return PTN_OK;
}

void
command_stls (struct session *s, const struct arguments *arguments) {
  if (session_has_tls (s))
    say (s, "-ERR TLS is active already");
  else if (!s->info->start_tls)
    say (s, "-ERR TLS is not available here");
  else
    s->resume = begin_tls;
}

void
command_utf8 (struct session *s, const struct arguments *arguments) {
  if (!session_number (s, "utf8")) {
    say (s, "-ERR UTF8 is switched off");
    return;
  }
  s->utf8 = true;
  say (s, "+OK UTF8 enabled");
}

/* There is one language; ranges are looked up as RFC 4647 section 3.4 does it, by cutting
 * subtags off the end. */
void
command_lang (struct session *s, const struct arguments *arguments) {
  if (arguments->count == 0) {
    say (s, "+OK languages:");
    say (s, "en English");
    say (s, "i-default Default language");
    say (s, ".");
    return;
  }
  const char *range = arguments->word[0];
  if (g_ascii_strcasecmp (range, "en") == 0 || g_ascii_strncasecmp (range, "en-", 3) == 0)
    say (s, "+OK en English it is");
  else if (strcmp (range, "*") == 0 || g_ascii_strcasecmp (range, "i-default") == 0)
    say (s, "+OK i-default Default language");
  else
    say (s, "-ERR no such language");
}
