/* SPDX-License-Identifier: Apache-2.0 */
/* model.c - accounts, mailboxes, messages; see memory.h for who may touch them. */
#include "memory.h"

#include <string.h>

struct body *
body_new (GByteArray *taken, GBytes *digest) {
  struct body *body = g_new0 (struct body, 1);
  body->references = 1;
  body->size = taken->len;
  body->unterminated = taken->len < 2 || memcmp (taken->data + taken->len - 2, "\r\n", 2) != 0;
  body->data = (char *)g_byte_array_free (taken, FALSE);
  body->digest = digest;
  return body;
}

struct body *
body_ref (struct body *body) {
  g_atomic_int_inc (&body->references);
  return body;
}

void
body_unref (struct body *body) {
  if (!g_atomic_int_dec_and_test (&body->references))
    return;
  if (body->digest)
    g_bytes_unref (body->digest);
  g_free (body->data);
  g_free (body);
}

void
view_unref (struct view *view) {
  if (!g_atomic_int_dec_and_test (&view->references))
    return;
  g_free ((void *)view->table.uid);
  g_free ((void *)view->table.flags);
  g_free ((void *)view->table.message_modseq);
  g_strfreev (view->keywords);
  g_free (view);
}

void
message_free (struct message *message) {
  body_unref (message->body);
  if (message->annotations)
    g_tree_unref (message->annotations);
  g_free (message);
}

static void
mailbox_free (struct mailbox *mailbox) {
  mailbox_forget_view (mailbox);
  g_hash_table_remove (mailbox->owner->store->by_id, &mailbox->id);
  g_hash_table_unref (mailbox->subscribers);
  g_tree_unref (mailbox->rights);
  g_array_unref (mailbox->tombstones);
  g_ptr_array_unref (mailbox->messages);
  g_ptr_array_unref (mailbox->keywords);
  if (mailbox->annotations)
    g_tree_unref (mailbox->annotations);
  g_free (mailbox->path);
  g_free (mailbox);
}

guint
id_hash (gconstpointer id) {
  guint hash;
  memcpy (&hash, (const char *)id + 12, sizeof hash);
  return hash;
}

gboolean
id_equal (gconstpointer a, gconstpointer b) {
  return memcmp (a, b, sizeof (struct ptn_id)) == 0;
}

static struct owner *
owner_new (struct memory *store, const char *name) {
  struct owner *owner = g_new0 (struct owner, 1);
  owner->store = store;
  owner->name = g_strdup (name);
  owner->mailboxes = g_ptr_array_new_with_free_func ((GDestroyNotify)mailbox_free);
  owner->storage_limit = owner->messages_limit = UINT64_MAX;
  owner->tokens = g_hash_table_new_full (id_hash, id_equal, g_free, (GDestroyNotify)outcomes_unref);
  g_queue_init (&owner->token_order);
  owner->threads = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  return owner;
}

void
owner_free (struct owner *owner) {
  g_ptr_array_unref (owner->mailboxes);
  if (owner->annotations)
    g_tree_unref (owner->annotations);
  g_queue_clear (&owner->token_order);
  g_hash_table_unref (owner->tokens);
  g_hash_table_unref (owner->threads);
  g_free (owner->name);
  g_free (owner);
}

struct owner *
model_owner (struct memory *store, const char *name, bool make) {
  struct owner *owner = g_tree_lookup (store->owners, name);
  if (!owner && make) {
    owner = owner_new (store, name);
    g_tree_insert (store->owners, owner->name, owner);
  }
  return owner;
}

struct mailbox *
owner_mailbox (struct owner *owner, const char *canonical) {
  for (guint i = 0; i < owner->mailboxes->len; i++) {
    struct mailbox *mailbox = owner->mailboxes->pdata[i];
    if (strcmp (mailbox->path, canonical) == 0)
      return mailbox;
  }
  return NULL;
}

static gint
compare_paths (gconstpointer a, gconstpointer b) {
  return strcmp ((*(struct mailbox *const *)a)->path, (*(struct mailbox *const *)b)->path);
}

void
owner_sort (struct owner *owner) {
  g_ptr_array_sort (owner->mailboxes, compare_paths);
}

/* A mailbox that is made again under an old name must not look like the old one: the clock
 * orders lives of the process, the counter those within one second. */
static uint32_t
next_uidvalidity (struct memory *store) {
  uint32_t now = (uint32_t)(store->host->realtime_ms () / 1000);
  store->last_uidvalidity = MAX (store->last_uidvalidity + 1, now);
  return store->last_uidvalidity;
}

struct ptn_id
model_new_id (struct memory *store) {
  struct ptn_id id;
  uint64_t serial = ++store->next_id;
  memcpy (id.octets, &store->epoch, sizeof store->epoch);
  memcpy (id.octets + sizeof store->epoch, &serial, sizeof serial);
  return id;
}

