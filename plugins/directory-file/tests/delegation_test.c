/* SPDX-License-Identifier: Apache-2.0 */
/* delegation_test.c - who opens whose mailbox, and what they may do there. */
#include "fixture.h"

static const char people[] = "[alice]\n"
                             "auth.ntlmv1 = yes\n"
                             "delegates = bob\n"
                             "readers = carol, bob, $staff\n"
                             "[bob]\n"
                             "[carol]\n"
                             "[dora]\n"
                             "[eric]\n"
                             "[root]\n"
                             "may_open = $staff, eric\n"
                             "[chief]\n"
                             "may_open = *\n"
                             "[gone]\n"
                             "disabled = 2026-01-01\n"
                             "delegates = bob\n"
                             "[group staff]\n"
                             "members = dora\n";

static const struct {
  const char *user, *mailbox, *authzid;
  ptn_access granted; /* by the caller */
  ptn_status status;
  ptn_access access;
  const char *as; /* authzid afterwards */
} opened[] = {
  { "alice", "alice", "alice", 0, PTN_OK, PTN_ACCESS_FULL, "alice" },
  { "bob", "alice", "bob", 0, PTN_OK, PTN_ACCESS_FULL, "bob" },
  { "bob", "alice", "alice", 0, PTN_OK, PTN_ACCESS_FULL, "alice" },
  { "carol", "alice", "carol", 0, PTN_OK, PTN_ACCESS_READ, "carol" },
  { "carol", "alice", "alice", 0, PTN_OK, PTN_ACCESS_READ, "carol" },
  { "carol", "alice", "alice", PTN_ACCESS_FULL, PTN_OK, PTN_ACCESS_FULL, "alice" },
  { "bob", "alice", "alice", PTN_ACCESS_READ, PTN_OK, PTN_ACCESS_FULL, "alice" },
  { "dora", "alice", "dora", 0, PTN_OK, PTN_ACCESS_READ, "dora" },
  { "eric", "alice", "eric", 0, PTN_E_DENIED, 0, NULL },
  { "eric", "alice", "eric", PTN_ACCESS_READ, PTN_OK, PTN_ACCESS_READ, "eric" },
  { "root", "dora", "root", 0, PTN_OK, PTN_ACCESS_FULL, "root" },
  { "root", "eric", "root", 0, PTN_OK, PTN_ACCESS_FULL, "root" },
  { "root", "alice", "root", 0, PTN_E_DENIED, 0, NULL },
  { "chief", "alice", "chief", 0, PTN_OK, PTN_ACCESS_FULL, "chief" },
  { "chief", "root", "root", 0, PTN_OK, PTN_ACCESS_FULL, "root" },
  { "bob", "gone", "bob", 0, PTN_E_DISABLED, 0, NULL },
};

static void
mailboxes_are_opened (void **state) {
  (void)state;
  struct fixture *f = fixture_new (people, NULL);
  const struct ptn_directory *directory = f->directory.table;
  for (size_t i = 0; i < G_N_ELEMENTS (opened); i++) {
    struct ptn_identity identity = { .size = sizeof identity,
                                     .authcid = opened[i].user,
                                     .authzid = opened[i].authzid,
                                     .domain = "",
                                     .account = opened[i].mailbox,
                                     .access = opened[i].granted };
    const ptn_status status =
        directory->authorize (f->directory.instance, &f->call, &f->request, &identity);
    if (status != opened[i].status
        || (status == PTN_OK
            && (identity.access != opened[i].access
                || strcmp (identity.authzid, opened[i].as) != 0)))
      fail_msg ("%zu: status %d, access %u, as %s", i, status, identity.access, identity.authzid);
    f->host->call_end (&f->call);
  }
  fixture_free (f);
}

/* Words that plugins look for pass as they stand. */
static void
attributes_pass (void **state) {
  (void)state;
  struct fixture *f = fixture_new (people, NULL);
  const struct ptn_directory *directory = f->directory.table;
  struct ptn_identity identity = {
    .size = sizeof identity, .authcid = "bob", .authzid = "bob", .domain = "", .account = "alice"
  };
  assert_int_equal (directory->authorize (f->directory.instance, &f->call, &f->request, &identity),
                    PTN_OK);
  bool found = false;
  for (size_t i = 0; i < identity.attributes.count; i++)
    found |= strcmp (identity.attributes.items[i], "auth.ntlmv1=yes") == 0;
  assert_true (found);
  fixture_free (f);
}

static void
readers_do_not_send (void **state) {
  (void)state;
  struct fixture *f = fixture_new (people, NULL);
  const struct ptn_directory *directory = f->directory.table;
  static const struct {
    const char *user, *mailbox;
    ptn_access access;
    const char *address;
    ptn_status status;
  } cases[] = {
    { "bob", "alice", PTN_ACCESS_FULL, "alice@example.test", PTN_OK },
    { "carol", "alice", PTN_ACCESS_READ, "alice@example.test", PTN_E_DENIED },
    { "carol", "alice", PTN_ACCESS_READ, "carol@example.test", PTN_OK },
    { "carol", "carol", PTN_ACCESS_FULL, "alice@example.test", PTN_E_DENIED },
    { "eric", "alice", PTN_ACCESS_FULL, "alice@example.test", PTN_OK }, /* by posternctl */
    { "chief", "alice", PTN_ACCESS_FULL, "alice@example.test", PTN_OK },
    { "chief", "chief", PTN_ACCESS_FULL, "alice@example.test", PTN_E_DENIED },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    const struct ptn_identity identity = { .size = sizeof identity,
                                           .authcid = cases[i].user,
                                           .authzid = cases[i].user,
                                           .domain = "",
                                           .account = cases[i].mailbox,
                                           .access = cases[i].access };
    const ptn_status status =
        directory->may_send_as (f->directory.instance, &f->call, &identity, cases[i].address);
    if (status != cases[i].status)
      fail_msg ("%zu: %d", i, status);
  }
  fixture_free (f);
}

int
main (int count, char **arguments) {
  (void)count;
  fixture_module = arguments[1];
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (mailboxes_are_opened),
    cmocka_unit_test (attributes_pass),
    cmocka_unit_test (readers_do_not_send),
  };
  return cmocka_run_group_tests_name ("directory-file: delegation", tests, NULL, NULL);
}
