/* SPDX-License-Identifier: Apache-2.0 */
/* garbage_test.c - octets that are no tokens, or were some: nobody is let in by them, and they are
 * told from faults of ours. */
#include "../names.h"
#include "../negotiation.h"
#include "press.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <glib.h>
#include <string.h>

#define BYTES(text) ((struct ptn_bytes){ (text), sizeof (text) - 1 })

struct server {
  struct press *press;
  struct rules *rules;
  struct keytab *keytab;
};

static struct server
new_server (void) {
  struct server server = { .press = press_new () };
  g_autofree char *fault = NULL;
  g_autofree char *replay = g_build_filename (press_folder (server.press), "replay", NULL);
  press_add (server.press, "imap/mail.example.test@" PRESS_REALM);
  server.rules = rules_new (
      &(struct rules_input){ .keytab_path = press_keytab (server.press), .replay_path = replay });
  server.keytab = keytab_read (press_keytab (server.press), &fault);
  assert_non_null (server.keytab);
  return server;
}

static void
free_server (struct server *server) {
  rules_unref (server->rules);
  keytab_unref (server->keytab);
  press_free (&server->press);
}

static struct negotiation *
serve (const struct server *server, bool layers) {
  const struct negotiation_input input = {
    .rules = server->rules,
    .keytab = server->keytab,
    .layers = layers,
    .service = "imap",
    .host = "mail.example.test",
  };
  return negotiation_new (&input);
}

static ptn_status
first (const struct server *server, bool layers, struct ptn_bytes token, char **reason) {
  struct negotiation *n = serve (server, layers);
  struct ptn_bytes challenge;
  const ptn_status status = negotiation_step (n, token, &challenge);
  if (status == PTN_END)
    assert_string_equal (negotiation_identity (n)->authcid, "alice");
  if (reason)
    *reason = g_strdup (negotiation_reason (n));
  negotiation_unref (n);
  return status;
}

static struct ptn_bytes
real_token (struct client *client, const struct server *server, bool spnego) {
  client_init (client, server->press, NULL);
  client->spnego = spnego;
  return client_token (client, (struct ptn_bytes){ NULL, 0 });
}

/* With the cut token in memory of its own size, for the sanitizers. */
static void
every_cut (void **state) {
  struct server server = new_server ();
  for (int spnego = 0; spnego < 2; spnego++) {
    struct client client;
    const struct ptn_bytes token = real_token (&client, &server, spnego);
    for (size_t size = 1; size < token.size; size++) {
      g_autofree void *cut = g_memdup2 (token.data, size);
      const ptn_status status = first (&server, !spnego, (struct ptn_bytes){ cut, size }, NULL);
      /* Optional fields of SPNEGO stand last: without them it goes on, and nothing is proved. */
      assert_true (status < 0 || (spnego && status == PTN_OK));
    }
    assert_true (first (&server, !spnego, token, NULL) >= 0);
    client_clear (&client);
  }
  free_server (&server);
}

/* One octet of each is another one.  Some do not matter, and then it is alice. */
static void
every_other_octet (void **state) {
  struct server server = new_server ();
  for (int spnego = 0; spnego < 2; spnego++) {
    struct client client;
    const struct ptn_bytes token = real_token (&client, &server, spnego);
    g_autofree unsigned char *bent = g_memdup2 (token.data, token.size);
    for (size_t at = 0; at < token.size; at++) {
      static const unsigned char bits[] = { 0x01, 0x80, 0xff };
      for (size_t i = 0; i < sizeof bits; i++) {
        bent[at] ^= bits[i];
        first (&server, !spnego, (struct ptn_bytes){ bent, token.size }, NULL);
        bent[at] ^= bits[i];
      }
    }
    client_clear (&client);
  }
  free_server (&server);
}

