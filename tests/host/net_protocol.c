/* SPDX-License-Identifier: Apache-2.0 */
/* net_protocol.c - the protocol of net_test.h. */
#include "net_protocol.h"

#include "net_test.h"

#include <sys/mman.h>

struct session {
  struct ptn_stream *stream;
  struct ptn_source *literal; /* of TAKE, while it is read */
  uint64_t length, sum;
  int64_t wake_ns; /* of IDLE */
  bool keeps;      /* the literal, for a while after its end */
  bool greeted, draining;
};

static const struct ptn_stream_service *
io (void) {
  return net_stream_service ();
}

/* --- sources ------------------------------------------------------------------------------- */

typedef enum { LENT, OWNED, FROM_FILE, PENDING_FIRST, FAILING } source_kind;
struct pattern {
  struct ptn_source source;
  source_kind kind;
  uint64_t offset, end;
  unsigned char *chunk;
  bool waited;
};
_Atomic int sources_open;
static int pattern_file = -1;
#define FILE_SIZE (4u << 20)

unsigned char
pattern_at (uint64_t offset) {
  return (unsigned char)(offset * 131 + (offset >> 8) * 7 + (offset >> 16));
}

static ptn_status
pattern_read (struct ptn_source *source, struct ptn_task *task, size_t max,
              struct ptn_chunk *chunk) {
  struct pattern *p = (struct pattern *)source;
  size_t size = MIN (max, p->kind == PENDING_FIRST ? 3000 : 50000);

  if (p->kind == FAILING && p->offset == p->end)
    return task_fail (task, PTN_E_CORRUPT, NULL, "the pattern is torn");
  if (p->offset == p->end)
    return PTN_END;
  if (p->kind == PENDING_FIRST && !p->waited) {
    p->waited = true;
    waker_wake (task_waker (task));
    return PTN_PENDING;
  }
  p->waited = false;
  size = (size_t)MIN (size, p->end - p->offset);
  *chunk = (struct ptn_chunk){ .size = size, .fd = -1 };
  if (p->kind == FROM_FILE) {
    size = MIN (size, FILE_SIZE - p->offset % FILE_SIZE);
    chunk->size = size;
    chunk->fd = pattern_file;
    chunk->file_offset = (int64_t)(p->offset % FILE_SIZE);
  } else {
    unsigned char *octets = g_malloc (size);
    for (size_t i = 0; i < size; i++)
      octets[i] = pattern_at (p->offset + i);
    chunk->data = octets;
    if (p->kind == OWNED) {
      chunk->release = g_free;
      chunk->owner = octets;
    } else {
      g_free (p->chunk);
      p->chunk = octets;
    }
  }
  p->offset += size;
  return PTN_OK;
}

static void
pattern_close (struct ptn_source *source) {
  struct pattern *p = (struct pattern *)source;

  sources_open--;
  g_free (p->chunk);
  g_free (p);
}

static const struct ptn_source_ops pattern_ops = {
  .size = sizeof pattern_ops,
  .read = pattern_read,
  .close = pattern_close,
};

static void
make_file (void) {
  unsigned char *octets;

  if (pattern_file >= 0)
    return;
  pattern_file = memfd_create ("pattern", MFD_CLOEXEC);
  octets = g_malloc (FILE_SIZE);
  for (size_t i = 0; i < FILE_SIZE; i++)
    octets[i] = pattern_at (i);
  CHECK (write (pattern_file, octets, FILE_SIZE) == FILE_SIZE);
  g_free (octets);
}

static ptn_status
send_pattern (struct session *s, source_kind kind, uint64_t length) {
  struct pattern *p = g_new0 (struct pattern, 1);
  uint64_t whole = kind == FAILING ? length + 10 : length;
  ptn_status status;

  p->source = (struct ptn_source){ &pattern_ops, kind == OWNED ? -1 : (int64_t)whole };
  p->kind = kind;
  p->end = length;
  sources_open++;
  status = io ()->write_source (s->stream, &p->source, kind == OWNED ? UINT64_MAX : whole);
  if (status == PTN_OK)
    status = io ()->write (s->stream, "sent\n", 5);
  return status;
}

