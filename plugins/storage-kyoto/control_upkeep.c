/* SPDX-License-Identifier: GPL-3.0-or-later */
/* control_upkeep.c - "store compact" and "store rebuild": the work is done by threads of the store's
 * own; the commands ask for it, one shard after the other, and look how far it is. */
#include "control.h"

#include "compact.h"
#include "rebuild.h"

enum { LOOK_MS = 50 };

struct run {
  uint32_t shard, last; /* in hand, and the last one to be done */
  bool waiting;         /* the one in hand was asked for */
  uint64_t count;       /* of rebuilds, before */
  uint32_t failed;
  bool lost; /* a rebuild did without something that is damaged */
};

/* "[SHARD]": a number; without it, all of them. */
static ptn_status
run_begin (struct store *store, struct ptn_call *call, struct ptn_strings arguments) {
  uint64_t first = 0, last = store->shard_count - 1;
  struct run *run;

  if (arguments.count > 1)
    return store->host->fail (call->task, PTN_E_INVALID, "this command takes one argument at most",
                              "arguments");
  if (arguments.count == 1) {
    char *end;

    first = last = g_ascii_strtoull (arguments.items[0], &end, 10);
    if (!g_ascii_isdigit (arguments.items[0][0]) || *end != '\0' || first >= store->shard_count) {
      g_autofree char *text =
          g_strdup_printf ("there is no such shard: they are 0 to %u", store->shard_count - 1);

      return store->host->fail (call->task, PTN_E_INVALID, text, "arguments");
    }
  }
  run = g_new0 (struct run, 1);
  run->shard = (uint32_t)first;
  run->last = (uint32_t)last;
  call->state = run;
  call->release = g_free;
  return PTN_OK;
}

static ptn_status
look_again (struct store *store, struct ptn_call *call) {
  const struct ptn_host *host = store->host;

  host->wake_at (host->waker (call->task), host->monotonic_ns () + LOOK_MS * 1000000);
  call->cancel = g_free;
  return PTN_PENDING;
}

static ptn_status
row (struct ptn_call *call, struct ptn_report *report, uint32_t shard, const uint64_t *numbers,
     size_t count) {
  g_autoptr (GPtrArray) columns = g_ptr_array_new_with_free_func (g_free);
  ptn_status status;

  g_ptr_array_add (columns, g_strdup_printf ("%02u", shard));
  for (size_t i = 0; i < count; i++)
    g_ptr_array_add (columns, g_strdup_printf ("%" PRIu64, numbers[i]));
  status = report->row (report, call->task, (const char *const *)columns->pdata, columns->len);
  if (status == PTN_PENDING)
    call->cancel = g_free;
  return status;
}

static void
note_failure (struct run *run, struct ptn_report *report, const char *what) {
  g_autofree char *text =
      g_strdup_printf ("shard %02u could not be %s: the log says why", run->shard, what);

  report->note (report, text);
  run->failed++;
}

/* Goes on with the next shard. */
static void
next (struct run *run) {
  run->waiting = false;
  run->shard++;
}

static ptn_status
end (struct store *store, struct ptn_call *call, const struct run *run) {
  if (run->failed == 0)
    return PTN_OK;
  return store->host->fail (call->task, PTN_E_TEMPORARY, "not all could be done",
                            "%u shards failed", run->failed);
}

static ptn_status
compact_run (void *instance, struct ptn_call *call, struct ptn_strings arguments,
             struct ptn_bytes secret, struct ptn_report *report) {
  struct store *store = *(struct store **)instance;
  struct run *run;
  ptn_status status;

  call->cancel = NULL;
  if (!call->state && (status = run_begin (store, call, arguments)) != PTN_OK)
    return status;
  run = call->state;
  g_assert (run);
  while (run->shard <= run->last) {
    struct compact_state state;

    if (!run->waiting) {
      compact_ask (&store->shards[run->shard]);
      run->waiting = true;
    }
    compact_look (&store->shards[run->shard], &state);
    report->progress (report, state.done, MAX (state.total, 1), "octets moved");
    if (state.asked)
      return look_again (store, call);
    if (state.status != PTN_OK)
      note_failure (run, report, "compacted");
    else {
      const uint64_t numbers[] = { state.result.before, state.result.after, state.result.removed,
                                   state.result.moved };

      status = row (call, report, run->shard, numbers, G_N_ELEMENTS (numbers));
      if (status != PTN_OK)
        return status;
    }
    next (run);
  }
  return end (store, call, run);
}

static ptn_status
rebuild_run (void *instance, struct ptn_call *call, struct ptn_strings arguments,
             struct ptn_bytes secret, struct ptn_report *report) {
  struct store *store = *(struct store **)instance;
  struct rebuild_state state;
  struct run *run;
  ptn_status status;

  call->cancel = NULL;
  if (!call->state && (status = run_begin (store, call, arguments)) != PTN_OK)
    return status;
  run = call->state;
  g_assert (run);
  for (; run->shard <= run->last; next (run)) {
    struct shard *shard = &store->shards[run->shard];

    rebuild_look (shard, &state);
    if (!run->waiting) {
      run->count = state.count;
      if (!rebuild_ask (shard, NULL)) {
        note_failure (run, report, "rebuilt");
        continue;
      }
      run->waiting = true;
      rebuild_look (shard, &state);
    }
    report->progress (report, MIN (state.done, state.total), MAX (state.total, 1), "octets");
    if (state.running || state.count == run->count)
      return look_again (store, call);
    if (state.status != PTN_OK)
      note_failure (run, report, "rebuilt");
    else {
      const uint64_t numbers[] = { state.done, state.lost, (uint64_t)state.milliseconds };

      run->lost |= state.lost > 0;
      status = row (call, report, run->shard, numbers, G_N_ELEMENTS (numbers));
      if (status != PTN_OK)
        return status;
    }
  }
  status = end (store, call, run);
  if (status == PTN_OK && run->lost)
    return store->host->fail (call->task, PTN_E_CORRUPT,
                              "records or rows are damaged and were lost; the log tells which",
                              "lost");
  return status;
}

const struct ptn_control control_compact = {
  .size = sizeof control_compact,
  .flags = PTN_CONTROL_OFFLINE,
  .name = "store compact",
  .arguments = "[SHARD]",
  .help = "Gives back the disk space of expunged mail.",
  .columns = "shard octets-before octets-after segments-removed octets-moved",
  .run = compact_run,
};

const struct ptn_control control_rebuild = {
  .size = sizeof control_rebuild,
  .flags = PTN_CONTROL_OFFLINE,
  .name = "store rebuild",
  .arguments = "[SHARD]",
  .help = "Makes the index of a shard, or of all, anew; what is being rebuilt refuses everything "
          "meanwhile.",
  .columns = "shard octets-read lost milliseconds",
  .run = rebuild_run,
};
