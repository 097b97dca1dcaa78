/* SPDX-License-Identifier: Apache-2.0 */
/* fixture.h - a started store and short words for what tests do with it.
 *
 * One fixture a test, made by setup and freed by teardown, in the test's thread.  Words that
 * return nothing fail the test when the store does not say PTN_OK. */
#ifndef TESTS_STORE_FIXTURE_H
#define TESTS_STORE_FIXTURE_H

#include "harness/harness.h"

#include <glib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <cmocka.h>

struct fixture {
  struct harness *harness;
  const struct ptn_host *host;
  struct ptn_task *task;
  const struct ptn_store *store;
  void *instance;
  struct ptn_account *account; /* "ann@example.test" */
};

#define ANN "ann@example.test"
#define BOB "bob@example.test"

/* The module and its settings, from the command line. */
extern const char *store_module;
extern const char *const *store_settings;

int store_setup (void **state);
int store_teardown (void **state);
void store_load (struct fixture *);   /* into a harness that is there, and open ANN */
void store_unload (struct fixture *); /* close ANN, stop */
/* Does the store survive it?  Then it is stopped and started again; ANN is opened anew. */
bool store_restarts (struct fixture *);

/* Tests of what a store need not have begin with this.  A function that is there is tested also
 * when the capability is not declared; one that is declared must be there. */
#define UNLESS_OFFERED(f, capability, function, leave)     \
  if (!PTN_CAN ((f)->store, function)) {                   \
    assert_false ((f)->store->capabilities &(capability)); \
    leave;                                                 \
  }
#define DECLARES(f, capability) (((f)->store->capabilities & (capability)) != 0)

/* Calls until it is not PENDING, and ends the call; the expression names `&call`. */
#define DO(f, expression)                                          \
  ({                                                               \
    struct ptn_call call = { .task = (f)->task };                  \
    ptn_status do_status_ = HARNESS_AWAIT ((f)->task, expression); \
    (f)->host->call_end (&call);                                   \
    do_status_;                                                    \
  })
#define assert_ok(expression) assert_int_equal ((expression), PTN_OK)

#define NAME(text) ((struct ptn_mailbox_name){ NULL, (text) })
/* The set of up to four UIDs or ranges: UIDS ({ 1, 3 }, { 5, 5 }). */
#define UIDS(...)                                                               \
  ((struct ptn_uid_set){ (const struct ptn_uid_range[]){ __VA_ARGS__ },         \
                         sizeof ((const struct ptn_uid_range[]){ __VA_ARGS__ }) \
                             / sizeof (struct ptn_uid_range) })
#define ALL_UIDS UIDS ({ 1, UINT32_MAX })

#define OF(owner, text) ((struct ptn_mailbox_name){ (owner), (text) })

struct ptn_account *account_open (struct fixture *, const char *name);
/* The same with the rights of another, who is in these groups ("a b", NULL: none). */
struct ptn_account *account_open_as (struct fixture *, const char *name, const char *authzid,
                                     const char *groups, bool administrator);
/* Delivers to one INBOX or other mailbox of an account; the UID. */
uint32_t deliver (struct fixture *, const char *account, const char *path, const char *text);
/* Status of a mailbox of ANN, strings excepted. */
struct ptn_mailbox status_of (struct fixture *, const char *path);
/* What status says to this account; *row, if not NULL, is copied without its strings. */
ptn_status look_at (struct fixture *, struct ptn_account *, struct ptn_mailbox_name,
                    struct ptn_mailbox *row);
struct ptn_id id_of (struct fixture *, const char *path);
bool exists (struct fixture *, const char *path);
void make (struct fixture *, const char *path);
/* "INBOX a a/b" for a pattern. */
char *listed (struct fixture *, const char *pattern);
const struct ptn_view *view_of (struct fixture *, const char *path);
/* "1 2 3" */
char *uids_of (struct fixture *, const char *path);
/* "1:3,5" */
char *set_text (struct ptn_uid_set);
/* The octets of a message; g_free them. */
char *text_of (struct fixture *, const char *path, uint32_t uid);
ptn_status read_message (struct fixture *, const char *path, uint32_t uid, uint64_t offset,
                         uint64_t length, char **data, size_t *size);
/* All rows of fetch; an array of struct ptn_message. */
GArray *fetch_rows (struct fixture *, const char *path, struct ptn_uid_set, uint64_t changed_since);
struct ptn_quota quota_of (struct fixture *, struct ptn_account *);

struct ptn_change *begin (struct fixture *, const struct ptn_id *token);
void commit (struct fixture *, struct ptn_change *);
const struct ptn_outcome *outcome (struct fixture *, struct ptn_change *, uint32_t step);
void append_text (struct fixture *, struct ptn_change *, const char *path, const char *text);
/* Commits if this is PTN_OK, ends; the status of what failed first. */
ptn_status finish (struct fixture *, struct ptn_change *, ptn_status);
/* One change of one step, of any account, by id; whatever comes of it. */
ptn_status try_flags (struct fixture *, struct ptn_account *, const struct ptn_id *,
                      struct ptn_uid_set, ptn_flag_mode, ptn_flag_bits);
ptn_status try_copy (struct fixture *, struct ptn_account *, const struct ptn_id *from,
                     struct ptn_uid_set, const struct ptn_id *to, int move);
ptn_status try_expunge (struct fixture *, struct ptn_account *, const struct ptn_id *,
                        struct ptn_uid_set);
ptn_status try_append (struct fixture *, struct ptn_account *, const struct ptn_id *,
                       ptn_flag_bits);
ptn_status try_annotate (struct fixture *, struct ptn_account *, const struct ptn_id *,
                         struct ptn_uid_set, const char *name, const char *value);
ptn_status try_rights (struct fixture *, struct ptn_account *, const struct ptn_id *,
                       const char *who, const char *rights);

/* What a protocol tells of a message (struct ptn_description), and how often it was asked. */
struct telling {
  const char *digest;         /* NULL: none */
  size_t digest_size;         /* 0: as a text */
  const char *references[40]; /* NULL ends */
  ptn_status status;
  unsigned calls;
};
ptn_status tell (void *telling, struct ptn_description *);
/* Delivers with it, in small pieces with waits; what deliver says. */
ptn_status deliver_telling (struct fixture *, const char *account, const char *path,
                            const char *text, struct telling *, uint32_t *uid);
/* One row of a message, with these items; the digest is copied, g_free it. */
struct ptn_message message_of (struct fixture *, struct ptn_account *, const struct ptn_id *,
                               uint32_t uid, uint32_t items);

/* One change of one step. */
void set_flags (struct fixture *, const char *path, struct ptn_uid_set, ptn_flag_mode,
                ptn_flag_bits);
void expunge (struct fixture *, const char *path, struct ptn_uid_set);

/* The groups, each in its file. */
#define STORE_GROUPS(each)                                                                     \
  each (mailbox) each (delivery) each (message) each (change) each (flag) each (annotation)    \
      each (special_use) each (vanished) each (recent) each (ids) each (digests) each (events) \
          each (rights) each (others) each (waiting) each (thread) each (restart)
#define STORE_GROUP_DECLARED(name)               \
  extern const struct CMUnitTest name##_tests[]; \
  extern const size_t name##_test_count;
STORE_GROUPS (STORE_GROUP_DECLARED)

#define STORE_TEST(function) cmocka_unit_test_setup_teardown (function, store_setup, store_teardown)
#define STORE_GROUP(name, ...)                              \
  const struct CMUnitTest name##_tests[] = { __VA_ARGS__ }; \
  const size_t name##_test_count = sizeof name##_tests / sizeof name##_tests[0]

#endif
