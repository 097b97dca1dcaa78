/* SPDX-License-Identifier: Apache-2.0 */
/* faulty.c - the plugin; see faulty.h. */
#include "faulty.h"

struct ptn_directory good;
struct ptn_credentials good_credentials;

static struct ptn_directory broken;
static struct ptn_credentials broken_credentials;
static const struct fault *chosen; /* NULL: none */

const struct fault *const all_faults[] = { name_faults, secret_faults, waiting_faults, NULL };

const char *
keep (const char *text) {
  return g_intern_string (text);
}

/* ---- Between the good one and the host --------------------------------------------------- */

#define REPLACE(table, function)  \
  if (chosen && chosen->function) \
  (table).function = chosen->function

static void
break_directory (const struct ptn_directory *table) {
  memset (&good, 0, sizeof good);
  memcpy (&good, table, MIN (table->size, sizeof good));
  broken = good;
  broken.size = sizeof broken;
  REPLACE (broken, parse_login);
  REPLACE (broken, authorize);
  REPLACE (broken, resolve);
  REPLACE (broken, may_send_as);
  REPLACE (broken, list_accounts);
  REPLACE (broken, flush);
}

static void
break_credentials (const struct ptn_credentials *table) {
  memset (&good_credentials, 0, sizeof good_credentials);
  memcpy (&good_credentials, table, MIN (table->size, sizeof good_credentials));
  broken_credentials = good_credentials;
  broken_credentials.size = sizeof broken_credentials;
  broken_credentials.flags |= chosen ? chosen->flags : 0;
  REPLACE (broken_credentials, verify_password);
  REPLACE (broken_credentials, with_secret);
}

static ptn_status
between_provide (const struct ptn_host *own, const char *id, const char *name, const void *table,
                 void *instance) {
  if (strcmp (id, PTN_DIRECTORY_ID) == 0) {
    break_directory (table);
    return host->provide (host, id, name, &broken, instance);
  }
  if (strcmp (id, PTN_CREDENTIALS_ID) == 0) {
    break_credentials (table);
    return host->provide (host, id, name, &broken_credentials, instance);
  }
  return PTN_OK; /* commands of the good one are not tested here */
}

/* ---- The plugin -------------------------------------------------------------------------- */

static bool
choose (const char *name) {
  chosen = NULL;
  for (size_t i = 0; all_faults[i]; i++)
    for (const struct fault *fault = all_faults[i]; fault->rule; fault++)
      if (strcmp (fault->rule, name) == 0)
        chosen = fault;
  return chosen != NULL;
}

PTN_PUBLIC const struct ptn_plugin *
postern_plugin_entry (uint32_t host_abi_major, uint32_t host_abi_minor) {
  static const struct wrapper wrapper = {
    .name = "directory-faulty",
    .summary = "A good directory with one fault: a test of tests.",
    .variable = "FAULTY_DIRECTORY",
    .choose = choose,
    .provide = between_provide,
  };
  return wrapper_entry (&wrapper, host_abi_major, host_abi_minor);
}
