/* SPDX-License-Identifier: GPL-3.0-or-later */
/* compact.c - see compact.h.  One shard: what is worth it, moving, removing.
 *
 * Why no power failure, and no kill, loses anything:
 *
 *   1. A body is copied by an ordinary commit.  When op_run says OK, the BODY_MOVE record is synced,
 *      and the index names the new place.  Before that, the old one is named, and is there.
 *   2. What names a place in a segment?  Only rows of bodies.  They are found in the index as it
 *      is in memory, in the two trees, and in the base.  A tree or base may be older than a move, and
 *      name the old place; but a start or rebuild that begins with it reads the log from its
 *      position on, and all moves that it does not know stand behind that position.
 *   3. So what recovery reads must be there: the log from the position of CURRENT, or of the newest
 *      base, on.  A segment is removed only if it stands before both (its number is less than that
 *      of the segment they stand in), and both are durable: each was synced, with its folder,
 *      before its position was noted.  An older base or tree is not used once there is a newer one.
 *   4. Nothing new can come to name a segment that is sealed: bodies are added to the newest segment
 *      alone, and a copy of a message shares the row of its body.  So when a look at all rows finds
 *      none in the segment, that remains so.
 *   5. If the power fails before the removal is durable, the file is there again: before the base's
 *      position, so that recovery does not read it, and without a live body, so that the next round
 *      removes it.
 *   6. A base holds what messages there are, so an expunge whose record goes with its segment stays
 *      done: the message it removed is in no base behind it, and no record of its delivery is read.
 *
 * A reader that has looked up the old place finds no file, looks again, and finds the new one
 * (read.c); one that has the file open reads on. */
#include "compact.h"

#include "base.h"
#include "commit.h"
#include "crc32c.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
  MOVE_OCTETS = 256 * 1024, /* in one operation, about: a client that comes behind waits for it */
  BODIES_A_ROUND = 500 * 1000, /* what is remembered of them is 32 octets each */
  BODY_COST = 88,              /* of a record that moves a body, beside the body: at most */
  SMALLEST_INDEX = 400 * 1000, /* octets of a tree with few rows */
  ROWS_A_TURN = 4096,
  PAUSE_MOST_US = 100 * 1000,
  CHECK_BASE_SECONDS = 3600
};

/* A segment, and what of it is alive. */
struct candidate {
  uint32_t number;
  bool stays; /* something in it cannot be moved, or is still named */
  uint64_t size, live, bodies;
};

struct moving {
  uint64_t body, offset, stored;
  uint32_t segment, crc;
  uint8_t codec;
};

struct round {
  struct shard *shard;
  const struct compact_how *how;
  GArray *candidates; /* by number */
  GArray *bodies;     /* struct moving */
  struct compact_result *result;
  uint32_t generation; /* of the index, when the rows were looked at last */
};

static struct position
position_of (struct shard *shard) {
  struct position position;

  pthread_rwlock_rdlock (&shard->index.lock);
  position = shard->index.position;
  pthread_rwlock_unlock (&shard->index.lock);
  return position;
}

static uint64_t
waste_of (const struct candidate *candidate) {
  uint64_t needed = SEGMENT_HEADER + candidate->live + candidate->bodies * BODY_COST;

  if (candidate->bodies == 0)
    return candidate->size;
  return candidate->size > needed ? candidate->size - needed : 0;
}

static bool
is_wasteful (const struct candidate *candidate, uint32_t percent) {
  uint64_t waste = waste_of (candidate);

  return waste > 0 && waste * 100 > candidate->size * percent;
}

static int
by_number (const void *a, const void *b) {
  const struct candidate *left = a, *right = b;

  return (left->number > right->number) - (left->number < right->number);
}

static struct candidate *
find_candidate (GArray *candidates, uint32_t number) {
  struct candidate key = { .number = number };

  return candidates->len == 0 ? NULL
                              : bsearch (&key, candidates->data, candidates->len,
                                         sizeof (struct candidate), by_number);
}

