/* SPDX-License-Identifier: Apache-2.0 */
/* pam_parrot.c - a PAM module for tests: does what the password says.
 *
 *   right          lets in
 *   auth:N         authentication gives N; the error message says PAM_RHOST and PAM_TTY
 *   acct:N         authentication lets in, account management gives N
 *   delay          a wrong password, with a wish for ten seconds of delay
 *   twice, loud    asks for something more; asks with echo
 *   other          lets in, and says that the user is somebody else
 * The user whose name is "silent" is let in unasked. */
#define PAM_SM_AUTH
#define PAM_SM_ACCOUNT
#include <security/pam_ext.h>
#include <security/pam_modules.h>
#include <stdlib.h>
#include <string.h>

static int
wanted (const char *password, const char *prefix) {
  const size_t length = strlen (prefix);
  return password && strncmp (password, prefix, length) == 0 ? atoi (password + length) : 0;
}

static int
follow (pam_handle_t *pam, const char *password) {
  const void *rhost = NULL, *tty = NULL;
  char *more = NULL;
  if (strncmp (password, "auth:", 5) == 0) {
    pam_get_item (pam, PAM_RHOST, &rhost);
    pam_get_item (pam, PAM_TTY, &tty);
    pam_error (pam, "from %s over %s", rhost ? (const char *)rhost : "nowhere", (const char *)tty);
    return wanted (password, "auth:");
  }
  if (strcmp (password, "delay") == 0)
    return pam_fail_delay (pam, 10000000), PAM_AUTH_ERR;
  if (strcmp (password, "twice") == 0)
    return pam_prompt (pam, PAM_PROMPT_ECHO_OFF, &more, "Code: ");
  if (strcmp (password, "loud") == 0)
    return pam_prompt (pam, PAM_PROMPT_ECHO_ON, &more, "Code: ");
  if (strcmp (password, "other") == 0)
    return pam_set_item (pam, PAM_USER, "root");
  return strcmp (password, "right") == 0 || strncmp (password, "acct:", 5) == 0 ? PAM_SUCCESS
                                                                                : PAM_AUTH_ERR;
}

int
pam_sm_authenticate (pam_handle_t *pam, int flags, int argc, const char **argv) {
  const char *user = NULL, *password = NULL;
  if (pam_get_user (pam, &user, NULL) != PAM_SUCCESS)
    return PAM_SYSTEM_ERR;
  if (strcmp (user, "silent") == 0)
    return PAM_SUCCESS;
  const int status = pam_get_authtok (pam, PAM_AUTHTOK, &password, NULL);
  pam_set_data (pam, "parrot", (void *)(long)wanted (password, "acct:"), NULL);
  return status == PAM_SUCCESS ? follow (pam, password) : status;
}

int
pam_sm_setcred (pam_handle_t *pam, int flags, int argc, const char **argv) {
  return PAM_SUCCESS;
}

int
pam_sm_acct_mgmt (pam_handle_t *pam, int flags, int argc, const char **argv) {
  const void *code = NULL;
  return pam_get_data (pam, "parrot", &code) == PAM_SUCCESS ? (int)(long)code : PAM_SUCCESS;
}
