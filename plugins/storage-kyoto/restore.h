/* SPDX-License-Identifier: GPL-3.0-or-later */
/* restore.h - what a restore does to the folder of the store.  The caller holds the store's lock;
 * the store is not open. */
#ifndef STORAGE_KYOTO_RESTORE_H
#define STORAGE_KYOTO_RESTORE_H

#include "manifest.h"
#include "store.h"

/* Is there a store with a log, other than what a broken off restore has left? */
bool restore_has_mail (const char *path);
/* Marks the folder, durably, and empties it: what a broken off restore has left goes, what else is
 * there is put aside (*aside, g_free it; or NULL).  False: errno. */
bool restore_prepare (struct store *, char **aside);
/* A file of the store, empty; -1: errno. */
int restore_create (const char *path, const char *name);
/* All files are there and synced: their folders are, STORE comes, the mark goes, durably. */
bool restore_finish (struct store *, const struct sequence *);
/* Did a restore not come to its end? */
bool restore_unfinished (const char *path);

#endif
