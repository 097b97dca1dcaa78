/* SPDX-License-Identifier: Apache-2.0 */
/* scram-fuzz.c - any two messages of a client, divided by a newline, stored keys, or an answer of
 * CRAM-MD5: what is taken is sound, and nothing is proved to keys that nobody knows. */
#include "auth/cram/response.h"
#include "auth/scram/dialogue.h"

#include <glib.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
check (bool holds) {
  if (!holds)
    abort ();
}

static bool
bound (void *argument, const char *type, struct ptn_bytes *value) {
  *value = (struct ptn_bytes){ type, strlen (type) };
  return strcmp (type, "tls-exporter") == 0;
}

static void
check_name (const char *name) {
  check (*name && g_utf8_validate (name, -1, NULL));
  for (; *name; name++)
    check ((unsigned char)*name >= 0x20 && *name != 0x7f);
}

static void
converse (struct ptn_bytes first, struct ptn_bytes final, const struct scram_channel *channel) {
  const struct scram_salt salt = { .iterations = 1, .size = 1 };
  const struct scram_keys keys = { .stored = "nobody knows" };
  struct scram_dialogue dialogue;
  scram_dialogue_init (&dialogue, &scram_sha_1);
  if (!scram_dialogue_first (&dialogue, first, channel)) {
    check_name (dialogue.first.login);
    if (dialogue.first.authzid)
      check_name (dialogue.first.authzid);
    check (dialogue.first.header.size + dialogue.first.bare.size == first.size);
    scram_dialogue_challenge (&dialogue, &salt, "0");
    if (!scram_dialogue_final (&dialogue, final))
      check (!scram_dialogue_prove (&dialogue, &keys));
  }
  scram_dialogue_clear (&dialogue);
}

int
LLVMFuzzerTestOneInput (const uint8_t *input, size_t size) {
  static const struct scram_channel channels[] = { { 0 }, { true, true, bound, NULL } };
  const uint8_t *newline = size ? memchr (input, '\n', size) : NULL;
  const size_t head = newline ? (size_t)(newline - input) : size;
  const size_t tail = newline ? size - head - 1 : 0;
  /* Copies of their exact sizes, so that AddressSanitizer sees a step too far. */
  char *first = g_memdup2 (input, head ? head : 1);
  char *final = tail ? g_memdup2 (newline + 1, tail) : g_malloc (1);
  for (size_t i = 0; i < G_N_ELEMENTS (channels); i++)
    converse ((struct ptn_bytes){ first, head }, (struct ptn_bytes){ final, tail }, &channels[i]);
  struct scram_salt salt;
  struct scram_keys keys;
  if (scram_keys_read (&scram_sha_256, (struct ptn_bytes){ first, head }, &salt, &keys))
    check (salt.size > 0 && salt.size <= SCRAM_SALT_LIMIT && salt.iterations > 0);
  unsigned char digest[CRAM_DIGEST];
  char *user;
  if (cram_response_parse ((struct ptn_bytes){ first, head }, &user, digest))
    check_name (user);
  g_free (user);
  g_free (first);
  g_free (final);
  return 0;
}
