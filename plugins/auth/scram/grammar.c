/* SPDX-License-Identifier: Apache-2.0 */
/* grammar.c - see grammar.h.  A cursor that only moves forward, and never beyond the message. */
#include "grammar.h"

#include "auth/message.h"
#include "common/text/saslprep.h"

#include <glib.h>
#include <stdbool.h>
#include <string.h>

struct cursor {
  const char *at, *end;
};

static struct ptn_bytes
between (const char *from, const char *to) {
  return (struct ptn_bytes){ from, (size_t)(to - from) };
}

static bool
take (struct cursor *cursor, char wanted) {
  if (cursor->at == cursor->end || *cursor->at != wanted)
    return false;
  cursor->at++;
  return true;
}

/* The value of an attribute: what stands before the next comma or the end, at least one octet. */
static bool
take_value (struct cursor *cursor, struct ptn_bytes *value) {
  const char *from = cursor->at;
  while (cursor->at < cursor->end && *cursor->at != ',')
    cursor->at++;
  *value = between (from, cursor->at);
  return value->size > 0;
}

static bool
take_attribute (struct cursor *cursor, char name, struct ptn_bytes *value) {
  return take (cursor, name) && take (cursor, '=') && take_value (cursor, value);
}

/* The whole message has no NUL and is UTF-8: so have all its pieces, which end at commas. */
static bool
is_text (struct ptn_bytes message) {
  return message.size > 0 && message.size <= SCRAM_MESSAGE_LIMIT
         && g_utf8_validate (message.data, (gssize)message.size, NULL);
}

/* printable: %x21-2B / %x2D-7E. */
static bool
is_nonce (struct ptn_bytes nonce) {
  for (size_t i = 0; i < nonce.size; i++) {
    const char octet = ((const char *)nonce.data)[i];
    if (octet < 0x21 || octet > 0x7e || octet == ',')
      return false;
  }
  return nonce.size > 0;
}

/* *( "," ALPHA "=" value ), up to the end.  A mandatory one that we do not know must be refused,
 * wherever it stands. */
static const char *
skip_extensions (struct cursor *cursor) {
  while (cursor->at < cursor->end) {
    struct ptn_bytes value;
    if (!take (cursor, ',') || cursor->at == cursor->end || !g_ascii_isalpha (*cursor->at))
      return "other-error";
    const char name = *cursor->at++;
    if (!take (cursor, '=') || !take_value (cursor, &value))
      return "other-error";
    if (name == 'm')
      return "extensions-not-supported";
  }
  return NULL;
}

/* ---- Names ------------------------------------------------------------------------------- */

/* saslname: "=2C" is a comma, "=3D" is "=", and "=" stands for nothing else.  NULL: malformed. */
static char *
decode_name (struct ptn_bytes name) {
  const char *text = name.data;
  GString *decoded = g_string_sized_new (name.size);
  for (size_t i = 0; i < name.size; i++) {
    if (text[i] != '=') {
      g_string_append_c (decoded, text[i]);
      continue;
    }
    if (name.size - i < 3 || (memcmp (text + i, "=2C", 3) != 0 && memcmp (text + i, "=3D", 3) != 0))
      return g_string_free (decoded, TRUE);
    g_string_append_c (decoded, text[i + 1] == '2' ? ',' : '=');
    i += 2;
  }
  return g_string_free (decoded, FALSE);
}

static char *
checked_name (char *name) {
  if (name && !message_name ((struct ptn_bytes){ name, strlen (name) }))
    g_clear_pointer (&name, g_free);
  return name;
}

static char *
prepare_login (struct ptn_bytes name) {
  g_autofree char *decoded = decode_name (name);
  return decoded ? checked_name (saslprep ((struct ptn_bytes){ decoded, strlen (decoded) })) : NULL;
}

/* ---- The first message ------------------------------------------------------------------- */

static bool
take_type (struct cursor *cursor, struct scram_first *first) {
  size_t length = 0;
  while (cursor->at < cursor->end && *cursor->at != ',') {
    const char octet = *cursor->at++;
    if ((!g_ascii_isalnum (octet) && octet != '.' && octet != '-')
        || length == SCRAM_BINDING_TYPE_LIMIT)
      return false;
    first->type[length++] = octet;
  }
  return length > 0;
}

/* gs2-cbind-flag "," [ "a=" saslname ] "," */
static const char *
take_header (struct cursor *cursor, struct scram_first *first) {
  const char *from = cursor->at;
  struct ptn_bytes authzid;
  if (take (cursor, 'n'))
    first->binding = SCRAM_BINDING_NONE;
  else if (take (cursor, 'y'))
    first->binding = SCRAM_BINDING_UNUSED;
  else if (take (cursor, 'p') && take (cursor, '=') && take_type (cursor, first))
    first->binding = SCRAM_BINDING_USED;
  else
    return "other-error";
  if (!take (cursor, ','))
    return "other-error";
  if (!take (cursor, ',')) {
    if (!take_attribute (cursor, 'a', &authzid) || !take (cursor, ','))
      return "other-error";
    first->authzid = checked_name (decode_name (authzid));
    if (!first->authzid)
      return "invalid-username-encoding";
  }
  first->header = between (from, cursor->at);
  return NULL;
}

/* [ "m=" ... "," ] "n=" saslname "," "r=" nonce *( "," extension ) */
static const char *
take_bare (struct cursor *cursor, struct scram_first *first) {
  struct ptn_bytes name;
  first->bare = between (cursor->at, cursor->end);
  if (cursor->end - cursor->at >= 2 && memcmp (cursor->at, "m=", 2) == 0)
    return "extensions-not-supported";
  if (!take_attribute (cursor, 'n', &name) || !take (cursor, ',')
      || !take_attribute (cursor, 'r', &first->nonce) || !is_nonce (first->nonce))
    return "other-error";
  const char *fault = skip_extensions (cursor);
  if (fault)
    return fault;
  first->login = prepare_login (name);
  return first->login ? NULL : "invalid-username-encoding";
}

const char *
scram_first_parse (struct ptn_bytes message, struct scram_first *first) {
  *first = (struct scram_first){ .binding = SCRAM_BINDING_NONE };
  if (!is_text (message))
    return "invalid-encoding";
  struct cursor cursor = { message.data, (const char *)message.data + message.size };
  const char *fault = take_header (&cursor, first);
  if (!fault)
    fault = take_bare (&cursor, first);
  if (fault)
    scram_first_clear (first);
  return fault;
}

void
scram_first_clear (struct scram_first *first) {
  g_clear_pointer (&first->login, g_free);
  g_clear_pointer (&first->authzid, g_free);
}

/* ---- The final message ------------------------------------------------------------------- */

/* The proof is the last attribute; base64 has no comma, so the last comma is before it. */
const char *
scram_final_parse (struct ptn_bytes message, struct scram_final *final) {
  *final = (struct scram_final){ .proof = { NULL, 0 } };
  if (!is_text (message))
    return "invalid-encoding";
  const char *comma = memrchr (message.data, ',', message.size);
  const char *end = (const char *)message.data + message.size;
  if (!comma)
    return "other-error";
  struct cursor proof = { comma + 1, end };
  struct cursor cursor = { message.data, comma };
  if (!take_attribute (&proof, 'p', &final->proof)
      || !take_attribute (&cursor, 'c', &final->binding) || !take (&cursor, ',')
      || !take_attribute (&cursor, 'r', &final->nonce) || !is_nonce (final->nonce))
    return "other-error";
  final->without_proof = between (message.data, comma);
  return skip_extensions (&cursor);
}
