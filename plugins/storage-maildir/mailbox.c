/* SPDX-License-Identifier: Apache-2.0 */
/* mailbox.c - mailboxes and messages in memory; nothing here looks at a file. */
#include "maildir.h"

#include "filename.h"

#include "common/kept_name.h"

#include <sys/random.h>

void
message_free (struct message *message) {
  if (!message)
    return;
  g_free (message->name);
  if (message->notes)
    g_tree_unref (message->notes);
  g_free (message);
}

struct mailbox *
mailbox_new (struct owner *owner, const char *path, const char *folder) {
  struct mailbox *mailbox = g_new0 (struct mailbox, 1);
  mailbox->owner = owner;
  mailbox->path = g_strdup (path);
  mailbox->folder = g_strdup (folder);
  mailbox->directory =
      *folder ? g_build_filename (owner->directory, folder, NULL) : g_strdup (owner->directory);
  mailbox->vanished = g_array_new (FALSE, FALSE, sizeof (struct vanished));
  mailbox->messages = g_ptr_array_new_with_free_func ((GDestroyNotify)message_free);
  mailbox->keywords = g_ptr_array_new_with_free_func (g_free);
  mailbox->ghosts = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  mailbox->todo = g_array_new (FALSE, FALSE, sizeof (uint32_t));
  mailbox->unlisted = g_array_new (FALSE, FALSE, sizeof (uint32_t));
  return mailbox;
}

void
mailbox_forget (struct mailbox *mailbox) {
  g_clear_pointer (&mailbox->view, view_unref);
  g_ptr_array_set_size (mailbox->messages, 0);
  g_ptr_array_set_size (mailbox->keywords, 0);
  g_array_set_size (mailbox->vanished, 0);
  g_array_set_size (mailbox->todo, 0);
  g_array_set_size (mailbox->unlisted, 0);
  g_hash_table_remove_all (mailbox->ghosts);
  g_clear_pointer (&mailbox->notes, g_tree_unref);
  mailbox->loaded = mailbox->counted = mailbox->dirty = false;
  mailbox->words_changed = mailbox->list_changed = mailbox->unsettled = false;
  mailbox->cur = mailbox->new = mailbox->list = mailbox->words = (struct stamp){ 0 };
  mailbox->uses = 0;
  mailbox->recent = 0;
  mailbox->uidnext = 1;
  mailbox->modseq = mailbox->floor = mailbox->lsn = 0;
}

void
mailbox_free (struct mailbox *mailbox) {
  g_clear_pointer (&mailbox->view, view_unref);
  g_ptr_array_unref (mailbox->messages);
  g_ptr_array_unref (mailbox->keywords);
  g_array_unref (mailbox->vanished);
  g_array_unref (mailbox->todo);
  g_array_unref (mailbox->unlisted);
  g_hash_table_unref (mailbox->ghosts);
  if (mailbox->notes)
    g_tree_unref (mailbox->notes);
  g_free (mailbox->path);
  g_free (mailbox->folder);
  g_free (mailbox->directory);
  g_free (mailbox);
}

