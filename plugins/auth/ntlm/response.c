/* SPDX-License-Identifier: Apache-2.0 */
/* response.c - see response.h.  Single DES is what OpenSSL has put away; 3DES with one key three
 * times is the same.  Every key on the stack is wiped. */
#include "response.h"

#include "common/password/md4.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
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

/* MD5, fetched once for all that a check needs of it: OpenSSL takes longer to find a digest than to
 * compute one of so few octets. */
struct md5 {
  EVP_MD *algorithm;
  EVP_MD_CTX *context;
};

static void
md5_clear (struct md5 *md5) {
  EVP_MD_CTX_free (md5->context);
  EVP_MD_free (md5->algorithm);
}
typedef struct md5 md5_auto;
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (md5_auto, md5_clear)

static struct md5
md5_new (void) {
  return (struct md5){ EVP_MD_fetch (NULL, "MD5", NULL), EVP_MD_CTX_new () };
}

static bool
md5_of (const struct md5 *md5, const struct ptn_bytes *parts, size_t count, unsigned char out[16]) {
  bool done = md5->algorithm && md5->context
              && EVP_DigestInit_ex2 (md5->context, md5->algorithm, NULL) == 1;
  for (size_t i = 0; done && i < count; i++)
    done = EVP_DigestUpdate (md5->context, parts[i].data, parts[i].size) == 1;
  return done && EVP_DigestFinal_ex (md5->context, out, NULL) == 1;
}

#define HMAC_PARTS 5

/* RFC 2104. */
static bool
hmac_md5 (const struct md5 *md5, const unsigned char key[16], const struct ptn_bytes *parts,
          size_t count, unsigned char out[16]) {
  unsigned char inner[64], outer[64];
  struct ptn_bytes all[1 + HMAC_PARTS] = { { inner, sizeof inner } };
  memset (inner, 0x36, sizeof inner);
  memset (outer, 0x5c, sizeof outer);
  for (unsigned i = 0; i < 16; i++) {
    inner[i] ^= key[i];
    outer[i] ^= key[i];
  }
  g_assert (count <= HMAC_PARTS);
  memcpy (all + 1, parts, count * sizeof *parts);
  const struct ptn_bytes second[] = { { outer, sizeof outer }, { out, 16 } };
  const bool done = md5_of (md5, all, 1 + count, out) && md5_of (md5, second, 2, out);
  explicit_bzero (inner, sizeof inner);
  explicit_bzero (outer, sizeof outer);
  return done;
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

static bool
ntowf_v2 (const struct md5 *md5, const unsigned char nt_hash[16], const char *user, ntlm_case how,
          const char *domain, unsigned char key[16]) {
  g_autoptr (GByteArray) identity = g_byte_array_new ();
  ntlm_text_append_unicode (identity, user, how);
  ntlm_text_append_unicode (identity, domain, NTLM_AS_IS);
  const struct ptn_bytes part = { identity->data, identity->len };
  return hmac_md5 (md5, nt_hash, &part, identity->len ? 1 : 0, key);
}

bool
ntlm_ntowf_v2 (const unsigned char nt_hash[16], const char *user, ntlm_case how, const char *domain,
               unsigned char key[16]) {
  g_auto (md5_auto) md5 = md5_new ();
  return ntowf_v2 (&md5, nt_hash, user, how, domain, key);
}

/* ---- The three responses ----------------------------------------------------------------- */

struct v2 {
  const struct ntlm_authenticate *message;
  const unsigned char *challenge, *nt_hash;
  unsigned char *session_base_key;
  struct md5 *md5;
};

/* One spelling of the names.  Nothing tells by the time which one was right: the names are the
 * client's own. */
static bool
matches_v2 (const struct v2 *v2, const char *user, ntlm_case how, const char *domain) {
  const unsigned char *nt = v2->message->nt.data;
  unsigned char key[16], proof[16];
  const struct ptn_bytes challenged[] = { { v2->challenge, 8 },
                                          { nt + 16, v2->message->nt.size - 16 } };
  const struct ptn_bytes proved = { proof, sizeof proof };
  const bool right = ntowf_v2 (v2->md5, v2->nt_hash, user, how, domain, key)
                     && hmac_md5 (v2->md5, key, challenged, 2, proof)
                     && CRYPTO_memcmp (proof, nt, 16) == 0
                     && hmac_md5 (v2->md5, key, &proved, 1, v2->session_base_key);
  explicit_bzero (key, sizeof key);
  explicit_bzero (proof, sizeof proof);
  return right;
}

/* By the letter the domain goes in as the message has it.  Some clients capitalize it, and some
 * send one and leave it out here; domain controllers take all three.  Capitals of the user are
 * Windows', or Unicode's where a language has made them (JavaScript, Java, Python). */
static bool
is_right_v2 (const struct v2 *v2) {
  const struct ntlm_authenticate *message = v2->message;
  g_autofree char *capitals = g_utf8_strup (message->domain, -1);
  g_autofree char *user = g_str_is_ascii (message->user) ? NULL : g_utf8_strup (message->user, -1);
  const char *const domains[] = { message->domain, capitals, "" };
  for (size_t i = 0; i < G_N_ELEMENTS (domains); i++) {
    const bool again = i > 0 && strcmp (domains[i], domains[i - 1]) == 0;
    if (!again
        && (matches_v2 (v2, message->user, NTLM_UPPER, domains[i])
            || (user && matches_v2 (v2, user, NTLM_AS_IS, domains[i]))))
      return true;
  }
  return message->other_user
         && matches_v2 (v2, message->other_user, NTLM_UPPER_ASCII, message->other_domain);
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
  unsigned char hashed[16];
  g_auto (md5_auto) md5 = md5_new ();
  const struct ptn_bytes both[] = { { challenge, 8 }, { message->lm.data, 8 } };
  const bool done = md5_of (&md5, both, 2, hashed);
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
  g_auto (md5_auto) md5 = md5_new ();
  const struct v2 v2 = { message, challenge, nt_hash, session_base_key, &md5 };
  switch (version) {
  case NTLM_V2:
    return is_right_v2 (&v2);
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
  const size_t after = NTLM_MIC_OFFSET + NTLM_MIC_SIZE;
  const struct ptn_bytes all[] = { negotiate,
                                   challenge,
                                   { whole, NTLM_MIC_OFFSET },
                                   { zero, sizeof zero },
                                   { whole + after, message->whole.size - after } };
  g_auto (md5_auto) md5 = md5_new ();
  unsigned char key[16], mic[16];
  if (exchanged)
    ntlm_rc4 (session_base_key, message->key.data, 16, key);
  else
    memcpy (key, session_base_key, sizeof key);
  const bool right = hmac_md5 (&md5, key, all, G_N_ELEMENTS (all), mic)
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
  const struct ptn_bytes all[] = {
    { addresses, sizeof addresses }, { &size, 4 }, { type, type_size }, { ":", 1 }, binding
  };
  g_auto (md5_auto) md5 = md5_new ();
  return md5_of (&md5, all, G_N_ELEMENTS (all), hash);
}
