/* SPDX-License-Identifier: GPL-3.0-or-later */
/* columns.c - see columns.h. */
#include "columns.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { MANY_PAGES = 256 << 10, PAGE = 4096, LARGE = 4 << 20, LARGE_PAGE = 2 << 20 };

struct column {
  _Atomic uint32_t references;
  uint32_t used, room; /* of those who add */
  uint64_t data[];     /* or numbers of 32 bits */
};

/* Large ones on large pages, where there are some: to fault four thousand small ones in takes
 * longer than to copy what goes into them.  Others all at once (Linux 5.14; else no effect). */
static void *
allocate (size_t size) {
  void *memory = NULL;

  if (size < MANY_PAGES)
    return g_malloc (size);
  if (posix_memalign (&memory, size < LARGE ? PAGE : LARGE_PAGE, size) != 0)
    g_error ("no memory for %zu octets", size);
  if (size >= LARGE)
    madvise (memory, size, MADV_HUGEPAGE);
#ifdef MADV_POPULATE_WRITE
  else
    madvise (memory, size, MADV_POPULATE_WRITE);
#endif
  return memory;
}

static struct column *
column_new (uint32_t room, size_t width) {
  struct column *column = allocate (sizeof *column + (size_t)room * width);

  atomic_init (&column->references, 1);
  column->used = 0;
  column->room = room;
  return column;
}

static void
column_unref (struct column *column) {
  if (column && atomic_fetch_sub (&column->references, 1) == 1)
    free (column);
}

static struct column *
column_ref (struct column *column) {
  atomic_fetch_add (&column->references, 1);
  return column;
}

/* Room for what comes next: a sixteenth, so that a mailbox that grows is copied now and then. */
static uint32_t
with_slack (uint32_t count) {
  uint32_t slack = MAX (count / 16, 16u);

  return count < UINT32_MAX - slack ? count + slack : UINT32_MAX;
}

/* A column that begins as this one does, and has room for `more` behind its first `count`: this one
 * if there is room and nobody has gone on from here, else a copy. */
static struct column *
column_extend (struct column *column, uint32_t count, uint32_t more, size_t width, bool copy) {
  struct column *made;

  if (!copy && column->used == count && column->room - count >= more)
    return column_ref (column);
  made = column_new (with_slack (count + more), width);
  memcpy (made->data, column->data, (size_t)count * width);
  made->used = count;
  return made;
}

static uint32_t *
uids (struct column *column) {
  return (uint32_t *)(void *)column->data;
}

void
columns_init (struct columns *columns, uint32_t room) {
  room = with_slack (room);
  columns->uid = column_new (room, sizeof (uint32_t));
  columns->flags = column_new (room, sizeof (uint64_t));
  columns->modseq = column_new (room, sizeof (uint64_t));
  columns->count = 0;
}

void
columns_clear (struct columns *columns) {
  column_unref (columns->uid);
  column_unref (columns->flags);
  column_unref (columns->modseq);
  memset (columns, 0, sizeof *columns);
}

void
columns_share (struct columns *columns, const struct columns *old) {
  columns->uid = column_ref (old->uid);
  columns->flags = column_ref (old->flags);
  columns->modseq = column_ref (old->modseq);
  columns->count = old->count;
}

static void
grow (struct column **column, uint32_t count, size_t width) {
  struct column *larger = column_new (with_slack (count + count / 2), width);

  memcpy (larger->data, (*column)->data, (size_t)count * width);
  larger->used = count;
  column_unref (*column);
  *column = larger;
}

struct columns_space
columns_space (struct columns *columns) {
  uint32_t at = columns->count;

  if (at == columns->uid->room) {
    grow (&columns->uid, at, sizeof (uint32_t));
    grow (&columns->flags, at, sizeof (uint64_t));
    grow (&columns->modseq, at, sizeof (uint64_t));
  }
  return (struct columns_space){ uids (columns->uid) + at, columns->flags->data + at,
                                 columns->modseq->data + at, columns->uid->room - at };
}

void
columns_added (struct columns *columns, uint32_t count) {
  columns->count += count;
  columns->uid->used = columns->flags->used = columns->modseq->used = columns->count;
}

static void
append (struct columns *columns, const struct note *note) {
  struct columns_space space = columns_space (columns);

  space.uid[0] = note->uid;
  space.flags[0] = note->flags;
  space.modseq[0] = note->modseq;
  columns_added (columns, 1);
}

const uint32_t *
columns_uid (const struct columns *columns) {
  return uids (columns->uid);
}

const uint64_t *
columns_flags (const struct columns *columns) {
  return columns->flags->data;
}

const uint64_t *
columns_modseq (const struct columns *columns) {
  return columns->modseq->data;
}

