/* SPDX-License-Identifier: Apache-2.0 */
/* date-fuzz.c - fuzz target: dates are within the calendar, or none. */
#include "common/mime/date.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size) {
  struct mime_date date;
  char *exact = malloc (size + 1);
  memcpy (exact, data, size);
  if (mime_date_parse (exact, size, &date)) {
    assert (date.zone >= -1500 && date.zone <= 1500);
    assert (date.epoch > -63000000000 && date.epoch < 3100000000000);
    assert (mime_date_day (&date) % 86400 == 0);
  }
  free (exact);
  return 0;
}
