/* SPDX-License-Identifier: Apache-2.0 */
/* uses.c - see uses.h. */
#include "mailbox/uses.h"

/* Calendars, contacts and tasks have no names here: no document gives them any. */
static const struct use {
  const char *name, *xlist;
  uint32_t bit;
  bool made; /* \All and \Flagged would be views of messages that lie elsewhere: we have none */
} uses[] = {
  { "\\All", "\\AllMail", PTN_MAILBOX_ALL, false },
  { "\\Archive", "\\Archive", PTN_MAILBOX_ARCHIVE, true },
  { "\\Drafts", "\\Drafts", PTN_MAILBOX_DRAFTS, true },
  { "\\Flagged", "\\Starred", PTN_MAILBOX_FLAGGED, false },
  { "\\Junk", "\\Spam", PTN_MAILBOX_JUNK, true },
  { "\\Sent", "\\Sent", PTN_MAILBOX_SENT, true },
  { "\\Trash", "\\Trash", PTN_MAILBOX_TRASH, true },
  { "\\Important", "\\Important", PTN_MAILBOX_IMPORTANT, true },
};

static bool
read_one (struct reader *r, uint32_t *bits, bool *known) {
  if (!reader_expect (r, '\\'))
    return false;
  const char *name = reader_atom (r);
  if (!name)
    return false;
  for (size_t i = 0; i < G_N_ELEMENTS (uses); i++)
    if (uses[i].made && g_ascii_strcasecmp (uses[i].name + 1, name) == 0) {
      *bits |= uses[i].bit;
      return true;
    }
  *known = false;
  return true;
}

bool
uses_read (struct reader *r, uint32_t *bits, bool *known) {
  *bits = 0;
  *known = true;
  if (!reader_expect (r, '('))
    return false;
  if (reader_accept (r, ')'))
    return true;
  do
    if (!read_one (r, bits, known))
      return false;
  while (reader_accept (r, ' '));
  return reader_expect (r, ')');
}

void
uses_put (struct writer *w, uint32_t bits, bool xlist) {
  for (size_t i = 0; i < G_N_ELEMENTS (uses); i++)
    if (bits & uses[i].bit) {
      put_char (w, ' ');
      put_text (w, xlist ? uses[i].xlist : uses[i].name);
    }
}
