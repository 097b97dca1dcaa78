/* SPDX-License-Identifier: Apache-2.0 */
/* frame.h - the frames of the control protocol (PROTOCOL.md): strings with a length before them.
 * Used by both ends; no state of its own. */
#ifndef HOST_CTL_FRAME_H
#define HOST_CTL_FRAME_H

#include <glib.h>

enum { FRAME_MAX = 1024 * 1024, FRAME_FIELDS = 256 };

struct frame {
  char kind;
  size_t count;
  const char *field[FRAME_FIELDS]; /* into the data that was parsed; "" from count on */
};

/* 1: a frame of *used octets; 0: more octets are needed; -1: no such frame. */
int frame_parse (const void *data, size_t size, struct frame *, size_t *used);
/* Appends one. */
void frame_put (GByteArray *, char kind, const char *const *fields, size_t count);
/* The same of strings up to NULL. */
void frame_say (GByteArray *, char kind, ...) G_GNUC_NULL_TERMINATED;

#endif
