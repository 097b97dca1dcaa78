/* SPDX-License-Identifier: Apache-2.0 */
/* exchanges.c - rules of start, step and finish, and of who it was. */
#include "kit.h"

#define CHALLENGE_MAX 16384

RULE (begins, "exchange.begins", "an exchange can be started, and finished at once",
      "auth.h: finish also aborts", 0, 0) {
  EACH (f, m)
  for (unsigned i = 0; i < 10; i++) {
    struct talk talk = talk_begin (f, &f->actor, m);
    talk_end (&talk);
  }
}

RULE (first, "exchange.who-is-first",
      "without an initial response a mechanism asks: with an empty challenge, or, if it is "
      "SERVER_FIRST, with its own",
      "auth.h: data NULL: no initial response was sent", 0, 0) {
  EACH (f, m) {
    struct talk talk = talk_begin (f, &f->actor, m);
    const ptn_status status = talk_step (&talk, NULL, 0);
    const bool server = m->table->flags & PTN_SASL_SERVER_FIRST;
    must_do (status, "step of %s without a response", m->table->name);
    must (server == (talk.challenge.size > 0),
          "%s, which is %sSERVER_FIRST, gave a challenge of %zu octets", m->table->name,
          server ? "" : "not ", talk.challenge.size);
    talk_end (&talk);
  }
}

RULE (ends, "exchange.ends", "an exchange comes to an end, whatever the client says",
      "auth.h: step", 0, 0) {
  EACH (f, m)
  for (unsigned first = 0; first < 2; first++) {
    struct talk talk = talk_begin (f, &f->actor, m);
    const ptn_status status = talk_to_end (&talk, talk_step (&talk, first ? NULL : "", 0));
    must (status != PTN_END, "%s is satisfied with empty responses", m->table->name);
    talk_end (&talk);
  }
}

RULE (challenge, "exchange.challenge",
      "a challenge has a length that clients can take, and stays "
      "until the next step",
      "base.h: Ownership", 0, 0) {
  EACH (f, m) {
    struct talk talk = talk_begin (f, &f->actor, m);
    ptn_status status = talk_step (&talk, NULL, 0);
    for (unsigned i = 0; status == PTN_OK && i < STEPS_MAX; i++) {
      must (talk.challenge.size <= CHALLENGE_MAX, "a challenge of %s has %zu octets",
            m->table->name, talk.challenge.size);
      g_autofree void *copy = g_memdup2 (talk.challenge.data, talk.challenge.size);
      struct talk other = talk_begin (f, &f->actor, m);
      talk_to_end (&other, talk_step (&other, NULL, 0));
      talk_end (&other);
      must_hold (talk.challenge.data, talk.challenge.size, copy, talk.challenge.size,
                 "the challenge of %s after another exchange", m->table->name);
      status = talk_step (&talk, "", 0);
    }
    talk_end (&talk);
  }
}

RULE (anywhere, "exchange.finish-anywhere", "finish is legal after every step", "base.h: Closing",
      HAS_PROOF, 0) {
  EACH_PROVED (f, m)
  for (size_t steps = 0; steps <= proof_length (m); steps++) {
    struct talk talk = talk_begin (f, &f->actor, m);
    for (size_t i = 0; i < steps; i++) {
      struct proof_step step = proof_step (m, i);
      const ptn_status status = talk_step (&talk, step.data, step.size);
      proof_free (&step);
      must (!is_failure (status), "step %zu of the proof of %s failed", i + 1, m->table->name);
    }
    talk_end (&talk);
  }
}

/* What is no proof for any mechanism, and well formed for some. */
static const char *const made_up[] = { "n,a=eve,\1auth=Bearer x\1\1", "user=eve\1auth=Bearer x\1\1",
                                       "eve\1x", "x" };

/* One that fails, is asked so twice, and is answered.  false: it did not tell. */
static bool
is_told_why (struct fixture *f, const struct tested *m, const char *response, const void *answer,
             size_t size) {
  struct talk talk = talk_begin (f, &f->actor, m);
  ptn_status failed = PTN_OK;
  if (talk_step (&talk, response, strlen (response)) == PTN_OK
      && (failed = talk_failed (&talk)) != PTN_OK) {
    must (!talk.identity
              || (talk.identity->authcid && g_utf8_validate (talk.identity->authcid, -1, NULL)),
          "the identity that failed of %s gave has no authcid", m->table->name);
    must_give (talk_failed (&talk), failed, "failed of %s, asked again,", m->table->name);
    must_give (talk_step (&talk, answer, size), failed,
               "the response after %s had failed (`failed`)", m->table->name);
  }
  talk_end (&talk);
  return failed != PTN_OK;
}

RULE (told, "exchange.failed", "what has failed by `failed` has, whatever the client answers",
      "auth.h: failed", HAS_FAILED, 0) {
  bool any = false;
  EACH (f, m)
  for (size_t i = 0; i < G_N_ELEMENTS (made_up); i++) {
    struct proof_step proof = m->proof ? proof_step (m, 0) : (struct proof_step){ NULL, 0 };
    if (is_told_why (f, m, made_up[i], "", 0)) {
      any = true;
      is_told_why (f, m, made_up[i], "\1", 1);
      is_told_why (f, m, made_up[i], proof.data, proof.size);
    }
    proof_free (&proof);
  }
  if (!any)
    cannot_run ("nothing made up came so far that the client was told why it is wrong");
}

