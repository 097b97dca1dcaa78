/* SPDX-License-Identifier: Apache-2.0 */
/* names.h - the names by which people and mail reach an account, brought into one form that every
 * directory shares.
 *
 * Everything here works in buffers of the caller and is called from any thread. */
#ifndef PLUGINS_COMMON_NAMES_H
#define PLUGINS_COMMON_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#define NAME_LIMIT 512 /* octets of a login name or address, without the NUL */

/* Lower case, for text beyond ASCII in Unicode's NFC: two spellings of one name become the
 * same octets.  false: empty, longer than NAME_LIMIT, not UTF-8, or with control characters, or
 * with a character beyond ASCII that would be folded into ASCII (U+212A, the Kelvin sign). */
bool name_fold (const char *text, size_t length, char folded[NAME_LIMIT + 1]);

/* The pieces of a login name, folded, in the buffer of login_split.  NULL: not there. */
struct login_parts {
  const char *domain;  /* Windows domain */
  const char *user;    /* account, alias or address */
  const char *mailbox; /* account, alias or address */
};

/* All forms of abi/README.md, "Names of a login".  false: none of them. */
bool login_split (const char *login, char buffer[NAME_LIMIT + 1], struct login_parts *parts);

/* anonymous and guest, which never log in, as a part of a login name: with or without domain. */
bool name_is_refused (const char *folded);

/* A mail address, folded: local part (unquoted) and domain (IDN as A-labels; "" if the address
 * has none), in `buffer`.  false: no address. */
struct address_parts {
  char *local;
  const char *domain;
};
bool address_split (const char *address, size_t length, char buffer[NAME_LIMIT + 1],
                    struct address_parts *parts);

/* A name of the accounts file as lookups know it: folded, an address with its domain as A-labels.
 * false: neither. */
bool name_canonical (const char *text, size_t length, char canonical[NAME_LIMIT + 1]);

/* Why `folded` can not be the name of an account, or NULL if it can. */
const char *name_fault (const char *folded);

#endif
