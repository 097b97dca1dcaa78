/* SPDX-License-Identifier: Apache-2.0 */
/* check.h - settings that are allowed and can hardly be meant. */
#ifndef AUTH_CHECK_H
#define AUTH_CHECK_H

#include <postern/postern.h>

/* As ptn_plugin.check says; the instance is struct auth. [setup] */
void auth_check (void *instance, const struct ptn_config *, uint32_t scope, ptn_warn *, void *to);

#endif
