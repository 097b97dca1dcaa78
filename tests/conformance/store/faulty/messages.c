/* SPDX-License-Identifier: Apache-2.0 */
/* messages.c - faults of views, rows and octets. */
#include "faulty.h"

/* --- views: changed where they are ------------------------------------------------------------ */

#define VIEW(name, body)                                                                      \
  static ptn_status name (struct ptn_account *a, struct ptn_call *c, const struct ptn_id *id, \
                          const struct ptn_view **result) {                                   \
    ptn_status status = good.view (a, c, id, result);                                         \
    if (status == PTN_OK) {                                                                   \
      struct ptn_view *view = (struct ptn_view *)*result;                                     \
      body;                                                                                   \
    }                                                                                         \
    return status;                                                                            \
  }
static struct ptn_view *first_view;

VIEW (view_without_modseq, if (view->count) ((uint64_t *)view->message_modseq)[0] = 0)
VIEW (view_empty_modseq, if (!view->count) view->modseq = 0)
VIEW (view_without_keywords, if (view->count) ((ptn_flag_bits *)view->flags)[0] &= 0xffff)
VIEW (view_mutable,
      if (first_view
          && view != first_view) ((ptn_flag_bits *)first_view->flags)[0] = view->flags[0];
      if (!first_view) first_view = view)
VIEW (view_kept, first_view = view)

static ptn_status
view_invalid (struct ptn_account *a, struct ptn_call *c, const struct ptn_id *id,
              const struct ptn_view **result) {
  ptn_status status = good.view (a, c, id, result);
  return status == PTN_E_NOT_FOUND ? PTN_E_INVALID : status;
}

static ptn_status
remove_empties_view (struct ptn_account *a, struct ptn_call *c, struct ptn_mailbox_name n) {
  if (first_view)
    first_view->count = 0;
  return good.remove (a, c, n);
}

/* --- rows ------------------------------------------------------------------------------------- */

#define ROWS(name, body)                                                                 \
  static ptn_status name (struct ptn_cursor *cursor, struct ptn_call *c,                 \
                          const struct ptn_message **rows, size_t room, size_t *count) { \
    ptn_status status = good.next_messages (cursor, c, rows, room, count);               \
    for (size_t i = 0; status != PTN_PENDING && i < *count; i++) {                       \
      struct ptn_message *row = KEEP (rows[i]);                                          \
      body;                                                                              \
      rows[i] = row;                                                                     \
    }                                                                                    \
    return status;                                                                       \
  }
static unsigned rolled;

ROWS (rows_longer, row->octets++)
ROWS (rows_terminated, row->unterminated = 0)
ROWS (rows_without_save_date, row->save_date = 0)
ROWS (rows_without_flags, row->flags = 0)
ROWS (rows_old_modseq, row->modseq = 1)
ROWS (rows_one_email_id, memset (&row->email_id, 1, sizeof row->email_id))
ROWS (rows_new_email_id, row->email_id.octets[0] = (unsigned char)++rolled)
ROWS (rows_own_thread, row->thread_id.octets[0] = (unsigned char)row->uid)
ROWS (rows_one_thread, memset (&row->thread_id, 1, sizeof row->thread_id))
ROWS (rows_short_digest, row->digest.size -= row->digest.size > 0)

static ptn_status
rows_twice (struct ptn_cursor *cursor, struct ptn_call *c, const struct ptn_message **rows,
            size_t room, size_t *count) {
  static const struct ptn_message *last;
  ptn_status status = good.next_messages (cursor, c, rows, room, count);
  if (status == PTN_OK && *count && last)
    rows[0] = last;
  if (status == PTN_OK && *count)
    last = KEEP (rows[*count - 1]);
  return status;
}

static ptn_status
rows_too_many (struct ptn_cursor *cursor, struct ptn_call *c, const struct ptn_message **rows,
               size_t room, size_t *count) {
  return good.next_messages (cursor, c, rows, room + 1, count);
}

#define FETCH(name)                                                                           \
  static ptn_status name (struct ptn_account *a, struct ptn_call *c, const struct ptn_id *id, \
                          const struct ptn_fetch *fetch, struct ptn_cursor **cursor)

FETCH (fetch_all) {
  struct ptn_fetch other = *fetch;
  other.uids.count = 0;
  return good.fetch (a, c, id, &other, cursor);
}
FETCH (fetch_few_ranges) {
  return fetch->uids.count > 500 ? PTN_E_LIMIT : good.fetch (a, c, id, fetch, cursor);
}
FETCH (fetch_same_modseq) {
  struct ptn_fetch other = *fetch;
  other.changed_since -= other.changed_since > 0;
  return good.fetch (a, c, id, &other, cursor);
}

