/* SPDX-License-Identifier: Apache-2.0 */
/* maildir.h - the model: what is known in memory of accounts, mailboxes and messages.
 *
 * Files and folders say which messages there are; the sidecar (log.h, index.c) says what Maildir
 * has no place for.  A change is one record: encoded, synced to the account's log, and only then
 * taken into the model and into files (apply.c, settle.c).  What the files say differently than
 * the model was done by another program, and is taken over as a change of its own (sync.c).
 *
 * Everything below struct owner is touched with owner->lock held, also over disk waits: accounts
 * do not wait for each other.  store->lock guards only the table of owners and is never held
 * over a wait.  Views are counted and immutable. */
#ifndef STORAGE_MAILDIR_H
#define STORAGE_MAILDIR_H

#include "files.h"
#include "octets.h"

#include <postern/postern.h>

#include <glib.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#define KEYWORDS_MAX 48
#define ANNOTATION_MAX (64 * 1024)
#define TOKEN_SECONDS (25 * 3600) /* how long a change is remembered by its token */

struct message {
  uint32_t uid;
  uint16_t base;         /* octets of `name` before ":2," */
  unsigned in_new : 1;   /* in new/, else in cur/ */
  unsigned unplaced : 1; /* still in tmp/ */
  unsigned ending : 2;   /* ENDING_* */
  unsigned exact : 1;    /* the file's octets are the message's, as they are */
  ptn_flag_bits flags;
  uint64_t modseq;
  int64_t internal_date, save_date;
  uint64_t file_size, size; /* size: RFC822.SIZE */
  struct ptn_id email_id;
  char *name;   /* of its file */
  GTree *notes; /* annotations: key (note_key) to GBytes; NULL: none */
};
enum { ENDING_UNKNOWN, ENDING_CRLF, ENDING_OTHER };

struct view {
  struct ptn_view table;
  atomic_uint references;
  char **keywords;
};

struct vanished {
  uint64_t modseq;
  uint32_t uid;
};

struct mailbox {
  struct owner *owner;
  char *path, *folder; /* folder: ".A.B", "" is INBOX */
  char *directory;     /* of cur, new and tmp */
  struct ptn_id id;
  bool loaded;
  uint32_t uidvalidity, uidnext, recent; /* recent: the first UID nobody claimed */
  uint32_t uses;                         /* PTN_MAILBOX_ALL ... */
  uint64_t modseq, floor;                /* floor: what vanished until then is not known */
  GArray *vanished;                      /* struct vanished, ascending modseq */
  GPtrArray *messages;                   /* struct message, ascending uid */
  GPtrArray *keywords;                   /* char *; index 0 is bit 16 */
  GTree *notes;
  struct view *view; /* as of now; NULL: to be made */
  uint64_t lsn;      /* what postern-index has taken in */
  bool dirty;        /* differs from postern-index */

  struct stamp cur, new, list, words; /* as of the last look */
  int64_t looked;                     /* when, monotonic ns */
  int64_t look_cost;                  /* ns that it took */
  bool unsettled;                     /* look again, though the stamps are the same */
  GHashTable *ghosts;                 /* bases of expunged files that may still be there */
  GArray *todo;                       /* UIDs of messages whose files are not as they should */
  GArray *unlisted;                   /* UIDs that are not in the uidlist */
  bool words_changed;                 /* dovecot-keywords is to be written */
  bool list_changed;                  /* dovecot-uidlist is to be rewritten */
  bool cleaned;                       /* tmp/ was looked at */

  bool counted; /* the four below are right */
  uint32_t unseen, deleted;
  uint64_t octets;
};

