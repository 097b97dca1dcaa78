/* SPDX-License-Identifier: Apache-2.0 */
/* load.c - postern-load, a cheap load generator for POP3, IMAP and LMTP servers.
 *
 *   postern-load pop3-login     connect, USER, PASS, QUIT, over and over
 *   postern-load lmtp           deliver messages of --size octets
 *   postern-load pop3-fetch     one session a connection: RETR of every message, --window at once
 *   postern-load pop3-idle      log in --connections sessions, say so, hold them until stdin ends
 *
 *   postern-load imap-login     connect, LOGIN, LOGOUT, over and over
 *   postern-load imap-append    APPEND of --size octets, --batch in a command
 *   postern-load imap-command   one session: SELECT --mailbox (- for none), each --before, then --repeat
 *                               times --command, --undo in between; counts FETCH and EXPUNGE, or --per
 *   postern-load imap-idle      SELECT and IDLE in --connections sessions, held until stdin ends
 *   postern-load imap-push      all but one in IDLE on one mailbox, the one appends --count messages:
 *                               the time from its OK until each of the others is told
 *
 * --tls: TLS 1.3 by load_tls.c, which checks no certificate and costs a sixth of OpenSSL's client;
 * --tls-openssl: by OpenSSL, to compare.
 *
 * One thread, one epoll set: it shares the machine with the server it measures.  Prints one
 * JSON object.  Every answer is checked; a wrong one ends the run with exit status 1. */
#include "load.h"
#include "load_tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct load load = {
  .host = "127.0.0.1",
  .user_format = "u%04u",
  .password = "pass",
  .domain = "example.test",
  .connections = 20,
  .users = 1000,
  .seconds = 3,
  .size = 10240,
  .window = 1,
  .mailbox = "INBOX",
  .repeat = 1,
  .batch = 1,
};

void
load_die (const char *format, ...) {
  va_list arguments;
  va_start (arguments, format);
  fputs ("postern-load: ", stderr);
  vfprintf (stderr, format, arguments);
  fputc ('\n', stderr);
  va_end (arguments);
  exit (1);
}

