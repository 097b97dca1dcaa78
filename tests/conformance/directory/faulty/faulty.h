/* SPDX-License-Identifier: Apache-2.0 */
/* faulty.h - a good directory with one fault: the negative controls of the kit.
 *
 * The plugin loads a good one (FAULTY_DIRECTORY in the environment names the module) and provides its
 * tables with one function replaced.  The setting `fault` names the rule that is broken.  There is
 * one instance in a process, so that what a fault remembers is static. */
#ifndef FAULTY_H
#define FAULTY_H

#include "wrapper.h"

extern struct ptn_directory good; /* the functions of the good one */
extern struct ptn_credentials good_credentials;

typedef ptn_status parse_login (void *, struct ptn_call *, const char *, struct ptn_identity *);
typedef ptn_status authorize (void *, struct ptn_call *, const struct ptn_sasl_request *,
                              struct ptn_identity *);
typedef ptn_status resolve (void *, struct ptn_call *, const char *,
                            const struct ptn_account_info *const **, size_t *);
typedef ptn_status may_send_as (void *, struct ptn_call *, const struct ptn_identity *,
                                const char *);
typedef ptn_status list_accounts (void *, struct ptn_call *, const char *, struct ptn_strings *);
typedef ptn_status verify_password (void *, struct ptn_call *, const struct ptn_sasl_request *,
                                    const char *, const char *, struct ptn_bytes);
typedef ptn_status with_secret (void *, struct ptn_call *, const struct ptn_sasl_request *,
                                const char *, const char *, const char *, ptn_use_secret *, void *);

struct fault { /* what is not NULL takes the place of the good one */
  const char *rule, *about;
  parse_login *parse_login;
  authorize *authorize;
  resolve *resolve;
  may_send_as *may_send_as;
  list_accounts *list_accounts;
  verify_password *verify_password;
  with_secret *with_secret;
  void (*flush) (void *, const char *);
  ptn_credentials_flags flags; /* that are claimed besides */
};

extern const struct fault name_faults[], secret_faults[], waiting_faults[]; /* rule NULL ends */
extern const struct fault *const all_faults[];                              /* NULL ends */

/* A text that is never freed, and never lost. */
const char *keep (const char *text);

#endif
