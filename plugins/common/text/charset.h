/* SPDX-License-Identifier: Apache-2.0 */
/* charset.h - text of any charset to UTF-8 and back, in pieces.
 *
 * Names are those of IANA and those that mail has instead.  ICU converts most, iconv what ICU does
 * not know.  Some names stand for more than they say, as their users mean it (and as browsers read
 * them): iso-8859-1 and us-ascii include windows-1252, gb2312 is GB18030, ks_c_5601-1987 and euc-kr
 * are windows-949, shift_jis is windows-31j, iso-8859-9 windows-1254, tis-620 windows-874.
 * Text without a charset, of us-ascii with octets above 127, and of unknown charsets is read as
 * UTF-8 where it is that, octet by octet as windows-1252 where not.
 *
 * Decoders and encoders belong to who made them, and are used by one task at a time.  Malformed
 * input becomes U+FFFD, never an error; the output is always UTF-8, whole characters in each call
 * of the sink. */
#ifndef PLUGINS_COMMON_TEXT_CHARSET_H
#define PLUGINS_COMMON_TEXT_CHARSET_H

#include "common/text/sink.h"

#include <glib.h>

enum { CHARSET_NAME_MAX = 64 };

/* Can text of this charset be converted?  (BADCHARSET, RFC 3501 section 6.4.4.)  "": no. */
bool charset_is_known (const char *name, size_t size);

struct charset_decoder;
/* Never NULL: an unknown charset is read as said above. */
struct charset_decoder *charset_decoder_new (const char *name, size_t size);
void charset_decoder_free (struct charset_decoder **);
/* Back to the beginning of another text of the same charset. */
void charset_decoder_reset (struct charset_decoder *);
/* False: the sink wants no more. */
bool charset_decode (struct charset_decoder *, const char *data, size_t size,
                     const struct text_sink *);
bool charset_decode_end (struct charset_decoder *, const struct text_sink *);
/* Was something malformed so far? */
bool charset_was_malformed (const struct charset_decoder *);

/* All of a text at once, appended to `out`.  False: something was malformed (U+FFFD stands there)
 * or the charset is unknown. */
bool charset_to_utf8 (const char *name, size_t name_size, const char *data, size_t size,
                      GString *out);
/* UTF-8 to a charset (CONVERT, RFC 5259), appended; a character that it has not becomes '?', counted
 * in *lost.  False: the charset is unknown. */
bool charset_from_utf8 (const char *name, const char *data, size_t size, GString *out,
                        size_t *lost);

#endif
