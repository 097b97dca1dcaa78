/* SPDX-License-Identifier: Apache-2.0 */
/* rules.c - see rules.h.  Owns a table of "kind LF value"; a load makes a new one. */
#include "rules.h"

#include <pthread.h>
#include <string.h>
#include <sys/stat.h>

#define LOOK_EVERY_NS (2 * G_GINT64_CONSTANT (1000000000))

struct version { /* of a file, as far as stat tells */
  dev_t device;
  ino_t inode;
  off_t size;
  struct timespec modified;
};

struct external_rules {
  pthread_mutex_t lock;
  GHashTable *logins; /* char * -> char *, both owned */
  char *file;         /* NULL: there is none */
  struct version version;
  gint64 next_look_ns;
};

static const char *const kinds[] = { "fingerprint", "subject", "email", "upn", NULL };

static GHashTable *
table_new (void) {
  return g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
}

struct external_rules *
external_rules_new (void) {
  struct external_rules *rules = g_new0 (struct external_rules, 1);
  pthread_mutex_init (&rules->lock, NULL);
  rules->logins = table_new ();
  return rules;
}

void
external_rules_free (struct external_rules **rules) {
  if (!*rules)
    return;
  g_hash_table_unref ((*rules)->logins);
  g_free ((*rules)->file);
  pthread_mutex_destroy (&(*rules)->lock);
  g_clear_pointer (rules, g_free);
}

/* Addresses and fingerprints are the same in any case; a subject is not. */
static char *
key_of (const char *kind, const char *value) {
  g_autofree char *folded =
      strcmp (kind, "subject") == 0 ? g_strdup (value) : g_ascii_strdown (value, -1);
  return g_strconcat (kind, "\n", folded, NULL);
}

/* With or without colons, as tools print it. */
static char *
read_fingerprint (const char *text) {
  GString *digits = g_string_new (NULL);
  for (; *text; text++)
    if (*text != ':')
      g_string_append_c (digits, *text);
  const bool good = digits->len == 64 && strspn (digits->str, "0123456789abcdefABCDEF") == 64;
  return g_string_free (digits, !good);
}

/* LOGIN KIND VALUE, divided by spaces; the value may contain some.  NULL, or what is wrong. */
static const char *
read_rule (GHashTable *logins, char *line) {
  char *pieces[2];
  size_t count = 0;
  char *rest = line;
  for (; count < 2 && *rest; count++) {
    pieces[count] = rest;
    rest += strcspn (rest, " \t");
    if (*rest)
      *rest++ = '\0';
    rest = g_strchug (rest);
  }
  if (count < 2 || !*rest)
    return "expected LOGIN KIND VALUE";
  if (!g_strv_contains (kinds, pieces[1]))
    return "expected fingerprint, subject, email or upn behind the login";
  g_autofree char *digits = NULL;
  if (strcmp (pieces[1], "fingerprint") == 0) {
    digits = read_fingerprint (rest);
    if (!digits)
      return "a fingerprint is SHA-256: 64 hexadecimal digits, with or without colons";
    rest = digits;
  }
  g_autofree char *key = key_of (pieces[1], rest);
  if (g_hash_table_contains (logins, key))
    return "this value has a rule already";
  g_hash_table_insert (logins, g_steal_pointer (&key), g_strdup (pieces[0]));
  return NULL;
}

static GHashTable *
read_file (const char *file, char **why) {
  g_autofree char *text = NULL;
  gsize size = 0;
  g_autoptr (GError) error = NULL;
  if (!g_file_get_contents (file, &text, &size, &error)) {
    *why = g_strdup (error->message);
    return NULL;
  }
  if (!g_utf8_validate (text, (gssize)size, NULL)) {
    *why = g_strdup_printf ("%s: not UTF-8", file);
    return NULL;
  }
  g_autoptr (GHashTable) logins = table_new ();
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  for (size_t i = 0; lines[i]; i++) {
    char *line = g_strstrip (lines[i]);
    const char *fault = *line && *line != '#' ? read_rule (logins, line) : NULL;
    if (fault) {
      *why = g_strdup_printf ("%s:%zu: %s", file, i + 1, fault);
      return NULL;
    }
  }
  return g_steal_pointer (&logins);
}

/* ---- The rules in use -------------------------------------------------------------------- */

static GHashTable *
read_any (const char *file, char **why) {
  return file && *file ? read_file (file, why) : table_new ();
}

static struct version
version_of (const char *file) {
  struct stat status;
  if (!file || stat (file, &status) != 0)
    return (struct version){ .size = -1 };
  return (struct version){ status.st_dev, status.st_ino, status.st_size, status.st_mtim };
}

static bool
same_version (const struct version *a, const struct version *b) {
  return a->device == b->device && a->inode == b->inode && a->size == b->size
         && a->modified.tv_sec == b->modified.tv_sec && a->modified.tv_nsec == b->modified.tv_nsec;
}

bool
external_rules_check (const char *file, char **why) {
  GHashTable *read = read_any (file, why);
  if (read)
    g_hash_table_unref (read);
  return read != NULL;
}

/* The version is taken before the file is read: a change in between is seen at the next look. */
static bool
load (struct external_rules *rules, char **why) {
  rules->version = version_of (rules->file);
  GHashTable *fresh = read_any (rules->file, why);
  if (!fresh)
    return false;
  g_hash_table_unref (rules->logins);
  rules->logins = fresh;
  return true;
}

bool
external_rules_load (struct external_rules *rules, const char *file, char **why) {
  pthread_mutex_lock (&rules->lock);
  g_free (rules->file);
  rules->file = file && *file ? g_strdup (file) : NULL;
  const bool loaded = load (rules, why);
  pthread_mutex_unlock (&rules->lock);
  return loaded;
}

bool
external_rules_look (struct external_rules *rules, gint64 now_ns, char **why) {
  bool good = true;
  pthread_mutex_lock (&rules->lock);
  if (rules->file && now_ns >= rules->next_look_ns) {
    const struct version now = version_of (rules->file);
    rules->next_look_ns = now_ns + LOOK_EVERY_NS;
    if (!same_version (&now, &rules->version))
      good = load (rules, why);
  }
  pthread_mutex_unlock (&rules->lock);
  return good;
}

char *
external_rules_find (struct external_rules *rules, const char *kind, const char *value) {
  g_autofree char *key = key_of (kind, value);
  pthread_mutex_lock (&rules->lock);
  char *login = g_strdup (g_hash_table_lookup (rules->logins, key));
  pthread_mutex_unlock (&rules->lock);
  return login;
}
