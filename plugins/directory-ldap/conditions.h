/* SPDX-License-Identifier: Apache-2.0 */
/* conditions.h - what values of attributes say: conditions as they stand in the settings, times in
 * their three notations, identifiers of Windows.
 *
 * Pure functions; any thread. */
#ifndef DIRECTORY_LDAP_CONDITIONS_H
#define DIRECTORY_LDAP_CONDITIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
  CONDITION_TRUE,   /* NAME: is there, and is not false, no, off or 0 */
  CONDITION_BITS,   /* NAME&BITS: a number with one of these bits */
  CONDITION_EQUAL,  /* NAME=VALUE, without regard to case */
  CONDITION_UNEQUAL /* NAME!=VALUE: is there, and is another */
} condition_kind;

struct condition {
  char *name; /* NULL: the end of a list */
  condition_kind kind;
  int64_t bits;
  char *value;
};

/* false: it is none. */
bool condition_read (const char *text, struct condition *);
void condition_clear (struct condition *);
/* value NULL: the entry has no such attribute. */
bool condition_holds (const struct condition *, const char *value);

/* The time at which something ends, in milliseconds since 1970: GeneralizedTime (RFC 4517 section
 * 3.3.13), days since 1970 (shadowExpire), or 100 nanoseconds since 1601 (accountExpires).
 * INT64_MAX: never, or not understood. */
int64_t expiry_read (const char *value);

/* The last part of a SID ([MS-DTYP] 2.4.2.2), which tells well-known users; 0: there is none, or
 * it is none of a domain's. */
uint32_t sid_rid (const void *sid, size_t size);

/* The last value of a legacy DN, as "/o=Contoso/cn=Servers/cn=MAIL"; of anything else all of it. */
const char *server_name (const char *value);

#endif
