/* SPDX-License-Identifier: Apache-2.0 */
/* directory.h - one instance of the plugin, shared by its parts.
 *
 * The host owns it from configure to destroy.  `current` is the accounts in force; whoever looks
 * something up takes a reference and works on it without a lock. */
#ifndef DIRECTORY_FILE_DIRECTORY_H
#define DIRECTORY_FILE_DIRECTORY_H

#include "accounts.h"
#include "uses.h"

#include <postern/postern.h>
#include <pthread.h>
#include <sys/stat.h>

/* Which version of the file was read, or refused. */
struct file_version {
  gboolean known;
  dev_t device;
  ino_t inode;
  off_t size;
  struct timespec modified, changed;
};

struct directory {
  const struct ptn_host *host;
  const struct ptn_stream_service *streams; /* from start on; NULL in tests without */
  struct uses *uses;                        /* of app passwords */

  pthread_mutex_t lock;     /* of current and rules: taken to exchange or to reference them */
  struct accounts *current; /* NULL: the file was never read */
  struct rules *rules;

  pthread_mutex_t loading; /* who reads the file; the others go on with what there is */
  struct file_version seen;
  gboolean missing; /* told once */
  gint64 next_look_ns;

  struct ptn_metric *accounts_metric, *reloads_metric;
  struct ptn_metric *compared_metric, *cached_metric, *hashed_metric, *busy_metric;
};

/* load.c */

/* The accounts in force: a reference.  Looks at the file once a second [task].  NULL: there are
 * none; the failure is set and PTN_E_TEMPORARY is to be returned. */
struct accounts *directory_get (struct directory *, struct ptn_task *);
/* The same without looking at the file, and without telling: NULL if there are none. [any] */
struct accounts *directory_current (struct directory *);
/* Reads the file now, whatever it looks like.  PTN_OK, PTN_E_INVALID (mistakes, logged) or
 * PTN_E_NOT_FOUND and PTN_E_TEMPORARY (unreadable, logged); then nothing changes.  [any] */
ptn_status directory_load (struct directory *, struct rules *, struct ptn_task *);
struct rules *directory_rules (struct directory *); /* a reference */
/* Settings of this configuration as rules; NULL after logging what is wrong. */
struct rules *directory_read_settings (struct directory *, const struct ptn_config *);

/* provide.c, credentials.c, commands.c: the tables, to be provided with a struct directory */
extern const struct ptn_directory directory_table;
extern const struct ptn_credentials credentials_table;
ptn_status commands_provide (struct directory *);

#endif
