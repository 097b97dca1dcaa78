/* SPDX-License-Identifier: GPL-3.0-or-later */
/* read.c - see read.h.
 *
 * A body in the log is read whole into one counted buffer and checked, and handed out as pieces of
 * that buffer; one in a file of its own is read and checked piece by piece.  An expunge does not
 * disturb either: the buffer is memory, the file stays open. */
#include "read.h"

#include "big.h"
#include "crc32c.h"

#include <errno.h>

struct buffer {
  _Atomic uint32_t references;
  size_t size;
  uint8_t data[];
};

static void
buffer_unref (void *argument) {
  struct buffer *buffer = argument;

  if (atomic_fetch_sub (&buffer->references, 1) == 1)
    g_free (buffer);
}

struct body_source {
  struct ptn_source source;
  const struct ptn_host *host;
  struct shard *shard;
  struct buffer *buffer;  /* all of it, or the current piece */
  struct big_reader *big; /* NULL: all is in the buffer */
  uint64_t start;         /* of the buffer in the body */
  uint64_t at, end;
};

static ptn_status
next_piece (struct body_source *source, struct ptn_task *task) {
  uint64_t piece = source->at / BIG_PIECE;
  uint8_t *data;
  size_t size;
  ptn_status status;

  g_clear_pointer (&source->buffer, buffer_unref);
  source->host->blocking (task, 1);
  status = big_reader_piece (source->big, piece, &data, &size);
  source->host->blocking (task, 0);
  if (status != PTN_OK) {
    source->host->observe (source->shard->store->metrics.corrupt, 1);
    return source->host->fail (task, status, NULL, "piece %" PRIu64 " of a big body is corrupt",
                               piece);
  }
  source->buffer = g_malloc (sizeof *source->buffer + size);
  atomic_init (&source->buffer->references, 1);
  source->buffer->size = size;
  memcpy (source->buffer->data, data, size);
  g_free (data);
  source->start = piece * BIG_PIECE;
  return PTN_OK;
}

static ptn_status
source_read (struct ptn_source *base, struct ptn_task *task, size_t max, struct ptn_chunk *chunk) {
  struct body_source *source = (struct body_source *)base;
  uint64_t rest;

  if (source->at >= source->end)
    return PTN_END;
  if (!source->buffer || source->at >= source->start + source->buffer->size) {
    ptn_status status = next_piece (source, task);

    if (status != PTN_OK)
      return status;
  }
  g_assert (source->buffer); /* next_piece made it */
  rest = MIN (source->end, source->start + source->buffer->size) - source->at;
  memset (chunk, 0, sizeof *chunk);
  chunk->data = source->buffer->data + (source->at - source->start);
  chunk->size = rest < max ? (size_t)rest : max;
  chunk->fd = -1;
  chunk->release = buffer_unref;
  chunk->owner = source->buffer;
  atomic_fetch_add (&source->buffer->references, 1);
  source->at += chunk->size;
  return PTN_OK;
}

static ptn_status
source_skip (struct ptn_source *base, struct ptn_task *task, uint64_t count) {
  struct body_source *source = (struct body_source *)base;

  source->at += MIN (count, source->end - source->at);
  return PTN_OK;
}

static void
source_close (struct ptn_source *base) {
  struct body_source *source = (struct body_source *)base;

  g_clear_pointer (&source->buffer, buffer_unref);
  big_reader_free (&source->big);
  g_free (source);
}

static const struct ptn_source_ops source_ops = {
  .size = sizeof source_ops,
  .read = source_read,
  .skip = source_skip,
  .close = source_close,
};

/* The whole body out of its segment; NULL: unreadable or wrong. */
static struct buffer *
read_segment (struct shard *shard, const struct body_row *row) {
  struct segment_file *file = segment_take (shard, row->segment);
  struct buffer *buffer;
  bool good;

  if (!file || row->stored > G_MAXUINT32)
    return NULL;
  buffer = g_malloc (sizeof *buffer + row->stored);
  atomic_init (&buffer->references, 1);
  buffer->size = row->stored;
  good = io_read_all (file->fd, buffer->data, row->stored, (off_t)row->offset)
         && crc32c (0, buffer->data, row->stored) == row->crc;
  segment_give (shard, file);
  if (!good)
    g_clear_pointer (&buffer, g_free);
  return buffer;
}

static ptn_status
open_body (struct shard *shard, struct ptn_task *task, const struct body_row *row, uint64_t offset,
           uint64_t length, struct ptn_source **result) {
  const struct ptn_host *host = shard->store->host;
  struct body_source *source = g_new0 (struct body_source, 1);

  source->source.ops = &source_ops;
  source->host = host;
  source->shard = shard;
  host->blocking (task, 1);
  if (row->attributes & BODY_BIG)
    source->big = big_reader_new (shard, row);
  else if (row->codec == CODEC_RAW)
    source->buffer = read_segment (shard, row);
  host->blocking (task, 0);
  if (!source->big && !source->buffer) {
    source_close (&source->source);
    host->observe (shard->store->metrics.corrupt, 1);
    shard_log (shard, PTN_LOG_ERROR, "store.corrupt", "body", "%s %" PRIu64 " at %" PRIu64,
               row->attributes & BODY_BIG ? "big file" : "segment",
               row->attributes & BODY_BIG ? row->offset : row->segment, row->offset);
    return host->fail (task, PTN_E_CORRUPT, "this message is damaged",
                       "a body of shard %u is corrupt", shard->number);
  }
  source->at = MIN (offset, row->stored);
  source->end = length < row->stored - source->at ? source->at + length : row->stored;
  source->source.length = (int64_t)(source->end - source->at);
  host->observe (shard->store->metrics.reads, 1);
  *result = &source->source;
  return PTN_OK;
}

