/* SPDX-License-Identifier: Apache-2.0 */
/* retention_test.c - what QUIT removes, hides and keeps, and what a lost connection does. */
#include "client.h"

static void
session (struct server *server, const char *account, const char *commands, const char *answers) {
  struct client *client = client_login (server, account, NULL);
  client_say (client, commands);
  client_expect (client, answers);
  client_expect_end (client);
  client_free (&client);
}

/* Messages that are in INBOX, whatever POP3 shows. */
static uint32_t
stored (struct server *server, const char *account) {
  const struct ptn_store *store = server->store;
  const struct ptn_identity identity = {
    .size = sizeof identity,
    .authcid = account,
    .authzid = account,
    .domain = "",
    .account = account,
  };
  struct ptn_account *open = NULL;
  const struct ptn_mailbox *row = NULL;
  struct ptn_call call = { .task = server->task };
  assert_int_equal (HARNESS_AWAIT (server->task,
                                   store->open (server->store_instance, &call, &identity, &open)),
                    PTN_OK);
  server->host->call_end (&call);
  ptn_status status =
      HARNESS_AWAIT (server->task,
                     store->status (open, &call, (struct ptn_mailbox_name){ NULL, "INBOX" }, &row));
  uint32_t messages = status == PTN_OK ? row->messages : 0;
  server->host->call_end (&call);
  store->close (open);
  return messages;
}

static void
deliver_three (struct server *server, const char *account) {
  deliver (server, account, "one\r\n");
  deliver (server, account, "second\r\n");
  deliver (server, account, "the third\r\n");
}

static void
only_quit_deletes (void **state) {
  struct server *server = *state;
  deliver_three (server, "ann");
  struct client *client = client_login (server, "ann", NULL);
  client_say (client, "DELE 1\r\nDELE 3\r\n");
  client_expect (client, "+OK deleted\r\n+OK deleted\r\n");
  client_free (&client); /* lost */
  assert_int_equal (stored (server, "ann"), 3);
  session (server, "ann", "STAT\r\nDELE 1\r\nDELE 2\r\nRSET\r\nDELE 2\r\nQUIT\r\n",
           "+OK 3 24\r\n+OK deleted\r\n+OK deleted\r\n+OK 3 messages (24 octets)\r\n"
           "+OK deleted\r\n+OK bye, 1 messages removed\r\n");
  assert_int_equal (stored (server, "ann"), 2);
  session (server, "ann", "LIST\r\nQUIT\r\n",
           "+OK 2 messages (16 octets)\r\n1 5\r\n2 11\r\n.\r\n+OK bye\r\n");
}

static void
hidden_mail_stays (void **state) {
  struct server *server = *state;
  deliver_three (server, "hide-me");
  session (server, "hide-me", "DELE 2\r\nQUIT\r\n",
           "+OK deleted\r\n+OK bye, 1 messages removed\r\n");
  assert_int_equal (stored (server, "hide-me"), 3);
  session (server, "hide-me", "LIST\r\nRETR 2\r\nQUIT\r\n",
           "+OK 2 messages (16 octets)\r\n1 5\r\n2 11\r\n.\r\n"
           "+OK 11 octets\r\nthe third\r\n.\r\n+OK bye\r\n");
  deliver (server, "hide-me", "new\r\n");
  session (server, "hide-me", "STAT\r\nQUIT\r\n", "+OK 3 21\r\n+OK bye\r\n");
}

static void
kept_mail_stays (void **state) {
  struct server *server = *state;
  deliver_three (server, "keep-it");
  session (server, "keep-it", "RETR 1\r\nDELE 1\r\nDELE 2\r\nQUIT\r\n",
           "+OK 5 octets\r\none\r\n.\r\n+OK deleted\r\n+OK deleted\r\n"
           "+OK bye, 0 messages removed\r\n");
  session (server, "keep-it", "STAT\r\nQUIT\r\n", "+OK 3 24\r\n+OK bye\r\n");
  assert_int_equal (stored (server, "keep-it"), 3);
}

