/* SPDX-License-Identifier: Apache-2.0 */
/* report.h - what the kit prints: for people, or a line of JSON a rule. */
#ifndef CONFORMANCE_REPORT_H
#define CONFORMANCE_REPORT_H

#include "runner.h"

struct report {
  bool json;
  bool keep;
  const char *again;  /* the command that runs one rule again, without --only */
  unsigned counts[4]; /* by enum verdict */
  double seconds;
};

char *report_capability_words (uint32_t bits); /* "ACL EVENTS" */

void report_declared (const struct report *, const char *module, const struct description *);
void report_group (const struct report *, const struct rule_group *);
void report_rule (struct report *, const struct rule *, const struct result *);
void report_summary (const struct report *);
void report_list (bool json); /* all rules of the kind */

#endif
