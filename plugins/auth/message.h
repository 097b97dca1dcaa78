/* SPDX-License-Identifier: Apache-2.0 */
/* message.h - what clients send to prove themselves, taken apart in place.
 *
 * All pointers lead into the message; nothing is copied, nothing is owned.  Any thread. */
#ifndef AUTH_MESSAGE_H
#define AUTH_MESSAGE_H

#include <stdbool.h>

#include <postern/base.h>

#define MESSAGE_NAME_LIMIT 512
#define MESSAGE_PASSWORD_LIMIT 1024

struct message {
  const char *authzid;     /* NUL-terminated; NULL: none */
  const char *login;       /* NUL-terminated, not empty, UTF-8 without controls */
  struct ptn_bytes secret; /* the password, or the digest of APOP */
  const char *timestamp;   /* of APOP, NUL-terminated; else NULL */
};

/* RFC 4616: [authzid] NUL authcid NUL passwd.  false: malformed. */
bool message_plain (struct ptn_bytes octets, struct message *message);

/* USER and PASS, or LOGIN: user NUL password. */
bool message_password (struct ptn_bytes octets, struct message *message);

/* user NUL timestamp NUL digest, 16 octets. */
bool message_apop (struct ptn_bytes octets, struct message *message);

/* A name on its own (the first answer of LOGIN). */
bool message_name (struct ptn_bytes octets);

/* The user's own part of a login name, without domains and mailbox, whatever the directory thinks
 * of it: failures are counted by it, so that all spellings of one name share one count, and
 * a name that does not exist is counted as one that does.  *length may be 0. */
const char *message_user_part (const char *login, size_t *length);

/* The login of the same user that asks for no other's mailbox, g_malloc'd; NULL: it asks for none. */
char *message_without_mailbox (const char *login);

#endif
