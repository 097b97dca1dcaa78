/* SPDX-License-Identifier: Apache-2.0 */
/* store-load.c - many sessions of store-drive (tests/tools/store-drive), each with one command in
 * flight: how many a second are answered, and how long the slowest waited.
 *
 *     store-load SOCKET [--sessions N] [--seconds T] [--setup LINE]... [--run LINE]...
 *
 * Every session sends the --setup lines once (their failures do not matter), and then the --run
 * lines, one after the other and over again, until the time is over.  In a line %s is the number
 * of the session, %n counts its commands, %i is the id that the newest `status` of the session
 * told.  Prints one line of JSON; "slowest_us" is the longest wait of any command, "at" when it
 * ended, in seconds from the begin. */
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { LINES_MAX = 64, BUCKETS = 4096, KEPT = 8192 };

struct session {
  int fd;
  unsigned number, line;
  uint64_t count;
  bool running; /* behind the setup */
  int64_t sent;
  char id[64];
  char kept[KEPT];
  size_t used;
  size_t skip; /* octets of a message still to come */
};

static const char *setup[LINES_MAX], *lines[LINES_MAX];
static unsigned setup_count, line_count, session_count = 32, ready;
static double seconds = 3;
static struct session *sessions;
static int64_t began, slowest, slowest_at;
static uint64_t done, failures;
static uint64_t buckets[BUCKETS]; /* of 10 microseconds; the last is all above */
static char first_failure[200];

static void
die (const char *what) {
  fprintf (stderr, "store-load: %s: %s\n", what, strerror (errno));
  exit (1);
}

static int64_t
now (void) {
  struct timespec time;

  clock_gettime (CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static void
send_line (struct session *session, const char *line) {
  char text[1024];
  size_t size = 0;

  for (const char *at = line; *at && size < sizeof text - 80; at++) {
    if (*at == '%' && (at[1] == 's' || at[1] == 'n' || at[1] == 'i')) {
      at++;
      size += (size_t)(*at == 'i' ? snprintf (text + size, 80, "%s", session->id)
                                  : snprintf (text + size, 80, "%llu",
                                              *at == 's' ? (unsigned long long)session->number
                                                         : (unsigned long long)session->count));
    } else
      text[size++] = *at;
  }
  text[size++] = '\n';
  session->sent = now ();
  if (send (session->fd, text, size, MSG_NOSIGNAL) != (ssize_t)size)
    die ("send");
}

static void
send_next (struct session *session) {
  if (!session->running && session->line == setup_count) {
    session->running = true;
    session->line = 0;
    ready++;
    return; /* all begin together */
  }
  send_line (session, session->running ? lines[session->line] : setup[session->line]);
}

static void
count (struct session *session, bool good, const char *line) {
  int64_t at = now (), took = at - session->sent;

  if (!session->running) {
    session->line++;
    return;
  }
  session->line = (session->line + 1) % line_count;
  session->count++;
  if (!good) {
    if (failures++ == 0)
      snprintf (first_failure, sizeof first_failure, "%.180s", line);
    return;
  }
  done++;
  if (took > slowest) {
    slowest = took;
    slowest_at = at;
  }
  took /= 10000;
  buckets[took < BUCKETS - 1 ? took : BUCKETS - 1]++;
}

static void
keep_id (struct session *session, const char *line) {
  const char *id = strchr (line, '#');

  if (id && strlen (id) >= 33)
    snprintf (session->id, sizeof session->id, "%.33s", id);
}

/* Lines that are whole; the answer to a command ends with one that is neither a row nor octets. */
static void
take_lines (struct session *session) {
  size_t at = 0;

  for (;;) {
    size_t left = session->used - at;
    size_t skip = session->skip < left ? session->skip : left;
    char *end;

    at += skip;
    session->skip -= skip;
    end = memchr (session->kept + at, '\n', session->used - at);
    if (!end)
      break;
    *end = '\0';
    if (session->kept[at] == '+')
      session->skip = strtoull (session->kept + at + 1, NULL, 10);
    else if (session->kept[at] != '*') {
      bool good = strncmp (session->kept + at, "OK", 2) == 0;

      if (good)
        keep_id (session, session->kept + at);
      count (session, good, session->kept + at);
      send_next (session);
    }
    at = (size_t)(end - session->kept) + 1;
  }
  memmove (session->kept, session->kept + at, session->used - at);
  session->used -= at;
}

static void
take_input (struct session *session) {
  ssize_t size =
      recv (session->fd, session->kept + session->used, KEPT - session->used, MSG_DONTWAIT);

  if (size <= 0) {
    if (size < 0 && (errno == EAGAIN || errno == EINTR))
      return;
    errno = size == 0 ? ECONNRESET : errno;
    die ("recv");
  }
  session->used += (size_t)size;
  take_lines (session);
}

static void
connect_all (const char *path, int epoll) {
  struct sockaddr_un address = { .sun_family = AF_UNIX };

  snprintf (address.sun_path, sizeof address.sun_path, "%s", path);
  sessions = calloc (session_count, sizeof *sessions);
  for (unsigned i = 0; i < session_count; i++) {
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = &sessions[i] };

    sessions[i].number = i;
    sessions[i].fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect (sessions[i].fd, (struct sockaddr *)&address, sizeof address) != 0)
      die (path);
    epoll_ctl (epoll, EPOLL_CTL_ADD, sessions[i].fd, &event);
    send_next (&sessions[i]);
  }
}

