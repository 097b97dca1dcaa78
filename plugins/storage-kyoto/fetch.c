/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fetch.c - see fetch.h.
 *
 * A cursor remembers the next UID and reads the index in turns of some rows, so that nobody holds
 * the index's lock between two calls. */
#include "fetch.h"

#include "described.h"

enum { ROWS = 256 };

struct fetch_cursor {
  struct ptn_cursor base;
  struct place place;
  GArray *ranges;
  guint range;
  uint32_t next; /* UID, within the range */
  uint64_t changed_since;
  uint32_t items;      /* asked for, of those that are the body's */
  GPtrArray *digests;  /* GBytes of this turn; NULL: not asked for */
  size_t count, given; /* rows of this turn; those that were handed out */
  bool bad;
  uint64_t bodies[ROWS], threads[ROWS];
  struct ptn_message rows[ROWS];
};

static void
fetch_free (struct ptn_cursor *base) {
  struct fetch_cursor *cursor = (struct fetch_cursor *)base;

  g_array_unref (cursor->ranges);
  g_clear_pointer (&cursor->digests, g_ptr_array_unref);
  g_free (cursor);
}

static GArray *
copy_set (struct ptn_uid_set set) {
  GArray *copy = g_array_new (FALSE, FALSE, sizeof (struct ptn_uid_range));

  if (set.count > 0)
    g_array_append_vals (copy, set.ranges, (guint)set.count);
  return copy;
}

ptn_status
fetch_open (struct ptn_account *account, struct ptn_call *call, const struct ptn_id *id,
            const struct ptn_fetch *fetch, struct ptn_cursor **result) {
  static const struct ptn_uid_range all = { 1, UINT32_MAX };
  struct fetch_cursor *cursor;
  struct mailbox_row mailbox;
  struct place place;
  ptn_status status = account_place (account, id, RIGHT_R, &place);

  if (status == PTN_OK)
    status = read_mailbox (place.shard, place.user, place.mailbox, &mailbox);
  if (status != PTN_OK)
    return index_trouble (account->shard, call->task, status);
  if (!set_valid (fetch->uids))
    return PTN_E_INVALID;
  cursor = g_malloc (sizeof *cursor); /* the rows need not be zeroed */
  memset (cursor, 0, offsetof (struct fetch_cursor, bodies));
  cursor->base.account = account;
  cursor->base.free = fetch_free;
  cursor->place = place;
  cursor->items = fetch->items & (PTN_FETCH_IDS | PTN_FETCH_DIGEST);
  if (cursor->items & PTN_FETCH_DIGEST)
    cursor->digests = g_ptr_array_new_with_free_func ((GDestroyNotify)g_bytes_unref);
  cursor->changed_since = PTN_HAS (fetch, changed_since) ? fetch->changed_since : 0;
  cursor->ranges = copy_set (fetch->uids.count > 0 ? fetch->uids : (struct ptn_uid_set){ &all, 1 });
  cursor->next = g_array_index (cursor->ranges, struct ptn_uid_range, 0).first;
  *result = &cursor->base;
  return PTN_OK;
}

static bool
fetch_row (void *argument, const uint8_t *key, size_t key_size, const uint8_t *value, size_t size) {
  struct fetch_cursor *cursor = argument;
  struct ptn_message *message = &cursor->rows[cursor->count];
  struct message_row row;
  uint32_t uid = key_number (key, key_size, AT_UID);

  if (!message_row_get (READER (value, size), &row)) {
    cursor->bad = true;
    return false;
  }
  cursor->next = uid + 1;
  if (row.modseq <= cursor->changed_since && cursor->changed_since > 0)
    return true;
  message->size = sizeof *message;
  message->items = PTN_FETCH_FLAGS | PTN_FETCH_MODSEQ | PTN_FETCH_DATES | PTN_FETCH_SIZE;
  message->uid = uid;
  message->unterminated = row.unterminated;
  message->modseq = row.modseq;
  message->octets = row.octets;
  message->internal_date = row.internal_date;
  message->save_date = row.save_date;
  message->flags = row.flags;
  cursor->threads[cursor->count] = row.thread;
  cursor->bodies[cursor->count++] = row.body;
  return true;
}

