/* SPDX-License-Identifier: GPL-3.0-or-later */
/* background.h - manners of threads that have time: checkpoints, compaction, scrubbing.
 *
 * Called by the thread about itself, at its start. */
#ifndef STORAGE_KYOTO_BACKGROUND_H
#define STORAGE_KYOTO_BACKGROUND_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Names it (15 octets), makes it nicer, and lets others go first at the disk; idle: only when
 * nobody else wants it.  Where the kernel refuses a wish, it stays as it was. */
void background_thread (const char *name, int nice, bool idle);

/* Writes what the kernel holds of a file, piece by piece, so that the small syncs of the logs
 * need not queue behind all of it.  No promise: fsync makes that, and tells the errors. */
void background_write (int fd);

#endif
