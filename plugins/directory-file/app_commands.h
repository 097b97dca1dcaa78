/* SPDX-License-Identifier: Apache-2.0 */
/* app_commands.h - `posternctl user app-password`.  In the task of a command. */
#ifndef DIRECTORY_FILE_APP_COMMANDS_H
#define DIRECTORY_FILE_APP_COMMANDS_H

#include "directory.h"

#define APP_COMMAND_ARGUMENTS                                                        \
  "add|list|revoke [USER] [LABEL] [--protocols WORDS] [--networks LIST] [--expires " \
  "YYYY-MM-DD] [--ntlm] [--scram]"

ptn_status app_command (void *instance, struct ptn_call *, struct ptn_strings typed,
                        struct ptn_bytes secret, struct ptn_report *);

#endif
