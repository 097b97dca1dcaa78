/* SPDX-License-Identifier: Apache-2.0 */
/* line.c - see line.h. */
#include "line.h"

#include <string.h>

ptn_status
line_read (struct line_reader *reader, const struct ptn_stream_service *service,
           struct ptn_stream *stream, struct ptn_task *task, size_t max, struct ptn_bytes *line) {
  for (;;) {
    struct ptn_bytes input;
    ptn_status status = service->peek (stream, task, reader->scanned + 1, &input);
    if (status == PTN_E_LIMIT) { /* the input buffer is smaller than max */
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
      service->consume (stream, size);
      reader->scanned = 0;
      reader->discarding = lf == NULL;
      continue;
    }
    if (size > max) {
      service->consume (stream, size);
      reader->scanned = 0;
      reader->discarding = lf == NULL;
      return PTN_E_LIMIT;
    }
    reader->scanned = lf ? 0 : size;
    if (!lf)
      continue;
    *line = (struct ptn_bytes){ start, size };
    return PTN_OK;
  }
}
