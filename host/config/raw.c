/* SPDX-License-Identifier: Apache-2.0 */
/* raw.c - see raw.h.
 *
 * Each line is looked at here first.  A line that is wrong becomes an error and an empty line in
 * the text that GKeyFile gets, so GKeyFile sees only what it can read. */
#include "config/raw.h"
#include "log/escape.h"

#include <string.h>

struct found { /* an entry of the file being read, before GKeyFile gave its value */
  const char *title;
  char *key;
  unsigned line;
};

struct reader {
  struct raw *raw;
  const char *file;
  struct config_errors *errors;
  struct raw_section *section; /* NULL: before the first header, or in a bad section */
  bool bad_section;
  unsigned line;
  GString *clean;
  GArray *found;    /* struct found */
  GHashTable *seen; /* "title\nkey" -> line */
};

static void
entry_free (void *data) {
  struct raw_entry *entry = data;
  if (entry->value)
    explicit_bzero (entry->value, strlen (entry->value));
  g_free (entry->key);
  g_free (entry->value);
  g_free (entry);
}

static void
section_free (void *data) {
  struct raw_section *section = data;
  g_free (section->title);
  g_free (section->kind);
  g_free (section->name);
  g_free (section->instance);
  g_ptr_array_free (section->entries, true);
  g_free (section);
}

struct raw *
raw_new (void) {
  struct raw *raw = g_new0 (struct raw, 1);
  raw->sections = g_ptr_array_new_with_free_func (section_free);
  raw->files = g_ptr_array_new_with_free_func (g_free);
  return raw;
}

void
raw_free (struct raw **handle) {
  struct raw *raw = *handle;
  if (!raw)
    return;
  *handle = NULL;
  g_ptr_array_free (raw->sections, true);
  g_ptr_array_free (raw->files, true);
  g_free (raw);
}

struct raw_section *
raw_find (const struct raw *raw, const char *title) {
  for (unsigned i = 0; i < raw->sections->len; i++) {
    struct raw_section *section = raw->sections->pdata[i];
    if (strcmp (section->title, title) == 0)
      return section;
  }
  return NULL;
}

struct raw_entry *
raw_entry_find (const struct raw_section *section, const char *key) {
  for (unsigned i = 0; section && i < section->entries->len; i++) {
    struct raw_entry *entry = section->entries->pdata[i];
    if (strcmp (entry->key, key) == 0)
      return entry;
  }
  return NULL;
}

struct config_place
raw_place (const struct raw_section *section, const char *key) {
  const struct raw_entry *entry = raw_entry_find (section, key);
  return entry ? entry->place : section->place;
}

/* --- lines ----------------------------------------------------------------------------- */

static bool
word_good (const char *word) {
  for (const char *c = word; *c; c++)
    if (!g_ascii_isalnum (*c) && !strchr ("._-", *c))
      return false;
  return *word && strlen (word) <= 64 && *word != '.' && *word != '-';
}

static bool
key_good (const char *key) {
  for (const char *c = key; *c; c++)
    if (!g_ascii_islower (*c) && !g_ascii_isdigit (*c) && *c != '_')
      return false;
  return *key != 0;
}

/* The words of "plugin  storage-kyoto" with one space between; NULL: not such words. */
static char *
title_normal (const char *inside, GPtrArray *words) {
  g_auto (GStrv) parts = g_strsplit_set (inside, " \t", -1);
  for (char **part = parts; *part; part++) {
    if (!**part)
      continue;
    if (!word_good (*part))
      return NULL;
    g_ptr_array_add (words, g_strdup (*part));
  }
  if (words->len == 0 || words->len > 3)
    return NULL;
  g_ptr_array_add (words, NULL);
  return g_strjoinv (" ", (char **)words->pdata);
}

static void
read_header (struct reader *reader, char *text) {
  size_t length = strlen (text);
  reader->section = NULL;
  reader->bad_section = true;
  if (length < 2 || text[length - 1] != ']') {
    g_autofree char *shown = escape_dup (text);
    config_error (reader->errors, reader->file, reader->line,
                  "a section is written [name], not \"%s\"", shown);
    return;
  }
  text[length - 1] = 0;
  g_autoptr (GPtrArray) words = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *title = title_normal (text + 1, words);
  if (!title) {
    g_autofree char *shown = escape_dup (text + 1);
    config_error (reader->errors, reader->file, reader->line,
                  "[%s] is no name of a section: one to three words of letters, digits, '.', '-' "
                  "and '_', such as [listener pop3]",
                  shown);
    return;
  }
  struct raw_section *section = raw_find (reader->raw, title);
  if (!section) {
    section = g_new0 (struct raw_section, 1);
    section->place = (struct config_place){ reader->file, reader->line };
    section->title = g_steal_pointer (&title);
    section->words = words->len - 1;
    section->kind = g_strdup (words->pdata[0]);
    section->name = g_strdup (section->words > 1 ? words->pdata[1] : "");
    section->instance = g_strdup (section->words > 2 ? words->pdata[2] : "");
    section->entries = g_ptr_array_new_with_free_func (entry_free);
    g_ptr_array_add (reader->raw->sections, section);
  }
  reader->section = section;
  reader->bad_section = false;
  g_string_append_printf (reader->clean, "[%s]", section->title);
}

