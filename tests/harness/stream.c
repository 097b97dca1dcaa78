/* SPDX-License-Identifier: Apache-2.0 */
/* stream.c - "postern.stream/1" over memory, and sources over memory. */
#include "internal.h"

#include <string.h>

struct queued {
  struct ptn_source *source;
  uint64_t left;
};

struct ptn_stream {
  struct harness *harness;
  struct ptn_task *task;
  GByteArray *input;
  size_t max_input, read_at;
  bool eof;
  GByteArray *output;
  GQueue *sources; /* at most one; writes behind it are kept in `behind` */
  GByteArray *behind;
  bool broken;
  GHashTable *properties;
};

struct ptn_stream *
harness_stream_new (struct harness *harness, struct ptn_task *task, size_t max_input) {
  struct ptn_stream *stream = g_new0 (struct ptn_stream, 1);
  stream->harness = harness;
  stream->task = task;
  stream->input = g_byte_array_new ();
  stream->output = g_byte_array_new ();
  stream->behind = g_byte_array_new ();
  stream->sources = g_queue_new ();
  stream->max_input = max_input;
  stream->properties = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  harness_stream_set_property (stream, "peer.address", "192.0.2.1");
  harness_stream_set_property (stream, "peer.port", "40000");
  harness_stream_set_property (stream, "local.address", "192.0.2.2");
  harness_stream_set_property (stream, "local.port", "110");
  return stream;
}

void
harness_stream_free (struct ptn_stream **pointer) {
  struct ptn_stream *stream = *pointer;
  struct queued *queued;
  if (!stream)
    return;
  while ((queued = g_queue_pop_head (stream->sources))) {
    queued->source->ops->close (queued->source);
    g_free (queued);
  }
  g_queue_free (stream->sources);
  g_byte_array_unref (stream->input);
  g_byte_array_unref (stream->output);
  g_byte_array_unref (stream->behind);
  g_hash_table_unref (stream->properties);
  g_free (stream);
  *pointer = NULL;
}

static void
wake (struct ptn_stream *stream) {
  const struct ptn_host *host = harness_host (stream->harness);
  host->wake (host->waker (stream->task));
}

void
harness_stream_feed (struct ptn_stream *stream, const void *data, size_t size) {
  g_byte_array_append (stream->input, data, (guint)size);
  wake (stream);
}

void
harness_stream_eof (struct ptn_stream *stream) {
  stream->eof = true;
  wake (stream);
}

void
harness_stream_set_property (struct ptn_stream *stream, const char *name, const char *value) {
  if (value)
    g_hash_table_replace (stream->properties, g_strdup (name), g_strdup (value));
  else
    g_hash_table_remove (stream->properties, name);
}

static ptn_status
stream_peek (struct ptn_stream *stream, struct ptn_task *task, size_t wanted,
             struct ptn_bytes *input) {
  (void)task;
  size_t have = stream->input->len - stream->read_at;
  /* A host compacts or grows its buffer: move the octets so that stale pointers show. */
  GByteArray *fresh = g_byte_array_sized_new ((guint)MAX (have, 1));
  if (have)
    g_byte_array_append (fresh, stream->input->data + stream->read_at, (guint)have);
  g_byte_array_unref (stream->input);
  stream->input = fresh;
  stream->read_at = 0;
  *input = (struct ptn_bytes){ fresh->data, MIN (have, stream->max_input) };
  if (stream->broken)
    return PTN_E_DISCONNECTED;
  if (wanted > stream->max_input)
    return PTN_E_LIMIT;
  if (have >= MAX (wanted, 1))
    return PTN_OK;
  return stream->eof ? PTN_END : PTN_PENDING;
}

static void
stream_consume (struct ptn_stream *stream, size_t count) {
  if (count > stream->input->len - stream->read_at)
    g_error ("harness: consume of %zu octets, %zu are there", count,
             stream->input->len - stream->read_at);
  stream->read_at += count;
}

struct literal {
  struct ptn_source source;
  struct ptn_stream *stream;
  uint64_t left;
  size_t given; /* octets of the last chunk, consumed by the next call */
};

