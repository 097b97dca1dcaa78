/* SPDX-License-Identifier: Apache-2.0 */
/* response_test.c - the published examples of [MS-NLMP] 4.2, and what must not pass for them.
 *
 * Common to all (4.2.1): user "User", password "Password", domain "Domain", workstation
 * "COMPUTER", server challenge 0123456789abcdef, client challenge aaaaaaaaaaaaaaaa. */
#include "octets.h"

static const unsigned char nt_hash[16] = { 0xa4, 0xf4, 0x9c, 0x40, 0x65, 0x10, 0xbd, 0xca,
                                           0xb6, 0x82, 0x4e, 0xe7, 0xc3, 0x0f, 0xd8, 0x52 };
static const unsigned char challenge[8] = { 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef };

#define V2_RESPONSE                                                     \
  "68cd0ab851e51c96aabc927bebef6a1c 0101000000000000 0000000000000000 " \
  "aaaaaaaaaaaaaaaa 00000000 02000c0044006f006d00610069006e00 "         \
  "01000c00530065007200760065007200 00000000 00000000"

static void
assert_hex (const unsigned char *octets, const char *hex) {
  g_autoptr (GByteArray) expected = octets_from_hex (hex);
  assert_memory_equal (octets, expected->data, expected->len);
}

/* A message of User in Domain at COMPUTER. */
static GByteArray *
message_of (size_t header, guint32 flags, const char *lm, const char *nt, const char *key) {
  GByteArray *fields[6] = {
    octets_from_hex (lm),
    octets_from_hex (nt),
    octets_from_hex ("44006f006d00610069006e00"),
    octets_from_hex ("5500730065007200"),
    octets_from_hex ("43004f004d0050005500540045005200"),
    octets_from_hex (key),
  };
  return octets_authenticate_of (header, flags, fields);
}

static void
check (const char *lm, const char *nt, guint32 flags, ntlm_version version, const char *key) {
  static const size_t headers[] = { 52, 64, 72, 88 };
  for (size_t i = 0; i < G_N_ELEMENTS (headers); i++) {
    g_autoptr (GByteArray) octets = message_of (headers[i], flags, lm, nt, "");
    struct ntlm_authenticate message;
    unsigned char base_key[16], other[16], wrong[8];
    assert_true (ntlm_read_authenticate (octets_bytes (octets), flags, &message));
    assert_string_equal (message.user, "User");
    assert_string_equal (message.domain, "Domain");
    assert_string_equal (message.workstation, "COMPUTER");
    assert_int_equal (message.flags, headers[i] >= 64 ? flags : 0);
    assert_int_equal (ntlm_version_of (&message, flags), version);
    assert_true (ntlm_response_is_right (&message, version, challenge, nt_hash, base_key));
    assert_hex (base_key, key);

    memcpy (other, nt_hash, 16);
    other[15] ^= 1;
    assert_false (ntlm_response_is_right (&message, version, challenge, other, base_key));
    memcpy (wrong, challenge, 8);
    wrong[0] ^= 0x80;
    assert_false (ntlm_response_is_right (&message, version, wrong, nt_hash, base_key));
    ntlm_authenticate_clear (&message);

    const guint nt_at = octets->data[24];
    octets->data[nt_at + 3] ^= 4;
    assert_true (ntlm_read_authenticate (octets_bytes (octets), flags, &message));
    assert_false (ntlm_response_is_right (&message, version, challenge, nt_hash, base_key));
    ntlm_authenticate_clear (&message);
  }
}

static void
v1 (void **state) {
  (void)state;
  check ("98def7b87f88aa5dafe2df779688a172def11c7d5ccdef13",
         "67c43011f30298a2ad35ece64f16331c44bdbed927841f94", 0xe2028233, NTLM_V1,
         "d87262b0cde4b1cb7499becccdf10784");
  /* Clients of cyrus-sasl leave the LM field empty. */
  check ("", "67c43011f30298a2ad35ece64f16331c44bdbed927841f94", 0xe2028233, NTLM_V1,
         "d87262b0cde4b1cb7499becccdf10784");
  unsigned char out[24];
  assert_true (ntlm_desl (nt_hash, challenge, out));
  assert_hex (out, "67c43011f30298a2ad35ece64f16331c44bdbed927841f94");
}

