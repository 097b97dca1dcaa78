/* SPDX-License-Identifier: Apache-2.0 */
/* look.h - one look at the files of a mailbox: what was found, and how it differs from the model.
 *
 * Owned by sync.c, which has the account's lock, for as long as the look takes. */
#ifndef STORAGE_MAILDIR_LOOK_H
#define STORAGE_MAILDIR_LOOK_H

#include "maildir.h"
#include "uidlist.h"

struct file { /* one of a scan */
  const char *name;
  uint16_t base;
  bool in_new, known; /* known: a message has it */
};

struct look {
  struct mailbox *mailbox;
  struct ptn_task *task;
  bool locked, needs_lock;
  bool first; /* nothing was known of this mailbox */
  struct uidlist *list;
  GStringChunk *names;
  GHashTable *files; /* by name as far as ':', struct file */
  GArray *flagged;   /* struct flagging */
  GArray *gone;      /* uint32_t */
  GPtrArray *added;  /* struct message */
  uint32_t uidnext;
  unsigned skipped;
};
struct flagging {
  uint32_t uid;
  ptn_flag_bits flags;
};

/* sync.c.  Of two names: are they the same as far as ':'? */
gboolean same_base (gconstpointer, gconstpointer);
/* The list's line of a UID, or NULL; the list may be NULL. */
const struct uidlist_line *line_of (const struct uidlist *, uint32_t uid);

/* compare.c: messages that are known.  True: the files of some are missing. */
bool compare_messages (struct look *);
/* Keywords that came to be known give letters a meaning that they had not at the last look. */
void compare_letters (struct look *);
/* What a file's name says, and of `before` what it has no letters for. */
ptn_flag_bits flags_of_file (const struct mailbox *, const struct file *, ptn_flag_bits before);

/* meet.c: files that belong to no message yet.  Those that the list names get its UIDs. */
void meet_listed (struct look *);
/* Files that no list names, in the order in which they came; not without the lock. */
void meet_unlisted (struct look *);
/* Ghosts that a whole scan did not show are gone. */
void forget_ghosts (struct look *);

#endif
