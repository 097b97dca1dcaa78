/* SPDX-License-Identifier: Apache-2.0 */
/* program.h - what a FETCH asks for, as it was parsed: items in the order of the command, modifiers
 * (RFC 4466), and what of each message is needed for them.
 *
 * Belongs to the command; strings are the reader's. */
#ifndef IMAP4_FETCH_PROGRAM_H
#define IMAP4_FETCH_PROGRAM_H

#include "annotation/annotation.h"
#include "common/mime/digest.h"
#include "session.h"

enum { PROGRAM_ITEMS = 1000 }; /* of one command; what is added of itself comes on top */

enum item_kind {
  ITEM_UID,
  ITEM_FLAGS,
  ITEM_MODSEQ,
  ITEM_INTERNALDATE,
  ITEM_SIZE,
  ITEM_ENVELOPE,
  ITEM_BODY,
  ITEM_BODYSTRUCTURE,
  ITEM_EMAILID,
  ITEM_THREADID,
  ITEM_SAVEDATE,
  ITEM_PREVIEW,
  ITEM_PREVIEW_LAZY,
  ITEM_ANNOTATION,
  ITEM_SECTION,     /* BODY[...], RFC822 ... */
  ITEM_BINARY,      /* BINARY[...] */
  ITEM_BINARY_SIZE, /* BINARY.SIZE[...] */
  /* Of CONVERT: */
  ITEM_CONVERT,           /* BINARY[...] */
  ITEM_CONVERT_SIZE,      /* BINARY.SIZE[...] */
  ITEM_CONVERT_STRUCTURE, /* BODYPARTSTRUCTURE[...] */
  ITEM_CONVERT_HEADER,    /* BODY[HEADER], BODY[...MIME] */
  ITEM_CONVERT_AVAILABLE  /* AVAILABLECONVERSIONS[...] */
};

struct item {
  enum item_kind kind;
  const char *label; /* of a section: "BODY[1.2.MIME]<10>", as the answer names it */
  /* What follows is of sections. */
  struct mime_section section; /* path: freed with the program */
  GHashTable *fields;          /* names in small letters: of HEADER.FIELDS; NULL: all of it */
  bool except;                 /* HEADER.FIELDS.NOT */
  bool partial;
  uint64_t first, count; /* octets, if partial */
};

enum {                           /* program.needs */
       NEEDS_ROW = 1 << 0,       /* a row of store->fetch */
       NEEDS_STRUCTURE = 1 << 1, /* the digest */
       NEEDS_OCTETS = 1 << 2
};

struct program {
  GArray *items; /* struct item */
  struct annotation_query annotations;
  unsigned needs;
  unsigned store_items; /* PTN_FETCH_* */
  bool sets_seen;
  bool modseq;                   /* CONDSTORE is to be enabled */
  struct conversion *conversion; /* convert.h: the command is CONVERT; NULL: FETCH */
  /* modifiers */
  bool has_changed_since, vanished, partial;
  uint64_t changed_since;
  int64_t from, to; /* PARTIAL (RFC 9394): places from 1, or from -1 at the end */
};

/* Items and modifiers, from the space behind the set to the end of the command.  False: the reader
 * says why.  Clear it in any case. */
bool program_read (struct program *, struct session *, struct reader *);
/* The same for CONVERT (convert.c). */
bool convert_read (struct program *, struct session *, struct reader *);
void program_clear (struct program *);

/* sections.c: behind the '['; "BODY" and the like is in `label`, to which the rest is added.  For
 * BODY up to "<...>", for BINARY without HEADER and the like. */
bool section_read (struct reader *, struct item *, GString *label);

#endif
