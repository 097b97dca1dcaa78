/* SPDX-License-Identifier: MIT */
/* store.h - accounts, mailboxes, messages.  Provide "postern.store/1".
 *
 * The store knows UIDs, modseqs and octets.  It does not know message sequence
 * numbers, MIME or IMAP syntax: the protocols do.  It may be a local file or a remote
 * distributed engine, so every [task] function may return PTN_PENDING, work is asked
 * for in batches, and a commit can be repeated safely.
 *
 * PTN_OK from commit, deliver, create, remove, rename, subscribe, set_quota and
 * remove_account means: durable, it survives kill -9 and power loss.
 *
 * A change inside one owner's mailboxes is atomic.  Across owners the destination is
 * durable before the source is expunged: a crash may leave both, never neither.
 *
 * An account need not exist before it is opened: one that the store has never seen is
 * empty, without any mailbox.  INBOX (in any case, RFC 9051 section 5.1) comes into
 * being with the first delivery, or by `create`; deliveries to other mailboxes create
 * those.  Opening and reading never write. */
#ifndef PTN_STORE_H
#define PTN_STORE_H

#include "base.h"

PTN_BEGIN_DECLS

#define PTN_STORE_ID "postern.store/1"

struct ptn_account; /* one open account; opaque, belongs to one task */
struct ptn_cursor;  /* rows to come; opaque */
struct ptn_change;  /* a set of changes, all applied or none; opaque */

enum { PTN_ANSWERED = 1, PTN_FLAGGED = 2, PTN_DELETED = 4, PTN_SEEN = 8, PTN_DRAFT = 16 };
/* Bits 0-15 are the system flags, 16-63 index the mailbox's keyword table. */
typedef uint64_t ptn_flag_bits;

/* A mailbox by name: whose it is, and its path with levels divided by '/'.  owner NULL
 * is the open account, "" is public.  The protocols make namespaces of it. */
struct ptn_mailbox_name {
  const char *owner, *path;
}; /* value */

/* The state of a mailbox as all sessions share it: immutable, counted. */
struct ptn_view { /* table */
  uint32_t size;
  uint32_t count; /* messages, ascending UID */
  uint64_t modseq;
  const uint32_t *uid;
  const ptn_flag_bits *flags;
  const uint64_t *message_modseq;
  struct ptn_strings keywords; /* bit 16 is the first */
};

struct ptn_mailbox { /* table: one row of a list, or the result of status */
  uint32_t size;
  uint32_t attributes;          /* PTN_MAILBOX_* below */
  struct ptn_id id;             /* MAILBOXID (RFC 8474): survives renaming */
  struct ptn_mailbox_name name; /* UTF-8, levels divided by '/' */
  uint32_t uidvalidity, uidnext;
  uint32_t messages, unseen, deleted, reserved;
  uint64_t highest_modseq;
  uint64_t octets; /* STATUS=SIZE */
};
enum {
  PTN_MAILBOX_NOSELECT = 1 << 0,
  PTN_MAILBOX_SUBSCRIBED = 1 << 1,
  PTN_MAILBOX_HAS_CHILDREN = 1 << 2
};

struct ptn_quota { /* table: RFC 9208; limit UINT64_MAX: none */
  uint32_t size;
  uint32_t reserved;
  uint64_t storage_used, storage_limit; /* octets */
  uint64_t messages_used, messages_limit;
};

enum { /* what a fetch asks for, and what a row has */
       PTN_FETCH_FLAGS = 1 << 0,
       PTN_FETCH_MODSEQ = 1 << 1,
       PTN_FETCH_DATES = 1 << 2,
       PTN_FETCH_SIZE = 1 << 3
};
struct ptn_fetch { /* table */
  uint32_t size;
  uint32_t items;
  struct ptn_uid_set uids; /* count 0: all */
  uint64_t changed_since;  /* CONDSTORE: rows with a greater modseq; 0: all */
};
struct ptn_message { /* table: one row; valid until the next call on the cursor */
  uint32_t size;
  uint32_t items; /* those at hand */
  uint32_t uid;
  uint32_t unterminated; /* 1: does not end with CRLF; with PTN_FETCH_SIZE */
  uint64_t modseq;
  uint64_t octets;                  /* RFC822.SIZE: exactly what read gives */
  int64_t internal_date, save_date; /* seconds since 1970 */
  ptn_flag_bits flags;
};

