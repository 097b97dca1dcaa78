/* SPDX-License-Identifier: Apache-2.0 */
/* any.c - commands of every state: CAPABILITY, NOOP, LOGOUT (RFC 9051 section 6.1). */
#include "capability.h"
#include "commands.h"
#include "login/login.h"

static ptn_status
tell_capabilities (struct session *s) {
  struct ptn_strings mechanisms = { 0 };
  uint32_t plaintext = 1;
  if (s->state == STATE_NOT_AUTHENTICATED) {
    ptn_status status = login_mechanisms (s, &mechanisms, &plaintext);
    if (status == PTN_PENDING)
      return status;
  }
  PUT (&s->out, "* ");
  put_capabilities (s, &s->out, &mechanisms, plaintext);
  PUT (&s->out, "\r\n");
  login_end (s);
  answer_ok (s, NULL, "CAPABILITY completed");
  return PTN_OK;
}

void
command_capability (struct session *s, struct reader *r) {
  if (!reader_end (r))
    answer_syntax (s, r);
  else
    s->resume = tell_capabilities;
}

void
command_noop (struct session *s, struct reader *r) {
  if (!reader_end (r))
    answer_syntax (s, r);
  else
    answer_ok (s, NULL, "NOOP completed");
}

void
command_logout (struct session *s, struct reader *r) {
  if (!reader_end (r)) {
    answer_syntax (s, r);
    return;
  }
  untagged (s, "BYE see you");
  answer_ok (s, NULL, "LOGOUT completed");
  session_logout (s);
}
