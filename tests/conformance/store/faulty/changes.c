/* SPDX-License-Identifier: Apache-2.0 */
/* changes.c - faults of changes, flags, keywords, annotations, deliveries and quota. */
#include "faulty.h"

#define BEGIN(name)                                                                              \
  static ptn_status name (struct ptn_account *a, struct ptn_call *c, const struct ptn_id *token, \
                          struct ptn_change **change)
#define APPEND(name)                                                                              \
  static ptn_status name (struct ptn_change *change, struct ptn_call *c, const struct ptn_id *id, \
                          const struct ptn_append *append)
#define COPY(name)                                                            \
  static ptn_status name (struct ptn_change *change, struct ptn_call *c,      \
                          const struct ptn_id *from, struct ptn_uid_set uids, \
                          const struct ptn_id *to, int move)
#define FLAGS(name)                                                                               \
  static ptn_status name (struct ptn_change *change, struct ptn_call *c, const struct ptn_id *id, \
                          struct ptn_uid_set uids, ptn_flag_mode mode, ptn_flag_bits bits,        \
                          uint64_t since)
#define EXPUNGE(name)                                                                             \
  static ptn_status name (struct ptn_change *change, struct ptn_call *c, const struct ptn_id *id, \
                          struct ptn_uid_set uids, int only_deleted)
#define ANNOTATE(name)                                                                            \
  static ptn_status name (struct ptn_change *change, struct ptn_call *c, const struct ptn_id *id, \
                          struct ptn_uid_set uids, const char *word, struct ptn_bytes value)
#define COMMIT(name) static ptn_status name (struct ptn_change *change, struct ptn_call *c)
#define KEYWORD(name)                                                                         \
  static ptn_status name (struct ptn_account *a, struct ptn_call *c, const struct ptn_id *id, \
                          const char *word, int make, uint32_t *bit)
#define DELIVER(name)                                                                   \
  static ptn_status name (void *i, struct ptn_call *c, const struct ptn_append *append, \
                          const struct ptn_target *targets, size_t count,               \
                          struct ptn_delivered *results)
/* The row of an outcome, changed by `body`, which names it `row`. */
#define OUTCOME(name, body)                                         \
  static ptn_status name (struct ptn_change *change, uint32_t step, \
                          const struct ptn_outcome **result) {      \
    ptn_status status = good.outcome (change, step, result);        \
    if (status == PTN_OK) {                                         \
      struct ptn_outcome *row = KEEP (*result);                     \
      body;                                                         \
      *result = row;                                                \
    }                                                               \
    return status;                                                  \
  }
#define INSTEAD(status, of, by) ((status) == (of) ? (by) : (status))

static struct ptn_account *account; /* of the last begin */
static struct ptn_task *task;
static unsigned tokens;
static bool committed;

BEGIN (begin_notes) {
  account = a;
  task = c->task;
  committed = false;
  tokens += token != NULL;
  return good.begin (a, c, token, change);
}
BEGIN (begin_without_token) {
  return good.begin (a, c, NULL, change);
}
BEGIN (begin_one_token) {
  static const struct ptn_id one = { "one token" };
  return good.begin (a, c, token ? &one : NULL, change);
}

COMMIT (commit_second_token_not) {
  return tokens == 2 ? PTN_OK : good.commit (change, c);
}
COMMIT (commit_notes) {
  committed = true;
  return good.commit (change, c);
}
COMMIT (commit_to_nowhere) {
  ptn_status status = good.commit (change, c);
  return INSTEAD (status, PTN_E_NOT_FOUND, PTN_OK);
}
COMMIT (commit_over_quota) {
  ptn_status status = good.commit (change, c);
  return INSTEAD (status, PTN_E_OVERQUOTA, PTN_OK);
}

static void
end_commits (struct ptn_change *change) {
  struct ptn_call c = { .task = task };
  if (!committed)
    QUIETLY (&c, good.commit (change, &call));
  good.end (change);
}

OUTCOME (outcome_no_uids, row->uids.count = 0)
OUTCOME (outcome_no_sources, row->source_uids.count = 0)
OUTCOME (outcome_other_modseq, row->modseq++)
OUTCOME (outcome_no_modseq, row->modseq = 0)

