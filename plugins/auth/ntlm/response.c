/* SPDX-License-Identifier: Apache-2.0 */
/* response.c - see response.h.  Single DES is what OpenSSL has put away; 3DES with one key three
 * times is the same.  Every key on the stack is wiped. */
#include "response.h"

#include "common/password/md4.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

/* ---- Which ------------------------------------------------------------------------------- */

ntlm_version
ntlm_version_of (const struct ntlm_authenticate *message, guint32 negotiated) {
  static const unsigned char zero[16] = { 0 };
  if (message->nt.size == 24) {
    const bool session = message->lm.size == 24 && negotiated & NTLM_EXTENDED_SECURITY
                         && memcmp ((const char *)message->lm.data + 8, zero, 16) == 0;
    return session ? NTLM_V1_SESSION : NTLM_V1;
  }
  return message->nt.size > 24 ? NTLM_V2 : NTLM_NO_RESPONSE;
}

const char *
ntlm_version_name (ntlm_version version) {
  static const char *const names[] = { "none", "NTLMv1", "NTLM2 session", "NTLMv2" };
  return names[version];
}

/* ---- Primitives -------------------------------------------------------------------------- */

static bool
hmac_md5 (const unsigned char key[16], const void *data, size_t size, unsigned char out[16]) {
  unsigned length = 16;
  return HMAC (EVP_md5 (), key, 16, data, size, out, &length) != NULL;
}

static bool
md5 (const void *data, size_t size, unsigned char out[16]) {
  return EVP_Digest (data, size, out, NULL, EVP_md5 (), NULL) == 1;
}

/* Seven octets become eight: seven bits of key in each, and the parity that nobody looks at. */
static void
spread_key (const unsigned char seven[7], unsigned char eight[8]) {
  guint64 bits = 0;
  for (unsigned i = 0; i < 7; i++)
    bits = bits << 8 | seven[i];
  for (unsigned i = 0; i < 8; i++)
    eight[i] = (unsigned char)((bits >> (49 - 7 * i) & 0x7f) << 1);
}

static bool
des (EVP_CIPHER_CTX *context, const unsigned char seven[7], const unsigned char data[8],
     unsigned char out[8]) {
  unsigned char key[24];
  int size = 0;
  spread_key (seven, key);
  memcpy (key + 8, key, 8);
  memcpy (key + 16, key, 8);
  const bool done = EVP_EncryptInit_ex (context, EVP_des_ede3_ecb (), NULL, key, NULL) == 1
                    && EVP_CIPHER_CTX_set_padding (context, 0) == 1
                    && EVP_EncryptUpdate (context, out, &size, data, 8) == 1 && size == 8;
  explicit_bzero (key, sizeof key);
  return done;
}

bool
ntlm_desl (const unsigned char key[16], const unsigned char data[8], unsigned char out[24]) {
  unsigned char padded[21] = { 0 };
  EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new ();
  memcpy (padded, key, 16);
  const bool done = context && des (context, padded, data, out)
                    && des (context, padded + 7, data, out + 8)
                    && des (context, padded + 14, data, out + 16);
  EVP_CIPHER_CTX_free (context);
  explicit_bzero (padded, sizeof padded);
  return done;
}

void
ntlm_rc4 (const unsigned char key[16], const unsigned char *in, size_t size, unsigned char *out) {
  unsigned char state[256];
  for (unsigned i = 0; i < 256; i++)
    state[i] = (unsigned char)i;
  unsigned char j = 0;
  for (unsigned i = 0; i < 256; i++) {
    const unsigned char swapped = state[i];
    j = (unsigned char)(j + swapped + key[i % 16]);
    state[i] = state[j];
    state[j] = swapped;
  }
  unsigned char i = 0;
  j = 0;
  for (size_t at = 0; at < size; at++) {
    const unsigned char swapped = state[++i];
    j = (unsigned char)(j + swapped);
    state[i] = state[j];
    state[j] = swapped;
    out[at] = in[at] ^ state[(unsigned char)(state[i] + swapped)];
  }
  explicit_bzero (state, sizeof state);
}

bool
ntlm_ntowf_v2 (const unsigned char nt_hash[16], const char *user, ntlm_case how, const char *domain,
               unsigned char key[16]) {
  g_autoptr (GByteArray) identity = g_byte_array_new ();
  ntlm_text_append_unicode (identity, user, how);
  ntlm_text_append_unicode (identity, domain, NTLM_AS_IS);
  return hmac_md5 (nt_hash, identity->len ? identity->data : (const guint8 *)"", identity->len,
                   key);
}

/* ---- The three responses ----------------------------------------------------------------- */

/* One spelling of the names.  Nothing tells by the time which one was right: the names are the
 * client's own. */
static bool
matches_v2 (const struct ntlm_authenticate *message, const GByteArray *challenged,
            const unsigned char nt_hash[16], const char *user, ntlm_case how, const char *domain,
            unsigned char session_base_key[16]) {
  unsigned char key[16], proof[16];
  const bool right = ntlm_ntowf_v2 (nt_hash, user, how, domain, key)
                     && hmac_md5 (key, challenged->data, challenged->len, proof)
                     && CRYPTO_memcmp (proof, message->nt.data, 16) == 0
                     && hmac_md5 (key, proof, 16, session_base_key);
  explicit_bzero (key, sizeof key);
  explicit_bzero (proof, sizeof proof);
  return right;
}

