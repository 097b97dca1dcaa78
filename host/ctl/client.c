/* SPDX-License-Identifier: Apache-2.0 */
/* client.c - see client.h. */
#include "ctl/client.h"
#include "ctl/files.h"
#include "ctl/frame.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct client {
  int fd;
  GByteArray *in;
  size_t used; /* of in */
  GPtrArray *commands;
};

static void
command_free (void *element) {
  struct client_command *command = element;
  g_free (command->name);
  g_free (command->arguments);
  g_free (command->help);
  g_free (command->columns);
  g_free (command);
}

static void
set_error (GError **error, int reason, const char *what) {
  g_set_error (error, G_FILE_ERROR, (int)g_file_error_from_errno (reason), "%s: %s", what,
               g_strerror (reason));
}

enum client_connect
client_connect (const char *path, int *fd, GError **error) {
  struct sockaddr_un address = { .sun_family = AF_UNIX };

  if (strlen (path) >= sizeof address.sun_path) {
    set_error (error, ENAMETOOLONG, path);
    return CLIENT_FAILED;
  }
  memcpy (address.sun_path, path, strlen (path) + 1);
  *fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (*fd >= 0 && connect (*fd, (const struct sockaddr *)&address, sizeof address) == 0)
    return CLIENT_CONNECTED;
  int reason = errno;
  if (*fd >= 0)
    close (*fd);
  *fd = -1;
  if (reason == ENOENT || reason == ECONNREFUSED || reason == ENOTDIR)
    return CLIENT_ABSENT;
  if (reason == EACCES || reason == EPERM)
    g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_ACCES,
                 "%s: not allowed; only root, the server's user and members of control_group may "
                 "talk to the server",
                 path);
  else
    set_error (error, reason, path);
  return CLIENT_FAILED;
}

/* 1: a frame (valid until the next call); 0: the server is gone; -1: it said nothing in time. */
static int
next_frame (struct client *client, struct frame *frame, int timeout_ms) {
  size_t used;

  for (;;) {
    int found = client->in->len == client->used
                    ? 0
                    : frame_parse (client->in->data + client->used, client->in->len - client->used,
                                   frame, &used);
    if (found > 0) {
      client->used += used;
      return 1;
    }
    if (found < 0)
      return 0;
    g_byte_array_remove_range (client->in, 0, (guint)client->used);
    client->used = 0;
    struct pollfd wait = { .fd = client->fd, .events = POLLIN };
    int ready = poll (&wait, 1, timeout_ms);
    if (ready == 0)
      return -1;
    unsigned char octets[64 * 1024];
    ssize_t got = ready < 0 ? -1 : read (client->fd, octets, sizeof octets);
    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0)
      return 0;
    g_byte_array_append (client->in, octets, (guint)got);
  }
}

/* Sends and wipes.  fd: passed along; -1: none. */
static bool
send_frames (struct client *client, GByteArray *frames, int fd) {
  size_t sent = 0;
  bool good = true;

  while (good && sent < frames->len) {
    union {
      struct cmsghdr header;
      char room[CMSG_SPACE (sizeof (int))];
    } control = { 0 };
    struct iovec piece = { frames->data + sent, frames->len - sent };
    struct msghdr message = { .msg_iov = &piece, .msg_iovlen = 1 };
    if (fd >= 0 && sent == 0) {
      message.msg_control = &control;
      message.msg_controllen = sizeof control;
      struct cmsghdr *header = CMSG_FIRSTHDR (&message);
      header->cmsg_level = SOL_SOCKET;
      header->cmsg_type = SCM_RIGHTS;
      header->cmsg_len = CMSG_LEN (sizeof fd);
      memcpy (CMSG_DATA (header), &fd, sizeof fd);
    }
    ssize_t now = sendmsg (client->fd, &message, MSG_NOSIGNAL);
    if (now > 0)
      sent += (size_t)now;
    else if (errno != EINTR)
      good = false;
  }
  explicit_bzero (frames->data, frames->len);
  g_byte_array_unref (frames);
  return good;
}

