/* SPDX-License-Identifier: Apache-2.0 */
/* sharing.c - faults of rights, of what clients ask who come back, of events, and of durability. */
#include "faulty.h"

#define INSTEAD(status, of, by) ((status) == (of) ? (by) : (status))
#define OPEN(name)                                                                          \
  static ptn_status name (void *i, struct ptn_call *c, const struct ptn_identity *identity, \
                          struct ptn_account **account)
#define STATUS(name)                                                                            \
  static ptn_status name (struct ptn_account *a, struct ptn_call *c, struct ptn_mailbox_name n, \
                          const struct ptn_mailbox **result)
#define SET_RIGHTS(name)                                                                      \
  static ptn_status name (struct ptn_account *a, struct ptn_call *c, const struct ptn_id *id, \
                          const char *who, const char *rights)

OPEN (open_all_powerful) {
  struct ptn_identity other = *identity;
  other.administrator = 1;
  return good.open (i, c, &other, account);
}
OPEN (open_powerless) {
  struct ptn_identity other = *identity;
  other.administrator = 0;
  return good.open (i, c, &other, account);
}
OPEN (open_without_groups) {
  struct ptn_identity other = *identity;
  other.groups.count = 0;
  return good.open (i, c, &other, account);
}

STATUS (status_denied) {
  ptn_status status = good.status (a, c, n, result);
  return INSTEAD (status, PTN_E_NOT_FOUND, PTN_E_DENIED);
}

static ptn_status
status_with_rights (struct ptn_account *a, struct ptn_call *c, struct ptn_mailbox_name n,
                    const struct ptn_mailbox **result, const char *rights) {
  ptn_status status = good.status (a, c, n, result);
  if (status == PTN_OK) {
    struct ptn_mailbox *row = KEEP (*result);
    row->rights = rights;
    *result = row;
  }
  return status;
}
STATUS (status_few_rights) {
  return status_with_rights (a, c, n, result, "lr");
}
STATUS (status_all_rights) {
  return status_with_rights (a, c, n, result, "lrswipkxtea");
}

SET_RIGHTS (rights_never_removed) {
  return *rights ? good.set_rights (a, c, id, who, rights) : PTN_OK;
}
SET_RIGHTS (rights_invalid) {
  ptn_status status = good.set_rights (a, c, id, who, rights);
  return INSTEAD (status, PTN_E_INVALID, PTN_OK);
}
SET_RIGHTS (rights_unlimited) {
  ptn_status status = good.set_rights (a, c, id, who, rights);
  return INSTEAD (status, PTN_E_LIMIT, PTN_OK);
}

static ptn_status
rights_denied (struct ptn_account *a, struct ptn_call *c, const struct ptn_id *id,
               const struct ptn_rights **entries, size_t *count) {
  return PTN_E_DENIED;
}

static ptn_status
move_denied (struct ptn_change *change, struct ptn_call *c, const struct ptn_id *from,
             struct ptn_uid_set uids, const struct ptn_id *to, int move) {
  return move ? PTN_E_DENIED : good.copy (change, c, from, uids, to, move);
}

static ptn_status
remove_nothing (struct ptn_account *a, struct ptn_call *c, struct ptn_mailbox_name n) {
  return PTN_OK;
}

static ptn_status
create_again (struct ptn_account *a, struct ptn_call *c, struct ptn_mailbox_name n,
              uint32_t attributes) {
  ptn_status status = good.create (a, c, n, attributes);
  return INSTEAD (status, PTN_E_EXISTS, PTN_OK);
}

static ptn_status
create_of_anybody (struct ptn_account *a, struct ptn_call *c, struct ptn_mailbox_name n,
                   uint32_t attributes) {
  ptn_status status = good.create (a, c, n, attributes);
  return INSTEAD (status, PTN_E_DENIED, PTN_OK);
}

#define OTHERS(name)                                                                    \
  static ptn_status name (struct ptn_account *a, struct ptn_call *c, const char *owner, \
                          const char *pattern, struct ptn_cursor **cursor)
OTHERS (others_all) {
  return good.list_others (a, c, NULL, pattern, cursor);
}
OTHERS (others_once) {
  static unsigned calls;
  return good.list_others (a, c, owner, calls++ ? "" : pattern, cursor);
}

/* --- who comes back ------------------------------------------------------------------------------ */

#define VANISHED(name)                                                                        \
  static ptn_status name (struct ptn_account *a, struct ptn_call *c, const struct ptn_id *id, \
                          uint64_t since, const struct ptn_uid_set *uids,                     \
                          struct ptn_uid_set *gone)