struct owner {
  struct store *store;
  char *name;
  unsigned references;  /* of accounts and calls; store->lock */
  int64_t idle_since;   /* monotonic ns; store->lock */
  pthread_mutex_t lock; /* everything below */
  char *directory;      /* the Maildir */
  bool loaded, present; /* present: there is a Maildir */
  bool failed;          /* what is on disk is another: to be loaded anew */
  bool broken;          /* a sync failed: nothing is written until then */
  int log;              /* descriptor of postern-log, locked; -1 */
  uint64_t log_size, lsn;
  uint64_t account_lsn; /* what postern-account has taken in */
  bool dirty;           /* differs from postern-account */
  GPtrArray *mailboxes; /* struct mailbox, in octet order of path */
  struct stamp root, subscribed_stamp;
  GHashTable *subscribed; /* paths */
  GHashTable *complained; /* folders that a log event named */
  GTree *notes;
  uint64_t storage_limit, messages_limit;
  uint32_t last_uidvalidity;
  GHashTable *tokens; /* struct ptn_id to struct token */
  GArray *changed;    /* of a record being taken in: struct changed */
};

struct token {
  int64_t time; /* seconds since 1970 */
  GBytes *outcomes;
};

struct changed { /* what a record did, for the events */
  struct ptn_id mailbox;
  uint32_t kinds;
  uint64_t modseq;
};

struct store {
  const struct ptn_host *host;
  const struct ptn_config *config;
  char *template, *domain, *host_name, *spool;
  int64_t lock_timeout; /* ms */
  unsigned cached, tombstones;
  bool sync;
  atomic_uint last_uidvalidity;
  pthread_mutex_t lock;
  pthread_cond_t wake;
  GHashTable *owners; /* name to struct owner */
  GThread *keeper;
  bool stopping;
  struct ptn_metric *commits, *looks, *foreign;
};

struct ptn_account {
  struct store *store;
  struct owner *owner; /* one reference */
  char *authzid;
  bool reads; /* and changes nothing: PTN_ACCESS_READ */
};

/* What the rows of a mailbox say: no others are kept in a Maildir. */
static inline const char *
account_rights (const struct ptn_account *account) {
  return account->reads ? "lr" : "lrswipkxtea";
}

/* place.c: where the Maildir of an account is. */
char *place_of (const struct store *, const char *account); /* NULL: no such name */
bool place_valid (const char *template, const char **why);
GPtrArray *place_list (const struct store *); /* names of all accounts there are, unordered */

/* trouble.c */
ptn_status trouble (const struct store *, struct ptn_task *, ptn_status, const char *format, ...)
    PTN_PRINTF (4, 5); /* to the task, or to the log when it is NULL */
/* The status that errno means, told with the path. */
ptn_status trouble_errno (const struct store *, struct ptn_task *, const char *what,
                          const char *path);
void complain (const struct store *, ptn_level, const char *event, const char *account,
               const char *path, const char *error);

/* owner.c */
struct owner *owner_get (struct store *, const char *name); /* NULL: PTN_E_INVALID */
void owner_put (struct owner *);
/* Locks it, with what is on disk loaded.  Not locked if it fails.  The task may wait. */
ptn_status owner_enter (struct owner *, struct ptn_task *);
void owner_leave (struct owner *, struct ptn_task *);
/* With the lock: the Maildir and the log are there from now on. */
ptn_status owner_make (struct owner *, struct ptn_task *);
void owner_unload (struct owner *); /* checkpoint if it can, and forget */
void owners_trim (struct store *, int64_t idle_ns);
void owner_free (struct owner *);

/* boxes.c: the mailboxes of an owner, lock held. */
ptn_status boxes_look (struct owner *, struct ptn_task *); /* at the folders, if they changed */
struct mailbox *box_by_path (const struct owner *, const char *path);
struct mailbox *box_by_id (struct owner *, const struct ptn_id *);
bool box_has_children (const struct owner *, const char *path);
ptn_status box_make (struct owner *, struct ptn_task *, const char *path, uint32_t uses,
                     struct mailbox **); /* with the parents it lacks */
