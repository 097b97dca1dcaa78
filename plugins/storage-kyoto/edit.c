/* SPDX-License-Identifier: GPL-3.0-or-later */
/* edit.c - see edit.h. */
#include "edit.h"

enum { ROWS_A_TURN = 2048 };

struct undo {
  struct overlay_node *node;
  uint8_t *value;
  uint32_t size, room;
  uint8_t state;
};

void
edit_init (struct edit *edit, struct index *index) {
  memset (edit, 0, sizeof *edit);
  edit->index = index;
  edit->changes = overlay_new ();
  edit->undo = g_array_new (FALSE, FALSE, sizeof (struct undo));
  edit->gone = g_array_new (FALSE, FALSE, sizeof (uint64_t));
  value_init (&edit->value);
}

static void
forget_seen (struct edit *edit) {
  g_clear_pointer (&edit->seen.messages, g_array_unref);
}

void
edit_destroy (struct edit *edit) {
  forget_seen (edit);
  overlay_free (&edit->changes);
  g_array_unref (edit->undo);
  g_array_unref (edit->gone);
  value_clear (&edit->value);
  octets_clear (&edit->coded);
}

void
edit_begin_unit (struct edit *edit) {
  forget_seen (edit);
  g_array_set_size (edit->undo, 0);
  edit->unit_gone = edit->gone->len;
}

void
edit_abort_unit (struct edit *edit) {
  forget_seen (edit);
  for (guint i = edit->undo->len; i-- > 0;) {
    const struct undo *undo = &g_array_index (edit->undo, struct undo, i);

    undo->node->value = undo->value;
    undo->node->value_size = undo->size;
    undo->node->value_room = undo->room;
    undo->node->state = undo->state;
  }
  g_array_set_size (edit->undo, 0);
  g_array_set_size (edit->gone, edit->unit_gone);
}

void
edit_clear (struct edit *edit) {
  forget_seen (edit);
  overlay_reset (edit->changes);
  g_array_set_size (edit->undo, 0);
  g_array_set_size (edit->gone, 0);
  edit->removals = edit->rights = false;
}

ptn_status
edit_get (struct edit *edit, const struct key *key, struct value *value) {
  return index_get (edit->index, edit->changes, key, value);
}

static void
put (struct edit *edit, const struct key *key, const void *data, size_t size) {
  struct overlay_node *node = overlay_node (edit->changes, key->octets, key->size);
  struct undo undo = { node, node->value, node->value_size, node->value_room, node->state };

  forget_seen (edit);
  overlay_set (edit->changes, node, data, size, true);
  g_array_append_val (edit->undo, undo);
}

void
edit_put (struct edit *edit, const struct key *key, const struct octets *value) {
  put (edit, key, value->data ? value->data : (const uint8_t *)"", value->size);
}

void
edit_remove (struct edit *edit, const struct key *key) {
  put (edit, key, NULL, 0);
}

/* Reads a row of a known kind; one that makes no sense is corrupt. */
#define GET_ROW(edit, key, decode, row)                                          \
  ({                                                                             \
    ptn_status get_status_ = edit_get ((edit), (key), &(edit)->value);           \
    if (get_status_ == PTN_OK && !decode (VALUE_READER (&(edit)->value), (row))) \
      get_status_ = PTN_E_CORRUPT;                                               \
    get_status_;                                                                 \
  })
#define PUT_ROW(edit, key, encode, row)       \
  do {                                        \
    (edit)->coded.size = 0;                   \
    encode (&(edit)->coded, (row));           \
    edit_put ((edit), (key), &(edit)->coded); \
  } while (0)

ptn_status
edit_user_id (struct edit *edit, const char *account, uint32_t *user) {
  struct key key;

  key_user (&key, account);
  return GET_ROW (edit, &key, user_id_get, user);
}

ptn_status
edit_user (struct edit *edit, uint32_t user, struct user_row *row) {
  struct key key;

  key_mailbox (&key, user, 0);
  return GET_ROW (edit, &key, user_row_get, row);
}

ptn_status
edit_name (struct edit *edit, uint32_t user, const char *path, struct name_row *row) {
  struct key key;

  key_name (&key, user, path);
  return GET_ROW (edit, &key, name_row_get, row);
}

ptn_status
edit_mailbox (struct edit *edit, uint32_t user, uint32_t mailbox, struct mailbox_row *row) {
  struct key key;

  key_mailbox (&key, user, mailbox);
  return GET_ROW (edit, &key, mailbox_row_get, row);
}

ptn_status
edit_message (struct edit *edit, uint32_t user, uint32_t mailbox, uint32_t uid,
              struct message_row *row) {
  struct key key;

  key_message (&key, user, mailbox, uid);
  return GET_ROW (edit, &key, message_row_get, row);
}

ptn_status
edit_body (struct edit *edit, uint64_t body, struct body_row *row) {
  struct key key;

  key_body (&key, body);
  return GET_ROW (edit, &key, body_row_get, row);
}

ptn_status
edit_next_user (struct edit *edit, uint32_t *next) {
  struct key key;
  ptn_status status;

  key_meta (&key, "users");
  status = GET_ROW (edit, &key, user_id_get, next);
  if (status == PTN_E_NOT_FOUND) {
    *next = 1;
    return PTN_OK;
  }
  return status;
}

