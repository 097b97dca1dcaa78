/* SPDX-License-Identifier: Apache-2.0 */
/* params.h - the parameters of SELECT and EXAMINE: CONDSTORE and QRESYNC (RFC 7162), ANNOTATE
 * (RFC 5257), UTF8 (RFC 6855).  Belongs to the command that reads it. */
#ifndef IMAP4_SELECTED_PARAMS_H
#define IMAP4_SELECTED_PARAMS_H

#include "session.h"

struct select_params {
  bool condstore, qresync, annotate;
  uint32_t uidvalidity;
  uint64_t modseq;
  struct sequence_set known;         /* known-uids; no ranges: all */
  struct sequence_set numbers, uids; /* seq-match-data */
};

/* " (CONDSTORE ...)", behind the mailbox name, or nothing.  Clear it in any case. */
bool read_select_params (struct session *, struct reader *, struct select_params *);
void select_params_clear (struct select_params *);

/* What QRESYNC asks for: VANISHED (EARLIER), then FETCH with UID, FLAGS and MODSEQ of what changed,
 * between `told`, which has just been taken, and what the client says it knows. */
ptn_status resync (struct session *, const struct select_params *, uint32_t *place, bool *vanished);

#endif
