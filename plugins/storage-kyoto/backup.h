/* SPDX-License-Identifier: GPL-3.0-or-later */
/* backup.h - which octets of which files are the store as it is at one moment.
 *
 * While a struct backup lives, none of its files is removed or changed: segments only grow behind
 * the position, big files stay, of a base the file is open.  One thread at a time. */
#ifndef STORAGE_KYOTO_BACKUP_H
#define STORAGE_KYOTO_BACKUP_H

#include "manifest.h"
#include "store.h"

struct backup_file {
  char *name;            /* in the store, and in the backup */
  int fd;                /* of a base; else -1: to be opened */
  bool keep;             /* the backups before have it */
  bool optional;         /* no message is known to have it: it may go */
  uint64_t offset, size; /* as in struct manifest_file */
};

struct backup {
  struct store *store;
  struct sequence at;
  GPtrArray *files; /* struct backup_file */
  uint64_t octets;  /* to copy */
  uint64_t held;    /* bits: shards whose files are held */
};

/* since: NULL for all, else what is new since then.  NULL: why not (g_free it).  Waits for work on
 * trees and segments: within blocking brackets. */
struct backup *backup_new (struct store *, const struct sequence *since, char **why);
void backup_free (struct backup **);
/* The file in the store, for reading; the caller closes it.  -1: errno. */
int backup_open (const struct backup *, const struct backup_file *);

/* Which timeline the store is on: another one after each restore.  0: never restored. */
uint32_t store_timeline (const char *path);

#endif
