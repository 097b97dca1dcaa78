/* SPDX-License-Identifier: Apache-2.0 */
/* check.c - see check.h. */
#include "check.h"

#include <security/pam_appl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- The conversation -------------------------------------------------------------------- */

struct talk {
  const char *password;
  bool told;                   /* the password, once */
  bool more;                   /* something else was asked for: a code, another password */
  char text[CHECK_REASON / 2]; /* the last error message */
};

static void
drop (struct pam_response *replies, int count) {
  for (int i = 0; i < count; i++)
    if (replies[i].resp) {
      explicit_bzero (replies[i].resp, strlen (replies[i].resp));
      free (replies[i].resp);
    }
  free (replies);
}

/* Only the first prompt without echo is answered: it asks for the password. */
static int
reply_to (struct talk *talk, const struct pam_message *message, struct pam_response *reply) {
  switch (message->msg_style) {
  case PAM_PROMPT_ECHO_OFF:
    if (talk->told)
      break;
    talk->told = true;
    reply->resp = strdup (talk->password); /* PAM wipes and frees it */
    return reply->resp ? PAM_SUCCESS : PAM_BUF_ERR;
  case PAM_ERROR_MSG:
    snprintf (talk->text, sizeof talk->text, "%s", message->msg ? message->msg : "");
    return PAM_SUCCESS;
  case PAM_TEXT_INFO:
    return PAM_SUCCESS;
  }
  talk->more = true;
  return PAM_CONV_ERR;
}

static int
converse (int count, const struct pam_message **messages, struct pam_response **replies,
          void *data) {
  if (count <= 0 || count > PAM_MAX_NUM_MSG)
    return PAM_CONV_ERR;
  struct pam_response *made = calloc ((size_t)count, sizeof *made);
  int status = made ? PAM_SUCCESS : PAM_BUF_ERR;
  for (int i = 0; status == PAM_SUCCESS && i < count; i++)
    status = reply_to (data, messages[i], &made[i]);
  if (status != PAM_SUCCESS && made)
    drop (made, count);
  *replies = status == PAM_SUCCESS ? made : NULL;
  return status;
}

/* The auth plugin makes those who fail wait, without holding a thread. */
static void
no_delay (int status, unsigned microseconds, void *data) {
}

/* ---- What PAM says ----------------------------------------------------------------------- */

struct meaning {
  int code;
  ptn_status status;
  const char *text;
};

/* Before the password was proved nothing is told of the account. */
static const struct meaning authentication[] = {
  { PAM_AUTH_ERR, PTN_E_AUTHENTICATION, "wrong password" },
  { PAM_USER_UNKNOWN, PTN_E_NOT_FOUND, "unknown to PAM" },
  { PAM_MAXTRIES, PTN_E_AUTHENTICATION, "PAM allows no more tries" },
  { PAM_PERM_DENIED, PTN_E_AUTHENTICATION, "refused by PAM" },
  { PAM_ACCT_EXPIRED, PTN_E_AUTHENTICATION, "account has expired" },
  { PAM_NEW_AUTHTOK_REQD, PTN_E_AUTHENTICATION, "password must be changed, and was not proved" },
  { PAM_CRED_EXPIRED, PTN_E_AUTHENTICATION, "password has expired, and was not proved" },
};
static const struct meaning management[] = {
  { PAM_ACCT_EXPIRED, PTN_E_DISABLED, "account has expired" },
  { PAM_PERM_DENIED, PTN_E_DISABLED, "access is denied by PAM" },
  { PAM_AUTH_ERR, PTN_E_DISABLED, "account is refused by PAM" },
  { PAM_USER_UNKNOWN, PTN_E_DISABLED, "account is unknown to PAM" },
  { PAM_NEW_AUTHTOK_REQD, PTN_E_PASSWORD_EXPIRED, "password must be changed" },
  { PAM_CRED_EXPIRED, PTN_E_PASSWORD_EXPIRED, "password has expired" },
  { PAM_AUTHTOK_EXPIRED, PTN_E_PASSWORD_EXPIRED, "password has expired" },
};

static void
judge (struct check *check, pam_handle_t *pam, int code, const struct meaning *meanings,
       size_t count, const struct talk *talk) {
  const char *text = NULL;
  check->status = PTN_E_TEMPORARY;
  for (size_t i = 0; i < count; i++)
    if (meanings[i].code == code) {
      check->status = meanings[i].status;
      text = meanings[i].text;
    }
  if (talk->more) {
    check->status = PTN_E_TEMPORARY;
    text = "PAM asks for more than a password";
  }
  check->broken = check->status == PTN_E_TEMPORARY;
  if (!text)
    text = pam_strerror (pam, code);
  snprintf (check->reason, sizeof check->reason, "%s%s%s", text, *talk->text ? ": " : "",
            talk->text);
}

/* A module may say that the user is somebody else. */
static bool
is_same_user (pam_handle_t *pam, const char *user) {
  const void *now = NULL;
  return pam_get_item (pam, PAM_USER, &now) == PAM_SUCCESS && now && strcmp (now, user) == 0;
}

static void
set_items (const struct check *check, pam_handle_t *pam) {
  if (*check->peer && strcmp (check->peer, "unix") != 0)
    pam_set_item (pam, PAM_RHOST, check->peer);
  pam_set_item (pam, PAM_TTY, check->service);
#ifdef PAM_FAIL_DELAY
  void (*delay) (int, unsigned, void *) = no_delay;
  const void *item;
  memcpy (&item, &delay, sizeof item);
  pam_set_item (pam, PAM_FAIL_DELAY, item);
#endif
}

void
check_run (struct check *check) {
  const struct rules *rules = check->rules;
  struct talk talk = { .password = check->password };
  const struct pam_conv conversation = { converse, &talk };
  pam_handle_t *pam = NULL;
  check->status = PTN_OK;
  int code = rules->service_directory
                 ? pam_start_confdir (rules->service, check->user, &conversation,
                                      rules->service_directory, &pam)
                 : pam_start (rules->service, check->user, &conversation, &pam);
  if (code != PAM_SUCCESS) {
    judge (check, pam, code, NULL, 0, &talk);
    return;
  }
  set_items (check, pam);
  code = pam_authenticate (pam, PAM_SILENT | PAM_DISALLOW_NULL_AUTHTOK);
  if (code != PAM_SUCCESS)
    judge (check, pam, code, authentication, G_N_ELEMENTS (authentication), &talk);
  else if (!talk.told) {
    check->status = PTN_E_AUTHENTICATION; /* pam_permit, rhosts: that proves nothing to us */
    snprintf (check->reason, sizeof check->reason, "PAM did not ask for the password");
    check->broken = true;
  } else if (!is_same_user (pam, check->user)) {
    check->status = PTN_E_AUTHENTICATION;
    snprintf (check->reason, sizeof check->reason, "PAM took the user for somebody else");
  } else {
    code = pam_acct_mgmt (pam, PAM_SILENT | PAM_DISALLOW_NULL_AUTHTOK);
    if (code != PAM_SUCCESS)
      judge (check, pam, code, management, G_N_ELEMENTS (management), &talk);
  }
  pam_end (pam, code);
}
