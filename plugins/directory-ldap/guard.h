/* SPDX-License-Identifier: Apache-2.0 */
/* guard.h - a time by which a connection of libldap has to have its answer, and how long that may be.
 *
 * libldap waits with a limit for an answer to begin, but without one for the rest of it and for the
 * handshake of TLS, and keeps in memory whatever comes.  So a layer of our own below all that gives up
 * reading and writing in time, and reading what is too much.
 * Belongs to one connection, and is used by its thread alone. */
#ifndef DIRECTORY_LDAP_GUARD_H
#define DIRECTORY_LDAP_GUARD_H

#include <glib.h>
#include <ldap.h>
#include <stdbool.h>
#include <stdint.h>

struct guard {
  struct ldap_conncb callbacks; /* libldap's; points back at the guard */
  int64_t until_ns;             /* on the clock of guard_now_ns */
  gint64 left;                  /* octets that may still come */
};

#define GUARD_MESSAGE_LIMIT (16 << 20) /* octets of one message, an entry as a rule */
#define GUARD_ANSWER_LIMIT (G_GINT64_CONSTANT (128) << 20) /* and of all that answers a request */

int64_t guard_now_ns (void);
/* Before the first request; the guard must outlive the handle.  false: it cannot be. */
bool guard_attach (struct guard *, LDAP *);

#endif
