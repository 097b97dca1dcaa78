/* SPDX-License-Identifier: Apache-2.0 */
/* event_hub.c - what a subscription is told: merging, kinds, whose events, too many of them.  The
 * tasks here are counters of wakes. */
#include "engine_test.h"

#include "event/hub.h"

#include <string.h>

struct ptn_task {
  unsigned wakers, wakes; /* wakers that are out; wakes that came */
  size_t memory, memory_limit;
};

static struct ptn_waker *
fake_waker (struct ptn_task *task) {
  task->wakers++;
  return (struct ptn_waker *)task;
}

static void
fake_forget (struct ptn_waker *waker) {
  ((struct ptn_task *)waker)->wakers--;
}

static void
fake_wake (struct ptn_waker *waker) {
  ((struct ptn_task *)waker)->wakes++;
  fake_forget (waker);
}

static bool
fake_charge (struct ptn_task *task, size_t octets) {
  if (task->memory + octets > task->memory_limit)
    return false;
  task->memory += octets;
  return true;
}

static void
fake_refund (struct ptn_task *task, size_t octets) {
  task->memory -= octets;
}

static struct event_hub *
hub_new (unsigned per_task) {
  return event_hub_new (&(struct event_hub_settings){ fake_waker, fake_wake, fake_forget,
                                                      fake_charge, fake_refund, per_task });
}

#define TASK \
  { .memory_limit = 1000000 }

static struct ptn_id
id_of (unsigned number) {
  struct ptn_id id = { { 1 } };
  memcpy (id.octets + 8, &number, sizeof number);
  return id;
}

static void
publish (struct event_hub *hub, const char *account, unsigned mailbox, uint32_t kinds,
         uint64_t modseq, const struct ptn_task *origin) {
  struct ptn_event event = {
    .size = sizeof event, .kinds = kinds, .account = account, .modseq = modseq, .origin = origin
  };
  if (mailbox)
    event.mailbox = id_of (mailbox);
  event_publish (hub, &event);
}

static struct ptn_subscription *
subscribe (struct event_hub *hub, struct ptn_task *task, const char *account, unsigned mailbox,
           uint32_t kinds) {
  struct ptn_subscription *subscription = NULL;
  struct ptn_id id = id_of (mailbox);
  assert_int_equal (event_subscribe (hub, task, account, mailbox ? &id : NULL, kinds,
                                     &subscription),
                    PTN_OK);
  assert_non_null (subscription);
  return subscription;
}

static void
assert_row (const struct ptn_happening *row, unsigned mailbox, uint32_t kinds, uint64_t modseq) {
  struct ptn_id id = { { 0 } };
  if (mailbox)
    id = id_of (mailbox);
  assert_memory_equal (&row->mailbox, &id, sizeof id);
  assert_int_equal (row->kinds, kinds);
  assert_int_equal (row->modseq, modseq);
}

static void
assert_nothing (struct ptn_subscription *subscription) {
  struct ptn_happening row;
  size_t count = 1;
  assert_int_equal (event_occurred (subscription, &row, 1, &count), PTN_PENDING);
  assert_int_equal (count, 0);
}

static void
events_are_merged (void **state) {
  struct event_hub *hub = hub_new (0);
  struct ptn_task task = TASK;
  struct ptn_subscription *all = subscribe (hub, &task, "anna", 0, UINT32_MAX);
  struct ptn_happening rows[4];
  size_t count;
  assert_nothing (all);
  publish (hub, "anna", 7, PTN_MESSAGE_NEW, 5, NULL);
  assert_int_equal (task.wakes, 1);
  publish (hub, "anna", 7, PTN_FLAGS_CHANGE, 9, NULL);
  publish (hub, "anna", 8, PTN_MESSAGE_EXPUNGE, 2, NULL);
  publish (hub, "anna", 7, PTN_MESSAGE_NEW, 8, NULL);
  publish (hub, "anna", 0, PTN_QUOTA_CHANGE, 0, NULL);
  assert_int_equal (task.wakes, 1); /* it knows already */
  assert_int_equal (event_occurred (all, rows, 4, &count), PTN_OK);
  assert_int_equal (count, 3);
  assert_row (&rows[0], 7, PTN_MESSAGE_NEW | PTN_FLAGS_CHANGE, 9);
  assert_row (&rows[1], 8, PTN_MESSAGE_EXPUNGE, 2);
  assert_row (&rows[2], 0, PTN_QUOTA_CHANGE, 0);
  assert_nothing (all);
  publish (hub, "anna", 8, PTN_MESSAGE_EXPUNGE, 3, NULL);
  assert_int_equal (task.wakes, 2);
  assert_int_equal (event_occurred (all, rows, 4, &count), PTN_OK);
  assert_int_equal (count, 1);
  assert_row (&rows[0], 8, PTN_MESSAGE_EXPUNGE, 3);
  event_unsubscribe (all);
  assert_int_equal (task.wakers, 0);
  assert_int_equal (task.memory, 0);
  assert_int_equal (event_hub_count (hub), 0);
  event_hub_free (&hub);
}

