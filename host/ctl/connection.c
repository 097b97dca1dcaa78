/* SPDX-License-Identifier: Apache-2.0 */
/* connection.c - see connection.h. */
#include "ctl/connection.h"
#include "ctl/frame.h"

#include <postern/control.h>

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
  OUTPUT_ROOM = 4096,                 /* at first: what is said of a password need not move */
  OUTPUT_HIGH = 256 * 1024,           /* rows wait while so much is queued */
  INPUT_HIGH = FRAME_MAX + 64 * 1024, /* nothing is read while so much waits to be parsed */
  PROGRESS_NS = 100 * 1000 * 1000     /* more than ten bars a second nobody sees */
};

struct connection {
  struct ptn_report report; /* first: plugins hand it back */
  struct connection_settings settings;
  struct ptn_task *task;   /* the strand's own: set by its first run */
  struct ptn_task *handle; /* the same for connection_cancel */
  GByteArray *in, *out;
  size_t sent; /* of out */
  bool watched, ended, closing, reads_on, row_waits, prepared;
  atomic_bool idle;
  int passed_fd; /* came with SCM_RIGHTS, not yet taken */

  GByteArray *secret;
  const struct load_provider *command; /* running; NULL: none */
  struct ptn_call call;
  char **arguments; /* NULL ends */
  size_t argument_count;
  int64_t progress_at;
  bool asked_file, answered_file;
  ptn_status file_status;
  char *file_text;
};

static int64_t
monotonic_ns (void) {
  return g_get_monotonic_time () * 1000;
}

static void
wipe_secret (struct connection *connection) {
  if (connection->secret->len)
    explicit_bzero (connection->secret->data, connection->secret->len);
  g_byte_array_set_size (connection->secret, 0);
}

/* --- the report ------------------------------------------------------------------------- */

static struct connection *
of_report (struct ptn_report *report) {
  return (struct connection *)report;
}

static ptn_status
report_row (struct ptn_report *report, struct ptn_task *task, const char *const *columns,
            size_t count) {
  struct connection *connection = of_report (report);
  if (connection->out->len - connection->sent > OUTPUT_HIGH) {
    connection->row_waits = true;
    return PTN_PENDING; /* until the socket has taken some */
  }
  frame_put (connection->out, 'r', columns, MIN (count, FRAME_FIELDS));
  return PTN_OK;
}

static void
report_progress (struct ptn_report *report, uint64_t done, uint64_t total, const char *what) {
  struct connection *connection = of_report (report);
  int64_t now = monotonic_ns ();
  char done_text[24], total_text[24];

  if (now < connection->progress_at && done < total)
    return;
  connection->progress_at = now + PROGRESS_NS;
  snprintf (done_text, sizeof done_text, "%" G_GUINT64_FORMAT, done);
  snprintf (total_text, sizeof total_text, "%" G_GUINT64_FORMAT, total);
  frame_say (connection->out, 'p', done_text, total_text, what ? what : "", NULL);
}

static void
report_note (struct ptn_report *report, const char *text) {
  frame_say (of_report (report)->out, 'n', text, NULL);
}

static ptn_status
report_open (struct ptn_report *report, struct ptn_task *task, const char *path, ptn_open_mode mode,
             int32_t *fd) {
  struct connection *connection = of_report (report);
  char mode_text[12];

  *fd = -1;
  if (!connection->asked_file) {
    snprintf (mode_text, sizeof mode_text, "%u", mode);
    frame_say (connection->out, 'O', path, mode_text, NULL);
    connection->asked_file = true;
    connection->answered_file = false;
  }
  if (!connection->answered_file)
    return PTN_PENDING; /* the answer is an edge */
  connection->asked_file = false;
  if (connection->file_status != PTN_OK)
    return task_fail (task, connection->file_status, connection->file_text, "%s",
                      connection->file_text);
  *fd = connection->passed_fd;
  connection->passed_fd = -1;
  return PTN_OK;
}

/* --- commands ----------------------------------------------------------------------------- */

