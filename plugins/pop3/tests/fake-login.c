/* SPDX-License-Identifier: Apache-2.0 */
/* fake-login.c - "postern.login/1" for the tests of pop3: anybody whose password is "secret".
 *
 * The name is the account, and says how it is: "hide..." and "keep..." (30 days), "now..."
 * (0 days), "odd..." have retentions; "expired", "busy" and "closed" cannot log in.
 * Mechanisms: PLAIN; CHAT asks for name and secret; EXTRA has data with its success. */
#include <postern/postern.h>

#include <glib.h>
#include <string.h>

struct fake {
  const struct ptn_host *host;
  gboolean pending, clear;
};

struct exchange {
  struct fake *fake;
  char mechanism[16];
  gboolean waited;
  char *name;
  struct ptn_identity identity;
  const char *attribute;
};

static const struct ptn_setting settings[] = {
  { .name = "pending", .type = PTN_SETTING_BOOLEAN, .default_value = "no", .help = "Wait." },
  { .name = "clear",
    .type = PTN_SETTING_BOOLEAN,
    .default_value = "yes",
    .help = "Allow passwords without TLS." },
};

static gboolean
is_allowed (struct fake *fake, const struct ptn_sasl_request *request) {
  struct ptn_binding stream;
  if (fake->clear)
    return TRUE;
  fake->host->find (fake->host, PTN_STREAM_ID, NULL, &stream);
  return ((const struct ptn_stream_service *)stream.table)
             ->property (request->stream, "tls.version")
         != NULL;
}

static ptn_status
fake_mechanisms (void *instance, struct ptn_call *call, const struct ptn_sasl_request *request,
                 struct ptn_strings *names, uint32_t *plaintext) {
  static const char *const all[] = { "PLAIN", "CHAT", "EXTRA" };
  *plaintext = (uint32_t)is_allowed (instance, request);
  *names = (struct ptn_strings){ all, *plaintext ? G_N_ELEMENTS (all) : 0 };
  return PTN_OK;
}

static ptn_status
fake_start (void *instance, struct ptn_call *call, const struct ptn_sasl_request *request,
            const char *mechanism, void **result) {
  struct fake *fake = instance;
  if (!mechanism)
    mechanism = "";
  if (!is_allowed (fake, request) && !*mechanism)
    return PTN_E_DENIED;
  if (*mechanism && strcmp (mechanism, "PLAIN") != 0 && strcmp (mechanism, "CHAT") != 0
      && strcmp (mechanism, "EXTRA") != 0 && strcmp (mechanism, "APOP") != 0)
    return PTN_E_UNSUPPORTED;
  struct exchange *exchange = g_new0 (struct exchange, 1);
  exchange->fake = fake;
  g_strlcpy (exchange->mechanism, mechanism, sizeof exchange->mechanism);
  *result = exchange;
  return PTN_OK;
}

static ptn_status
prove (struct exchange *exchange, struct ptn_call *call, const char *name, const char *password,
       const struct ptn_identity **identity) {
  if (strcmp (name, "busy") == 0)
    return PTN_E_TEMPORARY;
  if (strcmp (password, "secret") != 0)
    return exchange->fake->host->fail (call->task, PTN_E_AUTHENTICATION, "must not be seen",
                                       "wrong password");
  if (strcmp (name, "expired") == 0)
    return PTN_E_PASSWORD_EXPIRED;
  if (strcmp (name, "closed") == 0)
    return PTN_E_DISABLED;
  if (!exchange->name)
    exchange->name = g_strdup (name);
  exchange->attribute = g_str_has_prefix (name, "hide")   ? "pop3.retention=hide"
                        : g_str_has_prefix (name, "keep") ? "pop3.retention=keep 30d"
                        : g_str_has_prefix (name, "now")  ? "pop3.retention=keep 0d"
                        : g_str_has_prefix (name, "odd")  ? "pop3.retention=sometimes"
                                                          : "quota.octets=5";
  exchange->identity = (struct ptn_identity){
    .size = sizeof exchange->identity,
    .authcid = exchange->name,
    .authzid = exchange->name,
    .domain = "",
    .account = exchange->name,
    .attributes = { &exchange->attribute, 1 },
  };
  *identity = &exchange->identity;
  return PTN_END;
}

