/* SPDX-License-Identifier: Apache-2.0 */
/* parser.h - one reading of the accounts file, between parse.c and link.c.
 *
 * Lives on the stack of accounts_parse; what it makes belongs to the accounts. */
#ifndef DIRECTORY_FILE_PARSER_H
#define DIRECTORY_FILE_PARSER_H

#include "parse.h"

/* A value that is looked at again in the second pass. */
struct raw {
  struct raw *next;
  char *value;
  unsigned line;
};

struct section {
  struct account *account; /* one of the two */
  struct group *group;
  struct raw *aliases, *delegates, *readers, *may_open, *members;
};

struct parser {
  struct accounts *accounts;
  GPtrArray *errors;
  GArray *sections; /* struct section */
  unsigned line;
  bool skipping; /* the section's head was wrong: its keys say nothing */
  /* Of the section that is being read. */
  struct section *section;
  struct password passwords[ACCOUNT_PASSWORDS];
  unsigned password_count;
  GArray *apps;          /* struct app, whose `first` counts in app_passwords */
  GArray *app_passwords; /* struct password */
  GPtrArray *attributes; /* char *, "name=value" */
  guint32 seen;          /* 1 << key */
  /* Which schemes are the usual ones, by a mask of 1 << scheme. */
  const struct account *samples[1 << SCHEME_COUNT];
  size_t tally[1 << SCHEME_COUNT];
};

/* One more mistake, unless there are too many. */
void parser_mistake (struct parser *, unsigned line, const char *format, ...) G_GNUC_PRINTF (3, 4);

/* A name as lookups want it, in place or in memory of the accounts; NULL after telling what is
 * wrong. */
const char *parser_name (struct parser *, char *text, unsigned line);

static inline unsigned
parser_line_of (struct target target) {
  return target.account ? target.account->line : target.group->line;
}

/* The second pass (link.c). */
void parser_link (struct parser *);

#endif
