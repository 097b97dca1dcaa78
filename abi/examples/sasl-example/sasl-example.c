/* SPDX-License-Identifier: MIT */
/* sasl-example.c - the smallest whole SASL mechanism: a user's passphrase, of which the setting
 * `digest` holds the SHA-256, compared in a lane.  To be copied.
 *
 *   S: (empty)              if there was no initial response
 *   C: user NUL passphrase
 *
 * The host owns an instance from configure to destroy; an exchange belongs to its session's task; a
 * job owns all that it touches, because the session may go away while it runs. */
#include <postern/postern.h>

#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define RESPONSE_MAX 1024

struct example {
  const struct ptn_host *host;
  const char *user;
  unsigned char digest[SHA256_DIGEST_LENGTH];
};

static const struct ptn_setting settings[] = {
  { "user", PTN_SETTING_STRING, 1, NULL, "Who may log in.", NULL, 0, 0 },
  { "digest", PTN_SETTING_STRING, 1, NULL, "The SHA-256 of the passphrase, in hexadecimal.", NULL,
    0, 0 },
};

/* ---- In the lane ------------------------------------------------------------------------- */

struct job {
  atomic_int references; /* the exchange's and the lane's */
  atomic_bool done;
  bool right;
  unsigned char digest[SHA256_DIGEST_LENGTH];
  size_t size;
  unsigned char passphrase[RESPONSE_MAX];
};

static void
job_unref (void *argument) {
  struct job *job = argument;
  if (atomic_fetch_sub (&job->references, 1) > 1)
    return;
  OPENSSL_cleanse (job, sizeof *job);
  free (job);
}

static void
job_work (void *argument) {
  struct job *job = argument;
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256 (job->passphrase, job->size, digest);
  job->right = CRYPTO_memcmp (digest, job->digest, sizeof digest) == 0;
  atomic_store (&job->done, true);
}

/* ---- An exchange ------------------------------------------------------------------------- */

struct exchange {
  const struct example *example;
  struct job *job; /* NULL: there was no response yet */
  bool asked;
  bool known; /* the user is the one there is */
  char user[RESPONSE_MAX];
  struct ptn_identity identity;
};

static ptn_status
example_start (void *instance, struct ptn_call *call, const struct ptn_sasl_request *request,
               void **result) {
  (void)call;
  (void)request;
  struct exchange *exchange = calloc (1, sizeof *exchange);
  if (!exchange)
    return PTN_E_NO_MEMORY;
  exchange->example = instance;
  *result = exchange;
  return PTN_OK;
}

/* user NUL passphrase: the user is copied, because the response is ours for the call only. */
static bool
take_response (struct exchange *exchange, struct ptn_bytes response, struct ptn_bytes *passphrase) {
  const char *nul = response.size ? memchr (response.data, '\0', response.size) : NULL;
  if (!nul || response.size > RESPONSE_MAX)
    return false;
  const size_t length = (size_t)(nul - (const char *)response.data);
  *passphrase = (struct ptn_bytes){ nul + 1, response.size - length - 1 };
  if (!length || !passphrase->size)
    return false;
  memcpy (exchange->user, response.data, length + 1);
  return true;
}

/* The same work for a user who does not exist. */
static ptn_status
start_job (struct exchange *exchange, struct ptn_task *task, struct ptn_bytes passphrase) {
  const struct example *example = exchange->example;
  struct job *job = calloc (1, sizeof *job);
  if (!job)
    return PTN_E_NO_MEMORY;
  atomic_init (&job->references, 2);
  memcpy (job->digest, example->digest, sizeof job->digest);
  memcpy (job->passphrase, passphrase.data, passphrase.size);
  job->size = passphrase.size;
  exchange->known = strcmp (exchange->user, example->user) == 0;
  if (example->host->offload (task, "example", job_work, job_unref, job) != PTN_OK) {
    job_unref (job);
    job_unref (job);
    return example->host->fail (task, PTN_E_TEMPORARY, NULL, "the lane is full");
  }
  exchange->job = job;
  return PTN_PENDING;
}

