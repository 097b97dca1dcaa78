/* SPDX-License-Identifier: Apache-2.0 */
/* address.h - the paths of MAIL and RCPT (RFC 5321 section 4.1.2, RFC 6531 section 3.3), strictly,
 * with an answer that says what was wrong.
 *
 * The caller owns all memory.  Any thread. */
#ifndef PLUGINS_COMMON_ADDRESS_H
#define PLUGINS_COMMON_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

/* RFC 5321 section 4.5.3.1: 64 octets, '@', 255 octets; quoting may double the local part. */
#define ADDRESS_LOCAL_MAX 64
#define ADDRESS_DOMAIN_MAX 255
#define ADDRESS_MAX (2 * ADDRESS_LOCAL_MAX + 2 + 1 + ADDRESS_DOMAIN_MAX)

enum {                             /* what a path may be, or-ed */
       ADDRESS_UTF8 = 1 << 0,      /* SMTPUTF8 was asked for */
       ADDRESS_NULL = 1 << 1,      /* "<>" */
       ADDRESS_POSTMASTER = 1 << 2 /* "<Postmaster>" without a domain */
};

enum address_fault {
  ADDRESS_OK = 0,
  ADDRESS_BRACKETS, /* no '<' at the start, or no '>' */
  ADDRESS_ROUTE,    /* the source route is malformed */
  ADDRESS_LOCAL,    /* the local part is malformed or empty */
  ADDRESS_DOMAIN,   /* the domain or address literal is malformed or missing */
  ADDRESS_LONG,     /* a part is longer than its limit */
  ADDRESS_NON_ASCII /* UTF-8 where it was not asked for, or octets that are not UTF-8 */
};
/* One sentence for people. */
const char *address_fault_text (enum address_fault);

/* Reads a path at the start of text: "<local@domain>".  Writes the address without brackets and
 * source route to out (ADDRESS_MAX + 1 octets; NUL-terminated), its local part quoted only where
 * it must be, so that one mailbox has one spelling; "" for the null path.  *used: octets of the
 * path, with brackets. */
enum address_fault address_read_path (const char *text, size_t size, unsigned allow, char *out,
                                      size_t *used);

/* The name after EHLO, HELO and LHLO: a domain or an address literal.  Looser than the RFC asks,
 * as section 4.1.4 forbids to refuse a mail for it: any word of letters, digits, ".-_:[]" and
 * UTF-8, of 255 octets at most. */
bool address_is_helo (const char *text, size_t size);

/* Is it UTF-8, without NUL?  (RFC 3629: no overlong forms, no surrogates.) */
bool address_is_utf8 (const char *text, size_t size);

#endif
