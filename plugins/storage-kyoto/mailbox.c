/* SPDX-License-Identifier: GPL-3.0-or-later */
/* mailbox.c - see mailbox.h. */
#include "mailbox.h"

#include "annotations.h"
#include "place.h"

#include "common/mailbox_name.h"

void
cursor_close (struct ptn_cursor *cursor) {
  cursor->free (cursor);
}

/* One whose mailboxes are listed. */
struct list_owner {
  struct shard *shard;
  uint32_t user;
  bool own;
  char *name;
};

struct list_row {
  char *path;
  struct name_row name;
};

struct list_cursor {
  struct ptn_cursor base;
  GArray *owners; /* in order of their names */
  guint owner;    /* the next one */
  struct list_owner *current;
  GArray *rows; /* of that one, in order of path */
  guint next;
  char *pattern;
  struct ptn_mailbox mailbox;
  char rights[RIGHTS_TEXT];
};

static void
clear_row (void *row) {
  g_free (((struct list_row *)row)->path);
}

static void
clear_owner (void *owner) {
  g_free (((struct list_owner *)owner)->name);
}

static void
list_free (struct ptn_cursor *base) {
  struct list_cursor *cursor = (struct list_cursor *)base;

  g_array_unref (cursor->rows);
  g_array_unref (cursor->owners);
  g_free (cursor->pattern);
  g_free (cursor);
}

static bool
list_row (void *argument, const uint8_t *key, size_t key_size, const uint8_t *value, size_t size) {
  GArray *rows = argument;
  struct list_row row;

  if (name_row_get (READER (value, size), &row.name)) {
    row.path = key_text (key, key_size, AT_NAME_PATH);
    g_array_append_val (rows, row);
  }
  return true;
}

/* A pattern's INBOX is in any case, too. */
static char *
canonical_pattern (const char *pattern) {
  char *copy = g_strdup (pattern);

  if (g_ascii_strncasecmp (copy, "INBOX", 5) == 0 && (copy[5] == '\0' || strchr ("/*%", copy[5])))
    memcpy (copy, "INBOX", 5);
  return copy;
}

static struct list_cursor *
list_new (struct ptn_account *account, const char *pattern) {
  struct list_cursor *cursor = g_new0 (struct list_cursor, 1);

  cursor->base.account = account;
  cursor->base.free = list_free;
  cursor->pattern = canonical_pattern (pattern);
  cursor->rows = g_array_new (FALSE, FALSE, sizeof (struct list_row));
  g_array_set_clear_func (cursor->rows, clear_row);
  cursor->owners = g_array_new (FALSE, FALSE, sizeof (struct list_owner));
  g_array_set_clear_func (cursor->owners, clear_owner);
  return cursor;
}

static void
add_owner (struct list_cursor *cursor, struct shard *shard, uint32_t user, const char *name) {
  struct ptn_account *account = cursor->base.account;
  struct list_owner owner = { shard, user, strcmp (name, account->name) == 0, g_strdup (name) };

  g_array_append_val (cursor->owners, owner);
}

ptn_status
mailbox_list (struct ptn_account *account, struct ptn_call *call, const char *pattern,
              struct ptn_cursor **result) {
  struct list_cursor *cursor;
  uint32_t user;
  ptn_status status = account_own_user (account, &user);

  if (status != PTN_OK && status != PTN_E_NOT_FOUND)
    return index_trouble (account->shard, call->task, status);
  cursor = list_new (account, pattern);
  if (status == PTN_OK)
    add_owner (cursor, account->shard, user, account->name);
  *result = &cursor->base;
  return PTN_OK;
}

/* Numbers of accounts of one shard that may have something for the asker. */
struct candidates {
  GHashTable *users;
  size_t who_size; /* octets of the key before the account's number */
};

static bool
candidate (void *argument, const uint8_t *key, size_t key_size, const uint8_t *value, size_t size) {
  struct candidates *candidates = argument;
  uint32_t user = key_number (key, key_size, candidates->who_size);

  g_hash_table_add (candidates->users, GUINT_TO_POINTER (user));
  return true;
}