static ptn_status
outcome_of_any_step (struct ptn_change *change, uint32_t step, const struct ptn_outcome **result) {
  return good.outcome (change, 0, result) == PTN_OK ? PTN_OK : PTN_OK;
}

APPEND (append_no_flags) {
  struct ptn_append other = *append;
  other.flags = 0;
  return good.append (change, c, id, &other);
}
APPEND (append_new_dates) {
  struct ptn_append other = *append;
  other.internal_date = MAX (append->internal_date, 0);
  return good.append (change, c, id, &other);
}
APPEND (append_always_ok) {
  ptn_status status = good.append (change, c, id, append);
  return status < 0 ? PTN_OK : status;
}
APPEND (append_undescribed) {
  struct ptn_append other = *append;
  other.describe = NULL;
  return good.append (change, c, id, &other);
}

/* --- flags -------------------------------------------------------------------------------------- */

FLAGS (flags_add) {
  mode = mode == PTN_FLAGS_REPLACE ? PTN_FLAGS_ADD : mode;
  return good.set_flags (change, c, id, uids, mode, bits, since);
}
FLAGS (flags_draft_for_unknown) {
  if (bits & UINT64_C (0xffe0))
    bits |= PTN_DRAFT;
  return good.set_flags (change, c, id, uids, mode, bits, since);
}
FLAGS (flags_of_there) {
  for (size_t i = 0; i < uids.count; i++)
    if (uids.ranges[i].first > 50)
      return PTN_E_NOT_FOUND;
  return good.set_flags (change, c, id, uids, mode, bits, since);
}
FLAGS (flags_in_any_case) {
  return good.set_flags (change, c, id, uids, mode, bits, UINT64_MAX);
}
FLAGS (flags_zero_is_none) {
  return good.set_flags (change, c, id, uids, mode, bits, since ? since : UINT64_MAX);
}
FLAGS (flags_at_once) {
  struct ptn_change *own = NULL;
  QUIETLY (c, good.begin (account, &call, NULL, &own));
  QUIETLY (c, good.set_flags (own, &call, id, uids, mode, bits, since));
  QUIETLY (c, good.commit (own, &call));
  good.end (own);
  return good.set_flags (change, c, id, uids, mode, bits, since);
}

EXPUNGE (expunge_all_flags) {
  return good.expunge (change, c, id, uids, 0);
}
EXPUNGE (expunge_empty_is_all) {
  static const struct ptn_uid_range all = { 1, UINT32_MAX };
  if (!uids.count)
    uids = (struct ptn_uid_set){ &all, 1 };
  return good.expunge (change, c, id, uids, only_deleted);
}
EXPUNGE (expunge_too_early) {
  if (only_deleted)
    uids.count = 0;
  return good.expunge (change, c, id, uids, only_deleted);
}
EXPUNGE (expunge_nothing) {
  uids.count = 0;
  return good.expunge (change, c, id, uids, only_deleted);
}

KEYWORD (keyword_other_bit) {
  ptn_status status = good.keyword (a, c, id, word, make, bit);
  if (status == PTN_OK)
    (*bit)++;
  return status;
}
KEYWORD (keyword_everywhere) {
  ptn_status status = good.keyword (a, c, id, word, make, bit);
  return INSTEAD (status, PTN_E_NOT_FOUND, PTN_OK);
}
KEYWORD (keyword_any_name) {
  ptn_status status = good.keyword (a, c, id, word, make, bit);
  return INSTEAD (status, PTN_E_INVALID, PTN_OK);
}
KEYWORD (keyword_unlimited) {
  ptn_status status = good.keyword (a, c, id, word, make, bit);
  return INSTEAD (status, PTN_E_LIMIT, PTN_OK);
}

/* --- copies ------------------------------------------------------------------------------------- */

COPY (copy_not_within) {
  if (memcmp (from, to, sizeof *from) == 0)
    return PTN_E_INVALID;
  return good.copy (change, c, from, uids, to, move);
}
COPY (move_is_copy) {
  return good.copy (change, c, from, uids, to, 0);
}
COPY (copy_to_nowhere) {
  ptn_status status = good.copy (change, c, from, uids, to, move);
  return INSTEAD (status, PTN_E_NOT_FOUND, PTN_OK);
}

/* --- annotations -------------------------------------------------------------------------------- */

static struct ptn_id first_annotated;
static bool renamed;