static ptn_status
literal_read (struct ptn_source *source, struct ptn_task *task, size_t max,
              struct ptn_chunk *chunk) {
  struct literal *literal = (struct literal *)source;
  struct ptn_bytes input;
  stream_consume (literal->stream, literal->given);
  literal->given = 0;
  if (literal->left == 0)
    return PTN_END;
  ptn_status status = stream_peek (literal->stream, task, 1, &input);
  if (status != PTN_OK)
    return status == PTN_END ? PTN_E_DISCONNECTED : status;
  size_t size = MIN (MIN (input.size, max), literal->left);
  *chunk = (struct ptn_chunk){ .data = input.data, .size = size, .fd = -1 };
  literal->given = size;
  literal->left -= size;
  return PTN_OK;
}

static void
literal_close (struct ptn_source *source) {
  struct literal *literal = (struct literal *)source;
  stream_consume (literal->stream, literal->given);
  g_free (literal);
}

static const struct ptn_source_ops literal_ops = { .size = sizeof literal_ops,
                                                   .read = literal_read,
                                                   .close = literal_close };

static ptn_status
stream_literal (struct ptn_stream *stream, uint64_t length, struct ptn_source **source) {
  struct literal *literal = g_new0 (struct literal, 1);
  literal->source = (struct ptn_source){ &literal_ops, (int64_t)length };
  literal->stream = stream;
  literal->left = length;
  *source = &literal->source;
  return PTN_OK;
}

static ptn_status
stream_write (struct ptn_stream *stream, const void *data, size_t size) {
  if (stream->broken)
    return PTN_E_DISCONNECTED;
  g_byte_array_append (g_queue_is_empty (stream->sources) ? stream->output : stream->behind, data,
                       (guint)size);
  return PTN_OK;
}

/* Pulls the queued source as far as it goes; false: it is not at its end. */
static bool
pull (struct ptn_stream *stream) {
  struct queued *queued = g_queue_peek_head (stream->sources);
  ptn_status status = PTN_OK;
  while (queued && queued->left) {
    struct ptn_chunk chunk = { 0 };
    status =
        queued->source->ops->read (queued->source, stream->task, MIN (queued->left, 65536), &chunk);
    if (status == PTN_PENDING)
      return false;
    if (status != PTN_OK)
      break;
    g_assert_true (chunk.size > 0 && chunk.size <= 65536);
    g_assert_nonnull (chunk.data);
    g_byte_array_append (stream->output, chunk.data, (guint)chunk.size);
    if (chunk.release)
      chunk.release (chunk.owner);
    if (queued->left != UINT64_MAX)
      queued->left -= chunk.size;
  }
  if (!queued)
    return true;
  if (status < 0 || (status == PTN_END && queued->left != UINT64_MAX && queued->left))
    stream->broken = true;
  queued->source->ops->close (queued->source);
  g_free (g_queue_pop_head (stream->sources));
  if (!stream->broken)
    g_byte_array_append (stream->output, stream->behind->data, stream->behind->len);
  g_byte_array_set_size (stream->behind, 0);
  return true;
}

static ptn_status
stream_write_source (struct ptn_stream *stream, struct ptn_source *source, uint64_t length) {
  if (stream->broken) {
    source->ops->close (source);
    return PTN_E_DISCONNECTED;
  }
  while (!g_queue_is_empty (stream->sources))
    if (!pull (stream))
      harness_wait (stream->task);
  struct queued *queued = g_new0 (struct queued, 1);
  *queued = (struct queued){ source, length };
  g_queue_push_tail (stream->sources, queued);
  return PTN_OK;
}

static ptn_status
stream_drained (struct ptn_stream *stream, struct ptn_task *task, uint64_t below) {
  (void)task;
  (void)below;
  if (!pull (stream))
    return PTN_PENDING;
  return stream->broken ? PTN_E_DISCONNECTED : PTN_OK;
}

static ptn_status
stream_start_tls (struct ptn_stream *stream, struct ptn_task *task) {
  (void)task;
  if (stream->input->len > stream->read_at) {
    stream->broken = true;
    return PTN_E_INVALID;
  }
  harness_stream_set_property (stream, "tls.version", "TLSv1.3");
  harness_stream_set_property (stream, "tls.cipher", "TLS_AES_256_GCM_SHA384");
  return PTN_OK;
}

/* In memory the octets stay what they are: a test sees that it was asked for. */
static ptn_status
stream_start_deflate (struct ptn_stream *stream, struct ptn_task *task) {
  (void)task;
  if (g_hash_table_contains (stream->properties, "test.deflate"))
    return PTN_E_INVALID;
  harness_stream_set_property (stream, "test.deflate", "1");
  return PTN_OK;
}

