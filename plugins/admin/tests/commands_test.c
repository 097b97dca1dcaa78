/* SPDX-License-Identifier: Apache-2.0 */
/* commands_test.c - the commands on the memory store, with files in a temporary folder. */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *admin_module;
static char *folder;

/* --- a report that keeps what it is told --------------------------------------------------- */

struct report {
  struct ptn_report report; /* first */
  struct fixture *fixture;
  GString *rows, *notes;
  unsigned turn; /* every other call waits once */
};

static bool
slow (struct report *report, struct ptn_task *task) {
  if (report->turn++ % 2 == 0)
    return false;
  const struct ptn_host *host = harness_host (report->fixture->harness);
  host->wake (host->waker (task));
  return true;
}

static ptn_status
report_row (struct ptn_report *table, struct ptn_task *task, const char *const *columns,
            size_t count) {
  struct report *report = (struct report *)table;
  if (slow (report, task))
    return PTN_PENDING;
  for (size_t i = 0; i < count; i++)
    g_string_append_printf (report->rows, "%s%s", i ? " " : "", columns[i]);
  g_string_append_c (report->rows, '\n');
  return PTN_OK;
}

static void
report_progress (struct ptn_report *table, uint64_t done, uint64_t total, const char *what) {
  assert_true (done <= total);
}

static void
report_note (struct ptn_report *table, const char *text) {
  g_string_append_printf (((struct report *)table)->notes, "%s\n", text);
}

static ptn_status
report_open (struct ptn_report *table, struct ptn_task *task, const char *path, ptn_open_mode mode,
             int32_t *fd) {
  struct report *report = (struct report *)table;
  struct stat info;
  if (slow (report, task))
    return PTN_PENDING;
  if (mode == PTN_OPEN_MAKE_DIRECTORY)
    g_mkdir_with_parents (path, 0700);
  *fd = open (path, mode == PTN_OPEN_CREATE ? O_WRONLY | O_CREAT | O_EXCL : O_RDONLY, 0600);
  if (*fd < 0)
    return errno == EEXIST ? PTN_E_EXISTS : PTN_E_NOT_FOUND;
  assert_int_equal (fstat (*fd, &info), 0);
  if (mode == PTN_OPEN_READ && S_ISDIR (info.st_mode)) {
    close (*fd);
    return PTN_E_INVALID;
  }
  return PTN_OK;
}

/* --- running --------------------------------------------------------------------------------- */

/* Runs "import alice PATH"; the words of a command come first.  Results are kept. */
static struct report last;

static ptn_status
run (struct fixture *f, const char *name, const char *const *words) {
  const struct ptn_host *host = harness_host (f->harness);
  struct ptn_binding binding = harness_find (f->harness, PTN_CONTROL_ID, name);
  const struct ptn_control *control = binding.table;
  struct ptn_strings arguments = { words, 0 };
  while (words[arguments.count])
    arguments.count++;
  if (last.rows)
    g_string_free (last.rows, TRUE);
  if (last.notes)
    g_string_free (last.notes, TRUE);
  last = (struct report){ { .size = sizeof last.report,
                            .row = report_row,
                            .progress = report_progress,
                            .note = report_note,
                            .open = report_open },
                          f,
                          g_string_new (NULL),
                          g_string_new (NULL),
                          0 };
  struct ptn_call call = { .task = f->task };
  ptn_status status =
      HARNESS_AWAIT (f->task, control->run (binding.instance, &call, arguments,
                                            (struct ptn_bytes){ NULL, 0 }, &last.report));
  host->call_end (&call);
  return status;
}
#define RUN(name, ...) run (f, name, (const char *const[]){ __VA_ARGS__, NULL })

static void
expect_failure (struct fixture *f, const char *text) {
  const char *said = harness_host (f->harness)->failure_text (f->task);
  assert_non_null (said);
  if (!strstr (said, text))
    fail_msg ("expected <%s> in <%s>", text, said);
}

static char *
write_file (const char *name, const char *data) {
  char *path = g_build_filename (folder, name, NULL);
  g_autofree char *parent = g_path_get_dirname (path);
  g_mkdir_with_parents (parent, 0700);
  assert_true (g_file_set_contents (path, data, -1, NULL));
  return path;
}

