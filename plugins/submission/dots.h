/* SPDX-License-Identifier: Apache-2.0 */
/* dots.h - the octets between DATA and its CRLF.CRLF (RFC 5321 section 4.5.2): finds the end, takes
 * stuffed dots out, and notices what others could take for an end.
 *
 * Only CRLF ends a line here.  A dot between two line ends one of which is a bare CR or a bare
 * LF ("LF.LF", "CRLF.LF", "CR.CRLF" ...) is the stuff of SMTP smuggling: it does not end the
 * mail, and `bare` says that the mail has to be refused.
 *
 * A pure function over borrowed memory: what is given out is a piece of the input. */
#ifndef SUBMISSION_DOTS_H
#define SUBMISSION_DOTS_H

#include <stdbool.h>
#include <stddef.h>

struct dots {
  unsigned char before[2]; /* the last two octets that came, stuffed dots among them */
  bool ended;              /* CRLF.CRLF has come */
  bool bare;               /* such a dot has come */
};

struct dots_cut {
  size_t give; /* octets at the start of the input that belong to the message */
  size_t take; /* octets that are done with, `give` among them */
  size_t need; /* octets that have to be at hand next time, 3 at most */
};

void dots_start (struct dots *);

/* size: 1 at least; max: the most to give, 1 at least.  With give and take 0, `need` is more than
 * size.  Do not call again when it has ended. */
struct dots_cut dots_next (struct dots *, const char *in, size_t size, size_t max);

#endif
