/* SPDX-License-Identifier: GPL-3.0-or-later */
/* control_stats.c - "store stats": a row for each shard. */
#include "account.h"
#include "control.h"

enum { ROWS_AT_ONCE = 1024 };

struct sums {
  struct key last;
  struct segment_row segments;
  uint64_t messages, octets; /* of messages */
  GArray *bigs;              /* body ids */
  uint64_t big_octets;       /* of their files */
};

static void
remember (struct sums *sums, const uint8_t *key, size_t size) {
  sums->last.size = (uint32_t)MIN (size, sizeof sums->last.octets - 1);
  memcpy (sums->last.octets, key, sums->last.size);
}

static bool
sum_segment (void *argument, const uint8_t *key, size_t key_size, const uint8_t *value,
             size_t size) {
  struct sums *sums = argument;
  struct segment_row row;

  remember (sums, key, key_size);
  if (segment_row_get (READER (value, size), &row)) {
    sums->segments.live += row.live;
    sums->segments.bodies += row.bodies;
  }
  return true;
}

static bool
sum_account (void *argument, const uint8_t *key, size_t key_size, const uint8_t *value,
             size_t size) {
  struct sums *sums = argument;
  struct user_row row;

  remember (sums, key, key_size);
  if (key_number (key, key_size, AT_MAILBOX) == 0 && user_row_get (READER (value, size), &row)) {
    sums->messages += row.messages;
    sums->octets += row.octets;
  }
  return true;
}

static bool
list_big (void *argument, const uint8_t *key, size_t key_size, const uint8_t *value, size_t size) {
  struct sums *sums = argument;
  uint64_t body;

  remember (sums, key, key_size);
  if (body_id_get (READER (value, size), &body))
    g_array_append_val (sums->bigs, body);
  return true;
}

/* All rows of a kind, in turns, so that commits can come between. */
static void
scan (struct shard *shard, enum key_kind kind, index_row *row, struct sums *sums) {
  struct key from = { 1, { (uint8_t)kind } }, end = { 1, { (uint8_t)kind + 1 } };
  ptn_status status;

  do {
    sums->last = from;
    status = index_scan (&shard->index, NULL, &from, &end, ROWS_AT_ONCE, row, sums);
    from = sums->last;
    from.octets[from.size++] = 0; /* behind the last row */
  } while (status == PTN_OK);
}

static void
add_up (struct shard *shard, struct sums *sums) {
  sums->bigs = g_array_new (FALSE, FALSE, sizeof (uint64_t));
  if (atomic_load (&shard->state) == SHARD_SERVING) {
    scan (shard, KEY_SEGMENT, sum_segment, sums);
    scan (shard, KEY_MAILBOX, sum_account, sums);
    scan (shard, KEY_BIG, list_big, sums);
  }
  for (guint i = 0; i < sums->bigs->len; i++) {
    struct body_row row;

    if (read_body_row (shard, g_array_index (sums->bigs, uint64_t, i), &row) == PTN_OK)
      sums->big_octets += row.stored;
  }
}

static const char *
state_of (const struct shard *shard) {
  int state = atomic_load (&shard->state);

  return state == SHARD_REBUILDING             ? "rebuilding"
         : state == SHARD_LOST                 ? "lost"
         : atomic_load (&shard->failed)        ? "failed"
         : atomic_load (&shard->index.corrupt) ? "corrupt"
                                               : "good";
}

static void
PTN_PRINTF (2, 3) column (GPtrArray *columns, const char *format, ...) {
  va_list arguments;

  va_start (arguments, format);
  g_ptr_array_add (columns, g_strdup_vprintf (format, arguments));
  va_end (arguments);
}

/* What bodies take on disk for each octet of messages: less than 1 by compression, and because
 * copies share a body. */
static void
add_ratio (GPtrArray *columns, const struct sums *sums) {
  if (sums->octets > 0)
    column (columns, "%.3f",
            (double)(sums->segments.live + sums->big_octets) / (double)sums->octets);
  else
    column (columns, "-");
}

static ptn_status
stats_row (struct shard *shard, struct ptn_call *call, struct ptn_report *report) {
  struct index *index = &shard->index;
  struct sums sums = { .messages = 0 };
  g_autoptr (GPtrArray) columns = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GArray) segments = log_segments (shard);
  uint64_t octets = 0;

  shard->store->host->blocking (call->task, 1);
  add_up (shard, &sums);
  shard->store->host->blocking (call->task, 0);
  pthread_rwlock_rdlock (&index->lock);
  for (guint i = 0; i < segments->len; i++) {
    const struct segment_info *info = &g_array_index (segments, struct segment_info, i);

    octets += info->number == index->position.segment ? index->position.offset : info->size;
  }
  column (columns, "%02u", shard->number);
  column (columns, "%s", state_of (shard));
  column (columns, "%" PRIu64, sums.messages);
  column (columns, "%" PRIu64, sums.octets);
  column (columns, "%" PRIu64, sums.segments.bodies + sums.bigs->len);
  column (columns, "%" PRIu64, sums.segments.live);
  column (columns, "%" PRIu64, octets - MIN (sums.segments.live, octets));
  column (columns, "%" PRIu64, sums.big_octets);
  add_ratio (columns, &sums);
  column (columns, "%u", segments->len);
  column (columns, "%u", index->position.segment);
  column (columns, "%" PRIu64, index->position.lsn);
  column (columns, "%" PRId64, index->base ? tree_count (index->base) : 0);
  column (columns, "%zu", overlay_count (index->active));
  column (columns, "%" PRIu64, index->base_until.lsn);
  pthread_rwlock_unlock (&index->lock);
  g_array_unref (sums.bigs);
  return report->row (report, call->task, (const char *const *)columns->pdata, columns->len);
}

static ptn_status
stats_run (void *instance, struct ptn_call *call, struct ptn_strings arguments,
           struct ptn_bytes secret, struct ptn_report *report) {
  struct store *store = *(struct store **)instance;
  uint32_t *shard = call->state; /* the next one */
  ptn_status status;

  call->cancel = NULL;
  if (!shard) {
    status = control_no_arguments (store, call, arguments);
    if (status != PTN_OK)
      return status;
    shard = call->state = g_new0 (uint32_t, 1);
    call->release = g_free;
  }
  for (; *shard < store->shard_count; ++*shard) {
    status = stats_row (&store->shards[*shard], call, report);
    if (status == PTN_PENDING)
      call->cancel = g_free;
    if (status != PTN_OK)
      return status;
  }
  return PTN_OK;
}

const struct ptn_control control_stats = {
  .size = sizeof control_stats,
  .flags = PTN_CONTROL_OFFLINE,
  .name = "store stats",
  .arguments = "",
  .help = "Shows the state of each shard.",
  .columns = "shard state messages message-octets bodies live-octets dead-octets big-octets ratio "
             "segments segment lsn index-rows overlay-rows checkpoint-lsn",
  .run = stats_run,
};