static ptn_status
settle (struct exchange *exchange, struct ptn_task *task, const struct ptn_identity **identity) {
  const bool right = exchange->job->right && exchange->known;
  exchange->identity = (struct ptn_identity){
    .size = sizeof exchange->identity,
    .authcid = exchange->user,
    .authzid = exchange->user,
    .domain = "",
    .account = "",
  };
  *identity = &exchange->identity;
  if (right)
    return PTN_END;
  return exchange->example->host->fail (task, PTN_E_AUTHENTICATION, NULL, "wrong passphrase");
}

static ptn_status
example_step (void *data, struct ptn_call *call, struct ptn_bytes response,
              struct ptn_bytes *challenge, const struct ptn_identity **identity) {
  struct exchange *exchange = data;
  struct ptn_bytes passphrase;
  if (exchange->job) /* called again; perhaps by a wake that was meant for something else */
    return atomic_load (&exchange->job->done) ? settle (exchange, call->task, identity)
                                              : PTN_PENDING;
  if (!response.data && !exchange->asked) {
    exchange->asked = true;
    *challenge = (struct ptn_bytes){ "", 0 };
    return PTN_OK;
  }
  if (!take_response (exchange, response, &passphrase))
    return exchange->example->host->fail (call->task, PTN_E_INVALID, NULL, "malformed response");
  return start_job (exchange, call->task, passphrase);
}

static void
example_finish (void *data) {
  struct exchange *exchange = data;
  if (exchange->job)
    job_unref (exchange->job);
  OPENSSL_cleanse (exchange, sizeof *exchange);
  free (exchange);
}

static const struct ptn_sasl_mechanism mechanism = {
  .size = sizeof mechanism,
  .flags = PTN_SASL_PLAINTEXT,
  .name = "X-PASSPHRASE",
  .start = example_start,
  .step = example_step,
  .finish = example_finish,
};

/* ---- The plugin -------------------------------------------------------------------------- */

static ptn_status
example_configure (const struct ptn_host *host, const struct ptn_config *config, void **instance) {
  struct example *example = calloc (1, sizeof *example);
  const char *digest = host->text (config, "digest");
  size_t size;
  if (!example)
    return PTN_E_NO_MEMORY;
  example->host = host;
  example->user = host->text (config, "user"); /* the configuration outlives the instance */
  if (OPENSSL_hexstr2buf_ex (example->digest, sizeof example->digest, &size, digest, '\0') != 1
      || size != sizeof example->digest) {
    host->log (host, PTN_LOG_ERROR, NULL, "example.settings",
               &(struct ptn_field){ "text", "digest is no SHA-256 in hexadecimal" }, 1);
    free (example);
    return PTN_E_INVALID;
  }
  const ptn_status status = host->provide (host, PTN_SASL_ID, NULL, &mechanism, example);
  if (status != PTN_OK)
    free (example);
  else
    *instance = example;
  return status;
}

static ptn_status
example_start_plugin (void *instance) {
  (void)instance;
  return PTN_OK;
}

static void
example_destroy (void *instance) {
  free (instance);
}

static const struct ptn_plugin plugin = {
  .size = sizeof plugin,
  .abi_major = PTN_ABI_MAJOR,
  .abi_minor = PTN_ABI_MINOR,
  .name = "sasl-example",
  .version = "1",
  .summary = "An example of a SASL mechanism",
  .settings = settings,
  .setting_count = sizeof settings / sizeof *settings,
  .setting_size = sizeof (struct ptn_setting),
  .configure = example_configure,
  .start = example_start_plugin,
  .destroy = example_destroy,
  .lanes = "example",
};

const struct ptn_plugin *
postern_plugin_entry (uint32_t host_abi_major, uint32_t host_abi_minor) {
  (void)host_abi_minor;
  return host_abi_major == PTN_ABI_MAJOR ? &plugin : NULL;
}
