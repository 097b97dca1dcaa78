/* SPDX-License-Identifier: GPL-3.0-or-later */
/* drop_body.c - see apply.h: what goes with messages, for all that go together.
 *
 * One kind of row after the other, each in order of keys: rows that stand together are read by one
 * look into the index, and what is written lies right behind what was written before.  Going from
 * message to message takes three times as long. */
#include "apply.h"

enum {
  A_TURN = 512, /* bodies, so that nobody waits long for the lock of the index */
  NEAR = 4,     /* ids that far apart are read together with what lies between */
  A_RUN = 8     /* so many at least */
};

struct drop {
  uint64_t body;
  uint32_t times; /* messages that had it */
  bool found, last;
  struct body_row row;
};

/* Rows of hashes that go, and the hashes in them. */
struct known {
  uint64_t body;
  uint32_t user;
};
struct hash {
  uint32_t user;
  uint64_t hash;
};

struct dropping {
  struct edit *edit;
  uint32_t user;  /* whose messages go */
  GArray *drops;  /* struct drop, in order */
  GArray *known;  /* struct known, in order */
  GArray *hashes; /* struct hash */
  guint at;       /* where a scan has come to */
  bool bad;
};

#define DROP(dropping, i) (&g_array_index ((dropping)->drops, struct drop, (i)))

static int
by_id (const void *a, const void *b) {
  uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

  return (left > right) - (left < right);
}

static int
by_hash (const void *a, const void *b) {
  const struct hash *left = a, *right = b;

  if (left->user != right->user)
    return left->user < right->user ? -1 : 1;
  return (left->hash > right->hash) - (left->hash < right->hash);
}

static void
take_bodies (struct dropping *dropping, GArray *bodies) {
  const uint64_t *ids = (const uint64_t *)(void *)bodies->data;
  struct drop *last = NULL;
  bool sorted = true;

  for (guint i = 1; i < bodies->len && sorted; i++)
    sorted = ids[i - 1] <= ids[i];
  if (!sorted)
    qsort (bodies->data, bodies->len, sizeof *ids, by_id);
  for (guint i = 0; i < bodies->len; i++) {
    struct drop drop = { .body = ids[i], .times = 1 };

    if (last && last->body == drop.body) {
      last->times++;
      continue;
    }
    g_array_append_val (dropping->drops, drop);
    last = DROP (dropping, dropping->drops->len - 1);
  }
}

/* The end of those from `from` on that are read together. */
static guint
run_end (const struct dropping *dropping, guint from) {
  guint end = from + 1;

  while (end < dropping->drops->len && end - from < A_TURN
         && DROP (dropping, end)->body - DROP (dropping, end - 1)->body <= NEAR)
    end++;
  return end;
}

/* The drop with this body, behind those that were seen; NULL: it stays. */
static struct drop *
meet (struct dropping *dropping, uint64_t body) {
  struct drop *drop;

  while (dropping->at < dropping->drops->len && DROP (dropping, dropping->at)->body < body)
    dropping->at++;
  if (dropping->at == dropping->drops->len)
    return NULL;
  drop = DROP (dropping, dropping->at);
  return drop->body == body ? drop : NULL;
}

static bool
see_body (void *argument, const uint8_t *key, size_t key_size, const uint8_t *value, size_t size) {
  struct dropping *dropping = argument;
  struct drop *drop = meet (dropping, key_number64 (key, key_size, 1));

  if (drop) {
    drop->found = body_row_get (READER (value, size), &drop->row);
    dropping->bad |= !drop->found;
  }
  return !dropping->bad;
}

static ptn_status
scan (struct dropping *dropping, guint from, const struct key *first, struct key *last,
      index_row *row) {
  ptn_status status;

  dropping->at = from;
  key_after (last, last);
  status = index_scan (dropping->edit->index, dropping->edit->changes, first, last,
                       (size_t)UINT32_MAX, row, dropping);
  if (dropping->bad)
    return PTN_E_CORRUPT;
  return status < 0 ? status : PTN_OK;
}

static ptn_status
read_bodies (struct dropping *dropping) {
  for (guint from = 0, end; from < dropping->drops->len; from = end) {
    end = run_end (dropping, from);
    if (end - from >= A_RUN) {
      struct key first, last;

      key_body (&first, DROP (dropping, from)->body);
      key_body (&last, DROP (dropping, end - 1)->body);
      TRY (scan (dropping, from, &first, &last, see_body));
      continue;
    }
    for (guint i = from; i < end; i++) {
      struct drop *drop = DROP (dropping, i);
      ptn_status status = edit_body (dropping->edit, drop->body, &drop->row);

      drop->found = status == PTN_OK;
      if (status != PTN_E_NOT_FOUND)
        TRY (status);
    }
  }
  return PTN_OK;
}

/* The last message takes the body along. */
static void
write_bodies (struct dropping *dropping) {
  struct edit *edit = dropping->edit;

  for (guint i = 0; i < dropping->drops->len; i++) {
    struct drop *drop = DROP (dropping, i);
    struct key key;

    if (!drop->found)
      continue;
    drop->last = drop->row.references <= drop->times;
    if (drop->last) {
      key_body (&key, drop->body);
      edit_remove (edit, &key);
    } else {
      drop->row.references -= drop->times;
      put_body (edit, drop->body, &drop->row);
    }
  }
}

