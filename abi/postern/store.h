/* SPDX-License-Identifier: MIT */
/* store.h - accounts, mailboxes, messages.  Provide "postern.store/1".
 *
 * The store knows UIDs, modseqs and octets.  It does not know message sequence
 * numbers, MIME or IMAP syntax: the protocols do.  It may be a local file or a remote
 * distributed engine, so every [task] function may return PTN_PENDING, work is asked
 * for in batches, and a commit can be repeated safely.
 *
 * PTN_OK from commit, deliver, create, remove, rename, subscribe, set_quota,
 * set_attributes, set_rights, claim_recent and remove_account means: durable, it survives
 * kill -9 and power loss.
 *
 * A change inside one owner's mailboxes is atomic.  Across owners the destination is
 * durable before the source is expunged: a crash may leave both, never neither.
 *
 * An account need not exist before it is opened: one that the store has never seen is
 * empty, without any mailbox.  INBOX (in any case, RFC 9051 section 5.1) comes into
 * being with the first delivery, or by `create`; deliveries to other mailboxes create
 * those.  Opening and reading never write.
 *
 * Rights (RFC 4314; capability PTN_STORE_ACL).  Who opened the account has all rights in its
 * own mailboxes; so has an administrator everywhere.  In the mailboxes of others and in public
 * ones an identity has what the entries for it give: those whose `who` is its authzid, one of
 * its groups (written "$group"), or "anyone", less those of entries with a '-' before the `who`.
 *   l  list, subscribe            r  status, view, fetch, read, annotations, vanished,
 *   s  change \Seen                  claim_recent, remember, be copied from
 *   t  change \Deleted            w  change other flags and keywords, annotate
 *   i  append, copy into          e  expunge, be moved from
 *   k  create below, rename into  x  remove, rename from
 *   a  rights, set_rights, set_attributes
 *   p  (RFC 4314 "post"): kept, not looked at; deliver asks nobody
 * Whoever asks with identity->access PTN_ACCESS_READ has l and r at the most, in the own mailboxes
 * too and whatever entries give, administrators as well, and changes nothing: PTN_E_DENIED for all
 * that would, also subscribe, set_quota, annotate of the account and, of /private/ names too, of
 * anything else; claim_recent claims nothing.
 * keyword needs r, w or i, and to make one w or i.  Without l and r a mailbox is PTN_E_NOT_FOUND,
 * with one of them PTN_E_DENIED where the right is missing.  Flags that may not be changed are
 * passed over by set_flags (PTN_E_DENIED if none of those named may; PTN_FLAGS_REPLACE names all),
 * and left out of what is appended or copied.  A mailbox that is created begins with the entries
 * of the one above it, and needs k there; without one above only its owner or an administrator
 * creates it (PTN_E_DENIED, whether or not it is there).  A rename keeps them.  What is refused may
 * be refused by the step or by the commit; then nothing has happened. */
#ifndef PTN_STORE_H
#define PTN_STORE_H

#include "base.h"

PTN_BEGIN_DECLS

#define PTN_STORE_ID "postern.store/1"

struct ptn_account; /* one open account; opaque, belongs to one task */
struct ptn_cursor;  /* rows to come; opaque */
struct ptn_change;  /* a set of changes, all applied or none; opaque */

enum { PTN_ANSWERED = 1, PTN_FLAGGED = 2, PTN_DELETED = 4, PTN_SEEN = 8, PTN_DRAFT = 16 };
/* Bits 0-15 are the system flags, 16-63 index the mailbox's keyword table.  Those that mean nothing
 * there (5-15, and 16-63 of keywords that it has not) are passed over by append, set_flags and
 * deliver. */
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
  uint32_t messages, unseen, deleted;
  uint32_t recent_uid; /* what claim_recent would give to its next caller, at most; 0: not known */
  uint64_t highest_modseq;
  uint64_t octets;    /* STATUS=SIZE */
  const char *rights; /* of the asking identity: RFC 4314 letters, "lrswipkxtea" for all */
};
enum {
  PTN_MAILBOX_NOSELECT = 1 << 0,
  PTN_MAILBOX_SUBSCRIBED = 1 << 1, /* by the asking account */
  PTN_MAILBOX_HAS_CHILDREN = 1 << 2,
  /* Special uses: what create and set_attributes take.  RFC 6154, RFC 8457 (IMPORTANT), and
   * the folders of an Exchange mailbox that are no mail.  A mailbox may have several. */
  PTN_MAILBOX_ALL = 1 << 8,
  PTN_MAILBOX_ARCHIVE = 1 << 9,
  PTN_MAILBOX_DRAFTS = 1 << 10,
  PTN_MAILBOX_FLAGGED = 1 << 11,
  PTN_MAILBOX_JUNK = 1 << 12,
  PTN_MAILBOX_SENT = 1 << 13,
  PTN_MAILBOX_TRASH = 1 << 14,
  PTN_MAILBOX_IMPORTANT = 1 << 15,
  PTN_MAILBOX_CALENDAR = 1 << 16,
  PTN_MAILBOX_CONTACTS = 1 << 17,
  PTN_MAILBOX_TASKS = 1 << 18,
  PTN_MAILBOX_NOTES = 1 << 19,
  PTN_MAILBOX_JOURNAL = 1 << 20,
  PTN_MAILBOX_SPECIAL_USES = 0x1fff00 /* all of them */
};

