/* SPDX-License-Identifier: Apache-2.0 */
/* rules.h - what struct rules of negotiation.h is made of. */
#ifndef AUTH_GSSAPI_RULES_H
#define AUTH_GSSAPI_RULES_H

#include "negotiation.h"

#include <glib.h>

struct rules {
  gint references;
  char *path;
  char *keytab; /* as libkrb5 names it: "FILE:..." */
  char *replay; /* likewise, "file2:..."; NULL: its own */
  acceptor_names names;
  char **realms; /* NULL-ended; none: the realms of the keytab */
};

#endif
