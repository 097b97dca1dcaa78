/* SPDX-License-Identifier: Apache-2.0 */
/* log.c - where lines go, and how a reader that sleeps is kept from stopping us.
 *
 * A regular file is appended to without a lock: O_APPEND makes one write one line.  A terminal
 * or pipe is reopened through /proc, which gives us an open file description of our own that
 * may be made non-blocking without doing so to those who share stderr; a socket is sent to with
 * MSG_DONTWAIT.  Those three take a lock, for the rare line that goes out in two pieces.
 *
 * What a logger writes to is a `sink`.  New settings bring a new sink; the old one is kept until
 * logger_free, as another thread may still be inside it. */
#include "log/log.h"
#include "log/format.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define LINE_ROOM 8192
#define JOURNAL_ROOM 32768
#define REST_MS 50 /* how long the rest of a line that went out in part is waited for */

enum sink_kind { SINK_FILE, SINK_STREAM, SINK_SOCKET, SINK_JOURNAL };

struct sink {
  struct sink *older;
  enum log_format format;
  enum sink_kind kind;
  char *file; /* NULL: stderr */
  int fd;
  int fallback; /* of a journal that is away: stderr; not ours to close */
};

struct logger {
  _Atomic (struct sink *) sink;
  _Atomic uint32_t level;
  _Atomic uint64_t dropped, told;
  pthread_mutex_t lock;
};

ptn_level
log_level_parse (const char *word) {
  static const ptn_level levels[] = { PTN_LOG_DEBUG, PTN_LOG_INFO, PTN_LOG_NOTICE, PTN_LOG_WARNING,
                                      PTN_LOG_ERROR };
  for (size_t i = 0; i < G_N_ELEMENTS (levels); i++)
    if (strcmp (word, log_level_name (levels[i])) == 0)
      return levels[i];
  return 0;
}

const char *
log_level_name (ptn_level level) {
  return level >= PTN_LOG_ERROR     ? "error"
         : level >= PTN_LOG_WARNING ? "warning"
         : level >= PTN_LOG_NOTICE  ? "notice"
         : level >= PTN_LOG_INFO    ? "info"
                                    : "debug";
}

/* --- sinks --------------------------------------------------------------------------- */

