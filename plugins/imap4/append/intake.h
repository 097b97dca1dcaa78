/* SPDX-License-Identifier: Apache-2.0 */
/* intake.h - a mail on its way into the store: what it is (ENVELOPE, BODYSTRUCTURE, references) is
 * found out as its octets pass by.
 *
 * The struct belongs to the command, zeroed at first; no locks.  It is the source that the store
 * pulls, and outlives the pulling. */
#ifndef IMAP4_APPEND_INTAKE_H
#define IMAP4_APPEND_INTAKE_H

#include "common/mime/structure.h"
#include "common/references.h"

#include <postern/postern.h>

#include <stdbool.h>

struct intake {
  struct ptn_source source; /* first */
  struct ptn_source *inner; /* owned while open; NULL: closed */
  uint64_t left;            /* octets that inner has not given */
  bool binary;              /* NUL is allowed (literal8) */
  bool has_nul;             /* and there was one */
  struct references references;
  struct mime_builder *builder;
};

/* From now on it gives the octets of `inner`, which is taken over: `size` of them. */
void intake_open (struct intake *, struct ptn_source *inner, uint64_t size, bool binary);
/* Closes inner; what `left` says has not been read. */
void intake_close (struct intake *);
/* For struct ptn_append: argument is the intake. */
ptn_status intake_describe (void *intake, struct ptn_description *);
void intake_clear (struct intake *);

#endif
