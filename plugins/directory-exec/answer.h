/* SPDX-License-Identifier: Apache-2.0 */
/* answer.h - one line that the program wrote, as PROTOCOL.md allows it.  All of it is input of
 * somebody else: checked here, before anything else looks at it.
 *
 * The maker of a struct answer or struct person owns it.  No state; any thread. */
#ifndef DIRECTORY_EXEC_ANSWER_H
#define DIRECTORY_EXEC_ANSWER_H

#include <postern/postern.h>

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

#define ANSWER_LIMIT (1u << 20) /* octets of a line */
#define ANSWER_DEPTH 8          /* of arrays and objects in each other */
#define ANSWER_LIST_LIMIT 1000  /* of strings or accounts in one list; attributes of an account */

typedef enum {
  ANSWER_OK,
  ANSWER_NOT_FOUND,
  ANSWER_NOT_OURS,
  ANSWER_WRONG,
  ANSWER_EXPIRED,
  ANSWER_DISABLED,
  ANSWER_DENIED,
  ANSWER_TEMPORARY,
  ANSWER_UNSUPPORTED
} answer_status;

struct answer {
  answer_status status;
  json_t *fields;   /* the whole object */
  const char *text; /* what it says for the log, in it; "" if nothing */
};

/* false: not an answer to the question with this id, and *fault (a static text) says why. */
bool answer_read (const char *line, size_t size, json_int_t id, struct answer *,
                  const char **fault);
/* Wipes it. */
void answer_clear (struct answer *);

enum { /* person.protocols */
       PERSON_POP = 1 << 0,
       PERSON_IMAP = 1 << 1,
       PERSON_SMTP = 1 << 2,
       PERSON_HTTP = 1 << 3,
       PERSON_ALL = 15
};

/* An "account" of an answer. */
struct person {
  char *name;    /* folded, sound */
  char *address; /* "" if it told none */
  char *server;  /* NULL: here */
  char **attributes, **groups, **delegates, **readers;
  unsigned protocols;
  bool disabled;
};

/* NULL: not an account, and *fault says why. */
struct person *person_read (const json_t *, const char **fault);
void person_free (struct person **);

/* The strings of a list; a member that is not there is an empty one.  NULL: not a list of strings,
 * too many, or one has control characters. */
char **answer_strings (const json_t *object, const char *name);
struct ptn_strings answer_borrow (char *const *strings);

/* Is the service ("pop", "imap", "smtp", "http") allowed?  Others are. */
bool person_allows (const struct person *, const char *service);

#endif
