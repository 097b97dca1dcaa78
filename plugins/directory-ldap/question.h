/* SPDX-License-Identifier: Apache-2.0 */
/* question.h - what a call sends to the lane "ldap": names to look up, perhaps a password to check.
 *
 * A question owns copies of all it asks and all it learns, and one reference to the client.  Steps
 * make it and read it; in between it is the lane's. */
#ifndef DIRECTORY_LDAP_QUESTION_H
#define DIRECTORY_LDAP_QUESTION_H

#include "client.h"

#include "common/password/password.h"

#define LANE "ldap"

struct question {
  struct errand errand; /* first */
  struct client *client;
  void (*ask) (struct question *); /* on the lane's thread */
  int64_t asked_ns;
  /* What is asked. */
  char first[NAME_LIMIT + 1], second[NAME_LIMIT + 1]; /* names; "" if there is none */
  const char *mail; /* the mail domain of bare names; the rules' own, or NULL */
  char address[NAME_LIMIT + 1];
  bool nobody; /* the work is done for a user who does not exist */
  gsize password_size;
  unsigned char password[PASSWORD_LIMIT];
  /* What was learnt. */
  struct entry *user, *mailbox;
  struct found *found;
  struct record *secrets;
  char *detail;
  char *spelling;                       /* of the user of a login: see ptn_identity */
  const struct ptn_account_info **list; /* of found, for resolve */
  struct ptn_account_info *infos;
};

/* Takes a reference to the client. */
struct question *question_new (struct client *, void (*ask) (struct question *));
/* As errand_send; errand_back brings it back. */
ptn_status question_send (struct question *, struct ptn_call *);

/* The entry of an account, as it is remembered, or asked for. [lane] */
ptn_status question_account (struct question *, const char *account, struct entry **);
/* The same, of an account that no other entry has: PTN_E_TEMPORARY if one does. [lane] */
ptn_status question_sole_account (struct question *, const char *account, struct entry **);
/* In the place of an entry the same with all its groups, if groups of groups count: asked for when
 * the login is proved, so that neither time nor the work of the server tells who there is.  While no
 * server answers, the groups are those of the last time. [lane] */
ptn_status question_groups (struct question *, struct entry **);
/* What question_account gives, if it is remembered; else NULL. [any] */
struct entry *client_remembers (struct client *, const char *account);
/* Remembers an entry by its account. */
void client_remember (struct client *, struct entry *);

#endif