static const struct ptn_control *
table_of (const struct load_provider *provider) {
  return provider->table;
}

static void
say_end (struct connection *connection, ptn_status status, const char *text) {
  char number[12];
  snprintf (number, sizeof number, "%d", status);
  frame_say (connection->out, 'E', number, text ? text : "", NULL);
}

static void
list_commands (struct connection *connection) {
  const struct load_provider *provider = NULL;
  while ((provider = loader_next (connection->settings.loader, PTN_CONTROL_ID, provider))) {
    const struct ptn_control *table = table_of (provider);
    char flags[12];
    snprintf (flags, sizeof flags, "%u", table->flags);
    frame_say (connection->out, 'C', table->name, flags, table->arguments ? table->arguments : "",
               table->help ? table->help : "", table->columns ? table->columns : "", NULL);
  }
  frame_say (connection->out, 'T', NULL);
}

static void
begin_command (struct connection *connection, const struct frame *frame) {
  const struct load_provider *provider = NULL;

  do
    provider = loader_next (connection->settings.loader, PTN_CONTROL_ID, provider);
  while (provider && strcmp (table_of (provider)->name, frame->field[0]) != 0);
  if (!provider || !table_of (provider)->run) {
    wipe_secret (connection);
    say_end (connection, PTN_E_NOT_FOUND, "there is no such command");
    return;
  }
  connection->arguments = g_new0 (char *, frame->count + 1);
  connection->argument_count = frame->count - 1;
  for (size_t i = 1; i < frame->count; i++)
    connection->arguments[i - 1] = g_strdup (frame->field[i]);
  connection->call = (struct ptn_call){ .task = connection->task };
  connection->command = provider;
  connection->prepared = false;
  connection->progress_at = 0;
}

static const char *
standard_text (ptn_status status) {
  switch (status) {
  case PTN_E_INVALID:
    return "the arguments are not right";
  case PTN_E_NOT_FOUND:
    return "not found";
  case PTN_E_EXISTS:
    return "exists already";
  case PTN_E_DENIED:
    return "not allowed";
  case PTN_E_UNSUPPORTED:
    return "not supported";
  case PTN_E_CANCELLED:
    return "cancelled";
  case PTN_E_CORRUPT:
    return "damaged data was found; the log tells more";
  default:
    return "it failed; the log tells why";
  }
}

static void
end_command (struct connection *connection, ptn_status status) {
  const char *text = task_failure_text (connection->task);
  const char *detail = task_failure_log (connection->task);
  char user[16];

  if (!text && detail)
    text = detail; /* who may use this socket may read the log */
  snprintf (user, sizeof user, "%u", connection->settings.peer_user);
  logger_event (connection->settings.logger, status < 0 ? PTN_LOG_NOTICE : PTN_LOG_INFO,
                "control.command", "command", table_of (connection->command)->name, "user", user,
                "result", status < 0 ? (detail ? detail : standard_text (status)) : "ok", NULL);
  if (status < 0)
    say_end (connection, status, text ? text : standard_text (status));
  else
    say_end (connection, PTN_OK, "");
  call_end (&connection->call);
  connection->command = NULL;
  g_clear_pointer (&connection->arguments, g_strfreev);
  connection->asked_file = false;
  wipe_secret (connection);
  task_command_done (connection->task);
}

/* True: it has ended. */
static bool
run_command (struct connection *connection) {
  const struct load_provider *provider = connection->command;
  bool stopped = table_of (provider)->flags & PTN_CONTROL_STOPPED;
  if (stopped && !connection->settings.prepare) {
    end_command (connection, task_fail (connection->task, PTN_E_DENIED,
                                        "stop the server first: this command needs the files alone",
                                        "the server is running"));
    return true;
  }
  if (!stopped && connection->settings.prepare && !connection->prepared) {
    ptn_status status =
        connection->settings.prepare (connection->settings.user, connection->task, provider);
    if (status == PTN_PENDING)
      return false;
    if (status != PTN_OK) {
      end_command (connection, status);
      return true;
    }
    connection->prepared = true;
  }
  const struct ptn_strings arguments = { (const char *const *)connection->arguments,
                                         connection->argument_count };
  const struct ptn_bytes secret = { connection->secret->data, connection->secret->len };

  uint32_t before = engine_enter (provider->plugin);
  ptn_status status = table_of (provider)->run (provider->instance, &connection->call, arguments,
                                                secret, &connection->report);
  engine_enter (before);
  if (status == PTN_PENDING)
    return false;
  end_command (connection, status);
  return true;
}