static void
v1_session (void **state) {
  (void)state;
  check ("aaaaaaaaaaaaaaaa 00000000000000000000000000000000",
         "7537f803ae367128ca458204bde7caf81e97ed2683267232", 0x820a8233, NTLM_V1_SESSION,
         "d87262b0cde4b1cb7499becccdf10784");
}

static void
v2 (void **state) {
  (void)state;
  unsigned char key[16];
  assert_true (ntlm_ntowf_v2 (nt_hash, "User", NTLM_UPPER, "Domain", key));
  assert_hex (key, "0c868a403bfd7a93a3001ef22ef02e3f");
  check ("86c35097ac9cec102554764a57cccc19aaaaaaaaaaaaaaaa", V2_RESPONSE, 0xe28a8233, NTLM_V2,
         "8de40ccadbc14a82f15cb0ad0de95ca3");
  check ("", V2_RESPONSE, 0xe28a8233, NTLM_V2, "8de40ccadbc14a82f15cb0ad0de95ca3");
}

/* By sizes and zeros: each field lies at the end of its message, for AddressSanitizer. */
static void
version_by_form (void **state) {
  (void)state;
  static const struct {
    guint lm, nt;
    guint32 negotiated;
    ntlm_version version;
  } cases[] = {
    { 24, 24, NTLM_EXTENDED_SECURITY, NTLM_V1_SESSION },
    { 24, 24, 0, NTLM_V1 },
    { 23, 24, NTLM_EXTENDED_SECURITY, NTLM_V1 },
    { 25, 24, NTLM_EXTENDED_SECURITY, NTLM_V1 },
    { 8, 24, NTLM_EXTENDED_SECURITY, NTLM_V1 },
    { 0, 24, NTLM_EXTENDED_SECURITY, NTLM_V1 },
    { 24, 0, NTLM_EXTENDED_SECURITY, NTLM_NO_RESPONSE },
    { 24, 1, 0, NTLM_NO_RESPONSE },
    { 24, 16, 0, NTLM_NO_RESPONSE },
    { 24, 23, 0, NTLM_NO_RESPONSE },
    { 24, 25, 0, NTLM_V2 },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *lm = g_malloc0 (MAX (cases[i].lm, 1));
    g_autofree char *nt = g_malloc0 (MAX (cases[i].nt, 1));
    const struct ntlm_authenticate message = {
      .lm = { lm, cases[i].lm }, .nt = { nt, cases[i].nt }, .user = (char *)"", .domain = (char *)""
    };
    unsigned char key[16];
    const ntlm_version version = ntlm_version_of (&message, cases[i].negotiated);
    assert_int_equal (version, cases[i].version);
    assert_false (ntlm_response_is_right (&message, version, challenge, nt_hash, key));
  }
}

static void
only_lm_is_no_response (void **state) {
  (void)state;
  g_autoptr (GByteArray) octets =
      message_of (64, NTLM_UNICODE, "98def7b87f88aa5dafe2df779688a172def11c7d5ccdef13", "", "");
  struct ntlm_authenticate message;
  unsigned char key[16];
  assert_true (ntlm_read_authenticate (octets_bytes (octets), 0, &message));
  assert_int_equal (ntlm_version_of (&message, 0), NTLM_NO_RESPONSE);
  for (ntlm_version version = NTLM_NO_RESPONSE; version < NTLM_V1; version++)
    assert_false (ntlm_response_is_right (&message, version, challenge, nt_hash, key));
  ntlm_authenticate_clear (&message);
}

#define EXAMPLE_NAMES                                          \
  "0501280a0000000f 44006f006d00610069006e00 5500730065007200" \
  "43004f004d0050005500540045005200"

