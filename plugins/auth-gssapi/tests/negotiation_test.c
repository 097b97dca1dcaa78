/* SPDX-License-Identifier: Apache-2.0 */
/* negotiation_test.c - dialogues with a client of the same library, with tickets that are right and
 * wrong in every way. */
#include "../negotiation.h"
#include "press.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <glib.h>
#include <string.h>

#define BYTES(text) ((struct ptn_bytes){ (text), sizeof (text) - 1 })
#define NO_LAYER "\1\0\0\0"

struct server {
  struct press *press;
  acceptor_names names;
  const char *realms[4];
  bool spnego, require_binding, no_channel;
  const char *service;
  struct ptn_bytes binding;
};

static struct press *
new_press (void) {
  struct press *press = press_new ();
  press_add (press, "pop/mail.example.test@" PRESS_REALM);
  press_add (press, "imap/other.example.test@" PRESS_REALM);
  press_add (press, "imap/mail.example.test@" PRESS_REALM);
  return press;
}

static struct negotiation *
serve (const struct server *server) {
  g_autofree char *fault = NULL;
  g_autofree char *replay = g_build_filename (press_folder (server->press), "replay", NULL);
  size_t realms = 0;
  while (server->realms[realms])
    realms++;
  const struct rules_input rules = {
    .keytab_path = press_keytab (server->press),
    .replay_path = replay,
    .names = server->names,
    .realms = { server->realms, realms },
  };
  struct negotiation_input input = {
    .rules = rules_new (&rules),
    .keytab = keytab_read (press_keytab (server->press), &fault),
    .layers = !server->spnego,
    .service = server->service ? server->service : "imap",
    .host = "mail.example.test",
    .server = server->binding,
    .require_binding = server->require_binding,
    .no_channel = server->no_channel,
  };
  assert_non_null (input.keytab);
  struct negotiation *n = negotiation_new (&input);
  rules_unref (input.rules);
  keytab_unref (input.keytab);
  return n;
}

/* The whole dialogue up to the name; the last message is `choice`. */
static ptn_status
talk (struct negotiation *n, struct client *client, const char *choice, size_t size) {
  struct ptn_bytes challenge = { NULL, 0 };
  unsigned char offer[4];
  ptn_status status;
  do {
    const struct ptn_bytes token = client_token (client, challenge);
    status = negotiation_step (n, token, &challenge);
    if (status != PTN_OK)
      break;
  } while (!client->done);
  if (client->spnego && status == PTN_END) {
    if (!client->done)
      client_token (client, challenge); /* additional data with success */
    assert_true (client->done);
    return status;
  }
  if (status != PTN_OK)
    return status;
  return negotiation_step (n, client_choose (client, challenge, offer, choice, size), &challenge);
}

/* A client with a ticket as ordered, and what became of him: "authcid domain account", or
 * the reason. */
static ptn_status
try_login (const struct server *server, const struct press_order *order, const char *authzid,
           char **text) {
  struct client client;
  struct negotiation *n = serve (server);
  g_autofree char *choice = g_strdup_printf ("%c%c%c%c%s", 1, 1, 1, 1, authzid ? authzid : "");
  memcpy (choice, NO_LAYER, 4);
  client_init (&client, server->press, order);
  client.spnego = server->spnego;
  const ptn_status status = talk (n, &client, choice, 4 + strlen (authzid ? authzid : ""));
  if (status == PTN_END) {
    const struct ptn_identity *identity = negotiation_identity (n);
    *text = g_strdup_printf ("%s %s %s", identity->authcid, identity->domain, identity->account);
  } else {
    *text = g_strdup (negotiation_reason (n));
  }
  client_clear (&client);
  negotiation_unref (n);
  return status;
}

static void
expect (const struct server *server, const struct press_order *order, const char *authzid,
        ptn_status wanted, const char *text) {
  g_autofree char *told = NULL;
  const ptn_status status = try_login (server, order, authzid, &told);

  if (status != wanted || !strstr (told, text))
    fail_msg ("%d \"%s\", not %d \"%s\"", (int)status, told, (int)wanted, text);
}

/* ---- Dialogues --------------------------------------------------------------------------- */

