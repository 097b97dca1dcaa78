/* SPDX-License-Identifier: Apache-2.0 */
/* fixture.h - a server in memory for the tests of SMTP: memory store, fake accounts, delivery and
 * submission, and a client that says lines and expects replies.
 *
 * The modules and how often they wait come from the command line: smtp_tests.  A fixture
 * belongs to one test; a client to one fixture, and must be closed before it. */
#ifndef SUBMISSION_TESTS_FIXTURE_H
#define SUBMISSION_TESTS_FIXTURE_H

#include <postern/postern.h>

#include <glib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "harness/harness.h"

struct fixture {
  struct harness *harness;
  const struct ptn_protocol *protocol;
  void *protocol_instance;
  const struct ptn_store *store;
  void *store_instance;
  struct ptn_task *task; /* for looking into the store */
};

struct client {
  struct fixture *fixture;
  struct ptn_task *task;
  struct ptn_stream *stream;
  struct ptn_session_info info;
  void *session;
  GString *output; /* replies not yet expected */
  ptn_status last; /* of the last step */
};

/* argv: store, fake accounts, delivery, submission modules; then percent of calls that wait. */
int smtp_tests (int argc, char **argv, const struct CMUnitTest *, size_t count);
extern const char *const *delivery_settings; /* for the next fixture_setup */

int fixture_setup (void **state);
int fixture_teardown (void **state);

/* settings: "name=value" of the listener, NULL ends. */
struct client *client_new (struct fixture *, const char *const *settings);
/* The same, with the greeting read; kind: "lmtp", "receive", "submission"; then EHLO or LHLO. */
struct client *client_hello (struct fixture *, const char *kind);
void client_close (struct client **);

void client_send (struct client *, const char *text);
void client_send_octets (struct client *, const void *data, size_t size);
/* The next whole reply, its lines divided by '\n', without CRs; valid until the next call. */
const char *client_reply (struct client *);
/* Says a line (CRLF is added; NULL: nothing is said) and compares the start of the reply. */
void client_say (struct client *, const char *line, const char *expected);
/* Steps until nothing more can be done without new input. */
void client_settle (struct client *);
/* Steps until the connection ends; `last` says how. */
void client_run (struct client *);
/* Expects the end of the connection, with nothing left unread. */
void client_expect_end (struct client *);
/* AUTH PLAIN as user with the right password. */
void client_login (struct client *, const char *user);

/* The mails of a mailbox, in order; GString each. */
GPtrArray *mailbox_read (struct fixture *, const char *account, const char *path);
/* The same without Return-Path and Received, which are checked. */
GPtrArray *mailbox_bodies (struct fixture *, const char *account, const char *path);
void mailbox_expect (struct fixture *, const char *account, const char *path, size_t at,
                     const void *body, size_t size);
size_t mailbox_count (struct fixture *, const char *account, const char *path);

#endif