static ptn_status
add_digest (struct fetch_cursor *cursor, uint64_t body, struct ptn_message *message) {
  struct value value;
  struct key key;
  ptn_status status;

  key_digest (&key, body);
  value_init (&value);
  status = index_get (&cursor->place.shard->index, NULL, &key, &value);
  if (status == PTN_OK) {
    GBytes *digest = g_bytes_new (value.data, value.size);

    g_ptr_array_add (cursor->digests, digest);
    message->items |= PTN_FETCH_DIGEST;
    message->digest.data = g_bytes_get_data (digest, &message->digest.size);
  }
  value_clear (&value);
  return status;
}

/* What stands with the body: looked up only for those who ask. */
static ptn_status
add_bodies (struct fetch_cursor *cursor) {
  const struct shard *shard = cursor->place.shard;

  if (cursor->digests)
    g_ptr_array_set_size (cursor->digests, 0);
  for (size_t i = 0; cursor->items != 0 && i < cursor->count; i++) {
    struct ptn_message *message = &cursor->rows[i];
    uint64_t body = cursor->bodies[i];
    struct body_row row;
    ptn_status status = read_body_row (cursor->place.shard, body, &row);

    memset (&message->email_id, 0, sizeof message->email_id);
    memset (&message->thread_id, 0, sizeof message->thread_id);
    message->digest = (struct ptn_bytes){ NULL, 0 };
    if (status == PTN_OK && cursor->items & PTN_FETCH_IDS) {
      message->items |= PTN_FETCH_IDS;
      message->email_id = object_id (shard->store, body_email (shard, body, &row));
      message->thread_id =
          cursor->threads[i] ? object_id (shard->store, cursor->threads[i]) : message->email_id;
    }
    if (status == PTN_OK && cursor->digests && row.attributes & BODY_DIGEST)
      status = add_digest (cursor, body, message);
    if (status <= PTN_E_TEMPORARY)
      return status; /* not found: expunged meanwhile */
  }
  return PTN_OK;
}

/* The next rows, as many as there is room for. */
static ptn_status
read_turn (struct fetch_cursor *cursor, struct ptn_task *task) {
  struct shard *shard = cursor->place.shard;
  struct key from, end;

  cursor->count = cursor->given = 0;
  while (cursor->count < ROWS && cursor->range < cursor->ranges->len && !cursor->bad) {
    const struct ptn_uid_range *range =
        &g_array_index (cursor->ranges, struct ptn_uid_range, cursor->range);
    size_t limit = MIN (ROWS - cursor->count, (size_t)range->last - cursor->next + 1);
    ptn_status status = PTN_END;

    if (cursor->next <= range->last && cursor->next > 0) {
      key_message (&from, cursor->place.user, cursor->place.mailbox, cursor->next);
      key_message (&end, cursor->place.user, cursor->place.mailbox, range->last);
      key_after (&end, &end);
      status = index_scan (&shard->index, NULL, &from, &end, limit, fetch_row, cursor);
    }
    if (status < 0)
      return index_trouble (shard, task, status);
    if (status == PTN_END && ++cursor->range < cursor->ranges->len)
      cursor->next = g_array_index (cursor->ranges, struct ptn_uid_range, cursor->range).first;
  }
  return index_trouble (shard, task, cursor->bad ? PTN_E_CORRUPT : add_bodies (cursor));
}

ptn_status
fetch_next (struct ptn_cursor *base, struct ptn_call *call, const struct ptn_message **rows,
            size_t room, size_t *count) {
  struct fetch_cursor *cursor = (struct fetch_cursor *)base;
  ptn_status status = PTN_OK;

  *count = 0;
  if (cursor->given == cursor->count)
    status = read_turn (cursor, call->task);
  if (status != PTN_OK)
    return status;
  while (*count < room && cursor->given < cursor->count)
    rows[(*count)++] = &cursor->rows[cursor->given++];
  return *count > 0 ? PTN_OK : PTN_END;
}
