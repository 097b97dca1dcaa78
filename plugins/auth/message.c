/* SPDX-License-Identifier: Apache-2.0 */
/* message.c - takes login messages apart; see message.h. */
#include "message.h"

#include <glib.h>
#include <string.h>

bool
message_name (struct ptn_bytes octets) {
  if (octets.size == 0 || octets.size > MESSAGE_NAME_LIMIT
      || !g_utf8_validate (octets.data, (gssize)octets.size, NULL))
    return false;
  for (size_t i = 0; i < octets.size; i++) {
    const unsigned char octet = ((const unsigned char *)octets.data)[i];
    if (octet < 0x20 || octet == 0x7f)
      return false;
  }
  return true;
}

/* Everything up to a NUL, which is skipped. */
static bool
take_field (struct ptn_bytes *rest, struct ptn_bytes *field) {
  const char *nul = rest->size ? memchr (rest->data, '\0', rest->size) : NULL;
  if (!nul)
    return false;
  const size_t length = (size_t)(nul - (const char *)rest->data);
  *field = (struct ptn_bytes){ rest->data, length };
  *rest = (struct ptn_bytes){ nul + 1, rest->size - length - 1 };
  return true;
}

static bool
take_name (struct ptn_bytes *rest, const char **name) {
  struct ptn_bytes field;
  if (!take_field (rest, &field) || !message_name (field))
    return false;
  *name = field.data;
  return true;
}

static bool
is_password (struct ptn_bytes octets) {
  return octets.size <= MESSAGE_PASSWORD_LIMIT
         && (octets.size == 0 || !memchr (octets.data, '\0', octets.size));
}

bool
message_plain (struct ptn_bytes octets, struct message *message) {
  *message = (struct message){ NULL };
  struct ptn_bytes authzid;
  if (!take_field (&octets, &authzid) || (authzid.size && !message_name (authzid)))
    return false;
  if (authzid.size)
    message->authzid = authzid.data;
  message->secret = octets;
  return take_name (&message->secret, &message->login) && message->secret.size > 0
         && is_password (message->secret);
}

bool
message_password (struct ptn_bytes octets, struct message *message) {
  *message = (struct message){ .secret = octets };
  return take_name (&message->secret, &message->login) && is_password (message->secret);
}

bool
message_apop (struct ptn_bytes octets, struct message *message) {
  *message = (struct message){ .secret = octets };
  return take_name (&message->secret, &message->login)
         && take_name (&message->secret, &message->timestamp) && message->secret.size == 16;
}

const char *
message_user_part (const char *login, size_t *length) {
  const size_t first = strcspn (login, "/\\");
  const char *user = login;
  if (login[first] && !memchr (login, '@', first))
    user = login + first + 1; /* DOMAIN/user... */
  *length = strcspn (user, "/\\@");
  return user;
}

char *
message_without_mailbox (const char *login) {
  const size_t first = strcspn (login, "/\\");
  if (!login[first])
    return NULL;
  const size_t second = first + 1 + strcspn (login + first + 1, "/\\");
  if (memchr (login, '@', first)) /* user@domain/mailbox */
    return g_strndup (login, first);
  return login[second] ? g_strndup (login, second) : NULL; /* DOMAIN/user/mailbox */
}
