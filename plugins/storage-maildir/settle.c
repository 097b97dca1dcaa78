/* SPDX-License-Identifier: Apache-2.0 */
/* settle.c - the files follow the model: new mail goes from tmp/ to its place, flags into names,
 * expunged files go, new UIDs into dovecot-uidlist, keywords into dovecot-keywords.
 *
 * All of it is in the log already, so nothing here is synced, and what cannot be done now is
 * done when the mailbox is looked at again. */
#include "maildir.h"

#include "filename.h"
#include "uidlist.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define LIST_MAX (1024 * 1024 * 1024)

void
stamps_take (struct mailbox *mailbox) {
  g_autofree char *cur = g_build_filename (mailbox->directory, "cur", NULL);
  g_autofree char *new = g_build_filename (mailbox->directory, "new", NULL);
  g_autofree char *list = g_build_filename (mailbox->directory, "dovecot-uidlist", NULL);
  g_autofree char *words = g_build_filename (mailbox->directory, "dovecot-keywords", NULL);
  stamp_get (cur, &mailbox->cur);
  stamp_get (new, &mailbox->new);
  stamp_get (list, &mailbox->list);
  stamp_get (words, &mailbox->words);
  mailbox->unsettled = true; /* another's change may hide behind ours */
}

static void
look_again (struct mailbox *mailbox) {
  mailbox->unsettled = true;
  mailbox->looked = 0;
}

/* Where and under which name a message's file belongs. */
static char *
wanted_name (const struct mailbox *mailbox, const struct message *message, bool *in_new) {
  ptn_flag_bits lettered =
      message->flags & ((UINT64_C (1) << (16 + mailbox_letters (mailbox))) - 1);
  *in_new = message->in_new && lettered == 0;
  if (*in_new)
    return g_strdup (message->name);
  return file_name_with (message->name, message->base, mailbox_letters (mailbox), lettered);
}

/* True: it is as it should be. */
static bool
settle_message (struct mailbox *mailbox, struct message *message) {
  bool in_new;
  g_autofree char *name = wanted_name (mailbox, message, &in_new);
  if (!message->unplaced && in_new == message->in_new && strcmp (name, message->name) == 0)
    return true;
  if (strlen (name) > FILE_NAME_MAX)
    return true; /* there is no room for the letters; the index has the flags */
  g_autofree char *from = message_file (mailbox, message);
  g_autofree char *to = mailbox_file (mailbox, in_new ? "new" : "cur", name);
  if (rename (from, to) != 0) {
    if (errno == ENOENT) { /* moved by another program, or before a crash */
      message->unplaced = 0;
      look_again (mailbox);
    } else
      complain (mailbox->owner->store, PTN_LOG_ERROR, "maildir.rename", mailbox->owner->name, from,
                g_strerror (errno));
    return false;
  }
  message->unplaced = 0;
  message->in_new = in_new;
  g_free (message->name);
  message->name = g_steal_pointer (&name);
  mailbox->dirty = true;
  return true;
}

static void
settle_messages (struct mailbox *mailbox) {
  guint kept = 0;
  for (guint i = 0; i < mailbox->todo->len; i++) {
    uint32_t uid = g_array_index (mailbox->todo, uint32_t, i);
    struct message *message = mailbox_find (mailbox, uid);
    if (message && !settle_message (mailbox, message))
      g_array_index (mailbox->todo, uint32_t, kept++) = uid;
  }
  g_array_set_size (mailbox->todo, kept);
}

static void
settle_ghosts (struct mailbox *mailbox) {
  GHashTableIter iter;
  gpointer base, path;
  g_hash_table_iter_init (&iter, mailbox->ghosts);
  while (g_hash_table_iter_next (&iter, &base, &path)) {
    if (unlink (path) == 0) {
      g_free (path);
      g_hash_table_iter_remove (&iter);
    } else if (errno == ENOENT)
      look_again (mailbox); /* gone, or renamed: the folder knows */
    else
      complain (mailbox->owner->store, PTN_LOG_ERROR, "maildir.unlink", mailbox->owner->name, path,
                g_strerror (errno));
  }
}

static gint
compare_uids (gconstpointer a, gconstpointer b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return x < y ? -1 : x > y;
}

