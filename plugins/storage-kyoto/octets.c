/* SPDX-License-Identifier: GPL-3.0-or-later */
/* octets.c - see octets.h. */
#include "octets.h"

void
octets_clear (struct octets *octets) {
  g_free (octets->data);
  memset (octets, 0, sizeof *octets);
}

uint8_t *
octets_grow (struct octets *octets, size_t size) {
  uint8_t *place;

  if (octets->room - octets->size < size) {
    size_t room = octets->room ? octets->room * 2 : 128;

    while (room - octets->size < size)
      room *= 2;
    octets->data = g_realloc (octets->data, room);
    octets->room = room;
  }
  place = octets->data + octets->size;
  octets->size += size;
  return place;
}

void
octets_add (struct octets *octets, const void *data, size_t size) {
  if (size > 0)
    memcpy (octets_grow (octets, size), data, size);
}

void
octets_u8 (struct octets *octets, uint8_t value) {
  *octets_grow (octets, 1) = value;
}

void
put_u32 (uint8_t *at, uint32_t value) {
  value = GUINT32_TO_LE (value);
  memcpy (at, &value, 4);
}

void
put_u64 (uint8_t *at, uint64_t value) {
  value = GUINT64_TO_LE (value);
  memcpy (at, &value, 8);
}

uint32_t
get_u32 (const uint8_t *at) {
  uint32_t value;

  memcpy (&value, at, 4);
  return GUINT32_FROM_LE (value);
}

uint64_t
get_u64 (const uint8_t *at) {
  uint64_t value;

  memcpy (&value, at, 8);
  return GUINT64_FROM_LE (value);
}

void
octets_u32 (struct octets *octets, uint32_t value) {
  put_u32 (octets_grow (octets, 4), value);
}

void
octets_u64 (struct octets *octets, uint64_t value) {
  put_u64 (octets_grow (octets, 8), value);
}

void
octets_varint (struct octets *octets, uint64_t value) {
  uint8_t coded[10];
  size_t size = 0;

  while (value >= 128) {
    coded[size++] = (uint8_t)(value | 128);
    value >>= 7;
  }
  coded[size++] = (uint8_t)value;
  octets_add (octets, coded, size);
}

void
octets_signed (struct octets *octets, int64_t value) {
  octets_varint (octets, (uint64_t)value << 1 ^ (value < 0 ? UINT64_MAX : 0));
}

void
octets_block (struct octets *octets, const void *data, size_t size) {
  octets_varint (octets, size);
  octets_add (octets, data, size);
}

void
octets_text (struct octets *octets, const char *text) {
  octets_block (octets, text, strlen (text));
}

void
octets_set (struct octets *octets, struct ptn_uid_set set) {
  uint32_t before = 0;

  octets_varint (octets, set.count);
  for (size_t i = 0; i < set.count; i++) {
    octets_varint (octets, set.ranges[i].first - before);
    octets_varint (octets, set.ranges[i].last - set.ranges[i].first);
    before = set.ranges[i].last;
  }
}

bool
reader_done (const struct reader *reader) {
  return !reader->bad && reader->at == reader->end;
}

static const uint8_t *
take (struct reader *reader, size_t size) {
  const uint8_t *at = reader->at;

  if (reader->bad || (size_t)(reader->end - at) < size) {
    reader->bad = true;
    return NULL;
  }
  reader->at += size;
  return at;
}

uint8_t
reader_u8 (struct reader *reader) {
  const uint8_t *at = take (reader, 1);

  return at ? *at : 0;
}

uint32_t
reader_u32 (struct reader *reader) {
  const uint8_t *at = take (reader, 4);

  return at ? get_u32 (at) : 0;
}

uint64_t
reader_u64 (struct reader *reader) {
  const uint8_t *at = take (reader, 8);

  return at ? get_u64 (at) : 0;
}

uint64_t
reader_varint (struct reader *reader) {
  const uint8_t *at = reader->at;
  uint64_t value = 0;

  for (unsigned shift = 0; shift < 64 && at < reader->end && !reader->bad; shift += 7) {
    uint8_t octet = *at++;

    if (shift == 63 && octet > 1)
      break;
    value |= (uint64_t)(octet & 127) << shift;
    if (!(octet & 128)) {
      reader->at = at;
      return value;
    }
  }
  reader->bad = true;
  return 0;
}

uint32_t
reader_varint32 (struct reader *reader) {
  uint64_t value = reader_varint (reader);

  if (value > UINT32_MAX) {
    reader->bad = true;
    return 0;
  }
  return (uint32_t)value;
}

int64_t
reader_signed (struct reader *reader) {
  uint64_t value = reader_varint (reader);

  return (int64_t)(value >> 1 ^ (value & 1 ? UINT64_MAX : 0));
}

struct ptn_bytes
reader_block (struct reader *reader) {
  uint64_t size = reader_varint (reader);
  const uint8_t *at = size <= SIZE_MAX ? take (reader, (size_t)size) : NULL;

  if (!at) {
    reader->bad = true;
    return (struct ptn_bytes){ NULL, 0 };
  }
  return (struct ptn_bytes){ at, (size_t)size };
}

char *
reader_text (struct reader *reader) {
  struct ptn_bytes block = reader_block (reader);

  if (reader->bad || memchr (block.data, 0, block.size)) {
    reader->bad = true;
    return NULL;
  }
  return g_strndup (block.data, block.size);
}

void
reader_set (struct reader *reader, GArray *ranges) {
  uint64_t count = reader_varint (reader), before = 0;

  /* Two octets a range at least: a count beyond that is a lie, and must not cost memory. */
  if (count > (uint64_t)(reader->end - reader->at) / 2)
    reader->bad = true;
  for (uint64_t i = 0; i < count && !reader->bad; i++) {
    uint64_t gap = reader_varint32 (reader);
    uint64_t first = before + gap, last = first + reader_varint32 (reader);

    if (gap == 0 || last > UINT32_MAX) {
      reader->bad = true;
      return;
    }
    if (!reader->bad) {
      struct ptn_uid_range range = { (uint32_t)first, (uint32_t)last };

      g_array_append_val (ranges, range);
    }
    before = last;
  }
}

uint64_t
set_count (struct ptn_uid_set set) {
  uint64_t count = 0;

  for (size_t i = 0; i < set.count; i++)
    count += (uint64_t)set.ranges[i].last - set.ranges[i].first + 1;
  return count;
}

bool
set_valid (struct ptn_uid_set set) {
  uint32_t before = 0;

  for (size_t i = 0; i < set.count; i++) {
    if (set.ranges[i].first <= before || set.ranges[i].last < set.ranges[i].first)
      return false;
    before = set.ranges[i].last;
  }
  return true;
}
