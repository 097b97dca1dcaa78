/* SPDX-License-Identifier: Apache-2.0 */
/* load_lmtp.c - the LMTP dialog of the load generator: LHLO once, then MAIL, RCPT and DATA
 * pipelined (RFC 2920), the message, the answer of the one recipient. */
#include "load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *message;
static size_t message_size;
static uint64_t sent;

static void
lmtp_prepare (void) {
  static const char header[] = "From: Load <load@example.test>\r\nTo: someone@example.test\r\n"
                               "Subject: a message of the load generator\r\n"
                               "Date: Sat, 21 Nov 2026 12:00:00 +0000\r\n"
                               "Message-ID: <load@example.test>\r\n\r\n";
  message = malloc (load.size + 128);
  if (!message)
    load_die ("no memory");
  memcpy (message, header, sizeof header - 1);
  message_size = sizeof header - 1;
  unsigned line = 0;
  while (message_size < load.size) {
    /* Words that differ from line to line, so that compression has real work. */
    unsigned x = line * 2654435761u;
    int wrote = snprintf (message + message_size, 100,
                          "Line %05u of the text: %08x quick foxes and %u lazy dogs, %x.\r\n", line,
                          x, x % 977, x ^ 0x5bd1e995u);
    message_size += (size_t)wrote;
    line++;
  }
  memcpy (message + message_size, ".\r\n", 3);
}

static void
envelope (struct conn *conn) {
  char user[64];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
  snprintf (user, sizeof user, load.user_format, conn->user);
#pragma GCC diagnostic pop
  conn_printf (conn, "MAIL FROM:<load@example.test>\r\nRCPT TO:<%s@%s>\r\nDATA\r\n", user,
               load.domain);
}

static size_t
lmtp_input (struct conn *conn, const char *data, size_t size) {
  static const char *const expected[] = { "220", "250", "250", "250", "354", "250" };
  size_t at = 0;
  for (;;) {
    const char *lf = memchr (data + at, '\n', size - at);
    if (!lf)
      return at;
    size_t length = (size_t)(lf - data) - at + 1;
    if (length < 4 || memcmp (data + at, expected[conn->step], 3) != 0)
      load_die ("step %u, user %u: %.*s", conn->step, conn->user, (int)length, data + at);
    bool last = data[at + 3] == ' ';
    at += length;
    if (!last)
      continue;
    switch (conn->step++) {
    case 0:
      conn_printf (conn, "LHLO load.example.test\r\n");
      break;
    case 1:
      conn->began = load_now ();
      envelope (conn);
      sent++;
      break;
    case 4:
      conn_send (conn, message, message_size + 3);
      break;
    case 5:
      load_count (conn);
      load.octets += message_size;
      conn->step = 2;
      if (load.count && sent >= load.count) {
        conn->step = 6;
        load.finished = load.done >= load.count;
        return at;
      }
      if (load.users > load.connections)
        conn->user = load.first_user + 1
                     + (conn->user - load.first_user - 1 + load.connections) % load.users;
      conn->began = load_now ();
      envelope (conn);
      sent++;
      break;
    default:
      break;
    }
  }
}

const struct load_mode mode_lmtp = { .name = "lmtp", .prepare = lmtp_prepare, .input = lmtp_input };
