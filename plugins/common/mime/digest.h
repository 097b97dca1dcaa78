/* SPDX-License-Identifier: Apache-2.0 */
/* digest.h - reading what structure.h found out about a mail.
 *
 * A digest is octets in a fixed layout (little-endian, see digest.c), kept by the store beside the
 * mail.  A reader trusts none of them: what does not hold together is PTN_E_CORRUPT or "not there",
 * and the caller computes the digest again by streaming the mail through a builder.
 *
 * All of this only looks at the octets given, which stay the caller's: struct mime_digest holds
 * pointers into them.  No locks, no allocation; any thread. */
#ifndef PLUGINS_COMMON_MIME_DIGEST_H
#define PLUGINS_COMMON_MIME_DIGEST_H

#include <postern/base.h>

#include <stdbool.h>

enum mime_member {
  MIME_ENVELOPE,   /* "(...)", ready to be sent behind "ENVELOPE " */
  MIME_STRUCTURE,  /* "(...)", ready to be sent behind "BODYSTRUCTURE "; for BODY: envelope.h */
  MIME_PARTS,      /* the table behind mime_digest_part and mime_digest_section */
  MIME_REFERENCES, /* the value of References, unfolded; empty: there is none */
  MIME_PREVIEW,    /* UTF-8 text, RFC 8970; empty: there is nothing to show */
  MIME_MEMBERS
};

struct mime_digest {
  struct ptn_bytes members[MIME_MEMBERS]; /* data NULL: absent */
  uint64_t octets;                        /* of the mail */
  uint64_t header_size;                   /* with the empty line */
  bool has_date;                          /* Date could be read: */
  int32_t zone;                           /* its zone, in minutes east of UTC */
  int64_t date;                           /* seconds since 1970, UTC */
  uint32_t parts;                         /* in MIME_PARTS; 0: absent */
};

/* PTN_OK; PTN_E_NOT_FOUND: no octets, or of another form than ours; PTN_E_CORRUPT. */
ptn_status mime_digest_open (struct ptn_bytes, struct mime_digest *);

/* False: it has to be computed (structure.h), with max SIZE_MAX. */
static inline bool
mime_digest_has (const struct mime_digest *digest, enum mime_member member) {
  return digest->members[member].data != NULL;
}

/* Writes a digest that is the given one with another preview.  Size 0: more than `room`. */
size_t mime_digest_with_preview (struct ptn_bytes digest, struct ptn_bytes text, void *out,
                                 size_t room);

/* --- parts ----------------------------------------------------------------------------------- */

enum mime_kind {
  MIME_KIND_TEXT_PLAIN,
  MIME_KIND_TEXT_HTML,
  MIME_KIND_TEXT, /* any other text */
  MIME_KIND_MULTIPART,
  MIME_KIND_MESSAGE, /* message/rfc822 or message/global: has one child, the mail within */
  MIME_KIND_OTHER
};
enum mime_encoding {
  MIME_ENCODING_7BIT, /* also when there is no Content-Transfer-Encoding */
  MIME_ENCODING_8BIT,
  MIME_ENCODING_BINARY,
  MIME_ENCODING_QUOTED_PRINTABLE,
  MIME_ENCODING_BASE64,
  MIME_ENCODING_UNKNOWN
};

/* Part 0 is the mail itself.  A part is followed by all that is within it: the first child of a
 * multipart or message is the next part, the sibling of a part is part `next`. */
struct mime_part {
  uint64_t header, header_size; /* octets from the start of the mail; with the empty line */
  uint64_t body, body_size;
  uint32_t lines; /* LFs in the body */
  uint32_t next;  /* the first part that is not within this one */
  uint16_t depth; /* 0: the mail */
  uint8_t kind, encoding;
  bool attachment;          /* Content-Disposition: attachment */
  struct ptn_bytes charset; /* parameter of a text, as it stands; empty: none */
};

/* index < digest.parts.  PTN_OK or PTN_E_CORRUPT: what it gives lies within the mail. */
ptn_status mime_digest_part (const struct mime_digest *, uint32_t index, struct mime_part *);

/* --- sections (RFC 9051 section 6.4.5.1) ------------------------------------------------------- */

enum mime_section_text {
  MIME_SECTION_ALL,    /* BODY[], BODY[1.2] */
  MIME_SECTION_HEADER, /* also for HEADER.FIELDS and HEADER.FIELDS.NOT */
  MIME_SECTION_TEXT,
  MIME_SECTION_MIME
};
struct mime_section {
  const uint32_t *path; /* part numbers, each from 1 */
  size_t depth;         /* how many; 0: the mail itself */
  enum mime_section_text text;
};
struct mime_range {
  uint64_t offset, size; /* octets of the mail */
  uint32_t part;         /* whose body it is, or is of (encoding: for BINARY) */
};

/* PTN_OK; PTN_E_NOT_FOUND: the mail has no such section; PTN_E_UNSUPPORTED: MIME_PARTS is absent;
 * PTN_E_CORRUPT. */
ptn_status mime_digest_section (const struct mime_digest *, const struct mime_section *,
                                struct mime_range *);
/* Reads "1.2.MIME", "HEADER", "" ... (not HEADER.FIELDS), in any case.  path: room for
 * MIME_SECTION_DEPTH numbers.  False: malformed, or deeper than any mail. */
enum { MIME_SECTION_DEPTH = 128 };
bool mime_section_parse (const char *text, size_t size, uint32_t *path, struct mime_section *);

#endif
