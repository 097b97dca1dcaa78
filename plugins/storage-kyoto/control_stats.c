/* SPDX-License-Identifier: GPL-3.0-or-later */
/* control_stats.c - "store stats": a row for each shard. */
#include "control.h"

static bool
sum_segment (void *argument, const uint8_t *key, size_t key_size, const uint8_t *value,
             size_t size) {
  struct segment_row *sum = argument, row;

  if (segment_row_get (READER (value, size), &row)) {
    sum->live += row.live;
    sum->bodies += row.bodies;
  }
  return true;
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

static ptn_status
stats_row (struct shard *shard, struct ptn_call *call, struct ptn_report *report) {
  struct index *index = &shard->index;
  struct segment_row sum = { 0, 0 };
  struct key from = { 1, { KEY_SEGMENT } }, end = { 1, { KEY_SEGMENT + 1 } };
  g_autoptr (GPtrArray) columns = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GArray) segments = log_segments (shard);
  uint64_t octets = 0;

  index_scan (index, NULL, &from, &end, SIZE_MAX, sum_segment, &sum);
  pthread_rwlock_rdlock (&index->lock);
  for (guint i = 0; i < segments->len; i++) {
    const struct segment_info *info = &g_array_index (segments, struct segment_info, i);

    octets += info->number == index->position.segment ? index->position.offset : info->size;
  }
  g_ptr_array_add (columns, g_strdup_printf ("%02u", shard->number));
  g_ptr_array_add (columns, g_strdup (state_of (shard)));
  g_ptr_array_add (columns, g_strdup_printf ("%u", index->position.segment));
  g_ptr_array_add (columns, g_strdup_printf ("%" PRIu64, index->position.lsn));
  g_ptr_array_add (columns, g_strdup_printf ("%" PRIu64, sum.live));
  g_ptr_array_add (columns, g_strdup_printf ("%" PRIu64, octets - MIN (sum.live, octets)));
  g_ptr_array_add (columns,
                   g_strdup_printf ("%" PRId64, index->base ? tree_count (index->base) : 0));
  g_ptr_array_add (columns, g_strdup_printf ("%zu", overlay_count (index->active)));
  g_ptr_array_add (columns, g_strdup_printf ("%" PRIu64, index->base_until.lsn));
  pthread_rwlock_unlock (&index->lock);
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
  .columns =
      "shard state segment lsn live-octets dead-octets index-rows overlay-rows checkpoint-lsn",
  .run = stats_run,
};
