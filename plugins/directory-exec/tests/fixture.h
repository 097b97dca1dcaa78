/* SPDX-License-Identifier: Apache-2.0 */
/* fixture.h - the plugin in a harness, and a program at its socket that the test plays.
 *
 * One fixture a test; the program's side runs on threads of its own, one a connection. */
#ifndef DIRECTORY_EXEC_TESTS_FIXTURE_H
#define DIRECTORY_EXEC_TESTS_FIXTURE_H

#include "harness/harness.h"

#include <assert.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <glib.h>
#include <jansson.h>
#include <string.h>

/* One question.  Writes what it likes to the socket; false: the connection is closed. */
typedef bool play (int fd, const json_t *question, void *data);

struct fixture {
  struct harness *harness;
  struct ptn_task *task;
  const struct ptn_host *host;
  struct ptn_binding directory, credentials;
  struct ptn_sasl_request request;
  struct ptn_call call;
  char *folder, *socket;
  play *play;
  void *data;
  gint connections, questions; /* so far */
  /* of the program's threads */
  int listening;
  GThread *thread;
  GMutex lock;
  GArray *fds;
  GPtrArray *threads;
};

extern const char *fixture_module;

/* play NULL: nobody listens.  settings: more of them, NULL-ended, or NULL. */
struct fixture *fixture_new (play *, const char *const *settings);
void fixture_free (struct fixture *);
void fixture_listen (struct fixture *);  /* the program starts */
void fixture_hang_up (struct fixture *); /* it ends, with all its connections */
/* An answer with the id of the question: a status and more members, as JSON, "" if none. */
bool fixture_say (int fd, const json_t *question, const char *status, const char *more);
void fixture_write (int fd, const char *text, size_t size);

ptn_status fixture_login (struct fixture *, const char *login, struct ptn_identity *);
ptn_status fixture_verify (struct fixture *, const char *user, const char *password);

#endif
