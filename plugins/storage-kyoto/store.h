/* SPDX-License-Identifier: GPL-3.0-or-later */
/* store.h - the store and its shards: what the other files share.
 *
 * A store is N shards; an account lives in the shard its name hashes to.  A shard is a log, an
 * index over it, and the views of its mailboxes in use.  Threads of the store's own: one
 * committer for each group of shards (writes and syncs the logs), one checkpointer (moves
 * overlays into trees), one spiller (syncs big bodies), one compactor (gives back what expunged
 * mail has left), one prefetcher (decompresses ahead of readers), and one for each shard whose index
 * is being made anew. */
#ifndef STORAGE_KYOTO_STORE_H
#define STORAGE_KYOTO_STORE_H

#include "edit.h"
#include "io.h"

#include <postern/postern.h>

struct committer;
struct checkpointer;
struct prefetcher;
struct compactor;
struct rebuilder;
struct codec;
struct cache;
struct scrubber;
struct spiller;
struct op;
struct forgetting;
struct events;

enum {
  STORE_FORMAT = 2, /* of the files (FORMAT.md); older ones are upgraded */
  SHARDS_MAX = 64
};

struct store_settings {
  const char *path;
  uint32_t shards; /* of a store that is made; one that exists keeps its number */
  uint32_t committers;
  uint64_t segment_size;
  uint64_t checkpoint_octets;  /* of log since the last checkpoint of the shard */
  uint64_t checkpoint_records; /* rows in its overlay */
  int64_t checkpoint_idle;     /* milliseconds */
  int64_t expunged_age;        /* milliseconds: how long is known what was expunged */
  uint64_t expunged_kept;      /* and of how many messages of a mailbox */
  int64_t token_age;           /* milliseconds: how long a commit's token is known */
  uint64_t reserve;            /* octets of ballast */
  uint64_t cache;              /* octets of index pages kept in memory, all shards together */
  uint64_t background;         /* a shard that must read more than this to start, in octets, is
                                  recovered while the others serve; 0: none is */
  uint32_t compact;       /* sealed segments of which more is dead, in percent, are compacted */
  uint32_t compact_idle;  /* likewise, while nothing happens */
  uint32_t base_gain;     /* a base is written when that gives back so much space, in percent of
                                  the index's own; 0: whenever there is something to gain */
  int64_t compact_pause;  /* milliseconds between two looks for something to compact; 0: only
                                  when asked */
  uint64_t body_cache;    /* octets of decompressed bodies kept in memory */
  uint64_t view_cache;    /* octets of views kept that nobody has */
  int64_t scrub_interval; /* milliseconds between passes; 0: none by itself */
  uint64_t scrub_rate;    /* octets a second */
  int compression;        /* level of Zstandard; 0: bodies are stored as they are */
  bool sync;              /* false: only for tests of other things */
  bool take_over;         /* open although another host had it open */
};

struct store_metrics {
  struct ptn_metric *messages, *octets, *commits, *operations, *commit_time;
  struct ptn_metric *checkpoints, *checkpoint_time, *corrupt, *failed_shards, *reads;
  struct ptn_metric *bases, *compacted, *moved, *rebuilds;
  struct ptn_metric *scrubbed, *rotten;
};

struct store {
  const struct ptn_host *host;
  const struct io *io;
  struct store_settings settings;
  struct store_metrics metrics;
  char *path;
  int lock_fd, folder_fd;
  unsigned char id[16];
  uint32_t salt; /* of the checksums of records */
  struct shard *shards;
  uint32_t shard_count;
  uint32_t committer_count;
  struct committer *committers;
  struct checkpointer *checkpointer;
  struct spiller *spiller;
  struct prefetcher *prefetcher; /* NULL: there is none */
  struct compactor *compactor;
  struct rebuilder *rebuilder;
  struct codec *codec;
  struct cache *cache;
  struct scrubber *scrubber;
  _Atomic uint64_t next_big;    /* makes the names of big files unique */
  _Atomic uint64_t next_email;  /* described.h */
  uint64_t first_big;           /* the first of them in this process */
  _Atomic uint64_t kept_views;  /* octets of all shards' kept views */
  _Atomic bool stopping;        /* long work ends early */
  int64_t opened;               /* seconds since 1970 */
  _Atomic uint32_t remembering; /* digests nobody waits for, on their way */
  _Atomic bool reserve_gone, reserve_useless;
};

