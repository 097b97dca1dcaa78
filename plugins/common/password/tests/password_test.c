/* SPDX-License-Identifier: Apache-2.0 */
/* password_test.c - every scheme against published vectors, or against what other programs made. */
#include "common/password/md4.h"
#include "common/password/password.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <glib.h>
#include <string.h>

static struct ptn_bytes
bytes (const char *text) {
  return (struct ptn_bytes){ text, strlen (text) };
}

static const struct vector {
  const char *stored, *password;
  password_scheme scheme;
} vectors[] = {
  { "{PLAIN}pass word", "pass word", SCHEME_PLAIN },
  { "{cleartext}pass", "pass", SCHEME_PLAIN },
  /* RFC 2307's scheme and its salted form, by Python's hashlib. */
  { "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "password", SCHEME_SHA },
  { "{SHA256}XohImNooBHFR0OVvjcYpJ3NgPQ1qq73WKhHvch0VQtg=", "password", SCHEME_SHA },
  { "{SSHA}yI6cZwQadOA1e+/f+T+H3eCQQhRzYWx0", "password", SCHEME_SHA },
  { "{SSHA512}+mohhbPgqahe9B/7Z+88H7b3SYD46/lw5OcuNT7ZU31ZMIPCAd/W5D4cinqsK8jbsRnH37fUuPExEROVvX"
    "Dpf3NhbHQ=",
    "password", SCHEME_SHA },
  /* Ulrich Drepper's "Unix crypt with SHA-256/SHA-512", section Test. */
  { "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfa"
    "S35inz1",
    "Hello world!", SCHEME_CRYPT },
  { "{CRYPT}$6$rounds=10000$saltstringsaltst$OW1/O6BYHV6BcXZu8QVeXbDWra3Oeqh0sbHbbMCVNSnCM/UrjmM0"
    "Dp8vOuZeHBy/YTBmSK6H9qs/y3RnOaw5v.",
    "Hello world!", SCHEME_CRYPT },
  { "{SHA256-CRYPT}$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5", "Hello world!",
    SCHEME_CRYPT },
  /* crypt_blowfish 1.3, wrapper.c. */
  { "{BLF-CRYPT}$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U",
    SCHEME_CRYPT },
  { "$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK", "U*U*", SCHEME_CRYPT },
  /* yescrypt, by libxcrypt. */
  { "$y$j75$saltsaltsalt$EJVmvLaWqQibNwAKXpgavjVqkjgw4EyKMKuwMa4X504", "password", SCHEME_CRYPT },
#ifdef HAVE_ARGON2
  /* The reference implementation's test.c. */
  { "{ARGON2ID}$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi"
    "/4",
    "password", SCHEME_ARGON2 },
  { "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
    "password", SCHEME_ARGON2 },
  { "{ARGON2I}$argon2i$m=256,t=2,p=1$c29tZXNhbHQ"
    "$/U3YPXYsSb3q9XxHvc0MLxur+GP960kN9j7emXX8zwY",
    "password", SCHEME_ARGON2 },
#endif
  /* RFC 7677 section 3. */
  { "{SCRAM-SHA-256}4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
    "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
    "pencil", SCHEME_SCRAM_SHA_256 },
  /* RFC 5802 section 5, its keys by Python's hashlib. */
  { "{SCRAM-SHA-1}4096:QSXCR+Q6sek8bf92$6dlGYMOdZcOPutkcNY8U2g7vK9Y=:D+CSWLOshSulAsxiupA+qs2/fTE=",
    "pencil", SCHEME_SCRAM_SHA_1 },
  /* SASLprep: "I" U+00AD "X", U+00AA and U+2168, RFC 4013 section 3, here as IX. */
  { "{SCRAM-SHA-256}4096:W22ZaJ0SNY7soEsUEjb6gQ==$jm4XkHvFe7q0xZ4vmAKJUiTKPr1F+7MXnYyksTUVeBE=:EqXM4c5+I7lQ5vHl5Ngu2rY8DBMM1XjG0dY6GEjwLx0=", "I\u00adX", SCHEME_SCRAM_SHA_256 },
  { "{SCRAM-SHA-256}4096:W22ZaJ0SNY7soEsUEjb6gQ==$jm4XkHvFe7q0xZ4vmAKJUiTKPr1F+7MXnYyksTUVeBE=:EqXM4c5+I7lQ5vHl5Ngu2rY8DBMM1XjG0dY6GEjwLx0=", "\u2168", SCHEME_SCRAM_SHA_256 },
};

static void
vectors_match (void **state) {
  (void)state;
  for (size_t i = 0; i < G_N_ELEMENTS (vectors); i++) {
    struct password password;
    const char *fault = password_read (vectors[i].stored, &password);
    if (fault)
      fail_msg ("%s: %s", vectors[i].stored, fault);
    assert_int_equal (password.scheme, vectors[i].scheme);
    if (!password_matches (&password, bytes (vectors[i].password)))
      fail_msg ("%s does not match", vectors[i].stored);
    assert_false (password_matches (&password, bytes ("Password")));
    assert_false (password_matches (&password, bytes ("")));
    g_autofree char *longer = g_strconcat (vectors[i].password, "x", NULL);
    assert_false (password_matches (&password, bytes (longer)));
    /* A NUL must not end the comparison. */
    g_autofree char *cut = g_strconcat (vectors[i].password, "?x", NULL);
    const size_t size = strlen (cut);
    cut[size - 2] = '\0';
    assert_false (password_matches (&password, (struct ptn_bytes){ cut, size }));
  }
}

static void
faults_are_told (void **state) {
  (void)state;
  static const char *const wrong[] = {
    "",
    "secret",
    "{PLAIN}",
    "{PLAIN",
    "{ROT13}frperg",
    "{SSHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", /* no salt */
    "{SHA}AAAA",
    "{SHA}!",
    "{NT}0123",
    "{NT}0123456789abcdef0123456789abcdefg",
    "{CRYPT}!",
    "$argon2id$",
    "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ",
    "$argon2id$v=19$m=99999999,t=2,p=1$c29tZXNhbHQ$AAAAAAAAAAAA",
    "$argon2xx$v=19$m=256,t=2,p=1$c29tZXNhbHQ$AAAAAAAAAAAA",
    "{SCRAM-SHA-256}",
    "{SCRAM-SHA-256}4096:W22ZaJ0SNY7soEsUEjb6gQ==",
    "{SCRAM-SHA-256}0:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
    "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
    "{SCRAM-SHA-256}4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
    "AAAA",
  };
  for (size_t i = 0; i < G_N_ELEMENTS (wrong); i++) {
    struct password password;
    if (!password_read (wrong[i], &password))
      fail_msg ("'%s' was taken", wrong[i]);
  }
}

static void
nt_hashes_match (void **state) {
  (void)state;
  /* RFC 1320, A.5. */
  static const struct {
    const char *text, *digest;
  } digests[] = {
    { "", "31d6cfe0d16ae931b73c59d7e0c089c0" },
    { "abc", "a448017aaf21d8525fc10ae87aa6729d" },
    { "abcdefghijklmnopqrstuvwxyz", "d79e1c308aa5bbcdeea8ed63df412da9" },
    { "12345678901234567890123456789012345678901234567890123456789012345678901234567890",
      "e33b4ddc9c38f2199c3e7b164fcc0536" },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (digests); i++) {
    unsigned char digest[16];
    char hex[33];
    md4 (digests[i].text, strlen (digests[i].text), digest);
    for (unsigned at = 0; at < 16; at++)
      g_snprintf (hex + 2 * at, 3, "%02x", digest[at]);
    assert_string_equal (hex, digests[i].digest);
  }
  /* MS-NLMP 4.2.1, 4.2.2.1.2. */
  g_autofree char *made = password_make_nt (bytes ("Password"));
  assert_string_equal (made, "{NT}a4f49c406510bdcab6824ee7c30fd852");
  assert_null (password_make_nt (bytes ("\xff")));
}

static void
made_ones_match (void **state) {
  (void)state;
  const struct password_costs costs[] = {
    { SCHEME_CRYPT, 0, 0, 0 },
#ifdef HAVE_ARGON2
    { SCHEME_ARGON2, 1024, 1, 1 },
#endif
  };
  for (size_t i = 0; i < G_N_ELEMENTS (costs); i++) {
    g_autofree char *made = password_make (&costs[i], bytes ("geheim"));
    g_autofree char *again = password_make (&costs[i], bytes ("geheim"));
    struct password password;
    assert_non_null (made);
    assert_string_not_equal (made, again);
    assert_null (password_read (made, &password));
    assert_int_equal (password.scheme, costs[i].scheme);
    assert_true (password_is_slow (&password));
    assert_true (password_matches (&password, bytes ("geheim")));
    assert_false (password_matches (&password, bytes ("Geheim")));
    assert_null (password_make (&costs[i], bytes ("")));
    assert_null (password_make (&costs[i], (struct ptn_bytes){ "a\0b", 3 }));
  }
  g_autofree char *scram = password_make_scram (SCHEME_SCRAM_SHA_256, bytes ("geheim"), NULL);
  struct password password;
  assert_null (password_read (scram, &password));
  assert_true (password_matches (&password, bytes ("geheim")));
  /* Another password with the same salt, so that a server can offer one salt for both. */
  g_autofree char *like =
      password_make_scram (SCHEME_SCRAM_SHA_256, bytes ("offen"), password.text);
  struct password other;
  assert_null (password_read (like, &other));
  assert_true (password_matches (&other, bytes ("offen")));
  assert_memory_equal (other.text, password.text, strcspn (password.text, "$"));
}

int
main (void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (vectors_match),
    cmocka_unit_test (faults_are_told),
    cmocka_unit_test (nt_hashes_match),
    cmocka_unit_test (made_ones_match),
  };
  return cmocka_run_group_tests_name ("directory-file: passwords", tests, NULL, NULL);
}