/* sd_journal_stream_fd(3): the variable names the device and inode of the stream. */
static bool
stderr_is_journal (void) {
  const char *stream = g_getenv ("JOURNAL_STREAM");
  unsigned long long device, inode;
  struct stat st;
  return stream && sscanf (stream, "%llu:%llu", &device, &inode) == 2
         && fstat (STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}

static void
sink_free (struct sink *sink) {
  if (sink->fd >= 0)
    close (sink->fd);
  g_free (sink->file);
  g_free (sink);
}

static bool
open_failed (GError **error, const char *what, int code) {
  g_set_error (error, G_FILE_ERROR, g_file_error_from_errno (code), "%s: %s", what,
               g_strerror (code));
  return false;
}

static bool
sink_open_file (struct sink *sink, GError **error) {
  sink->kind = SINK_FILE;
  sink->fd =
      open (sink->file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0640);
  if (sink->fd < 0)
    return open_failed (error, sink->file, errno);
  struct stat st;
  if (fstat (sink->fd, &st) == 0 && !S_ISREG (st.st_mode))
    sink->kind = SINK_STREAM;
  return true;
}

static bool
sink_open_stderr (struct sink *sink, GError **error) {
  struct stat st;
  int flags = O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
  if (fstat (STDERR_FILENO, &st) != 0)
    return open_failed (error, "stderr", errno);
  sink->kind = S_ISREG (st.st_mode) ? SINK_FILE : S_ISSOCK (st.st_mode) ? SINK_SOCKET : SINK_STREAM;
  sink->fd = -1;
  if (sink->kind == SINK_STREAM)
    sink->fd = open ("/proc/self/fd/2", flags);
  if (sink->fd < 0)
    sink->fd = fcntl (STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
  return sink->fd >= 0 || open_failed (error, "stderr", errno);
}

static bool
sink_open_journal (struct sink *sink, GError **error) {
  sink->kind = SINK_JOURNAL;
  sink->fallback = STDERR_FILENO;
  sink->fd = socket (AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  return sink->fd >= 0 || open_failed (error, "journal socket", errno);
}

static struct sink *
sink_new (const struct log_settings *settings, GError **error) {
  struct sink *sink = g_new0 (struct sink, 1);
  sink->format = settings->format;
  sink->fd = -1;
  sink->file = g_strdup (settings->file);
  if (sink->format == LOG_FORMAT_AUTO) {
    if (!sink->file && isatty (STDERR_FILENO))
      sink->format = LOG_FORMAT_TEXT;
    else if (!sink->file && stderr_is_journal ())
      sink->format = LOG_FORMAT_JOURNALD;
    else
      sink->format = LOG_FORMAT_JSON;
  }
  bool good = sink->format == LOG_FORMAT_JOURNALD ? sink_open_journal (sink, error)
              : sink->file                        ? sink_open_file (sink, error)
                                                  : sink_open_stderr (sink, error);
  if (!good) {
    sink_free (sink);
    return NULL;
  }
  return sink;
}

/* --- the logger ---------------------------------------------------------------------- */

struct logger *
logger_new (const struct log_settings *settings, GError **error) {
  static const struct log_settings standard = { .level = PTN_LOG_INFO };
  if (!settings)
    settings = &standard;
  struct sink *sink = sink_new (settings, settings == &standard ? NULL : error);
  if (!sink && settings != &standard)
    return NULL;
  if (!sink) { /* without stderr there is nobody to tell */
    sink = g_new0 (struct sink, 1);
    sink->format = LOG_FORMAT_JSON;
    sink->fd = open ("/dev/null", O_WRONLY | O_CLOEXEC);
  }
  struct logger *logger = g_new0 (struct logger, 1);
  pthread_mutex_init (&logger->lock, NULL);
  atomic_store (&logger->sink, sink);
  atomic_store (&logger->level, settings->level ? settings->level : PTN_LOG_INFO);
  return logger;
}

bool
logger_configure (struct logger *logger, const struct log_settings *settings, GError **error) {
  struct sink *sink = sink_new (settings, error);
  if (!sink)
    return false;
  struct sink *old = atomic_load (&logger->sink);
  sink->older = old;
  atomic_store (&logger->sink, sink);
  /* The old one's descriptor leads to the new place from now on: nothing is lost, and a file
   * that was moved away is let go. */
  if (old->fd >= 0 && old->kind != SINK_JOURNAL && sink->kind != SINK_JOURNAL)
    dup3 (sink->fd, old->fd, O_CLOEXEC);
  atomic_store (&logger->level, settings->level ? settings->level : PTN_LOG_INFO);
  return true;
}

bool
logger_reopen (struct logger *logger, GError **error) {
  struct sink *sink = atomic_load (&logger->sink);
  if (!sink->file || sink->kind == SINK_JOURNAL)
    return true;
  int fd =
      open (sink->file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0640);
  if (fd < 0)
    return open_failed (error, sink->file, errno);
  int done = dup3 (fd, sink->fd, O_CLOEXEC);
  int code = errno;
  close (fd);
  return done >= 0 || open_failed (error, sink->file, code);
}

void
logger_free (struct logger **handle) {
  struct logger *logger = *handle;
  if (!logger)
    return;
  *handle = NULL;
  struct sink *sink = atomic_load (&logger->sink);
  while (sink) {
    struct sink *older = sink->older;
    sink_free (sink);
    sink = older;
  }
  pthread_mutex_destroy (&logger->lock);
  g_free (logger);
}

bool
logger_enabled (const struct logger *logger, ptn_level level) {
  return level >= atomic_load_explicit (&logger->level, memory_order_relaxed);
}

uint64_t
logger_dropped (const struct logger *logger) {
  return atomic_load (&logger->dropped);
}

/* --- writing ------------------------------------------------------------------------- */

/* Some of a line is out: the rest gets a little time, so that the line stays whole. */
static bool
write_rest (int fd, const char *data, size_t size) {
  while (size > 0) {
    struct pollfd poll_fd = { .fd = fd, .events = POLLOUT };
    if (poll (&poll_fd, 1, REST_MS) <= 0)
      return false;
    ssize_t n = write (fd, data, size);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return false;
    data += n;
    size -= (size_t)n;
  }
  return true;
}

static bool
write_stream (struct logger *logger, const struct sink *sink, const char *data, size_t size) {
  bool good = false;
  pthread_mutex_lock (&logger->lock);
  struct pollfd poll_fd = { .fd = sink->fd, .events = POLLOUT };
  if (sink->kind == SINK_SOCKET || poll (&poll_fd, 1, 0) > 0) {
    ssize_t n = sink->kind == SINK_SOCKET ? send (sink->fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL)
                                          : write (sink->fd, data, size);
    good = n >= 0 && ((size_t)n == size || write_rest (sink->fd, data + n, size - (size_t)n));
  }
  pthread_mutex_unlock (&logger->lock);
  return good;
}

static bool
sink_write (struct logger *logger, const struct sink *sink, const char *data, size_t size) {
  if (sink->kind != SINK_FILE)
    return write_stream (logger, sink, data, size);
  ssize_t n;
  do
    n = write (sink->fd, data, size);
  while (n < 0 && errno == EINTR);
  return n == (ssize_t)size;
}

static bool
journal_send (const struct sink *sink, const struct log_entry *entry) {
  static const struct sockaddr_un address = { .sun_family = AF_UNIX,
                                              .sun_path = "/run/systemd/journal/socket" };
  char room[JOURNAL_ROOM];
  struct escape_buffer out = { .data = room, .room = sizeof room };
  log_format_journal (&out, entry);
  return sendto (sink->fd, room, out.size, MSG_DONTWAIT | MSG_NOSIGNAL,
                 (const struct sockaddr *)&address, sizeof address)
         == (ssize_t)out.size;
}

static bool
line_send (struct logger *logger, const struct sink *sink, const struct log_entry *entry) {
  char room[LINE_ROOM];
  struct escape_buffer out = { .data = room, .room = sizeof room };
  if (sink->format == LOG_FORMAT_TEXT)
    log_format_text (&out, entry);
  else
    log_format_json (&out, entry);
  if (sink->kind == SINK_JOURNAL) { /* the journal is away */
    struct sink fallback = { .kind = SINK_STREAM, .fd = sink->fallback };
    return write_stream (logger, &fallback, room, out.size);
  }
  return sink_write (logger, sink, room, out.size);
}

static bool
entry_send (struct logger *logger, const struct log_entry *entry) {
  const struct sink *sink = atomic_load_explicit (&logger->sink, memory_order_acquire);
  if (sink->kind == SINK_JOURNAL && journal_send (sink, entry))
    return true;
  return line_send (logger, sink, entry);
}

/* After a gap: one line that says how many events are missing. */
static void
tell_dropped (struct logger *logger, int64_t time_us) {
  uint64_t dropped = atomic_load (&logger->dropped), told = atomic_load (&logger->told);
  if (dropped == told || !atomic_compare_exchange_strong (&logger->told, &told, dropped))
    return;
  char count[24];
  snprintf (count, sizeof count, "%llu", (unsigned long long)(dropped - told));
  struct ptn_field field = { "count", count };
  struct log_entry entry = { .level = PTN_LOG_WARNING,
                             .event = "log.dropped",
                             .fields = &field,
                             .count = 1,
                             .time_us = time_us };
  entry_send (logger, &entry);
}

void
logger_write (struct logger *logger, ptn_level level, const char *origin, const char *event,
              const struct ptn_field *context, size_t context_count, const struct ptn_field *fields,
              size_t count) {
  if (!logger_enabled (logger, level))
    return;
  int saved = errno;
  struct timespec now;
  clock_gettime (CLOCK_REALTIME, &now);
  struct log_entry entry = { .level = level,
                             .origin = origin,
                             .event = event ? event : "_",
                             .context = context,
                             .context_count = context ? context_count : 0,
                             .fields = fields,
                             .count = fields ? count : 0,
                             .time_us = (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000 };
  if (!entry_send (logger, &entry))
    atomic_fetch_add (&logger->dropped, 1);
  else if (G_UNLIKELY (atomic_load_explicit (&logger->dropped, memory_order_relaxed)
                       != atomic_load_explicit (&logger->told, memory_order_relaxed)))
    tell_dropped (logger, entry.time_us);
  errno = saved;
}

#define EVENT_FIELDS 24

void
logger_event (struct logger *logger, ptn_level level, const char *event, ...) {
  struct ptn_field fields[EVENT_FIELDS];
  size_t count = 0;
  if (!logger_enabled (logger, level))
    return;
  va_list list;
  va_start (list, event);
  for (const char *name; count < EVENT_FIELDS && (name = va_arg (list, const char *)); count++)
    fields[count] = (struct ptn_field){ name, va_arg (list, const char *) };
  va_end (list);
  logger_write (logger, level, NULL, event, NULL, 0, fields, count);
}

void
logger_message (struct logger *logger, ptn_level level, const char *event, const char *field,
                const char *format, ...) {
  if (!logger_enabled (logger, level))
    return;
  char text[1024];
  va_list list;
  va_start (list, format);
  vsnprintf (text, sizeof text, format, list);
  va_end (list);
  struct ptn_field one = { field, text };
  logger_write (logger, level, NULL, event, NULL, 0, &one, 1);
}
