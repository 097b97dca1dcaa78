/* SPDX-License-Identifier: Apache-2.0 */
/* hostile_test.c - programs that are slow, gone, too talkative, or talk nonsense: the answer is
 * "temporary", the log says why, and nothing is lost when they come back. */
#include "fixture.h"

#include <poll.h>
#include <stdio.h>

/* For programs that do not answer; those that do have the usual time, however busy the machine. */
#define QUICK ((const char *const[]){ "timeout=2s", NULL })
#define QUICK_US (2 * G_USEC_PER_SEC)

static bool
is (const json_t *question, const char *name, const char *value) {
  return g_strcmp0 (json_string_value (json_object_get (question, name)), value) == 0;
}

/* Answers everything with what the test says; "%d" is the id. */
static bool
say_text (int fd, const json_t *question, void *data) {
  if (is (question, "op", "hello"))
    return fixture_say (fd, question, "ok", "\"version\":1");
  g_autofree char *id =
      g_strdup_printf ("%d", (int)json_integer_value (json_object_get (question, "id")));
  g_auto (GStrv) pieces = g_strsplit (data, "%d", -1);
  g_autofree char *text = g_strjoinv (id, pieces);
  fixture_write (fd, text, strlen (text));
  return true;
}

static void
nonsense_is_temporary (void **state) {
  (void)state;
  static const char *const answers[] = {
    "\n",
    "nonsense\n",
    "[]\n",
    "{\"id\":%d}\n",
    "{\"id\":%d,\"status\":\"fine\"}\n",
    "{\"id\":%d,\"status\":7}\n",
    "{\"id\":\"%d\",\"status\":\"ok\"}\n",
    "{\"id\":0,\"status\":\"ok\"}\n",
    "{\"status\":\"ok\"}\n",
    "{\"id\":%d,\"status\":\"ok\"}\n{\"id\":%d,\"status\":\"ok\"}\n",
    "{\"id\":%d,\"id\":%d,\"status\":\"ok\"}\n",
    "{\"id\":%d,\"status\":\"ok\",\"x\":[[[[[[[[[1]]]]]]]]]}\n",
    "{\"id\":%d,\"status\":\"ok\",\"x\":\"\xff\"}\n",
  };
  for (size_t i = 0; i < G_N_ELEMENTS (answers); i++) {
    struct fixture *f = fixture_new (say_text, NULL);
    f->data = (void *)answers[i];
    if (fixture_verify (f, "alice", "secret") != PTN_E_TEMPORARY)
      fail_msg ("%s", answers[i]);
    g_autofree char *log = harness_log_take (f->harness);
    assert_non_null (strstr (log, "exec.malformed"));
    /* The next one is asked all the same. */
    f->data = (void *)"{\"id\":%d,\"status\":\"ok\"}\n";
    assert_int_equal (fixture_verify (f, "alice", "secret"), PTN_OK);
    fixture_free (f);
  }
}

static void
bad_accounts_are_temporary (void **state) {
  (void)state;
  static const char *const accounts[] = {
    "{}",
    "[]",
    "{\"name\":\"\"}",
    "{\"name\":\"a b\"}",
    "{\"name\":\"a\\nb\"}",
    "{\"name\":\"guest\"}",
    "{\"name\":\"../etc\"}",
    "{\"name\":\"alice\",\"address\":1}",
    "{\"name\":\"alice\",\"attributes\":{\"a\":1}}",
    "{\"name\":\"alice\",\"attributes\":{\"a=b\":\"c\"}}",
    "{\"name\":\"alice\",\"attributes\":{\"a\":\"b\\r\\nc\"}}",
    "{\"name\":\"alice\",\"groups\":\"staff\"}",
    "{\"name\":\"alice\",\"delegates\":[1]}",
    "{\"name\":\"alice\",\"delegates\":[\"\"]}",
    "{\"name\":\"alice\",\"disabled\":\"no\"}",
    "{\"name\":\"alice\",\"protocols\":{}}",
  };
  struct fixture *f = fixture_new (say_text, NULL);
  for (size_t i = 0; i < G_N_ELEMENTS (accounts); i++) {
    g_autofree char *text =
        g_strconcat ("{\"id\":%d,\"status\":\"ok\",\"account\":", accounts[i], "}\n", NULL);
    struct ptn_identity identity;
    f->data = text;
    if (fixture_login (f, "alice", &identity) != PTN_E_TEMPORARY)
      fail_msg ("%s", accounts[i]);
  }
  assert_int_equal (f->connections, 1);
  fixture_free (f);
}

/* Two megabytes without an end, or with one. */
static bool
say_much (int fd, const json_t *question, void *data) {
  if (is (question, "op", "hello"))
    return fixture_say (fd, question, "unsupported", "");
  g_autofree char *text = g_malloc (1 << 21);
  memset (text, ' ', 1 << 21);
  if (data)
    text[(1 << 21) - 1] = '\n';
  fixture_write (fd, text, 1 << 21);
  return true;
}

static void
long_answers_are_refused (void **state) {
  (void)state;
  for (int ended = 0; ended < 2; ended++) {
    struct fixture *f = fixture_new (say_much, NULL);
    f->data = ended ? f : NULL;
    assert_int_equal (fixture_verify (f, "alice", "secret"), PTN_E_TEMPORARY);
    fixture_free (f);
  }
}

