/* SPDX-License-Identifier: Apache-2.0 */
/* message.h - a mail as it is stored: the trace fields, then the octets as they came, then a CRLF if
 * they do not end with one.
 *
 * Belongs to the delivery in progress.  The mail's own source stays its owner's. */
#ifndef DELIVERY_MESSAGE_H
#define DELIVERY_MESSAGE_H

#include "common/mime/structure.h"
#include "common/references.h"

#include <postern/delivery.h>
#include <postern/stream.h>

#include <glib.h>
#include <stdbool.h>

struct message {
  struct ptn_source source; /* first: what the store reads; its close does nothing */
  struct ptn_source *inner;
  GString *prefix;
  size_t prefix_given, tail_given;
  bool started;          /* the first piece of the mail was looked at */
  bool ended;            /* the mail is over; only the CRLF may come */
  unsigned char last[2]; /* the last octets of the mail */
  struct ptn_chunk held; /* a piece of the mail, given out up to held_given */
  size_t held_given;
  bool held_back;    /* there is one */
  ptn_status failed; /* the mail's source failed with this; else PTN_OK */
  struct references references;
  struct mime_builder *structure; /* of all that was given */
};

/* realtime_ms: for the date of the Received field. */
void message_start (struct message *, const struct ptn_transfer *, int64_t realtime_ms);
void message_clear (struct message *);

/* "Return-Path: ...\r\nReceived: ...\r\n" (RFC 5321 section 4.4). */
GString *trace_fields (const struct ptn_transfer *, int64_t realtime_ms);

#endif
