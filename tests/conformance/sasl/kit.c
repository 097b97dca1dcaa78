/* SPDX-License-Identifier: Apache-2.0 */
/* kit.c - see kit.h. */
#include "kit.h"

#include <stdlib.h>

struct facts sasl_facts;

/* ---- Loading ----------------------------------------------------------------------------- */

/* "MODULE NAME=VALUE ...", %d as in --set. */
static void
load_other (struct fixture *f, const char *text, const char *directory) {
  g_auto (GStrv) words = NULL;
  g_autofree char *with_directory = NULL;
  g_auto (GStrv) parts = g_strsplit (text, "%d", 0);
  with_directory = g_strjoinv (directory, parts);
  if (!g_shell_parse_argv (with_directory, NULL, &words, NULL))
    cannot_run ("--with %s: no words", text);
  must_do (harness_load (f->actor.harness, words[0], (const char *const *)(words + 1)),
           "configure of %s (--with)", words[0]);
}

static size_t
count_mechanisms (struct fixture *f) {
  struct ptn_strings names;
  must_do (f->actor.host->list (f->actor.host, PTN_SASL_ID, &names), "list of mechanisms");
  return names.count;
}

static char **
proof_of (const char *name) {
  for (char **row = sasl_facts.proofs; row && *row; row++) {
    const char *equals = strchr (*row, '=');
    if (equals && (size_t)(equals - *row) == strlen (name)
        && g_ascii_strncasecmp (*row, name, strlen (name)) == 0)
      return g_strsplit (equals + 1, " ", 0);
  }
  return NULL;
}

static bool
is_chosen (const char *name) {
  if (!sasl_facts.only)
    return true;
  for (char **row = sasl_facts.only; *row; row++)
    if (g_ascii_strcasecmp (*row, name) == 0)
      return true;
  return false;
}

static void
find_mechanisms (struct fixture *f, size_t before) {
  struct ptn_strings names;
  must_do (f->actor.host->list (f->actor.host, PTN_SASL_ID, &names), "list of mechanisms");
  for (size_t i = before; i < names.count && f->count < MECHANISMS_MAX; i++) {
    must (names.items[i], "the table of a mechanism has no name");
    if (!is_chosen (names.items[i]))
      continue;
    const struct ptn_binding found = harness_find (f->actor.harness, PTN_SASL_ID, names.items[i]);
    struct tested *mechanism = &f->mechanisms[f->count++];
    *mechanism = (struct tested){ found.table, found.instance, proof_of (names.items[i]) };
    if (mechanism->proof)
      f->has |= HAS_PROOF;
    if (PTN_CAN (mechanism->table, failed))
      f->has |= HAS_FAILED;
    f->has |= mechanism->table->flags << 1
              & (HAS_PLAINTEXT | HAS_SERVER_FIRST | HAS_CHANNEL_BINDING | HAS_LEGACY);
  }
  must (f->count, "the plugin provides no %s%s", PTN_SASL_ID,
        sasl_facts.only ? " of these names (--mechanism)" : "");
}

void
sasl_open (struct fixture *f, const char *directory) {
  *f = (struct fixture){ .actor = { .dice = subject.seed } };
  actor_begin (&f->actor, directory);
  for (char **other = sasl_facts.with; other && *other; other++)
    load_other (f, *other, directory);
  const size_t before = count_mechanisms (f);
  actor_load (&f->actor, directory);
  find_mechanisms (f, before);
  const char *const none[] = { NULL };
  f->stream = harness_stream_new (f->actor.harness, f->actor.task, 65536);
  f->request = (struct ptn_sasl_request){
    .size = sizeof f->request,
    .service = "imap",
    .server_name = "mail.example.test",
    .listener = "imap",
    .session_id = "1",
    .config =
        harness_listener (f->actor.harness,
                          sasl_facts.listener ? (const char *const *)sasl_facts.listener : none),
    .stream = f->stream,
  };
  sasl_tls (f, true);
}

void
sasl_tls (struct fixture *f, bool tls) {
  harness_stream_set_property (f->stream, "peer.address", "192.0.2.1");
  harness_stream_set_property (f->stream, "tls.version", tls ? "TLSv1.3" : NULL);
}

void
sasl_close (struct fixture *f) {
  for (size_t i = 0; i < f->count; i++)
    g_strfreev (f->mechanisms[i].proof);
  harness_stream_free (&f->stream);
  actor_close (&f->actor);
}

bool
sasl_is_available (struct fixture *f, const struct tested *m) {
  return !PTN_CAN (m->table, available) || m->table->available (m->instance, &f->request);
}

const struct tested *
sasl_next (struct fixture *f, const struct tested *before, bool proved) {
  for (size_t i = before ? (size_t)(before - f->mechanisms) + 1 : 0; i < f->count; i++)
    if ((!proved || f->mechanisms[i].proof) && sasl_is_available (f, &f->mechanisms[i]))
      return &f->mechanisms[i];
  if (!before)
    cannot_run (proved ? "none of the mechanisms with --proves can be used here"
                       : "none of the mechanisms can be used here (`available`)");
  return NULL;
}

/* ---- Exchanges --------------------------------------------------------------------------- */

struct talk
talk_begin (struct fixture *f, struct actor *actor, const struct tested *m) {
  struct talk talk = { .actor = actor, .mechanism = m };
  struct ptn_call call = { .task = actor->task };
  talk.call.task = actor->task;
  const ptn_status status =
      HELD (actor, m->table->start (m->instance, &call, &f->request, &talk.exchange));
  END (actor, call);
  must_do (status, "start of %s", m->table->name);
  must (talk.exchange, "start of %s gave PTN_OK and no exchange", m->table->name);
  return talk;
}

