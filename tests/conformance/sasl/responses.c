/* SPDX-License-Identifier: Apache-2.0 */
/* responses.c - rules of what hostile clients send. */
#include "kit.h"

#define GARBAGE_ROUNDS 300
#define HUGE_OCTETS 65536

/* An exchange in which the client only says this. */
static ptn_status
only_says (struct fixture *f, const struct tested *m, bool asked, const void *data, size_t size) {
  struct talk talk = talk_begin (f, &f->actor, m);
  ptn_status status = PTN_OK;
  if (asked)
    status = talk_step (&talk, NULL, 0);
  for (unsigned i = 0; status == PTN_OK && i < STEPS_MAX; i++)
    status = talk_step (&talk, data, size);
  must (status != PTN_OK, "the exchange of %s asks for ever more", m->table->name);
  talk_end (&talk);
  return status;
}

RULE (empty, "response.empty", "an empty response proves nobody", "auth.h: step", 0, 0) {
  EACH (f, m)
  for (unsigned asked = 0; asked < 2; asked++)
    must (is_failure (only_says (f, m, asked, "", 0)), "%s is satisfied with an empty response",
          m->table->name);
}

RULE (garbage, "response.garbage", "garbage proves nobody and breaks nothing", "auth.h: step", 0,
      0) {
  unsigned char octets[2048];
  EACH (f, m) {
    GRand *dice = g_rand_new_with_seed (1);
    for (unsigned round = 0; round < GARBAGE_ROUNDS; round++) {
      const size_t size = 1 + (size_t)g_rand_int_range (dice, 0, round % 10 ? 64 : 2048);
      for (size_t i = 0; i < size; i++)
        octets[i] =
            (unsigned char)(round % 3
                                ? g_rand_int_range (dice, 0, 256)
                                : "nya=,\1\0/\\@ \n0{}[]\"user"[g_rand_int_range (dice, 0, 22)]);
      const ptn_status status = only_says (f, m, round & 1, octets, size);
      must (is_failure (status), "%s is satisfied with %zu octets of garbage", m->table->name,
            size);
    }
    g_rand_free (dice);
  }
}

RULE (huge, "response.huge", "64 KiB in a response prove nobody and break nothing",
      "plugins/auth/README.md", 0, 0) {
  static const char fill[] = { 'A', '\0', '\xff', '\1', '=', '/', '{', '0' };
  g_autofree char *octets = g_malloc (HUGE_OCTETS);
  EACH (f, m)
  for (size_t i = 0; i < sizeof fill; i++)
    for (unsigned asked = 0; asked < 2; asked++) {
      memset (octets, fill[i], HUGE_OCTETS);
      must (is_failure (only_says (f, m, asked, octets, HUGE_OCTETS)),
            "%s is satisfied with 64 KiB of one octet", m->table->name);
    }
}

/* The proof up to step `last`, of which only `size` octets come. */
static ptn_status
cut_proof (struct fixture *f, const struct tested *m, size_t last, size_t size) {
  struct talk talk = talk_begin (f, &f->actor, m);
  ptn_status status = PTN_OK;
  for (size_t i = 0; i <= last && status == PTN_OK; i++) {
    struct proof_step step = proof_step (m, i);
    status = talk_step (&talk, step.data, i == last ? size : step.size);
    proof_free (&step);
  }
  status = talk_to_end (&talk, status);
  talk_end (&talk);
  return status;
}

RULE (cut, "response.cut", "a proof that is cut anywhere proves nobody", "auth.h: step", HAS_PROOF,
      0) {
  EACH_PROVED (f, m)
  for (size_t i = 0; i < proof_length (m); i++) {
    struct proof_step step = proof_step (m, i);
    const size_t whole = step.size;
    proof_free (&step);
    for (size_t size = 0; size < whole; size += 1 + whole / 400)
      must (is_failure (cut_proof (f, m, i, size)),
            "%s is satisfied with %zu of the %zu octets of step %zu", m->table->name, size, whole,
            i + 1);
  }
}

RULE (more, "response.more", "octets behind a proof are not overlooked", "auth.h: step", HAS_PROOF,
      0) {
  EACH_PROVED (f, m) {
    struct talk talk = talk_begin (f, &f->actor, m);
    ptn_status status = PTN_OK;
    for (size_t i = 0; i < proof_length (m) && status == PTN_OK; i++) {
      struct proof_step step = proof_step (m, i);
      const bool last = i + 1 == proof_length (m);
      g_autofree unsigned char *longer = g_malloc (step.size + 2);
      if (step.size)
        memcpy (longer, step.data, step.size);
      memcpy (longer + step.size, "\0x", 2);
      status =
          last ? talk_step (&talk, longer, step.size + 2) : talk_step (&talk, step.data, step.size);
      explicit_bzero (longer, step.size);
      proof_free (&step);
    }
    must (talk_to_end (&talk, status) != PTN_END,
          "%s is satisfied with a proof and two octets more", m->table->name);
    talk_end (&talk);
  }
}

RULE (borrowed, "response.borrowed", "a response is used only until the step has taken it",
      "base.h: Arguments are borrowed for the call", HAS_PROOF, 0) {
  EACH_PROVED (f, m) {
    struct talk talk = talk_begin (f, &f->actor, m);
    must_give (talk_prove (&talk), PTN_END, "the proof of %s", m->table->name);
    g_autofree char *first = identity_text (talk.identity);
    must (g_utf8_validate (talk.identity->authcid, -1, NULL),
          "the identity of %s is not UTF-8 once the response was overwritten", m->table->name);
    struct talk again = talk_begin (f, &f->actor, m);
    must_give (talk_prove (&again), PTN_END, "the proof of %s", m->table->name);
    g_autofree char *second = identity_text (again.identity);
    must_read (second, first, "the identity of %s, proved twice", m->table->name);
    talk_end (&again);
    talk_end (&talk);
  }
}

RULES (sasl_response, &empty_rule, &garbage_rule, &huge_rule, &cut_rule, &more_rule,
       &borrowed_rule);