static gint
compare_names (gconstpointer a, gconstpointer b, gpointer data) {
  return strcmp (a, b);
}

static gboolean
inherit_entry (gpointer who, gpointer mask, gpointer rights) {
  g_tree_insert (rights, g_strdup (who), mask);
  return FALSE;
}

/* A new life: what any client remembers of this name is void. */
static void
mailbox_renew (struct mailbox *mailbox) {
  struct memory *store = mailbox->owner->store;
  g_hash_table_remove (store->by_id, &mailbox->id);
  mailbox->id = model_new_id (store);
  g_hash_table_insert (store->by_id, &mailbox->id, mailbox);
  mailbox->uidvalidity = next_uidvalidity (store);
  mailbox->uidnext = mailbox->recent = 1;
  mailbox->modseq = 1;
  mailbox->forgotten = 0;
  g_array_set_size (mailbox->tombstones, 0);
  mailbox->noselect = false;
  mailbox->special_uses = 0;
  if (mailbox->rights)
    g_tree_unref (mailbox->rights);
  mailbox->rights = g_tree_new_full (compare_names, NULL, g_free, NULL);
  const struct mailbox *above = owner_above (mailbox->owner, mailbox->path);
  if (above)
    g_tree_foreach (above->rights, inherit_entry, mailbox->rights);
  mailbox_forget_view (mailbox);
  note_mailbox (mailbox, PTN_MAILBOX_CREATE);
}

static struct mailbox *
mailbox_new (struct owner *owner, const char *path) {
  struct mailbox *mailbox = g_new0 (struct mailbox, 1);
  mailbox->owner = owner;
  mailbox->path = g_strdup (path);
  mailbox->subscribers = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  mailbox->tombstones = g_array_new (FALSE, FALSE, sizeof (struct tombstone));
  mailbox_renew (mailbox);
  mailbox->messages = g_ptr_array_new_with_free_func ((GDestroyNotify)message_free);
  mailbox->keywords = g_ptr_array_new_with_free_func (g_free);
  return mailbox;
}

struct mailbox *
owner_above (struct owner *owner, const char *canonical) {
  g_autofree char *path = g_strdup (canonical);
  struct mailbox *found = NULL;
  for (char *slash; !found && (slash = strrchr (path, '/'));) {
    *slash = '\0';
    found = owner_mailbox (owner, path);
  }
  return found;
}

struct mailbox *
owner_make_mailbox (struct owner *owner, const char *canonical) {
  struct mailbox *mailbox = owner_mailbox (owner, canonical);
  if (mailbox) {
    mailbox_renew (mailbox);
    return mailbox;
  }
  const char *slash = strrchr (canonical, '/');
  if (slash) {
    g_autofree char *parent = g_strndup (canonical, (gsize)(slash - canonical));
    if (!owner_mailbox (owner, parent))
      owner_make_mailbox (owner, parent);
  }
  mailbox = mailbox_new (owner, canonical);
  g_ptr_array_add (owner->mailboxes, mailbox);
  owner_sort (owner);
  return mailbox;
}

bool
mailbox_has_children (const struct mailbox *mailbox, const struct asker *asker) {
  const struct owner *owner = mailbox->owner;
  size_t length = strlen (mailbox->path);
  for (guint i = 0; i < owner->mailboxes->len; i++) {
    const struct mailbox *other = owner->mailboxes->pdata[i];
    if (strncmp (other->path, mailbox->path, length) == 0 && other->path[length] == '/'
        && (!asker || rights_of (asker, other) & RIGHT_L))
      return true;
  }
  return false;
}

void
owner_usage (const struct owner *owner, uint64_t *octets, uint64_t *messages) {
  *octets = *messages = 0;
  for (guint i = 0; i < owner->mailboxes->len; i++) {
    const struct mailbox *mailbox = owner->mailboxes->pdata[i];
    *messages += mailbox->messages->len;
    for (guint m = 0; m < mailbox->messages->len; m++)
      *octets += ((struct message *)mailbox->messages->pdata[m])->body->size;
  }
}

ptn_status
model_mailbox (struct memory *store, const struct asker *asker, const struct ptn_id *id,
               unsigned rights, struct mailbox **found) {
  struct mailbox *mailbox = g_hash_table_lookup (store->by_id, id);
  *found = NULL;
  if (!mailbox || mailbox->noselect)
    return PTN_E_NOT_FOUND;
  ptn_status status = rights_check (rights_of (asker, mailbox), rights);
  if (status == PTN_OK)
    *found = mailbox;
  return status;
}