/* The end of the log, where records are added.  Used by the shard's committer alone. */
struct log {
  int fd; /* -1: no segment yet */
  uint32_t segment;
  uint64_t end;       /* where the next record goes */
  uint64_t allocated; /* disk space is ours up to here */
  uint64_t next_lsn, synced_lsn;
};

/* A segment or file open for reading. */
struct segment_file {
  uint32_t number;
  int fd;
  uint32_t references;
  uint64_t last_use;
  bool gone; /* its name is: nobody new may have it */
};

/* Records on their way into the log: a batch of units. */
struct txn {
  struct shard *shard;
  struct edit edit;
  struct octets log; /* headers and metas */
  GArray *pieces;    /* struct piece: what is written, in order */
  uint64_t octets;   /* of all pieces, with bodies and padding */
  uint64_t next_lsn;
  uint64_t records;
  struct events *events; /* NULL: nobody listens */
  /* What an abort of the unit goes back to. */
  size_t unit_log;
  guint unit_pieces;
  uint64_t unit_octets, unit_lsn, unit_records;
};

/* What a shard can do now. */
enum shard_state {
  SHARD_SERVING,
  SHARD_REBUILDING, /* its index is being made anew, or its log read: everything is refused */
  SHARD_LOST        /* that has failed; it is tried again */
};

struct shard {
  struct store *store;
  uint32_t number;
  char *path;
  bool exists; /* its folder was made (committer) */
  struct index index;
  struct log log;
  struct txn txn;
  struct committer *committer;
  struct op *pending, **pending_end; /* of this round (committer) */
  _Atomic bool failed;               /* a sync failed: nothing is written any more */
  _Atomic bool seal;                 /* the next write begins a new segment */
  _Atomic int state;                 /* enum shard_state */
  _Atomic uint64_t rights_changes;   /* grows with every entry of rights */
  _Atomic uint64_t
      removals; /* grows when messages go or bodies move: what readers remember is stale */

  pthread_mutex_t files_lock;
  GPtrArray *files; /* struct segment_file */
  uint64_t file_clock;

  pthread_mutex_t views_lock;
  pthread_cond_t views_built;
  GHashTable *views; /* user<<32|mailbox -> struct live, of view.c */
  GQueue kept_views; /* struct live that nobody uses now, the oldest first */

  /* checkpointer */
  _Atomic uint64_t log_since;  /* octets written since the last freeze */
  _Atomic int64_t dirty_since; /* monotonic ns of the first change since; 0: clean */
  _Atomic uint64_t rows_since; /* rows in the active overlay */
  _Atomic int64_t retry_at;    /* monotonic ns: not before, after a failure */
  char current;                /* 'A' or 'B'; 0: no tree yet */
  struct forgetting *forgetting;
  bool other_ready; /* the other tree has everything up to base_until */

  /* Whoever writes trees, bases or CURRENT, or removes segments, holds this: the checkpointer,
   * the compactor, a rebuild.  Nobody who serves clients ever waits for it. */
  pthread_mutex_t upkeep;
  _Atomic uint32_t base_segment; /* a durable base stands in this segment, or 0: see base.h */
  _Atomic uint64_t base_octets;
  _Atomic bool base_wanted;               /* the base is damaged: another one */
  _Atomic uint64_t work_done, work_total; /* octets read by a recovery or rebuild */
  _Atomic uint64_t lost_records;          /* by the last one */
  _Atomic int64_t base_checked;           /* monotonic ns: it was read, and good; 0: never */
  _Atomic uint32_t generation;            /* grows when the index is made anew */
  GHashTable *stuck; /* compactor: segments with a body that cannot be moved, until asked again */
  _Atomic uint64_t compact_done, compact_total; /* octets of bodies, by the last compaction */
  _Atomic uint32_t holds;                       /* while not 0, no segment is removed */
};

/* Opens or makes the store and starts its threads.  PTN_OK, or an error after a log line. */
ptn_status store_open (const struct ptn_host *, const struct io *, const struct store_settings *,
                       struct store **);
