/* SPDX-License-Identifier: Apache-2.0 */
/* references.h - a mail's Message-ID and those it refers to (RFC 5322 section 3.6.4), picked out of
 * its header as the octets pass by: what struct ptn_description asks for.
 *
 * The struct belongs to whoever reads the mail, zeroed at first; no locks.  Whatever the mail says,
 * at most some kilobytes are kept. */
#ifndef PLUGINS_COMMON_REFERENCES_H
#define PLUGINS_COMMON_REFERENCES_H

#include <postern/base.h>

#include <stdbool.h>

enum { REFERENCES_IDS = 32 };

struct references_field {
  char *text; /* unfolded; allocated when the field is met */
  size_t size;
  bool seen; /* only the first field of a name counts */
};

struct references {
  bool over;           /* the empty line has come */
  unsigned char state; /* within the line */
  unsigned char field; /* the one that this line belongs to, from 1; 0: none that counts */
  size_t name_size;
  char name[16];
  struct references_field fields[3]; /* Message-ID, In-Reply-To, References */
  const char *items[REFERENCES_IDS];
};

/* The next octets of the mail.  False: its header is over, no more are needed. */
bool references_feed (struct references *, const void *data, size_t size);
/* The Message-ID ("" if there is none), then what the mail refers to, nearest first, without < and >
 * and each once.  Valid until clear; ends the feeding. */
struct ptn_strings references_strings (struct references *);
void references_clear (struct references *);

#endif