void
edit_put_user (struct edit *edit, uint32_t user, const struct user_row *row) {
  struct key key;

  key_mailbox (&key, user, 0);
  PUT_ROW (edit, &key, user_row_put, row);
}

void
edit_put_name (struct edit *edit, uint32_t user, const char *path, const struct name_row *row) {
  struct key key;

  key_name (&key, user, path);
  PUT_ROW (edit, &key, name_row_put, row);
}

void
edit_put_mailbox (struct edit *edit, uint32_t user, uint32_t mailbox,
                  const struct mailbox_row *row) {
  struct key key;

  key_mailbox (&key, user, mailbox);
  PUT_ROW (edit, &key, mailbox_row_put, row);
}

void
edit_put_message (struct edit *edit, uint32_t user, uint32_t mailbox, uint32_t uid,
                  const struct message_row *row) {
  struct key key;

  key_message (&key, user, mailbox, uid);
  PUT_ROW (edit, &key, message_row_put, row);
}

static bool
collect_row (void *argument, const uint8_t *key, size_t key_size, const uint8_t *value,
             size_t size) {
  GPtrArray *rows = argument;
  struct edit_row *row = g_malloc (sizeof *row + key_size + size);

  row->key_size = key_size;
  row->value_size = size;
  row->value = row->key + key_size;
  memcpy (row->key, key, key_size);
  memcpy (row->value, value, size);
  g_ptr_array_add (rows, row);
  return true;
}

ptn_status
edit_collect (struct edit *edit, const struct key *from, const struct key *end, GPtrArray **rows) {
  ptn_status status;

  *rows = g_ptr_array_new_with_free_func (g_free);
  status = index_scan (edit->index, edit->changes, from, end, SIZE_MAX, collect_row, *rows);
  return status == PTN_END ? PTN_OK : status;
}

struct collecting {
  GArray *messages;
  bool bad;
};

static bool
collect_message (void *argument, const uint8_t *key, size_t key_size, const uint8_t *value,
                 size_t size) {
  struct collecting *collecting = argument;
  struct edit_message message = { .uid = key_number (key, key_size, AT_UID) };

  if (!message_row_get (READER (value, size), &message.row)) {
    collecting->bad = true;
    return false;
  }
  g_array_append_val (collecting->messages, message);
  return true;
}

/* A step looks at its messages, and the record that it makes of them once more: those of the set
 * among what was seen, if that is all of them; NULL: it is not. */
static GArray *
among_seen (const struct edit *edit, uint32_t user, uint32_t mailbox, struct ptn_uid_set set) {
  const GArray *seen = edit->seen.messages;
  GArray *found;
  uint64_t wanted = set_count (set);
  size_t range = 0;

  if (!seen || edit->seen.user != user || edit->seen.mailbox != mailbox || wanted > seen->len)
    return NULL;
  found = g_array_sized_new (FALSE, FALSE, sizeof (struct edit_message), (guint)wanted);
  for (guint i = 0; i < seen->len && range < set.count; i++) {
    const struct edit_message *message = &g_array_index (seen, struct edit_message, i);

    while (range < set.count && set.ranges[range].last < message->uid)
      range++;
    if (range < set.count && message->uid >= set.ranges[range].first)
      g_array_append_vals (found, message, 1);
  }
  if (found->len == wanted)
    return found;
  g_array_unref (found);
  return NULL;
}

ptn_status
edit_messages (struct edit *edit, uint32_t user, uint32_t mailbox, struct ptn_uid_set set,
               GArray **messages) {
  struct collecting collecting = { NULL, false };
  ptn_status status = PTN_OK;

  *messages = among_seen (edit, user, mailbox, set);
  if (*messages)
    return PTN_OK;
  collecting.messages = g_array_new (FALSE, FALSE, sizeof (struct edit_message));
  for (size_t i = 0; i < set.count && status >= 0 && !collecting.bad; i++) {
    struct key from, last, end;

    uint64_t next = set.ranges[i].first, behind = (uint64_t)set.ranges[i].last + 1;

    key_message (&last, user, mailbox, set.ranges[i].last);
    key_after (&end, &last);
    /* In turns: nobody else changes the index meanwhile, but readers may want its lock. */
    do {
      guint before = collecting.messages->len;

      key_message (&from, user, mailbox, (uint32_t)next);
      status =
          index_scan (edit->index, edit->changes, &from, &end,
                      MIN (behind - next, (uint64_t)ROWS_A_TURN), collect_message, &collecting);
      if (collecting.messages->len > before)
        next = (uint64_t)g_array_index (collecting.messages, struct edit_message,
                                        collecting.messages->len - 1)
                   .uid
               + 1;
      else if (status == PTN_OK)
        status = PTN_END;
    } while (status == PTN_OK && next < behind && !collecting.bad);
  }
  *messages = collecting.messages;
  if (collecting.bad || status < 0)
    return collecting.bad ? PTN_E_CORRUPT : status;
  forget_seen (edit);
  edit->seen.user = user;
  edit->seen.mailbox = mailbox;
  edit->seen.messages = g_array_ref (collecting.messages);
  return PTN_OK;
}
