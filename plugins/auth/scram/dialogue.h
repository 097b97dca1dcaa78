/* SPDX-License-Identifier: Apache-2.0 */
/* dialogue.h - one SCRAM exchange of the server, without waiting, directories or randomness: RFC
 * 5802 with the hashes of RFC 7677 too, and channel bindings of RFC 5929 and 9266.
 *
 *   scram_dialogue_first      what the client says first: who it is
 *   scram_dialogue_challenge  what it is answered: nonce, salt, iterations
 *   scram_dialogue_final      what it says then
 *   scram_dialogue_prove      is that right with these keys?  May be asked of several.
 *
 * Failures are the words of server-error-value in RFC 5802 section 7.  Embedded by its owner, used
 * by one task. */
#ifndef AUTH_SCRAM_DIALOGUE_H
#define AUTH_SCRAM_DIALOGUE_H

#include "grammar.h"
#include "keys.h"

enum { SCRAM_NONCE_LIMIT = 64, SCRAM_FINAL_LIMIT = 48 };

/* What can be bound to here. */
struct scram_channel {
  bool plus;    /* the mechanism ends with -PLUS */
  bool offered; /* that one is offered here */
  /* The value of this type of binding, borrowed until the next call; false: there is none. */
  bool (*value) (void *argument, const char *type, struct ptn_bytes *value);
  void *argument;
};

struct scram_dialogue {
  const struct scram_hash *hash;
  char *message; /* the client's first; `first` leads into it */
  struct scram_first first;
  char *binding; /* what c= must be */
  char *nonce;   /* the client's and ours */
  struct scram_salt salt;
  char *challenge;    /* server-first-message */
  char *auth_message; /* NULL before the final message */
  size_t auth_message_size;
  unsigned char proof[SCRAM_DIGEST_LIMIT];
  char final[SCRAM_FINAL_LIMIT + 3]; /* "v=" and the signature */
};

void scram_dialogue_init (struct scram_dialogue *, const struct scram_hash *);
void scram_dialogue_clear (struct scram_dialogue *);

/* NULL, and first.login and first.authzid are known; or why not. */
const char *scram_dialogue_first (struct scram_dialogue *, struct ptn_bytes message,
                                  const struct scram_channel *);

/* ours: printable, without commas.  The answer stays as long as the dialogue. */
struct ptn_bytes scram_dialogue_challenge (struct scram_dialogue *, const struct scram_salt *,
                                           const char *ours);

/* NULL, or why not. */
const char *scram_dialogue_final (struct scram_dialogue *, struct ptn_bytes message);

bool scram_dialogue_prove (struct scram_dialogue *, const struct scram_keys *);
/* After a proof: server-final-message.  Stays as long as the dialogue. */
struct ptn_bytes scram_dialogue_verifier (const struct scram_dialogue *);

#endif
