/* SPDX-License-Identifier: GPL-3.0-or-later */
/* annotations.c - see annotations.h.
 *
 * The cursor reads the index in turns, as fetch does. */
#include "annotations.h"

#include "common/kept_name.h"

/* Is who asks the owner of the mailbox (place NULL: of the open account)? */
static bool
is_owner (struct ptn_account *account, const struct place *place) {
  const char *authzid = account->asker.authzid;
  uint32_t user;

  if (!place || (place->shard == account->shard && place->user == account->user))
    return strcmp (authzid, account->name) == 0;
  return store_shard_of (account->store, authzid) == place->shard
         && account_user (place->shard, authzid, &user) == PTN_OK && user == place->user;
}

char *
annotation_kept_name (struct ptn_account *account, const struct place *place, const char *name) {
  if (!annotation_name_private (name) || is_owner (account, place))
    return g_strdup (name);
  return g_strdup_printf ("%s%c%s", name, PRIVATE_MARK, account->asker.authzid);
}

char *
subscription_name (const struct ptn_id *mailbox) {
  GString *name = g_string_new ("=subscribed/");

  for (size_t i = 0; i < sizeof mailbox->octets; i++)
    g_string_append_printf (name, "%02x", mailbox->octets[i]);
  return g_string_free (name, FALSE);
}

struct annotation_row {
  uint32_t uid;
  char *name;
  GBytes *value;
};

struct annotation_cursor {
  struct ptn_cursor base;
  struct place place;
  GArray *ranges;
  guint range;
  char *name;   /* as kept; NULL: all */
  bool owner;   /* the asker is the owner: private names are as they are */
  GArray *rows; /* of this turn */
  guint row;
  uint32_t last_uid; /* of the last row read */
  char *last_name;
  struct ptn_annotation annotation;
};

static void
clear_annotation (void *argument) {
  struct annotation_row *row = argument;

  g_free (row->name);
  g_bytes_unref (row->value);
}

static void
annotations_free (struct ptn_cursor *base) {
  struct annotation_cursor *cursor = (struct annotation_cursor *)base;

  g_array_unref (cursor->ranges);
  g_array_unref (cursor->rows);
  g_free (cursor->name);
  g_free (cursor->last_name);
  g_free (cursor);
}

static GArray *
copy_set (struct ptn_uid_set set) {
  GArray *copy = g_array_new (FALSE, FALSE, sizeof (struct ptn_uid_range));

  if (set.count > 0)
    g_array_append_vals (copy, set.ranges, (guint)set.count);
  return copy;
}

ptn_status
annotations_open (struct ptn_account *account, struct ptn_call *call, const struct ptn_id *id,
                  struct ptn_uid_set uids, int all_uids, const char *name,
                  struct ptn_cursor **result) {
  static const struct ptn_uid_range none = { 0, 0 }, all = { 1, UINT32_MAX };
  struct annotation_cursor *cursor;
  struct place place = { .shard = account->shard };
  ptn_status status;

  if (!all_uids && !set_valid (uids))
    return PTN_E_INVALID;
  if (id)
    status = account_place (account, id, RIGHT_R, &place);
  else
    status = account_own_user (account, &place.user);
  if (status != PTN_OK && (id || status != PTN_E_NOT_FOUND))
    return index_trouble (account->shard, call->task, status);
  cursor = g_new0 (struct annotation_cursor, 1);
  cursor->base.account = account;
  cursor->base.free = annotations_free;
  cursor->place = place;
  cursor->owner = is_owner (account, id ? &place : NULL);
  cursor->name = name ? annotation_kept_name (account, id ? &place : NULL, name) : NULL;
  if (!id || (!all_uids && uids.count == 0))
    cursor->ranges = copy_set ((struct ptn_uid_set){ &none, 1 });
  else
    cursor->ranges = copy_set (all_uids ? (struct ptn_uid_set){ &all, 1 } : uids);
  cursor->rows = g_array_new (FALSE, TRUE, sizeof (struct annotation_row));
  g_array_set_clear_func (cursor->rows, clear_annotation);
  *result = &cursor->base;
  return PTN_OK;
}

/* Is it for this account's eyes?  Then without what stands behind it. */
static bool
show_name (const struct annotation_cursor *cursor, char *name) {
  char *mark = strchr (name, PRIVATE_MARK);

  if (name[0] != '/' || !annotation_name_private (name))
    return name[0] == '/';
  if (cursor->owner || !mark)
    return cursor->owner && !mark;
  *mark = '\0';
  return strcmp (mark + 1, cursor->base.account->asker.authzid) == 0;
}

static bool
annotation_row (void *argument, const uint8_t *key, size_t key_size, const uint8_t *value,
                size_t size) {
  struct annotation_cursor *cursor = argument;
  struct annotation_row row = { .uid = key_number (key, key_size, AT_UID) };

  row.name = key_text (key, key_size, AT_ANNOTATION_NAME);
  cursor->last_uid = row.uid;
  g_free (cursor->last_name);
  cursor->last_name = g_strdup (row.name);
  if ((cursor->name && strcmp (cursor->name, row.name) != 0) || !show_name (cursor, row.name)) {
    g_free (row.name);
    return true;
  }
  row.value = g_bytes_new (value, size);
  g_array_append_val (cursor->rows, row);
  return true;
}

/* Reads on behind the last row.  PTN_END: nothing more in any range. */
static ptn_status
more_annotations (struct annotation_cursor *cursor) {
  struct place *place = &cursor->place;

  g_array_set_size (cursor->rows, 0);
  cursor->row = 0;
  while (cursor->range < cursor->ranges->len && cursor->rows->len == 0) {
    const struct ptn_uid_range *range =
        &g_array_index (cursor->ranges, struct ptn_uid_range, cursor->range);
    struct key from, end;
    ptn_status status;

    if (cursor->last_name) {
      key_annotation (&from, place->user, place->mailbox, cursor->last_uid, cursor->last_name);
      if (from.size < KEY_ROOM)
        from.octets[from.size++] = 0; /* the next key there can be */
    } else
      key_annotation (&from, place->user, place->mailbox, range->first, "");
    key_annotation (&end, place->user, place->mailbox, range->last, "");
    key_after (&end, &end);
    status = index_scan (&place->shard->index, NULL, &from, &end, 64, annotation_row, cursor);
    if (status < 0)
      return status;
    if (status == PTN_END) {
      g_clear_pointer (&cursor->last_name, g_free);
      cursor->range++;
    }
  }
  return cursor->rows->len > 0 ? PTN_OK : PTN_END;
}

ptn_status
annotations_next (struct ptn_cursor *base, struct ptn_call *call,
                  const struct ptn_annotation **annotation) {
  struct annotation_cursor *cursor = (struct annotation_cursor *)base;
  const struct annotation_row *row;

  if (cursor->place.user == 0)
    return PTN_END;
  if (cursor->row >= cursor->rows->len) {
    ptn_status status = more_annotations (cursor);

    if (status != PTN_OK)
      return index_trouble (cursor->place.shard, call->task, status);
  }
  row = &g_array_index (cursor->rows, struct annotation_row, cursor->row++);
  memset (&cursor->annotation, 0, sizeof cursor->annotation);
  cursor->annotation.size = sizeof cursor->annotation;
  cursor->annotation.uid = row->uid;
  cursor->annotation.name = row->name;
  cursor->annotation.value.data = g_bytes_get_data (row->value, &cursor->annotation.value.size);
  if (!cursor->annotation.value.data)
    cursor->annotation.value.data = "";
  *annotation = &cursor->annotation;
  return PTN_OK;
}
