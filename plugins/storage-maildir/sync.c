/* SPDX-License-Identifier: Apache-2.0 */
/* sync.c - the model follows the files: what another program delivered, flagged or removed.
 *
 * A mailbox is looked at when the times of cur, new, dovecot-uidlist or dovecot-keywords differ
 * from those of the last look; after changes of our own, which may hide another's, once more
 * when two seconds have gone by.  What is found becomes a record of the log like any change, and
 * gets a new modseq.  New files get their UIDs with dovecot-uidlist locked. */
#include "filename.h"
#include "look.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define LIST_MAX (1024 * 1024 * 1024)
#define WORDS_MAX (1024 * 1024)
#define TMP_SECONDS (36 * 3600)
#define SETTLE_NS INT64_C (2000000000)

static guint
hash_base (gconstpointer key) {
  guint hash = 5381;
  for (const char *at = key; *at && *at != ':'; at++)
    hash = hash * 33 + (guchar)*at;
  return hash;
}

gboolean
same_base (gconstpointer a, gconstpointer b) {
  const char *x = a, *y = b;
  for (; *x == *y; x++, y++)
    if (*x == '\0' || *x == ':')
      return TRUE;
  return (*x == '\0' || *x == ':') && (*y == '\0' || *y == ':');
}

static bool
scan (struct look *look, const char *part) {
  g_autofree char *path = g_build_filename (look->mailbox->directory, part, NULL);
  DIR *folder = opendir (path);
  bool in_new = strcmp (part, "new") == 0;
  if (!folder)
    return errno == ENOENT;
  for (struct dirent *entry; (entry = readdir (folder));) {
    struct file_name name;
    if (entry->d_name[0] == '.')
      continue;
    if (!file_name_parse (entry->d_name, &name)
        || (entry->d_type != DT_REG && entry->d_type != DT_UNKNOWN)) {
      look->skipped++;
      continue;
    }
    struct file *file = g_hash_table_lookup (look->files, entry->d_name);
    if (!file) {
      file = (struct file *)(void *)g_malloc0 (sizeof *file);
      file->name = g_string_chunk_insert (look->names, entry->d_name);
      g_hash_table_insert (look->files, (char *)file->name, file);
    } else {
      /* Renamed while we read: the name that was read last.  The key stays: same base. */
      file->name = g_string_chunk_insert (look->names, entry->d_name);
    }
    file->base = (uint16_t)name.base;
    file->in_new = in_new;
  }
  closedir (folder);
  return true;
}

static bool
scan_all (struct look *look) {
  return scan (look, "new") && scan (look, "cur"); /* mail moves from new to cur */
}

/* --- what the lists say -------------------------------------------------------------- */

/* True: some letters mean another word than before. */
static bool
read_words (struct mailbox *mailbox) {
  g_autofree char *path = g_build_filename (mailbox->directory, "dovecot-keywords", NULL);
  g_autofree char *text = NULL;
  bool changed = false;
  size_t size;
  if (!file_read (path, WORDS_MAX, &text, &size)) {
    mailbox->words_changed |= mailbox->keywords->len > 0;
    return false;
  }
  g_autoptr (GPtrArray) words = keywords_parse (text);
  for (guint i = 0; i < words->len; i++) {
    if (i == mailbox->keywords->len)
      g_ptr_array_add (mailbox->keywords, NULL);
    else if (strcmp (mailbox->keywords->pdata[i], words->pdata[i]) == 0)
      continue;
    g_free (mailbox->keywords->pdata[i]);
    mailbox->keywords->pdata[i] = g_strdup (words->pdata[i]);
    changed = true;
  }
  if (changed)
    mailbox_touched (mailbox);
  mailbox->words_changed |= words->len < mailbox_letters (mailbox);
  return changed;
}

const struct uidlist_line *
line_of (const struct uidlist *list, uint32_t uid) {
  guint low = 0, high = list ? list->lines->len : 0;
  while (low < high) {
    guint middle = low + (high - low) / 2;
    const struct uidlist_line *line = &g_array_index (list->lines, struct uidlist_line, middle);
    if (line->uid == uid)
      return line;
    if (line->uid < uid)
      low = middle + 1;
    else
      high = middle;
  }
  return NULL;
}