/* The whole messages of 4.2.2.3, 4.2.3.3 and 4.2.4.3: a header of 72 octets, the names before the
 * responses, and a version.  4.2.2 has an LM response too (4.2.2.1.1 to 4.2.2.2.2), and 4.2.4 an
 * LMv2 one (4.2.4.2.1), which nobody looks at; signing and sealing (4.2.2.4, 4.2.3.4, 4.2.4.4) are
 * not done. */
static void
published_messages (void **state) {
  (void)state;
  static const struct {
    const char *hex;
    ntlm_version version;
    guint32 flags;
    const char *base_key;
  } cases[] = {
    { "4e544c4d53535000 03000000 180018006c000000 1800180084000000 0c000c0048000000"
      "0800080054000000 100010005c000000 100010009c000000 358280e2" EXAMPLE_NAMES
      "98def7b87f88aa5dafe2df779688a172def11c7d5ccdef13"
      "67c43011f30298a2ad35ece64f16331c44bdbed927841f94 518822b1b3f350c8958682ecbb3e3cb7",
      NTLM_V1, 0xe2808235, "d87262b0cde4b1cb7499becccdf10784" },
    { "4e544c4d53535000 03000000 180018006c000000 1800180084000000 0c000c0048000000"
      "0800080054000000 100010005c000000 000000009c000000 35820882" EXAMPLE_NAMES
      "aaaaaaaaaaaaaaaa00000000000000000000000000000000"
      "7537f803ae367128ca458204bde7caf81e97ed2683267232",
      NTLM_V1_SESSION, 0x82088235, "d87262b0cde4b1cb7499becccdf10784" },
    { "4e544c4d53535000 03000000 180018006c000000 5400540084000000 0c000c0048000000"
      "0800080054000000 100010005c000000 10001000d8000000 358288e2" EXAMPLE_NAMES
      "86c35097ac9cec102554764a57cccc19aaaaaaaaaaaaaaaa" V2_RESPONSE
      "c5dad2544fc9799094ce1ce90bc9d03e",
      NTLM_V2, 0xe2888235, "8de40ccadbc14a82f15cb0ad0de95ca3" },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GByteArray) octets = octets_from_hex (cases[i].hex);
    struct ntlm_authenticate message;
    unsigned char base_key[16], exported[16];
    assert_true (ntlm_read_authenticate (octets_bytes (octets), cases[i].flags, &message));
    assert_int_equal (message.flags, cases[i].flags);
    assert_string_equal (message.user, "User");
    assert_string_equal (message.domain, "Domain");
    assert_string_equal (message.workstation, "COMPUTER");
    assert_false (message.has_mic);
    assert_int_equal (ntlm_version_of (&message, cases[i].flags), cases[i].version);
    assert_true (ntlm_response_is_right (&message, cases[i].version, challenge, nt_hash, base_key));
    assert_hex (base_key, cases[i].base_key);
    if (message.key.size == 16) {
      ntlm_rc4 (base_key, message.key.data, 16, exported);
      assert_hex (exported, "55555555555555555555555555555555");
    }
    ntlm_authenticate_clear (&message);
  }
}

/* 4.2.2.2.3, 4.2.4.2.3: the random session key is sixteen times 55. */
static void
session_keys (void **state) {
  (void)state;
  static const struct {
    const char *key, *encrypted;
  } cases[] = {
    { "d87262b0cde4b1cb7499becccdf10784", "518822b1b3f350c8958682ecbb3e3cb7" },
    { "8de40ccadbc14a82f15cb0ad0de95ca3", "c5dad2544fc9799094ce1ce90bc9d03e" },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GByteArray) key = octets_from_hex (cases[i].key);
    g_autoptr (GByteArray) encrypted = octets_from_hex (cases[i].encrypted);
    unsigned char plain[16];
    ntlm_rc4 (key->data, encrypted->data, 16, plain);
    assert_hex (plain, "55555555555555555555555555555555");
  }
}

