/* SPDX-License-Identifier: Apache-2.0 */
/* units.c - frames of the control protocol, the channel's messages, and the judging of faults. */
#include "ctl/frame.h"
#include "run/channel.h"
#include "run/faults.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void
frames_at_every_cut (void **state) {
  GByteArray *octets = g_byte_array_new ();
  struct frame frame;
  size_t used = 0;

  frame_say (octets, 'R', "user add", "", "alice", NULL);
  frame_say (octets, 'T', NULL);
  for (guint cut = 0; cut < octets->len; cut++) {
    g_autofree guint8 *copy = g_memdup2 (octets->data, cut); /* so that a sanitizer sees the end */
    int found = frame_parse (copy, cut, &frame, &used);
    assert_int_equal (found, cut >= octets->len - 5);
  }
  assert_int_equal (frame_parse (octets->data, octets->len, &frame, &used), 1);
  assert_int_equal (frame.kind, 'R');
  assert_int_equal (frame.count, 3);
  assert_string_equal (frame.field[0], "user add");
  assert_string_equal (frame.field[1], "");
  assert_string_equal (frame.field[2], "alice");
  assert_string_equal (frame.field[3], "");
  assert_int_equal (frame_parse (octets->data + used, octets->len - used, &frame, &used), 1);
  assert_int_equal (frame.kind, 'T');
  assert_int_equal (frame.count, 0);
  g_byte_array_unref (octets);
}

static void
frames_that_are_none (void **state) {
  static const char *const wrong[] = {
    "\0\0\0\0X",         /* no kind */
    "\0\x10\0\1X",       /* longer than the longest */
    "\xff\xff\xff\xffX", /* much longer */
    "\0\0\0\4Rabc",      /* a string without its end */
  };
  static const size_t sizes[] = { 5, 5, 5, 8 };
  struct frame frame;
  size_t used;

  for (size_t i = 0; i < G_N_ELEMENTS (wrong); i++)
    assert_int_equal (frame_parse (wrong[i], sizes[i], &frame, &used), -1);
  GByteArray *many = g_byte_array_new ();
  const char *fields[FRAME_FIELDS + 1];
  for (size_t i = 0; i < G_N_ELEMENTS (fields); i++)
    fields[i] = "x";
  frame_put (many, 'R', fields, G_N_ELEMENTS (fields));
  assert_int_equal (frame_parse (many->data, many->len, &frame, &used), -1);
  g_byte_array_unref (many);
}

static void
channel_carries (void **state) {
  struct channel_message message;
  int pair[2], file = open ("/dev/null", O_RDONLY | O_CLOEXEC);
  g_autofree char *large = g_strnfill (80 * 1024, 'k');
  g_autofree char *too_large = g_strnfill (CHANNEL_MAX, 'k');

  assert_int_equal (socketpair (AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair), 0);
  assert_int_equal (channel_receive (pair[1], &message), -1);
  assert_true (channel_send (pair[0], CHANNEL_CERTIFICATE, file, "cert", "", large, large, NULL));
  assert_int_equal (channel_receive (pair[1], &message), 1);
  assert_int_equal (message.kind, CHANNEL_CERTIFICATE);
  assert_int_equal (message.count, 4);
  assert_string_equal (message.field[0], "cert");
  assert_string_equal (message.field[1], "");
  assert_string_equal (message.field[3], large);
  assert_true (message.fd >= 0);
  channel_clear (&message);
  assert_int_equal (message.fd, -1);
  assert_false (channel_send (pair[0], CHANNEL_ANSWER, -1, too_large, NULL));
  close (pair[0]);
  assert_int_equal (channel_receive (pair[1], &message), 0);
  close (pair[1]);
  close (file);
}

static void
faults_are_judged (void **state) {
  const int64_t second = 1000000000;
  struct faults *faults = faults_new ();
  const char *reason = NULL;

  /* Twice is bad luck, three times in a minute is not. */
  assert_int_equal (faults_judge (faults, "a", false, false, "x", 0), FAULT_RESTART);
  assert_int_equal (faults_judge (faults, "a", false, false, "x", 30 * second), FAULT_RESTART);
  assert_int_equal (faults_judge (faults, "a", false, false, "x", 61 * second), FAULT_RESTART);
  assert_null (faults_left_out (faults, 0, &reason));
  assert_int_equal (faults_judge (faults, "a", false, false, "x", 62 * second), FAULT_LEAVE_OUT);
  assert_string_equal (faults_left_out (faults, 0, &reason), "a");
  assert_non_null (strstr (reason, "3 times"));
  assert_int_equal (faults_judge (faults, "b", true, false, "y", 0), FAULT_RESTART);
  assert_int_equal (faults_judge (faults, "b", true, true, "y", 1), FAULT_GIVE_UP);
  assert_int_equal (faults_judge (faults, "c", false, true, "hung in start", 2), FAULT_LEAVE_OUT);
  assert_string_equal (faults_left_out (faults, 1, &reason), "c");
  assert_string_equal (reason, "hung in start");
  assert_null (faults_left_out (faults, 2, &reason));
  faults_forget (faults);
  assert_null (faults_left_out (faults, 0, &reason));
  faults_free (&faults);
}

int
main (void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (frames_at_every_cut),
    cmocka_unit_test (frames_that_are_none),
    cmocka_unit_test (channel_carries),
    cmocka_unit_test (faults_are_judged),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