static void
expect_mail (struct fixture *f, const char *account, const char *mailbox, size_t at,
             const char *text) {
  g_autoptr (GPtrArray) mails = mailbox_read (f, account, mailbox);
  assert_true (at < mails->len);
  assert_string_equal (((GString *)mails->pdata[at])->str, text);
}

/* --- the tests --------------------------------------------------------------------------------- */

static void
rights (void **state) {
  struct fixture *f = *state;
  assert_int_equal (RUN ("mailbox create", "alice", "Box"), PTN_OK);
  assert_int_equal (RUN ("mailbox allow", "alice", "Box", "bob", "lrs"), PTN_OK);
  assert_int_equal (RUN ("mailbox allow", "alice", "Box", "$staff", "lrswite"), PTN_OK);
  assert_int_equal (RUN ("mailbox allow", "alice", "Box", "anyone", "l"), PTN_OK);
  assert_int_equal (RUN ("mailbox allow", "alice", "Box", "anyone", "none"), PTN_OK);
  assert_int_equal (RUN ("mailbox rights", "alice", "Box"), PTN_OK);
  assert_string_equal (last.rows->str, "$staff lrswite\nbob lrs\n");
  assert_int_equal (RUN ("mailbox allow", "alice", "Box", "bob", "lz"), PTN_E_INVALID);
  expect_failure (f, "rights are letters of lrswipkxtea");
  assert_int_equal (RUN ("mailbox allow", "alice", "None", "bob", "l"), PTN_E_NOT_FOUND);
  expect_failure (f, "mailbox None is not there");
  assert_int_equal (RUN ("mailbox use", "alice", "Box", "Sent,archive"), PTN_OK);
  assert_int_equal (RUN ("mailbox use", "alice", "Box", "none"), PTN_OK);
  assert_int_equal (RUN ("mailbox use", "alice", "Box", "fun"), PTN_E_INVALID);
  expect_failure (f, "fun is no use of a mailbox");
}

static void
public_mailboxes (void **state) {
  struct fixture *f = *state;
  assert_int_equal (RUN ("mailbox create", "public:", "News/local"), PTN_OK);
  assert_int_equal (RUN ("mailbox allow", "public:", "News", "anyone", "lr"), PTN_OK);
  assert_int_equal (RUN ("mailbox rights", "public:", "News"), PTN_OK);
  assert_string_equal (last.rows->str, "anyone lr\n");
  assert_int_equal (RUN ("mailbox list", "public:"), PTN_OK);
  assert_string_equal (last.rows->str, "News 0 0 0 -\nNews/local 0 0 0 -\n");
  assert_int_equal (RUN ("mailbox remove", "public:", "News/local"), PTN_OK);
}

static void
mailboxes (void **state) {
  struct fixture *f = *state;
  assert_int_equal (RUN ("mailbox create", "alice", "Work/2026"), PTN_OK);
  assert_int_equal (RUN ("mailbox create", "alice", "Work/2026"), PTN_E_EXISTS);
  expect_failure (f, "mailbox Work/2026 exists already");
  assert_int_equal (RUN ("mailbox create", "nobody", "x"), PTN_E_NOT_FOUND);
  expect_failure (f, "there is no account nobody");
  assert_int_equal (RUN ("mailbox create", "team", "x"), PTN_E_INVALID);
  expect_failure (f, "group of 3 accounts");
  assert_int_equal (RUN ("mailbox list", "alice"), PTN_OK);
  assert_non_null (strstr (last.rows->str, "Work/2026 0 0 0 "));
  assert_int_equal (RUN ("mailbox rename", "alice@example.test", "Work", "Old"), PTN_OK);
  assert_int_equal (RUN ("mailbox list", "alice", "Old/*"), PTN_OK);
  assert_true (g_str_has_prefix (last.rows->str, "Old/2026 "));
  assert_int_equal (RUN ("mailbox status", "alice", "Old/2026"), PTN_OK);
  assert_true (g_str_has_prefix (last.rows->str, "Old/2026 0 0 0 0 "));
  assert_int_equal (RUN ("mailbox status", "alice", "Gone"), PTN_E_NOT_FOUND);
  assert_int_equal (RUN ("mailbox remove", "alice", "Old/2026"), PTN_OK);
  assert_int_equal (RUN ("mailbox accounts", NULL), PTN_OK);
  assert_non_null (strstr (last.rows->str, "alice"));
  assert_int_equal (RUN ("mailbox purge", "alice"), PTN_E_CONFLICT);
  expect_failure (f, "alice is in the directory");
  assert_int_equal (RUN ("mailbox purge", "nobody"), PTN_E_NOT_FOUND);
  expect_failure (f, "nobody is not there");
  assert_int_equal (RUN ("mailbox list", "nobody"), PTN_OK); /* none in the store */
  assert_string_equal (last.rows->str, "");
  assert_non_null (strstr (last.notes->str, "the directory has no account nobody"));
}