/* The example's response, with the proof of another spelling of the names. */
static GByteArray *
proved (const char *user, ntlm_case how, const char *domain) {
  GByteArray *nt = octets_from_hex (V2_RESPONSE);
  unsigned char key[16];
  gsize size = 16;
  assert_true (ntlm_ntowf_v2 (nt_hash, user, how, domain, key));
  GHmac *hmac = g_hmac_new (G_CHECKSUM_MD5, key, 16);
  g_hmac_update (hmac, challenge, 8);
  g_hmac_update (hmac, nt->data + 16, nt->len - 16);
  g_hmac_get_digest (hmac, nt->data, &size);
  g_hmac_unref (hmac);
  return nt;
}

/* The domain as other clients put it into the response: in capitals, or not at all. */
static void
v2_domains (void **state) {
  (void)state;
  static const struct {
    const char *hashed;
    bool right;
  } cases[] = { { "Domain", true }, { "DOMAIN", true }, { "", true }, { "Other", false } };
  g_autoptr (GByteArray) domain = octets_from_hex ("44006f006d00610069006e00");
  g_autoptr (GByteArray) user = octets_from_hex ("5500730065007200");
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GByteArray) nt = proved ("User", NTLM_UPPER, cases[i].hashed);
    g_autoptr (GByteArray) octets =
        octets_authenticate (64, NTLM_UNICODE, (GByteArray *const[6]){ NULL, nt, domain, user });
    struct ntlm_authenticate message;
    unsigned char base_key[16];
    assert_true (ntlm_read_authenticate (octets_bytes (octets), 0, &message));
    assert_int_equal (ntlm_response_is_right (&message, NTLM_V2, challenge, nt_hash, base_key),
                      cases[i].right);
    ntlm_authenticate_clear (&message);
  }
}

/* The user in capitals as Windows makes them, and as programming languages do. */
static void
v2_capitals (void **state) {
  (void)state;
  static const struct {
    const char *user; /* in UTF-16 */
    const char *hashed;
    bool right;
  } cases[] = {
    { "7300c9037300c203", "S\xce\xa9S\xcf\x82", true }, /* s, omega, s, final sigma */
    { "7300c9037300c203", "S\xce\xa9S\xce\xa3", true },
    { "7300c9037300c203", "s\xce\xa9S\xce\xa3", false },
    { "6700df00", "G\xc3\x9f", true }, /* sharp s */
    { "6700df00", "GSS", true },
    { "d010", "\xe1\x83\x90", true }, /* Georgian */
    { "d010", "\xe1\xb2\x90", true },
    { "5500730065007200", "User", false },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GByteArray) user = octets_from_hex (cases[i].user);
    g_autoptr (GByteArray) nt = proved (cases[i].hashed, NTLM_AS_IS, "");
    g_autoptr (GByteArray) octets =
        octets_authenticate (64, NTLM_UNICODE, (GByteArray *const[6]){ NULL, nt, NULL, user });
    struct ntlm_authenticate message;
    unsigned char base_key[16];
    assert_true (ntlm_read_authenticate (octets_bytes (octets), 0, &message));
    assert_int_equal (ntlm_response_is_right (&message, NTLM_V2, challenge, nt_hash, base_key),
                      cases[i].right);
    ntlm_authenticate_clear (&message);
  }
}

