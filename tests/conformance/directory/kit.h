/* SPDX-License-Identifier: Apache-2.0 */
/* kit.h - a started directory, what the command line says about it, and short words for what rules do
 * with it.
 *
 * One fixture a rule, made in the rule's own process; threads of a rule take a copy with kit_join.
 * Words that return no status fail the rule when the plugin does not say PTN_OK. */
#ifndef CONFORMANCE_DIRECTORY_KIT_H
#define CONFORMANCE_DIRECTORY_KIT_H

#include "actor.h"

#include <string.h>

/* What a plugin has: bits of struct rule.needs. */
enum {
  HAS_DIRECTORY = 1 << 0,
  HAS_CREDENTIALS = 1 << 1,
  HAS_PASSWORD = 1 << 2, /* and not PTN_CREDENTIALS_NO_PASSWORD */
  HAS_NO_PASSWORD = 1 << 3,
  HAS_SECRETS = 1 << 4, /* one of the next four */
  HAS_PLAIN = 1 << 5,
  HAS_NT = 1 << 6,
  HAS_SCRAM_SHA_1 = 1 << 7,
  HAS_SCRAM_SHA_256 = 1 << 8,
  HAS_NTLM = 1 << 9,
  HAS_FLUSH = 1 << 10
};

struct fixture {
  struct actor actor; /* first */
  const struct ptn_directory *directory;
  void *instance;
  const struct ptn_credentials *credentials;
  void *credentials_instance;
  struct ptn_sasl_request request;
  struct ptn_stream *stream;
  uint32_t has;
};

/* What there is, by the options; every account has its password at the same place. */
struct facts {
  char **accounts, **passwords, **domains, **nt_domains;
  char **delegates, **readers; /* "USER:MAILBOX" */
  char *disabled, *expired;    /* "NAME:PASSWORD" */
};
extern struct facts facts;
#define MISSING "no-such-account-zq7"
#define FOREIGN "not-a-domain-of-ours.invalid"

void kit_open (struct fixture *, const char *directory);
void kit_close (struct fixture *);
void kit_join (struct fixture *copy, const struct fixture *of, unsigned number);
void kit_leave (struct fixture *);

/* Facts, or the rule cannot run. */
const char *account (unsigned number);
const char *password_of (unsigned number);
const char *domain_of_mail (void);
const char *domain_of_windows (void);
struct pair {
  const char *first, *second;
};
struct pair pair_of (const char *option, const char *value); /* cut at the ':' */

/* A login that was taken apart: interned copies, which a leak checker does not mind. */
struct login {
  const char *authcid, *authzid, *domain, *account;
};
ptn_status login_try (struct fixture *, const char *name, struct login *);
struct login login (struct fixture *, const char *name);
void must_login (struct fixture *, const char *name, const char *authcid, const char *opened);
void must_not_login (struct fixture *, const char *name); /* PTN_E_NOT_FOUND */
const char *own_name (struct fixture *, unsigned number); /* the one name of an account */

/* The identity as it comes to authorize. */
struct ptn_identity identity_of (const char *user, const char *mailbox);
ptn_status authorize (struct fixture *,
                      struct ptn_identity *); /* ends the call: copy what you need */

ptn_status verify (struct fixture *, const char *user, const void *password, size_t size);
ptn_status verify_text (struct fixture *, const char *user, const char *password);

#define CAN(table, function) PTN_CAN ((table), function)

#endif
