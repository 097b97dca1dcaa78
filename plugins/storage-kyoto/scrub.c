/* SPDX-License-Identifier: GPL-3.0-or-later */
/* scrub.c - one pass; see scrub.h.
 *
 * Shard by shard: the segments of its log, its big files, its base, the rows of its index.  What is expunged,
 * moved or checkpointed meanwhile is not damage: whatever looks wrong is looked up again before it
 * is told. */
#include "scrub.h"

#include "account.h"
#include "base.h"
#include "big.h"
#include "compact.h"
#include "walk.h"
#include "whose.h"

#include <errno.h>
#include <sys/stat.h>

enum stage { SEGMENTS, BIGS, BASE, ROWS };
enum { ROWS_AT_ONCE = 512, ROW_OCTETS = 64, PACE_OCTETS = 1 << 20 };

struct rotten { /* a body: whose it is, is found out for many at once */
  uint64_t body;
  char *where;
  const char *what;
};

struct scrub_work {
  enum stage stage;
  GArray *segments; /* struct segment_info; NULL: the shard is not begun */
  guint next;       /* of segments, or of bigs */
  struct walk *walk;
  GArray *bigs; /* body ids */
  struct big_reader *reader;
  uint64_t piece;
  struct key row; /* of the index, the last one seen */
  GArray *rotten; /* struct rotten */
};

static void
problem_free (void *argument) {
  struct scrub_problem *problem = argument;

  g_free (problem->where);
  g_free (problem->what);
  g_free (problem->account);
  g_free (problem->mailbox);
  g_free (problem);
}

static void
rotten_clear (void *argument) {
  g_free (((struct rotten *)argument)->where);
}

static struct shard *
shard_of (const struct scrub *scrub) {
  return &scrub->store->shards[scrub->shard];
}

/* What there is on disk, by the sizes of its files. */
static uint64_t
octets_of (const struct shard *shard) {
  g_autoptr (GDir) folder = g_dir_open (shard->path, 0, NULL);
  const char *name;
  uint64_t octets = 0;

  while (folder && (name = g_dir_read_name (folder))) {
    g_autofree char *path = shard_file (shard, name);
    struct stat status;

    if ((g_str_has_prefix (name, "log.") || g_str_has_prefix (name, "big.")
         || g_str_has_prefix (name, "base."))
        && stat (path, &status) == 0)
      octets += (uint64_t)status.st_size;
  }
  return octets;
}

struct scrub *
scrub_new (struct store *store, uint32_t shard, uint32_t segment) {
  struct scrub *scrub = g_new0 (struct scrub, 1);

  scrub->store = store;
  scrub->shard = shard;
  scrub->segment = segment;
  scrub->problems = g_ptr_array_new_with_free_func (problem_free);
  scrub->work = g_new0 (struct scrub_work, 1);
  scrub->work->rotten = g_array_new (FALSE, FALSE, sizeof (struct rotten));
  g_array_set_clear_func (scrub->work->rotten, rotten_clear);
  for (uint32_t i = shard; i < store->shard_count; i++)
    scrub->total += octets_of (&store->shards[i]);
  return scrub;
}

static void
close_shard (struct scrub_work *work) {
  walk_free (&work->walk);
  big_reader_free (&work->reader);
  g_clear_pointer (&work->segments, g_array_unref);
  g_clear_pointer (&work->bigs, g_array_unref);
  g_array_set_size (work->rotten, 0);
  work->next = 0;
  work->stage = SEGMENTS;
}

void
scrub_free (struct scrub **scrub) {
  if (!*scrub)
    return;
  close_shard ((*scrub)->work);
  g_array_unref ((*scrub)->work->rotten);
  g_free ((*scrub)->work);
  g_ptr_array_unref ((*scrub)->problems);
  g_clear_pointer (scrub, g_free);
}

/* whose: NULL, or the message that cannot be read any more. */
static void
tell (struct scrub *scrub, const char *where, const char *what, const struct whose *whose) {
  const struct ptn_host *host = scrub->store->host;
  struct scrub_problem *problem = g_new0 (struct scrub_problem, 1);
  char shard[16], uid[16];
  struct ptn_field fields[] = { { "shard", shard },  { "where", where },  { "problem", what },
                                { "account", NULL }, { "mailbox", NULL }, { "uid", uid } };

  problem->shard = scrub->shard;
  problem->where = g_strdup (where);
  problem->what = g_strdup (what);
  g_snprintf (shard, sizeof shard, "%02u", scrub->shard);
  if (whose) {
    problem->account = g_strdup (whose->account);
    problem->mailbox = g_strdup (whose->mailbox);
    problem->uid = whose->uid;
    g_snprintf (uid, sizeof uid, "%u", whose->uid);
    fields[3].value = whose->account;
    fields[4].value = whose->mailbox;
  }
  g_ptr_array_add (scrub->problems, problem);
  host->log (host, PTN_LOG_ERROR, NULL, "store.rotten", fields, whose ? 6 : 3);
  host->observe (scrub->store->metrics.rotten, 1);
}

