/* SPDX-License-Identifier: Apache-2.0 */
/* text_test.c - mails in files: line ends, quoting, separators, names; there and back. */
#include "../folder.h"
#include "../mbox.h"
#include "../text.h"

#include "harness/harness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct harness *harness;
static struct ptn_task *task;

static int
setup (void **state) {
  harness = harness_new ();
  task = harness_task_new (harness);
  return 0;
}

static int
teardown (void **state) {
  harness_task_free (&task);
  harness_free (&harness);
  return 0;
}

static FILE *
file_of (const char *data, size_t size) {
  FILE *file = tmpfile ();
  assert_int_equal (fwrite (data, 1, size, file), size);
  fflush (file);
  return file;
}

static GString *
read_text (FILE *file, int64_t start, int64_t end, enum quoting quoting, size_t max) {
  GString *all = g_string_new (NULL);
  struct ptn_source *source =
      text_source_new (harness_host (harness), fileno (file), start, end, quoting);
  struct ptn_chunk chunk;
  ptn_status status;
  while ((status = source->ops->read (source, task, max, &chunk)) == PTN_OK) {
    assert_true (chunk.size >= 1 && chunk.size <= max);
    g_string_append_len (all, chunk.data, (gssize)chunk.size);
  }
  assert_int_equal (status, PTN_END);
  source->ops->close (source);
  return all;
}

static void
line_ends_and_quotes (void **state) {
  static const struct {
    const char *file;
    enum quoting quoting;
    const char *mail;
  } samples[] = {
    { "", QUOTING_NONE, "" },
    { "a\nb\n", QUOTING_NONE, "a\r\nb\r\n" },
    { "a\nb", QUOTING_NONE, "a\r\nb" },
    { "\n\na\n", QUOTING_NONE, "\r\n\r\na\r\n" },
    { "a\r\nb\nc\r", QUOTING_NONE, "a\r\nb\nc\r" }, /* CRLF first: octet for octet */
    { "a\nb\r\nc\rd\n", QUOTING_NONE, "a\r\nb\r\nc\rd\r\n" },
    { "no line end", QUOTING_NONE, "no line end" },
    { ">From a\n", QUOTING_NONE, ">From a\r\n" },
    { ">From a\n>>From b\n>Fro\nx >From\n", QUOTING_MBOXRD,
      "From a\r\n>From b\r\n>Fro\r\nx >From\r\n" },
    { ">From a\n>>From b\n", QUOTING_MBOXO, "From a\r\n>>From b\r\n" },
    { "x\n>", QUOTING_MBOXRD, "x\r\n>" },
    { "x\n>>", QUOTING_MBOXRD, "x\r\n>>" },
    { "x\n>\n", QUOTING_MBOXRD, "x\r\n>\r\n" },
    { "x\n>From", QUOTING_MBOXRD, "x\r\n>From" },
    { "x\r\n>From \r\n>>>\r\n", QUOTING_MBOXRD, "x\r\nFrom \r\n>>>\r\n" },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (samples); i++)
    for (size_t max = 1; max < 200; max += max < 4 ? 1 : 195) {
      FILE *file = file_of (samples[i].file, strlen (samples[i].file));
      GString *mail =
          read_text (file, 0, (int64_t)strlen (samples[i].file), samples[i].quoting, max);
      assert_string_equal (mail->str, samples[i].mail);
      g_string_free (mail, TRUE);
      fclose (file);
    }
}

/* What is written comes back, whatever pieces it was written in, across the buffers' ends too. */
static void
there_and_back (void **state) {
  static const char *const words[] = { "a",     "\r\n",   "\r\n", "\r\n", ">", ">>",
                                       "From ", "From x", "\n",   "\r",   " ", "\r\n." };
  g_autoptr (GRand) dice = g_rand_new_with_seed (7);
  for (int round = 0; round < 3000; round++) {
    g_autoptr (GString) mail = g_string_new ("Subject: x\r\n");
    g_autoptr (GString) out = g_string_new (NULL);
    bool lines = round % 2, quote = round % 3;
    for (int i = g_rand_int_range (dice, 0, 30); i > 0; i--) {
      const char *word = words[g_rand_int_range (dice, 0, G_N_ELEMENTS (words))];
      if (!lines || (strcmp (word, "\n") && strcmp (word, "\r")))
        g_string_append (mail, word);
    }
    if (round % 100 == 0)
      for (int i = 0; i < 66000; i++)
        g_string_append (mail, i % 7 ? ">" : "\r\n");
    struct text_probe probe;
    text_probe_start (&probe);
    size_t cut = (size_t)g_rand_int_range (dice, 0, (int)mail->len);
    text_probe_octets (&probe, mail->str, cut);
    text_probe_octets (&probe, mail->str + cut, mail->len - cut);
    if (lines)
      assert_true (text_probe_pure (&probe));
    struct text_writer writer;
    text_writer_start (&writer, out, text_probe_pure (&probe), quote);
    text_writer_octets (&writer, mail->str, cut);
    text_writer_octets (&writer, mail->str + cut, mail->len - cut);
    text_writer_finish (&writer);
    if (text_probe_pure (&probe))
      assert_null (memchr (out->str, '\r', out->len));
    FILE *file = file_of (out->str, out->len);
    GString *back =
        read_text (file, 0, (int64_t)out->len, quote ? QUOTING_MBOXRD : QUOTING_NONE, 1000);
    assert_int_equal (back->len, mail->len);
    assert_memory_equal (back->str, mail->str, mail->len);
    g_string_free (back, TRUE);
    fclose (file);
  }
}