/* By the letter the domain goes in as the message has it.  Some clients capitalize it, and some
 * send one and leave it out here; domain controllers take all three. */
static bool
is_right_v2 (const struct ntlm_authenticate *message, const unsigned char challenge[8],
             const unsigned char nt_hash[16], unsigned char session_base_key[16]) {
  g_autoptr (GByteArray) challenged = g_byte_array_new ();
  g_byte_array_append (challenged, challenge, 8);
  g_byte_array_append (challenged, (const guint8 *)message->nt.data + 16,
                       (guint)(message->nt.size - 16));
  g_autofree char *capitals = g_utf8_strup (message->domain, -1);
  const char *const domains[] = { message->domain, capitals, "" };
  for (size_t i = 0; i < G_N_ELEMENTS (domains); i++)
    if (matches_v2 (message, challenged, nt_hash, message->user, NTLM_UPPER, domains[i],
                    session_base_key))
      return true;
  return message->other_user
         && matches_v2 (message, challenged, nt_hash, message->other_user, NTLM_UPPER_ASCII,
                        message->other_domain, session_base_key);
}

static bool
is_right_v1 (const struct ntlm_authenticate *message, const unsigned char data[8],
             const unsigned char nt_hash[16], unsigned char session_base_key[16]) {
  unsigned char expected[24];
  const bool right = ntlm_desl (nt_hash, data, expected)
                     && CRYPTO_memcmp (expected, message->nt.data, sizeof expected) == 0;
  explicit_bzero (expected, sizeof expected);
  if (right)
    md4 (nt_hash, 16, session_base_key);
  return right;
}

bool
ntlm_session_challenge (const struct ntlm_authenticate *message, const unsigned char challenge[8],
                        unsigned char mixed[8]) {
  unsigned char both[16], hashed[16];
  memcpy (both, challenge, 8);
  memcpy (both + 8, message->lm.data, 8);
  const bool done = md5 (both, sizeof both, hashed);
  memcpy (mixed, hashed, 8);
  return done;
}

static bool
is_right_session (const struct ntlm_authenticate *message, const unsigned char challenge[8],
                  const unsigned char nt_hash[16], unsigned char session_base_key[16]) {
  unsigned char mixed[8];
  return ntlm_session_challenge (message, challenge, mixed)
         && is_right_v1 (message, mixed, nt_hash, session_base_key);
}

bool
ntlm_response_is_right (const struct ntlm_authenticate *message, ntlm_version version,
                        const unsigned char challenge[8], const unsigned char nt_hash[16],
                        unsigned char session_base_key[16]) {
  switch (version) {
  case NTLM_V2:
    return is_right_v2 (message, challenge, nt_hash, session_base_key);
  case NTLM_V1_SESSION:
    return is_right_session (message, challenge, nt_hash, session_base_key);
  case NTLM_V1:
    return is_right_v1 (message, challenge, nt_hash, session_base_key);
  default:
    return false;
  }
}

/* ---- Integrity --------------------------------------------------------------------------- */

bool
ntlm_mic_is_right (const struct ntlm_authenticate *message, struct ptn_bytes negotiate,
                   struct ptn_bytes challenge, const unsigned char session_base_key[16]) {
  static const unsigned char zero[NTLM_MIC_SIZE] = { 0 };
  if (!message->has_mic)
    return false;
  const guint8 *whole = message->whole.data;
  /* By the letter only with SIGN or SEAL; without them no key is sent. */
  const bool exchanged = message->flags & NTLM_KEY_EXCHANGE && message->key.size == 16;
  g_autoptr (GByteArray) all = g_byte_array_new ();
  g_byte_array_append (all, negotiate.data, (guint)negotiate.size);
  g_byte_array_append (all, challenge.data, (guint)challenge.size);
  g_byte_array_append (all, whole, NTLM_MIC_OFFSET);
  g_byte_array_append (all, zero, sizeof zero);
  g_byte_array_append (all, whole + NTLM_MIC_OFFSET + NTLM_MIC_SIZE,
                       (guint)(message->whole.size - NTLM_MIC_OFFSET - NTLM_MIC_SIZE));
  unsigned char key[16], mic[16];
  if (exchanged)
    ntlm_rc4 (session_base_key, message->key.data, 16, key);
  else
    memcpy (key, session_base_key, sizeof key);
  const bool right = hmac_md5 (key, all->data, all->len, mic)
                     && CRYPTO_memcmp (mic, whole + NTLM_MIC_OFFSET, sizeof mic) == 0;
  explicit_bzero (key, sizeof key);
  explicit_bzero (mic, sizeof mic);
  return right;
}

bool
ntlm_binding_hash (const char *type, struct ptn_bytes binding, unsigned char hash[16]) {
  /* Types and lengths of initiator and acceptor: none. */
  static const guint8 addresses[16] = { 0 };
  const size_t type_size = strlen (type);
  const guint32 size = GUINT32_TO_LE ((guint32)(type_size + 1 + binding.size));
  g_autoptr (GByteArray) bindings = g_byte_array_new ();
  g_byte_array_append (bindings, addresses, sizeof addresses);
  g_byte_array_append (bindings, (const guint8 *)&size, 4);
  g_byte_array_append (bindings, (const guint8 *)type, (guint)type_size);
  g_byte_array_append (bindings, (const guint8 *)":", 1);
  g_byte_array_append (bindings, binding.data, (guint)binding.size);
  return md5 (bindings->data, bindings->len, hash);
}
