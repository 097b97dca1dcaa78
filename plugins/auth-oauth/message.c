/* SPDX-License-Identifier: Apache-2.0 */
/* message.c - see message.h. */
#include "message.h"

#include <glib.h>
#include <jansson.h>
#include <string.h>

#define SEPARATOR 0x01

/* ---- Pieces ------------------------------------------------------------------------------ */

/* Up to the separator, which is skipped.  false: there is none. */
static bool
take_until (struct ptn_bytes *rest, char separator, struct ptn_bytes *field) {
  const char *end = rest->size ? memchr (rest->data, separator, rest->size) : NULL;
  if (!end)
    return false;
  const size_t length = (size_t)(end - (const char *)rest->data);
  *field = (struct ptn_bytes){ rest->data, length };
  *rest = (struct ptn_bytes){ end + 1, rest->size - length - 1 };
  return true;
}

static bool
begins (struct ptn_bytes octets, const char *text) {
  return octets.size >= strlen (text) && memcmp (octets.data, text, strlen (text)) == 0;
}

static bool
is_name (const char *text, size_t size) {
  if (size == 0 || size > MESSAGE_USER_LIMIT || !g_utf8_validate (text, (gssize)size, NULL))
    return false;
  for (size_t i = 0; i < size; i++)
    if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
      return false;
  return true;
}

static bool
is_token (struct ptn_bytes octets) {
  const char *text = octets.data;
  size_t size = octets.size;
  if (size > MESSAGE_TOKEN_LIMIT)
    return false;
  while (size && text[size - 1] == '=')
    size--;
  for (size_t i = 0; i < size; i++)
    if (!g_ascii_isalnum (text[i]) && !strchr ("-._~+/", text[i]))
      return false;
  return size > 0 || octets.size == 0;
}

/* "Bearer TOKEN"; nothing at all asks what there is to ask for. */
static bool
take_credentials (struct ptn_bytes value, struct oauth_message *message) {
  static const char scheme[] = "bearer";
  const size_t length = sizeof scheme - 1;
  const char *text = value.data;
  if (value.size == 0) {
    message->token = value;
    return true;
  }
  if (value.size < length + 2 || g_ascii_strncasecmp (text, scheme, length) != 0
      || text[length] != ' ')
    return false;
  size_t at = length;
  while (at < value.size && text[at] == ' ')
    at++;
  message->token = (struct ptn_bytes){ text + at, value.size - at };
  return message->token.size > 0 && is_token (message->token);
}

/* ---- OAUTHBEARER ------------------------------------------------------------------------- */

/* RFC 5801 section 4: a saslname, in which "=2C" is a comma and "=3D" an equals sign. */
static char *
unescape_name (struct ptn_bytes name) {
  const char *text = name.data;
  g_autoptr (GString) plain = g_string_sized_new (name.size);
  for (size_t i = 0; i < name.size; i++) {
    if (text[i] != '=') {
      g_string_append_c (plain, text[i]);
      continue;
    }
    if (name.size - i < 3)
      return NULL;
    if (memcmp (text + i, "=2C", 3) == 0)
      g_string_append_c (plain, ',');
    else if (memcmp (text + i, "=3D", 3) == 0)
      g_string_append_c (plain, '=');
    else
      return NULL;
    i += 2;
  }
  return is_name (plain->str, plain->len) ? g_string_free (g_steal_pointer (&plain), FALSE) : NULL;
}

/* "n," or "y," (there is no channel binding: "p=" cannot be met), then "a=NAME," or ",". */
static bool
take_header (struct ptn_bytes *rest, struct oauth_message *message) {
  struct ptn_bytes flag, name;
  if (!take_until (rest, ',', &flag) || flag.size != 1
      || (*(const char *)flag.data != 'n' && *(const char *)flag.data != 'y'))
    return false;
  if (!take_until (rest, ',', &name))
    return false;
  if (name.size == 0) {
    message->user = g_strdup ("");
    return true;
  }
  if (!begins (name, "a="))
    return false;
  message->user = unescape_name ((struct ptn_bytes){ (const char *)name.data + 2, name.size - 2 });
  return message->user != NULL;
}

