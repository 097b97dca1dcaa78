/* SPDX-License-Identifier: Apache-2.0 */
/* message_test.c - the stored form of a mail: trace fields in front, CRLF at the end, whatever
 * pieces the octets come and go in. */
#include "../message.h"

#include "harness/harness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const struct ptn_recipient recipient = { .address = "a@x.test" };

static struct ptn_transfer
transfer_of (struct ptn_source *source) {
  return (struct ptn_transfer){ .size = sizeof (struct ptn_transfer),
                                .recipient_count = 1,
                                .recipients = &recipient,
                                .recipient_size = sizeof recipient,
                                .reverse_path = "b@y.test",
                                .message = source,
                                .helo = "me",
                                .peer_address = "unix",
                                .with_protocol = "LMTP",
                                .server_name = "mail.x.test",
                                .session_id = "S-1" };
}

#define PREFIX                                                                \
  "Return-Path: <b@y.test>\r\nReceived: from me (local)\r\n\tby mail.x.test " \
  "(Postern) with LMTP\r\n\tid S-1\r\n\tfor <a@x.test>; Sun, 9 Sep 2001 "     \
  "01:46:40 +0000\r\n"
#define WHEN INT64_C (1000000000000)

/* Reads with `max` octets at most a time. */
static char *
slurp (struct message *message, struct ptn_task *task, size_t max) {
  g_autoptr (GString) all = g_string_new (NULL);
  struct ptn_chunk chunk;
  ptn_status status;
  while ((status =
              HARNESS_AWAIT (task, message->source.ops->read (&message->source, task, max, &chunk)))
         == PTN_OK) {
    assert_true (chunk.size >= 1 && chunk.size <= max);
    if (chunk.data)
      g_string_append_len (all, chunk.data, (gssize)chunk.size);
    else {
      char buffer[4096];
      assert_int_equal (pread (chunk.fd, buffer, chunk.size, chunk.file_offset), chunk.size);
      g_string_append_len (all, buffer, (gssize)chunk.size);
    }
    if (chunk.release)
      chunk.release (chunk.owner);
  }
  assert_int_equal (status, PTN_END);
  return g_string_free (g_steal_pointer (&all), FALSE);
}

static void
every_piece (void **state) {
  static const char *const mails[][2] = {
    { "", PREFIX },
    { "a: b\r\n\r\nx\r\n", PREFIX "a: b\r\n\r\nx\r\n" },
    { "x", PREFIX "x\r\n" },
    { "x\n", PREFIX "x\n\r\n" },
    { "x\r", PREFIX "x\r\r\n" },
    { "\n", PREFIX "\n\r\n" },
    { "\r\n", PREFIX "\r\n" },
    { " x\r\n", PREFIX "\r\n x\r\n" },
    { "\tx", PREFIX "\r\n\tx\r\n" },
  };
  struct harness *harness = harness_new ();
  struct ptn_task *task = harness_task_new (harness);
  for (size_t i = 0; i < G_N_ELEMENTS (mails); i++)
    for (size_t piece = 0; piece < 4; piece++)
      for (size_t max = 1; max < 1000; max += max < 5 ? 1 : 995) {
        struct ptn_source *source =
            harness_source_new (mails[i][0], strlen (mails[i][0]), piece, true);
        struct ptn_transfer transfer = transfer_of (source);
        struct message message;
        message_start (&message, &transfer, WHEN);
        g_autofree char *text = slurp (&message, task, max);
        assert_string_equal (text, mails[i][1]);
        message_clear (&message);
        source->ops->close (source);
      }
  harness_task_free (&task);
  harness_free (&harness);
}

/* --- a source over a file, whose chunks are counted --------------------------------------- */

struct file_source {
  struct ptn_source source;
  int fd;
  int64_t at, size;
  int held;
};

static void
file_release (void *owner) {
  ((struct file_source *)owner)->held--;
}

static ptn_status
file_read (struct ptn_source *source, struct ptn_task *task, size_t max, struct ptn_chunk *chunk) {
  struct file_source *file = (struct file_source *)source;
  if (file->at == file->size)
    return PTN_END;
  size_t size = MIN (max, (size_t)MIN (file->size - file->at, 7));
  *chunk = (struct ptn_chunk){
    .size = size, .fd = file->fd, .file_offset = file->at, .release = file_release, .owner = file
  };
  file->at += (int64_t)size;
  file->held++;
  return PTN_OK;
}

static void
file_close (struct ptn_source *source) {
}

