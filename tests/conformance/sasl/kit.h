/* SPDX-License-Identifier: Apache-2.0 */
/* kit.h - the mechanisms of a plugin, and short words for exchanges with them.
 *
 * One fixture a rule, made in the rule's own process.  A talk belongs to one actor: threads of a rule
 * have their own. */
#ifndef CONFORMANCE_SASL_KIT_H
#define CONFORMANCE_SASL_KIT_H

#include "actor.h"

#include <glib.h>
#include <string.h>

#define MECHANISMS_MAX 64
#define STEPS_MAX 32 /* of an exchange: no mechanism needs as many */

enum {                     /* what the plugin has: struct rule.needs */
       HAS_PROOF = 1 << 0, /* --proves says how one of its mechanisms is satisfied */
       HAS_PLAINTEXT = 1 << 1,
       HAS_SERVER_FIRST = 1 << 2,
       HAS_CHANNEL_BINDING = 1 << 3,
       HAS_LEGACY = 1 << 4,
       HAS_FAILED = 1 << 5, /* `failed` */
};

/* What the options say. */
struct facts {
  char **with;      /* "MODULE NAME=VALUE ..." */
  char **listener;  /* "NAME=VALUE" */
  char **only;      /* mechanisms */
  char **proofs;    /* "MECHANISM=BASE64 BASE64 ..."; "-" first: no initial response */
  char **addresses; /* --user: who a proof proves */
  char *settings;   /* a file of NAME=VALUE */
  char **more;      /* what stands in it */
};
extern struct facts sasl_facts;

struct tested {
  const struct ptn_sasl_mechanism *table;
  void *instance;
  char **proof; /* in base64, "-" for no response; NULL: not known */
};

struct fixture {
  struct actor actor;
  struct ptn_stream *stream;
  struct ptn_sasl_request request;
  struct tested mechanisms[MECHANISMS_MAX];
  size_t count;
  uint32_t has;
};

void sasl_open (struct fixture *, const char *directory);
void sasl_close (struct fixture *);
/* As a connection with or without TLS. */
void sasl_tls (struct fixture *, bool tls);
bool sasl_is_available (struct fixture *, const struct tested *);

/* Every mechanism that can be used here; the rule cannot run when there is none. */
#define EACH(f, m) \
  for (const struct tested *m = sasl_next ((f), NULL, false); m; m = sasl_next ((f), m, false))
/* Those whose proof is known. */
#define EACH_PROVED(f, m) \
  for (const struct tested *m = sasl_next ((f), NULL, true); m; m = sasl_next ((f), m, true))
const struct tested *sasl_next (struct fixture *, const struct tested *, bool proved);

/* One exchange.  Responses are copies of their exact size, overwritten when the step has taken
 * them. */
struct talk {
  struct actor *actor;
  const struct tested *mechanism;
  struct ptn_call call;
  void *exchange;
  const struct ptn_identity *identity; /* what the last step gave; NULL: nothing */
  struct ptn_bytes challenge;
  unsigned char *response; /* while PENDING */
  size_t size;
  bool none; /* no response was sent */
  unsigned pendings;
};

struct talk talk_begin (struct fixture *, struct actor *, const struct tested *);
/* One call of step, which may be PENDING; then talk_again. */
ptn_status talk_call (struct talk *, const void *response, size_t size); /* NULL: no response */
ptn_status talk_again (struct talk *);
/* Calls until it is not PENDING. */
ptn_status talk_step (struct talk *, const void *response, size_t size);
/* After PTN_OK: has it failed already?  PTN_OK also of mechanisms without `failed`. */
ptn_status talk_failed (struct talk *);
void talk_end (struct talk *); /* at any time */

/* Decoded; wiped by proof_free. */
struct proof_step {
  unsigned char *data; /* NULL: no response */
  size_t size;
};
struct proof_step proof_step (const struct tested *, size_t number); /* number < proof_length */
void proof_free (struct proof_step *);
size_t proof_length (const struct tested *);
/* Runs the whole proof; its last status. */
ptn_status talk_prove (struct talk *);
/* Goes on with empty responses until the exchange ends. */
ptn_status talk_to_end (struct talk *, ptn_status);

/* "authcid authzid domain account", escaped if that is not UTF-8; g_free. */
char *identity_text (const struct ptn_identity *);
/* Is it a failure that the contract knows? */
bool is_failure (ptn_status);

#endif
