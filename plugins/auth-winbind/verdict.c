/* SPDX-License-Identifier: Apache-2.0 */
/* verdict.c - see verdict.h. */
#include "verdict.h"

#include <glib.h>
#include <string.h>

static const struct row {
  uint32_t nt_status;
  ptn_status status;
  const char *text;
} rows[] = {
  { 0xc0000064, PTN_E_NOT_FOUND, "unknown user" },
  { 0xc000006a, PTN_E_AUTHENTICATION, "wrong password" },
  { 0xc000006d, PTN_E_AUTHENTICATION, "wrong user or password" },
  { 0xc0000234, PTN_E_AUTHENTICATION, "account is locked out" },
  { 0xc0000071, PTN_E_PASSWORD_EXPIRED, "password has expired" },
  { 0xc0000224, PTN_E_PASSWORD_EXPIRED, "password must be changed" },
  { 0xc0000072, PTN_E_DISABLED, "account is disabled" },
  { 0xc0000193, PTN_E_DISABLED, "account has expired" },
  { 0xc000006e, PTN_E_DISABLED, "account is restricted" },
  { 0xc000006f, PTN_E_DISABLED, "account may not log on at this time" },
  { 0xc0000070, PTN_E_DISABLED, "account may not log on from this workstation" },
  { 0xc000015b, PTN_E_DISABLED, "account may not log on in this way" },
  { 0xc0000413, PTN_E_DISABLED, "account may not log on to this server" },
  { 0xc0000198, PTN_E_DISABLED, "account is a domain's, not a user's" },
  { 0xc0000199, PTN_E_DISABLED, "account is a workstation's, not a user's" },
  { 0xc000019a, PTN_E_DISABLED, "account is a server's, not a user's" },
  { 0xc0000418, PTN_E_UNSUPPORTED, "the domain's policy blocks NTLM" },
  { VERDICT_ACCESS_DENIED, PTN_E_TEMPORARY,
    "winbindd denies access: may this server's user enter winbindd_privileged?" },
  { 0xc000005e, PTN_E_TEMPORARY, "no domain controller answers" },
  { 0xc00000b5, PTN_E_TEMPORARY, "the domain controller does not answer in time" },
};

static void
say (struct verdict *verdict, ptn_status status, const char *text) {
  verdict->status = status;
  g_strlcpy (verdict->text, text, sizeof verdict->text);
}

void
verdict_of_nt_status (uint32_t nt_status, struct verdict *verdict) {
  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++)
    if (rows[i].nt_status == nt_status) {
      say (verdict, rows[i].status, rows[i].text);
      return;
    }
  verdict->status = PTN_E_TEMPORARY;
  g_snprintf (verdict->text, sizeof verdict->text, "winbindd answers with NT status 0x%08x",
              nt_status);
}

void
verdict_of_error (wbcErr error, struct verdict *verdict) {
  switch (error) {
  case WBC_ERR_WINBIND_NOT_AVAILABLE:
    say (verdict, PTN_E_TEMPORARY, "winbindd is not there");
    break;
  case WBC_ERR_UNKNOWN_USER:
  case WBC_ERR_DOMAIN_NOT_FOUND:
    say (verdict, PTN_E_NOT_FOUND, "unknown user");
    break;
  case WBC_ERR_INVALID_PARAM:
    say (verdict, PTN_E_AUTHENTICATION, "no name or response that winbindd can take");
    break;
  default:
    verdict->status = PTN_E_TEMPORARY;
    g_snprintf (verdict->text, sizeof verdict->text, "libwbclient fails: %s",
                wbcErrorString (error));
  }
}

/* ---- Who was proved ---------------------------------------------------------------------- */

static bool
same (const char *one, const char *other) {
  if (!one || !other || !*one || !*other)
    return false;
  g_autofree char *folded = g_utf8_casefold (one, -1);
  g_autofree char *other_folded = g_utf8_casefold (other, -1);
  return strcmp (folded, other_folded) == 0;
}

static bool
is_in_domain (const struct wbcAuthUserInfo *info, const struct expected *expected) {
  return same (info->domain_name, expected->nt_domain)
         || same (info->dns_domain_name, expected->dns_domain);
}

/* The client's own words were judged, and they need not name whom the directory found: an alias
 * may be the name of another account, and a trusted domain has an alice too. */
static bool
is_expected (const struct wbcAuthUserInfo *info, const struct expected *expected) {
  return (same (info->account_name, expected->user) && is_in_domain (info, expected))
         || (strchr (expected->user, '@') && same (info->user_principal, expected->user));
}

/* [MS-DTYP] 2.4.2.4: Guest is RID 501 of any domain; S-1-5-7 is anonymous. */
static bool
is_guest (const struct wbcAuthUserInfo *info) {
  static const uint8_t nt_authority[6] = { 0, 0, 0, 0, 0, 5 };
  if (info->user_flags & WBC_AUTH_USER_INFO_GUEST || info->num_sids == 0)
    return true;
  const struct wbcDomainSid *sid = &info->sids[0].sid;
  if (sid->num_auths == 0 || sid->num_auths > WBC_MAXSUBAUTHS
      || memcmp (sid->id_auth, nt_authority, sizeof nt_authority) != 0)
    return true;
  const uint32_t rid = sid->sub_auths[sid->num_auths - 1];
  return rid == 501 || (sid->num_auths == 1 && rid == 7);
}

void
verdict_of_info (const struct wbcAuthUserInfo *info, const struct expected *expected,
                 struct verdict *verdict) {
  if (is_guest (info)) {
    say (verdict, PTN_E_AUTHENTICATION, "Guest is always refused");
  } else if (!is_expected (info, expected)) {
    verdict->status = PTN_E_AUTHENTICATION;
    g_snprintf (verdict->text, sizeof verdict->text, "the domain controller proved %s\\%s",
                info->domain_name ? info->domain_name : "",
                info->account_name ? info->account_name : "");
  } else {
    verdict->status = PTN_OK;
    verdict->text[0] = '\0';
    memcpy (verdict->session_key, info->user_session_key, sizeof verdict->session_key);
  }
}
