/* SPDX-License-Identifier: Apache-2.0 */
/* invention.c - see invention.h. */
#include "invention.h"

#include <glib.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <string.h>

char *
scram_secret_load (const char *folder, unsigned char secret[SCRAM_SECRET]) {
  g_autofree char *file = g_build_filename (folder, "scram-secret", NULL);
  g_autoptr (GError) error = NULL;
  char *octets = NULL;
  gsize size = 0;
  if (g_file_get_contents (file, &octets, &size, NULL) && size == SCRAM_SECRET) {
    memcpy (secret, octets, SCRAM_SECRET);
    explicit_bzero (octets, size);
    g_free (octets);
    return NULL;
  }
  g_free (octets);
  if (RAND_bytes (secret, SCRAM_SECRET) != 1)
    return g_strdup ("the system gives no random numbers");
  if (g_file_set_contents_full (file, (const char *)secret, SCRAM_SECRET,
                                G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE, 0600,
                                &error))
    return NULL;
  return g_strdup (error->message);
}

void
scram_salt_invent (const unsigned char secret[SCRAM_SECRET], const struct scram_hash *hash,
                   const char *user, unsigned iterations, struct scram_salt *salt) {
  g_autofree char *text = g_strconcat (hash->mechanism, "\n", user, NULL);
  unsigned char digest[EVP_MAX_MD_SIZE];
  *salt = (struct scram_salt){ .iterations = iterations, .size = SCRAM_SALT_INVENTED };
  if (HMAC (EVP_sha256 (), secret, SCRAM_SECRET, (const void *)text, strlen (text), digest, NULL))
    memcpy (salt->octets, digest, SCRAM_SALT_INVENTED);
}
