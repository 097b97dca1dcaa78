/* SPDX-License-Identifier: GPL-3.0-or-later */
/* account.h - open accounts, and finding things in them.
 *
 * struct ptn_account belongs to one task.  It holds nothing but the name and, once known, the
 * numbers of the account and of the public folders: opening one costs an allocation. */
#ifndef STORAGE_KYOTO_ACCOUNT_H
#define STORAGE_KYOTO_ACCOUNT_H

#include "commit.h"

struct ptn_account {
  struct store *store;
  struct shard *shard;
  struct shard *public_shard;      /* where the account "" lives */
  uint32_t user, public_user;      /* 0: not known (yet) */
  struct readahead *readahead;     /* read.c; NULL until messages are read in order */
  struct recent *recent;           /* read.c; NULL unless a body is read in parts */
  uint32_t last_mailbox, last_uid; /* read last */
  char name[];
};

/* A mailbox by id, of this account or public. */
struct place {
  struct shard *shard;
  uint32_t user, mailbox;
};

ptn_status account_open (void *instance, struct ptn_call *, const struct ptn_identity *,
                         struct ptn_account **);
void account_close (struct ptn_account *);

/* The shard and account name a mailbox name means; PTN_E_DENIED: another's. */
ptn_status account_owner (struct ptn_account *account, struct ptn_mailbox_name name,
                          struct shard **shard, const char **owner);
/* PTN_E_NOT_FOUND: no such account (yet). */
ptn_status account_user (struct shard *, const char *account, uint32_t *user);
ptn_status account_place (struct ptn_account *, const struct ptn_id *, struct place *);

/* Rows as they are now, for readers. */
ptn_status read_mailbox (struct shard *, uint32_t user, uint32_t mailbox, struct mailbox_row *);
ptn_status read_user (struct shard *, uint32_t user, struct user_row *);
ptn_status read_name (struct shard *, uint32_t user, const char *path, struct name_row *);
ptn_status read_message (const struct place *, uint32_t uid, struct message_row *);
ptn_status read_body_row (struct shard *, uint64_t body, struct body_row *);

/* Says why in the log: the index is corrupt. */
ptn_status index_trouble (struct shard *, struct ptn_task *, ptn_status);

#endif
