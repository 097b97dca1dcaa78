/* SPDX-License-Identifier: Apache-2.0 */
/* kit.h - a started store and short words for what rules do with it.
 *
 * One fixture a rule, made by the runner in the rule's own process; threads of a rule take a copy
 * with fixture_join.  Words that return no status fail the rule when the store does not say PTN_OK.
 *
 * With a seed other than 0 the words are unkind, within the contract: they call a PENDING function
 * again before it woke anybody, wake the task for nothing, and give out sources in odd pieces. */
#ifndef CONFORMANCE_KIT_H
#define CONFORMANCE_KIT_H

#include "contract.h"
#include "harness/harness.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

struct fixture {
  struct harness *harness;
  const struct ptn_host *host;
  struct ptn_task *task;
  const struct ptn_store *store;
  void *instance;
  struct ptn_account *account; /* ANN, unless a rule opens another one */
  uint64_t dice;               /* 0: no unkindness */
  const char *directory;       /* the rule's own; the store's state is below it */
};

#define ANN "ann@example.test"
#define BOB "bob@example.test"

extern const struct rule_group store_groups[]; /* rules.c */

/* Loads and starts the store, opens ANN. */
void fixture_open (struct fixture *, const char *directory);
void fixture_close (struct fixture *); /* closes ANN, stops, destroys */
void fixture_load (struct fixture *);  /* into a harness that is there */
void fixture_unload (struct fixture *);
void fixture_restart (struct fixture *);
/* The same store in another thread: a task and an account of its own; and its end. */
void fixture_join (struct fixture *copy, const struct fixture *of, const char *account);
void fixture_leave (struct fixture *copy);
/* Runs `work` on a copy of the fixture in a new thread; join it with g_thread_join. */
struct worker {
  struct fixture f;
  const char *account;
  unsigned number;
  void (*work) (struct worker *);
  void *data;
};
GThread *worker_start (struct worker *, const struct fixture *of, const char *account,
                       unsigned number, void (*work) (struct worker *), void *data);

/* For the frame: the store's own words about the last error of this thread; or NULL. */
char *fixture_failure_text (void);
void fixture_tell_log (char *text, size_t size);

/* Below `limit`; 0 without a seed. */
uint32_t dice (struct fixture *, uint32_t limit);
/* After PENDING: waits for the wake, or not, as the dice say. */
void fixture_wait (struct fixture *, unsigned *times);
void fixture_call (struct fixture *, const char *expression, const char *file, int line);