/* A message with a MIC over itself and two others, as 3.1.5.1.2 says. */
static void
mic (void **state) {
  (void)state;
  g_autoptr (GByteArray) base_key = octets_from_hex ("8de40ccadbc14a82f15cb0ad0de95ca3");
  const struct ptn_bytes first = { "first", 5 }, second = { "second", 6 };
  static const struct {
    const char *key; /* EncryptedRandomSessionKey */
    guint32 flags;
    const char *under; /* which key; "": the base key */
  } cases[] = {
    { "", NTLM_UNICODE, "" },
    { "c5dad2544fc9799094ce1ce90bc9d03e", NTLM_UNICODE | NTLM_KEY_EXCHANGE | NTLM_SIGN, "new" },
    { "c5dad2544fc9799094ce1ce90bc9d03e", NTLM_UNICODE, "" }, /* a key that was not agreed on */
    { "c5dad2544fc9799094ce1ce90bc9d0", NTLM_UNICODE | NTLM_KEY_EXCHANGE, "" }, /* none */
    { "", NTLM_UNICODE | NTLM_KEY_EXCHANGE, "" },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GByteArray) octets = message_of (88, cases[i].flags, "", V2_RESPONSE, cases[i].key);
    struct ntlm_authenticate message;
    assert_true (ntlm_read_authenticate (octets_bytes (octets), 0, &message));
    assert_true (message.has_mic);
    assert_false (ntlm_mic_is_right (&message, first, second, base_key->data));
    ntlm_authenticate_clear (&message);

    g_autoptr (GByteArray) all = g_byte_array_new ();
    g_byte_array_append (all, (const guint8 *)"firstsecond", 11);
    g_byte_array_append (all, octets->data, octets->len);
    const guchar *under = *cases[i].under ? (const guchar *)"UUUUUUUUUUUUUUUU" : base_key->data;
    GHmac *hmac = g_hmac_new (G_CHECKSUM_MD5, under, 16);
    g_hmac_update (hmac, all->data, all->len);
    gsize size = 16;
    g_hmac_get_digest (hmac, octets->data + NTLM_MIC_OFFSET, &size);
    g_hmac_unref (hmac);
    assert_true (ntlm_read_authenticate (octets_bytes (octets), 0, &message));
    assert_true (ntlm_mic_is_right (&message, first, second, base_key->data));
    assert_false (ntlm_mic_is_right (&message, second, first, base_key->data));
    octets->data[60] ^= NTLM_SIGN;
    assert_false (ntlm_mic_is_right (&message, first, second, base_key->data));
    ntlm_authenticate_clear (&message);
  }
  g_autoptr (GByteArray) small = message_of (72, NTLM_UNICODE, "", V2_RESPONSE, "");
  struct ntlm_authenticate message;
  assert_true (ntlm_read_authenticate (octets_bytes (small), 0, &message));
  assert_false (message.has_mic);
  assert_false (ntlm_mic_is_right (&message, first, second, base_key->data));
  ntlm_authenticate_clear (&message);
  g_autoptr (GByteArray) tiny = octets_authenticate (52, 0, (GByteArray *const[6]){ NULL });
  assert_true (ntlm_read_authenticate (octets_bytes (tiny), 0, &message));
  assert_false (ntlm_mic_is_right (&message, first, second, base_key->data));
  ntlm_authenticate_clear (&message);
}

/* [MS-NLMP] has no example with one.  This is what Chromium's client sends in answer to the challenge
 * of 4.2.4.3, as its own tests have it: the code over three messages as they stand. */
static void
mic_of_a_client (void **state) {
  (void)state;
  g_autoptr (GByteArray) first =
      octets_from_hex ("4e544c4d53535000 01000000 07820800 0000000020000000 0000000020000000");
  g_autoptr (GByteArray) second = octets_from_hex (
      "4e544c4d53535000 02000000 0c000c0038000000 33828ae2 0123456789abcdef 0000000000000000"
      "2400240044000000 060070170000000f 530065007200760065007200"
      "02000c0044006f006d00610069006e00 01000c00530065007200760065007200 00000000");
  g_autoptr (GByteArray) octets = octets_from_hex (
      "4e544c4d53535000 03000000 1800180058000000 8a008a0070000000 0c000c00fa000000"
      "0800080006010000 100010000e010000 0000000058000000 03820800 0000000000000000"
      "f7361633f0ad9bdf4a7c421bc6b824a3 000000000000000000000000000000000000000000000000"
      "8c0260dbef690662af9c42d50782d2ed 0101000000000000 800bc8fd00d4d201 aaaaaaaaaaaaaaaa"
      "00000000 02000c0044006f006d00610069006e00 01000c00530065007200760065007200"
      "0600040002000000 0a0010006586e99d81c2fc984e47172fd4dd0310"
      "0900160048005400540050002f00530065007200760065007200 00000000 00000000"
      "44006f006d00610069006e00 5500730065007200 43004f004d0050005500540045005200");
  struct ntlm_authenticate message;
  struct ntlm_client_challenge client;
  unsigned char key[16];
  assert_true (ntlm_read_authenticate (octets_bytes (octets), 0, &message));
  assert_true (ntlm_read_client_challenge (message.nt, &client));
  assert_int_equal (client.flags, NTLM_AV_FLAG_MIC);
  assert_hex (client.bindings.data, "6586e99d81c2fc984e47172fd4dd0310");
  g_autofree char *target = ntlm_text_from_unicode (client.target);
  assert_string_equal (target, "HTTP/Server");
  assert_true (ntlm_response_is_right (&message, NTLM_V2, challenge, nt_hash, key));
  assert_true (ntlm_mic_is_right (&message, octets_bytes (first), octets_bytes (second), key));
  for (size_t i = 0; i < first->len + second->len + octets->len; i++) { /* every octet counts */
    guint8 *octet = i < first->len                 ? first->data + i
                    : i < first->len + second->len ? second->data + i - first->len
                                                   : octets->data + i - first->len - second->len;
    *octet ^= 1;
    assert_false (ntlm_mic_is_right (&message, octets_bytes (first), octets_bytes (second), key));
    *octet ^= 1;
  }
  ntlm_authenticate_clear (&message);
}

