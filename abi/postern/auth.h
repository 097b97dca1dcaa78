/* SPDX-License-Identifier: MIT */
/* auth.h - SASL mechanisms (RFC 4422), credentials, and who may open whose mailbox.  */
#ifndef PTN_AUTH_H
#define PTN_AUTH_H

#include "base.h"

PTN_BEGIN_DECLS

#define PTN_SASL_ID "postern.sasl/1"               /* many, by name: "NTLM", "PLAIN" ... */
#define PTN_CREDENTIALS_ID "postern.credentials/1" /* files, LDAP, OAuth introspection ... */
#define PTN_DIRECTORY_ID "postern.directory/1"     /* accounts, aliases, delegation */
#define PTN_LOGIN_ID "postern.login/1"             /* what protocols call: the auth plugin */

typedef uint32_t ptn_access; /* what authzid may do in the account */
enum {
  PTN_ACCESS_UNTOLD = 0, /* from authorize: as PTN_ACCESS_FULL */
  PTN_ACCESS_READ = 1,   /* a delegate who may look and change nothing: stores see to it */
  PTN_ACCESS_FULL = 2    /* the owner, or a delegate for everything */
};

struct ptn_identity { /* table */
  uint32_t size;
  uint32_t anonymous;  /* 0 or 1 */
  const char *authcid; /* authentication identity: who proved a secret */
  const char *authzid; /* authorization identity: on whose behalf, may equal authcid */
  const char *domain;  /* Windows domain or realm; "" if none */
  const char *account; /* whose mailboxes are to be opened: may be delegated */
  /* What the directory says of the account for those who know the word, "name=value":
   * "pop3.retention=keep 30d", "quota.octets=1000000" ... */
  struct ptn_strings attributes;
  /* The groups authzid is in, without the '$' of RFC 4314 entries. */
  struct ptn_strings groups;
  uint32_t administrator; /* 1: has all rights everywhere (posternctl) */
  /* Settled by authorize.  Before that: what the caller grants already, as by `posternctl
   * delegate`; the greater of the two counts. */
  ptn_access access;
  /* From parse_login, also with PTN_E_NOT_FOUND: the user in one spelling for all logins that would
   * be this one if there were such a user, whatever mailbox they ask for; NULL: not told. */
  const char *spelling;
};

/* One account as a directory knows it. */
struct ptn_account_info { /* table */
  uint32_t size;
  uint32_t flags;      /* 0 */
  const char *account; /* its one name, as in the store */
  const char *address; /* its primary address */
  const char *detail;  /* what stood behind the '+' of the address; "" if nothing */
  struct ptn_strings attributes;
};

typedef uint32_t ptn_sasl_flags;
enum {
  PTN_SASL_PLAINTEXT = 1 << 0, /* sends the secret itself: offer only under TLS */
  PTN_SASL_SERVER_FIRST = 1 << 1,
  PTN_SASL_CHANNEL_BINDING = 1 << 2,
  PTN_SASL_LEGACY = 1 << 3 /* NTLM, LOGIN: offered only when configured */
};

/* The struct is borrowed for the call; what it points to stays until the exchange is finished. */
struct ptn_sasl_request { /* table: what the protocol knows about the exchange */
  uint32_t size;
  uint32_t reserved;
  const char *service;     /* "imap" "pop" "smtp" "http" */
  const char *server_name; /* our own fully qualified name */
  const char *listener;
  const char *session_id;
  const struct ptn_config *config; /* the listener's settings */
  struct ptn_stream *stream;       /* for channel binding, TLS and peer address; with authorize of who
                                      logged in before it and config may be NULL */
};

