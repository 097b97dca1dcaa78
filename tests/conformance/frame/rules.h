/* SPDX-License-Identifier: Apache-2.0 */
/* rules.h - the registry: what a rule is, and where all of them are.
 *
 * A rule is one promise of an interface's header or of base.h that a plugin can break, with the test
 * that finds it out.  Each runs in a process of its own, with a plugin of its own. */
#ifndef CONFORMANCE_RULES_H
#define CONFORMANCE_RULES_H

#include <stddef.h>
#include <stdint.h>

struct fixture; /* each kind of plugin has its own */

enum {                     /* how a rule is run */
       RULE_STARTED = 0,   /* with a started plugin */
       RULE_BARE = 1 << 0, /* nothing is loaded: the rule starts processes that do */
};

struct rule {
  const char *id;       /* "group.words", unique; for --only and the tests */
  const char *sentence; /* what a right plugin does */
  const char *where;    /* the place of the contract that says so */
  uint32_t needs;       /* capabilities of the kind (PTN_STORE_*) that it must have; 0: every one */
  uint32_t how;         /* RULE_* */
  void (*run) (struct fixture *);
};

struct rule_group {
  const char *name, *about;
  const struct rule *const *rules; /* NULL ends */
};

/* RULE (function, "id", "sentence", "where", needs, how) { ... f ... } */
#define RULE(function, ...)                                             \
  static void function (struct fixture *);                              \
  static const struct rule function##_rule = { __VA_ARGS__, function }; \
  static void function (struct fixture *f)
/* At the end of a file: RULES (mailbox, &this_rule, &that_rule); */
#define RULES(name, ...) const struct rule *const name##_rules[] = { __VA_ARGS__, NULL }

#endif
