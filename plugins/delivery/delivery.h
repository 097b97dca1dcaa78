/* SPDX-License-Identifier: Apache-2.0 */
/* delivery.h - what the files of this plugin share.
 *
 * An instance belongs to the host.  A verification or a delivery in progress hangs on its
 * ptn_call (state) and runs in that call's task. */
#ifndef DELIVERY_DELIVERY_H
#define DELIVERY_DELIVERY_H

#include "common/directories.h"

#include <postern/postern.h>

#include <glib.h>
#include <stdbool.h>

enum details { DETAILS_NO, DETAILS_YES, DETAILS_CREATE };

struct delivery { /* an instance */
  const struct ptn_host *host;
  struct directories directories; /* what `directory` may stand for */
  struct ptn_binding directory, store;
  enum details details;
  bool check_quota;
};

/* postern.delivery/1; the contract is in postern/delivery.h. (verify.c, deliver.c) */
ptn_status delivery_verify (void *instance, struct ptn_call *, const struct ptn_identity *submitter,
                            const char *reverse_path, const char *address, uint64_t size,
                            struct ptn_reply *);
ptn_status delivery_deliver (void *instance, struct ptn_call *, const struct ptn_transfer *,
                             struct ptn_reply *replies);

/* What the directory's or the store's word means for one recipient. (replies.c) */
struct ptn_reply reply_of_resolve (ptn_status, bool submitted);
struct ptn_reply reply_of_store (ptn_status);

/* The quota that the directory wrote into an account's attributes ("quota.octets=N",
 * "quota.messages=N"); UINT64_MAX: nothing, the store's own limit holds. */
struct limits {
  uint64_t octets, messages;
};
struct limits limits_read (const struct ptn_strings *attributes);

/* The mailbox that the word behind '+' names, if it can be one: valid UTF-8 without control
 * characters and wildcards, no empty levels, 200 octets at most. */
bool detail_is_mailbox (const char *detail);

#endif
