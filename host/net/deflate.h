/* SPDX-License-Identifier: Apache-2.0 */
/* deflate.h - compression of a stream (RFC 4978): raw DEFLATE between the protocol and the
 * socket, inside TLS if there is TLS.  Belongs to one stream, used by its strand alone.
 *
 * Memory.  Compressing takes 72 KiB (a window of 8 KiB, which is what answers repeat; level
 * 1, since the network behind a server is faster than a thorough search), decompressing
 * 7 KiB and the 32 KiB window that the peer may refer to.  Both are given back when the
 * connection rests: a compressor may forget what it has sent at every flush, and of the
 * decompressor only what the peer has sent so far, 32 KiB at most, is kept.  It is counted
 * against the session's memory; what is over that is refused where octets are queued.
 * Hostile input.  Each call gives no more than it was asked for, so that a bomb waits in its
 * 4 KiB of input; 64 KiB of input that give nothing end the connection. */
#ifndef HOST_NET_DEFLATE_H
#define HOST_NET_DEFLATE_H

#include <postern/base.h>

#include <stdbool.h>
#include <sys/types.h>

struct deflate_layer;

/* As struct ptn_stream_service says. */
ptn_status deflate_start (struct ptn_stream *, struct ptn_task *);
ptn_status deflate_end (struct ptn_stream *, struct ptn_task *);
void deflate_free (struct ptn_stream *);

/* Input.  As recv; errors are already the stream's. */
ssize_t deflate_read (struct ptn_stream *, void *data, size_t size);
/* Can deflate_read give more without new octets from the peer? */
bool deflate_has_input (const struct ptn_stream *);

/* Output.  Is what is queued to be compressed now? */
bool deflate_packs (const struct ptn_stream *);
/* The compressed side of the turns in the queue. */
void deflate_turn_on (struct ptn_stream *);
void deflate_turn_off (struct ptn_stream *);
/* Compresses into what is on its way to the socket or to TLS. */
void deflate_add (struct ptn_stream *, const void *data, size_t size);
/* All that was added can be read by the peer then; nothing to do if it can already. */
void deflate_flush (struct ptn_stream *);
/* Does something wait inside the compressor? */
bool deflate_unflushed (const struct ptn_stream *);

/* Nothing moves: gives back what can be made again. */
void deflate_rest (struct ptn_stream *);

#endif
