/* SPDX-License-Identifier: GPL-3.0-or-later */
/* compact.h - gives back the space of what was expunged.
 *
 * A sealed segment that is mostly dead is emptied: the bodies in it that messages still use are
 * written once more, as BODY_MOVE records at the end of the log, and the file is removed.  One thread
 * for the whole store does that, a little at a time: clients' commits go first. */
#ifndef STORAGE_KYOTO_COMPACT_H
#define STORAGE_KYOTO_COMPACT_H

#include "store.h"

struct compact_how {
  uint32_t percent;   /* segments of which more than this is dead */
  uint32_t base_gain; /* see struct store_settings */
  bool seal;  /* the newest segment, too, if it is like that (and not small, but in a hurry) */
  bool hurry; /* no pauses */
};
struct compact_result {
  uint64_t before, after; /* octets of the log */
  uint64_t moved;         /* octets of bodies */
  uint64_t removed;       /* segments */
};

/* Compacts one shard now, in this thread; not beside itself on the same shard.  PTN_OK, also when
 * there was nothing to do; PTN_E_TEMPORARY: it could not be finished (the log says why); what was
 * moved stays moved. */
ptn_status shard_compact (struct shard *, const struct compact_how *, struct compact_result *);

ptn_status compactor_start (struct store *);
/* Ends its thread.  It may still be poked, until it is freed. */
void compactor_stop (struct store *);
void compactor_free (struct store *);
/* There may be something to do. [any] */
void compactor_poke (struct store *);
/* The shard is to be compacted as far as it goes. [any] */
void compact_ask (struct shard *);
/* How that went, or how far it is. [any] */
struct compact_state {
  bool asked;           /* it waits, or is under way */
  uint64_t done, total; /* octets moved, of those to be moved */
  ptn_status status;    /* of the last one that was asked for */
  struct compact_result result;
};
void compact_look (struct shard *, struct compact_state *);

#endif
