/* SPDX-License-Identifier: Apache-2.0 */
/* address.h - the addresses of a field (RFC 5322 section 3.4, with the obsolete forms of section 4.4
 * and with whatever else is met in mail).
 *
 *   struct mime_addresses list;
 *   struct mime_address address;
 *   mime_addresses_start (&list, value, size);
 *   while (mime_addresses_next (&list, &address))
 *     ...
 *   mime_addresses_clear (&list);
 *
 * Nothing fails: what is no address gives the nearest thing to one.  Values are as they stand,
 * without quotes, comments and folding; RFC 2047 is left undecoded.  Time is in proportion to size.
 *
 *   Joe Q. Public <joe@example>     name "Joe Q. Public", mailbox "joe", host "example"
 *   joe@example (Joe Public)        name "Joe Public": the last comment, if there is no phrase
 *   <@a.example,@b.example:joe@c>   route "@a.example,@b.example"
 *   Friends: a@x, b@x;              GROUP_START name "Friends", two addresses, GROUP_END
 *   joe                             mailbox "joe", host "" (NIL would begin a group in ENVELOPE)
 *   Joe Public                      name "Joe Public", mailbox "", host ""
 *
 * The struct belongs to the caller; no locks. */
#ifndef PLUGINS_COMMON_MIME_ADDRESS_H
#define PLUGINS_COMMON_MIME_ADDRESS_H

#include <postern/base.h>

#include <stdbool.h>

enum mime_address_kind { MIME_ADDRESS, MIME_GROUP_START, MIME_GROUP_END };

struct mime_address {
  enum mime_address_kind kind;
  /* data NULL: none.  An address has a mailbox and a host always, a group's start a name. */
  struct ptn_bytes name, route, mailbox, host;
};

struct mime_addresses {
  const char *at, *end;
  char *memory; /* what the last address points into; allocated once */
  size_t used;
  bool in_group;
};

void mime_addresses_start (struct mime_addresses *, const char *value, size_t size);
/* False: there are no more.  The address is valid until the next call. */
bool mime_addresses_next (struct mime_addresses *, struct mime_address *);
void mime_addresses_clear (struct mime_addresses *);

#endif
