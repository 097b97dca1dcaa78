/* SPDX-License-Identifier: Apache-2.0 */
/* memory.h - the model of the reference store: plain structs under one lock.
 *
 * Everything below `struct memory` belongs to it and is touched only with `lock` held, with
 * two exceptions that are counted and never change once made, so that they outlive the lock:
 * bodies and views.  One lock for all accounts is slow on purpose: this store is there to be
 * read, believed and compared with. */
#ifndef STORAGE_MEMORY_H
#define STORAGE_MEMORY_H

#include "common/mailbox_name.h"
#include "common/rights.h"
#include "common/uid_set.h"

#include <postern/postern.h>

#include <glib.h>
#include <pthread.h>
#include <stdbool.h>

#define KEYWORDS_MAX 48               /* bits 16 to 63 */
#define ANNOTATION_MAX (64 * 1024)    /* octets of a value, store.h */
#define BODY_MAX (1024 * 1024 * 1024) /* octets of a message: a reference, not a warehouse */
#define DIGEST_MAX (64 * 1024)
#define REFERENCES_MAX 32 /* of one message, that are looked at */
#define RIGHTS_MAX 1000   /* entries of a mailbox */

struct body { /* counted; the octets are immutable */
  gint references;
  bool unterminated; /* does not end with CRLF */
  size_t size;
  char *data;
  struct ptn_id email_id; /* of all messages with this body; given by the first of them */
  GBytes *digest;         /* NULL: none; with the lock held, as email_id */
};

struct message {
  uint32_t uid;
  ptn_flag_bits flags;
  uint64_t modseq;
  int64_t internal_date, save_date; /* seconds since 1970 */
  struct ptn_id thread_id;
  struct body *body;  /* one reference */
  GTree *annotations; /* key to GBytes, see annotation_key; NULL: none */
};

struct view { /* counted; immutable */
  struct ptn_view table;
  gint references;
  char **keywords;
};

struct tombstone {
  uint32_t uid;
  uint64_t modseq; /* of the change that removed it */
};

struct mailbox {
  struct ptn_id id;
  struct owner *owner;
  char *path; /* canonical: INBOX in capitals */
  bool noselect;
  uint32_t special_uses;   /* PTN_MAILBOX_ALL ... */
  GHashTable *subscribers; /* set of account names */
  GTree *rights;           /* who to a mask of RIGHT_*, never 0 */
  uint32_t uidvalidity, uidnext;
  uint32_t recent;     /* the first UID that no session was told of yet */
  uint64_t modseq;     /* of the latest change */
  uint64_t touched;    /* the number of the latest change that raised modseq */
  GPtrArray *messages; /* struct message, ascending UID */
  GPtrArray *keywords; /* char *; index 0 is bit 16 */
  GArray *tombstones;  /* struct tombstone, oldest first */
  uint64_t forgotten;  /* the modseq of the last tombstone that was dropped */
  GTree *annotations;  /* key to GBytes; NULL: none */
  struct view *view;   /* the view as of now, one reference; NULL: to be made */
};

struct owner { /* all of one account, made by its first change; "" holds the public mailboxes */
  struct memory *store;
  char *name;
  GPtrArray *mailboxes; /* struct mailbox, in octet order of path */
  GTree *annotations;
  uint64_t storage_limit, messages_limit; /* UINT64_MAX: none */
  GHashTable *tokens;                     /* struct ptn_id to struct outcomes: changes done */
  GQueue token_order;                     /* keys of tokens, oldest first */
  GHashTable *threads;                    /* message-id to struct ptn_id: THREADID */
};

struct note { /* an event that is published when the lock is given back */
  char *account;
  struct ptn_id mailbox;
  uint32_t kinds;
  uint64_t modseq;
};

struct memory { /* the instance */
  const struct ptn_host *host;
  pthread_mutex_t lock; /* not GMutex: ThreadSanitizer knows this one */
  GTree *owners;        /* name to struct owner */
  GHashTable *by_id;    /* all mailboxes, by their id */
  GArray *notes;        /* struct note: what changed since the lock was taken */
  unsigned tombstones;  /* kept for each mailbox */
  uint32_t last_uidvalidity;
  uint64_t next_id, epoch; /* ids are epoch, next_id */
  uint64_t change;         /* number of the change that is being applied */