static bool
add_live (void *argument, const uint8_t *key, size_t key_size, const uint8_t *value, size_t size) {
  struct candidate *candidate = find_candidate (argument, key_number (key, key_size, 1));
  struct segment_row row;

  if (candidate && segment_row_get (READER (value, size), &row)) {
    candidate->live = row.live;
    candidate->bodies = row.bodies;
  }
  return true;
}

/* Every segment, the newest with what is written of it. */
static ptn_status
survey (struct shard *shard, GArray **result, uint64_t *octets) {
  struct position position = position_of (shard);
  g_autoptr (GArray) segments = log_segments (shard);
  GArray *all = g_array_new (FALSE, FALSE, sizeof (struct candidate));
  struct key from = { 1, { KEY_SEGMENT } }, end = { 1, { KEY_SEGMENT + 1 } };
  ptn_status status;

  *octets = 0;
  for (guint i = 0; i < segments->len; i++) {
    const struct segment_info *info = &g_array_index (segments, struct segment_info, i);
    struct candidate one = { .number = info->number, .size = info->size };

    if (info->number > position.segment)
      break; /* just begun */
    if (info->number == position.segment)
      one.size = position.offset;
    *octets += one.size;
    g_array_append_val (all, one);
  }
  status = index_scan (&shard->index, NULL, &from, &end, SIZE_MAX, add_live, all);
  *result = all;
  return status == PTN_END ? PTN_OK : status;
}

static ptn_status
nothing (struct op *op, struct txn *txn) {
  return PTN_OK;
}

/* The next write begins a new segment; one that writes nothing will do. */
static ptn_status
seal (struct shard *shard) {
  struct op op = { .shard = shard, .prepare = nothing };

  atomic_store (&shard->seal, true);
  return op_run (&op);
}

/* Octets of the tree that CURRENT names: about what a base takes. */
static uint64_t
index_octets (struct shard *shard) {
  g_autofree char *a = shard_tree_name (shard, 'A'), *b = shard_tree_name (shard, 'B');
  struct stat first = { .st_size = 0 }, second = { .st_size = 0 };

  if (stat (a, &first) != 0)
    first.st_size = 0;
  if (stat (b, &second) != 0)
    second.st_size = 0;
  return MAX ((uint64_t)MAX (first.st_size, second.st_size), SMALLEST_INDEX);
}

/* Is it worth a new base to get at those that stand where the present one does, or behind? */
static bool
worth_a_base (struct round *round, const GArray *all, uint32_t base) {
  uint64_t gain = 0;

  for (guint i = 0; i < all->len; i++) {
    const struct candidate *one = &g_array_index (all, struct candidate, i);

    if (one->number >= base && is_wasteful (one, round->how->percent))
      gain += waste_of (one);
  }
  return gain > 0 && gain * 100 >= index_octets (round->shard) * round->how->base_gain;
}

/* On a full disk: the one that takes the least space to empty, of those that need no base if there
 * are any. */
static void
choose_least (GArray *candidates, uint32_t base) {
  struct candidate best = g_array_index (candidates, struct candidate, 0);

  for (guint i = 1; i < candidates->len; i++) {
    const struct candidate *one = &g_array_index (candidates, struct candidate, i);
    bool needs_base = one->number >= base, best_needs_base = best.number >= base;

    if (needs_base == best_needs_base ? one->live < best.live : best_needs_base)
      best = *one;
  }
  g_array_set_size (candidates, 0);
  g_array_append_val (candidates, best);
}

/* What is worth it: the wasteful ones, as many of them as one round can take. */
static void
choose (struct round *round, const GArray *all, uint32_t newest) {
  struct shard *shard = round->shard;
  uint32_t base = atomic_load (&shard->base_segment);
  bool new_base = worth_a_base (round, all, base);
  uint64_t bodies = 0;

  for (guint i = 0; i < all->len; i++) {
    const struct candidate *one = &g_array_index (all, struct candidate, i);

    if (one->number >= newest || !is_wasteful (one, round->how->percent)
        || (one->number >= base && !new_base)
        || g_hash_table_contains (shard->stuck, GUINT_TO_POINTER (one->number))
        || (round->candidates->len > 0 && bodies + one->bodies > BODIES_A_ROUND))
      continue;
    bodies += one->bodies;
    g_array_append_val (round->candidates, *one);
  }
  if (round->candidates->len > 1 && shard->store->settings.reserve > 0
      && atomic_load (&shard->store->reserve_gone))
    choose_least (round->candidates, base);
}

