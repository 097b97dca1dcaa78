/* SPDX-License-Identifier: Apache-2.0 */
/* roster.h - the directories there are, who verifies their users, and what the settings say beyond:
 * immutable and counted, because a reload makes a new one while logins use the old.
 *
 * Made in setup or reload; any thread reads. */
#ifndef AUTH_ROSTER_H
#define AUTH_ROSTER_H

#include "common/network.h"
#include "common/secret/verdicts.h"

#include <glib.h>
#include <postern/postern.h>
#include <stdbool.h>

#define ROSTER_DIRECTORY_LIMIT 16
#define ROSTER_SOURCE_LIMIT 4 /* of one directory */

/* Who verifies what proves the users of a directory. */
struct roster_source {
  const struct ptn_credentials *credentials;
  void *instance;
  const char *name; /* of its plugin; the host's */
};

struct roster_directory {
  const struct ptn_directory *directory;
  void *instance;
  const char *name;                                  /* the host's */
  struct roster_source sources[ROSTER_SOURCE_LIMIT]; /* in the order they are asked */
  size_t source_count;
  bool broken; /* the settings name sources that are not there: its users cannot be verified now */
};

struct roster {
  gint references;
  struct roster_directory directories[ROSTER_DIRECTORY_LIMIT]; /* in configured order */
  size_t directory_count;
  struct verdicts *verdicts; /* of slow sources on passwords */
  unsigned scram_iterations; /* of keys that nobody has */
  gint64 recheck_ns;         /* how often sessions in others' mailboxes are looked at; 0: never */
  /* How often a source was the one that knew who logged in.  The one thing here that changes. */
  guint64 judged[ROSTER_DIRECTORY_LIMIT][ROSTER_SOURCE_LIMIT];
  struct network *trusted; /* whose addresses many users share */
  size_t trusted_count;
  char **closed; /* accounts whose mailbox is not opened over POP and IMAP */
};

/* Everybody who can be in a roster; does not change from start on. */
struct everybody {
  struct roster_directory directories[ROSTER_DIRECTORY_LIMIT]; /* without sources */
  size_t directory_count;
  struct roster_source sources[2 * ROSTER_DIRECTORY_LIMIT];
  size_t source_count;
  struct roster_source usual; /* who verifies where nobody is named; credentials NULL: nobody */
};

/* NULL: no random octets to be had.  Mistakes in the settings are logged; nobody verifies the users
 * of a directory that they are about.  before: the roster in force, whose verdicts are kept if their
 * settings did not change; or NULL. */
struct roster *roster_new (const struct ptn_host *, const struct everybody *,
                           const struct ptn_config *, const struct roster *before);
bool roster_trusts (const struct roster *, const char *address);
struct roster *roster_ref (struct roster *);
void roster_unref (struct roster *);

#endif
