/* SPDX-License-Identifier: Apache-2.0 */
/* load_imap.c - the IMAP dialogs of the load generator (RFC 3501, LITERAL+, MULTIAPPEND, IDLE).
 *
 * Every command has a tag of one letter; a tagged answer that is not OK ends the run.  Responses are
 * stepped over line by line, literals by their length. */
#include "load.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GREETING, LOGIN, SELECT, READY, AGAIN };

static void
send_login (struct conn *conn) {
  char user[64];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
  snprintf (user, sizeof user, load.user_format, conn->user);
#pragma GCC diagnostic pop
  conn_printf (conn, "a LOGIN %s %s\r\n", user, load.password);
}

static bool
begins (const char *line, size_t size, const char *with) {
  size_t length = strlen (with);
  return size >= length && memcmp (line, with, length) == 0;
}

/* True at a tagged OK; anything else that is tagged is an error. */
static bool
tagged (const struct conn *conn, const char *line, size_t size) {
  if (line[0] == '*' || line[0] == '+')
    return false;
  if (size < 4 || memcmp (line + 1, " OK", 3) != 0)
    load_die ("step %u, user %u: %.*s", conn->step, conn->user, (int)size, line);
  return true;
}

/* How many octets of a literal the line announces; 0: none, or an empty one, which is the same. */
static size_t
announced (const char *line, size_t size) {
  if (size < 5 || memcmp (line + size - 3, "}\r\n", 3) != 0)
    return 0;
  size_t at = size - 3;
  while (at && isdigit ((unsigned char)line[at - 1]))
    at--;
  return at && line[at - 1] == '{' ? strtoul (line + at, NULL, 10) : 0;
}

/* Calls `first` with the first line of each response that is whole in `data`. */
static size_t
each_response (struct conn *conn, const char *data, size_t size,
               void (*first) (struct conn *, const char *line, size_t size)) {
  size_t at = 0;
  while (at < size) {
    if (conn->literal) {
      size_t part = size - at < conn->literal ? size - at : conn->literal;
      conn->literal -= part;
      at += part;
      continue;
    }
    const char *lf = memchr (data + at, '\n', size - at);
    if (!lf)
      break;
    size_t length = (size_t)(lf - data) - at + 1;
    bool inside = conn->inside;
    conn->literal = announced (data + at, length);
    conn->inside = conn->literal > 0;
    if (!inside)
      first (conn, data + at, length);
    at += length;
    if (conn->fd < 0)
      break;
  }
  load.octets += at;
  return at;
}

/* --- logins ------------------------------------------------------------------------------- */

static void
login_line (struct conn *conn, const char *line, size_t size) {
  if (conn->step == GREETING) {
    if (!begins (line, size, "* OK"))
      load_die ("greeting: %.*s", (int)size, line);
    send_login (conn);
    conn->step++;
  } else if (tagged (conn, line, size)) {
    if (conn->step++ == LOGIN) {
      conn_printf (conn, "b LOGOUT\r\n");
      return;
    }
    load_count (conn);
    conn_close (conn);
    conn->user =
        load.first_user + 1 + (conn->user - load.first_user - 1 + load.connections) % load.users;
  }
}

static size_t
login_input (struct conn *conn, const char *data, size_t size) {
  return each_response (conn, data, size, login_line);
}

const struct load_mode mode_imap_login = { .name = "imap-login", .input = login_input };

/* --- deliveries --------------------------------------------------------------------------- */

static char *text;
static unsigned sent;

static void
append_prepare (void) {
  text = malloc (load.size + 512);
  if (!text)
    load_die ("no memory");
  if (!load.batch)
    load.batch = 1;
}

static void
send_append (struct conn *conn) {
  conn_printf (conn, "c APPEND %s", load.mailbox);
  for (unsigned i = 0; i < load.batch && !(i && load.count && sent >= load.count); i++) {
    size_t size = load_message (text, load.size, sent++);
    conn_printf (conn, " {%zu+}\r\n", size);
    conn_send (conn, text, size);
  }
  conn_printf (conn, "\r\n");
  conn->began = load_now ();
  conn->asked = sent;
}

static void
append_line (struct conn *conn, const char *line, size_t size) {
  if (conn->step == GREETING) {
    send_login (conn);
    conn->step++;
    return;
  }
  if (!tagged (conn, line, size))
    return;
  if (conn->step == LOGIN) {
    conn->step = READY;
  } else {
    load_count (conn);
    load.done += load.batch - 1;
  }
  if (!load.count || sent < load.count)
    send_append (conn);
  else if (load.done >= load.count)
    load.finished = true;
}

static size_t
append_input (struct conn *conn, const char *data, size_t size) {
  return each_response (conn, data, size, append_line);
}

const struct load_mode mode_imap_append = { .name = "imap-append",
                                            .prepare = append_prepare,
                                            .input = append_input };

/* --- one command, over and over -------------------------------------------------------------- */

static int64_t spent; /* of what is measured */
static uint64_t fetched;

static void
measure_next (struct conn *conn) {
  conn->step = READY;
  conn_printf (conn, "m %s\r\n", load.command);
  load.octets = 0;
  conn->began = load_now ();
}

