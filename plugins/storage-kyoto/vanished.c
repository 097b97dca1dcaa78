/* SPDX-License-Identifier: GPL-3.0-or-later */
/* vanished.c - see vanished.h. */
#include "vanished.h"

struct gathering {
  GArray *ranges; /* of all tombstones, in order of time */
  bool bad;
};

static bool
tombstone (void *argument, const uint8_t *key, size_t key_size, const uint8_t *value, size_t size) {
  struct gathering *gathering = argument;
  int64_t time;

  gathering->bad = !tombstone_row_get (READER (value, size), &time, gathering->ranges);
  return !gathering->bad;
}

static int
by_first (const void *a, const void *b) {
  const struct ptn_uid_range *left = a, *right = b;

  return (left->first > right->first) - (left->first < right->first);
}

/* Sorted, and without gaps that are none.  No UID leaves twice, so ranges do not overlap. */
static void
put_in_order (GArray *ranges) {
  guint kept = 0;

  g_array_sort (ranges, by_first);
  for (guint i = 0; i < ranges->len; i++) {
    struct ptn_uid_range *last =
        kept > 0 ? &g_array_index (ranges, struct ptn_uid_range, kept - 1) : NULL;
    struct ptn_uid_range range = g_array_index (ranges, struct ptn_uid_range, i);

    if (last && last->last != UINT32_MAX && range.first <= last->last + 1)
      last->last = MAX (last->last, range.last);
    else
      g_array_index (ranges, struct ptn_uid_range, kept++) = range;
  }
  g_array_set_size (ranges, kept);
}

static void
ranges_free (void *ranges) {
  g_array_unref (ranges);
}

ptn_status
mailbox_vanished (struct ptn_account *account, struct ptn_call *call, const struct ptn_id *id,
                  uint64_t since, const struct ptn_uid_set *uids, struct ptn_uid_set *gone) {
  struct gathering gathering = { NULL, false };
  struct mailbox_row mailbox;
  struct key from, end;
  struct place place;
  ptn_status status = account_place (account, id, RIGHT_R, &place);

  if (uids && !set_valid (*uids))
    return PTN_E_INVALID;
  if (status != PTN_OK)
    return index_trouble (account->shard, call->task, status);
  gathering.ranges = g_array_new (FALSE, FALSE, sizeof (struct ptn_uid_range));
  key_tombstone (&from, place.user, place.mailbox, since < UINT64_MAX ? since + 1 : since);
  key_tombstone (&end, place.user, place.mailbox, UINT64_MAX);
  key_after (&end, &end);
  status = index_scan (&place.shard->index, NULL, &from, &end, SIZE_MAX, tombstone, &gathering);
  if (gathering.bad)
    status = PTN_E_CORRUPT;
  /* Afterwards: what was trimmed while we read is below the floor now. */
  if (status >= 0)
    status = read_mailbox (place.shard, place.user, place.mailbox, &mailbox);
  if (status == PTN_OK && since < mailbox.floor)
    status = PTN_E_EXPIRED;
  if (status != PTN_OK) {
    g_array_unref (gathering.ranges);
    return index_trouble (place.shard, call->task, status);
  }
  put_in_order (gathering.ranges);
  if (uids) {
    GArray *both = set_intersection (SET_OF (gathering.ranges), *uids);

    g_array_unref (gathering.ranges);
    gathering.ranges = both;
  }
  call->state = gathering.ranges;
  call->release = ranges_free;
  *gone = SET_OF (gathering.ranges);
  return PTN_OK;
}
