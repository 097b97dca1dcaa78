/* SPDX-License-Identifier: Apache-2.0 */
/* collect.c - the text of a command out of the stream, with its literals (RFC 9051 section 4.3,
 * RFC 7888): one line stays where it is, several are put together. */
#include "collect.h"

/* "{12}", "{12+}", "~{12}" at the end of a line without its line end.  False: no literal there. */
static bool
literal_header (const char *line, size_t size, struct literal *literal) {
  *literal = (struct literal){ .synchronising = true, .pending = true };
  if (size < 3 || line[size - 1] != '}')
    return false;
  size_t at = size - 1;
  if (line[at - 1] == '+') { /* RFC 7888: LITERAL- has the same form, "-" is none */
    literal->synchronising = false;
    at--;
  }
  size_t end = at;
  while (at > 0 && end - at < 19 && g_ascii_isdigit (line[at - 1]))
    at--;
  if (at == end || at == 0 || line[at - 1] != '{')
    return false;
  for (size_t i = at; i < end; i++)
    literal->size = literal->size * 10 + (uint64_t)(line[i] - '0');
  literal->binary = at >= 2 && line[at - 2] == '~';
  return true;
}

static void
consume (struct session *s, size_t size) {
  if (size)
    s->imap4->stream->consume (s->stream, size);
}

static void
free_text (GString *text) {
  if (!text)
    return;
  explicit_bzero (text->str, text->len);
  g_string_free (text, TRUE);
}

/* The reader's text has moved or grown. */
static void
follow_text (struct session *s) {
  if (s->command) {
    s->arguments.data = s->text->str;
    s->arguments.size = s->text->len;
  }
}

/* The next line, without its end, taken into s->text; s->literal says what stands at its end. */
static ptn_status
take_line (struct session *s, struct ptn_bytes *line, size_t *whole) {
  size_t max = s->user ? LINE_MAX_AFTER_LOGIN : SASL_LINE_MAX;
  ptn_status status = line_read (&s->line, s->imap4->stream, s->stream, s->task, max, line);
  if (status != PTN_OK)
    return status;
  *whole = line->size;
  const char *text = line->data;
  line->size--;
  if (line->size && text[line->size - 1] == '\r')
    line->size--;
  if (!literal_header (text, line->size, &s->literal))
    s->literal.pending = false;
  return PTN_OK;
}

/* The text may hold a password: when it moves, nothing is left where it was. */
static void
append_text (struct session *s, const char *octets, size_t size) {
  GString *text = s->text;
  if (text && text->allocated_len - text->len > size) {
    g_string_append_len (text, octets, (gssize)size);
    return;
  }
  const size_t before = text ? text->len : 0;
  s->text = g_string_sized_new (2 * before + size + 64);
  if (text)
    g_string_append_len (s->text, text->str, (gssize)before);
  g_string_append_len (s->text, octets, (gssize)size);
  free_text (text);
}

static void
append_line (struct session *s, struct ptn_bytes line, size_t whole) {
  append_text (s, line.data, line.size);
  if (s->literal.pending)
    append_text (s, "\r\n", 2);
  consume (s, whole);
}

/* Octets of a literal into s->text. */
static ptn_status
take_octets (struct session *s) {
  const struct ptn_stream_service *stream = s->imap4->stream;
  while (s->literal_left) {
    struct ptn_bytes input;
    ptn_status status = stream->peek (s->stream, s->task, 1, &input);
    if (status != PTN_OK)
      return status;
    size_t size = MIN (input.size, s->literal_left);
    append_text (s, input.data, size);
    stream->consume (s->stream, size);
    s->literal_left -= size;
  }
  return PTN_OK;
}

/* Throws away what a refused command still sends: its literal, and all lines and literals behind. */
static ptn_status
skip (struct session *s) {
  const struct ptn_stream_service *stream = s->imap4->stream;
  for (;;) {
    while (s->literal_left) {
      struct ptn_bytes input;
      ptn_status status = stream->peek (s->stream, s->task, 1, &input);
      if (status != PTN_OK)
        return status;
      size_t size = MIN (input.size, s->literal_left);
      stream->consume (s->stream, size);
      s->literal_left -= size;
      if (s->imap4->host->budget_spent (s->task))
        return PTN_OK;
    }
    struct ptn_bytes line;
    size_t whole;
    ptn_status status = take_line (s, &line, &whole);
    if (status == PTN_E_LIMIT) {
      s->literal.pending = false;
      s->skipping = false;
      return PTN_OK;
    }
    if (status != PTN_OK)
      return status;
    consume (s, whole);
    if (!s->literal.pending || s->literal.synchronising) {
      /* A literal that waits for "+" is not sent: the client has read our answer. */
      s->literal.pending = false;
      s->skipping = false;
      return PTN_OK;
    }
    s->literal.pending = false;
    s->literal_left = s->literal.size;
  }
}