/* --- frames in, frames out ------------------------------------------------------------------ */

static void
take_frame (struct connection *connection, const struct frame *frame) {
  if (frame->kind == 'F' && connection->asked_file && !connection->answered_file) {
    connection->file_status = (ptn_status)strtol (frame->field[0], NULL, 10);
    if (connection->file_status > 0
        || (connection->file_status == PTN_OK && connection->passed_fd < 0))
      connection->file_status = PTN_E_INVALID;
    g_free (connection->file_text);
    connection->file_text = g_strdup (frame->field[1]);
    connection->answered_file = true;
  } else if (connection->command) {
    connection->ended = true; /* one command at a time: this peer does not know the protocol */
  } else if (frame->kind == 'L') {
    list_commands (connection);
  } else if (frame->kind == 'S') {
    wipe_secret (connection);
    g_byte_array_append (connection->secret, (const guint8 *)frame->field[0],
                         (guint)strlen (frame->field[0]));
  } else if (frame->kind == 'R' && frame->count > 0) {
    begin_command (connection, frame);
  }
}

/* False: the connection is not one any more. */
static bool
take_frames (struct connection *connection) {
  static const unsigned char nothing; /* an empty array has no data */
  size_t offset = 0, used = 0;
  int found = 1;

  while (!connection->ended) {
    struct frame frame;
    const unsigned char *data = connection->in->data ? connection->in->data : &nothing;
    found = frame_parse (data + offset, connection->in->len - offset, &frame, &used);
    if (found <= 0)
      break;
    if (connection->command && frame.kind != 'F')
      break; /* it waits for its turn */
    take_frame (connection, &frame);
    if (frame.kind == 'S' && connection->in->data)
      explicit_bzero (connection->in->data + offset, used);
    offset += used;
  }
  if (offset)
    g_byte_array_remove_range (connection->in, 0, (guint)offset);
  return found >= 0;
}

static void
read_input (struct connection *connection) {
  while (connection->reads_on && connection->in->len < INPUT_HIGH) {
    unsigned char octets[16 * 1024];
    union {
      struct cmsghdr header;
      char room[CMSG_SPACE (sizeof (int))];
    } control;
    struct iovec piece = { octets, sizeof octets };
    struct msghdr message = {
      .msg_iov = &piece, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control
    };
    ssize_t got = recvmsg (connection->settings.fd, &message, MSG_CMSG_CLOEXEC);
    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0) {
      connection->reads_on = false;
      connection->ended = connection->ended || got == 0 || errno != EAGAIN;
      return;
    }
    const struct cmsghdr *header = CMSG_FIRSTHDR (&message);
    if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS) {
      if (connection->passed_fd >= 0)
        close (connection->passed_fd);
      memcpy (&connection->passed_fd, CMSG_DATA (header), sizeof connection->passed_fd);
    }
    g_byte_array_append (connection->in, octets, (guint)got);
    explicit_bzero (octets, (size_t)got);
  }
}

static void
write_output (struct connection *connection) {
  GByteArray *out = connection->out;

  while (connection->sent < out->len) {
    ssize_t sent = send (connection->settings.fd, out->data + connection->sent,
                         out->len - connection->sent, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR)
      continue;
    if (sent < 0) {
      connection->ended = connection->ended || errno != EAGAIN;
      break;
    }
    connection->sent += (size_t)sent;
  }
  if (connection->sent == out->len || connection->sent > OUTPUT_HIGH) {
    explicit_bzero (out->data, connection->sent); /* a row may show a password */
    g_byte_array_remove_range (out, 0, (guint)connection->sent);
    connection->sent = 0;
  }
}

