/* SPDX-License-Identifier: Apache-2.0 */
/* kit.c - see kit.h. */
#include "kit.h"

struct facts facts;

/* ---- The plugin -------------------------------------------------------------------------- */

static bool
has_scheme (const struct ptn_credentials *credentials, const char *scheme) {
  if (!PTN_HAS (credentials, schemes) || !credentials->schemes)
    return false;
  g_auto (GStrv) words = g_strsplit (credentials->schemes, " ", -1);
  return g_strv_contains ((const char *const *)words, scheme);
}

static uint32_t
what_it_has (const struct fixture *f) {
  const struct ptn_credentials *credentials = f->credentials;
  uint32_t has = f->directory ? HAS_DIRECTORY : 0;
  if (f->directory && CAN (f->directory, flush))
    has |= HAS_FLUSH;
  if (!credentials)
    return has;
  has |= HAS_CREDENTIALS;
  has |= credentials->flags & PTN_CREDENTIALS_NO_PASSWORD ? HAS_NO_PASSWORD : HAS_PASSWORD;
  static const struct {
    const char *scheme;
    uint32_t bit;
  } schemes[] = { { "PLAIN", HAS_PLAIN | HAS_SECRETS },
                  { "NT", HAS_NT | HAS_SECRETS },
                  { "SCRAM-SHA-1", HAS_SCRAM_SHA_1 | HAS_SECRETS },
                  { "SCRAM-SHA-256", HAS_SCRAM_SHA_256 | HAS_SECRETS },
                  { "NTLM", HAS_NTLM } };
  for (size_t i = 0; i < G_N_ELEMENTS (schemes); i++)
    if (has_scheme (credentials, schemes[i].scheme))
      has |= schemes[i].bit;
  if (CAN (credentials, flush))
    has |= HAS_FLUSH;
  return has;
}

static void
begin_request (struct fixture *f) {
  f->stream = harness_stream_new (f->actor.harness, f->actor.task, 1024);
  harness_stream_set_property (f->stream, "peer.address", "192.0.2.7");
  f->request = (struct ptn_sasl_request){
    .size = sizeof f->request,
    .service = "smtp", /* the one protocol that no account is closed for */
    .server_name = "mail.example.test",
    .listener = "conformance",
    .session_id = "conformance",
    .config = harness_listener (f->actor.harness, (const char *const[]){ NULL }),
    .stream = f->stream,
  };
}

void
kit_open (struct fixture *f, const char *directory) {
  *f = (struct fixture){ 0 };
  actor_open (&f->actor, directory);
  const struct ptn_host *host = f->actor.host;
  struct ptn_binding found;
  if (host->find (host, PTN_DIRECTORY_ID, NULL, &found) == PTN_OK) {
    f->directory = found.table;
    f->instance = found.instance;
  }
  if (host->find (host, PTN_CREDENTIALS_ID, NULL, &found) == PTN_OK) {
    f->credentials = found.table;
    f->credentials_instance = found.instance;
  }
  must (f->directory || f->credentials,
        "the plugin provides neither " PTN_DIRECTORY_ID " nor " PTN_CREDENTIALS_ID);
  f->has = what_it_has (f);
  begin_request (f);
}

void
kit_close (struct fixture *f) {
  harness_stream_free (&f->stream);
  actor_close (&f->actor);
}

void
kit_join (struct fixture *copy, const struct fixture *of, unsigned number) {
  *copy = *of;
  actor_join (&copy->actor, &of->actor, number);
  begin_request (copy);
}

void
kit_leave (struct fixture *f) {
  harness_stream_free (&f->stream);
  actor_leave (&f->actor);
}

/* ---- Facts ------------------------------------------------------------------------------- */

static const char *
fact (char **list, unsigned number, const char *option) {
  if (!list || g_strv_length (list) <= number)
    cannot_run ("it wants %s%s", number ? "one more " : "", option);
  return list[number];
}

const char *
account (unsigned number) {
  return fact (facts.accounts, number, "--account NAME --password PASSWORD");
}

const char *
password_of (unsigned number) {
  return fact (facts.passwords, number, "--account NAME --password PASSWORD");
}

const char *
domain_of_mail (void) {
  return fact (facts.domains, 0, "--domain DOMAIN");
}

const char *
domain_of_windows (void) {
  return fact (facts.nt_domains, 0, "--nt-domain DOMAIN");
}

struct pair
pair_of (const char *option, const char *value) {
  if (!value)
    cannot_run ("it wants %s", option);
  const char *colon = strchr (value, ':');
  g_autofree char *first = g_strndup (value, (gsize)(colon - value));
  return (struct pair){ g_intern_string (first), g_intern_string (colon + 1) };
}

/* ---- Logins ------------------------------------------------------------------------------ */

ptn_status
login_try (struct fixture *f, const char *name, struct login *copy) {
  struct ptn_identity identity = { .size = sizeof identity };
  struct ptn_call held = CALL (&f->actor);
  const ptn_status status =
      HELD (&f->actor, f->directory->parse_login (f->instance, &held, name, &identity));
  *copy = (struct login){ NULL };
  if (status == PTN_OK) {
    must (identity.authcid && *identity.authcid, "parse_login of \"%s\" sets no authcid", name);
    must (identity.authzid && *identity.authzid, "parse_login of \"%s\" sets no authzid", name);
    must (identity.account && *identity.account, "parse_login of \"%s\" sets no account", name);
    must (identity.domain, "parse_login of \"%s\" sets no domain: \"\" if there is none", name);
    must_be (identity.anonymous, 0, "anonymous after parse_login of \"%s\"", name);
    *copy = (struct login){ g_intern_string (identity.authcid), g_intern_string (identity.authzid),
                            g_intern_string (identity.domain), g_intern_string (identity.account) };
  }
  END (&f->actor, held);
  return status;
}

struct login
login (struct fixture *f, const char *name) {
  struct login copy;
  must_do (login_try (f, name, &copy), "parse_login of \"%s\"", name);
  return copy;
}

void
must_login (struct fixture *f, const char *name, const char *authcid, const char *opened) {
  const struct login found = login (f, name);
  must_read (found.authcid, authcid, "authcid of the login \"%s\"", name);
  must_read (found.account, opened, "account of the login \"%s\"", name);
}

void
must_not_login (struct fixture *f, const char *name) {
  struct login copy;
  g_autofree char *shown = g_strescape (name, NULL);
  must_give (login_try (f, name, &copy), PTN_E_NOT_FOUND, "parse_login of \"%.200s\"", shown);
}

const char *
own_name (struct fixture *f, unsigned number) {
  return login (f, account (number)).authcid;
}

/* ---- The rest ---------------------------------------------------------------------------- */

struct ptn_identity
identity_of (const char *user, const char *mailbox) {
  return (struct ptn_identity){ .size = sizeof (struct ptn_identity),
                                .authcid = user,
                                .authzid = user,
                                .domain = "",
                                .account = mailbox };
}

ptn_status
authorize (struct fixture *f, struct ptn_identity *identity) {
  return DO (&f->actor, f->directory->authorize (f->instance, &call, &f->request, identity));
}

ptn_status
verify (struct fixture *f, const char *user, const void *password, size_t size) {
  const struct ptn_bytes octets = { password, size };
  const char *nt = facts.nt_domains && *facts.nt_domains ? *facts.nt_domains : "";
  return DO (&f->actor, f->credentials->verify_password (f->credentials_instance, &call,
                                                         &f->request, nt, user, octets));
}

ptn_status
verify_text (struct fixture *f, const char *user, const char *password) {
  return verify (f, user, password, strlen (password));
}
