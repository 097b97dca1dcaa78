/* SPDX-License-Identifier: Apache-2.0 */
/* names-fuzz.c - any octets as login name, address and account name: what is taken is sound, and
 * the same when it is taken again. */
#include "common/login/names.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
check (bool holds) {
  if (!holds)
    abort ();
}

static void
check_piece (const char *piece, const char *buffer) {
  check (!piece
         || (piece >= buffer && piece < buffer + NAME_LIMIT && *piece && !strpbrk (piece, "/\\")));
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size) {
  char text[2 * NAME_LIMIT], buffer[NAME_LIMIT + 1], again[NAME_LIMIT + 1];
  if (size >= sizeof text)
    return 0;
  memcpy (text, data, size);
  text[size] = '\0';

  struct login_parts login;
  if (login_split (text, buffer, &login)) {
    check (login.user != NULL);
    check_piece (login.user, buffer);
    check_piece (login.domain, buffer);
    check_piece (login.mailbox, buffer);
    name_is_refused (login.user);
  }
  struct address_parts address;
  if (address_split (text, size, buffer, &address))
    check (*address.local && strlen (address.local) + strlen (address.domain) <= NAME_LIMIT);
  if (name_canonical (text, size, buffer)) {
    check (*buffer && strlen (buffer) <= NAME_LIMIT);
    if (!name_fault (buffer))
      check (name_canonical (buffer, strlen (buffer), again) && strcmp (buffer, again) == 0);
  }
  return 0;
}