/* The struct of RFC 2744 put together by hand. */
static void
bindings (void **state) {
  (void)state;
  g_autoptr (GByteArray) digest =
      octets_from_hex ("ea05fefecc6b0b09c3c2c2be6ea7b7f3c5b7cb1fc3e4e4d96c3d8a0fd9a6ac96");
  unsigned char hash[16], expected[16];
  assert_true (ntlm_binding_hash ("tls-server-end-point", octets_bytes (digest), hash));
  g_autoptr (GByteArray) all = octets_from_hex ("00000000 00000000 00000000 00000000 35000000");
  g_byte_array_append (all, (const guint8 *)"tls-server-end-point:", 21);
  g_byte_array_append (all, digest->data, digest->len);
  GChecksum *md5 = g_checksum_new (G_CHECKSUM_MD5);
  g_checksum_update (md5, all->data, (gssize)all->len);
  gsize size = sizeof expected;
  g_checksum_get_digest (md5, expected, &size);
  g_checksum_free (md5);
  assert_memory_equal (hash, expected, 16);
}

/* OEM names with octets above 127 may have been widened instead of decoded, as curl does it. */
static void
widened_names (void **state) {
  (void)state;
  g_autoptr (GByteArray) user = octets_from_hex ("6dc3bc6c6c6572"); /* müller in UTF-8 */
  static const struct {
    const char *hashed;
    ntlm_case how;
  } cases[] = { { "m\xc3\xbcller", NTLM_UPPER },                 /* MÜLLER */
                { "m\xc3\x83\xc2\xbcller", NTLM_UPPER_ASCII } }; /* MÃ¼LLER */
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GByteArray) nt = proved (cases[i].hashed, cases[i].how, "");
    unsigned char base_key[16];
    g_autoptr (GByteArray) octets =
        octets_authenticate (64, NTLM_OEM, (GByteArray *const[6]){ NULL, nt, NULL, user });
    struct ntlm_authenticate message;
    assert_true (ntlm_read_authenticate (octets_bytes (octets), 0, &message));
    assert_string_equal (message.user, "m\xc3\xbcller");
    assert_true (ntlm_response_is_right (&message, NTLM_V2, challenge, nt_hash, base_key));
    ntlm_authenticate_clear (&message);
  }
}

int
main (void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (v1),
    cmocka_unit_test (v1_session),
    cmocka_unit_test (v2),
    cmocka_unit_test (version_by_form),
    cmocka_unit_test (only_lm_is_no_response),
    cmocka_unit_test (published_messages),
    cmocka_unit_test (session_keys),
    cmocka_unit_test (v2_domains),
    cmocka_unit_test (v2_capitals),
    cmocka_unit_test (mic),
    cmocka_unit_test (mic_of_a_client),
    cmocka_unit_test (bindings),
    cmocka_unit_test (widened_names),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
