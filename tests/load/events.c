/* SPDX-License-Identifier: Apache-2.0 */
/* events.c - what one plugin publishes reaches a task of another, through the tables they were
 * given. */
#include "load/internal.h"
#include "support.h"

#include <stdatomic.h>

static const struct ptn_id inbox = { { 7 } };

struct waiting {
  const struct ptn_host *host;
  struct ptn_subscription *subscription;
  _Atomic unsigned kinds; /* of all that was told */
  _Atomic bool listens, done;
};

static ptn_status
wait_for_mail (void *argument, struct ptn_task *task) {
  struct waiting *waiting = argument;
  struct ptn_happening row;
  size_t count;
  if (!waiting->subscription) {
    if (waiting->host->subscribe (task, "anna", &inbox, PTN_MESSAGE_NEW | PTN_MESSAGE_EXPUNGE,
                                  &waiting->subscription)
        != PTN_OK)
      return PTN_E_INVALID;
    waiting->listens = true;
  }
  while (waiting->host->occurred (waiting->subscription, &row, 1, &count) == PTN_OK)
    atomic_fetch_or (&waiting->kinds, row.kinds);
  if (!(waiting->kinds & PTN_MESSAGE_EXPUNGE))
    return PTN_PENDING;
  waiting->host->unsubscribe (waiting->subscription);
  return PTN_END;
}

static void
waited (void *argument) {
  ((struct waiting *)argument)->done = true;
}

static void
publish (const struct ptn_host *host, uint32_t kinds) {
  struct ptn_event event = {
    .size = sizeof event, .kinds = kinds, .account = "anna", .mailbox = inbox, .modseq = 5
  };
  host->publish (host, &event);
}

#define AWAIT(condition)                        \
  for (int ms_ = 0; !(condition); ms_++) {      \
    if (ms_ > 20000)                            \
      fail_msg ("waited in vain: " #condition); \
    g_usleep (1000);                            \
  }

static void
from_plugin_to_plugin (void **state) {
  struct bench bench = { 0 };
  assert_true (bench_load (&bench, "[plugin probe]\n[plugin other]\n" LISTEN, NULL));
  const struct ptn_host *store = &bench.loader->plugins[0].host.table;
  const struct ptn_host *protocol = &bench.loader->plugins[1].host.table;
  assert_true (PTN_CAN (store, publish) && PTN_CAN (protocol, unsubscribe));
  assert_true (loader_start (bench.loader, bench.errors));
  publish (store, PTN_MESSAGE_NEW); /* nobody listens yet */
  struct waiting waiting = { .host = protocol };
  assert_int_equal (protocol->spawn (protocol, "waiting", wait_for_mail, waited, &waiting, NULL),
                    PTN_OK);
  AWAIT (waiting.listens);
  publish (store, PTN_FLAGS_CHANGE); /* not asked for */
  publish (store, PTN_MESSAGE_NEW);
  AWAIT (waiting.kinds == PTN_MESSAGE_NEW);
  publish (store, PTN_MESSAGE_EXPUNGE | PTN_QUOTA_CHANGE);
  AWAIT (waiting.done);
  assert_int_equal (waiting.kinds, PTN_MESSAGE_NEW | PTN_MESSAGE_EXPUNGE);
  bench_end (&bench);
}

int
main (void) {
  const struct CMUnitTest tests[] = { cmocka_unit_test (from_plugin_to_plugin) };
  return cmocka_run_group_tests_name ("load_events", tests, NULL, NULL);
}
