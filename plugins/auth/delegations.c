/* SPDX-License-Identifier: Apache-2.0 */
/* delegations.c - see delegations.h.  Owns a tree of "mailbox TAB user" and its rows. */
#include "delegations.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

struct row {
  ptn_access access;
  char *mailbox_id, *user_id;
};

struct delegations {
  pthread_mutex_t lock;
  GTree *rows; /* char * "mailbox TAB user" -> struct row */
  char *folder, *file;
};

static struct row *
row_new (ptn_access access, const char *mailbox_id, const char *user_id) {
  struct row *row = g_new0 (struct row, 1);
  row->access = access;
  row->mailbox_id = g_strdup (mailbox_id);
  row->user_id = g_strdup (user_id);
  return row;
}

static void
row_free (void *data) {
  struct row *row = data;
  g_free (row->mailbox_id);
  g_free (row->user_id);
  g_free (row);
}

static int
compare (const void *one, const void *other, void *data) {
  return strcmp (one, other);
}

static char *
key_of (const char *mailbox, const char *user) {
  return g_strconcat (mailbox, "\t", user, NULL);
}

/* ---- The file ---------------------------------------------------------------------------- */

/* false: a line that nobody here wrote. */
static bool
read_line (struct delegations *delegations, const char *line) {
  g_auto (GStrv) fields = g_strsplit (line, "\t", -1);
  const size_t count = g_strv_length (fields);
  if ((count != 3 && count != 5) || !*fields[0] || !*fields[1])
    return false;
  const bool full = strcmp (fields[2], "full") == 0;
  if (!full && strcmp (fields[2], "read") != 0)
    return false;
  g_tree_replace (delegations->rows, key_of (fields[0], fields[1]),
                  row_new (full ? PTN_ACCESS_FULL : PTN_ACCESS_READ, count == 5 ? fields[3] : "",
                           count == 5 ? fields[4] : ""));
  return true;
}

static bool
read_file (struct delegations *delegations, char **why) {
  g_autofree char *text = NULL;
  g_autoptr (GError) error = NULL;
  if (!g_file_get_contents (delegations->file, &text, NULL, &error)) {
    if (g_error_matches (error, G_FILE_ERROR, G_FILE_ERROR_NOENT))
      return true;
    *why = g_strdup (error->message);
    return false;
  }
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  for (size_t i = 0; lines[i]; i++)
    if (*lines[i] && *lines[i] != '#' && !read_line (delegations, lines[i])) {
      *why = g_strdup_printf (
          "%s:%zu: not MAILBOX, tab, USER, tab, full or read, and perhaps two identifiers",
          delegations->file, i + 1);
      return false;
    }
  return true;
}

static gboolean
add_line (void *key, void *value, void *text) {
  const struct row *row = value;
  g_string_append_printf (text, "%s\t%s\t%s\t%s\n", (const char *)key,
                          row->access == PTN_ACCESS_FULL ? "full" : "read", row->mailbox_id,
                          row->user_id);
  return FALSE;
}