static void
add_rotten (struct scrub *scrub, uint64_t body, const char *where, const char *what) {
  struct rotten rotten = { body, g_strdup (where), what };

  g_array_append_val (scrub->work->rotten, rotten);
}

/* Tells of the bodies that were found rotten, and whose messages they are. */
static void
tell_rotten (struct scrub *scrub) {
  GArray *rotten = scrub->work->rotten;
  g_autoptr (GHashTable) bodies = g_hash_table_new (g_int64_hash, g_int64_equal);
  g_autoptr (GPtrArray) messages = NULL;

  if (rotten->len == 0)
    return;
  for (guint i = 0; i < rotten->len; i++) {
    struct rotten *one = &g_array_index (rotten, struct rotten, i);

    g_hash_table_insert (bodies, &one->body, one);
  }
  messages = whose_bodies (shard_of (scrub), bodies);
  for (guint i = 0; i < messages->len; i++) {
    struct whose *whose = messages->pdata[i];
    const struct rotten *one = g_hash_table_lookup (bodies, &whose->body);

    tell (scrub, one->where, one->what, whose);
  }
  g_array_set_size (rotten, 0);
}

struct in_the_way {
  struct scrub *scrub;
  uint32_t segment;
  uint64_t from, to;
  const char *where, *what;
};

static bool
body_in_the_way (void *argument, const uint8_t *key, size_t key_size, const uint8_t *value,
                 size_t size) {
  const struct in_the_way *way = argument;
  struct body_row row;

  if (body_row_get (READER (value, size), &row) && !(row.attributes & BODY_BIG)
      && row.segment == way->segment && row.offset >= way->from && row.offset < way->to)
    add_rotten (way->scrub,
                (uint64_t)key_number (key, key_size, 1) << 32 | key_number (key, key_size, 5),
                way->where, way->what);
  return true;
}

static void
bad_record (struct scrub *scrub, uint32_t segment, const struct walk_step *step) {
  g_autofree char *where = g_strdup_printf ("log.%08u at %" PRIu64, segment, step->at);
  const struct record *record = &step->record;
  struct body_row row;

  if (record->lsn == 0) {
    /* The index still knows what the record said; a rebuild would not. */
    struct in_the_way way = { scrub, segment, step->at, step->at + step->span, where, step->why };
    struct key from = { 1, { KEY_BODY } }, end = { 1, { KEY_BODY + 1 } };

    tell (scrub, where, step->why, NULL);
    index_scan (&shard_of (scrub)->index, NULL, &from, &end, SIZE_MAX, body_in_the_way, &way);
    return;
  }
  /* Nobody minds what happens to a body that has no message any more, or has moved. */
  uint64_t body = record->type == RECORD_DELIVER ? record->lsn : record->message.body;
  if (read_body_row (shard_of (scrub), body, &row) == PTN_OK && row.segment == segment
      && row.offset == record->body_offset)
    add_rotten (scrub, body, where, step->why);
}

/* Octets read; 0: there are no more segments. */
static uint64_t
segment_part (struct scrub *scrub, uint64_t octets) {
  struct scrub_work *work = scrub->work;
  uint32_t number;
  const struct walk_step *step;
  uint64_t done = 0;

  while (work->next < work->segments->len
         && g_array_index (work->segments, struct segment_info, work->next).number
                <= scrub->segment)
    work->next++;
  if (work->next >= work->segments->len)
    return 0;
  number = g_array_index (work->segments, struct segment_info, work->next).number;
  if (!work->walk) {
    g_autofree char *where = g_strdup_printf ("log.%08u", number);

    errno = 0;
    work->walk = walk_new (shard_of (scrub), number);
    if (!work->walk && errno != ENOENT)
      tell (scrub, where, "cannot be read", NULL);
    else if (work->walk && !walk_header_good (work->walk))
      tell (scrub, where, "has a wrong header", NULL);
  }
  while (work->walk && done < octets && (step = walk_next (work->walk))) {
    done += step->span;
    if (step->why)
      bad_record (scrub, number, step);
  }
  if (!work->walk || done < octets) {
    walk_free (&work->walk);
    tell_rotten (scrub);
    scrub->segment = number;
  }
  return done + 1;
}

static bool
big_row (void *argument, const uint8_t *key, size_t key_size, const uint8_t *value, size_t size) {
  GArray *bigs = argument;
  uint64_t body;

  if (body_id_get (READER (value, size), &body))
    g_array_append_val (bigs, body);
  return true;
}

static void
list_bigs (struct scrub *scrub) {
  struct key from = { 1, { KEY_BIG } }, end = { 1, { KEY_BIG + 1 } };

  scrub->work->bigs = g_array_new (FALSE, FALSE, sizeof (uint64_t));
  scrub->work->next = 0;
  index_scan (&shard_of (scrub)->index, NULL, &from, &end, SIZE_MAX, big_row, scrub->work->bigs);
}

static void
bad_big (struct scrub *scrub, uint64_t body, const char *what) {
  struct body_row row;
  g_autofree char *where = NULL;

  if (read_body_row (shard_of (scrub), body, &row) != PTN_OK)
    return; /* expunged meanwhile */
  where = g_strdup_printf ("big.%016" PRIx64, row.offset);
  add_rotten (scrub, body, where, what);
}

