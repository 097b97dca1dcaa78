/* SPDX-License-Identifier: Apache-2.0 */
/* watch.c - see watch.h.  Now and then the directory is asked again whether the delegate may still
 * open the mailbox; what `posternctl delegate` gives counts as at the login.
 *
 * The watch is counted: the session has a reference, and so has the task that asks.  Which of the two
 * is still there stands under auth->watching. */
#include "watch.h"
#include "authorize.h"
#include "policy.h"

#include <string.h>

struct watch {
  gint references;
  struct auth *auth;
  struct ptn_task *session; /* NULL: it is over; auth->watching */
  struct ptn_task *task;    /* NULL: it is over; auth->watching */
  size_t at;                /* directory */
  ptn_access access;        /* at the login */
  struct ptn_sasl_request request;
  char *service, *server_name, *user, *mailbox, *authzid, *domain;
  char *user_id; /* as an attribute */
  const char *attributes[1];
  gint64 next_ns;
  bool asking;
  struct attempt attempt; /* while asking */
  struct authorization authorization;
};

static void
watch_unref (struct watch *watch) {
  if (!g_atomic_int_dec_and_test (&watch->references))
    return;
  g_free (watch->service);
  g_free (watch->server_name);
  g_free (watch->user);
  g_free (watch->mailbox);
  g_free (watch->authzid);
  g_free (watch->domain);
  g_free (watch->user_id);
  g_free (watch);
}

/* ---- Asking ------------------------------------------------------------------------------ */

static void
begin (struct watch *watch) {
  attempt_init (&watch->attempt, watch->auth, &watch->request);
  watch->attempt.at = watch->at;
  watch->attempt.identity = (struct ptn_identity){
    .size = sizeof watch->attempt.identity,
    .authcid = watch->user,
    .authzid = watch->authzid,
    .domain = watch->domain,
    .account = watch->mailbox,
    .attributes = { watch->attributes, 1 },
  };
  watch->authorization = (struct authorization){ .asked = false };
  watch->asking = true;
}

static void
end (struct watch *watch) {
  if (!watch->asking)
    return;
  authorization_clear (&watch->authorization, watch->auth->host);
  attempt_clear (&watch->attempt);
  watch->asking = false;
}

/* The session ends as at a stop of the server. */
static void
cut (struct watch *watch, const char *reason) {
  const struct ptn_host *host = watch->auth->host;
  const struct ptn_field fields[] = { { "reason", reason ? reason : "no longer as much as before" },
                                      { "user", watch->user },
                                      { "account", watch->mailbox },
                                      { "service", watch->service } };
  pthread_mutex_lock (&watch->auth->watching);
  if (watch->session) {
    host->log (host, PTN_LOG_NOTICE, NULL, "login.revoked", fields, G_N_ELEMENTS (fields));
    host->cancel (watch->session);
  }
  pthread_mutex_unlock (&watch->auth->watching);
}

static void
wait_for_next (struct watch *watch, struct ptn_task *task) {
  const struct ptn_host *host = watch->auth->host;
  host->wake_at (host->waker (task), watch->next_ns);
}

static ptn_status
watch_step (void *argument, struct ptn_task *task) {
  struct watch *watch = argument;
  const struct ptn_host *host = watch->auth->host;
  if (host->cancelled (task)) {
    end (watch);
    return PTN_END;
  }
  if (host->monotonic_ns () < watch->next_ns) {
    wait_for_next (watch, task);
    return PTN_PENDING;
  }
  if (!watch->asking)
    begin (watch);
  const ptn_status status = authorize (&watch->authorization, &watch->attempt, task);
  if (status == PTN_PENDING)
    return status;
  const bool allowed = status == PTN_OK && watch->attempt.identity.access >= watch->access;
  if (!allowed && status != PTN_E_TEMPORARY) {
    cut (watch, status == PTN_OK ? NULL : watch->attempt.reason);
    end (watch);
    return PTN_END;
  }
  const gint64 every_ns = watch->attempt.roster->recheck_ns;
  end (watch);
  if (every_ns <= 0)
    return PTN_END;
  watch->next_ns = host->monotonic_ns () + every_ns;
  wait_for_next (watch, task);
  return PTN_PENDING;
}

static void
watch_done (void *argument) {
  struct watch *watch = argument;
  struct auth *auth = watch->auth;
  pthread_mutex_lock (&auth->watching);
  watch->task = NULL;
  watch_unref (watch);
  if (--auth->watches == 0)
    pthread_cond_broadcast (&auth->unwatched);
  pthread_mutex_unlock (&auth->watching);
}

/* ---- The session's ----------------------------------------------------------------------- */

static struct watch *
describe (const struct attempt *attempt, struct ptn_task *session) {
  const struct ptn_identity *identity = &attempt->identity;
  struct watch *watch = g_new0 (struct watch, 1);
  watch->references = 1;
  watch->auth = attempt->auth;
  watch->session = session;
  watch->at = attempt->at;
  watch->access = identity->access;
  watch->service = g_strdup (attempt->request->service);
  watch->server_name = g_strdup (attempt->request->server_name);
  watch->request = (struct ptn_sasl_request){ .size = sizeof watch->request,
                                              .service = watch->service,
                                              .server_name = watch->server_name,
                                              .listener = "",
                                              .session_id = "" };
  watch->user = g_strdup (identity->authcid);
  watch->mailbox = g_strdup (identity->account);
  watch->authzid = g_strdup (identity->authzid);
  watch->domain = g_strdup (identity->domain);
  watch->user_id = g_strconcat ("account.id=", attempt->user_id ? attempt->user_id : "", NULL);
  watch->attributes[0] = watch->user_id;
  watch->next_ns = attempt->auth->host->monotonic_ns () + attempt->roster->recheck_ns;
  return watch;
}

struct watch *
watch_new (const struct attempt *attempt, struct ptn_task *session) {
  struct auth *auth = attempt->auth;
  const struct ptn_host *host = auth->host;
  if (strcmp (attempt->identity.authcid, attempt->identity.account) == 0
      || attempt->roster->recheck_ns <= 0)
    return NULL;
  struct watch *watch = describe (attempt, session);
  pthread_mutex_lock (&auth->watching); /* the task does not end before it is known */
  watch->references++;
  auth->watches++;
  if (host->spawn (host, "login-watch", watch_step, watch_done, watch, &watch->task) != PTN_OK) {
    watch->task = NULL;
    watch->references--;
    auth->watches--;
  }
  pthread_mutex_unlock (&auth->watching);
  return watch;
}

void
watch_end (struct watch *watch) {
  if (!watch)
    return;
  struct auth *auth = watch->auth;
  pthread_mutex_lock (&auth->watching);
  watch->session = NULL;
  if (watch->task)
    auth->host->cancel (watch->task);
  pthread_mutex_unlock (&auth->watching);
  watch_unref (watch);
}

void
watch_wait (struct auth *auth) {
  pthread_mutex_lock (&auth->watching);
  while (auth->watches)
    pthread_cond_wait (&auth->unwatched, &auth->watching);
  pthread_mutex_unlock (&auth->watching);
}
