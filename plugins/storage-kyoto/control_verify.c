/* SPDX-License-Identifier: GPL-3.0-or-later */
/* control_verify.c - "store verify".
 *
 * It works in turns, a segment or the index of a shard each, so that it never holds a worker for
 * long; its state is a struct run in the call. */
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

  ptn_status status = control_no_arguments (store, call, arguments);

  if (status != PTN_OK)
    return status;
  run = g_new0 (struct run, 1);
  run->store = store;
  run->problems = g_ptr_array_new_with_free_func (problem_free);
  call->state = run;
  call->release = run_free;
  return PTN_OK;
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
    return control_again (store, call, run_free);
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

const struct ptn_control control_verify = {
  .size = sizeof control_verify,
  .flags = PTN_CONTROL_OFFLINE,
  .name = "store verify",
  .arguments = "",
  .help = "Checks every record, row and count of the store, and lists what is wrong.",
  .columns = "shard where problem",
  .run = verify_run,
};