static void
mutual_authentication_takes_an_empty_answer (void **state) {
  struct server server = { .press = new_press () };
  struct client client;
  struct negotiation *n = serve (&server);
  struct ptn_bytes challenge;
  unsigned char offer[4];
  client_init (&client, server.press, NULL);
  assert_int_equal (negotiation_step (n, (struct ptn_bytes){ NULL, 0 }, &challenge), PTN_OK);
  assert_int_equal (challenge.size, 0);
  assert_int_equal (negotiation_step (n, client_token (&client, challenge), &challenge), PTN_OK);
  assert_true (challenge.size > 50);
  assert_int_equal (client_token (&client, challenge).size, 0);
  assert_true (client.done);
  assert_int_equal (negotiation_step (n, BYTES (""), &challenge), PTN_OK);
  const struct ptn_bytes answer = client_choose (&client, challenge, offer, NO_LAYER "bob", 7);
  assert_memory_equal (offer, NO_LAYER, 4);
  assert_int_equal (negotiation_step (n, answer, &challenge), PTN_END);
  assert_int_equal (challenge.size, 0);
  assert_string_equal (negotiation_identity (n)->authcid, "alice");
  assert_string_equal (negotiation_identity (n)->account, "bob");
  assert_string_equal (negotiation_principal (n), "alice@" PRESS_REALM);
  assert_int_equal (negotiation_step (n, BYTES (""), &challenge), PTN_E_INVALID);
  client_clear (&client);
  negotiation_unref (n);
  press_free (&server.press);
}

static void
without_it_the_offer_comes_at_once (void **state) {
  struct server server = { .press = new_press () };
  struct client client;
  struct negotiation *n = serve (&server);
  client_init (&client, server.press, NULL);
  client.flags = 0;
  assert_int_equal (talk (n, &client, NO_LAYER, 4), PTN_END);
  assert_string_equal (negotiation_identity (n)->account, "alice");
  client_clear (&client);
  negotiation_unref (n);
  press_free (&server.press);
}

/* As Exchange and .NET's SmtpClient understand "GSSAPI". */
static void
spnego_within_gssapi (void **state) {
  struct server server = { .press = new_press () };
  struct client client;
  struct negotiation *n = serve (&server);
  struct ptn_bytes challenge = { NULL, 0 };
  unsigned char offer[4];
  client_init (&client, server.press, NULL);
  client.spnego = true;
  ptn_status status = PTN_OK;
  while (!client.done) {
    status = negotiation_step (n, client_token (&client, challenge), &challenge);
    assert_int_equal (status, PTN_OK);
    if (challenge.size && !client.done && client_token (&client, challenge).size == 0)
      break;
    challenge.size = 0;
  }
  assert_int_equal (negotiation_step (n, BYTES (""), &challenge), PTN_OK);
  const struct ptn_bytes answer = client_choose (&client, challenge, offer, NO_LAYER, 4);
  assert_int_equal (negotiation_step (n, answer, &challenge), PTN_END);
  client_clear (&client);
  negotiation_unref (n);
  press_free (&server.press);
}

static void
spnego_ends_with_its_last_token (void **state) {
  struct server server = { .press = new_press (), .spnego = true };
  expect (&server, NULL, NULL, PTN_END, "alice  alice");
  press_free (&server.press);
}

/* HTTP's Negotiate, from clients that leave SPNEGO away. */
static void
bare_kerberos_within_spnego (void **state) {
  struct server server = { .press = new_press (), .spnego = true };
  struct client client;
  struct negotiation *n = serve (&server);
  struct ptn_bytes challenge;
  client_init (&client, server.press, NULL);
  const struct ptn_bytes token = client_token (&client, (struct ptn_bytes){ NULL, 0 });
  assert_int_equal (negotiation_step (n, token, &challenge), PTN_END);
  client_token (&client, challenge);
  assert_true (client.done);
  assert_string_equal (negotiation_identity (n)->account, "alice");
  client_clear (&client);
  negotiation_unref (n);
  press_free (&server.press);
}

/* cyrus-sasl reads from the flags that there is a layer; HTTP never has one. */
static void
flags_that_mean_a_layer (void **state) {
  for (int http = 0; http < 2; http++) {
    struct server server = { .press = new_press (), .spnego = true, .names = NAMES_ANY };
    struct client client;
    server.service = http ? "HTTP" : "imap";
    struct negotiation *n = serve (&server);
    client_init (&client, server.press, &(struct press_order){ .flags = true });
    client.spnego = true;
    assert_int_equal (talk (n, &client, NULL, 0), http ? PTN_END : PTN_E_AUTHENTICATION);
    client_clear (&client);
    negotiation_unref (n);
    press_free (&server.press);
  }
}

