/* SPDX-License-Identifier: Apache-2.0 */
/* rights.c - RFC 4314: who may do what in which mailbox. */
#include "memory.h"

#include <string.h>

static bool
names_asker (const struct asker *asker, const char *who) {
  if (strcmp (who, "anyone") == 0 || strcmp (who, asker->authzid) == 0)
    return true;
  return *who == '$' && g_strv_contains ((const char *const *)asker->groups, who + 1);
}

struct evaluation {
  const struct asker *asker;
  unsigned given, taken;
};

static gboolean
evaluate (gpointer key, gpointer value, gpointer data) {
  struct evaluation *evaluation = data;
  const char *who = key;
  bool takes = *who == '-';
  if (names_asker (evaluation->asker, who + takes))
    *(takes ? &evaluation->taken : &evaluation->given) |= GPOINTER_TO_UINT (value);
  return FALSE;
}

static unsigned
rights_granted (const struct asker *asker, const struct mailbox *mailbox) {
  if (asker->administrator || strcmp (asker->account, mailbox->owner->name) == 0)
    return RIGHTS_ALL;
  struct evaluation evaluation = { .asker = asker };
  g_tree_foreach (mailbox->rights, evaluate, &evaluation);
  return evaluation.given & ~evaluation.taken;
}

unsigned
rights_of (const struct asker *asker, const struct mailbox *mailbox) {
  return rights_granted (asker, mailbox) & (asker->reads ? RIGHTS_READER : RIGHTS_ALL);
}

bool
rights_may_make (const struct asker *asker, struct owner *owner, const char *owner_name,
                 const char *path) {
  if (asker->reads)
    return false;
  if (asker->administrator || strcmp (asker->account, owner_name) == 0)
    return true;
  const struct mailbox *above = owner ? owner_above (owner, path) : NULL;
  return above && rights_of (asker, above) & RIGHT_K;
}

/* --- who asks ----------------------------------------------------------------------------- */

struct asker *
asker_new (const struct ptn_identity *identity) {
  struct asker *asker = g_new0 (struct asker, 1);
  const char *authzid = identity->authzid;
  asker->references = 1;
  asker->account = g_strdup (identity->account);
  asker->authzid = g_strdup (authzid && *authzid ? authzid : identity->account);
  size_t count = PTN_HAS (identity, groups) ? identity->groups.count : 0;
  asker->groups = g_new0 (char *, count + 1);
  for (size_t i = 0; i < count; i++)
    asker->groups[i] = g_strdup (identity->groups.items[i]);
  asker->administrator = PTN_HAS (identity, administrator) && identity->administrator;
  asker->reads = PTN_HAS (identity, access) && identity->access == PTN_ACCESS_READ;
  return asker;
}

struct asker *
asker_ref (struct asker *asker) {
  g_atomic_int_inc (&asker->references);
  return asker;
}

void
asker_unref (struct asker *asker) {
  if (!g_atomic_int_dec_and_test (&asker->references))
    return;
  g_free (asker->account);
  g_free (asker->authzid);
  g_strfreev (asker->groups);
  g_free (asker);
}

/* --- reading and changing them ------------------------------------------------------------ */

static gboolean
list_entry (gpointer key, gpointer value, gpointer data) {
  GPtrArray *strings = data;
  char letters[RIGHTS_TEXT];
  rights_format (GPOINTER_TO_UINT (value), letters);
  g_ptr_array_add (strings, g_strdup (key));
  g_ptr_array_add (strings, g_strdup (letters));
  return FALSE;
}

ptn_status
memory_rights (struct ptn_account *account, struct ptn_call *call, const struct ptn_id *id,
               const struct ptn_rights **entries, size_t *count) {
  struct memory *store = account->store;
  if (wait_enter (store, call) == PTN_PENDING)
    return PTN_PENDING;
  GPtrArray *strings = g_ptr_array_new ();
  struct mailbox *mailbox;
  model_lock (store);
  ptn_status status = model_mailbox (store, account->asker, id, RIGHT_A, &mailbox);
  if (mailbox)
    g_tree_foreach (mailbox->rights, list_entry, strings);
  model_unlock (store, NULL);
  struct operation *operation = wait_operation (call);
  *count = strings->len / 2;
  g_ptr_array_add (strings, NULL);
  operation->strings = (char **)g_ptr_array_free (strings, FALSE);
  if (status != PTN_OK)
    return wait_leave (call, status);
  operation->rights = g_new (struct ptn_rights, *count + 1);
  for (size_t i = 0; i < *count; i++)
    operation->rights[i] =
        (struct ptn_rights){ operation->strings[2 * i], operation->strings[2 * i + 1] };
  *entries = operation->rights;
  return wait_leave_results (call);
}

static bool
who_valid (const char *who) {
  if (!who || !g_utf8_validate (who, -1, NULL))
    return false;
  for (const char *p = who; *p; p++)
    if ((unsigned char)*p < 0x20 || *p == 0x7f)
      return false;
  return who[*who == '-'] != '\0';
}

ptn_status
memory_set_rights (struct ptn_account *account, struct ptn_call *call, const struct ptn_id *id,
                   const char *who, const char *rights) {
  struct memory *store = account->store;
  uint32_t mask;
  if (wait_enter (store, call) == PTN_PENDING)
    return PTN_PENDING;
  if (!who_valid (who) || !rights_parse (rights, &mask))
    return wait_leave (call, PTN_E_INVALID);
  if (wait_roll (store, store->failures))
    return wait_leave (call, PTN_E_TEMPORARY);
  struct mailbox *mailbox;
  model_lock (store);
  ptn_status status = model_mailbox (store, account->asker, id, RIGHT_A, &mailbox);
  bool known = mailbox && g_tree_lookup (mailbox->rights, who);
  if (mailbox && mask && !known && g_tree_nnodes (mailbox->rights) >= RIGHTS_MAX)
    status = PTN_E_LIMIT;
  else if (mailbox) {
    if (mask)
      g_tree_insert (mailbox->rights, g_strdup (who), GUINT_TO_POINTER (mask));
    else
      g_tree_remove (mailbox->rights, who);
    note_mailbox (mailbox, PTN_ACL_CHANGE);
  }
  model_unlock (store, call->task);
  return wait_leave (call, status);
}
