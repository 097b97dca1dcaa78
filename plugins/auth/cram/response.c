/* SPDX-License-Identifier: Apache-2.0 */
/* response.c - see response.h. */
#include "response.h"

#include "auth/message.h"
#include "common/text/saslprep.h"

#include <glib.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

static bool
read_digest (const char *text, unsigned char digest[CRAM_DIGEST]) {
  for (unsigned i = 0; i < 2 * CRAM_DIGEST; i++)
    if (!g_ascii_isdigit (text[i]) && (text[i] < 'a' || text[i] > 'f'))
      return false;
  for (unsigned i = 0; i < CRAM_DIGEST; i++)
    digest[i] = (unsigned char)(g_ascii_xdigit_value (text[2 * i]) << 4
                                | g_ascii_xdigit_value (text[2 * i + 1]));
  return true;
}

/* The name may contain spaces: the digest stands behind the last one. */
bool
cram_response_parse (struct ptn_bytes response, char **user, unsigned char digest[CRAM_DIGEST]) {
  const size_t tail = 2 * CRAM_DIGEST + 1;
  const char *text = response.data;
  *user = NULL;
  if (response.size <= tail || text[response.size - tail] != ' '
      || !read_digest (text + response.size - tail + 1, digest))
    return false;
  *user = saslprep ((struct ptn_bytes){ text, response.size - tail });
  if (*user && !message_name ((struct ptn_bytes){ *user, strlen (*user) }))
    g_clear_pointer (user, g_free);
  return *user != NULL;
}

bool
cram_response_matches (const unsigned char digest[CRAM_DIGEST], const char *challenge,
                       struct ptn_bytes secret) {
  unsigned char right[EVP_MAX_MD_SIZE];
  const bool same = secret.size <= G_MAXINT
                    && HMAC (EVP_md5 (), secret.data ? secret.data : "", (int)secret.size,
                             (const void *)challenge, strlen (challenge), right, NULL)
                    && CRYPTO_memcmp (right, digest, CRAM_DIGEST) == 0;
  explicit_bzero (right, sizeof right);
  return same;
}
