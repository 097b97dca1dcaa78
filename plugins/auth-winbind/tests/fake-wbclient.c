/* SPDX-License-Identifier: Apache-2.0 */
/* fake-wbclient.c - a domain CONTOSO (contoso.example) in the place of libwbclient, for
 * winbind_test.c.  What it says follows from the names:
 *
 *   alice                 right, if the password is "right" or the NT response begins with 'r'
 *   status-XXXXXXXX       this NT status
 *   guest, anonymous, flagged, sidless, other, trusted: right, and the account is not what it should
 *   hang                  an answer that takes 600 ms
 * and the workstation: "down", winbindd is not there; "denied", its privileged pipe; "ask=NAME", wrong unless asked about NAME. */
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <wbclient.h>

struct wbcContext {
  bool down;
};

struct wbcContext *
wbcCtxCreate (void) {
  return g_new0 (struct wbcContext, 1);
}

void
wbcCtxFree (struct wbcContext *context) {
  g_free (context);
}

/* Blocks as libwbclient's: one piece of memory, strings in it are static. */
void
wbcFreeMemory (void *memory) {
  g_free (memory);
}

const char *
wbcErrorString (wbcErr error) {
  return "an error";
}

wbcErr
wbcCtxInterfaceDetails (struct wbcContext *context, struct wbcInterfaceDetails **details) {
  *details = g_new0 (struct wbcInterfaceDetails, 1);
  (*details)->winbind_separator = '\\';
  (*details)->netbios_domain = (char *)"CONTOSO";
  (*details)->dns_domain = (char *)"contoso.example";
  return WBC_ERR_SUCCESS;
}

static struct wbcSidWithAttr user_sid = { .sid = {
                                              1, 5, { 0, 0, 0, 0, 0, 5 }, { 21, 1, 2, 3, 1104 } } };
static struct wbcSidWithAttr guest_sid = { .sid = {
                                               1, 5, { 0, 0, 0, 0, 0, 5 }, { 21, 1, 2, 3, 501 } } };
static struct wbcSidWithAttr anonymous_sid = { .sid = { 1, 1, { 0, 0, 0, 0, 0, 5 }, { 7 } } };

static void
fill (struct wbcAuthUserInfo *info, const char *name) {
  info->account_name = (char *)"alice";
  info->user_principal = (char *)"alice@contoso.example";
  info->domain_name = (char *)"CONTOSO";
  info->dns_domain_name = (char *)"contoso.example";
  memset (info->user_session_key, 'k', sizeof info->user_session_key);
  info->num_sids = 1;
  info->sids = &user_sid;
  if (strcmp (name, "guest") == 0)
    info->sids = &guest_sid;
  else if (strcmp (name, "anonymous") == 0)
    info->sids = &anonymous_sid;
  else if (strcmp (name, "flagged") == 0)
    info->user_flags = WBC_AUTH_USER_INFO_GUEST;
  else if (strcmp (name, "sidless") == 0)
    info->num_sids = 0;
  else if (strcmp (name, "trusted") == 0)
    info->domain_name = (char *)"TRUSTED";
  if (strcmp (name, "other") != 0 && !strchr (name, '@'))
    info->account_name = (char *)g_intern_string (name);
}

wbcErr
wbcCtxPing (struct wbcContext *context) {
  return context->down ? WBC_ERR_WINBIND_NOT_AVAILABLE : WBC_ERR_SUCCESS;
}

static wbcErr
refuse (struct wbcAuthErrorInfo **error, uint32_t nt_status) {
  *error = g_new0 (struct wbcAuthErrorInfo, 1);
  (*error)->nt_status = nt_status;
  return WBC_ERR_AUTH_ERROR;
}

/* For as long as the test's file is there. */
static void
be_stuck (void) {
  const char *path = g_getenv ("FAKE_WBCLIENT_STUCK");
  for (int i = 0; i < 6000 && path && g_file_test (path, G_FILE_TEST_EXISTS); i++)
    g_usleep (5000);
}

static wbcErr
judge (const char *name, gboolean right, struct wbcAuthErrorInfo **error) {
  if (strcmp (name, "hang") == 0)
    be_stuck ();
  if (g_str_has_prefix (name, "status-"))
    return refuse (error, (uint32_t)strtoul (name + 7, NULL, 16));
  if (strcmp (name, "postern-nobody") == 0)
    return refuse (error, 0xc0000064);
  return right ? WBC_ERR_SUCCESS : refuse (error, 0xc000006a);
}

wbcErr
wbcCtxAuthenticateUserEx (struct wbcContext *context, const struct wbcAuthUserParams *params,
                          struct wbcAuthUserInfo **info, struct wbcAuthErrorInfo **error) {
  g_autofree char *whole = g_strconcat (params->domain_name, "\\", params->account_name, NULL);
  context->down = strcmp (params->workstation_name, "down") == 0;
  if (context->down || strcmp (params->workstation_name, "denied") == 0)
    return WBC_ERR_WINBIND_NOT_AVAILABLE;
  if (g_str_has_prefix (params->workstation_name, "ask=")
      && strcmp (params->workstation_name + 4, whole) != 0)
    return refuse (error, 0xc000006a);
  const gboolean right =
      params->password.response.nt_length > 0 && params->password.response.nt_data[0] == 'r';
  const wbcErr judged = judge (params->account_name, right, error);
  if (judged == WBC_ERR_SUCCESS) {
    *info = g_new0 (struct wbcAuthUserInfo, 1);
    fill (*info, params->account_name);
  }
  return judged;
}

wbcErr
wbcCtxLogonUser (struct wbcContext *context, const struct wbcLogonUserParams *params,
                 struct wbcLogonUserInfo **info, struct wbcAuthErrorInfo **error,
                 struct wbcUserPasswordPolicyInfo **policy) {
  const char *slash = strchr (params->username, '\\');
  const char *name = slash ? slash + 1 : params->username;
  const wbcErr judged = judge (name, strcmp (params->password, "right") == 0, error);
  if (judged != WBC_ERR_SUCCESS)
    return judged;
  struct {
    struct wbcLogonUserInfo logon;
    struct wbcAuthUserInfo info;
  } *both = g_malloc0 (sizeof *both);
  fill (&both->info, name);
  both->logon.info = &both->info;
  *info = &both->logon;
  return WBC_ERR_SUCCESS;
}
