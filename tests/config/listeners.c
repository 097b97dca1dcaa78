/* SPDX-License-Identifier: Apache-2.0 */
/* listeners.c - listeners: their own settings, those of plugins, and what goes together. */
#include "support.h"

#include <arpa/inet.h>
#include <openssl/tls1.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static void
test_model (void **state) {
  g_autofree char *said = NULL;
  struct config *config =
      parse_whole ("[server]\nname = a.example\ncertificate = c.pem\n"
                   "key = k.pem\nmax_connections = 7\n"
                   "[listener x]\nprotocol = pop3\n"
                   "address = 127.0.0.1:110, [::1]:110 unix:s\n"
                   "tls = starttls\ntls_minimum = 1.3\ntls_resumption = no\nidle_time = 20m\n"
                   "proxy_from = 10.0.0.0/8 ::1 unix\napop = yes\n"
                   "session_memory = unlimited\n"
                   "[listener y]\nprotocol = pop3\naddress = 127.0.0.2:110\n",
                   &said, NULL);
  assert_string_equal (said, "");
  const struct config_listener *listener = &config->listeners[0];
  assert_int_equal (listener->endpoint_count, 3);
  assert_string_equal (listener->endpoints[1].host, "::1");
  assert_string_equal (listener->endpoints[2].path, "/etc/t/s");
  assert_int_equal (listener->tls, CONFIG_TLS_STARTTLS);
  assert_int_equal (listener->tls_minimum, TLS1_3_VERSION);
  assert_false (listener->tls_resumption);
  assert_string_equal (listener->certificate, "/etc/t/c.pem");
  assert_int_equal (listener->proxy_count, 3);
  assert_int_equal (listener->proxy_from[0].prefix, 8);
  assert_int_equal (listener->proxy_from[1].family, AF_INET6);
  assert_int_equal (listener->proxy_from[2].family, AF_UNIX);
  assert_int_equal (listener->max_connections, 7);
  assert_int_equal (listener->max_connections_per_address, 100);
  assert_int_equal (listener->idle_time, 1200000);
  assert_int_equal (listener->login_time, 60000);
  assert_true (listener->session_memory == SIZE_MAX);
  assert_int_equal (settings_number (listener->settings, "apop"), 1);
  assert_int_equal (settings_number (listener->settings, "max_line"), 65536);
  assert_false (listener->disabled);
  assert_int_equal (config->listeners[1].idle_time, -1); /* what the protocol wants */
  config_unref (&config);
}

static void
test_required (void **state) {
  assert_says ("[listener a]\n",
               "/etc/t/p.conf:1: [listener a] needs the setting protocol (text)\n"
               "/etc/t/p.conf:1: [listener a] needs the setting address (list of words)\n");
}

static void
test_ranges (void **state) {
  assert_says ("[server]\nmax_connections = 0\n[listener a]\nprotocol = pop3\naddress = a:1\n"
               "max_line = 10\n",
               "/etc/t/p.conf:2: max_connections: expected a number from 1 to 1000000, not \"0\"\n"
               "/etc/t/p.conf:6: max_line: expected a size from 1 KiB to 64 MiB, not \"10\"\n");
}

static void
test_addresses (void **state) {
  assert_says (
      "[listener a]\nprotocol = p\naddress = 110 a:1\nproxy_from = 10.0.0.0/33\n",
      "/etc/t/p.conf:3: address: expected host:port, [v6]:port, *:port or unix:/path, such "
      "as 127.0.0.1:110, not \"110\"\n"
      "/etc/t/p.conf:4: proxy_from: expected a network, such as 10.0.0.0/8, 2001:db8::/32 "
      "or unix, not \"10.0.0.0/33\"\n");
  assert_whole_says ("[listener a]\nprotocol = pop3\naddress = 127.0.0.1:110\n"
                     "[listener b]\nprotocol = pop3\naddress = 127.0.0.1:110 127.0.0.2:110\n",
                     "/etc/t/p.conf:6: address: 127.0.0.1:110 is taken: [listener a] (line 3) has "
                     "127.0.0.1:110\n");
  assert_whole_says ("[listener a]\nprotocol = pop3\naddress = [::1]:110 [0:0::1]:110\n",
                     "/etc/t/p.conf:3: address: [0:0::1]:110 is taken: [listener a] (line 3) has "
                     "[::1]:110\n");
  g_autofree char *said = NULL;
  struct config *config = parse_whole ("[listener a]\nprotocol = pop3\naddress = *:110\n"
                                       "[listener b]\nprotocol = pop3\naddress = 127.0.0.1:110\n",
                                       &said, NULL);
  assert_non_null (
      strstr (said, "p.conf:6: address: 127.0.0.1:110 is taken: [listener a] (line 3)"));
  config_unref (&config);
}

