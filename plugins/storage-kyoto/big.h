/* SPDX-License-Identifier: GPL-3.0-or-later */
/* big.h - bodies that are too big for the log: a file each, with a checksum for every piece.
 *
 * The file `big.NUMBER` holds the octets, and behind them a table with the CRC32C of each piece of
 * BIG_PIECE octets.  Whoever writes it owns the struct; the spiller syncs file and folder before
 * a record names it, and files that no record names are removed at start. */
#ifndef STORAGE_KYOTO_BIG_H
#define STORAGE_KYOTO_BIG_H

#include "commit.h"

enum { BIG_PIECE = 256 * 1024 };

struct big {
  struct shard *shard;
  uint64_t number;
  int fd;
  uint64_t octets;
  struct octets table; /* CRC32C of the pieces so far */
  uint32_t table_crc;  /* after big_finish */
  bool named;          /* a record may name it: do not unlink */
};

/* NULL: errno. */
struct big *big_new (struct shard *);
/* Closes; unlinks what was not given to a commit. */
void big_free (struct big **);
/* One piece: BIG_PIECE octets, fewer only at the end.  False: errno. [task] */
bool big_write (struct big *, const void *piece, size_t size);
bool big_finish (struct big *);

/* Syncs files and folders, then submits the armed operations; if that fails, finishes them.
 * everywhere: each file gets a link in the shard of each operation.  The job keeps the bigs. */
void spiller_submit (struct store *, struct big *const *bigs, size_t big_count, bool everywhere,
                     struct op *const *ops, size_t count);
ptn_status spiller_start (struct store *);
/* Waits until it has nothing to do: whatever it had for the committers is with them. */
void spiller_drain (struct store *);
void spiller_stop (struct store *);

/* Files that nothing names any more: removed soon, by the spiller's thread. */
void big_remove_later (struct shard *, const uint64_t *numbers, size_t count);
/* At start: removes the files that the index does not name. */
void big_sweep (struct shard *);

/* A body to be read.  NULL: errno, or 0 when the file does not have what the row says. */
struct big_reader;
struct big_reader *big_reader_new (struct shard *, const struct body_row *);
void big_reader_free (struct big_reader **);
/* The piece with this number, checked, g_malloc'd; PTN_OK or PTN_E_CORRUPT. */
ptn_status big_reader_piece (struct big_reader *, uint64_t number, uint8_t **data, size_t *size);

#endif
