/* SPDX-License-Identifier: Apache-2.0 */
/* append.c - APPEND and REPLACE from their first argument to the last octet; see append.h. */
#include "append/append.h"

#include "append/parts.h"
#include "commands.h"
#include "mailbox/gather.h"
#include "common/rights.h"
#include "selected/limit.h"
#include "selected/limit.h"
#include "selected/selected.h"

#include <inttypes.h>

static void
append_free (struct session *s, void *work) {
  struct append *a = work;
  s->imap4->host->call_end (&s->call);
  intake_clear (&a->intake);
  if (a->victims)
    s->imap4->store->close_cursor (a->victims);
  if (a->change)
    s->imap4->store->end (a->change);
  if (a->annotating)
    s->imap4->store->end (a->annotating);
  parts_free (&a->parts);
  gather_free (s, a->listing);
  g_ptr_array_unref (a->keywords);
  g_array_unref (a->annotations);
  if (a->uids)
    g_array_unref (a->uids);
  g_free (a);
}

/* --- failing ------------------------------------------------------------------------------------ */

/* Nothing of what comes belongs to anything. */
static void
throw_away (struct session *s) {
  struct append *a = append_of (s);
  s->imap4->host->call_end (&s->call);
  if (s->literal.pending) {
    literal_refuse (s);
    return;
  }
  uint64_t left = a->parts ? parts_literal_left (a->parts) : 0;
  bool in_literal = a->intake.inner && !a->parts;
  if (in_literal)
    left = a->intake.left;
  if (in_literal || parts_in_literal (a->parts)) {
    intake_close (&a->intake);
    parts_free (&a->parts);
    s->literal_left = left;
    s->skipping = true;
  }
}

ptn_status
append_fail (struct session *s, ptn_status status, const char *otherwise) {
  if (status == PTN_E_DISCONNECTED || status == PTN_E_NO_MEMORY)
    return status; /* nobody is there, or nothing more can be said */
  g_autofree char *text = g_strdup (failure_text (s, otherwise));
  if (status == PTN_E_LIMIT)
    return append_refuse (s, "TOOBIG", text);
  if (status <= PTN_E_TEMPORARY) {
    throw_away (s);
    answer_failure (s, status, otherwise);
    return PTN_OK;
  }
  return append_refuse (s, failure_code (status), text);
}

ptn_status
append_refuse (struct session *s, const char *code, const char *text) {
  throw_away (s);
  answer_no (s, code, text);
  return PTN_OK;
}

ptn_status
append_bad (struct session *s, const char *text) {
  g_autofree char *copy = g_strdup (text ? text : "malformed arguments");
  throw_away (s);
  answer_bad (s, copy);
  return PTN_OK;
}

/* --- literals among the arguments ----------------------------------------------------------------- */

bool
append_retry (struct session *s, size_t at, ptn_status *status) {
  struct append *a = append_of (s);
  struct reader *r = &s->arguments;
  if (!a->taking) {
    bool cut = r->error && strcmp (r->error, "a literal that is cut short") == 0;
    if (!cut || !s->literal.pending)
      return false;
    a->taken = a->taken_at == at ? a->taken + 1 : 1;
    a->taken_at = at;
    if (a->taken > APPEND_LITERALS_MAX) {
      *status = append_bad (s, "too many literals before the message");
      return true;
    }
    a->taking = true;
  }
  *status = literal_take (s);
  if (*status == PTN_PENDING)
    return true;
  a->taking = false;
  if (*status == PTN_E_LIMIT) {
    *status = append_bad (s, "the literal is too long");
    return true;
  }
  r->at = at;
  r->error = NULL;
  return true;
}

/* --- the message ------------------------------------------------------------------------------------ */

bool
append_fits (struct session *s, uint64_t size) {
  struct append *a = append_of (s);
  uint64_t most = (uint64_t)s->imap4->host->number (s->info->config, "append_limit");
  const char *code = NULL, *text = NULL;
  g_autofree char *limit = limit_refusal (s, (uint64_t)a->messages + 1); /* RFC 9738 */
  if (limit) {
    code = limit;
    text = "too many messages at once";
  } else if (size > most) {
    code = "TOOBIG";
    text = "the message is greater than this server takes";
  } else if (size > a->free || a->slots == 0) {
    code = "OVERQUOTA";
    text = a->slots ? "the message does not fit into the quota"
                    : "as many messages as the quota allows";
  }
  if (!code)
    return true;
  append_refuse (s, code, text);
  return false;
}

/* Behind the octets: the end of the line, or the next message (RFC 3502). */
static ptn_status
go_on (struct session *s) {
  struct append *a = append_of (s);
  struct reader *r = &s->arguments;
  ptn_status status = literal_next_line (s);
  if (status == PTN_E_LIMIT)
    return append_bad (s, "the line is too long");
  if (status != PTN_OK)
    return status;
  if (a->kind == APPEND_UTF8 && !reader_expect (r, ')'))
    return append_bad (s, r->error);
  return append_next (s);
}

