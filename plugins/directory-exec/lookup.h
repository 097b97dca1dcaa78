/* SPDX-License-Identifier: Apache-2.0 */
/* lookup.h - what a call wants to know, as an errand for the lane "exec": one question or several,
 * and what came of them.
 *
 * Made by the step, filled by the lane's thread, read by the step when it is back: see
 * common/errand.h.  Holds the program, and copies of everything else. */
#ifndef DIRECTORY_EXEC_LOOKUP_H
#define DIRECTORY_EXEC_LOOKUP_H

#include "program.h"

#include "common/errand.h"
#include "common/login/names.h"

#define LOOKUP_LANE "exec"

struct lookup {
  struct errand errand; /* first */
  struct program *program;
  /* The question. */
  char *user, *mailbox; /* names, folded; mailbox NULL: the user's own */
  const char *domain;   /* mail domain that bare names belong to, of program->domains; or NULL */
  const char *nt;       /* likewise, Windows domain; "" */
  char *address;
  char *service;
  program_op op;             /* of `question` */
  struct question *question; /* what is asked as it is; may hold a password */
  ptn_access access;         /* granted already */
  /* What came of it. */
  struct answer answer;
  struct person *owner;  /* of the user name */
  struct person *opened; /* of the mailbox; NULL: the owner's own */
  GPtrArray *people;     /* struct person *, of an address */
  char *detail;
  char **names;
  /* What the results point to, made by the step. */
  struct ptn_account_info *infos;
  const struct ptn_account_info **list;
};

/* Takes a reference to the program. */
struct lookup *lookup_new (struct program *, void (*work) (struct errand *));

/* Work.  Each sets the errand's status. */
void lookup_ask (struct errand *);      /* `question`; the verdict is in `answer` */
void lookup_login (struct errand *);    /* owner, opened: by user, mailbox, domain */
void lookup_identity (struct errand *); /* owner, opened; and may the one open the other: access */
void lookup_address (struct errand *);  /* people and detail: by address */
void lookup_sender (struct errand *);   /* may user, who has opened mailbox, write as address? */
void lookup_names (struct errand *);    /* names: those after user */

/* The mailbox that is looked at. */
static inline struct person *
lookup_mailbox (const struct lookup *lookup) {
  return lookup->opened ? lookup->opened : lookup->owner;
}

#endif
