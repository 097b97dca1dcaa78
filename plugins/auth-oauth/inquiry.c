/* SPDX-License-Identifier: Apache-2.0 */
/* inquiry.c - see inquiry.h. */
#include "inquiry.h"

#include "json.h"
#include "message.h"

#include <string.h>

#define ANSWER_LIMIT (64 * 1024)

struct inquiry {
  gint references; /* the exchange's and the lane's */
  gint done;
  struct oauth *oauth;
  struct rules *rules;
  json_t *claims; /* the answer; NULL: none came */
  char error[256];
  size_t size;
  char token[]; /* `size` octets */
};

static void
inquiry_unref (void *data) {
  struct inquiry *inquiry = data;
  if (!g_atomic_int_dec_and_test (&inquiry->references))
    return;
  json_decref (inquiry->claims);
  rules_unref (inquiry->rules);
  explicit_bzero (inquiry->token, inquiry->size);
  g_free (inquiry);
}

void
inquiry_end (struct inquiry **inquiry) {
  g_clear_pointer (inquiry, inquiry_unref);
}

/* ---- In the lane ------------------------------------------------------------------------- */

static void
ask (struct inquiry *inquiry) {
  struct oauth *oauth = inquiry->oauth;
  const char *url = inquiry->rules->introspection_url;
  struct fetch_answer answer;
  char *escaped = fetch_escape ((struct ptn_bytes){ inquiry->token, inquiry->size });
  char *form = g_strconcat ("token=", escaped, "&token_type_hint=access_token", NULL);
  if (fetch (oauth->pool, inquiry->rules, url, form, ANSWER_LIMIT, &answer)) {
    inquiry->claims = json_of ((struct ptn_bytes){ answer.text, answer.size });
    if (!inquiry->claims)
      g_strlcpy (answer.error, "the answer is no JSON object", sizeof answer.error);
  }
  g_strlcpy (inquiry->error, answer.error, sizeof inquiry->error);
  oauth->host->observe (oauth->requests, 1);
  oauth_asked (oauth, inquiry->claims || answer.refused, url, answer.error);
  explicit_bzero (escaped, strlen (escaped));
  explicit_bzero (form, strlen (form));
  g_free (escaped);
  g_free (form);
  fetch_clear (&answer);
}

static void
inquiry_work (void *data) {
  struct inquiry *inquiry = data;
  /* While this one waited in the queue the issuer may have gone away. */
  if (oauth_may_ask (inquiry->oauth))
    ask (inquiry);
  else
    g_strlcpy (inquiry->error, "it did not answer lately", sizeof inquiry->error);
  g_atomic_int_set (&inquiry->done, 1);
}

/* ---- In the task ------------------------------------------------------------------------- */

static ptn_status
start (struct inquiry **result, struct oauth *oauth, struct ptn_task *task, struct rules *rules,
       struct ptn_bytes token) {
  const struct ptn_host *host = oauth->host;
  if (!oauth_may_ask (oauth))
    return host->fail (task, PTN_E_TEMPORARY, NULL, "the issuer did not answer lately");
  struct inquiry *inquiry = g_malloc0 (sizeof *inquiry + token.size);
  inquiry->references = 2;
  inquiry->oauth = oauth;
  inquiry->rules = rules_ref (rules);
  inquiry->size = token.size;
  memcpy (inquiry->token, token.data, token.size);
  if (oauth_offload (oauth, task, OAUTH_LANE, inquiry_work, inquiry_unref, inquiry) != PTN_OK) {
    inquiry_unref (inquiry);
    return host->fail (task, PTN_E_TEMPORARY, NULL, "the lane of requests to issuers is full");
  }
  *result = inquiry;
  return PTN_PENDING;
}

/* For the time of the rules, and not beyond the end of the token. */
static void
remember (struct oauth *oauth, const struct rules *rules, struct ptn_bytes token,
          const struct grant *grant) {
  const gint64 now_s = oauth->host->realtime_ms () / 1000;
  gint64 for_ns = rules->answer_ns;
  if (!grant->reason && grant->until_s != G_MAXINT64)
    for_ns =
        MIN (for_ns, CLAMP (grant->until_s - rules->leeway_s - now_s, 0, G_MAXINT32) * 1000000000);
  if (for_ns > 0)
    answers_add (oauth->answers, token, oauth->host->monotonic_ns () + for_ns, grant);
  if (!oauth_is_current (oauth, rules)) /* afterwards: a reload that comes now flushes by itself */
    answers_flush (oauth->answers);
}

ptn_status
inquiry_run (struct inquiry **at, struct oauth *oauth, struct ptn_task *task, struct rules *rules,
             struct ptn_bytes token, struct grant *grant) {
  const struct ptn_host *host = oauth->host;
  struct inquiry *inquiry = *at;
  if (!inquiry) {
    if (!answers_find (oauth->answers, token, host->monotonic_ns (), grant))
      return start (at, oauth, task, rules, token);
    host->observe (oauth->remembered, 1);
    return PTN_OK;
  }
  if (!g_atomic_int_get (&inquiry->done))
    return PTN_PENDING; /* a wake that was meant for something else */
  ptn_status status = PTN_OK;
  if (inquiry->claims) {
    claims_check (inquiry->claims, CLAIMS_OF_ANSWER, rules, host->realtime_ms () / 1000, grant);
    remember (oauth, rules, token, grant);
  } else {
    status =
        host->fail (task, PTN_E_TEMPORARY, NULL, "the issuer cannot be asked: %s", inquiry->error);
  }
  inquiry_end (at);
  return status;
}
