/* SPDX-License-Identifier: Apache-2.0 */
/* link.c - see link.h.  A context of libwbclient is a connection, and belongs to one thread as long
 * as it asks. */
#include "link.h"

#include <glib.h>
#include <pthread.h>
#include <string.h>

#define KEPT 8 /* idle connections */

struct link {
  gint references;
  char *domain;         /* configured, or NULL */
  pthread_mutex_t lock; /* of all below */
  struct wbcContext *idle[KEPT];
  size_t idle_count;
  struct wbcInterfaceDetails *details; /* once it told them; they stay */
};

struct link *
link_new (const char *domain) {
  struct link *link = g_new0 (struct link, 1);
  link->references = 1;
  link->domain = g_strdup (domain);
  pthread_mutex_init (&link->lock, NULL);
  return link;
}

struct link *
link_ref (struct link *link) {
  g_atomic_int_inc (&link->references);
  return link;
}

void
link_unref (struct link *link) {
  if (!g_atomic_int_dec_and_test (&link->references))
    return;
  for (size_t i = 0; i < link->idle_count; i++)
    wbcCtxFree (link->idle[i]);
  wbcFreeMemory (link->details);
  pthread_mutex_destroy (&link->lock);
  g_free (link->domain);
  g_free (link);
}

static struct wbcContext *
take (struct link *link) {
  struct wbcContext *context = NULL;
  pthread_mutex_lock (&link->lock);
  if (link->idle_count > 0)
    context = link->idle[--link->idle_count];
  pthread_mutex_unlock (&link->lock);
  return context ? context : wbcCtxCreate ();
}

static void
give_back (struct link *link, struct wbcContext *context, bool sound) {
  pthread_mutex_lock (&link->lock);
  if (sound && link->idle_count < KEPT) {
    link->idle[link->idle_count++] = context;
    context = NULL;
  }
  pthread_mutex_unlock (&link->lock);
  if (context)
    wbcCtxFree (context);
}

/* ---- Whom we ask about ------------------------------------------------------------------- */

/* Nobody has it: the question that is asked for names that no directory knows. */
static const char nobody[] = "postern-nobody";

/* What winbindd says of itself, asked for once. */
static wbcErr
find_details (struct link *link, struct wbcContext *context,
              const struct wbcInterfaceDetails **found) {
  struct wbcInterfaceDetails *fresh = NULL;
  pthread_mutex_lock (&link->lock);
  *found = link->details;
  pthread_mutex_unlock (&link->lock);
  if (*found)
    return WBC_ERR_SUCCESS;
  const wbcErr error = wbcCtxInterfaceDetails (context, &fresh);
  if (error != WBC_ERR_SUCCESS)
    return error;
  pthread_mutex_lock (&link->lock);
  if (!link->details)
    link->details = g_steal_pointer (&fresh);
  *found = link->details;
  pthread_mutex_unlock (&link->lock);
  wbcFreeMemory (fresh);
  return WBC_ERR_SUCCESS;
}

/* The names that go with the question. */
struct names {
  const struct wbcInterfaceDetails *details;
  struct expected expected;
};

/* A domain that the directory gave in DNS form is our own, or that of who is proved. */
static wbcErr
find_names (struct link *link, struct wbcContext *context, const struct question *question,
            struct names *names) {
  const wbcErr error = find_details (link, context, &names->details);
  if (error != WBC_ERR_SUCCESS)
    return error;
  const char *own = link->domain ? link->domain : names->details->netbios_domain;
  const char *dns = names->details->dns_domain;
  const bool is_dns = strchr (question->domain, '.') != NULL;
  const bool is_own =
      !*question->domain || (is_dns && dns && g_ascii_strcasecmp (question->domain, dns) == 0);
  names->expected = (struct expected){
    .user = question->user ? question->user : nobody,
    .nt_domain = is_own   ? (own ? own : "")
                 : is_dns ? ""
                          : question->domain,
    .dns_domain = is_dns ? question->domain : "",
  };
  return WBC_ERR_SUCCESS;
}

/* ---- The two questions ------------------------------------------------------------------- */

/* NTLMv2 is computed over the client's own words, so those are what the controller must get.  The
 * older responses are not, and then the directory's are better: clients send workstations as
 * domain, and aliases. */
