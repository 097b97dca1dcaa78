/* SPDX-License-Identifier: Apache-2.0 */
/* retrieval_test.c - octets: stuffing, TOP, sizes, against a model that goes octet by octet. */
#include "client.h"

/* What RETR must send behind its first line; *octets: the size to be told. */
static GString *
model_retr (const char *data, size_t size, size_t *octets) {
  GString *answer = g_string_new (NULL);
  bool terminated = size >= 2 && memcmp (data + size - 2, "\r\n", 2) == 0;
  for (size_t i = 0; i < size; i++) {
    if (data[i] == '.' && (i == 0 || data[i - 1] == '\n'))
      g_string_append_c (answer, '.');
    g_string_append_c (answer, data[i]);
  }
  if (!terminated)
    g_string_append (answer, "\r\n");
  g_string_append (answer, ".\r\n");
  *octets = size + (terminated ? 0 : 2);
  return answer;
}

/* The part of a message that TOP n shows. */
static size_t
model_top (const char *data, size_t size, uint64_t lines) {
  size_t at = 0;
  bool body = false;
  while (at < size && !(body && lines == 0)) {
    size_t start = at;
    while (at < size && data[at] != '\n')
      at++;
    if (at == size)
      break;
    at++;
    size_t length = at - start;
    if (body)
      lines--;
    else
      body = length == 1 || (length == 2 && data[start] == '\r');
  }
  return at;
}

static void
check_message (struct server *server, const char *account, const char *const *data,
               const size_t *sizes, uint32_t count) {
  struct client *client = client_login (server, account, NULL);
  uint64_t total = 0;
  for (uint32_t i = 0; i < count; i++) {
    size_t octets;
    g_autoptr (GString) answer = model_retr (data[i], sizes[i], &octets);
    g_autofree char *command = g_strdup_printf ("LIST %u\r\nRETR %u\r\n", i + 1, i + 1);
    g_autofree char *first =
        g_strdup_printf ("+OK %u %zu\r\n+OK %zu octets\r\n", i + 1, octets, octets);
    client_say (client, command);
    client_expect (client, first);
    client_expect_octets (client, answer->str, answer->len);
    for (uint64_t lines = 0; lines < 4; lines++) {
      size_t ignored, part = model_top (data[i], sizes[i], lines);
      g_autoptr (GString) top = model_retr (data[i], part, &ignored);
      g_autofree char *ask = g_strdup_printf ("TOP %u %u\r\n", i + 1, (unsigned)lines);
      client_say (client, ask);
      client_expect (client, "+OK\r\n");
      client_expect_octets (client, top->str, top->len);
    }
    total += octets;
  }
  g_autofree char *stat = g_strdup_printf ("+OK %u %" G_GUINT64_FORMAT "\r\n", count, total);
  client_say (client, "STAT\r\n");
  client_expect (client, stat);
  client_free (&client);
}

#define TEXT(text) \
  { text, sizeof (text) - 1 }

static void
chosen_messages (void **state) {
  struct server *server = *state;
  static const struct {
    const char *data;
    size_t size;
  } messages[] = {
    TEXT (""),
    TEXT ("."),
    TEXT (".."),
    TEXT (".\r\n"),
    TEXT ("\r\n"),
    TEXT ("\n"),
    TEXT ("\r"),
    TEXT ("\r\r\n"),
    TEXT ("\n."),
    TEXT ("\n.\n."),
    TEXT ("\r\n.\r\n"),
    TEXT ("a\r\n.\r\nb\r\n"),
    TEXT ("a\n.\nb\n"),
    TEXT ("a\r.b\r\n"),
    TEXT ("no header and no end"),
    TEXT ("\r\nbody only\r\n.dot\r\n"),
    TEXT ("A: b\r\n\r\n1\r\n2\r\n3\r\n4\r\n"),
    TEXT ("A: b\n\n1\n2\n3\n4\n"),
    TEXT ("A: b\r\n\r\n"),
    TEXT ("A: b\r\n \r\n1\r\n"),
    TEXT ("A: \0b\0\r\n\r\n\0\0.\n.\0\r\n.."),
    TEXT ("A: b\r\n\r\n\r\n\r\n.\r\n"),
    TEXT ("A: b\r\n\r\r\n\r\nx\r\n"),
    TEXT ("line\r\n....\r\n"),
  };
  const char *data[G_N_ELEMENTS (messages)];
  size_t sizes[G_N_ELEMENTS (messages)];
  for (size_t i = 0; i < G_N_ELEMENTS (messages); i++) {
    data[i] = messages[i].data;
    sizes[i] = messages[i].size;
    deliver_octets (server, "ann", data[i], sizes[i]);
  }
  check_message (server, "ann", data, sizes, G_N_ELEMENTS (messages));
}

static void
dice_messages (void **state) {
  struct server *server = *state;
  static const char letters[] = ".\r\na\0";
  g_autoptr (GRand) dice = g_rand_new_with_seed (20261121);
  char *data[60];
  size_t sizes[60];
  for (int i = 0; i < 60; i++) {
    sizes[i] = (size_t)g_rand_int_range (dice, 0, i < 40 ? 400 : 5000);
    data[i] = g_malloc (sizes[i] + 1);
    for (size_t at = 0; at < sizes[i]; at++)
      data[i][at] =
          i % 3 ? letters[g_rand_int_range (dice, 0, 5)] : (char)g_rand_int_range (dice, 0, 256);
    deliver_octets (server, "ann", data[i], sizes[i]);
  }
  check_message (server, "ann", (const char *const *)data, sizes, 60);
  for (int i = 0; i < 60; i++)
    g_free (data[i]);
}