static task_next
connection_end (struct connection *connection) {
  if (connection->command)
    call_end (&connection->call); /* cancels */
  connection->command = NULL;
  if (connection->watched)
    task_unwatch (connection->task);
  close (connection->settings.fd);
  return TASK_DONE;
}

/* Frames, and the command they ask for, in turn; a few of them, then it is another's turn.
 * True: there is more to do. */
static bool
run_commands (struct connection *connection) {
  for (unsigned i = 0; i < 8; i++) {
    if (!connection->closing && !take_frames (connection))
      connection->ended = true;
    if (connection->ended || !connection->command || !run_command (connection))
      return false;
  }
  return true;
}

/* A row found the queue full, and room came without an edge to tell of it. */
static bool
row_can_go_on (struct connection *connection) {
  bool go = connection->row_waits && connection->out->len - connection->sent <= OUTPUT_HIGH;
  if (go)
    connection->row_waits = false;
  return go;
}

static task_next
connection_run (struct ptn_task *task, void *user, unsigned events) {
  struct connection *connection = user;

  connection->task = task;
  if (task_cancelled (task))
    return connection_end (connection);
  if (events & (TASK_READABLE | TASK_HANGUP))
    connection->reads_on = true;
  if (!connection->watched) { /* the first run */
    connection->watched = task_watch (task, connection->settings.fd, NULL);
    connection->ended = !connection->watched;
  }
  read_input (connection);
  bool more = run_commands (connection);
  write_output (connection);
  if (!connection->command && connection->settings.draining (connection->settings.user))
    connection->closing = true;
  if (connection->ended || (connection->closing && connection->sent == connection->out->len))
    return connection_end (connection);
  atomic_store (&connection->idle, !connection->command);
  more = more || (connection->reads_on && connection->in->len < INPUT_HIGH);
  return more || row_can_go_on (connection) ? TASK_AGAIN : TASK_WAIT;
}

/* What came half, or was not taken. */
static void
wipe_and_free (GByteArray *octets) {
  if (octets->len)
    explicit_bzero (octets->data, octets->len);
  g_byte_array_unref (octets);
}

static void
connection_finish (void *user) {
  struct connection *connection = user;

  connection->settings.gone (connection->settings.user, connection);
  wipe_secret (connection);
  g_byte_array_unref (connection->secret);
  wipe_and_free (connection->in);
  wipe_and_free (connection->out);
  g_strfreev (connection->arguments);
  g_free (connection->file_text);
  if (connection->passed_fd >= 0)
    close (connection->passed_fd);
  g_free (connection);
}

struct connection *
connection_new (const struct connection_settings *settings) {
  struct connection *connection = g_new0 (struct connection, 1);

  connection->settings = *settings;
  connection->report = (struct ptn_report){ .size = sizeof connection->report,
                                            .row = report_row,
                                            .progress = report_progress,
                                            .note = report_note,
                                            .open = report_open };
  connection->in = g_byte_array_new ();
  connection->out = g_byte_array_sized_new (OUTPUT_ROOM);
  connection->secret = g_byte_array_new ();
  connection->passed_fd = -1;
  connection->reads_on = true;
  atomic_init (&connection->idle, true);
  connection->closing = settings->refused;
  if (settings->refused)
    say_end (connection, PTN_E_DENIED,
             "only root, the server's user and members of control_group may talk to the server");
  else
    frame_say (connection->out, 'H', "1", POSTERN_VERSION, NULL);
  connection->handle =
      task_new (settings->engine, "control", connection_run, connection_finish, connection);
  return connection;
}

bool
connection_is_idle (const struct connection *connection) {
  return atomic_load (&connection->idle);
}

void
connection_cancel (struct connection *connection) {
  task_cancel (connection->handle);
}
