/* SPDX-License-Identifier: Apache-2.0 */
/* maildrop.c - opening a maildrop: the account, its INBOX, what is hidden, what has expired,
 * and one word a message. */
#include "maildrop.h"

#define ROWS 64 /* asked for at once */

enum stage {
  STAGE_OPEN,
  STAGE_STATUS,
  STAGE_HIDDEN,
  STAGE_HIDDEN_ROWS,
  STAGE_RETRIEVED,
  STAGE_RETRIEVED_ROWS,
  STAGE_FETCH,
  STAGE_FETCH_ROWS,
  STAGE_EXPIRE_BEGIN,
  STAGE_EXPIRE,
  STAGE_EXPIRE_COMMIT,
  STAGE_DONE
};

struct opening {
  struct maildrop *drop;
  const struct ptn_identity *identity; /* of the login, which outlives this */
  struct ptn_task *task;
  struct ptn_call call;
  enum stage stage;
  struct ptn_cursor *cursor;
  struct ptn_change *change;
  struct uid_ranges hidden, known, expired; /* known: first retrieved, not expired */
  size_t hidden_at, known_at, expired_at;   /* ranges passed by the rows so far */
  uint64_t *words;                          /* of the maildrop to be, two arrays while they grow */
  uint32_t *uids;
  uint32_t count, room;
  int64_t now; /* seconds since 1970 */
};

struct maildrop *
maildrop_new (struct pop3 *pop3, const char *account, const struct retention *retention,
              int64_t delay_ns, bool reads) {
  struct maildrop *drop = g_new0 (struct maildrop, 1);
  drop->pop3 = pop3;
  drop->name = g_strdup (account);
  drop->retention = *retention;
  drop->delay_ns = delay_ns;
  drop->reads = reads;
  return drop;
}

void
maildrop_free (struct maildrop **pointer) {
  struct maildrop *drop = *pointer;
  if (!drop)
    return;
  if (drop->account)
    drop->pop3->store->close (drop->account);
  if (!drop->reads)
    maildrop_unlock (drop->pop3, drop->name, drop->delay_ns);
  g_free (drop->words);
  g_free (drop->name);
  g_free (drop);
  *pointer = NULL;
}

void
maildrop_totals (const struct maildrop *drop, uint32_t *messages, uint64_t *octets) {
  *messages = 0;
  *octets = 0;
  for (uint32_t i = 0; i < drop->count; i++)
    if (!(drop->words[i] & MARK_DELETED)) {
      ++*messages;
      *octets += OCTETS_OF (drop->words[i]);
    }
}

struct opening *
opening_new (struct maildrop *drop, const struct ptn_identity *identity, struct ptn_task *task) {
  struct opening *opening = g_new0 (struct opening, 1);
  opening->drop = drop;
  opening->identity = identity;
  opening->task = task;
  opening->call.task = task;
  opening->now = drop->pop3->host->realtime_ms () / 1000;
  return opening;
}

void
opening_free (struct opening **pointer) {
  struct opening *opening = *pointer;
  if (!opening)
    return;
  const struct ptn_store *store = opening->drop->pop3->store;
  opening->drop->pop3->host->call_end (&opening->call);
  if (opening->cursor)
    store->close_cursor (opening->cursor);
  if (opening->change)
    store->end (opening->change);
  uid_ranges_clear (&opening->hidden);
  uid_ranges_clear (&opening->known);
  uid_ranges_clear (&opening->expired);
  g_free (opening->words);
  g_free (opening->uids);
  g_free (opening);
  *pointer = NULL;
}

static bool
has_uid (const struct uid_ranges *ranges, size_t *at, uint32_t uid) {
  while (*at < ranges->count && ranges->items[*at].last < uid)
    ++*at;
  return *at < ranges->count && ranges->items[*at].first <= uid;
}

static void
add_message (struct opening *opening, const struct ptn_message *row) {
  if (has_uid (&opening->hidden, &opening->hidden_at, row->uid)
      || has_uid (&opening->expired, &opening->expired_at, row->uid))
    return;
  if (opening->count == opening->room) {
    opening->room = opening->room ? opening->room + opening->room / 2 : 16;
    opening->words = g_renew (uint64_t, opening->words, opening->room);
    opening->uids = g_renew (uint32_t, opening->uids, opening->room);
  }
  opening->uids[opening->count] = row->uid;
  opening->words[opening->count++] =
      (row->octets + (row->unterminated ? 2 : 0)) | (row->unterminated ? MARK_UNTERMINATED : 0)
      | (has_uid (&opening->known, &opening->known_at, row->uid) ? MARK_KNOWN : 0);
}

/* All is known: one piece of memory, as small as can be. */
static void
hand_over (struct opening *opening) {
  struct maildrop *drop = opening->drop;
  size_t count = opening->count;
  if (!count)
    return;
  drop->words = g_malloc (count * (sizeof *drop->words + sizeof *drop->uids));
  drop->uids = (uint32_t *)(drop->words + count);
  drop->count = opening->count;
  memcpy (drop->words, opening->words, count * sizeof *drop->words);
  memcpy (drop->uids, opening->uids, count * sizeof *drop->uids);
}

static void
note_retrieved (struct opening *opening, const struct ptn_annotation *row) {
  char text[24] = "";
  memcpy (text, row->value.data, MIN (row->value.size, sizeof text - 1));
  int64_t retrieved = g_ascii_strtoll (text, NULL, 10);
  if (retention_expired (&opening->drop->retention, retrieved, opening->now))
    uid_ranges_add (&opening->expired, row->uid);
  else
    uid_ranges_add (&opening->known, row->uid);
}

