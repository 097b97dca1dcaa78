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

uint32_t
capability_lacking (const struct imap4 *imap4, enum capability capability) {
  uint32_t has = imap4->store->capabilities;
  /* A store that forgets everything at its end forgets modseqs together with what they are of. */
  if (!(has & PTN_STORE_DURABLE))
    has |= PTN_STORE_QRESYNC;
  return rows[capability].store & ~has;
}

bool
offers (const struct session *s, enum capability capability) {
  if (capability == CAP_NONE)
    return true;
  if (s->hidden[capability / 64] >> (capability % 64) & 1)
    return false;
  return !capability_lacking (s->imap4, capability);
}

enum capability
capability_find (const char *name) {
  size_t size = strlen (name);
  for (int i = 0; i < CAPABILITY_COUNT; i++)
    if (g_ascii_strcasecmp (rows[i].name, name) == 0)
      return i;
  for (int i = 0; i < CAPABILITY_COUNT; i++)
    if (g_ascii_strncasecmp (rows[i].name, name, size) == 0 && rows[i].name[size] == '=')
      return i;
  return CAP_NONE;
}

struct capability_row
capability_row (enum capability capability) {
  const struct row *row = &rows[capability];
  return (struct capability_row){ row->name, row->document };
}

/* --- hiding ----------------------------------------------------------------------------------- */

const char *
attribute_of (const struct ptn_strings *attributes, const char *name) {
  size_t size = strlen (name);
  for (size_t i = 0; attributes && i < attributes->count; i++)
    if (strncmp (attributes->items[i], name, size) == 0 && attributes->items[i][size] == '=')
      return attributes->items[i] + size + 1;
  return NULL;
}

/* Is the capability among words that spaces or commas divide? */
static bool
names (const char *words, enum capability capability) {
  while (words && *words) {
    size_t size = strcspn (words, " ,\t");
    g_autofree char *word = g_strndup (words, size);
    if (size && capability_find (word) == capability)
      return true;
    words += size;
    words += strspn (words, " ,\t");
  }
  return false;
}

bool
capability_hidden (const struct capability_mask *mask, enum capability capability,
                   const char **why) {
  const struct ptn_host *host = mask->imap4->host;
  const struct ptn_strings hidden = host->words (mask->config, "hide");
  if (capability == CAP_IMAP4REV1)
    return false;
  for (size_t i = 0; i < hidden.count; i++)
    if (capability_find (hidden.items[i]) == capability) {
      *why = host->text (mask->config, "hide_why");
      return true;
    }
  *why = attribute_of (mask->attributes, "imap.hide_why");
  return names (attribute_of (mask->attributes, "imap.hide"), capability);
}

void
session_hide (struct session *s) {
  char **attributes = s->user ? s->user->attributes : NULL;
  const struct ptn_strings strings = { (const char *const *)attributes,
                                       attributes ? g_strv_length (attributes) : 0 };
  const struct capability_mask mask = { s->imap4, s->info->config, &strings };
  memset (s->hidden, 0, sizeof s->hidden);
  if (!s->imap4->host->words (s->info->config, "hide").count
      && !attribute_of (&strings, "imap.hide"))
    return;
  for (int i = 0; i < CAPABILITY_COUNT; i++) {
    const char *why;
    if (capability_hidden (&mask, i, &why))
      s->hidden[i / 64] |= UINT64_C (1) << (i % 64);
  }
}

/* --- telling ---------------------------------------------------------------------------------- */

/* Those that are told with a number: of which setting. */
static const char *const rows_of_limits[CAPABILITY_COUNT] = {
  [CAP_APPENDLIMIT] = "append_limit",
  [CAP_MESSAGELIMIT] = "message_limit",
  [CAP_SAVELIMIT] = "save_limit",
};

/* 0 and `unlimited` are none. */
static bool
has_limit (const struct session *s, int i) {
  int64_t limit =
      rows_of_limits[i] ? s->imap4->host->number (s->info->config, rows_of_limits[i]) : 1;
  return limit > 0 && limit < INT64_MAX;
}

void
put_capabilities (struct session *s, struct writer *w, const struct ptn_strings *mechanisms,
                  bool plaintext) {
  bool logged_in = s->state != STATE_NOT_AUTHENTICATED && s->state != STATE_GREETING;
  PUT (w, "CAPABILITY");
  for (int i = 0; i < CAPABILITY_COUNT; i++)
    if ((logged_in || rows[i].when == PRE) && offers (s, i) && has_limit (s, i)) {
      put_char (w, ' ');
      put_text (w, rows[i].name);
      if (rows_of_limits[i]) {
        put_char (w, '=');
        put_number (w, (uint64_t)s->imap4->host->number (s->info->config, rows_of_limits[i]));
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