void
literal_refuse (struct session *s) {
  s->skipping = !s->literal.synchronising && s->literal.pending;
  if (s->skipping)
    s->literal_left = s->literal.size;
  s->literal.pending = false;
}

static void
ask (struct session *s) {
  if (s->literal.synchronising) {
    PUT (&s->out, "+ go on\r\n");
    session_flush (s);
  }
  s->literal.pending = false;
}

void
literal_accept (struct session *s) {
  ask (s);
}

ptn_status
literal_take (struct session *s) {
  if (s->literal.pending) {
    if (s->literal.size > LITERALS_MAX - MIN (s->text->len, LITERALS_MAX))
      return PTN_E_LIMIT;
    s->literal_left = s->literal.size;
    ask (s);
  }
  ptn_status status = take_octets (s);
  struct ptn_bytes line;
  size_t whole;
  if (status == PTN_OK)
    status = take_line (s, &line, &whole);
  if (status == PTN_OK)
    append_line (s, line, whole);
  follow_text (s);
  return status;
}

ptn_status
literal_next_line (struct session *s) {
  struct ptn_bytes line;
  size_t whole;
  ptn_status status = take_line (s, &line, &whole);
  if (status != PTN_OK)
    return status;
  g_string_truncate (s->text, 0);
  append_line (s, line, whole);
  follow_text (s);
  s->arguments.at = 0;
  return PTN_OK;
}

/* The tag of a text that is refused as a whole. */
static void
refuse_text (struct session *s, const char *text, size_t size, const char *why) {
  reader_clear (&s->arguments);
  reader_init (&s->arguments, text, size, false);
  const char *tag = reader_tag (&s->arguments);
  s->tag = tag && reader_peek (&s->arguments) == ' ' ? tag : "*";
  literal_refuse (s);
  answer_bad (s, why);
}

static ptn_status
whole_text (struct session *s) {
  if (s->text && s->text->len > LITERALS_MAX)
    refuse_text (s, s->text->str, s->text->len, "the command is too long");
  else
    command_dispatch (s, s->text->str, s->text->len);
  return PTN_OK;
}

ptn_status
collect_command (struct session *s) {
  struct ptn_bytes line;
  size_t whole;
  if (s->skipping)
    return skip (s);
  if (s->literal_left) {
    ptn_status status = take_octets (s);
    if (status != PTN_OK)
      return status;
  }
  for (;;) {
    ptn_status status = take_line (s, &line, &whole);
    if (s->line.lost_literal) { /* its octets are not to be taken for commands */
      untagged (s, "BYE a literal behind a line that is too long");
      session_logout (s);
      return PTN_OK;
    }
    if (status == PTN_E_LIMIT) {
      untagged (s, "BAD the line is too long");
      free_text (g_steal_pointer (&s->text));
      s->errors++;
      return PTN_OK;
    }
    if (status != PTN_OK)
      return status;
    if (!s->text && !s->literal.pending) { /* nearly all commands */
      s->in_stream = whole;
      command_dispatch (s, line.data, line.size);
      return PTN_OK;
    }
    append_line (s, line, whole);
    if (!s->literal.pending)
      return whole_text (s);
    if (command_streams (s->text->str, s->text->len))
      return whole_text (s);
    size_t max = s->user ? LITERALS_MAX : LITERALS_BEFORE_LOGIN;
    if (s->literal.size > max || s->text->len + s->literal.size > max) {
      refuse_text (s, s->text->str, s->text->len, "the literal is too long");
      return PTN_OK;
    }
    s->literal_left = s->literal.size;
    ask (s);
    status = take_octets (s);
    if (status != PTN_OK)
      return status;
  }
}

void
collect_end (struct session *s) {
  consume (s, s->in_stream);
  s->in_stream = 0;
  free_text (g_steal_pointer (&s->text));
}
