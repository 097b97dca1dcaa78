/* SPDX-License-Identifier: Apache-2.0 */
/* mock.h - an LDAP server of a test's own, on a port of the loopback interface: what it answers is the
 * test's affair.
 *
 * One thread takes connections and each has one, on which `answer` is called: all of them end in
 * mock_free. */
#ifndef DIRECTORY_LDAP_TESTS_MOCK_H
#define DIRECTORY_LDAP_TESTS_MOCK_H

#include <glib.h>
#include <lber.h>
#include <ldap.h>
#include <stdbool.h>

struct mock;

/* `body`: the request, for ber_scanf.  false ends the connection. */
typedef bool mock_answer (void *data, int fd, ber_int_t id, ber_tag_t request, BerElement *body);

struct mock *mock_new (mock_answer *, void *data);
unsigned mock_port (const struct mock *);
gint mock_connections (struct mock *); /* that were taken so far */
/* Ends all connections; the next are taken. */
void mock_hang_up (struct mock *);
/* Takes no more, as a server that was stopped; mock_up: at the same port again. */
void mock_down (struct mock *);
void mock_up (struct mock *);
void mock_free (struct mock **);

/* false: the other side is gone. */
bool mock_put (int fd, const struct berval *);
/* An entry with one attribute, after others that are given in `more` (ended by one without a name). */
struct mock_value {
  const char *name;
  struct berval value;
};
bool mock_entry (int fd, ber_int_t id, const char *dn, const struct mock_value *values);
/* The end of an answer; cookie: of the control for pages, "" on the last, NULL: no such control. */
bool mock_done (int fd, ber_int_t id, ber_tag_t response, int code, const char *text,
                const char *cookie);

#endif
