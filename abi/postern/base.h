/* SPDX-License-Identifier: MIT */
/* base.h - the words every other header of the Postern ABI uses.
 *
 * Growth rules.
 *   table   a struct whose first member is `size`; its author sets it to sizeof.
 *           Members are only ever added at the end.  Test before use: PTN_HAS.
 *           No hidden padding (-Wpadded is clean), else a member added later could
 *           fall into octets that old authors already counted.
 *   value   a struct without `size`.  Frozen for ever; may be used in arrays.
 *   id      an interface name such as "postern.store/1".  A change that cannot be made
 *           by adding at the end gets a new id; the host keeps serving the old one.
 * Ownership.
 *   No memory obtained by one side is ever freed by the other.  Arguments are
 *   borrowed for the call.  Results are borrowed until the next call on the same
 *   object, unless they carry their own release function; results that come through a
 *   struct ptn_call stay until host->call_end.  Strings are UTF-8.
 * Threads.
 *   Calls on one object (session, account, cursor, change set, source) never
 *   overlap, but successive calls may come from different threads: keep nothing in
 *   thread-local storage between calls.  Calls on different objects do overlap.
 *   Marks: [setup] one thread, before serving.  [task] inside a task, on any
 *   worker.  [any] from every thread, at every time, never blocks.
 * Waiting.
 *   There is one rule.  A function that takes a struct ptn_call (or a task) may return
 *   PTN_PENDING after it has arranged that the task is woken; the caller passes PENDING
 *   up by returning it, and makes the same call again, with the same ptn_call and
 *   arguments of unchanged address and content, until another status comes.  Whoever
 *   returns PENDING has armed the task: streams and timers arm it themselves, a
 *   plugin takes a waker (host.h).  Arming is level-checked: a condition that already
 *   holds runs the task again.  Any wake may call a step once too often.
 * Closing.
 *   close, end and finish are legal at any time, also while PENDING.  Memory used by
 *   work in flight is counted by whoever started the work.  A commit that is cancelled
 *   while PENDING may happen or not, never half.  The host closes all queued sources
 *   before it closes their session.  Callbacks must not call the object that calls them.
 */
#ifndef PTN_BASE_H
#define PTN_BASE_H

#include <stddef.h>
#include <stdint.h>

#define PTN_ABI_MAJOR 0u /* host and plugin must agree; 0: not frozen */
#define PTN_ABI_MINOR 1u /* informative: what the author compiled against */

#ifdef __cplusplus
#define PTN_BEGIN_DECLS extern "C" {
#define PTN_END_DECLS }
#else
#define PTN_BEGIN_DECLS
#define PTN_END_DECLS
#endif

#if defined __GNUC__
#define PTN_PRINTF(format, first) __attribute__ ((__format__ (__printf__, format, first)))
#define PTN_PUBLIC __attribute__ ((__visibility__ ("default")))
#else
#define PTN_PRINTF(format, first)
#define PTN_PUBLIC
#endif

/* Does the table reach as far as this member?  And is that function offered? */
#define PTN_HAS(table, member) \
  ((size_t)((const char *)(&(table)->member + 1) - (const char *)(table)) <= (table)->size)
#define PTN_CAN(table, function) (PTN_HAS (table, function) && (table)->function)

PTN_BEGIN_DECLS

typedef int32_t ptn_status;
enum {
  PTN_OK = 0,
  PTN_PENDING = 1, /* call again after the wake */
  PTN_END = 2,     /* a cursor, source or session has no more */

  /* The request cannot be met; the client may be told why. */
  PTN_E_INVALID = -1,        /* malformed or out of range */
  PTN_E_NOT_FOUND = -2,      /* IMAP NONEXISTENT */
  PTN_E_EXISTS = -3,         /* IMAP ALREADYEXISTS */
  PTN_E_DENIED = -4,         /* IMAP NOPERM; in a login: needs TLS first */
  PTN_E_AUTHENTICATION = -5, /* IMAP AUTHENTICATIONFAILED */
  PTN_E_OVERQUOTA = -6,      /* IMAP OVERQUOTA */
  PTN_E_LIMIT = -7,          /* too big, too many */
  PTN_E_CONFLICT = -8,       /* UNCHANGEDSINCE or If-Match failed */
  PTN_E_EXPUNGED = -9,       /* IMAP EXPUNGEISSUED */
  PTN_E_UNSUPPORTED = -10,
  PTN_E_EXPIRED = -11,          /* sync token or modseq older than what is kept */
  PTN_E_PASSWORD_EXPIRED = -12, /* IMAP EXPIRED: the old one was proved */
  PTN_E_DISABLED = -13,         /* account switched off */
  PTN_E_PROTOCOL_OFF = -14,     /* not by this protocol */
  PTN_E_TOO_MANY = -15,         /* connections, attempts: IMAP LIMIT, POP3 IN-USE */

  /* The server is in trouble; the log says why. */
  PTN_E_TEMPORARY = -100, /* IMAP UNAVAILABLE, SMTP 4xx */
  PTN_E_CORRUPT = -101,
  PTN_E_NO_MEMORY = -102,
  PTN_E_CANCELLED = -103,       /* the task was cancelled or its deadline passed */
  PTN_E_OUTCOME_UNKNOWN = -104, /* a commit may or may not have happened */
  PTN_E_ELSEWHERE = -105,       /* another node serves this account */
  PTN_E_DISCONNECTED = -106     /* the peer is gone: reset, or TLS broken off */
};

struct ptn_bytes {
  const void *data;
  size_t size;
}; /* value */
struct ptn_uid_range {
  uint32_t first, last;
}; /* value, inclusive */
struct ptn_uid_set {
  const struct ptn_uid_range *ranges;
  size_t count;
}; /* value, ascending */
struct ptn_strings {
  const char *const *items;
  size_t count;
}; /* value */
struct ptn_id {
  unsigned char octets[16];
}; /* value: stable object id, RFC 8474 */

struct ptn_host;     /* the services of the host: host.h */
struct ptn_config;   /* checked settings of one plugin or listener; opaque */
struct ptn_task;     /* one strand of work; opaque */
struct ptn_waker;    /* the right to wake one task once; opaque */
struct ptn_source;   /* a readable sequence of octets: stream.h */
struct ptn_stream;   /* a connection the host owns; opaque */
struct ptn_identity; /* who is asking: auth.h */

/* One operation that may have to wait.  Zeroed by the caller, who also sets `task`.  A
 * callee that returns PENDING keeps its progress in `state`.  Results stay valid until
 * host->call_end, which runs `release`; called while PENDING it runs `cancel` instead
 * (a callee sets `cancel` when it returns PENDING and clears it when it is done), and
 * what still runs then may touch only what it owns. */
struct ptn_call { /* value */
  struct ptn_task *task;
  void *state;
  void (*cancel) (void *state);
  void (*release) (void *state);
};

PTN_END_DECLS
#endif