/* After the rename the folder is synced too: what was taken away must stay so. */
static bool
write_file (const struct delegations *delegations, char **why) {
  g_autoptr (GString) text = g_string_new ("# posternctl delegate writes this file.\n");
  g_autoptr (GError) error = NULL;
  g_tree_foreach (delegations->rows, add_line, text);
  if (!g_file_set_contents_full (delegations->file, text->str, (gssize)text->len,
                                 G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE, 0600,
                                 &error)) {
    *why = g_strdup (error->message);
    return false;
  }
  const int folder = open (delegations->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = folder >= 0 && fsync (folder) == 0;
  if (!synced)
    *why = g_strdup_printf ("%s: %s", delegations->folder, g_strerror (errno));
  if (folder >= 0)
    close (folder);
  return synced;
}

/* ---- Life and look-ups ------------------------------------------------------------------- */

struct delegations *
delegations_new (const char *folder, char **why) {
  struct delegations *delegations = g_new0 (struct delegations, 1);
  pthread_mutex_init (&delegations->lock, NULL);
  delegations->rows = g_tree_new_full (compare, NULL, g_free, row_free);
  delegations->folder = g_strdup (folder);
  delegations->file = g_build_filename (folder, "delegations", NULL);
  if (!read_file (delegations, why))
    delegations_free (&delegations);
  return delegations;
}

void
delegations_free (struct delegations **delegations) {
  if (!*delegations)
    return;
  pthread_mutex_destroy (&(*delegations)->lock);
  g_tree_unref ((*delegations)->rows);
  g_free ((*delegations)->folder);
  g_free ((*delegations)->file);
  g_clear_pointer (delegations, g_free);
}

/* id NULL: any. */
static bool
is_meant (const char *meant, const char *id) {
  return !id || strcmp (meant, id) == 0;
}

ptn_access
delegations_find_exactly (struct delegations *delegations, struct delegations_account mailbox,
                          struct delegations_account user) {
  g_autofree char *key = key_of (mailbox.name, user.name);
  pthread_mutex_lock (&delegations->lock);
  const struct row *row = g_tree_lookup (delegations->rows, key);
  const ptn_access access =
      row && is_meant (row->mailbox_id, mailbox.id) && is_meant (row->user_id, user.id)
          ? row->access
          : PTN_ACCESS_UNTOLD;
  pthread_mutex_unlock (&delegations->lock);
  return access;
}

ptn_access
delegations_find (struct delegations *delegations, const char *mailbox, const char *user) {
  return delegations_find_exactly (delegations, (struct delegations_account){ mailbox, NULL },
                                   (struct delegations_account){ user, NULL });
}

/* Takes the row, which may be NULL: nothing is said. */
static void
put (struct delegations *delegations, const char *key, struct row *row) {
  if (row)
    g_tree_replace (delegations->rows, g_strdup (key), row);
  else
    g_tree_remove (delegations->rows, key);
}

/* What comes from a directory must not make a line of its own. */
static bool
can_be_written (struct delegations_account account) {
  const char *const texts[] = { account.name, account.id };
  for (size_t i = 0; i < G_N_ELEMENTS (texts); i++)
    for (const char *at = texts[i]; *at; at++)
      if (g_ascii_iscntrl (*at))
        return false;
  return true;
}

bool
delegations_set (struct delegations *delegations, struct delegations_account mailbox,
                 struct delegations_account user, ptn_access access, char **why) {
  if (!can_be_written (mailbox) || !can_be_written (user) || *mailbox.name == '#') {
    *why = g_strdup ("a name or account.id of these accounts cannot be written down");
    return false;
  }
  g_autofree char *key = key_of (mailbox.name, user.name);
  pthread_mutex_lock (&delegations->lock);
  const struct row *row = g_tree_lookup (delegations->rows, key);
  struct row *before = row ? row_new (row->access, row->mailbox_id, row->user_id) : NULL;
  put (delegations, key,
       access == PTN_ACCESS_UNTOLD ? NULL : row_new (access, mailbox.id, user.id));
  const bool written = write_file (delegations, why);
  if (!written)
    put (delegations, key, before);
  else if (before)
    row_free (before);
  pthread_mutex_unlock (&delegations->lock);
  return written;
}

struct visit {
  void (*call) (void *argument, const char *mailbox, const char *user, ptn_access);
  void *argument;
};

static gboolean
visit_row (void *key, void *value, void *data) {
  const struct visit *visit = data;
  g_auto (GStrv) fields = g_strsplit (key, "\t", 2);
  visit->call (visit->argument, fields[0], fields[1], ((const struct row *)value)->access);
  return FALSE;
}

void
delegations_each (struct delegations *delegations,
                  void (*call) (void *argument, const char *mailbox, const char *user, ptn_access),
                  void *argument) {
  struct visit visit = { call, argument };
  pthread_mutex_lock (&delegations->lock);
  g_tree_foreach (delegations->rows, visit_row, &visit);
  pthread_mutex_unlock (&delegations->lock);
}