/* One entry of a mailbox's rights. */
struct ptn_rights {
  const char *who;    /* an account, "$group" or "anyone"; '-' before it takes rights away */
  const char *rights; /* letters, in the order of "lrswipkxtea" */
};                    /* value */

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
       PTN_FETCH_SIZE = 1 << 3,
       PTN_FETCH_IDS = 1 << 4,   /* email_id, thread_id */
       PTN_FETCH_DIGEST = 1 << 5 /* in a row: there is one */
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
  /* RFC 8474 EMAILID and THREADID.  A copy has those of its original.  Messages of one account
   * that came with references in common have one thread. */
  struct ptn_id email_id, thread_id;
  struct ptn_bytes digest; /* as ptn_description.digest or `remember` gave it */
};

struct ptn_annotation { /* table: one row; valid until the next call on the cursor */
  uint32_t size;
  uint32_t uid; /* 0: of the mailbox or account */
  const char *name;
  struct ptn_bytes value;
};

typedef uint32_t ptn_flag_mode;
enum { PTN_FLAGS_ADD = 1, PTN_FLAGS_REMOVE, PTN_FLAGS_REPLACE };

/* What its protocol knows of a message when it has seen all of it. */
struct ptn_description { /* table */
  uint32_t size;
  uint32_t reserved;
  /* Whatever is worth computing once (IMAP: ENVELOPE, BODYSTRUCTURE, where the parts are), in a
   * form that only its readers know and that says by itself which.  It belongs to the octets:
   * all copies share it.  64 KiB at most; more is dropped. */
  struct ptn_bytes digest;
  /* The message's own Message-ID ("" if it has none), then those it refers to, nearest first:
   * In-Reply-To, References from behind; without < and >.  The first one that is known gives
   * the message its thread.  The store looks at the first 32 at most; it remembers at least
   * the first nine for those that come later. */
  struct ptn_strings references;
};

struct ptn_append { /* table */
  uint32_t size;
  uint32_t reserved;
  ptn_flag_bits flags;
  int64_t internal_date;     /* seconds since 1970 */
  struct ptn_source *source; /* pulled by the store to its PTN_END, closed by the caller */
  /* NULL, or called once, in the task, when the source has ended; what it gives is copied
   * before it is called again or append (deliver) returns.  An error ends the append. */
  ptn_status (*describe) (void *argument, struct ptn_description *);
  void *argument;
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
       PTN_STORE_REMOTE = 1 << 2,
       PTN_STORE_ACL = 1 << 3, /* rights, list_others; without it others' mailboxes are not there */
       PTN_STORE_PUBLIC = 1 << 4,      /* mailboxes whose owner is "" */
       PTN_STORE_ANNOTATIONS = 1 << 5, /* annotate, annotations */
       PTN_STORE_QRESYNC = 1 << 6,     /* modseqs and `vanished` survive a restart */
       PTN_STORE_TOKENS = 1 << 7,      /* tokens survive a restart, for a day at least */
       PTN_STORE_QUOTA = 1 << 8,
       PTN_STORE_SPECIAL_USE = 1 << 9,
       PTN_STORE_RECENT = 1 << 10,
       PTN_STORE_SAVE_DATE = 1 << 11,
       PTN_STORE_OBJECT_IDS = 1 << 12, /* MAILBOXID, EMAILID */
       PTN_STORE_THREADS = 1 << 13,    /* THREADID from references */
       PTN_STORE_DIGESTS = 1 << 14,
       PTN_STORE_EVENTS = 1 << 15 /* publishes what event.h names */
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

