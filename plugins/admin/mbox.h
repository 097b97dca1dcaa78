/* SPDX-License-Identifier: Apache-2.0 */
/* mbox.h - finds the mails of an mbox file.
 *
 * A mail begins behind a line "From SENDER WEEKDAY MONTH DAY HH:MM..." that stands at the start of
 * the file or behind an empty line: the date must be there, so that a sentence that begins with
 * "From " divides nothing.  The empty line before the next such line, or at the end of the
 * file, belongs to the format and not to the mail.
 *
 * Belongs to its caller, one thread; reads the file as it goes (blocks on disk). */
#ifndef ADMIN_MBOX_H
#define ADMIN_MBOX_H

#include <postern/store.h>

#include <stdbool.h>
#include <stdint.h>

#define MBOX_HEAD 512 /* octets of a line that are looked at */

struct mbox {
  int fd;           /* the caller's */
  int64_t at;       /* of the next line */
  bool found_first; /* a separator was read, and the mail behind it not yet given */
  int64_t date;     /* of that separator */
  bool failed;      /* a read failed */
  char *window;     /* octets of the file from `base` on */
  int64_t base;
  size_t filled;
};

struct mbox_mail {
  int64_t start, end;  /* in the file */
  int64_t date;        /* seconds since 1970; 0: not told */
  ptn_flag_bits flags; /* of Status and X-Status */
};

void mbox_open (struct mbox *, int fd);
void mbox_close (struct mbox *); /* leaves fd open */
/* PTN_OK; PTN_END; PTN_E_INVALID: this is no mbox; PTN_E_TEMPORARY: it cannot be read. */
ptn_status mbox_next (struct mbox *, struct mbox_mail *);

/* Is this line (without its end) a separator?  *date: its time, taken as UTC. */
bool mbox_is_separator (const char *line, size_t size, int64_t *date);

#endif
