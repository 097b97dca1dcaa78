/* SPDX-License-Identifier: Apache-2.0 */
/* waiting.c - faults of PENDING, of calls given up, and of several tasks at once. */
#include "faulty.h"

#include <stdatomic.h>

#define DELIVER(name)                                                                   \
  static ptn_status name (void *i, struct ptn_call *c, const struct ptn_append *append, \
                          const struct ptn_target *targets, size_t count,               \
                          struct ptn_delivered *results)
#define APPEND(name)                                                                              \
  static ptn_status name (struct ptn_change *change, struct ptn_call *c, const struct ptn_id *id, \
                          const struct ptn_append *append)
#define COMMIT(name) static ptn_status name (struct ptn_change *change, struct ptn_call *c)
#define STATUS(name)                                                                            \
  static ptn_status name (struct ptn_account *a, struct ptn_call *c, struct ptn_mailbox_name n, \
                          const struct ptn_mailbox **result)

/* --- PENDING ------------------------------------------------------------------------------------ */

DELIVER (deliver_impatient) {
  ptn_status status = good.deliver (i, c, append, targets, count, results);
  return status == PTN_PENDING ? PTN_E_TEMPORARY : status;
}

/* Each call delivers something. */
DELIVER (deliver_each_call) {
  static struct ptn_call *last;
  if (last != c) {
    last = c;
    deliver_now (c, targets[0].account, "again\r\n");
    host->wake (host->waker (c->task));
    return PTN_PENDING;
  }
  last = NULL;
  return good.deliver (i, c, append, targets, count, results);
}

/* Takes any wake for its own. */
DELIVER (deliver_believes_wakes) {
  static struct ptn_call *last;
  static int64_t until;
  if (last != c) {
    last = c;
    until = host->monotonic_ns () + 500000000;
    host->wake_at (host->waker (c->task), until);
    return PTN_PENDING;
  }
  if (host->monotonic_ns () < until)
    return PTN_E_TEMPORARY;
  return good.deliver (i, c, append, targets, count, results);
}

static ptn_status
quota_without_wake (struct ptn_account *a, struct ptn_call *c, const struct ptn_quota **result) {
  static struct ptn_call *last;
  if (last != c) {
    last = c;
    return PTN_PENDING;
  }
  return good.quota (a, c, result);
}

DELIVER (deliver_without_cancel) {
  ptn_status status = good.deliver (i, c, append, targets, count, results);
  if (status == PTN_PENDING)
    c->cancel = NULL;
  return status;
}

/* --- given up ------------------------------------------------------------------------------------- */

static void
crash (void *state) {
  abort ();
}

/* PENDING once; true then.  Given up, it crashes. */
static bool
wait_once (struct ptn_call *c) {
  static char mark;
  if (c->state == &mark) {
    c->state = NULL;
    c->cancel = NULL;
    return false;
  }
  c->state = &mark;
  c->cancel = crash;
  host->wake (host->waker (c->task));
  return true;
}

DELIVER (deliver_half) {
  static struct ptn_call *last;
  ptn_status status = good.deliver (i, c, append, targets, count, results);
  if (status == PTN_PENDING && last != c) {
    last = c;
    deliver_now (c, targets[0].account, "0123");
  }
  return status;
}

APPEND (append_half) {
  ptn_status status = good.append (change, c, id, append);
  if (status == PTN_PENDING)
    deliver_now (c, "ann@example.test", "0123");
  return status;
}

/* The first call does one half, the second the other. */
COMMIT (commit_half) {
  static struct ptn_change *last;
  deliver_now (c, "ann@example.test", "a\r\n");
  if (last != change) {
    last = change;
    host->wake (host->waker (c->task));
    return PTN_PENDING;
  }
  last = NULL;
  return PTN_OK;
}

static struct ptn_change *unfinished;

COMMIT (commit_slow) {
  if (unfinished != change) {
    unfinished = change;
    host->wake (host->waker (c->task));
    return PTN_PENDING;
  }
  unfinished = NULL;
  return good.commit (change, c);
}

static void
close_finished (struct ptn_account *a) {
  if (unfinished)
    abort ();
  good.close (a);
}

STATUS (status_given_up) {
  return wait_once (c) ? PTN_PENDING : good.status (a, c, n, result);
}

static ptn_status
next_given_up (struct ptn_cursor *cursor, struct ptn_call *c, const struct ptn_message **rows,
               size_t room, size_t *count) {
  *count = 0;
  return wait_once (c) ? PTN_PENDING : good.next_messages (cursor, c, rows, room, count);
}

static ptn_status
create_given_up (struct ptn_account *a, struct ptn_call *c, struct ptn_mailbox_name n,
                 uint32_t attributes) {
  return wait_once (c) ? PTN_PENDING : good.create (a, c, n, attributes);
}

static ptn_status
rights_given_up (struct ptn_account *a, struct ptn_call *c, const struct ptn_id *id,
                 const struct ptn_rights **entries, size_t *count) {
  return wait_once (c) ? PTN_PENDING : good.rights (a, c, id, entries, count);
}