static void
mistakes (void **state) {
  struct fixture *f = *state;
  assert_int_equal (RUN ("mailbox create", "alice"), PTN_E_INVALID);
  expect_failure (f, "arguments are missing; usage: mailbox create ACCOUNT MAILBOX");
  assert_int_equal (RUN ("mailbox create", "alice", "a", "b"), PTN_E_INVALID);
  expect_failure (f, "too many arguments: b");
  assert_int_equal (RUN ("mailbox create", "alice", "--format", "x"), PTN_E_INVALID);
  expect_failure (f, "unknown option --format");
  assert_int_equal (RUN ("import", "alice", "x", "--mailbox"), PTN_E_INVALID);
  expect_failure (f, "a value is missing");
  assert_int_equal (RUN ("import", "alice", "x", "--format=tar"), PTN_E_INVALID);
  expect_failure (f, "not tar");
  assert_int_equal (RUN ("import", "alice", "/nonexistent/x"), PTN_E_NOT_FOUND);
  assert_int_equal (RUN ("quota set", "alice", "much"), PTN_E_INVALID);
}

static void
quotas (void **state) {
  struct fixture *f = *state;
  assert_int_equal (RUN ("quota set", "alice", "10MiB", "100"), PTN_OK);
  assert_int_equal (RUN ("quota show", "alice"), PTN_OK);
  assert_string_equal (last.rows->str, "alice 0 10485760 0 100\n");
  assert_int_equal (RUN ("quota set", "alice", "2k"), PTN_OK);
  assert_int_equal (RUN ("quota show", "alice"), PTN_OK);
  assert_string_equal (last.rows->str, "alice 0 2000 0 100\n");
  assert_int_equal (RUN ("quota set", "alice", "none", "none"), PTN_OK);
  assert_int_equal (RUN ("quota show", "alice"), PTN_OK);
  assert_string_equal (last.rows->str, "alice 0 - 0 -\n");
}

#define SEPARATOR "From a@x.y Fri Jul  8 12:08:34 2011\n"

static void
import_mbox (void **state) {
  struct fixture *f = *state;
  g_autofree char *path =
      write_file ("in.mbox", SEPARATOR "Subject: 1\nStatus: RO\n\n>From me\n.\n\n" SEPARATOR
                                       "Subject: 2\r\n\r\nbare \n here\r\n\r\n");
  assert_int_equal (RUN ("import", "alice", path), PTN_OK);
  assert_string_equal (last.rows->str, "INBOX 2 61\n");
  expect_mail (f, "alice", "INBOX", 0, "Subject: 1\r\nStatus: RO\r\n\r\nFrom me\r\n.\r\n");
  expect_mail (f, "alice", "INBOX", 1, "Subject: 2\r\n\r\nbare \n here\r\n");
  assert_int_equal (RUN ("mailbox status", "alice", "INBOX"), PTN_OK);
  assert_true (g_str_has_prefix (last.rows->str, "INBOX 2 1 ")); /* one is unseen */
  assert_int_equal (RUN ("import", "--mailbox", "Old/Mail", "alice", path, "--format=mboxo"),
                    PTN_OK);
  assert_int_equal (mailbox_count (f, "alice", "Old/Mail"), 2);
  g_autofree char *text = write_file ("text", "Subject: no mbox\n");
  assert_int_equal (RUN ("import", "alice", text), PTN_E_INVALID);
  expect_failure (f, "is no mbox file");
}