static void
big_messages (void **state) {
  struct server *server = *state;
  char *data[4];
  size_t sizes[4] = { 1000003, 300000, 2500000, 131072 };
  for (int i = 0; i < 4; i++) {
    data[i] = g_malloc (sizes[i]);
    for (size_t at = 0; at < sizes[i]; at++)
      data[i][at] = i == 0   ? 'x'                        /* one line of 1 MB */
                    : i == 1 ? at % 3 == 1 ? '\n' : '.'   /* a dot in each line, and more */
                    : i == 2 ? at % 77 == 76 ? '\n' : 'b' /* nothing to stuff */
                             : '.';
    if (i == 2)
      memcpy (data[2], "H: x\r\n\r\n", 8);
    deliver_octets (server, "ann", data[i], sizes[i]);
  }
  check_message (server, "ann", (const char *const *)data, sizes, 4);
  for (int i = 0; i < 4; i++)
    g_free (data[i]);
}

/* Dots at and around each place where a chunk or a block may end. */
static void
dots_at_seams (void **state) {
  struct server *server = *state;
  char *data[24];
  size_t sizes[24];
  for (int i = 0; i < 24; i++) {
    size_t seam = i < 8 ? 64 : i < 16 ? 16384 : 65536;
    sizes[i] = seam * 2;
    data[i] = g_malloc (sizes[i]);
    memset (data[i], 'x', sizes[i]);
    memcpy (data[i] + seam - 4 + i % 8, "\n.", 2);
    memcpy (data[i] + sizes[i] - 2, "\r\n", 2);
    deliver_octets (server, "ann", data[i], sizes[i]);
  }
  check_message (server, "ann", (const char *const *)data, sizes, 24);
  for (int i = 0; i < 24; i++)
    g_free (data[i]);
}

static void
ten_thousand_pipelined (void **state) {
  struct server *server = *state;
  g_autoptr (GString) commands = g_string_new (NULL), answers = g_string_new (NULL);
  deliver (server, "ann", "Subject: x\r\n\r\nbody\r\n.\r\n");
  for (int i = 0; i < 2500; i++) {
    g_string_append (commands, "NOOP\r\nRETR 1\r\nSTAT\r\nDELE 7\r\n");
    g_string_append (answers, "+OK\r\n+OK 23 octets\r\nSubject: x\r\n\r\nbody\r\n..\r\n.\r\n"
                              "+OK 1 23\r\n-ERR no such message, there are 1\r\n");
  }
  g_string_append (commands, "QUIT\r\n");
  g_string_append (answers, "+OK bye\r\n");
  struct client *client = client_login (server, "ann", NULL);
  /* the harness copies all input at each look: in pieces, as a network brings it */
  for (size_t at = 0; at < commands->len; at += 1400) {
    client_send (client, commands->str + at, MIN (1400, commands->len - at));
    if (!client->ended)
      client_step (client);
  }
  client_expect_octets (client, answers->str, answers->len);
  client_expect_end (client);
  client_free (&client);
}

static void
gone_while_it_is_sent (void **state) {
  struct server *server = *state;
  g_autofree char *big = g_strnfill (500000, 'x');
  deliver (server, "ann", big);
  for (int i = 0; i < 10; i++) {
    struct client *client = client_login (server, "ann", NULL);
    client_say (client, "RETR 1\r\n");
    int64_t deadline = INT64_MAX;
    for (int step = 0; step < i; step++)
      server->protocol->step (client->session, client->task, &deadline);
    client_free (&client);
  }
}

static void
removed_by_another (void **state) {
  struct server *server = *state;
  deliver (server, "ann", "one\r\n");
  deliver (server, "ann", "two\r\n");
  struct client *client = client_login (server, "ann", NULL);
  struct ptn_call call = { .task = server->task };
  ptn_status status =
      HARNESS_AWAIT (server->task,
                     server->store->remove_account (server->store_instance, &call, "ann"));
  assert_int_equal (status, PTN_OK);
  server->host->call_end (&call);
  client_say (client, "RETR 1\r\nSTAT\r\nDELE 2\r\nQUIT\r\n");
  client_expect_line (client, "-ERR this message was removed");
  client_expect (client, "+OK 2 10\r\n+OK deleted\r\n"); /* the snapshot stays */
  client_line (client); /* a mailbox that is gone: the store may call that either way */
  client_expect_end (client);
  client_free (&client);
}

int
main (int argc, char **argv) {
  const struct CMUnitTest tests[] = {
    POP3_TEST (chosen_messages),        POP3_TEST (dice_messages),
    POP3_TEST (big_messages),           POP3_TEST (dots_at_seams),
    POP3_TEST (ten_thousand_pipelined), POP3_TEST (gone_while_it_is_sent),
    POP3_TEST (removed_by_another),
  };
  return client_main (argc, argv, tests, G_N_ELEMENTS (tests));
}