ANNOTATE (annotate_never_removes) {
  return value.data ? good.annotate (change, c, id, uids, word, value) : PTN_OK;
}
ANNOTATE (annotate_both) {
  static const struct ptn_id zero;
  if (memcmp (&first_annotated, &zero, sizeof zero) == 0)
    first_annotated = *id;
  QUIETLY (c, good.annotate (change, &call, &first_annotated, uids, word, value));
  return good.annotate (change, c, id, uids, word, value);
}
ANNOTATE (annotate_account) {
  return good.annotate (change, c, uids.count ? id : NULL, uids, word, value);
}
ANNOTATE (annotate_no_account) {
  return id ? good.annotate (change, c, id, uids, word, value) : PTN_E_NOT_FOUND;
}
ANNOTATE (annotate_at_once) {
  struct ptn_change *own = NULL;
  QUIETLY (c, good.begin (account, &call, NULL, &own));
  QUIETLY (c, good.annotate (own, &call, id, uids, word, value));
  QUIETLY (c, good.commit (own, &call));
  good.end (own);
  return good.annotate (change, c, id, uids, word, value);
}

ANNOTATE (annotate_any_name) {
  ptn_status status = good.annotate (change, c, id, uids, word, value);
  return INSTEAD (status, PTN_E_INVALID, PTN_OK);
}
COMMIT (commit_any) {
  ptn_status status = good.commit (change, c);
  return INSTEAD (status, PTN_E_INVALID, PTN_OK);
}
#define ANNOTATIONS(name)                                                                     \
  static ptn_status name (struct ptn_account *a, struct ptn_call *c, const struct ptn_id *id, \
                          struct ptn_uid_set uids, int all, const char *word,                 \
                          struct ptn_cursor **cursor)

ANNOTATIONS (annotations_all_names) {
  return good.annotations (a, c, id, uids, all, NULL, cursor);
}
ANNOTATIONS (annotations_lost_in_rename) {
  return good.annotations (a, c, id, uids, all, renamed ? "/nothing" : word, cursor);
}

static ptn_status
rename_marks (struct ptn_account *a, struct ptn_call *c, struct ptn_mailbox_name from,
              struct ptn_mailbox_name to) {
  renamed = true;
  return good.rename (a, c, from, to);
}

#define NEXT(name, body)                                                 \
  static ptn_status name (struct ptn_cursor *cursor, struct ptn_call *c, \
                          const struct ptn_annotation **result) {        \
    ptn_status status = good.next_annotation (cursor, c, result);        \
    if (status == PTN_OK) {                                              \
      struct ptn_annotation *row = KEEP (*result);                       \
      body;                                                              \
      *result = row;                                                     \
    }                                                                    \
    return status;                                                       \
  }
NEXT (next_other_uid, row->uid++)
NEXT (next_cut, row->value.size = MIN (row->value.size, 4096))

/* --- delivery ------------------------------------------------------------------------------------ */

