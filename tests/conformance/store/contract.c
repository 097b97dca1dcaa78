/* SPDX-License-Identifier: Apache-2.0 */
/* contract.c - the contract of stores: its capabilities, and how one of its rules is run. */
#define CONFORMANCE_WORDS
#include "kit.h"

static const struct capability capabilities[] = {
  { PTN_STORE_DURABLE, "DURABLE", "what was acknowledged survives kill -9" },
  { PTN_STORE_COPIES_CHEAPLY, "COPIES_CHEAPLY", "COPY does not move octets" },
  { PTN_STORE_REMOTE, "REMOTE", "the octets are on another machine" },
  { PTN_STORE_ACL, "ACL", "rights, and the mailboxes of others" },
  { PTN_STORE_PUBLIC, "PUBLIC", "mailboxes whose owner is \"\"" },
  { PTN_STORE_ANNOTATIONS, "ANNOTATIONS", "annotate and annotations" },
  { PTN_STORE_QRESYNC, "QRESYNC", "modseqs and vanished survive a restart" },
  { PTN_STORE_TOKENS, "TOKENS", "tokens survive a restart" },
  { PTN_STORE_QUOTA, "QUOTA", "limits of octets and messages" },
  { PTN_STORE_SPECIAL_USE, "SPECIAL_USE", "special uses of mailboxes" },
  { PTN_STORE_RECENT, "RECENT", "claim_recent" },
  { PTN_STORE_SAVE_DATE, "SAVE_DATE", "when a message came into its mailbox" },
  { PTN_STORE_OBJECT_IDS, "OBJECT_IDS", "MAILBOXID and EMAILID" },
  { PTN_STORE_THREADS, "THREADS", "THREADID from references" },
  { PTN_STORE_DIGESTS, "DIGESTS", "what was computed of a message is kept" },
  { PTN_STORE_EVENTS, "EVENTS", "publishes what event.h names" },
  { 0, NULL, NULL },
};

/* A capability without its functions is told as that, and not as a crash. */
static void
check_table (const struct ptn_store *store, uint32_t needs) {
#define MEMBER(capability, function) \
  { capability, #function, offsetof (struct ptn_store, function) }
  static const struct {
    uint32_t capability; /* 0: every store has it */
    const char *name;
    size_t offset;
  } members[] = {
    MEMBER (0, open),
    MEMBER (0, close),
    MEMBER (0, close_cursor),
    MEMBER (0, list),
    MEMBER (0, next_mailbox),
    MEMBER (0, status),
    MEMBER (0, create),
    MEMBER (0, remove),
    MEMBER (0, rename),
    MEMBER (0, subscribe),
    MEMBER (0, view),
    MEMBER (0, release_view),
    MEMBER (0, keyword),
    MEMBER (0, fetch),
    MEMBER (0, next_messages),
    MEMBER (0, read),
    MEMBER (0, begin),
    MEMBER (0, append),
    MEMBER (0, copy),
    MEMBER (0, set_flags),
    MEMBER (0, expunge),
    MEMBER (0, commit),
    MEMBER (0, outcome),
    MEMBER (0, end),
    MEMBER (0, deliver),
    MEMBER (0, list_accounts),
    MEMBER (0, remove_account),
    MEMBER (0, quota),
    MEMBER (PTN_STORE_QUOTA, set_quota),
    MEMBER (PTN_STORE_ANNOTATIONS, annotations),
    MEMBER (PTN_STORE_ANNOTATIONS, next_annotation),
    MEMBER (PTN_STORE_ANNOTATIONS, annotate),
    MEMBER (PTN_STORE_SPECIAL_USE, set_attributes),
    MEMBER (PTN_STORE_QRESYNC, vanished),
    MEMBER (PTN_STORE_RECENT, claim_recent),
    MEMBER (PTN_STORE_ACL, rights),
    MEMBER (PTN_STORE_ACL, set_rights),
    MEMBER (PTN_STORE_ACL, list_others),
    MEMBER (PTN_STORE_DIGESTS, remember),
  };
#undef MEMBER
  for (size_t i = 0; i < G_N_ELEMENTS (members); i++) {
    void (*function) (void) = NULL;
    if (members[i].capability & ~needs)
      continue;
    if (members[i].offset + sizeof function <= store->size)
      memcpy (&function, (const char *)store + members[i].offset, sizeof function);
    if (!function)
      check_failed ("", 0, "the table of the store has no `%s`%s", members[i].name,
                    members[i].capability ? ", which a capability that it declares needs" : "");
  }
}

/* What the process does: the rule, or only telling what the store is. */
static void
play (const struct rule *rule, const char *directory) {
  struct fixture f = { .directory = directory, .dice = subject.seed };
  if (rule && rule->how & RULE_BARE) {
    rule->run (&f);
    check_passed ();
  }
  fixture_open (&f, directory);
  board->capabilities = f.store->capabilities;
  board->table_size = f.store->size;
  check_table (f.store, rule ? rule->needs : f.store->capabilities);
  if (rule)
    rule->run (&f);
  check_call ("close, stop and destroy after the rule", "contract.c", __LINE__);
  fixture_close (&f);
  check_passed ();
}

const struct contract store_contract = {
  .name = "store",
  .subject = "store",
  .summary = "Holds a storage plugin to the contract of postern/store.h.",
  .capabilities = capabilities,
  .groups = store_groups,
  .play = play,
  .failure_text = fixture_failure_text,
  .tell_log = fixture_tell_log,
};