ptn_status box_remove (struct owner *, struct ptn_task *, struct mailbox *);
ptn_status boxes_rename (struct owner *, struct ptn_task *, const char *from, const char *to);
/* What a RENAME entry asks for, as far as it is not done. */
bool box_rename_folder (struct owner *, const struct ptn_id *, const char *from, const char *to);
ptn_status subscriptions_look (struct owner *, struct ptn_task *);
ptn_status subscriptions_set (struct owner *, struct ptn_task *, const char *path, bool on);
ptn_status subscriptions_rename (struct owner *, struct ptn_task *, const char *from,
                                 const char *to, bool renamed);
uint32_t next_uidvalidity (struct owner *);

/* mailbox.c: pure model. */
struct mailbox *mailbox_new (struct owner *, const char *path, const char *folder);
void mailbox_free (struct mailbox *);
void mailbox_forget (struct mailbox *); /* its messages; to be loaded again */
void message_free (struct message *);
struct message *mailbox_find (const struct mailbox *, uint32_t uid);
guint mailbox_lower_bound (const struct mailbox *, uint32_t uid);  /* index of the first >= uid */
int mailbox_keyword (const struct mailbox *, const char *keyword); /* index, or -1 */
ptn_flag_bits mailbox_known_bits (const struct mailbox *, ptn_flag_bits);
unsigned mailbox_letters (const struct mailbox *); /* keywords that have a letter */
struct view *mailbox_view (struct mailbox *);      /* a new reference */
void view_unref (struct view *);
void mailbox_touched (struct mailbox *); /* view and counts are to be made again */
void mailbox_count (struct mailbox *);
char *mailbox_file (const struct mailbox *, const char *sub, const char *name); /* a path */
char *message_file (const struct mailbox *, const struct message *);
struct ptn_id email_id_of (const char *name, size_t base);
struct ptn_id id_new (void);
bool id_same (const struct ptn_id *, const struct ptn_id *);
guint id_hash (gconstpointer);
gboolean id_equal (gconstpointer, gconstpointer);
/* Annotations: "/private/" ones have the authzid behind the name in their key. */
char *note_key (const char *name, const char *authzid);
void notes_set (GTree **, const char *key, GBytes *value); /* NULL removes */
/* Without the private ones of others than authzid (NULL: with all). */
GTree *notes_copy (GTree *, const char *authzid);
void notes_put (GByteArray *, GTree *);
GTree *notes_get (struct octets *); /* NULL: none */

/* entry.c: what a record is made of, and its taking in (apply.c). */
enum entry_kind {
  ENTRY_BOX = 1, /* the entries behind it are of this mailbox */
  ENTRY_ADD,
  ENTRY_FLAGS,
  ENTRY_EXPUNGE,
  ENTRY_KEYWORD,
  ENTRY_NOTES,    /* all annotations of a message */
  ENTRY_BOX_NOTE, /* one of the mailbox */
  ENTRY_ACCOUNT_NOTE,
  ENTRY_RECENT,
  ENTRY_USES,
  ENTRY_QUOTA,
  ENTRY_TOKEN,
  ENTRY_RENAME, /* folders */
  ENTRY_FLOOR   /* uidvalidities that were given out */
};
void entry_box (GByteArray *, const struct mailbox *, uint64_t modseq, uint32_t uidnext);
void entry_message (GByteArray *, const struct message *); /* without its notes */
void entry_add (GByteArray *, const struct message *);
void entry_flags (GByteArray *, uint32_t uid, ptn_flag_bits);
void entry_expunge (GByteArray *, struct ptn_uid_set);
void entry_notes (GByteArray *, uint32_t uid, GTree *);
void entry_note (GByteArray *, enum entry_kind, const char *key, GBytes *value);
void entry_keyword (GByteArray *, uint32_t index, const char *word);
void entry_number (GByteArray *, enum entry_kind, uint32_t); /* RECENT, USES, FLOOR */
void entry_rename (GByteArray *, const struct ptn_id *, const char *from, const char *to);
void entry_quota (GByteArray *, uint64_t storage, uint64_t messages);
void entry_token (GByteArray *, const struct ptn_id *, int64_t time, const GByteArray *outcomes);
struct message *message_get (struct octets *); /* what entry_message wrote; NULL: bad */
/* A whole record.  `replay`: at the start; entries that an index has already are passed over. */
bool record_apply (struct owner *, uint64_t lsn, const void *data, size_t size, bool replay);

