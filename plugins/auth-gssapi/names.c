/* SPDX-License-Identifier: Apache-2.0 */
/* names.c - principals, realms and the client's choice; see names.h. */
#include "names.h"

#include <glib.h>
#include <string.h>

#define LAYER_NONE 1

static bool
is_text (const char *text, size_t size) {
  if (size > PRINCIPAL_LIMIT || !g_utf8_validate (text, (gssize)size, NULL))
    return false;
  for (size_t i = 0; i < size; i++)
    if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
      return false;
  return true;
}

const char *
principal_split (const char *principal, char **user, char **realm) {
  const size_t size = strlen (principal);
  const char *at = strchr (principal, '@');
  if (!is_text (principal, size))
    return "the principal's name is too long or no text";
  if (memchr (principal, '\\', size))
    return "the principal's name has a quoted character";
  if (!at || at == principal || !at[1] || strchr (at + 1, '@'))
    return "the principal's name is not user@REALM";
  if (memchr (principal, '/', (size_t)(at - principal)))
    return "the principal's name has more than one part";
  *user = g_strndup (principal, (gsize)(at - principal));
  *realm = g_strdup (at + 1);
  return NULL;
}

const char *
realm_fault (const char *word) {
  const char *equals = strchr (word, '=');
  const char *domain = equals ? equals + 1 + (equals[1] == '@') : NULL;
  if (equals == word)
    return "there is no realm before the \"=\"";
  if (domain && !*domain)
    return "there is no domain behind the \"=\"";
  if (strpbrk (domain ? domain : word, "@/\\="))
    return "not REALM, REALM=DOMAIN or REALM=@mail.domain";
  return NULL;
}

bool
realm_map (const char *const *words, const char *user, const char *realm, char **authcid,
           char **domain) {
  const size_t length = strlen (realm);
  for (; *words; words++) {
    const char *rest = *words + length;
    if (strncmp (*words, realm, length) != 0 || (*rest && *rest != '='))
      continue;
    const bool mail = rest[0] && rest[1] == '@';
    *authcid = mail ? g_strconcat (user, rest + 1, NULL) : g_strdup (user);
    *domain = g_strdup (*rest && !mail ? rest + 1 : "");
    return true;
  }
  return false;
}

const char *
layer_choice (struct ptn_bytes message, char **authzid) {
  const unsigned char *octets = message.data;
  *authzid = NULL;
  if (message.size < 4)
    return "the choice of a security layer is cut short";
  if (octets[0] != LAYER_NONE)
    return "the client wants a security layer, which was not offered";
  const char *name = (const char *)octets + 4;
  const size_t size = message.size - 4;
  if (!is_text (name, size)) /* a NUL is no text either */
    return "the authorization identity is too long or no text";
  if (size)
    *authzid = g_strndup (name, size);
  return NULL;
}

static bool
holds (struct ptn_bytes token, const char *octets, size_t size) {
  return memmem (token.data, token.size, octets, size) != NULL;
}

bool
token_is_ntlm (struct ptn_bytes token) {
  static const char signature[] = "NTLMSSP"; /* with its NUL */
  /* Object identifiers in DER: 1.3.6.1.4.1.311.2.2.10, 1.2.840.113554.1.2.2 and the same with the
   * slip of the pen that Windows 2000 made, 1.2.840.48018.1.2.2. */
  static const char ntlm[] = "\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x0a";
  static const char kerberos[] = "\x2a\x86\x48\x86\xf7\x12\x01\x02\x02";
  static const char microsoft[] = "\x2a\x86\x48\x82\xf7\x12\x01\x02\x02";
  if (token.size >= sizeof signature && memcmp (token.data, signature, sizeof signature) == 0)
    return true;
  const struct ptn_bytes head = { token.data, MIN (token.size, 256) };
  return head.size && holds (head, ntlm, sizeof ntlm - 1)
         && !holds (head, kerberos, sizeof kerberos - 1)
         && !holds (head, microsoft, sizeof microsoft - 1);
}
