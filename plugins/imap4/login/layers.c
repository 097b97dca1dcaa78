/* SPDX-License-Identifier: Apache-2.0 */
/* layers.c - what lies below the commands: STARTTLS (RFC 9051 section 6.2.1), COMPRESS (RFC 4978).
 *
 * Their OK is written at once, since everything behind it is another layer's. */
#include "commands.h"
#include "login/login.h"

void
login_put_ok (struct session *s, const char *text) {
  put_format (&s->out, "%s OK %s\r\n", s->tag, language_text (s, text));
  s->errors = 0;
}

/* What lies in the stream behind the command is no longer of this layer. */
void
login_consume_command (struct session *s) {
  if (s->in_stream)
    s->imap4->stream->consume (s->stream, s->in_stream);
  s->in_stream = 0;
  s->arguments.size = s->arguments.at = 0;
}

/* PTN_E_INVALID: commands were sent behind STARTTLS; the host has closed the connection. */
static ptn_status
start_tls (struct session *s) {
  login_consume_command (s);
  login_put_ok (s, "begin TLS now");
  session_flush (s);
  s->resume = NULL;
  return s->imap4->stream->start_tls (s->stream, s->task);
}

void
command_starttls (struct session *s, struct reader *r) {
  if (!reader_end (r))
    answer_syntax (s, r);
  else if (!s->info->start_tls)
    answer_bad (s, "there is no TLS here");
  else if (session_has_tls (s))
    answer_bad (s, "TLS is in use already");
  else
    s->resume = start_tls;
}

static ptn_status
start_deflate (struct session *s) {
  login_consume_command (s);
  login_put_ok (s, "DEFLATE active");
  session_flush (s);
  s->resume = NULL;
  s->compressed = true;
  return s->imap4->stream->start_deflate (s->stream, s->task);
}

void
command_compress (struct session *s, struct reader *r) {
  const char *mechanism = NULL;
  if (!reader_space (r) || !(mechanism = reader_keyword (r)) || !reader_end (r))
    answer_syntax (s, r);
  else if (strcmp (mechanism, "DEFLATE") != 0)
    answer_no (s, "CANNOT", "unknown compression");
  else if (s->compressed)
    answer_no (s, "COMPRESSIONACTIVE", "the connection is compressed already");
  else if (!PTN_CAN (s->imap4->stream, start_deflate))
    answer_no (s, "CANNOT", "no compression here");
  else
    s->resume = start_deflate;
}
