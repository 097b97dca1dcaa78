/* SPDX-License-Identifier: Apache-2.0 */
/* crosscheck.h - what single settings cannot tell: listeners and certificates together.
 * Internal to host/config. */
#ifndef HOST_CONFIG_CROSSCHECK_H
#define HOST_CONFIG_CROSSCHECK_H

#include "config/model.h"

void crosscheck (struct model *, const struct config_checks *, struct config_errors *);

#endif