/* --- commands -------------------------------------------------------------------------------- */

static ptn_status
say (struct session *s, const char *text) {
  ptn_status status = io ()->write (s->stream, text, strlen (text));

  return status == PTN_OK ? io ()->write (s->stream, "\n", 1) : status;
}

/* Goes on reading the literal. */
static ptn_status
take (struct session *s, struct ptn_task *task) {
  char answer[80];

  for (;;) {
    struct ptn_chunk chunk;
    ptn_status status = s->literal->ops->read (s->literal, task, 5000, &chunk);
    if (status == PTN_END && s->keeps) {
      s->keeps = false;
      s->wake_ns = now_ns () + 100000000;
      return PTN_OK;
    }
    if (status == PTN_END)
      break;
    if (status != PTN_OK)
      return status;
    for (size_t i = 0; i < chunk.size; i++)
      s->sum = s->sum * 31 + ((const unsigned char *)chunk.data)[i];
  }
  s->literal->ops->close (s->literal);
  s->literal = NULL;
  g_snprintf (answer, sizeof answer, "took %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT, s->length,
              s->sum);
  return say (s, answer);
}

static ptn_status
flood (struct session *s, uint64_t length) {
  char octets[1000];

  memset (octets, 'x', sizeof octets);
  for (uint64_t done = 0; done < length; done += sizeof octets) {
    ptn_status status = io ()->write (s->stream, octets, sizeof octets);
    if (status != PTN_OK)
      return status;
  }
  return say (s, "");
}

static ptn_status
claim (struct session *s, struct ptn_task *task, const char *account) {
  switch (session_claim (task, account)) {
  case PTN_OK:
    return say (s, "ok");
  case PTN_E_TOO_MANY:
    return say (s, "too many");
  default:
    return PTN_E_INVALID;
  }
}

static ptn_status
show_binding (struct session *s, const char *type) {
  struct ptn_bytes binding;
  g_autoptr (GString) text = g_string_new (NULL);

  if (io ()->channel_binding (s->stream, type, &binding) != PTN_OK)
    return say (s, "-");
  for (size_t i = 0; i < binding.size; i++)
    g_string_append_printf (text, "%02x", ((const unsigned char *)binding.data)[i]);
  return say (s, text->str);
}

static ptn_status
command (struct session *s, struct ptn_task *task, char *line) {
  char *space = strchr (line, ' ');
  const char *argument = space ? space + 1 : "";
  uint64_t number = g_ascii_strtoull (argument, NULL, 10);

  if (space)
    *space = 0;
  if (strcmp (line, "ECHO") == 0)
    return say (s, argument);
  if (strcmp (line, "SEND") == 0)
    return send_pattern (s, LENT, number);
  if (strcmp (line, "GIVE") == 0)
    return send_pattern (s, OWNED, number);
  if (strcmp (line, "FILE") == 0)
    return send_pattern (s, FROM_FILE, number);
  if (strcmp (line, "SLOW") == 0)
    return send_pattern (s, PENDING_FIRST, number);
  if (strcmp (line, "FAIL") == 0)
    return send_pattern (s, FAILING, number);
  if (strcmp (line, "TAKE") == 0 || strcmp (line, "KEEP") == 0) {
    s->keeps = *line == 'K';
    s->length = number;
    s->sum = 0;
    CHECK (io ()->literal (s->stream, number, &s->literal) == PTN_OK);
    return take (s, task);
  }
  if (strcmp (line, "FLOOD") == 0)
    return flood (s, number);
  if (strcmp (line, "CLAIM") == 0)
    return claim (s, task, argument);
  if (strcmp (line, "STLS") == 0) {
    ptn_status status = say (s, "go");
    return status == PTN_OK ? io ()->start_tls (s->stream, task) : status;
  }
  if (strcmp (line, "UNCLAIM") == 0) {
    session_unclaim (task);
    return say (s, "ok");
  }
  if (strcmp (line, "ZIP") == 0) {
    ptn_status status = say (s, "go");
    return status == PTN_OK ? io ()->start_deflate (s->stream, task) : status;
  }
  if (strcmp (line, "PLAIN") == 0) {
    ptn_status status = say (s, "go");
    return status == PTN_OK ? io ()->end_deflate (s->stream, task) : status;
  }
  if (strcmp (line, "PROP") == 0) {
    const char *value = io ()->property (s->stream, argument);
    return say (s, value ? value : "-");
  }
  if (strcmp (line, "BIND") == 0)
    return show_binding (s, argument);
  if (strcmp (line, "IDLE") == 0) {
    s->wake_ns = now_ns () + (int64_t)number * 1000000;
    return PTN_OK;
  }
  if (strcmp (line, "BUSY") == 0) {
    sessions_busy++;
    task_blocking (task, 1);
    sleep_ms ((unsigned)number);
    task_blocking (task, 0);
    sessions_busy--;
    return say (s, "done");
  }
  if (strcmp (line, "QUIT") == 0) {
    say (s, "bye");
    return PTN_END;
  }
  return say (s, "what?");
}

