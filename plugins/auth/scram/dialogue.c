/* SPDX-License-Identifier: Apache-2.0 */
/* dialogue.c - see dialogue.h. */
#include "dialogue.h"

#include "common/base64.h"

#include <glib.h>
#include <openssl/crypto.h>
#include <string.h>

void
scram_dialogue_init (struct scram_dialogue *dialogue, const struct scram_hash *hash) {
  *dialogue = (struct scram_dialogue){ .hash = hash };
}

static void
wipe_auth_message (struct scram_dialogue *dialogue) {
  if (dialogue->auth_message)
    explicit_bzero (dialogue->auth_message, dialogue->auth_message_size);
  g_clear_pointer (&dialogue->auth_message, g_free);
}

void
scram_dialogue_clear (struct scram_dialogue *dialogue) {
  scram_first_clear (&dialogue->first);
  wipe_auth_message (dialogue);
  g_clear_pointer (&dialogue->message, g_free);
  g_clear_pointer (&dialogue->binding, g_free);
  g_clear_pointer (&dialogue->nonce, g_free);
  g_clear_pointer (&dialogue->challenge, g_free);
  explicit_bzero (dialogue->proof, sizeof dialogue->proof);
  explicit_bzero (dialogue->final, sizeof dialogue->final);
}

/* ---- The first message ------------------------------------------------------------------- */

/* What the client must say in c=: base64 of its gs2-header, and of the binding if it uses one. */
static char *
expected_binding (struct ptn_bytes header, struct ptn_bytes value) {
  g_autoptr (GByteArray) octets = g_byte_array_new ();
  char *text = g_malloc (BASE64_ENCODED_MAX (header.size + value.size));
  g_byte_array_append (octets, header.data, (guint)header.size);
  if (value.size)
    g_byte_array_append (octets, value.data, (guint)value.size);
  base64_encode (octets->data, octets->len, text);
  return text;
}

static const char *
check_binding (struct scram_dialogue *dialogue, const struct scram_channel *channel) {
  const struct scram_first *first = &dialogue->first;
  struct ptn_bytes value = { NULL, 0 };
  if (first->binding == SCRAM_BINDING_USED && !channel->plus)
    return "channel-binding-not-supported";
  if (first->binding != SCRAM_BINDING_USED && channel->plus)
    return "other-error";
  /* Somebody between us has taken the -PLUS mechanism out of our list. */
  if (first->binding == SCRAM_BINDING_UNUSED && channel->offered)
    return "server-does-support-channel-binding";
  if (channel->plus
      && (!channel->value (channel->argument, first->type, &value) || value.size == 0))
    return "unsupported-channel-binding-type";
  dialogue->binding = expected_binding (first->header, value);
  return NULL;
}

const char *
scram_dialogue_first (struct scram_dialogue *dialogue, struct ptn_bytes message,
                      const struct scram_channel *channel) {
  if (message.size == 0 || message.size > SCRAM_MESSAGE_LIMIT)
    return "invalid-encoding";
  dialogue->message = g_memdup2 (message.data, message.size);
  const char *fault =
      scram_first_parse ((struct ptn_bytes){ dialogue->message, message.size }, &dialogue->first);
  return fault ? fault : check_binding (dialogue, channel);
}

/* ---- The answer -------------------------------------------------------------------------- */

struct ptn_bytes
scram_dialogue_challenge (struct scram_dialogue *dialogue, const struct scram_salt *salt,
                          const char *ours) {
  const struct ptn_bytes theirs = dialogue->first.nonce;
  char encoded[BASE64_ENCODED_MAX (SCRAM_SALT_LIMIT)];
  dialogue->salt = *salt;
  base64_encode (salt->octets, salt->size, encoded);
  dialogue->nonce = g_strdup_printf ("%.*s%s", (int)theirs.size, (const char *)theirs.data, ours);
  dialogue->challenge =
      g_strdup_printf ("r=%s,s=%s,i=%u", dialogue->nonce, encoded, salt->iterations);
  return (struct ptn_bytes){ dialogue->challenge, strlen (dialogue->challenge) };
}

/* ---- The final message, and the proof ---------------------------------------------------- */

static bool
equals (struct ptn_bytes octets, const char *text) {
  const size_t size = strlen (text);
  return octets.size == size && CRYPTO_memcmp (octets.data, text, size) == 0;
}

static bool
decode_proof (struct scram_dialogue *dialogue, struct ptn_bytes proof) {
  unsigned char octets[SCRAM_DIGEST_LIMIT + 2];
  size_t size;
  if (BASE64_DECODED_MAX (proof.size) > sizeof octets
      || !base64_decode (proof.data, proof.size, octets, &size) || size != dialogue->hash->size)
    return false;
  memcpy (dialogue->proof, octets, size);
  explicit_bzero (octets, sizeof octets);
  return true;
}

/* client-first-message-bare "," server-first-message "," client-final-message-without-proof */
static void
make_auth_message (struct scram_dialogue *dialogue, struct ptn_bytes without_proof) {
  GString *text = g_string_new_len (dialogue->first.bare.data, (gssize)dialogue->first.bare.size);
  g_string_append_printf (text, ",%s,", dialogue->challenge);
  g_string_append_len (text, without_proof.data, (gssize)without_proof.size);
  dialogue->auth_message_size = text->len;
  dialogue->auth_message = g_string_free (text, FALSE);
}

const char *
scram_dialogue_final (struct scram_dialogue *dialogue, struct ptn_bytes message) {
  struct scram_final final;
  const char *fault = scram_final_parse (message, &final);
  if (fault)
    return fault;
  if (!equals (final.nonce, dialogue->nonce))
    return "other-error";
  if (!equals (final.binding, dialogue->binding))
    return "channel-bindings-dont-match";
  if (!decode_proof (dialogue, final.proof))
    return "invalid-proof";
  wipe_auth_message (dialogue);
  make_auth_message (dialogue, final.without_proof);
  return NULL;
}

bool
scram_dialogue_prove (struct scram_dialogue *dialogue, const struct scram_keys *keys) {
  unsigned char signature[SCRAM_DIGEST_LIMIT];
  const bool right =
      scram_keys_prove (dialogue->hash, keys,
                        (struct ptn_bytes){ dialogue->auth_message, dialogue->auth_message_size },
                        dialogue->proof, signature);
  if (right) {
    memcpy (dialogue->final, "v=", 2);
    base64_encode (signature, dialogue->hash->size, dialogue->final + 2);
  }
  explicit_bzero (signature, sizeof signature);
  return right;
}

struct ptn_bytes
scram_dialogue_verifier (const struct scram_dialogue *dialogue) {
  return (struct ptn_bytes){ dialogue->final, strlen (dialogue->final) };
}
