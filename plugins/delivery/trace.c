/* SPDX-License-Identifier: Apache-2.0 */
/* trace.c - Return-Path and Received (RFC 5321 section 4.4, RFC 3848, RFC 6531 section 3.7.3).
 *
 * Names come from clients: what could end a field, a comment or a quoted string is replaced. */
#include "message.h"

#include <string.h>
#include <time.h>

static const char *
weekday (int day) {
  static const char names[7][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
  return names[day];
}

static const char *
month (int at) {
  static const char names[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
  return names[at];
}

static void
add_number (GString *out, int number, int digits) {
  char text[5];
  for (int i = digits; i-- > 0; number /= 10)
    text[i] = (char)('0' + number % 10);
  g_string_append_len (out, text, digits);
}

/* Once for each mail: no printf. */
static void
add_date (GString *out, int64_t realtime_ms) {
  time_t now = (time_t)(realtime_ms / 1000);
  struct tm tm;
  gmtime_r (&now, &tm);
  g_string_append (out, weekday (tm.tm_wday));
  g_string_append (out, ", ");
  add_number (out, tm.tm_mday, tm.tm_mday < 10 ? 1 : 2);
  g_string_append_c (out, ' ');
  g_string_append (out, month (tm.tm_mon));
  g_string_append_c (out, ' ');
  add_number (out, tm.tm_year + 1900, 4);
  g_string_append_c (out, ' ');
  add_number (out, tm.tm_hour, 2);
  g_string_append_c (out, ':');
  add_number (out, tm.tm_min, 2);
  g_string_append_c (out, ':');
  add_number (out, tm.tm_sec, 2);
  g_string_append (out, " +0000");
}

static void
add_word (GString *out, const char *text) {
  for (; *text; text++) {
    unsigned char c = (unsigned char)*text;
    g_string_append_c (out, c <= 32 || c == 127 || strchr ("()<>\";,\\", c) ? '?' : *text);
  }
}

/* An address keeps its quotes; only what breaks lines or brackets out goes. */
static void
add_path (GString *out, const char *address) {
  bool quoted = *address == '"';
  g_string_append_c (out, '<');
  for (const char *at = address; *at; at++) {
    unsigned char c = (unsigned char)*at;
    bool bad = c < 32 || c == 127 || (!quoted && (c == '<' || c == '>' || c == ' '));
    g_string_append_c (out, bad ? '?' : *at);
  }
  g_string_append_c (out, '>');
}

static void
add_tls (GString *out, const char *tls) {
  g_string_append (out, "\r\n\t(");
  for (; *tls; tls++)
    g_string_append_c (out, g_ascii_isalnum (*tls) || strchr ("._- ", *tls) ? *tls : '?');
  g_string_append_c (out, ')');
}

static void
add_from (GString *out, const struct ptn_transfer *transfer) {
  const char *peer = transfer->peer_address;
  g_string_append (out, "Received: from ");
  add_word (out, transfer->helo && *transfer->helo ? transfer->helo : "unknown");
  if (!peer)
    return;
  if (!strcmp (peer, "unix"))
    g_string_append (out, " (local)");
  else {
    g_string_append (out, strchr (peer, ':') ? " ([IPv6:" : " ([");
    add_word (out, peer);
    g_string_append (out, "])");
  }
}

GString *
trace_fields (const struct ptn_transfer *transfer, int64_t realtime_ms) {
  GString *out = g_string_sized_new (512);
  g_string_append (out, "Return-Path: ");
  add_path (out, transfer->reverse_path);
  g_string_append (out, "\r\n");
  add_from (out, transfer);
  g_string_append (out, "\r\n\tby ");
  add_word (out, transfer->server_name);
  g_string_append (out, " (Postern) with ");
  add_word (out, transfer->with_protocol ? transfer->with_protocol : "SMTP");
  if (transfer->tls)
    add_tls (out, transfer->tls);
  if (transfer->session_id) {
    g_string_append (out, "\r\n\tid ");
    add_word (out, transfer->session_id);
  }
  /* More than one would tell each who the others are (RFC 5321 section 7.6). */
  if (transfer->recipient_count == 1) {
    g_string_append (out, "\r\n\tfor ");
    add_path (out, transfer->recipients->address);
  }
  g_string_append (out, "; ");
  add_date (out, realtime_ms);
  return g_string_append (out, "\r\n");
}
