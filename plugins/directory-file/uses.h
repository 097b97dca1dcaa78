/* SPDX-License-Identifier: Apache-2.0 */
/* uses.h - when each app password was last used, and from where.
 *
 * Kept in memory and written, at most once a minute, to a small file of the plugin's state: the
 * accounts file is the administrator's and does not change because somebody logs in.  What is
 * lost in a crash is a minute of it.  Any thread; one short lock. */
#ifndef DIRECTORY_FILE_USES_H
#define DIRECTORY_FILE_USES_H

#include "accounts.h"

struct uses;

struct use {
  int64_t when; /* seconds since 1970; 0: never */
  char service[8];
  char peer[64];
};

/* Reads the file, if there is one; what is wrong in it is passed over.  file: copied. */
struct uses *uses_new (const char *file);
void uses_free (struct uses *);

void uses_note (struct uses *, const char *account, const char *label, const char *service,
                const char *peer, int64_t when);
/* One of this name is new: what is known is of an older one. */
void uses_begin (struct uses *, const char *account, const char *label);
struct use uses_find (struct uses *, const char *account, const char *label);

/* Is there something to write, and was the last time long enough ago? */
bool uses_are_due (struct uses *, int64_t now_ns);
/* Writes what is of app passwords that the accounts still have, and forgets the others.  false:
 * errno tells why; nobody need mind.  Blocks for disk; one writer at a time. */
bool uses_write (struct uses *, const struct accounts *, int64_t now_ns);

#endif
