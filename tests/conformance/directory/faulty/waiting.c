/* SPDX-License-Identifier: Apache-2.0 */
/* waiting.c - faults of waiting, of results, of several threads. */
#include "faulty.h"

#define LATER_NS G_GINT64_CONSTANT (3000000)

#define LOGIN(name)                                                              \
  static ptn_status name (void *instance, struct ptn_call *c, const char *login, \
                          struct ptn_identity *identity)
#define GOOD_LOGIN good.parse_login (instance, c, login, identity)

struct delay {
  gint64 ends_ns;
};

static void
drop (void *state) {
  g_free (state);
}

static void
arm (struct ptn_call *c, struct delay *delay) {
  host->wake_at (host->waker (c->task), delay->ends_ns);
}

/* PENDING once.  NULL: the wait is over, or there was none. */
static struct delay *
begin_delay (struct ptn_call *c) {
  struct delay *delay = g_new (struct delay, 1);
  delay->ends_ns = host->monotonic_ns () + LATER_NS;
  c->state = delay;
  c->cancel = drop;
  arm (c, delay);
  return delay;
}

static void
end_delay (struct ptn_call *c) {
  g_free (c->state);
  c->state = NULL;
  c->cancel = NULL;
}

/* A second call before the wake is an error to it. */
LOGIN (believes_wakes) {
  struct delay *delay = c->cancel == drop ? c->state : NULL;
  if (!delay && !c->state)
    return begin_delay (c), PTN_PENDING;
  if (delay) {
    const bool early = host->monotonic_ns () < delay->ends_ns;
    end_delay (c);
    if (early)
      return PTN_E_CONFLICT;
  }
  return GOOD_LOGIN;
}

/* Waits, and has armed nobody. */
LOGIN (loses_a_wake) {
  if (c->cancel == drop) {
    end_delay (c);
    return GOOD_LOGIN;
  }
  c->state = g_new0 (struct delay, 1);
  c->cancel = drop;
  return PTN_PENDING;
}

/* Keeps state, and does not say how to get rid of it. */
LOGIN (forgets_cancel) {
  if (c->state && !c->release && !c->cancel) {
    end_delay (c);
    return GOOD_LOGIN;
  }
  begin_delay (c);
  c->cancel = NULL;
  return PTN_PENDING;
}

static gint given_up;

static void
give_up (void *state) {
  g_atomic_int_inc (&given_up);
  g_free (state);
}

/* One call that was given up, and nothing goes on. */
LOGIN (sulks) {
  if (g_atomic_int_get (&given_up))
    return PTN_E_TOO_MANY;
  if (c->cancel == give_up) {
    end_delay (c);
    return GOOD_LOGIN;
  }
  begin_delay (c);
  c->cancel = give_up;
  return PTN_PENDING;
}

/* One buffer for all answers. */
LOGIN (one_buffer) {
  static char authcid[512];
  const ptn_status status = GOOD_LOGIN;
  g_strlcpy (authcid, status == PTN_OK ? identity->authcid : "", sizeof authcid);
  if (status == PTN_OK)
    identity->authcid = identity->authzid = identity->account = authcid;
  return status;
}

/* Who came last is everybody. */
static ptn_status
mixes_up (void *instance, struct ptn_call *c, const struct ptn_sasl_request *request,
          const char *domain, const char *user, struct ptn_bytes password) {
  static const char *last;
  g_atomic_pointer_set (&last, user);
  g_usleep (500);
  return good_credentials.verify_password (instance, c, request, domain,
                                           g_atomic_pointer_get (&last), password);
}

static gint flushed;

static void
flush (void *instance, const char *name) {
  g_atomic_int_set (&flushed, 1);
}

static ptn_status
forgets_everything (void *instance, struct ptn_call *c, const struct ptn_sasl_request *request,
                    const char *domain, const char *user, struct ptn_bytes password) {
  if (g_atomic_int_compare_and_exchange (&flushed, 1, 0))
    return PTN_E_TEMPORARY;
  return good_credentials.verify_password (instance, c, request, domain, user, password);
}

const struct fault waiting_faults[] = {
  { "pending.called-too-often", "believes that it was woken", .parse_login = believes_wakes },
  { "pending.wake", "waits, and nobody wakes", .parse_login = loses_a_wake },
  { "pending.cancel-is-set", "cancel is not set", .parse_login = forgets_cancel },
  { "pending.given-up", "nothing goes on after a call was given up", .parse_login = sulks },
  { "pending.results", "results are in one buffer", .parse_login = one_buffer },
  { "pending.threads", "users of two tasks are mixed up", .verify_password = mixes_up },
  { "pending.flush", "after a flush nothing can be told", .verify_password = forgets_everything,
    .flush = flush },
  { NULL },
};
