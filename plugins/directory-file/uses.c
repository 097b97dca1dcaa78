/* SPDX-License-Identifier: Apache-2.0 */
/* uses.c - see uses.h.  A line of the file is ACCOUNT, LABEL, seconds, service and address, divided
 * by tabs, which names and labels have not. */
#include "uses.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define WRITE_EVERY_NS G_GINT64_CONSTANT (60000000000)
#define FILE_LIMIT (64u * 1024u * 1024u)

struct uses {
  char *file;
  pthread_mutex_t lock;
  GHashTable *table; /* "account\tlabel" to struct use */
  bool dirty;
  int64_t next_write_ns;
};

static char *
key_of (const char *account, const char *label) {
  return g_strconcat (account, "\t", label, NULL);
}

/* ---- Reading ----------------------------------------------------------------------------- */

static void
read_line (struct uses *uses, const char *line) {
  g_auto (GStrv) words = g_strsplit (line, "\t", 6);
  gint64 when;
  if (g_strv_length (words) != 5
      || !g_ascii_string_to_signed (words[2], 10, 1, G_MAXINT64, &when, NULL))
    return;
  struct use *use = g_new0 (struct use, 1);
  use->when = when;
  g_strlcpy (use->service, words[3], sizeof use->service);
  g_strlcpy (use->peer, words[4], sizeof use->peer);
  g_hash_table_replace (uses->table, key_of (words[0], words[1]), use);
}

struct uses *
uses_new (const char *file) {
  struct uses *uses = g_new0 (struct uses, 1);
  uses->file = g_strdup (file);
  uses->table = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  pthread_mutex_init (&uses->lock, NULL);
  FILE *input = fopen (file, "re");
  char line[1024];
  size_t octets = 0;
  while (input && octets < FILE_LIMIT && fgets (line, sizeof line, input)) {
    octets += strlen (line);
    line[strcspn (line, "\n")] = '\0';
    read_line (uses, line);
  }
  if (input)
    fclose (input);
  return uses;
}

void
uses_free (struct uses *uses) {
  g_hash_table_unref (uses->table);
  pthread_mutex_destroy (&uses->lock);
  g_free (uses->file);
  g_free (uses);
}

/* ---- Using ------------------------------------------------------------------------------- */

void
uses_note (struct uses *uses, const char *account, const char *label, const char *service,
           const char *peer, int64_t when) {
  g_autofree char *key = key_of (account, label);
  pthread_mutex_lock (&uses->lock);
  struct use *use = g_hash_table_lookup (uses->table, key);
  if (!use) {
    use = g_new0 (struct use, 1);
    g_hash_table_insert (uses->table, g_steal_pointer (&key), use);
  }
  use->when = when;
  g_strlcpy (use->service, service, sizeof use->service);
  g_strlcpy (use->peer, peer, sizeof use->peer);
  uses->dirty = true;
  pthread_mutex_unlock (&uses->lock);
}

/* The row stays: a writer may be looking at its key. */
void
uses_begin (struct uses *uses, const char *account, const char *label) {
  g_autofree char *key = key_of (account, label);
  pthread_mutex_lock (&uses->lock);
  struct use *use = g_hash_table_lookup (uses->table, key);
  if (use) {
    *use = (struct use){ 0 };
    uses->dirty = true;
  }
  pthread_mutex_unlock (&uses->lock);
}

struct use
uses_find (struct uses *uses, const char *account, const char *label) {
  g_autofree char *key = key_of (account, label);
  pthread_mutex_lock (&uses->lock);
  const struct use *use = g_hash_table_lookup (uses->table, key);
  const struct use found = use ? *use : (struct use){ 0 };
  pthread_mutex_unlock (&uses->lock);
  return found;
}

/* ---- Writing ----------------------------------------------------------------------------- */

bool
uses_are_due (struct uses *uses, int64_t now_ns) {
  pthread_mutex_lock (&uses->lock);
  const bool due = uses->dirty && now_ns >= uses->next_write_ns;
  pthread_mutex_unlock (&uses->lock);
  return due;
}

static bool
has_label (const struct account *account, const char *label) {
  for (size_t i = 0; i < account->app_count; i++)
    if (strcmp (account->apps[i].label, label) == 0)
      return true;
  return false;
}

static bool
is_gone (const char *key, const struct accounts *accounts) {
  const char *tab = strchr (key, '\t');
  g_autofree char *name = g_strndup (key, (gsize)(tab - key));
  const struct account *account = accounts_find (accounts, name);
  return !account || !has_label (account, tab + 1);
}

struct line {
  const char *key; /* of the table, which only a writer takes rows from */
  struct use use;
};

/* A copy, so that no login waits while text is made of it; nothing is dirty any more. */
static GArray *
take_lines (struct uses *uses) {
  GHashTableIter walk;
  gpointer key, value;
  pthread_mutex_lock (&uses->lock);
  GArray *lines =
      g_array_sized_new (FALSE, FALSE, sizeof (struct line), g_hash_table_size (uses->table));
  g_hash_table_iter_init (&walk, uses->table);
  while (g_hash_table_iter_next (&walk, &key, &value)) {
    const struct line line = { key, *(const struct use *)value };
    g_array_append_val (lines, line);
  }
  uses->dirty = false;
  pthread_mutex_unlock (&uses->lock);
  return lines;
}

static void
forget_use (struct uses *uses, const char *key) {
  pthread_mutex_lock (&uses->lock);
  g_hash_table_remove (uses->table, key);
  pthread_mutex_unlock (&uses->lock);
}

/* What the accounts no longer have is forgotten on the way. */
static GString *
take_text (struct uses *uses, const struct accounts *accounts) {
  g_autoptr (GArray) lines = take_lines (uses);
  GString *text = g_string_new (NULL);
  for (guint i = 0; i < lines->len; i++) {
    const struct line *line = &g_array_index (lines, struct line, i);
    if (is_gone (line->key, accounts))
      forget_use (uses, line->key);
    else if (line->use.when > 0)
      g_string_append_printf (text, "%s\t%" G_GINT64_FORMAT "\t%s\t%s\n", line->key,
                              (gint64)line->use.when, line->use.service, line->use.peer);
  }
  return text;
}

static bool
write_all (int fd, const char *data, size_t size) {
  for (size_t done = 0; done < size;) {
    const ssize_t put = write (fd, data + done, size - done);
    if (put < 0 && errno == EINTR)
      continue;
    if (put < 0)
      return false;
    done += (size_t)put;
  }
  return true;
}

bool
uses_write (struct uses *uses, const struct accounts *accounts, int64_t now_ns) {
  pthread_mutex_lock (&uses->lock);
  uses->next_write_ns = now_ns + WRITE_EVERY_NS;
  pthread_mutex_unlock (&uses->lock);
  g_autoptr (GString) text = take_text (uses, accounts);

  g_autofree char *fresh = g_strconcat (uses->file, ".new", NULL);
  const int fd = open (fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  bool done = fd >= 0 && write_all (fd, text->str, text->len);
  int why = errno;
  if (fd >= 0 && close (fd) != 0 && done) {
    why = errno;
    done = false;
  }
  if (done && rename (fresh, uses->file) == 0)
    return true;
  why = done ? errno : why;
  if (fd >= 0)
    unlink (fresh);
  errno = why;
  return false;
}