DELIVER (deliver_bad_names) {
  ptn_status status = good.deliver (i, c, append, targets, count, results);
  for (size_t t = 0; status == PTN_OK && t < count; t++)
    results[t].status = INSTEAD (results[t].status, PTN_E_INVALID, PTN_OK);
  return status;
}
DELIVER (deliver_no_flags) {
  struct ptn_append other = *append;
  other.flags = 0;
  return good.deliver (i, c, &other, targets, count, results);
}
DELIVER (deliver_undescribed) {
  struct ptn_append other = *append;
  other.describe = NULL;
  return good.deliver (i, c, &other, targets, count, results);
}
DELIVER (deliver_not_below) {
  ptn_status status = good.deliver (i, c, append, targets, count, results);
  for (size_t t = 0; status == PTN_OK && t < count; t++)
    if (strchr (targets[t].path, '/'))
      results[t].status = PTN_E_NOT_FOUND;
  return status;
}
DELIVER (deliver_same_uid) {
  ptn_status status = good.deliver (i, c, append, targets, count, results);
  for (size_t t = 1; status == PTN_OK && t < count; t++)
    results[t].uid = results[0].uid;
  return status;
}
DELIVER (deliver_few) {
  return count > 64 ? PTN_E_LIMIT : good.deliver (i, c, append, targets, count, results);
}
DELIVER (deliver_always_ok) {
  ptn_status status = good.deliver (i, c, append, targets, count, results);
  return status < 0 ? PTN_OK : status;
}
DELIVER (deliver_without_limits) {
  struct ptn_target *others = keep (targets, count * sizeof *targets);
  for (size_t t = 0; t < count; t++)
    others[t].storage_limit = others[t].messages_limit = UINT64_MAX;
  return good.deliver (i, c, append, others, count, results);
}
DELIVER (deliver_wrong_uid) {
  ptn_status status = good.deliver (i, c, append, targets, count, results);
  for (size_t t = 0; status == PTN_OK && t < count; t++)
    results[t].uid -= results[t].uid > 5;
  return status;
}
DELIVER (deliver_and_fail) {
  static unsigned deliveries;
  ptn_status status = good.deliver (i, c, append, targets, count, results);
  if (status == PTN_OK && ++deliveries % 3 == 0)
    results[0].status = PTN_E_TEMPORARY;
  return status;
}
DELIVER (deliver_long_table) {
  struct ptn_append other = *append;
  other.size = sizeof other;
  return good.deliver (i, c, &other, targets, count, results);
}
DELIVER (deliver_to_last_part) {
  struct ptn_target *others = keep (targets, count * sizeof *targets);
  for (size_t t = 0; t < count; t++) {
    const char *slash = strrchr (targets[t].account, '/');
    others[t].account = slash ? slash + 1 : targets[t].account;
  }
  return good.deliver (i, c, append, others, count, results);
}
DELIVER (deliver_denied) {
  ptn_status status = good.deliver (i, c, append, targets, count, results);
  if (status == PTN_OK && strcmp (targets[0].path, "a") == 0)
    results[0].status = PTN_E_DENIED;
  return status;
}

static ptn_status
quota_unused (struct ptn_account *a, struct ptn_call *c, const struct ptn_quota **result) {
  ptn_status status = good.quota (a, c, result);
  if (status == PTN_OK) {
    struct ptn_quota *row = KEEP (*result);
    row->storage_used = 0;
    *result = row;
  }
  return status;
}

static ptn_status
set_quota_nothing (struct ptn_account *a, struct ptn_call *c, const struct ptn_quota *limits) {
  return PTN_OK;
}

static ptn_status
set_quota_above_use (struct ptn_account *a, struct ptn_call *c, const struct ptn_quota *limits) {
  return limits->storage_limit < 10 ? PTN_E_OVERQUOTA : good.set_quota (a, c, limits);
}