static bool
say_half (int fd, const json_t *question, void *data) {
  if (is (question, "op", "hello"))
    return fixture_say (fd, question, "ok", "\"version\":1");
  fixture_write (fd, "{\"id\":", 6);
  return false;
}

static bool
say_nothing (int fd, const json_t *question, void *data) {
  return is (question, "op", "hello") ? fixture_say (fd, question, "ok", "\"version\":1") : false;
}

static bool
refuse_hello (int fd, const json_t *question, void *data) {
  return fixture_say (fd, question, data ? "ok" : "denied", "\"version\":2");
}

static void
broken_connections_are_temporary (void **state) {
  (void)state;
  play *const plays[] = { say_half, say_nothing, refuse_hello };
  for (size_t i = 0; i < G_N_ELEMENTS (plays); i++) {
    struct fixture *f = fixture_new (plays[i], NULL);
    assert_int_equal (fixture_verify (f, "alice", "secret"), PTN_E_TEMPORARY);
    f->data = f;
    assert_int_equal (fixture_verify (f, "alice", "secret"), PTN_E_TEMPORARY);
    fixture_free (f);
  }
}

/* Says nothing to alice until whoever asks has given up. */
static bool
sleep_for_alice (int fd, const json_t *question, void *data) {
  struct pollfd asker = { .fd = fd, .events = POLLRDHUP };
  if (is (question, "name", "alice"))
    poll (&asker, 1, 20000);
  return fixture_say (fd, question, "ok", "\"version\":1");
}

static void
slow_answers_time_out (void **state) {
  (void)state;
  struct fixture *f = fixture_new (sleep_for_alice, QUICK);
  const struct ptn_credentials *credentials = f->credentials.table;
  struct ptn_task *other = harness_task_new (f->harness);
  struct ptn_call slow = { .task = other };
  const struct ptn_bytes secret = { "secret", 6 };
  assert_int_equal (credentials->verify_password (f->credentials.instance, &slow, &f->request, "",
                                                  "alice", secret),
                    PTN_PENDING);
  g_usleep (50000);
  /* Somebody else does not wait for her, and is not refused for her. */
  const gint64 began = g_get_monotonic_time ();
  assert_int_equal (fixture_verify (f, "bob", "secret"), PTN_OK);
  assert_true (g_get_monotonic_time () - began < QUICK_US - 100000);
  const ptn_status status =
      HARNESS_AWAIT (other, credentials->verify_password (f->credentials.instance, &slow,
                                                          &f->request, "", "alice", secret));
  assert_int_equal (status, PTN_E_TEMPORARY);
  assert_int_equal (fixture_verify (f, "bob", "secret"), PTN_OK);

  /* Given up: the lane goes on, and nobody is hurt. */
  f->host->call_end (&slow);
  assert_int_equal (credentials->verify_password (f->credentials.instance, &slow, &f->request, "",
                                                  "alice", secret),
                    PTN_PENDING);
  f->host->call_end (&slow);
  harness_task_free (&other);
  fixture_free (f);
}

/* Nobody answers any more: soon nobody is asked any more. */
static void
silence_is_not_waited_for (void **state) {
  (void)state;
  struct fixture *f = fixture_new (sleep_for_alice, QUICK);
  int asked;
  /* It is left alone for a quarter of a second at first, and longer every time: a machine too
   * busy for that is given more than one chance. */
  for (int tries = 0;; tries++) {
    assert_true (tries < 4);
    assert_int_equal (fixture_verify (f, "alice", "secret"), PTN_E_TEMPORARY);
    asked = g_atomic_int_get (&f->questions);
    assert_int_equal (fixture_verify (f, "alice", "secret"), PTN_E_TEMPORARY);
    if (g_atomic_int_get (&f->questions) == asked)
      break;
  }
  g_autofree char *log = harness_log_take (f->harness);
  assert_non_null (strstr (log, "exec.gone"));
  fixture_free (f);
}

static bool
say_ok (int fd, const json_t *question, void *data) {
  return fixture_say (fd, question, "ok", "\"version\":1");
}

static void
programs_come_back (void **state) {
  (void)state;
  struct fixture *f = fixture_new (NULL, NULL);
  f->play = say_ok;
  assert_int_equal (fixture_verify (f, "bob", "secret"), PTN_E_TEMPORARY);
  fixture_listen (f);
  g_usleep (400000); /* it is left alone for a quarter of a second */
  assert_int_equal (fixture_verify (f, "bob", "secret"), PTN_OK);
  g_autofree char *log = harness_log_take (f->harness);
  assert_non_null (strstr (log, "exec.gone"));
  assert_non_null (strstr (log, "exec.back"));
  /* Started anew between two questions: nobody notices. */
  fixture_hang_up (f);
  fixture_listen (f);
  assert_int_equal (fixture_verify (f, "bob", "secret"), PTN_OK);
  assert_int_equal (f->connections, 2);
  g_autofree char *after = harness_log_take (f->harness);
  assert_string_equal (after, "");
  fixture_free (f);
}

int
main (int argc, char **argv) {
  (void)argc;
  fixture_module = argv[1];
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (nonsense_is_temporary),
    cmocka_unit_test (bad_accounts_are_temporary),
    cmocka_unit_test (long_answers_are_refused),
    cmocka_unit_test (broken_connections_are_temporary),
    cmocka_unit_test (slow_answers_time_out),
    cmocka_unit_test (silence_is_not_waited_for),
    cmocka_unit_test (programs_come_back),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