/* --- octets ----------------------------------------------------------------------------------- */

enum mode { NO_NUL, NOTHING, LONGER, NO_SKIP, EARLY, EMPTY_ROTTEN, STALE, LAST_ONLY };
struct filter {
  struct ptn_source source;
  struct ptn_source *inner;
  enum mode mode;
  uint64_t left;
  unsigned changes;
  bool begun;
};
static unsigned changes;
static struct filter *last_filter;

static ptn_status
filter_read (struct ptn_source *source, struct ptn_task *task, size_t max,
             struct ptn_chunk *chunk) {
  struct filter *filter = (struct filter *)source;
  if (filter->mode == STALE && filter->changes != changes)
    return PTN_E_EXPUNGED;
  if (filter->mode == LAST_ONLY && last_filter != filter)
    return PTN_E_TEMPORARY;
  if (filter->mode == EARLY && !filter->left)
    return PTN_END;
  ptn_status status =
      filter->inner->ops->read (filter->inner, task, MIN (max, filter->left), chunk);
  if (filter->mode == EMPTY_ROTTEN && !filter->begun && status == PTN_END)
    return PTN_E_CORRUPT;
  filter->begun = true;
  if (status != PTN_OK)
    return status;
  if (filter->mode == EARLY)
    filter->left -= chunk->size;
  if (filter->mode == NO_NUL && chunk->data) {
    char *data = keep (chunk->data, chunk->size);
    for (size_t i = 0; i < chunk->size; i++)
      data[i] = data[i] ? data[i] : '?';
    chunk->data = data;
  }
  if (filter->mode == NOTHING) {
    if (chunk->release)
      chunk->release (chunk->owner);
    *chunk = (struct ptn_chunk){ .data = "", .size = 0, .fd = -1 };
  }
  return PTN_OK;
}

static ptn_status
filter_skip (struct ptn_source *source, struct ptn_task *task, uint64_t count) {
  return PTN_OK; /* and nothing is passed over */
}

static void
filter_close (struct ptn_source *source) {
  struct filter *filter = (struct filter *)source;
  filter->inner->ops->close (filter->inner);
  g_free (filter);
}

static ptn_status
read_as (struct ptn_account *a, struct ptn_call *c, const struct ptn_id *id, uint32_t uid,
         uint64_t offset, uint64_t length, struct ptn_source **source, enum mode mode,
         uint64_t limit) {
  static const struct ptn_source_ops ops = {
    .size = sizeof ops, .read = filter_read, .skip = filter_skip, .close = filter_close
  };
  ptn_status status = good.read (a, c, id, uid, offset, length, source);
  if (status != PTN_OK)
    return status;
  struct filter *filter = g_new0 (struct filter, 1);
  *filter = (struct filter){ { &ops, (*source)->length }, *source, mode, limit, changes, false };
  if (mode == LONGER)
    filter->source.length++;
  if (mode == EARLY || mode == NOTHING)
    filter->source.length = -1;
  last_filter = filter;
  *source = &filter->source;
  return PTN_OK;
}

#define READ(name)                                                                            \
  static ptn_status name (struct ptn_account *a, struct ptn_call *c, const struct ptn_id *id, \
                          uint32_t uid, uint64_t offset, uint64_t length,                     \
                          struct ptn_source **source)
#define READ_AS(name, mode, limit)                                       \
  READ (name) {                                                          \
    return read_as (a, c, id, uid, offset, length, source, mode, limit); \
  }

READ_AS (read_no_nul, NO_NUL, UINT64_MAX)
READ_AS (read_nothing, NOTHING, UINT64_MAX)
READ_AS (read_longer, LONGER, UINT64_MAX)
READ_AS (read_no_skip, NO_SKIP, UINT64_MAX)
READ_AS (read_early, EARLY, 10 * 1024 * 1024)
READ_AS (read_very_early, EARLY, 1024 * 1024)
READ_AS (read_empty_rotten, EMPTY_ROTTEN, UINT64_MAX)
READ_AS (read_stale, STALE, UINT64_MAX)
READ_AS (read_last_only, LAST_ONLY, UINT64_MAX)

READ (read_off_by_one) {
  return good.read (a, c, id, uid, offset + (length == UINT64_MAX), length, source);
}
READ (read_one_more) {
  return good.read (a, c, id, uid, offset, length == UINT64_MAX ? length : length + 1, source);
}
READ (read_missing) {
  ptn_status status = good.read (a, c, id, uid, offset, length, source);
  return status == PTN_E_EXPUNGED ? PTN_E_NOT_FOUND : status;
}
READ (read_rotten_after_expunge) {
  return changes ? PTN_E_CORRUPT : good.read (a, c, id, uid, offset, length, source);
}

