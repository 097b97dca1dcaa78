/* SPDX-License-Identifier: Apache-2.0 */
/* sasl.h - what the SASL exchanges of POP3 (RFC 5034), IMAP4 (RFC 9051 section 6.2.2, RFC 4959) and
 * submission (RFC 4954) have in common: lines of base64, "=" for an initial response without
 * octets, "*" to give up, and how long a line may be.
 *
 * A response belongs to the protocol's login; zeroed at first.  Called in the session's task. */
#ifndef PLUGINS_COMMON_SASL_H
#define PLUGINS_COMMON_SASL_H

#include "line.h"

#include <stdbool.h>

/* A line of the exchange, also one with an initial response, in octets with its CRLF.  RFC 4954
 * section 4.3 and RFC 5034 section 4 want 12288 at least; tickets of Kerberos and tokens of OAuth
 * are longer.  The listener's max_line may be less. */
#define SASL_LINE_MAX (64 * 1024)

/* What the client sent, decoded. */
struct sasl_response {
  unsigned char *data; /* NULL: nothing was sent; not NULL for a response without octets */
  size_t size, room;   /* octets, octets to be wiped */
};

/* Wipes and frees; may be called at any time. */
void sasl_response_clear (struct sasl_response *);
/* Makes room for exactly `room` octets, size of them told already; what was there is wiped. */
void sasl_response_make (struct sasl_response *, size_t room);
/* Of a line without its end.  false: not base64; then it is empty. */
bool sasl_response_decode (struct sasl_response *, const char *text, size_t length);
/* Of a command: "=" is an empty response (RFC 4954 section 4, RFC 4959 section 3). */
bool sasl_response_initial (struct sasl_response *, const char *text, size_t length);

typedef enum {
  SASL_RESPONSE,  /* *response is filled */
  SASL_GIVEN_UP,  /* "*" */
  SASL_MALFORMED, /* not base64, or with a bare LF where none is allowed */
  SASL_TOO_LONG   /* the rest of the line is thrown away by the reader */
} sasl_line;

/* The client's next line.  PTN_OK: *line says what it is, and it is consumed; otherwise as
 * line_read, but for PTN_E_LIMIT. */
ptn_status sasl_read (struct line_reader *, const struct ptn_stream_service *, struct ptn_stream *,
                      struct ptn_task *, bool bare_lf, struct sasl_response *response,
                      sasl_line *line);

/* `prefix`, the challenge in base64, CRLF, NUL-terminated; g_free it.  *size: without the NUL. */
char *sasl_challenge (const char *prefix, struct ptn_bytes challenge, size_t *size);

#endif