VANISHED (vanished_forgets_one) {
  ptn_status status = good.vanished (a, c, id, since, uids, gone);
  if (status == PTN_OK)
    gone->count -= gone->count > 0;
  return status;
}
VANISHED (vanished_all) {
  return good.vanished (a, c, id, since, NULL, gone);
}

#define RECENT(name)                                                                          \
  static ptn_status name (struct ptn_account *a, struct ptn_call *c, const struct ptn_id *id, \
                          uint32_t *first)
RECENT (recent_always) {
  *first = 1;
  return PTN_OK;
}
RECENT (recent_zero) {
  ptn_status status = good.claim_recent (a, c, id, first);
  *first = 0;
  return status;
}

static void
remember_nothing (struct ptn_account *a, const struct ptn_id *id, uint32_t uid,
                  struct ptn_bytes digest) {
}

static struct ptn_id last_mailbox;

static ptn_status
flags_note (struct ptn_change *change, struct ptn_call *c, const struct ptn_id *id,
            struct ptn_uid_set uids, ptn_flag_mode mode, ptn_flag_bits bits, uint64_t since) {
  last_mailbox = *id;
  return good.set_flags (change, c, id, uids, mode, bits, since);
}

/* --- events -------------------------------------------------------------------------------------- */

STATUS (status_tells) {
  ptn_status status = good.status (a, c, n, result);
  if (status == PTN_OK && (!n.owner || !*n.owner)) {
    const struct ptn_event event = { .size = sizeof event,
                                     .kinds = PTN_FLAGS_CHANGE,
                                     .account = "ann@example.test",
                                     .mailbox = (*result)->id };
    host->publish (host, &event);
  }
  return status;
}

static ptn_status
deliver_tells_before (void *i, struct ptn_call *c, const struct ptn_append *append,
                      const struct ptn_target *targets, size_t count,
                      struct ptn_delivered *results) {
  ptn_status status = good.deliver (i, c, append, targets, count, results);
  if (status == PTN_OK) {
    struct ptn_event event = { .size = sizeof event,
                               .kinds = PTN_MESSAGE_NEW,
                               .account = targets[0].account,
                               .modseq = UINT64_C (1) << 60 };
    struct ptn_call own = { .task = c->task };
    const struct ptn_identity identity = { .size = sizeof identity,
                                           .authcid = targets[0].account,
                                           .authzid = targets[0].account,
                                           .domain = "",
                                           .account = targets[0].account };
    const struct ptn_mailbox_name name = { NULL, targets[0].path };
    const struct ptn_mailbox *row = NULL;
    struct ptn_account *account = NULL;
    QUIETLY (c, good.open (i, &call, &identity, &account));
    if (good.status (account, &own, name, &row) == PTN_OK)
      event.mailbox = row->id;
    host->call_end (&own);
    host->publish (host, &event);
    good.close (account);
  }
  return status;
}

#define LOST "is not told"
#define ALL_KINDS UINT32_MAX
#define GONE "everything is lost"

static ptn_status
keyword_for_all (struct ptn_account *a, struct ptn_call *c, const struct ptn_id *id,
                 const char *word, int make, uint32_t *bit) {
  ptn_status status = good.keyword (a, c, id, word, make, bit);
  return INSTEAD (status, PTN_E_DENIED, PTN_OK);
}

static ptn_status
commit_denied_is_ok (struct ptn_change *change, struct ptn_call *c) {
  ptn_status status = good.commit (change, c);
  return INSTEAD (status, PTN_E_DENIED, PTN_OK);
}

static ptn_status
expunge_denied_is_ok (struct ptn_change *change, struct ptn_call *c, const struct ptn_id *id,
                      struct ptn_uid_set uids, int only_deleted) {
  ptn_status status = good.expunge (change, c, id, uids, only_deleted);
  return INSTEAD (status, PTN_E_DENIED, PTN_OK);
}

/* The rights of the account, not of who opened it. */
OPEN (open_as_account) {
  struct ptn_identity other = *identity;
  other.authcid = other.authzid = identity->account;
  return good.open (i, c, &other, account);
}

OPEN (open_for_everything) {
  struct ptn_identity other = *identity;
  other.access = PTN_ACCESS_FULL;
  return good.open (i, c, &other, account);
}

OPEN (open_for_reading) {
  struct ptn_identity other = *identity;
  other.access = other.access == PTN_ACCESS_FULL ? PTN_ACCESS_READ : other.access;
  return good.open (i, c, &other, account);
}