/* log.c: postern-log.  Lock held. */
ptn_status log_open (struct owner *, struct ptn_task *, bool make); /* and replays it */
void log_close (struct owner *);
/* Durable, then taken into the model.  Files are settled by the caller. */
ptn_status log_commit (struct owner *, struct ptn_task *, GByteArray *entries);
bool log_due (const struct owner *);
ptn_status checkpoint (struct owner *, struct ptn_task *); /* everything into files; empty log */

/* index.c: postern-index of a mailbox, postern-account of an account.  Lock held. */
void index_load (struct mailbox *); /* what it has of a mailbox, else defaults */
bool index_save (struct mailbox *);
void account_load (struct owner *);
bool account_save (struct owner *);

/* sync.c, compare.c, meet.c: the model follows the files.  Lock held. */
ptn_status mailbox_look (struct mailbox *, struct ptn_task *); /* if they changed */
ptn_status mailbox_look_now (struct mailbox *, struct ptn_task *);
/* The same with the uidlist locked, until mailbox_unlock. */
ptn_status mailbox_lock (struct mailbox *, struct ptn_task *);
void mailbox_unlock (struct mailbox *);

/* settle.c: the files follow the model.  What cannot be done is tried again later. */
void mailbox_settle (struct mailbox *, bool locked);
bool mailbox_write_list (struct mailbox *); /* the whole uidlist; locked */
void stamps_take (struct mailbox *);        /* after changes of our own */

/* spool.c: the octets of a mail on its way in. */
struct spool {
  struct store *store;
  GByteArray *memory;
  int fd; /* -1: all is in memory */
  uint64_t size, bare_lf;
  char last[2];
};
struct spool *spool_new (struct store *);
void spool_free (struct spool *);
ptn_status spool_pull (struct spool *, struct ptn_task *, struct ptn_source *);
/* As a new file in tmp/ of the mailbox, synced; its message (uid 0) and name, or an error.
 * `link`: a file that has the same octets, or NULL. */
ptn_status spool_store (struct spool *, struct ptn_task *, struct mailbox *, int64_t internal_date,
                        const char *link, struct message **);

/* call.c: what a call keeps. */
struct operation {
  struct spool *spool;
  struct ptn_mailbox mailbox;
  struct ptn_quota quota;
  char *path;
  char **strings;
  GArray *ranges;
};
struct operation *call_operation (struct ptn_call *);
ptn_status call_pending (struct ptn_call *);
ptn_status call_done (struct ptn_call *, ptn_status); /* without results */
ptn_status call_results (struct ptn_call *);          /* they live until call_end */
void publish (struct owner *, struct ptn_task *, const struct ptn_id *, uint32_t kinds,
              uint64_t modseq);
void publish_changed (struct owner *, struct ptn_task *); /* owner->changed */

/* The functions of the table. */
ptn_status maildir_open (void *, struct ptn_call *, const struct ptn_identity *,
                         struct ptn_account **);
void maildir_close (struct ptn_account *);
void maildir_close_cursor (struct ptn_cursor *);
ptn_status maildir_list (struct ptn_account *, struct ptn_call *, const char *,
                         struct ptn_cursor **);
ptn_status maildir_next_mailbox (struct ptn_cursor *, struct ptn_call *,
                                 const struct ptn_mailbox **);
ptn_status maildir_status (struct ptn_account *, struct ptn_call *, struct ptn_mailbox_name,
                           const struct ptn_mailbox **);
ptn_status maildir_create (struct ptn_account *, struct ptn_call *, struct ptn_mailbox_name,
                           uint32_t);