struct ptn_sasl_mechanism { /* table */
  uint32_t size;
  ptn_sasl_flags flags;
  const char *name;
  ptn_status (*start) (void *instance, struct ptn_call *, const struct ptn_sasl_request *,
                       void **exchange);
  /* `response` is decoded from base64; data NULL: no initial response was sent.
   * PTN_OK: send *challenge, go on.  PTN_END: proved; *identity is valid until finish,
   * *challenge holds additional data with success, if any.  PTN_PENDING as usual.  With a
   * failure *identity may name in authcid who it claimed to be, for the log and the count of
   * failures.  What the identity says: authcid and domain as they were proved, account or
   * authzid if another mailbox was asked for; the directory settles the rest. */
  ptn_status (*step) (void *exchange, struct ptn_call *, struct ptn_bytes response,
                      struct ptn_bytes *challenge, const struct ptn_identity **identity);
  void (*finish) (void *exchange); /* also aborts; wipes secrets */
  /* What it verifies with: words of ptn_credentials.schemes, any of which is enough; "PASSWORD"
   * is verify_password.  Offered only if the credentials of some directory know one of them.
   * NULL: it needs nobody. */
  const char *schemes;
  /* Can it be used on this connection (channel binding needs TLS, EXTERNAL a certificate)?
   * Optional: it can.  Never waits. [task] */
  int32_t (*available) (void *instance, const struct ptn_sasl_request *);
  /* Has it failed already, and the challenge of the step that gave PTN_OK only tells the client why
   * (RFC 7628)?  Asked after each such step: many clients hang up then, and have failed no less.
   * PTN_OK: it has not.  A failure, with its text (host->fail) and *identity as of step: it is
   * logged and counted at once, the client's next response ends the login whatever it says, and
   * step is not called again; if it were, it would give the same.  Optional: it has not.  Never
   * waits. [task] */
  ptn_status (*failed) (void *exchange, struct ptn_call *, const struct ptn_identity **identity);
};

/* Secrets live only until `use` returns; the implementer wipes them. */
typedef ptn_status ptn_use_secret (void *argument, struct ptn_bytes secret);

/* All three: PTN_E_NOT_FOUND no such user here (the caller evens out the time);
 * PTN_E_AUTHENTICATION wrong; PTN_E_PASSWORD_EXPIRED right but expired;
 * PTN_E_DISABLED right but switched off; PTN_E_TEMPORARY cannot be told now. */
typedef uint32_t ptn_credentials_flags;
enum {
  PTN_CREDENTIALS_SLOW = 1 << 0, /* asks somebody else: its verdicts on passwords may be remembered
                                    for a while (as keyed hashes, by the auth plugin) */
  PTN_CREDENTIALS_NO_PASSWORD = 1 << 1 /* verify_password always says PTN_E_UNSUPPORTED */
};

/* An answer to an NTLM challenge ([MS-NLMP] 2.2.1.3), for who can judge it without telling the
 * hash: a domain controller. */
struct ptn_ntlm_response { /* table; borrowed for the call */
  uint32_t size;
  uint32_t flags;             /* NegotiateFlags of the AUTHENTICATE_MESSAGE; 0 from some clients */
  const char *domain;         /* as the client sent them, in UTF-8; "" if it sent none: */
  const char *user;           /* NTLMv2 is computed over these very names */
  const char *workstation;    /* "" if none */
  struct ptn_bytes challenge; /* 8 octets */
  struct ptn_bytes lm, nt;    /* NtChallengeResponse; lm is kept back: always empty */
};
struct ptn_ntlm_proof {               /* value, the caller's; wiped by it */
  unsigned char session_base_key[16]; /* for the MIC */
  uint32_t has_session_base_key;      /* 0 or 1 */
  uint32_t reserved;
};

struct ptn_credentials { /* table */
  uint32_t size;
  ptn_credentials_flags flags;
  /* What with_secret knows, by name, divided by spaces; and "NTLM" if verify_ntlm works. */
  const char *schemes;
  /* user: the authentication identity as parse_login gave it.  For NULL the work of a
   * check is done on nothing and PTN_E_AUTHENTICATION returned: equal time. */
  ptn_status (*verify_password) (void *instance, struct ptn_call *, const struct ptn_sasl_request *,
                                 const char *domain, const char *user, struct ptn_bytes password);
  /* scheme: "SCRAM-SHA-256", "SCRAM-SHA-1" (RFC 5803 form), "NT" (16 octets), "PLAIN" (for APOP
   * and CRAM-MD5).  A user may have several secrets of a scheme (app passwords): `use` is called
   * with one after the other until it returns something else than PTN_E_AUTHENTICATION.  The
   * statuses above are about the secret for which it returned PTN_OK. */
  ptn_status (*with_secret) (void *instance, struct ptn_call *, const struct ptn_sasl_request *,
                             const char *domain, const char *user, const char *scheme,
                             ptn_use_secret *use, void *argument);
  /* user: the account's as parse_login gave it; NULL as in verify_password.  PTN_OK: proved, and
   * *proof is filled. */
  ptn_status (*verify_ntlm) (void *instance, struct ptn_call *, const struct ptn_sasl_request *,
                             const char *domain, const char *user, const struct ptn_ntlm_response *,
                             struct ptn_ntlm_proof *);
  /* Forgets what it remembers of this user; NULL: of everybody (`posternctl cache flush`).
   * Optional. [any] */
  void (*flush) (void *instance, const char *user);
};

