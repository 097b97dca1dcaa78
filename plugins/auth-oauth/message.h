/* SPDX-License-Identifier: Apache-2.0 */
/* message.h - what a client sends with a token, OAUTHBEARER (RFC 7628 section 3.1) and XOAUTH2
 * (Google's and Microsoft's older form), and what it is told when the token does not do.
 *
 * The caller owns all memory.  Any thread. */
#ifndef OAUTH_MESSAGE_H
#define OAUTH_MESSAGE_H

#include <postern/base.h>

#include <stdbool.h>

#define MESSAGE_TOKEN_LIMIT 16384    /* octets of a token */
#define MESSAGE_RESPONSE_LIMIT 20480 /* of all of the message */
#define MESSAGE_USER_LIMIT 512

struct oauth_message {    /* cleared with message_clear */
  char *user;             /* whom the client names, UTF-8 without controls; "" if nobody */
  struct ptn_bytes token; /* leads into the response; RFC 6750 section 2.1: b64token; may be empty:
                             the client only asks what there is to ask for */
};

/* false: malformed, and *message is empty. */
bool message_oauthbearer (struct ptn_bytes response, struct oauth_message *message);
bool message_xoauth2 (struct ptn_bytes response, struct oauth_message *message);
void message_clear (struct oauth_message *);

/* The error as JSON, g_malloc'd.  status: of RFC 6750 section 3.1, "invalid_token".  scope and
 * configuration (the URL of the issuer's metadata): NULL or "" if there is nothing to tell. */
char *message_oauthbearer_error (const char *status, const char *scope, const char *configuration);
char *message_xoauth2_error (const char *scope);

#endif