/* A piece of a big file; 0: there are no more. */
static uint64_t
big_part (struct scrub *scrub) {
  struct scrub_work *work = scrub->work;
  g_autofree uint8_t *data = NULL;
  struct body_row row;
  uint64_t body;
  size_t size;

  if (work->next >= work->bigs->len)
    return 0;
  body = g_array_index (work->bigs, uint64_t, work->next);
  if (!work->reader) {
    work->piece = 0;
    if (read_body_row (shard_of (scrub), body, &row) == PTN_OK
        && !(work->reader = big_reader_new (shard_of (scrub), &row)))
      bad_big (scrub, body, "the file is missing, or its table is damaged");
  }
  size = work->reader ? big_reader_size (work->reader, work->piece) : 0;
  if (size > 0) {
    data = g_malloc (size);
    if (big_reader_piece (work->reader, work->piece++, data) == PTN_OK)
      return size;
    bad_big (scrub, body, "a piece has a wrong checksum");
  }
  big_reader_free (&work->reader);
  work->next++;
  return 1;
}

struct pace {
  struct scrub *scrub;
  uint64_t octets; /* since the last pause */
};

static bool
base_row_seen (void *argument, const uint8_t *key, size_t key_size, const uint8_t *value,
               size_t size) {
  struct pace *pace = argument;
  uint64_t octets;

  pace->octets += key_size + size;
  if (pace->octets < PACE_OCTETS || !pace->scrub->pace)
    return true;
  octets = pace->octets;
  pace->octets = 0;
  return pace->scrub->pace (pace->scrub->pace_argument, octets);
}

/* The base, in one go; 0: there is none, or it was read. */
static uint64_t
base_part (struct scrub *scrub) {
  struct shard *shard = shard_of (scrub);
  struct pace pace = { scrub, 0 };
  struct base_result result = { .lost = 0 };
  uint32_t number = base_newest (shard);
  g_autofree char *where = g_strdup_printf ("base.%08u", number);
  ptn_status status;

  if (number == 0)
    return 0;
  status = base_read (shard, number, base_row_seen, &pace, &result);
  if ((status == PTN_E_NOT_FOUND || result.lost > 0) && base_newest (shard) == number) {
    tell (scrub, where, "records are damaged: another base is to be written", NULL);
    atomic_store (&shard->base_wanted, true);
    compactor_poke (scrub->store);
  }
  scrub->done = MIN (scrub->done + result.octets, scrub->total);
  return 0;
}

static bool
last_row (void *argument, const uint8_t *key, size_t key_size, const uint8_t *value, size_t size) {
  struct key *last = argument;

  last->size = (uint32_t)MIN (key_size, sizeof last->octets - 1);
  memcpy (last->octets, key, last->size);
  return true;
}

/* Some rows of the index: each is checked when it is read; 0: there are no more. */
static uint64_t
rows_part (struct scrub *scrub) {
  struct key from = scrub->work->row, end = { 1, { KEY_END } };
  ptn_status status;

  from.octets[from.size++] = 0; /* behind the last row */
  status = index_scan (&shard_of (scrub)->index, NULL, &from, &end, ROWS_AT_ONCE, last_row,
                       &scrub->work->row);
  if (status == PTN_E_CORRUPT)
    tell (scrub, "index", "a row has a wrong checksum: the index is to be rebuilt from the log",
          NULL);
  return status == PTN_OK ? (uint64_t)ROWS_AT_ONCE * ROW_OCTETS : 0;
}

static void
open_shard (struct scrub *scrub) {
  scrub->work->segments = log_segments (shard_of (scrub));
  scrub->work->row.size = 0;
}

bool
scrub_step (struct scrub *scrub, uint64_t octets) {
  struct scrub_work *work = scrub->work;
  uint64_t done = 0;

  while (done < octets && scrub->shard < scrub->store->shard_count) {
    uint64_t part;

    if (atomic_load (&shard_of (scrub)->state) != SHARD_SERVING) {
      /* Its index is being made anew, from a log that is read for that. */
      close_shard (work);
      scrub->passed_over++;
      scrub->shard++;
      scrub->segment = 0;
      continue;
    }
    if (!work->segments)
      open_shard (scrub);
    part = work->stage == SEGMENTS ? segment_part (scrub, octets - done)
           : work->stage == BIGS   ? big_part (scrub)
           : work->stage == BASE   ? base_part (scrub)
                                   : rows_part (scrub);
    done += part;
    if (work->stage != ROWS)
      scrub->done = MIN (scrub->done + part, scrub->total);
    if (part > 0)
      continue;
    tell_rotten (scrub);
    if (work->stage == SEGMENTS)
      list_bigs (scrub);
    if (work->stage++ == ROWS) {
      close_shard (work);
      scrub->shard++;
      scrub->segment = 0;
    }
  }
  scrub->store->host->observe (scrub->store->metrics.scrubbed, (int64_t)done);
  return scrub->shard < scrub->store->shard_count;
}