static void
import_many (void **state) {
  struct fixture *f = *state;
  g_autoptr (GString) text = g_string_new (NULL);
  for (int i = 0; i < 1000; i++)
    g_string_append_printf (text, SEPARATOR "Subject: %d\n\nbody\n\n", i);
  g_autofree char *path = write_file ("many.mbox", text->str);
  assert_int_equal (RUN ("import", "alice", path), PTN_OK);
  g_autoptr (GPtrArray) mails = mailbox_read (f, "alice", "INBOX");
  assert_int_equal (mails->len, 1000);
  for (unsigned i = 0; i < 1000; i++) {
    g_autofree char *expected = g_strdup_printf ("Subject: %u\r\n\r\nbody\r\n", i);
    assert_string_equal (((GString *)mails->pdata[i])->str, expected);
  }
}

static void
import_over_quota (void **state) {
  struct fixture *f = *state;
  assert_int_equal (RUN ("quota set", "bob", "none", "1"), PTN_OK);
  g_autofree char *path = write_file ("quota.mbox", SEPARATOR "a\n\n" SEPARATOR "b\n\n");
  assert_int_equal (RUN ("import", "bob", path), PTN_E_OVERQUOTA);
  expect_failure (f, "over its quota");
}

static void
maildir_both_ways (void **state) {
  struct fixture *f = *state;
  g_free (write_file ("md/cur/1000000001.M1.h:2,FS", "Subject: 1\n\nx\n"));
  g_free (write_file ("md/new/1000000002.M2.h", "Subject: 2\r\n\r\n\n\r\n"));
  g_free (write_file ("md/tmp/1000000003.M3.h", "unfinished"));
  g_free (write_file ("md/.Entw&APw-rfe.A/cur/1.h:2,D", "Subject: 3\n\nno end"));
  g_free (write_file ("md/.Empty/cur/.hidden", "x"));
  g_free (write_file ("md/.Half/file", "x"));
  g_autofree char *path = g_build_filename (folder, "md", NULL);
  assert_int_equal (RUN ("import", "alice", path), PTN_OK);
  expect_mail (f, "alice", "INBOX", 0, "Subject: 1\r\n\r\nx\r\n");
  expect_mail (f, "alice", "INBOX", 1, "Subject: 2\r\n\r\n\n\r\n");
  expect_mail (f, "alice", "Entw\xc3\xbcrfe/A", 0, "Subject: 3\r\n\r\nno end");
  assert_int_equal (mailbox_count (f, "alice", "INBOX"), 2);
  assert_int_equal (RUN ("mailbox status", "alice", "Empty"), PTN_E_NOT_FOUND);

  g_autofree char *out = g_build_filename (folder, "out", NULL);
  assert_int_equal (RUN ("export", "alice", out), PTN_OK);
  assert_int_equal (RUN ("import", "bob", out), PTN_OK);
  assert_int_equal (RUN ("import", "bob", out, "--mailbox", "Again"), PTN_OK);
  for (int i = 0; i < 2; i++) {
    expect_mail (f, "bob", i ? "Again" : "INBOX", 0, "Subject: 1\r\n\r\nx\r\n");
    expect_mail (f, "bob", i ? "Again" : "INBOX", 1, "Subject: 2\r\n\r\n\n\r\n");
    expect_mail (f, "bob", i ? "Again/Entw\xc3\xbcrfe/A" : "Entw\xc3\xbcrfe/A", 0,
                 "Subject: 3\r\n\r\nno end");
  }
  assert_int_equal (RUN ("mailbox status", "bob", "INBOX"), PTN_OK);
  assert_true (g_str_has_prefix (last.rows->str, "INBOX 2 1 "));
  assert_int_equal (RUN ("export", "alice", out), PTN_E_EXISTS);
  g_autofree char *none = g_strconcat (out, ".none", NULL);
  assert_int_equal (RUN ("export", "nobody", none), PTN_E_NOT_FOUND);
  expect_failure (f, "no account nobody, and no mail of that name");
  assert_false (g_file_test (none, G_FILE_TEST_EXISTS));
}

