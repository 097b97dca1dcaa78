/* SPDX-License-Identifier: GPL-3.0-or-later */
/* support.h - the store's own sources in a test: opened with any io table, looked into, copied as a
 * kill would leave it.  One fixture a test. */
#ifndef STORAGE_KYOTO_TESTS_SUPPORT_H
#define STORAGE_KYOTO_TESTS_SUPPORT_H

#include "harness/harness.h"

#include "../account.h"
#include "../change.h"
#include "../deliver.h"
#include "../verify.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

struct fixture {
  struct harness *harness;
  const struct ptn_host *host;
  struct ptn_task *task;
  char *folder; /* of the whole test */
  char *path;   /* of the store */
  struct store_settings settings;
  struct store *store;
  unsigned round; /* of populate */
};

int fixture_setup (void **state); /* one shard, no sync, not open yet */
int fixture_teardown (void **state);
#define STORE_TEST(function) \
  cmocka_unit_test_setup_teardown (function, fixture_setup, fixture_teardown)

ptn_status fixture_try_open (struct fixture *, const struct io *);
void fixture_open (struct fixture *); /* or fails the test */
void fixture_close (struct fixture *);
/* What a kill would leave: a copy of the open store, as NAME beside it; the path. */
char *fixture_copy (struct fixture *, const char *name);
/* Goes on with the store at another path (taken over). */
void fixture_move_to (struct fixture *, char *path);
void remove_tree (const char *path);

/* Runs an expression that names `&call` to its end. */
#define DO(f, expression)                                     \
  ({                                                          \
    struct ptn_call call = { .task = (f)->task };             \
    ptn_status do_ = HARNESS_AWAIT ((f)->task, (expression)); \
    (f)->host->call_end (&call);                              \
    do_;                                                      \
  })
#define assert_ok(expression) assert_int_equal ((expression), PTN_OK)

/* The result for the one target; *uid may be NULL. */
ptn_status try_deliver (struct fixture *, const char *account, const char *path, const void *data,
                        size_t size, uint32_t *uid);
uint32_t deliver (struct fixture *, const char *account, const char *text);
struct ptn_account *open_account (struct fixture *, const char *name);
bool find_mailbox (struct fixture *, const char *account, const char *path, struct ptn_id *);
/* The message's octets, or NULL with the status. */
char *read_text (struct fixture *, const char *account, const char *path, uint32_t uid,
                 ptn_status *);
ptn_status expunge (struct fixture *, const char *account, uint32_t first, uint32_t last);
/* A little of everything a log can hold, for three accounts. */
void populate (struct fixture *);

/* All rows of the index that recovery must bring back, as text, with the text of every message's
 * body checked. */
char *dump (struct store *);
/* Fails with the first problem that verify finds. */
void assert_sound (struct store *);

/* A file of a shard, whole. */
char *file_of (struct fixture *, const char *name, size_t *size);
void set_file (struct fixture *, const char *name, const void *data, size_t size);

/* Sound, and the same rows come from the log alone.  Opens the store anew. */
void assert_rebuilds (struct fixture *);

#endif
