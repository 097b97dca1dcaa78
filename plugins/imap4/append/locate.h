/* SPDX-License-Identifier: Apache-2.0 */
/* locate.h - from an IMAP URL to the octets it names: for CATENATE (RFC 4469) and URLFETCH (RFC 4467).
 *
 * A URL without authorization names a message of the session's own account, with one a message of
 * whoever made it: then that account is opened for as long as the octets are read.  The struct belongs
 * to the command; all of it in the session's task. */
#ifndef IMAP4_APPEND_LOCATE_H
#define IMAP4_APPEND_LOCATE_H

#include "append/url.h"
#include "common/mime/digest.h"
#include "common/mime/structure.h"
#include "session.h"

#define URL_KEY_SIZE 32

struct locate {
  struct imap_url url;
  const char *text; /* of the URL */
  ptn_status (*next) (struct session *, struct locate *);
  struct ptn_account *account; /* the session's, or `opened` */
  struct ptn_account *opened;  /* somebody else's, closed with the source, or by clear */
  char *owner;                 /* whose it is */
  struct ptn_identity identity;
  struct ptn_cursor *cursor;
  struct ptn_uid_range uid; /* what the cursor is asked for */
  struct ptn_fetch fetch;
  struct ptn_id mailbox;
  unsigned char keys[2 * URL_KEY_SIZE]; /* of the mailbox, then of the account */
  unsigned keys_read;                   /* how many were looked for */
  unsigned keys_found;                  /* bits: 1 of the mailbox, 2 of the account */
  uint64_t octets;                      /* of the message */
  GBytes *digest;
  struct mime_builder *builder; /* where the digest has to be made */
  struct ptn_source *scan;
  bool needs_digest; /* set by who wants it: BODYPARTSTRUCTURE, BINARY */
  /* The result. */
  struct ptn_source *source;
  uint64_t size;
  uint32_t part; /* in the digest, if there is one */
};

/* False: no URL of a message, or one that this session may not use. */
bool locate_start (struct session *, struct locate *, const char *url, bool authorized);
/* PTN_OK: source and size, or for a URL without a token the keys; PTN_PENDING; PTN_E_NOT_FOUND: the URL names nothing, whatever is wrong;
 * other errors are the server's. */
ptn_status locate_step (struct session *, struct locate *);
void locate_clear (struct session *, struct locate *);
/* The source for whoever outlives this struct (a queue of the stream): closes the account too. */
struct ptn_source *locate_take_source (struct session *, struct locate *);

/* The token of a URL (RFC 4467 section 8): HMAC-SHA-256 over its rump, in hexadecimal; g_free. */
char *url_token (const unsigned char keys[2 * URL_KEY_SIZE], const char *rump, size_t size);
#define URL_KEY_NAME "/imap4/urlauth"

#endif