static void
mbox_both_ways (void **state) {
  struct fixture *f = *state;
  struct client *c = client_hello (f, "receive");
  for (int i = 0; i < 3; i++) {
    client_say (c, "MAIL FROM:<a@far.example>", "250");
    client_say (c, "RCPT TO:<alice@example.test>", "250");
    client_say (c, "DATA", "354");
    client_say (c,
                "Subject: x\r\n\r\nFrom me Fri Jul  8 12:08:34 2011\r\n>From you\r\n\r\n"
                "From a@x.y Fri Jul  8 12:08:34 2011\r\n.",
                "250");
  }
  client_close (&c);
  g_autofree char *path = g_build_filename (folder, "out.mbox", NULL);
  assert_int_equal (RUN ("export", "alice", path, "--format", "mbox"), PTN_OK);
  assert_int_equal (RUN ("import", "bob", path), PTN_OK);
  g_autoptr (GPtrArray) first = mailbox_read (f, "alice", "INBOX");
  g_autoptr (GPtrArray) second = mailbox_read (f, "bob", "INBOX");
  assert_int_equal (first->len, 3);
  assert_int_equal (second->len, 3);
  for (unsigned i = 0; i < 3; i++)
    assert_string_equal (((GString *)first->pdata[i])->str, ((GString *)second->pdata[i])->str);
  assert_int_equal (RUN ("export", "alice", path, "--format", "mbox"), PTN_E_EXISTS);
  assert_int_equal (RUN ("export", "alice", "x", "--format", "mbox", "--mailbox", "Gone"),
                    PTN_E_NOT_FOUND);
  unlink ("x");
}

/* Given up in the middle: no leak, no descriptor left. */
static void
broken_off (void **state) {
  struct fixture *f = *state;
  const struct ptn_host *host = harness_host (f->harness);
  g_autoptr (GString) text = g_string_new (NULL);
  for (int i = 0; i < 50; i++)
    g_string_append_printf (text, SEPARATOR "Subject: %d\n\nbody\n\n", i);
  g_autofree char *path = write_file ("broken.mbox", text->str);
  struct ptn_binding binding = harness_find (f->harness, PTN_CONTROL_ID, "import");
  const struct ptn_control *control = binding.table;
  const char *const words[] = { "alice", path };
  for (int steps = 0; steps < 60; steps++) {
    struct report report = { { .size = sizeof report.report,
                               .row = report_row,
                               .progress = report_progress,
                               .note = report_note,
                               .open = report_open },
                             f,
                             g_string_new (NULL),
                             g_string_new (NULL),
                             0 };
    struct ptn_call call = { .task = f->task };
    for (int i = 0; i <= steps; i++) {
      ptn_status status = control->run (binding.instance, &call, (struct ptn_strings){ words, 2 },
                                        (struct ptn_bytes){ NULL, 0 }, &report.report);
      if (status != PTN_PENDING)
        break;
    }
    host->call_end (&call);
    g_string_free (report.rows, TRUE);
    g_string_free (report.notes, TRUE);
  }
}

static int
setup (void **state) {
  int result = fixture_setup (state);
  struct fixture *f = *state;
  assert_int_equal (harness_load (f->harness, admin_module, NULL), PTN_OK);
  assert_int_equal (harness_start (f->harness), PTN_OK);
  folder = g_dir_make_tmp ("postern-admin-XXXXXX", NULL);
  return result;
}

static int
teardown (void **state) {
  const char *const command[] = { "rm", "-rf", folder, NULL };
  g_spawn_sync (NULL, (char **)command, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL,
                NULL);
  g_clear_pointer (&folder, g_free);
  if (last.rows)
    g_string_free (last.rows, TRUE);
  if (last.notes)
    g_string_free (last.notes, TRUE);
  last = (struct report){ 0 };
  return fixture_teardown (state);
}

/* argv: the admin module, then what smtp_tests takes. */
int
main (int argc, char **argv) {
#define TEST(name) cmocka_unit_test_setup_teardown (name, setup, teardown)
  const struct CMUnitTest tests[] = {
    TEST (rights),
    TEST (public_mailboxes),
    TEST (mailboxes),
    TEST (mistakes),
    TEST (quotas),
    TEST (import_mbox),
    TEST (import_many),
    TEST (import_over_quota),
    TEST (maildir_both_ways),
    TEST (mbox_both_ways),
    TEST (broken_off),
  };
  g_assert (argc >= 2);
  admin_module = argv[1];
  return smtp_tests (argc - 1, argv + 1, tests, G_N_ELEMENTS (tests));
}
