/* SPDX-License-Identifier: Apache-2.0 */
/* net_proxy.c - PROXY headers: every cut, every lie; and whom a session believes it talks to. */
#include "net_test.h"

#include "net/proxy.h"

static const char v1[] = "PROXY TCP4 192.0.2.7 198.51.100.9 51234 110\r\n";
static const char v1_6[] = "PROXY TCP6 2001:db8::7 2001:db8::9 51234 995\r\n";
static const char v2[] =
    "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\2\7\xc6\x33\x64\x09\xc8\x22\0\x6e";
static const char v2_tlv[] =
    "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x10\xc0\0\2\7\xc6\x33\x64\x09\xc8\x22\0\x6e"
    "\x04\0\1x";
static const char v2_6[] = "\r\n\r\n\0\r\nQUIT\n\x21\x21\0\x24"
                           "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\7"
                           "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x09\xc8\x22\3\xe3";
static const char v2_local[] = "\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";

/* Exactly this many octets are taken, fewer are never enough, and more change nothing. */
static void
good (const char *header, size_t size, const char *peer, unsigned port) {
  struct proxy_header parsed;
  char text[ADDRESS_TEXT];
  g_autofree char *longer = g_malloc (size + 10);

  for (size_t cut = 0; cut < size; cut++) {
    g_autofree char *exact = g_memdup2 (header, cut); /* so that a sanitizer sees the edge */
    assert_int_equal (proxy_parse (exact, cut, &parsed), PROXY_MORE);
  }
  memcpy (longer, header, size);
  memcpy (longer + size, "PROXY TCP4", 10);
  for (size_t more = 0; more <= 10; more++) {
    assert_int_equal (proxy_parse (longer, size + more, &parsed), PROXY_GOOD);
    assert_int_equal (parsed.size, size);
  }
  assert_int_equal (parsed.told, peer != NULL);
  if (peer) {
    address_text (&parsed.peer, text);
    assert_string_equal (text, peer);
    assert_int_equal (parsed.peer.port, port);
  }
}

static void
bad (const char *header, size_t size) {
  struct proxy_header parsed;

  if (proxy_parse (header, size, &parsed) != PROXY_BAD)
    fail_msg ("not refused: %s", header);
}
#define GOOD(header, peer, port) good (header, sizeof header - 1, peer, port)
#define BAD(header) bad (header, sizeof header - 1)

static void
all_cuts (void **state) {
  GOOD (v1, "192.0.2.7", 51234);
  GOOD (v1_6, "2001:db8::7", 51234);
  GOOD (v2, "192.0.2.7", 51234);
  GOOD (v2_tlv, "192.0.2.7", 51234);
  GOOD (v2_6, "2001:db8::7", 51234);
  GOOD (v2_local, NULL, 0);
  GOOD ("PROXY UNKNOWN\r\n", NULL, 0);
  GOOD ("PROXY UNKNOWN anything at all ::: 1\r\n", NULL, 0);
  GOOD ("\r\n\r\n\0\r\nQUIT\n\x20\x11\0\x0c............", NULL, 0); /* LOCAL: ignored */
  GOOD ("\r\n\r\n\0\r\nQUIT\n\x21\0\0\3abc", NULL, 0);              /* AF_UNSPEC */
}