/* Lines for new messages at the end of the list.  False: it is to be written as a whole. */
static bool
append_list (struct mailbox *mailbox, const char *path) {
  g_autoptr (GString) lines = g_string_new (NULL);
  uint32_t before = 0;
  g_array_sort (mailbox->unlisted, compare_uids);
  for (guint i = 0; i < mailbox->unlisted->len; i++) {
    uint32_t uid = g_array_index (mailbox->unlisted, uint32_t, i);
    struct message *message = mailbox_find (mailbox, uid);
    if (message && uid != before)
      uidlist_put_line (lines, uid, "", message->name, message->base);
    before = uid;
  }
  int fd = open (path, O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0)
    return false;
  off_t size = lseek (fd, 0, SEEK_END);
  char last = '\0';
  bool done = size > 0 && pread (fd, &last, 1, size - 1) == 1 && last == '\n';
  if (done && !write_all (fd, lines->str, lines->len)) {
    done = false;
    if (ftruncate (fd, size) != 0)
      complain (mailbox->owner->store, PTN_LOG_WARNING, "maildir.uidlist", mailbox->owner->name,
                path, g_strerror (errno));
  }
  close (fd);
  return done;
}

/* What Dovecot keeps in the lines and we do not use, by file. */
static GHashTable *
extensions (const struct uidlist *list) {
  GHashTable *found = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  for (guint i = 0; i < list->lines->len; i++) {
    const struct uidlist_line *line = &g_array_index (list->lines, struct uidlist_line, i);
    if (*line->extension)
      g_hash_table_insert (found, g_strndup (line->name, line->base), (char *)line->extension);
  }
  return found;
}

bool
mailbox_write_list (struct mailbox *mailbox) {
  g_autofree char *path = g_build_filename (mailbox->directory, "dovecot-uidlist", NULL);
  g_autofree char *text = NULL;
  g_autoptr (uidlist) old = NULL;
  g_autoptr (GHashTable) kept = NULL;
  g_autoptr (GString) list = g_string_new (NULL);
  size_t size;
  if (file_read (path, LIST_MAX, &text, &size))
    old = uidlist_parse (g_steal_pointer (&text), size);
  if (old)
    kept = extensions (old);
  uidlist_put_head (list, mailbox->uidvalidity, mailbox->uidnext, &mailbox->id);
  for (guint i = 0; i < mailbox->messages->len; i++) {
    const struct message *message = mailbox->messages->pdata[i];
    g_autofree char *base = g_strndup (message->name, message->base);
    const char *extension = kept ? g_hash_table_lookup (kept, base) : NULL;
    uidlist_put_line (list, message->uid, extension ? extension : "", message->name, message->base);
  }
  if (!file_replace (path, list->str, list->len)) {
    complain (mailbox->owner->store, PTN_LOG_ERROR, "maildir.uidlist", mailbox->owner->name, path,
              g_strerror (errno));
    return false;
  }
  mailbox->list_changed = false;
  g_array_set_size (mailbox->unlisted, 0);
  return true;
}

static void
settle_list (struct mailbox *mailbox) {
  g_autofree char *path = g_build_filename (mailbox->directory, "dovecot-uidlist", NULL);
  if (!mailbox->list_changed && mailbox->unlisted->len == 0)
    return;
  if (!mailbox->list_changed && append_list (mailbox, path))
    g_array_set_size (mailbox->unlisted, 0);
  else
    mailbox_write_list (mailbox);
}

static void
settle_words (struct mailbox *mailbox) {
  if (!mailbox->words_changed)
    return;
  g_autofree char *path = g_build_filename (mailbox->directory, "dovecot-keywords", NULL);
  g_autofree char *text = keywords_format (mailbox->keywords);
  if (file_replace (path, text, strlen (text)))
    mailbox->words_changed = false;
  else
    complain (mailbox->owner->store, PTN_LOG_ERROR, "maildir.keywords", mailbox->owner->name, path,
              g_strerror (errno));
}

void
mailbox_settle (struct mailbox *mailbox, bool locked) {
  bool work = mailbox->todo->len || g_hash_table_size (mailbox->ghosts);
  bool list = mailbox->unlisted->len || mailbox->list_changed || mailbox->words_changed;
  if (locked) { /* first what gives the letters and the UIDs their meaning */
    settle_words (mailbox);
    settle_list (mailbox);
  }
  settle_messages (mailbox);
  settle_ghosts (mailbox);
  if (work || (list && locked)) {
    int64_t looked = mailbox->looked;
    stamps_take (mailbox);
    mailbox->looked = looked;
  }
}
