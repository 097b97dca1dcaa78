/* SPDX-License-Identifier: Apache-2.0 */
/* output.h - the queue of a stream, as output.c (what stands in it) and output_send.c (how it goes
 * out) share it. */
#ifndef HOST_NET_OUTPUT_H
#define HOST_NET_OUTPUT_H

#include "net/stream.h"

typedef enum {
  ITEM_COPY,
  ITEM_CHUNK,
  ITEM_FILE,
  ITEM_SOURCE,
  ITEM_TLS,
  ITEM_PACK,
  ITEM_PLAIN
} item_kind;

struct out_item {
  struct out_item *next;
  item_kind kind;
  bool lent; /* of a source: its last chunk is still queued and lives until the next read */
  union {
    struct {
      const char *data;
      size_t size;    /* octets that are left */
      int64_t offset; /* of a file */
      void (*release) (void *);
      void *owner;
      int fd;
      uint32_t room; /* of a copy: octets that may still be added */
    };
    struct {
      struct ptn_source *source;
      uint64_t left;
    };
  };
  char copied[];
};

static inline size_t
wire_left (const struct wire *wire) {
  return wire->end - wire->start;
}

/* `count` ready octets were taken. */
void output_taken (struct ptn_stream *, size_t count);
/* Makes octets ready, up to OUTPUT_HIGH and one chunk. */
void output_pull (struct ptn_stream *);
/* Takes `stop` out of the list; what stood behind it is ready up to the next one. */
struct out_item *output_remove_stop (struct output *);
void output_free_item (struct ptn_stream *, struct out_item *);
/* The peer has seen a part of what was promised: it must not take it for the whole. */
void output_source_failed (struct ptn_stream *, const char *reason);

#endif
