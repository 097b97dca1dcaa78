/* SPDX-License-Identifier: Apache-2.0 */
/* fixture.h - the plugin in a harness, with an accounts file of the test's own.
 *
 * One fixture a test; everything on the test's thread. */
#ifndef DIRECTORY_FILE_TESTS_FIXTURE_H
#define DIRECTORY_FILE_TESTS_FIXTURE_H

#include "harness/harness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <glib.h>
#include <string.h>

struct fixture {
  struct harness *harness;
  struct ptn_task *task;
  const struct ptn_host *host;
  struct ptn_binding directory, credentials;
  struct ptn_sasl_request request;
  struct ptn_call call;
  char *folder, *file;
};

extern const char *fixture_module;

/* accounts NULL: no file.  settings: more of them, NULL-ended, or NULL. */
struct fixture *fixture_new (const char *accounts, const char *const *settings);
void fixture_free (struct fixture *);
void fixture_write (struct fixture *, const char *accounts); /* by rename */
char *fixture_read (struct fixture *);

ptn_status fixture_verify (struct fixture *, const char *user, const char *password);
/* Words divided by '|'.  *rows: what the command put out, cells by '|', rows by LF. */
ptn_status fixture_command (struct fixture *, const char *name, const char *arguments,
                            const char *secret, char **rows);

#endif
