/* SPDX-License-Identifier: GPL-3.0-or-later */
/* admin.c - see admin.h. */
#include "admin.h"

#include "place.h"

enum { ACCOUNTS = 1000 };

static bool
account_row (void *argument, const uint8_t *key, size_t key_size, const uint8_t *value,
             size_t size) {
  char *name = key_text (key, key_size, 1);

  if (name[0] == '\0') /* the public folders are nobody's */
    g_free (name);
  else
    g_ptr_array_add (argument, name);
  return true;
}

static int
by_name (const void *a, const void *b) {
  return strcmp (*(const char *const *)a, *(const char *const *)b);
}

static void
names_free (void *names) {
  g_ptr_array_unref (names);
}

ptn_status
admin_list_accounts (void *instance, struct ptn_call *call, const char *after,
                     struct ptn_strings *result) {
  struct store *store = instance;
  GPtrArray *names;
  struct key from, end;

  if (!account_valid (after))
    return PTN_E_INVALID;
  names = g_ptr_array_new_with_free_func (g_free);
  key_user (&from, after);
  from.octets[from.size++] = 0; /* behind that name */
  key_user (&end, "");
  key_after (&end, &end);
  for (uint32_t i = 0; i < store->shard_count; i++) {
    ptn_status status =
        index_scan (&store->shards[i].index, NULL, &from, &end, ACCOUNTS, account_row, names);

    if (status < 0) {
      g_ptr_array_unref (names);
      return index_trouble (&store->shards[i], call->task, status);
    }
  }
  g_ptr_array_sort (names, by_name);
  if (names->len > ACCOUNTS)
    g_ptr_array_set_size (names, ACCOUNTS);
  call->state = names;
  call->release = names_free;
  result->items = (const char *const *)names->pdata;
  result->count = names->len;
  return names->len > 0 ? PTN_OK : PTN_END;
}

ptn_status
admin_quota (struct ptn_account *account, struct ptn_call *call, const struct ptn_quota **result) {
  struct user_row row = { .storage_limit = UINT64_MAX, .messages_limit = UINT64_MAX };
  struct ptn_quota *quota;
  uint32_t user;
  ptn_status status = account_user (account->shard, account->name, &user);

  if (status == PTN_OK)
    status = read_user (account->shard, user, &row);
  if (status != PTN_OK && status != PTN_E_NOT_FOUND)
    return index_trouble (account->shard, call->task, status);
  quota = g_new0 (struct ptn_quota, 1);
  quota->size = sizeof *quota;
  quota->storage_used = row.octets;
  quota->messages_used = row.messages;
  quota->storage_limit = row.storage_limit;
  quota->messages_limit = row.messages_limit;
  call->state = quota;
  call->release = g_free;
  *result = quota;
  return PTN_OK;
}
