/* SPDX-License-Identifier: Apache-2.0 */
/* types.c - every type of setting: what is taken, what is refused and with which words. */
#include "support.h"

#include <stdio.h>
#include <unistd.h>

#define HEAD "[listener a]\nprotocol = pop3\naddress = 127.0.0.1:110\n[plugin pop3]\n"

static struct config *
good (const char *line) {
  g_autofree char *text = g_strdup_printf (HEAD "%s\n", line);
  g_autofree char *said = NULL;
  struct config *config = parse_whole (text, &said, NULL);
  assert_string_equal (said, "");
  assert_non_null (config->plugins[0].settings);
  return config;
}

static void
bad (const char *line, const char *expected) {
  g_autofree char *text = g_strdup_printf (HEAD "%s\n", line);
  g_autofree char *whole = g_strdup_printf ("/etc/t/p.conf:5: %s\n", expected);
  g_autofree char *said = NULL;
  struct config *config = parse_whole (text, &said, NULL);
  assert_string_equal (said, whole);
  assert_null (config->plugins[0].settings);
  config_unref (&config);
}

static void
number_is (const char *line, const char *name, int64_t expected) {
  struct config *config = good (line);
  assert_int_equal (settings_number (config->plugins[0].settings, name), expected);
  assert_true (settings_given (config->plugins[0].settings, name));
  config_unref (&config);
}

static void
text_is (const char *line, const char *name, const char *expected) {
  struct config *config = good (line);
  assert_string_equal (settings_text (config->plugins[0].settings, name), expected);
  config_unref (&config);
}

static void
test_defaults (void **state) {
  struct config *config = good ("");
  const struct ptn_config *settings = config->plugins[0].settings;
  assert_string_equal (settings_text (settings, "greeting"), "hello");
  assert_int_equal (settings_number (settings, "retries"), 3);
  assert_int_equal (settings_number (settings, "quota"), INT64_MAX);
  assert_string_equal (settings_text (settings, "file"), "/etc/t/users");
  assert_null (settings_text (settings, "peer"));
  assert_int_equal (settings_words (settings, "words").count, 2);
  assert_int_equal (settings_words (settings, "schemes").count, 0);
  assert_false (settings_given (settings, "words"));
  assert_false (settings_declared (settings, "apop"));
  assert_null (settings_text (settings, "nobody"));
  assert_int_equal (settings_number (NULL, "nobody"), 0);
  config_unref (&config);
}

static void
test_integer (void **state) {
  number_is ("retries = 12", "retries", 12);
  number_is ("retries = -9223372036854775807", "retries", -INT64_MAX);
  bad ("retries = 9223372036854775808",
       "retries: expected a number, such as 100, not \"9223372036854775808\"");
  bad ("retries = 1.5", "retries: expected a number, such as 100, not \"1.5\"");
  bad ("retries = 5 # five", "retries: expected a number, such as 100, not \"5 # five\" (a "
                             "comment needs a line of its own)");
  bad ("retries =", "retries: expected a number, such as 100, not \"\"");
}

static void
test_boolean (void **state) {
  number_is ("fast = YES", "fast", 1);
  number_is ("fast = on", "fast", 1);
  number_is ("fast = false", "fast", 0);
  bad ("fast = 1", "fast: expected yes or no, not \"1\"");
}

static void
test_size (void **state) {
  number_is ("quota = 10", "quota", 10);
  number_is ("quota = 10 kB", "quota", 10000);
  number_is ("quota = 10KiB", "quota", 10240);
  number_is ("quota = 50M", "quota", 50000000);
  number_is ("quota = 2 GiB", "quota", INT64_C (2) << 30);
  number_is ("quota = Unlimited", "quota", INT64_MAX);
  bad ("quota = 10 KiBi", "quota: expected a size, such as 100, 50 MB, 64 KiB or unlimited, not "
                          "\"10 KiBi\"");
  bad ("quota = 9999999999 GiB", "quota: expected a size, such as 100, 50 MB, 64 KiB or "
                                 "unlimited, not \"9999999999 GiB\"");
}

