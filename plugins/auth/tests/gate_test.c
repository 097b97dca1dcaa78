/* SPDX-License-Identifier: Apache-2.0 */
/* gate_test.c - how long attempts wait, on a clock of the test's own. */
#include "auth/gate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define MS G_GINT64_CONSTANT (1000000)
#define SECOND (1000 * MS)
#define DAY (86400 * SECOND)
#define START (1000 * DAY)

static const struct gate_settings usual = { SECOND, 30 * SECOND, 300 * SECOND };

static struct gate_keys
keys_of (struct gate *gate, const char *user, const char *address) {
  return gate_keys (gate, user, strlen (user), address);
}

/* What an attempt has to wait; it then fails. */
static gint64
fail_once (struct gate *gate, const char *user, const char *address, gint64 *now) {
  const struct gate_keys keys = keys_of (gate, user, address);
  const gint64 turn = gate_admit (gate, &keys, *now);
  if (turn == G_MAXINT64)
    return turn;
  const gint64 wait = turn - *now;
  *now = turn;
  gate_failed (gate, &keys, *now);
  return wait;
}

static gint64
wait_of (struct gate *gate, const char *user, const char *address, gint64 now) {
  const struct gate_keys keys = keys_of (gate, user, address);
  const gint64 turn = gate_admit (gate, &keys, now);
  return turn == G_MAXINT64 ? turn : turn - now;
}

static void
waits_grow (void **state) {
  (void)state;
  static const gint64 wanted[] = { 0,          500 * MS,    SECOND,      2 * SECOND, 4 * SECOND,
                                   8 * SECOND, 16 * SECOND, 30 * SECOND, 30 * SECOND };
  struct gate *gate = gate_new (&usual);
  gint64 now = START;
  for (size_t i = 0; i < G_N_ELEMENTS (wanted); i++)
    assert_int_equal (fail_once (gate, "alice", "192.0.2.1", &now), wanted[i]);
  /* Somebody else, and the same user from elsewhere, hardly notice. */
  assert_int_equal (wait_of (gate, "bob", "192.0.2.1", now), 0);
  assert_true (wait_of (gate, "alice", "198.51.100.1", now) <= usual.max_ns / 4);
  /* Time that passes anyway counts. */
  assert_int_equal (wait_of (gate, "alice", "192.0.2.200", now + 29 * SECOND), SECOND);
  gate_free (&gate);
}

static void
attempts_queue_up (void **state) {
  (void)state;
  struct gate *gate = gate_new (&usual);
  gint64 now = START;
  for (int i = 0; i < 4; i++)
    fail_once (gate, "alice", "192.0.2.1", &now);
  gint64 last = 0;
  int admitted = 0;
  for (int i = 0; i < 100; i++) {
    const gint64 wait = wait_of (gate, "alice", "192.0.2.1", now);
    if (wait == G_MAXINT64)
      break;
    assert_true (wait >= last + 4 * SECOND);
    last = wait;
    admitted++;
  }
  assert_in_range (admitted, 1, 8);
  gate_free (&gate);
}

static void
failures_are_forgotten (void **state) {
  (void)state;
  struct gate *gate = gate_new (&usual);
  gint64 now = START;
  for (int i = 0; i < 4; i++)
    fail_once (gate, "alice", "192.0.2.1", &now);
  const struct gate_keys keys = keys_of (gate, "alice", "192.0.2.1");
  now += 600 * SECOND; /* two are forgotten */
  gate_failed (gate, &keys, now);
  assert_int_equal (wait_of (gate, "alice", "192.0.2.1", now), 2 * SECOND);
  now += 3000 * SECOND;
  assert_int_equal (wait_of (gate, "alice", "192.0.2.1", now), 0);
  /* Success forgets at once. */
  for (int i = 0; i < 4; i++)
    fail_once (gate, "alice", "192.0.2.1", &now);
  gate_succeeded (gate, &keys, now);
  assert_int_equal (wait_of (gate, "alice", "192.0.2.1", now), 0);
  gate_free (&gate);
}

