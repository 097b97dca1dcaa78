/* SPDX-License-Identifier: Apache-2.0 */
/* metadata.h - annotations of mailboxes and of the server (RFC 5464), for GETMETADATA, SETMETADATA and
 * LIST (RFC 9590).  Entries have no case and are kept in lower case.  Called in the session's task. */
#ifndef IMAP4_MAILBOX_METADATA_H
#define IMAP4_MAILBOX_METADATA_H

#include "session.h"

enum {
  METADATA_VALUE_MAX = 64 * 1024, /* octets, as the store has it */
  METADATA_ASKED_MAX = 100,       /* entries that one command asks for */
  METADATA_COUNT_MAX = 1000       /* entries of one mailbox, or of the server, that a user sees */
};

struct metadata_value {
  char *entry;
  GBytes *value;
};
/* What one mailbox has; zeroed at first. */
struct metadata {
  struct ptn_cursor *cursor;
  bool loaded;
  GArray *values; /* struct metadata_value, in order of entry */
};
/* PTN_OK; PTN_PENDING; errors as the store's.  mailbox NULL: of the server, as this user sees it. */
ptn_status metadata_load (struct session *, struct metadata *, const struct ptn_id *mailbox);
void metadata_clear (struct session *, struct metadata *);
/* The value of an entry in lower case; NULL: it has none. */
GBytes *metadata_find (const struct metadata *, const char *entry);
/* Adds one that the server computes. */
void metadata_add (struct metadata *, const char *entry, const char *value);

/* "(" entry *(SP entry) ")" or, with no parenthesis, one entry: strings as they were written, in
 * an array for g_ptr_array_unref; NULL: the reader says why. */
GPtrArray *metadata_read_entries (struct reader *);
/* An entry: "/private" or "/shared", and levels below it. */
bool metadata_is_entry (const char *entry, bool whole);
/* "* METADATA name (...)" with these entries, those without value as NIL. */
void metadata_put_listed (struct session *, const struct metadata *, const char *name,
                          const GPtrArray *entries);
/* A value: quoted, literal, literal8; NULL: NIL. */
void put_metadata_value (struct session *, GBytes *);

#endif
