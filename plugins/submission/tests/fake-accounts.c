/* SPDX-License-Identifier: Apache-2.0 */
/* fake-accounts.c - a directory and a login for tests: names decide what happens, and calls wait
 * at random.
 *
 * Every name of example.test exists but "nobody"; "team" is alice, bob and carol; "same" is
 * alice; "small" has a quota of 2000 octets, "few" of two messages, "later" cannot be told
 * now.  Password "secret", mechanisms PLAIN, LOGIN and ECHO (which sends data with success). */
#include <postern/postern.h>

#include <glib.h>
#include <stdbool.h>
#include <string.h>

struct fake {
  const struct ptn_host *host;
  unsigned seed, pending;
};

struct found {
  struct ptn_account_info info[3];
  const struct ptn_account_info *list[3];
  const char *attribute;
  char *names[3], *detail;
};

/* True once in a while, but never twice in a row for one call. */
static bool
wait_now (struct fake *fake, struct ptn_call *call) {
  if (!fake->pending || call->state)
    return false;
  fake->seed = fake->seed * 1103515245u + 12345u;
  if ((fake->seed >> 16) % 100 >= fake->pending)
    return false;
  fake->host->wake (fake->host->waker (call->task));
  call->state = g_malloc0 (1);
  call->cancel = g_free;
  return true;
}

static void
wait_over (struct ptn_call *call) {
  g_free (call->state);
  call->state = NULL;
  call->cancel = NULL;
}

static void
found_free (void *state) {
  struct found *found = state;
  for (int i = 0; i < 3; i++)
    g_free (found->names[i]);
  g_free (found->detail);
  g_free (found);
}

static ptn_status
parse_login (void *instance, struct ptn_call *call, const char *login,
             struct ptn_identity *identity) {
  return PTN_E_UNSUPPORTED;
}

static ptn_status
authorize (void *instance, struct ptn_call *call, const struct ptn_sasl_request *request,
           struct ptn_identity *identity) {
  return PTN_OK;
}

static size_t
members (const char *name, struct found *found) {
  if (!strcmp (name, "team")) {
    found->names[0] = g_strdup ("alice");
    found->names[1] = g_strdup ("bob");
    found->names[2] = g_strdup ("carol");
    return 3;
  }
  found->names[0] = g_strdup (!strcmp (name, "same") ? "alice" : name);
  if (!strcmp (name, "small"))
    found->attribute = "quota.octets=2000";
  if (!strcmp (name, "few"))
    found->attribute = "quota.messages=2";
  return 1;
}

static ptn_status
resolve (void *instance, struct ptn_call *call, const char *address,
         const struct ptn_account_info *const **accounts, size_t *count) {
  if (wait_now (instance, call))
    return PTN_PENDING;
  wait_over (call);
  const char *at = strrchr (address, '@');
  if (at && g_ascii_strcasecmp (at, "@example.test"))
    return PTN_E_UNSUPPORTED;
  g_autofree char *name = g_ascii_strdown (address, at ? at - address : -1);
  char *plus = strchr (name, '+');
  if (plus)
    *plus++ = '\0';
  if (!strcmp (name, "nobody"))
    return PTN_E_NOT_FOUND;
  if (!strcmp (name, "later"))
    return PTN_E_TEMPORARY;
  struct found *found = g_new0 (struct found, 1);
  *count = members (name, found);
  found->detail = g_strdup (plus ? plus : "");
  for (size_t i = 0; i < *count; i++) {
    found->info[i] =
        (struct ptn_account_info){ .size = sizeof found->info[i],
                                   .account = found->names[i],
                                   .address = address,
                                   .detail = found->detail,
                                   .attributes = { &found->attribute, !!found->attribute } };
    found->list[i] = &found->info[i];
  }
  call->state = found;
  call->release = found_free;
  *accounts = found->list;
  return PTN_OK;
}

static ptn_status
may_send_as (void *instance, struct ptn_call *call, const struct ptn_identity *identity,
             const char *address) {
  if (wait_now (instance, call))
    return PTN_PENDING;
  wait_over (call);
  if (g_str_has_prefix (address, "later@"))
    return PTN_E_TEMPORARY;
  size_t size = strlen (identity->account);
  bool own = !g_ascii_strncasecmp (address, identity->account, size)
             && !g_ascii_strcasecmp (address + size, "@example.test");
  return own ? PTN_OK : PTN_E_DENIED;
}

static ptn_status
list_accounts (void *instance, struct ptn_call *call, const char *after,
               struct ptn_strings *accounts) {
  return PTN_END;
}

static const struct ptn_directory directory = { .size = sizeof directory,
                                                .parse_login = parse_login,
                                                .authorize = authorize,
                                                .resolve = resolve,
                                                .may_send_as = may_send_as,
                                                .list_accounts = list_accounts };

/* --- login ---------------------------------------------------------------------------------- */

struct exchange {
  struct fake *fake;
  const char *mechanism;
  unsigned steps;
  char *user;
  struct ptn_identity identity;
};

static const char *const names[] = { "PLAIN", "LOGIN", "ECHO" };

static ptn_status
mechanisms (void *instance, struct ptn_call *call, const struct ptn_sasl_request *request,
            struct ptn_strings *list, uint32_t *plaintext) {
  if (wait_now (instance, call))
    return PTN_PENDING;
  wait_over (call);
  bool offered = g_getenv ("FAKE_NEEDS_TLS") == NULL;
  *list = (struct ptn_strings){ names, offered ? G_N_ELEMENTS (names) : 0 };
  *plaintext = offered;
  return PTN_OK;
}

