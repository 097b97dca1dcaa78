/* SPDX-License-Identifier: Apache-2.0 */
/* link.h - connections to winbindd, by libwbclient.
 *
 * Counted: the plugin and every job hold one.  Any number of threads ask at the same time, each
 * over a connection of its own, which is kept for the next. */
#ifndef AUTH_WINBIND_LINK_H
#define AUTH_WINBIND_LINK_H

#include "verdict.h"

struct link;

/* domain: the NetBIOS name of the domain that users without one are in; NULL: winbindd's own. */
struct link *link_new (const char *domain);
struct link *link_ref (struct link *);
void link_unref (struct link *);

struct question {       /* strings "" if there is none */
  const char *user;     /* whom the directory found; NULL: nobody */
  const char *domain;   /* and in which domain, NetBIOS or DNS */
  const char *password; /* NULL: an NTLM response */
  const char *client_user, *client_domain, *workstation; /* as in the client's message */
  unsigned char challenge[8];
  struct ptn_bytes lm, nt;
};
/* Blocks until winbindd answers. */
void link_ask (struct link *, const struct question *, struct verdict *);

#endif