/* What was to be appended and is in the list already: before a crash, say. */
static void
drop_listed (struct mailbox *mailbox, const struct uidlist *list) {
  guint kept = 0;
  for (guint i = 0; i < mailbox->unlisted->len; i++) {
    uint32_t uid = g_array_index (mailbox->unlisted, uint32_t, i);
    const struct uidlist_line *line = line_of (list, uid);
    const struct message *message = mailbox_find (mailbox, uid);
    if (message && !(line && same_base (line->name, message->name)))
      g_array_index (mailbox->unlisted, uint32_t, kept++) = uid;
  }
  g_array_set_size (mailbox->unlisted, kept);
}

/* A life that ended: the UIDs that were known mean nothing any more. */
static void
begin_anew (struct mailbox *mailbox, const struct uidlist *list) {
  complain (mailbox->owner->store, PTN_LOG_NOTICE, "maildir.uidvalidity", mailbox->owner->name,
            mailbox->path, "another program gave it a new uidvalidity");
  mailbox_forget (mailbox);
  mailbox->loaded = true;
  if (list->has_id)
    mailbox->id = list->id;
}

static ptn_status
read_list (struct look *look) {
  struct mailbox *mailbox = look->mailbox;
  const struct store *store = mailbox->owner->store;
  g_autofree char *path = g_build_filename (mailbox->directory, "dovecot-uidlist", NULL);
  char *text = NULL;
  size_t size;
  if (file_read (path, LIST_MAX, &text, &size))
    look->list = uidlist_parse (text, size);
  else if (errno != ENOENT)
    return trouble_errno (store, look->task, "cannot read", path);
  if (!look->list) {
    if (text)
      complain (store, PTN_LOG_ERROR, "maildir.uidlist", mailbox->owner->name, path,
                "its first line is not understood; it is made anew");
    mailbox->list_changed = true;
    look->needs_lock = true;
    if (!mailbox->uidvalidity)
      mailbox->uidvalidity = next_uidvalidity (mailbox->owner);
    return PTN_OK;
  }
  struct uidlist *list = look->list;
  if (list->skipped)
    complain (store, PTN_LOG_WARNING, "maildir.uidlist", mailbox->owner->name, path,
              "some lines are not understood or doubled");
  bool other = list->has_id && !id_same (&list->id, &mailbox->id) && !mailbox->list_changed;
  if (other || (mailbox->uidvalidity && mailbox->uidvalidity != list->uidvalidity))
    begin_anew (mailbox, list);
  mailbox->uidvalidity = list->uidvalidity;
  drop_listed (mailbox, list);
  if (!list->has_id)
    mailbox->list_changed = look->needs_lock = true;
  look->uidnext = MAX (mailbox->uidnext, list->next_uid);
  return PTN_OK;
}

/* --- taking it over ------------------------------------------------------------------- */

static gint
compare_added (gconstpointer a, gconstpointer b) {
  const struct message *x = *(struct message *const *)a, *y = *(struct message *const *)b;
  return x->uid < y->uid ? -1 : x->uid > y->uid;
}

static void
put_changes (struct look *look, uint64_t modseq, GByteArray *record) {
  g_autoptr (GArray) gone = RANGES_NEW ();
  entry_box (record, look->mailbox, modseq, look->uidnext);
  for (guint i = 0; i < look->gone->len; i++)
    set_append (gone, g_array_index (look->gone, uint32_t, i));
  if (gone->len)
    entry_expunge (record, SET_OF (gone));
  for (guint i = 0; i < look->flagged->len; i++) {
    const struct flagging *row = &g_array_index (look->flagged, struct flagging, i);
    entry_flags (record, row->uid, row->flags);
  }
  g_ptr_array_sort (look->added, compare_added);
  for (guint i = 0; i < look->added->len; i++) {
    struct message *message = look->added->pdata[i];
    message->modseq = modseq;
    entry_add (record, message);
  }
  if (!look->first)
    return;
  uint32_t recent = look->uidnext;
  for (guint i = look->added->len; i-- > 0;)
    if (((struct message *)look->added->pdata[i])->in_new)
      recent = ((struct message *)look->added->pdata[i])->uid;
  entry_number (record, ENTRY_RECENT, recent);
}

