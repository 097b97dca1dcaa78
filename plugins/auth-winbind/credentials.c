/* SPDX-License-Identifier: Apache-2.0 */
/* credentials.c - "postern.credentials/1": passwords and NTLM responses, asked of winbindd.
 *
 * Called in tasks, on any worker.  A question goes to the lane "winbind" as a job that owns all it
 * touches: the session may go away, and it does not wait for ever. */
#include "winbind.h"

#include <string.h>

/* So many questions without an answer in time, and no more are asked until one of them is. */
#define STUCK_LIMIT 2

typedef enum { JOB_RUNNING, JOB_DONE, JOB_GIVEN_UP } job_state;

struct job {
  gint references; /* the call's and the lane's */
  gint state;      /* job_state */
  struct settings *settings;
  const struct ptn_host *host;
  struct question question; /* leads into the members below */
  struct verdict verdict;
  gint64 asked_ns, answered_ns;
  bool delayed; /* a refusal waits for its time; the task's */
  char *user, *domain, *client_user, *client_domain, *workstation;
  char *password;
  size_t password_size;
  GBytes *lm, *nt;
};

static void
job_unref (void *data) {
  struct job *job = data;
  if (!g_atomic_int_dec_and_test (&job->references))
    return;
  settings_unref (job->settings);
  if (job->password)
    explicit_bzero (job->password, job->password_size);
  g_free (job->password);
  g_free (job->user);
  g_free (job->domain);
  g_free (job->client_user);
  g_free (job->client_domain);
  g_free (job->workstation);
  g_clear_pointer (&job->lm, g_bytes_unref);
  g_clear_pointer (&job->nt, g_bytes_unref);
  explicit_bzero (&job->verdict, sizeof job->verdict);
  g_free (job);
}

static void
job_work (void *data) {
  struct job *job = data;
  if (g_atomic_int_get (&job->references) > 1) /* else nobody waits: winbindd may be slow enough */
    link_ask (job->settings->link, &job->question, &job->verdict);
  job->answered_ns = job->host->monotonic_ns ();
  if (!g_atomic_int_compare_and_exchange (&job->state, JOB_RUNNING, JOB_DONE))
    g_atomic_int_add (&job->settings->stuck, -1);
}

/* ---- Asking ------------------------------------------------------------------------------ */

static struct job *
job_new (struct winbind *winbind, const char *domain, const char *user) {
  struct job *job = g_new0 (struct job, 1);
  job->references = 2;
  job->settings = winbind_settings (winbind);
  job->host = winbind->host;
  job->user = g_strdup (user);
  job->domain = g_strdup (domain ? domain : "");
  job->question.user = job->user;
  job->question.domain = job->domain;
  return job;
}

static void
job_abort (struct job *job) {
  job_unref (job);
  job_unref (job);
}

static ptn_status
start_job (struct winbind *winbind, struct ptn_call *call, struct job *job) {
  const struct ptn_host *host = winbind->host;
  if (g_atomic_int_get (&job->settings->stuck) >= STUCK_LIMIT) {
    job_abort (job);
    return host->fail (call->task, PTN_E_TEMPORARY, NULL, "winbindd does not answer");
  }
  job->asked_ns = host->monotonic_ns ();
  if (host->offload (call->task, LANE, job_work, job_unref, job) != PTN_OK) {
    job_abort (job);
    return host->fail (call->task, PTN_E_TEMPORARY, NULL, "the lane of winbind is full");
  }
  host->wake_at (host->waker (call->task), job->asked_ns + job->settings->timeout_ns);
  call->state = job;
  call->cancel = call->release = job_unref;
  return PTN_PENDING;
}

/* ---- The answer -------------------------------------------------------------------------- */

/* Told once, when it begins and when it is over. */
static void
note_state (struct winbind *winbind, struct ptn_task *task, ptn_status status, const char *text) {
  const struct ptn_host *host = winbind->host;
  const gint down = status == PTN_E_TEMPORARY;
  if (!g_atomic_int_compare_and_exchange (&winbind->down, !down, down))
    return;
  const struct ptn_field fields[] = { { "text", text } };
  if (down)
    host->log (host, PTN_LOG_ERROR, task, "winbind.down", fields, 1);
  else
    host->log (host, PTN_LOG_NOTICE, task, "winbind.up", NULL, 0);
}

static ptn_status
drop_job (struct ptn_call *call, ptn_status status) {
  struct job *job = call->state;
  call->state = NULL;
  call->cancel = call->release = NULL;
  job_unref (job);
  return status;
}