static void
authorization_identities (void **state) {
  struct server server = { .press = new_press () };
  expect (&server, NULL, "bob", PTN_END, "alice  bob");
  expect (&server, NULL, "alice", PTN_END, "alice  alice");
  expect (&server, NULL, "Alice", PTN_END, "alice  alice");
  expect (&server, NULL, "alice@" PRESS_REALM, PTN_END, "alice  alice");
  expect (&server, NULL, "m\xc3\xbcller@example.test", PTN_END, "alice  m\xc3\xbcller@example");
  expect (&server, NULL, "\xff", PTN_E_INVALID, "no text");
  expect (&server, NULL, "a\nb", PTN_E_INVALID, "no text");
  g_autofree char *lengthy = g_strnfill (513, 'x');
  expect (&server, NULL, lengthy, PTN_E_INVALID, "too long");
  press_free (&server.press);
}

static void
choices (void **state) {
  static const struct {
    const char *octets;
    size_t size;
    ptn_status status;
  } cases[] = {
    { "\1\0\0\0", 4, PTN_END },
    { "\1\xff\xff\xff", 4, PTN_END },
    { "\2\0\0\0", 4, PTN_E_INVALID },
    { "\3\0\0\0", 4, PTN_E_INVALID },
    { "\0\0\0\0", 4, PTN_E_INVALID },
    { "\1\0\0", 3, PTN_E_INVALID },
    { "", 0, PTN_E_INVALID },
    { "\1\0\0\0bob\0", 8, PTN_E_INVALID },
    { "\1\0\0\0b\0b", 7, PTN_E_INVALID },
  };
  struct server server = { .press = new_press () };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    struct client client;
    struct negotiation *n = serve (&server);
    client_init (&client, server.press, NULL);
    client.flags = 0;
    assert_int_equal (talk (n, &client, cases[i].octets, cases[i].size), cases[i].status);
    client_clear (&client);
    negotiation_unref (n);
  }
  press_free (&server.press);
}

/* ---- Names ------------------------------------------------------------------------------- */

static void
principals (void **state) {
  struct server server = { .press = new_press () };
  static const char *const refused[] = {
    "alice/admin@" PRESS_REALM,      "WELLKNOWN/ANONYMOUS@WELLKNOWN:ANONYMOUS",
    "al\\/ice@" PRESS_REALM,         "alice\\@example.org@" PRESS_REALM,
    "EXAMPLE\\\\alice@" PRESS_REALM, "al\\nice@" PRESS_REALM,
  };
  for (size_t i = 0; i < G_N_ELEMENTS (refused); i++)
    expect (&server, &(struct press_order){ .client = refused[i] }, NULL, PTN_E_AUTHENTICATION,
            "the ");
  expect (&server, &(struct press_order){ .client = "alice@OTHER.TEST" }, NULL,
          PTN_E_AUTHENTICATION, "realm");
  expect (&server, &(struct press_order){ .client = "alice@example.test" }, NULL,
          PTN_E_AUTHENTICATION, "realm");
  expect (&server, &(struct press_order){ .client = "m\xc3\xbcller@" PRESS_REALM }, NULL, PTN_END,
          "m\xc3\xbcller  m\xc3\xbcller");
  expect (&server, &(struct press_order){ .client = "m\xfcller@" PRESS_REALM }, NULL,
          PTN_E_AUTHENTICATION, "no text");
  press_free (&server.press);
}

static void
realms (void **state) {
  struct server server = { .press = new_press (),
                           .realms = { "OTHER.TEST", "WINDOWS.TEST=WIN", "MAIL.TEST=@mail.test" } };
  expect (&server, NULL, NULL, PTN_E_AUTHENTICATION, "realm");
  expect (&server, &(struct press_order){ .client = "eve@OTHER.TEST" }, NULL, PTN_END, "eve  eve");
  expect (&server, &(struct press_order){ .client = "eve@OTHER" }, NULL, PTN_E_AUTHENTICATION, "");
  expect (&server, &(struct press_order){ .client = "eve@WINDOWS.TEST" }, NULL, PTN_END,
          "eve WIN eve");
  expect (&server, &(struct press_order){ .client = "eve@MAIL.TEST" }, "eve", PTN_END,
          "eve@mail.test  eve@mail.test");
  press_free (&server.press);
}