struct client *
client_new (int fd, int timeout_seconds, GError **error) {
  struct client *client = g_new0 (struct client, 1);
  struct frame frame;

  client->fd = fd;
  client->in = g_byte_array_new ();
  client->commands = g_ptr_array_new_with_free_func (command_free);
  int got = next_frame (client, &frame, timeout_seconds * 1000);
  if (got > 0 && frame.kind == 'H' && strcmp (frame.field[0], "1") == 0)
    return client;
  if (got < 0)
    g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_AGAIN,
                 "the server does not answer; its log may say why");
  else if (got == 0)
    g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_FAILED, "the server closed the connection");
  else if (frame.kind == 'E')
    g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_ACCES, "%s", frame.field[1]);
  else
    g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                 "the server speaks another protocol (\"%s\"): restart it after an upgrade",
                 frame.field[0]);
  client_free (&client);
  return NULL;
}

void
client_free (struct client **client) {
  if (!*client)
    return;
  close ((*client)->fd);
  g_byte_array_unref ((*client)->in);
  g_ptr_array_unref ((*client)->commands);
  g_clear_pointer (client, g_free);
}

const GPtrArray *
client_commands (struct client *client, GError **error) {
  GByteArray *question = g_byte_array_new ();
  struct frame frame = { 0 };
  int got = 0;

  if (client->commands->len)
    return client->commands;
  frame_say (question, 'L', NULL);
  if (send_frames (client, question, -1))
    while ((got = next_frame (client, &frame, -1)) > 0 && frame.kind != 'T' && frame.kind != 'E') {
      if (frame.kind != 'C')
        continue;
      struct client_command *command = g_new0 (struct client_command, 1);
      command->name = g_strdup (frame.field[0]);
      command->flags = (unsigned)strtoul (frame.field[1], NULL, 10);
      command->arguments = g_strdup (frame.field[2]);
      command->help = g_strdup (frame.field[3]);
      command->columns = g_strdup (frame.field[4]);
      g_ptr_array_add (client->commands, command);
    }
  if (got > 0 && frame.kind == 'T')
    return client->commands;
  g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_FAILED, "%s",
               got > 0 ? frame.field[1] : "the server closed the connection");
  return NULL;
}

static bool
answer_open (struct client *client, const struct frame *frame) {
  GByteArray *answer = g_byte_array_new ();
  char *text = NULL, number[12];
  int fd;

  ptn_status status =
      files_open (frame->field[0], (ptn_open_mode)strtoul (frame->field[1], NULL, 10), &fd, &text);
  snprintf (number, sizeof number, "%d", status);
  frame_say (answer, 'F', number, text ? text : "", NULL);
  bool sent = send_frames (client, answer, fd);
  if (fd >= 0)
    close (fd);
  g_free (text);
  return sent;
}

ptn_status
client_run (struct client *client, const char *name, const char *const *arguments, size_t count,
            const char *secret, struct output *output, char **text) {
  GByteArray *question = g_byte_array_new ();
  struct frame frame;

  *text = NULL;
  if (secret)
    frame_say (question, 'S', secret, NULL);
  g_autofree const char **words = g_new (const char *, count + 1);
  words[0] = name;
  for (size_t i = 0; i < count; i++)
    words[i + 1] = arguments[i];
  frame_put (question, 'R', words, count + 1);
  bool good = send_frames (client, question, -1);
  while (good && next_frame (client, &frame, -1) > 0)
    switch (frame.kind) {
    case 'r':
      output_row (output, frame.field, frame.count);
      break;
    case 'p':
      output_progress (output, g_ascii_strtoull (frame.field[0], NULL, 10),
                       g_ascii_strtoull (frame.field[1], NULL, 10), frame.field[2]);
      break;
    case 'n':
      output_note (output, frame.field[0]);
      break;
    case 'O':
      good = answer_open (client, &frame);
      break;
    case 'E':
      *text = g_strdup (frame.field[1]);
      return (ptn_status)strtol (frame.field[0], NULL, 10);
    default:
      break;
    }
  *text = g_strdup ("the server went away before it was done; its log may say why");
  return PTN_E_DISCONNECTED;
}