  uint64_t seed; /* 0: never wait, never fail */
  unsigned pending, failures;
  uint64_t rolls;  /* atomic: dice thrown so far */
  GThread *waking; /* NULL: nobody waits in this store */
  pthread_mutex_t wakers_lock;
  pthread_cond_t wakers_come;
  GQueue wakers; /* struct ptn_waker, to be woken by that thread */
  bool stopping;
};

/* Who opened an account: counted, immutable. */
struct asker {
  gint references;
  char *account; /* whose mailboxes need no owner in their name, and all of whose rights he has */
  char *authzid; /* whose rights hold elsewhere */
  char **groups;
  bool administrator;
  bool reads; /* and changes nothing: PTN_ACCESS_READ */
};

struct ptn_account { /* an open account: only names, so that nothing can dangle */
  struct memory *store;
  struct asker *asker;
};

/* model.c: all with the lock held, but for the counted ones. */
struct body *body_new (GByteArray *taken, GBytes *digest); /* takes both */
struct body *body_ref (struct body *);
void body_unref (struct body *);
void view_unref (struct view *);
void message_free (struct message *);
void owner_free (struct owner *);
struct owner *model_owner (struct memory *, const char *name, bool make);
struct mailbox *owner_mailbox (struct owner *, const char *canonical);
/* The nearest one above a path that there is; NULL: none. */
struct mailbox *owner_above (struct owner *, const char *canonical);
/* Makes it, and the parents it lacks.  It must not exist, or be NOSELECT. */
struct mailbox *owner_make_mailbox (struct owner *, const char *canonical);
void owner_sort (struct owner *);
/* With an asker only those are counted that he may list. */
bool mailbox_has_children (const struct mailbox *, const struct asker *);
void owner_usage (const struct owner *, uint64_t *octets, uint64_t *messages);
/* One that can be selected, if the asker has all of `rights` in it: else PTN_E_NOT_FOUND or
 * PTN_E_DENIED, and NULL. */
ptn_status model_mailbox (struct memory *, const struct asker *, const struct ptn_id *,
                          unsigned rights, struct mailbox **);
struct ptn_id model_new_id (struct memory *);
/* The modseq of the change being applied: raised once a change. */
uint64_t mailbox_touch (struct mailbox *);
struct message *mailbox_add (struct mailbox *, struct body *, ptn_flag_bits, int64_t internal_date,
                             const struct ptn_id *thread);
/* A tombstone for a message that goes, after mailbox_touch. */
void mailbox_bury (struct mailbox *, uint32_t uid);
struct message *mailbox_find (const struct mailbox *, uint32_t uid); /* or NULL */
/* Index into keywords, or -1. */
int mailbox_keyword (const struct mailbox *, const char *keyword);
/* Drops bits that are no keyword of this mailbox. */
ptn_flag_bits mailbox_known_bits (const struct mailbox *, ptn_flag_bits);
void mailbox_forget_view (struct mailbox *);
struct view *mailbox_view (struct mailbox *); /* a new reference */
void mailbox_empty (struct mailbox *);        /* its messages go */

/* The lock, around every look at the model.  model_unlock publishes what was noted meanwhile,
 * with the lock given back. */
void model_lock (struct memory *);
void model_unlock (struct memory *, struct ptn_task *origin);
void note_mailbox (struct mailbox *, uint32_t kinds);
void note_account (struct memory *, const char *account, uint32_t kinds);

/* The THREADID of a message with these references (RFC 8474 section 5.2); NULL: none. */
struct ptn_id owner_thread (struct owner *, char *const *references);

guint id_hash (gconstpointer id);
gboolean id_equal (gconstpointer, gconstpointer);
/* Is the UID in the set?  *range walks along: UIDs must be asked for in ascending order. */
bool uid_set_has (struct ptn_uid_set, size_t *range, uint32_t uid);

