/* SPDX-License-Identifier: Apache-2.0 */
/* client.h - a server of pop3, a store and the fake login in the harness, and a client's end of
 * connections to it.  One thread. */
#ifndef POP3_TESTS_CLIENT_H
#define POP3_TESTS_CLIENT_H

#include "harness/harness.h"

#include <glib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

struct server {
  struct harness *harness;
  const struct ptn_host *host;
  const struct ptn_protocol *protocol;
  void *instance;
  const struct ptn_store *store;
  void *store_instance;
  struct ptn_task *task; /* of deliver and its like */
};

struct client {
  struct server *server;
  struct ptn_task *task;
  struct ptn_stream *stream;
  struct ptn_session_info info;
  void *session;
  GString *output; /* not expected yet */
  bool ended;
  ptn_status status; /* that ended it */
};

/* Modules and the store's settings, from the command line. */
extern const char *module_pop3, *module_store, *module_login;
extern const char *store_settings[8];
int client_main (int argc, char **argv, const struct CMUnitTest *tests, size_t count);

int server_setup (void **state); /* fake login without waiting, clear passwords allowed */
int server_teardown (void **state);
struct server *server_new (const char *const *login_settings, const char *const *store_extra);
void server_free (struct server **);
void deliver_octets (struct server *, const char *account, const char *data, size_t size);
void deliver (struct server *, const char *account, const char *text);

/* listener: "name=value", NULL ends; or NULL. */
struct client *client_new (struct server *, const char *const *listener);
void client_free (struct client **);
void client_send (struct client *, const char *data, size_t size);
/* One step of the session, and its output; false: it waits, or has ended. */
bool client_step (struct client *);
void client_say (struct client *, const char *text);
/* What comes next is exactly this. */
void client_expect (struct client *, const char *text);
void client_expect_octets (struct client *, const char *data, size_t size);
/* The next line, with CRLF; borrowed until the next call. */
const char *client_line (struct client *);
/* A line that begins like this. */
void client_expect_line (struct client *, const char *beginning);
/* Lines up to and with the dot. */
void client_skip_list (struct client *);
/* The connection is closed and nothing more came. */
void client_expect_end (struct client *);
/* No answer is on its way. */
void client_expect_nothing (struct client *);
struct client *client_login (struct server *, const char *name, const char *const *listener);

#define POP3_TEST(function) \
  cmocka_unit_test_setup_teardown (function, server_setup, server_teardown)

#endif