static void
separators (void **state) {
  static const struct {
    const char *line;
    int64_t date; /* 0: none */
  } samples[] = {
    { "From a@x.y Fri Jul  8 12:08:34 2011", 1310126914 },
    { "From a@x.y Fri Jul 8 12:08:34 2011", 1310126914 },
    { "From MAILER-DAEMON Fri Jul  8 12:08:34 2011 +0200", 1310126914 },
    { "From a@x.y Fri Jul  8 12:08 CEST 2011", 1310126880 },
    { "From - Fri Jul 08 12:08:34 2011", 1310126914 },
    { "From two words@x Fri Jul  8 12:08:34 2011 remote from y", 1310126914 },
    { "From a@x.y  Fri Jul  8 12:08:34 2011", 1310126914 },
    { "From  Fri Jul  8 12:08:34 2011", 1310126914 },
    { "From the beginning", 0 },
    { "From Friday to Sunday 12:30 we are closed", 0 },
    { "From a@x.y Fri Jul  8 2011", 0 },
    { "From a@x.y Xxx Jul  8 12:08:34 2011", 0 },
    { "From a@x.y Fri Jul 32 12:08:34 2011", 0 },
    { "From a@x.y Fri Jul  8 25:08:34 2011", 0 },
    { "From a@x.y Fri Jul  8 12:08:34", 0 },
    { "From: a@x.y Fri Jul  8 12:08:34 2011", 0 },
    { ">From a@x.y Fri Jul  8 12:08:34 2011", 0 },
    { "From", 0 },
    { "From ", 0 },
    { "", 0 },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (samples); i++) {
    int64_t date = 0;
    bool found = mbox_is_separator (samples[i].line, strlen (samples[i].line), &date);
    if (found != (samples[i].date != 0) || (found && date != samples[i].date))
      fail_msg ("%s: %d %lld", samples[i].line, found, (long long)date);
  }
}

#define SEPARATOR "From a@x.y Fri Jul  8 12:08:34 2011\n"

static void
expect_mails (const char *text, size_t size, const char *const *mails, ptn_status last) {
  FILE *file = file_of (text, size);
  struct mbox mbox;
  struct mbox_mail mail;
  mbox_open (&mbox, fileno (file));
  for (; *mails; mails++) {
    assert_int_equal (mbox_next (&mbox, &mail), PTN_OK);
    g_autofree char *found = g_strndup (text + mail.start, (size_t)(mail.end - mail.start));
    assert_string_equal (found, *mails);
    assert_int_equal (mail.date, 1310126914);
  }
  assert_int_equal (mbox_next (&mbox, &mail), last);
  mbox_close (&mbox);
  fclose (file);
}
#define EXPECT(text, last, ...) \
  expect_mails (text, sizeof text - 1, (const char *const[]){ __VA_ARGS__ }, last)

