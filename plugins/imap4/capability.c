/* SPDX-License-Identifier: Apache-2.0 */
/* capability.c - the table of capabilities, and the CAPABILITY command's list. */
#include "capability.h"

enum when { PRE, POST };

static const struct row {
  const char *name, *document;
  enum when when;
  uint32_t store; /* PTN_STORE_* it needs */
} rows[] = {
#define CAPABILITY_ROW(name, text, document, when, store) { text, document, when, store },
  CAPABILITIES (CAPABILITY_ROW)
#undef CAPABILITY_ROW
};

bool
offers (const struct session *s, enum capability capability) {
  if (capability == CAP_NONE)
    return true;
  if (s->hidden[capability / 64] >> (capability % 64) & 1)
    return false;
  uint32_t needed = rows[capability].store, has = s->imap4->store->capabilities;
  /* A store that forgets everything at its end forgets modseqs together with what they are of. */
  if (!(has & PTN_STORE_DURABLE))
    has |= PTN_STORE_QRESYNC;
  return (has & needed) == needed;
}

void
put_capabilities (struct session *s, struct writer *w, const struct ptn_strings *mechanisms,
                  bool plaintext) {
  bool logged_in = s->state != STATE_NOT_AUTHENTICATED && s->state != STATE_GREETING;
  PUT (w, "CAPABILITY");
  for (int i = 0; i < CAPABILITY_COUNT; i++)
    if ((logged_in || rows[i].when == PRE) && offers (s, i)) {
      put_char (w, ' ');
      put_text (w, rows[i].name);
      if (i == CAP_APPENDLIMIT) {
        put_char (w, '=');
        put_number (w, (uint64_t)s->imap4->host->number (s->info->config, "append_limit"));
      }
    }
  if (logged_in)
    return;
  if (s->info->start_tls && !session_has_tls (s))
    PUT (w, " STARTTLS");
  if (!plaintext)
    PUT (w, " LOGINDISABLED");
  for (size_t i = 0; mechanisms && i < mechanisms->count; i++) {
    PUT (w, " AUTH=");
    put_text (w, mechanisms->items[i]);
  }
}