/* Calls until it is not PENDING.  HELD leaves the call open: end it with END. */
#define HELD(f, expression)                              \
  ({                                                     \
    ptn_status held_status_;                             \
    unsigned held_times_ = 0;                            \
    fixture_call ((f), #expression, __FILE__, __LINE__); \
    while ((held_status_ = (expression)) == PTN_PENDING) \
      fixture_wait ((f), &held_times_);                  \
    held_status_;                                        \
  })
#define END(f, held) ((f)->host->call_end (&(held)))
#define CALL(f) ((struct ptn_call){ .task = (f)->task })
/* And ends the call; the expression names `&call`. */
#define DO(f, expression)                           \
  ({                                                \
    struct ptn_call call = CALL (f);                \
    ptn_status do_status_ = HELD ((f), expression); \
    END (f, call);                                  \
    do_status_;                                     \
  })
/* A function that no other test stands on must not be there: PTN_CAN, or the rule cannot run. */
#define CAN(f, function) PTN_CAN ((f)->store, function)

#define NAME(text) ((struct ptn_mailbox_name){ NULL, (text) })
#define THEIRS(owner, text) ((struct ptn_mailbox_name){ (owner), (text) })
/* A set of UIDs or ranges: UIDS ({ 1, 3 }, { 5, 5 }). */
#define UIDS(...)                                                               \
  ((struct ptn_uid_set){ (const struct ptn_uid_range[]){ __VA_ARGS__ },         \
                         sizeof ((const struct ptn_uid_range[]){ __VA_ARGS__ }) \
                             / sizeof (struct ptn_uid_range) })
#define UID(uid) UIDS ({ (uid), (uid) })
#define ALL_UIDS UIDS ({ 1, UINT32_MAX })
#define NO_UIDS ((struct ptn_uid_set){ 0 })

/* Accounts and mailboxes. */
struct ptn_account *account_open (struct fixture *, const char *name);
/* As another identity than the account's own; groups may be NULL, else NULL ends them. */
struct ptn_account *account_open_as (struct fixture *, const char *account, const char *authzid,
                                     const char *const *groups, bool administrator);
/* f->account becomes another one; returns the one before, for account_back. */
struct ptn_account *account_switch (struct fixture *, const char *name);
void account_back (struct fixture *, struct ptn_account *before);
/* Status of a mailbox of f->account, strings excepted. */
struct ptn_mailbox status_of (struct fixture *, const char *path);
ptn_status status_try (struct fixture *, struct ptn_mailbox_name, struct ptn_mailbox *copy);
struct ptn_id id_of (struct fixture *, const char *path);
bool same_id (const struct ptn_id *, const struct ptn_id *);
bool exists (struct fixture *, const char *path);
ptn_status create (struct fixture *, const char *path);
void make (struct fixture *, const char *path);
ptn_status drop (struct fixture *, const char *path);
ptn_status rename_to (struct fixture *, const char *from, const char *to);
ptn_status subscribe (struct fixture *, const char *path, int on);
/* Rights of others in a mailbox of f->account. */
ptn_status rights_try (struct fixture *, const char *path, const char *who, const char *rights);
void allow (struct fixture *, const char *path, const char *who, const char *rights);
/* The id of a mailbox of another owner, which must be there for f->account. */
struct ptn_id their_id (struct fixture *, const char *owner, const char *path);
/* "INBOX a a/b" for a pattern. */
char *listed (struct fixture *, const char *pattern);
void must_list (struct fixture *, const char *pattern, const char *wanted);
struct ptn_quota quota_of (struct fixture *);
ptn_status set_quota (struct fixture *, uint64_t storage, uint64_t messages);

/* Messages. */
const struct ptn_view *view_of (struct fixture *, const char *path);
char *uids_of (struct fixture *, const char *path); /* "1 2 3" */
void must_have_uids (struct fixture *, const char *path, const char *wanted);
ptn_flag_bits flags_of (struct fixture *, const char *path, uint32_t uid);
char *set_text (struct ptn_uid_set); /* "1:3,5" */
void must_be_set (struct ptn_uid_set, const char *wanted, const char *what);
char *text_of (struct fixture *, const char *path, uint32_t uid); /* g_free it */
void must_have_text (struct fixture *, const char *path, uint32_t uid, const char *wanted);
ptn_status read_message (struct fixture *, const char *path, uint32_t uid, uint64_t offset,
                         uint64_t length, char **data, size_t *size);
/* To the end, then closes it; chunks in files too. */
ptn_status source_drain (struct fixture *, struct ptn_source *, size_t max, char **data,
                         size_t *size);
/* All rows of fetch; an array of struct ptn_message. */
GArray *fetch_rows (struct fixture *, const char *path, struct ptn_uid_set, uint64_t changed_since);
struct ptn_message row_of (struct fixture *, const char *path, uint32_t uid);
#define ROW(rows, at) (&g_array_index ((rows), struct ptn_message, (at)))
ptn_status keyword (struct fixture *, const char *path, const char *word, int make_it,
                    uint32_t *bit);

/* Sources over memory; with a seed in odd pieces, with PENDING.  Close with source_close. */
struct ptn_source *source_of (struct fixture *, const void *data, size_t size);
void source_close (struct ptn_source *);

/* Delivery: to one mailbox; the UID. */
uint32_t deliver (struct fixture *, const char *account, const char *path, const char *text);
uint32_t deliver_octets (struct fixture *, const char *account, const char *path, const void *data,
                         size_t size);
/* Takes the source over. */
ptn_status deliver_many (struct fixture *, struct ptn_source *, ptn_flag_bits,
                         const struct ptn_target *, size_t count, struct ptn_delivered *results);
#define TARGET(account, path) ((struct ptn_target){ (account), (path), 0, UINT64_MAX, UINT64_MAX })

/* Changes. */
struct ptn_change *begin (struct fixture *, const struct ptn_id *token);
void commit (struct fixture *, struct ptn_change *);
ptn_status commit_try (struct fixture *, struct ptn_change *);
const struct ptn_outcome *outcome (struct fixture *, struct ptn_change *, uint32_t step);
void append_text (struct fixture *, struct ptn_change *, const char *path, const char *text);
ptn_status copy_step (struct fixture *, struct ptn_change *, const char *from, struct ptn_uid_set,
                      const char *to, int move);
ptn_status flags_step (struct fixture *, struct ptn_change *, const char *path, struct ptn_uid_set,
                       ptn_flag_mode, ptn_flag_bits, uint64_t unchanged_since);
ptn_status expunge_step (struct fixture *, struct ptn_change *, const char *path,
                         struct ptn_uid_set, int only_deleted);
/* Changes of one step. */
void set_flags (struct fixture *, const char *path, struct ptn_uid_set, ptn_flag_mode,
                ptn_flag_bits);
void expunge (struct fixture *, const char *path, struct ptn_uid_set);
void copy_to (struct fixture *, const char *from, struct ptn_uid_set, const char *to, int move);

/* Annotations; path NULL is the account, no UIDs the mailbox. */
ptn_status annotate_try (struct fixture *, const char *path, struct ptn_uid_set, const char *name,
                         const void *value, size_t size);
void annotate (struct fixture *, const char *path, struct ptn_uid_set, const char *name,
               const char *value);
/* "1 /a=x, 2 /a=y" */
char *annotations (struct fixture *, const char *path, struct ptn_uid_set, int all,
                   const char *name);
void must_annotate (struct fixture *, const char *path, struct ptn_uid_set, int all,
                    const char *name, const char *wanted);

/* What fails in a word is told with the line of the rule that said it. */
#define HERE(word, ...) (check_here (__FILE__, __LINE__), (word)(__VA_ARGS__))
#ifndef CONFORMANCE_WORDS
#define account_open(...) HERE (account_open, __VA_ARGS__)
#define allow(...) HERE (allow, __VA_ARGS__)
#define their_id(...) HERE (their_id, __VA_ARGS__)
#define account_open_as(...) HERE (account_open_as, __VA_ARGS__)
#define status_of(...) HERE (status_of, __VA_ARGS__)
#define exists(...) HERE (exists, __VA_ARGS__)
#define make(...) HERE (make, __VA_ARGS__)
#define must_list(...) HERE (must_list, __VA_ARGS__)
#define quota_of(...) HERE (quota_of, __VA_ARGS__)
#define view_of(...) HERE (view_of, __VA_ARGS__)
#define must_have_uids(...) HERE (must_have_uids, __VA_ARGS__)
#define flags_of(...) HERE (flags_of, __VA_ARGS__)
#define text_of(...) HERE (text_of, __VA_ARGS__)
#define must_have_text(...) HERE (must_have_text, __VA_ARGS__)
#define fetch_rows(...) HERE (fetch_rows, __VA_ARGS__)
#define row_of(...) HERE (row_of, __VA_ARGS__)
#define deliver_octets(...) HERE (deliver_octets, __VA_ARGS__)
#define append_text(...) HERE (append_text, __VA_ARGS__)
#define copy_to(...) HERE (copy_to, __VA_ARGS__)
#define must_annotate(...) HERE (must_annotate, __VA_ARGS__)
#define must_be_set(...) HERE (must_be_set, __VA_ARGS__)
#endif

#endif
