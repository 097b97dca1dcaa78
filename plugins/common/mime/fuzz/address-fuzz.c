/* SPDX-License-Identifier: Apache-2.0 */
/* address-fuzz.c - fuzz target: addresses and parameters of any field. */
#include "common/mime/address.h"
#include "common/mime/parameters.h"

#include <assert.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size) {
  struct mime_addresses list;
  struct mime_address address;
  struct mime_parameters parameters;
  g_autofree char *exact = g_memdup2 (data, size);
  size_t octets = 0;
  int depth = 0;
  mime_addresses_start (&list, exact, size);
  while (mime_addresses_next (&list, &address)) {
    assert (address.kind != MIME_ADDRESS || (address.mailbox.data && address.host.data));
    assert (address.kind != MIME_GROUP_START || address.name.data);
    depth += address.kind == MIME_GROUP_START ? 1 : address.kind == MIME_GROUP_END ? -1 : 0;
    assert (depth == 0 || depth == 1);
    octets += address.name.size + address.route.size + address.mailbox.size + address.host.size;
  }
  assert (depth == 0 && octets <= size);
  mime_addresses_clear (&list);
  mime_parameters_parse (&parameters, exact, size);
  for (unsigned i = 0; i < parameters.count; i++)
    assert (parameters.items[i].name.data && parameters.items[i].value.data);
  mime_parameters_clear (&parameters);
  return 0;
}
