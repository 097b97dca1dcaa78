/* SPDX-License-Identifier: Apache-2.0 */
/* guard.h - a time by which a connection of libldap has to have its answer.
 *
 * libldap waits with a limit for an answer to begin, but without one for the rest of it and for the
 * handshake of TLS.  So a layer of our own below all that gives up reading and writing in time.
 * Belongs to one connection, and is used by its thread alone. */
#ifndef DIRECTORY_LDAP_GUARD_H
#define DIRECTORY_LDAP_GUARD_H

#include <ldap.h>
#include <stdbool.h>
#include <stdint.h>

struct guard {
  struct ldap_conncb callbacks; /* libldap's; points back at the guard */
  int64_t until_ns;             /* on the clock of guard_now_ns */
};

int64_t guard_now_ns (void);
/* Before the first request; the guard must outlive the handle.  false: it cannot be. */
bool guard_attach (struct guard *, LDAP *);

#endif
