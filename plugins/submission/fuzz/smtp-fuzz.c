/* SPDX-License-Identifier: Apache-2.0 */
/* smtp-fuzz.c - libFuzzer feeds whole connections: lines, paths, logins, DATA and BDAT.
 *
 * The first octet of an input says how it is cut into packets, the second what kind of listener it
 * meets and whether an envelope has been said already; the rest is what the client sends.  What is
 * stored is thrown away with the store now and then. */
#include "harness/harness.h"

#include <glib.h>
#include <string.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static struct harness *harness;
static const struct ptn_protocol *protocol;
static void *instance;
static const struct ptn_config *config[3];
static unsigned runs;

static void
start (void) {
  static const char *const kinds[3][4] = { { "kind=receive", "max_message=5000", NULL },
                                           { "kind=lmtp", "max_hops=3", NULL },
                                           { "kind=submission", "max_errors=5", NULL } };
  harness = harness_new ();
  g_assert_cmpint (harness_load (harness, g_getenv ("FUZZ_STORE"), NULL), ==, PTN_OK);
  g_assert_cmpint (harness_load (harness, g_getenv ("FUZZ_ACCOUNTS"), NULL), ==, PTN_OK);
  g_assert_cmpint (harness_load (harness, g_getenv ("FUZZ_DELIVERY"), NULL), ==, PTN_OK);
  g_assert_cmpint (harness_load (harness, g_getenv ("FUZZ_SMTP"), NULL), ==, PTN_OK);
  g_assert_cmpint (harness_start (harness), ==, PTN_OK);
  struct ptn_binding binding = harness_find (harness, PTN_PROTOCOL_ID, "smtp");
  protocol = binding.table;
  instance = binding.instance;
  for (size_t i = 0; i < G_N_ELEMENTS (kinds); i++)
    config[i] = harness_listener (harness, kinds[i]);
}

static const char *
opening (unsigned how) {
  static const char *const openings[3][2] = {
    { "EHLO me\r\nMAIL FROM:<a@far.example>\r\nRCPT TO:<alice@example.test>\r\n", "DATA\r\n" },
    { "LHLO me\r\nMAIL FROM:<>\r\nRCPT TO:<team@example.test>\r\nRCPT TO:<bob@example.test>\r\n",
      "DATA\r\n" },
    { "EHLO me\r\nAUTH PLAIN AGFsaWNlAHNlY3JldA==\r\n", "MAIL FROM:<alice@example.test>\r\n" },
  };
  static char text[200];
  g_snprintf (text, sizeof text, "%s%s", how & 4 ? openings[(how & 3) % 3][0] : "",
              how & 8 ? openings[(how & 3) % 3][1] : "");
  return text;
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
  if (runs++ % 5000 == 0) {
    harness_free (&harness);
    start ();
  }
  if (size < 3 || size > 100000)
    return 0;
  size_t packet = 1 + data[0] * (size_t)data[0];
  const char *first = opening (data[1]);
  struct ptn_session_info info = {
    .size = sizeof info,
    .start_tls = 1,
    .listener = "smtp",
    .session_id = "fuzz",
    .server_name = "mail.example.test",
    .config = config[(data[1] & 3) % 3],
  };
  struct ptn_task *task = harness_task_new (harness);
  struct ptn_stream *stream = harness_stream_new (harness, task, 65536);
  void *session = NULL;
  bool alive = protocol->open (instance, task, stream, &info, &session) == PTN_OK;
  g_assert_true (alive);
  harness_stream_feed (stream, first, strlen (first));
  alive = serve (session, stream, task);
  for (size_t at = 2; alive && at < size; at += packet) {
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
