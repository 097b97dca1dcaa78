/* SPDX-License-Identifier: Apache-2.0 */
/* stream.c - input of a stream, its properties, and "postern.stream/1"; see stream.h. */
#include "net/stream.h"

#include "net/deflate.h"
#include "net/net.h"
#include "net/tls_client.h"

#include <errno.h>
#include <glib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define IN_LEAST 4096u
#define IN_CLASS_MOST 4 /* 64 KiB */

void
stream_init (struct ptn_stream *s, struct ptn_task *task, int fd, size_t max_line) {
  s->task = task;
  s->fd = fd;
  s->max_line = (uint32_t)CLAMP (max_line, 512, 1u << 30);
  s->secret = SECRET_ALL;
}

static uint32_t
buffered (const struct ptn_stream *s) {
  return s->in_end - s->in_start;
}

static void
free_input (struct ptn_stream *s) {
  if (s->in) {
    task_refund (s->task, s->in_room);
    if (s->secret)
      explicit_bzero (s->in + s->in_start, buffered (s));
    g_clear_pointer (&s->in, g_free);
  }
  s->in_room = s->in_start = s->in_end = 0;
  s->literal.given = 0;
}

void
stream_clear (struct ptn_stream *s) {
  stream_drop_output (s);
  free_input (s);
  deflate_free (s);
  g_clear_pointer (&s->ssl, SSL_free);
  for (size_t i = 0; i < G_N_ELEMENTS (s->texts); i++)
    g_clear_pointer (&s->texts[i], g_free);
  g_clear_pointer (&s->binding, g_free);
  tls_client_free (&s->client);
}

void
stream_events (struct ptn_stream *s, unsigned events) {
  if (events & TASK_READABLE)
    s->readable = true;
  if (events & TASK_WRITABLE)
    s->stuck = false;
  if (events & TASK_HANGUP) {
    s->hangup = s->readable = true;
    s->stuck = false; /* so that the next write learns of it */
  }
}

void
stream_stuck (struct ptn_stream *s) {
  s->stuck = true;
  task_want_output (s->task);
}

ptn_status
stream_fail (struct ptn_stream *s, const char *reason) {
  if (!s->error) {
    s->error = PTN_E_DISCONNECTED;
    s->reason = reason;
  }
  return PTN_E_DISCONNECTED;
}

/* --- input -------------------------------------------------------------------------- */

void
stream_secret (struct ptn_stream *s, bool on) {
  s->secret = on ? SECRET_ALL : MIN (s->secret, buffered (s));
  if (s->ssl)
    stream_tls_secret (s);
}

/* What is queued begins at 0. */
static char *
larger_input (struct ptn_stream *s, uint32_t room) {
  char *larger;

  if (!s->in || !s->secret)
    return g_try_realloc (s->in, room);
  larger = g_try_malloc (room); /* realloc would leave a copy behind */
  if (!larger)
    return NULL;
  memcpy (larger, s->in, s->in_end);
  explicit_bzero (s->in, s->in_end);
  g_free (s->in);
  return larger;
}

/* Room for at least one more octet. */
static bool
make_room (struct ptn_stream *s) {
  uint32_t room;
  char *larger;

  if (s->in && s->in_start == s->in_end)
    s->in_start = s->in_end = 0;
  if (s->in && s->in_room - s->in_end >= s->in_room / 2)
    return true;
  if (s->in && s->in_start) {
    memmove (s->in, s->in + s->in_start, buffered (s));
    if (s->secret)
      explicit_bzero (s->in + buffered (s), s->in_start);
    s->in_end -= s->in_start;
    s->in_start = 0;
  }
  if (s->in_end < s->in_room)
    return true;
  if (s->in_room >= s->max_line)
    return false;

  room = s->in ? s->in_room * 2 : IN_LEAST << s->in_class;
  room = MIN (room, s->max_line);
  if (!task_charge (s->task, room - s->in_room)) {
    s->memory_spent = true;
    return false;
  }
  larger = larger_input (s, room);
  if (!larger) {
    task_refund (s->task, room - s->in_room);
    s->memory_spent = true;
    return false;
  }
  s->in = larger;
  s->in_room = room;
  return true;
}

ssize_t
stream_clear_read (struct ptn_stream *s, void *data, size_t size) {
  ssize_t got;

  do
    got = recv (s->fd, data, size, 0);
  while (got < 0 && errno == EINTR);
  if (got < 0 && errno == EAGAIN)
    s->readable = false;
  else if (got > 0 && (size_t)got < size && !s->hangup)
    s->readable = false; /* it is empty: the next octet, or the end, is a new edge */
  return got;
}