  /* Mailboxes.  pattern: RFC 9051 LIST wildcards * and %, in which the word INBOX has no case
   * either ("in*" finds INBOX); rows in octet order of path.  A row of list has all that status
   * gives, so LIST-STATUS is one list.  Rows and statuses stay valid until the next call on the
   * cursor, or call_end.  list gives the account's own.  A path has no empty levels, no control characters and valid UTF-8
   * (PTN_E_INVALID); only INBOX has no case.  create: attributes are special uses, or 0; missing
   * parents are made; a NOSELECT name becomes a mailbox again, and a name that was removed another
   * one, with a greater UIDVALIDITY.  remove: PTN_E_INVALID for INBOX; a mailbox with children
   * stays as NOSELECT.  rename takes the children along, and creates missing parents; below itself
   * it is PTN_E_INVALID.  The mailbox keeps what it has: id, messages, subscriptions, annotations,
   * uses.  Of INBOX (RFC 9051 section 6.3.6) the messages move, INBOX and its children stay. */
  ptn_status (*list) (struct ptn_account *, struct ptn_call *, const char *pattern,
                      struct ptn_cursor **);
  ptn_status (*next_mailbox) (struct ptn_cursor *, struct ptn_call *, const struct ptn_mailbox **);
  ptn_status (*status) (struct ptn_account *, struct ptn_call *, struct ptn_mailbox_name,
                        const struct ptn_mailbox **);
  ptn_status (*create) (struct ptn_account *, struct ptn_call *, struct ptn_mailbox_name,
                        uint32_t attributes);
  ptn_status (*remove) (struct ptn_account *, struct ptn_call *, struct ptn_mailbox_name);
  ptn_status (*rename) (struct ptn_account *, struct ptn_call *, struct ptn_mailbox_name from,
                        struct ptn_mailbox_name to);
  ptn_status (*subscribe) (struct ptn_account *, struct ptn_call *, struct ptn_mailbox_name,
                           int on);

  /* The shared view of a mailbox as it is now; release each. */
  ptn_status (*view) (struct ptn_account *, struct ptn_call *, const struct ptn_id *,
                      const struct ptn_view **);
  void (*release_view) (const struct ptn_view *); /* [any] */
  /* The bit (16-63) of a keyword in this mailbox, whose case does not matter (RFC 9051 section
   * 2.3.2); made, durably, if asked for, in the spelling of then.  PTN_E_NOT_FOUND; PTN_E_LIMIT:
   * there are 48 already; PTN_E_INVALID: it has 1 to 200 octets of UTF-8 without control
   * characters and spaces. */
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
   * annotate.  Copied and moved messages begin with the flags, keywords, internal date and
   * annotations of their originals: of "/private/" ones with the identity's own alone, with shared
   * ones if it has w in the destination (RFC 5257 section 4.6).  Every commit that changes a
   * message gives it a new modseq. */
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
   * (mailbox NULL).  value.data NULL removes it.  A value has 64 KiB at most (PTN_E_LIMIT); a
   * name begins with '/' and has 2 to 256 octets of UTF-8 without control characters
   * (PTN_E_INVALID); its case matters, so protocols whose names have none (RFC 5464 section 3.2)
   * give it in lower case.  Names that begin with "/private/" are the identity's own (RFC 5464
   * section 2.1): each authzid sees and changes only what it has set itself, and needs no more
   * than r for it; all others are shared. */
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

  /* Gives a mailbox these special uses (PTN_MAILBOX_ALL ...) instead of those it had.
   * PTN_E_INVALID: other bits, as in create. */
  ptn_status (*set_attributes) (struct ptn_account *, struct ptn_call *, const struct ptn_id *,
                                uint32_t attributes);
  /* The UIDs that left the mailbox after modseq `since` (RFC 7162 section 3.2.5), of those in
   * `uids` if that is not NULL; until call_end.  PTN_E_EXPIRED: nothing is known any more of
   * that time; then the caller compares all UIDs. */
  ptn_status (*vanished) (struct ptn_account *, struct ptn_call *, const struct ptn_id *,
                          uint64_t since, const struct ptn_uid_set *uids, struct ptn_uid_set *gone);
  /* RFC 3501 \Recent: of the messages that are there now, those with this UID and greater ones
   * are recent for this session, and for no other: the next caller gets at least what was UIDNEXT
   * here. */
  ptn_status (*claim_recent) (struct ptn_account *, struct ptn_call *, const struct ptn_id *,
                              uint32_t *first_uid);
  /* The entries of a mailbox's rights, in order of `who`, until call_end.  set_rights: instead
   * of what `who` had; "" removes the entry; PTN_E_INVALID: a letter that is no right, or no
   * `who`; PTN_E_LIMIT: more than 1000 entries.  The letters c and d (RFC 2086) are taken for
   * kx and te. */
  ptn_status (*rights) (struct ptn_account *, struct ptn_call *, const struct ptn_id *,
                        const struct ptn_rights **entries, size_t *count);
  ptn_status (*set_rights) (struct ptn_account *, struct ptn_call *, const struct ptn_id *,
                            const char *who, const char *rights);
  /* Mailboxes that are not the account's own and on which the identity has l: owner NULL all
   * other accounts', "" the public ones, else those of that account.  Rows by owner, then path,
   * with name.owner set. */
  ptn_status (*list_others) (struct ptn_account *, struct ptn_call *, const char *owner,
                             const char *pattern, struct ptn_cursor **);
  /* Keeps a digest that had to be computed late.  A hint: nobody waits for it, it may be lost. */
  void (*remember) (struct ptn_account *, const struct ptn_id *, uint32_t uid, struct ptn_bytes);
};

PTN_END_DECLS
#endif
