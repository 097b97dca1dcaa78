/* SPDX-License-Identifier: Apache-2.0 */
/* wire_test.c - messages that are cut, bent and crossed: what is read lies inside of them.  Every
 * message is a copy of its exact size, so that AddressSanitizer sees a step too far. */
#include "octets.h"

#define V2_PAIRS "0200020041000a001000000102030405060708090a0b0c0d0e0f 0600040002000000 00000000"

static const size_t headers[] = { 52, 64, 72, 88 };

/* One of alice, with a field of everything. */
static GByteArray *
sound (size_t header) {
  GByteArray *fields[6] = {
    octets_from_hex ("000102030405060708090a0b0c0d0e0f1011121314151617"),
    octets_from_hex ("00112233445566778899aabbccddeeff 0101000000000000 0000000000000000 "
                     "aaaaaaaaaaaaaaaa 00000000" V2_PAIRS),
    octets_from_hex ("44004f004d00"),
    octets_from_hex ("61006c00690063006500"),
    octets_from_hex ("570053003100"),
    octets_from_hex ("c5dad2544fc9799094ce1ce90bc9d03e"),
  };
  return octets_authenticate_of (header, NTLM_UNICODE, fields);
}

static bool
lies_inside (struct ptn_bytes part, const char *data, size_t size) {
  const char *at = part.data;
  return part.size == 0
         || (at >= data && at < data + size && part.size <= size - (size_t)(at - data));
}

/* Reads everything that there is to read. */
static bool
read_all (const guint8 *octets, size_t size, guint32 negotiated) {
  char *data = g_memdup2 (octets, size ? size : 1);
  const struct ptn_bytes whole = { data, size };
  struct ntlm_authenticate message;
  struct ntlm_client_challenge client;
  static const unsigned char key[16] = { 0 };
  unsigned char base_key[16];
  const bool read = ntlm_read_authenticate (whole, negotiated, &message);
  if (read) {
    assert_true (lies_inside (message.lm, data, size));
    assert_true (lies_inside (message.nt, data, size));
    assert_true (lies_inside (message.key, data, size));
    assert_true (g_utf8_validate (message.user, -1, NULL));
    if (ntlm_read_client_challenge (message.nt, &client)) {
      assert_true (lies_inside (client.bindings, data, size));
      assert_true (lies_inside (client.target, data, size));
    }
    const ntlm_version version = ntlm_version_of (&message, negotiated);
    assert_false (ntlm_response_is_right (&message, version, key, key, base_key));
    assert_false (ntlm_mic_is_right (&message, whole, whole, key));
    ntlm_authenticate_clear (&message);
  }
  g_free (data);
  return read;
}

static void
cut_at_every_octet (void **state) {
  (void)state;
  for (size_t i = 0; i < G_N_ELEMENTS (headers); i++) {
    g_autoptr (GByteArray) octets = sound (headers[i]);
    for (guint size = 0; size < octets->len; size++)
      assert_false (read_all (octets->data, size, NTLM_UNICODE));
    assert_true (read_all (octets->data, octets->len, NTLM_UNICODE));
  }
}

static void
put (guint8 *at, guint32 value, size_t size) {
  value = GUINT32_TO_LE (value);
  memcpy (at, &value, size);
}

