/* SPDX-License-Identifier: GPL-3.0-or-later */
/* control_scrub.c - "store scrub": a whole pass now, as fast as the disk is. */
#include "control.h"

#include "scrub.h"

enum { TURN = 16 << 20 };

struct run {
  struct scrub *scrub;
  guint reported;
  bool over;
};

static void
run_free (void *state) {
  struct run *run = state;

  scrub_free (&run->scrub);
  g_free (run);
}

static ptn_status
report_problems (struct run *run, struct ptn_call *call, struct ptn_report *report) {
  while (run->reported < run->scrub->problems->len) {
    const struct scrub_problem *problem = run->scrub->problems->pdata[run->reported];
    char shard[16], uid[16] = "";
    const char *columns[] = { shard,
                              problem->where,
                              problem->what,
                              problem->account ? problem->account : "",
                              problem->mailbox ? problem->mailbox : "",
                              uid };
    ptn_status status;

    g_snprintf (shard, sizeof shard, "%02u", problem->shard);
    if (problem->account)
      g_snprintf (uid, sizeof uid, "%u", problem->uid);
    status = report->row (report, call->task, columns, G_N_ELEMENTS (columns));
    if (status == PTN_PENDING)
      call->cancel = run_free;
    if (status != PTN_OK)
      return status;
    run->reported++;
  }
  return PTN_OK;
}

static ptn_status
scrub_run (void *instance, struct ptn_call *call, struct ptn_strings arguments,
           struct ptn_bytes secret, struct ptn_report *report) {
  struct store *store = *(struct store **)instance;
  g_autofree char *text = NULL;
  struct run *run = call->state;
  ptn_status status;

  call->cancel = NULL;
  if (!run) {
    status = control_no_arguments (store, call, arguments);
    if (status != PTN_OK)
      return status;
    run = call->state = g_new0 (struct run, 1);
    run->scrub = scrub_new (store, 0, 0);
    call->release = run_free;
  }
  status = report_problems (run, call, report);
  if (status != PTN_OK)
    return status;
  if (!run->over) {
    store->host->blocking (call->task, 1);
    run->over = !scrub_step (run->scrub, TURN);
    store->host->blocking (call->task, 0);
    report->progress (report, run->scrub->done, run->scrub->total, "octets");
    return control_again (store, call, run_free);
  }
  scrubber_done (store, run->scrub->problems->len);
  if (run->scrub->passed_over > 0)
    report->note (report, "shards whose index is being made anew were passed over");
  text = g_strdup_printf ("%" PRIu64 " octets read: %u problems", run->scrub->done,
                          run->scrub->problems->len);
  report->note (report, text);
  store_log (store, run->scrub->problems->len ? PTN_LOG_ERROR : PTN_LOG_INFO, "store.scrubbed",
             "result", text, NULL, NULL);
  return run->scrub->problems->len ? PTN_E_CORRUPT : PTN_OK;
}

const struct ptn_control control_scrub = {
  .size = sizeof control_scrub,
  .flags = PTN_CONTROL_OFFLINE,
  .name = "store scrub",
  .arguments = "",
  .help = "Reads all that is on disk and checks it, and names the messages that are damaged.",
  .columns = "shard where problem account mailbox uid",
  .run = scrub_run,
};
