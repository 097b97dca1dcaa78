/* SPDX-License-Identifier: Apache-2.0 */
/* builtin.h - the commands of the host itself, as providers of postern.control/1.
 *
 * Only their tables are here: a worker brings the functions, posternctl without a server has the
 * tables alone, so that its help is complete. */
#ifndef HOST_CTL_BUILTIN_H
#define HOST_CTL_BUILTIN_H

#include "load/load.h"

#include <postern/control.h>

typedef ptn_status builtin_run (void *instance, struct ptn_call *, struct ptn_strings arguments,
                                struct ptn_bytes secret, struct ptn_report *);

struct builtin_functions {
  builtin_run *status, *plugins, *sessions, *metrics, *reload, *log_level, *conformance,
      *conformance_page;
};

/* functions NULL: none of them can run.  Before loader_load. */
void builtin_provide (struct loader *, const struct builtin_functions *functions, void *instance);

#endif