int64_t
load_now (void) {
  struct timespec now;
  clock_gettime (CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* --- latencies: one slot per microsecond up to a second --------------------------------- */

static uint32_t latency_slots[1000001];
static uint64_t latency_total;

static int64_t latency_longest;

void
load_latency (int64_t ns) {
  int64_t us = ns / 1000;
  if (us > latency_longest)
    latency_longest = us;
  latency_slots[us < 0 ? 0 : us > 1000000 ? 1000000 : us]++;
  latency_total++;
}

static unsigned
latency_at (double share) {
  uint64_t seen = 0;
  for (unsigned us = 0; us <= 1000000; us++) {
    seen += latency_slots[us];
    if (seen && (double)seen >= share * (double)latency_total)
      return us;
  }
  return 0;
}

size_t
load_message (char *room, size_t size, unsigned number) {
  size_t used = (size_t)sprintf (room,
                                 "From: Load <load@example.test>\r\nTo: someone@example.test\r\n"
                                 "Subject: message %u of the load generator\r\n"
                                 "Date: Sat, 21 Nov 2026 12:00:00 +0000\r\n"
                                 "Message-ID: <load.%u@example.test>\r\n\r\n",
                                 number, number);
  /* Words that differ from line to line, so that compression has real work. */
  for (unsigned line = 0; used < size; line++) {
    unsigned x = (number * 331 + line) * 2654435761u;
    used += (size_t)sprintf (room + used,
                             "Line %05u of the text: %08x quick foxes and %u lazy dogs, %x.\r\n",
                             line, x, x % 977, x ^ 0x5bd1e995u);
  }
  return used;
}

void
load_count (struct conn *conn) {
  load_latency (load_now () - conn->began);
  load.done++;
}

/* --- connections ------------------------------------------------------------------------ */

static void
watch (struct conn *conn, uint32_t events, int operation) {
  struct epoll_event event = { .events = events, .data.ptr = conn };
  if (epoll_ctl (load.epoll, operation, conn->fd, &event))
    load_die ("epoll_ctl: %s", strerror (errno));
}

void
conn_open (struct conn *conn) {
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons (load.port) };
  int one = 1;
  if (inet_pton (AF_INET, load.host, &address.sin_addr) != 1)
    load_die ("--host takes an IPv4 address");
  conn->fd = socket (AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (conn->fd < 0)
    load_die ("socket: %s", strerror (errno));
  setsockopt (conn->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (load.source_spread) {
    /* More than 28,000 connections need more than one client address. */
    struct sockaddr_in source = { .sin_family = AF_INET };
    source.sin_addr.s_addr = htonl (0x7f000001u + 1 + conn->index % load.source_spread);
    setsockopt (conn->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    if (bind (conn->fd, (struct sockaddr *)&source, sizeof source))
      load_die ("bind: %s", strerror (errno));
  }
  conn->began = load_now ();
  if (connect (conn->fd, (struct sockaddr *)&address, sizeof address) && errno != EINPROGRESS)
    load_die ("connect: %s", strerror (errno));
  conn->used = 0;
  conn->step = 0;
  conn->out_size = conn->out_at = 0;
  conn->handshaken = false;
  if (load.tls)
    conn->tls = load_tls_start (conn->tls);
  if (load.openssl) {
    conn->ssl = SSL_new (load.openssl);
    SSL_set_fd (conn->ssl, conn->fd);
    SSL_set_connect_state (conn->ssl);
  }
  conn->events = EPOLLIN | EPOLLOUT;
  watch (conn, conn->events, EPOLL_CTL_ADD);
}

void
conn_close (struct conn *conn) {
  /* A reset instead of TIME_WAIT: tens of thousands of logins use up the ports otherwise.
   * The last answer has been read. */
  struct linger linger = { 1, 0 };
  setsockopt (conn->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
  if (conn->tls)
    load_tls_end (conn->tls);
  if (conn->ssl) {
    SSL_set_quiet_shutdown (conn->ssl, 1);
    SSL_free (conn->ssl);
    conn->ssl = NULL;
  }
  close (conn->fd);
  conn->fd = -1;
}

static void
want (struct conn *conn, uint32_t events) {
  if (conn->events == events)
    return;
  conn->events = events;
  watch (conn, events, EPOLL_CTL_MOD);
}

/* Octets of `data` that are on their way; 0 when the socket takes none now. */
static size_t
transmit (struct conn *conn, const char *data, size_t size) {
  ssize_t sent;
  if (conn->ssl) {
    ERR_clear_error ();
    sent = SSL_write (conn->ssl, data, size > 1 << 30 ? 1 << 30 : (int)size);
    int error = sent > 0 ? SSL_ERROR_NONE : SSL_get_error (conn->ssl, (int)sent);
    if (error != SSL_ERROR_NONE && error != SSL_ERROR_WANT_WRITE)
      load_die ("TLS write failed (%d)", error);
  } else if (conn->tls)
    sent = load_tls_write (conn->tls, conn->fd, data, size);
  else {
    sent = send (conn->fd, data, size, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN)
      load_die ("send: %s", strerror (errno));
  }
  return sent > 0 ? (size_t)sent : 0;
}

void
conn_flush (struct conn *conn) {
  while (conn->out_at < conn->out_size) {
    size_t sent = transmit (conn, conn->out + conn->out_at, conn->out_size - conn->out_at);
    if (!sent) {
      want (conn, EPOLLIN | EPOLLOUT);
      return;
    }
    conn->out_at += sent;
  }
  conn->out_size = conn->out_at = 0;
  want (conn, conn->tls && !load_tls_flush (conn->tls, conn->fd) ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

void
conn_send (struct conn *conn, const char *data, size_t size) {
  if (conn->out_size + size > conn->out_room) {
    conn->out_room = (conn->out_size + size) * 2;
    conn->out = realloc (conn->out, conn->out_room);
    if (!conn->out)
      load_die ("no memory");
  }
  memcpy (conn->out + conn->out_size, data, size);
  conn->out_size += size;
}

void
conn_printf (struct conn *conn, const char *format, ...) {
  char line[512];
  va_list arguments;
  va_start (arguments, format);
  int size = vsnprintf (line, sizeof line, format, arguments);
  va_end (arguments);
  conn_send (conn, line, (size_t)size);
}

/* Octets read, 0 at the end, -1 when there is nothing now. */
static ssize_t
receive (struct conn *conn, char *into, size_t room) {
  if (conn->tls) {
    ssize_t octets = load_tls_read (conn->tls, conn->fd, into, room);
    if (load_tls_pending (conn->tls))
      conn_flush (conn);
    return octets;
  }
  if (!conn->ssl) {
    ssize_t got = recv (conn->fd, into, room, 0);
    if (got < 0 && errno != EAGAIN)
      load_die ("recv: %s (step %u)", strerror (errno), conn->step);
    return got;
  }
  ERR_clear_error ();
  int got = SSL_read (conn->ssl, into, (int)room);
  if (got > 0)
    return got;
  int error = SSL_get_error (conn->ssl, got);
  if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
    return -1;
  if (error == SSL_ERROR_ZERO_RETURN)
    return 0;
  load_die ("TLS read failed (%d, step %u)", error, conn->step);
  return -1;
}

static bool
handshake (struct conn *conn) {
  if (!conn->ssl || conn->handshaken)
    return true;
  ERR_clear_error ();
  int result = SSL_do_handshake (conn->ssl);
  if (result == 1) {
    conn->handshaken = true;
    want (conn, EPOLLIN);
    return true;
  }
  int error = SSL_get_error (conn->ssl, result);
  if (error == SSL_ERROR_WANT_WRITE)
    want (conn, EPOLLIN | EPOLLOUT);
  else if (error == SSL_ERROR_WANT_READ)
    want (conn, EPOLLIN);
  else
    load_die ("TLS handshake failed: %s", ERR_error_string (ERR_get_error (), NULL));
  return false;
}

static char input[256 * 1024];

static void
serve (struct conn *conn, uint32_t events) {
  if (!handshake (conn))
    return;
  if (events & EPOLLOUT)
    conn_flush (conn);
  if (!conn->ssl && !(events & ~(uint32_t)EPOLLOUT))
    return;
  for (;;) {
    /* What an earlier read left (a part of a line) stands before the new octets. */
    memcpy (input, conn->kept, conn->used);
    ssize_t got = receive (conn, input + conn->used, sizeof input - conn->used);
    if (got < 0)
      return;
    if (got == 0)
      load_die ("the server closed the connection (step %u)", conn->step);
    size_t have = conn->used + (size_t)got;
    size_t taken = load.mode->input (conn, input, have);
    if (conn->fd < 0) {
      if (!load.stopping)
        conn_open (conn);
      return;
    }
    if (have - taken > sizeof conn->kept)
      load_die ("an answer line of more than %zu octets", sizeof conn->kept);
    conn->used = have - taken;
    memcpy (conn->kept, input + taken, conn->used);
    if (conn->out_size)
      conn_flush (conn);
    if (conn->tls ? load_tls_drained (conn->tls)
                  : !conn->ssl && (size_t)got < sizeof input - (have - (size_t)got))
      return;
  }
}

static void
run (void) {
  struct epoll_event events[256];
  int64_t until = load.began + (int64_t)(load.seconds * 1e9);
  bool by_count = load.mode->by_count || load.count;
  while (!load.finished) {
    int count = epoll_wait (load.epoll, events, 256, 100);
    for (int i = 0; i < count; i++) {
      struct conn *conn = events[i].data.ptr;
      if (conn->fd >= 0)
        serve (conn, events[i].events);
    }
    if (!by_count && load_now () >= until)
      break;
    if (by_count && load_now () >= until + (int64_t)120e9)
      load_die ("not done after 120 s");
  }
}

static void
use_openssl (void) {
  load.openssl = SSL_CTX_new (TLS_client_method ());
  SSL_CTX_set_session_cache_mode (load.openssl, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_mode (load.openssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE
                                      | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
}

static bool
imap_option (const char *name, const char *value) {
  if (strcmp (name, "--mailbox") == 0)
    load.mailbox = value;
  else if (strcmp (name, "--before") == 0 && load.befores < LOAD_BEFORE)
    load.before[load.befores++] = value;
  else if (strcmp (name, "--command") == 0)
    load.command = value;
  else if (strcmp (name, "--undo") == 0)
    load.undo = value;
  else if (strcmp (name, "--repeat") == 0)
    load.repeat = (unsigned)atoi (value);
  else if (strcmp (name, "--per") == 0)
    load.per = (unsigned)atoi (value);
  else if (strcmp (name, "--batch") == 0)
    load.batch = (unsigned)atoi (value);
  else
    return false;
  return true;
}

static void
parse (int argc, char **argv) {
  static const struct load_mode *const modes[] = {
    &mode_pop3_login,  &mode_lmtp,         &mode_pop3_fetch, &mode_pop3_idle, &mode_imap_login,
    &mode_imap_append, &mode_imap_command, &mode_imap_idle,  &mode_imap_push, &mode_pop3_sasl
  };
  if (argc < 2)
    load_die ("usage: postern-load MODE [--port P] [--tls | --tls-openssl] [--connections N] ...");
  for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
    if (strcmp (modes[i]->name, argv[1]) == 0)
      load.mode = modes[i];
  if (!load.mode)
    load_die ("unknown mode '%s'", argv[1]);
  for (int i = 2; i < argc; i++) {
    const char *name = argv[i];
    if (strcmp (name, "--tls") == 0) {
      load.tls = true;
      continue;
    }
    if (strcmp (name, "--tls-openssl") == 0) {
      use_openssl ();
      continue;
    }
    if (i + 1 == argc)
      load_die ("%s wants a value", name);
    const char *value = argv[++i];
    if (strcmp (name, "--host") == 0)
      load.host = value;
    else if (strcmp (name, "--port") == 0)
      load.port = (uint16_t)atoi (value);
    else if (strcmp (name, "--connections") == 0)
      load.connections = (unsigned)atoi (value);
    else if (strcmp (name, "--users") == 0)
      load.users = (unsigned)atoi (value);
    else if (strcmp (name, "--first-user") == 0)
      load.first_user = (unsigned)atoi (value);
    else if (strcmp (name, "--seconds") == 0)
      load.seconds = atof (value);
    else if (strcmp (name, "--count") == 0)
      load.count = (unsigned)atoi (value);
    else if (strcmp (name, "--size") == 0)
      load.size = (size_t)atoll (value);
    else if (strcmp (name, "--window") == 0)
      load.window = (unsigned)atoi (value);
    else if (strcmp (name, "--source-spread") == 0)
      load.source_spread = (unsigned)atoi (value);
    else if (strcmp (name, "--password") == 0)
      load.password = value;
    else if (!imap_option (name, value) && !load_auth_option (name, value))
      load_die ("unknown option %s", name);
  }
  if (!load.port)
    load_die ("--port is needed");
  if (load.tls && load.openssl)
    load_die ("--tls or --tls-openssl, not both");
}

int
main (int argc, char **argv) {
  struct rlimit files;
  parse (argc, argv);
  getrlimit (RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit (RLIMIT_NOFILE, &files);
  load.epoll = epoll_create1 (EPOLL_CLOEXEC);
  struct conn *conns = calloc (load.connections, sizeof *conns);
  if (!conns)
    load_die ("no memory");
  if (load.tls)
    load_tls_prepare ();
  if (load.mode->prepare)
    load.mode->prepare ();
  load.began = load_now ();
  for (unsigned i = 0; i < load.connections; i++) {
    conns[i].index = i;
    conns[i].user = load.first_user + 1 + i % load.users;
    conn_open (&conns[i]);
    /* Not more in the air than a listener's queue holds. */
    if (load.mode->by_count && load.connections > 500)
      while (i - load.ready > 400) {
        struct epoll_event events[256];
        int count = epoll_wait (load.epoll, events, 256, 100);
        for (int e = 0; e < count; e++)
          serve (events[e].data.ptr, events[e].events);
      }
  }
  run ();
  double seconds = (double)(load_now () - load.began) / 1e9;
  struct rusage usage;
  getrusage (RUSAGE_SELF, &usage);
  printf ("{\"mode\": \"%s\", \"connections\": %u, \"done\": %llu, \"seconds\": %.3f, "
          "\"rate\": %.1f, \"mb_per_s\": %.2f, \"p50_us\": %u, \"p99_us\": %u, "
          "\"longest_us\": %lld, \"slowest_us\": %lld, \"client_cpu\": %.3f}\n",
          load.mode->name, load.connections, (unsigned long long)load.done, seconds,
          (double)load.done / seconds, (double)load.octets / seconds / 1e6, latency_at (0.5),
          latency_at (0.99), (long long)latency_longest, (long long)load.slowest / 1000,
          (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
              + (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
  fflush (stdout);
  if (load.mode->hold) {
    char octet;
    while (read (0, &octet, 1) > 0)
      ;
  }
  return 0;
}