static const struct ptn_source_ops file_ops = { .size = sizeof file_ops,
                                                .read = file_read,
                                                .close = file_close };

static void
from_a_file (void **state) {
  static const char text[] = " Subject: in a file\r\n\r\nno end of line";
  struct harness *harness = harness_new ();
  struct ptn_task *task = harness_task_new (harness);
  FILE *out = tmpfile ();
  fwrite (text, 1, sizeof text - 1, out);
  fflush (out);
  for (size_t max = 1; max < 12; max++) {
    struct file_source file = { { &file_ops, -1 }, fileno (out), 0, (int64_t)sizeof text - 1, 0 };
    struct ptn_transfer transfer = transfer_of (&file.source);
    struct message message;
    message_start (&message, &transfer, WHEN);
    g_autofree char *stored = slurp (&message, task, max);
    assert_string_equal (stored, PREFIX "\r\n Subject: in a file\r\n\r\nno end of line\r\n");
    message_clear (&message);
    assert_int_equal (file.held, 0);
  }
  fclose (out);
  harness_task_free (&task);
  harness_free (&harness);
}

static void
a_failing_source (void **state) {
  struct harness *harness = harness_new ();
  struct ptn_task *task = harness_task_new (harness);
  struct ptn_source *source = harness_source_failing ("abc", 3, PTN_E_DISCONNECTED);
  struct ptn_transfer transfer = transfer_of (source);
  struct message message;
  struct ptn_chunk chunk;
  ptn_status status;
  message_start (&message, &transfer, WHEN);
  while (
      (status = HARNESS_AWAIT (task, message.source.ops->read (&message.source, task, 100, &chunk)))
      == PTN_OK)
    ;
  assert_int_equal (status, PTN_E_DISCONNECTED);
  assert_int_equal (message.failed, PTN_E_DISCONNECTED);
  message_clear (&message);
  source->ops->close (source);
  harness_task_free (&task);
  harness_free (&harness);
}

/* What clients call themselves can not end the field, nor add one. */
static void
hostile_names (void **state) {
  static const struct ptn_recipient evil = { .address = "\"a\r\nX: y\"@x" };
  struct ptn_transfer transfer = transfer_of (NULL);
  transfer.helo = "me) (x\r\nEvil: yes";
  transfer.reverse_path = "a>\r\nEvil: yes";
  transfer.recipients = &evil;
  transfer.tls = "TLS)\r\nEvil: yes";
  g_autoptr (GString) fields = trace_fields (&transfer, WHEN);
  assert_null (strstr (fields->str, "\nEvil"));
  assert_null (strstr (fields->str, "\nX:"));
  for (const char *at = fields->str; (at = strstr (at, "\r\n")); at += 2)
    assert_true (!at[2] || at[2] == '\t' || g_str_has_prefix (at + 2, "Received: "));
}

/* The header is looked at as it passes by, and ends where the stored one ends. */
static void
references_pass (void **state) {
  static const struct {
    const char *mail, *own, *other;
  } mails[] = {
    { "Message-ID: <a@x>\r\nReferences: <b@x>\r\n\r\nMessage-ID: <no@x>\r\n", "a@x", "b@x" },
    { " Message-ID: <a@x>\r\nMessage-ID: <b@x>\r\n\r\n", "", NULL },
    { "", "", NULL },
  };
  struct harness *harness = harness_new ();
  struct ptn_task *task = harness_task_new (harness);
  for (size_t i = 0; i < G_N_ELEMENTS (mails); i++)
    for (size_t max = 1; max < 100; max += 7) {
      struct ptn_source *source =
          harness_source_new (mails[i].mail, strlen (mails[i].mail), max, true);
      struct ptn_transfer transfer = transfer_of (source);
      struct message message;
      message_start (&message, &transfer, WHEN);
      g_free (slurp (&message, task, max));
      struct ptn_strings ids = references_strings (&message.references);
      assert_string_equal (ids.items[0], mails[i].own);
      assert_int_equal (ids.count, mails[i].other ? 2 : 1);
      if (mails[i].other)
        assert_string_equal (ids.items[1], mails[i].other);
      message_clear (&message);
      source->ops->close (source);
    }
  harness_task_free (&task);
  harness_free (&harness);
}

int
main (void) {
  const struct CMUnitTest tests[] = { cmocka_unit_test (every_piece),
                                      cmocka_unit_test (from_a_file),
                                      cmocka_unit_test (a_failing_source),
                                      cmocka_unit_test (hostile_names),
                                      cmocka_unit_test (references_pass) };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
