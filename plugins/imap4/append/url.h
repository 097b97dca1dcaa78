/* SPDX-License-Identifier: Apache-2.0 */
/* url.h - IMAP URLs of one message or a part of it (RFC 5092), with authorization (RFC 4467).
 *
 * The struct is the caller's; its strings are its own, freed by url_clear.  Pure functions, no locks.
 * All input is hostile: what is not understood as a whole is refused. */
#ifndef IMAP4_APPEND_URL_H
#define IMAP4_APPEND_URL_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define URL_MAX 8192 /* octets; a longer one is none */

struct imap_url {
  char *user; /* decoded; NULL: not said */
  char *host; /* NULL: a relative URL ("/INBOX/;UID=1") */
  uint16_t port;
  char *mailbox;        /* decoded, UTF-8 */
  uint32_t uidvalidity; /* 0: not said */
  uint32_t uid;
  char *section; /* decoded; NULL: all of the message */
  bool partial;  /* ;PARTIAL=offset.length (RFC 5092; RFC 5550 section 3.4: URL-PARTIAL) */
  uint64_t offset, length; /* length 0: to the end */
  bool expires;
  int64_t expire;          /* seconds since 1970 */
  char *access;            /* "submit+fred", "anonymous" ..., decoded; NULL: no URLAUTH */
  char *mechanism, *token; /* as written; NULL: a rump */
  size_t rump_size;        /* with access: octets up to the mechanism's colon */
};

/* False: no such URL, and nothing to clear. */
bool url_parse (const char *text, struct imap_url *);
void url_clear (struct imap_url *);

#endif
