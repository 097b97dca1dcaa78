/* SPDX-License-Identifier: Apache-2.0 */
/* params.c - see params.h. */
#include "selected/params.h"

#include "capability.h"

void
select_params_clear (struct select_params *params) {
  sequence_set_clear (&params->known);
  sequence_set_clear (&params->numbers);
  sequence_set_clear (&params->uids);
}

/* known-uids, known-sequence-set: no "*", no "$" (RFC 7162 section 7). */
static bool
read_known (struct reader *r, struct sequence_set *set) {
  sequence_set_clear (set);
  if (!reader_sequence_set (r, set))
    return false;
  if (set->saved)
    return reader_fail (r, "\"$\" in a set of known UIDs");
  for (size_t i = 0; i < set->count; i++)
    if (!set->ranges[i].first || !set->ranges[i].last)
      return reader_fail (r, "\"*\" in a set of known UIDs");
  return true;
}

/* Behind "(uidvalidity modseq": [SP known-uids] [SP "(" numbers SP uids ")"] ")". */
static bool
read_known_and_match (struct reader *r, struct select_params *params) {
  if (reader_accept (r, ')'))
    return true;
  if (!reader_space (r))
    return false;
  if (reader_peek (r) != '(') {
    if (!read_known (r, &params->known))
      return false;
    if (reader_accept (r, ')'))
      return true;
    if (!reader_space (r))
      return false;
  }
  return reader_expect (r, '(') && read_known (r, &params->numbers) && reader_space (r)
         && read_known (r, &params->uids) && reader_expect (r, ')') && reader_expect (r, ')');
}

static bool
read_qresync (struct session *s, struct reader *r, struct select_params *params) {
  if (!(s->enabled & ENABLED_QRESYNC)) /* RFC 7162 section 3.2.5: BAD */
    return reader_fail (r, "QRESYNC was not enabled");
  params->qresync = true;
  if (!reader_space (r) || !reader_expect (r, '(') || !reader_nz_number (r, &params->uidvalidity)
      || !reader_space (r) || !reader_number64 (r, &params->modseq))
    return false;
  if (!params->modseq)
    return reader_fail (r, "a mod-sequence of 0");
  return read_known_and_match (r, params);
}

static bool
read_param (struct session *s, struct reader *r, struct select_params *params) {
  if (offers (s, CAP_CONDSTORE) && reader_accept_word (r, "CONDSTORE"))
    return params->condstore = true;
  if (reader_accept_word (r, "QRESYNC"))
    return read_qresync (s, r, params);
  if (offers (s, CAP_ANNOTATE) && reader_accept_word (r, "ANNOTATE"))
    return params->annotate = true;
  if (s->enabled & ENABLED_UTF8 && reader_accept_word (r, "UTF8"))
    return true;
  return reader_fail (r, "unknown parameter of SELECT");
}

bool
read_select_params (struct session *s, struct reader *r, struct select_params *params) {
  if (reader_peek (r) == -1)
    return true;
  if (!reader_space (r) || !reader_expect (r, '('))
    return false;
  do {
    if (!read_param (s, r, params))
      return false;
  } while (reader_accept (r, ' '));
  return reader_expect (r, ')');
}
