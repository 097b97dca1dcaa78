/* SPDX-License-Identifier: Apache-2.0 */
/* proxy.c - fuzz target: the PROXY header.  What is taken for one is taken whole: no shorter part
 * of it is complete, and what follows it changes nothing. */
#include "net/proxy.h"

#include <glib.h>
#include <string.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size) {
  struct proxy_header header, again;
  char text[ADDRESS_TEXT];

  if (proxy_parse (data, size, &header) != PROXY_GOOD)
    return 0;
  g_assert (header.size > 0 && header.size <= size && header.size <= PROXY_LONGEST);
  g_assert (proxy_parse (data, header.size, &again) == PROXY_GOOD);
  g_assert (again.size == header.size && again.told == header.told);
  g_assert (memcmp (&again.peer, &header.peer, sizeof again.peer) == 0);
  g_assert (proxy_parse (data, header.size - 1, &again) == PROXY_MORE);
  g_assert (!header.told
            || (header.peer.kind != ADDRESS_NONE && header.local.kind != ADDRESS_NONE));
  address_text (&header.peer, text);
  return 0;
}
