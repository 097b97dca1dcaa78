/* SPDX-License-Identifier: Apache-2.0 */
/* faulty.h - a good mechanism with one fault: the negative controls of the kit.
 *
 * The plugin loads a good one (FAULTY_SASL in the environment names the module) and provides its
 * table with members replaced.  The setting `fault` names the rule that is broken.  An exchange is
 * wrapped; there is one instance in a process, so that what a fault remembers is static. */
#ifndef SASL_FAULTY_H
#define SASL_FAULTY_H

#include "wrapper.h"

extern struct ptn_sasl_mechanism good;
extern void *good_instance;

/* Around an exchange of the good mechanism. */
struct wrapped {
  void *inner;
  struct ptn_task *task; /* of the first step */
  unsigned steps;        /* calls so far */
  bool waited, told;
  char name[64];
  char *copy; /* of the last response */
  size_t size;
  struct ptn_identity identity;
};

typedef ptn_status step_function (struct wrapped *, struct ptn_call *, struct ptn_bytes response,
                                  struct ptn_bytes *challenge, const struct ptn_identity **);

struct fault {
  const char *rule, *about;
  void (*change) (struct ptn_sasl_mechanism *); /* the table; may be NULL */
  step_function *step;                          /* NULL: the good one */
  void (*finish) (struct wrapped *);            /* before the good one; may be NULL */
};
extern const struct fault table_faults[], step_faults[]; /* a rule NULL ends each */

ptn_status good_step (struct wrapped *, struct ptn_call *, struct ptn_bytes response,
                      struct ptn_bytes *challenge, const struct ptn_identity **);

#endif
