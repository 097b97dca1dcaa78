/* SPDX-License-Identifier: Apache-2.0 */
/* read.c - entries, attributes and values of annotations out of commands (RFC 5257 section 5). */
#include "annotation/annotation.h"

#include <string.h>

#define PATTERNS_MAX 64   /* of one command: each is compared with each annotation and each other */
#define SETTINGS_MAX 1000 /* of one command */

static const struct attribute {
  const char *name;
  unsigned bits;
} attributes[] = {
  { "value", ANNOTATION_VALUES },
  { "value.priv", ANNOTATION_VALUE_PRIVATE },
  { "value.shared", ANNOTATION_VALUE_SHARED },
  { "size", ANNOTATION_SIZE_PRIVATE | ANNOTATION_SIZE_SHARED },
  { "size.priv", ANNOTATION_SIZE_PRIVATE },
  { "size.shared", ANNOTATION_SIZE_SHARED },
};

/* Of an entry that begins with a digit the first level is a part: 1*DIGIT without leading zeros,
 * divided by dots. */
static bool
is_part (const char *p, size_t size) {
  bool first = true;
  for (size_t i = 0; i < size; i++) {
    if (p[i] == '.' ? first : !g_ascii_isdigit (p[i]) || (first && p[i] == '0'))
      return false;
    first = p[i] == '.';
  }
  return !first;
}

/* Section 3.2: levels behind "/", ASCII, no control characters. */
static const char *
check_entry (struct reader *r, const char *entry, bool pattern) {
  if (!entry)
    return NULL;
  size_t size = strlen (entry);
  bool anything = pattern && (entry[0] == '*' || entry[0] == '%');
  const char *why = NULL;
  if ((entry[0] != '/' && !anything) || (size > 1 && entry[size - 1] == '/') || size < 1
      || strstr (entry, "//") || (size == 1 && entry[0] == '/'))
    why = "an annotation's entry begins with \"/\" and has no empty levels";
  else if (size > ANNOTATION_ENTRY_MAX)
    why = "an annotation's entry is too long";
  for (const char *p = entry; !why && *p; p++)
    if ((unsigned char)*p < 0x20 || (unsigned char)*p >= 0x7f || (!pattern && strchr ("*%", *p)))
      why = "an annotation's entry has characters that it may not have";
  if (!why && g_ascii_isdigit (entry[1]) && !strpbrk (entry, "*%")) {
    const char *end = strchr (entry + 1, '/');
    if (!end || !is_part (entry + 1, (size_t)(end - entry - 1)))
      why = "an annotation's entry with a malformed part number";
  }
  if (!why)
    return entry;
  reader_fail (r, why);
  return NULL;
}

/* entry-match is written as a list-mailbox, but is none: no modified UTF-7. */
static const char *
read_pattern (struct reader *r) {
  bool utf8 = r->utf8;
  r->utf8 = true;
  const char *pattern = reader_list_mailbox (r);
  r->utf8 = utf8;
  return check_entry (r, pattern, true);
}

static const char *
read_entry (struct reader *r) {
  return check_entry (r, reader_astring (r, NULL), false);
}

static bool
read_attribute (struct reader *r, unsigned *bits) {
  const char *name = reader_astring (r, NULL);
  if (!name)
    return false;
  for (size_t i = 0; i < G_N_ELEMENTS (attributes); i++)
    if (strcmp (name, attributes[i].name) == 0) {
      *bits = attributes[i].bits;
      return true;
    }
  return reader_fail (r, "unknown attribute of an annotation: value or size, .priv or .shared");
}

static void
query_attributes (struct annotation_query *query, unsigned bits) {
  for (unsigned bit = 1; bit <= ANNOTATION_SIZE_SHARED; bit <<= 1) {
    bool there = !(bits & bit);
    for (unsigned i = 0; i < query->count; i++)
      there |= query->attributes[i] == bit;
    if (!there)
      query->attributes[query->count++] = (unsigned char)bit;
  }
}

static bool
read_query_entries (struct reader *r, struct annotation_query *query) {
  bool list = reader_accept (r, '(');
  do {
    const char *pattern = read_pattern (r);
    if (!pattern)
      return false;
    if (query->patterns->len == PATTERNS_MAX)
      return reader_fail (r, "too many entries of annotations");
    g_ptr_array_add (query->patterns, (void *)pattern);
  } while (list && reader_accept (r, ' '));
  return !list || reader_expect (r, ')');
}