static void
test_duration (void **state) {
  number_is ("delay = 500ms", "delay", 500);
  number_is ("delay = 10 s", "delay", 10000);
  number_is ("delay = 30d", "delay", INT64_C (30) * 86400000);
  number_is ("delay = 0", "delay", 0);
  bad ("delay = 10", "delay: expected a duration with its unit (ms, s, m, h, d), such as 500ms, "
                     "30s or 10m, not \"10\"");
}

static void
test_path (void **state) {
  text_is ("file = a/../b", "file", "/etc/t/b");
  text_is ("file = /x/y", "file", "/x/y");
  bad ("file =", "file: expected a path, such as /var/lib/postern, not \"\"");
}

static void
test_endpoint (void **state) {
  text_is ("peer = localhost:25", "peer", "localhost:25");
  text_is ("peer = [::1]:25", "peer", "[::1]:25");
  text_is ("peer = *:25", "peer", "*:25");
  text_is ("peer = unix:sock", "peer", "unix:/etc/t/sock");
  const char *wrong[] = { "localhost", "::1:25", "a:70000", "[1.2.3.4]:25", ":25", "a b:1" };
  for (size_t i = 0; i < G_N_ELEMENTS (wrong); i++) {
    g_autofree char *line = g_strdup_printf ("peer = %s", wrong[i]);
    g_autofree char *expected =
        g_strdup_printf ("peer: expected host:port, [v6]:port, *:port or unix:/path, such as "
                         "127.0.0.1:110, not \"%s\"",
                         wrong[i]);
    bad (line, expected);
  }
}

static void
test_enum_and_list (void **state) {
  text_is ("mode = QUICK", "mode", "quick");
  bad ("mode = quik", "mode: \"quik\" is not one of: slow quick; did you mean quick?");
  struct config *config = good ("schemes = plain, NTLM");
  struct ptn_strings words = settings_words (config->plugins[0].settings, "schemes");
  assert_int_equal (words.count, 2);
  assert_string_equal (words.items[0], "PLAIN");
  assert_string_equal (words.items[1], "NTLM");
  config_unref (&config);
  bad ("schemes = PLAIN NTML",
       "schemes: \"NTML\" is not one of: PLAIN LOGIN NTLM; did you mean NTLM?");
}

static void
test_secret (void **state) {
  text_is ("password = hunter2", "password", "hunter2");
  char path[] = "/tmp/postern-secret-XXXXXX";
  int fd = mkstemp (path);
  assert_int_equal (write (fd, "s3cret\n", 7), 7);
  g_autofree char *line = g_strdup_printf ("password = file:%s", path);
  text_is (line, "password", "s3cret");
  assert_int_equal (ftruncate (fd, 0), 0);
  bad (line, "password: the secret's file is empty, over 64 KiB, or has NUL octets");
  close (fd);
  remove (path);
  g_autofree char *text = g_strdup_printf (HEAD "%s\n", line);
  g_autofree char *said = NULL;
  struct config *config = parse_whole (text, &said, NULL);
  config_unref (&config);
  assert_non_null (strstr (said, "password: the secret cannot be read"));
}

static void
test_equal (void **state) {
  struct config *a = good ("delay = 60s"), *b = good ("delay = 1m"), *c = good ("delay = 2m");
  assert_true (settings_equal (a->plugins[0].settings, b->plugins[0].settings));
  assert_false (settings_equal (a->plugins[0].settings, c->plugins[0].settings));
  config_unref (&a);
  config_unref (&b);
  config_unref (&c);
}

static void
test_escapes (void **state) {
  text_is ("greeting = \\sa\\tb", "greeting", " a\tb");
}

int
main (void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_defaults), cmocka_unit_test (test_integer),
    cmocka_unit_test (test_boolean),  cmocka_unit_test (test_size),
    cmocka_unit_test (test_duration), cmocka_unit_test (test_path),
    cmocka_unit_test (test_endpoint), cmocka_unit_test (test_enum_and_list),
    cmocka_unit_test (test_secret),   cmocka_unit_test (test_equal),
    cmocka_unit_test (test_escapes),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
