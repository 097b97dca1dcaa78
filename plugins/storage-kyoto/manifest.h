/* SPDX-License-Identifier: GPL-3.0-or-later */
/* manifest.h - what a backup says of itself: which store, up to where, which files with which sums
 * (FORMAT.md, "Backups").  Values without locks; parsing believes nothing. */
#ifndef STORAGE_KYOTO_MANIFEST_H
#define STORAGE_KYOTO_MANIFEST_H

#include "store.h"

enum { SUM_OCTETS = 32 };

/* Where all shards of a store are at one moment. */
struct sequence {
  unsigned char store[16];
  uint32_t timeline; /* of the store: another one after each restore */
  uint32_t shards;
  struct sequence_shard {
    struct position position;
    uint32_t base; /* number of the newest base; 0: none */
  } shard[SHARDS_MAX];
};
/* As a word for people to keep and commands to take; g_free it. */
char *sequence_text (const struct sequence *);
bool sequence_parse (const char *, struct sequence *);

struct manifest_file {
  char *name;      /* "s00/log.00000001" */
  bool keep;       /* it is in the backups before, and not in this one */
  uint64_t offset; /* where in the file these octets go; those before are in backups before */
  uint64_t size;   /* octets in this backup; keep: of the whole file */
  uint8_t sum[SUM_OCTETS]; /* SHA-256 of them */
};

struct manifest {
  struct sequence at, since;
  bool increment; /* there is a `since` */
  GPtrArray *files;
};
struct manifest *manifest_new (void);
void manifest_free (struct manifest **);
void manifest_add (struct manifest *, const char *name, bool keep, uint64_t offset, uint64_t size,
                   const uint8_t sum[SUM_OCTETS]);
/* The name the file has in the backup's folder: with an offset it is not the whole file; g_free. */
char *manifest_file_name (const struct manifest_file *);
/* With its own sum as the last line; g_free it. */
char *manifest_text (const struct manifest *);
/* NULL, and why: not whole, damaged, or not one. */
struct manifest *manifest_parse (const char *text, size_t size, const char **why);

/* SHA-256, as the octets come. */
struct sum;
struct sum *sum_new (void);
void sum_add (struct sum *, const void *data, size_t size);
/* Ends it and frees it. */
void sum_end (struct sum **, uint8_t out[SUM_OCTETS]);

/* A backup and its increments, in order, put together: files in order of their names.  NULL, and why
 * (g_free it): they do not follow each other, or miss something. */
struct chain_part {
  size_t folder; /* which manifest */
  const struct manifest_file *file;
};
struct chain_file {
  const char *name;
  uint64_t size;
  GArray *parts; /* struct chain_part */
};
GPtrArray *manifest_chain (struct manifest *const *, size_t count, char **why);

#endif