/* Rows of a cursor: PTN_OK as long as there are more. */
static ptn_status
annotation_rows (struct opening *opening, bool hidden) {
  const struct ptn_annotation *row;
  ptn_status status =
      opening->drop->pop3->store->next_annotation (opening->cursor, &opening->call, &row);
  if (status == PTN_OK && hidden)
    uid_ranges_add (&opening->hidden, row->uid);
  else if (status == PTN_OK)
    note_retrieved (opening, row);
  return status;
}

static ptn_status
message_rows (struct opening *opening) {
  const struct ptn_message *rows[ROWS];
  size_t count = 0;
  ptn_status status = opening->drop->pop3->store->next_messages (opening->cursor, &opening->call,
                                                                 rows, ROWS, &count);
  for (size_t i = 0; (status == PTN_OK || status == PTN_END) && i < count; i++)
    add_message (opening, rows[i]);
  return status;
}

static ptn_status
read_status (struct opening *opening, bool *nothing) {
  struct maildrop *drop = opening->drop;
  const struct ptn_mailbox *row;
  ptn_status status = drop->pop3->store->status (drop->account, &opening->call,
                                                 (struct ptn_mailbox_name){ NULL, "INBOX" }, &row);
  if (status == PTN_E_NOT_FOUND) {
    *nothing = true;
    return PTN_OK;
  }
  if (status == PTN_OK) {
    drop->inbox = row->id;
    drop->uidvalidity = row->uidvalidity;
    *nothing = row->messages == 0;
  }
  return status;
}

/* Does one stage.  PTN_OK: it is to be done once more; PTN_END: the next one. */
static ptn_status
step_once (struct opening *opening, bool *nothing) {
  struct maildrop *drop = opening->drop;
  const struct ptn_store *store = drop->pop3->store;
  struct ptn_call *call = &opening->call;
  const struct ptn_uid_set none = { NULL, 0 };
  ptn_status status = PTN_OK;
  switch (opening->stage) {
  case STAGE_OPEN:
    status = store->open (drop->pop3->store_instance, call, opening->identity, &drop->account);
    break;
  case STAGE_STATUS:
    status = read_status (opening, nothing);
    break;
  case STAGE_HIDDEN:
    status = store->annotations (drop->account, call, &drop->inbox, none, 1, ANNOTATION_HIDDEN,
                                 &opening->cursor);
    break;
  case STAGE_HIDDEN_ROWS:
    return annotation_rows (opening, true);
  case STAGE_RETRIEVED:
    if (drop->retention.policy != POLICY_KEEP) {
      opening->stage = STAGE_RETRIEVED_ROWS;
      return PTN_END;
    }
    status = store->annotations (drop->account, call, &drop->inbox, none, 1, ANNOTATION_RETRIEVED,
                                 &opening->cursor);
    break;
  case STAGE_RETRIEVED_ROWS:
    return annotation_rows (opening, false);
  case STAGE_FETCH: {
    const struct ptn_fetch fetch = { .size = sizeof fetch, .items = PTN_FETCH_SIZE };
    status = store->fetch (drop->account, call, &drop->inbox, &fetch, &opening->cursor);
    break;
  }
  case STAGE_FETCH_ROWS:
    return message_rows (opening);
  case STAGE_EXPIRE_BEGIN:
    if (!opening->expired.count || drop->reads) {
      opening->stage = STAGE_EXPIRE_COMMIT;
      return PTN_END;
    }
    status = store->begin (drop->account, call, NULL, &opening->change);
    break;
  case STAGE_EXPIRE:
    status =
        store->expunge (opening->change, call, &drop->inbox, uid_ranges_set (&opening->expired), 0);
    break;
  case STAGE_EXPIRE_COMMIT:
    status = store->commit (opening->change, call);
    break;
  case STAGE_DONE:
    break;
  }
  return status == PTN_OK ? PTN_END : status;
}

/* Expired mail that cannot be removed now is not shown, and removed by a later login. */
static bool
may_fail (enum stage stage) {
  return stage >= STAGE_EXPIRE_BEGIN;
}

static void
log_expiry_failure (struct opening *opening) {
  const struct ptn_host *host = opening->drop->pop3->host;
  const char *why = host->failure_log (opening->task);
  struct ptn_field fields[] = { { "error", why ? why : "" } };
  host->log (host, PTN_LOG_WARNING, opening->task, "pop3.expire-failed", fields, 1);
}

ptn_status
opening_step (struct opening *opening) {
  struct maildrop *drop = opening->drop;
  const struct pop3 *pop3 = drop->pop3;
  while (opening->stage != STAGE_DONE) {
    bool nothing = false;
    ptn_status status = step_once (opening, &nothing);
    if (status == PTN_PENDING)
      return PTN_PENDING;
    pop3->host->call_end (&opening->call);
    if (status < 0 && !may_fail (opening->stage))
      return status;
    if (status == PTN_OK) {
      if (pop3->host->budget_spent (opening->task))
        return PTN_OK;
      continue;
    }
    if (status < 0) {
      log_expiry_failure (opening);
      opening->stage = STAGE_DONE;
      break;
    }
    if (opening->stage == STAGE_HIDDEN_ROWS || opening->stage == STAGE_RETRIEVED_ROWS
        || opening->stage == STAGE_FETCH_ROWS)
      g_clear_pointer (&opening->cursor, pop3->store->close_cursor);
    opening->stage = nothing ? STAGE_DONE : opening->stage + 1;
  }
  hand_over (opening);
  if (!drop->count) /* nothing will be asked of it */
    g_clear_pointer (&drop->account, pop3->store->close);
  return PTN_END;
}