static void
every_field_bent (void **state) {
  (void)state;
  for (size_t i = 0; i < G_N_ELEMENTS (headers); i++) {
    g_autoptr (GByteArray) octets = sound (headers[i]);
    const size_t fields = headers[i] >= 64 ? 6 : 5;
    const guint32 offsets[] = { 0xfffffffe,  0xffffffff, 0x80000000, 0x7fffffff, octets->len + 1,
                                octets->len, 51,         8,          0 };
    for (size_t field = 0; field < fields; field++) {
      g_autoptr (GByteArray) bent = g_byte_array_new ();
      guint8 *at;
      guint16 length;
      guint32 offset;
#define BENT                                                                               \
  (g_byte_array_set_size (bent, 0), g_byte_array_append (bent, octets->data, octets->len), \
   at = bent->data + 12 + 8 * field)
#define READ read_all (bent->data, bent->len, NTLM_UNICODE)
      for (size_t o = 0; o < G_N_ELEMENTS (offsets); o++) {
        BENT;
        put (at + 4, offsets[o], 4);
        assert_false (READ);
        put (at, 0, 2); /* an empty field points anywhere; the first tells where the header ends */
        assert_true (READ || field == 0);
      }
      BENT;
      memcpy (&length, at, 2);
      memcpy (&offset, at + 4, 4);
      length = GUINT16_FROM_LE (length);
      offset = GUINT32_FROM_LE (offset);
      put (at, (guint32)(octets->len - offset + 1), 2); /* one more than there is */
      assert_false (READ);
      put (at, 0xffff, 2);
      assert_false (READ);
      put (at, (guint32)(length - 1), 2); /* an odd length */
      const bool is_name = field >= 2 && field <= 4;
      assert_int_equal (READ, !is_name);
      /* Over another field, and over the header. */
      for (size_t other = 0; other < fields; other++) {
        BENT;
        memcpy (at + 4, octets->data + 16 + 8 * other, 4);
        READ;
      }
      BENT;
      put (at + 4, 52, 4);
      READ;
    }
  }
}

/* MaxLen is what some clients leave 0. */
static void
maximum_does_not_matter (void **state) {
  (void)state;
  g_autoptr (GByteArray) octets = sound (64);
  for (size_t field = 0; field < 6; field++)
    put (octets->data + 14 + 8 * field, field % 2 ? 0xffff : 0, 2);
  assert_true (read_all (octets->data, octets->len, NTLM_UNICODE));
}

static void
header_tells_what_there_is (void **state) {
  (void)state;
  for (size_t i = 0; i < G_N_ELEMENTS (headers); i++) {
    g_autoptr (GByteArray) octets = sound (headers[i]);
    struct ntlm_authenticate message;
    assert_true (ntlm_read_authenticate (octets_bytes (octets), NTLM_UNICODE, &message));
    assert_int_equal (message.flags, headers[i] >= 64 ? NTLM_UNICODE : 0);
    assert_int_equal (message.key.size, headers[i] >= 64 ? 16 : 0);
    assert_int_equal (message.has_mic, headers[i] == 88);
    assert_string_equal (message.user, "alice");
    assert_string_equal (message.domain, "DOM");
    assert_string_equal (message.workstation, "WS1");
    ntlm_authenticate_clear (&message);
  }
}

/* The flags of the message tell Unicode from OEM; where it has none, ours do. */
static void
charset (void **state) {
  (void)state;
  static const struct {
    guint32 flags, negotiated;
    const char *user; /* of "a\0"; NULL: refused, as an OEM name has no NUL */
  } cases[] = {
    { NTLM_UNICODE, NTLM_OEM, "a" }, { NTLM_UNICODE | NTLM_OEM, NTLM_OEM, "a" },
    { 0, NTLM_UNICODE, "a" },        { NTLM_OEM, NTLM_UNICODE, NULL },
    { 0, NTLM_OEM, NULL },
  };
  g_autoptr (GByteArray) user = octets_from_hex ("6100");
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GByteArray) octets =
        octets_authenticate (64, cases[i].flags, (GByteArray *const[6]){ NULL, NULL, NULL, user });
    struct ntlm_authenticate message;
    const bool read = ntlm_read_authenticate (octets_bytes (octets), cases[i].negotiated, &message);
    assert_int_equal (read, cases[i].user != NULL);
    if (read) {
      assert_string_equal (message.user, cases[i].user);
      ntlm_authenticate_clear (&message);
    }
  }
}

