/* SPDX-License-Identifier: Apache-2.0 */
/* rules.h - the plugin's settings, as far as they decide how accounts are read and found:
 * immutable and counted, because a reload makes new ones while the old are in use.
 *
 * Any thread. */
#ifndef DIRECTORY_FILE_RULES_H
#define DIRECTORY_FILE_RULES_H

#include <glib.h>
#include <stdbool.h>

#include "common/login/domains.h"
#include "common/password/password.h"
#include "common/secret/verdicts.h"

struct rules {
  gint references;
  char *file; /* absolute */
  struct domains *domains;
  char **administrators; /* folded */
  char *postmaster;      /* folded, or NULL */
  char *node;            /* or NULL */
  /* What accounts have that say nothing else, "name=value". */
  char **attributes;
  struct verdicts *cache; /* a reference; NULL in tests */
  struct password_costs costs;
  bool make_nt, make_scram_sha_1, make_scram_sha_256; /* with each new password */
};

/* What the settings say, in the words of the configuration.  Borrowed. */
struct rules_input {
  const char *file;
  struct ptn_strings domains, nt_domains, administrators;
  const char *postmaster, *node, *retention;
  int64_t quota_octets;   /* INT64_MAX: unlimited */
  int64_t quota_messages; /* 0: unlimited */
  struct password_costs costs;
  struct ptn_strings extra_keys;
  struct verdicts *cache; /* gets one more reference */
};

/* NULL and *fault (a static text) if they make no sense. */
struct rules *rules_new (const struct rules_input *, const char **fault);
struct rules *rules_ref (struct rules *);
void rules_unref (struct rules *);

bool rules_is_administrator (const struct rules *, const char *account);

#endif
