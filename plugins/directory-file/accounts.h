/* SPDX-License-Identifier: Apache-2.0 */
/* accounts.h - what one reading of the accounts file found: immutable, counted, looked up by
 * hash.  A change of the file makes a new one; who still works with the old one keeps it.
 *
 * Everything reachable from a struct accounts lives as long as it.  Lookups and counting run on
 * any thread; parse.h fills it on one. */
#ifndef DIRECTORY_FILE_ACCOUNTS_H
#define DIRECTORY_FILE_ACCOUNTS_H

#include "common/network.h"

#include "common/login/names.h"
#include "common/password/password.h"
#include "rules.h"

#include <glib.h>
#include <postern/auth.h>

#define ACCOUNT_PASSWORDS 8 /* of one account at most */

enum { /* account.protocols */
       PROTOCOL_POP = 1 << 0,
       PROTOCOL_IMAP = 1 << 1,
       PROTOCOL_SMTP = 1 << 2,
       PROTOCOL_HTTP = 1 << 3,
       PROTOCOL_ALL = 15
};

struct account;
struct group;

/* Who may be let in, or what may be opened: one of the two, or everybody. */
struct grant {
  const struct account *account;
  const struct group *group;
  ptn_access access;
};

/* An app password: secrets of its own, in the account's list of passwords, with conditions. */
struct app {
  const char *label;
  const char *created; /* as written, "" if it does not say */
  const struct network *networks;
  guint32 network_count; /* 0: from anywhere */
  guint32 protocols;
  gint64 expires_ms;    /* since 1970; G_MAXINT64: never */
  guint32 first, count; /* which passwords */
  guint32 line;
  guint32 reserved;
};

struct account {
  const char *name;    /* folded: its one name */
  const char *address; /* primary */
  const char *display; /* "" if none */
  const char *server;  /* node; NULL: here */
  /* The account's own come first, then those of its apps. */
  const struct password *passwords;
  const struct app *apps;
  const struct grant *grants; /* who else opens this mailbox: delegates, then readers */
  const struct grant *opens;  /* what an administrator may open */
  const char *const *aliases; /* as written, folded */
  struct ptn_strings attributes;
  struct ptn_strings groups; /* it is a member of */
  /* The password and the account itself, since 1970; G_MAXINT64: never. */
  gint64 expires_ms, disabled_ms;
  guint32 own_count, password_count, app_count, grant_count, open_count, alias_count, group_count;
  guint32 line; /* of its section */
  guint32 protocols;
};

struct group {
  const char *name;
  const struct account *const *members;
  guint32 member_count;
  guint32 line;
};

/* What a name stands for: one of the two is not NULL, or none. */
struct target {
  const struct account *account;
  const struct group *group;
};

struct accounts {
  gint references;
  struct rules *rules;
  struct target postmaster;
  /* What an unknown user is checked against: passwords of the schemes that most accounts have. */
  const struct password *dummy;
  size_t dummy_count;
  const struct account *const *list; /* in the order of names */
  size_t count;
  bool apart; /* most accounts are called by an address: one name in two domains is two users */
  /* The rest is between accounts.c and parse.c. */
  char *text; /* of the file, cut to pieces: passwords and names are parts of it */
  size_t text_size;
  GPtrArray *blocks;   /* the memory of everything else */
  struct block *block; /* the one that is being filled */
  struct name_entry *entries;
  size_t entry_mask, entry_count;
};

struct accounts *accounts_new (struct rules *rules, size_t names); /* room for so many names */
struct accounts *accounts_ref (struct accounts *);
void accounts_unref (struct accounts *);
typedef struct accounts accounts_auto; /* for g_autoptr, which wants one word */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (accounts_auto, accounts_unref)

/* Memory that lives as long as the accounts; zeroed. */
void *accounts_memory (struct accounts *, size_t size);
/* Gives them the text that they were read from, allocated with g_malloc; it is wiped in the end. */
void accounts_own (struct accounts *, char *text, size_t size);

/* false: the name is taken, by *taken.  The name is kept as a pointer. */
bool accounts_add_name (struct accounts *, const char *folded, struct target, struct target *taken);

/* An exact name: account or alias, with domain or bare. */
struct target accounts_find_name (const struct accounts *, const char *folded);
/* An account by its one name; NULL. */
const struct account *accounts_find (const struct accounts *, const char *name);

/* A user or mailbox of a login, folded.  `domain`: the mail domain that a bare name belongs to,
 * or NULL for any of ours. */
const struct account *accounts_find_login (const struct accounts *, const char *folded,
                                           const char *domain);

/* An address.  *detail: what stood behind the '+', in the buffer of `parts`, or "".  *ours: is the
 * domain (a bare postmaster's too). */
struct target accounts_find_address (const struct accounts *, struct address_parts *parts,
                                     const char **detail, bool *ours);

bool protocols_have (guint32 protocols, const char *service);
/* Is the account allowed the service ("pop", "imap" ...)? */
bool account_allows (const struct account *, const char *service);
/* Is it an administrator's, whose mailbox is not opened over this service? */
bool account_is_closed (const struct accounts *, const struct account *, const char *service);

bool account_is_disabled (const struct account *, int64_t now_ms);
bool account_has_expired (const struct account *, int64_t now_ms); /* its password */

/* What `user` may do in the mailbox; PTN_ACCESS_UNTOLD: nothing. */
ptn_access account_access (const struct account *mailbox, const struct account *user);
/* The same, but not what an administrator may do only because of may_open. */
ptn_access account_delegation (const struct account *mailbox, const struct account *user);

#endif