static ptn_status
give_up (struct winbind *winbind, struct ptn_call *call) {
  static const char text[] = "winbindd does not answer in time";
  winbind->host->observe (winbind->timeouts, 1);
  note_state (winbind, call->task, PTN_E_TEMPORARY, text);
  winbind->host->fail (call->task, PTN_E_TEMPORARY, NULL, "%s", text);
  return drop_job (call, PTN_E_TEMPORARY);
}

/* PENDING: it is not there yet, or a refusal has to wait. */
static ptn_status
await (struct winbind *winbind, struct ptn_call *call) {
  struct job *job = call->state;
  const struct ptn_host *host = winbind->host;
  const gint64 now_ns = host->monotonic_ns ();
  if (g_atomic_int_get (&job->state) != JOB_DONE) {
    if (now_ns < job->asked_ns + job->settings->timeout_ns)
      return PTN_PENDING;
    g_atomic_int_inc (&job->settings->stuck);
    if (g_atomic_int_compare_and_exchange (&job->state, JOB_RUNNING, JOB_GIVEN_UP))
      return give_up (winbind, call);
    g_atomic_int_add (&job->settings->stuck, -1); /* just now, after all */
  }
  const ptn_status status = job->verdict.status;
  const gint64 due_ns = job->asked_ns + job->settings->refusal_ns;
  if (status == PTN_OK || status == PTN_E_TEMPORARY || now_ns >= due_ns)
    return PTN_OK;
  if (!job->delayed)
    host->wake_at (host->waker (call->task), due_ns);
  job->delayed = true;
  return PTN_PENDING;
}

static ptn_status
finish_job (struct winbind *winbind, struct ptn_call *call, struct ptn_ntlm_proof *proof) {
  struct job *job = call->state;
  const struct ptn_host *host = winbind->host;
  const ptn_status awaited = await (winbind, call);
  if (awaited != PTN_OK)
    return awaited;
  host->observe (winbind->answers, (job->answered_ns - job->asked_ns) / 1000);
  note_state (winbind, call->task, job->verdict.status, job->verdict.text);
  ptn_status status = job->verdict.status;
  if (!job->user && status != PTN_E_TEMPORARY)
    status = host->fail (call->task, PTN_E_AUTHENTICATION, NULL, "unknown user");
  else if (status != PTN_OK)
    status = host->fail (call->task, status, NULL, "%s", job->verdict.text);
  else if (proof) {
    memcpy (proof->session_base_key, job->verdict.session_key, sizeof proof->session_base_key);
    proof->has_session_base_key = 1;
  }
  return drop_job (call, status);
}

/* ---- The table --------------------------------------------------------------------------- */

static ptn_status
verify_password (void *instance, struct ptn_call *call, const struct ptn_sasl_request *request,
                 const char *domain, const char *user, struct ptn_bytes password) {
  struct winbind *winbind = instance;
  if (call->state)
    return finish_job (winbind, call, NULL);
  if (password.size == 0 || memchr (password.data, '\0', password.size))
    return winbind->host->fail (call->task, PTN_E_AUTHENTICATION, NULL,
                                "empty password, or one with a NUL");
  struct job *job = job_new (winbind, domain, user);
  job->password_size = password.size;
  job->password = g_strndup (password.data, password.size);
  job->question.password = job->password;
  return start_job (winbind, call, job);
}

static struct ptn_bytes
keep (struct ptn_bytes octets, GBytes **kept) {
  *kept = g_bytes_new (octets.data, octets.size);
  gsize size;
  const void *data = g_bytes_get_data (*kept, &size);
  return (struct ptn_bytes){ data, size };
}

static ptn_status
verify_ntlm (void *instance, struct ptn_call *call, const struct ptn_sasl_request *request,
             const char *domain, const char *user, const struct ptn_ntlm_response *response,
             struct ptn_ntlm_proof *proof) {
  struct winbind *winbind = instance;
  if (call->state)
    return finish_job (winbind, call, proof);
  if (response->challenge.size != 8)
    return winbind->host->fail (call->task, PTN_E_INVALID, NULL, "no challenge of 8 octets");
  struct job *job = job_new (winbind, domain, user);
  struct question *question = &job->question;
  question->client_user = job->client_user = g_strdup (response->user);
  question->client_domain = job->client_domain = g_strdup (response->domain);
  question->workstation = job->workstation = g_strdup (response->workstation);
  memcpy (question->challenge, response->challenge.data, 8);
  question->lm = keep (response->lm, &job->lm);
  question->nt = keep (response->nt, &job->nt);
  return start_job (winbind, call, job);
}

const struct ptn_credentials winbind_credentials = {
  .size = sizeof winbind_credentials,
  .flags = PTN_CREDENTIALS_SLOW,
  .schemes = "NTLM",
  .verify_password = verify_password,
  .verify_ntlm = verify_ntlm,
};