struct looking {
  struct round *round;
  struct key last;
  bool collect; /* else: what is still named stays */
};

static bool
look_at_body (void *argument, const uint8_t *key, size_t key_size, const uint8_t *value,
              size_t size) {
  struct looking *looking = argument;
  struct candidate *candidate;
  struct body_row row;
  struct moving body;

  looking->last.size = (uint32_t)MIN (key_size, sizeof looking->last.octets - 1);
  memcpy (looking->last.octets, key, looking->last.size);
  if (!body_row_get (READER (value, size), &row) || row.attributes & BODY_BIG)
    return true;
  candidate = find_candidate (looking->round->candidates, row.segment);
  if (!candidate)
    return true;
  if (!looking->collect) {
    candidate->stays = true;
    return true;
  }
  body = (struct moving){
    .body = (uint64_t)key_number (key, key_size, 1) << 32 | key_number (key, key_size, 5),
    .offset = row.offset,
    .stored = row.stored,
    .segment = row.segment,
    .crc = row.crc,
    .codec = row.codec,
  };
  g_array_append_val (looking->round->bodies, body);
  return true;
}

/* Goes through the rows of all bodies, in turns. */
static ptn_status
look_at_bodies (struct round *round, bool collect) {
  struct looking looking = { .round = round, .collect = collect };
  struct key from = { 1, { KEY_BODY } }, end = { 1, { KEY_BODY + 1 } };
  ptn_status status = PTN_OK;

  while (status == PTN_OK && !atomic_load (&round->shard->store->stopping)) {
    status =
        index_scan (&round->shard->index, NULL, &from, &end, ROWS_A_TURN, look_at_body, &looking);
    from = looking.last;
    from.octets[from.size++] = 0; /* behind the last row */
  }
  return status == PTN_END ? PTN_OK : status == PTN_OK ? PTN_E_CANCELLED : status;
}

static int
by_place (const void *a, const void *b) {
  const struct moving *left = a, *right = b;

  if (left->segment != right->segment)
    return left->segment < right->segment ? -1 : 1;
  return (left->offset > right->offset) - (left->offset < right->offset);
}

struct move_op {
  struct op op;
  const struct moving *bodies;
  guint count;
  const uint8_t *data; /* of all, one behind the other */
};

/* Those that are still where they were: what has been expunged meanwhile need not be moved. */
static ptn_status
make_moves (struct op *base, struct txn *txn) {
  struct move_op *op = (struct move_op *)base;
  const uint8_t *data = op->data;

  for (guint i = 0; i < op->count; data += op->bodies[i++].stored) {
    const struct moving *body = &op->bodies[i];
    struct record record = {
      .type = RECORD_BODY_MOVE,
      .codec = body->codec,
      .stored = body->stored,
      .body = data,
      .body_crc = body->crc,
      .message = { .body = body->body },
    };
    struct body_row row;
    ptn_status status = edit_body (&txn->edit, body->body, &row);

    if (status == PTN_E_NOT_FOUND
        || (status == PTN_OK && (row.segment != body->segment || row.offset != body->offset)))
      continue;
    if (status == PTN_OK)
      status = txn_emit (txn, &record);
    if (status != PTN_OK)
      return status;
  }
  return PTN_OK;
}

/* The octets of some bodies of one segment.  False: one is damaged. */
static bool
read_bodies (struct shard *shard, const struct moving *bodies, guint count, uint8_t *data) {
  struct segment_file *file = segment_take (shard, bodies->segment);
  bool good = file != NULL;

  for (guint i = 0; good && i < count; data += bodies[i++].stored) {
    good = io_read_all (file->fd, data, bodies[i].stored, (off_t)bodies[i].offset)
           && crc32c (0, data, bodies[i].stored) == bodies[i].crc;
    if (!good)
      shard_log (shard, PTN_LOG_ERROR, "store.corrupt", "body",
                 "%" PRIu64 " at %" PRIu64 " of log.%08u: the segment stays", bodies[i].body,
                 bodies[i].offset, bodies[i].segment);
  }
  if (file)
    segment_give (shard, file);
  return good;
}