RULE (hopeful, "exchange.not-failed", "nobody has failed (`failed`) on the way to a proof",
      "auth.h: failed", HAS_FAILED | HAS_PROOF, 0) {
  EACH_PROVED (f, m)
  for (unsigned asked = 0; asked < 2; asked++) {
    struct talk talk = talk_begin (f, &f->actor, m);
    ptn_status status = PTN_OK;
    if (asked && strcmp (m->proof[0], "-") != 0) {
      must_do (talk_step (&talk, NULL, 0), "%s without an initial response", m->table->name);
      must_do (talk_failed (&talk), "failed of %s, which was asked for the first response,",
               m->table->name);
    }
    for (size_t i = 0; i < proof_length (m) && status == PTN_OK; i++) {
      struct proof_step step = proof_step (m, i);
      status = talk_step (&talk, step.data, step.size);
      proof_free (&step);
      if (status == PTN_OK)
        must_do (talk_failed (&talk), "failed of %s after step %zu of its proof", m->table->name,
                 i + 1);
    }
    must_give (status, PTN_END, "the proof of %s", m->table->name);
    talk_end (&talk);
  }
}

/* ---- Identities -------------------------------------------------------------------------- */

RULE (proved, "identity.proved", "a proof ends in PTN_END with who it was, who is not anonymous",
      "auth.h: PTN_END: proved", HAS_PROOF, 0) {
  EACH_PROVED (f, m) {
    struct talk talk = talk_begin (f, &f->actor, m);
    must_give (talk_prove (&talk), PTN_END, "the proof of %s", m->table->name);
    const struct ptn_identity *identity = talk.identity;
    must_be (identity->anonymous, 0, "anonymous of the identity of %s", m->table->name);
    must (identity->authcid && *identity->authcid, "authcid of the identity of %s is nobody",
          m->table->name);
    must (g_utf8_validate (identity->authcid, -1, NULL), "authcid of %s is not UTF-8",
          m->table->name);
    must (identity->domain, "domain of the identity of %s is NULL, must be \"\" if none",
          m->table->name);
    if (sasl_facts.addresses && !sasl_facts.addresses[1])
      must_read (identity->authcid, sasl_facts.addresses[0], "authcid of %s", m->table->name);
    talk_end (&talk);
  }
}

RULE (stays, "identity.stays", "the identity stays as it is until finish",
      "auth.h: *identity is valid until finish", HAS_PROOF, 0) {
  EACH_PROVED (f, m) {
    struct talk talk = talk_begin (f, &f->actor, m);
    must_give (talk_prove (&talk), PTN_END, "the proof of %s", m->table->name);
    g_autofree char *before = identity_text (talk.identity);
    for (unsigned i = 0; i < 20; i++) {
      struct talk other = talk_begin (f, &f->actor, m);
      talk_to_end (&other, talk_step (&other, "somebody else", 13));
      talk_end (&other);
    }
    g_autofree char *after = identity_text (talk.identity);
    must_read (after, before, "the identity of %s after others failed", m->table->name);
    struct talk second = talk_begin (f, &f->actor, m);
    must_give (talk_prove (&second), PTN_END, "a second proof of %s", m->table->name);
    talk_end (&second);
    g_autofree char *at_last = identity_text (talk.identity);
    must_read (at_last, before, "the identity of %s after a second proof", m->table->name);
    talk_end (&talk);
  }
}

RULE (last, "identity.at-the-end",
      "nobody is proved before the last step of the proof, also when no initial response was sent",
      "auth.h: PTN_OK: send *challenge, go on", HAS_PROOF, 0) {
  EACH_PROVED (f, m) {
    struct talk talk = talk_begin (f, &f->actor, m);
    ptn_status status = PTN_OK;
    if (strcmp (m->proof[0], "-") != 0)
      must_do (talk_step (&talk, NULL, 0), "%s without an initial response", m->table->name);
    for (size_t i = 0; i < proof_length (m); i++) {
      must_do (status, "step %zu of the proof of %s", i, m->table->name);
      struct proof_step step = proof_step (m, i);
      status = talk_step (&talk, step.data, step.size);
      proof_free (&step);
    }
    must_give (status, PTN_END, "the last step of the proof of %s", m->table->name);
    talk_end (&talk);
  }
}

RULE (failed, "identity.of-a-failure",
      "with a failure the identity, if there is one, names in authcid who it claimed to be",
      "auth.h: With a failure *identity may name", 0, 0) {
  EACH (f, m)
  for (size_t i = 0; i < G_N_ELEMENTS (made_up); i++) {
    struct talk talk = talk_begin (f, &f->actor, m);
    const ptn_status status =
        talk_to_end (&talk, talk_step (&talk, made_up[i], strlen (made_up[i])));
    must (is_failure (status), "%s is satisfied with a made-up response", m->table->name);
    if (talk.identity)
      must (talk.identity->authcid && g_utf8_validate (talk.identity->authcid, -1, NULL),
            "the identity with a failure of %s has no authcid", m->table->name);
    talk_end (&talk);
  }
}

RULES (sasl_exchange, &begins_rule, &first_rule, &ends_rule, &challenge_rule, &anywhere_rule,
       &told_rule, &hopeful_rule);
RULES (sasl_identity, &proved_rule, &stays_rule, &last_rule, &failed_rule);
