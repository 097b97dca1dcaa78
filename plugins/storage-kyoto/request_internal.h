/* SPDX-License-Identifier: GPL-3.0-or-later */
/* request_internal.h - what the files of requests share.
 *
 * Each function makes a struct request that outlives the call if it must, and lets the committer
 * run one of the make_... functions, where the decision is taken. */
#ifndef STORAGE_KYOTO_REQUEST_INTERNAL_H
#define STORAGE_KYOTO_REQUEST_INTERNAL_H

#include "place.h"
#include "request.h"

struct request {
  struct job job;
  struct op op;
  char *account; /* the owner */
  char *path, *to;
  uint32_t user, mailbox;
  uint32_t number; /* attributes; the result: a keyword's bit, the first recent UID */
  bool on;
  uint64_t storage_limit, messages_limit;
};

#define REQUEST(op) ((struct request *)(void *)((char *)(op)-offsetof (struct request, op)))

struct request *request_new (struct shard *, const char *account,
                             ptn_status (*prepare) (struct op *, struct txn *));
/* Submits a new request (not NULL), or looks how the one of the call is getting on. */
ptn_status request_await (struct ptn_call *, struct request *);

#endif
