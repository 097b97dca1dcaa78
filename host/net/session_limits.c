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

/* False: its peer has as many connections as it may have. */
bool
session_count_address (struct session *s) {
  struct net *net = s->listener->net;
  unsigned most = s->settings->spec.max_connections_per_address;
  char key[PEER_KEY];

  if (!peer_key (&s->stream.peer, key))
    return true;
  s->address_counted = tally_take (net->addresses, key, most);
  if (!s->address_counted) {
    NET_ADD (net, limit_address, 1);
    session_log_limit (s, "address", most);
  }
  return s->address_counted;
}

static void
unclaim (struct session *s) {
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

  unclaim (s);
  if (s->claimed)
    atomic_fetch_sub (&net->totals.claimed, 1);
  s->claimed = false;
  if (s->address_counted && peer_key (&s->stream.peer, key))
    tally_give (net->addresses, key);
  s->address_counted = false;
  if (s->listener_counted)
    atomic_fetch_sub (&s->listener->sessions, 1);
  s->listener_counted = false;
  if (s->refusing_counted)
    atomic_fetch_sub (&net->totals.refusing, 1);
  s->refusing_counted = false;
}

ptn_status
session_claim (struct ptn_task *task, const char *account) {
  struct session *s;

  g_return_val_if_fail (strcmp (task_name (task), SESSION_TASK) == 0, PTN_E_UNSUPPORTED);
  s = task_user (task);
  unclaim (s);
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
  return PTN_OK;
}