static void
negotiate (void **state) {
  (void)state;
  static const char whole[] =
      "4e544c4d53535000 01000000 07820800 0000000000000000 0000000000000000";
  g_autoptr (GByteArray) octets = octets_from_hex (whole);
  guint32 flags;
  for (guint size = 0; size <= octets->len; size++) {
    char *data = g_memdup2 (octets->data, size ? size : 1);
    assert_int_equal (ntlm_read_negotiate ((struct ptn_bytes){ data, size }, &flags), size >= 16);
    g_free (data);
  }
  assert_int_equal (flags, 0x00088207);
  octets->data[8] = 3;
  assert_false (ntlm_read_negotiate (octets_bytes (octets), &flags));
  octets->data[8] = 1;
  octets->data[7] = ' ';
  assert_false (ntlm_read_negotiate (octets_bytes (octets), &flags));
  assert_false (ntlm_read_negotiate ((struct ptn_bytes){ NULL, 0 }, &flags));
  g_byte_array_set_size (octets, NTLM_MESSAGE_LIMIT + 1);
  octets->data[7] = 0;
  assert_false (ntlm_read_negotiate (octets_bytes (octets), &flags));
}

#define BLOB \
  "00112233445566778899aabbccddeeff 0101000000000000 0000000000000000 aaaaaaaaaaaaaaaa 00000000"
#define BINDING "0a001000000102030405060708090a0b0c0d0e0f"

static void
client_challenges (void **state) {
  (void)state;
  static const struct {
    const char *hex;
    bool read;
    guint32 flags;
    size_t bindings, target;
  } cases[] = {
    { BLOB, true, 0, 0, 0 },
    { BLOB "00000000", true, 0, 0, 0 },
    { BLOB "00000000 00000000", true, 0, 0, 0 },
    { BLOB "0600040002000000 " BINDING "0900040061006200 00000000", true, 2, 16, 4 },
    { BLOB "0600040001000000 0600040002000000", true, 3, 0, 0 }, /* no end */
    { BLOB "ff00040001000000 00000000", true, 0, 0, 0 },         /* unknown */
    { BLOB "00000000 0600040002000000", true, 0, 0, 0 },         /* after the end */
    { BLOB "0600", false, 0, 0, 0 },
    { BLOB "06000400020000", false, 0, 0, 0 },
    { BLOB "0600ffff02000000", false, 0, 0, 0 },
    { BLOB "060003000200000000000000", false, 0, 0, 0 },
    { BLOB "060005000200000000 00000000", false, 0, 0, 0 },
    { BLOB BINDING BINDING, false, 0, 0, 0 },
    { BLOB "0a000f00000102030405060708090a0b0c0d0e 00000000", false, 0, 0, 0 },
    { "00112233445566778899aabbccddeeff 0201000000000000 0000000000000000 aaaaaaaaaaaaaaaa "
      "00000000",
      false, 0, 0, 0 },
    { "00112233445566778899aabbccddeeff 0101000000000000 0000000000000000 aaaaaaaaaaaaaaaa 000000",
      false, 0, 0, 0 },
    { "", false, 0, 0, 0 },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GByteArray) octets = octets_from_hex (cases[i].hex);
    char *data = g_memdup2 (octets->data, octets->len);
    struct ntlm_client_challenge client;
    assert_int_equal (ntlm_read_client_challenge ((struct ptn_bytes){ data, octets->len }, &client),
                      cases[i].read);
    if (cases[i].read) {
      assert_int_equal (client.flags, cases[i].flags);
      assert_int_equal (client.bindings.size, cases[i].bindings);
      assert_int_equal (client.target.size, cases[i].target);
    }
    g_free (data);
  }
}

static void
pairs_cut_at_every_octet (void **state) {
  (void)state;
  g_autoptr (GByteArray) octets =
      octets_from_hex (BLOB "0600040002000000" BINDING "0900040061006200"
                            "00000000");
  static const size_t whole_at[] = { 44, 52, 72, 80, 84 }; /* between two pairs: as if it ended */
  for (size_t size = 0; size <= octets->len; size++) {
    char *data = g_memdup2 (octets->data, size ? size : 1);
    struct ntlm_client_challenge client;
    bool whole = false;
    for (size_t i = 0; i < G_N_ELEMENTS (whole_at); i++)
      whole |= size == whole_at[i];
    assert_int_equal (ntlm_read_client_challenge ((struct ptn_bytes){ data, size }, &client),
                      whole);
    g_free (data);
  }
}

/* ---- CHALLENGE_MESSAGE ------------------------------------------------------------------- */

