/* SPDX-License-Identifier: Apache-2.0 */
/* config.c - libFuzzer target: a configuration file through all three phases.  A NUL divides the
 * main file from one of conf.d. */
#include "config/config.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static const struct ptn_setting settings[] = {
  { "text", PTN_SETTING_STRING, 0, "x", "", NULL, PTN_SCOPE_PLUGIN, 0 },
  { "count", PTN_SETTING_INTEGER, 0, "3", "", NULL, PTN_SCOPE_PLUGIN, 0 },
  { "fast", PTN_SETTING_BOOLEAN, 0, "no", "", NULL, PTN_SCOPE_PLUGIN, 0 },
  { "quota", PTN_SETTING_SIZE, 0, "unlimited", "", NULL, PTN_SCOPE_PLUGIN, 0 },
  { "delay", PTN_SETTING_DURATION, 0, "0", "", NULL, PTN_SCOPE_PLUGIN, 0 },
  { "file", PTN_SETTING_PATH, 0, NULL, "", NULL, PTN_SCOPE_PLUGIN, 0 },
  { "peer", PTN_SETTING_ENDPOINT, 1, NULL, "", NULL, PTN_SCOPE_PLUGIN, 0 },
  { "password", PTN_SETTING_SECRET, 0, NULL, "", NULL, PTN_SCOPE_PLUGIN, 0 },
  { "mode", PTN_SETTING_ENUM, 0, "slow", "", "slow quick", PTN_SCOPE_PLUGIN, 0 },
  { "words", PTN_SETTING_LIST, 0, NULL, "", "PLAIN LOGIN", PTN_SCOPE_PLUGIN, 0 },
  { "apop", PTN_SETTING_BOOLEAN, 0, "no", "", NULL, PTN_SCOPE_PROTOCOL, 0 },
  { "cleartext_login", PTN_SETTING_BOOLEAN, 0, "no", "", NULL, PTN_SCOPE_LISTENER, 0 },
};
static const char *const protocols[] = { "pop3", NULL };

static bool
read_nothing (void *user, const char *path, char **data, size_t *size, GError **error) {
  g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_NOENT, "%s is not read", path);
  return false;
}

/* Every line of what is said is one error, whatever the file had in it. */
static void
check_said (struct config_errors *errors) {
  g_autofree char *said = config_errors_text (errors);
  size_t lines = 0;
  for (const char *c = said; *c; c++) {
    lines += *c == '\n';
    if ((unsigned char)*c < 0x20 && *c != '\n')
      __builtin_trap ();
  }
  if (lines != config_errors_count (errors) + config_warnings_count (errors)
      || !g_utf8_validate (said, -1, NULL))
    __builtin_trap ();
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size) {
  static const struct config_options options = { .read = read_nothing };
  const uint8_t *nul = memchr (data, 0, size);
  size_t first = nul ? (size_t)(nul - data) : size;
  struct config_text files[2] = { { "/c/main.conf", (const char *)data, first } };
  if (nul)
    files[1] = (struct config_text){ "/c/conf.d/a.conf", (const char *)nul + 1, size - first - 1 };

  struct config_errors *errors = config_errors_new ();
  struct config *config = config_parse (files, nul ? 2 : 1, &options, errors);
  for (size_t i = 0; i < config->plugin_count; i++)
    config_check_plugin (config, &config->plugins[i], settings, G_N_ELEMENTS (settings), errors);
  struct config_scope scope = { "pop3", settings, G_N_ELEMENTS (settings), protocols };
  struct config_checks checks = { &scope, 1, size & 1, false };
  config_check_listeners (config, &checks, errors);
  check_said (errors);
  config_unref (&config);
  config_errors_free (&errors);
  return 0;
}
