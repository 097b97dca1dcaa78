/* SPDX-License-Identifier: Apache-2.0 */
/* uidlist.c - see uidlist.h. */
#include "uidlist.h"

#include "filename.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Decimal, up to a blank or the end; moves on behind one blank. */
static bool
number_at (char **at, uint32_t *value) {
  char *digit = *at;
  uint64_t number = 0;
  while (g_ascii_isdigit (*digit) && number <= UINT32_MAX)
    number = number * 10 + (uint64_t)(*digit++ - '0');
  if (digit == *at || number > UINT32_MAX || (*digit && *digit != ' '))
    return false;
  *at = *digit ? digit + 1 : digit;
  *value = (uint32_t)number;
  return true;
}

static bool
parse_id (const char *hex, size_t length, struct ptn_id *id) {
  if (length != 2 * sizeof id->octets)
    return false;
  for (size_t i = 0; i < sizeof id->octets; i++) {
    int high = g_ascii_xdigit_value (hex[2 * i]), low = g_ascii_xdigit_value (hex[2 * i + 1]);
    if (high < 0 || low < 0)
      return false;
    id->octets[i] = (unsigned char)(high << 4 | low);
  }
  return true;
}

static bool
parse_head (struct uidlist *list, char *line, unsigned *version) {
  uint32_t number;
  if (!number_at (&line, &number) || (number != 1 && number != 3))
    return false;
  *version = number;
  if (number == 1)
    return number_at (&line, &list->uidvalidity) && number_at (&line, &list->next_uid)
           && list->uidvalidity;
  for (char *field = line; *field;) {
    char *end = strchrnul (field, ' ');
    char *value = field + 1;
    if (*field == 'V' && !number_at (&value, &list->uidvalidity))
      return false;
    if (*field == 'N' && !number_at (&value, &list->next_uid))
      return false;
    if (*field == 'G')
      list->has_id = parse_id (value, (size_t)(end - value), &list->id);
    field = *end ? end + 1 : end;
  }
  return list->uidvalidity != 0;
}

/* Points into the line, which is cut into strings. */
static bool
parse_line (char *line, unsigned version, struct uidlist_line *parsed) {
  *parsed = (struct uidlist_line){ .crlf_size = UINT64_MAX, .extension = "" };
  if (!number_at (&line, &parsed->uid) || parsed->uid == 0)
    return false;
  if (version == 3 && *line != ':') {
    char *colon = strstr (line, " :");
    if (!colon)
      return false;
    *colon = '\0';
    parsed->extension = line;
    for (char *field = line; *field; field = strchrnul (field, ' '), field += *field == ' ')
      if (*field == 'W' && g_ascii_isdigit (field[1]))
        parsed->crlf_size = g_ascii_strtoull (field + 1, NULL, 10);
    line = colon + 1;
  }
  if (version == 3 && *line++ != ':')
    return false;
  struct file_name name;
  parsed->name = line;
  if (!file_name_parse (line, &name))
    return false;
  parsed->base = (uint16_t)name.base;
  return true;
}

static gint
compare_lines (gconstpointer a, gconstpointer b) {
  const struct uidlist_line *x = a, *y = b;
  return x->uid < y->uid ? -1 : x->uid > y->uid;
}

static guint
hash_base (gconstpointer key) {
  guint hash = 5381;
  for (const char *at = key; *at && *at != ':'; at++)
    hash = hash * 33 + (guchar)*at;
  return hash;
}

static gboolean
same_base (gconstpointer a, gconstpointer b) {
  const char *x = a, *y = b;
  size_t length = strcspn (x, ":");
  return length == strcspn (y, ":") && memcmp (x, y, length) == 0;
}

/* A UID or a file that comes twice: the greater UID is the later truth for the file, and nobody
 * knows which file a doubled UID means, so its second is left to get a new one. */
