/* SPDX-License-Identifier: Apache-2.0 */
/* words.c - the words of the language, in and out; see drive.h. */
#include "drive.h"

#define OUT_BEFORE_WRITE 16384
#define OUT_BELOW (256 * 1024)

static size_t
decode (char *word) {
  char *to = word;

  for (const char *at = word; *at; at++)
    if (*at == '%' && g_ascii_isxdigit (at[1]) && g_ascii_isxdigit (at[2])) {
      *to++ = (char)(g_ascii_xdigit_value (at[1]) << 4 | g_ascii_xdigit_value (at[2]));
      at += 2;
    } else
      *to++ = *at == ':' ? SEPARATOR : *at;
  *to = '\0';
  return (size_t)(to - word);
}

void
line_split (struct session *s) {
  char *at = s->line->str;

  s->count = 0;
  while (*at && s->count < WORDS_MAX) {
    char *end;

    while (*at == ' ')
      at++;
    if (!*at)
      break;
    end = strchr (at, ' ');
    if (end)
      *end = '\0';
    s->words[s->count++] = at;
    at = end ? end + 1 : at + strlen (at);
  }
  for (unsigned i = 0; i < s->count; i++)
    s->sizes[i] = decode (s->words[i]);
}

bool
word_is (const struct session *s, unsigned number, const char *text) {
  return number < s->count && strcmp (s->words[number], text) == 0;
}

static bool
decimal (const char **at, uint64_t *value) {
  const char *from = *at;

  *value = 0;
  if (*from == '*') {
    *value = UINT64_MAX;
    (*at)++;
    return true;
  }
  for (; g_ascii_isdigit (**at); (*at)++)
    if (__builtin_mul_overflow (*value, 10, value)
        || __builtin_add_overflow (*value, (uint64_t)(**at - '0'), value))
      return false;
  return *at > from;
}

bool
number_of (const struct session *s, unsigned number, uint64_t *value) {
  const char *at;

  if (number >= s->count)
    return false;
  at = s->words[number];
  return decimal (&at, value) && *at == '\0';
}

bool
hex_id (const char *text, struct ptn_id *id) {
  if (strlen (text) != 2 * sizeof id->octets)
    return false;
  for (size_t i = 0; i < sizeof id->octets; i++) {
    int high = g_ascii_xdigit_value (text[2 * i]), low = g_ascii_xdigit_value (text[2 * i + 1]);

    if (high < 0 || low < 0)
      return false;
    id->octets[i] = (unsigned char)(high << 4 | low);
  }
  return true;
}

bool
set_of (struct session *s, unsigned number) {
  const char *at;

  g_array_set_size (s->set, 0);
  if (number >= s->count)
    return false;
  at = s->words[number];
  if (strcmp (at, "-") == 0 || strcmp (at, "all") == 0)
    return true;
  for (;; at++) {
    struct ptn_uid_range range;
    uint64_t first, last;

    if (!decimal (&at, &first))
      return false;
    last = first;
    if (*at == SEPARATOR) {
      at++;
      if (!decimal (&at, &last))
        return false;
    }
    range.first = (uint32_t)MIN (first, (uint64_t)UINT32_MAX);
    range.last = (uint32_t)MIN (last, (uint64_t)UINT32_MAX);
    g_array_append_val (s->set, range);
    if (*at != ',')
      return *at == '\0';
  }
}

bool
name_of (struct session *s, unsigned number, unsigned which) {
  char *separator;

  s->name[which] = (struct ptn_mailbox_name){ NULL, NULL };
  if (number >= s->count)
    return false;
  if (s->words[number][0] == '#')
    return hex_id (s->words[number] + 1, &s->id[which]);
  separator = strchr (s->words[number], SEPARATOR);
  if (separator) {
    *separator = '\0';
    s->name[which].owner = s->words[number];
  }
  s->name[which].path = separator ? separator + 1 : s->words[number];
  return true;
}

ptn_status
resolve (struct session *s, unsigned which) {
  const struct ptn_mailbox *mailbox;
  ptn_status status;

  if (!s->name[which].path)
    return PTN_OK;
  status = s->drive->store->status (s->account, &s->call, s->name[which], &mailbox);
  if (status == PTN_PENDING)
    return PTN_PENDING;
  if (status == PTN_OK)
    s->id[which] = mailbox->id;
  s->drive->host->call_end (&s->call);
  return status;
}

bool
value_of (struct session *s, unsigned number, struct ptn_bytes *value) {
  if (number >= s->count || s->words[number][0] != '=')
    return false;
  *value = (struct ptn_bytes){ s->words[number] + 1, s->sizes[number] - 1 };
  return true;
}

