/* SPDX-License-Identifier: GPL-3.0-or-later */
/* walk.c - see walk.h. */
#include "walk.h"

#include "body.h"
#include "crc32c.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WINDOW = 1 << 20 };

struct walk {
  struct shard *shard;
  uint32_t number;
  int fd;
  bool header_good, unreadable;
  uint64_t size, at;
  uint8_t *data; /* the octets from `base` on */
  uint64_t base;
  size_t have, room;
  struct walk_step step;
};

/* At least `need` octets from `at` on, unless the file ends before; NULL: it cannot be read. */
static const uint8_t *
window (struct walk *walk, size_t need) {
  uint64_t rest = walk->size - walk->at;
  size_t wanted;

  need = (size_t)MIN (need, rest);
  if (walk->at >= walk->base && walk->at - walk->base <= walk->have
      && walk->have - (walk->at - walk->base) >= need)
    return walk->data + (walk->at - walk->base);
  wanted = (size_t)MIN (MAX (need, (size_t)WINDOW), rest);
  if (walk->room < wanted) {
    walk->data = g_realloc (walk->data, wanted);
    walk->room = wanted;
  }
  walk->have = 0;
  walk->base = walk->at;
  if (!io_read_all (walk->fd, walk->data, wanted, (off_t)walk->at))
    return NULL;
  walk->have = wanted;
  return walk->data;
}

struct walk *
walk_new (struct shard *shard, uint32_t number) {
  g_autofree char *name = segment_name (shard, number);
  struct segment_header header;
  struct position position;
  struct walk *walk;
  struct stat status;
  const uint8_t *data;
  int fd = open (name, O_RDONLY | O_CLOEXEC);

  if (fd < 0)
    return NULL;
  walk = g_new0 (struct walk, 1);
  walk->shard = shard;
  walk->number = number;
  walk->fd = fd;
  pthread_rwlock_rdlock (&shard->index.lock);
  position = shard->index.position;
  pthread_rwlock_unlock (&shard->index.lock);
  if (fstat (fd, &status) == 0)
    walk->size = (uint64_t)status.st_size;
  if (number == position.segment)
    walk->size = MIN (walk->size, position.offset);
  /* What is only looked at must not push out what others need (Linux 6.3; else no effect). */
  posix_fadvise (fd, 0, 0, POSIX_FADV_NOREUSE);
  data = walk->size >= SEGMENT_HEADER ? window (walk, SEGMENT_HEADER) : NULL;
  walk->header_good = data && segment_header_decode (data, &header)
                      && memcmp (header.store, shard->store->id, sizeof header.store) == 0
                      && header.number == number && header.shard == shard->number;
  walk->at = SEGMENT_HEADER;
  return walk;
}

void
walk_free (struct walk **walk) {
  if (!*walk)
    return;
  record_clear (&(*walk)->step.record);
  close ((*walk)->fd);
  g_free ((*walk)->data);
  g_clear_pointer (walk, g_free);
}

bool
walk_header_good (const struct walk *walk) {
  return walk->header_good;
}

uint64_t
walk_size (const struct walk *walk) {
  return walk->size;
}

/* A record at `at`?  False: step->why. */
static bool
try_record (struct walk *walk, struct walk_step *step) {
  const uint8_t *data = window (walk, RECORD_HEADER);
  uint64_t rest = walk->size - walk->at, body;
  uint32_t meta;

  step->why = "cannot be read";
  if (!data) {
    walk->unreadable = true;
    return false;
  }
  step->why = "no record where one should begin";
  if (rest < RECORD_HEADER || !record_sizes (data, &meta, &body))
    return false;
  step->why = "a record that runs over the end";
  if (body > BODY_INLINE_MAX || rest - RECORD_HEADER < meta || rest - RECORD_HEADER - meta < body)
    return false;
  data = window (walk, RECORD_HEADER + (size_t)meta + (size_t)body);
  step->why = "cannot be read";
  if (!data) {
    walk->unreadable = true;
    return false;
  }
  step->why = "a record with a wrong checksum";
  if (record_decode (data, RECORD_HEADER + (size_t)meta, walk->shard->store->salt, &step->record)
      != PTN_OK) {
    record_clear (&step->record);
    return false;
  }
  step->why = NULL;
  step->span = MIN (record_span (meta, body), rest);
  step->record.segment = walk->number;
  step->record.offset = walk->at;
  step->record.body_offset = walk->at + RECORD_HEADER + meta;
  if (body > 0) {
    step->body = data + RECORD_HEADER + meta;
    if (crc32c (0, step->body, body) != step->record.body_crc)
      step->why = "a body with a wrong checksum";
  }
  return true;
}

/* How far it is to what may be the next record. */
static uint64_t
distance (struct walk *walk) {
  uint64_t start = walk->at, found = 0;

  while (found == 0) {
    const uint8_t *data;

    walk->at += RECORD_ALIGNMENT;
    data = walk->at + RECORD_HEADER <= walk->size ? window (walk, RECORD_HEADER) : NULL;
    if (!data)
      found = walk->size - start;
    else if (get_u32 (data) == RECORD_MAGIC)
      found = walk->at - start;
  }
  walk->at = start;
  return found;
}

/* A segment that was closed shortly before the power failed may still have the space that was
 * taken ahead: zeros, as behind the end of the newest. */
static bool
only_zeros (struct walk *walk) {
  uint64_t start = walk->at;
  bool zeros = true;

  while (zeros && walk->at < walk->size) {
    size_t size = (size_t)MIN (walk->size - walk->at, (uint64_t)WINDOW);
    const uint8_t *data = window (walk, size);

    zeros = data && data[0] == 0 && memcmp (data, data + 1, size - 1) == 0;
    walk->at += size;
  }
  walk->at = start;
  return zeros;
}

const struct walk_step *
walk_next (struct walk *walk) {
  struct walk_step *step = &walk->step;

  record_clear (&step->record);
  if (walk->at >= walk->size || walk->unreadable)
    return NULL;
  memset (step, 0, sizeof *step);
  step->at = walk->at;
  if (!try_record (walk, step)) {
    if (walk->unreadable)
      step->span = walk->size - walk->at;
    else if (only_zeros (walk))
      return NULL;
    else
      step->span = distance (walk);
  }
  walk->at += step->span;
  return step;
}