/* ---- Keys -------------------------------------------------------------------------------- */

static void
services (void **state) {
  static const struct press_order imap = { .service = "imap/mail.example.test@" PRESS_REALM },
                                  other = { .service = "imap/other.example.test@" PRESS_REALM },
                                  pop = { .service = "pop/mail.example.test@" PRESS_REALM };
  struct server server = { .press = new_press (), .names = NAMES_SERVICE };
  expect (&server, &imap, NULL, PTN_END, "");
  expect (&server, &other, NULL, PTN_END, "");
  expect (&server, &pop, NULL, PTN_E_AUTHENTICATION, "does not match");
  server.names = NAMES_HOST;
  expect (&server, &imap, NULL, PTN_END, "");
  expect (&server, &other, NULL, PTN_E_AUTHENTICATION, "keytab key for imap/mail.");
  expect (&server, &pop, NULL, PTN_E_AUTHENTICATION, "keytab key for imap/mail.");
  server.names = NAMES_ANY;
  expect (&server, &pop, NULL, PTN_END, "");
  server.names = NAMES_SERVICE;
  server.service = "smtp";
  expect (&server, &imap, NULL, PTN_E_TEMPORARY, "no key for this service");
  press_free (&server.press);
}

/* Both ways: one code of two mechanisms is two codes to libgssapi. */
static void
wrong_tickets (void **state) {
  for (int spnego = 0; spnego < 2; spnego++) {
    struct server server = { .press = new_press (), .spnego = spnego };
    expect (&server, &(struct press_order){ .starts = -7200, .ends = -3600 }, NULL,
            PTN_E_AUTHENTICATION, "expired");
    expect (&server, &(struct press_order){ .starts = 3600, .ends = 7200 }, NULL,
            PTN_E_AUTHENTICATION, "not yet valid");
    expect (&server, &(struct press_order){ .clock = 600 }, NULL, PTN_E_AUTHENTICATION,
            "Clock skew too great");
    expect (&server, &(struct press_order){ .clock = -600 }, NULL, PTN_E_AUTHENTICATION,
            "Clock skew too great");
    expect (&server, &(struct press_order){ .clock = -200 }, NULL, PTN_END, "alice");
    expect (&server, &(struct press_order){ .other_key = true }, NULL, PTN_E_AUTHENTICATION,
            "cannot decrypt ticket");
    expect (&server, &(struct press_order){ .other_key = true, .kvno = 2 }, NULL, PTN_E_TEMPORARY,
            "likely out of date");
    expect (&server,
            &(struct press_order){ .name = "ftp/mail.example.test@" PRESS_REALM,
                                   .other_key = true },
            NULL, PTN_E_TEMPORARY, "not found in keytab");
    press_free (&server.press);
  }
}

/* An alias of the service, as Active Directory has them: one account, one key. */
static void
another_name_of_the_same_key (void **state) {
  struct server server = { .press = new_press () };
  expect (&server, &(struct press_order){ .name = "imap/alias.example.test@" PRESS_REALM }, NULL,
          PTN_END, "alice  alice");
  server.names = NAMES_ANY;
  server.service = "smtp";
  expect (&server, &(struct press_order){ .name = "smtp/mail.example.test@" PRESS_REALM }, NULL,
          PTN_END, "alice  alice");
  press_free (&server.press);
}

static void
big_tickets (void **state) {
  struct server server = { .press = new_press () };
  expect (&server, &(struct press_order){ .padding = 1400 }, NULL, PTN_END, "alice");
  expect (&server, &(struct press_order){ .padding = 40000 }, NULL, PTN_END, "alice");
  expect (&server, &(struct press_order){ .padding = 60000 }, NULL, PTN_END, "alice");
  expect (&server, &(struct press_order){ .padding = 66000 }, NULL, PTN_E_INVALID, "too long");
  press_free (&server.press);
}