static void
mails_of_a_file (void **state) {
  EXPECT ("", PTN_END, NULL);
  EXPECT ("\n\n", PTN_END, NULL);
  EXPECT ("Subject: x\n", PTN_E_INVALID, NULL);
  EXPECT ("From the start\n", PTN_E_INVALID, NULL);
  EXPECT (SEPARATOR, PTN_END, "", NULL);
  EXPECT (SEPARATOR "a\n", PTN_END, "a\n", NULL);
  EXPECT (SEPARATOR "a", PTN_END, "a", NULL);
  EXPECT (SEPARATOR "a\n\n", PTN_END, "a\n", NULL);
  EXPECT (SEPARATOR "a\n\n\n", PTN_END, "a\n\n", NULL);
  EXPECT (SEPARATOR "a\n\n" SEPARATOR "b\n\n", PTN_END, "a\n", "b\n", NULL);
  EXPECT ("\n" SEPARATOR "a\n\n" SEPARATOR "b\n", PTN_END, "a\n", "b\n", NULL);
  EXPECT (SEPARATOR "a\n" SEPARATOR "b\n", PTN_END, "a\n" SEPARATOR "b\n", NULL);
  EXPECT (SEPARATOR "a\n\nFrom here on\n", PTN_END, "a\n\nFrom here on\n", NULL);
  EXPECT (SEPARATOR "a\r\n\r\n" SEPARATOR "b\r\n", PTN_END, "a\r\n", "b\r\n", NULL);
  EXPECT (SEPARATOR "a\n\n\n" SEPARATOR "\n" SEPARATOR "c", PTN_END, "a\n\n", "", "c", NULL);
}

/* Lines of every length around the window's size, so that each place is met by its end. */
static void
long_lines_and_windows (void **state) {
  for (size_t length = 262144 - 60; length < 262144 + 20; length += 3) {
    g_autoptr (GString) text = g_string_new (SEPARATOR);
    g_autofree char *line = g_strnfill (length, 'x');
    g_string_append_printf (text, "%s\n\n" SEPARATOR "b\n", line);
    FILE *file = file_of (text->str, text->len);
    struct mbox mbox;
    struct mbox_mail mail;
    mbox_open (&mbox, fileno (file));
    assert_int_equal (mbox_next (&mbox, &mail), PTN_OK);
    assert_int_equal (mail.end - mail.start, length + 1);
    assert_int_equal (mbox_next (&mbox, &mail), PTN_OK);
    assert_int_equal (mail.end - mail.start, 2);
    assert_int_equal (mbox_next (&mbox, &mail), PTN_END);
    mbox_close (&mbox);
    fclose (file);
  }
}

static void
flags_of_a_mail (void **state) {
  static const char text[] = SEPARATOR "Status: RO\nx-status: AF\n\nStatus: D\n";
  FILE *file = file_of (text, sizeof text - 1);
  struct mbox mbox;
  struct mbox_mail mail;
  mbox_open (&mbox, fileno (file));
  assert_int_equal (mbox_next (&mbox, &mail), PTN_OK);
  assert_int_equal (mail.flags, PTN_SEEN | PTN_ANSWERED | PTN_FLAGGED);
  mbox_close (&mbox);
  fclose (file);
}

static void
folder_names (void **state) {
  static const char *const pairs[][2] = {
    { ".Sent", "Sent" },
    { ".Sent.2026", "Sent/2026" },
    { ".Entw&APw-rfe", "Entw\xc3\xbcrfe" },
    { ".a&-b", "a&b" },
    { ".a&AC4-b", "a.b" },
    { ".&U,BTFw-", "\xe5\x8f\xb0\xe5\x8c\x97" },
    { ".&2D3eAA-", "\xf0\x9f\x98\x80" },
  };
  static const char *const wrong[] = { "",    ".",      "..",    "Sent",   ".a..b", ".a.",
                                       ".a&", ".a&AC4", ".a&A-", ".&2D0-", ".a/b",  ".\x01" };
  for (size_t i = 0; i < G_N_ELEMENTS (pairs); i++) {
    g_autofree char *mailbox = folder_to_mailbox (pairs[i][0]);
    g_autofree char *folder = folder_of_mailbox (pairs[i][1]);
    assert_non_null (mailbox);
    assert_string_equal (mailbox, pairs[i][1]);
    assert_string_equal (folder, pairs[i][0]);
  }
  for (size_t i = 0; i < G_N_ELEMENTS (wrong); i++)
    assert_null (folder_to_mailbox (wrong[i]));
  char letters[8];
  assert_int_equal (folder_flags ("1.M2.h:2,FS"), PTN_FLAGGED | PTN_SEEN);
  assert_int_equal (folder_flags ("1.M2.h"), 0);
  assert_string_equal (
      folder_letters (PTN_SEEN | PTN_DELETED | PTN_DRAFT | PTN_FLAGGED | PTN_ANSWERED, letters),
      "DFRST");
}

int
main (void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (line_ends_and_quotes),
    cmocka_unit_test (there_and_back),
    cmocka_unit_test (separators),
    cmocka_unit_test (mails_of_a_file),
    cmocka_unit_test (long_lines_and_windows),
    cmocka_unit_test (flags_of_a_mail),
    cmocka_unit_test (folder_names),
  };
  return cmocka_run_group_tests (tests, setup, teardown);
}
