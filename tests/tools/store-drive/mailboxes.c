/* SPDX-License-Identifier: Apache-2.0 */
/* mailboxes.c - accounts and mailboxes: open, list, create and so on; administration. */
#include "drive.h"

/* "$group" and "administrator" behind the authzid. */
static void
take_groups (struct session *s) {
  g_ptr_array_set_size (s->groups, 0);
  for (unsigned i = 3; i < s->count; i++)
    if (s->words[i][0] == '$')
      g_ptr_array_add (s->groups, g_strdup (s->words[i] + 1));
    else if (word_is (s, i, "administrator"))
      s->identity.administrator = 1;
  s->identity.groups =
      (struct ptn_strings){ (const char *const *)s->groups->pdata, s->groups->len };
}

ptn_status
run_open (struct session *s) {
  const struct ptn_store *store = s->drive->store;

  if (s->stage == 0) {
    if (s->count < 2)
      return PTN_E_INVALID;
    change_forget (s);
    forget_subscription (s);
    if (s->account)
      store->close (s->account);
    s->account = NULL;
    g_free (s->account_name);
    g_free (s->authzid);
    s->account_name = g_strdup (s->words[1]);
    s->authzid = g_strdup (s->words[s->count > 2 ? 2 : 1]);
    s->identity = (struct ptn_identity){ .size = sizeof s->identity,
                                         .authcid = s->authzid,
                                         .authzid = s->authzid,
                                         .domain = "",
                                         .account = s->account_name };
    take_groups (s);
    /* Ends the login timer; any number of sessions may have one account open. */
    s->drive->host->claim (s->task, NULL);
    s->stage = 1;
  }
  PASS (store->open (s->drive->store_instance, &s->call, &s->identity, &s->account));
  return put_ok (s);
}

ptn_status
run_close (struct session *s) {
  change_forget (s);
  forget_subscription (s);
  s->drive->store->close (s->account);
  s->account = NULL;
  return put_ok (s);
}

void
put_mailbox (struct session *s, const struct ptn_mailbox *mailbox) {
  put_id (s, &mailbox->id);
  put_number (s, mailbox->uidvalidity);
  put_number (s, mailbox->uidnext);
  put_number (s, mailbox->messages);
  put_number (s, mailbox->unseen);
  put_number (s, mailbox->deleted);
  put_number (s, mailbox->highest_modseq);
  put_number (s, mailbox->octets);
  put_number (s, mailbox->attributes);
  put (s, " ");
  put (s, PTN_HAS (mailbox, rights) && mailbox->rights && *mailbox->rights ? mailbox->rights : "-");
}

ptn_status
put_mailboxes (struct session *s) {
  const struct ptn_mailbox *mailbox;
  ptn_status status;

  while ((status = room_for_more (s)) == PTN_OK
         && (status = s->drive->store->next_mailbox (s->cursor, &s->call, &mailbox)) == PTN_OK) {
    put (s, "*");
    if (mailbox->name.owner) {
      put_word (s, mailbox->name.owner, strlen (mailbox->name.owner));
      put (s, ":");
    } else
      put (s, " ");
    put_encoded (s, mailbox->name.path, strlen (mailbox->name.path));
    put_mailbox (s, mailbox);
    put (s, "\n");
    s->messages++;
  }
  if (status != PTN_END)
    return status;
  put (s, "OK");
  put_number (s, s->messages);
  put (s, "\n");
  return PTN_OK;
}

ptn_status
run_list (struct session *s) {
  if (s->stage == 0) {
    if (s->count != 2)
      return PTN_E_INVALID;
    s->stage = 1;
  }
  if (s->stage == 1) {
    PASS (s->drive->store->list (s->account, &s->call, s->words[1], &s->cursor));
    s->stage = 2;
  }
  return put_mailboxes (s);
}

/* The commands about one name, or two. */
static ptn_status
names (struct session *s, unsigned count) {
  for (unsigned i = 0; s->stage == 0 && i < count; i++)
    if (!name_of (s, 1 + i, i) || !s->name[i].path)
      return PTN_E_INVALID;
  s->stage = 1;
  return PTN_OK;
}

