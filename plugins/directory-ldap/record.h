/* SPDX-License-Identifier: Apache-2.0 */
/* record.h - one entry as a server sent it: its name and the values of its attributes.
 *
 * Belongs to one thread at a time.  Values are wiped with it: some of them are secrets. */
#ifndef DIRECTORY_LDAP_RECORD_H
#define DIRECTORY_LDAP_RECORD_H

#include <glib.h>

struct value {
  char *data; /* with a NUL behind it */
  gsize size;
};

struct record;

struct record *record_new (const char *dn);
void record_free (struct record *);
typedef struct record record_auto; /* for g_autoptr, which wants one word */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (record_auto, record_free)
void record_add (struct record *, const char *name, const void *data, gsize size);

const char *record_dn (const struct record *);
/* Names are compared without regard to case.  *count 0: no such attribute. */
const struct value *record_values (const struct record *, const char *name, gsize *count);
/* The first value, if it is text without a NUL in it; NULL. */
const char *record_text (const struct record *, const char *name);

#endif