enum { AHEAD = 64 };

struct readahead {
  struct place place;
  uint64_t removals; /* of the shard, before the rows were read */
  uint32_t count, next;
  struct {
    uint32_t uid;
    uint64_t body;
    struct body_row row;
  } rows[AHEAD];
};

void
readahead_free (struct readahead **readahead) {
  g_clear_pointer (readahead, g_free);
}

static bool
ahead_row (void *argument, const uint8_t *key, size_t key_size, const uint8_t *value, size_t size) {
  struct readahead *ahead = argument;
  struct message_row row;

  if (!message_row_get (READER (value, size), &row))
    return false;
  ahead->rows[ahead->count].uid = key_number (key, key_size, AT_UID);
  ahead->rows[ahead->count++].body = row.body;
  return true;
}

static void
fill_ahead (struct readahead *ahead, uint32_t uid) {
  struct shard *shard = ahead->place.shard;
  struct key from, end;

  ahead->count = ahead->next = 0;
  ahead->removals = atomic_load (&shard->removals);
  key_message (&from, ahead->place.user, ahead->place.mailbox, uid);
  end = from;
  end.size -= 4;
  key_after (&end, &end);
  index_scan (&shard->index, NULL, &from, &end, AHEAD, ahead_row, ahead);
  for (uint32_t i = 0; i < ahead->count; i++)
    if (read_body_row (shard, ahead->rows[i].body, &ahead->rows[i].row) != PTN_OK) {
      ahead->count = i; /* whoever gets there will hear of it */
      break;
    }
}

/* Is this message among those read ahead?  Messages are asked for in ascending order, with gaps
 * perhaps. */
static const struct body_row *
find_ahead (struct readahead *ahead, uint32_t uid) {
  if (ahead->removals != atomic_load (&ahead->place.shard->removals))
    return NULL;
  while (ahead->next < ahead->count && ahead->rows[ahead->next].uid < uid)
    ahead->next++;
  if (ahead->next < ahead->count && ahead->rows[ahead->next].uid == uid)
    return &ahead->rows[ahead->next].row;
  return NULL;
}

static ptn_status
locate (const struct place *place, uint32_t uid, struct body_row *body) {
  struct message_row row;
  ptn_status status = read_message (place, uid, &row);

  if (status == PTN_OK)
    status = read_body_row (place->shard, row.body, body);
  return status == PTN_E_NOT_FOUND ? PTN_E_EXPUNGED : status;
}

static const struct body_row *
look_ahead (struct ptn_account *account, const struct place *place, uint32_t uid) {
  struct readahead *ahead = account->readahead;
  const struct body_row *known = NULL;

  if (!ahead)
    ahead = account->readahead = g_new0 (struct readahead, 1);
  if (ahead->place.shard == place->shard && ahead->place.user == place->user
      && ahead->place.mailbox == place->mailbox)
    known = find_ahead (ahead, uid);
  if (!known) {
    ahead->place = *place;
    fill_ahead (ahead, uid);
    known = find_ahead (ahead, uid);
  }
  return known;
}

/* The body's place, by way of the account's read-ahead when messages are read one after the
 * other. */
static ptn_status
locate_ahead (struct ptn_account *account, const struct place *place, uint32_t uid,
              struct body_row *body) {
  bool in_order = account->last_mailbox == place->mailbox && uid > account->last_uid
                  && uid - account->last_uid < AHEAD;
  const struct body_row *known = in_order ? look_ahead (account, place, uid) : NULL;

  account->last_mailbox = place->mailbox;
  account->last_uid = uid;
  if (known) {
    *body = *known;
    return PTN_OK;
  }
  return locate (place, uid, body);
}

ptn_status
message_read (struct ptn_account *account, struct ptn_call *call, const struct ptn_id *id,
              uint32_t uid, uint64_t offset, uint64_t length, struct ptn_source **source) {
  struct body_row body;
  struct place place;
  ptn_status status = account_place (account, id, &place);

  if (status != PTN_OK)
    return index_trouble (account->shard, call->task, status);
  status = locate_ahead (account, &place, uid, &body);
  if (status != PTN_OK)
    return index_trouble (place.shard, call->task, status);
  return open_body (place.shard, call->task, &body, offset, length, source);
}

ptn_status
message_open (const struct place *place, struct ptn_task *task, uint32_t uid,
              struct ptn_source **source) {
  struct body_row body;
  ptn_status status = locate (place, uid, &body);

  return status == PTN_OK ? open_body (place->shard, task, &body, 0, UINT64_MAX, source)
                          : index_trouble (place->shard, task, status);
}
