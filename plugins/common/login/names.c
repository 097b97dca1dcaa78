/* SPDX-License-Identifier: Apache-2.0 */
/* names.c - folding and splitting of names; see names.h.  Owns nothing. */
#include "names.h"

#include <glib.h>
#include <string.h>

#define ACCOUNT_LIMIT 128

/* Would it become a character of ASCII, as U+212A (KELVIN SIGN) becomes k?  Then it is no spelling of
 * a name but somebody else's name that looks like it: an issuer of proofs may well know both. */
static bool
poses_as_ascii (gunichar character) {
  gunichar whole[2];
  return character >= 0x80 && g_unichar_fully_decompose (character, FALSE, whole, 2) == 1
         && whole[0] < 0x80;
}

/* Text beyond ASCII: rare, so it may allocate. */
static bool
fold_unicode (const char *text, size_t length, char folded[NAME_LIMIT + 1]) {
  if (!g_utf8_validate (text, (gssize)length, NULL))
    return false;
  /* U+0085 and its like are controls too; U+200B and U+202E would let two names look alike. */
  for (const char *at = text; at < text + length; at = g_utf8_next_char (at)) {
    const gunichar character = g_utf8_get_char (at);
    if (g_unichar_iscntrl (character) || g_unichar_type (character) == G_UNICODE_FORMAT
        || poses_as_ascii (character))
      return false;
  }
  g_autofree char *lower = g_utf8_strdown (text, (gssize)length);
  g_autofree char *normal = g_utf8_normalize (lower, -1, G_NORMALIZE_NFC);
  if (!normal || strlen (normal) > NAME_LIMIT)
    return false;
  strcpy (folded, normal);
  return true;
}

bool
name_fold (const char *text, size_t length, char folded[NAME_LIMIT + 1]) {
  if (length == 0 || length > NAME_LIMIT)
    return false;
  unsigned char beyond_ascii = 0;
  for (size_t i = 0; i < length; i++) {
    const unsigned char octet = (unsigned char)text[i];
    if (octet < 0x20 || octet == 0x7f)
      return false;
    beyond_ascii |= octet;
    folded[i] = (char)(octet >= 'A' && octet <= 'Z' ? octet + 32 : octet);
  }
  folded[length] = '\0';
  return beyond_ascii & 0x80 ? fold_unicode (text, length, folded) : true;
}

/* An account name, an alias or local@domain. */
static bool
piece_is_sound (const char *piece) {
  const char *at = strchr (piece, '@');
  if (!at)
    return *piece != '\0';
  return at != piece && at[1] && !strchr (at + 1, '@');
}

bool
login_split (const char *login, char buffer[NAME_LIMIT + 1], struct login_parts *parts) {
  *parts = (struct login_parts){ NULL };
  const size_t length = strnlen (login, NAME_LIMIT + 1);
  if (!name_fold (login, length, buffer))
    return false;

  char *pieces[3] = { buffer };
  size_t count = 1;
  for (char *at = buffer; (at = strpbrk (at, "/\\")); at++) {
    if (count == G_N_ELEMENTS (pieces))
      return false;
    *at = '\0';
    pieces[count++] = at + 1;
  }
  for (size_t i = 0; i < count; i++)
    if (!piece_is_sound (pieces[i]))
      return false;

  if (count == 1) {
    parts->user = pieces[0];
  } else if (count == 2 && strchr (pieces[0], '@')) {
    parts->user = pieces[0];
    parts->mailbox = pieces[1];
  } else {
    if (strchr (pieces[0], '@'))
      return false;
    parts->domain = pieces[0];
    parts->user = pieces[1];
    parts->mailbox = count == 3 ? pieces[2] : NULL;
  }
  return true;
}

bool
name_is_refused (const char *folded) {
  static const char *const refused[] = { "anonymous", "guest" };
  const size_t length = strcspn (folded, "@");
  for (size_t i = 0; i < G_N_ELEMENTS (refused); i++)
    if (strlen (refused[i]) == length && memcmp (folded, refused[i], length) == 0)
      return true;
  return false;
}

/* Takes the quotes and backslashes of a quoted local part away, in place. */
static bool
unquote (char *local) {
  const size_t length = strlen (local);
  if (length < 2 || local[length - 1] != '"')
    return false;
  char *out = local;
  for (size_t i = 1; i < length - 1; i++) {
    if (local[i] == '\\' && i + 1 < length - 1)
      i++;
    *out++ = local[i];
  }
  *out = '\0';
  return out != local;
}

bool
address_split (const char *address, size_t length, char buffer[NAME_LIMIT + 1],
               struct address_parts *parts) {
  if (!name_fold (address, length, buffer))
    return false;
  parts->domain = "";
  char *at = strrchr (buffer, '@');
  if (at) {
    *at = '\0';
    parts->domain = at + 1;
    if (!at[1])
      return false;
    if (!g_str_is_ascii (at + 1)) {
      g_autofree char *ascii = g_hostname_to_ascii (at + 1);
      if (!ascii || strlen (ascii) > NAME_LIMIT - (size_t)(at + 1 - buffer))
        return false;
      strcpy (at + 1, ascii);
    }
  }
  parts->local = buffer;
  return *buffer == '"' ? unquote (buffer) : *buffer != '\0';
}

bool
name_canonical (const char *text, size_t length, char canonical[NAME_LIMIT + 1]) {
  if (!memchr (text, '@', length))
    return name_fold (text, length, canonical);
  struct address_parts parts;
  if (!address_split (text, length, canonical, &parts) || strchr (parts.local, '@'))
    return false;
  /* Both parts are in `canonical`, the domain behind the NUL of the local part: unless quotes were
   * taken away between them. */
  const size_t local = strlen (parts.local), domain = strlen (parts.domain);
  memmove (canonical + local + 1, parts.domain, domain + 1);
  canonical[local] = '@';
  return domain > 0;
}

const char *
name_fault (const char *folded) {
  const size_t length = strlen (folded);
  if (length == 0)
    return "is empty";
  if (length > ACCOUNT_LIMIT)
    return "is longer than 128 octets";
  if (*folded == '.' || *folded == '-')
    return "begins with '.' or '-'";
  if (strpbrk (folded, " /\\:;,#\"%*<>()[]+"))
    return "has a character that names can not have";
  if (!piece_is_sound (folded))
    return "has an '@' in the wrong place";
  if (name_is_refused (folded))
    return "is refused for every login";
  return NULL;
}
