/* SPDX-License-Identifier: Apache-2.0 */
/* load_pop3.c - the POP3 dialogs of the load generator. */
#include "load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One answer line that must begin with +OK; 0: not whole yet. */
static size_t
ok_line (struct conn *conn, const char *data, size_t size) {
  const char *lf = memchr (data, '\n', size);
  if (!lf)
    return 0;
  if (size < 3 || memcmp (data, "+OK", 3) != 0)
    load_die ("step %u, user %u: %.*s", conn->step, conn->user, (int)(lf - data), data);
  return (size_t)(lf - data) + 1;
}

static void
send_user (struct conn *conn) {
  char user[64];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
  snprintf (user, sizeof user, load.user_format, conn->user);
#pragma GCC diagnostic pop
  conn_printf (conn, "USER %s\r\n", user);
}

static size_t
login_input (struct conn *conn, const char *data, size_t size) {
  size_t taken = ok_line (conn, data, size);
  if (!taken)
    return 0;
  switch (conn->step++) {
  case 0:
    send_user (conn);
    break;
  case 1:
    conn_printf (conn, "PASS %s\r\n", load.password);
    break;
  case 2:
    conn_printf (conn, "QUIT\r\n");
    break;
  default:
    load_count (conn);
    conn_close (conn);
    conn->user =
        load.first_user + 1 + (conn->user - load.first_user - 1 + load.connections) % load.users;
  }
  return taken;
}

const struct load_mode mode_pop3_login = { .name = "pop3-login", .input = login_input };

static size_t
idle_input (struct conn *conn, const char *data, size_t size) {
  size_t taken = ok_line (conn, data, size);
  if (!taken)
    return 0;
  switch (conn->step++) {
  case 0:
    send_user (conn);
    break;
  case 1:
    conn_printf (conn, "PASS %s\r\n", load.password);
    break;
  default:
    load_count (conn);
    load.finished = ++load.ready == load.connections;
  }
  return taken;
}

const struct load_mode mode_pop3_idle = {
  .name = "pop3-idle", .by_count = true, .hold = true, .input = idle_input
};

static void
ask_more (struct conn *conn) {
  while (conn->asked < conn->total && conn->asked - conn->answered < load.window)
    conn_printf (conn, "RETR %u\r\n", ++conn->asked);
}

/* Steps over the rest of a multi-line answer; true when its end has come. */
static bool
skip_body (struct conn *conn, const char *data, size_t size, size_t *at) {
  static const char mark[] = "\r\n.\r\n";
  while (*at < size) {
    if (conn->match == 0) {
      const char *cr = memchr (data + *at, '\r', size - *at);
      if (!cr) {
        *at = size;
        return false;
      }
      *at = (size_t)(cr - data) + 1;
      conn->match = 1;
      continue;
    }
    char octet = data[(*at)++];
    if (octet == mark[conn->match])
      conn->match++;
    else
      conn->match = octet == '\r' ? 1 : 0;
    if (conn->match == 5) {
      conn->match = 0;
      return true;
    }
  }
  return false;
}

enum { FETCH_BODY = 4, FETCH_ANSWER = 5 };

static size_t
fetch_input (struct conn *conn, const char *data, size_t size) {
  size_t at = 0;
  while (at < size) {
    if (conn->step == FETCH_BODY) {
      size_t from = at;
      bool end = skip_body (conn, data, size, &at);
      load.octets += at - from;
      if (!end)
        return at;
      load_count (conn);
      conn->began = load_now ();
      conn->answered++;
      conn->step = FETCH_ANSWER;
      /* Ask in halves of the window: one write for many commands. */
      if (conn->asked - conn->answered <= load.window / 2)
        ask_more (conn);
      if (conn->answered == conn->total)
        load.finished = ++load.ready == load.connections;
      continue;
    }
    size_t taken = ok_line (conn, data + at, size - at);
    if (!taken)
      return at;
    switch (conn->step) {
    case 0:
      send_user (conn);
      break;
    case 1:
      conn_printf (conn, "PASS %s\r\n", load.password);
      break;
    case 2:
      conn_printf (conn, "STAT\r\n");
      break;
    case 3:
      conn->total = (unsigned)strtoul (data + at + 4, NULL, 10);
      if (load.count && load.count < conn->total)
        conn->total = load.count;
      if (!conn->total)
        load_die ("user %u has no messages", conn->user);
      /* The session's start is not what is measured. */
      load.began = conn->began = load_now ();
      ask_more (conn);
      conn->step = FETCH_ANSWER - 1;
      break;
    default:
      conn->match = 2; /* the answer line's CRLF counts for an empty body */
      conn->step = FETCH_BODY - 1;
    }
    conn->step++;
    at += taken;
  }
  return at;
}

const struct load_mode mode_pop3_fetch = { .name = "pop3-fetch",
                                           .by_count = true,
                                           .input = fetch_input };
