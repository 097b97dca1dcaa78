/* SPDX-License-Identifier: Apache-2.0 */
/* octets.c - see octets.h. */
#include "octets.h"

void
put_number (GByteArray *out, uint64_t value) {
  uint8_t octets[10];
  guint count = 0;
  while (value >= 0x80) {
    octets[count++] = (uint8_t)value | 0x80;
    value >>= 7;
  }
  octets[count++] = (uint8_t)value;
  g_byte_array_append (out, octets, count);
}

void
put_signed (GByteArray *out, int64_t value) {
  put_number (out, (uint64_t)value << 1 ^ (uint64_t)(value >> 63));
}

void
put_block (GByteArray *out, const void *data, size_t size) {
  put_number (out, size);
  if (size)
    g_byte_array_append (out, data, (guint)size);
}

void
put_text (GByteArray *out, const char *text) {
  put_block (out, text, strlen (text));
}

void
put_id (GByteArray *out, const struct ptn_id *id) {
  g_byte_array_append (out, id->octets, sizeof id->octets);
}

void
put_set (GByteArray *out, struct ptn_uid_set set) {
  uint32_t behind = 0;
  put_number (out, set.count);
  for (size_t i = 0; i < set.count; i++) {
    put_number (out, set.ranges[i].first - behind);
    put_number (out, set.ranges[i].last - set.ranges[i].first);
    behind = set.ranges[i].last;
  }
}

uint64_t
get_number (struct octets *in) {
  uint64_t value = 0;
  for (unsigned shift = 0; shift < 64 && !in->bad; shift += 7) {
    if (in->at == in->end)
      break;
    uint8_t octet = *in->at++;
    value |= (uint64_t)(octet & 0x7f) << shift;
    if (!(octet & 0x80))
      return value;
  }
  in->bad = true;
  return 0;
}

uint32_t
get_number32 (struct octets *in) {
  uint64_t value = get_number (in);
  if (value > UINT32_MAX)
    in->bad = true;
  return in->bad ? 0 : (uint32_t)value;
}

int64_t
get_signed (struct octets *in) {
  uint64_t value = get_number (in);
  return (int64_t)(value >> 1 ^ (~(value & 1) + 1));
}

struct ptn_bytes
get_block (struct octets *in) {
  uint64_t size = get_number (in);
  if (in->bad || size > (uint64_t)(in->end - in->at)) {
    in->bad = true;
    return (struct ptn_bytes){ NULL, 0 };
  }
  struct ptn_bytes block = { in->at, (size_t)size };
  in->at += size;
  return block;
}

char *
get_text (struct octets *in) {
  struct ptn_bytes block = get_block (in);
  if (in->bad || memchr (block.data, '\0', block.size)) {
    in->bad = true;
    return NULL;
  }
  return g_strndup (block.data, block.size);
}

struct ptn_id
get_id (struct octets *in) {
  struct ptn_id id = { { 0 } };
  if (in->bad || (size_t)(in->end - in->at) < sizeof id.octets) {
    in->bad = true;
    return id;
  }
  memcpy (id.octets, in->at, sizeof id.octets);
  in->at += sizeof id.octets;
  return id;
}

void
get_set (struct octets *in, GArray *ranges) {
  uint64_t behind = 0, count = get_number (in);
  for (uint64_t i = 0; i < count && !in->bad; i++) {
    uint64_t first = behind + get_number32 (in), last = first + get_number32 (in);
    if (first <= behind || last > UINT32_MAX)
      in->bad = true;
    struct ptn_uid_range range = { (uint32_t)first, (uint32_t)last };
    if (!in->bad)
      g_array_append_val (ranges, range);
    behind = last;
  }
}

/* Half an octet a step: the table stays in one cache line. */
uint32_t
crc32_of (uint32_t crc, const void *data, size_t size) {
  static const uint32_t table[16] = {
    0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
    0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
  };
  const uint8_t *at = data;
  crc = ~crc;
  for (size_t i = 0; i < size; i++) {
    crc ^= at[i];
    crc = crc >> 4 ^ table[crc & 15];
    crc = crc >> 4 ^ table[crc & 15];
  }
  return ~crc;
}
