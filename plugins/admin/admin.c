/* SPDX-License-Identifier: Apache-2.0 */
/* admin.c - the plugin "admin": commands of posternctl on mailboxes of any store.  README.md
 * tells about them. */
#include "admin.h"

#define COMMANDS_MAX 16

struct instance {
  struct admin admin; /* first */
  struct ptn_control controls[COMMANDS_MAX];
  struct provided provided[COMMANDS_MAX];
  unsigned count;
};

static ptn_status
provide (struct instance *instance, const struct command *command) {
  const struct ptn_host *host = instance->admin.host;
  unsigned at = instance->count++;
  instance->provided[at] = (struct provided){ &instance->admin, command };
  instance->controls[at] = (struct ptn_control){ .size = sizeof (struct ptn_control),
                                                 .flags = PTN_CONTROL_OFFLINE,
                                                 .name = command->name,
                                                 .arguments = command->arguments,
                                                 .help = command->help,
                                                 .columns = command->columns,
                                                 .run = job_run };
  return host->provide (host, PTN_CONTROL_ID, command->name, &instance->controls[at],
                        &instance->provided[at]);
}

static ptn_status
configure (const struct ptn_host *host, const struct ptn_config *config, void **result) {
  struct instance *instance = g_new0 (struct instance, 1);
  instance->admin.host = host;
  *result = instance;
  ptn_status status = PTN_OK;
  for (size_t i = 0; status == PTN_OK && i < mailbox_command_count; i++)
    status = provide (instance, &mailbox_commands[i]);
  for (size_t i = 0; status == PTN_OK && i < rights_command_count; i++)
    status = provide (instance, &rights_commands[i]);
  for (size_t i = 0; status == PTN_OK && i < account_command_count; i++)
    status = provide (instance, &account_commands[i]);
  if (status == PTN_OK)
    status = provide (instance, &import_command);
  if (status == PTN_OK)
    status = provide (instance, &export_command);
  return status;
}

static ptn_status
start (void *data) {
  struct admin *admin = data;
  const struct ptn_host *host = admin->host;
  if (directories_find (host, &admin->directories, &admin->directory) != PTN_OK)
    admin->directory = (struct ptn_binding){ NULL, NULL };
  if (host->find (host, PTN_STORE_ID, NULL, &admin->store) == PTN_OK)
    return PTN_OK;
  const struct ptn_field reason = { "reason",
                                    "no store plugin is loaded: add [plugin storage-kyoto]" };
  host->log (host, PTN_LOG_ERROR, NULL, "admin.start-failed", &reason, 1);
  return PTN_E_NOT_FOUND;
}

static void
destroy (void *instance) {
  g_free (instance);
}

static const struct ptn_plugin plugin = {
  .size = sizeof plugin,
  .abi_major = PTN_ABI_MAJOR,
  .abi_minor = PTN_ABI_MINOR,
  .name = "admin",
  .version = PLUGIN_VERSION,
  .summary = "Commands on mailboxes, import and export",
  .setting_size = sizeof (struct ptn_setting),
  .configure = configure,
  .start = start,
  .destroy = destroy,
};

const struct ptn_plugin *
postern_plugin_entry (uint32_t host_abi_major, uint32_t host_abi_minor) {
  return host_abi_major == PTN_ABI_MAJOR ? &plugin : NULL;
}
