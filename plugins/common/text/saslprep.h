/* SPDX-License-Identifier: Apache-2.0 */
/* saslprep.h - names and passwords in the form in which they are compared (RFC 4013).
 *
 * Any thread.  What is returned belongs to the caller. */
#ifndef PLUGINS_COMMON_TEXT_SASLPREP_H
#define PLUGINS_COMMON_TEXT_SASLPREP_H

#include <postern/base.h>

enum { SASLPREP_MAX = 4096 }; /* octets of a text that is taken */

/* A NUL-terminated copy of UTF-8 text, as a query of RFC 3454: code points that Unicode 3.2 did not
 * assign are let through.  NULL: not UTF-8, has what RFC 4013 prohibits, is empty in the end, or is
 * longer than SASLPREP_MAX.  To be g_free'd; a password is the caller's to wipe. */
char *saslprep (struct ptn_bytes text);

#endif