static ptn_status
take_over (struct look *look) {
  struct mailbox *mailbox = look->mailbox;
  const struct store *store = mailbox->owner->store;
  if (!look->first && !look->gone->len && !look->flagged->len && !look->added->len
      && look->uidnext == mailbox->uidnext)
    return PTN_OK;
  /* Of a mailbox that we know nothing of, clients may: the clock is ahead of all modseqs that
   * were ever counted up. */
  uint64_t modseq = look->first ? MAX ((uint64_t)store->host->realtime_ms (), mailbox->modseq + 1)
                                : mailbox->modseq + 1;
  g_autoptr (GByteArray) record = g_byte_array_new ();
  put_changes (look, modseq, record);
  ptn_status status = log_commit (mailbox->owner, look->task, record);
  if (status != PTN_OK)
    return status;
  store->host->observe (store->foreign, 1);
  if (look->first)
    mailbox->floor = modseq;
  drop_listed (mailbox, look->list); /* those that the list told us */
  publish_changed (mailbox->owner, NULL);
  return PTN_OK;
}

static ptn_status
look_at_files (struct look *look) {
  struct mailbox *mailbox = look->mailbox;
  ptn_status status = read_list (look);
  if (status != PTN_OK)
    return status;
  look->first = mailbox->modseq == 0;
  look->uidnext = MAX (look->uidnext, MAX (mailbox->uidnext, 1));
  bool letters = read_words (mailbox);
  if (!scan_all (look))
    return trouble_errno (mailbox->owner->store, look->task, "cannot read", mailbox->directory);
  /* A file that is renamed while a folder is read may not be met at all: look twice before it
   * is given up. */
  if (compare_messages (look)) {
    if (!scan_all (look))
      return trouble_errno (mailbox->owner->store, look->task, "cannot read", mailbox->directory);
    compare_messages (look);
  }
  if (letters)
    compare_letters (look);
  meet_listed (look);
  meet_unlisted (look);
  if (look->needs_lock && !look->locked)
    return PTN_OK;
  if (look->skipped)
    complain (mailbox->owner->store, PTN_LOG_DEBUG, "maildir.skipped", mailbox->owner->name,
              mailbox->directory, "names that no message can have");
  status = take_over (look);
  forget_ghosts (look);
  return status;
}

static void
look_clear (struct look *look) {
  if (look->list)
    uidlist_free (look->list);
  g_string_chunk_free (look->names);
  g_hash_table_unref (look->files);
  g_array_unref (look->flagged);
  g_array_unref (look->gone);
  g_ptr_array_unref (look->added);
}