/* Where does `who` have entries? */
static ptn_status
add_candidates (struct shard *shard, const char *who, GHashTable *users) {
  struct candidates candidates = { users, 0 };
  struct key from, end;
  ptn_status status;

  key_rights_of (&from, who, 0, 0);
  from.size -= 8;
  candidates.who_size = from.size;
  key_after (&end, &from);
  status = index_scan (&shard->index, NULL, &from, &end, SIZE_MAX, candidate, &candidates);
  return status == PTN_END ? PTN_OK : status;
}

static bool
any_user (void *argument, const uint8_t *key, size_t key_size, const uint8_t *value, size_t size) {
  uint32_t user;

  if (user_id_get (READER (value, size), &user))
    g_hash_table_add (argument, GUINT_TO_POINTER (user));
  return true;
}

/* All accounts of a shard that have, or may have, given the asker something. */
static ptn_status
find_candidates (const struct asker *asker, struct shard *shard, GHashTable *users) {
  struct key from, end;
  ptn_status status;

  if (asker->administrator) {
    key_user (&from, "");
    key_after (&end, &from);
    status = index_scan (&shard->index, NULL, &from, &end, SIZE_MAX, any_user, users);
    return status == PTN_END ? PTN_OK : status;
  }
  status = add_candidates (shard, "anyone", users);
  if (status == PTN_OK && strlen (asker->authzid) <= WHO_MAX_OCTETS)
    status = add_candidates (shard, asker->authzid, users);
  for (char **group = asker->groups; status == PTN_OK && group && *group; group++) {
    g_autofree char *who = g_strconcat ("$", *group, NULL);

    if (strlen (who) <= WHO_MAX_OCTETS)
      status = add_candidates (shard, who, users);
  }
  return status;
}

static ptn_status
add_owners_of (struct list_cursor *cursor, struct shard *shard) {
  struct ptn_account *account = cursor->base.account;
  g_autoptr (GHashTable) users = g_hash_table_new (NULL, NULL);
  GHashTableIter iterator;
  void *user;
  ptn_status status = find_candidates (&account->asker, shard, users);

  g_hash_table_iter_init (&iterator, users);
  while (status == PTN_OK && g_hash_table_iter_next (&iterator, &user, NULL)) {
    g_autofree char *name = NULL;

    status = account_name_of (shard, GPOINTER_TO_UINT (user), &name);
    if (status == PTN_OK && name[0] && strcmp (name, account->name) != 0)
      add_owner (cursor, shard, GPOINTER_TO_UINT (user), name);
    else if (status == PTN_E_NOT_FOUND)
      status = PTN_OK; /* removed meanwhile */
  }
  return status;
}

static int
by_name (const void *a, const void *b) {
  return strcmp (((const struct list_owner *)a)->name, ((const struct list_owner *)b)->name);
}

ptn_status
mailbox_list_others (struct ptn_account *account, struct ptn_call *call, const char *owner,
                     const char *pattern, struct ptn_cursor **result) {
  struct store *store = account->store;
  struct list_cursor *cursor = list_new (account, pattern);
  struct shard *shard = account->shard;
  ptn_status status = PTN_OK;
  uint32_t user;

  if (!owner)
    for (uint32_t i = 0; i < store->shard_count && status == PTN_OK; i++)
      status = add_owners_of (cursor, shard = &store->shards[i]);
  else if (account_valid (owner) && strcmp (owner, account->name) != 0) {
    shard = store_shard_of (store, owner);
    status = account_user (shard, owner, &user);
    if (status == PTN_OK)
      add_owner (cursor, shard, user, owner);
  }
  if (status != PTN_OK && status != PTN_E_NOT_FOUND) {
    list_free (&cursor->base);
    return index_trouble (shard, call->task, status);
  }
  g_array_sort (cursor->owners, by_name);
  *result = &cursor->base;
  return PTN_OK;
}

/* Is there a mailbox below the path that the account may see? */
static bool
has_children (struct ptn_account *account, struct shard *shard, uint32_t user, bool own,
              const char *path) {
  g_autoptr (GArray) rows = NULL;
  struct key from, end;
  bool found = false;

  if (strlen (path) >= PATH_MAX_OCTETS)
    return false;
  key_name (&from, user, path);
  from.octets[from.size++] = '/';
  key_after (&end, &from);
  rows = g_array_new (FALSE, FALSE, sizeof (struct list_row));
  g_array_set_clear_func (rows, clear_row);
  index_scan (&shard->index, NULL, &from, &end, own ? 1 : SIZE_MAX, list_row, rows);
  for (guint i = 0; i < rows->len && !found; i++) {
    uint32_t rights = RIGHTS_ALL;

    if (!own)
      account_rights (account, shard, user, g_array_index (rows, struct list_row, i).name.mailbox,
                      &rights);
    found = rights & RIGHT_L;
  }
  return found;
}