struct ptn_directory { /* table */
  uint32_t size;
  uint32_t reserved;
  /* All login forms of abi/README.md, "Names of a login": splits one into authcid,
   * authzid, domain and account (the name of the mailbox asked for; not yet checked), and the
   * attributes of authcid ("auth.ntlmv1=yes"); the pieces stay until call_end.  PTN_E_NOT_FOUND:
   * names nobody here; `spelling` may be told all the same. */
  ptn_status (*parse_login) (void *instance, struct ptn_call *, const char *login,
                             struct ptn_identity *identity);
  /* After authentication: settles account, authzid and attributes (until call_end).
   * PTN_E_DENIED: no delegation; PTN_E_DISABLED; PTN_E_PROTOCOL_OFF (request->service);
   * PTN_E_ELSEWHERE: another server holds the mailbox; identity is settled all the same,
   * with an attribute "server=NAME" if it may be told. */
  ptn_status (*authorize) (void *instance, struct ptn_call *, const struct ptn_sasl_request *,
                           struct ptn_identity *identity);
  /* An address, alias or group for delivery.  *accounts stay until call_end.
   * PTN_E_NOT_FOUND: the domain is ours and has no such address; PTN_E_UNSUPPORTED: the
   * domain is not ours. */
  ptn_status (*resolve) (void *instance, struct ptn_call *, const char *address,
                         const struct ptn_account_info *const **accounts, size_t *count);
  /* May this identity write `address` as reverse-path?  PTN_OK or PTN_E_DENIED. */
  ptn_status (*may_send_as) (void *instance, struct ptn_call *, const struct ptn_identity *,
                             const char *address);
  /* The accounts there are, in order, 1000 at most, after `after` ("" from the start);
   * none: PTN_END. */
  ptn_status (*list_accounts) (void *instance, struct ptn_call *, const char *after,
                               struct ptn_strings *accounts);
  /* Forgets what it remembers of this account; NULL: of all.  Optional. [any] */
  void (*flush) (void *instance, const char *account);
};

/* What protocols call, and nothing else of this file, so that mechanisms, delays, limits
 * and answers are the same everywhere. */
struct ptn_login { /* table */
  uint32_t size;
  uint32_t reserved;
  /* Mechanisms to offer here and now, in order.  plaintext: 1 if the USER/PASS and LOGIN
   * commands may be used here and now.  Both stay until call_end. */
  ptn_status (*mechanisms) (void *instance, struct ptn_call *, const struct ptn_sasl_request *,
                            struct ptn_strings *, uint32_t *plaintext);
  /* mechanism NULL: LOGIN or USER/PASS; then the one response is user NUL password.
   * "APOP": the one response is user NUL timestamp NUL digest (16 octets, RFC 1939).
   * PTN_E_UNSUPPORTED: not offered; PTN_E_DENIED: only after TLS. */
  ptn_status (*start) (void *instance, struct ptn_call *, const struct ptn_sasl_request *,
                       const char *mechanism, void **exchange);
  /* As ptn_sasl_mechanism.step.  Failures: PTN_E_AUTHENTICATION (whatever was wrong),
   * PTN_E_INVALID (malformed response), PTN_E_PASSWORD_EXPIRED (to who proved it),
   * PTN_E_TEMPORARY, PTN_E_TOO_MANY (attempts), PTN_E_CANCELLED, PTN_E_CORRUPT (proved, and what
   * the directory says of the account cannot be: IMAP CONTACTADMIN), and PTN_E_ELSEWHERE, where
   * *identity is set (NULL before the call) and its attribute "server=NAME" says what to tell
   * the client (IMAP LOGIN-REFERRALS, RFC 2221).  Waits out the growing
   * delay by itself, and writes the one log line of success or failure. */
  ptn_status (*step) (void *exchange, struct ptn_call *, struct ptn_bytes response,
                      struct ptn_bytes *challenge, const struct ptn_identity **identity);
  /* *identity of PTN_END is valid until finish. */
  void (*finish) (void *exchange);
  /* After PTN_END, and before finish: the session goes on in the mailbox that was opened.  If it is
   * another's, the session is cancelled, as by a stop of the server, when that is no longer allowed,
   * until unwatch, which comes before the session's task ends.  NULL: nothing to be watched.
   * Optional. [task] */
  void *(*watch) (void *exchange, struct ptn_task *session);
  void (*unwatch) (void *watch);
};

PTN_END_DECLS
#endif