/* What crashes left in tmp/, ours and others', after the 36 hours that everybody allows. */
static void
clean_tmp (struct mailbox *mailbox) {
  g_autofree char *path = g_build_filename (mailbox->directory, "tmp", NULL);
  time_t now = time (NULL);
  DIR *folder = opendir (path);
  for (struct dirent *entry; folder && (entry = readdir (folder));) {
    struct stat info;
    if (strcmp (entry->d_name, ".") == 0 || strcmp (entry->d_name, "..") == 0
        || fstatat (dirfd (folder), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0
        || now - info.st_ctim.tv_sec < TMP_SECONDS)
      continue;
    g_autofree char *old = g_build_filename (path, entry->d_name, NULL);
    if (!S_ISDIR (info.st_mode))
      unlink (old);
    else if (g_str_has_prefix (entry->d_name, "postern-"))
      tree_remove (old);
  }
  if (folder)
    closedir (folder);
}

static ptn_status
look_once (struct mailbox *mailbox, struct ptn_task *task, bool locked, bool *needs_lock) {
  const struct ptn_host *host = mailbox->owner->store->host;
  int64_t begun = host->monotonic_ns (), now = host->realtime_ms () / 1000;
  struct look look = {
    .mailbox = mailbox,
    .task = task,
    .locked = locked,
    .names = g_string_chunk_new (4096),
    .files = g_hash_table_new_full (hash_base, same_base, NULL, g_free),
    .flagged = g_array_new (FALSE, FALSE, sizeof (struct flagging)),
    .gone = g_array_new (FALSE, FALSE, sizeof (uint32_t)),
    .added = g_ptr_array_new_with_free_func ((GDestroyNotify)message_free),
  };
  bool known = mailbox->cleaned;
  stamps_take (mailbox);
  struct stamp cur = mailbox->cur, new = mailbox->new;
  ptn_status status = look_at_files (&look);
  *needs_lock = look.needs_lock && !locked;
  look_clear (&look);
  if (status != PTN_OK || *needs_lock)
    return status;
  mailbox->looked = host->monotonic_ns ();
  mailbox->look_cost = mailbox->looked - begun;
  mailbox->unsettled = now - cur.seconds < 2 || now - new.seconds < 2;
  host->observe (mailbox->owner->store->looks, 1);
  mailbox_settle (mailbox, locked);
  if (!known)
    clean_tmp (mailbox);
  mailbox->cleaned = true;
  return PTN_OK;
}

static ptn_status
lock_list (struct mailbox *mailbox, struct ptn_task *task) {
  const struct store *store = mailbox->owner->store;
  g_autofree char *path = g_build_filename (mailbox->directory, "dovecot-uidlist", NULL);
  if (dotlock_take (path, store->host_name, store->lock_timeout))
    return PTN_OK;
  return trouble_errno (store, task, "cannot lock", path);
}

void
mailbox_unlock (struct mailbox *mailbox) {
  g_autofree char *path = g_build_filename (mailbox->directory, "dovecot-uidlist", NULL);
  dotlock_drop (path);
}

ptn_status
mailbox_look_now (struct mailbox *mailbox, struct ptn_task *task) {
  bool needs_lock = false;
  if (!mailbox->loaded)
    index_load (mailbox);
  ptn_status status = look_once (mailbox, task, false, &needs_lock);
  if (status != PTN_OK || !needs_lock)
    return status;
  status = lock_list (mailbox, task);
  if (status != PTN_OK)
    return status;
  status = look_once (mailbox, task, true, &needs_lock);
  mailbox_unlock (mailbox);
  return status;
}

static bool
must_look (struct mailbox *mailbox) {
  struct stamp cur = mailbox->cur, new = mailbox->new, list = mailbox->list;
  struct stamp words = mailbox->words;
  bool unsettled = mailbox->unsettled;
  if (!mailbox->loaded || !mailbox->looked)
    return true;
  int64_t pause = MAX (SETTLE_NS, 50 * mailbox->look_cost);
  if (unsettled && mailbox->owner->store->host->monotonic_ns () - mailbox->looked > pause)
    return true;
  stamps_take (mailbox);
  bool same = stamp_same (&cur, &mailbox->cur) && stamp_same (&new, &mailbox->new)
              && stamp_same (&list, &mailbox->list) && stamp_same (&words, &mailbox->words);
  mailbox->unsettled = unsettled;
  return !same;
}

ptn_status
mailbox_look (struct mailbox *mailbox, struct ptn_task *task) {
  return must_look (mailbox) ? mailbox_look_now (mailbox, task) : PTN_OK;
}

ptn_status
mailbox_lock (struct mailbox *mailbox, struct ptn_task *task) {
  bool needs_lock;
  if (!mailbox->loaded)
    index_load (mailbox);
  ptn_status status = lock_list (mailbox, task);
  if (status != PTN_OK)
    return status;
  if (must_look (mailbox))
    status = look_once (mailbox, task, true, &needs_lock);
  if (status != PTN_OK)
    mailbox_unlock (mailbox);
  return status;
}
