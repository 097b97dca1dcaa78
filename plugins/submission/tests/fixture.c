/* SPDX-License-Identifier: Apache-2.0 */
/* fixture.c - see fixture.h. */
#include "fixture.h"

static const char *modules[4];
static const char *pending = "0";
const char *const *delivery_settings;

/* --- the server --------------------------------------------------------------------------- */

int
smtp_tests (int argc, char **argv, const struct CMUnitTest *tests, size_t count) {
  g_assert (argc >= 5);
  for (int i = 0; i < 4; i++)
    modules[i] = argv[i + 1];
  if (argc > 5)
    pending = argv[5];
  return _cmocka_run_group_tests ("smtp", tests, count, NULL, NULL);
}

int
fixture_setup (void **state) {
  struct fixture *f = g_new0 (struct fixture, 1);
  g_autofree char *percent = g_strdup_printf ("pending=%s", pending);
  const char *const waits[] = { "seed=7", percent, NULL };
  f->harness = harness_new ();
  assert_int_equal (harness_load (f->harness, modules[0], waits), PTN_OK);
  assert_int_equal (harness_load (f->harness, modules[1], waits), PTN_OK);
  assert_int_equal (harness_load (f->harness, modules[2], delivery_settings), PTN_OK);
  assert_int_equal (harness_load (f->harness, modules[3], NULL), PTN_OK);
  assert_int_equal (harness_start (f->harness), PTN_OK);
  struct ptn_binding binding = harness_find (f->harness, PTN_PROTOCOL_ID, "smtp");
  f->protocol = binding.table;
  f->protocol_instance = binding.instance;
  binding = harness_find (f->harness, PTN_STORE_ID, NULL);
  f->store = binding.table;
  f->store_instance = binding.instance;
  f->task = harness_task_new (f->harness);
  *state = f;
  return 0;
}

int
fixture_teardown (void **state) {
  struct fixture *f = *state;
  harness_task_free (&f->task);
  harness_free (&f->harness);
  g_free (f);
  return 0;
}

/* --- the client --------------------------------------------------------------------------- */

struct client *
client_new (struct fixture *f, const char *const *settings) {
  struct client *c = g_new0 (struct client, 1);
  c->fixture = f;
  c->task = harness_task_new (f->harness);
  c->stream = harness_stream_new (f->harness, c->task, 65536);
  c->output = g_string_new (NULL);
  c->info = (struct ptn_session_info){ .size = sizeof c->info,
                                       .start_tls = 1,
                                       .listener = "test",
                                       .session_id = "S1",
                                       .server_name = "mail.example.test",
                                       .config = harness_listener (f->harness, settings) };
  assert_int_equal (f->protocol->open (f->protocol_instance, c->task, c->stream, &c->info,
                                       &c->session),
                    PTN_OK);
  c->last = PTN_OK;
  return c;
}

void
client_close (struct client **pointer) {
  struct client *c = *pointer;
  c->fixture->protocol->close (c->session);
  harness_stream_free (&c->stream);
  harness_task_free (&c->task);
  g_string_free (c->output, TRUE);
  g_free (c);
  *pointer = NULL;
}

static void
step (struct client *c) {
  int64_t deadline = INT64_MAX;
  size_t size;
  c->last = c->fixture->protocol->step (c->session, c->task, &deadline);
  g_autofree char *taken = harness_stream_take (c->stream, &size);
  g_string_append_len (c->output, taken, (gssize)size);
}

void
client_settle (struct client *c) {
  while (c->last == PTN_OK || (c->last == PTN_PENDING && harness_poll (c->task)))
    step (c);
  /* The store's wakes come a little later. */
  for (int i = 0; i < 3 && c->last == PTN_PENDING; i++) {
    g_usleep (300);
    while (c->last == PTN_OK || (c->last == PTN_PENDING && harness_poll (c->task)))
      step (c);
  }
}

void
client_send_octets (struct client *c, const void *data, size_t size) {
  harness_stream_feed (c->stream, data, size);
}

void
client_send (struct client *c, const char *text) {
  client_send_octets (c, text, strlen (text));
}

/* The end of the first whole reply in the output, or NULL. */
static const char *
reply_end (const char *text) {
  for (;;) {
    const char *lf = strchr (text, '\n');
    if (!lf)
      return NULL;
    assert_true (lf - text >= 5 && lf[-1] == '\r');
    assert_true (g_ascii_isdigit (text[0]) && g_ascii_isdigit (text[1])
                 && g_ascii_isdigit (text[2]));
    assert_true (lf - text <= 511);
    if (text[3] == ' ')
      return lf + 1;
    assert_int_equal (text[3], '-');
    text = lf + 1;
  }
}

const char *
client_reply (struct client *c) {
  static char reply[4096];
  const char *end;
  while (!(end = reply_end (c->output->str))) {
    if (c->last != PTN_OK && c->last != PTN_PENDING)
      fail_msg ("the connection ended (%d) instead of a reply", c->last);
    if (c->last == PTN_PENDING)
      harness_wait (c->task);
    step (c);
  }
  size_t size = (size_t)(end - c->output->str), n = 0;
  assert_true (size < sizeof reply);
  for (size_t i = 0; i + 2 < size; i++)
    if (c->output->str[i] != '\r')
      reply[n++] = c->output->str[i];
  reply[n] = '\0';
  g_string_erase (c->output, 0, (gssize)size);
  return reply;
}