uint64_t
mailbox_touch (struct mailbox *mailbox) {
  uint64_t change = mailbox->owner->store->change;
  if (mailbox->touched != change) {
    mailbox->touched = change;
    mailbox->modseq++;
  }
  mailbox_forget_view (mailbox);
  return mailbox->modseq;
}

struct message *
mailbox_add (struct mailbox *mailbox, struct body *body, ptn_flag_bits flags, int64_t internal_date,
             const struct ptn_id *thread) {
  static const struct ptn_id none;
  struct memory *store = mailbox->owner->store;
  struct message *message = g_new0 (struct message, 1);
  message->uid = mailbox->uidnext++;
  message->flags = mailbox_known_bits (mailbox, flags);
  message->modseq = mailbox_touch (mailbox);
  message->internal_date = internal_date;
  message->save_date = store->host->realtime_ms () / 1000;
  message->body = body_ref (body);
  if (id_equal (&body->email_id, &none))
    body->email_id = model_new_id (store);
  message->thread_id = *thread;
  g_ptr_array_add (mailbox->messages, message);
  return message;
}

/* The first one that is known decides; all of them are known from then on. */
struct ptn_id
owner_thread (struct owner *owner, char *const *references) {
  const struct ptn_id *known = NULL;
  for (guint i = 0; references && references[i] && !known; i++)
    known = g_hash_table_lookup (owner->threads, references[i]);
  struct ptn_id thread = known ? *known : model_new_id (owner->store);
  for (guint i = 0; references && references[i]; i++)
    if (!g_hash_table_contains (owner->threads, references[i]))
      g_hash_table_insert (owner->threads, g_strdup (references[i]),
                           g_memdup2 (&thread, sizeof thread));
  return thread;
}

struct message *
mailbox_find (const struct mailbox *mailbox, uint32_t uid) {
  guint low = 0, high = mailbox->messages->len;
  while (low < high) {
    guint middle = low + (high - low) / 2;
    struct message *message = mailbox->messages->pdata[middle];
    if (message->uid == uid)
      return message;
    if (message->uid < uid)
      low = middle + 1;
    else
      high = middle;
  }
  return NULL;
}

int
mailbox_keyword (const struct mailbox *mailbox, const char *keyword) {
  for (guint i = 0; i < mailbox->keywords->len; i++)
    if (g_ascii_strcasecmp (mailbox->keywords->pdata[i], keyword) == 0)
      return (int)i;
  return -1;
}

ptn_flag_bits
mailbox_known_bits (const struct mailbox *mailbox, ptn_flag_bits bits) {
  guint known = 16 + mailbox->keywords->len;
  ptn_flag_bits all = known >= 64 ? ~UINT64_C (0) : (UINT64_C (1) << known) - 1;
  return bits & all & ~UINT64_C (0xffe0);
}

void
mailbox_forget_view (struct mailbox *mailbox) {
  g_clear_pointer (&mailbox->view, view_unref);
}

struct view *
mailbox_view (struct mailbox *mailbox) {
  if (!mailbox->view) {
    guint count = mailbox->messages->len;
    uint32_t *uid = g_new (uint32_t, count);
    ptn_flag_bits *flags = g_new (ptn_flag_bits, count);
    uint64_t *modseq = g_new (uint64_t, count);
    for (guint i = 0; i < count; i++) {
      const struct message *message = mailbox->messages->pdata[i];
      uid[i] = message->uid;
      flags[i] = message->flags;
      modseq[i] = message->modseq;
    }
    struct view *view = g_new0 (struct view, 1);
    view->references = 1;
    view->keywords = g_new0 (char *, mailbox->keywords->len + 1);
    for (guint i = 0; i < mailbox->keywords->len; i++)
      view->keywords[i] = g_strdup (mailbox->keywords->pdata[i]);
    view->table = (struct ptn_view){
      .size = sizeof view->table,
      .count = count,
      .modseq = mailbox->modseq,
      .uid = uid,
      .flags = flags,
      .message_modseq = modseq,
      .keywords = { (const char *const *)view->keywords, mailbox->keywords->len },
    };
    mailbox->view = view;
  }
  g_atomic_int_inc (&mailbox->view->references);
  return mailbox->view;
}

void
mailbox_empty (struct mailbox *mailbox) {
  mailbox_forget_view (mailbox);
  for (guint i = 0; i < mailbox->messages->len; i++)
    mailbox_bury (mailbox, ((struct message *)mailbox->messages->pdata[i])->uid);
  g_ptr_array_set_size (mailbox->messages, 0);
}

bool
uid_set_has (struct ptn_uid_set set, size_t *range, uint32_t uid) {
  while (*range < set.count && set.ranges[*range].last < uid)
    ++*range;
  return *range < set.count && set.ranges[*range].first <= uid;
}