/* How many bodies from `first` on make one operation: of one segment, and not too much. */
static guint
batch_at (const GArray *bodies, guint first, uint64_t *octets) {
  const struct moving *start = &g_array_index (bodies, struct moving, first);
  guint count = 0;

  *octets = 0;
  while (first + count < bodies->len && start[count].segment == start->segment
         && (count == 0 || *octets + start[count].stored <= MOVE_OCTETS))
    *octets += start[count++].stored;
  return count;
}

static ptn_status
move_bodies (struct round *round) {
  struct shard *shard = round->shard;
  const struct ptn_host *host = shard->store->host;
  uint64_t octets;

  for (guint first = 0, count; first < round->bodies->len; first += count) {
    const struct moving *bodies = &g_array_index (round->bodies, struct moving, first);
    struct candidate *candidate = find_candidate (round->candidates, bodies->segment);
    struct move_op op = { .op = { .shard = shard, .prepare = make_moves }, .bodies = bodies };
    int64_t start = host->monotonic_ns ();
    g_autofree uint8_t *data = NULL;
    ptn_status status;

    if (atomic_load (&shard->store->stopping))
      return PTN_E_CANCELLED;
    op.count = count = batch_at (round->bodies, first, &octets);
    if (candidate->stays)
      continue;
    op.op.octets = octets;
    op.data = data = g_malloc (octets + 1);
    if (!read_bodies (shard, bodies, count, data)) {
      candidate->stays = true;
      g_hash_table_add (shard->stuck, GUINT_TO_POINTER (bodies->segment));
      continue;
    }
    status = op_run (&op.op);
    if (status != PTN_OK)
      return status;
    round->result->moved += octets;
    host->observe (shard->store->metrics.moved, (int64_t)octets);
    atomic_fetch_add (&shard->compact_done, octets);
    /* Half of the time is the clients'. */
    if (!round->how->hurry)
      g_usleep ((gulong)MIN ((host->monotonic_ns () - start) / 1000, PAUSE_MOST_US));
  }
  return PTN_OK;
}

/* A base that stands behind all candidates. */
static ptn_status
make_base (struct round *round) {
  struct shard *shard = round->shard;
  uint32_t last =
      g_array_index (round->candidates, struct candidate, round->candidates->len - 1).number;

  if (atomic_load (&shard->base_segment) > last && !atomic_load (&shard->base_wanted))
    return PTN_OK;
  for (int try = 0; try < 2; try++) {
    if (shard_checkpoint (shard, false) && base_write (shard)) {
      atomic_store (&shard->base_wanted, false);
      atomic_store (&shard->base_checked, shard->store->host->monotonic_ns ());
      return PTN_OK;
    }
    /* There may be no space for it: what is kept back for this comes back with the segments. */
    if (!reserve_release (shard->store))
      break;
  }
  return PTN_E_TEMPORARY;
}

/* Without the segments the base is all there is of what they said: is it readable? */
static void
base_look (struct shard *shard) {
  int64_t now = shard->store->host->monotonic_ns ();
  int64_t checked = atomic_load (&shard->base_checked);

  if (checked == 0 || now - checked >= CHECK_BASE_SECONDS * G_GINT64_CONSTANT (1000000000))
    base_damage (shard, NULL);
}

static bool
may_go (struct shard *shard, const struct candidate *candidate) {
  return !candidate->stays && candidate->number < atomic_load (&shard->base_segment)
         && candidate->number < shard->index.base_until.segment;
}