static struct ptn_call *given_up;
static struct ptn_call *waiting;

static void
note_given_up (void *state) {
  given_up = waiting;
}

STATUS (status_remembers) {
  static char mark;
  if (given_up == c)
    return PTN_E_CANCELLED;
  if (c->state != &mark) {
    waiting = c;
    c->state = &mark;
    c->cancel = note_given_up;
    host->wake (host->waker (c->task));
    return PTN_PENDING;
  }
  c->state = NULL;
  c->cancel = NULL;
  return good.status (a, c, n, result);
}

DELIVER (deliver_not_cancelled) {
  if (host->cancelled (c->task))
    return PTN_E_CORRUPT;
  return good.deliver (i, c, append, targets, count, results);
}

/* --- at once ------------------------------------------------------------------------------------- */

DELIVER (deliver_shared_uids) {
  ptn_status status = good.deliver (i, c, append, targets, count, results);
  for (size_t t = 1; status == PTN_OK && t < count; t++)
    results[t].uid = results[t].uid / 2 + 1;
  return status;
}

COMMIT (commit_lost_now_and_then) {
  static atomic_uint commits;
  return atomic_fetch_add (&commits, 1) % 50 == 49 ? PTN_OK : good.commit (change, c);
}

static ptn_status
flags_in_any_case (struct ptn_change *change, struct ptn_call *c, const struct ptn_id *id,
                   struct ptn_uid_set uids, ptn_flag_mode mode, ptn_flag_bits bits,
                   uint64_t since) {
  return good.set_flags (change, c, id, uids, mode, bits, UINT64_MAX);
}

static ptn_status
create_all_win (struct ptn_account *a, struct ptn_call *c, struct ptn_mailbox_name n,
                uint32_t attributes) {
  ptn_status status = good.create (a, c, n, attributes);
  return status == PTN_E_EXISTS ? PTN_OK : status;
}

static ptn_status
begin_without_token (struct ptn_account *a, struct ptn_call *c, const struct ptn_id *token,
                     struct ptn_change **change) {
  return good.begin (a, c, NULL, change);
}

static ptn_status
set_quota_nothing (struct ptn_account *a, struct ptn_call *c, const struct ptn_quota *limits) {
  return PTN_OK;
}

static __thread bool begun_here;

static ptn_status
begin_in_thread (struct ptn_account *a, struct ptn_call *c, const struct ptn_id *token,
                 struct ptn_change **change) {
  begun_here = true;
  return good.begin (a, c, token, change);
}

COMMIT (commit_in_thread) {
  return begun_here ? good.commit (change, c) : PTN_E_INVALID;
}

const struct fault waiting_faults[] = {
  FAULT ("pending.source", "is an error", deliver, deliver_impatient),
  FAULT ("pending.called-too-often", "each call delivers", deliver, deliver_each_call),
  FAULT ("pending.woken-too-often", "any wake is taken for the own", deliver,
         deliver_believes_wakes),
  FAULT ("pending.wake", "is lost", quota, quota_without_wake),
  FAULT ("pending.cancel-is-set", "is not", deliver, deliver_without_cancel),
  FAULT ("cancel.deliver", "half of it is kept", deliver, deliver_half),
  FAULT ("cancel.append", "half of it is kept", append, append_half),
  FAULT ("cancel.commit", "half of it is kept", commit, commit_half),
  FAULT ("cancel.close-account", "crashes", commit, commit_slow),
  FAULT ("cancel.close-account", "crashes", close, close_finished),
  FAULT ("cancel.reads", "crashes", status, status_given_up),
  FAULT ("cancel.cursor", "crashes", next_messages, next_given_up),
  FAULT ("cancel.mailboxes", "crashes", create, create_given_up),
  FAULT ("cancel.sharing", "crashes", rights, rights_given_up),
  FAULT ("cancel.call-reused", "is still given up", status, status_remembers),
  FAULT ("cancel.task", "PTN_E_CORRUPT", deliver, deliver_not_cancelled),
  FAULT ("threads.accounts", "UIDs are given twice", deliver, deliver_shared_uids),
  FAULT ("threads.one-mailbox", "a commit is lost now and then", commit, commit_lost_now_and_then),
  FAULT ("threads.unchanged-since", "all win", set_flags, flags_in_any_case),
  FAULT ("threads.create", "all win", create, create_all_win),
  FAULT ("threads.token", "is not looked at", begin, begin_without_token),
  FAULT ("threads.quota", "has no limit", set_quota, set_quota_nothing),
  FAULT_EVENTS ("threads.events", "is not told", PTN_MESSAGE_NEW),
  FAULT ("threads.moved-task", "a change is bound to its thread", begin, begin_in_thread),
  FAULT ("threads.moved-task", "a change is bound to its thread", commit, commit_in_thread),
  { NULL, NULL, SIZE_MAX, NULL, 0, 0 },
};