static bool
subscribed (struct ptn_account *account, const struct ptn_id *id, bool own, uint32_t attributes) {
  g_autofree char *name = NULL;
  struct value value;
  struct key key;
  uint32_t user = account->user;
  bool found;

  if (own)
    return attributes & NAME_SUBSCRIBED;
  if (user == 0 && account_own_user (account, &user) != PTN_OK)
    return false;
  name = subscription_name (id);
  key_annotation (&key, user, 0, 0, name);
  value_init (&value);
  found = index_get (&account->shard->index, NULL, &key, &value) == PTN_OK;
  value_clear (&value);
  return found;
}

/* PTN_E_NOT_FOUND: gone meanwhile. */
static ptn_status
fill (struct ptn_account *account, const struct list_owner *owner, const char *path,
      const struct name_row *name, struct ptn_mailbox *mailbox) {
  struct mailbox_row row = { 0 };
  ptn_status status = PTN_OK;

  memset (mailbox, 0, sizeof *mailbox);
  mailbox->size = sizeof *mailbox;
  mailbox->name.owner = owner->own ? NULL : owner->name;
  mailbox->name.path = path;
  mailbox->id = mailbox_id (owner->shard, owner->user, name->mailbox);
  if (subscribed (account, &mailbox->id, owner->own, name->attributes))
    mailbox->attributes |= PTN_MAILBOX_SUBSCRIBED;
  mailbox->attributes |= name->attributes & PTN_MAILBOX_SPECIAL_USES;
  if (has_children (account, owner->shard, owner->user, owner->own, path))
    mailbox->attributes |= PTN_MAILBOX_HAS_CHILDREN;
  if (name->attributes & NAME_NOSELECT) {
    mailbox->attributes |= PTN_MAILBOX_NOSELECT;
    return PTN_OK;
  }
  status = read_mailbox (owner->shard, owner->user, name->mailbox, &row);
  mailbox->uidvalidity = row.uidvalidity;
  mailbox->uidnext = row.uidnext;
  mailbox->messages = row.messages;
  mailbox->unseen = row.unseen;
  mailbox->recent_uid = MAX (row.recent, 1);
  mailbox->deleted = row.deleted;
  mailbox->highest_modseq = row.modseq;
  mailbox->octets = row.octets;
  return status;
}

/* The names of the next owner.  PTN_END: there is none. */
static ptn_status
next_owner (struct list_cursor *cursor) {
  struct key from, end;
  ptn_status status;

  if (cursor->owner >= cursor->owners->len)
    return PTN_END;
  cursor->current = &g_array_index (cursor->owners, struct list_owner, cursor->owner++);
  g_array_set_size (cursor->rows, 0);
  cursor->next = 0;
  key_of_user (&from, KEY_NAME, cursor->current->user);
  key_after (&end, &from);
  status = index_scan (&cursor->current->shard->index, NULL, &from, &end, SIZE_MAX, list_row,
                       cursor->rows);
  return status < 0 ? status : PTN_OK;
}

/* PTN_E_NOT_FOUND: not for this list. */
static ptn_status
show (struct list_cursor *cursor, const struct list_row *row) {
  struct ptn_account *account = cursor->base.account;
  const struct list_owner *owner = cursor->current;
  uint32_t rights = account->asker.most;
  ptn_status status = PTN_OK;

  if (!path_matches (cursor->pattern, row->path))
    return PTN_E_NOT_FOUND;
  if (!owner->own)
    status = account_rights (account, owner->shard, owner->user, row->name.mailbox, &rights);
  if (status == PTN_OK && !(rights & RIGHT_L))
    return PTN_E_NOT_FOUND;
  if (status == PTN_OK)
    status = fill (account, owner, row->path, &row->name, &cursor->mailbox);
  cursor->mailbox.rights = rights_text (rights, cursor->rights);
  return status;
}