STATUS (status_of_own_alone) {
  return n.owner && *n.owner ? PTN_E_NOT_FOUND : good.status (a, c, n, result);
}

static ptn_status
subscribe_owner (struct ptn_account *a, struct ptn_call *c, struct ptn_mailbox_name n, int on) {
  return n.owner ? PTN_OK : good.subscribe (a, c, n, on);
}

RECENT (recent_none) {
  ptn_status status = good.claim_recent (a, c, id, first);
  *first = UINT32_MAX;
  return status;
}

VANISHED (vanished_one_more) {
  static struct ptn_uid_range ranges[1000];
  ptn_status status = good.vanished (a, c, id, since, uids, gone);
  if (status == PTN_OK && gone->count < 999) {
    memcpy (ranges, gone->ranges, gone->count * sizeof *ranges);
    ranges[gone->count].first = ranges[gone->count].last = 900000;
    *gone = (struct ptn_uid_set){ ranges, gone->count + 1 };
  }
  return status;
}

/* Events without origin: the maker is told too. */
static ptn_status
commit_tells_all (struct ptn_change *change, struct ptn_call *c) {
  ptn_status status = good.commit (change, c);
  const struct ptn_event event = { .size = sizeof event,
                                   .kinds = PTN_FLAGS_CHANGE,
                                   .account = "ann@example.test",
                                   .mailbox = last_mailbox };
  if (status == PTN_OK)
    host->publish (host, &event);
  return status;
}