static bool
read_query_attributes (struct reader *r, struct annotation_query *query) {
  bool list = reader_accept (r, '(');
  do {
    unsigned bits = 0;
    if (!read_attribute (r, &bits))
      return false;
    query_attributes (query, bits);
  } while (list && reader_accept (r, ' '));
  return !list || reader_expect (r, ')');
}

bool
annotation_read_query (struct reader *r, struct annotation_query *query) {
  *query = (struct annotation_query){ .patterns = g_ptr_array_new () };
  return reader_expect (r, '(') && read_query_entries (r, query) && reader_space (r)
         && read_query_attributes (r, query) && reader_expect (r, ')');
}

void
annotation_query_clear (struct annotation_query *query) {
  if (query->patterns)
    g_ptr_array_unref (query->patterns);
  *query = (struct annotation_query){ 0 };
}

bool
annotation_read_search (struct reader *r, const char **pattern, unsigned *bits) {
  *pattern = read_pattern (r);
  if (!*pattern || !reader_space (r) || !read_attribute (r, bits))
    return false;
  return !(*bits & ~(unsigned)ANNOTATION_VALUES)
         || reader_fail (r, "only values of annotations can be searched");
}

static const char *
stored_name (struct reader *r, const char *entry, unsigned bits) {
  g_autofree char *name =
      g_strconcat (bits == ANNOTATION_VALUE_PRIVATE ? "/private" : "/shared", entry, NULL);
  return reader_keep (r, name, strlen (name));
}

/* value.priv or value.shared, where one of them has to be named. */
static bool
read_one_value (struct reader *r, unsigned *bits) {
  if (!read_attribute (r, bits))
    return false;
  return *bits == ANNOTATION_VALUE_PRIVATE || *bits == ANNOTATION_VALUE_SHARED
         || reader_fail (r, "expected value.priv or value.shared");
}

bool
annotation_read_sort (struct reader *r, const char **name) {
  const char *entry = read_entry (r);
  unsigned bits = 0;
  if (!entry || !reader_space (r) || !read_one_value (r, &bits))
    return false;
  *name = stored_name (r, entry, bits);
  return true;
}

/* Section 3.2.1: "/flags" is reserved; the flags of a part are "0" or "1". */
static bool
may_be_set (struct reader *r, const char *entry, struct ptn_bytes value) {
  if (g_str_has_prefix (entry, "/flags") && (!entry[6] || entry[6] == '/'))
    return reader_fail (r, "the entry /flags is reserved");
  const char *rest = g_ascii_isdigit (entry[1]) ? strchr (entry + 1, '/') : NULL;
  if (!rest || !g_str_has_prefix (rest, "/flags/") || !value.data)
    return true;
  const char *flag = value.data;
  return (value.size == 1 && (*flag == '0' || *flag == '1'))
         || reader_fail (r, "a part's flag is \"0\", \"1\" or NIL");
}

static bool
read_values (struct reader *r, const char *entry, GArray *settings) {
  if (!reader_space (r) || !reader_expect (r, '('))
    return false;
  do {
    struct annotation_setting setting;
    unsigned bits = 0;
    if (!read_one_value (r, &bits) || !reader_space (r) || !reader_value (r, &setting.value)
        || !may_be_set (r, entry, setting.value))
      return false;
    if (settings->len == SETTINGS_MAX)
      return reader_fail (r, "too many annotations at once");
    setting.name = stored_name (r, entry, bits);
    g_array_append_val (settings, setting);
  } while (reader_accept (r, ' '));
  return reader_expect (r, ')');
}

GArray *
annotation_read_settings (struct reader *r) {
  g_autoptr (GArray) settings = g_array_new (FALSE, FALSE, sizeof (struct annotation_setting));
  if (!reader_expect (r, '('))
    return NULL;
  do {
    const char *entry = read_entry (r);
    if (!entry || !read_values (r, entry, settings))
      return NULL;
  } while (reader_accept (r, ' '));
  return reader_expect (r, ')') ? g_steal_pointer (&settings) : NULL;
}

bool
annotation_too_big (const GArray *settings) {
  for (guint i = 0; i < settings->len; i++)
    if (g_array_index (settings, struct annotation_setting, i).value.size > ANNOTATION_VALUE_MAX)
      return true;
  return false;
}