static void
drop_doubles (struct uidlist *list) {
  g_autoptr (GHashTable) names = g_hash_table_new (hash_base, same_base);
  guint kept = list->lines->len;
  struct uidlist_line *lines = (struct uidlist_line *)(void *)list->lines->data;
  for (guint i = list->lines->len; i-- > 0;) { /* from behind */
    bool same_uid = i > 0 && lines[i - 1].uid == lines[i].uid;
    if (same_uid || !g_hash_table_add (names, (char *)lines[i].name))
      list->skipped++;
    else
      lines[--kept] = lines[i];
  }
  g_array_remove_range (list->lines, 0, kept);
}

struct uidlist *
uidlist_parse (char *text, size_t size) {
  struct uidlist *list = g_new0 (struct uidlist, 1);
  unsigned version = 0;
  bool sorted = true, head = false;
  list->text = text;
  list->lines = g_array_new (FALSE, FALSE, sizeof (struct uidlist_line));
  for (char *at = text, *end; (end = memchr (at, '\n', size - (size_t)(at - text))); at = end + 1) {
    *end = '\0';
    struct uidlist_line line;
    if (!head && !(head = parse_head (list, at, &version)))
      break;
    if (at == text)
      continue;
    if (memchr (at, '\0', (size_t)(end - at)) || !parse_line (at, version, &line)) {
      list->skipped += *at != '\0';
      continue;
    }
    if (list->lines->len > 0)
      sorted &=
          line.uid > g_array_index (list->lines, struct uidlist_line, list->lines->len - 1).uid;
    g_array_append_val (list->lines, line);
  }
  if (!head) {
    uidlist_free (list);
    return NULL;
  }
  if (!sorted)
    g_array_sort (list->lines, compare_lines);
  drop_doubles (list);
  if (list->lines->len > 0) {
    uint32_t last = g_array_index (list->lines, struct uidlist_line, list->lines->len - 1).uid;
    if (list->next_uid <= last && last < UINT32_MAX)
      list->next_uid = last + 1;
  }
  list->next_uid = MAX (list->next_uid, 1);
  return list;
}

void
uidlist_free (struct uidlist *list) {
  g_array_unref (list->lines);
  g_free (list->text);
  g_free (list);
}

void
uidlist_put_head (GString *out, uint32_t uidvalidity, uint32_t next_uid, const struct ptn_id *id) {
  g_string_append_printf (out, "3 V%u N%u G", uidvalidity, next_uid);
  for (size_t i = 0; i < sizeof id->octets; i++)
    g_string_append_printf (out, "%02x", id->octets[i]);
  g_string_append_c (out, '\n');
}

void
uidlist_put_line (GString *out, uint32_t uid, const char *extension, const char *name,
                  size_t base) {
  char number[16];
  g_snprintf (number, sizeof number, "%u ", uid);
  g_string_append (out, number);
  if (*extension) {
    g_string_append (out, extension);
    g_string_append_c (out, ' ');
  }
  g_string_append_c (out, ':');
  g_string_append_len (out, name, (gssize)base);
  g_string_append_c (out, '\n');
}

GPtrArray *
keywords_parse (const char *text) {
  GPtrArray *words = g_ptr_array_new_with_free_func (g_free);
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  for (char **line = lines; *line; line++) {
    char *at = *line;
    uint32_t number;
    if (!number_at (&at, &number) || number >= LETTER_KEYWORDS || !*at
        || !g_utf8_validate (at, -1, NULL) || strpbrk (at, " \r\t"))
      continue;
    while (words->len <= number)
      g_ptr_array_add (words, g_strdup_printf ("unknown-%u", words->len));
    g_free (words->pdata[number]);
    words->pdata[number] = g_strdup (at);
  }
  return words;
}

char *
keywords_format (const GPtrArray *words) {
  GString *text = g_string_new (NULL);
  for (guint i = 0; i < MIN (words->len, LETTER_KEYWORDS); i++)
    g_string_append_printf (text, "%u %s\n", i, (const char *)words->pdata[i]);
  return g_string_free (text, FALSE);
}
