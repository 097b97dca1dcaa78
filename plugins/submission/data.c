/* SPDX-License-Identifier: Apache-2.0 */
/* data.c - DATA and BDAT: hands the arriving mail to the delivery and answers for it.
 *
 * The delivery pulls from the receiver while the client sends, and the answer comes when it says
 * the mail is durable.  Whatever goes wrong, the client's octets are read to their end first:
 * they must never be taken for commands. */
#include "submission.h"

#include <stdio.h>
#include <string.h>

/* A client that sent a dot between bare line ends may believe that it is done. */
#define BARE_WAIT_NS (5 * G_GINT64_CONSTANT (1000000000))

static const struct ptn_reply no_answer = { 451, 4003000,
                                            "the mail cannot be stored now, try again later" };

/* RFC 3848 and RFC 6531 section 4.3. */
static const char *
with_protocol (const struct session *s) {
  static const char *const names[2][2][4] = {
    { { "ESMTP", "ESMTPA", "ESMTPS", "ESMTPSA" }, { "LMTP", "LMTPA", "LMTPS", "LMTPSA" } },
    { { "UTF8SMTP", "UTF8SMTPA", "UTF8SMTPS", "UTF8SMTPSA" },
      { "UTF8LMTP", "UTF8LMTPA", "UTF8LMTPS", "UTF8LMTPSA" } },
  };
  if (!s->esmtp)
    return "SMTP";
  return names[s->mail->utf8][s->kind == KIND_LMTP]
              [(session_tls (s) ? 2 : 0) + (s->identity ? 1 : 0)];
}

static void
describe_transfer (struct session *s) {
  const struct ptn_stream_service *stream = s->plugin->stream;
  struct transaction *mail = s->mail;
  mail->id = g_strdup_printf ("%s-%u", s->info->session_id, ++s->mails);
  mail->replies = g_new0 (struct ptn_reply, mail->recipients->len);
  if (session_tls (s)) {
    const char *cipher = stream->property (s->stream, "tls.cipher");
    mail->tls = g_strdup_printf ("%s %s", stream->property (s->stream, "tls.version"),
                                 cipher ? cipher : "");
  }
  mail->transfer = (struct ptn_transfer){
    .size = sizeof mail->transfer,
    .recipient_count = mail->recipients->len,
    .recipients = (const struct ptn_recipient *)(void *)mail->recipients->data,
    .recipient_size = sizeof (struct ptn_recipient),
    .reverse_path = mail->reverse_path,
    .submitter = s->identity,
    .message = &mail->receiver.source,
    .helo = s->helo,
    .peer_address = stream->property (s->stream, "peer.address"),
    .with_protocol = with_protocol (s),
    .tls = mail->tls,
    .server_name = s->info->server_name,
    .session_id = mail->id,
  };
}

static void
begin_data (struct session *s) {
  struct transaction *mail = s->mail;
  mail->receiving = true;
  receiver_start (&mail->receiver, s->plugin->host, s->plugin->stream, s->stream, s->max_message,
                  s->max_hops);
  describe_transfer (s);
}

/* --- the answer -------------------------------------------------------------------------------- */

static const struct ptn_reply *
fault_reply (enum receive_fault fault) {
  static const struct ptn_reply too_big = { 552, 5003004,
                                            "the mail is larger than this server takes" };
  static const struct ptn_reply bare = {
    550, 5006011, "refused: a dot stands between line ends that are not CR LF"
  };
  static const struct ptn_reply hops = { 554, 5004006,
                                         "too many Received fields: the mail is in a loop" };
  return fault == RECEIVE_TOO_BIG ? &too_big : fault == RECEIVE_BARE ? &bare : &hops;
}

static const struct ptn_reply *
status_reply (ptn_status status) {
  static const struct ptn_reply full = { 452, 4003001, "no room on the server, try again later" };
  static const struct ptn_reply quota = { 552, 5002002, "the mailbox is full" };
  switch (status) {
  case PTN_E_NO_MEMORY:
    return &full;
  case PTN_E_OVERQUOTA:
    return &quota;
  case PTN_E_LIMIT:
    return fault_reply (RECEIVE_TOO_BIG);
  default:
    return &no_answer;
  }
}

