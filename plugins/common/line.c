/* SPDX-License-Identifier: Apache-2.0 */
/* line.c - see line.h. */
#include "line.h"

#include <stdbool.h>
#include <string.h>

/* Throws octets of a line away that is too long. */
static void
throw_away (struct line_reader *reader, const struct ptn_stream_service *service,
            struct ptn_stream *stream, const char *start, size_t size, bool ends) {
  for (size_t i = size > 4 ? size - 4 : 0; i < size; i++)
    reader->last = reader->last << 8 | (unsigned char)start[i];
  service->consume (stream, size);
  reader->scanned = 0;
  reader->discarding = !ends;
  if (!ends)
    return;
  static const char endings[][5] = { "+}\r\n", "?+}\n" };
  for (size_t e = 0; e < 2; e++) {
    bool matches = true;
    for (unsigned i = 0; i < 4; i++) {
      unsigned char octet = (unsigned char)(reader->last >> (24 - 8 * i));
      matches &= octet == 0 || endings[e][i] == '?' || octet == (unsigned char)endings[e][i];
    }
    reader->lost_literal |= matches;
  }
}

ptn_status
line_read (struct line_reader *reader, const struct ptn_stream_service *service,
           struct ptn_stream *stream, struct ptn_task *task, size_t max, struct ptn_bytes *line) {
  for (;;) {
    struct ptn_bytes input;
    ptn_status status = service->peek (stream, task, reader->scanned + 1, &input);
    if (status == PTN_E_LIMIT) { /* the input buffer is smaller than max */
      reader->last = 0;
      if (service->peek (stream, task, 1, &input) == PTN_OK)
        throw_away (reader, service, stream, input.data, reader->scanned, false);
      else
        service->consume (stream, reader->scanned);
      reader->scanned = 0;
      reader->discarding = 1;
      return PTN_E_LIMIT;
    }
    if (status != PTN_OK)
      return status;
    const char *start = input.data;
    const char *lf = memchr (start + reader->scanned, '\n', input.size - reader->scanned);
    size_t size = lf ? (size_t)(lf - start) + 1 : input.size;
    if (reader->discarding) {
      throw_away (reader, service, stream, start, size, lf);
      continue;
    }
    if (size > max) {
      throw_away (reader, service, stream, start, size, lf);
      return PTN_E_LIMIT;
    }
    reader->scanned = lf ? 0 : size;
    if (!lf)
      continue;
    *line = (struct ptn_bytes){ start, size };
    return PTN_OK;
  }
}
