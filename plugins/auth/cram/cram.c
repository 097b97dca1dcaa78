/* SPDX-License-Identifier: Apache-2.0 */
/* cram.c - CRAM-MD5 (RFC 2195): a challenge that is used once, and a keyed MD5 of it.  Needs
 * passwords in clear, and protects them badly: off unless a listener names it.
 *
 * An exchange belongs to its login; in its task. */
#include "cram/cram.h"

#include "cram/response.h"

#include <openssl/rand.h>
#include <string.h>

typedef enum { CRAM_NEW, CRAM_ASKED, CRAM_FINDING, CRAM_PROVING, CRAM_OVER } cram_state;

struct exchange {
  struct attempt *attempt;
  cram_state state;
  char *challenge, *login;
  unsigned char digest[CRAM_DIGEST];
};

static ptn_status
start (struct attempt *attempt, void **result) {
  struct exchange *exchange = g_new0 (struct exchange, 1);
  exchange->attempt = attempt;
  *result = exchange;
  return PTN_OK;
}

static void
finish (void *data) {
  struct exchange *exchange = data;
  explicit_bzero (exchange->digest, sizeof exchange->digest);
  g_free (exchange->challenge);
  g_free (exchange->login);
  g_free (exchange);
}

/* <RANDOM.TIME@SERVER>, as a Message-ID. */
static ptn_status
ask (struct exchange *exchange, struct ptn_bytes response, struct ptn_bytes *challenge) {
  const struct attempt *attempt = exchange->attempt;
  const char *server = attempt->request->server_name;
  guint64 random[2];
  if (response.data) {
    exchange->state = CRAM_OVER; /* the server speaks first */
    return PTN_E_INVALID;
  }
  if (RAND_bytes ((unsigned char *)random, sizeof random) != 1) {
    exchange->attempt->reason = "the system gives no random numbers";
    return PTN_E_TEMPORARY;
  }
  exchange->challenge =
      g_strdup_printf ("<%016" G_GINT64_MODIFIER "x%016" G_GINT64_MODIFIER "x.%" G_GINT64_FORMAT
                       "@%s>",
                       random[0], random[1], attempt->auth->host->realtime_ms () / 1000,
                       server ? server : "localhost");
  *challenge = (struct ptn_bytes){ exchange->challenge, strlen (exchange->challenge) };
  exchange->state = CRAM_ASKED;
  return PTN_OK;
}

static ptn_status
compare (void *argument, struct ptn_bytes secret) {
  const struct exchange *exchange = argument;
  return cram_response_matches (exchange->digest, exchange->challenge, secret)
             ? PTN_OK
             : PTN_E_AUTHENTICATION;
}

static ptn_status
prove (struct exchange *exchange, struct ptn_task *task) {
  ptn_status status = attempt_secret (exchange->attempt, task, "PLAIN", compare, exchange);
  if (status == PTN_PENDING)
    return status;
  if (status == PTN_E_NOT_FOUND) /* the same work */
    compare (exchange, (struct ptn_bytes){ "nobody knows", 12 });
  exchange->state = CRAM_OVER;
  status = attempt_verdict (exchange->attempt, task, status);
  return status == PTN_OK ? PTN_END : status;
}

static ptn_status
step (void *data, struct ptn_task *task, struct ptn_bytes response, struct ptn_bytes *challenge) {
  struct exchange *exchange = data;
  ptn_status status;
  *challenge = (struct ptn_bytes){ NULL, 0 };
  switch (exchange->state) {
  case CRAM_NEW:
    return ask (exchange, response, challenge);
  case CRAM_ASKED:
    exchange->state = CRAM_OVER;
    if (!response.data || !cram_response_parse (response, &exchange->login, exchange->digest))
      return PTN_E_INVALID;
    exchange->state = CRAM_FINDING;
    G_GNUC_FALLTHROUGH;
  case CRAM_FINDING:
    status = attempt_find (exchange->attempt, task, exchange->login, NULL);
    if (status != PTN_OK)
      return status;
    exchange->state = CRAM_PROVING;
    G_GNUC_FALLTHROUGH;
  case CRAM_PROVING:
    return prove (exchange, task);
  default:
    return PTN_E_INVALID;
  }
}

const struct mechanism auth_cram_md5 = {
  .name = "CRAM-MD5",
  .flags = PTN_SASL_SERVER_FIRST | PTN_SASL_LEGACY,
  .schemes = "PLAIN",
  .start = start,
  .step = step,
  .finish = finish,
};