/* [upkeep] */
static void
remove_segments (struct round *round) {
  struct shard *shard = round->shard;
  const struct io *io = shard->store->io;
  uint64_t octets = 0, removed = 0;

  /* An index made anew meanwhile may name a place again whose move was lost. */
  if (atomic_load (&shard->generation) != round->generation)
    return;
  if (atomic_load (&shard->state) != SHARD_SERVING || atomic_load (&shard->failed)
      || atomic_load (&shard->holds) > 0 || atomic_load (&shard->index.corrupt))
    return;
  for (guint i = 0; i < round->candidates->len; i++) {
    const struct candidate *candidate = &g_array_index (round->candidates, struct candidate, i);
    g_autofree char *name = segment_name (shard, candidate->number);

    if (!may_go (shard, candidate) || io->unlink (name) != 0)
      continue;
    segment_forget (shard, candidate->number);
    octets += candidate->size;
    removed++;
  }
  if (removed == 0)
    return;
  if (shard->store->settings.sync)
    io_sync_folder (io, shard->path);
  round->result->removed += removed;
  shard->store->host->observe (shard->store->metrics.compacted, (int64_t)octets);
  shard_log (shard, PTN_LOG_INFO, "store.compacted", "result",
             "%" PRIu64 " segments of %" PRIu64 " octets removed, %" PRIu64 " octets moved",
             removed, octets, round->result->moved);
}

/* The segments of one round: emptied, and removed. */
static ptn_status
do_round (struct round *round) {
  struct shard *shard = round->shard;
  uint64_t octets = 0;
  ptn_status status = look_at_bodies (round, true);

  if (status != PTN_OK)
    return status;
  g_array_sort (round->bodies, by_place);
  for (guint i = 0; i < round->bodies->len; i++)
    octets += g_array_index (round->bodies, struct moving, i).stored;
  atomic_fetch_add (&shard->compact_total, octets);
  status = move_bodies (round);
  if (status == PTN_OK) {
    base_look (shard);
    status = make_base (round);
  }
  round->generation = atomic_load (&shard->generation);
  if (status == PTN_OK)
    status = look_at_bodies (round, false);
  if (status != PTN_OK)
    return status;
  pthread_mutex_lock (&shard->upkeep);
  remove_segments (round);
  pthread_mutex_unlock (&shard->upkeep);
  return PTN_OK;
}

/* Looks what is worth it before `newest`, and does it.  True: something is gone, there may be more. */
static bool
one_round (struct shard *shard, const struct compact_how *how, uint32_t newest,
           struct compact_result *result, ptn_status *status) {
  g_autoptr (GArray) candidates = g_array_new (FALSE, FALSE, sizeof (struct candidate));
  g_autoptr (GArray) bodies = g_array_new (FALSE, FALSE, sizeof (struct moving));
  struct round round = { shard, how, candidates, bodies, result, 0 };
  g_autoptr (GArray) all = NULL;
  uint64_t removed = result->removed;

  *status = survey (shard, &all, &result->after);
  if (*status != PTN_OK)
    return false;
  choose (&round, all, newest);
  if (candidates->len == 0)
    return false;
  *status = do_round (&round);
  return *status == PTN_OK && result->removed > removed;
}

ptn_status
shard_compact (struct shard *shard, const struct compact_how *how, struct compact_result *result) {
  g_autoptr (GArray) all = NULL;
  const struct candidate *last;
  uint32_t newest;
  ptn_status status;

  memset (result, 0, sizeof *result);
  atomic_store (&shard->compact_done, 0);
  atomic_store (&shard->compact_total, 0);
  status = survey (shard, &all, &result->before);
  result->after = result->before;
  if (status != PTN_OK || all->len == 0)
    return status;
  last = &g_array_index (all, struct candidate, all->len - 1);
  if (how->seal && is_wasteful (last, how->percent)
      && (how->hurry || last->size >= shard->store->settings.segment_size / 8))
    status = seal (shard);
  /* Not what comes to be meanwhile, or it would never end while clients expunge. */
  newest = position_of (shard).segment;
  while (status == PTN_OK && one_round (shard, how, newest, result, &status))
    ;
  store_may_grow (shard->store); /* the reserve comes back, if there is space again */
  return status;
}
