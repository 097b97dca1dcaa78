/* SPDX-License-Identifier: Apache-2.0 */
/* transaction.c - STAT, LIST, UIDL, DELE, RSET, NOOP, QUIT (RFC 1939 sections 5 to 7). */
#include "session.h"

#include <stdio.h>

bool
decimal (const char *text, uint64_t *value) {
  uint64_t result = 0;
  if (!*text)
    return false;
  for (; *text; text++) {
    if (!g_ascii_isdigit (*text))
      return false;
    if (result > (UINT64_MAX - 9) / 10)
      result = UINT64_MAX / 100; /* too big for any use, and stays so */
    result = result * 10 + (uint64_t)(*text - '0');
  }
  *value = result;
  return true;
}

bool
message_number (struct session *s, const char *word) {
  uint64_t number;
  if (!decimal (word, &number)) {
    say (s, "-ERR not a message number");
    return false;
  }
  if (number == 0 || number > s->drop->count) {
    reply (s, "-ERR no such message, there are %u", s->drop->count);
    return false;
  }
  s->index = (uint32_t)number - 1;
  if (s->drop->words[s->index] & MARK_DELETED) {
    say (s, "-ERR message is deleted");
    return false;
  }
  return true;
}

void
command_noop (struct session *s, const struct arguments *arguments) {
  emit (s, "+OK\r\n", 5);
}

void
command_stat (struct session *s, const struct arguments *arguments) {
  uint32_t messages;
  uint64_t octets;
  maildrop_totals (s->drop, &messages, &octets);
  reply (s, "+OK %u %" G_GUINT64_FORMAT, messages, octets);
}

static int
print_row (const struct session *s, uint32_t index, char *row, size_t room) {
  const struct maildrop *drop = s->drop;
  if (s->uidl && s->uidl_as_dovecot) /* its pop3_uidl_format is %08Xu%08Xv */
    return snprintf (row, room, "%u %08x%08x\r\n", index + 1, drop->uids[index], drop->uidvalidity);
  if (s->uidl) /* 16 characters, RFC 1939 allows 70 */
    return snprintf (row, room, "%u %08x%08x\r\n", index + 1, drop->uidvalidity, drop->uids[index]);
  return snprintf (row, room, "%u %" G_GUINT64_FORMAT "\r\n", index + 1,
                   OCTETS_OF (drop->words[index]));
}

/* Rows in pieces: a listing of a million messages waits for a slow client in 4 kB. */
static ptn_status
list_rows (struct session *s) {
  char rows[4096];
  size_t used = 0;
  while (s->index < s->drop->count && used + 64 < sizeof rows) {
    if (!(s->drop->words[s->index] & MARK_DELETED))
      used += (size_t)print_row (s, s->index, rows + used, sizeof rows - used);
    s->index++;
  }
  if (s->index == s->drop->count) {
    memcpy (rows + used, ".\r\n", 3);
    used += 3;
    s->resume = NULL;
    s->listing = false;
  }
  emit (s, rows, used);
  return PTN_OK;
}

static void
list (struct session *s, const struct arguments *arguments, bool uidl) {
  s->uidl = uidl;
  if (uidl)
    s->uidl_as_dovecot =
        strcmp (s->pop3->host->text (s->info->config, "uidl_format"), "dovecot") == 0;
  if (arguments->count) {
    char row[64];
    if (!message_number (s, arguments->word[0]))
      return;
    int length = print_row (s, s->index, row, sizeof row);
    reply (s, "+OK %.*s", length - 2, row);
    return;
  }
  uint32_t messages;
  uint64_t octets;
  maildrop_totals (s->drop, &messages, &octets);
  reply (s, "+OK %u messages (%" G_GUINT64_FORMAT " octets)", messages, octets);
  s->index = 0;
  s->listing = true;
  s->resume = list_rows;
}

void
command_list (struct session *s, const struct arguments *arguments) {
  list (s, arguments, false);
}

void
command_uidl (struct session *s, const struct arguments *arguments) {
  list (s, arguments, true);
}

void
command_dele (struct session *s, const struct arguments *arguments) {
  if (!message_number (s, arguments->word[0]))
    return;
  if (s->drop->reads) {
    say (s, "-ERR this mailbox is open for reading only");
    return;
  }
  s->drop->words[s->index] |= MARK_DELETED;
  emit (s, "+OK deleted\r\n", 13);
}

void
command_rset (struct session *s, const struct arguments *arguments) {
  uint32_t messages;
  uint64_t octets;
  for (uint32_t i = 0; i < s->drop->count; i++)
    s->drop->words[i] &= ~MARK_DELETED;
  maildrop_totals (s->drop, &messages, &octets);
  reply (s, "+OK %u messages (%" G_GUINT64_FORMAT " octets)", messages, octets);
}

static ptn_status
carry_out (struct session *s) {
  ptn_status status = update_step (s->update, s->task);
  if (status == PTN_PENDING)
    return PTN_PENDING;
  if (status == PTN_OK)
    s->removed = update_count (s->update);
  update_free (&s->update);
  /* Who has read our answer may log in again at once: the lock goes first. */
  maildrop_free (&s->drop);
  if (status == PTN_OK) {
    s->pop3->host->observe (s->pop3->deleted, s->removed);
    reply (s, "+OK bye, %u messages removed", s->removed);
  } else {
    const char *why = s->pop3->host->failure_log (s->task);
    struct ptn_field fields[] = { { "error", why ? why : "" } };
    s->pop3->host->log (s->pop3->host, PTN_LOG_WARNING, s->task, "pop3.update-failed", fields, 1);
    reply (s, "-ERR [SYS/TEMP] %s", failure_text (s, "no message was removed, try again later"));
  }
  session_close_after (s);
  return PTN_OK;
}

void
command_quit (struct session *s, const struct arguments *arguments) {
  s->update = s->drop ? update_new (s->drop, true) : NULL;
  if (s->update) {
    s->resume = carry_out;
    return;
  }
  maildrop_free (&s->drop);
  say (s, "+OK bye");
  session_close_after (s);
}
