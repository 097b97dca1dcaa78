/* SPDX-License-Identifier: Apache-2.0 */
/* message_text_private.h - for message_text.c and fields.c alone. */
#ifndef PLUGINS_COMMON_TEXT_MESSAGE_TEXT_PRIVATE_H
#define PLUGINS_COMMON_TEXT_MESSAGE_TEXT_PRIVATE_H

#include "common/text/charset.h"
#include "common/text/message_text.h"
#include "common/text/transfer.h"

enum { STAGE_HEADER, STAGE_BODY, STAGE_START = 8 };

struct message_text {
  unsigned wanted;
  struct message_text_sink sink;
  const struct mime_digest *digest;
  ptn_status status;
  uint32_t index; /* the part, and what of it */
  int stage;
  bool enclosed, within, open, enough; /* within the region; a text was begun; no more is wanted */
  uint64_t position, offset, end;      /* in the mail; of the region */
  struct mime_part part;

  struct transfer_decoder transfer;
  struct charset_decoder *charset;
  char charset_name[CHARSET_NAME_MAX];

  /* The header (fields.c). */
  unsigned field_kind;
  bool line_start, named, mime_field; /* named: the colon was met; of those with parameters */
  GString *line, *decoded;            /* the name and what was not decoded yet */
  size_t value;                       /* where the value begins in `line` */
};

void fields_begin (struct message_text *, unsigned kind);
void fields_feed (struct message_text *, const char *data, size_t size);
void fields_end (struct message_text *);

/* One chunk, of memory or of a file; releases it. */
ptn_status message_text_feed_chunk (struct message_text *, struct ptn_chunk *);

#endif
