/* SPDX-License-Identifier: Apache-2.0 */
/* contract.h - what the kit can test: one row an interface, each with its rules, its words and its
 * options.
 *
 * Tables that never change.  The frame (main, runner, report, check) knows nothing of an interface
 * but this. */
#ifndef CONFORMANCE_CONTRACT_H
#define CONFORMANCE_CONTRACT_H

#include "check.h"
#include "rules.h"

#include <glib.h>

/* Bits of struct rule.needs, and their words: "DURABLE". */
struct capability {
  uint32_t bit;
  const char *name, *about;
};

struct contract {
  const char *name;                      /* the word of the command line: "store" */
  const char *subject;                   /* what texts call the plugin: "store" */
  const char *summary;                   /* for --help */
  const struct capability *capabilities; /* name NULL ends */
  const struct rule_group *groups;       /* name NULL ends */
  /* Of its own, may be NULL: texts and lists of texts, which fill variables of its own. */
  const GOptionEntry *options;
  /* What is wrong with its options; NULL: nothing.  Optional. */
  const char *(*fault) (void);
  /* In the rule's own process: loads the plugin, fills the board's description, runs the rule (NULL:
   * none) and ends with check_passed. */
  void (*play) (const struct rule *, const char *directory);
  /* The plugin's own words about the last error of this thread (g_free), or NULL; the end of its
   * log. */
  char *(*failure_text) (void);
  void (*tell_log) (char *text, size_t size);
};

extern const struct contract store_contract, directory_contract, sasl_contract;
extern const struct contract
    *contract; /* the one that is tested; set by main before anything runs */

/* What is tested: from the command line, the same in every process. */
struct subject {
  const char *module;
  char **settings; /* "name=value"; %d is the directory of the rule */
  uint64_t seed;
  unsigned kills; /* rounds of the rules that kill */
};
extern struct subject subject;
char **subject_settings (const char *directory); /* g_strfreev */

#endif