/* --- the table ----------------------------------------------------------------------------- */

static ptn_status
protocol_open (void *instance, struct ptn_task *task, struct ptn_stream *stream,
               const struct ptn_session_info *info, void **session) {
  struct session *s = g_new0 (struct session, 1);

  make_file ();
  s->stream = stream;
  CHECK (info->session_id[0] && info->server_name[0]);
  sessions_open++;
  *session = s;
  return PTN_OK;
}

static ptn_status
next_line (struct session *s, struct ptn_task *task) {
  struct ptn_bytes input;
  size_t wanted = 1;

  for (;;) {
    ptn_status status = io ()->peek (s->stream, task, wanted, &input);
    const char *lf;
    if (status != PTN_OK)
      return status;
    lf = memchr (input.data, '\n', input.size);
    if (lf) {
      size_t size = (size_t)(lf - (const char *)input.data);
      g_autofree char *line = g_strndup (input.data, size);
      io ()->consume (s->stream, size + 1);
      return command (s, task, line);
    }
    wanted = input.size + 1;
  }
}

static ptn_status
protocol_step (void *session, struct ptn_task *task, int64_t *deadline_ns) {
  struct session *s = session;
  ptn_status status = PTN_OK;

  if (!s->greeted) {
    s->greeted = true;
    say (s, "hello");
  }
  if (s->wake_ns) {
    if (now_ns () < s->wake_ns) {
      *deadline_ns = s->wake_ns;
      return PTN_PENDING;
    }
    s->wake_ns = 0;
    say (s, "late");
  }
  if (s->literal)
    status = take (s, task);
  while (status == PTN_OK && !s->wake_ns) {
    status = io ()->drained (s->stream, task, 65536);
    if (status == PTN_OK)
      status = next_line (s, task);
    if (status == PTN_OK && task_budget_spent (task))
      break;
  }
  return status;
}

static void
protocol_goodbye (void *session, struct ptn_task *task, ptn_bye why, const char *text) {
  char line[20];

  g_snprintf (line, sizeof line, "BYE %u", why);
  say (session, line);
}

static void
protocol_close (void *session) {
  struct session *s = session;

  if (s->literal)
    s->literal->ops->close (s->literal);
  sessions_open--;
  g_free (s);
}

_Atomic int sessions_open, sessions_busy;

const struct ptn_protocol test_protocol = {
  .size = sizeof test_protocol,
  .name = "test",
  .open = protocol_open,
  .step = protocol_step,
  .goodbye = protocol_goodbye,
  .close = protocol_close,
};