static void
drop_digests (struct dropping *dropping) {
  for (guint i = 0; i < dropping->drops->len; i++) {
    const struct drop *drop = DROP (dropping, i);
    struct key key;

    if (!drop->last || !(drop->row.attributes & BODY_DIGEST))
      continue;
    key_digest (&key, drop->body);
    edit_remove (dropping->edit, &key);
  }
}

static void
add_hashes (struct dropping *dropping, uint64_t body, uint32_t user, struct reader value) {
  struct known known = { body, user };
  struct hashes_row row;

  if (!hashes_row_get (value, &row)) {
    dropping->bad = true;
    return;
  }
  g_array_append_val (dropping->known, known);
  for (uint32_t i = 0; i < row.count; i++) {
    struct hash hash = { user, row.hashes[i] };

    g_array_append_val (dropping->hashes, hash);
  }
}

static bool
see_hashes (void *argument, const uint8_t *key, size_t key_size, const uint8_t *value,
            size_t size) {
  struct dropping *dropping = argument;
  uint64_t body = key_number64 (key, key_size, AT_HASHES_BODY);
  const struct drop *drop = meet (dropping, body);

  if (drop && drop->last && drop->row.attributes & BODY_HASHES)
    add_hashes (dropping, body, key_number (key, key_size, AT_HASHES_USER), READER (value, size));
  return !dropping->bad;
}

/* What accounts know of a body that goes.  Mostly it is the one whose message was the last. */
static ptn_status
read_hashes_of (struct dropping *dropping, guint at) {
  const struct drop *drop = DROP (dropping, at);
  struct edit *edit = dropping->edit;
  struct key first, last;

  if (!drop->last || !(drop->row.attributes & BODY_HASHES))
    return PTN_OK;
  if (!(drop->row.attributes & BODY_MORE_HASHES)) {
    ptn_status status;

    key_hashes (&first, drop->body, dropping->user);
    status = edit_get (edit, &first, &edit->value);
    if (status == PTN_OK)
      add_hashes (dropping, drop->body, dropping->user, VALUE_READER (&edit->value));
    if (status != PTN_E_NOT_FOUND)
      return dropping->bad ? PTN_E_CORRUPT : status;
  }
  key_hashes_of_body (&first, drop->body);
  last = first;
  return scan (dropping, at, &first, &last, see_hashes);
}

static ptn_status
read_hashes (struct dropping *dropping) {
  for (guint from = 0, end; from < dropping->drops->len; from = end) {
    end = run_end (dropping, from);
    if (end - from >= A_RUN) {
      struct key first, last;

      key_hashes_of_body (&first, DROP (dropping, from)->body);
      key_hashes_of_body (&last, DROP (dropping, end - 1)->body);
      TRY (scan (dropping, from, &first, &last, see_hashes));
      continue;
    }
    for (guint i = from; i < end; i++)
      TRY (read_hashes_of (dropping, i));
  }
  return PTN_OK;
}

static ptn_status
drop_hashes (struct dropping *dropping) {
  const struct hash *hashes;
  guint count;

  TRY (read_hashes (dropping));
  for (guint i = 0; i < dropping->known->len; i++) {
    const struct known *known = &g_array_index (dropping->known, struct known, i);
    struct key key;

    key_hashes (&key, known->body, known->user);
    edit_remove (dropping->edit, &key);
  }
  count = dropping->hashes->len;
  hashes = (const struct hash *)(void *)dropping->hashes->data;
  if (count > 0)
    qsort (dropping->hashes->data, count, sizeof *hashes, by_hash);
  for (guint i = 0, end; i < count; i = end) {
    for (end = i + 1; end < count && by_hash (&hashes[i], &hashes[end]) == 0;)
      end++;
    TRY (drop_hash (dropping->edit, hashes[i].user, hashes[i].hash, end - i));
  }
  return PTN_OK;
}

/* Neighbours lie in the same segment. */
static ptn_status
leave_segments (struct dropping *dropping) {
  struct edit *edit = dropping->edit;
  struct segment_row gone = { 0, 0 };
  uint32_t segment = 0;

  for (guint i = 0; i < dropping->drops->len; i++) {
    const struct drop *drop = DROP (dropping, i);
    struct key key;

    if (!drop->last)
      continue;
    if (drop->row.attributes & BODY_BIG) {
      key_big (&key, drop->row.offset);
      edit_remove (edit, &key);
      g_array_append_val (edit->gone, drop->row.offset);
      continue;
    }
    if (gone.bodies > 0 && drop->row.segment != segment) {
      TRY (leave_segment (edit, segment, &gone));
      gone = (struct segment_row){ 0, 0 };
    }
    segment = drop->row.segment;
    gone.live += drop->row.stored;
    gone.bodies++;
  }
  return gone.bodies > 0 ? leave_segment (edit, segment, &gone) : PTN_OK;
}

ptn_status
drop_bodies (struct edit *edit, GArray *bodies, uint32_t user) {
  g_autoptr (GArray) drops = g_array_new (FALSE, FALSE, sizeof (struct drop));
  g_autoptr (GArray) known = g_array_new (FALSE, FALSE, sizeof (struct known));
  g_autoptr (GArray) hashes = g_array_new (FALSE, FALSE, sizeof (struct hash));
  struct dropping dropping = { edit, user, drops, known, hashes, 0, false };

  if (bodies->len == 0)
    return PTN_OK;
  take_bodies (&dropping, bodies);
  TRY (read_bodies (&dropping));
  write_bodies (&dropping);
  drop_digests (&dropping);
  TRY (drop_hashes (&dropping));
  return leave_segments (&dropping);
}
