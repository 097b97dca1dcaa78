/* SPDX-License-Identifier: Apache-2.0 */
/* details_test.c - user+detail with each value of detail_mailboxes. */
#include "fixture.h"

static void
send_to (struct fixture *f, const char *const *names, const char *expected) {
  struct client *c = client_hello (f, "lmtp");
  client_say (c, "MAIL FROM:<a@far.example>", "250");
  size_t count = 0;
  for (; names[count]; count++) {
    g_autofree char *line = g_strdup_printf ("RCPT TO:<%s@example.test>", names[count]);
    client_say (c, line, "250");
  }
  client_send (c, "DATA\r\nx\r\n.\r\n");
  client_say (c, NULL, "354");
  while (count--)
    client_say (c, NULL, expected);
  client_close (&c);
}

static void
make_mailbox (struct fixture *f, const char *name, const char *path) {
  const struct ptn_host *host = harness_host (f->harness);
  struct ptn_identity identity = {
    .size = sizeof identity, .authcid = name, .authzid = name, .domain = "", .account = name
  };
  struct ptn_account *account;
  struct ptn_call call = { .task = f->task };
  assert_int_equal (HARNESS_AWAIT (f->task,
                                   f->store->open (f->store_instance, &call, &identity, &account)),
                    PTN_OK);
  host->call_end (&call);
  assert_int_equal (HARNESS_AWAIT (f->task,
                                   f->store->create (account, &call,
                                                     (struct ptn_mailbox_name){ NULL, path }, 0)),
                    PTN_OK);
  host->call_end (&call);
  f->store->close (account);
}

static void
no_details (void **state) {
  send_to (*state, (const char *const[]){ "alice+news", NULL }, "250");
  assert_int_equal (mailbox_count (*state, "alice", "INBOX"), 1);
  assert_int_equal (mailbox_count (*state, "alice", "news"), 0);
}

/* A mailbox that is there gets the mail; INBOX gets one copy for all that are not. */
static void
existing_ones (void **state) {
  make_mailbox (*state, "alice", "news");
  send_to (*state,
           (const char *const[]){ "alice+news", "alice+gone", "alice", "alice+lost", "bob+news",
                                  NULL },
           "250");
  assert_int_equal (mailbox_count (*state, "alice", "news"), 1);
  assert_int_equal (mailbox_count (*state, "alice", "INBOX"), 1);
  assert_int_equal (mailbox_count (*state, "alice", "gone"), 0);
  assert_int_equal (mailbox_count (*state, "bob", "INBOX"), 1);
}

static void
made_ones (void **state) {
  send_to (*state, (const char *const[]){ "alice+news/today", "alice+/x", "alice+*", NULL }, "250");
  assert_int_equal (mailbox_count (*state, "alice", "news/today"), 1);
  assert_int_equal (mailbox_count (*state, "alice", "INBOX"), 1);
}

/* More targets than are compared one by one; each gets one copy. */
static void
many (void **state) {
  struct client *c = client_hello (*state, "lmtp");
  client_say (c, "MAIL FROM:<a@far.example>", "250");
  for (int i = 0; i < 200; i++) {
    g_autofree char *line = g_strdup_printf ("RCPT TO:<u%d+d%d@example.test>", i % 40, i % 3);
    client_say (c, line, "250");
  }
  client_say (c, "DATA", "354");
  client_send (c, "x\r\n.\r\n");
  for (int i = 0; i < 200; i++)
    client_say (c, NULL, "250 2.1.5");
  client_close (&c);
  for (int i = 0; i < 40; i++) {
    g_autofree char *name = g_strdup_printf ("u%d", i);
    assert_int_equal (mailbox_count (*state, name, "INBOX"), 1);
  }
}

static int
setup (void **state, const char *details) {
  static const char *settings[] = { NULL, NULL };
  g_autofree char *setting = g_strdup_printf ("detail_mailboxes=%s", details);
  settings[0] = setting;
  delivery_settings = settings;
  int result = fixture_setup (state);
  delivery_settings = NULL;
  return result;
}

static int
setup_yes (void **state) {
  return setup (state, "yes");
}

static int
setup_create (void **state) {
  return setup (state, "create");
}

int
main (int argc, char **argv) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown (no_details, fixture_setup, fixture_teardown),
    cmocka_unit_test_setup_teardown (existing_ones, setup_yes, fixture_teardown),
    cmocka_unit_test_setup_teardown (many, setup_yes, fixture_teardown),
    cmocka_unit_test_setup_teardown (made_ones, setup_create, fixture_teardown),
  };
  return smtp_tests (argc, argv, tests, G_N_ELEMENTS (tests));
}