bool
stream_fill (struct ptn_stream *s) {
  size_t room;
  ssize_t got;

  if (s->error || s->eof || s->stuck || (s->wants_tls && !s->tls_done))
    return false;
  if (!(s->readable || s->ssl_more || deflate_has_input (s)) || !make_room (s))
    return false;
  room = s->in_room - s->in_end;
  if (s->deflate)
    got = deflate_read (s, s->in + s->in_end, room);
  else
    got = s->ssl ? stream_tls_read (s, s->in + s->in_end, room)
                 : stream_clear_read (s, s->in + s->in_end, room);
  if (got > 0) {
    s->in_end += (uint32_t)got;
    s->octets_in += (uint64_t)got;
    s->moved = true;
    if ((size_t)got == room && s->in_class < IN_CLASS_MOST)
      s->in_class++;
    else if ((size_t)got < IN_LEAST / 2 && s->in_class)
      s->in_class--;
    return true;
  }
  if (got == 0)
    s->eof = true;
  else if (errno != EAGAIN)
    stream_fail (s, s->ssl ? "tls" : "reset");
  return false;
}

bool
stream_discard (struct ptn_stream *s, size_t *most) {
  char waste[4096];

  free_input (s);
  while (s->readable && *most) {
    ssize_t got = stream_clear_read (s, waste, MIN (sizeof waste, *most));
    if (got == 0 || (got < 0 && errno != EAGAIN))
      return false;
    if (got > 0) {
      *most -= (size_t)got;
      if (s->secret)
        explicit_bzero (waste, (size_t)got);
    }
  }
  return *most > 0;
}

/* May the next command be looked at?  Not while a source is on its way or the peer leaves
 * answers lying: who does not read is not listened to. */
static bool
output_has_room (struct ptn_stream *s) {
  if (output_queued (s) < OUTPUT_HIGH)
    return true;
  stream_flush (s);
  return output_queued (s) < OUTPUT_HIGH;
}

static ptn_status
stream_peek (struct ptn_stream *s, struct ptn_task *task, size_t wanted, struct ptn_bytes *input) {
  *input = (struct ptn_bytes){ NULL, 0 };
  wanted = MAX (wanted, 1);
  if (s->error)
    return PTN_E_DISCONNECTED;
  if (wanted > s->max_line)
    return PTN_E_LIMIT;
  if (s->literal.open)
    return PTN_E_INVALID;
  s->armed_wanted = wanted;
  if (!output_has_room (s))
    return s->error ? PTN_E_DISCONNECTED : PTN_PENDING;
  while (buffered (s) < wanted && stream_fill (s))
    ;
  if (s->error)
    return PTN_E_DISCONNECTED;
  *input = (struct ptn_bytes){ s->in + s->in_start, buffered (s) };
  if (buffered (s) >= wanted) {
    s->armed_wanted = 0;
    return PTN_OK;
  }
  if (s->eof)
    return PTN_END;
  return s->memory_spent ? PTN_E_NO_MEMORY : PTN_PENDING;
}

static void
stream_consume (struct ptn_stream *s, size_t count) {
  g_return_if_fail (count <= buffered (s));
  if (s->secret && count) { /* without octets there may be no buffer */
    size_t part = MIN (count, s->secret);
    explicit_bzero (s->in + s->in_start, part);
    if (s->secret != SECRET_ALL)
      s->secret -= (uint32_t)part;
  }
  s->in_start += (uint32_t)count;
  if (s->in_start == s->in_end)
    s->in_start = s->in_end = 0;
}

/* --- literals ----------------------------------------------------------------------- */

static struct ptn_stream *
literal_stream (struct ptn_source *source) {
  return (struct ptn_stream *)(void *)((char *)source
                                       - G_STRUCT_OFFSET (struct ptn_stream, literal.source));
}

static ptn_status
literal_read (struct ptn_source *source, struct ptn_task *task, size_t max,
              struct ptn_chunk *chunk) {
  struct ptn_stream *s = literal_stream (source);
  struct literal *literal = &s->literal;
  size_t size;

  stream_consume (s, literal->given);
  literal->given = 0;
  if (literal->left == 0)
    return PTN_END;
  if (max == 0)
    return PTN_E_INVALID;
  if (s->error)
    return PTN_E_DISCONNECTED;
  if (buffered (s) == 0 && !stream_fill (s)) {
    if (s->eof)
      stream_fail (s, "eof");
    if (s->error)
      return PTN_E_DISCONNECTED;
    if (s->memory_spent)
      return PTN_E_NO_MEMORY;
    s->armed_wanted = 1;
    return PTN_PENDING;
  }
  size = MIN (buffered (s), max);
  size = (size_t)MIN (size, literal->left);
  *chunk = (struct ptn_chunk){ .data = s->in + s->in_start, .size = size, .fd = -1 };
  literal->given = size;
  literal->left -= size;
  return PTN_OK;
}

