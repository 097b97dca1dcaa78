/* SPDX-License-Identifier: GPL-3.0-or-later */
/* read.c - see read.h.
 *
 * A body in the log is read whole into one counted buffer, checked, unpacked if it is packed, and
 * handed out as pieces of that buffer: a part of a body cannot be checked alone.  One in a file of
 * its own is read and checked piece by piece.  An expunge does not disturb either: the buffer is
 * memory, the file stays open. */
#include "read.h"

#include "big.h"
#include "body.h"
#include "cache.h"
#include "codec.h"
#include "crc32c.h"
#include "prefetch.h"

#include <errno.h>

/* A message's body: which, where, and how long it is for its reader. */
struct found {
  uint64_t body, octets;
  struct body_row row;
};

enum { WORTH_KEEPING = 64 * 1024 };

struct body_source {
  struct ptn_source source;
  const struct ptn_host *host;
  struct shard *shard;
  struct buffer *buffer;  /* all of it, or the current piece */
  struct big_reader *big; /* NULL: all is in the buffer */
  uint64_t body, file;    /* its number, and that of the big file: what the log is told */
  uint64_t start;         /* of the buffer in the body */
  uint64_t at, end;
};

static ptn_status
next_piece (struct body_source *source, struct ptn_task *task) {
  uint64_t piece = source->at / BIG_PIECE;
  ptn_status status;

  g_clear_pointer (&source->buffer, buffer_unref);
  source->buffer = buffer_new (big_reader_size (source->big, piece));
  source->start = piece * BIG_PIECE;
  source->host->blocking (task, 1);
  status = big_reader_piece (source->big, piece, source->buffer->data);
  source->host->blocking (task, 0);
  if (status == PTN_OK)
    return PTN_OK;
  g_clear_pointer (&source->buffer, buffer_unref);
  source->host->observe (source->shard->store->metrics.corrupt, 1);
  shard_log (source->shard, PTN_LOG_ERROR, "store.corrupt", "body",
             "%" PRIu64 ", piece %" PRIu64 " of big.%016" PRIx64, source->body, piece,
             source->file);
  return source->host->fail (task, status, NULL, "piece %" PRIu64 " of a big body is corrupt",
                             piece);
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
  chunk->owner = buffer_ref (source->buffer);
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

/* The whole body out of its segment, as its reader wants it.  [task, in blocking brackets] */
static ptn_status
read_segment (struct shard *shard, const struct found *found, struct buffer **result) {
  const struct body_row *row = &found->row;
  g_autofree uint8_t *packed = NULL;
  struct segment_file *file;
  struct buffer *buffer;
  ptn_status status = PTN_E_CORRUPT;
  uint8_t *data;
  bool good;

  if (!codec_known (row->codec))
    return PTN_E_UNSUPPORTED;
  if (row->stored > BODY_INLINE_MAX || found->octets > BODY_INLINE_MAX
      || (row->codec == CODEC_RAW && row->stored != found->octets))
    return PTN_E_CORRUPT;
  file = segment_take (shard, row->segment);
  if (!file)
    return PTN_E_CORRUPT;
  buffer = buffer_new (found->octets);
  if (row->codec != CODEC_RAW)
    packed = g_malloc (row->stored);
  data = packed ? packed : buffer->data;
  good = io_read_all (file->fd, data, row->stored, (off_t)row->offset)
         && crc32c (0, data, row->stored) == row->crc;
  segment_give (shard, file);
  if (good)
    status = row->codec == CODEC_RAW ? PTN_OK
                                     : codec_unpack (shard->store->codec, row->codec, data,
                                                     row->stored, buffer->data, found->octets);
  if (status == PTN_OK)
    *result = buffer;
  else
    g_free (buffer);
  return status;
}

static ptn_status
open_big (struct shard *shard, const struct found *found, struct big_reader **big) {
  if (!codec_known (found->row.codec))
    return PTN_E_UNSUPPORTED;
  *big = big_reader_new (shard, &found->row);
  if (*big && big_reader_octets (*big) != found->octets)
    big_reader_free (big);
  return *big ? PTN_OK : PTN_E_CORRUPT;
}

/* Where the body is now, when it is not where it was: compaction moves bodies. */
static bool
has_moved (struct shard *shard, struct found *found) {
  struct body_row row;

  if (read_body_row (shard, found->body, &row) != PTN_OK
      || (row.segment == found->row.segment && row.offset == found->row.offset))
    return false;
  found->row = row;
  return true;
}

static ptn_status
body_trouble (struct shard *shard, struct ptn_task *task, const struct found *found,
              ptn_status status) {
  const struct ptn_host *host = shard->store->host;
  const struct body_row *row = &found->row;
  bool big = row->attributes & BODY_BIG;

  if (status == PTN_E_UNSUPPORTED) {
    shard_log (shard, PTN_LOG_ERROR, "store.codec", "body",
               "%" PRIu64 " is compressed (codec %u), which this build cannot read", found->body,
               row->codec);
    return host->fail (task, PTN_E_TEMPORARY, NULL, "a body of shard %u has codec %u",
                       shard->number, row->codec);
  }
  host->observe (shard->store->metrics.corrupt, 1);
  shard_log (shard, PTN_LOG_ERROR, "store.corrupt", "body",
             big ? "%" PRIu64 " in big.%016" PRIx64 : "%" PRIu64 " at %" PRIu64 " of log.%08u",
             found->body, row->offset, row->segment);
  return host->fail (task, PTN_E_CORRUPT, "this message is damaged",
                     "a body of shard %u is corrupt", shard->number);
}

static ptn_status
load (struct body_source *source, struct ptn_task *task, struct found *found) {
  ptn_status status;

  source->body = found->body;
  source->file = found->row.offset;
  source->host->blocking (task, 1);
  do
    status = found->row.attributes & BODY_BIG
                 ? open_big (source->shard, found, &source->big)
                 : read_segment (source->shard, found, &source->buffer);
  while (status == PTN_E_CORRUPT && has_moved (source->shard, found));
  source->host->blocking (task, 0);
  return status == PTN_OK ? PTN_OK : body_trouble (source->shard, task, found, status);
}

/* Not what costs little to read again: what was decompressed, or is read in parts. */
static bool
worth_keeping (const struct body_source *source, const struct found *found) {
  return source->buffer
         && (found->row.codec != CODEC_RAW
             || (source->end < found->octets && found->octets > WORTH_KEEPING));
}

/* known: was it in memory? */
static ptn_status
open_body (struct shard *shard, struct ptn_task *task, struct found *found, uint64_t offset,
           uint64_t length, bool *known, struct ptn_source **result) {
  const struct ptn_host *host = shard->store->host;
  struct body_source *source = g_new0 (struct body_source, 1);
  struct cache *cache = shard->store->cache;
  ptn_status status = PTN_OK;

  source->source.ops = &source_ops;
  source->host = host;
  source->shard = shard;
  if (!(found->row.attributes & BODY_BIG))
    source->buffer = cache_get (cache, shard->number, found->body);
  *known = source->buffer != NULL;
  if (!*known)
    status = load (source, task, found);
  if (status != PTN_OK) {
    source_close (&source->source);
    return status;
  }
  source->at = MIN (offset, found->octets);
  source->end = length < found->octets - source->at ? source->at + length : found->octets;
  source->source.length = (int64_t)(source->end - source->at);
  if (!*known && worth_keeping (source, found))
    cache_put (cache, shard->number, found->body, source->buffer);
  host->observe (shard->store->metrics.reads, 1);
  *result = &source->source;
  return PTN_OK;
}

enum { AHEAD = PREFETCH_MOST, PREFETCH_OCTETS = 2 << 20 };

/* The bodies of a read-ahead from some place on, for the prefetcher. */
struct window {
  struct prefetch job;
  struct shard *shard;
  struct found found[AHEAD];
};

struct readahead {
  struct place place;
  uint64_t removals; /* of the shard, before the rows were read */
  uint32_t count, next;
  uint32_t read; /* of them, by the account's reader */
  bool dense;    /* all of the last ones were read */
  bool tried;    /* to let these be prefetched */
  struct prefetch *job;
  uint32_t job_at; /* where it begins among these */
  uint32_t uids[AHEAD];
  struct found found[AHEAD];
};

void
readahead_free (struct readahead **readahead) {
  if (*readahead)
    prefetch_end (&(*readahead)->job);
  g_clear_pointer (readahead, g_free);
}

static bool
ahead_row (void *argument, const uint8_t *key, size_t key_size, const uint8_t *value, size_t size) {
  struct readahead *ahead = argument;
  struct message_row row;

  if (!message_row_get (READER (value, size), &row))
    return false;
  ahead->uids[ahead->count] = key_number (key, key_size, AT_UID);
  ahead->found[ahead->count].octets = row.octets;
  ahead->found[ahead->count++].body = row.body;
  return true;
}

static void
fill_ahead (struct readahead *ahead, uint32_t uid) {
  struct shard *shard = ahead->place.shard;
  struct key from, end;

  prefetch_end (&ahead->job);
  ahead->tried = false;
  ahead->count = ahead->next = ahead->read = 0;
  ahead->removals = atomic_load (&shard->removals);
  key_message (&from, ahead->place.user, ahead->place.mailbox, uid);
  end = from;
  end.size -= 4;
  key_after (&end, &end);
  index_scan (&shard->index, NULL, &from, &end, AHEAD, ahead_row, ahead);
  for (uint32_t i = 0; i < ahead->count; i++)
    if (read_body_row (shard, ahead->found[i].body, &ahead->found[i].row) != PTN_OK) {
      ahead->count = i; /* whoever gets there will hear of it */
      break;
    }
}

/* Is this message among those read ahead?  Messages are asked for in ascending order, with gaps
 * perhaps. */
static const struct found *
find_ahead (struct readahead *ahead, uint32_t uid) {
  if (ahead->removals != atomic_load (&ahead->place.shard->removals))
    return NULL;
  while (ahead->next < ahead->count && ahead->uids[ahead->next] < uid)
    ahead->next++;
  if (ahead->next < ahead->count && ahead->uids[ahead->next] == uid)
    return &ahead->found[ahead->next];
  return NULL;
}

/* [the prefetcher's thread] */
static void
read_into_cache (struct prefetch *job, uint32_t i) {
  struct window *window = (struct window *)job;
  struct shard *shard = window->shard;
  const struct found *found = &window->found[i];
  struct buffer *buffer = cache_get (shard->store->cache, shard->number, found->body);

  /* One that cannot be read is nobody's loss: its reader will hear of it. */
  if (!buffer && read_segment (shard, found, &buffer) == PTN_OK)
    cache_put (shard->store->cache, shard->number, found->body, buffer);
  g_clear_pointer (&buffer, buffer_unref);
}

/* The bodies behind this one, which had to be decompressed, to the prefetcher: if their reader has
 * lately wanted all there were. */
static void
prefetch_rest (struct readahead *ahead) {
  uint32_t first = ahead->next + 1;
  struct window *window;
  uint64_t octets = 0;

  if (ahead->tried || !ahead->dense || ahead->count <= first + 1)
    return;
  ahead->tried = true;
  window = g_new0 (struct window, 1);
  atomic_init (&window->job.references, 1);
  window->job.read = read_into_cache;
  window->shard = ahead->place.shard;
  for (uint32_t i = first; i < ahead->count; i++) {
    const struct found *found = &ahead->found[i];

    octets += found->octets;
    if (octets > PREFETCH_OCTETS || found->row.codec == CODEC_RAW
        || found->row.attributes & BODY_BIG)
      break;
    window->found[window->job.count++] = *found;
  }
  if (window->job.count > 1 && prefetch_submit (window->shard->store, &window->job)) {
    ahead->job = &window->job;
    ahead->job_at = first;
  } else
    g_free (window);
}

/* Whoever reads ahead need not come to this one. */
static void
claim_ahead (struct readahead *ahead) {
  ahead->read++;
  if (ahead->job && ahead->next >= ahead->job_at && ahead->next - ahead->job_at < ahead->job->count)
    prefetch_claim (ahead->job, ahead->next - ahead->job_at);
}

static ptn_status
locate (const struct place *place, uint32_t uid, struct found *found) {
  struct message_row row;
  ptn_status status = read_message (place, uid, &row);

  if (status == PTN_OK) {
    found->body = row.body;
    found->octets = row.octets;
    status = read_body_row (place->shard, row.body, &found->row);
  }
  return status == PTN_E_NOT_FOUND ? PTN_E_EXPUNGED : status;
}

static const struct found *
look_ahead (struct ptn_account *account, const struct place *place, uint32_t uid) {
  struct readahead *ahead = account->readahead;
  const struct found *known = NULL;
  bool same;

  if (!ahead)
    ahead = account->readahead = g_new0 (struct readahead, 1);
  same = ahead->place.shard == place->shard && ahead->place.user == place->user
         && ahead->place.mailbox == place->mailbox;
  if (same)
    known = find_ahead (ahead, uid);
  if (!known) {
    ahead->dense = same && ahead->count > 0 && ahead->read == ahead->count;
    ahead->place = *place;
    fill_ahead (ahead, uid);
    known = find_ahead (ahead, uid);
  }
  return known;
}

/* The body's place, by way of the account's read-ahead when messages are read one after the
 * other: then that is `ahead`, and stands at this body. */
static ptn_status
locate_ahead (struct ptn_account *account, const struct place *place, uint32_t uid,
              struct found *found, struct readahead **ahead) {
  bool in_order = account->last_mailbox == place->mailbox && uid > account->last_uid
                  && uid - account->last_uid < AHEAD;
  const struct found *known = in_order ? look_ahead (account, place, uid) : NULL;

  account->last_mailbox = place->mailbox;
  account->last_uid = uid;
  *ahead = known ? account->readahead : NULL;
  if (known) {
    *found = *known;
    return PTN_OK;
  }
  return locate (place, uid, found);
}

ptn_status
message_read (struct ptn_account *account, struct ptn_call *call, const struct ptn_id *id,
              uint32_t uid, uint64_t offset, uint64_t length, struct ptn_source **source) {
  struct readahead *ahead = NULL;
  struct found found;
  struct place place;
  bool known;
  ptn_status status = account_place (account, id, RIGHT_R, &place);

  if (status != PTN_OK)
    return index_trouble (account->shard, call->task, status);
  status = locate_ahead (account, &place, uid, &found, &ahead);
  if (status != PTN_OK)
    return index_trouble (place.shard, call->task, status);
  if (ahead)
    claim_ahead (ahead);
  status = open_body (place.shard, call->task, &found, offset, length, &known, source);
  if (status == PTN_OK && ahead && !known)
    prefetch_rest (ahead);
  return status;
}

ptn_status
message_open (const struct place *place, struct ptn_task *task, uint32_t uid,
              struct ptn_source **source) {
  struct found found;
  bool known;
  ptn_status status = locate (place, uid, &found);

  return status == PTN_OK ? open_body (place->shard, task, &found, 0, UINT64_MAX, &known, source)
                          : index_trouble (place->shard, task, status);
}
