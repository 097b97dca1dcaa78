/* SPDX-License-Identifier: GPL-3.0-or-later */
/* whose.c - see whose.h. */
#include "whose.h"

enum { ROWS_AT_ONCE = 1024 };

static void
whose_free (void *argument) {
  struct whose *whose = argument;

  g_free (whose->account);
  g_free (whose->mailbox);
  g_free (whose);
}

struct search {
  GHashTable *bodies;
  GPtrArray *found;
  GArray *places; /* user, mailbox of each found: uint32_t[2] */
  struct key last;
  /* For names. */
  uint32_t number;
  char *name;
};

static bool
message (void *argument, const uint8_t *key, size_t key_size, const uint8_t *value, size_t size) {
  struct search *search = argument;
  struct message_row row;

  search->last.size = (uint32_t)MIN (key_size, sizeof search->last.octets - 1);
  memcpy (search->last.octets, key, search->last.size);
  if (message_row_get (READER (value, size), &row)
      && g_hash_table_contains (search->bodies, &row.body)) {
    struct whose *whose = g_new0 (struct whose, 1);
    uint32_t place[2] = { key_number (key, key_size, AT_USER),
                          key_number (key, key_size, AT_MAILBOX) };

    whose->body = row.body;
    whose->uid = key_number (key, key_size, AT_UID);
    g_ptr_array_add (search->found, whose);
    g_array_append_val (search->places, place);
  }
  return true;
}

static bool
account (void *argument, const uint8_t *key, size_t key_size, const uint8_t *value, size_t size) {
  struct search *search = argument;
  uint32_t user;

  if (!user_id_get (READER (value, size), &user) || user != search->number)
    return true;
  search->name = key_text (key, key_size, AT_USER);
  return false;
}

static bool
mailbox (void *argument, const uint8_t *key, size_t key_size, const uint8_t *value, size_t size) {
  struct search *search = argument;
  struct name_row row;

  if (!name_row_get (READER (value, size), &row) || row.mailbox != search->number)
    return true;
  search->name = key_text (key, key_size, AT_NAME_PATH);
  return false;
}

static char *
name_of (struct shard *shard, struct search *search, const struct key *from, uint32_t number,
         index_row *row) {
  struct key end;

  key_after (&end, from);
  search->number = number;
  search->name = NULL;
  index_scan (&shard->index, NULL, from, &end, SIZE_MAX, row, search);
  return search->name ? search->name : g_strdup ("?");
}

GPtrArray *
whose_bodies (struct shard *shard, GHashTable *bodies) {
  struct search search = { .bodies = bodies };
  struct key from = { 1, { KEY_MESSAGE } }, end = { 1, { KEY_MESSAGE + 1 } };
  struct key users = { 1, { KEY_USER } };
  ptn_status status;

  search.found = g_ptr_array_new_with_free_func (whose_free);
  search.places = g_array_new (FALSE, FALSE, sizeof (uint32_t[2]));
  do { /* in turns, so that commits can come between */
    search.last = from;
    status = index_scan (&shard->index, NULL, &from, &end, ROWS_AT_ONCE, message, &search);
    from = search.last;
    from.octets[from.size++] = 0;
  } while (status == PTN_OK);
  for (guint i = 0; i < search.found->len; i++) {
    struct whose *whose = search.found->pdata[i];
    const uint32_t *place = &g_array_index (search.places, uint32_t, (gsize)i * 2);
    struct key names;

    whose->account = name_of (shard, &search, &users, place[0], account);
    key_of_user (&names, KEY_NAME, place[0]);
    whose->mailbox = name_of (shard, &search, &names, place[1], mailbox);
  }
  g_array_unref (search.places);
  return search.found;
}
