/* SPDX-License-Identifier: Apache-2.0 */
/* fake-source.c - a plugin for sources_test.c: a slow source of verdicts that counts how often it
 * is asked, and mechanisms that prove whatever name the client sends.
 *
 * Knows alice (password "right"), "old" (expired), "off" (disabled), "down" (cannot be told);
 * everybody else is NOT_FOUND. */
#include <postern/postern.h>
#include <stdbool.h>
#include <string.h>

struct fake {
  const struct ptn_host *host;
  struct ptn_metric *asked, *nobody, *flushed;
};

static struct fake the_fake;

static ptn_status
fake_verify (void *instance, struct ptn_call *call, const struct ptn_sasl_request *request,
             const char *domain, const char *user, struct ptn_bytes password) {
  struct fake *fake = instance;
  const struct ptn_host *host = fake->host;
  if (!call->state) { /* one round of waiting, as everybody who asks another machine */
    call->state = fake;
    host->wake (host->waker (call->task));
    return PTN_PENDING;
  }
  call->state = NULL;
  host->observe (fake->asked, 1);
  host->observe (fake->nobody, !user);
  if (!user)
    return host->fail (call->task, PTN_E_AUTHENTICATION, NULL, "fake: nobody");
  if (strcmp (user, "down") == 0)
    return host->fail (call->task, PTN_E_TEMPORARY, NULL, "fake: down");
  if (strcmp (user, "alice") != 0 && strcmp (user, "old") != 0 && strcmp (user, "off") != 0)
    return host->fail (call->task, PTN_E_NOT_FOUND, NULL, "fake: unknown");
  if (password.size != 5 || memcmp (password.data, "right", 5) != 0)
    return host->fail (call->task, PTN_E_AUTHENTICATION, NULL, "fake: wrong");
  return strcmp (user, "old") == 0   ? PTN_E_PASSWORD_EXPIRED
         : strcmp (user, "off") == 0 ? PTN_E_DISABLED
                                     : PTN_OK;
}

static void
fake_flush (void *instance, const char *user) {
  struct fake *fake = instance;
  fake->host->observe (fake->flushed, 1);
}

static const struct ptn_credentials credentials = {
  .size = sizeof credentials,
  .flags = PTN_CREDENTIALS_SLOW,
  .schemes = "",
  .verify_password = fake_verify,
  .flush = fake_flush,
};

/* ---- Mechanisms -------------------------------------------------------------------------- */

struct proof {
  char name[64], wanted[64];
  bool told; /* it has failed, and the client was told why */
  struct ptn_identity identity;
};

static struct proof proof; /* one login at a time is tested */

static ptn_status
proof_start (void *instance, struct ptn_call *call, const struct ptn_sasl_request *request,
             void **exchange) {
  memset (&proof, 0, sizeof proof);
  *exchange = &proof;
  return PTN_OK;
}

/* "name" or "name mailbox"; "!name" fails, "!down" for a time; "?name" fails too, and is told why
 * before.  Whatever answers that is taken for a proof: nobody must ask any more. */
static ptn_status
proof_step (void *exchange, struct ptn_call *call, struct ptn_bytes response,
            struct ptn_bytes *challenge, const struct ptn_identity **identity) {
  if (!response.data || response.size >= sizeof proof.name)
    return PTN_E_INVALID;
  if (proof.told) {
    *identity = &proof.identity;
    return PTN_END;
  }
  const char *space = memchr (response.data, ' ', response.size);
  const char *data = response.data;
  const bool fails = response.size && (*data == '!' || *data == '?');
  const size_t length = space ? (size_t)(space - data) : response.size;
  memcpy (proof.name, data + fails, length - fails);
  if (space)
    memcpy (proof.wanted, space + 1, response.size - length - 1);
  proof.identity = (struct ptn_identity){
    .size = sizeof proof.identity,
    .authcid = proof.name,
    .domain = "",
    .account = proof.wanted,
  };
  if (fails && *data == '?') {
    *challenge = (struct ptn_bytes){ "{}", 2 };
    proof.told = true;
    return PTN_OK;
  }
  *identity = &proof.identity;
  if (fails && strcmp (proof.name, "down") == 0)
    return PTN_E_TEMPORARY;
  return fails ? PTN_E_AUTHENTICATION : PTN_END;
}

static ptn_status
proof_failed (void *exchange, struct ptn_call *call, const struct ptn_identity **identity) {
  if (!proof.told)
    return PTN_OK;
  *identity = &proof.identity;
  return the_fake.host->fail (call->task,
                              strcmp (proof.name, "down") == 0 ? PTN_E_TEMPORARY
                                                               : PTN_E_AUTHENTICATION,
                              NULL, "told why");
}

static void
proof_finish (void *exchange) {
}

static int32_t
never (void *instance, const struct ptn_sasl_request *request) {
  return 0;
}

static const struct ptn_sasl_mechanism mechanisms[] = {
  { .size = sizeof *mechanisms,
    .name = "X-PROOF",
    .start = proof_start,
    .step = proof_step,
    .finish = proof_finish,
    .failed = proof_failed },
  { .size = sizeof *mechanisms,
    .name = "X-NOT-HERE",
    .start = proof_start,
    .step = proof_step,
    .finish = proof_finish,
    .available = never },
  { .size = sizeof *mechanisms,
    .name = "X-NOBODY-CAN",
    .start = proof_start,
    .step = proof_step,
    .finish = proof_finish,
    .schemes = "X-SECRET" },
  { .size = sizeof *mechanisms,
    .name = "ANONYMOUS",
    .start = proof_start,
    .step = proof_step,
    .finish = proof_finish },
};

/* ---- Life -------------------------------------------------------------------------------- */

static ptn_status
fake_configure (const struct ptn_host *host, const struct ptn_config *config, void **instance) {
  the_fake = (struct fake){
    .host = host,
    .asked = host->metric (host, PTN_METRIC_COUNTER, "fake_asked", "Asked."),
    .nobody = host->metric (host, PTN_METRIC_COUNTER, "fake_nobody", "Asked about nobody."),
    .flushed = host->metric (host, PTN_METRIC_COUNTER, "fake_flushed", "Flushed."),
  };
  for (size_t i = 0; i < sizeof mechanisms / sizeof *mechanisms; i++)
    host->provide (host, PTN_SASL_ID, NULL, &mechanisms[i], &the_fake);
  *instance = &the_fake;
  return host->provide (host, PTN_CREDENTIALS_ID, NULL, &credentials, &the_fake);
}

static ptn_status
fake_start (void *instance) {
  return PTN_OK;
}

static void
fake_destroy (void *instance) {
}

static const struct ptn_plugin plugin = {
  .size = sizeof plugin,
  .abi_major = PTN_ABI_MAJOR,
  .abi_minor = PTN_ABI_MINOR,
  .name = "fake",
  .version = "1",
  .summary = "For tests",
  .setting_size = sizeof (struct ptn_setting),
  .configure = fake_configure,
  .start = fake_start,
  .destroy = fake_destroy,
};

PTN_PUBLIC const struct ptn_plugin *postern_plugin_entry (uint32_t major, uint32_t minor);
PTN_PUBLIC const struct ptn_plugin *
postern_plugin_entry (uint32_t major, uint32_t minor) {
  return &plugin;
}