void store_close (struct store **);
struct shard *store_shard_of (struct store *, const char *account);

/* Not recovered yet. */
void shard_init (struct shard *, struct store *, uint32_t number);
void shard_close (struct shard *);
char *shard_file (const struct shard *, const char *name);

/* recovery.c: reads CURRENT and the log; afterwards the shard can serve.  PTN_PENDING, if it may
 * defer: that will take long, and nothing has been done yet.  The caller holds `upkeep`, but at
 * setup. */
ptn_status shard_recover (struct shard *, bool may_defer);
/* Makes the index of an open shard anew from base and log; the caller holds `upkeep`, the index is
 * empty, and nobody reads or writes it.  PTN_E_CANCELLED: the store is closing. */
ptn_status shard_reindex (struct shard *);
/* Is every operation on the shard refused?  Then fails the task with a text (task may be NULL). */
bool shard_away (struct shard *, struct ptn_task *);
extern const char shard_away_text[];

/* MAILBOXID: says where a mailbox is, and is unlike those of every other store. */
struct ptn_id mailbox_id (const struct shard *, uint32_t user, uint32_t mailbox);
bool mailbox_id_parse (const struct store *, const struct ptn_id *, uint32_t *shard, uint32_t *user,
                       uint32_t *mailbox);

/* log.c */
char *segment_name (const struct shard *, uint32_t number);
/* The segments there are, ascending: an array of struct segment_info. */
struct segment_info {
  uint32_t number;
  uint64_t size; /* of the file */
};
GArray *log_segments (const struct shard *);
/* A new segment, durable with its name.  False: errno. */
bool log_roll (struct shard *);
bool log_write (struct shard *, struct iovec *, size_t count, uint64_t octets);
bool log_sync (struct shard *);
/* Opens a segment for reading, or takes the open one; NULL: errno.  Any thread. */
struct segment_file *segment_take (struct shard *, uint32_t number);
void segment_give (struct shard *, struct segment_file *);
/* The file is gone: whoever reads it may finish, then its space is free. */
void segment_forget (struct shard *, uint32_t number);
/* Between these two calls no segment is removed: for whoever copies them. Any thread. */
void segments_hold (struct shard *);
void segments_release (struct shard *);

/* lock.c */
ptn_status store_lock (struct store *);
void store_unlock (struct store *);
/* Reads or writes STORE; upgrades a store of an older format. */
ptn_status store_identify (struct store *);
void reserve_make (struct store *);
bool reserve_release (struct store *);
/* May mail be added?  Not while the reserve is given up: its space is for expunges, flags and
 * compaction.  Makes it again when there is space for it twice. [any thread of the store] */
bool store_may_grow (struct store *);

/* checkpoint.c */
ptn_status checkpointer_start (struct store *);
void checkpointer_halt (struct store *); /* ends its thread, which submits to the committers */
void checkpointer_stop (struct store *); /* a last checkpoint of every shard */
void checkpointer_poke (struct store *);
/* last: the other tree need not be made ready for the next time. */
bool shard_checkpoint (struct shard *, bool last);
/* The same for a caller that holds `upkeep`. */
bool shard_checkpoint_held (struct shard *, bool last);
/* Ends a tree that was written: its position, closed and synced, and CURRENT names it.  Closes it in
 * any case. */
bool shard_tree_finish (struct shard *, struct tree **, char which, const struct position *);
/* "idx.A.kct", "idx.B.kct" in the shard's folder. */
char *shard_tree_name (const struct shard *, char which);
/* What CURRENT says.  False: nothing, or nothing that can be believed. */
bool current_read (const struct shard *, char *which, struct position *);
struct tree *shard_tree_open (const struct shard *, char which, bool write);
/* Should it be done by now? */
bool shard_checkpoint_due (struct shard *, int64_t now);

/* Log lines with up to three fields. */
void store_log (struct store *, ptn_level, const char *event, const char *name1, const char *value1,
                const char *name2, const char *value2);
void shard_log (struct shard *, ptn_level, const char *event, const char *name, const char *format,
                ...) PTN_PRINTF (5, 6);

#endif