static void
literal_close (struct ptn_source *source) {
  struct ptn_stream *s = literal_stream (source);

  stream_consume (s, s->literal.given);
  s->literal.given = 0;
  s->literal.open = false;
}

static const struct ptn_source_ops literal_ops = {
  .size = sizeof literal_ops,
  .read = literal_read,
  .close = literal_close,
};

ptn_status
stream_literal (struct ptn_stream *s, uint64_t length, struct ptn_source **source) {
  *source = NULL;
  if (s->literal.open || length > INT64_MAX)
    return PTN_E_INVALID;
  s->literal = (struct literal){
    .source = { .ops = &literal_ops, .length = (int64_t)length },
    .left = length,
    .open = true,
  };
  *source = &s->literal.source;
  return PTN_OK;
}

/* --- between steps ------------------------------------------------------------------ */

void
stream_step_begins (struct ptn_stream *s) {
  s->armed_wanted = 0;
  s->armed_below = 0;
}

bool
stream_ready (struct ptn_stream *s) {
  if (!s->armed_wanted && !s->armed_below)
    return false;
  if (s->error)
    return true;
  if (s->armed_below && output_queued (s) < s->armed_below)
    return true;
  if (!s->armed_wanted || output_queued (s) >= OUTPUT_HIGH)
    return false;
  while (buffered (s) < s->armed_wanted && stream_fill (s))
    ;
  return buffered (s) >= s->armed_wanted || s->eof || s->error || s->memory_spent;
}

void
stream_rest (struct ptn_stream *s) {
  if (s->in && s->in_start == s->in_end && !s->literal.given)
    free_input (s);
  deflate_rest (s);
}

/* --- the rest of the interface ------------------------------------------------------- */

static ptn_status
stream_drained (struct ptn_stream *s, struct ptn_task *task, uint64_t below) {
  return output_drained (s, below);
}

static ptn_status
stream_start_tls (struct ptn_stream *s, struct ptn_task *task) {
  if (s->error)
    return PTN_E_DISCONNECTED;
  if (s->ssl || s->wants_tls || !s->tls || s->deflate)
    return PTN_E_UNSUPPORTED;
  /* Our answer has not been sent: whatever is here already was not meant for TLS, or put
   * before it by somebody in between. */
  s->readable = true;
  while (buffered (s) == 0 && stream_fill (s))
    ;
  if (buffered (s) > 0 || s->literal.open) {
    free_input (s);
    stream_fail (s, "starttls-injection");
    return PTN_E_INVALID;
  }
  if (s->error)
    return PTN_E_DISCONNECTED;
  s->wants_tls = true;
  output_turn_to_tls (s);
  return PTN_OK;
}

static const char *
address_property (struct ptn_stream *s, unsigned index, const struct net_address *address,
                  bool port) {
  char text[ADDRESS_TEXT];

  if (!s->texts[index]) {
    if (port)
      g_snprintf (text, sizeof text, "%u", address->port);
    else
      address_text (address, text);
    s->texts[index] = g_strdup (text);
  }
  return s->texts[index];
}

static const struct net_address *
local_address (struct ptn_stream *s) {
  struct sockaddr_storage own = { 0 };
  socklen_t size = sizeof own;

  if (s->local.kind == ADDRESS_NONE && getsockname (s->fd, (struct sockaddr *)&own, &size) == 0)
    address_from_sockaddr (&s->local, (struct sockaddr *)&own, size);
  return &s->local;
}

const char *
stream_property (struct ptn_stream *s, const char *name) {
  if (strcmp (name, "peer.address") == 0)
    return address_property (s, 0, &s->peer, false);
  if (strcmp (name, "peer.port") == 0)
    return address_property (s, 1, &s->peer, true);
  if (strcmp (name, "local.address") == 0)
    return address_property (s, 2, local_address (s), false);
  if (strcmp (name, "local.port") == 0)
    return address_property (s, 3, local_address (s), true);
  return stream_tls_property (s, name);
}

const struct ptn_stream_service *
net_stream_service (void) {
  static const struct ptn_stream_service service = {
    .size = sizeof service,
    .peek = stream_peek,
    .consume = stream_consume,
    .literal = stream_literal,
    .write = output_write,
    .write_source = output_source,
    .drained = stream_drained,
    .start_tls = stream_start_tls,
    .property = stream_property,
    .channel_binding = stream_channel_binding,
    .start_deflate = deflate_start,
    .end_deflate = deflate_end,
  };
  return &service;
}
