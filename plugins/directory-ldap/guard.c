/* SPDX-License-Identifier: Apache-2.0 */
/* guard.c - see guard.h.  Owns nothing. */
#include "guard.h"

#include <errno.h>
#include <poll.h>
#include <time.h>

int64_t
guard_now_ns (void) {
  struct timespec now;
  clock_gettime (CLOCK_MONOTONIC, &now);
  return now.tv_sec * INT64_C (1000000000) + now.tv_nsec;
}

/* false: the time is over. */
static bool
await (Sockbuf_IO_Desc *layer, short events) {
  const struct guard *guard = layer->sbiod_pvt;
  struct pollfd wait = { .fd = -1, .events = events };
  ber_sockbuf_ctrl (layer->sbiod_sb, LBER_SB_OPT_GET_FD, &wait.fd);
  for (;;) {
    const int64_t left_ns = guard->until_ns - guard_now_ns ();
    const int ready = left_ns > 0 ? poll (&wait, 1, (int)(left_ns / 1000000) + 1) : 0;
    if (ready > 0)
      return true;
    if (ready == 0 || errno != EINTR) {
      errno = ETIMEDOUT;
      return false;
    }
  }
}

static int
layer_setup (Sockbuf_IO_Desc *layer, void *guard) {
  layer->sbiod_pvt = guard;
  return 0;
}

static int
layer_remove (Sockbuf_IO_Desc *layer) {
  return 0;
}

static int
layer_ctrl (Sockbuf_IO_Desc *layer, int option, void *argument) {
  return LBER_SBIOD_CTRL_NEXT (layer, option, argument);
}

static ber_slen_t
layer_read (Sockbuf_IO_Desc *layer, void *octets, ber_len_t size) {
  struct guard *guard = layer->sbiod_pvt;
  if (guard->left <= 0) {
    errno = EMSGSIZE;
    return -1;
  }
  if (!await (layer, POLLIN))
    return -1;
  const ber_slen_t got = LBER_SBIOD_READ_NEXT (layer, octets, size);
  guard->left -= MAX (got, 0);
  return got;
}

static ber_slen_t
layer_write (Sockbuf_IO_Desc *layer, void *octets, ber_len_t size) {
  return await (layer, POLLOUT) ? LBER_SBIOD_WRITE_NEXT (layer, octets, size) : -1;
}

static int
layer_close (Sockbuf_IO_Desc *layer) {
  return 0;
}

/* Above the socket, below TLS. */
#define LEVEL (LBER_SBIOD_LEVEL_PROVIDER + 1)

static int
on_connect (LDAP *ldap, Sockbuf *buffer, LDAPURLDesc *url, struct sockaddr *address,
            struct ldap_conncb *callbacks) {
  static Sockbuf_IO layer = { layer_setup, layer_remove, layer_ctrl,
                              layer_read,  layer_write,  layer_close };
  ber_len_t most = GUARD_MESSAGE_LIMIT;
  if (ber_sockbuf_ctrl (buffer, LBER_SB_OPT_SET_MAX_INCOMING, &most) < 0)
    return LDAP_LOCAL_ERROR;
  return ber_sockbuf_add_io (buffer, &layer, LEVEL, callbacks->lc_arg) == 0 ? LDAP_SUCCESS
                                                                            : LDAP_LOCAL_ERROR;
}

static void
on_disconnect (LDAP *ldap, Sockbuf *buffer, struct ldap_conncb *callbacks) {
}

bool
guard_attach (struct guard *guard, LDAP *ldap) {
  guard->callbacks = (struct ldap_conncb){ on_connect, on_disconnect, guard };
  return ldap_set_option (ldap, LDAP_OPT_CONNECT_CB, &guard->callbacks) == LDAP_OPT_SUCCESS;
}
