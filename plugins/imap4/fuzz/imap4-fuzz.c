/* SPDX-License-Identifier: Apache-2.0 */
/* imap4-fuzz.c - libFuzzer feeds whole connections: commands with literals, in every state.
 *
 * The first octet of an input says how it is cut into packets and whether somebody is logged in
 * and a mailbox is selected already; the rest is what the client sends.  The account is made anew for
 * each input, so that what one does is not seen by the next. */
#include "harness/harness.h"

#include <glib.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static struct harness *harness;
static const struct ptn_protocol *protocol;
static void *instance;
static const struct ptn_config *config;

static const char login[] =
    "1 LOGIN keep secret\r\n2 ENABLE CONDSTORE QRESYNC IMAP4REV2\r\n3 SELECT INBOX\r\n";

static void
fill (void) {
  static const char *const mails[] = {
    "Subject: =?utf-8?q?a?=\r\nFrom: a@b\r\nContent-Type: multipart/mixed; "
    "boundary=x\r\n\r\n--x\r\n"
    "Content-Type: text/html; charset=utf-16\r\nContent-Transfer-Encoding: "
    "base64\r\n\r\nYQBi\r\n--x\r\n"
    "Content-Type: message/rfc822\r\n\r\nSubject: b\r\n\r\ninner\r\n--x--\r\n",
    "\n\n", ""
  };
  struct ptn_binding store = harness_find (harness, PTN_STORE_ID, NULL);
  const struct ptn_store *table = store.table;
  struct ptn_task *task = harness_task_new (harness);
  struct ptn_call forget = { .task = task };
  table->remove_account (store.instance, &forget, "keep");
  harness_host (harness)->call_end (&forget);
  for (size_t i = 0; i < G_N_ELEMENTS (mails); i++) {
    const char *mail = mails[i];
    struct ptn_source *source = harness_source_new (mail, strlen (mail), 0, false);
    struct ptn_append append = { .size = sizeof append, .source = source };
    struct ptn_target target = { "keep", "INBOX", 0, UINT64_MAX, UINT64_MAX };
    struct ptn_delivered result = { 0 };
    struct ptn_call call = { .task = task };
    g_assert_cmpint (table->deliver (store.instance, &call, &append, &target, 1, &result), ==,
                     PTN_OK);
    harness_host (harness)->call_end (&call);
    source->ops->close (source);
  }
  harness_task_free (&task);
}

static void
start (void) {
  static const char *const odd_pieces[] = { "seed=1", NULL };
  static const char *const listener[] = { NULL };
  harness = harness_new ();
  g_assert_cmpint (harness_load (harness, g_getenv ("FUZZ_STORE"), odd_pieces), ==, PTN_OK);
  g_assert_cmpint (harness_load (harness, g_getenv ("FUZZ_LOGIN"), NULL), ==, PTN_OK);
  g_assert_cmpint (harness_load (harness, g_getenv ("FUZZ_IMAP4"), NULL), ==, PTN_OK);
  g_assert_cmpint (harness_start (harness), ==, PTN_OK);
  struct ptn_binding binding = harness_find (harness, PTN_PROTOCOL_ID, "imap4");
  protocol = binding.table;
  instance = binding.instance;
  config = harness_listener (harness, listener);
}

/* Steps until the session waits for input; false: it has ended. */
static bool
serve (void *session, struct ptn_stream *stream, struct ptn_task *task) {
  for (;;) {
    int64_t deadline = INT64_MAX;
    size_t size;
    ptn_status status = protocol->step (session, task, &deadline);
    g_free (harness_stream_take (stream, &size));
    if (status == PTN_OK || (status == PTN_PENDING && size))
      continue;
    return status == PTN_PENDING;
  }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size) {
  if (!harness)
    start ();
  if (size < 2 || size > 100000)
    return 0;
  fill ();
  size_t packet = 1 + (data[0] >> 1) * (size_t)(data[0] >> 1);
  struct ptn_session_info info = {
    .size = sizeof info,
    .start_tls = 1,
    .listener = "imap4",
    .session_id = "fuzz",
    .server_name = "mail.example.test",
    .config = config,
  };
  struct ptn_task *task = harness_task_new (harness);
  struct ptn_stream *stream = harness_stream_new (harness, task, 65536);
  void *session = NULL;
  bool alive = protocol->open (instance, task, stream, &info, &session) == PTN_OK;
  g_assert_true (alive);
  if (data[0] & 1)
    harness_stream_feed (stream, login, sizeof login - 1);
  alive = serve (session, stream, task);
  for (size_t at = 1; alive && at < size; at += packet) {
    harness_stream_feed (stream, data + at, MIN (packet, size - at));
    alive = serve (session, stream, task);
  }
  if (alive) {
    harness_stream_eof (stream);
    g_assert_false (serve (session, stream, task));
  }
  protocol->close (session);
  harness_stream_free (&stream);
  harness_task_free (&task);
  return 0;
}
