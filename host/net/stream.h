/* SPDX-License-Identifier: Apache-2.0 */
/* stream.h - struct ptn_stream: the octets of one connection, in clear or under TLS.
 *
 * Embedded in a session and used by its strand alone (everything here is [task], the
 * session's).  Plugins see it through "postern.stream/1" (abi/postern/stream.h), which
 * stream.c and output.c serve.
 *
 * Input.  One buffer, made when there is something to read and given back by stream_rest when
 * it is empty.  "Readable" is remembered until a read says EAGAIN, or reads less than it asked
 * for on a socket whose peer has not closed: the next octet is a new edge.
 * Output.  A queue of copied octets, lent chunks and sources.  Sources are pulled while less
 * than OUTPUT_HIGH octets are ready.  Everything queued is written at the end of a step, or
 * when OUTPUT_HIGH octets have gathered; while the socket takes nothing, nothing is read.
 * TLS.  The SSL object reads the socket through a BIO of ours, which keeps the memory about a
 * socket that is not readable, and writes records into `wire`, which is sent at once with what
 * else is ready.  So no SSL call ever waits for the socket to take octets, unless `wire` is
 * full, and then the same call is repeated later, as OpenSSL asks for. */
#ifndef HOST_NET_STREAM_H
#define HOST_NET_STREAM_H

#include "engine/engine.h"
#include "net/address.h"

#include <postern/stream.h>

#include <openssl/ssl.h>
#include <stdbool.h>

#define OUTPUT_HIGH (64u << 10)   /* ready octets at which no source is pulled any more */
#define OUTPUT_CHUNK (256u << 10) /* most that is asked of a source at once */
#define WIRE_FULL (128u << 10)    /* encrypted octets at which the BIO refuses more */

/* All input is secret: nobody is logged in. */
#define SECRET_ALL UINT32_MAX

struct deflate_layer;
struct out_item;
struct tls_client;
struct tls_context;

struct output {
  struct out_item *head, *tail;
  struct out_item *stop; /* the first that is not ready: a source, or a turn to TLS or DEFLATE */
  size_t ready;          /* octets before `stop` */
  size_t behind;         /* octets behind it */
  unsigned sources;
};

/* Encrypted octets on their way to the socket. */
struct wire {
  char *data;
  size_t start, end, room, charged;
};

struct literal {
  struct ptn_source source;
  uint64_t left;
  size_t given; /* octets of the last chunk, consumed by the next read or by close */
  bool open;
};

struct ptn_stream {
  struct ptn_task *task;
  SSL *ssl;
  int fd;
  uint32_t plugin; /* of engine_enter: whose sources these are */

  /* Conditions of the socket. */
  bool readable;     /* it may have octets */
  bool stuck;        /* it took less than it was given: wait for an edge */
  bool hangup;       /* the peer closed its side, or all: read until the end */
  bool ssl_more;     /* the SSL object may have octets without reading */
  bool eof;          /* the peer ended properly: FIN, or close_notify */
  bool moved;        /* octets moved since the owner last cleared this */
  bool unsent;       /* there is more to write, but others come first */
  bool wants_tls;    /* start_tls was called: a handshake follows the clear output */
  bool tls_done;     /* the handshake is done */
  bool memory_spent; /* no room for input */
  uint8_t in_class;  /* the next input buffer is 4 KiB << in_class */

  ptn_status error;   /* PTN_OK, or PTN_E_DISCONNECTED: nothing more goes in or out */
  bool break_off;     /* the peer must not take what it got for the whole: reset */
  const char *reason; /* why, a word for the log; static */

  /* What the step waits for; 0: not for this. */
  size_t armed_wanted;
  uint64_t armed_below;

  char *in;
  uint32_t in_room, in_start, in_end, max_line;
  uint32_t secret; /* octets of the input that leave no copy behind, from its start; SECRET_ALL */
  struct output out;
  struct wire wire;
  struct wire packed;            /* compressed, and not yet encrypted: with TLS only */
  struct deflate_layer *deflate; /* or NULL */
  struct literal literal;

  uint64_t octets_in, octets_out;
  struct net_address peer, local; /* local: learnt when it is asked for, unless PROXY told */
  struct tls_context *tls;        /* borrowed from the owner: what start_tls offers, or NULL */
  char *texts[4];                 /* properties once asked for; owned */
  unsigned char *binding;         /* of channel_binding; owned */
  struct tls_client *client;      /* what its certificate says, once asked for; owned */
};

