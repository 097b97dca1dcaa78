/* SPDX-License-Identifier: Apache-2.0 */
/* parameters.h - fields of the form "value; name=value; name=value": Content-Type (RFC 2045 section
 * 5.1), Content-Disposition (RFC 2183).
 *
 * Continuations (RFC 2231 section 3) are joined, in their order; what is in percent octets with a
 * charset stays so, under its name with '*' (as section 6 has it for BODYSTRUCTURE).  Comments go.
 * Values without quotes that should have them are taken up to the next ';'.
 *
 * The struct belongs to the caller; no locks. */
#ifndef PLUGINS_COMMON_MIME_PARAMETERS_H
#define PLUGINS_COMMON_MIME_PARAMETERS_H

#include <postern/base.h>

#include <glib.h>
#include <stdbool.h>

struct mime_parameter {
  struct ptn_bytes name, value;
};

struct mime_parameters {
  struct ptn_bytes value;     /* "text/plain", "attachment": without blanks around; may be empty */
  struct ptn_bytes type, sub; /* of a Content-Type; empty: it is none */
  struct mime_parameter *items; /* in the order of their first piece */
  unsigned count;
  char *memory, *joined; /* what the others point into */
};

/* value is unfolded, or folded as it stands. */
void mime_parameters_parse (struct mime_parameters *, const char *value, size_t size);
/* The value of a parameter, whatever the case of its name; NULL: none. */
const struct ptn_bytes *mime_parameters_find (const struct mime_parameters *, const char *name);
void mime_parameters_clear (struct mime_parameters *);

#endif