static wbcErr
ask_response (struct wbcContext *context, const struct question *question,
              const struct names *names, struct wbcAuthUserInfo **info,
              struct wbcAuthErrorInfo **refusal) {
  const bool own_words = question->nt.size > 24 && question->user;
  const char *domain = names->expected.nt_domain;
  struct wbcAuthUserParams params = {
    .account_name = own_words ? question->client_user : names->expected.user,
    .domain_name = own_words && *question->client_domain ? question->client_domain
                   : *domain                             ? domain
                                                         : names->expected.dns_domain,
    .workstation_name = question->workstation,
    .level = WBC_AUTH_USER_LEVEL_RESPONSE,
    .password.response = {
      .nt_length = (uint32_t)question->nt.size,
      .nt_data = (uint8_t *)question->nt.data,
      .lm_length = (uint32_t)question->lm.size,
      .lm_data = (uint8_t *)question->lm.data,
    },
  };
  memcpy (params.password.response.challenge, question->challenge, 8);
  return wbcCtxAuthenticateUserEx (context, &params, info, refusal);
}

/* WBFLAG_PAM_INFO3_TEXT of Samba's protocol: tell who was proved. */
#define FLAG_TELL_WHO 0x00000020u

static wbcErr
ask_password (struct wbcContext *context, const struct question *question,
              const struct names *names, struct wbcLogonUserInfo **info,
              struct wbcAuthErrorInfo **refusal) {
  const struct expected *expected = &names->expected;
  const char separator[] = { names->details->winbind_separator, '\0' };
  const char *domain = *expected->nt_domain ? expected->nt_domain : expected->dns_domain;
  g_autofree char *name = strchr (expected->user, '@')
                              ? g_strdup (expected->user)
                              : g_strconcat (domain, separator, expected->user, NULL);
  uint32_t flags = FLAG_TELL_WHO;
  struct wbcNamedBlob blob = { .name = "flags",
                               .blob = { .data = (uint8_t *)&flags, .length = sizeof flags } };
  const struct wbcLogonUserParams params = {
    .username = name, .password = question->password, .num_blobs = 1, .blobs = &blob
  };
  return wbcCtxLogonUser (context, &params, info, refusal, NULL);
}

static wbcErr
ask (struct wbcContext *context, const struct question *question, const struct names *names,
     struct verdict *verdict) {
  struct wbcAuthErrorInfo *refusal = NULL;
  struct wbcAuthUserInfo *info = NULL;
  struct wbcLogonUserInfo *logon = NULL;
  const wbcErr error = question->password
                           ? ask_password (context, question, names, &logon, &refusal)
                           : ask_response (context, question, names, &info, &refusal);
  if (error == WBC_ERR_SUCCESS && logon)
    info = logon->info;
  /* How libwbclient says that it could not enter the directory of the privileged pipe. */
  const bool denied = error == WBC_ERR_WINBIND_NOT_AVAILABLE && !question->password
                      && wbcCtxPing (context) == WBC_ERR_SUCCESS;
  if (error == WBC_ERR_SUCCESS && info)
    verdict_of_info (info, &names->expected, verdict);
  else if (error == WBC_ERR_AUTH_ERROR && refusal)
    verdict_of_nt_status (refusal->nt_status, verdict);
  else if (denied)
    verdict_of_nt_status (VERDICT_ACCESS_DENIED, verdict);
  else
    verdict_of_error (error == WBC_ERR_SUCCESS ? WBC_ERR_INVALID_RESPONSE : error, verdict);
  if (info)
    explicit_bzero (info->user_session_key, sizeof info->user_session_key);
  wbcFreeMemory (logon ? (void *)logon : (void *)info);
  wbcFreeMemory (refusal);
  return error;
}

void
link_ask (struct link *link, const struct question *question, struct verdict *verdict) {
  struct names names = { 0 };
  struct wbcContext *context = take (link);
  if (!context) {
    verdict_of_error (WBC_ERR_NO_MEMORY, verdict);
    return;
  }
  wbcErr error = find_names (link, context, question, &names);
  if (error == WBC_ERR_SUCCESS)
    error = ask (context, question, &names, verdict);
  else
    verdict_of_error (error, verdict);
  give_back (link, context, error == WBC_ERR_SUCCESS || error == WBC_ERR_AUTH_ERROR);
}
