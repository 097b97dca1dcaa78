/* SPDX-License-Identifier: Apache-2.0 */
/* channel.c - see channel.h. */
#include "run/channel.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union descriptor_room {
  struct cmsghdr header;
  char octets[CMSG_SPACE (sizeof (int))];
};

bool
channel_send (int channel, enum channel_kind kind, int fd, ...) {
  uint32_t number = kind;
  GByteArray *octets = g_byte_array_new ();
  const char *field;
  va_list fields;

  g_byte_array_append (octets, (const guint8 *)&number, sizeof number);
  va_start (fields, fd);
  while ((field = va_arg (fields, const char *)))
    g_byte_array_append (octets, (const guint8 *)field, (guint)strlen (field) + 1);
  va_end (fields);

  union descriptor_room room = { 0 };
  struct iovec piece = { .iov_base = octets->data, .iov_len = octets->len };
  struct msghdr message = { .msg_iov = &piece, .msg_iovlen = 1 };
  if (fd >= 0) {
    message.msg_control = &room;
    message.msg_controllen = sizeof room;
    struct cmsghdr *header = CMSG_FIRSTHDR (&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN (sizeof fd);
    memcpy (CMSG_DATA (header), &fd, sizeof fd);
  }
  ssize_t sent = -1;
  if (octets->len <= CHANNEL_MAX) {
    do
      sent = sendmsg (channel, &message, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
  }
  explicit_bzero (octets->data, octets->len);
  g_byte_array_unref (octets);
  return sent >= 0;
}

static void
take_fields (struct channel_message *message, char *text, size_t size) {
  /* The peer is our own process, but a torn field must not run over the end. */
  while (size && message->count < CHANNEL_FIELDS) {
    size_t length = strnlen (text, size);
    if (length == size)
      return;
    message->field[message->count++] = text;
    text += length + 1;
    size -= length + 1;
  }
}

int
channel_receive (int channel, struct channel_message *message) {
  *message = (struct channel_message){ .fd = -1 };
  for (unsigned i = 0; i < CHANNEL_FIELDS; i++)
    message->field[i] = "";
  message->buffer = g_malloc (CHANNEL_MAX);
  union descriptor_room room = { 0 };
  struct iovec piece = { .iov_base = message->buffer, .iov_len = CHANNEL_MAX };
  struct msghdr header = {
    .msg_iov = &piece, .msg_iovlen = 1, .msg_control = &room, .msg_controllen = sizeof room
  };
  ssize_t got;
  do
    got = recvmsg (channel, &header, MSG_CMSG_CLOEXEC);
  while (got < 0 && errno == EINTR);
  if (got < (ssize_t)sizeof (uint32_t)) {
    bool none = got < 0 && errno == EAGAIN;
    channel_clear (message);
    return none ? -1 : 0;
  }
  message->size = (size_t)got;
  struct cmsghdr *control = CMSG_FIRSTHDR (&header);
  if (control && control->cmsg_level == SOL_SOCKET && control->cmsg_type == SCM_RIGHTS)
    memcpy (&message->fd, CMSG_DATA (control), sizeof message->fd);
  uint32_t number;
  memcpy (&number, message->buffer, sizeof number);
  message->kind = (enum channel_kind)number;
  take_fields (message, message->buffer + sizeof number, (size_t)got - sizeof number);
  return 1;
}

void
channel_clear (struct channel_message *message) {
  if (message->buffer) {
    explicit_bzero (message->buffer, message->size);
    g_free (message->buffer);
  }
  if (message->fd >= 0)
    close (message->fd);
  *message = (struct channel_message){ .fd = -1 };
}