ptn_status
append_next (struct session *s) {
  struct append *a = append_of (s);
  struct reader *r = &s->arguments;
  if (r->at == r->size)
    s->resume = append_commit;
  else if (a->messages == APPEND_MESSAGES_MAX || r->kept > APPEND_KEPT_MAX)
    return append_refuse (s, "LIMIT", "too many messages at once");
  else if (a->replace)
    return append_bad (s, "REPLACE takes one message");
  else {
    g_autofree char *refusal = limit_refusal (s, (uint64_t)a->messages + 1);
    if (refusal)
      return append_refuse (s, refusal, "too many messages to add at once: add fewer");
    s->resume = append_options;
  }
  return PTN_OK;
}

static ptn_status
store_message (struct session *s) {
  struct append *a = append_of (s);
  ptn_status status = s->imap4->store->append (a->change, &s->call, &a->id, &a->message);
  if (status == PTN_PENDING)
    return status;
  if (status != PTN_OK) {
    if (a->intake.has_nul && !a->intake.binary)
      return append_bad (s, "NUL in a message: send it as ~{...}");
    return append_fail (s, status, "the message cannot be stored");
  }
  s->imap4->host->call_end (&s->call);
  intake_close (&a->intake);
  a->free -= MIN (a->free, a->size);
  a->slots -= a->slots && a->slots != UINT64_MAX ? 1 : 0;
  a->messages++;
  if (a->kind != APPEND_CATENATE) {
    s->resume = go_on;
    return PTN_OK;
  }
  parts_free (&a->parts);
  return append_next (s);
}

static ptn_status
begin_change (struct session *s) {
  struct append *a = append_of (s);
  ptn_status status = s->imap4->store->begin (s->user->account, &s->call, NULL, &a->change);
  if (status == PTN_PENDING)
    return status;
  s->imap4->host->call_end (&s->call);
  if (status != PTN_OK)
    return append_fail (s, status, "the message cannot be stored");
  s->resume = store_message;
  return PTN_OK;
}

ptn_status
append_store (struct session *s, struct ptn_source *source, uint64_t size, bool binary) {
  struct append *a = append_of (s);
  a->size = size;
  intake_open (&a->intake, source, size, binary);
  a->message.source = &a->intake.source;
  a->message.describe = intake_describe;
  a->message.argument = &a->intake;
  s->resume = a->change ? store_message : begin_change;
  return PTN_OK;
}

/* --- the commands ------------------------------------------------------------------------------------ */

/* REPLACE: which message. */
static bool
read_victim (struct session *s, struct append *a, struct reader *r, bool *missing) {
  uint32_t number;
  *missing = false;
  if (!s->uid && s->enabled & ENABLED_UIDONLY) /* RFC 9586 section 3.3 */
    return reader_fail (r, "[UIDREQUIRED] message numbers are not used after ENABLE UIDONLY");
  if (!reader_space (r) || !reader_nz_number (r, &number))
    return false;
  const struct ptn_view *told = s->selected->told;
  if (s->uid) {
    a->victim = number;
    *missing = view_find (told, number, NULL) == told->count;
  } else if (number > told->count)
    return reader_fail (r, "a message number that is not there");
  else
    a->victim = told->uid[number - 1];
  return true;
}

static ptn_status
read_mailbox (struct session *s) {
  struct append *a = append_of (s);
  struct reader *r = &s->arguments;
  ptn_status status = PTN_OK;
  bool missing = false;
  bool read = !a->taking && (!a->replace || read_victim (s, a, r, &missing)) && reader_space (r)
              && (a->mailbox = reader_mailbox (r));
  if (!read)
    return append_retry (s, a->retry_at, &status) ? status : append_bad (s, r->error);
  if (missing) /* RFC 8508 section 3.4: then nothing is added either */
    return append_refuse (s, "NONEXISTENT", "the message is not there any more");
  if (a->replace && s->selected->read_only)
    return append_refuse (s, "READ-ONLY", "the mailbox was opened with EXAMINE");
  if (a->replace && rights_check (s->selected->rights, RIGHT_T | RIGHT_E) != PTN_OK)
    return append_refuse (s, "NOPERM", "messages of this mailbox may not be deleted");
  s->resume = append_target;
  return PTN_OK;
}

static void
begin (struct session *s, struct reader *r, bool replace) {
  struct append *a = g_new0 (struct append, 1);
  a->replace = replace;
  a->keywords = g_ptr_array_new ();
  a->annotations = g_array_new (FALSE, FALSE, sizeof (struct append_annotation));
  a->free = a->slots = UINT64_MAX;
  a->retry_at = r->at;
  s->work = a;
  s->work_free = append_free;
  s->resume = read_mailbox;
}

void
command_append (struct session *s, struct reader *r) {
  begin (s, r, false);
}

void
command_replace (struct session *s, struct reader *r) {
  begin (s, r, true);
}
