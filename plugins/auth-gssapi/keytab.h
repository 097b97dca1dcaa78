/* SPDX-License-Identifier: Apache-2.0 */
/* keytab.h - what stands in a keytab: whom we can be, and in which realms.  The keys themselves
 * are read by libkrb5 when a ticket comes, and never here.
 *
 * Counted and immutable; any thread.  Reading opens a small file. */
#ifndef AUTH_GSSAPI_KEYTAB_H
#define AUTH_GSSAPI_KEYTAB_H

#include <stdbool.h>

struct keytab;

/* NULL: it cannot be read, or has no key; *fault says why, the caller frees it. */
struct keytab *keytab_read (const char *path, char **fault);
struct keytab *keytab_ref (struct keytab *);
void keytab_unref (struct keytab *);

/* Its principals, divided by spaces, each once: for the log. */
const char *keytab_summary (const struct keytab *);
/* Only keys of DES and RC4, which libkrb5 does not take, or will not for long. */
bool keytab_is_weak (const struct keytab *);
bool keytab_has_realm (const struct keytab *, const char *realm);
/* "imap": a key for imap/anything.  host: for that host only.  The first principal; NULL: none. */
const char *keytab_find (const struct keytab *, const char *service, const char *host);

#endif
