/* SPDX-License-Identifier: Apache-2.0 */
/* mail.c - the envelope: MAIL and RCPT, and the log of what became of a mail. */
#include "submission.h"

#include <stdio.h>
#include <string.h>

static void
free_recipient (void *recipient) {
  g_free ((char *)((struct ptn_recipient *)recipient)->address);
}

static void
begin (struct session *s, const char *reverse_path, const struct mail_params *params) {
  struct transaction *mail = s->mail = g_new0 (struct transaction, 1);
  mail->reverse_path = g_strdup (reverse_path);
  mail->announced = params->size;
  mail->utf8 = params->utf8;
  mail->recipients = g_array_sized_new (FALSE, TRUE, sizeof (struct ptn_recipient), 4);
  g_array_set_clear_func (mail->recipients, free_recipient);
}

void
mail_reset (struct session *s) {
  struct transaction *mail = s->mail;
  s->mail = NULL;
  if (!mail)
    return;
  s->plugin->host->call_end (&mail->call);
  g_array_unref (mail->recipients);
  g_free (mail->reverse_path);
  g_free (mail->replies);
  g_free (mail->tls);
  g_free (mail->id);
  g_free (mail);
}

/* --- log ----------------------------------------------------------------------------------- */

void
mail_log_refused (struct session *s, const char *reason, const char *recipient) {
  const struct ptn_host *host = s->plugin->host;
  host->observe (s->plugin->refused, 1);
  if (!host->logs (host, PTN_LOG_INFO))
    return;
  struct ptn_field fields[4];
  size_t n = 0;
  fields[n++] = (struct ptn_field){ "reason", reason };
  if (s->mail && s->mail->id)
    fields[n++] = (struct ptn_field){ "mail", s->mail->id };
  if (s->mail)
    fields[n++] = (struct ptn_field){ "sender", s->mail->reverse_path };
  if (recipient)
    fields[n++] = (struct ptn_field){ "recipient", recipient };
  host->log (host, PTN_LOG_INFO, s->task, "mail.refused", fields, n);
}

void
mail_log_accepted (struct session *s) {
  const struct ptn_host *host = s->plugin->host;
  const struct transaction *mail = s->mail;
  host->observe (s->plugin->accepted, 1);
  host->observe (s->plugin->octets, (int64_t)mail->receiver.octets);
  if (!host->logs (host, PTN_LOG_INFO))
    return;
  char count[16], size[24];
  snprintf (count, sizeof count, "%u", mail->recipients->len);
  snprintf (size, sizeof size, "%" G_GUINT64_FORMAT, mail->receiver.octets);
  const struct ptn_field fields[] = {
    { "mail", mail->id },
    { "sender", mail->reverse_path },
    { "recipients", count },
    { "size", size },
    { "recipient", g_array_index (mail->recipients, struct ptn_recipient, 0).address }
  };
  host->log (host, PTN_LOG_INFO, s->task, "mail.accepted", fields,
             mail->recipients->len == 1 ? 5 : 4);
}

/* --- MAIL ------------------------------------------------------------------------------------ */

static bool
is_ascii (const char *text) {
  for (; *text; text++)
    if ((unsigned char)*text >= 0x80)
      return false;
  return true;
}

static bool
starts (const char *text, size_t size, const char *word) {
  return size >= strlen (word) && !g_ascii_strncasecmp (text, word, strlen (word));
}

static void
refuse_path (struct session *s, enum address_fault fault, const char *command) {
  if (fault == ADDRESS_NON_ASCII)
    session_reply (s, 553, "5.6.7", "%s", address_fault_text (fault));
  else
    session_reply (s, 501, command[0] == 'M' ? "5.1.7" : "5.1.3", "%s", address_fault_text (fault));
}

static bool
mail_allowed (struct session *s) {
  if (!s->helo)
    session_reply (s, 503, "5.5.1", "say %s first", s->kind == KIND_LMTP ? "LHLO" : "EHLO");
  else if (s->kind == KIND_SUBMISSION && !s->identity)
    command_auth_required (s);
  else if (s->mail)
    session_reply (s, 503, "5.5.1", "a mail has begun already: RSET drops it");
  else
    return true;
  return false;
}