static void
forget_response (struct talk *talk) {
  if (talk->response)
    memset (talk->response, 0xa5, talk->size);
  g_clear_pointer (&talk->response, g_free);
}

bool
is_failure (ptn_status status) {
  return (status <= PTN_E_INVALID && status >= PTN_E_TOO_MANY)
         || (status <= PTN_E_TEMPORARY && status >= PTN_E_DISCONNECTED);
}

/* What holds of every step. */
static void
check_result (const struct talk *talk, ptn_status status) {
  const char *name = talk->mechanism->table->name;
  must (status == PTN_OK || status == PTN_PENDING || status == PTN_END || is_failure (status),
        "step of %s gave %d, which is no status", name, (int)status);
  if (status == PTN_END) {
    must (talk->identity, "step of %s gave PTN_END and no identity", name);
    must (talk->identity->size >= offsetof (struct ptn_identity, account) + sizeof (char *),
          "the identity of %s has the size %u", name, (unsigned)talk->identity->size);
  } else if (!is_failure (status)) {
    must (!talk->identity, "step of %s gave an identity before PTN_END", name);
  }
  must (talk->challenge.data || !talk->challenge.size, "the challenge of %s has no octets", name);
}

ptn_status
talk_again (struct talk *talk) {
  const struct ptn_sasl_mechanism *table = talk->mechanism->table;
  check_call ("table->step (exchange, &call, response, &challenge, &identity)", "kit.c", __LINE__);
  talk->identity = NULL;
  talk->challenge = (struct ptn_bytes){ NULL, 0 };
  const ptn_status status = table->step (talk->exchange, &talk->call,
                                         (struct ptn_bytes){ talk->none ? NULL : talk->response,
                                                             talk->none ? 0 : talk->size },
                                         &talk->challenge, &talk->identity);
  check_result (talk, status);
  if (status == PTN_PENDING)
    talk->pendings++;
  else
    forget_response (talk);
  return status;
}

ptn_status
talk_call (struct talk *talk, const void *response, size_t size) {
  forget_response (talk);
  talk->none = !response;
  talk->size = size;
  talk->response = response ? g_malloc (size ? size : 1) : NULL;
  if (size)
    memcpy (talk->response, response, size);
  return talk_again (talk);
}

ptn_status
talk_step (struct talk *talk, const void *response, size_t size) {
  unsigned times = 0;
  actor_call (talk->actor, "table->step (exchange, &call, response, &challenge, &identity)",
              "kit.c", __LINE__);
  ptn_status status = talk_call (talk, response, size);
  while (status == PTN_PENDING) {
    actor_wait (talk->actor, &times);
    status = talk_again (talk);
  }
  return status;
}

ptn_status
talk_failed (struct talk *talk) {
  const struct ptn_sasl_mechanism *table = talk->mechanism->table;
  if (!PTN_CAN (table, failed))
    return PTN_OK;
  check_call ("table->failed (exchange, &call, &identity)", "kit.c", __LINE__);
  talk->identity = NULL;
  const ptn_status status = table->failed (talk->exchange, &talk->call, &talk->identity);
  must (status == PTN_OK || is_failure (status), "failed of %s gave %d, which is no failure",
        table->name, (int)status);
  must (status != PTN_OK || !talk->identity, "failed of %s gave an identity, and it has not failed",
        table->name);
  return status;
}

void
talk_end (struct talk *talk) {
  check_call ("table->finish (exchange)", "kit.c", __LINE__);
  END (talk->actor, talk->call);
  talk->mechanism->table->finish (talk->exchange);
  talk->exchange = NULL;
  forget_response (talk);
}

/* ---- Proofs ------------------------------------------------------------------------------ */

size_t
proof_length (const struct tested *m) {
  return g_strv_length (m->proof);
}

struct proof_step
proof_step (const struct tested *m, size_t number) {
  const char *text = m->proof[number];
  struct proof_step step = { NULL, 0 };
  if (strcmp (text, "-") != 0)
    step.data = *text ? g_base64_decode (text, &step.size) : g_malloc0 (1);
  return step;
}

void
proof_free (struct proof_step *step) {
  if (step->data)
    explicit_bzero (step->data, step->size);
  g_clear_pointer (&step->data, g_free);
}

ptn_status
talk_prove (struct talk *talk) {
  ptn_status status = PTN_OK;
  for (size_t i = 0; i < proof_length (talk->mechanism) && status == PTN_OK; i++) {
    struct proof_step step = proof_step (talk->mechanism, i);
    status = talk_step (talk, step.data, step.size);
    proof_free (&step);
  }
  return status;
}

ptn_status
talk_to_end (struct talk *talk, ptn_status status) {
  for (unsigned i = 0; status == PTN_OK; i++) {
    must (i < STEPS_MAX, "the exchange of %s asks for ever more: %u challenges",
          talk->mechanism->table->name, i);
    status = talk_step (talk, "", 0);
  }
  return status;
}

static const char *
or_nothing (const char *text) {
  return text ? text : "";
}

char *
identity_text (const struct ptn_identity *identity) {
  char *text = g_strdup_printf ("%s %s %s %s", or_nothing (identity->authcid),
                                or_nothing (identity->authzid), or_nothing (identity->domain),
                                or_nothing (identity->account));
  if (g_utf8_validate (text, -1, NULL))
    return text;
  char *escaped = g_strescape (text, NULL);
  g_free (text);
  return escaped;
}
