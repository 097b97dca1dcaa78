/* SPDX-License-Identifier: Apache-2.0 */
/* envelope.h - reading the ready ENVELOPE and BODYSTRUCTURE texts of a digest again: for SORT, SEARCH
 * and THREAD, which need single members, and for BODY, which is BODYSTRUCTURE without its extension
 * data.
 *
 * These texts are our own (structure.h), in the syntax of RFC 9051 section 9 without any variety:
 * NIL, quoted strings, literals, numbers, parentheses, single blanks.  All the same, every reader is
 * bounded.  No locks; any thread. */
#ifndef PLUGINS_COMMON_MIME_ENVELOPE_H
#define PLUGINS_COMMON_MIME_ENVELOPE_H

#include <postern/base.h>

#include <glib.h>
#include <stdbool.h>

enum mime_envelope_member {
  MIME_DATE, /* a string, or NIL */
  MIME_SUBJECT,
  MIME_FROM, /* a list of addresses, or NIL */
  MIME_SENDER,
  MIME_REPLY_TO,
  MIME_TO,
  MIME_CC,
  MIME_BCC,
  MIME_IN_REPLY_TO, /* a string, or NIL */
  MIME_MESSAGE_ID,
  MIME_ENVELOPE_MEMBERS
};

struct mime_envelope {
  struct ptn_bytes members[MIME_ENVELOPE_MEMBERS]; /* each as it stands in the ENVELOPE */
};

/* PTN_OK or PTN_E_CORRUPT.  The members point into the text. */
ptn_status mime_envelope_open (struct ptn_bytes envelope, struct mime_envelope *);

/* Reads a string or NIL at *text and moves *text behind it and one blank.  `out` gets its octets
 * (instead of what it had); *is_nil says whether it was NIL.  False: there is none. */
bool mime_string_read (struct ptn_bytes *text, GString *out, bool *is_nil);

/* The next address of a list ("((...)(...))" or NIL): the four strings, undecoded (RFC 2047).  Start
 * with *list the whole member; false: no more.  A mailbox NULL ends a group, a host NULL (with a
 * mailbox) begins one, whose name is the mailbox. */
struct mime_envelope_address {
  GString *name, *route, *mailbox, *host; /* the caller's own strings, filled */
  bool has_name, has_route, has_mailbox, has_host;
};
bool mime_envelope_address_next (struct ptn_bytes *list, struct mime_envelope_address *);

/* Appends the BODY that belongs to a BODYSTRUCTURE.  PTN_OK or PTN_E_CORRUPT. */
ptn_status mime_body_append (struct ptn_bytes structure, GString *out);

#endif
