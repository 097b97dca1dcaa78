/* SPDX-License-Identifier: MIT */
/* conformance.h - which standards a protocol keeps, for `posternctl conformance`.  Provide
 * "postern.conformance/1", under the name of the protocol. */
#ifndef PTN_CONFORMANCE_H
#define PTN_CONFORMANCE_H

#include "base.h"
#include "session.h"

PTN_BEGIN_DECLS

#define PTN_CONFORMANCE_ID "postern.conformance/1"

typedef uint32_t ptn_standard_state;
enum {
  PTN_STANDARD_ON = 1,
  PTN_STANDARD_OFF,    /* the program can do it, and does not here: `why` */
  PTN_STANDARD_MISSING /* the program cannot do it: `why` */
};

struct ptn_standard { /* table: one row, the caller's; strings are constants of the plugin */
  uint32_t size;
  ptn_standard_state state;
  const char *document; /* "RFC 7162" */
  const char *feature;  /* as the protocol names it: "CONDSTORE"; "": the document as a whole */
  const char *title;    /* what it is, in a few words */
  char why[256];        /* UTF-8, one line, for people; "" if there is nothing to say */
};

struct ptn_conformance { /* table */
  uint32_t size;
  uint32_t reserved;
  /* Fills the row with this number (from 0) as it is on a listener of this protocol, whose
   * session_id is "".  attributes: of an account (struct ptn_identity), as if it had logged in;
   * NULL: of nobody.  PTN_END: there are no more.  Never waits.  [any, from start on] */
  ptn_status (*standard) (void *instance, const struct ptn_session_info *,
                          const struct ptn_strings *attributes, uint32_t number,
                          struct ptn_standard *);
};

PTN_END_DECLS
#endif
