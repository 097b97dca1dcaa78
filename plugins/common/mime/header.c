/* SPDX-License-Identifier: Apache-2.0 */
/* header.c - the fields of a header that IMAP shows, kept as their lines pass by. */
#include "common/mime/builder.h"

#include <string.h>

enum { NAME_MAX_SIZE = 25 };

static const struct {
  const char *name;
  enum field field;
} names[] = {
  { "to", FIELD_TO },
  { "cc", FIELD_CC },
  { "bcc", FIELD_BCC },
  { "date", FIELD_DATE },
  { "from", FIELD_FROM },
  { "sender", FIELD_SENDER },
  { "subject", FIELD_SUBJECT },
  { "reply-to", FIELD_REPLY_TO },
  { "message-id", FIELD_MESSAGE_ID },
  { "content-id", FIELD_CONTENT_ID },
  { "references", FIELD_REFERENCES },
  { "in-reply-to", FIELD_IN_REPLY_TO },
  { "content-md5", FIELD_CONTENT_MD5 },
  { "content-type", FIELD_CONTENT_TYPE },
  { "content-language", FIELD_CONTENT_LANGUAGE },
  { "content-location", FIELD_CONTENT_LOCATION },
  { "content-description", FIELD_CONTENT_DESCRIPTION },
  { "content-disposition", FIELD_CONTENT_DISPOSITION },
  { "content-transfer-encoding", FIELD_CONTENT_TRANSFER_ENCODING },
};
/* Where names of a size begin in the table; the last ones are the end. */
static const uint8_t first_of_size[NAME_MAX_SIZE + 2] = {
  0,  0,  0,  2,  3,  5,  5,  6,  7,  8,  8, /* 0 - 10 */
  11, 13, 14, 14, 14, 14, 16, 16, 16, 18,    /* 11 - 20 */
  18, 18, 18, 18, 18, 19                     /* 21 - 26 */
};

static bool
is_blank (char c) {
  return c == ' ' || c == '\t';
}

static enum field
known_field (const char *name, size_t size) {
  if (size > NAME_MAX_SIZE)
    return FIELD_NONE;
  for (unsigned i = first_of_size[size]; i < first_of_size[size + 1]; i++)
    if ((name[0] | 0x20) == names[i].name[0] && !g_ascii_strncasecmp (name, names[i].name, size))
      return names[i].field;
  return FIELD_NONE;
}

void
header_start (struct header *header, bool of_mail) {
  if (!header->octets)
    header->octets = g_string_sized_new (1024);
  g_string_truncate (header->octets, 0);
  header->count = 0;
  header->seen = 0;
  header->open = false;
  header->of_mail = of_mail;
}

/* Further octets of the field in progress; a line end goes. */
static void
keep (struct header *header, const char *data, size_t size) {
  struct kept *kept = &header->kept[header->count - 1];
  bool over = size && data[size - 1] == '\n';
  size -= over;
  size_t room = MIN (MIME_FIELD_MAX - MIN (kept->size, MIME_FIELD_MAX),
                     MIME_HEADER_MAX - MIN (header->octets->len, MIME_HEADER_MAX));
  g_string_append_len (header->octets, data, (gssize)MIN (size, room));
  kept->size += (uint32_t)MIN (size, room);
  /* A field that was cut ends within a line: that may look like the CR of a line's end. */
  if (over && kept->size && header->octets->str[header->octets->len - 1] == '\r') {
    g_string_truncate (header->octets, header->octets->len - 1);
    kept->size--;
  }
}

void
header_line (struct header *header, const char *line, size_t size) {
  if (is_blank (*line)) {
    if (header->open)
      keep (header, line, size);
    return;
  }
  header->open = false;
  const char *colon = memchr (line, ':', MIN (size, 80));
  if (!colon)
    return;
  const char *end = colon;
  while (end > line && is_blank (end[-1]))
    end--;
  enum field field = known_field (line, (size_t)(end - line));
  bool joined = field == FIELD_TO || field == FIELD_CC || field == FIELD_BCC;
  if (field == FIELD_NONE || (field >= FIELD_DATE && !header->of_mail)
      || (!joined && header->seen & 1u << field) || header->count == G_N_ELEMENTS (header->kept))
    return;
  /* Room for each of the others stays. */
  if (joined && header->count >= G_N_ELEMENTS (header->kept) - FIELDS)
    return;
  header->seen |= 1u << field;
  header->open = true;
  header->kept[header->count++] =
      (struct kept){ .at = (uint32_t)header->octets->len, .field = (uint8_t)field };
  keep (header, colon + 1, size - (size_t)(colon + 1 - line));
}

void
header_more (struct header *header, const char *data, size_t size) {
  if (header->open)
    keep (header, data, size);
}

static struct ptn_bytes
trimmed (const char *data, size_t size) {
  while (size && is_blank (data[size - 1]))
    size--;
  while (size && is_blank (*data)) {
    data++;
    size--;
  }
  return (struct ptn_bytes){ data, size };
}

bool
header_value (struct header *header, enum field field, struct ptn_bytes *value) {
  const struct kept *only = NULL;
  unsigned found = 0;
  *value = (struct ptn_bytes){ NULL, 0 };
  if (!(header->seen & 1u << field))
    return false;
  for (unsigned i = 0; i < header->count; i++)
    if (header->kept[i].field == field) {
      only = &header->kept[i];
      found++;
    }
  if (found > 1) { /* they come together behind all others, once */
    struct kept joined = { .field = (uint8_t)field };
    unsigned count = 0;
    g_autoptr (GString) all = g_string_new (NULL);
    for (unsigned i = 0; i < header->count; i++) {
      const struct kept *kept = &header->kept[i];
      if (kept->field != field) {
        header->kept[count++] = *kept;
        continue;
      }
      if (all->len)
        g_string_append (all, ", ");
      g_string_append_len (all, header->octets->str + kept->at, kept->size);
    }
    joined.at = (uint32_t)header->octets->len;
    joined.size = (uint32_t)all->len;
    g_string_append_len (header->octets, all->str, (gssize)all->len);
    header->kept[count] = joined;
    header->count = count + 1;
    only = &header->kept[count];
  }
  *value = trimmed (header->octets->str + only->at, only->size);
  return true;
}