/* One reply for a whole mail: it must not promise what one recipient did not get.  A failure that
 * may pass outweighs the others: a mail is better sent twice than lost. */
static void
answer_once (struct session *s) {
  const struct transaction *mail = s->mail;
  const struct ptn_reply *passing = NULL, *final = NULL;
  unsigned failed = 0, count = mail->recipients->len;
  for (unsigned i = 0; i < count; i++) {
    const struct ptn_reply *reply = &mail->replies[i];
    if (reply->code >= 200 && reply->code < 300)
      continue;
    failed++;
    if (reply->code >= 500 && !final)
      final = reply;
    else if (reply->code < 500 && !passing)
      passing = reply;
  }
  if (!failed) {
    session_reply (s, 250, "2.6.0", "the mail is stored as %s", mail->id);
    mail_log_accepted (s);
    return;
  }
  const struct ptn_reply *worst = passing ? passing : final;
  mail_log_refused (s, worst->text, NULL);
  if (failed == count)
    session_reply_given (s, worst);
  else
    session_reply (s, 451, "4.5.0", "%u of %u recipients did not get the mail (%s), try again",
                   failed, count, worst->text ? worst->text : "no reason given");
}

static void
answer_each (struct session *s) {
  const struct transaction *mail = s->mail;
  unsigned taken = 0;
  for (unsigned i = 0; i < mail->recipients->len; i++) {
    const struct ptn_reply *reply = &mail->replies[i];
    session_reply_given (s, reply);
    if (reply->code >= 200 && reply->code < 300)
      taken++;
    else
      mail_log_refused (s, reply->text,
                        g_array_index (mail->recipients, struct ptn_recipient, i).address);
  }
  if (taken)
    mail_log_accepted (s);
}

/* All octets are read, and the delivery has said its word. */
static void
answer (struct session *s) {
  struct transaction *mail = s->mail;
  const struct ptn_reply *reply = mail->receiver.fault     ? fault_reply (mail->receiver.fault)
                                  : mail->status != PTN_OK ? status_reply (mail->status)
                                                           : NULL;
  bool whole = !mail->receiver.chunked || mail->receiver.last;
  if (reply) {
    unsigned count = s->kind == KIND_LMTP && whole ? mail->recipients->len : 1;
    mail_log_refused (s, reply->text, NULL);
    for (unsigned i = 0; i < count; i++)
      session_reply_given (s, reply);
  } else if (s->kind == KIND_LMTP)
    answer_each (s);
  else
    answer_once (s);
  mail_reset (s);
  session_command_done (s);
}

/* --- receiving --------------------------------------------------------------------------------- */

/* The client waits for an answer to a dot that we do not take for the end: it gets one, and the
 * connection ends, as nobody knows what its next octets would be. */
static ptn_status
wait_for_true_end (struct session *s) {
  struct transaction *mail = s->mail;
  int64_t now = s->plugin->host->monotonic_ns ();
  if (mail->give_up_ns == 0 || mail->seen != mail->receiver.octets) {
    mail->give_up_ns = now + BARE_WAIT_NS;
    mail->seen = mail->receiver.octets;
  }
  if (now < mail->give_up_ns) {
    s->deadline_ns = mail->give_up_ns;
    return PTN_PENDING;
  }
  answer (s);
  s->ending = true;
  return PTN_OK;
}

static ptn_status
drain (struct session *s) {
  struct transaction *mail = s->mail;
  struct receiver *receiver = &mail->receiver;
  ptn_status status = receiver_drain (receiver, s->task);
  if (status == PTN_PENDING)
    return receiver->fault == RECEIVE_BARE ? wait_for_true_end (s) : PTN_PENDING;
  if (status != PTN_OK)
    return status;
  if (receiver->ended || receiver->fault || mail->status != PTN_OK)
    answer (s);
  else { /* delivered to nobody, before the last chunk */
    session_write (s, "250 2.0.0 ok\r\n");
    session_command_done (s);
  }
  return PTN_OK;
}