guint
mailbox_lower_bound (const struct mailbox *mailbox, uint32_t uid) {
  guint low = 0, high = mailbox->messages->len;
  while (low < high) {
    guint middle = low + (high - low) / 2;
    if (((struct message *)mailbox->messages->pdata[middle])->uid < uid)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

struct message *
mailbox_find (const struct mailbox *mailbox, uint32_t uid) {
  guint at = mailbox_lower_bound (mailbox, uid);
  if (at == mailbox->messages->len)
    return NULL;
  struct message *message = mailbox->messages->pdata[at];
  return message->uid == uid ? message : NULL;
}

int
mailbox_keyword (const struct mailbox *mailbox, const char *keyword) {
  for (guint i = 0; i < mailbox->keywords->len; i++)
    if (g_ascii_strcasecmp (mailbox->keywords->pdata[i], keyword) == 0)
      return (int)i;
  return -1;
}

unsigned
mailbox_letters (const struct mailbox *mailbox) {
  return MIN (mailbox->keywords->len, LETTER_KEYWORDS);
}

ptn_flag_bits
mailbox_known_bits (const struct mailbox *mailbox, ptn_flag_bits bits) {
  guint known = 16 + mailbox->keywords->len;
  ptn_flag_bits all = known >= 64 ? ~UINT64_C (0) : (UINT64_C (1) << known) - 1;
  return bits & all & ~UINT64_C (0xffe0); /* 5 to 15 mean nothing */
}

void
view_unref (struct view *view) {
  if (atomic_fetch_sub (&view->references, 1) != 1)
    return;
  g_free ((void *)view->table.uid);
  g_free ((void *)view->table.flags);
  g_free ((void *)view->table.message_modseq);
  g_strfreev (view->keywords);
  g_free (view);
}

static struct view *
view_new (const struct mailbox *mailbox) {
  guint count = mailbox->messages->len, words = mailbox->keywords->len;
  uint32_t *uid = g_new (uint32_t, count);
  ptn_flag_bits *flags = g_new (ptn_flag_bits, count);
  uint64_t *modseq = g_new (uint64_t, count);
  struct view *view = g_new0 (struct view, 1);
  for (guint i = 0; i < count; i++) {
    const struct message *message = mailbox->messages->pdata[i];
    uid[i] = message->uid;
    flags[i] = message->flags;
    modseq[i] = message->modseq;
  }
  view->keywords = g_new0 (char *, words + 1);
  for (guint i = 0; i < words; i++)
    view->keywords[i] = g_strdup (mailbox->keywords->pdata[i]);
  atomic_init (&view->references, 1);
  view->table = (struct ptn_view){
    .size = sizeof view->table,
    .count = count,
    .modseq = mailbox->modseq,
    .uid = uid,
    .flags = flags,
    .message_modseq = modseq,
    .keywords = { (const char *const *)view->keywords, words },
  };
  return view;
}

struct view *
mailbox_view (struct mailbox *mailbox) {
  if (!mailbox->view)
    mailbox->view = view_new (mailbox);
  atomic_fetch_add (&mailbox->view->references, 1);
  return mailbox->view;
}

void
mailbox_touched (struct mailbox *mailbox) {
  g_clear_pointer (&mailbox->view, view_unref);
  mailbox->counted = false;
  mailbox->dirty = true;
}

void
mailbox_count (struct mailbox *mailbox) {
  if (mailbox->counted)
    return;
  mailbox->unseen = mailbox->deleted = 0;
  mailbox->octets = 0;
  for (guint i = 0; i < mailbox->messages->len; i++) {
    const struct message *message = mailbox->messages->pdata[i];
    mailbox->unseen += !(message->flags & PTN_SEEN);
    mailbox->deleted += !!(message->flags & PTN_DELETED);
    mailbox->octets += message->size;
  }
  mailbox->counted = true;
}

char *
mailbox_file (const struct mailbox *mailbox, const char *sub, const char *name) {
  return g_build_filename (mailbox->directory, sub, name, NULL);
}

char *
message_file (const struct mailbox *mailbox, const struct message *message) {
  return mailbox_file (mailbox,
                       message->unplaced ? "tmp"
                       : message->in_new ? "new"
                                         : "cur",
                       message->name);
}

/* Two independent 64-bit hashes (FNV-1a) of the base: the same whoever asks, and whenever. */
struct ptn_id
email_id_of (const char *name, size_t base) {
  uint64_t hashes[2] = { UINT64_C (0xcbf29ce484222325), UINT64_C (0x84222325cbf29ce4) };
  struct ptn_id id;
  for (size_t i = 0; i < base; i++)
    for (int h = 0; h < 2; h++)
      hashes[h] =
          (hashes[h] ^ ((unsigned char)name[i] + (h ? 0x100u : 0u))) * UINT64_C (0x100000001b3);
  memcpy (id.octets, hashes, sizeof id.octets);
  return id;
}

struct ptn_id
id_new (void) {
  struct ptn_id id;
  if (getrandom (id.octets, sizeof id.octets, 0) != sizeof id.octets)
    for (size_t i = 0; i < sizeof id.octets; i += 4) {
      guint32 part = g_random_int ();
      memcpy (id.octets + i, &part, sizeof part);
    }
  return id;
}

bool
id_same (const struct ptn_id *a, const struct ptn_id *b) {
  return memcmp (a, b, sizeof *a) == 0;
}

guint
id_hash (gconstpointer id) {
  guint hash;
  memcpy (&hash, (const char *)id + 12, sizeof hash);
  return hash;
}

gboolean
id_equal (gconstpointer a, gconstpointer b) {
  return id_same (a, b);
}

/* --- annotations --------------------------------------------------------------------- */

char *
note_key (const char *name, const char *authzid) {
  return annotation_name_private (name) ? g_strconcat (name, "\001", authzid, NULL)
                                        : g_strdup (name);
}

static gint
compare_keys (gconstpointer a, gconstpointer b, gpointer data) {
  return strcmp (a, b);
}

void
notes_set (GTree **notes, const char *key, GBytes *value) {
  if (value && !*notes)
    *notes = g_tree_new_full (compare_keys, NULL, g_free, (GDestroyNotify)g_bytes_unref);
  if (value)
    g_tree_insert (*notes, g_strdup (key), g_bytes_ref (value));
  else if (*notes)
    g_tree_remove (*notes, key);
}

struct copying {
  GTree *copy;
  const char *authzid;
};

static gboolean
copy_note (gpointer key, gpointer value, gpointer data) {
  struct copying *copying = data;
  const char *mark = copying->authzid ? strchr (key, '\001') : NULL;
  if (!mark || strcmp (mark + 1, copying->authzid) == 0)
    notes_set (&copying->copy, key, value);
  return FALSE;
}

GTree *
notes_copy (GTree *notes, const char *authzid) {
  struct copying copying = { NULL, authzid };
  if (notes)
    g_tree_foreach (notes, copy_note, &copying);
  return copying.copy;
}

static gboolean
put_note (gpointer key, gpointer value, gpointer out) {
  gsize size;
  const void *octets = g_bytes_get_data (value, &size);
  put_text (out, key);
  put_block (out, octets, size);
  return FALSE;
}

void
notes_put (GByteArray *out, GTree *notes) {
  put_number (out, notes ? (uint64_t)g_tree_nnodes (notes) : 0);
  if (notes)
    g_tree_foreach (notes, put_note, out);
}

GTree *
notes_get (struct octets *in) {
  GTree *notes = NULL;
  uint64_t count = get_number (in);
  for (uint64_t i = 0; i < count && !in->bad; i++) {
    g_autofree char *key = get_text (in);
    struct ptn_bytes value = get_block (in);
    if (in->bad)
      break;
    g_autoptr (GBytes) octets = g_bytes_new (value.data, value.size);
    notes_set (&notes, key, octets);
  }
  return notes;
}
