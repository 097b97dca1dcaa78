/* SPDX-License-Identifier: Apache-2.0 */
/* wire.c - see wire.h.  Offsets and lengths of the peer are only ever compared with what is there;
 * all arithmetic is on sizes of our own. */
#include "wire.h"

#include "text.h"

#include <string.h>

enum { NEGOTIATE = 1, CHALLENGE = 2, AUTHENTICATE = 3 };

static const char signature[8] = "NTLMSSP"; /* with its NUL */

/* ---- Reading ----------------------------------------------------------------------------- */

/* `size` octets at `offset` of the whole, if there are so many. */
static bool
slice (struct ptn_bytes whole, size_t offset, size_t size, struct ptn_bytes *part) {
  if (offset > whole.size || size > whole.size - offset)
    return false;
  *part = (struct ptn_bytes){ (const char *)whole.data + offset, size };
  return true;
}

static bool
read_16 (struct ptn_bytes whole, size_t offset, guint16 *value) {
  struct ptn_bytes part;
  if (!slice (whole, offset, 2, &part))
    return false;
  memcpy (value, part.data, 2);
  *value = GUINT16_FROM_LE (*value);
  return true;
}

static bool
read_32 (struct ptn_bytes whole, size_t offset, guint32 *value) {
  struct ptn_bytes part;
  if (!slice (whole, offset, 4, &part))
    return false;
  memcpy (value, part.data, 4);
  *value = GUINT32_FROM_LE (*value);
  return true;
}

static bool
is_message (struct ptn_bytes message, guint32 type) {
  guint32 read;
  return message.data && message.size <= NTLM_MESSAGE_LIMIT && read_32 (message, 8, &read)
         && read == type && memcmp (message.data, signature, sizeof signature) == 0;
}

bool
ntlm_read_negotiate (struct ptn_bytes message, guint32 *flags) {
  return is_message (message, NEGOTIATE) && read_32 (message, 12, flags);
}

/* ---- AUTHENTICATE_MESSAGE ---------------------------------------------------------------- */

/* Clients send 52, 64, 72 or 88 octets before the payload: the older, the fewer.  How many, only
 * the payload tells. */
enum { HEADER_LEAST = 52, HEADER_KEY_AND_FLAGS = 64, HEADER_MIC = NTLM_MIC_OFFSET + NTLM_MIC_SIZE };

/* A field (2.2.1.3: Len, MaxLen, BufferOffset) of the fixed part.  *header falls to where its
 * payload begins.  An empty field points anywhere. */
static bool
read_field (struct ptn_bytes message, size_t at, struct ptn_bytes *field, size_t *header) {
  guint16 length;
  guint32 offset;
  if (!read_16 (message, at, &length) || !read_32 (message, at + 4, &offset))
    return false;
  *field = (struct ptn_bytes){ "", 0 };
  if (length == 0)
    return true;
  *header = MIN (*header, offset);
  return offset >= HEADER_LEAST && slice (message, offset, length, field);
}

static char *
read_name (struct ptn_bytes field, bool oem) {
  return oem ? ntlm_text_from_oem (field) : ntlm_text_from_unicode (field);
}

static bool
is_ascii (struct ptn_bytes field) {
  const unsigned char *data = field.data;
  unsigned char all = 0;
  for (size_t i = 0; i < field.size; i++)
    all |= data[i];
  return all < 0x80;
}

static bool
read_names (struct ntlm_authenticate *into, bool oem, const struct ptn_bytes fields[3]) {
  into->domain = read_name (fields[0], oem);
  into->user = read_name (fields[1], oem);
  into->workstation = read_name (fields[2], oem);
  if (oem && (!is_ascii (fields[0]) || !is_ascii (fields[1]))) {
    into->other_domain = ntlm_text_widened (fields[0]);
    into->other_user = ntlm_text_widened (fields[1]);
    if (!into->other_domain || !into->other_user)
      return false;
  }
  return into->domain && into->user && into->workstation;
}