static void
lies (void **state) {
  char longest[200];

  BAD ("USER anna\r\n");
  BAD ("PROXY\r\n");
  BAD ("PROXY TCP4\r\n");
  BAD ("PROXY TCP5 192.0.2.7 198.51.100.9 1 2\r\n");
  BAD ("PROXY TCP4 192.0.2.7 198.51.100.9 51234\r\n");
  BAD ("PROXY TCP4 192.0.2.7 198.51.100.9 51234 \r\n");
  BAD ("PROXY TCP4 192.0.2.7 198.51.100.9 51234 110 \r\n");
  BAD ("PROXY TCP4 192.0.2.7 198.51.100.9 51234 110 x\r\n");
  BAD ("PROXY TCP4  192.0.2.7 198.51.100.9 51234 110\r\n");
  BAD ("PROXY TCP4 192.0.2.7 198.51.100.9 65536 110\r\n");
  BAD ("PROXY TCP4 192.0.2.7 198.51.100.9 -1 110\r\n");
  BAD ("PROXY TCP4 192.0.2.7 198.51.100.9 +1 110\r\n");
  BAD ("PROXY TCP4 192.0.2.7 198.51.100.9 01 110\r\n");
  BAD ("PROXY TCP4 192.0.2.7 198.51.100 1 110\r\n");
  BAD ("PROXY TCP4 2001:db8::7 198.51.100.9 1 110\r\n");
  BAD ("PROXY TCP6 192.0.2.7 198.51.100.9 1 110\r\n");
  BAD ("PROXY TCP4 192.0.2.7\0 198.51.100.9 1 110\r\n");
  BAD ("PROXY TCP4 192.0.2.7 198.51.100.9 1 110\n");
  BAD ("PROXY TCP4 192.0.2.7 198.51.100.9 1 110\r \n");
  BAD ("PROXY TCP4 192.0.2.7 198.51.100.9\r1 110\r\n");
  memset (longest, 'x', sizeof longest);
  memcpy (longest, "PROXY UNKNOWN ", 14);
  bad (longest, 107);
  longest[105] = '\r', longest[106] = '\n';
  good (longest, 107, NULL, 0);

  BAD ("\r\n\r\n\0\r\nQUIT\n\x31\x11\0\x0c............");   /* version 3 */
  BAD ("\r\n\r\n\0\r\nQUIT\n\x22\x11\0\x0c............");   /* no such command */
  BAD ("\r\n\r\n\0\r\nQUIT\n\x21\x12\0\x0c............");   /* datagrams */
  BAD ("\r\n\r\n\0\r\nQUIT\n\x21\x41\0\x0c............");   /* no such family */
  BAD ("\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0b............");   /* too short for addresses */
  BAD ("\r\n\r\n\0\r\nQUIT\n\x21\x21\0\x0c............");   /* for those of IPv6 */
  BAD ("\r\n\r\n\0\r\nQUIT\n\x21\x31\0\x0c............");   /* for those of UNIX */
  BAD ("\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff............"); /* longer than we listen to */
  BAD ("\r\n\r\n\0\r\nQUIX");
}

static void
networks (void **state) {
  static const struct {
    const char *network, *address;
    bool has;
  } cases[] = {
    { "192.0.2.0/24", "192.0.2.7", true },    { "192.0.2.0/24", "192.0.3.7", false },
    { "0.0.0.0/0", "203.0.113.1", true },     { "192.0.2.7", "192.0.2.7", true },
    { "192.0.2.6/31", "192.0.2.7", true },    { "192.0.2.8/31", "192.0.2.7", false },
    { "2001:db8::/32", "2001:db8::1", true }, { "2001:db8::/32", "2001:db9::1", false },
    { "0.0.0.0/0", "2001:db8::1", false },    { "::/0", "192.0.2.7", true },
    { "unix", "192.0.2.7", false },
  };
  static const char *const no_networks[] = {
    "",           "x",           "192.0.2.0/33", "192.0.2.1/24", "2001:db8::/129",
    "192.0.2.0/", "192.0.2.0/x", "192.0.2/24",   "/8",           "192.0.2.0/-1"
  };
  struct net_network network;
  struct proxy_header header;

  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *line =
        g_strdup_printf ("PROXY TCP%d %s %s 1 1\r\n", strchr (cases[i].address, ':') ? 6 : 4,
                         cases[i].address, cases[i].address);
    assert_int_equal (proxy_parse (line, strlen (line), &header), PROXY_GOOD);
    assert_true (network_parse (cases[i].network, &network));
    if (network_has (&network, &header.peer) != cases[i].has)
      fail_msg ("%s in %s", cases[i].address, cases[i].network);
  }
  for (size_t i = 0; i < G_N_ELEMENTS (no_networks); i++)
    if (network_parse (no_networks[i], &network))
      fail_msg ("\"%s\" is taken for a network", no_networks[i]);
}

