/* SPDX-License-Identifier: Apache-2.0 */
/* commands.h - what the plugin adds to posternctl: `cache flush` and `delegate`. */
#ifndef AUTH_COMMANDS_H
#define AUTH_COMMANDS_H

#include "auth.h"

ptn_status commands_provide (struct auth *); /* [setup] */

#endif
