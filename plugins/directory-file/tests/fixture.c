/* SPDX-License-Identifier: Apache-2.0 */
/* fixture.c - see fixture.h.  The fixture owns its folder, harness and task. */
#include "fixture.h"

#include <glib/gstdio.h>
#include <unistd.h>

const char *fixture_module;

void
fixture_write (struct fixture *fixture, const char *accounts) {
  g_autofree char *fresh = g_strconcat (fixture->file, ".test", NULL);
  assert_true (g_file_set_contents (fresh, accounts, -1, NULL));
  assert_int_equal (chmod (fresh, 0640), 0);
  assert_int_equal (g_rename (fresh, fixture->file), 0);
}

char *
fixture_read (struct fixture *fixture) {
  char *text;
  assert_true (g_file_get_contents (fixture->file, &text, NULL, NULL));
  return text;
}

struct fixture *
fixture_new (const char *accounts, const char *const *settings) {
  struct fixture *fixture = g_new0 (struct fixture, 1);
  fixture->folder = g_dir_make_tmp ("directory-test-XXXXXX", NULL);
  fixture->file = g_build_filename (fixture->folder, "accounts", NULL);
  if (accounts)
    fixture_write (fixture, accounts);
  fixture->harness = harness_new ();
  fixture->host = harness_host (fixture->harness);
  g_autofree char *file = g_strconcat ("file=", fixture->file, NULL);
  g_autoptr (GPtrArray) all = g_ptr_array_new ();
  const char *const usual[] = { file, "domains=example.test example.org", "nt_domains=EXAMPLE",
                                "argon2_memory=1 MiB", "argon2_passes=1" };
  for (size_t i = 0; i < G_N_ELEMENTS (usual); i++)
    g_ptr_array_add (all, (char *)usual[i]);
  for (; settings && *settings; settings++)
    g_ptr_array_add (all, (char *)*settings);
  g_ptr_array_add (all, NULL);
  assert_int_equal (harness_load (fixture->harness, fixture_module,
                                  (const char *const *)all->pdata),
                    PTN_OK);
  assert_int_equal (harness_start (fixture->harness), PTN_OK);
  fixture->directory = harness_find (fixture->harness, PTN_DIRECTORY_ID, NULL);
  fixture->credentials = harness_find (fixture->harness, PTN_CREDENTIALS_ID, NULL);
  fixture->task = harness_task_new (fixture->harness);
  fixture->call.task = fixture->task;
  fixture->request = (struct ptn_sasl_request){ .size = sizeof fixture->request,
                                                .service = "imap",
                                                .server_name = "mail.example.test" };
  return fixture;
}

void
fixture_free (struct fixture *fixture) {
  fixture->host->call_end (&fixture->call);
  harness_task_free (&fixture->task);
  harness_free (&fixture->harness);
  g_unlink (fixture->file);
  assert_int_equal (g_rmdir (fixture->folder), 0); /* nothing else was left behind */
  g_free (fixture->file);
  g_free (fixture->folder);
  g_free (fixture);
}

ptn_status
fixture_verify (struct fixture *fixture, const char *user, const char *password) {
  const struct ptn_credentials *credentials = fixture->credentials.table;
  const ptn_status status =
      HARNESS_AWAIT (fixture->task,
                     credentials->verify_password (fixture->credentials.instance, &fixture->call,
                                                   &fixture->request, "EXAMPLE", user,
                                                   (struct ptn_bytes){ password,
                                                                       strlen (password) }));
  fixture->host->call_end (&fixture->call);
  return status;
}

struct report {
  struct ptn_report table; /* first */
  GString *rows;
  bool slow; /* PENDING before each row */
};

static ptn_status
take_row (struct ptn_report *table, struct ptn_task *task, const char *const *columns,
          size_t count) {
  struct report *report = (struct report *)table;
  report->slow = !report->slow;
  if (report->slow) {
    task ? (void)0 : abort ();
    return PTN_PENDING;
  }
  for (size_t i = 0; i < count; i++)
    g_string_append_printf (report->rows, "%s%s", i ? "|" : "", columns[i]);
  g_string_append_c (report->rows, '\n');
  return PTN_OK;
}

ptn_status
fixture_command (struct fixture *fixture, const char *name, const char *arguments,
                 const char *secret, char **rows) {
  const struct ptn_binding found = harness_find (fixture->harness, PTN_CONTROL_ID, name);
  const struct ptn_control *control = found.table;
  struct report report = { { .size = sizeof report.table, .row = take_row },
                           g_string_new (NULL),
                           false };
  g_auto (GStrv) words = g_strsplit (arguments, "|", -1);
  const struct ptn_strings typed = { (const char *const *)words, g_strv_length (words) };
  ptn_status status;
  while ((status = control->run (found.instance, &fixture->call, typed,
                                 (struct ptn_bytes){ secret, secret ? strlen (secret) : 0 },
                                 &report.table))
         == PTN_PENDING)
    if (!control->columns) /* rows are pending for the fun of it, without a wake */
      harness_wait (fixture->task);
  fixture->host->call_end (&fixture->call);
  if (rows)
    *rows = g_string_free (report.rows, FALSE);
  else
    g_string_free (report.rows, TRUE);
  return status;
}
