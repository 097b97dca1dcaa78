/* SPDX-License-Identifier: Apache-2.0 */
/* fixture.h - a directory, the auth plugin, a listener and a client's stream, in one harness.
 *
 * One fixture a test; everything on the test's thread. */
#ifndef AUTH_TESTS_FIXTURE_H
#define AUTH_TESTS_FIXTURE_H

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
  struct ptn_stream *stream;
  const struct ptn_host *host;
  struct ptn_binding login;
  struct ptn_sasl_request request;
  char *folder, *file, *file_setting;
};

/* The modules, from the arguments of the test program. */
extern const char *fixture_directory_module, *fixture_auth_module;
extern const char *fixture_extra_module; /* loaded between the two; NULL: none */

/* accounts: the text of the file.  NULL-ended settings or NULL. */
struct fixture *fixture_new (const char *accounts, const char *const *auth_settings,
                             const char *const *listener_settings);
void fixture_free (struct fixture *);
void fixture_write (struct fixture *, const char *accounts);   /* replaces the file, by rename */
void fixture_rewrite (struct fixture *, const char *accounts); /* and it is taken over at once */
void fixture_address (struct fixture *, const char *address, bool tls);

/* One whole login.  user NUL password, or with a mechanism its only response.  *account is
 * g_malloc'd "authcid authzid domain account", if wanted. */
ptn_status fixture_login (struct fixture *, const char *user, const char *password, char **who);
ptn_status fixture_sasl (struct fixture *, const char *mechanism, const void *response, size_t size,
                         char **who);

#endif
