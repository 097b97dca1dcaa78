/* SPDX-License-Identifier: Apache-2.0 */
/* words.h - header fields as people read them: encoded words (RFC 2047, with the language of RFC 2231
 * section 5) and parameters (RFC 2231: continuations, charset and language) as UTF-8.
 *
 * Pure functions; what they append to belongs to the caller. */
#ifndef PLUGINS_COMMON_TEXT_WORDS_H
#define PLUGINS_COMMON_TEXT_WORDS_H

#include <glib.h>
#include <stdbool.h>

/* Appends the text of a field's value: unfolded, encoded words decoded wherever they stand (also in
 * quoted strings and without blanks around: mail has them so), blanks between two of them dropped,
 * a character divided between two words made whole.  Octets above 127 are read as charset.h says
 * for text without a charset.  What is no whole encoded word stays as it is. */
void words_decode (const char *value, size_t size, GString *out);

/* The value of one parameter in a field such as Content-Type or Content-Disposition ("form;
 * name=value; ..."), decoded; also encoded words, which should not be there but are.  False: there
 * is none, and nothing was appended. */
bool parameter_decode (const char *field, size_t size, const char *name, GString *out);
/* Appends " name=value" for each parameter that is not written as plain text (RFC 2231 section 3
 * and 4): what a search should find beside the octets themselves. */
void parameters_decode (const char *field, size_t size, GString *out);

#endif