static bool
seen_before (struct reader *reader, const char *key) {
  g_autofree char *name = g_strdup_printf ("%s\n%s", reader->section->title, key);
  unsigned first = GPOINTER_TO_UINT (g_hash_table_lookup (reader->seen, name));
  if (!first) {
    g_hash_table_insert (reader->seen, g_steal_pointer (&name), GUINT_TO_POINTER (reader->line));
    return false;
  }
  config_error (reader->errors, reader->file, reader->line,
                "%s is set twice in [%s]; the first time in line %u", key, reader->section->title,
                first);
  return true;
}

static void
read_pair (struct reader *reader, const char *text) {
  const char *equals = strchr (text, '=');
  g_autofree char *key = equals ? g_strndup (text, (size_t)(equals - text)) : NULL;
  g_autofree char *shown = escape_dup (key ? g_strchomp (key) : text);
  if (!key) {
    config_error (reader->errors, reader->file, reader->line,
                  "expected \"name = value\", a [section] or a # comment, not \"%s\"%s", shown,
                  *text == ';' ? " (comments begin with #)" : "");
    return;
  }
  if (!key_good (key)) {
    config_error (reader->errors, reader->file, reader->line,
                  "\"%s\" is no name of a setting: small letters, digits and '_'%s", shown,
                  *text == ';' ? " (comments begin with #)" : "");
    return;
  }
  if (!reader->section) {
    if (!reader->bad_section)
      config_error (reader->errors, reader->file, reader->line,
                    "%s stands before the first [section]", key);
    return;
  }
  if (seen_before (reader, key))
    return;
  g_string_append_printf (reader->clean, "%s=%s", key, equals + 1);
  struct found found = { reader->section->title, g_steal_pointer (&key), reader->line };
  g_array_append_val (reader->found, found);
}

static void
read_line (struct reader *reader, const char *data, size_t size) {
  if (memchr (data, 0, size) || !g_utf8_validate (data, (gssize)size, NULL)) {
    config_error (reader->errors, reader->file, reader->line,
                  "the line is not UTF-8 text, or has a NUL octet");
    return;
  }
  g_autofree char *text = g_strstrip (g_strndup (data, size));
  if (*text == '[')
    read_header (reader, text);
  else if (*text && *text != '#')
    read_pair (reader, text);
  explicit_bzero (text, strlen (text));
}

static void
read_lines (struct reader *reader, const char *data, size_t size) {
  if (size >= 3 && memcmp (data, "\xef\xbb\xbf", 3) == 0) {
    data += 3;
    size -= 3;
  }
  while (size > 0) {
    const char *newline = memchr (data, '\n', size);
    size_t length = newline ? (size_t)(newline - data) : size;
    reader->line++;
    read_line (reader, data, length);
    g_string_append_c (reader->clean, '\n');
    data += length + (newline != NULL);
    size -= length + (newline != NULL);
  }
}

/* --- values ---------------------------------------------------------------------------- */

static void
take_value (struct reader *reader, GKeyFile *keys, const struct found *found) {
  g_autoptr (GError) error = NULL;
  char *value = g_key_file_get_string (keys, found->title, found->key, &error);
  if (!value || error) { /* it gives both for a bad escape */
    g_free (value);
    config_error (reader->errors, reader->file, found->line,
                  "%s: the value has an escape other than \\s \\n \\t \\r \\\\", found->key);
    return;
  }
  struct raw_section *section = raw_find (reader->raw, found->title);
  struct raw_entry *entry = raw_entry_find (section, found->key);
  if (!entry) {
    entry = g_new0 (struct raw_entry, 1);
    entry->key = g_strdup (found->key);
    g_ptr_array_add (section->entries, entry);
  } else {
    explicit_bzero (entry->value, strlen (entry->value));
    g_free (entry->value);
  }
  entry->value = value;
  entry->place = (struct config_place){ reader->file, found->line };
}

static void
take_values (struct reader *reader) {
  g_autoptr (GKeyFile) keys = g_key_file_new ();
  g_autoptr (GError) error = NULL;
  if (!g_key_file_load_from_data (keys, reader->clean->str, reader->clean->len, G_KEY_FILE_NONE,
                                  &error)) {
    g_autofree char *shown = escape_dup (error->message);
    config_error (reader->errors, reader->file, 0, "cannot be read as a key file: %s", shown);
    return;
  }
  for (unsigned i = 0; i < reader->found->len; i++)
    take_value (reader, keys, &g_array_index (reader->found, struct found, i));
}

void
raw_add (struct raw *raw, const struct config_text *text, struct config_errors *errors) {
  char *file = g_strdup (text->file);
  g_ptr_array_add (raw->files, file);
  struct reader reader = { .raw = raw,
                           .file = file,
                           .errors = errors,
                           .clean = g_string_sized_new (text->size + 64),
                           .found = g_array_new (false, false, sizeof (struct found)),
                           .seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL) };
  read_lines (&reader, text->data, text->size);
  take_values (&reader);
  for (unsigned i = 0; i < reader.found->len; i++)
    g_free (g_array_index (reader.found, struct found, i).key);
  g_array_free (reader.found, true);
  g_hash_table_destroy (reader.seen);
  explicit_bzero (reader.clean->str, reader.clean->len);
  g_string_free (reader.clean, true);
}