static void
test_protocol (void **state) {
  assert_whole_says ("[listener a]\nprotocol = pop4\naddress = 127.0.0.1:1\n",
                     "/etc/t/p.conf:2: protocol: no plugin provides \"pop4\"; known are: pop3, "
                     "pop3-test; did you mean pop3?\n");
  struct config_checks incomplete = { &pop3_scope, 1, true, false };
  g_autofree char *said = NULL;
  struct config *config = parse_whole ("[listener a]\nprotocol = imap\naddress = 127.0.0.1:1\n"
                                       "idle_pings = yes\n",
                                       &said, &incomplete);
  assert_string_equal (
      said, "/etc/t/p.conf:2: warning: protocol: no plugin that could be loaded provides "
            "\"imap\" (known are: pop3, pop3-test); the listener is closed\n"
            "/etc/t/p.conf:4: warning: [listener a] has no setting idle_pings that is "
            "known without the plugin that was left out\n");
  assert_true (config->listeners[0].disabled);
  config_unref (&config);
}

static void
test_unknown (void **state) {
  assert_whole_says ("[listener a]\nprotocol = pop3\naddress = 127.0.0.1:1\nappop = yes\n"
                     "greeting = x\nuser = y\n",
                     "/etc/t/p.conf:4: [listener a] has no setting appop; did you mean apop?\n"
                     "/etc/t/p.conf:5: [listener a] has no setting greeting\n"
                     "/etc/t/p.conf:6: [listener a] has no setting user; it is a setting of "
                     "[server]\n");
  static const struct ptn_setting smtp[] = { { "kind", PTN_SETTING_STRING, 0, "x", "", NULL,
                                               PTN_SCOPE_PROTOCOL, 0 } };
  static const char *const smtp_protocols[] = { "submission", NULL };
  struct config_scope scopes[] = { pop3_scope, { "submission", smtp, 1, smtp_protocols } };
  struct config_checks checks = { scopes, 2, false, false };
  g_autofree char *said = NULL;
  struct config *config = parse_whole ("[listener a]\nprotocol = submission\n"
                                       "address = 127.0.0.1:1\nkind = lmtp\napop = yes\n",
                                       &said, &checks);
  assert_string_equal (said,
                       "/etc/t/p.conf:5: [listener a] has no setting apop; it is a setting of "
                       "listeners whose protocol plugin pop3 provides\n");
  assert_string_equal (settings_text (config->listeners[0].settings, "kind"), "lmtp");
  config_unref (&config);
}

/* What can be told is told, although something else is wrong already. */
static void
test_all_at_once (void **state) {
  assert_whole_says ("[listener a]\nprotocol = pop4\naddress = 127.0.0.1:1\nidle_tim = 5m\n"
                     "appop = yes\n",
                     "/etc/t/p.conf:2: protocol: no plugin provides \"pop4\"; known are: pop3, "
                     "pop3-test; did you mean pop3?\n"
                     "/etc/t/p.conf:4: [listener a] has no setting idle_tim; did you mean "
                     "idle_time?\n");
  assert_says ("[certificate a]\nnames =\ncertificate = /a\nkey = /b\n",
               "/etc/t/p.conf:2: names: a value is needed (list of words)\n");
  /* A plugin whose own section has errors: its settings are known, its protocols are not. */
  struct config_scope silent = pop3_scope;
  silent.protocols = (const char *const[]){ NULL };
  silent.unconfigured = true;
  struct config_checks checks = {
    .scopes = &silent, .scope_count = 1, .incomplete = true, .failed = true
  };
  g_autofree char *said = NULL;
  struct config *config = parse_whole ("[listener a]\nprotocol = pop3\naddress = 127.0.0.1:1\n"
                                       "apop = perhaps\nkind = lmtp\n",
                                       &said, &checks);
  assert_string_equal (said, "/etc/t/p.conf:4: apop: expected yes or no, not \"perhaps\"\n");
  config_unref (&config);
}