/* --- in a session ------------------------------------------------------------------------ */

static struct server server;

static void
start (listener_tls tls, const char *from) {
  struct listener_spec spec = spec_default ();
  struct net_network network;

  assert_true (network_parse (from, &network));
  spec.proxy_from = &network;
  spec.proxy_from_count = 1;
  spec.tls = tls;
  spec.max_connections_per_address = 2;
  spec.context = tls == LISTENER_CLEAR ? NULL : context_new ("mail", 0, false);
  server_start (&server, &spec, 0);
  tls_context_unref (spec.context);
}

static void
believed (void **state) {
  struct client client;

  start (LISTENER_CLEAR, "127.0.0.0/8");
  for (unsigned split = 0; split < sizeof v2_tlv - 1; split += 5) {
    client_open (&client, server.port);
    client_send_octets (&client, v2_tlv, split);
    sleep_ms (2);
    client_send_octets (&client, v2_tlv + split, sizeof v2_tlv - 1 - split);
    client_send (&client, "ECHO at once\n");
    expect_line (&client, "hello");
    expect_line (&client, "at once");
    ask (&client, "PROP peer.address", "192.0.2.7");
    ask (&client, "PROP peer.port", "51234");
    ask (&client, "PROP local.address", "198.51.100.9");
    ask (&client, "PROP local.port", "110");
    client_close (&client);
  }
  client_open (&client, server.port);
  client_send_octets (&client, v2_local, sizeof v2_local - 1);
  expect_line (&client, "hello");
  ask (&client, "PROP peer.address", "127.0.0.1");
  client_close (&client);
  AWAIT (log_has ("peer=192.0.2.7"));
  server_stop (&server);
}

static void
before_tls (void **state) {
  struct client client;

  start (LISTENER_TLS, "127.0.0.1");
  client_open (&client, server.port);
  client_send (&client, v1_6);
  client_tls (&client, 0, NULL);
  expect_line (&client, "hello");
  ask (&client, "PROP peer.address", "2001:db8::7");
  client_close (&client);
  server_stop (&server);
}

/* The address that was told is the one that is limited. */
static void
limited (void **state) {
  struct client clients[3], other;

  start (LISTENER_CLEAR, "127.0.0.0/8");
  for (unsigned i = 0; i < 3; i++) {
    client_open (&clients[i], server.port);
    client_send (&clients[i], v1);
    expect_line (&clients[i], i < 2 ? "hello" : "BYE 1");
  }
  client_open (&other, server.port);
  client_send (&other, "PROXY TCP4 192.0.2.8 198.51.100.9 1 110\r\n");
  expect_line (&other, "hello");
  client_close (&other);
  for (unsigned i = 0; i < 3; i++)
    client_close (&clients[i]);
  server_stop (&server);
}

static void
required (void **state) {
  struct client client;

  start (LISTENER_CLEAR, "127.0.0.0/8");
  client_open (&client, server.port);
  client_send (&client, "ECHO me\n");
  assert_null (client_line (&client));
  client_close (&client);
  client_open (&client, server.port);
  client_send (&client, "PROXY TC");
  shutdown (client.fd, SHUT_WR);
  assert_null (client_line (&client));
  client_close (&client);
  AWAIT (server_counts (&server).proxy_refused == 2);
  AWAIT (log_has ("proxy.refused"));
  server_stop (&server);
}

/* From elsewhere a header is just a command that nobody knows. */
static void
not_from_others (void **state) {
  struct client client;

  start (LISTENER_CLEAR, "192.0.2.0/24");
  client_open (&client, server.port);
  client_send (&client, v1);
  expect_line (&client, "hello");
  expect_line (&client, "what?");
  ask (&client, "PROP peer.address", "127.0.0.1");
  client_close (&client);
  server_stop (&server);
}

int
main (void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (all_cuts),   cmocka_unit_test (lies),
    cmocka_unit_test (networks),   cmocka_unit_test (believed),
    cmocka_unit_test (before_tls), cmocka_unit_test (limited),
    cmocka_unit_test (required),   cmocka_unit_test (not_from_others),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
