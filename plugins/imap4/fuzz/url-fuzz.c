/* SPDX-License-Identifier: Apache-2.0 */
/* url-fuzz.c - libFuzzer feeds IMAP URLs, and paths into BODYSTRUCTUREs that need not be any. */
#include "append/decoded.h"
#include "append/url.h"

#include <string.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size) {
  g_autofree char *text = g_strndup ((const char *)data, size);
  struct imap_url url;
  if (url_parse (text, &url)) {
    g_assert (url.mailbox && *url.mailbox && url.uid > 0);
    g_assert (!url.token || (url.access && url.mechanism && strlen (url.token) >= 32));
    g_assert (url.rump_size <= strlen (text));
    url_clear (&url);
  }
  if (size >= 3) {
    g_autofree void *copy = g_memdup2 (data + 3, size - 3);
    uint32_t path[] = { data[0] % 8 + 1u, data[1] % 8 + 1u, data[2] % 8 + 1u };
    struct ptn_bytes all = { copy, size - 3 }, found = structure_of_part (all, path, data[0] % 4);
    g_assert (!found.size
              || ((const char *)found.data >= (const char *)copy
                  && (const char *)found.data + found.size <= (const char *)copy + all.size));
  }
  return 0;
}
