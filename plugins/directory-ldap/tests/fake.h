/* SPDX-License-Identifier: Apache-2.0 */
/* fake.h - settings without a host: for tests and fuzz targets of what is made of them.
 *
 * One thread. */
#ifndef DIRECTORY_LDAP_TESTS_FAKE_H
#define DIRECTORY_LDAP_TESTS_FAKE_H

#include "directory-ldap/rules.h"

/* The words of servers, base and so on, which all of them need. */
#define FAKE_COMMON                                              \
  "servers=ldaps://dc1.example.test", "base=dc=example,dc=test", \
      "domains=example.test example.org", "nt_domains=EXAMPLE"

/* "name=value" strings, NULL-ended; what stands first wins, and defaults are the settings' own.  NULL:
 * they make no sense. */
struct rules *fake_rules (const char *const *lines);

#endif