void
client_say (struct client *c, const char *line, const char *expected) {
  if (line) {
    client_send (c, line);
    client_send (c, "\r\n");
  }
  const char *reply = client_reply (c);
  if (strncmp (reply, expected, strlen (expected)))
    fail_msg ("said <%s>\nexpected <%s>\ngot      <%s>", line ? line : "", expected, reply);
}

void
client_run (struct client *c) {
  for (;;) {
    if (c->last != PTN_OK && c->last != PTN_PENDING)
      return;
    if (c->last == PTN_PENDING)
      harness_wait (c->task);
    step (c);
  }
}

void
client_expect_end (struct client *c) {
  client_run (c);
  assert_int_equal (c->last, PTN_END);
  assert_string_equal (c->output->str, "");
}

struct client *
client_hello (struct fixture *f, const char *kind) {
  g_autofree char *setting = g_strdup_printf ("kind=%s", kind);
  const char *const settings[] = { setting, NULL };
  bool lmtp = !strcmp (kind, "lmtp");
  struct client *c = client_new (f, settings);
  client_say (c, NULL, "220 mail.example.test ");
  client_say (c, lmtp ? "LHLO me.example" : "EHLO me.example", "250-mail.example.test");
  return c;
}

void
client_login (struct client *c, const char *user) {
  g_autoptr (GString) plain = g_string_new (NULL);
  g_string_append_len (plain, "\0", 1);
  g_string_append (plain, user);
  g_string_append_len (plain, "\0secret", 7);
  g_autofree char *text = g_base64_encode ((const guchar *)plain->str, plain->len);
  g_autofree char *line = g_strconcat ("AUTH PLAIN ", text, NULL);
  client_say (c, line, "235 2.7.0");
}

/* --- the store ------------------------------------------------------------------------------ */

static GString *
read_mail (struct fixture *f, struct ptn_account *account, const struct ptn_id *id, uint32_t uid) {
  const struct ptn_host *host = harness_host (f->harness);
  struct ptn_call call = { .task = f->task };
  struct ptn_source *source;
  char *data;
  size_t size;
  assert_int_equal (HARNESS_AWAIT (f->task, f->store->read (account, &call, id, uid, 0, UINT64_MAX,
                                                            &source)),
                    PTN_OK);
  host->call_end (&call);
  assert_int_equal (harness_source_slurp (source, f->task, &data, &size), PTN_OK);
  GString *mail = g_string_new_len (data, (gssize)size);
  g_free (data);
  return mail;
}

static void
free_string (void *string) {
  g_string_free (string, TRUE);
}

GPtrArray *
mailbox_read (struct fixture *f, const char *name, const char *path) {
  const struct ptn_host *host = harness_host (f->harness);
  GPtrArray *mails = g_ptr_array_new_with_free_func (free_string);
  struct ptn_identity identity = {
    .size = sizeof identity, .authcid = name, .authzid = name, .domain = "", .account = name
  };
  struct ptn_account *account;
  const struct ptn_mailbox *mailbox;
  const struct ptn_view *view;
  struct ptn_call call = { .task = f->task };
  assert_int_equal (HARNESS_AWAIT (f->task,
                                   f->store->open (f->store_instance, &call, &identity, &account)),
                    PTN_OK);
  host->call_end (&call);
  ptn_status status =
      HARNESS_AWAIT (f->task, f->store->status (account, &call,
                                                (struct ptn_mailbox_name){ NULL, path }, &mailbox));
  if (status == PTN_OK) {
    struct ptn_id id = mailbox->id;
    host->call_end (&call);
    assert_int_equal (HARNESS_AWAIT (f->task, f->store->view (account, &call, &id, &view)), PTN_OK);
    host->call_end (&call);
    for (uint32_t i = 0; i < view->count; i++)
      g_ptr_array_add (mails, read_mail (f, account, &id, view->uid[i]));
    f->store->release_view (view);
  } else
    assert_int_equal (status, PTN_E_NOT_FOUND);
  host->call_end (&call);
  f->store->close (account);
  return mails;
}

/* Cuts the two trace fields off. */
static void
cut_trace (GString *mail) {
  assert_true (g_str_has_prefix (mail->str, "Return-Path: <"));
  const char *received = strstr (mail->str, "\r\nReceived: from ");
  assert_non_null (received);
  assert_ptr_equal (received, strstr (mail->str, "\r\n"));
  const char *at = received + 2;
  while ((at = strstr (at, "\r\n") + 2) && *at == '\t')
    assert_true (strcspn (at, "\r") < 400);
  g_string_erase (mail, 0, at - mail->str);
}

GPtrArray *
mailbox_bodies (struct fixture *f, const char *name, const char *path) {
  GPtrArray *mails = mailbox_read (f, name, path);
  for (unsigned i = 0; i < mails->len; i++)
    cut_trace (mails->pdata[i]);
  return mails;
}

void
mailbox_expect (struct fixture *f, const char *name, const char *path, size_t at, const void *body,
                size_t size) {
  g_autoptr (GPtrArray) mails = mailbox_bodies (f, name, path);
  assert_true (at < mails->len);
  const GString *mail = mails->pdata[at];
  assert_int_equal (mail->len, size);
  assert_memory_equal (mail->str, body, size);
}

size_t
mailbox_count (struct fixture *f, const char *name, const char *path) {
  g_autoptr (GPtrArray) mails = mailbox_read (f, name, path);
  return mails->len;
}
