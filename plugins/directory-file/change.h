/* SPDX-License-Identifier: Apache-2.0 */
/* change.h - one change of the accounts file: read, edited, checked, synced, and renamed over the
 * old one, or nothing at all.
 *
 * change_run blocks for disk and hashes: it runs in a lane, on data of its own. */
#ifndef DIRECTORY_FILE_CHANGE_H
#define DIRECTORY_FILE_CHANGE_H

#include "accounts.h"

typedef enum {
  CHANGE_ADD,
  CHANGE_REMOVE,
  CHANGE_SET,
  CHANGE_LIST,
  CHANGE_APP_ADD,
  CHANGE_APP_REVOKE,
  CHANGE_KINDS
} change_kind;

struct change_value {
  char *key, *value; /* value "": the key goes */
};

struct change {
  change_kind kind;
  char *account;  /* canonical */
  GArray *values; /* struct change_value, of ADD and SET; several of a key make several lines */
  /* The new password, in place of all old ones, hashed with the rules' costs. */
  bool with_password, as_plain;
  struct password_costs costs;
  char *secret; /* wiped */
  size_t secret_size;
  /* LIST: adds `word` to the list `key`, or takes it out; in any case it leaves `other_key`. */
  const char *key, *other_key; /* other_key: or NULL */
  char *word;
  bool remove;
  /* APP_ADD, APP_REVOKE: `word` is the label, `secret` the password. */
  char *conditions; /* as they stand behind the secrets */
  bool with_nt, with_scram;
  /* Keys of the account whose salts new SCRAM keys take; NULL: none. */
  char *like_sha_1, *like_sha_256;
  /* The outcome. */
  ptn_status status;
  char *text; /* for whoever asked, of a failure */
};

struct change *change_new (change_kind, const char *account);
void change_free (struct change *);
void change_add_value (struct change *, const char *key, const char *value);

/* New SCRAM keys get the salt of those that stay; apps_alone: the account's own go. */
void change_salt_like (struct change *, const struct account *, bool apps_alone);

/* Fills status and text. */
void change_run (struct change *, struct rules *);

#endif
