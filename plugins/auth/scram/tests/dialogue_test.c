/* SPDX-License-Identifier: Apache-2.0 */
/* dialogue_test.c - the examples of RFC 5802 and RFC 7677, channel binding, and every message cut,
 * damaged and lengthened. */
#include "auth/scram/dialogue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>
#include <glib.h>
#include <openssl/evp.h>
#include <string.h>

#include "common/base64.h"

struct example {
  const struct scram_hash *hash;
  const char *first, *nonce, *salt, *challenge, *final, *verifier;
};
static const struct example examples[] = {
  /* RFC 5802 section 5 */
  { &scram_sha_1, "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL", "3rfcNHYJY1ZVvWVs7j", "QSXCR+Q6sek8bf92",
    "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
    "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
    "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=" },
  /* RFC 7677 section 3 */
  { &scram_sha_256, "n,,n=user,r=rOprNGfwEbeRWgbNEkqO", "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
    "W22ZaJ0SNY7soEsUEjb6gQ==",
    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
    "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
    "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
    "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=" },
};

static struct ptn_bytes
octets (const char *text) {
  return (struct ptn_bytes){ text, strlen (text) };
}

static struct scram_salt
salt_of (const struct example *example) {
  struct scram_salt salt = { .iterations = 4096 };
  unsigned char out[64];
  size_t size;
  assert_true (base64_decode (example->salt, strlen (example->salt), out, &size));
  memcpy (salt.octets, out, size);
  salt.size = (unsigned)size;
  return salt;
}

static const struct scram_channel in_clear;

static void
begin (struct scram_dialogue *dialogue, const struct example *example) {
  const struct scram_salt salt = salt_of (example);
  scram_dialogue_init (dialogue, example->hash);
  assert_null (scram_dialogue_first (dialogue, octets (example->first), &in_clear));
  assert_string_equal (dialogue->first.login, "user");
  assert_null (dialogue->first.authzid);
  const struct ptn_bytes challenge = scram_dialogue_challenge (dialogue, &salt, example->nonce);
  assert_int_equal (challenge.size, strlen (example->challenge));
  assert_string_equal (challenge.data, example->challenge);
}

static void
of_the_standards (void **state) {
  for (size_t i = 0; i < G_N_ELEMENTS (examples); i++) {
    const struct scram_salt salt = salt_of (&examples[i]);
    struct scram_dialogue dialogue;
    struct scram_keys keys;
    begin (&dialogue, &examples[i]);
    assert_true (scram_keys_derive (examples[i].hash, &salt, octets ("pencil"), &keys));
    assert_null (scram_dialogue_final (&dialogue, octets (examples[i].final)));
    assert_true (scram_dialogue_prove (&dialogue, &keys));
    assert_string_equal (scram_dialogue_verifier (&dialogue).data, examples[i].verifier);
    assert_true (scram_keys_derive (examples[i].hash, &salt, octets ("Pencil"), &keys));
    assert_false (scram_dialogue_prove (&dialogue, &keys));
    scram_dialogue_clear (&dialogue);
  }
}

/* Every octet of the final message counts. */
static void
final_cut_and_damaged (void **state) {
  for (size_t i = 0; i < G_N_ELEMENTS (examples); i++) {
    const struct scram_salt salt = salt_of (&examples[i]);
    const size_t size = strlen (examples[i].final);
    struct scram_dialogue dialogue;
    struct scram_keys keys;
    begin (&dialogue, &examples[i]);
    assert_true (scram_keys_derive (examples[i].hash, &salt, octets ("pencil"), &keys));
    for (size_t cut = 0; cut < size; cut++) {
      g_autofree char *exact = g_memdup2 (examples[i].final, cut ? cut : 1);
      assert_non_null (scram_dialogue_final (&dialogue, (struct ptn_bytes){ exact, cut }));
    }
    for (size_t at = 0; at < size; at++)
      for (unsigned bit = 0; bit < 8; bit++) {
        g_autofree char *other = g_strdup (examples[i].final);
        other[at] = (char)(other[at] ^ (1 << bit));
        if (!scram_dialogue_final (&dialogue, (struct ptn_bytes){ other, size }))
          assert_false (scram_dialogue_prove (&dialogue, &keys));
      }
    for (unsigned more = 0; more < 256; more++) {
      g_autofree char *other = g_strdup_printf ("%s%c", examples[i].final, (char)more);
      assert_non_null (scram_dialogue_final (&dialogue, (struct ptn_bytes){ other, size + 1 }));
    }
    scram_dialogue_clear (&dialogue);
  }
}

