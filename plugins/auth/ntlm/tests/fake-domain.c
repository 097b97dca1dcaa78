/* SPDX-License-Identifier: Apache-2.0 */
/* fake-domain.c - a plugin for dialogue_test.c: judges NTLM responses by their workstation, after
 * two rounds of waiting, and counts how often it is asked, and how often about nobody.
 *
 * A domain would take an LM response, which proves less: whoever hands one on is told "wrong".
 * "RIGHT" is right, with the session key of the published example; "KEYLESS" right without one;
 * "OLD" expired, "OFF" disabled, "DOWN" cannot be told; others are wrong. */
#include <postern/postern.h>
#include <string.h>

struct domain {
  const struct ptn_host *host;
  struct ptn_metric *asked, *nobody;
  int rounds;
};

/* [MS-NLMP] 4.2.4.2.3 */
static const unsigned char session_key[16] = { 0x8d, 0xe4, 0x0c, 0xca, 0xdb, 0xc1, 0x4a, 0x82,
                                               0xf1, 0x5c, 0xb0, 0xad, 0x0d, 0xe9, 0x5c, 0xa3 };

static ptn_status
judge (struct domain *domain, struct ptn_call *call, const struct ptn_ntlm_response *response,
       struct ptn_ntlm_proof *proof) {
  const char *word = response->workstation;
  if (response->lm.size)
    return domain->host->fail (call->task, PTN_E_AUTHENTICATION, NULL, "fake: an LM response");
  if (strcmp (word, "OLD") == 0)
    return domain->host->fail (call->task, PTN_E_PASSWORD_EXPIRED, NULL, "fake: expired");
  if (strcmp (word, "OFF") == 0)
    return domain->host->fail (call->task, PTN_E_DISABLED, NULL, "fake: disabled");
  if (strcmp (word, "DOWN") == 0)
    return domain->host->fail (call->task, PTN_E_TEMPORARY, NULL, "fake: down");
  if (strcmp (word, "RIGHT") != 0 && strcmp (word, "KEYLESS") != 0)
    return domain->host->fail (call->task, PTN_E_AUTHENTICATION, NULL, "fake: wrong");
  proof->has_session_base_key = strcmp (word, "RIGHT") == 0;
  memcpy (proof->session_base_key, session_key, sizeof session_key);
  return PTN_OK;
}

static ptn_status
verify_ntlm (void *instance, struct ptn_call *call, const struct ptn_sasl_request *request,
             const char *name, const char *user, const struct ptn_ntlm_response *response,
             struct ptn_ntlm_proof *proof) {
  struct domain *domain = instance;
  if (!call->state)
    domain->rounds = 0;
  if (domain->rounds++ < 2) {
    call->state = domain;
    domain->host->wake (domain->host->waker (call->task));
    return PTN_PENDING;
  }
  call->state = NULL;
  domain->host->observe (domain->asked, 1);
  if (user)
    return judge (domain, call, response, proof);
  domain->host->observe (domain->nobody, 1);
  return domain->host->fail (call->task, PTN_E_AUTHENTICATION, NULL, "fake: nobody");
}

static const struct ptn_credentials credentials = {
  .size = sizeof credentials,
  .flags = PTN_CREDENTIALS_SLOW | PTN_CREDENTIALS_NO_PASSWORD,
  .schemes = "NTLM",
  .verify_ntlm = verify_ntlm,
};

static struct domain only; /* one instance is tested */

static ptn_status
configure (const struct ptn_host *host, const struct ptn_config *config, void **instance) {
  only = (struct domain){ .host = host };
  only.asked = host->metric (host, PTN_METRIC_COUNTER, "fake_domain_asked", "Questions.");
  only.nobody = host->metric (host, PTN_METRIC_COUNTER, "fake_domain_nobody", "About nobody.");
  *instance = &only;
  return host->provide (host, PTN_CREDENTIALS_ID, NULL, &credentials, &only);
}

static ptn_status
start (void *instance) {
  return PTN_OK;
}

static void
destroy (void *instance) {
}

static const struct ptn_plugin plugin = {
  .size = sizeof plugin,
  .abi_major = PTN_ABI_MAJOR,
  .abi_minor = PTN_ABI_MINOR,
  .name = "fake-domain",
  .version = "1",
  .summary = "for tests",
  .setting_size = sizeof (struct ptn_setting),
  .configure = configure,
  .start = start,
  .destroy = destroy,
};

const struct ptn_plugin *
postern_plugin_entry (uint32_t host_abi_major, uint32_t host_abi_minor) {
  return &plugin;
}