/* The rest of what did not fit is told later, and the task runs again for it. */
static void
rows_come_in_pieces (void **state) {
  struct event_hub *hub = hub_new (0);
  struct ptn_task task = TASK;
  struct ptn_subscription *all = subscribe (hub, &task, "anna", 0, UINT32_MAX);
  struct ptn_happening rows[2];
  size_t count;
  for (unsigned mailbox = 1; mailbox <= 3; mailbox++)
    publish (hub, "anna", mailbox, PTN_MESSAGE_NEW, mailbox, NULL);
  assert_int_equal (task.wakes, 1);
  assert_int_equal (event_occurred (all, rows, 2, &count), PTN_OK);
  assert_int_equal (count, 2);
  assert_int_equal (task.wakes, 2);
  assert_row (&rows[1], 2, PTN_MESSAGE_NEW, 2);
  publish (hub, "anna", 2, PTN_MESSAGE_NEW, 9, NULL);
  assert_int_equal (event_occurred (all, rows, 2, &count), PTN_OK);
  assert_int_equal (count, 2);
  assert_row (&rows[0], 3, PTN_MESSAGE_NEW, 3);
  assert_row (&rows[1], 2, PTN_MESSAGE_NEW, 9);
  assert_nothing (all);
  event_unsubscribe (all);
  event_hub_free (&hub);
}

static void
too_many_mailboxes_are_everywhere (void **state) {
  struct event_hub *hub = hub_new (0);
  struct ptn_task task = TASK;
  struct ptn_subscription *all = subscribe (hub, &task, "anna", 0, PTN_MESSAGE_NEW);
  struct ptn_happening rows[EVENT_ROWS + 1];
  size_t count;
  for (int round = 0; round < 2; round++) {
    for (unsigned mailbox = 1; mailbox <= EVENT_ROWS; mailbox++)
      publish (hub, "anna", mailbox, PTN_MESSAGE_NEW, mailbox, NULL);
    assert_int_equal (event_occurred (all, rows, EVENT_ROWS + 1, &count), PTN_OK);
    assert_int_equal (count, EVENT_ROWS);
    for (unsigned mailbox = 1; mailbox <= EVENT_ROWS + 2; mailbox++)
      publish (hub, "anna", mailbox, PTN_MESSAGE_NEW, mailbox, NULL);
    assert_int_equal (event_occurred (all, rows, EVENT_ROWS + 1, &count), PTN_OK);
    assert_int_equal (count, 1);
    assert_row (&rows[0], 0, UINT32_MAX, 0);
    assert_nothing (all);
  }
  event_unsubscribe (all);
  event_hub_free (&hub);
}

static void
only_what_was_asked_for (void **state) {
  struct event_hub *hub = hub_new (0);
  struct ptn_task task = TASK, other = TASK;
  struct ptn_subscription *one = subscribe (hub, &task, "anna", 7, PTN_MESSAGE_NEW);
  struct ptn_subscription *public = subscribe (hub, &other, "", 0, PTN_FLAGS_CHANGE);
  struct ptn_happening row;
  size_t count;
  publish (hub, "anna", 8, PTN_MESSAGE_NEW, 1, NULL);   /* another mailbox */
  publish (hub, "anna", 7, PTN_FLAGS_CHANGE, 2, NULL);  /* another kind */
  publish (hub, "berta", 7, PTN_MESSAGE_NEW, 3, NULL);  /* another account */
  publish (hub, "anna", 0, PTN_ACCOUNT_CLOSE, 4, NULL); /* the account, not the mailbox */
  publish (hub, "anna", 7, PTN_MESSAGE_NEW, 5, &task);  /* its own */
  assert_int_equal (task.wakes, 0);
  assert_nothing (one);
  publish (hub, "", 7, PTN_FLAGS_CHANGE | PTN_MESSAGE_NEW, 6, &task);
  assert_int_equal (event_occurred (public, &row, 1, &count), PTN_OK);
  assert_row (&row, 7, PTN_FLAGS_CHANGE, 6);
  publish (hub, "anna", 7, PTN_FLAGS_CHANGE | PTN_MESSAGE_NEW, 7, &other);
  assert_int_equal (event_occurred (one, &row, 1, &count), PTN_OK);
  assert_row (&row, 7, PTN_MESSAGE_NEW, 7);
  event_unsubscribe (one);
  event_unsubscribe (public);
  event_hub_free (&hub);
}

