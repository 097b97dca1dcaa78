/* SPDX-License-Identifier: MIT */
/* search.h - an index of the text of messages.  Provide "postern.search-index/1".
 *
 * It answers the text keys of a search (IMAP: HEADER, FROM, SUBJECT, BODY, TEXT ...) without
 * reading the messages.  The caller evaluates its own program: it gives the terms that stand in
 * it, and gets a set of UIDs for each, to be combined by AND, OR and NOT with what else it knows.
 *
 * Text is what a reader sees: header fields unfolded and decoded (RFC 2047), parts of type text
 * decoded, all as UTF-8 and folded by i;unicode-casemap (RFC 5051), as the caller's own scan does
 * it.  A message has a term when the needle is a substring of one field, or of one part.
 *
 * An index is a derived thing and never a reason to fail a search: after any error the caller
 * reads the messages itself. */
#ifndef PTN_SEARCH_H
#define PTN_SEARCH_H

#include "base.h"

PTN_BEGIN_DECLS

#define PTN_SEARCH_INDEX_ID "postern.search-index/1"

typedef uint32_t ptn_search_scope;
enum {
  PTN_SEARCH_HEADER = 1, /* the message's own header: the fields named `field`, their values; with
                            field NULL any field, "name:value" */
  PTN_SEARCH_BODY,       /* the text of parts, and the headers of mails within */
  PTN_SEARCH_TEXT        /* all that, the message's header and those of parts */
};

/* What stands in a message. */
struct ptn_search_term {
  ptn_search_scope scope;
  uint32_t reserved;
  const char *field;       /* the name of a header field, in any case; NULL: any */
  struct ptn_bytes needle; /* UTF-8, folded by i;unicode-casemap; 3 characters at least */
};                         /* value */

struct ptn_search_query { /* table */
  uint32_t size;
  uint32_t reserved;
  const char *owner; /* whose mailbox, as in ptn_event.account; "" is public */
  struct ptn_id mailbox;
  /* What the caller sees of it: every message with a UID below uidnext (as SELECT told it, or
   * the last UID of the view plus 1) is accounted for in the result. */
  uint32_t uidvalidity, uidnext;
  const struct ptn_search_term *terms; /* 1000 at most */
  size_t count;
};

/* Of one term.  It may name messages that were expunged, or came after the caller's view, and need
 * not name those that were: the caller takes what is in its view. */
struct ptn_search_found {
  struct ptn_uid_set uids; /* who has it; verify 1: who may have it: nobody else does */
  uint32_t verify;         /* 0 or 1 */
  uint32_t reserved;
}; /* value */

struct ptn_search_result { /* table */
  uint32_t size;
  uint32_t uidnext;                     /* it holds for all UIDs below this: the query's, or more */
  const struct ptn_search_found *found; /* one a term */
  size_t count;
  /* Below uidnext, and not in the index (larger than its limit, not to be read, not indexed yet): the
   * caller looks for all terms itself.  May name UIDs that are not there. */
  struct ptn_uid_set unknown;
};

struct ptn_search_index { /* table */
  uint32_t size;
  uint32_t reserved;
  /* The index does not look at rights: who asks may read the mailbox.  PTN_PENDING until it has
   * followed the mailbox as far as the query says; where that takes long (a mailbox that it sees for
   * the first time) it may end the wait and name the rest as unknown.  Giving up by call_end does not undo what was done.  *result stays
   * until call_end.  PTN_E_UNSUPPORTED: a needle of less than 3 characters, or one that cannot be
   * looked for; PTN_E_INVALID: too many terms; any other error: it cannot be told now.  [task] */
  ptn_status (*query) (void *instance, struct ptn_call *, const struct ptn_search_query *,
                       const struct ptn_search_result **);
  /* How far a query that is PENDING has come, in messages; total 0: not known yet.  [task] */
  void (*progress) (void *instance, const struct ptn_call *, uint64_t *done, uint64_t *total);
};

PTN_END_DECLS
#endif
