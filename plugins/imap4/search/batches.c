/* SPDX-License-Identifier: Apache-2.0 */
/* batches.c - UIDBATCHES (RFC 10022): ranges of UIDs that hold equally many messages, latest first. */
#include "commands.h"
#include "selected/selected.h"

enum { BATCH_LEAST = 500 };

/* "20350:7830": from the greatest UID of the batch down to what the next one begins below. */
static void
tell_batch (struct session *s, const struct ptn_view *told, uint32_t size, uint32_t batch) {
  uint32_t high = told->count - batch * size;
  uint32_t low = high > size ? told->uid[high - size - 1] + 1 : 1;
  put_format (&s->out, "%u:%u", told->uid[high - 1], low);
}

void
command_uidbatches (struct session *s, struct reader *r) {
  const struct ptn_view *told = s->selected->told;
  uint32_t size, first = 1, last = UINT32_MAX;
  if (!reader_space (r) || !reader_nz_number (r, &size)
      || (reader_accept (r, ' ')
          && (!reader_nz_number (r, &first) || !reader_expect (r, ':')
              || !reader_nz_number (r, &last)))
      || !reader_end (r)) {
    answer_syntax (s, r);
    return;
  }
  if (first > last) {
    answer_bad (s, "[CLIENTBUG] a range of batches that goes backwards");
    return;
  }
  if (size < BATCH_LEAST) {
    answer_no (s, "TOOSMALL", "a batch has 500 messages at least");
    return;
  }
  uint32_t batches = told->count / size + (told->count % size != 0);
  PUT (&s->out, "* UIDBATCHES (TAG ");
  put_string (&s->out, s->tag, strlen (s->tag), false);
  put_char (&s->out, ')');
  for (uint32_t i = first; i <= last && i <= batches; i++) {
    put_char (&s->out, i == first ? ' ' : ',');
    tell_batch (s, told, size, i - 1);
  }
  PUT (&s->out, "\r\n");
  answer_ok (s, NULL, "UIDBATCHES completed");
}
