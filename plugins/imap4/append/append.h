/* SPDX-License-Identifier: Apache-2.0 */
/* append.h - APPEND (RFC 9051 section 6.3.12), MULTIAPPEND (RFC 3502), CATENATE (RFC 4469) and
 * REPLACE (RFC 8508), as the files of this folder share them.
 *
 * All messages of a command are steps of one change of the store, so that they arrive together or
 * not at all.  A literal goes from the connection into the store as it comes; before the client is
 * asked for it, everything has been looked at that can be: mailbox, rights, flags, size, quota.
 *
 * struct append is the session's `work` while the command runs; everything in its task. */
#ifndef IMAP4_APPEND_APPEND_H
#define IMAP4_APPEND_APPEND_H

#include "annotation/annotation.h"
#include "append/intake.h"
#include "session.h"

#define APPEND_KEYWORDS_MAX 48 /* as many as a mailbox can have */
#define APPEND_LITERALS_MAX 64 /* among the options of a message, which are read again for each */
#define APPEND_KEPT_MAX (4u << 20) /* octets of all options and URLs of one command */
#define APPEND_MESSAGES_MAX 100000 /* of one command: the change that they are stays bounded */

enum append_kind { APPEND_LITERAL, APPEND_UTF8, APPEND_CATENATE };

struct append_annotation { /* RFC 5257 section 4.7 */
  struct annotation_setting setting;
  uint32_t message; /* which of the command's, from 0 */
};

struct parts; /* parts.h */

struct append {
  const char *mailbox; /* the client's name */
  struct ptn_mailbox_name target;
  struct gather *listing; /* where the mailbox cannot be read */
  struct ptn_id id;
  uint32_t rights;
  bool own;        /* of the session's user: the quota is known */
  uint64_t free;   /* octets that may still be added */
  uint64_t slots;  /* messages that may */
  uint32_t victim; /* REPLACE: the UID; 0: none */
  bool replace;
  struct ptn_fetch fetch;
  struct ptn_cursor *victims; /* while its size is asked for */
  struct ptn_change *change;
  uint32_t messages;             /* steps that are done */
  struct ptn_change *annotating; /* behind it: ANNOTATION */
  guint annotated;
  GArray *uids;               /* struct ptn_uid_range: of the messages, for the annotations */
  struct ptn_uid_range range; /* also the message that REPLACE takes away */

  /* The message in progress. */
  size_t retry_at; /* where its options begin in the text */
  size_t taken_at; /* where retry_at was for the last literal that was taken so */
  unsigned taken;  /* how many were taken for that place */
  bool taking;     /* a literal in the middle of the arguments is on its way */
  enum append_kind kind;
  GPtrArray *keywords; /* const char *, of the reader */
  guint keyword_at;
  GArray *annotations; /* struct append_annotation, of all messages */
  bool annotations_too_big;
  uint64_t size;
  struct ptn_append message;
  struct intake intake;
  struct parts *parts; /* CATENATE, while it is collected and read */
};

static inline struct append *
append_of (const struct session *s) {
  return s->work;
}

/* --- append.c --- */
/* The command failed: answers, and throws away what is still to come of it. */
ptn_status append_fail (struct session *, ptn_status, const char *otherwise);
ptn_status append_refuse (struct session *, const char *code, const char *text);
ptn_status append_bad (struct session *, const char *text);
/* The reader failed.  True: only because it met the literal that is being announced; it was put
 * back to where it was, and resume has to come back to the same function after *status. */
bool append_retry (struct session *, size_t at, ptn_status *status);
/* The octets of the message in progress are those of this source, which is taken over. */
ptn_status append_store (struct session *, struct ptn_source *, uint64_t size, bool binary);
/* May a message of this size come?  False: it was refused. */
/* Behind a message: the next one, or the end. */
ptn_status append_next (struct session *);
bool append_fits (struct session *, uint64_t size);

/* --- target.c: mailbox, rights, quota.  Goes on with append_options. --- */
ptn_status append_target (struct session *);

/* --- options.c: flags, date, annotations up to the literal; then the keywords --- */
ptn_status append_options (struct session *);

/* --- finish.c: commit and answer --- */
ptn_status append_commit (struct session *);

#endif
