/* SPDX-License-Identifier: Apache-2.0 */
/* receiver.h - a mail still arriving, as a source: DATA without its dots, or BDAT chunks one
 * after the other (RFC 3030).  What it gives out lies in the stream's input buffer; nothing is
 * copied.
 *
 * Belongs to the session's transaction; called in the session's task only. */
#ifndef SUBMISSION_RECEIVER_H
#define SUBMISSION_RECEIVER_H

#include "dots.h"

#include <postern/host.h>
#include <postern/stream.h>

enum receive_fault { /* why the mail cannot be taken */
                     RECEIVE_OK = 0,
                     RECEIVE_TOO_BIG,
                     RECEIVE_BARE, /* a dot between line ends that are not CRLF: dots.h */
                     RECEIVE_HOPS, /* more than max_hops Received fields: a loop */
                     RECEIVE_GONE  /* the peer went away in the middle */
};

struct receiver {
  struct ptn_source source; /* first: what the delivery reads; its close does nothing */
  const struct ptn_host *host;
  const struct ptn_stream_service *service;
  struct ptn_stream *stream;
  uint64_t max_octets;
  unsigned max_hops;

  enum receive_fault fault;
  bool chunked;      /* BDAT */
  bool last;         /* this chunk is the last one */
  bool want_command; /* the chunk is over and read: the session has to find the next BDAT */
  bool draining;     /* nobody wants the octets any more */
  bool ended;
  struct dots dots;
  size_t taken;  /* octets of the input lent out by the last read */
  size_t need;   /* octets the next peek has to wait for */
  uint64_t left; /* octets of the chunk to come */
  uint64_t octets;

  /* The header is watched for Received fields until its end. */
  bool in_header;
  unsigned column; /* octets of "received:" found on this line; 9 and more: rest of a line */
  unsigned hops;
};

void receiver_start (struct receiver *, const struct ptn_host *, const struct ptn_stream_service *,
                     struct ptn_stream *, uint64_t max_octets, unsigned max_hops);
/* The next chunk of BDAT; the first call makes it a BDAT mail. */
void receiver_chunk (struct receiver *, uint64_t octets, bool last);

/* Throws the rest away.  PTN_OK: read to its end (BDAT: of this chunk); PTN_PENDING;
 * PTN_E_DISCONNECTED. */
ptn_status receiver_drain (struct receiver *, struct ptn_task *);

#endif