bool
ntlm_read_authenticate (struct ptn_bytes message, guint32 negotiated,
                        struct ntlm_authenticate *into) {
  size_t header = message.size;
  struct ptn_bytes names[3];
  *into = (struct ntlm_authenticate){ .whole = message, .key = { "", 0 } };
  if (!is_message (message, AUTHENTICATE) || !read_field (message, 12, &into->lm, &header)
      || !read_field (message, 20, &into->nt, &header)
      || !read_field (message, 28, &names[0], &header)
      || !read_field (message, 36, &names[1], &header)
      || !read_field (message, 44, &names[2], &header))
    return false;
  if (header >= HEADER_KEY_AND_FLAGS
      && (!read_32 (message, 60, &into->flags) || !read_field (message, 52, &into->key, &header)))
    return false;
  into->has_mic = header >= HEADER_MIC;
  const guint32 charset = into->flags & (NTLM_UNICODE | NTLM_OEM);
  const bool oem = charset ? charset == NTLM_OEM : !(negotiated & NTLM_UNICODE);
  if (!read_names (into, oem, names)) {
    ntlm_authenticate_clear (into);
    return false;
  }
  return true;
}

void
ntlm_authenticate_clear (struct ntlm_authenticate *message) {
  g_free (message->domain);
  g_free (message->user);
  g_free (message->workstation);
  g_free (message->other_domain);
  g_free (message->other_user);
  *message = (struct ntlm_authenticate){ 0 };
}

/* ---- AV pairs ---------------------------------------------------------------------------- */

enum { /* 2.2.2.1 */
       AV_END = 0,
       AV_NB_COMPUTER = 1,
       AV_NB_DOMAIN = 2,
       AV_DNS_COMPUTER = 3,
       AV_DNS_DOMAIN = 4,
       AV_FLAGS = 6,
       AV_TIMESTAMP = 7,
       AV_TARGET_NAME = 9,
       AV_CHANNEL_BINDINGS = 10
};

static bool
take_pair (struct ntlm_client_challenge *into, guint16 id, struct ptn_bytes value) {
  guint32 flags;
  switch (id) {
  case AV_FLAGS:
    if (value.size != 4 || !read_32 (value, 0, &flags))
      return false;
    into->flags |= flags;
    return true;
  case AV_CHANNEL_BINDINGS:
    if (value.size != 16 || into->bindings.data)
      return false;
    into->bindings = value;
    return true;
  case AV_TARGET_NAME:
    into->target = value;
    return true;
  default:
    return true;
  }
}

bool
ntlm_read_client_challenge (struct ptn_bytes response, struct ntlm_client_challenge *into) {
  /* The proof (16 octets), versions, time, the client's challenge; then the pairs. */
  static const size_t pairs_at = 16 + 28;
  struct ptn_bytes versions;
  *into = (struct ntlm_client_challenge){ 0 };
  if (response.size < pairs_at || !slice (response, 16, 2, &versions)
      || memcmp (versions.data, "\1\1", 2) != 0)
    return false;
  for (size_t at = pairs_at; at < response.size;) {
    guint16 id, length;
    struct ptn_bytes value;
    if (!read_16 (response, at, &id) || !read_16 (response, at + 2, &length)
        || !slice (response, at + 4, length, &value))
      return false;
    if (id == AV_END) /* clients add four octets more, or nothing */
      return true;
    if (!take_pair (into, id, value))
      return false;
    at += 4 + (size_t)length;
  }
  return true;
}

/* ---- CHALLENGE_MESSAGE ------------------------------------------------------------------- */

static void
append_16 (GByteArray *array, guint16 value) {
  value = GUINT16_TO_LE (value);
  g_byte_array_append (array, (const guint8 *)&value, 2);
}

static void
append_32 (GByteArray *array, guint32 value) {
  value = GUINT32_TO_LE (value);
  g_byte_array_append (array, (const guint8 *)&value, 4);
}

static void
append_field (GByteArray *array, const GByteArray *payload, size_t offset) {
  append_16 (array, (guint16)payload->len);
  append_16 (array, (guint16)payload->len);
  append_32 (array, (guint32)offset);
}

static void
append_pair (GByteArray *array, guint16 id, const void *value, size_t size) {
  append_16 (array, id);
  append_16 (array, (guint16)size);
  if (size)
    g_byte_array_append (array, value, (guint)size);
}