static guint32
get (const GByteArray *octets, size_t at, size_t size) {
  guint32 value = 0;
  assert_true (at + size <= octets->len);
  memcpy (&value, octets->data + at, size);
  return GUINT32_FROM_LE (value);
}

static void
assert_part (const GByteArray *octets, size_t at, const char *hex) {
  g_autoptr (GByteArray) expected = octets_from_hex (hex);
  assert_true (at + expected->len <= octets->len);
  assert_memory_equal (octets->data + at, expected->data, expected->len);
}

static const struct ntlm_server server = { "DOM", "MAIL", "example.test", "mail.example.test" };
static const unsigned char nonce[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };

static void
challenge_tells_who_we_are (void **state) {
  (void)state;
  guint32 flags;
  const guint32 wanted = NTLM_UNICODE | NTLM_OEM | NTLM_REQUEST_TARGET | NTLM_EXTENDED_SECURITY
                         | NTLM_VERSION | NTLM_KEY_EXCHANGE | NTLM_128;
  g_autoptr (GByteArray) made = ntlm_make_challenge (&server, wanted, nonce, 1000, &flags);
  assert_part (made, 0, "4e544c4d53535000 02000000 06000600 38000000");
  assert_int_equal (get (made, 20, 4), flags);
  assert_int_equal (flags, NTLM_UNICODE | NTLM_REQUEST_TARGET | NTLM_EXTENDED_SECURITY
                               | NTLM_VERSION | NTLM_128 | NTLM_NTLM | NTLM_TARGET_INFO
                               | NTLM_TARGET_DOMAIN);
  assert_part (made, 24, "0102030405060708 0000000000000000");
  const guint32 info_size = get (made, 40, 2);
  const guint32 info_at = get (made, 44, 4);
  assert_int_equal (info_at, 56 + 6);
  assert_int_equal (info_at + info_size, made->len);
  assert_part (made, 48, "060100000000000f"); /* a version, as one was asked for */
  assert_part (made, 56, "44004f004d00");
  assert_part (made, info_at, "0200060044004f004d00 010008004d00410049004c00 04001800");
  /* One second after 1970, and the end. */
  assert_part (made, made->len - 16, "07000800 8016d7d5deb19d01 00000000");
}

static void
challenge_speaks_as_the_client (void **state) {
  (void)state;
  guint32 flags;
  g_autoptr (GByteArray) oem =
      ntlm_make_challenge (&server, NTLM_OEM | NTLM_REQUEST_TARGET, nonce, 0, &flags);
  assert_int_equal (flags, NTLM_OEM | NTLM_REQUEST_TARGET | NTLM_NTLM | NTLM_TARGET_INFO
                               | NTLM_TARGET_DOMAIN);
  assert_part (oem, 12, "03000300 38000000");
  assert_part (oem, 56, "444f4d 02000600 4400");

  g_autoptr (GByteArray) bare = ntlm_make_challenge (&server, 0, nonce, 0, &flags);
  assert_int_equal (flags, NTLM_UNICODE | NTLM_NTLM | NTLM_TARGET_INFO);
  assert_part (bare, 12, "00000000 38000000");
  assert_part (bare, 48, "0000000000000000");

  const struct ntlm_server alone = { "", "MAIL", "", "mail" };
  g_autoptr (GByteArray) standing =
      ntlm_make_challenge (&alone, NTLM_UNICODE | NTLM_REQUEST_TARGET, nonce, 0, &flags);
  assert_int_equal (flags & (NTLM_TARGET_DOMAIN | NTLM_TARGET_SERVER), NTLM_TARGET_SERVER);
  assert_part (standing, 56, "4d00410049004c00 02000800 4d00410049004c00 01000800");
}

int
main (void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (cut_at_every_octet),
    cmocka_unit_test (every_field_bent),
    cmocka_unit_test (maximum_does_not_matter),
    cmocka_unit_test (header_tells_what_there_is),
    cmocka_unit_test (charset),
    cmocka_unit_test (negotiate),
    cmocka_unit_test (client_challenges),
    cmocka_unit_test (pairs_cut_at_every_octet),
    cmocka_unit_test (challenge_tells_who_we_are),
    cmocka_unit_test (challenge_speaks_as_the_client),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
