/* SPDX-License-Identifier: Apache-2.0 */
/* ntlm-fuzz.c - any octets as NTLM message: what is read lies inside of them, names are sound, and
 * nothing but the right answer is taken for one. */
#include "auth/ntlm/response.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static const unsigned char key[16] = "0123456789abcdef";

static void
check (bool holds) {
  if (!holds)
    abort ();
}

static void
check_part (struct ptn_bytes part, struct ptn_bytes whole) {
  const char *at = part.data, *start = whole.data;
  if (part.size)
    check (at >= start && at < start + whole.size
           && part.size <= whole.size - (size_t)(at - start));
}

static void
check_name (const char *name) {
  check (strlen (name) <= NTLM_NAME_LIMIT && g_utf8_validate (name, -1, NULL));
  for (; *name; name++)
    check ((unsigned char)*name >= 0x20 && *name != 0x7f);
}

static void
try_authenticate (struct ptn_bytes whole, guint32 negotiated) {
  struct ntlm_authenticate message;
  struct ntlm_client_challenge client;
  unsigned char base_key[16];
  if (!ntlm_read_authenticate (whole, negotiated, &message))
    return;
  check_part (message.lm, whole);
  check_part (message.nt, whole);
  check_part (message.key, whole);
  check_name (message.user);
  check_name (message.domain);
  check_name (message.workstation);
  if (message.other_user) {
    check (g_utf8_validate (message.other_user, -1, NULL));
    check (g_utf8_validate (message.other_domain, -1, NULL));
  }
  if (ntlm_read_client_challenge (message.nt, &client)) {
    check_part (client.bindings, whole);
    check_part (client.target, whole);
    check (!client.bindings.data || client.bindings.size == 16);
  }
  const ntlm_version version = ntlm_version_of (&message, negotiated);
  if (ntlm_response_is_right (&message, version, key, key, base_key))
    check (version != NTLM_NO_RESPONSE);
  ntlm_mic_is_right (&message, whole, whole, key);
  ntlm_authenticate_clear (&message);
}

int
LLVMFuzzerTestOneInput (const uint8_t *input, size_t size) {
  static const struct ntlm_server server = { "", "MAIL", "example.test", "mail.example.test" };
  /* A copy of its exact size, so that AddressSanitizer sees a step too far. */
  char *data = g_memdup2 (input, size ? size : 1);
  const struct ptn_bytes whole = { data, size };
  guint32 flags;
  if (ntlm_read_negotiate (whole, &flags)) {
    GByteArray *made = ntlm_make_challenge (&server, flags, key, 0, &flags);
    check (made->len > 56 && made->len < 512);
    g_byte_array_unref (made);
  }
  try_authenticate (whole, NTLM_UNICODE | NTLM_EXTENDED_SECURITY);
  try_authenticate (whole, NTLM_OEM);
  g_free (data);
  return 0;
}
