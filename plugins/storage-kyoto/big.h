/* SPDX-License-Identifier: GPL-3.0-or-later */
/* big.h - bodies that are too big for the log: a file each, with a checksum for every piece.
 *
 * The body is cut into pieces of BIG_PIECE octets, each packed where that saves enough.  The file
 * `big.NUMBER` holds the pieces, and behind them a table with the CRC32C of each, and, if any is
 * packed, the sizes they have there: so any part of the body can be read alone and is checked.  Whoever writes it owns the struct; the spiller syncs file and folder before
 * a record names it, and files that no record names are removed at start. */
#ifndef STORAGE_KYOTO_BIG_H
#define STORAGE_KYOTO_BIG_H

#include "commit.h"

enum { BIG_PIECE = 256 * 1024 };

struct big {
  struct shard *shard;
  uint64_t number;
  int fd;
  uint64_t octets, stored; /* of the body; in the file, so far */
  struct octets table;     /* size and CRC32C of the pieces so far */
  uint8_t codec;           /* packed: at least one of them is */
  uint32_t table_crc;      /* after big_finish */
  bool named;              /* a record may name it: do not unlink */
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
/* Shards are held no more. */
void spiller_poke (struct store *);

/* Files that nothing names any more: removed soon, by the spiller's thread; but not while the shard
 * is held (segments_hold). */
void big_remove_later (struct shard *, const uint64_t *numbers, size_t count);
/* At start: removes the files that the index does not name. */
void big_sweep (struct shard *);

/* A body to be read.  NULL: errno, or 0 when the file does not have what the row says. */
struct big_reader;
struct big_reader *big_reader_new (struct shard *, const struct body_row *);
void big_reader_free (struct big_reader **);
/* Of the whole body. */
uint64_t big_reader_octets (const struct big_reader *);
/* Octets of the piece with this number: BIG_PIECE of all but the last; 0: there is none. */
size_t big_reader_size (const struct big_reader *, uint64_t number);
/* The piece, checked, into as much memory; PTN_OK, PTN_E_CORRUPT, or PTN_E_UNSUPPORTED (no such
 * codec in this build). */
ptn_status big_reader_piece (struct big_reader *, uint64_t number, uint8_t *out);

/* The table of a file: for each piece where it stands and its checksum.  False: it makes no
 * sense.  Pure, for big_reader_new and for tests. */
struct big_piece {
  uint64_t offset;
  uint32_t size, crc;
  uint8_t codec;
};
bool big_table_decode (const uint8_t *table, size_t size, uint8_t codec, uint64_t stored,
                       struct big_piece *pieces, size_t count, uint64_t *octets);
/* How many pieces a table of so many octets has, at most; 0: none could have that size. */
size_t big_table_pieces (size_t size, uint8_t codec);

#endif
