/* SPDX-License-Identifier: Apache-2.0 */
/* retrieve.c - RETR and TOP.
 *
 * A message that the store gives in one piece, as nearly all are, becomes octets of the
 * stream at once: answers to pipelined commands leave together.  Others go out through an
 * outgoing source, as the client takes them. */
#include "outgoing.h"
#include "session.h"

#define FIRST_CHUNK (64 * 1024)

static void
finish (struct session *s) {
  if (s->source)
    s->source->ops->close (s->source);
  s->source = NULL;
  s->resume = NULL;
}

static ptn_status
refuse (struct session *s, ptn_status status) {
  const struct ptn_host *host = s->pop3->host;
  if (status == PTN_E_DISCONNECTED || status == PTN_E_CANCELLED)
    return status;
  if (status == PTN_E_EXPUNGED || status == PTN_E_NOT_FOUND)
    say (s, "-ERR this message was removed by another program");
  else {
    char uid[16];
    const char *why = host->failure_log (s->task);
    g_snprintf (uid, sizeof uid, "%u", s->drop->uids[s->index]);
    struct ptn_field fields[] = { { "uid", uid }, { "error", why ? why : "" } };
    host->log (host, PTN_LOG_WARNING, s->task, "pop3.read-failed", fields, G_N_ELEMENTS (fields));
    say (s, status == PTN_E_CORRUPT ? "-ERR [SYS/PERM] this message is damaged"
                                    : "-ERR [SYS/TEMP] this message cannot be read now");
  }
  finish (s);
  return PTN_OK;
}

static void
answer_begins (struct session *s) {
  uint64_t *word = &s->drop->words[s->index];
  if (s->lines != UINT64_MAX) {
    say (s, "+OK");
    return;
  }
  char line[40];
  int length =
      g_snprintf (line, sizeof line, "+OK %" G_GUINT64_FORMAT " octets\r\n", OCTETS_OF (*word));
  emit (s, line, (size_t)length);
  *word |= MARK_RETRIEVED;
  s->retrieved++;
  s->octets += OCTETS_OF (*word);
  s->pop3->host->observe (s->pop3->retrieved, 1);
  s->pop3->host->observe (s->pop3->octets, (int64_t)OCTETS_OF (*word));
}

static void
write_whole (struct session *s, const char *data, size_t size) {
  struct stuffer stuffer = { .line_start = true };
  size_t end_size;
  while (size) {
    size_t plain = stuffer_find (&stuffer, data, size);
    if (plain == 0) {
      emit (s, ".", 1);
      stuffer.line_start = false;
      continue;
    }
    emit (s, data, plain);
    stuffer_advance (&stuffer, data, plain);
    data += plain;
    size -= plain;
  }
  const char *end = stuffer_end (&stuffer, &end_size);
  emit (s, end, end_size);
}

/* The first piece is here: it is all, or all that TOP wants, or the rest is streamed. */
static ptn_status
answer (struct session *s, struct ptn_chunk *chunk) {
  uint64_t stored = STORED_OCTETS (s->drop->words[s->index]);
  struct top top;
  bool cut;
  if (!chunk_load (chunk))
    return refuse (s, PTN_E_TEMPORARY);
  if (chunk->size > stored) {
    chunk_release (chunk);
    return refuse (s, PTN_E_CORRUPT);
  }
  top_start (&top, s->lines);
  size_t size = top_take (&top, chunk->data, chunk->size, &cut);
  answer_begins (s);
  if (cut || chunk->size == stored) {
    write_whole (s, chunk->data, size);
    chunk_release (chunk);
    finish (s);
    return PTN_OK;
  }
  struct ptn_source *out = outgoing_new (s->source, chunk, stored, s->lines);
  s->source = NULL;
  finish (s);
  if (!out)
    return PTN_E_CORRUPT;
  ptn_status status = s->pop3->stream->write_source (s->stream, out, UINT64_MAX);
  if (status != PTN_OK && s->broken == PTN_OK)
    s->broken = status;
  return PTN_OK;
}

static ptn_status
retrieve (struct session *s) {
  const struct pop3 *pop3 = s->pop3;
  ptn_status status;
  if (!s->source) {
    status = pop3->store->read (s->drop->account, &s->call, &s->drop->inbox,
                                s->drop->uids[s->index], 0, UINT64_MAX, &s->source);
    if (status == PTN_PENDING)
      return PTN_PENDING;
    pop3->host->call_end (&s->call);
    if (status != PTN_OK)
      return refuse (s, status);
  }
  struct ptn_chunk chunk = { .fd = -1 };
  status = s->source->ops->read (s->source, s->task, FIRST_CHUNK, &chunk);
  if (status == PTN_PENDING)
    return PTN_PENDING;
  if (status == PTN_END && STORED_OCTETS (s->drop->words[s->index]) == 0)
    status = PTN_OK; /* an empty message */
  else if (status == PTN_END)
    status = PTN_E_CORRUPT;
  if (status != PTN_OK)
    return refuse (s, status);
  if (!chunk.size)
    chunk.data = "";
  return answer (s, &chunk);
}

void
command_retr (struct session *s, const struct arguments *arguments) {
  if (!message_number (s, arguments->word[0]))
    return;
  s->lines = UINT64_MAX;
  s->resume = retrieve;
}

void
command_top (struct session *s, const struct arguments *arguments) {
  uint64_t lines;
  if (!message_number (s, arguments->word[0]))
    return;
  if (!decimal (arguments->word[1], &lines)) {
    say (s, "-ERR not a number of lines");
    return;
  }
  s->lines = MIN (lines, UINT64_MAX - 1);
  s->resume = retrieve;
}
