/* SPDX-License-Identifier: GPL-3.0-or-later */
/* mailbox.c - see mailbox.h. */
#include "mailbox.h"

#include "place.h"

void
cursor_close (struct ptn_cursor *cursor) {
  cursor->free (cursor);
}

bool
mailbox_matches (const char *pattern, const char *path) {
  const char *again = NULL, *from = NULL;     /* the last wildcard, and where it began */
  const char *wide = NULL, *wide_from = NULL; /* the last '*' */

  for (;;) {
    if (*pattern == '*' || *pattern == '%') {
      again = pattern;
      from = path;
      if (*pattern == '*') {
        wide = pattern;
        wide_from = path;
      }
      pattern++;
      continue;
    }
    if (*pattern == *path) {
      if (*path == '\0')
        return true;
      pattern++;
      path++;
      continue;
    }
    /* Let the last wildcard take one octet more; a '%' that cannot hands over to the '*'. */
    if (again && (*again == '*' ? *from != '\0' : *from != '\0' && *from != '/')) {
      path = ++from;
      pattern = again + 1;
      if (*again == '*')
        wide_from = from;
      continue;
    }
    if (!wide || again == wide || *wide_from == '\0')
      return false;
    again = wide;
    from = path = ++wide_from;
    pattern = wide + 1;
  }
}

struct list_row {
  char *path;
  struct name_row name;
};

struct list_cursor {
  struct ptn_cursor base;
  uint32_t user;
  GArray *rows; /* all of the account */
  char *pattern;
  guint next;
  struct ptn_mailbox mailbox;
};

static void
clear_row (void *row) {
  g_free (((struct list_row *)row)->path);
}

static void
list_free (struct ptn_cursor *base) {
  struct list_cursor *cursor = (struct list_cursor *)base;

  g_array_unref (cursor->rows);
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

ptn_status
mailbox_list (struct ptn_account *account, struct ptn_call *call, const char *pattern,
              struct ptn_cursor **result) {
  struct list_cursor *cursor = g_new0 (struct list_cursor, 1);
  struct key from, end;
  ptn_status status;

  cursor->base.account = account;
  cursor->base.free = list_free;
  cursor->pattern = canonical_pattern (pattern);
  cursor->rows = g_array_new (FALSE, FALSE, sizeof (struct list_row));
  g_array_set_clear_func (cursor->rows, clear_row);
  status = account_user (account->shard, account->name, &cursor->user);
  if (status == PTN_OK) {
    key_of_user (&from, KEY_NAME, cursor->user);
    key_after (&end, &from);
    status =
        index_scan (&account->shard->index, NULL, &from, &end, SIZE_MAX, list_row, cursor->rows);
  }
  if (status == PTN_E_CORRUPT) {
    list_free (&cursor->base);
    return index_trouble (account->shard, call->task, status);
  }
  *result = &cursor->base;
  return PTN_OK;
}

static bool
stop_at_first (void *argument, const uint8_t *key, size_t key_size, const uint8_t *value,
               size_t size) {
  *(bool *)argument = true;
  return false;
}

static bool
has_children (struct shard *shard, uint32_t user, const char *path) {
  struct key from, end;
  bool found = false;

  if (strlen (path) >= PATH_MAX_OCTETS)
    return false;
  key_name (&from, user, path);
  from.octets[from.size++] = '/';
  key_after (&end, &from);
  index_scan (&shard->index, NULL, &from, &end, 1, stop_at_first, &found);
  return found;
}

/* PTN_E_NOT_FOUND: gone meanwhile. */
static ptn_status
fill (struct shard *shard, uint32_t user, const char *path, const struct name_row *name,
      struct ptn_mailbox *mailbox) {
  struct mailbox_row row = { 0 };
  ptn_status status = PTN_OK;

  memset (mailbox, 0, sizeof *mailbox);
  mailbox->size = sizeof *mailbox;
  mailbox->name.path = path;
  if (name->attributes & NAME_SUBSCRIBED)
    mailbox->attributes |= PTN_MAILBOX_SUBSCRIBED;
  mailbox->attributes |= name->attributes & PTN_MAILBOX_SPECIAL_USES;
  if (has_children (shard, user, path))
    mailbox->attributes |= PTN_MAILBOX_HAS_CHILDREN;
  mailbox->id = mailbox_id (shard, user, name->mailbox);
  if (name->attributes & NAME_NOSELECT) {
    mailbox->attributes |= PTN_MAILBOX_NOSELECT;
    return PTN_OK;
  }
  status = read_mailbox (shard, user, name->mailbox, &row);
  mailbox->uidvalidity = row.uidvalidity;
  mailbox->uidnext = row.uidnext;
  mailbox->messages = row.messages;
  mailbox->unseen = row.unseen;
  mailbox->deleted = row.deleted;
  mailbox->highest_modseq = row.modseq;
  mailbox->octets = row.octets;
  return status;
}

ptn_status
mailbox_next (struct ptn_cursor *base, struct ptn_call *call, const struct ptn_mailbox **mailbox) {
  struct list_cursor *cursor = (struct list_cursor *)base;
  struct shard *shard = base->account->shard;

  while (cursor->next < cursor->rows->len) {
    const struct list_row *row = &g_array_index (cursor->rows, struct list_row, cursor->next++);
    ptn_status status;

    if (!mailbox_matches (cursor->pattern, row->path))
      continue;
    status = fill (shard, cursor->user, row->path, &row->name, &cursor->mailbox);
    if (status == PTN_E_NOT_FOUND)
      continue;
    *mailbox = &cursor->mailbox;
    return index_trouble (shard, call->task, status);
  }
  return PTN_END;
}

struct status_result {
  struct ptn_mailbox mailbox;
  char path[];
};

ptn_status
mailbox_status (struct ptn_account *account, struct ptn_call *call, struct ptn_mailbox_name name,
                const struct ptn_mailbox **mailbox) {
  g_autofree char *path = path_canonical (name.path);
  struct status_result *result;
  struct shard *shard;
  const char *owner;
  struct name_row row;
  uint32_t user;
  ptn_status status;

  if (!path)
    return PTN_E_INVALID;
  status = account_owner (account, name, &shard, &owner);
  if (status == PTN_OK)
    status = account_user (shard, owner, &user);
  if (status == PTN_OK)
    status = read_name (shard, user, path, &row);
  if (status != PTN_OK)
    return index_trouble (shard, call->task, status);
  result = g_malloc0 (sizeof *result + strlen (path) + 1);
  strcpy (result->path, path);
  status = fill (shard, user, result->path, &row, &result->mailbox);
  if (status != PTN_OK) {
    g_free (result);
    return index_trouble (shard, call->task, status);
  }
  if (name.owner)
    result->mailbox.name.owner = name.owner[0] ? NULL : "";
  call->state = result;
  call->release = g_free;
  *mailbox = &result->mailbox;
  return PTN_OK;
}