/* Zeroed memory in; `fd` stays the owner's.  The input is secret. */
void stream_init (struct ptn_stream *, struct ptn_task *, int fd, size_t max_line);
/* Closes queued sources and frees everything. */
void stream_clear (struct ptn_stream *);

/* Before a login the input may be a password: what is consumed, moved, or freed unread is
 * overwritten, here and in the SSL object.  Off: from what comes next; what is here stays secret. */
void stream_secret (struct ptn_stream *, bool on);

/* Takes note of what came: TASK_READABLE, TASK_WRITABLE, TASK_HANGUP. */
void stream_events (struct ptn_stream *, unsigned events);

/* Between steps: disarms; is what the last step armed true now?; gives back empty buffers. */
void stream_step_begins (struct ptn_stream *);
bool stream_ready (struct ptn_stream *);
void stream_rest (struct ptn_stream *);

/* Writes what can be written.  PTN_OK: the queue is empty (or at the turn to TLS);
 * PTN_PENDING: the socket is full, a source waits, or `unsent` is set: call again after the
 * others had their turn; PTN_E_DISCONNECTED. */
ptn_status stream_flush (struct ptn_stream *);
bool stream_output_empty (const struct ptn_stream *);
/* Is the clear output gone after which start_tls wants its handshake? */
bool stream_at_tls (const struct ptn_stream *);
/* Drops what is queued, closing sources. */
void stream_drop_output (struct ptn_stream *);
/* The socket is full: that it takes octets again will be an event. */
void stream_stuck (struct ptn_stream *);
/* PTN_E_DISCONNECTED from now on. */
ptn_status stream_fail (struct ptn_stream *, const char *reason);

/* Reads from the socket (or the SSL object) what fits; true if the input grew.  False: wait
 * for an edge, or eof, error or memory_spent is set. */
bool stream_fill (struct ptn_stream *);
/* As recv of the socket, keeping the memory about it. */
ssize_t stream_clear_read (struct ptn_stream *, void *data, size_t size);
/* Throws away input for a closing connection: true while the peer may still send. */
bool stream_discard (struct ptn_stream *, size_t *most);

const char *stream_property (struct ptn_stream *, const char *name);
ptn_status stream_literal (struct ptn_stream *, uint64_t length, struct ptn_source **);

/* output.c */
ptn_status output_write (struct ptn_stream *, const void *data, size_t size);
ptn_status output_source (struct ptn_stream *, struct ptn_source *, uint64_t length);
ptn_status output_drained (struct ptn_stream *, uint64_t below);
void output_turn_to_tls (struct ptn_stream *);   /* what follows waits for the handshake */
void output_turned_to_tls (struct ptn_stream *); /* it is done */
void output_turn_to_deflate (struct ptn_stream *, bool on); /* what follows is compressed, or not */
uint64_t output_queued (const struct ptn_stream *);         /* UINT64_MAX with a source */

/* tls_stream.c */
/* Makes the SSL object; false: no memory. */
bool stream_tls_begin (struct ptn_stream *, struct tls_context *);
/* PTN_OK: done; PTN_PENDING; PTN_E_DISCONNECTED with `reason`, the alert still to be sent. */
ptn_status stream_tls_handshake (struct ptn_stream *);
/* As recv: octets, 0 at the end, -1 with errno EAGAIN or other. */
ssize_t stream_tls_read (struct ptn_stream *, void *data, size_t size);
/* Wipes what it has deciphered, or not any more, as s->secret says. */
void stream_tls_secret (struct ptn_stream *);
/* Encrypts into `wire`: octets taken, or -1 with errno EAGAIN: the same again later. */
ssize_t stream_tls_write (struct ptn_stream *, const void *data, size_t size);
void stream_tls_goodbye (struct ptn_stream *); /* close_notify into `wire` */
/* Sends `wire`: false: stuck or failed. */
bool stream_wire_send (struct ptn_stream *);
/* Room for `size` more octets at its end; and gives all of it back. */
void wire_reserve (struct ptn_stream *, struct wire *, size_t size);
void wire_free (struct ptn_stream *, struct wire *);
ptn_status stream_channel_binding (struct ptn_stream *, const char *type, struct ptn_bytes *);
const char *stream_tls_property (struct ptn_stream *, const char *name);

#endif