ptn_status maildir_remove (struct ptn_account *, struct ptn_call *, struct ptn_mailbox_name);
ptn_status maildir_rename (struct ptn_account *, struct ptn_call *, struct ptn_mailbox_name,
                           struct ptn_mailbox_name);
ptn_status maildir_subscribe (struct ptn_account *, struct ptn_call *, struct ptn_mailbox_name,
                              int);
ptn_status maildir_set_attributes (struct ptn_account *, struct ptn_call *, const struct ptn_id *,
                                   uint32_t);
ptn_status maildir_view (struct ptn_account *, struct ptn_call *, const struct ptn_id *,
                         const struct ptn_view **);
void maildir_release_view (const struct ptn_view *);
ptn_status maildir_keyword (struct ptn_account *, struct ptn_call *, const struct ptn_id *,
                            const char *, int, uint32_t *);
ptn_status maildir_fetch (struct ptn_account *, struct ptn_call *, const struct ptn_id *,
                          const struct ptn_fetch *, struct ptn_cursor **);
ptn_status maildir_next_messages (struct ptn_cursor *, struct ptn_call *,
                                  const struct ptn_message **, size_t, size_t *);
ptn_status maildir_read (struct ptn_account *, struct ptn_call *, const struct ptn_id *, uint32_t,
                         uint64_t, uint64_t, struct ptn_source **);
ptn_status maildir_annotations (struct ptn_account *, struct ptn_call *, const struct ptn_id *,
                                struct ptn_uid_set, int, const char *, struct ptn_cursor **);
ptn_status maildir_next_annotation (struct ptn_cursor *, struct ptn_call *,
                                    const struct ptn_annotation **);
ptn_status maildir_vanished (struct ptn_account *, struct ptn_call *, const struct ptn_id *,
                             uint64_t, const struct ptn_uid_set *, struct ptn_uid_set *);
ptn_status maildir_claim_recent (struct ptn_account *, struct ptn_call *, const struct ptn_id *,
                                 uint32_t *);
ptn_status maildir_begin (struct ptn_account *, struct ptn_call *, const struct ptn_id *,
                          struct ptn_change **);
ptn_status maildir_append (struct ptn_change *, struct ptn_call *, const struct ptn_id *,
                           const struct ptn_append *);
ptn_status maildir_copy (struct ptn_change *, struct ptn_call *, const struct ptn_id *,
                         struct ptn_uid_set, const struct ptn_id *, int);
ptn_status maildir_set_flags (struct ptn_change *, struct ptn_call *, const struct ptn_id *,
                              struct ptn_uid_set, ptn_flag_mode, ptn_flag_bits, uint64_t);
ptn_status maildir_expunge (struct ptn_change *, struct ptn_call *, const struct ptn_id *,
                            struct ptn_uid_set, int);
ptn_status maildir_annotate (struct ptn_change *, struct ptn_call *, const struct ptn_id *,
                             struct ptn_uid_set, const char *, struct ptn_bytes);
ptn_status maildir_commit (struct ptn_change *, struct ptn_call *);
ptn_status maildir_outcome (struct ptn_change *, uint32_t, const struct ptn_outcome **);
void maildir_end (struct ptn_change *);
ptn_status maildir_deliver (void *, struct ptn_call *, const struct ptn_append *,
                            const struct ptn_target *, size_t, struct ptn_delivered *);
ptn_status maildir_list_accounts (void *, struct ptn_call *, const char *, struct ptn_strings *);
ptn_status maildir_remove_account (void *, struct ptn_call *, const char *);
ptn_status maildir_quota (struct ptn_account *, struct ptn_call *, const struct ptn_quota **);
ptn_status maildir_set_quota (struct ptn_account *, struct ptn_call *, const struct ptn_quota *);

/* plugin.c, accounts.c */
bool store_keep_uidvalidity (const struct store *);
ptn_status owner_usage (struct owner *, struct ptn_task *, uint64_t *octets, uint64_t *messages);

#endif