static const char *
first_fault (const char *message, size_t size, const struct scram_channel *channel, char **who) {
  struct scram_dialogue dialogue;
  g_autofree char *exact = g_memdup2 (message, size ? size : 1);
  scram_dialogue_init (&dialogue, &scram_sha_256);
  const char *fault = scram_dialogue_first (&dialogue, (struct ptn_bytes){ exact, size }, channel);
  if (!fault && who)
    *who = g_strdup_printf ("%s %s", dialogue.first.login,
                            dialogue.first.authzid ? dialogue.first.authzid : "-");
  scram_dialogue_clear (&dialogue);
  return fault;
}

static void
takes (const char *message, const char *expected) {
  g_autofree char *who = NULL;
  const char *fault = first_fault (message, strlen (message), &in_clear, &who);
  if (fault)
    fail_msg ("%s: %s", message, fault);
  assert_string_equal (who, expected);
}

static void
refuses (const char *message, const char *expected) {
  const char *fault = first_fault (message, strlen (message), &in_clear, NULL);
  if (!fault || strcmp (fault, expected) != 0)
    fail_msg ("%s: %s instead of %s", message, fault ? fault : "taken", expected);
}

static void
first_messages (void **state) {
  takes ("n,,n=user,r=x", "user -");
  takes ("y,,n=user,r=x", "user -");
  takes ("n,a=boss,n=user,r=x", "user boss");
  takes ("n,a=b=3D=2C,n=u=2C=3D=2C,r=x", "u,=, b=,");
  takes ("n,,n=user,r=!~,x=1,Y=a=b", "user -");
  takes ("n,,n=I\xc2\xadX,r=x", "IX -");
  takes ("n,,n=\xe2\x85\xa8,r=x", "IX -");
  takes ("n,,n=m,r=m=x", "m -"); /* a nonce may begin as it likes */
  for (const char *const *bad = (const char *const[]){ "n",
                                                       "n,",
                                                       "n,,",
                                                       "n,,n",
                                                       "n,,n=",
                                                       "n,,n=user",
                                                       "n,,n=user,",
                                                       "n,,n=user,r",
                                                       "n,,n=user,r=",
                                                       "n,,n=,r=x",
                                                       "x,,n=user,r=x",
                                                       ",,n=user,r=x",
                                                       "nn,,n=user,r=x",
                                                       "n,x=1,n=user,r=x",
                                                       "n,a=,n=user,r=x",
                                                       "n,,r=x,n=user",
                                                       "n,,n=user,r=x,",
                                                       "n,,n=user,r=x,y",
                                                       "n,,n=user,r=x,y=",
                                                       "n,,n=user,r=x,1=y",
                                                       "n,,n=user,r=x,,y=1",
                                                       "n,,n=user,r=a b",
                                                       "n,,n=user,r=\xc3\xa9",
                                                       "N,,n=user,r=x",
                                                       "n,,N=user,r=x",
                                                       "n,,n=user, r=x",
                                                       "p,,n=user,r=x",
                                                       "p=,,n=user,r=x",
                                                       "p=a_b,,n=user,r=x",
                                                       " n,,n=user,r=x",
                                                       "n ,,n=user,r=x",
                                                       "n,,n=user,s=x,r=x",
                                                       NULL };
       *bad; bad++)
    refuses (*bad, "other-error");
  refuses ("", "invalid-encoding");
  refuses ("n,,n=\xff,r=x", "invalid-encoding");
  refuses ("n,,n=a\xed\xa0\x80,r=x", "invalid-encoding");
  refuses ("n,,n=us=er,r=x", "invalid-username-encoding");
  refuses ("n,,n=us=2,r=x", "invalid-username-encoding");
  refuses ("n,,n=us=2c,r=x", "invalid-username-encoding");
  refuses ("n,,n=us=,r=x", "invalid-username-encoding");
  refuses ("n,,n=\x07,r=x", "invalid-username-encoding");
  refuses ("n,,n=\xc2\xad,r=x", "invalid-username-encoding");
  refuses ("n,a==,n=user,r=x", "invalid-username-encoding");
  refuses ("n,a=\x01,n=user,r=x", "invalid-username-encoding");
  refuses ("n,,m=x,n=user,r=x", "extensions-not-supported");
  refuses ("n,,n=user,r=x,m=x", "extensions-not-supported");
  assert_non_null (first_fault ("n,,n=us\0er,r=x", 14, &in_clear, NULL));
  g_autofree char *name = g_strnfill (600, 'a');
  g_autofree char *overlong = g_strdup_printf ("n,,n=%s,r=x", name);
  refuses (overlong, "invalid-username-encoding");
  g_autofree char *nonce = g_strnfill (SCRAM_MESSAGE_LIMIT, 'a');
  g_autofree char *huge = g_strdup_printf ("n,,n=user,r=%s", nonce);
  refuses (huge, "invalid-encoding");
}