static ptn_status
receive (struct session *s) {
  const struct ptn_delivery *delivery = s->plugin->delivery.table;
  struct transaction *mail = s->mail;
  if (mail->delivered)
    return drain (s);
  mail->call.task = s->task;
  ptn_status status =
      delivery->deliver (s->plugin->delivery.instance, &mail->call, &mail->transfer, mail->replies);
  if (mail->receiver.fault == RECEIVE_GONE)
    return PTN_E_DISCONNECTED;
  if (status != PTN_PENDING) {
    mail->delivered = true;
    mail->status = status;
    return drain (s);
  }
  if (!mail->receiver.want_command)
    return PTN_PENDING;
  session_write (s, "250 2.0.0 ok\r\n");
  session_command_done (s);
  return PTN_OK;
}

/* --- the commands ------------------------------------------------------------------------------ */

void
mail_data (struct session *s, const char *argument, size_t size) {
  if (!s->mail)
    session_reply (s, 503, "5.5.1", "say MAIL first");
  else if (s->mail->receiving)
    session_reply (s, 503, "5.5.1", "this mail came by BDAT, and has to end so");
  else if (s->mail->recipients->len == 0)
    session_reply (s, s->kind == KIND_LMTP ? 503 : 554, "5.5.1", "no valid recipients");
  else {
    begin_data (s);
    session_write (s, "354 end the mail with <CR><LF>.<CR><LF>\r\n");
    s->resume = receive;
  }
}

/* The chunk of a refused BDAT (RFC 3030 section 2). */
static ptn_status
discard (struct session *s) {
  while (s->discard) {
    struct ptn_bytes input;
    ptn_status status = s->plugin->stream->peek (s->stream, s->task, 1, &input);
    if (status != PTN_OK)
      return status;
    size_t size = MIN (input.size, s->discard);
    s->plugin->stream->consume (s->stream, size);
    s->discard -= size;
    if (s->discard && s->plugin->host->budget_spent (s->task)) {
      s->yield = true;
      return PTN_OK;
    }
  }
  session_reply (s, 503, "5.5.1", "%s", s->discard_reply);
  session_command_done (s);
  return PTN_OK;
}

static bool
read_chunk (const char *text, size_t size, uint64_t *octets, bool *last) {
  size_t digits = 0;
  *octets = 0;
  while (digits < size && g_ascii_isdigit (text[digits])) {
    if (*octets > (INT64_MAX - 9) / 10)
      return false;
    *octets = *octets * 10 + (unsigned)(text[digits++] - '0');
  }
  while (size > digits && text[size - 1] == ' ')
    size--;
  *last = size == digits + 5 && !g_ascii_strncasecmp (text + digits, " LAST", 5);
  return digits > 0 && (*last || size == digits);
}

void
mail_bdat (struct session *s, const char *argument, size_t size) {
  uint64_t octets;
  bool last;
  if (!read_chunk (argument, size, &octets, &last)) {
    /* How many octets of mail follow cannot be told: they must not be read as commands. */
    session_reply (s, 501, "5.5.4", "say BDAT octets [LAST]; closing the connection");
    s->ending = true;
    return;
  }
  if (!s->mail || s->mail->recipients->len == 0) {
    s->discard = octets;
    s->discard_reply = s->mail ? "no valid recipients" : "say MAIL first";
    s->resume = discard;
    return;
  }
  if (!s->mail->receiving)
    begin_data (s);
  struct receiver *receiver = &s->mail->receiver;
  receiver_chunk (receiver, octets, last);
  if (octets > receiver->max_octets - receiver->octets && !receiver->fault)
    receiver->fault = RECEIVE_TOO_BIG;
  s->resume = receive;
}