/* Annotations are kept by key: the name, and, of those that begin with "/private/", an octet 1
 * and the authzid behind it.  The key, to be freed. */
char *annotation_key (const struct asker *, const char *name);
/* The length of the name in a key that the asker may see (NULL: all); -1: another's. */
int annotation_visible (const struct asker *, const char *key);
/* Value NULL removes. */
void annotations_set (GTree **, const char *key, GBytes *value);
/* The asker's private ones, and the shared ones if asked for. */
GTree *annotations_copy (GTree *, const struct asker *, bool shared);

/* rights.c */
unsigned rights_of (const struct asker *, const struct mailbox *);
/* May the asker make, or rename to, this path? */
bool rights_may_make (const struct asker *, struct owner *, const char *owner_name,
                      const char *path);
struct asker *asker_new (const struct ptn_identity *);
struct asker *asker_ref (struct asker *);
void asker_unref (struct asker *);
ptn_status memory_rights (struct ptn_account *, struct ptn_call *, const struct ptn_id *,
                          const struct ptn_rights **, size_t *);
ptn_status memory_set_rights (struct ptn_account *, struct ptn_call *, const struct ptn_id *,
                              const char *, const char *);

/* wait.c: what a call keeps between PENDING and its result. */
struct operation {
  bool waited;
  GByteArray *body; /* pulled so far */
  GBytes *digest;   /* what was told of it at its end */
  char **references;
  struct mailbox_row *mailbox;
  struct ptn_quota quota;
  char **strings;
  struct ptn_rights *rights; /* point into strings */
  GArray *uids;              /* struct ptn_uid_range */
};
bool wait_roll (struct memory *, unsigned percent);
void wait_arm (struct memory *, struct ptn_task *);
/* Every function with a call begins with this.  PTN_OK or PTN_PENDING. */
ptn_status wait_enter (struct memory *, struct ptn_call *);
struct operation *wait_operation (struct ptn_call *);
/* And ends with one of these: done without results, or with results in the operation. */
ptn_status wait_leave (struct ptn_call *, ptn_status);
ptn_status wait_leave_results (struct ptn_call *);
/* Pulls what is appended into the operation's body, to its end, and asks what it is. */
ptn_status wait_pull (struct memory *, struct ptn_call *, const struct ptn_append *);
/* The body that was pulled, a new reference. */
struct body *wait_take_body (struct ptn_call *);

/* lists.c */
struct mailbox_row { /* a row of a list, or of status; its strings are its own */
  struct ptn_mailbox table;
  char *owner, *path;
  char rights[RIGHTS_TEXT];
};
struct mailbox_row *mailbox_row_new (const struct asker *, const struct mailbox *);
void mailbox_row_free (struct mailbox_row *);
ptn_status memory_list_others (struct ptn_account *, struct ptn_call *, const char *, const char *,
                               struct ptn_cursor **);
ptn_status memory_list (struct ptn_account *, struct ptn_call *, const char *,
                        struct ptn_cursor **);
ptn_status memory_next_mailbox (struct ptn_cursor *, struct ptn_call *,
                                const struct ptn_mailbox **);

/* mailboxes.c */
ptn_status memory_status (struct ptn_account *, struct ptn_call *, struct ptn_mailbox_name,
                          const struct ptn_mailbox **);
ptn_status memory_create (struct ptn_account *, struct ptn_call *, struct ptn_mailbox_name,
                          uint32_t attributes);
ptn_status memory_remove (struct ptn_account *, struct ptn_call *, struct ptn_mailbox_name);
ptn_status memory_rename (struct ptn_account *, struct ptn_call *, struct ptn_mailbox_name,
                          struct ptn_mailbox_name);
ptn_status memory_subscribe (struct ptn_account *, struct ptn_call *, struct ptn_mailbox_name, int);
ptn_status memory_set_attributes (struct ptn_account *, struct ptn_call *, const struct ptn_id *,
                                  uint32_t);

/* history.c */
ptn_status memory_vanished (struct ptn_account *, struct ptn_call *, const struct ptn_id *,
                            uint64_t, const struct ptn_uid_set *, struct ptn_uid_set *);