static void
append_name_pair (GByteArray *array, guint16 id, const char *name) {
  g_autoptr (GByteArray) value = g_byte_array_new ();
  ntlm_text_append_unicode (value, name, NTLM_AS_IS);
  if (value->len && value->len <= 2 * NTLM_NAME_LIMIT)
    append_pair (array, id, value->data, value->len);
}

/* Always Unicode, whatever was negotiated. */
static GByteArray *
make_target_info (const struct ntlm_server *server, gint64 now_ms) {
  GByteArray *info = g_byte_array_sized_new (256);
  const bool has_domain = *server->nb_domain;
  append_name_pair (info, AV_NB_DOMAIN, has_domain ? server->nb_domain : server->nb_computer);
  append_name_pair (info, AV_NB_COMPUTER, server->nb_computer);
  append_name_pair (info, AV_DNS_DOMAIN, server->dns_domain);
  append_name_pair (info, AV_DNS_COMPUTER, server->dns_computer);
  /* FILETIME: units of 100 ns since 1601. */
  const guint64 time =
      GUINT64_TO_LE ((guint64)(now_ms + G_GINT64_CONSTANT (11644473600000)) * 10000);
  append_pair (info, AV_TIMESTAMP, &time, sizeof time);
  append_pair (info, AV_END, NULL, 0);
  return info;
}

static GByteArray *
make_target (const char *name, bool oem) {
  GByteArray *target = g_byte_array_new ();
  if (oem)
    g_byte_array_append (target, (const guint8 *)name, (guint)MIN (strlen (name), NTLM_NAME_LIMIT));
  else
    ntlm_text_append_unicode (target, name, NTLM_AS_IS);
  return target;
}

/* No session key is ever exchanged: nothing is signed or sealed with one after the login, and the
 * key of the MIC then follows from the proof.  SIGN and SEAL are agreed to for clients that will
 * not go on without them. */
static guint32
challenge_flags (guint32 client, bool has_domain) {
  const guint32 agreed = NTLM_REQUEST_TARGET | NTLM_SIGN | NTLM_SEAL | NTLM_ALWAYS_SIGN
                         | NTLM_EXTENDED_SECURITY | NTLM_VERSION | NTLM_128 | (guint32)NTLM_56;
  guint32 flags = (client & agreed) | NTLM_NTLM | NTLM_TARGET_INFO;
  flags |= client & NTLM_OEM && !(client & NTLM_UNICODE) ? NTLM_OEM : NTLM_UNICODE;
  if (client & NTLM_REQUEST_TARGET)
    flags |= has_domain ? NTLM_TARGET_DOMAIN : NTLM_TARGET_SERVER;
  return flags;
}

GByteArray *
ntlm_make_challenge (const struct ntlm_server *server, guint32 client_flags,
                     const unsigned char challenge[8], gint64 now_ms, guint32 *flags) {
  static const guint8 nothing[8] = { 0 };
  static const guint8 version[8] = { 6, 1, 0, 0, 0, 0, 0, 15 }; /* 15: NTLMSSP_REVISION_W2K3 */
  static const size_t header = 56;
  *flags = challenge_flags (client_flags, *server->nb_domain);
  const char *name = *server->nb_domain ? server->nb_domain : server->nb_computer;
  g_autoptr (GByteArray) target =
      make_target (client_flags & NTLM_REQUEST_TARGET ? name : "", *flags & NTLM_OEM);
  g_autoptr (GByteArray) info = make_target_info (server, now_ms);

  GByteArray *message = g_byte_array_sized_new (header + target->len + info->len);
  g_byte_array_append (message, (const guint8 *)signature, sizeof signature);
  append_32 (message, CHALLENGE);
  append_field (message, target, header);
  append_32 (message, *flags);
  g_byte_array_append (message, challenge, 8);
  g_byte_array_append (message, nothing, 8);
  append_field (message, info, header + target->len);
  g_byte_array_append (message, *flags & NTLM_VERSION ? version : nothing, 8);
  g_byte_array_append (message, target->data, target->len);
  g_byte_array_append (message, info->data, info->len);
  return message;
}