const struct fault change_faults[] = {
  FAULT ("uid.ascending", "wrong after an expunge", deliver, deliver_wrong_uid),
  FAULT ("flags.modes", "REPLACE adds", set_flags, flags_add),
  FAULT ("flags.unknown-bits", "are taken for Draft", set_flags, flags_draft_for_unknown),
  FAULT ("flags.missing-uids", "PTN_E_NOT_FOUND", set_flags, flags_of_there),
  FAULT ("flags.unchanged-since", "is not looked at", set_flags, flags_in_any_case),
  FAULT ("flags.unchanged-since-zero", "0 is taken for none", set_flags, flags_zero_is_none),
  FAULT ("modseq.one-a-change", "the outcome tells another", outcome, outcome_other_modseq),
  FAULT ("keyword.bit", "is the next one", keyword, keyword_other_bit),
  FAULT ("keyword.name", "any is OK", keyword, keyword_any_name),
  FAULT ("keyword.of-one-mailbox", "is in all", keyword, keyword_everywhere),
  FAULT ("keyword.limit", "is not told", keyword, keyword_unlimited),
  FAULT ("change.append", "no flags", append, append_no_flags),
  FAULT ("change.append.dates", "none before 1970", append, append_new_dates),
  FAULT ("change.append.failing-source", "is OK", append, append_always_ok),
  FAULT ("change.not-before-commit", "flags change at once", set_flags, flags_at_once),
  FAULT ("change.not-before-commit", "flags change at once", begin, begin_notes),
  FAULT ("change.all-or-nothing", "flags change at once", set_flags, flags_at_once),
  FAULT ("change.all-or-nothing", "flags change at once", begin, begin_notes),
  FAULT ("change.end-without-commit", "end commits", end, end_commits),
  FAULT ("change.end-without-commit", "end commits", begin, begin_notes),
  FAULT ("change.end-without-commit", "end commits", commit, commit_notes),
  FAULT ("change.modseq", "the outcome has none", outcome, outcome_no_modseq),
  FAULT ("change.expunge", "the outcome tells no UIDs", outcome, outcome_no_uids),
  FAULT ("change.expunge.only-deleted", "takes all", expunge, expunge_all_flags),
  FAULT ("change.empty", "no UIDs are taken for all", expunge, expunge_empty_is_all),
  FAULT ("change.outcome.range", "is OK", outcome, outcome_of_any_step),
  FAULT ("change.removed-meanwhile", "is OK", commit, commit_to_nowhere),
  FAULT ("change.steps-see-each-other", "they do not", expunge, expunge_too_early),
  FAULT ("change.failed", "what failed has happened", deliver, deliver_and_fail),
  FAULT ("token.once", "is not looked at", begin, begin_without_token),
  FAULT ("token.other", "all are one", begin, begin_one_token),
  FAULT ("token.of-one-account", "is of all", begin, begin_notes),
  FAULT ("token.of-one-account", "is of all", commit, commit_second_token_not),
  FAULT ("token.not-without-commit", "is used by begin", begin, begin_notes),
  FAULT ("token.not-without-commit", "is used by begin", commit, commit_second_token_not),
  FAULT ("copy.messages", "the outcome tells no sources", outcome, outcome_no_sources),
  FAULT ("copy.within", "PTN_E_INVALID", copy, copy_not_within),
  FAULT ("copy.missing", "is OK", copy, copy_to_nowhere),
  FAULT ("copy.missing", "is OK", commit, commit_to_nowhere),
  FAULT ("move.messages", "copies", copy, move_is_copy),
  FAULT ("annotation.messages", "of the next UID", next_annotation, next_other_uid),
  FAULT ("annotation.chosen", "all names", annotations, annotations_all_names),
  FAULT ("annotation.replaced", "never removed", annotate, annotate_never_removes),
  FAULT ("annotation.expunge", "expunge does nothing", expunge, expunge_nothing),
  FAULT ("annotation.copy", "the original is annotated too", annotate, annotate_both),
  FAULT ("annotation.mailbox", "goes to the account", annotate, annotate_account),
  FAULT ("annotation.rename", "are lost", annotations, annotations_lost_in_rename),
  FAULT ("annotation.rename", "are lost", rename, rename_marks),
  FAULT ("annotation.new-account", "PTN_E_NOT_FOUND", annotate, annotate_no_account),
  FAULT ("annotation.size", "4 KiB at most", next_annotation, next_cut),
  FAULT ("annotation.name", "any is OK", annotate, annotate_any_name),
  FAULT ("annotation.name", "any is OK", commit, commit_any),
  FAULT ("annotation.in-a-change", "happens at once", annotate, annotate_at_once),
  FAULT ("annotation.in-a-change", "happens at once", begin, begin_notes),
  FAULT ("deliver.many", "bad names are OK", deliver, deliver_bad_names),
  FAULT ("deliver.flags", "those of all are lost", deliver, deliver_no_flags),
  FAULT ("deliver.makes-mailbox", "not below others", deliver, deliver_not_below),
  FAULT ("deliver.target-twice", "one UID for both", deliver, deliver_same_uid),
  FAULT ("deliver.hundred", "64 at most", deliver, deliver_few),
  FAULT ("deliver.failing-source", "is OK", deliver, deliver_always_ok),
  FAULT ("deliver.target-limits", "are not looked at", deliver, deliver_without_limits),
  FAULT ("describe.once", "is not called", deliver, deliver_undescribed),
  FAULT ("describe.once", "is not called", append, append_undescribed),
  FAULT ("describe.short-table", "is called all the same", deliver, deliver_long_table),
  FAULT ("name.account", "is what stands behind the last '/'", deliver, deliver_to_last_part),
  FAULT ("rights.deliver", "are looked at", deliver, deliver_denied),
  FAULT ("quota.used", "is 0", quota, quota_unused),
  FAULT ("quota.limits", "are not kept", set_quota, set_quota_nothing),
  FAULT ("quota.changes", "over the limit is OK", commit, commit_over_quota),
  FAULT ("quota.below-used", "is refused", set_quota, set_quota_above_use),
  { NULL, NULL, SIZE_MAX, NULL, 0, 0 },
};
