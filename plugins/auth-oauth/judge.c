/* SPDX-License-Identifier: Apache-2.0 */
/* judge.c - see judge.h. */
#include "judge.h"

void
judge_clear (struct judge *judge) {
  inquiry_end (&judge->inquiry);
  check_end (&judge->check);
  jwt_clear (&judge->jwt);
  rules_unref (judge->rules);
  *judge = (struct judge){ 0 };
}

static ptn_status
refuse (struct grant *grant, const char *reason) {
  grant->reason = reason;
  return PTN_OK;
}

/* ---- Whose token ------------------------------------------------------------------------- */

static bool
has_keys (const struct rules *rules) {
  return *rules->keys_file || *rules->keys_url;
}

static bool
is_named (const struct rules *rules, const json_t *claims) {
  return claims && rules->issuers[0] && claims_are_of (claims, rules);
}

static bool
can_be_asked (const struct rules *rules, const json_t *claims) {
  return !(claims && rules->issuers[0]) && *rules->introspection_url;
}

static bool
find_first (struct judge *judge, const struct oauth *issuers,
            bool (*is_whose) (const struct rules *, const json_t *claims)) {
  for (size_t i = 0; i < issuers->issuer_count; i++) {
    struct rules *rules = oauth_rules (issuers->issuers[i]);
    if (is_whose (rules, judge->jwt.claims)) {
      judge->issuer = issuers->issuers[i];
      judge->rules = rules;
      return true;
    }
    rules_unref (rules);
  }
  return false;
}

/* A token that names its issuer goes there and nowhere else, wherever its section stands: others could
 * use it.  What names none, or nobody we know, goes to the first that can be asked and does not say
 * whom it speaks for. */
static bool
find_issuer (struct judge *judge, const struct oauth *issuers) {
  return find_first (judge, issuers, is_named) || find_first (judge, issuers, can_be_asked);
}

/* ---- Steps ------------------------------------------------------------------------------- */

static ptn_status
begin (struct judge *judge, const struct oauth *issuers, struct ptn_bytes token,
       struct grant *grant) {
  const char *reason = NULL;
  if (jwt_is_one (token) && !jwt_parse (token, &judge->jwt, &reason))
    return refuse (grant, reason);
  if (!find_issuer (judge, issuers))
    return refuse (grant, judge->jwt.claims ? "the token is of another issuer"
                                            : "nobody can be asked about opaque tokens");
  judge->state = judge->jwt.claims && has_keys (judge->rules) ? JUDGE_SIGNATURE : JUDGE_ASKING;
  return PTN_OK;
}

static const char *
unfit (const struct judge *judge) {
  if (!judge->jwt.algorithm)
    return "the token's algorithm is none that public keys can verify";
  return rules_allow (judge->rules, judge->jwt.algorithm)
             ? NULL
             : "the token's algorithm is not among those allowed";
}

/* With the keys there are, or, called again, in the check that is under way. */
static ptn_status
check_with_keys (struct judge *judge, struct ptn_task *task, jwt_verdict *verdict) {
  g_autoptr (keys_auto) keys = NULL;
  if (!judge->check) {
    const ptn_status status =
        keyring_get (judge->issuer->keyring, task, judge->rules, judge->state == JUDGE_ANEW,
                     &judge->wait, &keys, &judge->doubtful);
    if (status != PTN_OK)
      return status;
  }
  return check_run (&judge->check, judge->issuer, task, &judge->jwt, keys, verdict);
}

static ptn_status
check_signature (struct judge *judge, struct ptn_task *task, struct grant *grant) {
  const struct ptn_host *host = judge->issuer->host;
  jwt_verdict verdict;
  const char *why = unfit (judge);
  if (why)
    return refuse (grant, why);
  const ptn_status status = check_with_keys (judge, task, &verdict);
  if (status != PTN_OK)
    return status;
  if (verdict == JWT_FORGED)
    return refuse (grant, "the token's signature is wrong");
  if (verdict == JWT_UNKNOWN_KEY && judge->state == JUDGE_SIGNATURE) {
    judge->state = JUDGE_ANEW;
    return PTN_OK;
  }
  if (verdict == JWT_UNKNOWN_KEY) {
    if (judge->doubtful)
      return host->fail (task, PTN_E_TEMPORARY, NULL,
                         "the token's key is not known, and the keys cannot be fetched anew");
    return refuse (grant, "the token's key is not one of the issuer's");
  }
  claims_check (judge->jwt.claims, CLAIMS_OF_TOKEN, judge->rules, host->realtime_ms () / 1000,
                grant);
  if (!grant->reason && judge->rules->always && *judge->rules->introspection_url) {
    grant_clear (grant);
    judge->state = JUDGE_ASKING;
    return PTN_OK;
  }
  judge->state = JUDGE_SETTLED;
  return PTN_OK;
}

ptn_status
judge_run (struct judge *judge, const struct oauth *issuers, struct ptn_task *task,
           struct ptn_bytes token, struct grant *grant) {
  if (judge->state == JUDGE_NEW) {
    *grant = (struct grant){ .until_s = G_MAXINT64 };
    begin (judge, issuers, token, grant);
    if (grant->reason)
      return PTN_OK;
  }
  while (judge->state == JUDGE_SIGNATURE || judge->state == JUDGE_ANEW) {
    const ptn_status status = check_signature (judge, task, grant);
    if (status != PTN_OK || grant->reason || judge->state == JUDGE_SETTLED)
      return status;
  }
  return inquiry_run (&judge->inquiry, judge->issuer, task, judge->rules, token, grant);
}
