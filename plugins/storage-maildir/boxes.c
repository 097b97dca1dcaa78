/* SPDX-License-Identifier: Apache-2.0 */
/* boxes.c - the mailboxes of an account: which folders there are, and making, removing and
 * renaming them.  A folder is made under tmp/ and renamed into its place, and renamed away before
 * it is taken apart: there is never a half one. */
#include "maildir.h"

#include "folders.h"
#include "uidlist.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define FOLDERS_MAX 100000
#define SUBSCRIPTIONS_MAX (16 * 1024 * 1024)

uint32_t
next_uidvalidity (struct owner *owner) {
  struct store *store = owner->store;
  uint32_t now = (uint32_t)(store->host->realtime_ms () / 1000), next;
  uint32_t before = atomic_load (&store->last_uidvalidity);
  do
    next = MAX (MAX (before, owner->last_uidvalidity) + 1, now);
  while (!atomic_compare_exchange_weak (&store->last_uidvalidity, &before, next));
  owner->last_uidvalidity = next;
  return next;
}

static gint
compare_paths (gconstpointer a, gconstpointer b) {
  return strcmp ((*(struct mailbox *const *)a)->path, (*(struct mailbox *const *)b)->path);
}

struct mailbox *
box_by_path (const struct owner *owner, const char *path) {
  guint low = 0, high = owner->mailboxes->len;
  while (low < high) {
    guint middle = low + (high - low) / 2;
    struct mailbox *mailbox = owner->mailboxes->pdata[middle];
    int order = strcmp (mailbox->path, path);
    if (order == 0)
      return mailbox;
    if (order < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return NULL;
}

struct mailbox *
box_by_id (struct owner *owner, const struct ptn_id *id) {
  for (guint i = 0; i < owner->mailboxes->len; i++) {
    struct mailbox *mailbox = owner->mailboxes->pdata[i];
    if (id_same (&mailbox->id, id))
      return mailbox;
  }
  return NULL;
}

bool
box_has_children (const struct owner *owner, const char *path) {
  size_t length = strlen (path);
  for (guint i = 0; i < owner->mailboxes->len; i++) {
    const char *other = ((struct mailbox *)owner->mailboxes->pdata[i])->path;
    if (strncmp (other, path, length) == 0 && other[length] == '/')
      return true;
  }
  return false;
}

/* --- looking ------------------------------------------------------------------------- */

/* The id in the head of the uidlist, or all of them when there is none yet. */
static bool
read_id (const char *directory, struct ptn_id *id, uint32_t *uidvalidity) {
  g_autofree char *path = g_build_filename (directory, "dovecot-uidlist", NULL);
  int fd = open (path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0)
    return false;
  char head[1024];
  ssize_t size = pread (fd, head, sizeof head - 1, 0);
  close (fd);
  head[MAX (size, 0)] = '\0';
  char *end = strchr (head, '\n');
  if (!end)
    return false;
  end[1] = '\0';
  size_t length = strlen (head);
  g_autoptr (uidlist) list = uidlist_parse (g_memdup2 (head, length + 1), length);
  if (!list || !list->has_id)
    return false;
  *id = list->id;
  *uidvalidity = list->uidvalidity;
  return true;
}

static void
skip_folder (struct owner *owner, const char *folder, const char *why) {
  if (g_hash_table_size (owner->complained) < 100
      && g_hash_table_add (owner->complained, g_strdup (folder)))
    complain (owner->store, PTN_LOG_WARNING, "maildir.folder-skipped", owner->name, folder, why);
}

static void
retarget (struct mailbox *mailbox, const char *path, const char *folder) {
  g_free (mailbox->path);
  g_free (mailbox->folder);
  g_free (mailbox->directory);
  mailbox->path = g_strdup (path);
  mailbox->folder = g_strdup (folder);
  mailbox->directory = g_build_filename (mailbox->owner->directory, folder, NULL);
}

/* A folder that is new to us: one of those that are gone under another name, or a new one. */
static struct mailbox *
meet_folder (struct owner *owner, GPtrArray *gone, const char *path, const char *folder) {
  struct mailbox *mailbox = mailbox_new (owner, path, folder);
  bool known = read_id (mailbox->directory, &mailbox->id, &mailbox->uidvalidity);
  for (guint i = 0; known && i < gone->len; i++) {
    struct mailbox *other = gone->pdata[i];
    if (!id_same (&other->id, &mailbox->id))
      continue;
    g_ptr_array_steal_index (gone, i);
    mailbox_free (mailbox);
    retarget (other, path, folder);
    return other;
  }
  if (!known) {
    mailbox->id = id_new ();
    mailbox->list_changed = true;
  }
  return mailbox;
}

static GPtrArray *
read_folders (struct owner *owner) {
  g_autofree char *cur = g_build_filename (owner->directory, "cur", NULL);
  GPtrArray *folders = g_ptr_array_new_with_free_func (g_free);
  struct stamp stamp;
  DIR *top = opendir (owner->directory);
  if (!top) {
    g_ptr_array_unref (folders);
    return NULL;
  }
  if (stamp_get (cur, &stamp))
    g_ptr_array_add (folders, g_strdup (""));
  for (struct dirent *entry; (entry = readdir (top)) && folders->len < FOLDERS_MAX;) {
    const char *name = entry->d_name;
    if (name[0] != '.' || strcmp (name, ".") == 0 || strcmp (name, "..") == 0)
      continue;
    if (entry->d_type == DT_LNK)
      skip_folder (owner, name, "it is a symbolic link");
    else if (entry->d_type == DT_DIR || entry->d_type == DT_UNKNOWN)
      g_ptr_array_add (folders, g_strdup (name));
  }
  closedir (top);
  return folders;
}

static bool
is_maildir (const struct owner *owner, const char *folder) {
  g_autofree char *cur = g_build_filename (owner->directory, folder, "cur", NULL);
  struct stamp stamp;
  return stamp_get (cur, &stamp);
}

static struct mailbox *
take_by_folder (GPtrArray *mailboxes, GHashTable *by_folder, const char *folder) {
  struct mailbox *mailbox = g_hash_table_lookup (by_folder, folder);
  if (mailbox)
    g_ptr_array_remove_fast (mailboxes, mailbox);
  return mailbox;
}

/* Two folders with one id: one of them was copied by hand. */
static void
part_twins (struct owner *owner) {
  g_autoptr (GHashTable) ids = g_hash_table_new (id_hash, id_equal);
  for (guint i = 0; i < owner->mailboxes->len; i++) {
    struct mailbox *mailbox = owner->mailboxes->pdata[i];
    if (g_hash_table_add (ids, &mailbox->id))
      continue;
    mailbox->id = id_new ();
    mailbox_forget (mailbox);
    mailbox->uidvalidity = 0;
    mailbox->list_changed = true;
  }
}

static ptn_status
adopt_new (struct owner *owner, struct ptn_task *task) {
  if (owner->log < 0) /* before the replay */
    return PTN_OK;
  for (guint i = 0; i < owner->mailboxes->len; i++) {
    struct mailbox *mailbox = owner->mailboxes->pdata[i];
    if (!mailbox->list_changed || mailbox->loaded)
      continue;
    ptn_status status = mailbox_look_now (mailbox, task);
    if (status != PTN_OK)
      return status;
  }
  return PTN_OK;
}

ptn_status
boxes_look (struct owner *owner, struct ptn_task *task) {
  struct stamp now;
  if (!owner->present)
    return PTN_OK;
  stamp_get (owner->directory, &now);
  if (stamp_same (&now, &owner->root))
    return PTN_OK;
  g_autoptr (GPtrArray) folders = read_folders (owner);
  owner->failed |= !folders; /* taken away under us: looked for anew the next time */
  if (!folders)
    return trouble_errno (owner->store, task, "cannot read", owner->directory);
  g_autoptr (GPtrArray) gone = g_steal_pointer (&owner->mailboxes);
  g_autoptr (GPtrArray) met = g_ptr_array_new ();
  g_autoptr (GHashTable) by_folder = g_hash_table_new (g_str_hash, g_str_equal);
  owner->mailboxes = g_ptr_array_new_with_free_func ((GDestroyNotify)mailbox_free);
  g_ptr_array_set_free_func (gone, NULL);
  for (guint i = 0; i < gone->len; i++)
    g_hash_table_insert (by_folder, ((struct mailbox *)gone->pdata[i])->folder, gone->pdata[i]);
  for (guint i = 0; i < folders->len; i++) {
    struct mailbox *mailbox = take_by_folder (gone, by_folder, folders->pdata[i]);
    if (mailbox)
      g_ptr_array_add (owner->mailboxes, mailbox);
    else
      g_ptr_array_add (met, folders->pdata[i]);
  }
  for (guint i = 0; i < met->len; i++) {
    const char *folder = met->pdata[i];
    g_autofree char *path = *folder ? folder_path (folder) : g_strdup ("INBOX");
    if (!path)
      skip_folder (owner, folder, "its name is not one of a mailbox");
    else if (is_maildir (owner, folder))
      g_ptr_array_add (owner->mailboxes, meet_folder (owner, gone, path, folder));
  }
  g_ptr_array_set_free_func (gone, (GDestroyNotify)mailbox_free);
  g_ptr_array_sort (owner->mailboxes, compare_paths);
  part_twins (owner);
  owner->root = now;
  return adopt_new (owner, task);
}

/* --- making, removing, renaming ------------------------------------------------------ */

/* What was renamed between tmp/ and the top is durable. */
static bool
sync_move (const struct owner *owner) {
  g_autofree char *tmp = g_build_filename (owner->directory, "tmp", NULL);
  return folder_sync (owner->directory) && folder_sync (tmp);
}

/* A whole folder under tmp/, with a uidlist that says who it is. */
static bool
build_folder (const char *place, const struct mailbox *mailbox) {
  g_autofree char *list = g_build_filename (place, "dovecot-uidlist", NULL);
  g_autofree char *mark = g_build_filename (place, "maildirfolder", NULL);
  g_autoptr (GString) text = g_string_new (NULL);
  uidlist_put_head (text, mailbox->uidvalidity, 1, &mailbox->id);
  return maildir_make (place, true) && file_replace (list, text->str, text->len)
         && file_replace (mark, "", 0);
}

static struct mailbox *
make_one (struct owner *owner, const char *path, const char *folder) {
  struct mailbox *mailbox = mailbox_new (owner, path, folder);
  mailbox->id = id_new ();
  mailbox->uidvalidity = next_uidvalidity (owner);
  bool done;
  if (*folder) {
    g_autofree char *name = g_strdup_printf ("postern-%u", mailbox->uidvalidity);
    g_autofree char *place = g_build_filename (owner->directory, "tmp", name, NULL);
    tree_remove (place);
    done = build_folder (place, mailbox) && rename (place, mailbox->directory) == 0
           && sync_move (owner);
  } else {
    g_autofree char *list = g_build_filename (owner->directory, "dovecot-uidlist", NULL);
    g_autoptr (GString) text = g_string_new (NULL);
    uidlist_put_head (text, mailbox->uidvalidity, 1, &mailbox->id);
    done = file_replace (list, text->str, text->len) && maildir_make (owner->directory, true);
  }
  if (!done) {
    mailbox_free (mailbox);
    return NULL;
  }
  mailbox->loaded = mailbox->dirty = true;
  mailbox->uidnext = mailbox->modseq = mailbox->recent = 1;
  stamps_take (mailbox);
  g_ptr_array_add (owner->mailboxes, mailbox);
  g_ptr_array_sort (owner->mailboxes, compare_paths);
  return mailbox;
}

ptn_status
box_make (struct owner *owner, struct ptn_task *task, const char *path, uint32_t uses,
          struct mailbox **result) {
  g_autofree char *folder = folder_of (path);
  if (!folder)
    return PTN_E_INVALID;
  ptn_status status = owner_make (owner, task);
  const char *slash = strrchr (path, '/');
  g_autofree char *parent = slash ? g_strndup (path, (gsize)(slash - path)) : NULL;
  if (status == PTN_OK && parent && !box_by_path (owner, parent))
    status = box_make (owner, task, parent, 0, NULL);
  if (status != PTN_OK)
    return status;
  struct mailbox *mailbox = make_one (owner, path, folder);
  if (!mailbox)
    return trouble_errno (owner->store, task, "cannot make", path);
  if (uses) {
    g_autoptr (GByteArray) record = g_byte_array_new ();
    entry_box (record, mailbox, mailbox->modseq, mailbox->uidnext);
    entry_number (record, ENTRY_USES, uses);
    status = log_commit (owner, task, record);
  }
  publish (owner, task, &mailbox->id, PTN_MAILBOX_CREATE, mailbox->modseq);
  if (result)
    *result = mailbox;
  return status;
}

ptn_status
box_remove (struct owner *owner, struct ptn_task *task, struct mailbox *mailbox) {
  g_autofree char *name = g_strdup_printf ("postern-%u-removed", next_uidvalidity (owner));
  g_autofree char *place = g_build_filename (owner->directory, "tmp", name, NULL);
  g_autoptr (GByteArray) record = g_byte_array_new ();
  /* What comes after it under this name has a greater uidvalidity. */
  entry_number (record, ENTRY_FLOOR, MAX (owner->last_uidvalidity, mailbox->uidvalidity));
  ptn_status status = log_commit (owner, task, record);
  if (status != PTN_OK)
    return status;
  if (rename (mailbox->directory, place) != 0 || !sync_move (owner))
    return trouble_errno (owner->store, task, "cannot remove", mailbox->directory);
  struct ptn_id id = mailbox->id;
  uint64_t modseq = mailbox->modseq;
  g_ptr_array_remove (owner->mailboxes, mailbox);
  tree_remove (place);
  publish (owner, task, &id, PTN_MAILBOX_DELETE, modseq);
  return PTN_OK;
}

bool
box_rename_folder (struct owner *owner, const struct ptn_id *id, const char *from, const char *to) {
  g_autofree char *old = g_build_filename (owner->directory, from, NULL);
  g_autofree char *new = g_build_filename (owner->directory, to, NULL);
  g_autofree char *path = folder_path (to);
  struct mailbox *mailbox = box_by_id (owner, id);
  struct ptn_id found;
  uint32_t uidvalidity;
  struct stamp stamp;
  if (!path || stamp_get (new, &stamp) || !read_id (old, &found, &uidvalidity)
      || !id_same (&found, id) || rename (old, new) != 0)
    return false;
  if (mailbox)
    retarget (mailbox, path, to);
  return true;
}

/* What is to be renamed, as one record.  PTN_E_INVALID, PTN_E_EXISTS. */
static ptn_status
plan_rename (struct owner *owner, const char *from, const char *to, GByteArray *record,
             GPtrArray *moving, GPtrArray *folders) {
  size_t length = strlen (from);
  for (guint i = 0; i < owner->mailboxes->len; i++) {
    struct mailbox *mailbox = owner->mailboxes->pdata[i];
    if (strncmp (mailbox->path, from, length) != 0
        || (mailbox->path[length] != '/' && mailbox->path[length] != '\0'))
      continue;
    g_autofree char *path = g_strconcat (to, mailbox->path + length, NULL);
    g_autofree char *folder = folder_of (path);
    if (!folder)
      return PTN_E_INVALID;
    if (box_by_path (owner, path))
      return PTN_E_EXISTS;
    entry_rename (record, &mailbox->id, mailbox->folder, folder);
    g_ptr_array_add (moving, mailbox);
    g_ptr_array_add (folders, g_steal_pointer (&folder));
  }
  return moving->len ? PTN_OK : PTN_E_NOT_FOUND;
}

/* All folders in one record, then one after the other: a crash in between is made good. */
ptn_status
boxes_rename (struct owner *owner, struct ptn_task *task, const char *from, const char *to) {
  g_autoptr (GPtrArray) moving = g_ptr_array_new ();
  g_autoptr (GPtrArray) folders = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GByteArray) record = g_byte_array_new ();
  ptn_status status = plan_rename (owner, from, to, record, moving, folders);
  if (status == PTN_OK)
    status = log_commit (owner, task, record);
  if (status != PTN_OK)
    return status;
  for (guint i = 0; i < moving->len; i++) {
    struct mailbox *mailbox = moving->pdata[i];
    if (!box_rename_folder (owner, &mailbox->id, mailbox->folder, folders->pdata[i])) {
      owner->failed = true; /* what is there now is read again, and the rest done */
      return trouble_errno (owner->store, task, "cannot rename", mailbox->directory);
    }
    publish (owner, task, &mailbox->id, PTN_MAILBOX_RENAME, mailbox->modseq);
  }
  g_ptr_array_sort (owner->mailboxes, compare_paths);
  if (!folder_sync (owner->directory))
    return trouble_errno (owner->store, task, "cannot sync", owner->directory);
  return PTN_OK;
}

/* --- subscriptions ------------------------------------------------------------------- */

ptn_status
subscriptions_look (struct owner *owner, struct ptn_task *task) {
  g_autofree char *path = g_build_filename (owner->directory, "subscriptions", NULL);
  g_autofree char *text = NULL;
  size_t size;
  struct stamp now;
  if (!owner->present)
    return PTN_OK;
  stamp_get (path, &now);
  if (stamp_same (&now, &owner->subscribed_stamp))
    return PTN_OK;
  g_hash_table_remove_all (owner->subscribed);
  if (now.inode && !file_read (path, SUBSCRIPTIONS_MAX, &text, &size) && errno != ENOENT)
    return trouble_errno (owner->store, task, "cannot read", path);
  if (text)
    subscriptions_parse (text, owner->subscribed);
  owner->subscribed_stamp = now;
  return PTN_OK;
}

/* Locked by Dovecot's dotlock while it is changed. */
static ptn_status
subscriptions_begin (struct owner *owner, struct ptn_task *task, char **path) {
  const struct store *store = owner->store;
  *path = g_build_filename (owner->directory, "subscriptions", NULL);
  if (!dotlock_take (*path, store->host_name, store->lock_timeout))
    return trouble_errno (store, task, "cannot lock", *path);
  ptn_status status = subscriptions_look (owner, task);
  if (status != PTN_OK)
    dotlock_drop (*path);
  return status;
}

static ptn_status
subscriptions_end (struct owner *owner, struct ptn_task *task, const char *path, bool changed) {
  ptn_status status = PTN_OK;
  g_autofree char *text = changed ? subscriptions_format (owner->subscribed) : NULL;
  if (changed && !file_replace (path, text, strlen (text)))
    status = trouble_errno (owner->store, task, "cannot write", path);
  if (changed)
    memset (&owner->subscribed_stamp, 0, sizeof owner->subscribed_stamp);
  dotlock_drop (path);
  return status;
}

ptn_status
subscriptions_set (struct owner *owner, struct ptn_task *task, const char *name, bool on) {
  g_autofree char *path = NULL;
  ptn_status status = subscriptions_begin (owner, task, &path);
  if (status != PTN_OK)
    return status;
  bool changed = g_hash_table_contains (owner->subscribed, name) != on;
  if (changed && on)
    g_hash_table_add (owner->subscribed, g_strdup (name));
  else if (changed)
    g_hash_table_remove (owner->subscribed, name);
  return subscriptions_end (owner, task, path, changed);
}

/* Of a name and those below: before the renaming the new ones are added, after it the old ones go;
 * a crash in between leaves a name too many, which nobody sees. */
ptn_status
subscriptions_rename (struct owner *owner, struct ptn_task *task, const char *from, const char *to,
                      bool renamed) {
  g_autofree char *path = NULL;
  size_t length = strlen (from);
  bool changed = false;
  ptn_status status = subscriptions_begin (owner, task, &path);
  if (status != PTN_OK)
    return status;
  g_autoptr (GList) names = g_hash_table_get_keys (owner->subscribed);
  for (GList *name = names; name; name = name->next) {
    const char *old = name->data;
    if (strncmp (old, from, length) != 0 || (old[length] != '/' && old[length] != '\0'))
      continue;
    changed = true;
    if (renamed)
      g_hash_table_remove (owner->subscribed, old);
    else
      g_hash_table_add (owner->subscribed, g_strconcat (to, old + length, NULL));
  }
  return subscriptions_end (owner, task, path, changed);
}