/* Waits for the directory: may they write this address as sender? */
static ptn_status
check_sender (struct session *s) {
  const struct ptn_directory *directory = s->plugin->directory.table;
  s->call.task = s->task;
  ptn_status status =
      directory->may_send_as (s->plugin->directory.instance, &s->call, s->identity, s->argument);
  if (status == PTN_PENDING)
    return status;
  if (status == PTN_OK)
    session_write (s, "250 2.1.0 sender ok\r\n");
  else {
    if (status <= PTN_E_TEMPORARY)
      session_reply (s, 451, "4.3.0", "the sender cannot be checked now, try again later");
    else
      session_reply (s, 550, "5.7.1", "this account may not send as <%s>", s->argument);
    mail_log_refused (s, "sender not allowed", NULL);
    mail_reset (s);
  }
  session_command_done (s);
  return PTN_OK;
}

void
mail_from (struct session *s, const char *argument, size_t size) {
  char path[ADDRESS_MAX + 1];
  size_t used;
  struct mail_params params = { 0 };
  unsigned code;
  const char *enhanced;
  if (!mail_allowed (s))
    return;
  if (!starts (argument, size, "FROM:")) {
    session_reply (s, 501, "5.5.4", "say MAIL FROM:<address>");
    return;
  }
  argument += 5;
  size -= 5;
  enum address_fault fault =
      address_read_path (argument, size, ADDRESS_NULL | ADDRESS_UTF8, path, &used);
  if (fault != ADDRESS_OK) {
    refuse_path (s, fault, "MAIL");
    return;
  }
  const char *text = params_read_mail (s, argument + used, size - used, &params, &code, &enhanced);
  if (text)
    session_reply (s, code, enhanced, "%s", text);
  else if (!params.utf8 && !is_ascii (path))
    refuse_path (s, ADDRESS_NON_ASCII, "MAIL");
  else {
    begin (s, path, &params);
    /* The null path is what receipts (RFC 8098) are sent with. */
    if (s->kind == KIND_SUBMISSION && s->check_sender && *path) {
      s->argument = g_strdup (path);
      s->resume = check_sender;
    } else
      session_write (s, "250 2.1.0 sender ok\r\n");
  }
}

/* --- RCPT ------------------------------------------------------------------------------------ */

static ptn_status
verify (struct session *s) {
  const struct ptn_delivery *delivery = s->plugin->delivery.table;
  struct transaction *mail = s->mail;
  struct ptn_reply reply = { 0 };
  s->call.task = s->task;
  ptn_status status = delivery->verify (s->plugin->delivery.instance, &s->call, s->identity,
                                        mail->reverse_path, s->argument, mail->announced, &reply);
  if (status == PTN_PENDING)
    return status;
  if (status != PTN_OK)
    reply = (struct ptn_reply){ 451, 4003000, "recipients cannot be checked now, try again later" };
  session_reply_given (s, &reply);
  if (reply.code >= 200 && reply.code < 300) {
    struct ptn_recipient recipient = { .address = g_steal_pointer (&s->argument) };
    g_array_append_val (mail->recipients, recipient);
  } else {
    /* Over LMTP a server that we trust asks for many at once. */
    s->errors += s->kind != KIND_LMTP && reply.code >= 500;
    mail_log_refused (s, reply.text, s->argument);
  }
  session_command_done (s);
  return PTN_OK;
}

void
mail_to (struct session *s, const char *argument, size_t size) {
  char path[ADDRESS_MAX + 1];
  size_t used;
  unsigned code;
  const char *enhanced;
  if (!s->mail || s->mail->receiving) {
    session_reply (s, 503, "5.5.1", s->mail ? "too late for recipients" : "say MAIL first");
    return;
  }
  if (!starts (argument, size, "TO:")) {
    session_reply (s, 501, "5.5.4", "say RCPT TO:<address>");
    return;
  }
  argument += 3;
  size -= 3;
  enum address_fault fault =
      address_read_path (argument, size, ADDRESS_POSTMASTER | (s->mail->utf8 ? ADDRESS_UTF8 : 0),
                         path, &used);
  if (fault != ADDRESS_OK) {
    refuse_path (s, fault, "RCPT");
    return;
  }
  const char *text = params_read_rcpt (argument + used, size - used, &code, &enhanced);
  if (text)
    session_reply (s, code, enhanced, "%s", text);
  else if (s->mail->recipients->len >= s->max_recipients)
    session_reply (s, 452, "4.5.3", "too many recipients: send the mail again to the others");
  else {
    s->argument = g_strdup (path);
    s->resume = verify;
  }
}