const struct fault sharing_faults[] = {
  FAULT ("rights.none", "PTN_E_DENIED", status, status_denied),
  FAULT ("rights.owner", "has l and r", status, status_few_rights),
  FAULT ("threads.rights", "has all rights", status, status_all_rights),
  FAULT ("rights.entries", "are never removed", set_rights, rights_never_removed),
  FAULT ("rights.letters", "any letter is OK", set_rights, rights_invalid),
  FAULT ("rights.limit", "is not told", set_rights, rights_unlimited),
  FAULT ("rights.l", "nothing is checked", open, open_all_powerful),
  FAULT ("rights.r", "nothing is checked", open, open_all_powerful),
  FAULT ("rights.stw", "nothing is checked", open, open_all_powerful),
  FAULT ("rights.i", "nothing is checked", open, open_all_powerful),
  FAULT ("rights.e", "nobody moves", copy, move_denied),
  FAULT ("rights.k", "nothing is checked", open, open_all_powerful),
  FAULT ("rights.x", "nothing is checked", open, open_all_powerful),
  FAULT ("rights.a", "nobody sees rights", rights, rights_denied),
  FAULT ("rights.annotate", "nothing is checked", open, open_all_powerful),
  FAULT ("rights.annotations-of-copies", "nothing is checked", open, open_all_powerful),
  FAULT ("rights.groups", "are not looked at", open, open_without_groups),
  FAULT ("rights.administrator", "has no rights", open, open_powerless),
  FAULT ("rights.at-once", "rights are never taken away", open, open_all_powerful),
  FAULT ("rights.made-again", "has the old entries", remove, remove_nothing),
  FAULT ("rights.made-again", "has the old entries", create, create_again),
  FAULT ("rights.each-deed", "nothing is checked", open, open_all_powerful),
  FAULT ("rights.keyword", "nothing is needed", keyword, keyword_for_all),
  FAULT ("rights.all-or-nothing", "what is refused is OK", commit, commit_denied_is_ok),
  FAULT ("rights.all-or-nothing", "what is refused is OK", expunge, expunge_denied_is_ok),
  FAULT ("annotation.copy-private", "are shared by who opens the account", open, open_as_account),
  FAULT ("annotation.private", "are shared by who opens the account", open, open_as_account),
  FAULT ("rights.authzid", "those of the account", open, open_as_account),
  FAULT ("rights.move", "nobody moves", copy, move_denied),
  FAULT ("rights.inherit", "the one above has all", open, open_all_powerful),
  FAULT_CLAIM ("rights.restart", GONE),
  FAULT ("reader.reads", "all rights", status, status_all_rights),
  FAULT ("reader.messages", "is not looked at", open, open_for_everything),
  FAULT ("reader.mailboxes", "is not looked at", open, open_for_everything),
  FAULT ("reader.annotations", "is not looked at", open, open_for_everything),
  FAULT ("reader.recent", "is not looked at", open, open_for_everything),
  FAULT ("reader.granted", "is not looked at", open, open_for_everything),
  FAULT ("reader.administrator", "is not looked at", open, open_for_everything),
  FAULT ("reader.full", "only reads", open, open_for_reading),
  FAULT ("others.list", "the owner is not looked at", list_others, others_all),
  FAULT ("others.list-at-once", "is empty the second time", list_others, others_once),
  FAULT ("others.rights-row", "all rights", status, status_all_rights),
  FAULT ("others.groups", "are not looked at", open, open_without_groups),
  FAULT ("others.subscriptions", "of others are not kept", subscribe, subscribe_owner),
  FAULT ("others.own-by-name", "are not found", status, status_of_own_alone),
  FAULT ("public.mailboxes", "anybody creates", create, create_of_anybody),
  FAULT ("vanished.expunged", "forgets one", vanished, vanished_forgets_one),
  FAULT ("vanished.uids", "are not looked at", vanished, vanished_all),
  FAULT ("vanished.moved", "forgets one", vanished, vanished_forgets_one),
  FAULT ("vanished.many", "forgets one", vanished, vanished_forgets_one),
  FAULT ("vanished.expired", "forgets one", vanished, vanished_forgets_one),
  FAULT ("vanished.only", "one more", vanished, vanished_one_more),
  FAULT ("vanished.made-again", "one more", vanished, vanished_one_more),
  FAULT ("vanished.forgotten", "forgets one", vanished, vanished_forgets_one),
  FAULT_CLAIM ("vanished.restart", GONE),
  FAULT ("recent.claim", "for everybody", claim_recent, recent_always),
  FAULT ("recent.empty", "UID 0", claim_recent, recent_zero),
  FAULT ("recent.race", "for everybody", claim_recent, recent_always),
  FAULT ("recent.all-ways", "for nobody", claim_recent, recent_none),
  FAULT ("recent.expunged", "for nobody", claim_recent, recent_none),
  FAULT_CLAIM ("recent.restart", GONE),
  FAULT_CLAIM ("emailid.restart", GONE),
  FAULT_CLAIM ("thread.restart", GONE),
  FAULT ("digest.remember", "does nothing", remember, remember_nothing),
  FAULT_CLAIM ("digest.restart", GONE),
  FAULT_EVENTS ("event.message", LOST, PTN_MESSAGE_EXPUNGE),
  FAULT_EVENTS ("event.move", LOST, PTN_MESSAGE_APPEND),
  FAULT_EVENTS ("event.mailbox", LOST, PTN_MAILBOX_RENAME),
  FAULT_EVENTS ("event.quota", LOST, PTN_QUOTA_CHANGE),
  FAULT_EVENTS ("event.rights", LOST, PTN_ACL_CHANGE),
  FAULT_EVENTS ("event.annotation", LOST, PTN_ANNOTATION_CHANGE),
  FAULT_EVENTS ("event.special-use", LOST, ALL_KINDS),
  FAULT_EVENTS ("event.account", LOST, PTN_ACCOUNT_CLOSE),
  FAULT ("event.readable", "tells more than there is", deliver, deliver_tells_before),
  FAULT_EVENTS ("event.rename-inbox", LOST, PTN_MESSAGE_EXPUNGE),
  FAULT ("event.token", "told each time", commit, commit_tells_all),
  FAULT ("event.token", "told each time", set_flags, flags_note),
  FAULT ("event.origin", "is told", commit, commit_tells_all),
  FAULT ("event.origin", "is told", set_flags, flags_note),
  FAULT ("event.only-changes", "tells of reads", status, status_tells),
  FAULT_CLAIM ("restart.messages", GONE),
  FAULT_CLAIM ("restart.mailboxes", GONE),
  FAULT_CLAIM ("restart.uidnext", GONE),
  FAULT_CLAIM ("restart.removed", GONE),
  FAULT_CLAIM ("restart.keywords", GONE),
  FAULT_CLAIM ("restart.annotations", GONE),
  FAULT_CLAIM ("restart.quota", GONE),
  FAULT_CLAIM ("restart.modseqs", GONE),
  FAULT_CLAIM ("restart.token", GONE),
  FAULT_CLAIM ("restart.many", GONE),
  FAULT_CLAIM ("restart.unfinished", GONE),
  FAULT_CLAIM ("kill.acknowledged", GONE),
  FAULT_CLAIM ("kill.clean-stop", GONE),
  FAULT_CLAIM ("kill.while-starting", GONE),
  { NULL, NULL, SIZE_MAX, NULL, 0, 0 },
};