/* Events as an author with a shorter header, or a careless one, makes them. */
static void
broken_events_are_passed_over (void **state) {
  struct event_hub *hub = hub_new (0);
  struct ptn_task task = TASK;
  struct ptn_subscription *all = subscribe (hub, &task, "anna", 0, UINT32_MAX);
  struct ptn_event event = { .size = 8, .kinds = PTN_MESSAGE_NEW, .account = "anna" };
  event_publish (hub, &event);
  event = (struct ptn_event){ .size = sizeof event, .kinds = PTN_MESSAGE_NEW };
  event_publish (hub, &event);
  event = (struct ptn_event){ .size = sizeof event, .account = "anna" };
  event_publish (hub, &event);
  assert_nothing (all);
  event_unsubscribe (all);
  event_unsubscribe (NULL);
  event_hub_free (&hub);
}

static void
subscriptions_are_limited (void **state) {
  struct event_hub *hub = hub_new (3);
  struct ptn_task task = TASK, poor = { .memory_limit = 2000 };
  struct ptn_subscription *some[3], *more;
  for (unsigned i = 0; i < 3; i++)
    some[i] = subscribe (hub, &task, "anna", i + 1, UINT32_MAX);
  size_t before = task.memory;
  assert_int_equal (event_subscribe (hub, &task, "anna", NULL, 1, &more), PTN_E_LIMIT);
  assert_null (more);
  assert_int_equal (task.memory, before);
  event_unsubscribe (some[1]);
  some[1] = subscribe (hub, &task, "anna", 0, UINT32_MAX);
  more = subscribe (hub, &poor, "anna", 0, 1); /* another task, but not much memory */
  struct ptn_subscription *none;
  assert_int_equal (event_subscribe (hub, &poor, "anna", NULL, 1, &none), PTN_E_LIMIT);
  assert_int_equal (event_subscribe (hub, &task, NULL, NULL, 1, &none), PTN_E_INVALID);
  assert_int_equal (event_subscribe (hub, &task, "anna", NULL, 0, &none), PTN_E_INVALID);
  for (unsigned i = 0; i < 3; i++)
    event_unsubscribe (some[i]);
  event_unsubscribe (more);
  assert_int_equal (task.memory + poor.memory, 0);
  assert_int_equal (task.wakers + poor.wakers, 0);
  event_hub_free (&hub);
}

static void
forgotten_ones_go_with_the_hub (void **state) {
  struct event_hub *hub = hub_new (0);
  struct ptn_task task = TASK;
  subscribe (hub, &task, "anna", 0, UINT32_MAX);
  subscribe (hub, &task, "anna", 0, UINT32_MAX);
  subscribe (hub, &task, "anna", 1, UINT32_MAX);
  for (unsigned mailbox = 1; mailbox < 4; mailbox++)
    publish (hub, "anna", mailbox, PTN_MESSAGE_NEW, 1, NULL);
  assert_int_equal (event_hub_count (hub), 3);
  event_hub_free (&hub);
  assert_int_equal (task.wakers, 0);
}

int
main (void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (events_are_merged),
    cmocka_unit_test (rows_come_in_pieces),
    cmocka_unit_test (too_many_mailboxes_are_everywhere),
    cmocka_unit_test (only_what_was_asked_for),
    cmocka_unit_test (broken_events_are_passed_over),
    cmocka_unit_test (subscriptions_are_limited),
    cmocka_unit_test (forgotten_ones_go_with_the_hub),
  };
  return cmocka_run_group_tests_name ("event_hub", tests, NULL, NULL);
}