/* A cut anywhere is refused, but inside the last value, where another message is left. */
static void
first_cut (void **state) {
  static const char whole[] = "n,a=b=2Cc,n=us=3Der,r=fyko+d2l,x=1";
  const size_t nonce = (size_t)(strstr (whole, "r=") - whole);
  for (size_t cut = 0; cut < sizeof whole - 1; cut++) {
    const char *fault = first_fault (whole, cut, &in_clear, NULL);
    /* ",", ",x" and ",x=" are no extension. */
    const bool sound = cut > nonce + 2 && cut < sizeof whole - 4;
    if (sound ? fault != NULL : fault == NULL)
      fail_msg ("cut at %zu: %s", cut, fault ? fault : "taken");
  }
}

/* ---- Channel binding --------------------------------------------------------------------- */

static bool
bound (void *argument, const char *type, struct ptn_bytes *value) {
  if (strcmp (type, "tls-exporter") != 0)
    return false;
  *value = (struct ptn_bytes){ "0123456789abcdef0123456789abcde\0", 32 };
  return true;
}

static void
bindings_are_agreed_on (void **state) {
  const struct scram_channel plus = { true, true, bound, NULL };
  const struct scram_channel beside = { false, true, bound, NULL };
  const struct {
    const char *message, *with_plus, *beside_plus, *without;
  } rows[] = {
    { "n,,n=u,r=x", "other-error", NULL, NULL },
    { "y,,n=u,r=x", "other-error", "server-does-support-channel-binding", NULL },
    { "p=tls-exporter,,n=u,r=x", NULL, "channel-binding-not-supported",
      "channel-binding-not-supported" },
    { "p=tls-unique,,n=u,r=x", "unsupported-channel-binding-type", "channel-binding-not-supported",
      "channel-binding-not-supported" },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++) {
    const char *found[] = { first_fault (rows[i].message, strlen (rows[i].message), &plus, NULL),
                            first_fault (rows[i].message, strlen (rows[i].message), &beside, NULL),
                            first_fault (rows[i].message, strlen (rows[i].message), &in_clear,
                                         NULL) };
    const char *expected[] = { rows[i].with_plus, rows[i].beside_plus, rows[i].without };
    for (size_t j = 0; j < 3; j++)
      if (g_strcmp0 (found[j], expected[j]) != 0)
        fail_msg ("%s %zu: %s", rows[i].message, j, found[j] ? found[j] : "taken");
  }
}

