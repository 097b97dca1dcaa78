/* SPDX-License-Identifier: Apache-2.0 */
/* presets.h - what settings that say nothing mean in the two kinds of directory there are.
 *
 * Constant; any thread. */
#ifndef DIRECTORY_LDAP_PRESETS_H
#define DIRECTORY_LDAP_PRESETS_H

#include <stdbool.h>

/* The value of a setting, as it would be written; NULL: nothing. */
const char *preset_value (bool active_directory, const char *setting);

#endif
