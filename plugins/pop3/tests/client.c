/* SPDX-License-Identifier: Apache-2.0 */
/* client.c - see client.h. */
#include "client.h"

const char *module_pop3, *module_store, *module_login;
const char *store_settings[8];
static char *line_taken;

int
client_main (int argc, char **argv, const struct CMUnitTest *tests, size_t count) {
  if (argc < 4) {
    fprintf (stderr, "usage: TEST POP3 STORE FAKE-LOGIN [STORE-SETTING]...\n");
    return 2;
  }
  module_pop3 = argv[1];
  module_store = argv[2];
  module_login = argv[3];
  for (int i = 4; i < argc && i < 4 + (int)G_N_ELEMENTS (store_settings) - 1; i++)
    store_settings[i - 4] = argv[i];
  int failed = _cmocka_run_group_tests ("pop3", tests, count, NULL, NULL);
  g_free (line_taken);
  return failed;
}

struct server *
server_new (const char *const *login_settings, const char *const *store_extra) {
  struct server *server = g_new0 (struct server, 1);
  server->harness = harness_new ();
  server->host = harness_host (server->harness);
  assert_int_equal (harness_load (server->harness, module_store,
                                  store_extra ? store_extra : store_settings),
                    PTN_OK);
  assert_int_equal (harness_load (server->harness, module_login, login_settings), PTN_OK);
  assert_int_equal (harness_load (server->harness, module_pop3, NULL), PTN_OK);
  assert_int_equal (harness_start (server->harness), PTN_OK);
  struct ptn_binding binding = harness_find (server->harness, PTN_PROTOCOL_ID, "pop3");
  server->protocol = binding.table;
  server->instance = binding.instance;
  binding = harness_find (server->harness, PTN_STORE_ID, NULL);
  server->store = binding.table;
  server->store_instance = binding.instance;
  server->task = harness_task_new (server->harness);
  return server;
}

void
server_free (struct server **server) {
  harness_task_free (&(*server)->task);
  harness_free (&(*server)->harness);
  g_free (*server);
  *server = NULL;
}

int
server_setup (void **state) {
  *state = server_new (NULL, NULL);
  return 0;
}

int
server_teardown (void **state) {
  struct server *server = *state;
  server_free (&server);
  return 0;
}

void
deliver_octets (struct server *server, const char *account, const char *data, size_t size) {
  struct ptn_source *source = harness_source_new (data, size, 0, false);
  struct ptn_append append = { .size = sizeof append, .source = source };
  struct ptn_target target = { account, "INBOX", 0, UINT64_MAX, UINT64_MAX };
  struct ptn_delivered result = { 0 };
  struct ptn_call call = { .task = server->task };
  assert_int_equal (HARNESS_AWAIT (server->task,
                                   server->store->deliver (server->store_instance, &call, &append,
                                                           &target, 1, &result)),
                    PTN_OK);
  server->host->call_end (&call);
  source->ops->close (source);
  assert_int_equal (result.status, PTN_OK);
}

void
deliver (struct server *server, const char *account, const char *text) {
  deliver_octets (server, account, text, strlen (text));
}

struct client *
client_new (struct server *server, const char *const *listener) {
  struct client *client = g_new0 (struct client, 1);
  client->server = server;
  client->task = harness_task_new (server->harness);
  client->stream = harness_stream_new (server->harness, client->task, 65536);
  client->output = g_string_new (NULL);
  client->info = (struct ptn_session_info){
    .size = sizeof client->info,
    .start_tls = 1,
    .listener = "pop3",
    .session_id = "s1",
    .server_name = "mail.example.test",
    .config = harness_listener (server->harness, listener),
  };
  assert_int_equal (server->protocol->open (server->instance, client->task, client->stream,
                                            &client->info, &client->session),
                    PTN_OK);
  return client;
}

void
client_free (struct client **pointer) {
  struct client *client = *pointer;
  if (client->session)
    client->server->protocol->close (client->session);
  harness_stream_free (&client->stream);
  harness_task_free (&client->task);
  g_string_free (client->output, TRUE);
  g_free (client);
  *pointer = NULL;
}

bool
client_step (struct client *client) {
  int64_t deadline = INT64_MAX;
  size_t size;
  ptn_status status = client->server->protocol->step (client->session, client->task, &deadline);
  g_autofree char *octets = harness_stream_take (client->stream, &size);
  g_string_append_len (client->output, octets, (gssize)size);
  if (status != PTN_OK && status != PTN_PENDING) {
    client->ended = true;
    client->status = status;
    client->server->protocol->close (client->session);
    client->session = NULL;
    return false;
  }
  /* Output that was taken is what a session may wait for. */
  return status == PTN_OK || size > 0;
}

/* Steps as long as there is something to do. */
static void
serve (struct client *client) {
  while (!client->ended && (client_step (client) || harness_poll (client->task)))
    ;
}

void
client_send (struct client *client, const char *data, size_t size) {
  harness_stream_feed (client->stream, data, size);
}

void
client_say (struct client *client, const char *text) {
  client_send (client, text, strlen (text));
}

static void
wait_for (struct client *client, size_t size) {
  serve (client);
  while (client->output->len < size && !client->ended) {
    harness_wait (client->task);
    serve (client);
  }
}

void
client_expect_octets (struct client *client, const char *data, size_t size) {
  wait_for (client, size);
  if (client->output->len < size || memcmp (client->output->str, data, size) != 0)
    fprintf (stderr, "expected: %.*s\ngot:      %s\n", (int)MIN (size, 300), data,
             client->output->str);
  assert_true (client->output->len >= size);
  assert_memory_equal (client->output->str, data, size);
  g_string_erase (client->output, 0, (gssize)size);
}

void
client_expect (struct client *client, const char *text) {
  client_expect_octets (client, text, strlen (text));
}

const char *
client_line (struct client *client) {
  const char *end;
  while (!(end = strstr (client->output->str, "\r\n")) && !client->ended)
    wait_for (client, client->output->len + 1);
  assert_non_null (end);
  size_t size = (size_t)(end - client->output->str) + 2;
  g_free (line_taken);
  line_taken = g_strndup (client->output->str, size);
  g_string_erase (client->output, 0, (gssize)size);
  return line_taken;
}

void
client_expect_line (struct client *client, const char *beginning) {
  const char *line = client_line (client);
  if (!g_str_has_prefix (line, beginning))
    fprintf (stderr, "expected: %s\ngot:      %s", beginning, line);
  assert_true (g_str_has_prefix (line, beginning));
}

void
client_skip_list (struct client *client) {
  while (strcmp (client_line (client), ".\r\n") != 0)
    ;
}

void
client_expect_end (struct client *client) {
  serve (client);
  while (!client->ended) {
    harness_wait (client->task);
    serve (client);
  }
  assert_string_equal (client->output->str, "");
}

void
client_expect_nothing (struct client *client) {
  serve (client);
  assert_false (client->ended);
  assert_string_equal (client->output->str, "");
}

struct client *
client_login (struct server *server, const char *name, const char *const *listener) {
  struct client *client = client_new (server, listener);
  g_autofree char *commands = g_strdup_printf ("USER %s\r\nPASS secret\r\n", name);
  client_expect_line (client, "+OK mail.example.test POP3 ready");
  client_say (client, commands);
  client_expect_line (client, "+OK");
  client_expect_line (client, "+OK");
  return client;
}
