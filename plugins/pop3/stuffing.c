/* SPDX-License-Identifier: Apache-2.0 */
/* stuffing.c - where dots go, where TOP ends; see outgoing.h. */
#include "outgoing.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLOCK 256

/* Is there an LF with a dot behind it, the LF in p[0..BLOCK)?  A loop of fixed length without
 * a way out: compilers make vector instructions of it, and it reads 10 kB in well under a
 * microsecond. */
static inline bool
block_has_dot (const unsigned char *p) {
  unsigned char found = 0;
  for (unsigned i = 0; i < BLOCK; i++) {
    unsigned char lf = (unsigned char)-(p[i] == '\n'), dot = (unsigned char)-(p[i + 1] == '.');
    found |= lf & dot;
  }
  return found;
}

size_t
stuffer_find (const struct stuffer *stuffer, const char *data, size_t size) {
  size_t at = 0;
  if (size && stuffer->line_start && data[0] == '.')
    return 0;
  for (; at + BLOCK < size; at += BLOCK)
    if (block_has_dot ((const unsigned char *)data + at))
      break;
  while (at + 1 < size) {
    const char *lf = memchr (data + at, '\n', size - 1 - at);
    if (!lf)
      return size;
    if (lf[1] == '.')
      return (size_t)(lf - data) + 1;
    at = (size_t)(lf - data) + 1;
  }
  return size;
}

void
stuffer_advance (struct stuffer *stuffer, const char *data, size_t size) {
  if (!size)
    return;
  char last = data[size - 1];
  bool after_cr = size > 1 ? data[size - 2] == '\r' : stuffer->tail == 1;
  stuffer->line_start = last == '\n';
  stuffer->tail = last == '\r' ? 1 : last == '\n' && after_cr ? 2 : 0;
}

const char *
stuffer_end (const struct stuffer *stuffer, size_t *size) {
  static const char end[] = "\r\n.\r\n";
  *size = stuffer->tail == 2 ? 3 : 5;
  return stuffer->tail == 2 ? end + 2 : end;
}

void
top_start (struct top *top, uint64_t lines) {
  *top = (struct top){ .lines = lines, .blank = true };
}

size_t
top_take (struct top *top, const char *data, size_t size, bool *cut) {
  size_t at = 0;
  *cut = false;
  if (top->lines == UINT64_MAX)
    return size;
  while (at < size) {
    if (top->in_body && top->lines == 0) {
      *cut = true;
      return at;
    }
    const char *lf = memchr (data + at, '\n', size - at);
    size_t end = lf ? (size_t)(lf - data) : size;
    for (size_t i = at; i < end && top->blank; i++)
      top->blank = data[i] == '\r' && i + 1 == end;
    if (!lf)
      return size;
    if (top->in_body)
      top->lines--;
    else if (top->blank)
      top->in_body = true;
    top->blank = true;
    at = end + 1;
  }
  *cut = top->in_body && top->lines == 0;
  return size;
}

void
chunk_release (struct ptn_chunk *chunk) {
  if (chunk->release)
    chunk->release (chunk->owner);
  *chunk = (struct ptn_chunk){ .fd = -1 };
}

bool
chunk_load (struct ptn_chunk *chunk) {
  if (chunk->data)
    return true;
  char *memory = malloc (chunk->size);
  for (size_t done = 0; memory && done < chunk->size;) {
    ssize_t n =
        pread (chunk->fd, memory + done, chunk->size - done, chunk->file_offset + (int64_t)done);
    if (n <= 0) {
      free (memory);
      memory = NULL;
      break;
    }
    done += (size_t)n;
  }
  size_t size = chunk->size;
  chunk_release (chunk);
  if (!memory)
    return false;
  *chunk = (struct ptn_chunk){
    .data = memory, .size = size, .fd = -1, .release = free, .owner = memory
  };
  return true;
}
