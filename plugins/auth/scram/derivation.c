/* SPDX-License-Identifier: Apache-2.0 */
/* derivation.c - see derivation.h. */
#include "derivation.h"

#include "auth/message.h"

#include <glib.h>
#include <openssl/crypto.h>
#include <string.h>

#include <postern/postern.h>

struct password {
  size_t size;
  char octets[MESSAGE_PASSWORD_LIMIT];
};

struct scram_derivation {
  gint references; /* the exchange's and the lane's */
  gint done;
  const struct scram_hash *hash;
  struct scram_salt salt;
  unsigned idle;
  unsigned char proof[SCRAM_DIGEST_LIMIT];
  char *auth_message;
  size_t auth_message_size;
  struct password passwords[SCRAM_PASSWORDS];
  size_t count;
  const struct password *right; /* NULL: none */
  struct scram_keys keys;       /* of `right` */
};

struct scram_derivation *
scram_derivation_new (const struct scram_dialogue *dialogue, unsigned idle) {
  struct scram_derivation *derivation = g_new0 (struct scram_derivation, 1);
  derivation->references = 1;
  derivation->hash = dialogue->hash;
  derivation->salt = dialogue->salt;
  derivation->idle = idle;
  memcpy (derivation->proof, dialogue->proof, sizeof derivation->proof);
  derivation->auth_message = g_memdup2 (dialogue->auth_message, dialogue->auth_message_size);
  derivation->auth_message_size = dialogue->auth_message_size;
  return derivation;
}

static void
unref (void *data) {
  struct scram_derivation *derivation = data;
  if (!g_atomic_int_dec_and_test (&derivation->references))
    return;
  g_free (derivation->auth_message);
  explicit_bzero (derivation, sizeof *derivation);
  g_free (derivation);
}

void
scram_derivation_free (struct scram_derivation **derivation) {
  if (*derivation)
    unref (*derivation);
  *derivation = NULL;
}

void
scram_derivation_add (struct scram_derivation *derivation, struct ptn_bytes password) {
  if (derivation->count == SCRAM_PASSWORDS || password.size > MESSAGE_PASSWORD_LIMIT)
    return;
  struct password *added = &derivation->passwords[derivation->count++];
  memcpy (added->octets, password.data, password.size);
  added->size = password.size;
}

static bool
try (struct scram_derivation *derivation, const struct password *password) {
  unsigned char signature[SCRAM_DIGEST_LIMIT];
  const bool right =
      scram_keys_derive (derivation->hash, &derivation->salt,
                         (struct ptn_bytes){ password->octets, password->size }, &derivation->keys)
      && scram_keys_prove (derivation->hash, &derivation->keys,
                           (struct ptn_bytes){ derivation->auth_message,
                                               derivation->auth_message_size },
                           derivation->proof, signature);
  explicit_bzero (signature, sizeof signature);
  return right;
}

/* Not for who has gone away: the last reference is the lane's then. */
static void
work (void *data) {
  struct scram_derivation *derivation = data;
  if (g_atomic_int_get (&derivation->references) == 1)
    return;
  if (derivation->count == 0) { /* nobody's: the same work, never right */
    derivation->salt.iterations = MIN (derivation->salt.iterations, derivation->idle);
    try (derivation, &derivation->passwords[0]);
  }
  for (size_t i = 0; i < derivation->count && !derivation->right; i++)
    if (try (derivation, &derivation->passwords[i]))
      derivation->right = &derivation->passwords[i];
  g_atomic_int_set (&derivation->done, 1);
}

ptn_status
scram_derivation_start (struct scram_derivation *derivation, const struct ptn_host *host,
                        struct ptn_task *task) {
  g_atomic_int_inc (&derivation->references);
  const ptn_status status = host->offload (task, "password", work, unref, derivation);
  if (status != PTN_OK)
    unref (derivation);
  return status;
}

bool
scram_derivation_done (struct scram_derivation *derivation) {
  return g_atomic_int_get (&derivation->done) != 0;
}

const struct scram_keys *
scram_derivation_keys (const struct scram_derivation *derivation) {
  return derivation->right ? &derivation->keys : NULL;
}

bool
scram_derivation_was (const struct scram_derivation *derivation, struct ptn_bytes password) {
  const struct password *right = derivation->right;
  return right && right->size == password.size
         && CRYPTO_memcmp (right->octets, password.data, password.size) == 0;
}
