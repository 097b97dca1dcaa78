/* SPDX-License-Identifier: Apache-2.0 */
/* message-fuzz.c - any octets as login message: what is taken lies inside of them and is sound. */
#include "auth/message.h"

#include <glib.h>
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
check_name (const char *name, const char *data, size_t size) {
  check (name >= data && name < data + size && memchr (name, '\0', size - (size_t)(name - data)));
  check (*name && strlen (name) <= MESSAGE_NAME_LIMIT && g_utf8_validate (name, -1, NULL));
}

static void
check_message (const struct message *message, const char *data, size_t size) {
  check_name (message->login, data, size);
  if (message->authzid)
    check_name (message->authzid, data, size);
  if (message->timestamp)
    check_name (message->timestamp, data, size);
  const char *secret = message->secret.data;
  check (secret >= data && secret + message->secret.size == data + size);
  size_t length;
  const char *user = message_user_part (message->login, &length);
  check (user >= message->login && user + length <= message->login + strlen (message->login));
}

int
LLVMFuzzerTestOneInput (const uint8_t *input, size_t size) {
  /* A copy of its exact size, so that AddressSanitizer sees a step too far. */
  char *data = g_memdup2 (input, size ? size : 1);
  const struct ptn_bytes octets = { data, size };
  struct message message;
  if (message_plain (octets, &message))
    check_message (&message, data, size);
  if (message_password (octets, &message))
    check_message (&message, data, size);
  if (message_apop (octets, &message))
    check_message (&message, data, size);
  g_free (data);
  return 0;
}
