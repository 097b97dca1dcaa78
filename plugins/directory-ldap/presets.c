/* SPDX-License-Identifier: Apache-2.0 */
/* presets.c - a table; see presets.h. */
#include "presets.h"

#include <glib.h>
#include <string.h>

/* Users, and neither computers nor contacts: samAccountType is indexed. */
#define AD_USERS "(sAMAccountType=805306368)"
#define AD_GROUPS "(objectClass=group)"
#define PERSONS "(objectClass=inetOrgPerson)"
#define GROUPS "(objectClass=groupOfNames)"

static const struct {
  const char *setting, *active_directory, *inetorgperson;
} values[] = {
  { "filter", AD_USERS, PERSONS },
  { "group_filter", AD_GROUPS, GROUPS },
  { "login_attributes", "sAMAccountName userPrincipalName mailNickname", "uid" },
  { "address_attributes", "proxyAddresses=smtp: mail",
    "mail mailAlternateAddress mailLocalAddress" },
  { "account_attribute", "sAMAccountName", "uid" },
  { "quota_attribute", NULL, NULL },
  { "server_attribute", "msExchHomeServerName", NULL },
  { "delegate_attributes", "publicDelegates msExchDelegateListLink", NULL },
  { "reader_attributes", NULL, NULL },
  { "group_attribute", "memberOf", "memberOf" },
  { "protocols_attribute", "protocolSettings", NULL },
  { "expires_attribute", "accountExpires", "shadowExpire" },
  { "disabled_if", "userAccountControl&2", "nsAccountLock pwdAccountLockedTime=000001010000Z" },
  { "password_expired_if", "pwdLastSet=0", "pwdReset" },
  { "password_attribute", NULL, "userPassword" },
  { "nt_attribute", NULL, NULL },
  { "scram_attribute", NULL, NULL },
};

const char *
preset_value (bool active_directory, const char *setting) {
  for (size_t i = 0; i < G_N_ELEMENTS (values); i++)
    if (strcmp (values[i].setting, setting) == 0)
      return active_directory ? values[i].active_directory : values[i].inetorgperson;
  return NULL;
}