ptn_status
mailbox_next (struct ptn_cursor *base, struct ptn_call *call, const struct ptn_mailbox **mailbox) {
  struct list_cursor *cursor = (struct list_cursor *)base;
  ptn_status status = PTN_E_NOT_FOUND;

  while (status == PTN_E_NOT_FOUND) {
    if (cursor->next < cursor->rows->len)
      status = show (cursor, &g_array_index (cursor->rows, struct list_row, cursor->next++));
    else {
      status = next_owner (cursor);
      if (status == PTN_OK)
        status = PTN_E_NOT_FOUND; /* go on with its rows */
    }
  }
  *mailbox = &cursor->mailbox;
  return status == PTN_E_CORRUPT ? index_trouble (cursor->current->shard, call->task, status)
                                 : status;
}

struct status_result {
  struct ptn_mailbox mailbox;
  char rights[RIGHTS_TEXT];
  char *path, *owner;
};

static void
status_free (void *state) {
  struct status_result *result = state;

  g_free (result->path);
  g_free (result->owner);
  g_free (result);
}

ptn_status
mailbox_status (struct ptn_account *account, struct ptn_call *call, struct ptn_mailbox_name name,
                const struct ptn_mailbox **mailbox) {
  struct status_result *result;
  struct list_owner owner;
  struct named named;
  ptn_status status = account_find (account, name, RIGHT_R, &named);

  if (status != PTN_OK) {
    g_free (named.path);
    return index_trouble (account->shard, call->task, status);
  }
  result = g_new0 (struct status_result, 1);
  result->path = named.path;
  result->owner = named.own ? NULL : g_strdup (named.owner);
  owner = (struct list_owner){ named.shard, named.user, named.own, result->owner };
  status = fill (account, &owner, result->path, &named.row, &result->mailbox);
  if (status != PTN_OK) {
    status_free (result);
    return index_trouble (named.shard, call->task, status);
  }
  result->mailbox.rights = rights_text (named.rights, result->rights);
  call->state = result;
  call->release = status_free;
  *mailbox = &result->mailbox;
  return PTN_OK;
}

struct entries {
  GArray *rights;     /* struct ptn_rights */
  GPtrArray *strings; /* what they point to */
};

static void
entries_free (void *state) {
  struct entries *entries = state;

  g_array_unref (entries->rights);
  g_ptr_array_unref (entries->strings);
  g_free (entries);
}

static bool
add_entry (void *argument, const uint8_t *key, size_t key_size, const uint8_t *value, size_t size) {
  struct entries *entries = argument;
  struct reader reader = READER (value, size);
  char *who = key_text (key, key_size, AT_WHO), text[RIGHTS_TEXT];
  struct ptn_rights rights = { .who = who };

  rights_format (reader_varint32 (&reader), text);
  g_ptr_array_add (entries->strings, who);
  rights.rights = g_strdup (text);
  g_ptr_array_add (entries->strings, (char *)(uintptr_t)rights.rights);
  g_array_append_val (entries->rights, rights);
  return true;
}

ptn_status
mailbox_rights (struct ptn_account *account, struct ptn_call *call, const struct ptn_id *id,
                const struct ptn_rights **result, size_t *count) {
  struct mailbox_row row;
  struct entries *entries;
  struct place place;
  struct key from, end;
  ptn_status status = account_place (account, id, RIGHT_A, &place);

  if (status == PTN_OK)
    status = read_mailbox (place.shard, place.user, place.mailbox, &row);
  if (status != PTN_OK)
    return index_trouble (account->shard, call->task, status);
  entries = g_new0 (struct entries, 1);
  entries->rights = g_array_new (FALSE, FALSE, sizeof (struct ptn_rights));
  entries->strings = g_ptr_array_new_with_free_func (g_free);
  key_rights (&from, place.user, place.mailbox, "");
  key_after (&end, &from);
  status = index_scan (&place.shard->index, NULL, &from, &end, SIZE_MAX, add_entry, entries);
  if (status < 0) {
    entries_free (entries);
    return index_trouble (place.shard, call->task, status);
  }
  call->state = entries;
  call->release = entries_free;
  *result = (const struct ptn_rights *)(void *)entries->rights->data;
  *count = entries->rights->len;
  return PTN_OK;
}