static bool
is_key (struct ptn_bytes key) {
  for (size_t i = 0; i < key.size; i++)
    if (!g_ascii_isalpha (((const char *)key.data)[i]))
      return false;
  return key.size > 0;
}

static bool
is_value (struct ptn_bytes value) {
  for (size_t i = 0; i < value.size; i++) {
    const unsigned char octet = ((const unsigned char *)value.data)[i];
    if ((octet < 0x20 || octet > 0x7e) && octet != '\t' && octet != '\r' && octet != '\n')
      return false;
  }
  return true;
}

/* Pairs up to the empty one that ends them; "auth" once, keys that nobody knows are no harm. */
static bool
take_pairs (struct ptn_bytes rest, struct oauth_message *message) {
  bool seen = false;
  struct ptn_bytes pair, key;
  while (take_until (&rest, SEPARATOR, &pair)) {
    if (pair.size == 0)
      return seen && rest.size == 0;
    if (!take_until (&pair, '=', &key) || !is_key (key) || !is_value (pair))
      return false;
    if (key.size != 4 || g_ascii_strncasecmp (key.data, "auth", 4) != 0)
      continue;
    if (seen || !take_credentials (pair, message))
      return false;
    seen = true;
  }
  return false;
}

static bool
take_oauthbearer (struct ptn_bytes rest, struct oauth_message *message) {
  struct ptn_bytes nothing;
  return take_header (&rest, message) && take_until (&rest, SEPARATOR, &nothing)
         && nothing.size == 0 && take_pairs (rest, message);
}

/* ---- XOAUTH2 ----------------------------------------------------------------------------- */

/* user=NAME ^A auth=Bearer TOKEN ^A ^A */
static bool
take_xoauth2 (struct ptn_bytes rest, struct oauth_message *message) {
  struct ptn_bytes user, credentials, end;
  if (!take_until (&rest, SEPARATOR, &user) || !begins (user, "user=")
      || !take_until (&rest, SEPARATOR, &credentials) || !begins (credentials, "auth=")
      || !take_until (&rest, SEPARATOR, &end) || end.size != 0 || rest.size != 0)
    return false;
  const char *name = (const char *)user.data + 5;
  if (user.size > 5 && !is_name (name, user.size - 5))
    return false;
  message->user = g_strndup (name, user.size - 5);
  return take_credentials ((struct ptn_bytes){ (const char *)credentials.data + 5,
                                               credentials.size - 5 },
                           message);
}

/* ---- Both -------------------------------------------------------------------------------- */

static bool
take (struct ptn_bytes response, struct oauth_message *message,
      bool (*form) (struct ptn_bytes, struct oauth_message *)) {
  *message = (struct oauth_message){ NULL, { NULL, 0 } };
  if (response.data && response.size <= MESSAGE_RESPONSE_LIMIT && form (response, message))
    return true;
  message_clear (message);
  return false;
}

bool
message_oauthbearer (struct ptn_bytes response, struct oauth_message *message) {
  return take (response, message, take_oauthbearer);
}

bool
message_xoauth2 (struct ptn_bytes response, struct oauth_message *message) {
  return take (response, message, take_xoauth2);
}

void
message_clear (struct oauth_message *message) {
  g_free (message->user);
  *message = (struct oauth_message){ NULL, { NULL, 0 } };
}

/* ---- Errors ------------------------------------------------------------------------------ */

static void
tell (json_t *error, const char *key, const char *value) {
  if (value && *value)
    json_object_set_new (error, key, json_string (value));
}

static char *
write_out (json_t *error) {
  char *made = json_dumps (error, JSON_COMPACT);
  char *text = g_strdup (made);
  free (made);
  json_decref (error);
  return text;
}

char *
message_oauthbearer_error (const char *status, const char *scope, const char *configuration) {
  json_t *error = json_object ();
  tell (error, "status", status);
  tell (error, "scope", scope);
  tell (error, "openid-configuration", configuration);
  return write_out (error);
}

char *
message_xoauth2_error (const char *scope) {
  json_t *error = json_object ();
  tell (error, "status", "401");
  tell (error, "schemes", "bearer");
  tell (error, "scope", scope);
  return write_out (error);
}
