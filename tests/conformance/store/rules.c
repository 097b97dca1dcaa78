/* SPDX-License-Identifier: Apache-2.0 */
/* rules.c - the registry: every group, in the order in which they are run. */
#include "rules.h"

#define GROUPS(X)                                                                  \
  X (mailbox, "accounts and mailboxes: status, create, remove, rename, subscribe") \
  X (name, "names of mailboxes")                                                   \
  X (list, "list and its patterns")

#define DECLARE(group, about) extern const struct rule *const group##_rules[];
GROUPS (DECLARE)

#define ROW(group, about) { #group, about, group##_rules },
const struct rule_group rule_groups[] = { GROUPS (ROW) };
const size_t rule_group_count = sizeof rule_groups / sizeof rule_groups[0];