static void
a_token_counts_once (void **state) {
  for (int spnego = 0; spnego < 2; spnego++) {
    struct server server = { .press = new_press (), .spnego = spnego };
    struct client client;
    struct negotiation *first = serve (&server), *second = serve (&server);
    struct ptn_bytes challenge;
    client_init (&client, server.press, NULL);
    client.spnego = spnego;
    const struct ptn_bytes token = client_token (&client, (struct ptn_bytes){ NULL, 0 });
    assert_true (negotiation_step (first, token, &challenge) >= 0);
    assert_int_equal (negotiation_step (second, token, &challenge), PTN_E_AUTHENTICATION);
    assert_non_null (strstr (negotiation_reason (second), "replay"));
    client_clear (&client);
    negotiation_unref (first);
    negotiation_unref (second);
    press_free (&server.press);
  }
}

static void
no_place_for_the_replay_cache (void **state) {
  struct press *press = new_press ();
  g_autofree char *fault = NULL;
  const struct rules_input rules = { .keytab_path = press_keytab (press),
                                     .replay_path = "/nonexistent/folder/replay" };
  struct negotiation_input input = { .rules = rules_new (&rules),
                                     .keytab = keytab_read (press_keytab (press), &fault),
                                     .service = "imap",
                                     .host = "mail.example.test" };
  struct negotiation *n = negotiation_new (&input);
  struct client client;
  struct ptn_bytes challenge;
  client_init (&client, press, NULL);
  assert_int_equal (negotiation_step (n, client_token (&client, (struct ptn_bytes){ NULL, 0 }),
                                      &challenge),
                    PTN_E_TEMPORARY);
  assert_non_null (negotiation_advice (n));
  client_clear (&client);
  negotiation_unref (n);
  rules_unref (input.rules);
  keytab_unref (input.keytab);
  press_free (&press);
}

/* ---- Channel binding --------------------------------------------------------------------- */

static ptn_status
bind (const struct server *server, const char *binding) {
  struct client client;
  struct negotiation *n = serve (server);
  client_init (&client, server->press, NULL);
  client.binding = binding;
  client.spnego = server->spnego;
  const ptn_status status = talk (n, &client, NO_LAYER, 4);
  client_clear (&client);
  negotiation_unref (n);
  return status;
}

static void
bindings (void **state) {
  for (int spnego = 0; spnego < 2; spnego++) {
    struct server server = { .press = new_press (), .spnego = spnego };
    static const char right[] = "tls-server-end-point:hash", wrong[] = "tls-server-end-point:hush";
    assert_int_equal (bind (&server, wrong), PTN_END); /* extended_protection = none */
    server.no_channel = true;                          /* TLS ended before it came here */
    assert_int_equal (bind (&server, wrong), PTN_E_AUTHENTICATION);
    assert_int_equal (bind (&server, NULL), PTN_END);
    server.no_channel = false;
    server.binding = BYTES ("hash");
    assert_int_equal (bind (&server, right), PTN_END);
    assert_int_equal (bind (&server, NULL), PTN_END);
    assert_int_equal (bind (&server, wrong), PTN_E_AUTHENTICATION);
    server.require_binding = true;
    assert_int_equal (bind (&server, right), PTN_END);
    assert_int_equal (bind (&server, NULL), PTN_E_AUTHENTICATION);
    assert_int_equal (bind (&server, wrong), PTN_E_AUTHENTICATION);
    press_free (&server.press);
  }
}

int
main (void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (mutual_authentication_takes_an_empty_answer),
    cmocka_unit_test (without_it_the_offer_comes_at_once),
    cmocka_unit_test (spnego_within_gssapi),
    cmocka_unit_test (spnego_ends_with_its_last_token),
    cmocka_unit_test (bare_kerberos_within_spnego),
    cmocka_unit_test (flags_that_mean_a_layer),
    cmocka_unit_test (authorization_identities),
    cmocka_unit_test (choices),
    cmocka_unit_test (principals),
    cmocka_unit_test (realms),
    cmocka_unit_test (services),
    cmocka_unit_test (wrong_tickets),
    cmocka_unit_test (another_name_of_the_same_key),
    cmocka_unit_test (big_tickets),
    cmocka_unit_test (a_token_counts_once),
    cmocka_unit_test (no_place_for_the_replay_cache),
    cmocka_unit_test (bindings),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
