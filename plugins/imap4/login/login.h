/* SPDX-License-Identifier: Apache-2.0 */
/* login.h - from the greeting to an open account, and back. */
#ifndef IMAP4_LOGIN_LOGIN_H
#define IMAP4_LOGIN_LOGIN_H

#include "session.h"

/* While a login is tried, and while mechanisms are asked for. */
struct login {
  struct ptn_sasl_request request;
  const char *mechanism; /* of the reader; NULL: LOGIN */
  void *exchange;
  struct sasl_response response;
  const struct ptn_identity *identity; /* valid until finish */
  bool proved;
};

struct login *login_new (const struct session *);
/* What postern.login/1 offers here and now; valid until login_end.  PTN_PENDING as ever; on failure
 * nothing is offered. */
ptn_status login_mechanisms (struct session *, struct ptn_strings *names, uint32_t *plaintext);
/* Forgets a login that is tried, at any time. */
void login_end (struct session *);

/* account.c: somebody has proved who he is: the session becomes his, his account is opened. */
ptn_status login_let_in (struct session *);

/* layers.c: the command leaves the stream before it is over; "tag OK text" at once. */
void login_consume_command (struct session *);
void login_put_ok (struct session *, const char *text);

/* language.c: a text of ours in the language of the session, or as it is. */
const char *language_text (const struct session *, const char *text);

#endif