static const char *
final_fault (const char *first, const char *bound_to, size_t size) {
  const struct scram_channel plus = { true, true, bound, NULL };
  const struct scram_salt salt = { .iterations = 4096, .size = 4, .octets = "salt" };
  struct scram_dialogue dialogue;
  char encoded[256];
  scram_dialogue_init (&dialogue, &scram_sha_1);
  assert_null (scram_dialogue_first (&dialogue, octets (first), &plus));
  scram_dialogue_challenge (&dialogue, &salt, "ours");
  base64_encode (bound_to, size, encoded);
  g_autofree char *final = g_strdup_printf ("c=%s,r=xours,p=AAAAAAAAAAAAAAAAAAAAAAAAAAA=", encoded);
  const char *fault = scram_dialogue_final (&dialogue, octets (final));
  scram_dialogue_clear (&dialogue);
  return fault;
}

static void
binding_is_compared (void **state) {
  static const char first[] = "p=tls-exporter,a=b,n=u,r=x";
  static const char right[] = "p=tls-exporter,a=b,0123456789abcdef0123456789abcde\0";
  static const char other[] = "p=tls-exporter,a=b,0123456789abcdef0123456789abcde\1";
  static const char header[] = "p=tls-exporter,,0123456789abcdef0123456789abcde\0";
  assert_null (final_fault (first, right, sizeof right - 1));
  assert_string_equal (final_fault (first, other, sizeof other - 1), "channel-bindings-dont-match");
  assert_string_equal (final_fault (first, header, sizeof header - 1),
                       "channel-bindings-dont-match");
  assert_string_equal (final_fault (first, right, 19), "channel-bindings-dont-match");
}

/* ---- Stored keys ------------------------------------------------------------------------- */

static void
stored_keys (void **state) {
  static const char good[] = "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$"
                             "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
                             "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";
  struct scram_salt salt = { 0 }, same = { 0 };
  struct scram_keys keys, derived;
  assert_true (scram_keys_read (&scram_sha_256, octets (good), &salt, &keys));
  assert_int_equal (salt.iterations, 4096);
  assert_int_equal (salt.size, 16);
  assert_true (scram_keys_derive (&scram_sha_256, &salt, octets ("pencil"), &derived));
  assert_memory_equal (&keys, &derived, sizeof keys);
  assert_false (scram_keys_read (&scram_sha_1, octets (good), &same, &keys));
  for (size_t cut = 0; cut < sizeof good - 1; cut++) {
    g_autofree char *exact = g_memdup2 (good, cut ? cut : 1);
    assert_false (scram_keys_read (&scram_sha_256, (struct ptn_bytes){ exact, cut }, &same, &keys));
  }
  g_autofree char *spaced = g_strdup (" scram-sha-256 $ 4096:W22ZaJ0SNY7soEsUEjb6gQ== $ "
                                      "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
                                      "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU= ");
  assert_true (scram_keys_read (&scram_sha_256, octets (spaced), &same, &keys));
  assert_true (scram_salt_equal (&salt, &same));
  static const char *const bad[] = { "0", "-1", "4096x", "", "99999999", "123456789", " " };
  for (size_t i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_autofree char *text = g_strdup_printf ("SCRAM-SHA-256$%s%s", bad[i], good + 18);
    assert_false (scram_keys_read (&scram_sha_256, octets (text), &same, &keys));
  }
}

int
main (void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (of_the_standards),
    cmocka_unit_test (final_cut_and_damaged),
    cmocka_unit_test (first_messages),
    cmocka_unit_test (first_cut),
    cmocka_unit_test (bindings_are_agreed_on),
    cmocka_unit_test (binding_is_compared),
    cmocka_unit_test (stored_keys),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