struct ptn_annotation { /* table: one row; valid until the next call on the cursor */
  uint32_t size;
  uint32_t uid; /* 0: of the mailbox or account */
  const char *name;
  struct ptn_bytes value;
};

typedef uint32_t ptn_flag_mode;
enum { PTN_FLAGS_ADD = 1, PTN_FLAGS_REMOVE, PTN_FLAGS_REPLACE };

struct ptn_append { /* table */
  uint32_t size;
  uint32_t reserved;
  ptn_flag_bits flags;
  int64_t internal_date;     /* seconds since 1970 */
  struct ptn_source *source; /* pulled by the store to its PTN_END, closed by the caller */
};
struct ptn_outcome { /* table: of one step of a change, after commit; valid until end */
  uint32_t size;
  uint32_t uidvalidity;                 /* of the destination */
  struct ptn_uid_set source_uids, uids; /* COPYUID, APPENDUID; flags, expunge: those changed */
  struct ptn_uid_set conflicts;         /* MODIFIED: UNCHANGEDSINCE did not hold */
  uint64_t modseq;
};

struct ptn_target { /* value */
  const char *account;
  const char *path; /* "INBOX" */
  ptn_flag_bits flags;
  uint64_t storage_limit, messages_limit; /* what the account may hold with this mail in it;
                                             UINT64_MAX: the store's own limit, if any */
};
struct ptn_delivered { /* value */
  ptn_status status;   /* PTN_OK, PTN_E_OVERQUOTA, PTN_E_TEMPORARY ... */
  uint32_t uid;
};

enum { /* capabilities of the engine */
       PTN_STORE_DURABLE = 1 << 0,
       PTN_STORE_COPIES_CHEAPLY = 1 << 1, /* COPY does not move octets */
       PTN_STORE_REMOTE = 1 << 2
};

struct ptn_store { /* table; functions are [task] unless they only release */
  uint32_t size;
  uint32_t capabilities;

  /* identity->account is opened with the rights of identity->authzid.  One account
   * object belongs to the task of the call. */
  ptn_status (*open) (void *instance, struct ptn_call *, const struct ptn_identity *,
                      struct ptn_account **);
  void (*close) (struct ptn_account *);
  /* A cursor may be closed early; that also cancels a pending read. */
  void (*close_cursor) (struct ptn_cursor *);

  /* Mailboxes.  pattern: RFC 9051 LIST wildcards * and %; rows in octet order of path.
   * Rows and statuses stay valid until the next call on the cursor, or call_end.  remove:
   * PTN_E_INVALID for INBOX; a mailbox with children stays as NOSELECT.  rename takes
   * the children along, and creates missing parents; of INBOX (RFC 9051 section 6.3.6): its
   * messages move, INBOX stays. */
  ptn_status (*list) (struct ptn_account *, struct ptn_call *, const char *pattern,
                      struct ptn_cursor **);
  ptn_status (*next_mailbox) (struct ptn_cursor *, struct ptn_call *, const struct ptn_mailbox **);
  ptn_status (*status) (struct ptn_account *, struct ptn_call *, struct ptn_mailbox_name,
                        const struct ptn_mailbox **);
  ptn_status (*create) (struct ptn_account *, struct ptn_call *, struct ptn_mailbox_name);
  ptn_status (*remove) (struct ptn_account *, struct ptn_call *, struct ptn_mailbox_name);
  ptn_status (*rename) (struct ptn_account *, struct ptn_call *, struct ptn_mailbox_name from,
                        struct ptn_mailbox_name to);
  ptn_status (*subscribe) (struct ptn_account *, struct ptn_call *, struct ptn_mailbox_name,
                           int on);

  /* The shared view of a mailbox as it is now; release each. */
  ptn_status (*view) (struct ptn_account *, struct ptn_call *, const struct ptn_id *,
                      const struct ptn_view **);
  void (*release_view) (const struct ptn_view *); /* [any] */
  /* The bit (16-63) of a keyword in this mailbox; made, durably, if asked for.
   * PTN_E_NOT_FOUND; PTN_E_LIMIT: there are 48 already. */
  ptn_status (*keyword) (struct ptn_account *, struct ptn_call *, const struct ptn_id *,
                         const char *keyword, int make, uint32_t *bit);