ptn_status
take_mailbox (struct session *s) {
  if (s->stage == 0) {
    if (!name_of (s, 1, 0))
      return PTN_E_INVALID;
    s->stage = 1;
  }
  if (s->stage == 1) {
    PASS (resolve (s, 0));
    s->stage = 2;
  }
  return PTN_OK;
}

ptn_status
put_ok (struct session *s) {
  put (s, "OK\n");
  return PTN_OK;
}

void
put (struct session *s, const char *text) {
  g_string_append (s->out, text);
}

void
put_number (struct session *s, uint64_t value) {
  char digits[24], *at = digits + sizeof digits;

  do
    *--at = (char)('0' + value % 10);
  while ((value /= 10) > 0);
  *--at = ' ';
  g_string_append_len (s->out, at, digits + sizeof digits - at);
}

void
put_signed (struct session *s, int64_t value) {
  if (value >= 0)
    put_number (s, (uint64_t)value);
  else
    g_string_append_printf (s->out, " %" G_GINT64_FORMAT, value);
}

void
put_encoded (struct session *s, const char *text, size_t size) {
  static const char hex[] = "0123456789ABCDEF";

  for (size_t i = 0; i < size; i++) {
    unsigned char octet = (unsigned char)text[i];

    if (octet > 0x20 && octet < 0x7f && octet != '%' && octet != ':' && octet != '#')
      g_string_append_c (s->out, (char)octet);
    else {
      char coded[3] = { '%', hex[octet >> 4], hex[octet & 15] };

      g_string_append_len (s->out, coded, 3);
    }
  }
}

void
put_word (struct session *s, const char *text, size_t size) {
  put (s, " ");
  put_encoded (s, text, size);
}

void
put_value (struct session *s, struct ptn_bytes value) {
  put (s, " =");
  put_encoded (s, value.data, value.size);
}

void
put_id (struct session *s, const struct ptn_id *id) {
  put (s, " #");
  for (size_t i = 0; i < sizeof id->octets; i++)
    g_string_append_printf (s->out, "%02x", id->octets[i]);
}

void
put_set (struct session *s, struct ptn_uid_set set) {
  if (set.count == 0)
    put (s, " -");
  for (size_t i = 0; i < set.count; i++) {
    size_t at = s->out->len;

    put_number (s, set.ranges[i].first);
    if (i > 0)
      s->out->str[at] = ',';
    if (set.ranges[i].last != set.ranges[i].first) {
      at = s->out->len;
      put_number (s, set.ranges[i].last);
      s->out->str[at] = ':';
    }
  }
}

void
put_time (struct session *s) {
  put_number (s, (uint64_t)(s->drive->host->monotonic_ns () - s->began) / 1000);
}

const char *
status_word (ptn_status status) {
  static const struct {
    ptn_status status;
    const char *word;
  } words[] = {
    { PTN_OK, "OK" },
    { PTN_END, "END" },
    { PTN_E_INVALID, "INVALID" },
    { PTN_E_NOT_FOUND, "NOT_FOUND" },
    { PTN_E_EXISTS, "EXISTS" },
    { PTN_E_DENIED, "DENIED" },
    { PTN_E_OVERQUOTA, "OVERQUOTA" },
    { PTN_E_LIMIT, "LIMIT" },
    { PTN_E_CONFLICT, "CONFLICT" },
    { PTN_E_EXPUNGED, "EXPUNGED" },
    { PTN_E_UNSUPPORTED, "UNSUPPORTED" },
    { PTN_E_EXPIRED, "EXPIRED" },
    { PTN_E_TEMPORARY, "TEMPORARY" },
    { PTN_E_CORRUPT, "CORRUPT" },
    { PTN_E_NO_MEMORY, "NO_MEMORY" },
    { PTN_E_CANCELLED, "CANCELLED" },
    { PTN_E_OUTCOME_UNKNOWN, "OUTCOME_UNKNOWN" },
    { PTN_E_ELSEWHERE, "ELSEWHERE" },
    { PTN_E_DISCONNECTED, "DISCONNECTED" },
  };

  for (size_t i = 0; i < G_N_ELEMENTS (words); i++)
    if (words[i].status == status)
      return words[i].word;
  return "OTHER";
}

void
flush (struct session *s) {
  ptn_status status;

  if (s->out->len == 0)
    return;
  status = s->drive->stream->write (s->stream, s->out->str, s->out->len);
  g_string_truncate (s->out, 0);
  if (status != PTN_OK && s->broken == PTN_OK)
    s->broken = status;
}

ptn_status
room_for_more (struct session *s) {
  if (s->out->len < OUT_BEFORE_WRITE)
    return PTN_OK;
  flush (s);
  if (s->broken != PTN_OK)
    return s->broken;
  return s->drive->stream->drained (s->stream, s->task, OUT_BELOW);
}
