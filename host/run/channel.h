/* SPDX-License-Identifier: Apache-2.0 */
/* channel.h - the messages between supervisor and worker: a SOCK_SEQPACKET pair.
 *
 * A message is its kind, up to CHANNEL_FIELDS strings, and perhaps one descriptor.  Keys travel
 * here and nowhere else: never through a file, an argument or the environment; buffers that
 * held a message are wiped.  Each end belongs to one thread, but for channel_send. */
#ifndef HOST_RUN_CHANNEL_H
#define HOST_RUN_CHANNEL_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

enum channel_kind {
  /* supervisor to worker, before it starts: */
  CHANNEL_NOTE = 1,    /* descriptor of the shared crash note */
  CHANNEL_LISTENER,    /* listener, endpoint as configured; its socket */
  CHANNEL_CONTROL,     /* the control socket */
  CHANNEL_CERTIFICATE, /* certificate path, key path, certificate PEM, key PEM; at any time */
  CHANNEL_TRUST,       /* authorities' path, revocation lists' or "", PEM, PEM; at any time */
  CHANNEL_LEFT_OUT,    /* plugin section, why */
  CHANNEL_BEGIN,       /* that was all: load, start, serve */
  /* and while it runs: */
  CHANNEL_STOP,   /* say goodbye to sessions, stop plugins, exit; field: "reload" or "stop" */
  CHANNEL_NOW,    /* end without waiting for sessions any longer */
  CHANNEL_PING,   /* is every part alive?  CHANNEL_PONG when a strand has run */
  CHANNEL_ANSWER, /* to CHANNEL_ASK: "1" or "0", text */
  CHANNEL_APPLY,  /* take what can be taken of the new configuration without a new worker */
  /* worker to supervisor: */
  CHANNEL_SERVING, /* every listener is served */
  CHANNEL_PONG,
  CHANNEL_ASK,     /* "reload": posternctl wants what SIGHUP does */
  CHANNEL_APPLIED, /* "1": done; "0", why: a new worker is needed */
};

enum { CHANNEL_FIELDS = 4, CHANNEL_MAX = 192 * 1024 };

struct channel_message {
  enum channel_kind kind;
  unsigned count;
  const char *field[CHANNEL_FIELDS]; /* never NULL below count; "" beyond */
  int fd;                            /* -1: none; the receiver's to close */
  char *buffer;                      /* what the fields point into */
  size_t size;
};

/* NULL ends the fields; false when the peer is gone or the message too large. [any] */
bool channel_send (int channel, enum channel_kind, int fd, ...) G_GNUC_NULL_TERMINATED;
/* 1: a message, to be cleared; 0: the peer is gone; -1: none there now (a socket that does not
 * block). */
int channel_receive (int channel, struct channel_message *);
void channel_clear (struct channel_message *); /* wipes; closes fd if it is still there */

#endif
