/* SPDX-License-Identifier: Apache-2.0 */
/* builder.h - what the files of the builder share; nobody else includes it.
 *
 *   builder.c   lines: headers, bodies, delimiters
 *   header.c    the fields of the header in progress
 *   render.c    a header that is over becomes the texts of its part
 *   assemble.c  parts and texts become BODYSTRUCTURE, the table of parts and the digest */
#ifndef PLUGINS_COMMON_MIME_BUILDER_H
#define PLUGINS_COMMON_MIME_BUILDER_H

#include "common/mime/date.h"
#include "common/mime/digest.h"
#include "common/mime/structure.h"

#include <glib.h>
#include <stdbool.h>

enum field {
  FIELD_NONE,
  FIELD_CONTENT_TYPE,
  FIELD_CONTENT_TRANSFER_ENCODING,
  FIELD_CONTENT_ID,
  FIELD_CONTENT_DESCRIPTION,
  FIELD_CONTENT_DISPOSITION,
  FIELD_CONTENT_LANGUAGE,
  FIELD_CONTENT_LOCATION,
  FIELD_CONTENT_MD5,
  FIELD_DATE, /* from here on only of a mail, not of a part */
  FIELD_SUBJECT,
  FIELD_FROM,
  FIELD_SENDER,
  FIELD_REPLY_TO,
  FIELD_TO,
  FIELD_CC,
  FIELD_BCC,
  FIELD_IN_REPLY_TO,
  FIELD_MESSAGE_ID,
  FIELD_REFERENCES,
  FIELDS
};

/* Where a field stands in the octets kept; pieces of To, Cc and Bcc hang together. */
struct kept {
  uint32_t at, size;
  uint8_t field;
};

struct header {
  GString *octets;      /* values, without line ends */
  struct kept kept[48]; /* in the order they came; further To, Cc and Bcc are left out */
  unsigned count;
  uint32_t seen; /* bits of enum field */
  bool open;     /* the last one kept goes on with the next line */
  bool of_mail;  /* not of a part */
};

/* The texts of a part, one behind the other in builder->texts.  For a leaf
 *   ("text" "plain" (...)   id description encoding  SIZE LINES   md5   disposition language location)
 *    TYPE                   COMMON                                MD5   TAIL
 * and of a multipart TYPE comes behind its children, MD5 not at all. */
struct texts {
  uint32_t at;
  uint32_t type, common, md5, tail; /* sizes */
};

struct node {
  uint64_t header, header_size, body_size;
  uint64_t lines; /* LFs of the mail before its body; once it is over, those in its body */
  uint32_t next;
  struct texts texts;
  uint32_t envelope, envelope_size; /* in builder->texts */
  uint32_t charset;                 /* in builder->texts */
  uint8_t charset_size;
  uint8_t kind, encoding;
  uint8_t depth;
  bool attachment, is_mail;
  bool has_children;
};

/* A part that is not over yet. */
struct level {
  uint32_t node;
  uint32_t boundary, boundary_size; /* in builder->boundaries */
  bool active;                      /* a delimiter of it may come */
  bool digest;                      /* multipart/digest: its parts are mails by default */
};

struct mime_builder {
  GArray *nodes; /* struct node */
  struct level levels[MIME_DEPTH_MAX + 2];
  unsigned depth;  /* of levels; the last one is in progress */
  unsigned active; /* levels that are */
  GString *boundaries;
  GString *texts;
  struct header fields;
  bool in_header;       /* of the last level */
  bool default_message; /* what a part without Content-Type is */
  /* lines */
  uint64_t offset;   /* of the next octet */
  uint64_t lines;    /* LFs so far */
  unsigned end_size; /* octets of the last line end: 1 or 2; 0: at the start */
  bool in_line;      /* the start of the line was looked at already */
  bool last_cr;      /* the octet before was a CR */
  char held[MIME_DELIMITER_MAX];
  size_t held_size; /* the start of a line whose end has not come */
  /* results */
  bool over;
  bool has_date;
  struct mime_date date;
  uint32_t references, references_size; /* in texts */
  GString *preview;                     /* NULL: none */
  GString *structure, *table, *digest;
};

static inline struct node *
node_at (const struct mime_builder *b, uint32_t index) {
  return &g_array_index (b->nodes, struct node, index);
}

/* --- header.c --- */
void header_start (struct header *, bool of_mail);
/* The start of a line that is not empty: whether it is all of it, and with its end if so. */
void header_line (struct header *, const char *line, size_t size);
/* More of the same line. */
void header_more (struct header *, const char *data, size_t size);
/* The value of a field without blanks around; of To, Cc and Bcc all of them, joined.  False: there
 * is none.  Valid until header_start. */
bool header_value (struct header *, enum field, struct ptn_bytes *value);

/* --- render.c --- */
/* The header of a node is over: fills its kind, encoding, texts.  Appends the boundary to
 * b->boundaries if the node is a multipart with one; *digest: a multipart/digest. */
void render_part (struct mime_builder *, uint32_t index, bool *digest);

/* --- string.c --- */
/* Quoted, or a literal where it must be; NULs go. */
void append_string (GString *out, const char *data, size_t size);
void append_nstring (GString *out, struct ptn_bytes); /* NIL for data NULL */

/* --- assemble.c --- */
/* All parts are over: makes structure and table. */
void assemble (struct mime_builder *);
/* Makes the digest of them, of `max` octets at most. */
struct ptn_bytes pack (struct mime_builder *, size_t max);

#endif
