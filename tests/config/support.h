/* SPDX-License-Identifier: Apache-2.0 */
/* support.h - configuration texts in memory, and what is said about them. */
#ifndef TESTS_CONFIG_SUPPORT_H
#define TESTS_CONFIG_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "config/config.h"

#include <string.h>

/* Parses the text as /etc/t/p.conf (phase 1) and gives all errors and warnings; g_free them. */
static inline struct config *
parse (const char *text, char **said) {
  struct config_text file = { "/etc/t/p.conf", text, strlen (text) };
  struct config_errors *errors = config_errors_new ();
  struct config *config = config_parse (&file, 1, NULL, errors);
  *said = config_errors_text (errors);
  config_errors_free (&errors);
  return config;
}

/* Phase 1 of the text says exactly this. */
static inline void
assert_says (const char *text, const char *expected) {
  g_autofree char *said = NULL;
  struct config *config = parse (text, &said);
  assert_string_equal (said, expected);
  config_unref (&config);
}

static const struct ptn_setting pop3_settings[] = {
  { "greeting", PTN_SETTING_STRING, 0, "hello", "", NULL, PTN_SCOPE_PLUGIN, 0 },
  { "retries", PTN_SETTING_INTEGER, 0, "3", "", NULL, PTN_SCOPE_PLUGIN, 0 },
  { "fast", PTN_SETTING_BOOLEAN, 0, "no", "", NULL, PTN_SCOPE_PLUGIN, 0 },
  { "quota", PTN_SETTING_SIZE, 0, "unlimited", "", NULL, PTN_SCOPE_PLUGIN, 0 },
  { "delay", PTN_SETTING_DURATION, 0, "0", "", NULL, PTN_SCOPE_PLUGIN, 0 },
  { "file", PTN_SETTING_PATH, 0, "users", "", NULL, PTN_SCOPE_PLUGIN, 0 },
  { "peer", PTN_SETTING_ENDPOINT, 0, NULL, "", NULL, PTN_SCOPE_PLUGIN, 0 },
  { "password", PTN_SETTING_SECRET, 0, NULL, "", NULL, PTN_SCOPE_PLUGIN, 0 },
  { "mode", PTN_SETTING_ENUM, 0, "slow", "", "slow quick", PTN_SCOPE_PLUGIN, 0 },
  { "words", PTN_SETTING_LIST, 0, "a b", "", NULL, PTN_SCOPE_PLUGIN, 0 },
  { "schemes", PTN_SETTING_LIST, 0, NULL, "", "PLAIN LOGIN NTLM", PTN_SCOPE_PLUGIN, 0 },
  { "apop", PTN_SETTING_BOOLEAN, 0, "no", "", NULL, PTN_SCOPE_PROTOCOL, 0 },
  { "cleartext_login", PTN_SETTING_BOOLEAN, 0, "no", "", NULL, PTN_SCOPE_LISTENER, 0 },
  { "sasl_mechanisms", PTN_SETTING_LIST, 0, "PLAIN", "", NULL, PTN_SCOPE_LISTENER, 0 },
};
static const char *const pop3_protocols[] = { "pop3", "pop3-test", NULL };
static const struct config_scope pop3_scope = { "pop3", pop3_settings, G_N_ELEMENTS (pop3_settings),
                                                pop3_protocols };

/* All three phases with a plugin pop3 that has the settings above. */
static inline struct config *
parse_whole (const char *text, char **said, const struct config_checks *checks) {
  struct config_text file = { "/etc/t/p.conf", text, strlen (text) };
  struct config_errors *errors = config_errors_new ();
  struct config *config = config_parse (&file, 1, NULL, errors);
  for (size_t i = 0; i < config->plugin_count; i++)
    config_check_plugin (config, &config->plugins[i], pop3_settings, G_N_ELEMENTS (pop3_settings),
                         errors);
  struct config_checks usual = { &pop3_scope, 1, false, false };
  config_check_listeners (config, checks ? checks : &usual, errors);
  *said = config_errors_text (errors);
  config_errors_free (&errors);
  return config;
}

static inline void
assert_whole_says (const char *text, const char *expected) {
  g_autofree char *said = NULL;
  struct config *config = parse_whole (text, &said, NULL);
  assert_string_equal (said, expected);
  config_unref (&config);
}

#endif
