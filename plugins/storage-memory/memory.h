/* SPDX-License-Identifier: Apache-2.0 */
/* memory.h - the model of the reference store: plain structs under one lock.
 *
 * Everything below `struct memory` belongs to it and is touched only with `lock` held, with
 * two exceptions that are counted and never change once made, so that they outlive the lock:
 * bodies and views.  One lock for all accounts is slow on purpose: this store is there to be
 * read, believed and compared with. */
#ifndef STORAGE_MEMORY_H
#define STORAGE_MEMORY_H

#include <postern/postern.h>

#include <glib.h>
#include <pthread.h>
#include <stdbool.h>

#define KEYWORDS_MAX 48               /* bits 16 to 63 */
#define ANNOTATION_MAX (64 * 1024)    /* octets of a value, store.h */
#define PATH_MAX_OCTETS 1000          /* of a mailbox path */
#define BODY_MAX (1024 * 1024 * 1024) /* octets of a message: a reference, not a warehouse */

struct body { /* counted; immutable once it is in a message */
  gint references;
  bool unterminated; /* does not end with CRLF */
  size_t size;
  char *data;
};

struct message {
  uint32_t uid;
  ptn_flag_bits flags;
  uint64_t modseq;
  int64_t internal_date, save_date; /* seconds since 1970 */
  struct body *body;                /* one reference */
  GTree *annotations;               /* name to GBytes; NULL: none */
};

struct view { /* counted; immutable */
  struct ptn_view table;
  gint references;
  char **keywords;
};

struct mailbox {
  struct ptn_id id;
  char *path; /* canonical: INBOX in capitals */
  bool noselect, subscribed;
  uint32_t uidvalidity, uidnext;
  uint64_t modseq;     /* of the latest change */
  uint64_t touched;    /* the number of the latest change that raised modseq */
  GPtrArray *messages; /* struct message, ascending UID */
  GPtrArray *keywords; /* char *; index 0 is bit 16 */
  GTree *annotations;  /* name to GBytes; NULL: none */
  struct view *view;   /* the view as of now, one reference; NULL: to be made */
};

struct owner { /* all of one account, made by its first change; "" holds the public mailboxes */
  char *name;
  GPtrArray *mailboxes; /* struct mailbox, in octet order of path */
  GTree *annotations;
  uint64_t storage_limit, messages_limit; /* UINT64_MAX: none */
  GHashTable *tokens;                     /* struct ptn_id to struct outcomes: changes done */
  GQueue token_order;                     /* keys of tokens, oldest first */
};

struct memory { /* the instance */
  const struct ptn_host *host;
  pthread_mutex_t lock; /* not GMutex: ThreadSanitizer knows this one */
  GTree *owners;        /* name to struct owner */
  uint32_t last_uidvalidity;
  uint64_t next_id, epoch; /* mailbox ids are epoch, next_id */
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

struct ptn_account { /* an open account: only a name, so that nothing can dangle */
  struct memory *store;
  char *name;
};

/* model.c: all with the lock held, but for the counted ones. */
struct body *body_new (GByteArray *taken);
struct body *body_ref (struct body *);
void body_unref (struct body *);
void view_unref (struct view *);
void message_free (struct message *);
void owner_free (struct owner *);
/* The canonical form of a path, to be freed; NULL: not a valid one. */
char *path_canonical (const char *path);
struct owner *model_owner (struct memory *, const char *name, bool make);
struct mailbox *owner_mailbox (struct owner *, const char *canonical);
/* Makes it, and the parents it lacks.  It must not exist, or be NOSELECT. */
struct mailbox *owner_make_mailbox (struct memory *, struct owner *, const char *canonical);
void owner_sort (struct owner *);
bool owner_has_children (const struct owner *, const struct mailbox *);
void owner_usage (const struct owner *, uint64_t *octets, uint64_t *messages);
/* Of the account or public; NULL: no such mailbox, or none that can be selected. */
struct mailbox *model_mailbox (struct memory *, const char *account, const struct ptn_id *,
                               struct owner **);
/* The modseq of the change being applied: raised once a change. */
uint64_t mailbox_touch (struct memory *, struct mailbox *);
struct message *mailbox_add (struct memory *, struct mailbox *, struct body *, ptn_flag_bits,
                             int64_t internal_date);
struct message *mailbox_find (const struct mailbox *, uint32_t uid); /* or NULL */
/* Index into keywords, or -1. */
int mailbox_keyword (const struct mailbox *, const char *keyword);
/* Drops bits that are no keyword of this mailbox. */
ptn_flag_bits mailbox_known_bits (const struct mailbox *, ptn_flag_bits);
void mailbox_forget_view (struct mailbox *);
struct view *mailbox_view (struct mailbox *); /* a new reference */
void mailbox_empty (struct mailbox *);        /* its messages go */

/* Is the UID in the set?  *range walks along: UIDs must be asked for in ascending order. */
bool uid_set_has (struct ptn_uid_set, size_t *range, uint32_t uid);
void uid_ranges_add (GArray *ranges, uint32_t uid);

/* A name's annotation: value NULL removes. */
void annotations_set (GTree **, const char *name, GBytes *value);
GTree *annotations_copy (GTree *);

/* wait.c: what a call keeps between PENDING and its result. */
struct operation {
  bool waited;
  GByteArray *body; /* pulled so far */
  struct ptn_mailbox mailbox;
  struct ptn_quota quota;
  char *path;
  char **strings;
};
bool wait_roll (struct memory *, unsigned percent);
void wait_arm (struct memory *, struct ptn_task *);
/* Every function with a call begins with this.  PTN_OK or PTN_PENDING. */
ptn_status wait_enter (struct memory *, struct ptn_call *);
struct operation *wait_operation (struct ptn_call *);
/* And ends with one of these: done without results, or with results in the operation. */
ptn_status wait_leave (struct ptn_call *, ptn_status);
ptn_status wait_leave_results (struct ptn_call *);
/* Pulls a source into the operation's body, to its end. */
ptn_status wait_pull (struct memory *, struct ptn_call *, struct ptn_source *);

/* mailboxes.c */
ptn_status memory_list (struct ptn_account *, struct ptn_call *, const char *,
                        struct ptn_cursor **);
ptn_status memory_next_mailbox (struct ptn_cursor *, struct ptn_call *,
                                const struct ptn_mailbox **);
ptn_status memory_status (struct ptn_account *, struct ptn_call *, struct ptn_mailbox_name,
                          const struct ptn_mailbox **);
ptn_status memory_create (struct ptn_account *, struct ptn_call *, struct ptn_mailbox_name,
                          uint32_t attributes);
ptn_status memory_remove (struct ptn_account *, struct ptn_call *, struct ptn_mailbox_name);
ptn_status memory_rename (struct ptn_account *, struct ptn_call *, struct ptn_mailbox_name,
                          struct ptn_mailbox_name);
ptn_status memory_subscribe (struct ptn_account *, struct ptn_call *, struct ptn_mailbox_name, int);

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
  GArray *mailboxes;   /* struct ptn_mailbox; each owns its path */
  GArray *messages;    /* struct ptn_message */
  GArray *annotations; /* struct annotation_row */
  guint at;
};
struct annotation_row {
  struct ptn_annotation table;
  char *name;
  GBytes *value;
};
struct ptn_cursor *cursor_new (struct memory *);

#endif