static void
test_tls (void **state) {
  assert_whole_says ("[listener a]\nprotocol = pop3\naddress = 127.0.0.1:1\ntls = implicit\n",
                     "/etc/t/p.conf:4: [listener a] with tls = implicit needs a certificate and a "
                     "key, its own or those of [server]\n");
  assert_says ("[server]\nkey = k\n[listener a]\nprotocol = p\naddress = a:1\ncertificate = c\n",
               "/etc/t/p.conf:2: [server] has a key without its certificate\n"
               "/etc/t/p.conf:6: [listener a] has a certificate without its key\n");
  assert_whole_says ("[certificate a]\nnames = x.example\ncertificate = c\nkey = k\n"
                     "[certificate b]\nnames = y.example x.example\ncertificate = c\nkey = k\n"
                     "[listener a]\nprotocol = pop3\naddress = 127.0.0.1:1\n",
                     "/etc/t/p.conf:6: names: x.example belongs to [certificate a] already\n");
}

static void
test_clear (void **state) {
  assert_whole_says (
      "[server]\ncertificate = c\nkey = k\n[listener a]\nprotocol = pop3\n"
      "address = 192.0.2.1:110\ntls = starttls\ncleartext_login = yes\n",
      "/etc/t/p.conf:8: warning: cleartext_login: passwords may cross the network in "
      "clear on [listener a]\n");
  assert_whole_says ("[listener a]\nprotocol = pop3\naddress = 192.0.2.1:110\n",
                     "/etc/t/p.conf:1: warning: [listener a] is reachable from the network without "
                     "TLS: mail crosses it in clear, and clients that want TLS cannot log in\n");
  assert_whole_says ("", "/etc/t/p.conf: warning: there is no [listener NAME]: nobody can "
                         "connect\n");
}

static void
test_certificate_files (void **state) {
  char path[] = "/tmp/postern-key-XXXXXX";
  int fd = mkstemp (path);
  fchmod (fd, 0644);
  close (fd);
  g_autofree char *text = g_strdup_printf ("[server]\ncertificate = /nowhere/c.pem\nkey = %s\n"
                                           "[listener a]\nprotocol = pop3\n"
                                           "address = 127.0.0.1:1\ntls = implicit\n",
                                           path);
  g_autofree char *expected =
      g_strdup_printf ("/etc/t/p.conf:2: certificate: /nowhere/c.pem: No such file or directory\n"
                       "/etc/t/p.conf:3: warning: key: everybody on this machine may read %s\n",
                       path);
  struct config_checks checks = { &pop3_scope, 1, false, true };
  g_autofree char *said = NULL;
  struct config *config = parse_whole (text, &said, &checks);
  assert_string_equal (said, expected);
  config_unref (&config);
  remove (path);
}

/* What is off is checked like all others, takes no address, and needs no certificate. */
static void
test_off (void **state) {
  g_autofree char *said = NULL;
  struct config *config = parse_whole ("[listener a]\nprotocol = pop3\naddress = *:1\n"
                                       "enabled = no\ntls = implicit\n"
                                       "[listener b]\nprotocol = pop3\naddress = 127.0.0.1:1\n",
                                       &said, NULL);
  assert_string_equal (said, "");
  assert_true (config->listeners[0].off && config->listeners[0].disabled);
  assert_int_equal (config->listeners[0].endpoint_count, 0);
  assert_false (config->listeners[1].off || config->listeners[1].disabled);
  config_unref (&config);
  assert_whole_says (
      "[listener a]\nprotocol = pop3\naddress = 127.0.0.1:1 x\nenabled = no\n"
      "appop = yes\n",
      "/etc/t/p.conf: warning: no listener is enabled: nobody can connect\n"
      "/etc/t/p.conf:3: address: expected host:port, [v6]:port, *:port or unix:/path, "
      "such as 127.0.0.1:110, not \"x\"\n"
      "/etc/t/p.conf:5: [listener a] has no setting appop; did you mean apop?\n");
}

int
main (void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_model),
    cmocka_unit_test (test_required),
    cmocka_unit_test (test_ranges),
    cmocka_unit_test (test_addresses),
    cmocka_unit_test (test_protocol),
    cmocka_unit_test (test_unknown),
    cmocka_unit_test (test_all_at_once),
    cmocka_unit_test (test_tls),
    cmocka_unit_test (test_clear),
    cmocka_unit_test (test_certificate_files),
    cmocka_unit_test (test_off),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