static ptn_status
remove_counts (struct ptn_account *a, struct ptn_call *c, struct ptn_mailbox_name n) {
  changes++;
  return good.remove (a, c, n);
}

static ptn_status
expunge_counts (struct ptn_change *change, struct ptn_call *c, const struct ptn_id *id,
                struct ptn_uid_set uids, int only_deleted) {
  changes++;
  return good.expunge (change, c, id, uids, only_deleted);
}

const struct fault message_faults[] = {
  FAULT ("view.content", "a message has modseq 0", view, view_without_modseq),
  FAULT ("view.empty", "has modseq 0", view, view_empty_modseq),
  FAULT ("view.immutable", "flags change in old views", view, view_mutable),
  FAULT ("view.outlives-mailbox", "a removed mailbox empties its views", view, view_kept),
  FAULT ("view.outlives-mailbox", "a removed mailbox empties its views", remove,
         remove_empties_view),
  FAULT ("view.unknown", "PTN_E_INVALID", view, view_invalid),
  FAULT ("fetch.rows", "an octet too many", next_messages, rows_longer),
  FAULT ("fetch.unterminated", "never", next_messages, rows_terminated),
  FAULT ("fetch.save-date", "0", next_messages, rows_without_save_date),
  FAULT ("fetch.uids", "all rows", fetch, fetch_all),
  FAULT ("fetch.many-ranges", "500 at most", fetch, fetch_few_ranges),
  FAULT ("fetch.changed-since", "this modseq too", fetch, fetch_same_modseq),
  FAULT ("fetch.cursor-while-changing", "a row twice", next_messages, rows_twice),
  FAULT ("fetch.room", "one more", next_messages, rows_too_many),
  FAULT ("read.octets", "the first octet is missing", read, read_off_by_one),
  FAULT ("read.text", "NUL becomes ?", read, read_no_nul),
  FAULT ("read.part", "an octet too many", read, read_one_more),
  FAULT ("read.empty", "is PTN_E_CORRUPT", read, read_empty_rotten),
  FAULT ("read.length", "one too many", read, read_longer),
  FAULT ("read.missing", "PTN_E_NOT_FOUND", read, read_missing),
  FAULT ("read.outlives-expunge", "PTN_E_EXPUNGED", read, read_stale),
  FAULT ("read.outlives-expunge", "PTN_E_EXPUNGED", expunge, expunge_counts),
  FAULT ("read.outlives-mailbox", "PTN_E_EXPUNGED", read, read_stale),
  FAULT ("read.outlives-mailbox", "PTN_E_EXPUNGED", remove, remove_counts),
  FAULT ("read.pieces", "PTN_OK without octets", read, read_nothing),
  FAULT ("read.skip", "passes over nothing", read, read_no_skip),
  FAULT ("read.several", "only the last one can be read", read, read_last_only),
  FAULT ("read.giant", "10 MiB at most", read, read_early),
  FAULT ("copy.big", "1 MiB at most", read, read_very_early),
  FAULT ("copy.independent", "an expunge takes the octets of copies", read,
         read_rotten_after_expunge),
  FAULT ("copy.independent", "an expunge takes the octets of copies", expunge, expunge_counts),
  FAULT ("copy.flags-and-date", "no flags", next_messages, rows_without_flags),
  FAULT ("copy.keywords", "are lost", view, view_without_keywords),
  FAULT ("annotation.modseq", "stays", next_messages, rows_old_modseq),
  FAULT ("emailid.unique", "all have one", next_messages, rows_one_email_id),
  FAULT ("emailid.copy", "a new one each time", next_messages, rows_new_email_id),
  FAULT ("thread.references", "one for each message", next_messages, rows_own_thread),
  FAULT ("thread.common-reference", "one for each message", next_messages, rows_own_thread),
  FAULT ("thread.many-references", "one for each message", next_messages, rows_own_thread),
  FAULT ("thread.nearest", "one for each message", next_messages, rows_own_thread),
  FAULT ("thread.of-one-account", "one for all accounts", next_messages, rows_one_thread),
  FAULT ("digest.kept", "an octet is missing", next_messages, rows_short_digest),
  FAULT ("digest.many", "an octet is missing", next_messages, rows_short_digest),
  FAULT ("digest.size", "an octet is missing", next_messages, rows_short_digest),
  { NULL, NULL, SIZE_MAX, NULL, 0, 0 },
};
