/* SPDX-License-Identifier: Apache-2.0 */
/* keys.h - what a SCRAM server knows of a password (RFC 5802 section 3).
 *
 * Values; the caller wipes them (scram_keys_wipe).  Any thread. */
#ifndef AUTH_SCRAM_KEYS_H
#define AUTH_SCRAM_KEYS_H

#include <stdbool.h>

#include <postern/base.h>

enum {
  SCRAM_SALT_LIMIT = 128,
  SCRAM_DIGEST_LIMIT = 32,
  SCRAM_ITERATIONS_MIN = 1, /* fewer than RFC 5802 advises, but what was stored was stored */
  SCRAM_ITERATIONS_MAX = 10000000
};

struct scram_hash {
  const char *mechanism; /* "SCRAM-SHA-256"; also the scheme of stored keys */
  unsigned size;
};
extern const struct scram_hash scram_sha_1, scram_sha_256;

struct scram_salt {
  unsigned iterations;
  unsigned size;
  unsigned char octets[SCRAM_SALT_LIMIT];
};

struct scram_keys {
  unsigned char stored[SCRAM_DIGEST_LIMIT], server[SCRAM_DIGEST_LIMIT];
};

/* MECHANISM$ITERATIONS:SALT$STOREDKEY:SERVERKEY, RFC 5803. */
bool scram_keys_read (const struct scram_hash *, struct ptn_bytes text, struct scram_salt *salt,
                      struct scram_keys *keys);
bool scram_salt_equal (const struct scram_salt *, const struct scram_salt *);

/* From the password: milliseconds of work, for a lane.  password is as it is stored: it goes
 * through SASLprep here, or is taken as it is if that refuses it. */
bool scram_keys_derive (const struct scram_hash *, const struct scram_salt *,
                        struct ptn_bytes password, struct scram_keys *keys);

/* Is this the proof of who knows the password?  Equal time, right or wrong.  With *signature, the
 * server's own, in both cases. */
bool scram_keys_prove (const struct scram_hash *, const struct scram_keys *,
                       struct ptn_bytes auth_message, const unsigned char *proof,
                       unsigned char signature[SCRAM_DIGEST_LIMIT]);

void scram_keys_wipe (struct scram_keys *);

#endif