static void
loop (int epoll, bool (*goes_on) (void)) {
  struct epoll_event events[64];

  while (goes_on ()) {
    int count = epoll_wait (epoll, events, 64, 100);

    for (int i = 0; i < count; i++)
      take_input (events[i].data.ptr);
  }
}

static bool
setting_up (void) {
  return ready < session_count;
}

static bool
measuring (void) {
  return (double)(now () - began) < seconds * 1e9;
}

static unsigned
percentile (unsigned percent) {
  uint64_t seen = 0;

  for (unsigned i = 0; i < BUCKETS; i++)
    if ((seen += buckets[i]) * 100 >= done * percent)
      return i * 10 + 5;
  return BUCKETS * 10;
}

static void
options (int argc, char **argv) {
  for (int i = 2; i + 1 < argc; i += 2)
    if (strcmp (argv[i], "--sessions") == 0)
      session_count = (unsigned)atoi (argv[i + 1]);
    else if (strcmp (argv[i], "--seconds") == 0)
      seconds = atof (argv[i + 1]);
    else if (strcmp (argv[i], "--setup") == 0 && setup_count < LINES_MAX)
      setup[setup_count++] = argv[i + 1];
    else if (strcmp (argv[i], "--run") == 0 && line_count < LINES_MAX)
      lines[line_count++] = argv[i + 1];
}

int
main (int argc, char **argv) {
  struct rusage usage;
  int epoll = epoll_create1 (EPOLL_CLOEXEC);
  double elapsed;

  options (argc, argv);
  if (argc < 2 || line_count == 0) {
    fprintf (stderr, "usage: store-load SOCKET [--sessions N] [--seconds T] [--setup LINE]... "
                     "--run LINE...\n");
    return 2;
  }
  connect_all (argv[1], epoll);
  loop (epoll, setting_up);
  began = now ();
  for (unsigned i = 0; i < session_count; i++)
    send_next (&sessions[i]);
  loop (epoll, measuring);
  elapsed = (double)(now () - began) / 1e9;
  getrusage (RUSAGE_SELF, &usage);
  printf ("{\"done\": %llu, \"rate\": %.1f, \"failures\": %llu, \"p50_us\": %u, \"p99_us\": %u, "
          "\"slowest_us\": %lld, \"at\": %.3f, \"client_cpu\": %.2f, \"failure\": \"%s\"}\n",
          (unsigned long long)done, (double)done / elapsed, (unsigned long long)failures,
          percentile (50), percentile (99), (long long)slowest / 1000,
          (double)(slowest_at - began) / 1e9,
          (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
              + (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6,
          first_failure);
  return 0;
}
