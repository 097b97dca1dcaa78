/* SPDX-License-Identifier: GPL-3.0-or-later */
/* control.c - see control.h.
 *
 * A command works in turns, a segment or the index of a shard each, so that it never holds a
 * worker for long; its state is a struct run in the call. */
#include "control.h"

#include "verify.h"

struct run {
  struct store *store;
  uint32_t shard;
  guint segment;
  uint64_t lsn;
  GArray *segments; /* of the shard; NULL: not begun */
  GPtrArray *problems;
  guint reported;
  struct verify_counts counts;
};

static void
run_free (void *state) {
  struct run *run = state;

  g_clear_pointer (&run->segments, g_array_unref);
  g_ptr_array_unref (run->problems);
  g_free (run);
}

static ptn_status
run_begin (struct store *store, struct ptn_call *call, struct ptn_strings arguments) {
  struct run *run;

  if (arguments.count > 0)
    return store->host->fail (call->task, PTN_E_INVALID, "this command takes no arguments",
                              "arguments");
  run = g_new0 (struct run, 1);
  run->store = store;
  run->problems = g_ptr_array_new_with_free_func (problem_free);
  call->state = run;
  call->release = run_free;
  return PTN_OK;
}

/* Others first. */
static ptn_status
again (struct run *run, struct ptn_call *call) {
  run->store->host->wake (run->store->host->waker (call->task));
  call->cancel = run_free;
  return PTN_PENDING;
}

static ptn_status
report_problems (struct run *run, struct ptn_call *call, struct ptn_report *report) {
  while (run->reported < run->problems->len) {
    const struct problem *problem = run->problems->pdata[run->reported];
    char shard[16];
    const char *columns[] = { shard, problem->where, problem->what };
    ptn_status status;

    g_snprintf (shard, sizeof shard, "%02u", problem->shard);
    status = report->row (report, call->task, columns, G_N_ELEMENTS (columns));
    if (status == PTN_PENDING)
      call->cancel = run_free;
    if (status != PTN_OK)
      return status;
    run->reported++;
  }
  return PTN_OK;
}

static void
verify_turn (struct run *run, struct ptn_report *report) {
  struct shard *shard = &run->store->shards[run->shard];

  if (!run->segments) {
    run->segments = verify_segments (shard);
    run->segment = 0;
    run->lsn = 0;
  }
  if (run->segment < run->segments->len) {
    verify_segment (shard, g_array_index (run->segments, uint32_t, run->segment++), &run->lsn,
                    run->problems, &run->counts);
    return;
  }
  if (!verify_index (shard, run->problems, &run->counts)) {
    g_autofree char *text =
        g_strdup_printf ("shard %02u is too busy to compare its counts; stop the server to be sure",
                         run->shard);

    report->note (report, text);
  }
  g_clear_pointer (&run->segments, g_array_unref);
  run->shard++;
  report->progress (report, run->shard, run->store->shard_count, "shards");
}

static ptn_status
verify_run (void *instance, struct ptn_call *call, struct ptn_strings arguments,
            struct ptn_bytes secret, struct ptn_report *report) {
  struct store *store = *(struct store **)instance;
  g_autofree char *text = NULL;
  struct run *run;
  ptn_status status;

  call->cancel = NULL;
  if (!call->state && (status = run_begin (store, call, arguments)) != PTN_OK)
    return status;
  run = call->state;
  g_assert (run);
  status = report_problems (run, call, report);
  if (status != PTN_OK)
    return status;
  if (run->shard < store->shard_count) {
    store->host->blocking (call->task, 1);
    verify_turn (run, report);
    store->host->blocking (call->task, 0);
    return again (run, call);
  }
  text = g_strdup_printf ("%" PRIu64 " records in %" PRIu64 " segments, %" PRIu64
                          " messages in %" PRIu64 " mailboxes of %" PRIu64 " accounts: %u problems",
                          run->counts.records, run->counts.segments, run->counts.messages,
                          run->counts.mailboxes, run->counts.accounts, run->problems->len);
  report->note (report, text);
  store_log (store, run->problems->len ? PTN_LOG_ERROR : PTN_LOG_INFO, "store.verified", "result",
             text, NULL, NULL);
  return run->problems->len ? PTN_E_CORRUPT : PTN_OK;
}

static bool
sum_segment (void *argument, const uint8_t *key, size_t key_size, const uint8_t *value,
             size_t size) {
  struct segment_row *sum = argument, row;

  if (segment_row_get (READER (value, size), &row)) {
    sum->live += row.live;
    sum->dead += row.dead;
  }
  return true;
}

static ptn_status
stats_row (struct shard *shard, struct ptn_call *call, struct ptn_report *report) {
  struct index *index = &shard->index;
  struct segment_row sum = { 0, 0 };
  struct key from = { 1, { KEY_SEGMENT } }, end = { 1, { KEY_SEGMENT + 1 } };
  g_autoptr (GPtrArray) columns = g_ptr_array_new_with_free_func (g_free);

  index_scan (index, NULL, &from, &end, SIZE_MAX, sum_segment, &sum);
  pthread_rwlock_rdlock (&index->lock);
  g_ptr_array_add (columns, g_strdup_printf ("%02u", shard->number));
  g_ptr_array_add (columns, g_strdup (atomic_load (&shard->failed)    ? "failed"
                                      : atomic_load (&index->corrupt) ? "corrupt"
                                                                      : "good"));
  g_ptr_array_add (columns, g_strdup_printf ("%u", index->position.segment));
  g_ptr_array_add (columns, g_strdup_printf ("%" PRIu64, index->position.lsn));
  g_ptr_array_add (columns, g_strdup_printf ("%" PRIu64, sum.live));
  g_ptr_array_add (columns, g_strdup_printf ("%" PRIu64, sum.dead));
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
  struct run *run;
  ptn_status status;

  call->cancel = NULL;
  if (!call->state && (status = run_begin (store, call, arguments)) != PTN_OK)
    return status;
  run = call->state;
  g_assert (run);
  for (; run->shard < store->shard_count; run->shard++) {
    status = stats_row (&store->shards[run->shard], call, report);
    if (status == PTN_PENDING)
      call->cancel = run_free;
    if (status != PTN_OK)
      return status;
  }
  return PTN_OK;
}

static const struct ptn_control verify = {
  .size = sizeof verify,
  .flags = PTN_CONTROL_OFFLINE,
  .name = "store verify",
  .arguments = "",
  .help = "Checks every record, row and count of the store, and lists what is wrong.",
  .columns = "shard where problem",
  .run = verify_run,
};

static const struct ptn_control stats = {
  .size = sizeof stats,
  .flags = PTN_CONTROL_OFFLINE,
  .name = "store stats",
  .arguments = "",
  .help = "Shows the state of each shard.",
  .columns =
      "shard state segment lsn live-octets dead-octets index-rows overlay-rows checkpoint-lsn",
  .run = stats_run,
};

ptn_status
control_provide (const struct ptn_host *host, struct store **store) {
  ptn_status status = host->provide (host, PTN_CONTROL_ID, verify.name, &verify, store);

  return status == PTN_OK ? host->provide (host, PTN_CONTROL_ID, stats.name, &stats, store)
                          : status;
}