static void
expired_mail_goes (void **state) {
  struct server *server = *state;
  deliver_three (server, "now");
  session (server, "now", "RETR 1\r\nTOP 2 0\r\nDELE 3\r\nSTAT\r\nQUIT\r\n",
           "+OK 5 octets\r\none\r\n.\r\n+OK\r\nsecond\r\n.\r\n+OK deleted\r\n+OK 2 13\r\n"
           "+OK bye, 0 messages removed\r\n");
  assert_int_equal (stored (server, "now"), 3);
  session (server, "now", "LIST\r\nQUIT\r\n", /* TOP is no retrieval */
           "+OK 1 messages (8 octets)\r\n1 8\r\n.\r\n+OK bye\r\n");
  assert_int_equal (stored (server, "now"), 1);
}

static void
lost_connection_counts_as_retrieval (void **state) {
  struct server *server = *state;
  deliver_three (server, "now");
  struct client *client = client_login (server, "now", NULL);
  client_say (client, "RETR 2\r\nDELE 1\r\n");
  client_expect (client, "+OK 8 octets\r\nsecond\r\n.\r\n+OK deleted\r\n");
  client_free (&client);
  for (int tries = 0;; tries++) { /* noted by a task of its own, which has the lock */
    assert_in_range (tries, 0, 1000);
    client = client_new (server, NULL);
    client_expect_line (client, "+OK");
    client_say (client, "USER now\r\nPASS secret\r\n");
    client_expect_line (client, "+OK");
    if (client_line (client)[0] == '+')
      break;
    client_free (&client);
    g_usleep (1000);
  }
  client_say (client, "LIST\r\n");
  client_expect (client, "+OK 2 messages (16 octets)\r\n1 5\r\n2 11\r\n.\r\n");
  client_free (&client);
}

static void
unknown_retention_deletes_nothing (void **state) {
  struct server *server = *state;
  deliver_three (server, "odd");
  session (server, "odd", "DELE 1\r\nQUIT\r\n", "+OK deleted\r\n+OK bye, 0 messages removed\r\n");
  assert_int_equal (stored (server, "odd"), 3);
}

static void
update_that_fails (void **state) {
  if (!strstr (module_store, "storage-memory")) /* only that one fails on demand */
    skip ();
  static const char *const failing[] = { "seed=7", "failures=100", NULL };
  struct server *server = server_new (NULL, failing);
  struct client *client = client_login (server, "ann", NULL);
  client_say (client, "QUIT\r\n");
  client_expect (client, "+OK bye\r\n");
  client_free (&client);
  server_free (&server);
  static const char *const sometimes[] = { "seed=7", "failures=50", "pending=30", NULL };
  server = server_new (NULL, sometimes);
  unsigned failed = 0, done = 0;
  for (int i = 0; i < 40; i++) {
    struct ptn_source *source = harness_source_new ("x\r\n", 3, 0, false);
    struct ptn_append append = { .size = sizeof append, .source = source };
    struct ptn_target target = { "ann", "INBOX", 0, UINT64_MAX, UINT64_MAX };
    struct ptn_delivered result = { 0 };
    struct ptn_call call = { .task = server->task };
    HARNESS_AWAIT (server->task, server->store->deliver (server->store_instance, &call, &append,
                                                         &target, 1, &result));
    server->host->call_end (&call);
    source->ops->close (source);
    uint32_t before = stored (server, "ann");
    if (!before)
      continue;
    client = client_login (server, "ann", NULL);
    client_say (client, "DELE 1\r\nQUIT\r\n");
    client_expect (client, "+OK deleted\r\n");
    bool good = client_line (client)[0] == '+';
    client_expect_end (client);
    client_free (&client);
    assert_int_equal (stored (server, "ann"), before - good);
    good ? done++ : failed++;
  }
  assert_true (failed > 3 && done > 3);
  server_free (&server);
}

int
main (int argc, char **argv) {
  const struct CMUnitTest tests[] = {
    POP3_TEST (only_quit_deletes),
    POP3_TEST (hidden_mail_stays),
    POP3_TEST (kept_mail_stays),
    POP3_TEST (expired_mail_goes),
    POP3_TEST (lost_connection_counts_as_retrieval),
    POP3_TEST (unknown_retention_deletes_nothing),
    POP3_TEST (update_that_fails),
  };
  return client_main (argc, argv, tests, G_N_ELEMENTS (tests));
}