static ptn_status
stream_end_deflate (struct ptn_stream *stream, struct ptn_task *task) {
  (void)task;
  if (!g_hash_table_contains (stream->properties, "test.deflate"))
    return PTN_E_INVALID;
  harness_stream_set_property (stream, "test.deflate", NULL);
  return PTN_OK;
}

static const char *
stream_property (struct ptn_stream *stream, const char *name) {
  return g_hash_table_lookup (stream->properties, name);
}

static ptn_status
stream_channel_binding (struct ptn_stream *stream, const char *type, struct ptn_bytes *data) {
  char name[80];
  g_snprintf (name, sizeof name, "test.binding.%s", type);
  const char *value = g_hash_table_lookup (stream->properties, name);
  if (!value)
    return PTN_E_UNSUPPORTED;
  *data = (struct ptn_bytes){ value, strlen (value) };
  return PTN_OK;
}

const struct ptn_stream_service harness_stream_service = {
  .size = sizeof harness_stream_service,
  .peek = stream_peek,
  .consume = stream_consume,
  .literal = stream_literal,
  .write = stream_write,
  .write_source = stream_write_source,
  .drained = stream_drained,
  .start_tls = stream_start_tls,
  .property = stream_property,
  .channel_binding = stream_channel_binding,
  .start_deflate = stream_start_deflate,
  .end_deflate = stream_end_deflate,
};

char *
harness_stream_take (struct ptn_stream *stream, size_t *size) {
  while (!pull (stream))
    harness_wait (stream->task);
  *size = stream->output->len;
  g_byte_array_append (stream->output, (const guint8 *)"", 1);
  char *taken = (char *)g_byte_array_free (stream->output, FALSE);
  stream->output = g_byte_array_new ();
  return taken;
}

/* --- sources ------------------------------------------------------------------------- */

struct memory_source {
  struct ptn_source source;
  const char *data;
  size_t size, at, piece;
  bool pending, was_pending;
  ptn_status last;
};

static ptn_status
memory_read (struct ptn_source *source, struct ptn_task *task, size_t max,
             struct ptn_chunk *chunk) {
  struct memory_source *memory = (struct memory_source *)source;
  if (memory->pending && !memory->was_pending) {
    memory->was_pending = true;
    task_wake_now (task);
    return PTN_PENDING;
  }
  memory->was_pending = false;
  if (memory->at == memory->size)
    return memory->last;
  size_t size = MIN (memory->size - memory->at, max);
  if (memory->piece)
    size = MIN (size, memory->piece);
  *chunk = (struct ptn_chunk){ .data = memory->data + memory->at, .size = size, .fd = -1 };
  memory->at += size;
  return PTN_OK;
}

static void
memory_close (struct ptn_source *source) {
  g_free (source);
}

static const struct ptn_source_ops memory_ops = { .size = sizeof memory_ops,
                                                  .read = memory_read,
                                                  .close = memory_close };

struct ptn_source *
harness_source_new (const void *data, size_t size, size_t piece, bool pending) {
  struct memory_source *memory = g_new0 (struct memory_source, 1);
  memory->source = (struct ptn_source){ &memory_ops, (int64_t)size };
  memory->data = data;
  memory->size = size;
  memory->piece = piece;
  memory->pending = pending;
  memory->last = PTN_END;
  return &memory->source;
}

struct ptn_source *
harness_source_failing (const void *data, size_t size, ptn_status last) {
  struct ptn_source *source = harness_source_new (data, size, 0, false);
  source->length = -1;
  ((struct memory_source *)source)->last = last;
  return source;
}

ptn_status
harness_source_slurp (struct ptn_source *source, struct ptn_task *task, char **data, size_t *size) {
  GByteArray *all = g_byte_array_new ();
  ptn_status status;
  for (;;) {
    struct ptn_chunk chunk = { 0 };
    status = HARNESS_AWAIT (task, source->ops->read (source, task, 65536, &chunk));
    if (status != PTN_OK)
      break;
    g_byte_array_append (all, chunk.data, (guint)chunk.size);
    if (chunk.release)
      chunk.release (chunk.owner);
  }
  source->ops->close (source);
  *size = all->len;
  g_byte_array_append (all, (const guint8 *)"", 1);
  *data = (char *)g_byte_array_free (all, FALSE);
  return status == PTN_END ? PTN_OK : status;
}
