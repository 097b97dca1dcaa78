/* SPDX-License-Identifier: GPL-3.0-or-later */
/* body.c - see body.h. */
#include "body.h"

#include "cache.h"
#include "codec.h"
#include "crc32c.h"

#include <errno.h>
#include <unistd.h>

enum {
  FIRST_ROOM = 16 * 1024,
  TURN = 4 << 20,
  PACKED_AT_ONCE = 64 * 1024, /* a fifth of a millisecond */
  REMEMBERED = 128 * 1024
};

void
body_init (struct body *body, struct shard *shard) {
  memset (body, 0, sizeof *body);
  body->shard = shard;
}

void
body_clear (struct body *body) {
  big_free (&body->big);
  g_clear_pointer (&body->raw, buffer_unref);
  g_free (body->data);
  memset (body, 0, sizeof *body);
}

static ptn_status
disk_trouble (struct body *body, struct ptn_task *task) {
  int error = errno;

  return body->shard->store->host->fail (task, PTN_E_TEMPORARY,
                                         io_no_space (error)
                                             ? "the disk of the mail store is full, try again later"
                                             : NULL,
                                         "a big body could not be written: %s", g_strerror (error));
}

/* What is in the buffer goes to the file, all but an unfinished piece at the end. */
static bool
write_pieces (struct body *body, bool end) {
  size_t done = 0;

  while (body->size - done >= BIG_PIECE || (end && body->size > done)) {
    size_t piece = MIN (body->size - done, (size_t)BIG_PIECE);

    if (!big_write (body->big, body->data + done, piece))
      return false;
    done += piece;
  }
  memmove (body->data, body->data + done, body->size - done);
  body->size -= done;
  return true;
}

/* Place for at least one more octet: grows the buffer, or empties it into a file. */
static bool
make_place (struct body *body, int64_t length) {
  size_t room;

  if (body->size < body->room)
    return true;
  if (body->room >= BODY_INLINE_MAX) {
    if (!body->big && !(body->big = big_new (body->shard)))
      return false;
    return write_pieces (body, false);
  }
  room = body->room ? body->room * 2 : FIRST_ROOM;
  if (body->room == 0 && length > 0)
    room = (size_t)MIN (length, (int64_t)BODY_INLINE_MAX);
  body->data = g_realloc (body->data, MIN (room, (size_t)BODY_INLINE_MAX));
  body->room = MIN (room, (size_t)BODY_INLINE_MAX);
  return true;
}

static bool
take (struct body *body, const struct ptn_chunk *chunk, int64_t length) {
  size_t done = 0;

  while (done < chunk->size) {
    size_t part;

    if (!make_place (body, length))
      return false;
    part = MIN (chunk->size - done, body->room - body->size);
    if (chunk->data)
      memcpy (body->data + body->size, (const uint8_t *)chunk->data + done, part);
    else if (!io_read_all (chunk->fd, body->data + body->size, part,
                           (off_t)(chunk->file_offset + (int64_t)done)))
      return false;
    body->size += part;
    body->octets += part;
    if (part >= 2)
      memcpy (body->last, body->data + body->size - 2, 2);
    else {
      body->last[0] = body->last[1];
      body->last[1] = body->data[body->size - 1];
    }
    done += part;
  }
  return true;
}

/* The octets as they will stand in the log, and their checksum. */
static void
pack (struct body *body) {
  size_t packed;
  uint8_t *data = codec_pack (body->shard->store->codec, body->data, body->size, &packed);

  if (data) {
    if (body->size <= REMEMBERED && body->shard->store->settings.body_cache > 0) {
      body->raw = buffer_new (body->size);
      memcpy (body->raw->data, body->data, body->size);
    }
    g_free (body->data);
    body->data = data;
    body->size = body->room = packed;
    body->codec = CODEC_ZSTD;
  }
  body->crc = crc32c (0, body->data, body->size);
}

static bool
complete (struct body *body, struct ptn_task *task) {
  const struct ptn_host *host = body->shard->store->host;
  bool slow = body->big || body->size > PACKED_AT_ONCE;
  bool good = true;

  body->complete = true;
  if (slow)
    host->blocking (task, 1);
  if (body->big)
    good = write_pieces (body, true) && big_finish (body->big);
  else
    pack (body);
  if (slow)
    host->blocking (task, 0);
  return good;
}

ptn_status
body_pull (struct body *body, struct ptn_source *source, struct ptn_task *task) {
  const struct ptn_host *host = body->shard->store->host;
  uint64_t turn = body->octets + TURN;
  ptn_status status = PTN_OK;
  bool good = true;

  while (status == PTN_OK && good && !body->complete) {
    struct ptn_chunk chunk;

    if (body->octets >= turn) {
      host->wake (host->waker (task)); /* others first */
      return PTN_PENDING;
    }
    memset (&chunk, 0, sizeof chunk);
    status = source->ops->read (source, task, 256 * 1024, &chunk);
    if (status == PTN_OK) {
      bool disk = body->octets + chunk.size > BODY_INLINE_MAX || !chunk.data;

      if (disk)
        host->blocking (task, 1);
      good = take (body, &chunk, source->length);
      if (disk)
        host->blocking (task, 0);
      if (chunk.release)
        chunk.release (chunk.owner);
    } else if (status == PTN_END) {
      good = complete (body, task);
      status = PTN_OK;
    }
  }
  return good ? status : disk_trouble (body, task);
}

void
body_remember (const struct body *body, const struct shard *shard, uint64_t id) {
  if (body->raw)
    cache_put (shard->store->cache, shard->number, id, body->raw);
}

bool
body_unterminated (const struct body *body) {
  return body->octets < 2 || body->last[0] != '\r' || body->last[1] != '\n';
}

void
body_describe (const struct body *body, struct record *record) {
  record->type = RECORD_DELIVER;
  record->message.octets = body->octets;
  record->message.unterminated = body_unterminated (body);
  if (body->big) {
    record->attributes |= RECORD_BIG;
    record->codec = body->big->codec;
    record->stored = body->big->stored;
    record->big = body->big->number;
    record->body_crc = body->big->table_crc;
  } else {
    record->codec = body->codec;
    record->stored = body->size;
    record->body = body->data;
    record->body_crc = body->crc;
  }
}
