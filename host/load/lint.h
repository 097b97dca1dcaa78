/* SPDX-License-Identifier: Apache-2.0 */
/* lint.h - warnings about words that nothing looks at.  Setup thread, after every configure; not in
 * a reload, where a warning means that a restart is needed. */
#ifndef HOST_LOAD_LINT_H
#define HOST_LOAD_LINT_H

#include "load/load.h"

void lint_config (struct loader *, struct config *, struct config_errors *);

#endif