static ptn_status
start_exchange (void *instance, struct ptn_call *call, const struct ptn_sasl_request *request,
                const char *mechanism, void **exchange) {
  if (wait_now (instance, call))
    return PTN_PENDING;
  wait_over (call);
  if (g_getenv ("FAKE_NEEDS_TLS"))
    return PTN_E_DENIED;
  for (size_t i = 0; i < G_N_ELEMENTS (names); i++)
    if (!strcmp (mechanism, names[i])) {
      struct exchange *e = g_new0 (struct exchange, 1);
      e->fake = instance;
      e->mechanism = names[i];
      *exchange = e;
      return PTN_OK;
    }
  return PTN_E_UNSUPPORTED;
}

static ptn_status
prove (struct exchange *e, const char *user, struct ptn_bytes password,
       const struct ptn_identity **identity) {
  if (!strcmp (user, "expired"))
    return PTN_E_PASSWORD_EXPIRED;
  if (!strcmp (user, "busy"))
    return PTN_E_TOO_MANY;
  if (!strcmp (user, "broken"))
    return PTN_E_TEMPORARY;
  if (password.size != 6 || memcmp (password.data, "secret", 6))
    return PTN_E_AUTHENTICATION;
  g_free (e->user);
  e->user = g_strdup (user);
  e->identity = (struct ptn_identity){ .size = sizeof e->identity,
                                       .authcid = e->user,
                                       .authzid = e->user,
                                       .domain = "",
                                       .account = e->user };
  *identity = &e->identity;
  return PTN_END;
}

static ptn_status
step_plain (struct exchange *e, struct ptn_bytes response, struct ptn_bytes *challenge,
            const struct ptn_identity **identity) {
  if (!response.data) {
    *challenge = (struct ptn_bytes){ "", 0 };
    return PTN_OK;
  }
  const char *text = response.data, *end = text + response.size;
  const char *user = memchr (text, '\0', response.size);
  const char *password = user ? memchr (user + 1, '\0', (size_t)(end - user - 1)) : NULL;
  if (!password)
    return PTN_E_INVALID;
  return prove (e, user + 1, (struct ptn_bytes){ password + 1, (size_t)(end - password - 1) },
                identity);
}

static ptn_status
step_login (struct exchange *e, struct ptn_bytes response, struct ptn_bytes *challenge,
            const struct ptn_identity **identity) {
  e->steps += response.data != NULL;
  if (e->steps == 0) {
    *challenge = (struct ptn_bytes){ "Username:", 9 };
    return PTN_OK;
  }
  if (e->steps == 1) {
    g_free (e->user);
    e->user = g_strndup (response.data, response.size);
    *challenge = (struct ptn_bytes){ "Password:", 9 };
    return PTN_OK;
  }
  g_autofree char *user = g_strdup (e->user);
  return prove (e, user, response, identity);
}

static ptn_status
step_exchange (void *exchange, struct ptn_call *call, struct ptn_bytes response,
               struct ptn_bytes *challenge, const struct ptn_identity **identity) {
  struct exchange *e = exchange;
  if (wait_now (e->fake, call))
    return PTN_PENDING;
  wait_over (call);
  if (!strcmp (e->mechanism, "LOGIN"))
    return step_login (e, response, challenge, identity);
  ptn_status status = step_plain (e, response, challenge, identity);
  if (status == PTN_END && !strcmp (e->mechanism, "ECHO"))
    *challenge = (struct ptn_bytes){ "well done", 9 };
  return status;
}

static void
finish_exchange (void *exchange) {
  struct exchange *e = exchange;
  g_free (e->user);
  g_free (e);
}

static const struct ptn_login login = { .size = sizeof login,
                                        .mechanisms = mechanisms,
                                        .start = start_exchange,
                                        .step = step_exchange,
                                        .finish = finish_exchange };

/* --- the plugin ------------------------------------------------------------------------------- */

static const struct ptn_setting settings[] = {
  { .name = "pending",
    .type = PTN_SETTING_INTEGER,
    .default_value = "0",
    .help = "Percent of calls that wait once." },
  { .name = "seed",
    .type = PTN_SETTING_INTEGER,
    .default_value = "1",
    .help = "Start of the dice." },
};

static ptn_status
configure (const struct ptn_host *host, const struct ptn_config *config, void **instance) {
  struct fake *fake = g_new0 (struct fake, 1);
  fake->host = host;
  fake->pending = (unsigned)host->number (config, "pending");
  fake->seed = (unsigned)host->number (config, "seed");
  *instance = fake;
  host->provide (host, PTN_DIRECTORY_ID, "fake", &directory, fake);
  return host->provide (host, PTN_LOGIN_ID, "fake", &login, fake);
}

static const struct ptn_plugin plugin = { .size = sizeof plugin,
                                          .abi_major = PTN_ABI_MAJOR,
                                          .abi_minor = PTN_ABI_MINOR,
                                          .name = "fake-accounts",
                                          .version = "0",
                                          .summary = "Accounts for tests",
                                          .settings = settings,
                                          .setting_count = G_N_ELEMENTS (settings),
                                          .setting_size = sizeof settings[0],
                                          .configure = configure,
                                          .destroy = g_free };

const struct ptn_plugin *
postern_plugin_entry (uint32_t host_abi_major, uint32_t host_abi_minor) {
  return &plugin;
}