ptn_status memory_claim_recent (struct ptn_account *, struct ptn_call *, const struct ptn_id *,
                                uint32_t *);

/* messages.c */
ptn_status memory_view (struct ptn_account *, struct ptn_call *, const struct ptn_id *,
                        const struct ptn_view **);
void memory_release_view (const struct ptn_view *);
ptn_status memory_keyword (struct ptn_account *, struct ptn_call *, const struct ptn_id *,
                           const char *, int, uint32_t *);
ptn_status memory_fetch (struct ptn_account *, struct ptn_call *, const struct ptn_id *,
                         const struct ptn_fetch *, struct ptn_cursor **);
ptn_status memory_next_messages (struct ptn_cursor *, struct ptn_call *,
                                 const struct ptn_message **, size_t, size_t *);
void memory_remember (struct ptn_account *, const struct ptn_id *, uint32_t, struct ptn_bytes);

/* annotations.c */
ptn_status memory_annotations (struct ptn_account *, struct ptn_call *, const struct ptn_id *,
                               struct ptn_uid_set, int, const char *, struct ptn_cursor **);
ptn_status memory_next_annotation (struct ptn_cursor *, struct ptn_call *,
                                   const struct ptn_annotation **);

/* read.c */
ptn_status memory_read (struct ptn_account *, struct ptn_call *, const struct ptn_id *, uint32_t,
                        uint64_t, uint64_t, struct ptn_source **);

/* change.c and apply.c */
struct outcomes;
void outcomes_unref (struct outcomes *);
ptn_status memory_begin (struct ptn_account *, struct ptn_call *, const struct ptn_id *,
                         struct ptn_change **);
ptn_status memory_append (struct ptn_change *, struct ptn_call *, const struct ptn_id *,
                          const struct ptn_append *);
ptn_status memory_copy (struct ptn_change *, struct ptn_call *, const struct ptn_id *,
                        struct ptn_uid_set, const struct ptn_id *, int);
ptn_status memory_set_flags (struct ptn_change *, struct ptn_call *, const struct ptn_id *,
                             struct ptn_uid_set, ptn_flag_mode, ptn_flag_bits, uint64_t);
ptn_status memory_expunge (struct ptn_change *, struct ptn_call *, const struct ptn_id *,
                           struct ptn_uid_set, int);
ptn_status memory_annotate (struct ptn_change *, struct ptn_call *, const struct ptn_id *,
                            struct ptn_uid_set, const char *, struct ptn_bytes);
ptn_status memory_commit (struct ptn_change *, struct ptn_call *);
ptn_status memory_outcome (struct ptn_change *, uint32_t, const struct ptn_outcome **);
void memory_end (struct ptn_change *);

/* accounts.c */
ptn_status memory_open (void *, struct ptn_call *, const struct ptn_identity *,
                        struct ptn_account **);
void memory_close (struct ptn_account *);
void memory_close_cursor (struct ptn_cursor *);
ptn_status memory_deliver (void *, struct ptn_call *, const struct ptn_append *,
                           const struct ptn_target *, size_t, struct ptn_delivered *);
ptn_status memory_list_accounts (void *, struct ptn_call *, const char *, struct ptn_strings *);
ptn_status memory_remove_account (void *, struct ptn_call *, const char *);
ptn_status memory_quota (struct ptn_account *, struct ptn_call *, const struct ptn_quota **);
ptn_status memory_set_quota (struct ptn_account *, struct ptn_call *, const struct ptn_quota *);

/* Rows copied when the cursor was made, so that it shows one moment. */
struct ptn_cursor {
  struct memory *store;
  GPtrArray *mailboxes; /* struct mailbox_row */
  GArray *messages;     /* struct ptn_message */
  GPtrArray *digests;   /* GBytes that rows of messages point into */
  GArray *annotations;  /* struct annotation_row */
  guint at;
};
struct annotation_row {
  struct ptn_annotation table;
  char *name;
  GBytes *value;
};
struct ptn_cursor *cursor_new (struct memory *);

#endif