static void
measured (struct conn *conn) {
  static uint64_t octets;
  int64_t took = load_now () - conn->began;
  spent += took;
  octets += load.octets;
  load_latency (took);
  load.done += load.per ? load.per : fetched ? fetched : 1;
  fetched = 0;
  if (++conn->answered == load.repeat) {
    load.octets = octets;
    load.began = load_now () - spent;
    load.finished = true;
  } else if (load.undo) {
    conn->step = AGAIN;
    conn_printf (conn, "u %s\r\n", load.undo);
  } else
    measure_next (conn);
}

static void
before_next (struct conn *conn) {
  if (conn->asked < load.befores) {
    conn->step = SELECT;
    conn_printf (conn, "b %s\r\n", load.before[conn->asked++]);
  } else
    measure_next (conn);
}

static void
command_line (struct conn *conn, const char *line, size_t size) {
  if (conn->step == GREETING) {
    send_login (conn);
    conn->step++;
    return;
  }
  if (line[0] == '*') {
    const char *word = memchr (line + 2, ' ', size - 2);
    size_t rest = word ? size - (size_t)(word - line) : 0;
    fetched += conn->step == READY && word && isdigit ((unsigned char)line[2])
               && (begins (word, rest, " FETCH") || begins (word, rest, " EXPUNGE"));
    return;
  }
  if (!tagged (conn, line, size))
    return;
  switch (conn->step) {
  case LOGIN:
    if (strcmp (load.mailbox, "-") == 0)
      before_next (conn);
    else {
      conn->step = SELECT;
      conn_printf (conn, "s SELECT %s\r\n", load.mailbox);
    }
    break;
  case SELECT:
    before_next (conn);
    break;
  case READY:
    measured (conn);
    break;
  default:
    measure_next (conn);
  }
}

static size_t
command_input (struct conn *conn, const char *data, size_t size) {
  return each_response (conn, data, size, command_line);
}

static void
command_prepare (void) {
  if (!load.command || load.connections != 1)
    load_die ("imap-command wants --command and --connections 1");
}

const struct load_mode mode_imap_command = {
  .name = "imap-command", .by_count = true, .prepare = command_prepare, .input = command_input
};

/* --- waiting ------------------------------------------------------------------------------ */

/* Steps of a session that goes into IDLE; true when it has come there. */
static bool
into_idle (struct conn *conn, const char *line, size_t size) {
  if (conn->step == GREETING) {
    send_login (conn);
    conn->step++;
  } else if (conn->step == SELECT + 1) {
    if (line[0] == '+') {
      conn->step++;
      return true;
    }
    if (line[0] != '*')
      load_die ("IDLE: %.*s", (int)size, line);
    return false;
  } else if (tagged (conn, line, size)) {
    if (conn->step++ == LOGIN)
      conn_printf (conn, "s SELECT %s\r\n", load.mailbox);
    else
      conn_printf (conn, "i IDLE\r\n");
  }
  return false;
}

static void
idle_line (struct conn *conn, const char *line, size_t size) {
  if (conn->step > READY || !into_idle (conn, line, size))
    return;
  load_count (conn);
  load.finished = ++load.ready == load.connections;
}

static size_t
idle_input (struct conn *conn, const char *data, size_t size) {
  return each_response (conn, data, size, idle_line);
}

const struct load_mode mode_imap_idle = {
  .name = "imap-idle", .by_count = true, .hold = true, .input = idle_input
};

/* --- being told --------------------------------------------------------------------------- */

static struct conn *writer; /* the first connection */
static int64_t committed;   /* when its OK came; 0: not yet */
static unsigned told;       /* sessions that know of the last message */
static bool begun;

static void
push_next (void) {
  if (writer->answered == load.count) {
    load.finished = true;
    return;
  }
  committed = 0;
  told = 0;
  send_append (writer);
  conn_flush (writer);
}

static void
push_told (bool all) {
  if (all && committed && told == load.connections - 1) {
    int64_t took = load_now () - writer->began;
    load.slowest = took > load.slowest ? took : load.slowest;
    writer->answered++;
    load.done++;
    push_next ();
  }
}

static void
writer_line (struct conn *conn, const char *line, size_t size) {
  writer = conn;
  if (conn->step == GREETING) {
    send_login (conn);
    conn->step++;
  } else if (tagged (conn, line, size)) {
    if (conn->step == LOGIN) {
      conn->step = READY;
      load.ready++;
    } else {
      committed = load_now ();
      /* Who was told before the writer had its OK was told at once. */
      for (unsigned i = 0; i < told; i++)
        load_latency (0);
      push_told (true);
    }
  }
}

static void
push_line (struct conn *conn, const char *line, size_t size) {
  if (conn->index == 0)
    writer_line (conn, line, size);
  else if (conn->step > READY) {
    if (size > 9 && memcmp (line + size - 9, " EXISTS\r\n", 9) == 0) {
      told++;
      if (committed)
        load_latency (load_now () - committed);
      push_told (true);
    }
  } else if (into_idle (conn, line, size))
    load.ready++;
  if (!begun && load.ready == load.connections) {
    begun = true;
    load.began = load_now ();
    push_next ();
  }
}

static size_t
push_input (struct conn *conn, const char *data, size_t size) {
  return each_response (conn, data, size, push_line);
}

const struct load_mode mode_imap_push = {
  .name = "imap-push", .by_count = true, .prepare = append_prepare, .input = push_input
};