  /* Messages.  Rows come in ascending UID.  next_messages fills rows[0..*count), `room`
   * at most, with pointers; PTN_END when there are no more. */
  ptn_status (*fetch) (struct ptn_account *, struct ptn_call *, const struct ptn_id *,
                       const struct ptn_fetch *, struct ptn_cursor **);
  ptn_status (*next_messages) (struct ptn_cursor *, struct ptn_call *,
                               const struct ptn_message **rows, size_t room, size_t *count);
  /* The octets of a message, or a part of them (length UINT64_MAX: to the end).  The
   * source outlives the call, and an expunge that comes later; close it before the
   * account.  PTN_E_EXPUNGED; PTN_E_CORRUPT, from here or from the source: never wrong
   * octets. */
  ptn_status (*read) (struct ptn_account *, struct ptn_call *, const struct ptn_id *, uint32_t uid,
                      uint64_t offset, uint64_t length, struct ptn_source **);
  /* What annotate has set: of messages (uids; with all_uids 1 of all there are, uids is
   * not looked at), of the mailbox (all_uids 0, no uids) or of the account (mailbox NULL).
   * name NULL: all names.  Rows by uid, then name. */
  ptn_status (*annotations) (struct ptn_account *, struct ptn_call *, const struct ptn_id *,
                             struct ptn_uid_set uids, int all_uids, const char *name,
                             struct ptn_cursor **);
  ptn_status (*next_annotation) (struct ptn_cursor *, struct ptn_call *,
                                 const struct ptn_annotation **);

  /* Changes.  Collected, then committed as one.  Each call is a step, numbered from 0.
   * `token` makes a commit repeatable: after PTN_E_OUTCOME_UNKNOWN begin again with the
   * same token, repeat the steps, commit; it is applied once.  NULL: not needed.
   * UIDs that are not there (any more) are passed over by copy, set_flags, expunge and
   * annotate.  Every commit that changes a message gives it a new modseq. */
  ptn_status (*begin) (struct ptn_account *, struct ptn_call *, const struct ptn_id *token,
                       struct ptn_change **);
  ptn_status (*append) (struct ptn_change *, struct ptn_call *, const struct ptn_id *mailbox,
                        const struct ptn_append *);
  ptn_status (*copy) (struct ptn_change *, struct ptn_call *, const struct ptn_id *from,
                      struct ptn_uid_set, const struct ptn_id *to, int move);
  ptn_status (*set_flags) (struct ptn_change *, struct ptn_call *, const struct ptn_id *mailbox,
                           struct ptn_uid_set, ptn_flag_mode, ptn_flag_bits,
                           uint64_t unchanged_since); /* UINT64_MAX: in any case */
  ptn_status (*expunge) (struct ptn_change *, struct ptn_call *, const struct ptn_id *mailbox,
                         struct ptn_uid_set, int only_deleted);
  /* RFC 5464 and 5257 values, and what plugins keep beside messages (POP3 retention), named
   * "/plugin/word": of messages (uids), of the mailbox (no uids) or of the account
   * (mailbox NULL).  value.data NULL removes it.  A value has 64 KiB at most. */
  ptn_status (*annotate) (struct ptn_change *, struct ptn_call *, const struct ptn_id *mailbox,
                          struct ptn_uid_set, const char *name, struct ptn_bytes value);
  ptn_status (*commit) (struct ptn_change *, struct ptn_call *);
  ptn_status (*outcome) (struct ptn_change *, uint32_t step, const struct ptn_outcome **);
  void (*end) (struct ptn_change *); /* without commit: nothing has happened */

  /* Delivery to many accounts at once; the store shares the body as it can.  Each
   * target has its own result; an error of the source is returned, and then nothing was
   * delivered to anybody.  append->flags go to every target, with its own. */
  ptn_status (*deliver) (void *instance, struct ptn_call *, const struct ptn_append *,
                         const struct ptn_target *targets, size_t count,
                         struct ptn_delivered *results);

  /* Administration.  list_accounts: 1000 at most, in order, after `after` ("" from the
   * start), valid until call_end; none: PTN_END.  Limits of set_quota: UINT64_MAX none. */
  ptn_status (*list_accounts) (void *instance, struct ptn_call *, const char *after,
                               struct ptn_strings *);
  ptn_status (*remove_account) (void *instance, struct ptn_call *, const char *account);
  ptn_status (*quota) (struct ptn_account *, struct ptn_call *, const struct ptn_quota **);
  ptn_status (*set_quota) (struct ptn_account *, struct ptn_call *, const struct ptn_quota *);
};

PTN_END_DECLS
#endif
