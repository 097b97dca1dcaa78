/* SPDX-License-Identifier: Apache-2.0 */
/* fixture.h - a store and the index in the harness, and a model of what stands in which mailbox,
 * searched by brute force.  One thread. */
#ifndef SEARCH_FTS_TESTS_FIXTURE_H
#define SEARCH_FTS_TESTS_FIXTURE_H

#include "harness/harness.h"

#include <glib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

enum { BOXES = 3 };

struct mail {
  uint32_t uid;
  char *subject, *body; /* as written; shared by copies */
};

struct place {
  struct ptn_id id;
  uint32_t uidvalidity, uidnext;
  GPtrArray *mails; /* struct mail */
};

struct fixture {
  const char *const *index_settings;
  char *state;
  struct harness *harness;
  const struct ptn_host *host;
  const struct ptn_store *store;
  void *store_instance;
  const struct ptn_search_index *index;
  void *index_instance;
  struct ptn_task *task;
  struct ptn_call open, call;
  struct ptn_identity identity;
  struct ptn_account *account;
  struct place places[BOXES];
  GRand *dice;
  bool impatient; /* the index may answer before it has caught up */
  size_t unknown; /* ranges of the last answer that was checked */
};

extern const char *module_index, *module_store;
extern const char *store_settings[8];

struct fixture *fixture_new (const char *const *index_settings, uint32_t seed);
void fixture_free (struct fixture **);
/* Stops everything and starts it again on what is on the disk. */
void fixture_stop (struct fixture *);
void fixture_start (struct fixture *);
void fixture_restart (struct fixture *);
bool fixture_survives (void); /* the store keeps mail over a restart */
/* The index's file. */
char *fixture_file (struct fixture *);

/* A mail that the model does not know; its UID. */
uint32_t fixture_append (struct fixture *, unsigned place, const char *octets, size_t size);
void fixture_add (struct fixture *, unsigned place, const char *subject, const char *body);
void fixture_copy (struct fixture *, unsigned from, unsigned to, unsigned at, bool move);
void fixture_expunge (struct fixture *, unsigned place, unsigned at);

/* The UIDs that the index finds, after it was checked that they are those of the model. */
void fixture_check (struct fixture *, unsigned place, ptn_search_scope, const char *field,
                    const char *text);
ptn_status fixture_query (struct fixture *, unsigned place, const struct ptn_search_term *,
                          size_t count, struct ptn_call *, const struct ptn_search_result **);
/* A text of some words in some script. */
char *fixture_text (GRand *, unsigned words);
bool fixture_has (struct ptn_uid_set, uint32_t uid);

#endif
