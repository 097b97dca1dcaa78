/* SPDX-License-Identifier: Apache-2.0 */
/* fetch.h - a FETCH that runs: what its files share.
 *
 *   program.h    what was asked for
 *   command.c    which messages; \Seen; from one message to the next
 *   row.c        what is answered of one message
 *   structure.c  its digest, if the store has none
 *   literal.c    its octets
 *
 * Belongs to the session as s->work.  All functions that return a status are called again after
 * PENDING (and after PTN_OK where they say so), and go on where they were. */
#ifndef IMAP4_FETCH_FETCH_H
#define IMAP4_FETCH_FETCH_H

#include "common/mime/structure.h"
#include "fetch/program.h"
#include "fetch/transform.h"
#include "selected/selected.h"

#define FETCH_ROWS 64

struct fetch {
  struct program program;
  GArray *uids;               /* struct ptn_uid_range: the messages */
  guint range;                /* the one of them in progress */
  uint32_t place;             /* in the view told, of the next message */
  bool in_range;              /* place is within the range */
  const struct ptn_view *now; /* the flags, when \Seen was set; NULL: those told */
  bool gone;                  /* a message was not there any more */
  ptn_status failed;          /* something could not be read; else PTN_OK */

  /* Of the steps before: \Seen, VANISHED. */
  GArray *seen;     /* struct ptn_uid_range: those that get it; NULL: none */
  GArray *vanished; /* struct ptn_uid_range: those that were named */
  struct ptn_uid_set vanished_set;
  struct ptn_change *change;
  struct ptn_call begin_call, call;
  unsigned stage;

  /* Rows of the store. */
  struct ptn_call fetch_call, rows_call;
  struct ptn_fetch asked;
  bool cursor_asked;
  struct ptn_cursor *cursor;
  const struct ptn_message *rows[FETCH_ROWS];
  size_t row_count, row_at;
  bool rows_over;

  /* The message in progress. */
  const struct ptn_message *row; /* NULL: nothing of the store is needed */
  bool direct;                   /* octets went to the stream past s->out */
  bool in_message;
  bool marked;          /* \Seen was set by this command: its flags are told */
  uint32_t uid, number; /* its place is number - 1 */
  ptn_flag_bits flags;
  uint64_t modseq;
  guint item; /* the next one */
  bool begun; /* its answer has begun */
  struct mime_digest digest;
  bool has_digest, digest_failed;
  struct mime_builder *builder;      /* a digest that is made now, and its octets */
  GString *preview, *preview_octets; /* that is made now; of its part */

  /* The octets of an item. */
  struct ptn_call read_call;
  struct ptn_source *source;
  struct mime_range wanted; /* octets of the mail */
  uint64_t left;            /* of them, to be read */
  bool ranged, transforms, second;
  struct transform transform;
  GString *out;
  uint64_t out_size;
  bool out_nul, out_dropped;

  /* Flags as they were written last: most messages have those of the one before. */
  ptn_flag_bits text_flags;
  bool text_recent;
  GString *text;

  GArray *annotations;
  struct ptn_cursor *annotation_cursor;
  struct ptn_uid_range annotation_uid;

  /* CONVERT */
  bool in_convert;      /* an item whose octets are read */
  GString *source_type; /* of the part; NULL: there is none */
};

/* row.c: all of the message in progress.  PTN_OK: done, or *others: something else first. */
ptn_status fetch_row (struct session *, struct fetch *, bool *others);

/* structure.c: f->digest with this member; MIME_MEMBERS: any digest.  PTN_OK also when it cannot be
 * had, then f->digest_failed; *others as above. */
ptn_status fetch_structure (struct session *, struct fetch *, enum mime_member, bool *others);
/* The preview (RFC 8970), into f->preview. */
ptn_status fetch_preview (struct session *, struct fetch *, bool *others);
/* Its octets are not needed any more. */
void fetch_structure_end (struct fetch *);

/* literal.c: " LABEL literal" of a section, BINARY, BINARY.SIZE. */
ptn_status fetch_literal (struct session *, struct fetch *, const struct item *, bool *others);
void fetch_literal_end (struct session *, struct fetch *);

/* A blank, or the beginning of the answer. */
void fetch_begin_item (struct session *, struct fetch *);
enum transfer_encoding fetch_encoding (unsigned mime_encoding);
/* The last octets of an item, however many.  With *others the item is done and f->item is moved. */
void fetch_put (struct session *, struct fetch *, const void *data, size_t size, bool *others);

/* Something could not be read: what the command ends with. */
void fetch_failed (struct session *, struct fetch *, ptn_status);

#endif
