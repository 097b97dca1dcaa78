/* SPDX-License-Identifier: MIT */
/* delivery.h - a message on its way to recipients.  Provide "postern.delivery/1", named
 * "local" (into the store), "relay" (to a smart host), "queue" ...  */
#ifndef PTN_DELIVERY_H
#define PTN_DELIVERY_H

#include "base.h"

PTN_BEGIN_DECLS

#define PTN_DELIVERY_ID "postern.delivery/1"

struct ptn_recipient { /* grows: stride is ptn_transfer.recipient_size */
  const char *address;
  const char *original; /* ORCPT; NULL */
  uint32_t notify;      /* 1 never, 2 success, 4 failure, 8 delay; 0: default */
  uint32_t reserved;
};
struct ptn_transfer { /* table */
  uint32_t size;
  uint32_t recipient_count;
  const struct ptn_recipient *recipients;
  size_t recipient_size;
  const char *reverse_path;             /* "": null sender */
  const char *envelope_id;              /* ENVID; NULL */
  const struct ptn_identity *submitter; /* NULL: not authenticated */
  struct ptn_source *message;           /* closed by the caller */
  int64_t hold_until;                   /* FUTURERELEASE, seconds since 1970; 0: now */
  /* For the trace field, RFC 5321 section 4.4. */
  const char *helo;          /* what the client called itself; NULL */
  const char *peer_address;  /* "192.0.2.1", "2001:db8::1" or "unix" */
  const char *with_protocol; /* "ESMTPSA", "LMTP": RFC 3848 */
  const char *tls;           /* "TLSv1.3 TLS_AES_256_GCM_SHA384"; NULL: clear */
  const char *server_name;
  const char *session_id;
};
struct ptn_reply {
  uint32_t code, enhanced;
  const char *text;
}; /* value: 250, 2001005 is 2.1.5 */

struct ptn_delivery { /* table */
  uint32_t size;
  uint32_t reserved;
  /* Would a mail to `address` be taken?  size: octets announced, 0 not known.  The reply
   * (2xx, 4xx or 5xx) stays until call_end. [task] */
  ptn_status (*verify) (void *instance, struct ptn_call *, const struct ptn_identity *submitter,
                        const char *reverse_path, const char *address, uint64_t size,
                        struct ptn_reply *reply);
  /* Takes responsibility for the recipients whose replies (one each, in order) are
   * 2xx: then the mail is durable.  The message is pulled, once, to its end; an error of
   * its source is returned and nothing was delivered.  Replies stay until call_end. [task] */
  ptn_status (*deliver) (void *instance, struct ptn_call *, const struct ptn_transfer *,
                         struct ptn_reply *replies);
};

PTN_END_DECLS
#endif
