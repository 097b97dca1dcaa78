/* SPDX-License-Identifier: Apache-2.0 */
/* subscribe.c - SUBSCRIBE, UNSUBSCRIBE (RFC 9051 section 6.3.7 and 6.3.8). */
#include "commands.h"
#include "mailbox/gone.h"
#include "mailbox/names.h"

struct subscription {
  const char *name;
  struct ptn_mailbox_name mailbox;
  ptn_status status; /* UNSUBSCRIBE: what the store said of a mailbox of this name */
  struct gone *gone;
};

static void
subscription_free (struct session *s, void *work) {
  struct subscription *subscription = work;
  gone_free (s, subscription->gone);
  g_free (subscription);
}

static struct subscription *
subscription_read (struct session *s, struct reader *r) {
  const char *name = NULL;
  if (!reader_space (r) || !(name = reader_mailbox (r)) || !reader_end (r)) {
    answer_syntax (s, r);
    return NULL;
  }
  struct subscription *subscription = g_new0 (struct subscription, 1);
  subscription->name = name;
  s->work = subscription;
  s->work_free = subscription_free;
  if (mailbox_of (s, name, &subscription->mailbox))
    return subscription;
  answer_no (s, "NONEXISTENT", "no such mailbox");
  return NULL;
}

static ptn_status
subscribe (struct session *s) {
  struct subscription *subscription = s->work;
  ptn_status status =
      s->imap4->store->subscribe (s->user->account, &s->call, subscription->mailbox, 1);
  if (status == PTN_PENDING)
    return status;
  if (status == PTN_OK)
    answer_ok (s, NULL, "SUBSCRIBE completed");
  else
    answer_failure (s, status, "no such mailbox");
  return PTN_OK;
}

void
command_subscribe (struct session *s, struct reader *r) {
  if (subscription_read (s, r))
    s->resume = subscribe;
}

/* The name may also be one of a mailbox that was deleted. */
static ptn_status
forget_gone (struct session *s) {
  struct subscription *subscription = s->work;
  bool known = subscription->status == PTN_OK;
  if (!subscription->gone)
    subscription->gone = gone_new (subscription->name, false);
  ptn_status status = gone_run (s, subscription->gone);
  if (status == PTN_PENDING)
    return status;
  known |= gone_changed (subscription->gone);
  if (status != PTN_OK)
    answer_failure (s, status, "the subscription cannot be taken back now");
  else if (known)
    answer_ok (s, NULL, "UNSUBSCRIBE completed");
  else
    answer_failure (s, subscription->status, "no such mailbox");
  return PTN_OK;
}

static ptn_status
unsubscribe (struct session *s) {
  struct subscription *subscription = s->work;
  ptn_status status =
      s->imap4->store->subscribe (s->user->account, &s->call, subscription->mailbox, 0);
  if (status == PTN_PENDING)
    return status;
  s->imap4->host->call_end (&s->call);
  subscription->status = status;
  if (status == PTN_OK || status == PTN_E_NOT_FOUND || status == PTN_E_DENIED)
    s->resume = forget_gone;
  else
    answer_failure (s, status, "the subscription cannot be taken back now");
  return PTN_OK;
}

void
command_unsubscribe (struct session *s, struct reader *r) {
  if (subscription_read (s, r))
    s->resume = unsubscribe;
}
