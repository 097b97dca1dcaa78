/* SPDX-License-Identifier: Apache-2.0 */
/* rules.c - the registry: every group, in the order in which they are run. */
#include "kit.h"

#define GROUPS(X)                                                                  \
  X (mailbox, "accounts and mailboxes: status, create, remove, rename, subscribe") \
  X (name, "names of mailboxes")                                                   \
  X (list, "list and its patterns")                                                \
  X (view, "views, and the UIDs in them")                                          \
  X (fetch, "rows of messages")                                                    \
  X (read, "octets of messages")                                                   \
  X (flags, "flags, modseqs and keywords")                                         \
  X (change, "changes: append, expunge, all or nothing")                           \
  X (token, "tokens of changes")                                                   \
  X (copy, "copy and move")                                                        \
  X (annotation, "annotations")                                                    \
  X (deliver, "delivery")                                                          \
  X (quota, "quota")                                                               \
  X (account, "administration of accounts")                                        \
  X (pending, "PENDING, wakes and repeated calls")                                 \
  X (cancel, "calls that are given up")                                            \
  X (threads, "several tasks at once")                                             \
  X (rights, "rights of RFC 4314")                                                 \
  X (deed, "which deed needs which right")                                         \
  X (others, "mailboxes of others and public ones")                                \
  X (reader, "delegates who only look")                                            \
  X (special, "special uses of mailboxes")                                         \
  X (vanished, "what vanished, for QRESYNC")                                       \
  X (recent, "recent messages")                                                    \
  X (ids, "ids of messages")                                                       \
  X (thread, "threads of messages")                                                \
  X (digest, "what is computed of a message")                                      \
  X (event, "events")                                                              \
  X (restart, "what survives a restart")                                           \
  X (kill, "what survives kill -9")

#define DECLARE(group, about) extern const struct rule *const group##_rules[];
GROUPS (DECLARE)

#define GROUP_ROW(group, about) { #group, about, group##_rules },
const struct rule_group store_groups[] = { GROUPS (GROUP_ROW){ NULL, NULL, NULL } };