static void
every_cut_of_the_choice (void **state) {
  struct server server = new_server ();
  for (size_t size = 0;; size++) {
    struct client client;
    struct negotiation *n = serve (&server, true);
    struct ptn_bytes challenge;
    unsigned char offer[4];
    client_init (&client, server.press, NULL);
    client.flags = 0;
    const struct ptn_bytes token = client_token (&client, (struct ptn_bytes){ NULL, 0 });
    assert_int_equal (negotiation_step (n, token, &challenge), PTN_OK);
    const struct ptn_bytes answer = client_choose (&client, challenge, offer, "\1\0\0\0", 4);
    const bool whole = size == answer.size;
    g_autofree void *cut = g_memdup2 (answer.data, MAX (size, 1));
    const ptn_status status = negotiation_step (n, (struct ptn_bytes){ cut, size }, &challenge);
    assert_true (whole ? status == PTN_END : status < 0 && status != PTN_E_TEMPORARY);
    client_clear (&client);
    negotiation_unref (n);
    if (whole)
      break;
  }
  free_server (&server);
}

static void
random_octets (void **state) {
  struct server server = new_server ();
  g_autoptr (GRand) chance = g_rand_new_with_seed (4752);
  for (unsigned i = 0; i < 3000; i++) {
    unsigned char octets[300];
    const size_t size = (size_t)g_rand_int_range (chance, 1, sizeof octets);
    for (size_t at = 0; at < size; at++)
      octets[at] = (unsigned char)g_rand_int (chance);
    if (i % 2 && size > 2) { /* more of it is looked at */
      octets[0] = 0x60;
      octets[1] = (unsigned char)(size - 2) & 0x7f;
    }
    assert_true (first (&server, i % 3, (struct ptn_bytes){ octets, size }, NULL) < 0);
  }
  free_server (&server);
}

static void
sizes (void **state) {
  struct server server = new_server ();
  static const size_t tried[] = { 1, 65535, 65536, 65537, 1000000 };
  for (size_t i = 0; i < G_N_ELEMENTS (tried); i++) {
    g_autofree void *octets = g_malloc0 (tried[i] + 1);
    const ptn_status status = first (&server, true, (struct ptn_bytes){ octets, tried[i] }, NULL);
    assert_int_equal (status, PTN_E_INVALID);
  }
  struct negotiation *n = serve (&server, true);
  struct ptn_bytes challenge;
  assert_int_equal (negotiation_step (n, BYTES (""), &challenge), PTN_OK); /* "AUTH GSSAPI =" */
  assert_int_equal (challenge.size, 0);
  assert_int_equal (negotiation_step (n, BYTES (""), &challenge), PTN_E_INVALID);
  negotiation_unref (n);
  free_server (&server);
}

/* What Outlook and curl send who can do NTLM only. */
static void
ntlm_is_told (void **state) {
  static const char bare[] = "NTLMSSP\0\1\0\0\0\7\x82\x08\xa2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
  static const char offered[] = "\x60\x40\x06\x06\x2b\x06\x01\x05\x05\x02\xa0\x36\x30\x34\xa0\x0e"
                                "\x30\x0c\x06\x0a\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x0a\xa2\x22"
                                "\x04\x20NTLMSSP\0\1\0\0\0\7\x82\x08\xa2\0\0\0\0\0\0\0\0\0\0\0\0"
                                "\0\0\0\0";
  struct server server = new_server ();
  for (int layers = 0; layers < 2; layers++)
    for (int wrapped = 0; wrapped < 2; wrapped++) {
      g_autofree char *reason = NULL;
      const struct ptn_bytes token = wrapped ? BYTES (offered) : BYTES (bare);
      assert_int_equal (first (&server, layers, token, &reason), PTN_E_AUTHENTICATION);
      assert_non_null (strstr (reason, "NTLM"));
    }
  assert_false (token_is_ntlm (BYTES ("NTLMSS")));
  assert_false (token_is_ntlm (BYTES ("")));
  struct client client;
  assert_false (token_is_ntlm (real_token (&client, &server, true)));
  client_clear (&client);
  free_server (&server);
}

int
main (void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (every_cut),     cmocka_unit_test (every_other_octet),
    cmocka_unit_test (random_octets), cmocka_unit_test (every_cut_of_the_choice),
    cmocka_unit_test (sizes),         cmocka_unit_test (ntlm_is_told),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
