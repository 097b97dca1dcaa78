/* SPDX-License-Identifier: MIT */
/* stream.h - octets in motion, uncopied.  */
#ifndef PTN_STREAM_H
#define PTN_STREAM_H

#include "base.h"

PTN_BEGIN_DECLS

/* A piece of memory or of a file.  The receiver calls release once, from any thread,
 * when the octets are no longer needed: after encryption, or after sendfile. */
struct ptn_chunk {  /* value */
  const void *data; /* NULL: the octets are in fd at file_offset */
  size_t size;
  int32_t fd;
  uint32_t reserved;
  int64_t file_offset;
  void (*release) (void *owner); /* NULL: valid until the next read or close of the source */
  void *owner;
};

/* A source is implemented by whoever has octets: a stored message, a mail still
 * arriving, a section decoded from base64.  Embed struct ptn_source first. */
struct ptn_source_ops { /* table */
  uint32_t size;
  uint32_t reserved;
  /* PTN_OK and 1..max octets; PTN_END; PTN_PENDING; or an error. [task] */
  ptn_status (*read) (struct ptn_source *, struct ptn_task *, size_t max, struct ptn_chunk *);
  ptn_status (*skip) (struct ptn_source *, struct ptn_task *, uint64_t count); /* optional */
  void (*close) (struct ptn_source *); /* [any]; also cancels a pending read */
};
struct ptn_source { /* value */
  const struct ptn_source_ops *ops;
  int64_t length; /* octets in total; -1: not known yet */
};

/* Streams belong to the host; find "postern.stream/1".  Reading borrows the input buffer,
 * writing is queued.  Nothing here blocks.  All [task], the stream's own. */
#define PTN_STREAM_ID "postern.stream/1"
struct ptn_stream_service { /* table */
  uint32_t size;
  uint32_t reserved;
  /* All input at hand, at least `wanted` octets (1 at the least), else PTN_PENDING;
   * PTN_END at EOF, when fewer than `wanted` are left (they are in *input);
   * PTN_E_DISCONNECTED after a reset or a TLS failure; PTN_E_LIMIT if `wanted` is more
   * than the input buffer may grow to (the listener's max_line); PTN_E_NO_MEMORY: over the
   * session's memory.  The octets stay until consume, which wipes them if nobody has logged in, or
   * the next peek.  While the peer leaves answers lying, or a source is queued: PTN_PENDING. */
  ptn_status (*peek) (struct ptn_stream *, struct ptn_task *, size_t wanted,
                      struct ptn_bytes *input);
  void (*consume) (struct ptn_stream *, size_t count);
  /* The next `length` octets of input as a source (a BDAT chunk, an IMAP literal).  It
   * consumes as it is read; closing it early leaves the rest in the input.  One at a
   * time; do not peek meanwhile. */
  ptn_status (*literal) (struct ptn_stream *, uint64_t length, struct ptn_source **);

  /* Queues a copy.  PTN_E_NO_MEMORY: over the session's memory; PTN_E_DISCONNECTED. */
  ptn_status (*write) (struct ptn_stream *, const void *data, size_t size);
  /* Takes the source over, also when it fails, and pulls `length` octets from it
   * (UINT64_MAX: until its PTN_END) as the peer takes octets away; closes it.  The next
   * write waits its turn: 50 MB cost one chunk of memory.  A source that fails, or ends
   * early, breaks the connection off: the peer must never take a part for the whole. */
  ptn_status (*write_source) (struct ptn_stream *, struct ptn_source *, uint64_t length);
  /* PTN_OK when less than `below` octets are queued (a queued source counts as more than
   * any number), else PTN_PENDING: back-pressure.  PTN_E_DISCONNECTED. */
  ptn_status (*drained) (struct ptn_stream *, struct ptn_task *, uint64_t below);

  /* As server, after the word that says so was written: what is queued goes out in
   * clear, everything after it is TLS; the handshake is done before the next step.
   * PTN_E_INVALID: octets that came before the handshake are waiting (command
   * injection): they are thrown away and the connection is closed. */
  ptn_status (*start_tls) (struct ptn_stream *, struct ptn_task *);
  /* "tls.version" "tls.cipher" "tls.sni", NULL without TLS;
   * of a client's certificate, NULL unless it was asked for and verified up to an authority that
   * the listener trusts: "tls.client-subject" and "tls.client-issuer" (RFC 4514),
   * "tls.client-fingerprint" (SHA-256 of the DER form, 64 lower-case hexadecimal digits),
   * "tls.client-cn" (commonName of the subject), "tls.client-email" (rfc822Name; of the subject
   * if there is none), "tls.client-upn" (userPrincipalName), "tls.client-dns" (dNSName): the last
   * four may have several values, divided by line feeds;
   * "peer.address" "peer.port" "local.address" "local.port": as PROXY told them, if it
   * did; the address of a UNIX socket is "unix".  Borrowed until the session closes. */
  const char *(*property) (struct ptn_stream *, const char *name);
  /* RFC 5929 "tls-server-end-point", RFC 9266 "tls-exporter".  PTN_E_UNSUPPORTED. */
  ptn_status (*channel_binding) (struct ptn_stream *, const char *type, struct ptn_bytes *);

  /* Compression as RFC 4978 wants it, after the word that says so was written: what is queued
   * goes out as it is; everything after it, and every octet of the peer that was not consumed,
   * is raw DEFLATE, inside TLS if there is TLS.  What is queued can be read by the peer whenever
   * nothing more is.  Octets of the peer that are no DEFLATE end the connection.
   * PTN_E_INVALID: it is compressed; PTN_E_NO_MEMORY: not within the session's memory. */
  ptn_status (*start_deflate) (struct ptn_stream *, struct ptn_task *);
  /* The opposite (RFC 8437 section 4.1): what is queued goes out compressed, everything after it
   * is plain; so is what the peer sends after the command that was consumed last, which ends with
   * a flush.  PTN_E_INVALID: it is not compressed. */
  ptn_status (*end_deflate) (struct ptn_stream *, struct ptn_task *);
};

PTN_END_DECLS
#endif
