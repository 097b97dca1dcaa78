/* SPDX-License-Identifier: Apache-2.0 */
/* session_limits.c - what a session counts for, and who it belongs to. */
#include "net/session.h"

#include <inttypes.h>
#include <string.h>

void
session_log_limit (struct session *s, const char *limit, uint64_t most) {
  char most_text[24], unlogged_text[16];
  unsigned unlogged;
  struct ptn_field fields[] = {
    { "limit", limit },
    { "most", most_text },
    { "suppressed", unlogged_text },
  };

  if (!net_logs (s->listener->net, PTN_LOG_WARNING) || !listener_may_log (s->listener, &unlogged))
    return;
  g_snprintf (most_text, sizeof most_text, "%" PRIu64, most);
  g_snprintf (unlogged_text, sizeof unlogged_text, "%u", unlogged);
  net_log (s->listener->net, PTN_LOG_WARNING, s->task, "limit.reached", fields, unlogged ? 3 : 2);
}

/* It takes no place of those who are served from now on, and is one of few who are told so. */
static bool
refuse (struct session *s) {
  struct net *net = s->listener->net;

  if (s->listener_counted)
    atomic_fetch_sub (&s->listener->sessions, 1);
  s->listener_counted = false;
  s->refused = REFUSE_ADDRESS;
  if (atomic_fetch_add (&net->totals.refusing, 1) < NET_REFUSING) {
    s->refusing_counted = true;
    return true;
  }
  atomic_fetch_sub (&net->totals.refusing, 1);
  NET_ADD (net, shed, 1);
  return false;
}

bool
session_count_address (struct session *s) {
  struct net *net = s->listener->net;
  unsigned most = s->settings->spec.max_connections_per_address;
  char key[PEER_KEY];

  if (s->refused || !peer_key (&s->stream.peer, key))
    return true;
  s->address_counted = tally_take (net->addresses, key, most);
  if (s->address_counted)
    return true;
  NET_ADD (net, limit_address, 1);
  session_log_limit (s, "address", most);
  return refuse (s);
}

static void
forget_account (struct session *s) {
  if (s->user_counted)
    tally_give (s->listener->users, s->account);
  s->user_counted = false;
  task_set_fields (s->task, s->fields, FIELD_ACCOUNT);
  g_clear_pointer (&s->account, g_free);
}

void
session_uncount (struct session *s) {
  struct net *net = s->listener->net;
  char key[PEER_KEY];

  forget_account (s);
  if (s->claimed)
    atomic_fetch_sub (&net->totals.claimed, 1);
  s->claimed = false;
  if (s->address_counted && peer_key (&s->stream.peer, key))
    tally_give (net->addresses, key);
  s->address_counted = false;
  if (s->listener_counted)
    atomic_fetch_sub (&s->listener->sessions, 1);
  s->listener_counted = false;
}

ptn_status
session_claim (struct ptn_task *task, const char *account) {
  struct session *s;

  g_return_val_if_fail (strcmp (task_name (task), SESSION_TASK) == 0, PTN_E_UNSUPPORTED);
  s = task_user (task);
  forget_account (s);
  if (account && *account) {
    unsigned most = s->settings->spec.max_connections_per_user;
    if (!tally_take (s->listener->users, account, most)) {
      NET_ADD (s->listener->net, limit_user, 1);
      session_log_limit (s, "user", most);
      return PTN_E_TOO_MANY;
    }
    s->account = g_strdup (account);
    s->user_counted = true;
    s->fields[FIELD_ACCOUNT] = (struct ptn_field){ "account", s->account };
    task_set_fields (task, s->fields, SESSION_FIELDS);
  }
  if (!s->claimed)
    atomic_fetch_add (&s->listener->net->totals.claimed, 1);
  s->claimed = true;
  stream_secret (&s->stream, false);
  return PTN_OK;
}

void
session_unclaim (struct ptn_task *task) {
  struct session *s;

  g_return_if_fail (strcmp (task_name (task), SESSION_TASK) == 0);
  s = task_user (task);
  forget_account (s);
  if (s->claimed)
    atomic_fetch_sub (&s->listener->net->totals.claimed, 1);
  s->claimed = false;
  stream_secret (&s->stream, true);
  s->login_ns = net_now ();
}
