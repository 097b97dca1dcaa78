/* SPDX-License-Identifier: Apache-2.0 */
/* rights.c - rights, mailboxes of others, special uses, and what is told of changes. */
#include "drive.h"

enum { EVENTS_ROOM = 64 };

ptn_status
run_capabilities (struct session *s) {
  put (s, "OK");
  put_number (s, s->drive->store->capabilities);
  put (s, "\n");
  return PTN_OK;
}

ptn_status
run_attributes (struct session *s) {
  uint64_t attributes;

  STORE_CAN (s, set_attributes);
  PASS (take_mailbox (s));
  if (!number_of (s, 2, &attributes) || attributes > UINT32_MAX)
    return PTN_E_INVALID;
  PASS (s->drive->store->set_attributes (s->account, &s->call, &s->id[0], (uint32_t)attributes));
  return put_ok (s);
}

ptn_status
run_rights (struct session *s) {
  const struct ptn_rights *entries = NULL;
  size_t count = 0;

  STORE_CAN (s, rights);
  PASS (take_mailbox (s));
  PASS (s->drive->store->rights (s->account, &s->call, &s->id[0], &entries, &count));
  for (size_t i = 0; i < count; i++) {
    put (s, "*");
    put_word (s, entries[i].who, strlen (entries[i].who));
    put_word (s, entries[i].rights, strlen (entries[i].rights));
    put (s, "\n");
  }
  put (s, "OK");
  put_number (s, count);
  put (s, "\n");
  return PTN_OK;
}

/* MAILBOX WHO RIGHTS|- */
ptn_status
run_set_rights (struct session *s) {
  STORE_CAN (s, set_rights);
  PASS (take_mailbox (s));
  if (s->count != 4)
    return PTN_E_INVALID;
  PASS (s->drive->store->set_rights (s->account, &s->call, &s->id[0], s->words[2],
                                     word_is (s, 3, "-") ? "" : s->words[3]));
  return put_ok (s);
}

/* OWNER PATTERN; OWNER "*" is all, "-" the public ones */
ptn_status
run_others (struct session *s) {
  STORE_CAN (s, list_others);
  if (s->count != 3)
    return PTN_E_INVALID;
  if (s->stage == 0) {
    const char *owner = word_is (s, 1, "*") ? NULL : word_is (s, 1, "-") ? "" : s->words[1];

    PASS (s->drive->store->list_others (s->account, &s->call, owner, s->words[2], &s->cursor));
    s->stage = 1;
  }
  return put_mailboxes (s);
}

/* --- events ---------------------------------------------------------------------------------- */

void
forget_subscription (struct session *s) {
  if (s->subscription)
    s->drive->host->unsubscribe (s->subscription);
  s->subscription = NULL;
}

/* MAILBOX|- KINDS [OWNER]: of a mailbox, or of all of the account (or of OWNER) */
ptn_status
run_watch (struct session *s) {
  const struct ptn_host *host = s->drive->host;
  bool all = word_is (s, 1, "-");
  uint64_t kinds;

  if (!PTN_CAN (host, subscribe))
    return PTN_E_UNSUPPORTED;
  if (!all)
    PASS (take_mailbox (s));
  if (!number_of (s, 2, &kinds))
    return PTN_E_INVALID;
  forget_subscription (s);
  PASS (host->subscribe (s->task, s->count > 3 ? s->words[3] : s->account_name,
                         all ? NULL : &s->id[0], (uint32_t)kinds, &s->subscription));
  return put_ok (s);
}

ptn_status
run_unwatch (struct session *s) {
  forget_subscription (s);
  return put_ok (s);
}

/* [MILLISECONDS]: what has happened since the last time; waits so long for something. */
ptn_status
run_events (struct session *s) {
  const struct ptn_host *host = s->drive->host;
  struct ptn_happening rows[EVENTS_ROOM];
  uint64_t wait = 0;
  size_t count = 0;
  ptn_status status;

  if (!s->subscription || (s->count > 1 && !number_of (s, 1, &wait)))
    return PTN_E_INVALID;
  if (s->stage == 0) {
    s->wait_until = s->began + (int64_t)MIN (wait, (uint64_t)3600000) * 1000000;
    s->stage = 1;
  }
  status = host->occurred (s->subscription, rows, EVENTS_ROOM, &count);
  if (status == PTN_PENDING && host->monotonic_ns () < s->wait_until) {
    *s->deadline = s->wait_until;
    return PTN_PENDING;
  }
  if (status != PTN_OK && status != PTN_PENDING)
    return status;
  for (size_t i = 0; status == PTN_OK && i < count; i++) {
    put (s, "*");
    put_id (s, &rows[i].mailbox);
    put_number (s, rows[i].kinds);
    put_number (s, rows[i].modseq);
    put (s, "\n");
  }
  put (s, "OK");
  put_number (s, status == PTN_OK ? count : 0);
  put (s, "\n");
  return PTN_OK;
}
