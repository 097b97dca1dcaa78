/* SPDX-License-Identifier: Apache-2.0 */
/* text.h - names in NTLM messages ([MS-NLMP] 2.2: Unicode is UTF-16LE; OEM is whatever code page
 * the client has) to UTF-8 and back.
 *
 * No state; any thread.  What is returned is the caller's (g_free). */
#ifndef AUTH_NTLM_TEXT_H
#define AUTH_NTLM_TEXT_H

#include <glib.h>
#include <stdbool.h>

#include <postern/base.h>

#define NTLM_NAME_LIMIT 255 /* octets of UTF-8: two and a separator are no overlong login */

/* NULL: an odd length, half of a surrogate pair, a control character, or too long. */
char *ntlm_text_from_unicode (struct ptn_bytes);

/* The message does not tell the code page.  Clients that still send OEM are Unix programs that
 * pass on the octets they were given: so it is UTF-8, or what is no UTF-8 is ISO 8859-1.
 * NULL: a control character, or too long. */
char *ntlm_text_from_oem (struct ptn_bytes);
/* The same octets, each taken for a character (ISO 8859-1): how curl makes UTF-16 of them. */
char *ntlm_text_widened (struct ptn_bytes);

typedef enum {
  NTLM_AS_IS,
  NTLM_UPPER,      /* as Windows does: character by character, none becomes two */
  NTLM_UPPER_ASCII /* only a-z */
} ntlm_case;

/* Appends UTF-16LE.  text: valid UTF-8. */
void ntlm_text_append_unicode (GByteArray *, const char *text, ntlm_case);

#endif
