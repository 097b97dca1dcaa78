/* SPDX-License-Identifier: GPL-3.0-or-later */
/* account.h - open accounts, and finding things in them.
 *
 * struct ptn_account belongs to one task.  It holds nothing but who asks, the name and, once known,
 * the number of the account. */
#ifndef STORAGE_KYOTO_ACCOUNT_H
#define STORAGE_KYOTO_ACCOUNT_H

#include "commit.h"
#include "rights.h"

struct ptn_account {
  struct store *store;
  struct shard *shard;
  uint32_t user; /* 0: not known (yet) */
  struct asker asker;
  struct readahead *readahead;     /* read.c; NULL until messages are read in order */
  uint32_t last_mailbox, last_uid; /* read last */
  struct foreign *foreign;         /* account.c: rights in the mailbox of another used last */
  char name[];
};

/* A mailbox that the account may use. */
struct place {
  struct shard *shard;
  uint32_t user, mailbox;
  uint32_t rights;
};
/* A mailbox by name. */
struct named {
  struct shard *shard;
  const char *owner; /* of the name given, or of the account */
  char *path;        /* canonical; g_free it in any case */
  bool own;
  uint32_t user, rights;
  struct name_row row;
};

ptn_status account_open (void *instance, struct ptn_call *, const struct ptn_identity *,
                         struct ptn_account **);
void account_close (struct ptn_account *);

/* Whose mailbox a name means, and where it would be; nothing is looked up.  PTN_E_INVALID. */
ptn_status account_named (struct ptn_account *, struct ptn_mailbox_name, struct named *);
/* The mailbox of that name, if these rights are there.  PTN_E_NOT_FOUND; PTN_E_DENIED. */
ptn_status account_find (struct ptn_account *, struct ptn_mailbox_name, uint32_t rights,
                         struct named *);
/* May the account make a mailbox of this name? */
ptn_status account_may_make (struct ptn_account *, const struct named *);
/* PTN_E_NOT_FOUND: no such account (yet). */
ptn_status account_user (struct shard *, const char *account, uint32_t *user);
/* The mailbox of that id, if these rights are there.  Of an own one it is not known whether it (still)
 * exists. */
ptn_status account_place (struct ptn_account *, const struct ptn_id *, uint32_t rights,
                          struct place *);
/* Rights in a mailbox, whosoever it is. */
ptn_status account_rights (struct ptn_account *, struct shard *, uint32_t user, uint32_t mailbox,
                           uint32_t *rights);
/* The number of the open account; PTN_E_NOT_FOUND: it has never been seen. */
ptn_status account_own_user (struct ptn_account *, uint32_t *user);
/* The name of an account by its number; g_malloc'd. */
ptn_status account_name_of (struct shard *, uint32_t user, char **name);

/* Rows as they are now, for readers. */
ptn_status read_mailbox (struct shard *, uint32_t user, uint32_t mailbox, struct mailbox_row *);
ptn_status read_user (struct shard *, uint32_t user, struct user_row *);
ptn_status read_name (struct shard *, uint32_t user, const char *path, struct name_row *);
ptn_status read_message (const struct place *, uint32_t uid, struct message_row *);
ptn_status read_body_row (struct shard *, uint64_t body, struct body_row *);

/* Says why in the log: the index is corrupt. */
ptn_status index_trouble (struct shard *, struct ptn_task *, ptn_status);

#endif