ptn_status
run_status (struct session *s) {
  const struct ptn_mailbox *mailbox;

  PASS (names (s, 1));
  PASS (s->drive->store->status (s->account, &s->call, s->name[0], &mailbox));
  put (s, "OK");
  put_mailbox (s, mailbox);
  put (s, "\n");
  return PTN_OK;
}

ptn_status
run_create (struct session *s) {
  uint64_t attributes = 0;

  if (s->count > 2 && (!number_of (s, 2, &attributes) || attributes > UINT32_MAX))
    return PTN_E_INVALID;
  PASS (names (s, 1));
  PASS (s->drive->store->create (s->account, &s->call, s->name[0], (uint32_t)attributes));
  return put_ok (s);
}

ptn_status
run_remove (struct session *s) {
  PASS (names (s, 1));
  PASS (s->drive->store->remove (s->account, &s->call, s->name[0]));
  return put_ok (s);
}

ptn_status
run_rename (struct session *s) {
  PASS (names (s, 2));
  PASS (s->drive->store->rename (s->account, &s->call, s->name[0], s->name[1]));
  return put_ok (s);
}

ptn_status
run_subscribe (struct session *s) {
  PASS (names (s, 1));
  PASS (s->drive->store->subscribe (s->account, &s->call, s->name[0], !word_is (s, 2, "0")));
  return put_ok (s);
}

ptn_status
run_keyword (struct session *s) {
  uint32_t bit;

  if (s->stage == 0) {
    if (s->count < 3 || !name_of (s, 1, 0))
      return PTN_E_INVALID;
    s->stage = 1;
  }
  if (s->stage == 1) {
    PASS (resolve (s, 0));
    s->stage = 2;
  }
  PASS (s->drive->store->keyword (s->account, &s->call, &s->id[0], s->words[2],
                                  word_is (s, 3, "make"), &bit));
  put (s, "OK");
  put_number (s, bit);
  put (s, "\n");
  return PTN_OK;
}

static void
put_limit (struct session *s, uint64_t limit) {
  if (limit == UINT64_MAX)
    put (s, " *");
  else
    put_number (s, limit);
}

ptn_status
run_quota (struct session *s) {
  const struct ptn_quota *quota;

  PASS (s->drive->store->quota (s->account, &s->call, &quota));
  put (s, "OK");
  put_number (s, quota->storage_used);
  put_limit (s, quota->storage_limit);
  put_number (s, quota->messages_used);
  put_limit (s, quota->messages_limit);
  put (s, "\n");
  return PTN_OK;
}

ptn_status
run_set_quota (struct session *s) {
  if (s->stage == 0) {
    s->quota = (struct ptn_quota){ .size = sizeof s->quota };
    if (!number_of (s, 1, &s->quota.storage_limit) || !number_of (s, 2, &s->quota.messages_limit))
      return PTN_E_INVALID;
    s->stage = 1;
  }
  PASS (s->drive->store->set_quota (s->account, &s->call, &s->quota));
  return put_ok (s);
}

ptn_status
run_accounts (struct session *s) {
  struct ptn_strings accounts = { NULL, 0 };
  ptn_status status = s->drive->store->list_accounts (s->drive->store_instance, &s->call,
                                                      s->count > 1 ? s->words[1] : "", &accounts);

  if (status != PTN_OK && status != PTN_END)
    return status;
  for (size_t i = 0; status == PTN_OK && i < accounts.count; i++) {
    put (s, "*");
    put_word (s, accounts.items[i], strlen (accounts.items[i]));
    put (s, "\n");
  }
  put (s, "OK");
  put_number (s, accounts.count);
  put (s, "\n");
  return PTN_OK;
}

ptn_status
run_remove_account (struct session *s) {
  if (s->count != 2)
    return PTN_E_INVALID;
  PASS (s->drive->store->remove_account (s->drive->store_instance, &s->call, s->words[1]));
  return put_ok (s);
}
