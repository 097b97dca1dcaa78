/* SPDX-License-Identifier: Apache-2.0 */
/* meet.c - files that another program put into a mailbox become messages. */
#include "filename.h"
#include "look.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* How many octets more it has when each line ends with CRLF; and its own. */
static bool
measure (const char *path, uint64_t *size, uint64_t *crlf_size) {
  static const size_t piece = 64 * 1024;
  g_autofree char *buffer = g_malloc (piece);
  int fd = open (path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0)
    return false;
  char before = '\0';
  ssize_t n;
  *size = *crlf_size = 0;
  while ((n = read (fd, buffer, piece)) > 0) {
    for (const char *at = buffer, *end = buffer + n; (at = memchr (at, '\n', (size_t)(end - at)));
         at++)
      *crlf_size += (at > buffer ? at[-1] : before) != '\r';
    before = buffer[n - 1];
    *size += (uint64_t)n;
  }
  close (fd);
  *crlf_size += *size;
  return n == 0;
}

/* A message for a file of another program. */
static struct message *
meet_file (struct look *look, const struct file *file, uint32_t uid, uint64_t listed_size) {
  struct mailbox *mailbox = look->mailbox;
  g_autofree char *path = mailbox_file (mailbox, file->in_new ? "new" : "cur", file->name);
  struct file_name name;
  struct stat info;
  if (!file_name_parse (file->name, &name) || lstat (path, &info) != 0 || !S_ISREG (info.st_mode))
    return NULL;
  uint64_t size = (uint64_t)info.st_size, crlf_size = name.crlf_size;
  if (crlf_size == UINT64_MAX)
    crlf_size = listed_size;
  if ((crlf_size == UINT64_MAX || crlf_size < size) && !measure (path, &size, &crlf_size))
    return NULL;
  int64_t arrived = g_ascii_strtoll (file->name, NULL, 10);
  struct message *message = g_new0 (struct message, 1);
  *message = (struct message){
    .uid = uid,
    .base = file->base,
    .in_new = file->in_new,
    .exact = name.exact || crlf_size == size,
    .flags = flags_of_file (mailbox, file, 0),
    .internal_date = info.st_mtim.tv_sec,
    .save_date = arrived > 0 ? arrived : info.st_mtim.tv_sec,
    .file_size = size,
    .size = name.exact ? size : crlf_size,
    .email_id = email_id_of (file->name, file->base),
    .name = g_strdup (file->name),
  };
  return message;
}

/* The UIDs that we know to be expunged. */
static GHashTable *
vanished_uids (const struct mailbox *mailbox) {
  GHashTable *uids = g_hash_table_new (NULL, NULL);
  for (guint i = 0; i < mailbox->vanished->len; i++)
    g_hash_table_add (uids,
                      GUINT_TO_POINTER (g_array_index (mailbox->vanished, struct vanished, i).uid));
  return uids;
}

void
meet_listed (struct look *look) {
  struct mailbox *mailbox = look->mailbox;
  g_autoptr (GHashTable) vanished = NULL;
  for (guint i = 0; look->list && i < look->list->lines->len; i++) {
    const struct uidlist_line *line = &g_array_index (look->list->lines, struct uidlist_line, i);
    struct file *file = g_hash_table_lookup (look->files, line->name);
    g_autofree char *base = file ? g_strndup (file->name, file->base) : NULL;
    if (!file || file->known || g_hash_table_contains (mailbox->ghosts, base)
        || mailbox_find (mailbox, line->uid))
      continue;
    if (!vanished)
      vanished = vanished_uids (mailbox);
    if (g_hash_table_contains (vanished, GUINT_TO_POINTER (line->uid))) {
      mailbox->list_changed = true; /* a UID is not used twice, though the file came back */
      continue;
    }
    struct message *message = meet_file (look, file, line->uid, line->crlf_size);
    if (!message)
      continue;
    file->known = true;
    g_ptr_array_add (look->added, message);
  }
}

static gint
compare_files (gconstpointer a, gconstpointer b) {
  const struct file *x = *(struct file *const *)a, *y = *(struct file *const *)b;
  gint64 first = g_ascii_strtoll (x->name, NULL, 10), second = g_ascii_strtoll (y->name, NULL, 10);
  return first != second ? (first < second ? -1 : 1) : strcmp (x->name, y->name);
}

void
meet_unlisted (struct look *look) {
  struct mailbox *mailbox = look->mailbox;
  g_autoptr (GPtrArray) strangers = g_ptr_array_new ();
  GHashTableIter iter;
  gpointer value;
  g_hash_table_iter_init (&iter, look->files);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    struct file *file = value;
    if (file->known)
      continue;
    char *base = g_strndup (file->name, file->base);
    if (!g_hash_table_contains (mailbox->ghosts, base)) {
      g_ptr_array_add (strangers, file);
      g_free (base);
    } else /* expunged; it goes when files are settled */
      g_hash_table_insert (mailbox->ghosts, base,
                           mailbox_file (mailbox, file->in_new ? "new" : "cur", file->name));
  }
  if (strangers->len == 0)
    return;
  look->needs_lock = true;
  if (!look->locked)
    return;
  g_ptr_array_sort (strangers, compare_files);
  for (guint i = 0; i < strangers->len && look->uidnext < UINT32_MAX; i++) {
    struct message *message = meet_file (look, strangers->pdata[i], look->uidnext, UINT64_MAX);
    if (!message)
      continue;
    look->uidnext++;
    g_ptr_array_add (look->added, message);
  }
}

void
forget_ghosts (struct look *look) {
  GHashTableIter iter;
  gpointer base, path;
  g_hash_table_iter_init (&iter, look->mailbox->ghosts);
  while (g_hash_table_iter_next (&iter, &base, &path))
    if (!g_hash_table_contains (look->files, base) && (unlink (path) == 0 || errno == ENOENT)) {
      g_free (path);
      g_hash_table_iter_remove (&iter);
    }
}