static ptn_status
fake_step (void *state, struct ptn_call *call, struct ptn_bytes response,
           struct ptn_bytes *challenge, const struct ptn_identity **identity) {
  struct exchange *exchange = state;
  const struct ptn_host *host = exchange->fake->host;
  if (exchange->fake->pending && !exchange->waited) {
    exchange->waited = TRUE;
    host->wake_at (host->waker (call->task), host->monotonic_ns () + 100000);
    return PTN_PENDING;
  }
  exchange->waited = FALSE;
  g_autofree char *text = g_malloc0 (response.size + 2);
  if (response.size)
    memcpy (text, response.data, response.size);
  const char *second = text + strlen (text) + 1;
  if (strcmp (exchange->mechanism, "APOP") == 0) {
    const char *digest = second + strlen (second) + 1;
    char right[16];
    memset (right, 0xaa, sizeof right);
    gboolean good = *second == '<' && response.size == (size_t)(digest - text) + 16
                    && memcmp (digest, right, 16) == 0;
    return prove (exchange, call, text, good ? "secret" : "", identity);
  }
  if (strcmp (exchange->mechanism, "CHAT") == 0) {
    const char *question = !exchange->name ? "name?" : "secret?";
    if (!response.data || !exchange->name) {
      if (response.data) {
        exchange->name = g_strdup (text);
        question = "secret?";
      }
      *challenge = (struct ptn_bytes){ question, strlen (question) };
      return PTN_OK;
    }
    return prove (exchange, call, exchange->name, text, identity);
  }
  if (!response.data) {
    *challenge = (struct ptn_bytes){ "", 0 };
    return PTN_OK;
  }
  if (strcmp (exchange->mechanism, "EXTRA") == 0) {
    *challenge = (struct ptn_bytes){ "v=fine", 6 };
    return prove (exchange, call, text, "secret", identity);
  }
  if (strcmp (exchange->mechanism, "PLAIN") == 0) { /* authzid NUL authcid NUL password */
    if ((size_t)(second - text) > response.size)
      return PTN_E_INVALID;
    const char *third = second + strlen (second) + 1;
    if ((size_t)(third - text) > response.size)
      return PTN_E_INVALID;
    return prove (exchange, call, second, third, identity);
  }
  return prove (exchange, call, text, second, identity);
}

static void
fake_finish (void *state) {
  struct exchange *exchange = state;
  g_free (exchange->name);
  g_free (exchange);
}

static const struct ptn_login table = {
  .size = sizeof table,
  .mechanisms = fake_mechanisms,
  .start = fake_start,
  .step = fake_step,
  .finish = fake_finish,
};

static ptn_status
fake_configure (const struct ptn_host *host, const struct ptn_config *config, void **instance) {
  struct fake *fake = g_new0 (struct fake, 1);
  fake->host = host;
  fake->pending = host->number (config, "pending") != 0;
  fake->clear = host->number (config, "clear") != 0;
  *instance = fake;
  return host->provide (host, PTN_LOGIN_ID, "fake", &table, fake);
}

static void
fake_destroy (void *instance) {
  g_free (instance);
}

static const struct ptn_plugin plugin = {
  .size = sizeof plugin,
  .abi_major = PTN_ABI_MAJOR,
  .abi_minor = PTN_ABI_MINOR,
  .name = "fake-login",
  .version = "0",
  .summary = "A login for tests.",
  .settings = settings,
  .setting_count = G_N_ELEMENTS (settings),
  .setting_size = sizeof settings[0],
  .configure = fake_configure,
  .destroy = fake_destroy,
};

PTN_PUBLIC const struct ptn_plugin *
postern_plugin_entry (uint32_t host_abi_major, uint32_t host_abi_minor) {
  return &plugin;
}
