/* SPDX-License-Identifier: Apache-2.0 */
/* mock.c - see mock.h.  The mock owns its connections and their threads. */
#include "mock.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct mock {
  mock_answer *answer;
  void *data;
  unsigned port;
  int listening, reserved; /* the latter keeps the port while nobody listens */
  pthread_t thread;
  pthread_mutex_t lock; /* of what follows */
  GPtrArray *served;
  gint connections;
};

struct served {
  struct mock *mock;
  int fd;
  pthread_t thread;
};

/* ---- Answers ----------------------------------------------------------------------------- */

bool
mock_put (int fd, const struct berval *message) {
  for (ber_len_t done = 0; done < message->bv_len;) {
    const ssize_t sent = send (fd, message->bv_val + done, message->bv_len - done, MSG_NOSIGNAL);
    if (sent <= 0)
      return false;
    done += (ber_len_t)sent;
  }
  return true;
}

static bool
put_and_free (int fd, BerElement *ber) {
  struct berval message;
  const bool good = ber_flatten2 (ber, &message, 0) == 0 && mock_put (fd, &message);
  ber_free (ber, 1);
  return good;
}

bool
mock_entry (int fd, ber_int_t id, const char *dn, const struct mock_value *values) {
  BerElement *ber = ber_alloc_t (LBER_USE_DER);
  ber_printf (ber, "{it{s{", id, (ber_tag_t)LDAP_RES_SEARCH_ENTRY, dn);
  for (; values->name; values++)
    ber_printf (ber, "{s[O]}", values->name, &values->value);
  ber_printf (ber, "}}}");
  return put_and_free (fd, ber);
}

bool
mock_done (int fd, ber_int_t id, ber_tag_t response, int code, const char *text,
           const char *cookie) {
  BerElement *control = ber_alloc_t (LBER_USE_DER), *ber = ber_alloc_t (LBER_USE_DER);
  struct berval value;
  ber_printf (ber, "{it{ess}", id, response, code, "", text);
  if (cookie) {
    ber_printf (control, "{is}", 0, cookie);
    ber_flatten2 (control, &value, 0);
    ber_printf (ber, "t{{sO}}", (ber_tag_t)LDAP_TAG_CONTROLS, LDAP_CONTROL_PAGEDRESULTS, &value);
  }
  ber_printf (ber, "}");
  ber_free (control, 1);
  return put_and_free (fd, ber);
}

/* ---- Connections ------------------------------------------------------------------------- */

static void *
serve (void *data) {
  const struct served *served = data;
  const struct mock *mock = served->mock;
  int fd = dup (served->fd);
  Sockbuf *buffer = ber_sockbuf_alloc ();
  ber_sockbuf_add_io (buffer, &ber_sockbuf_io_tcp, LBER_SBIOD_LEVEL_PROVIDER, &fd);
  for (bool good = true; good;) {
    BerElement *ber = ber_alloc_t (LBER_USE_DER);
    ber_len_t size;
    ber_int_t id;
    good = ber_get_next (buffer, &size, ber) == LBER_SEQUENCE
           && ber_scanf (ber, "i", &id) != LBER_ERROR;
    if (good)
      good = mock->answer (mock->data, fd, id, ber_peek_tag (ber, &size), ber);
    ber_free (ber, 1);
  }
  ber_sockbuf_free (buffer); /* closes */
  shutdown (served->fd, SHUT_RDWR);
  return NULL;
}

static void *
take_all (void *data) {
  struct mock *mock = data;
  for (int fd; (fd = accept (mock->listening, NULL, NULL)) >= 0;) {
    struct served *served = g_new0 (struct served, 1);
    *served = (struct served){ .mock = mock, .fd = fd };
    pthread_mutex_lock (&mock->lock);
    mock->connections++;
    if (pthread_create (&served->thread, NULL, serve, served) != 0)
      abort ();
    g_ptr_array_add (mock->served, served);
    pthread_mutex_unlock (&mock->lock);
  }
  return NULL;
}

static int
socket_at (struct mock *mock) {
  struct sockaddr_in address = { .sin_family = AF_INET,
                                 .sin_port = htons ((uint16_t)mock->port),
                                 .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
  socklen_t size = sizeof address;
  const int yes = 1;
  const int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  setsockopt (fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (bind (fd, (struct sockaddr *)&address, sizeof address) != 0
      || getsockname (fd, (struct sockaddr *)&address, &size) != 0)
    abort ();
  mock->port = ntohs (address.sin_port);
  return fd;
}

void
mock_up (struct mock *mock) {
  mock->listening = socket_at (mock);
  if (listen (mock->listening, 16) != 0
      || pthread_create (&mock->thread, NULL, take_all, mock) != 0)
    abort ();
}

struct mock *
mock_new (mock_answer *answer, void *data) {
  struct mock *mock = g_new0 (struct mock, 1);
  mock->answer = answer;
  mock->data = data;
  mock->served = g_ptr_array_new ();
  pthread_mutex_init (&mock->lock, NULL);
  mock->reserved = socket_at (mock);
  mock_up (mock);
  return mock;
}

unsigned
mock_port (const struct mock *mock) {
  return mock->port;
}

gint
mock_connections (struct mock *mock) {
  pthread_mutex_lock (&mock->lock);
  const gint connections = mock->connections;
  pthread_mutex_unlock (&mock->lock);
  return connections;
}

void
mock_hang_up (struct mock *mock) {
  pthread_mutex_lock (&mock->lock);
  GPtrArray *served = mock->served;
  mock->served = g_ptr_array_new ();
  pthread_mutex_unlock (&mock->lock);
  for (guint i = 0; i < served->len; i++) {
    struct served *one = served->pdata[i];
    shutdown (one->fd, SHUT_RDWR);
    pthread_join (one->thread, NULL);
    close (one->fd);
    g_free (one);
  }
  g_ptr_array_free (served, TRUE);
}

void
mock_down (struct mock *mock) {
  shutdown (mock->listening, SHUT_RDWR);
  pthread_join (mock->thread, NULL);
  close (mock->listening);
  mock_hang_up (mock);
}

void
mock_free (struct mock **held) {
  struct mock *mock = *held;
  mock_down (mock);
  close (mock->reserved);
  g_ptr_array_free (mock->served, TRUE);
  pthread_mutex_destroy (&mock->lock);
  g_free (mock);
  *held = NULL;
}