static int
by_uid (const void *a, const void *b) {
  const struct note *left = a, *right = b;

  if (left->uid != right->uid)
    return left->uid < right->uid ? -1 : 1;
  return left->order < right->order ? -1 : left->order > right->order;
}

/* In order of UIDs, the last one about each; how many are left. */
static size_t
settle (struct note *notes, size_t count) {
  bool sorted = true;
  size_t kept = 0;

  for (size_t i = 1; i < count && sorted; i++)
    sorted = by_uid (&notes[i - 1], &notes[i]) < 0;
  if (!sorted)
    qsort (notes, count, sizeof *notes, by_uid);
  for (size_t i = 0; i < count; i++) {
    if (i + 1 < count && notes[i + 1].uid == notes[i].uid)
      continue;
    notes[kept++] = notes[i];
  }
  return kept;
}

/* Where the UID stands, or would. */
static uint32_t
find (const struct columns *columns, uint32_t from, uint32_t uid) {
  const uint32_t *all = columns_uid (columns);
  uint32_t low = from, high = columns->count;

  for (; low < high && low < from + 2; low++) /* changes of neighbours stand together */
    if (all[low] >= uid)
      return low;
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;

    if (all[middle] < uid)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

/* What the notes amount to. */
struct kinds {
  size_t changed; /* messages that were there and stay */
  size_t behind;  /* messages that come behind all others */
  size_t moved;   /* messages that go, or come in between */
};

static struct kinds
tell (const struct columns *old, const struct note *notes, size_t count) {
  struct kinds kinds = { 0, 0, 0 };
  uint32_t at = 0;

  for (size_t i = 0; i < count; i++) {
    bool there;

    at = find (old, at, notes[i].uid);
    there = at < old->count && columns_uid (old)[at] == notes[i].uid;
    if (there && !notes[i].gone)
      kinds.changed++;
    else if (there || (!notes[i].gone && at < old->count))
      kinds.moved++;
    else if (!notes[i].gone)
      kinds.behind++;
  }
  return kinds;
}

/* Nothing goes: the UIDs stay where they are. */
static void
apply_in_place (struct columns *result, const struct columns *old, const struct note *notes,
                size_t count, const struct kinds *kinds) {
  uint32_t more = (uint32_t)kinds->behind, at = 0, end = old->count;
  bool copy = kinds->changed > 0;

  result->uid = column_extend (old->uid, end, more, sizeof (uint32_t), false);
  result->flags = column_extend (old->flags, end, more, sizeof (uint64_t), copy);
  result->modseq = column_extend (old->modseq, end, more, sizeof (uint64_t), copy);
  result->count = end + more;
  for (size_t i = 0; i < count; i++) {
    uint32_t place;

    at = find (old, at, notes[i].uid);
    if (notes[i].gone)
      continue; /* came and went in between */
    place = at < old->count ? at : end++;
    if (place >= old->count)
      uids (result->uid)[place] = notes[i].uid;
    result->flags->data[place] = notes[i].flags;
    result->modseq->data[place] = notes[i].modseq;
  }
  if (more > 0)
    result->uid->used = result->flags->used = result->modseq->used = end;
}

static void
copy_range (struct columns *result, const struct columns *old, uint32_t from, uint32_t end) {
  size_t count = end - from;
  uint32_t to = result->count;

  memcpy (uids (result->uid) + to, columns_uid (old) + from, count * sizeof (uint32_t));
  memcpy (result->flags->data + to, old->flags->data + from, count * sizeof (uint64_t));
  memcpy (result->modseq->data + to, old->modseq->data + from, count * sizeof (uint64_t));
  result->count = result->uid->used = result->flags->used = result->modseq->used =
      to + (uint32_t)count;
}

/* Everything anew, in one pass over both. */
static void
apply_merging (struct columns *result, const struct columns *old, const struct note *notes,
               size_t count, const struct kinds *kinds) {
  uint32_t from = 0;

  columns_init (result, old->count + (uint32_t)(kinds->behind + kinds->moved));
  for (size_t i = 0; i < count; i++) {
    uint32_t at = find (old, from, notes[i].uid);

    copy_range (result, old, from, at);
    from = at < old->count && columns_uid (old)[at] == notes[i].uid ? at + 1 : at;
    if (!notes[i].gone)
      append (result, &notes[i]);
  }
  copy_range (result, old, from, old->count);
}

void
columns_apply (struct columns *result, const struct columns *old, struct note *notes,
               size_t count) {
  struct kinds kinds;

  count = settle (notes, count);
  kinds = tell (old, notes, count);
  if (kinds.moved > 0)
    apply_merging (result, old, notes, count, &kinds);
  else if (kinds.changed + kinds.behind > 0)
    apply_in_place (result, old, notes, count, &kinds);
  else
    columns_share (result, old);
}