static void
networks_are_counted_by_users (void **state) {
  (void)state;
  struct gate *gate = gate_new (&usual);
  gint64 now = START;
  /* One device with an old password is nobody else's trouble. */
  for (int i = 0; i < 20; i++)
    fail_once (gate, "phone", "203.0.113.1", &now);
  assert_int_equal (wait_of (gate, "alice", "203.0.113.2", now), 0);
  /* A guesser with many names is held up, from the whole network, and only from there. */
  const struct gate_keys good = keys_of (gate, "regular", "192.0.2.77");
  gate_succeeded (gate, &good, now);
  gint64 total = 0;
  for (int i = 0; i < 12; i++) {
    char name[16];
    snprintf (name, sizeof name, "name%d", i);
    total += fail_once (gate, name, i % 2 ? "192.0.2.1" : "192.0.2.250", &now);
  }
  assert_true (total > 60 * SECOND);
  assert_true (wait_of (gate, "alice", "192.0.2.99", now) >= SECOND);
  assert_int_equal (wait_of (gate, "regular", "192.0.2.77", now), 0);
  assert_int_equal (wait_of (gate, "alice", "192.0.3.1", now), 0);
  gate_free (&gate);
}

static void
networks_are_prefixes (void **state) {
  (void)state;
  static const struct {
    const char *a, *b;
    bool same;
  } cases[] = {
    { "192.0.2.1", "192.0.2.255", true },
    { "192.0.2.1", "192.0.3.1", false },
    { "192.0.2.1", "::ffff:192.0.2.9", true },
    { "2001:db8:1::1", "2001:db8:1:ffff::2", true },
    { "2001:db8:1::1", "2001:db8:2::1", false },
    { "unix", "unix", true },
    { "unix", "192.0.2.1", false },
    { "", "unix", false },
  };
  struct gate *gate = gate_new (&usual);
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    const struct gate_keys a = keys_of (gate, "x", cases[i].a), b = keys_of (gate, "X", cases[i].b);
    assert_true (a.user == b.user);
    assert_int_equal (a.network == b.network, cases[i].same);
    assert_int_equal (a.both == b.both, cases[i].same);
  }
  gate_free (&gate);
}

static void
users_are_not_locked_out (void **state) {
  (void)state;
  struct gate *gate = gate_new (&usual);
  gint64 now = START;
  const struct gate_keys home = keys_of (gate, "alice", "198.51.100.1");
  gate_succeeded (gate, &home, now);
  /* Guesses from two hundred networks, each once. */
  for (int i = 0; i < 200; i++) {
    char address[24];
    snprintf (address, sizeof address, "10.0.%d.1", i);
    fail_once (gate, "alice", address, &now);
  }
  assert_int_equal (wait_of (gate, "alice", "198.51.100.1", now), 0);
  assert_int_equal (wait_of (gate, "alice", "203.0.113.5", now), usual.max_ns / 4);
  gate_free (&gate);
}

static void
a_flood_of_names_forgets_no_friend (void **state) {
  (void)state;
  struct gate *gate = gate_new (&usual);
  gint64 now = START;
  const struct gate_keys home = keys_of (gate, "alice", "198.51.100.1");
  gate_succeeded (gate, &home, now);
  for (int i = 0; i < 200000; i++) {
    char name[16];
    snprintf (name, sizeof name, "n%d", i);
    const struct gate_keys keys = keys_of (gate, name, "198.51.100.200");
    gate_failed (gate, &keys, now);
  }
  assert_int_equal (wait_of (gate, "alice", "198.51.100.1", now), 0);
  assert_true (wait_of (gate, "bob", "198.51.100.1", now) > 0);
  gate_free (&gate);
}

static void
zero_switches_off (void **state) {
  (void)state;
  const struct gate_settings off = { 0, 30 * SECOND, 300 * SECOND };
  struct gate *gate = gate_new (&off);
  gint64 now = START;
  for (int i = 0; i < 100; i++)
    assert_int_equal (fail_once (gate, "alice", "192.0.2.1", &now), 0);
  gate_free (&gate);
}

int
main (void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (waits_grow),
    cmocka_unit_test (attempts_queue_up),
    cmocka_unit_test (failures_are_forgotten),
    cmocka_unit_test (networks_are_counted_by_users),
    cmocka_unit_test (networks_are_prefixes),
    cmocka_unit_test (users_are_not_locked_out),
    cmocka_unit_test (a_flood_of_names_forgets_no_friend),
    cmocka_unit_test (zero_switches_off),
  };
  return cmocka_run_group_tests_name ("auth: gate", tests, NULL, NULL);
}
