/* SPDX-License-Identifier: Apache-2.0 */
/* hub.h - who waits for which events: publish, subscribe, occurred, unsubscribe of struct ptn_host.
 *
 * The hub is a table of subscriptions, and nothing else: it has no thread and no queue.  Whoever
 * publishes writes into the subscriptions of the account and of the mailbox, merged with what is
 * there already, and wakes their tasks.  Ownership: the loader (or the test harness) has the hub;
 * a subscription belongs to the task that asked for it, until event_unsubscribe.
 *
 * It knows tasks only through the functions of its settings, so that the harness of the unit
 * tests, whose tasks are threads, uses the same hub. */
#ifndef HOST_EVENT_HUB_H
#define HOST_EVENT_HUB_H

#include <postern/host.h>

#include <stdbool.h>

struct event_hub;

enum {
  EVENT_ROWS = 32,      /* mailboxes that a subscription remembers before it is "look everywhere" */
  EVENT_PER_TASK = 2048 /* subscriptions of one task */
};

struct event_hub_settings {
  struct ptn_waker *(*waker) (struct ptn_task *);
  void (*wake) (struct ptn_waker *);
  void (*forget) (struct ptn_waker *);
  bool (*charge) (struct ptn_task *, size_t octets); /* NULL: memory is not counted */
  void (*refund) (struct ptn_task *, size_t octets);
  unsigned per_task; /* 0: EVENT_PER_TASK */
};
struct event_hub *event_hub_new (const struct event_hub_settings *);
/* No task and no publisher may be left; subscriptions that nobody ended are freed. */
void event_hub_free (struct event_hub **);

/* As struct ptn_host has them, where the contract is. */
void event_publish (struct event_hub *, const struct ptn_event *); /* [any] */
ptn_status event_subscribe (struct event_hub *, struct ptn_task *, const char *account,
                            const struct ptn_id *mailbox, uint32_t kinds,
                            struct ptn_subscription **); /* [task] */
ptn_status event_occurred (struct ptn_subscription *, struct ptn_happening *rows, size_t room,
                           size_t *count);          /* [task] */
void event_unsubscribe (struct ptn_subscription *); /* [task]; NULL is fine */

/* Subscriptions that there are. [any] */
unsigned event_hub_count (const struct event_hub *);

#endif
