/* SPDX-License-Identifier: Apache-2.0 */
/* fake-directory.c - a plugin for directories_test.c: a second directory, without credentials of its
 * own, in which there is zoe.  Owns nothing; any thread. */
#include <postern/postern.h>
#include <string.h>

static const struct ptn_host *the_host;

static ptn_status
fake_parse_login (void *instance, struct ptn_call *call, const char *login,
                  struct ptn_identity *identity) {
  if (strcmp (login, "zoe") != 0)
    return the_host->fail (call->task, PTN_E_NOT_FOUND, NULL, "fake: nobody");
  identity->authcid = identity->authzid = identity->account = "zoe";
  identity->domain = "";
  return PTN_OK;
}

static ptn_status
fake_authorize (void *instance, struct ptn_call *call, const struct ptn_sasl_request *request,
                struct ptn_identity *identity) {
  return PTN_OK;
}

static const struct ptn_directory directory = {
  .size = sizeof directory,
  .parse_login = fake_parse_login,
  .authorize = fake_authorize,
};

static ptn_status
fake_configure (const struct ptn_host *host, const struct ptn_config *config, void **instance) {
  the_host = host;
  *instance = NULL;
  return host->provide (host, PTN_DIRECTORY_ID, NULL, &directory, NULL);
}

static ptn_status
fake_start (void *instance) {
  return PTN_OK;
}

static void
fake_destroy (void *instance) {
}

static const struct ptn_plugin plugin = {
  .size = sizeof plugin,
  .abi_major = PTN_ABI_MAJOR,
  .abi_minor = PTN_ABI_MINOR,
  .name = "fake-directory",
  .version = "1",
  .summary = "For tests",
  .setting_size = sizeof (struct ptn_setting),
  .configure = fake_configure,
  .start = fake_start,
  .destroy = fake_destroy,
};

PTN_PUBLIC const struct ptn_plugin *postern_plugin_entry (uint32_t major, uint32_t minor);
PTN_PUBLIC const struct ptn_plugin *
postern_plugin_entry (uint32_t major, uint32_t minor) {
  return &plugin;
}
