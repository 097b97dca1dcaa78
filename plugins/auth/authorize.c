/* SPDX-License-Identifier: Apache-2.0 */
/* authorize.c - see authorize.h. */
#include "authorize.h"
#include "policy.h"
#include "source.h"

static ptn_status
refuse (struct attempt *attempt, const char *reason) {
  attempt->reason = reason;
  attempt_failed (attempt);
  return PTN_E_AUTHENTICATION;
}

/* What the directory said. */
static ptn_status
judge (struct attempt *attempt, struct ptn_task *task, ptn_status status) {
  if (status >= 0) {
    const char *why = status == PTN_PENDING ? NULL : policy_refusal (attempt);
    return why ? refuse (attempt, why) : status;
  }
  attempt->reason = attempt_their_reason (attempt, task);
  switch (status) {
  case PTN_E_ELSEWHERE:
  case PTN_E_CORRUPT:
    return status;
  case PTN_E_DENIED:
  case PTN_E_DISABLED:
  case PTN_E_PROTOCOL_OFF:
  case PTN_E_NOT_FOUND:
  case PTN_E_AUTHENTICATION:
    return refuse (attempt, attempt->reason);
  default:
    return PTN_E_TEMPORARY;
  }
}

ptn_status
authorize (struct authorization *authorization, struct attempt *attempt, struct ptn_task *task) {
  const struct roster_directory *directory = &attempt->roster->directories[attempt->at];
  authorization->call.task = task;
  if (!authorization->asked) {
    authorization->found = attempt->identity;
    policy_grant (attempt);
    authorization->granted = attempt->identity.access != PTN_ACCESS_UNTOLD;
    authorization->asked = true;
  }
  const ptn_status status =
      directory->directory->authorize (directory->instance, &authorization->call, attempt->request,
                                       &attempt->identity);
  if (!authorization->granted || (status != PTN_OK && status != PTN_E_ELSEWHERE)
      || policy_grant_holds (attempt))
    return judge (attempt, task, status);
  /* Another mailbox was meant, which had the name before: as if nothing had been granted. */
  attempt->auth->host->call_end (&authorization->call);
  attempt->identity = authorization->found;
  authorization->granted = false;
  return authorize (authorization, attempt, task);
}

void
authorization_clear (struct authorization *authorization, const struct ptn_host *host) {
  host->call_end (&authorization->call);
}
